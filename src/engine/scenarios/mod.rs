//! Behaviours of the engine, each a short script with what must come of it.
//!
//! A script has one event a line: seconds, then words. What follows is compared as text:
//! commands as `>`, facts as `·`. `UPDATE_EXPECT=1 cargo test` rewrites the expectations.

mod agents;
mod capacity;
mod cross_queue;
mod distribution;
mod explain;
mod fatigue;
mod field;
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
mod resume;
mod ring_steps;
mod secondary;
mod shutdown;
mod snapshot;
mod staffing;
mod steering;
mod strategies;
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
use std::fmt::Write;
use std::time::Duration;

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

fn parse(words: &str, settings: &Settings, requests: &mut u64) -> Event {
    let words: Vec<_> = words.split_whitespace().collect();
    let id = |at: usize| words[at].parse::<u64>().expect("an identity");
    let agent = |at: usize| settings.agent_named(words[at]).expect("a known agent");
    let mut request = |request| {
        *requests += 1;
        Event::Requested { id: RequestId(*requests), request }
    };
    match words[0] {
        "call" => Event::CallArrived {
            call: CallId(id(1)),
            dialled: words[2].into(),
            caller: Caller {
                number: option(&words, "from").map_or_else(|| format!("555{}", words[1]), str::to_owned),
                name: String::new(),
            },
            agent: words.get(3).filter(|word| !word.contains('=')).map(|_| agent(3)),
            sip_call_id: format!("sip-{}", words[1]),
            wishes: wishes(&words, settings),
        },
        "ringing" => Event::OfferRinging { offer: OfferId(id(1)) },
        "answer" => Event::OfferAnswered { offer: OfferId(id(1)) },
        "fail" => Event::OfferFailed {
            offer: OfferId(id(1)),
            failure: match words[2] {
                "busy" => OfferFailure::Busy,
                "declined" => OfferFailure::Declined,
                "no-answer" => OfferFailure::NoAnswer,
                "unreachable" => OfferFailure::Unreachable,
                other => panic!("no such failure: {other}"),
            },
            retry_after: words.get(3).map(|secs| Duration::from_secs(secs.parse().expect("seconds"))),
        },
        "caller-gone" => Event::LegEnded { leg: LegId::Caller(CallId(id(1))) },
        "agent-gone" => Event::LegEnded { leg: LegId::Agent(OfferId(id(1))) },
        "heard" => Event::PromptFinished { leg: LegId::Caller(CallId(id(1))) },
        "up" => Event::AgentReachable { agent: agent(1), reachable: true },
        "down" => Event::AgentReachable { agent: agent(1), reachable: false },
        "login" => request(Request::Login { agent: agent(1) }),
        "logout" => request(Request::Logout { agent: agent(1) }),
        "ready" => request(Request::Ready { agent: agent(1) }),
        "pause" => request(Request::Pause { agent: agent(1), reason: words[2].into() }),
        "hold" => Event::LegHeld { leg: LegId::Agent(OfferId(id(1))), held: true },
        "resume" => Event::LegHeld { leg: LegId::Agent(OfferId(id(1))), held: false },
        "prioritise" => request(Request::Reprioritise { call: CallId(id(1)), priority: seconds(words[2]) }),
        "require" => request(Request::Require {
            call: CallId(id(1)),
            requirement: skill(words[2], words[3], settings),
        }),
        "move" => request(Request::Move { call: CallId(id(1)), queue: queue(words[2], settings) }),
        "pull" => request(Request::Pull { call: CallId(id(1)), agent: agent(2) }),
        "withdraw" => request(Request::Withdraw { call: CallId(id(1)), to: destination(words[2], settings) }),
        "why" => request(Request::Explain { call: CallId(id(1)) }),
        "close" => {
            let until = words.get(2).map(|at| Wall(at.parse::<i64>().expect("seconds") * 1000));
            request(Request::Close { queue: queue(words[1], settings), until })
        }
        "reopen" => request(Request::Reopen { queue: queue(words[1], settings) }),
        "extend" => request(Request::ExtendWrapUp { agent: agent(1), by: seconds(words[2]) }),
        "dispose" => request(Request::Dispose { agent: agent(1), disposition: words[2].into() }),
        "release" => request(Request::Release { agent: agent(1) }),
        "teach" => {
            let mut new = settings.agent(agent(1)).expect("a known agent").clone();
            let Requirement::Skill { skill, min } = skill(words[2], words[3], settings) else {
                unreachable!()
            };
            new.skills = SkillSet::new(new.skills.iter().chain([(skill, min)]));
            request(Request::EditAgent { agent: agent(1), settings: Box::new(new) })
        }
        "hangup" => request(Request::HangUp { call: CallId(id(1)) }),
        "drain" => Event::DrainStarted,
        "drain-over" => Event::DrainOver,
        "tick" => Event::Tick,
        other => panic!("no such event: {other}"),
    }
}

