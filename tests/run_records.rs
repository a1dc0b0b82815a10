//! The call records when their database cannot be written: calls go on, none is taken whose record would be lost, and all
//! records are there in the end, each once. And what a record tells of a call's legs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Call, Ended, Phone, PhoneSettings, Side, Sound};
use phones::{until, within};
use serde_json::Value;
use sqlx::{Connection, Executor, SqliteConnection};
use std::collections::BTreeSet;
use std::time::Duration;
use support::disk::SmallDisk;
use support::engine::Holdfast;
use support::eventually;

const RULES: &str = r#"
skills = ["english"]
[[queue]]
name = "sales"
title = "Sales"
music = ["tone"]
requires = "english"
wrap_up = "0s"
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
"#;

/// An engine with an agent and a caller who talk, and whoever else calls.
struct Site {
    engine: Holdfast,
    trunk: Phone,
    _anna: Phone,
    talking: Call,
    agent: Call,
    /// The Call-IDs of all who were answered.
    answered: BTreeSet<String>,
    _sounds: tempfile::TempDir,
}

impl Site {
    /// Starts it; `start` is given a change of the configuration to be made besides its own.
    async fn with(start: impl FnOnce(&dyn Fn(String) -> String) -> Holdfast + Send + 'static) -> Self {
        let sounds = tempfile::tempdir().unwrap();
        support::audio::Recording::write_tone(&sounds.path().join("tone.wav"), 600.0, 3, 8000);
        let here = sounds.path().display().to_string();
        let engine = blocking(move || {
            start(&|config: String| {
                config.replace(&format!("{}/hold-music", env!("CARGO_MANIFEST_DIR")), &here)
            })
        })
        .await;
        let phone = async |account: &str| {
            Phone::bind(PhoneSettings::new(engine.sip, account, &format!("{account}'s own"))).await.unwrap()
        };
        let (trunk, anna) = (phone("trunk").await, phone("anna").await);
        within(anna.register()).await.unwrap();
        let talking = trunk.call("4001").await.unwrap();
        let agent = within(anna.incoming()).await.unwrap().answer();
        within(agent.answered()).await.unwrap();
        agent.say(Sound::Tone(1_000.0));
        until("the caller hears the agent", || talking.heard().tone_share(1_000.0) > 0.9).await;
        let answered = BTreeSet::from([talking.sip_call_id().to_owned()]);
        Self { engine, trunk, _anna: anna, talking, agent, answered, _sounds: sounds }
    }

    /// So many call, are answered by the music, and give up: each has a record.
    async fn callers_give_up(&mut self, count: usize) {
        for _ in 0..count {
            let call = self.trunk.call("4001").await.unwrap();
            within(call.answered()).await.unwrap();
            self.answered.insert(call.sip_call_id().to_owned());
            call.hang_up();
            within(call.ended()).await;
        }
    }

    async fn waiting(&self, count: usize) {
        until(&format!("{count} records wait"), || self.backlog() == count as f64).await;
    }

    fn backlog(&self) -> f64 {
        self.engine.metric("holdfast_store_backlog")
    }

    async fn talk_goes_on(&self) {
        let heard = self.talking.heard().packets;
        until("the two talk on", || self.talking.heard().packets > heard + 25).await;
    }

