//! One source, so they agree: whatever the metrics and today's figures count of a queue can be counted again from the
//! call records, whichever way calls took through the queues.

use super::*;
use crate::engine::event::{OfferFailure, Request};
use crate::engine::fact::EndedBy;
use crate::engine::id::{LegId, RequestId};
use crate::engine::settings::{Agent, Destination, Limits, Login, Number, Overflow, OverflowWhen};
use crate::engine::time::Monotonic;
use crate::engine::{Commands, Engine, Event};
use crate::stats::{Cdr, CdrFold, Entry, QueueToday, Today, TurnedAway};
use std::collections::BTreeMap;

const NAMES: [&str; 3] = ["sales", "support", "night"];

fn world() -> Settings {
    let queue = |name: &str, overflow: Vec<Overflow>| Queue {
        name: name.into(),
        waiting_max: 4,
        wait_max: Some(Duration::from_secs(50)),
        refuse_when_all: vec![AgentState::LoggedOut, AgentState::Paused],
        leave_when_all: vec![AgentState::LoggedOut, AgentState::Paused],
        wrap_up: Duration::from_secs(2),
        overflow,
        ..Queue::default()
    };
    let to = |when, to| Overflow { when, to };
    let agent = |name: &str, queues: &[u32]| Agent {
        name: name.into(),
        queues: queues.iter().map(|queue| QueueId(*queue)).collect(),
        login: Login::Automatic,
        ..Agent::default()
    };
    let message = |prompt: &str| Destination::Message(prompt.into());
    Settings {
        queues: vec![
            queue(
                NAMES[0],
                vec![
                    to(OverflowWhen::Waited(Duration::from_secs(15)), Destination::Queue(QueueId(1))),
                    to(OverflowWhen::Full, Destination::Queue(QueueId(2))),
                    to(OverflowWhen::NoAgents, message("all-busy")),
                    to(OverflowWhen::Closed, Destination::Queue(QueueId(1))),
                ],
            ),
            queue(
                NAMES[1],
                vec![
                    to(OverflowWhen::Waited(Duration::from_secs(20)), Destination::Number("+4930".into())),
                    to(OverflowWhen::Full, message("all-busy")),
                    to(OverflowWhen::Closed, message("closed")),
                ],
            ),
            queue(NAMES[2], vec![to(OverflowWhen::NoAgents, Destination::Queue(QueueId(0)))]),
        ],
        agents: vec![agent("anna", &[0, 1]), agent("ben", &[1, 2]), agent("carla", &[0])],
        numbers: (0..3)
            .map(|at| Number { dialled: format!("10{at}"), queue: QueueId(at), ..Number::default() })
            .collect(),
        pause_reasons: vec!["break".into()],
        limits: Limits { calls_max: 40, ..Limits::default() },
        ..Settings::default()
    }
}

/// Numbers without end, the same for the same seed (Marsaglia 2003, "Xorshift RNGs").
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What happens next: any message, fitting or not.
fn happening(dice: &mut Dice, calls: &mut u64, offers: u64) -> Event {
    let call = CallId(1 + calls.saturating_sub(dice.below(12)));
    let agent = AgentId(u32::try_from(dice.below(3)).unwrap());
    let offer = OfferId(1 + offers.saturating_sub(dice.below(4)));
    let queue = QueueId(u32::try_from(dice.below(3)).unwrap());
    let request = |request| Event::Requested { id: RequestId(1), request };
    match dice.below(40) {
        0..=9 => {
            *calls += 1;
            Event::CallArrived {
                call: CallId(*calls),
                dialled: format!("10{}", dice.below(3)),
                caller: Caller::default(),
                agent: None,
                sip_call_id: String::new(),
                wishes: None,
            }
        }
        10..=19 => Event::OfferAnswered { offer },
        20 => Event::OfferFailed { offer, failure: OfferFailure::Declined, retry_after: None },
        21..=22 => Event::LegEnded { leg: LegId::Caller(call) },
        23 => Event::LegEnded { leg: LegId::Agent(offer) },
        24 => Event::PromptFinished { leg: LegId::Caller(call) },
        25..=27 => Event::AgentReachable { agent, reachable: true },
        28..=29 => request(Request::Pause { agent, reason: "break".into() }),
        30..=32 => request(Request::Ready { agent }),
        33 => request(Request::Move { call, queue }),
        34 => request(Request::Close { queue, until: None }),
        35..=37 => request(Request::Reopen { queue }),
        38 => request(Request::Withdraw { call, to: Destination::Message("all-busy".into()) }),
        _ => request(Request::Login { agent }),
    }
}

/// A day of one seed: its records, and the folds that saw the same facts.
fn lived(seed: u64) -> (Vec<Cdr>, Vec<QueueToday>, Metrics) {
    let settings = world();
    let mut engine = Engine::new(settings.clone(), 1, seed);
    let metrics = Metrics::new(&settings).unwrap();
    let (mut fold, mut today) = (CdrFold::new(&settings), Today::new(&settings));
    let (mut dice, mut calls, mut records) = (Dice(seed), 0, Vec::new());
    let (mut out, mut ms, mut offers) = (Commands::new(), 0, 0);
    for step in 0..=2000 {
        ms += dice.below(3000);
        let now = Now { mono: Monotonic(ms * 1000), wall: Wall(i64::try_from(ms).unwrap()) };
        let event = if step == 2000 { Event::DrainOver } else { happening(&mut dice, &mut calls, offers) };
        engine.handle(now, event, &mut out);
        drop(out.take_commands());
        for fact in out.take_facts() {
            if let Fact::OfferMade { offer, .. } = fact.fact {
                offers = offer.0;
            }
            today.observe(&fact);
            metrics.observe(&fact);
            match fold.observe(&fact) {
                Some(Entry::Ended(record)) => records.push(*record),
                Some(Entry::Noted(_)) | None => {}
            }
        }
    }
    assert!(engine.is_idle(), "seed {seed}: everything was ended");
    assert_eq!((fold.open(), fold.overlooked()), (0, 0), "seed {seed}: every call has its record");
    (records, today.queues(), metrics)
}