/// What stands behind `key=` among the words.
fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn wishes(words: &[&str], settings: &Settings) -> Option<Box<Wishes>> {
    let wishes = Wishes {
        requirement: option(words, "requires").map(|name| skill(name, "1", settings)),
        priority: option(words, "priority").map(seconds),
        agent: option(words, "agent").map(|name| settings.agent_named(name).expect("a known agent")),
    };
    (wishes != Wishes::default()).then(|| Box::new(wishes))
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.parse().expect("seconds"))
}

fn skill(name: &str, min: &str, settings: &Settings) -> Requirement {
    let at = settings.skills.iter().position(|skill| skill == name).expect("a known skill");
    needs(SkillId(u32::try_from(at).expect("few skills")), min.parse().expect("a proficiency"))
}

fn queue(name: &str, settings: &Settings) -> QueueId {
    settings.queue_named(name).expect("a known queue")
}

/// `queue:support`, `number:+49…`, `message:closed`.
fn destination(text: &str, settings: &Settings) -> Destination {
    match text.split_once(':').expect("a kind and a name") {
        ("queue", name) => Destination::Queue(queue(name, settings)),
        ("number", number) => Destination::Number(number.into()),
        ("message", prompt) => Destination::Message(prompt.into()),
        (other, _) => panic!("no such destination: {other}"),
    }
}

fn told(command: &Command, settings: &Settings) -> String {
    match command {
        Command::Answer { call } => format!("answer {call}"),
        Command::Progress { call } => format!("progress {call}"),
        Command::Refuse { call, because } => format!("refuse {call} {}", because.status()),
        Command::Play { leg, program: Program { prompts, language, then } } => {
            format!("play {leg} {prompts:?} {language} {then:?}")
        }
        Command::OfferAgent { offer, call, agent, queue, caller } => format!(
            "offer {offer}: {call} ({}) to {} from {}",
            caller.number, settings.agents[agent.0 as usize].name, settings.queues[queue.0 as usize].name
        ),
        Command::Dial { offer, call, number, .. } => format!("dial {offer}: {number} for {call}"),
        Command::CancelOffer { offer, answered_elsewhere: false } => format!("cancel {offer}"),
        Command::CancelOffer { offer, answered_elsewhere: true } => format!("cancel {offer} (elsewhere)"),
        Command::Bridge { call, offer } => format!("bridge {call} with {offer}"),
        Command::Hangup { leg } => format!("hang up {leg}"),
        Command::Reply { id, result: Ok(Answer::Done) } => format!("reply {id} Ok(())"),
        Command::Reply { id, result: Ok(Answer::Waiting(why)) } => {
            format!("reply {id} {}", explained(why, settings))
        }
        Command::Reply { id, result: Err(refusal) } => format!("reply {id} Err({refusal:?})"),
    }
}