    /// All who were answered have one record, and nobody else has any.
    async fn all_have_one_record(self) -> Vec<Value> {
        blocking(move || {
            let records = eventually("the records are written", Duration::from_secs(30), || {
                let records = self.engine.api("/v1/records?limit=1000").as_array().cloned()?;
                (records.len() >= self.answered.len() && self.backlog() == 0.0).then_some(records)
            });
            let ids = records.iter().map(|it| it["sip_call_id"].as_str().unwrap().to_owned());
            assert_eq!(ids.collect::<BTreeSet<_>>(), self.answered);
            assert_eq!(records.len(), self.answered.len(), "{records:#?}");
            assert_eq!(self.engine.metric("holdfast_store_dropped_total"), 0.0);
            records
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Another process that holds the database locked, until it rolls back.
async fn lock(engine: &Holdfast) -> SqliteConnection {
    let mut other = SqliteConnection::connect(engine.store().to_str().unwrap()).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    other
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_locked_database_calls_go_on_until_records_find_no_room_and_none_is_lost() {
    let small = |config: String| config.replace("[store]\n", "[store]\nbacklog_max = 10\n");
    let mut site =
        Site::with(move |change| Holdfast::start_changed(RULES, |config| small(change(config)))).await;
    let mut locked = lock(&site.engine).await;
    site.callers_give_up(9).await;
    site.waiting(9).await;
    for refused in 1..=2 {
        let late = site.trunk.call("4001").await.unwrap();
        assert_eq!(within(late.answered()).await, Err(Ended { by: Side::There, status: Some(503) }));
        let counted = r#"holdfast_overload_refused_total{cause="records"}"#;
        until("it is counted", || site.engine.metric(counted) == f64::from(refused)).await;
    }
    let told = |what: &str| site.engine.log().matches(what).count();
    until("it is said once, with what to do", || told("new calls are refused with 503 until") == 1).await;
    site.talk_goes_on().await;
    // Whoever was let in before has a place for his record.
    site.talking.hang_up();
    within(site.agent.ended()).await;
    site.waiting(10).await;

    locked.execute("ROLLBACK").await.unwrap();
    until("it is said that it is over", || told("new calls are taken") == 1).await;
    site.callers_give_up(3).await;
    assert_eq!(site.all_have_one_record().await.len(), 13);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_could_not_be_written_outlive_a_killed_process_in_the_journal() {
    let mut site = Site::with(|change| Holdfast::start_changed(RULES, change)).await;
    let mut locked = lock(&site.engine).await;
    site.callers_give_up(5).await;
    site.waiting(5).await;
    site.engine.kill();
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM calls").fetch_one(&mut locked).await.unwrap();
    assert_eq!(rows, 0, "none had reached the database");
    locked.execute("ROLLBACK").await.unwrap();
    let mut site = blocking(move || {
        site.engine.start_again();
        site
    })
    .await;
    site.talking.forget_sound();
    until("the two hear each other again", || site.talking.heard().tone_share(1_000.0) > 0.9).await;
    site.callers_give_up(1).await;
    site.talking.hang_up();
    within(site.agent.ended()).await;
    let resumed = site.talking.sip_call_id().to_owned();
    let of_agent = site.agent.sip_call_id().to_owned();
    let records = site.all_have_one_record().await;
    assert_eq!(records.len(), 7);
    // The legs of a call are known in spite of the kill.
    let record = records.iter().find(|it| it["sip_call_id"] == resumed.as_str()).unwrap();
    assert_eq!((&record["restart"], &record["agent"]), (&"resumed".into(), &"anna".into()));
    let legs = record["legs"].as_array().unwrap().iter();
    let legs: Vec<_> = legs.map(|leg| (leg["with"].as_str(), leg["sip_call_id"].as_str())).collect();
    assert_eq!(legs, [(Some("caller"), Some(&*resumed)), (Some("anna"), Some(&*of_agent))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_calls_go_on_and_records_and_journal_are_written_when_there_is_room() {
    for disk in blocking(SmallDisk::possible).await {
        let start = move |change: &dyn Fn(String) -> String| {
            let onto = |config: String| change(config).replace("/calls.sqlite", "/disk/calls.sqlite");
            Holdfast::start_by(RULES, onto, |folder| disk.command(folder), &[])
        };
        let mut site = Site::with(start).await;
        disk.fill(&site.engine);
        site.callers_give_up(5).await;
        site.waiting(5).await;
        let has_failed = |site: &Site| {
            let metrics = site.engine.metrics();
            metrics["holdfast_store_failures_total"] >= 1.0
                && metrics["holdfast_store_journal_gaps_total"] >= 2.0
        };
        // What happens in a second or two is not said again and again in the log.
        until("neither can be written, nor at the next try", || has_failed(&site)).await;
        site.callers_give_up(1).await;
        site.talk_goes_on().await;
        let told = |what: &str| site.engine.log().matches(what).count();
        assert_eq!(told("the journal cannot be written"), 1, "{disk:?}: {}", site.engine.log());

        disk.empty(&site.engine);
        until("the journal is there again", || told("the journal is written again") == 1).await;
        site.callers_give_up(1).await;
        site.talk_goes_on().await;
        site.talking.hang_up();
        within(site.agent.ended()).await;
        assert_eq!(site.all_have_one_record().await.len(), 8, "{disk:?}");
    }
}