/// What one record tells of one queue.
struct Stay<'r> {
    queue: &'r str,
    outcome: Outcome,
    wait_ms: u64,
    turned_away: Option<TurnedAwayBecause>,
    in_threshold: bool,
}

fn stays(record: &Cdr) -> impl Iterator<Item = Stay<'_>> {
    let visits = record.visits.iter().map(|visit| Stay {
        queue: &visit.queue,
        outcome: visit.outcome,
        wait_ms: visit.wait_ms,
        turned_away: visit.turned_away,
        in_threshold: false,
    });
    let last = Stay {
        queue: &record.queue,
        outcome: record.outcome,
        wait_ms: record.wait_ms,
        turned_away: record.turned_away,
        in_threshold: record.answered_in_threshold,
    };
    visits.chain([last])
}

/// Today's figures counted again from the records; the two that are no counts are left as they are.
fn counted_again(stays: &[&Stay<'_>], told: &QueueToday) -> QueueToday {
    let joined: Vec<_> = stays.iter().filter(|stay| stay.turned_away.is_none()).collect();
    let with =
        |wanted: &[Outcome]| joined.iter().filter(|stay| wanted.contains(&stay.outcome)).count() as u64;
    let away = |because| stays.iter().filter(|stay| stay.turned_away == Some(because)).count() as u64;
    let (answered, abandoned) =
        (with(&[Outcome::Answered]), with(&[Outcome::Abandoned, Outcome::ShortAbandon]));
    QueueToday {
        offered: joined.len() as u64,
        answered,
        answered_in_threshold: joined.iter().filter(|stay| stay.in_threshold).count() as u64,
        abandoned,
        other: joined.len() as u64 - answered - abandoned,
        turned_away: TurnedAway {
            closed: away(TurnedAwayBecause::Closed),
            no_agents: away(TurnedAwayBecause::NoAgents),
            full: away(TurnedAwayBecause::Full),
        },
        longest_wait_ms: joined.iter().map(|stay| stay.wait_ms).max().unwrap_or(0),
        average_speed_of_answer_ms: told.average_speed_of_answer_ms,
        service_level: told.service_level,
    }
}

#[test]
fn every_counter_of_a_queue_is_what_the_records_say_whichever_way_the_calls_took() {
    let mut seen = BTreeMap::<String, u64>::new();
    for seed in 1..=30 {
        let (records, today, metrics) = lived(seed * 0x9e37_79b9);
        let text = metrics.render();
        let shown: std::collections::BTreeSet<_> = text.lines().collect();
        let check = |line: String| assert!(shown.contains(line.as_str()), "seed {seed}: no line {line}");
        let all: Vec<_> = records.iter().flat_map(stays).collect();
        for (told, name) in today.iter().zip(NAMES) {
            let stays: Vec<_> = all.iter().filter(|stay| stay.queue == name).collect();
            assert_eq!(*told, counted_again(&stays, told), "seed {seed}, {name}");
            let count = |wanted: &dyn Fn(&Stay<'_>) -> bool| stays.iter().filter(|stay| wanted(stay)).count();
            check(format!("holdfast_queue_calls_offered_total{{queue=\"{name}\"}} {}", told.offered));
            for outcome in Outcome::ALL {
                let again = count(&|stay| stay.turned_away.is_none() && stay.outcome == outcome);
                let word = outcome.as_str();
                let labels = format!("{{outcome=\"{word}\",queue=\"{name}\"}}");
                check(format!("holdfast_queue_calls_ended_total{labels} {again}"));
                check(format!("holdfast_queue_wait_seconds_count{labels} {again}"));
                *seen.entry(format!("left {word}")).or_default() += again as u64;
            }
            for because in TurnedAwayBecause::ALL {
                let again = count(&|stay| stay.turned_away == Some(because));
                let word = because.as_str();
                let labels = format!("{{because=\"{word}\",queue=\"{name}\"}}");
                check(format!("holdfast_queue_calls_turned_away_total{labels} {again}"));
                *seen.entry(format!("turned away {word}")).or_default() += again as u64;
            }
        }
        *seen.entry("with visits".into()).or_default() +=
            records.iter().filter(|record| !record.visits.is_empty()).count() as u64;
        *seen.entry("joined none".into()).or_default() +=
            records.iter().filter(|record| record.turned_away.is_some()).count() as u64;
        assert!(records.iter().any(|record| record.ended_by == EndedBy::Caller));
    }
    // A law that nothing put to the test would be none.
    for what in [
        "left answered",
        "left abandoned",
        "left overflow",
        "left timeout",
        "left withdrawn",
        "left no_agents",
    ]
    .iter()
    .chain(&[
        "turned away closed",
        "turned away no_agents",
        "turned away full",
        "with visits",
        "joined none",
    ]) {
        assert!(seen.get(*what).is_some_and(|times| *times > 20), "{what} was hardly seen: {seen:?}");
    }
}