fn explained(why: &WaitingBecause, settings: &Settings) -> String {
    let states = AgentState::ALL.iter().zip(why.qualified).filter(|(_, count)| *count > 0);
    let states: Vec<_> = states.map(|(state, count)| format!("{count} {}", state.as_str())).collect();
    let next = why.next_step.map_or("none".into(), |next| format!("{:.0} s", next.as_secs_f64()));
    let waits_for = why
        .waits_for
        .map_or(String::new(), |it| format!(", for {} alone", settings.agents[it.0 as usize].name));
    let names = |what: &str, names: Vec<&str>| {
        if names.is_empty() { String::new() } else { format!(", {what} {}", names.join(" and ")) }
    };
    let busy = why.lenders_busy.iter().map(|it| settings.queues[it.0 as usize].name.as_str()).collect();
    let busy = names("no help from", busy);
    let rung =
        names("rings", why.rung.iter().map(|it| settings.agents[it.0 as usize].name.as_str()).collect());
    format!(
        "waits {:.0} s behind {}: qualified [{}], {} not, level {} of {}, next step in {next}{waits_for}{busy}{rung}",
        why.waited.as_secs_f64(),
        why.ahead,
        states.join(", "),
        why.unqualified,
        why.level.0,
        why.level.1
    )
}

fn remembered(fact: &Fact, settings: &Settings) -> Option<String> {
    let agent_name = |agent: &AgentId| settings.agents[agent.0 as usize].name.as_str();
    let queue_name = |queue: &QueueId| settings.queues[queue.0 as usize].name.as_str();
    Some(match fact {
        Fact::CallRefused { call, because } => format!("{call} refused {because:?}"),
        Fact::CallQueued { call, queue, waiting, entered, .. } => {
            let entered = match entered {
                Entered::Arrived => String::new(),
                Entered::Resumed => ", resumed".into(),
                Entered::Overflowed(from) => format!(", overflowed from {}", queue_name(from)),
                Entered::Moved(from) => format!(", moved from {}", queue_name(from)),
            };
            format!("{call} queued in {} ({waiting} waiting){entered}", queue_name(queue))
        }
        Fact::CallTurnedAway { call, queue, because, to, .. } => {
            format!("{call} turned away from {}: {} → {to:?}", queue_name(queue), because.as_str())
        }
        Fact::CallWidened { call, level, .. } => format!("{call} widened to level {level}"),
        Fact::CallDisposed { call, agent, disposition } => {
            format!("{} notes {disposition} of {call}", agent_name(agent))
        }
        Fact::QueueClosed { queue } => format!("{} closed by hand", queue_name(queue)),
        Fact::QueueReopened { queue } => format!("{} reopened", queue_name(queue)),
        Fact::Reconfigured => "reconfigured".into(),
        Fact::OfferMade { offer, because, .. } => match because {
            OfferedBecause::Strategy { level: 0, secondary: false, .. } => return None,
            OfferedBecause::Strategy { level, secondary, .. } => {
                let secondary = if *secondary { ", secondary" } else { "" };
                format!("offer {offer} at level {level}{secondary}")
            }
            OfferedBecause::LastAgent => format!("offer {offer} to whom he talked to last"),
            OfferedBecause::Dialled => format!("offer {offer} to whom he asked for"),
            OfferedBecause::Pulled => format!("offer {offer} as a supervisor said"),
        },
        Fact::OfferEnded { offer, outcome, ring, .. } => {
            format!("offer {offer} {} after {:.1} s", outcome.as_str(), ring.as_secs_f64())
        }
        Fact::CallLeftQueue { call, outcome, wait, answered_in_threshold, to, .. } => format!(
            "{call} {} after {:.1} s{}{}",
            outcome.as_str(),
            wait.as_secs_f64(),
            if *answered_in_threshold { ", in time" } else { "" },
            to.as_ref().map(|to| format!(" → {to:?}")).unwrap_or_default()
        ),
        Fact::CallEnded { call, ended_by, talk, hold, .. } => {
            let hold =
                if hold.is_zero() { String::new() } else { format!(", {:.1} s on hold", hold.as_secs_f64()) };
            format!("{call} ended by {}, talked {:.1} s{hold}", ended_by.as_str(), talk.as_secs_f64())
        }
        Fact::AgentStateChanged { agent, to, reason, .. } => {
            let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{} {}{reason}", agent_name(agent), to.as_str())
        }
        Fact::WrapUpEnded { agent, lasted, .. } => {
            format!("{} wrapped up in {:.1} s", agent_name(agent), lasted.as_secs_f64())
        }
    })
}
