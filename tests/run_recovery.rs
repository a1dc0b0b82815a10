//! SIGKILL in the midst of calls, and another start: who is there goes on, in his place and with his time; what could
//! not go on is told as interrupted; every call has one record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::journal::{Recovered, replay};
use holdfast::phone::{Call, Dial, Ended, Phone, PhoneSettings, Side, Sound};
use phones::{until, within};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use support::engine::Holdfast;
use support::eventually;

const RULES: &str = r#"
skills = ["english"]
pause_reasons = ["break", "lunch"]
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
requires = "english"
wrap_up = "0s"
ring_timeout = "60s"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
title = "Anna"
password = "anna's own"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
[[agent]]
name = "ben"
title = "Ben"
password = "ben's own"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
"#;

/// Starts it with sounds that are read in no time, so that it is the calls that are waited for. The second is what they
/// lie in.
async fn started() -> (Holdfast, tempfile::TempDir) {
    blocking(|| {
        let sounds = tempfile::tempdir().unwrap();
        support::audio::Recording::write_tone(&sounds.path().join("morning-harbour.wav"), 600.0, 3, 8000);
        let root = env!("CARGO_MANIFEST_DIR");
        let here = sounds.path().display().to_string();
        let change = |config: String| {
            let config = config.replace(&format!("{root}/hold-music"), &here);
            config.replace(&format!("{root}/prompts"), &here)
        };
        (Holdfast::start_changed(RULES, change), sounds)
    })
    .await
}

/// Re-INVITE and its answer, after the start.
const RESUMED_WITHIN: Duration = Duration::from_secs(5);

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn phone(engine: &Holdfast, account: &str) -> Phone {
    Phone::bind(PhoneSettings::new(engine.sip, account, &format!("{account}'s own"))).await.unwrap()
}

async fn dial(trunk: &Phone, number: &str) -> Call {
    let dial =
        Dial { target: "4001".into(), number: Some(number.into()), display: None, sound: Sound::Tone(440.0) };
    let call = trunk.dial(dial).await.unwrap();
    within(call.answered()).await.unwrap();
    call
}

/// Kills it, and starts it again on its ports.
async fn killed_and_started(mut engine: Holdfast) -> Holdfast {
    blocking(move || {
        engine.kill();
        engine.start_again();
        engine
    })
    .await
}

/// What the process would find if it were killed now; `None` while nothing whole is there.
fn journal(engine: &Holdfast) -> Option<Recovered> {
    replay(&std::fs::read(engine.store().with_extension("journal")).ok()?).ok()?
}

/// Waits until it is written down that these calls stand: what was answered this moment may not be yet.
async fn are_written_down(engine: &Holdfast, calls: &[&Call]) {
    until("the journal has the calls", || {
        let Some(found) = journal(engine) else { return false };
        let stands = |call: &&Call| found.sip.legs.iter().any(|leg| leg.dialog.call_id == call.sip_call_id());
        calls.iter().all(stands)
    })
    .await;
}

async fn hears_anything_anew(call: &Call) {
    call.forget_sound();
    until("there is sound again", || call.heard().packets > 20 && call.heard().loudness() > 50.0).await;
}

