//! Behaviours of the engine, each a short script with what must come of it.
//!
//! A script has one event a line: seconds, then words (`script.rs`). What follows is compared as text:
//! commands as `>`, facts as `·` (`story.rs`). `UPDATE_EXPECT=1 cargo test` rewrites the expectations.

mod agents;
mod capacity;
mod cross_queue;
mod distribution;
mod explain;
mod fatigue;
mod field;
mod guests;
mod hold;
mod hours;
mod laws;
mod lending;
mod lots;
mod missed;
mod overflow;
mod personal;
mod queueing;
mod races;
mod reconfigure;
mod recording;
mod restart;
mod resume;
mod ring_steps;
mod script;
mod secondary;
mod shutdown;
mod silence;
mod snapshot;
mod staffing;
mod steering;
mod story;
mod strategies;
mod transfers;
mod widening;
mod wrap_up;

use super::command::{Answer, Command, Commands, Program};
use super::event::{Caller, Event, OfferFailure, Request, Wishes};
use super::explain::{OfferedBecause, WaitingBecause};
use super::fact::{AgentState, Entered, Fact, Stamped};
use super::id::{AgentId, CallId, LegId, OfferId, QueueId, RequestId, SkillId};
use super::settings::{Agent, Destination, Feature, FeatureCode, Login, Number, Queue, Settings};
use super::skill::{Requirement, SkillSet};
use super::strategy::StrategyName;
use super::time::{Monotonic, Now, Wall};
use super::{Engine, Snapshot};
use expect_test::Expect;
use script::parse;
use std::fmt::Write;
use std::time::Duration;
use story::{remembered, told};

const ENGLISH: SkillId = SkillId(0);
const SPANISH: SkillId = SkillId(1);

/// Two queues, `sales` (100; 101 for Spanish; 102 with a minute's credit) and `support` (200). anna speaks
/// English well, ben a little English and Spanish well, carla serves both queues in English and Spanish.
fn small_centre() -> Settings {
    let queue = |name: &str| Queue {
        name: name.into(),
        title: name.to_uppercase(),
        music: vec!["tide".into()],
        welcome: Some("welcome".into()),
        requirement: needs(ENGLISH, 1),
        wrap_up: Duration::from_secs(5),
        ..Queue::default()
    };
    let number = |dialled: &str, queue: u32| Number {
        dialled: dialled.into(),
        queue: QueueId(queue),
        ..Number::default()
    };
    let agent = |name: &str, skills: &[(SkillId, u8)], queues: &[u32]| Agent {
        name: name.into(),
        title: name.to_uppercase(),
        skills: SkillSet::new(skills.iter().copied()),
        queues: queues.iter().copied().map(QueueId).collect(),
        login: Login::Automatic,
        ..Agent::default()
    };
    let code = |dialled: &str, feature| FeatureCode { dialled: dialled.into(), feature };
    Settings {
        skills: vec!["english".into(), "spanish".into()],
        queues: vec![queue("sales"), queue("support")],
        agents: vec![
            agent("anna", &[(ENGLISH, 9)], &[0]),
            agent("ben", &[(ENGLISH, 2), (SPANISH, 8)], &[0]),
            agent("carla", &[(ENGLISH, 5), (SPANISH, 5)], &[0, 1]),
        ],
        numbers: vec![
            number("100", 0),
            Number { requirement: needs(SPANISH, 3), language: Some("es".into()), ..number("101", 0) },
            Number { priority: Duration::from_secs(60), ..number("102", 0) },
            number("200", 1),
        ],
        feature_codes: vec![
            code("*11", Feature::Login),
            code("*12", Feature::Logout),
            code("*13", Feature::Pause),
            code("*14", Feature::Ready),
        ],
        pause_reasons: vec!["break".into(), "lunch".into()],
        ..Settings::default()
    }
}

fn needs(skill: SkillId, min: u8) -> Requirement {
    Requirement::Skill { skill, min }
}

/// The small centre with changed rules.
fn centre(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = small_centre();
    change(&mut settings);
    settings
}

/// Runs a script and compares what came of it.
fn check(settings: Settings, script: &str, expected: Expect) {
    let (_, story) = play(settings, script);
    expected.assert_eq(&story);
}

/// Runs a script and compares what came of it, without what goes without saying: that callers are answered and hear
/// music, and that who is offered a call is seen as such, and as ready when he is free.
fn check_plot(settings: Settings, script: &str, expected: Expect) {
    let (_, story) = play(settings, script);
    expected.assert_eq(&plot(&story));
}

fn plot(story: &str) -> String {
    let goes_without_saying = |line: &str| {
        line.starts_with("  > answer")
            || (line.starts_with("  > play") && line.contains("Music"))
            || (line.starts_with("  ·") && (line.ends_with(" offered") || line.ends_with(" ready")))
    };
    story
        .lines()
        .filter(|line| !goes_without_saying(line))
        .fold(String::new(), |plot, line| plot + line + "\n")
}

/// Runs a script; gives the engine as it then is, and the story.
fn play(settings: Settings, script: &str) -> (Engine, String) {
    let mut scene = Scene::new(settings);
    scene.play(script);
    (scene.engine, scene.story)
}

/// An engine, and the story of what has happened to it so far.
struct Scene {
    engine: Engine,
    story: String,
    requests: u64,
}

impl Scene {
    fn new(settings: Settings) -> Self {
        Self { engine: Engine::new(settings, 1, 1), story: String::new(), requests: 0 }
    }

    /// Goes on with a script.
    fn play(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (at, words) = line.split_once(' ').expect("seconds, then words");
            let at = Duration::from_secs_f64(at.parse().expect("seconds"));
            let event = parse(words, self.engine.settings(), &mut self.requests);
            self.happen(at, event, words);
        }
    }

    /// Something that the script language has no words for.
    fn happen(&mut self, at: Duration, event: Event, words: &str) {
        // Deadlines are met on time, as the runtime does.
        while let Some(due) = self.engine.next_deadline().filter(|due| due.0 < micros(at)) {
            deliver(&mut self.engine, due, Event::Tick, "", &mut self.story);
        }
        deliver(&mut self.engine, Monotonic(micros(at)), event, words, &mut self.story);
        if let Err(wrong) = self.engine.audit(now(Monotonic(micros(at)))) {
            panic!("after {words} at {at:?}: {wrong}\n{}", self.story);
        }
    }
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).expect("short scripts")
}

fn now(mono: Monotonic) -> Now {
    Now { mono, wall: Wall(i64::try_from(mono.0 / 1000).expect("short scripts")) }
}

fn deliver(engine: &mut Engine, at: Monotonic, event: Event, words: &str, story: &mut String) {
    let mut out = Commands::new();
    engine.handle(now(at), event, &mut out);
    let cause = if words.is_empty() { "(time)" } else { words };
    writeln!(story, "{:.1} {cause}", at.0 as f64 / 1e6).expect("a string takes everything");
    for command in out.take_commands() {
        writeln!(story, "  > {}", told(&command, engine.settings())).expect("a string takes everything");
    }
    for Stamped { fact, .. } in out.take_facts() {
        if let Some(fact) = remembered(&fact, engine.settings()) {
            writeln!(story, "  · {fact}").expect("a string takes everything");
        }
    }
    assert!(out.is_empty());
}
