//! What happens while caller and agent talk: others join, the call is taken over, recorded, or loses its agent.

use crate::phones::{until, within};
use crate::site::{AGENT, CALLER, GUEST, Site, agent, answers, hears, number, queue, rung};
use holdfast::phone::Sound;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

async fn site_with_guest() -> Site {
    Site::start(&[
        queue("sales", "wrap_up = \"20s\""),
        queue("none", ""),
        number("4001", "sales", ""),
        agent("anna", "\"sales\"", ""),
        agent("carla", "\"none\"", ""),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_listens_whispers_barges_in_and_takes_over() {
    let site = site_with_guest().await;
    let (anna, carla) = (site.agent("anna").await, site.agent("carla").await);
    let caller = site.caller("4001", "+4930111").await;
    let talking = answers(&anna).await;
    talking.say(Sound::Tone(AGENT));
    let id = site.talks("+4930111").await;
    let joins = |role: &str| (format!("/v1/calls/{id}/join"), json!({ "agent": "carla", "role": role }));

    let (path, body) = joins("listen");
    assert_eq!(site.post(&path, body).await, 200);
    let guest = rung(&carla).await.answer();
    within(guest.answered()).await.unwrap();
    guest.say(Sound::Tone(GUEST));
    until("she hears both", || hears(&guest, AGENT) && hears(&guest, CALLER)).await;
    site.agent_is("carla", "talking").await;
    assert!(!hears(&talking, GUEST) && !hears(&caller, GUEST), "nobody hears who only listens");

    let (path, body) = joins("whisper");
    assert_eq!(site.post(&path, body).await, 200);
    until("the agent hears her", || hears(&talking, GUEST) && hears(&talking, CALLER)).await;
    assert!(!hears(&caller, GUEST), "the caller does not hear a whisper");

    let (path, body) = joins("barge");
    assert_eq!(site.post(&path, body).await, 200);
    until("the caller hears both", || hears(&caller, GUEST) && hears(&caller, AGENT)).await;

    assert_eq!(site.post(&format!("/v1/calls/{id}/take-over"), json!({ "agent": "carla" })).await, 200);
    within(talking.ended()).await;
    site.agent_is("anna", "wrap_up").await;
    until("the two are alone", || hears(&caller, GUEST) && !hears(&caller, AGENT)).await;
    guest.hang_up();
    within(caller.ended()).await;
    let record = site.record("+4930111").await;
    assert_eq!(record["outcome"], "answered");
    assert!(record["audio"]["caller"]["mos_hundredths"].as_u64() > Some(300), "{record}");
    assert!(record["audio"]["agent"]["packets"].as_u64() > Some(0), "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_colleague_is_asked_while_the_caller_hears_music_and_all_three_talk_afterwards() {
    let site = site_with_guest().await;
    let (anna, carla) = (site.agent("anna").await, site.agent("carla").await);
    let caller = site.caller("4001", "+4930111").await;
    let talking = answers(&anna).await;
    talking.say(Sound::Tone(AGENT));
    let id = site.talks("+4930111").await;
    let third = json!({ "agent": "carla", "role": "third" });
    assert_eq!(site.post(&format!("/v1/calls/{id}/join"), third).await, 200);
    let guest = rung(&carla).await.answer();
    within(guest.answered()).await.unwrap();
    guest.say(Sound::Tone(GUEST));
    until("all three", || hears(&caller, GUEST) && hears(&talking, GUEST) && hears(&guest, CALLER)).await;
    assert_eq!(site.post(&format!("/v1/calls/{id}/send-out"), json!({ "agent": "carla" })).await, 200);
    within(guest.ended()).await;
    until("the two go on", || hears(&caller, AGENT) && !hears(&caller, GUEST)).await;
    site.agent_is("carla", "ready").await;
}

/// The one file of this kind beneath a folder.
fn file(folder: &Path, ending: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    entries
        .filter_map(|path| if path.is_dir() { file(&path, ending) } else { Some(path) })
        .find(|path| path.to_string_lossy().ends_with(ending))
}

/// The share of a tone in 8 kHz sound (Goertzel), and how loud the sound is.
fn share(samples: &[i16], hz: f64) -> f64 {
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / 8_000.0).cos();
    let (mut before, mut last, mut energy) = (0.0, 0.0, 1e-9);
    for &sample in samples {
        let sample = f64::from(sample);
        (before, last) = (last, sample + coefficient * last - before);
        energy += sample * sample;
    }
    2.0 * (last * last + before * before - coefficient * last * before) / (energy * samples.len() as f64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_call_has_the_caller_left_the_agent_right_and_nothing_while_it_was_paused() {
    let folder = tempfile::tempdir().unwrap();
    let recordings = folder.path().join("recordings");
    let site = Site::start(&[
        queue(
            "sales",
            "recording = \"always\"\nrecording_consent = \"this-call-may-be-monitored-or-recorded\"",
        ),
        number("4001", "sales", ""),
        agent("anna", "\"sales\"", ""),
        format!("[recording]\nfolder = \"{}\"\nkeys = \"*7\"\nfree_megabytes_min = 1", recordings.display()),
    ])
    .await;
    let anna = site.agent("anna").await;
    let caller = site.caller("4001", "+4930111").await;
    let talking = answers(&anna).await;
    talking.say(Sound::Tone(AGENT));
    until("a second of talk", || talking.heard().tone_share(CALLER) > 0.9 && talking.heard().packets > 60)
        .await;
    let id = site.talks("+4930111").await;
    let change = |change: &str| json!({ "change": change });
    let path = format!("/v1/calls/{id}/recording");
    assert_eq!(site.post(&path, change("pause")).await, 200);
    assert_eq!(site.post(&path, change("pause")).await, 409, "it is paused already");
    let heard = talking.heard().packets;
    until("a second that is nobody's business", || talking.heard().packets > heard + 50).await;
    talking.press("*7");
    let heard = talking.heard().packets;
    until("a second more", || talking.heard().packets > heard + 60).await;
    caller.hang_up();
    within(talking.ended()).await;

    until("the recording is complete", || file(&recordings, ".wav").is_some()).await;
    let mut wav = hound::WavReader::open(file(&recordings, ".wav").unwrap()).unwrap();
    assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 8_000));
    let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
    let side = |n: usize| samples.iter().skip(n).step_by(2).copied().collect::<Vec<_>>();
    let (left, right) = (side(0), side(1));
    let whole = 4_000..6_400.min(left.len());
    assert!(share(&left[whole.clone()], CALLER) > 0.9, "the caller is left");
    assert!(share(&right[whole], AGENT) > 0.9, "the agent is right");

    let text = std::fs::read_to_string(file(&recordings, ".json").unwrap()).unwrap();
    let papers: Value = serde_json::from_str(&text).unwrap();
    let gap = &papers["pauses"][0];
    let at = |name: &str| gap[name].as_u64().unwrap_or_else(|| panic!("{name}: {papers}")) as usize * 8;
    let (from, to) = (at("from_ms"), at("to_ms"));
    assert!(to - from > 4_000, "{papers}");
    // The filter to 8 kHz takes a few samples to fall silent.
    let gap_in = |side: &[i16]| side[from + 80..to - 80].iter().all(|&sample| sample == 0);
    assert!(gap_in(&left) && gap_in(&right), "nothing is kept of what was said meanwhile");
    assert!(share(&left[to + 800..to + 3_200], CALLER) > 0.9, "it went on by the agent's keys");
    assert_eq!(gap["who"], "api", "{papers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whose_agents_phone_died_is_the_next_agents() {
    let silent = |config: String| config.replacen("[media]\n", "[media]\nsilence = \"1s\"\n", 1);
    let site = Site::start_changed(
        &[
            queue("sales", ""),
            number("4001", "sales", ""),
            agent("anna", "\"sales\"", ""),
            agent("ben", "\"sales\"", ""),
        ],
        silent,
    )
    .await;
    let anna = site.agent("anna").await;
    let caller = site.caller("4001", "+4930111").await;
    let talking = answers(&anna).await;
    until("they talk", || caller.heard().packets > 20 && talking.heard().packets > 20).await;
    let ben = site.agent("ben").await;
    talking.say(Sound::Nothing);
    let again = answers(&ben).await;
    again.say(Sound::Tone(AGENT));
    until("the caller talks to another", || hears(&caller, AGENT)).await;
    let metrics = site.get_text("/metrics").await;
    assert!(metrics.contains("holdfast_call_audio_lost_total{side=\"agent\"} 1"), "{metrics}");
    drop(anna);
}