/// The records, once there are so many; by number of the caller.
fn records(engine: &Holdfast, count: usize) -> BTreeMap<String, Value> {
    let records = eventually("every call has its record", Duration::from_secs(20), || {
        let records = engine.api("/v1/records");
        records.as_array().filter(|records| records.len() >= count).cloned()
    });
    assert_eq!(records.len(), count, "{records:#?}");
    records.into_iter().map(|it| (it["caller_number"].as_str().unwrap().to_owned(), it)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_in_line_and_in_conversation_go_on_after_sigkill_in_their_order() {
    let (engine, _sounds) = started().await;
    let (trunk, anna) = (phone(&engine, "trunk").await, phone(&engine, "anna").await);
    within(anna.register()).await.unwrap();
    let talking = dial(&trunk, "+491").await;
    let agent = within(anna.incoming()).await.unwrap().answer();
    within(agent.answered()).await.unwrap();
    agent.say(Sound::Tone(1_000.0));
    until("the caller hears the agent", || talking.heard().tone_share(1_000.0) > 0.9).await;
    let mut waiting = Vec::new();
    for number in ["+492", "+493", "+494"] {
        waiting.push(dial(&trunk, number).await);
    }
    are_written_down(&engine, &[&talking, &agent, &waiting[0], &waiting[1], &waiting[2]]).await;
    let engine = killed_and_started(engine).await;
    let started = Instant::now();
    talking.forget_sound();
    for caller in &waiting {
        hears_anything_anew(caller).await;
    }
    until("the two hear each other again", || talking.heard().tone_share(1_000.0) > 0.9).await;
    agent.forget_sound();
    until("both ways", || agent.heard().tone_share(440.0) > 0.9).await;
    assert!(started.elapsed() < RESUMED_WITHIN, "{:?}", started.elapsed());
    let calls = blocking({
        let http = engine.http;
        move || calls_of(http)
    })
    .await;
    assert_eq!(calls.len(), 4, "{calls:#?}");

    // Somebody who comes now comes behind them.
    let late = dial(&trunk, "+495").await;
    agent.hang_up();
    within(talking.ended()).await;
    for (expected, caller) in
        [("+492", &waiting[0]), ("+493", &waiting[1]), ("+494", &waiting[2]), ("+495", &late)]
    {
        let incoming = within(anna.incoming()).await.unwrap();
        assert_eq!(incoming.number(), expected);
        let answering = incoming.answer();
        within(answering.answered()).await.unwrap();
        caller.hang_up();
        within(answering.ended()).await;
    }
    let records = blocking(move || (records(&engine, 5), engine)).await.0;
    for number in ["+491", "+492", "+493", "+494"] {
        assert_eq!(records[number]["restart"], "resumed", "{number}");
        assert_eq!(records[number]["outcome"], "answered");
    }
    assert_eq!(records["+495"]["restart"], Value::Null);
    // Waited since before the kill.
    let wait = |number: &str| records[number]["wait_ms"].as_u64().unwrap();
    assert!(wait("+492") > wait("+495") && wait("+494") > wait("+495"));
    assert!(records["+491"]["talk_ms"].as_u64().unwrap() > 0);
}

fn calls_of(http: std::net::SocketAddr) -> Vec<Value> {
    let mut response = ureq::get(format!("http://{http}/v1/calls"))
        .header("Authorization", &format!("Bearer {}", support::engine::TOKEN))
        .call()
        .unwrap();
    response.body_mut().read_json::<Value>().unwrap().as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phone_that_rang_stops_and_is_rung_anew_and_whoever_hung_up_meanwhile_is_gone() {
    let (mut engine, _sounds) = started().await;
    let (trunk, anna) = (phone(&engine, "trunk").await, phone(&engine, "anna").await);
    within(anna.register()).await.unwrap();
    let first = dial(&trunk, "+491").await;
    let ringing = within(anna.incoming()).await.unwrap();
    ringing.ring();
    let second = dial(&trunk, "+492").await;
    are_written_down(&engine, &[&first, &second]).await;
    until("the journal has the ringing", || journal(&engine).is_some_and(|it| it.sip.forks.len() == 1)).await;
    let mut engine = blocking(move || {
        engine.kill();
        engine
    })
    .await;
    second.hang_up();
    let engine = blocking(move || {
        engine.start_again();
        engine
    })
    .await;
    within(ringing.withdrawn()).await;
    let again = within(anna.incoming()).await.unwrap();
    assert_eq!(again.number(), "+491");
    let agent = again.answer();
    within(agent.answered()).await.unwrap();
    agent.say(Sound::Tone(1_000.0));
    hears_anything_anew(&first).await;
    first.hang_up();
    assert_eq!(within(agent.ended()).await, Ended { by: Side::There, status: None });
    let records = blocking(move || (records(&engine, 2), engine)).await.0;
    assert_eq!(records["+491"]["outcome"], "answered");
    assert_ne!(records["+492"]["outcome"], "answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_are_what_they_were_since_when_they_were() {
    let (engine, _sounds) = started().await;
    let (anna, ben) = (phone(&engine, "anna").await, phone(&engine, "ben").await);
    within(anna.register()).await.unwrap();
    within(ben.register()).await.unwrap();
    let for_a_while = |agents: &Value| {
        let mut agents = agents.as_array().unwrap().iter();
        agents.all(|agent| agent["state_for_ms"].as_u64() > Some(1_500))
    };
    let engine = blocking(move || {
        engine.post("/v1/agents/anna/pause", serde_json::json!({ "reason": "lunch" }));
        eventually("they have been what they are for a while", Duration::from_secs(20), || {
            for_a_while(&engine.api("/v1/agents")).then_some(())
        });
        engine
    })
    .await;
    until("the journal has both phones", || {
        journal(&engine)
            .is_some_and(|it| it.sip.contacts.iter().filter(|it| !it.contacts.is_empty()).count() == 2)
    })
    .await;
    let engine = killed_and_started(engine).await;
    let agents = blocking(move || (engine.api("/v1/agents"), engine)).await.0;
    assert!(for_a_while(&agents), "{agents:#?}");
    let agent = |name: &str| agents.as_array().unwrap().iter().find(|it| it["name"] == name).unwrap().clone();
    assert_eq!(
        (&agent("anna")["state"], &agent("anna")["reason"]),
        (&"paused".into(), &"lunch".into()),
        "{agents:#?}"
    );
    assert_eq!(agent("ben")["state"], "ready", "his phone is known, though it has not registered since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caller_who_is_gone_without_a_word_is_recorded_as_interrupted_and_his_agent_is_free() {
    let (engine, _sounds) = started().await;
    let anna = phone(&engine, "anna").await;
    within(anna.register()).await.unwrap();
    let trunk = phone(&engine, "trunk").await;
    let talking = dial(&trunk, "+491").await;
    let agent = within(anna.incoming()).await.unwrap().answer();
    within(agent.answered()).await.unwrap();
    let waiting = dial(&trunk, "+492").await;
    are_written_down(&engine, &[&talking, &agent, &waiting]).await;
    // The whole phone is gone: nobody answers there any more.
    let engine = blocking(move || {
        let mut engine = engine;
        engine.kill();
        engine
    })
    .await;
    drop((talking, waiting));
    drop(trunk);
    let engine = blocking(move || {
        let mut engine = engine;
        engine.start_again();
        engine
    })
    .await;
    assert_eq!(within(agent.ended()).await, Ended { by: Side::There, status: None });
    let records = blocking(move || (records(&engine, 2), engine)).await.0;
    for number in ["+491", "+492"] {
        assert_eq!(records[number]["restart"], "interrupted", "{number}: {records:#?}");
    }
    assert_eq!(records["+492"]["outcome"], "error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn journal_of_another_version_is_told_and_costs_nothing_but_what_was_in_it() {
    let (mut engine, _sounds) = started().await;
    let journal = engine.store().with_extension("journal");
    assert!(journal.exists());
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&journal).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it tells who talks to whom");
    blocking(move || {
        engine.kill();
        std::fs::write(&journal, b"holdfast journal 0, version 0.0.1\nsomething").unwrap();
        engine.start_again();
        assert!(engine.log().contains("another version"), "{}", engine.log());
        engine.kill();
        std::fs::write(&journal, b"").unwrap();
        engine.start_again();
    })
    .await;
}

/// Callers come and go while the process is killed again and again. Every caller who was answered has one record, save
/// those who were answered in the last moment before a kill; and nobody has two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_under_load_no_record_is_lost_or_doubled() {
    let kills: u32 = std::env::var("HOLDFAST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let (mut engine, _sounds) = started().await;
    let (trunk, anna) = (phone(&engine, "trunk").await, phone(&engine, "anna").await);
    within(anna.register()).await.unwrap();
    let trunk = std::sync::Arc::new(trunk);
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let answered = std::sync::Arc::new(std::sync::Mutex::new(BTreeMap::<String, Instant>::new()));
    let agent = tokio::spawn(async move {
        while let Some(incoming) = anna.incoming().await {
            let call = incoming.answer();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(150)).await;
                call.hang_up();
                call.ended().await;
            });
        }
    });
    let callers = tokio::spawn({
        let (trunk, stop, answered) = (trunk.clone(), stop.clone(), answered.clone());
        async move {
            let mut going = Vec::new();
            for number in 0_u32.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                let (trunk, answered) = (trunk.clone(), answered.clone());
                going.push(tokio::spawn(async move {
                    let Ok(call) = trunk.call("4001").await else { return };
                    if call.answered().await.is_ok() {
                        answered.lock().unwrap().insert(call.sip_call_id().to_owned(), Instant::now());
                        // Some give up, some stay until they were served.
                        if number % 3 == 0 {
                            tokio::time::sleep(Duration::from_millis(u64::from(number * 37 % 900))).await;
                            call.hang_up();
                        }
                        call.ended().await;
                    }
                }));
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            for one in going {
                let _ = tokio::time::timeout(Duration::from_secs(60), one).await;
            }
        }
    });
    let mut killed_at = Vec::new();
    for kill in 0..kills {
        let moment = 300 + u64::from(kill.wrapping_mul(7_919) % 700);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        killed_at.push(Instant::now());
        engine = killed_and_started(engine).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    within_minutes(callers).await;
    let engine = blocking(move || {
        eventually("all calls are over", Duration::from_secs(60), || {
            engine.api("/v1/calls").as_array().is_some_and(Vec::is_empty).then_some(())
        });
        engine
    })
    .await;
    agent.abort();
    let recorded: Vec<String> = blocking(move || {
        let records = eventually("the records are written", Duration::from_secs(20), || {
            (engine.metric("holdfast_store_backlog") == 0.0).then(|| engine.api("/v1/records?limit=10000"))
        });
        records.as_array().unwrap().iter().map(|it| it["sip_call_id"].as_str().unwrap().to_owned()).collect()
    })
    .await;
    let distinct: BTreeSet<&String> = recorded.iter().collect();
    assert_eq!(distinct.len(), recorded.len(), "a call has two records");
    let answered = answered.lock().unwrap();
    let just_before_a_kill = |at: &Instant| {
        killed_at
            .iter()
            .any(|kill| at <= &(*kill + Duration::from_millis(50)) && *at + Duration::from_millis(50) > *kill)
    };
    let lost: Vec<_> = answered.iter().filter(|(id, _)| !distinct.contains(id)).collect();
    eprintln!(
        "{} kills, {} answered, {} records, {} without",
        kills,
        answered.len(),
        recorded.len(),
        lost.len()
    );
    assert!(
        lost.iter().all(|(_, at)| just_before_a_kill(at)),
        "{} of {} have no record",
        lost.len(),
        answered.len()
    );
    assert!(answered.len() as u32 > kills, "there was load");
}

async fn within_minutes<T>(work: tokio::task::JoinHandle<T>) -> T {
    tokio::time::timeout(Duration::from_secs(180), work).await.expect("it ends").unwrap()
}
