//! Facts in, records out.

use super::*;
use crate::engine::event::Caller;
use crate::engine::explain::OfferedBecause;
use crate::engine::fact::{EndedBy, Entered};
use crate::engine::id::{AgentId, OfferId, QueueId};
use crate::engine::settings::{Agent, Limits, Queue};
use crate::engine::time::{Monotonic, Now};

fn queue_named(name: &str) -> Queue {
    Queue { name: name.into(), ..Queue::default() }
}

fn record(entry: Option<Entry>) -> Cdr {
    match entry {
        Some(Entry::Ended(record)) => *record,
        other => panic!("no record, but {other:?}"),
    }
}

fn fold(calls_max: usize) -> CdrFold {
    CdrFold::new(&Settings {
        queues: ["sales", "support", "night"].map(queue_named).to_vec(),
        agents: vec![Agent { name: "anna".into(), ..Agent::default() }],
        limits: Limits { calls_max, ..Limits::default() },
        ..Settings::default()
    })
}

fn at(wall_ms: i64, fact: Fact) -> Stamped {
    Stamped { at: Now { mono: Monotonic(0), wall: Wall(wall_ms) }, fact }
}

fn queued(call: u64) -> Fact {
    Fact::CallQueued {
        call: CallId(call),
        queue: QueueId(0),
        dialled: "4001".into(),
        caller: Caller { number: "+491".into(), name: "Rosa".into(), ..Caller::default() },
        sip_call_id: format!("{call}@host"),
        language: "de".into(),
        priority: Duration::from_secs(30),
        waiting: 1,
        entered: Entered::Arrived,
    }
}

fn left(call: u64, outcome: Outcome, wait_ms: u64, agent: Option<AgentId>) -> Fact {
    let wait = Duration::from_millis(wait_ms);
    let (call, queue, answered_in_threshold) = (CallId(call), QueueId(0), agent.is_some());
    Fact::CallLeftQueue { call, queue, outcome, wait, answered_in_threshold, agent, to: None, waiting: 0 }
}

fn ended(call: u64, ended_by: EndedBy, talk_ms: u64) -> Fact {
    Fact::CallEnded {
        call: CallId(call),
        queue: QueueId(0),
        ended_by,
        talk: Duration::from_millis(talk_ms),
        hold: Duration::from_millis(talk_ms / 10),
    }
}

#[test]
fn calls_cut_short_by_a_failure_have_records_too() {
    let mut fold = fold(10);
    for fact in [queued(1), queued(2), left(2, Outcome::Answered, 300, Some(AgentId(0)))] {
        assert_eq!(fold.observe(&at(1000, fact)), None);
    }
    let cut = fold.cut_short(Wall(9000));
    let told: Vec<_> = cut.iter().map(|cdr| (cdr.call.0, cdr.outcome, cdr.ended_at_ms)).collect();
    assert_eq!(told, [(1, Outcome::Error, 9000), (2, Outcome::Answered, 9000)]);
    assert_eq!(fold.open(), 0);
}

#[test]
fn an_answered_call_becomes_one_record_with_all_its_figures() {
    let (call, queue, agent) = (CallId(7), QueueId(0), AgentId(0));
    let offer_ended = |offer, outcome, ring_ms| Fact::OfferEnded {
        offer: OfferId(offer),
        call,
        queue,
        agent,
        outcome,
        ring: Duration::from_millis(ring_ms),
    };
    let because = OfferedBecause::LastAgent;
    let offer_made = |offer| Fact::OfferMade { offer: OfferId(offer), call, queue, agent, because };
    let facts = [
        at(1000, queued(7)),
        at(1100, offer_made(1)),
        at(3000, offer_ended(1, OfferOutcome::Declined, 1900)),
        at(3000, offer_made(2)),
        at(7000, offer_ended(2, OfferOutcome::Answered, 4000)),
        at(7000, left(7, Outcome::Answered, 6000, Some(agent))),
    ];
    let mut fold = fold(10);
    assert!(facts.iter().all(|fact| fold.observe(fact).is_none()));
    let cdr = record(fold.observe(&at(9500, ended(7, EndedBy::Agent, 2500))));
    assert_eq!((cdr.queue.as_str(), cdr.agent.as_deref()), ("sales", Some("anna")));
    assert_eq!((cdr.queued_at_ms, cdr.answered_at_ms, cdr.ended_at_ms), (1000, Some(7000), 9500));
    assert_eq!((cdr.wait_ms, cdr.talk_ms, cdr.hold_ms, cdr.ring_ms), (6000, 2500, 250, 4000));
    assert_eq!((cdr.offers, cdr.visits.len(), cdr.turned_away), (2, 0, None));
    assert_eq!(
        (cdr.outcome, cdr.ended_by, cdr.answered_in_threshold),
        (Outcome::Answered, EndedBy::Agent, true)
    );
    assert_eq!((cdr.priority_ms, cdr.language.as_str(), cdr.caller_name.as_str()), (30_000, "de", "Rosa"));
    assert_eq!(fold.open(), 0);
}

#[test]
fn an_abandoned_call_has_no_agent_and_no_answer() {
    let mut fold = fold(10);
    fold.observe(&at(0, queued(1)));
    fold.observe(&at(8000, left(1, Outcome::Abandoned, 8000, None)));
    let cdr = record(fold.observe(&at(8000, ended(1, EndedBy::Caller, 0))));
    assert_eq!((cdr.agent, cdr.answered_at_ms, cdr.outcome), (None, None, Outcome::Abandoned));
}

#[test]
fn a_call_is_recorded_once_however_often_its_end_is_told() {
    let mut fold = fold(10);
    fold.observe(&at(0, queued(1)));
    assert!(fold.observe(&at(1, ended(1, EndedBy::Caller, 0))).is_some());
    assert!(fold.observe(&at(2, ended(1, EndedBy::Caller, 0))).is_none());
    assert!(fold.observe(&at(2, ended(99, EndedBy::Caller, 0))).is_none());
}

#[test]
fn the_fold_is_bounded_and_counts_what_it_overlooks() {
    let mut fold = fold(2);
    for call in 0..10 {
        fold.observe(&at(0, queued(call)));
    }
    assert_eq!((fold.open(), fold.overlooked()), (4, 6));
}

#[test]
fn a_record_survives_json() {
    let mut fold = fold(10);
    fold.observe(&at(0, queued(u64::MAX)));
    let cdr = record(fold.observe(&at(1, ended(u64::MAX, EndedBy::Caller, 0))));
    let json = serde_json::to_string(&cdr).unwrap();
    assert!(json.contains("\"call\":\"18446744073709551615\""), "{json}");
    assert_eq!(serde_json::from_str::<Cdr>(&json).unwrap(), cdr);
}

fn to_another(mut fact: Fact, now_at: u32) -> Fact {
    if let Fact::CallQueued { queue, entered, .. } = &mut fact {
        (*queue, *entered) = (QueueId(now_at), Entered::Overflowed(QueueId(0)));
    }
    fact
}

fn turned_away(call: u64, because: TurnedAwayBecause, to: Destination) -> Fact {
    Fact::CallTurnedAway {
        call: CallId(call),
        queue: QueueId(2),
        dialled: "4003".into(),
        caller: Caller { number: "+491".into(), ..Caller::default() },
        sip_call_id: format!("{call}@host"),
        because,
        to,
    }
}

#[test]
fn a_call_of_several_queues_has_one_record_of_the_last_with_the_others_as_visits() {
    let mut fold = fold(10);
    fold.observe(&at(500, turned_away(7, TurnedAwayBecause::Closed, Destination::Queue(QueueId(0)))));
    fold.observe(&at(1000, queued(7)));
    fold.observe(&at(31_000, left(7, Outcome::Overflow, 30_000, None)));
    fold.observe(&at(31_000, to_another(queued(7), 1)));
    fold.observe(&at(36_000, left(7, Outcome::Answered, 5000, Some(AgentId(0)))));
    let cdr = record(fold.observe(&at(90_000, ended(7, EndedBy::Caller, 54_000))));
    assert_eq!((cdr.queue.as_str(), cdr.outcome, cdr.wait_ms), ("support", Outcome::Answered, 5000));
    assert_eq!((cdr.queued_at_ms, cdr.answered_at_ms), (31_000, Some(36_000)));
    let visit = |queue: &str, queued_at_ms, wait_ms, outcome, turned_away| Visit {
        queue: queue.into(),
        queued_at_ms,
        wait_ms,
        outcome,
        turned_away,
    };
    assert_eq!(
        cdr.visits,
        [
            visit("night", 500, 0, Outcome::Closed, Some(TurnedAwayBecause::Closed)),
            visit("sales", 1000, 30_000, Outcome::Overflow, None),
        ]
    );
    assert_eq!(fold.open(), 0);
}

#[test]
fn a_caller_who_joins_no_queue_has_a_record_that_says_why_and_where_he_was_sent() {
    for (because, outcome) in [
        (TurnedAwayBecause::Closed, Outcome::Closed),
        (TurnedAwayBecause::NoAgents, Outcome::NoAgents),
        (TurnedAwayBecause::Full, Outcome::Overflow),
    ] {
        let mut fold = fold(10);
        fold.observe(&at(500, turned_away(7, because, Destination::Message("closed".into()))));
        let cdr = record(fold.observe(&at(4500, ended(7, EndedBy::System, 0))));
        assert_eq!((cdr.queue.as_str(), cdr.outcome, cdr.turned_away), ("night", outcome, Some(because)));
        assert_eq!((cdr.queued_at_ms, cdr.ended_at_ms, cdr.wait_ms), (500, 4500, 0));
        assert_eq!(cdr.sent_to.as_deref(), Some("message closed"));
        assert_eq!(fold.open(), 0);
    }
}

#[test]
fn a_call_that_goes_outside_names_the_number() {
    let mut fold = fold(10);
    fold.observe(&at(0, queued(1)));
    let left = match left(1, Outcome::Overflow, 9000, None) {
        Fact::CallLeftQueue { call, queue, outcome, wait, answered_in_threshold, agent, waiting, .. } => {
            let to = Some(Destination::Number("+4930".into()));
            Fact::CallLeftQueue { call, queue, outcome, wait, answered_in_threshold, agent, to, waiting }
        }
        other => other,
    };
    fold.observe(&at(9000, left));
    let cdr = record(fold.observe(&at(60_000, ended(1, EndedBy::Caller, 45_000))));
    assert_eq!((cdr.sent_to.as_deref(), cdr.talk_ms, cdr.agent), (Some("number +4930"), 45_000, None));
}

#[test]
fn a_disposition_is_part_of_the_record_or_a_note_to_be_added_to_it() {
    let noted = |call, word: &str| Fact::CallDisposed {
        call: CallId(call),
        agent: AgentId(0),
        disposition: word.into(),
    };
    let mut fold = fold(10);
    fold.observe(&at(0, queued(1)));
    assert_eq!(fold.observe(&at(5, noted(1, "sale"))), None);
    let cdr = record(fold.observe(&at(9, ended(1, EndedBy::Caller, 0))));
    assert_eq!(cdr.disposition.as_deref(), Some("sale"));
    let later = fold.observe(&at(12, noted(1, "complaint")));
    assert_eq!(later, Some(Entry::Noted(Noted { call: CallId(1), disposition: "complaint".into() })));
}

#[test]
fn a_call_sent_round_for_ever_has_a_bounded_record() {
    let mut fold = fold(10);
    for round in 0..1000 {
        fold.observe(&at(round, to_another(queued(1), u32::try_from(round % 2).unwrap())));
        fold.observe(&at(round, left(1, Outcome::Withdrawn, 1, None)));
    }
    let cdr = record(fold.observe(&at(1000, ended(1, EndedBy::Caller, 0))));
    assert_eq!(cdr.visits.len(), VISITS_MAX);
}

#[test]
fn new_names_are_known_once_the_rules_have_changed_and_open_calls_keep_theirs() {
    let mut fold = fold(10);
    fold.observe(&at(0, queued(1)));
    fold.follow(&Settings { queues: vec![queue_named("vertrieb")], ..Settings::default() });
    fold.observe(&at(1, queued(2)));
    let names = [1, 2].map(|call| record(fold.observe(&at(9, ended(call, EndedBy::Caller, 0)))).queue);
    assert_eq!(names, ["sales", "vertrieb"]);
}

#[test]
fn whom_a_caller_was_passed_on_to_is_in_his_record_and_whom_in_vain_too() {
    let mut fold = fold(10);
    let talk = |what| Fact::InTalk { call: CallId(7), what };
    let (anna, support) = (AgentId(0), TransferTo::Queue(QueueId(1)));
    let facts = [
        queued(7),
        left(7, Outcome::Answered, 300, Some(anna)),
        talk(TalkFact::TransferFailed { by: anna, to: TransferTo::Number("+4930".into()) }),
        talk(TalkFact::Transferred { by: anna, to: support }),
    ];
    for (fact, wall) in facts.into_iter().zip([1000, 1300, 2000, 3000]) {
        assert_eq!(fold.observe(&at(wall, fact)), None);
    }
    // In the queue he was passed on to he gives up: one record, which still tells how he came there.
    for fact in [queued(7), left(7, Outcome::Abandoned, 100, None)] {
        assert_eq!(fold.observe(&at(3000, fact)), None);
    }
    let cdr = record(fold.observe(&at(9000, ended(7, EndedBy::Caller, 0))));
    let told: Vec<_> =
        cdr.transfers.iter().map(|it| (it.at_ms, it.by.as_str(), it.to.as_str(), it.done)).collect();
    assert_eq!(told, [(2000, "anna", "number +4930", false), (3000, "anna", "queue support", true)]);
    assert_eq!((cdr.outcome, cdr.visits.len()), (Outcome::Abandoned, 1));
}

#[test]
fn a_record_tells_of_the_legs_through_all_queues_the_callers_first_and_of_very_many_the_last() {
    let mut fold = fold(10);
    let leg = |at_ms: i64, with: &str| LegOfCall {
        at_ms,
        with: with.into(),
        sip_call_id: format!("{with}-{at_ms}"),
    };
    assert!(!fold.leg_begun(CallId(7), leg(900, "anna")), "there is no such call");
    fold.observe(&at(1000, queued(7)));
    let of_caller = LegOfCall { at_ms: 1000, with: "caller".into(), sip_call_id: "7@host".into() };
    assert!(!fold.leg_begun(CallId(7), of_caller.clone()), "it is told of already");
    assert!(fold.leg_begun(CallId(7), leg(1100, "anna")));
    fold.observe(&at(2000, left(7, Outcome::Overflow, 1000, None)));
    fold.observe(&at(2000, to_another(queued(7), 1)));
    assert!(fold.leg_begun(CallId(7), leg(2100, "ben")));
    let open = fold.clone();
    let cdr = record(fold.observe(&at(9000, ended(7, EndedBy::Caller, 0))));
    assert_eq!(cdr.legs, [of_caller.clone(), leg(1100, "anna"), leg(2100, "ben")]);
    let mut fold = open;
    for more in 0..1000 {
        assert!(fold.leg_begun(CallId(7), leg(3000 + more, "ben")));
    }
    let cdr = record(fold.observe(&at(9000, ended(7, EndedBy::Caller, 0))));
    assert_eq!((cdr.legs.len(), &cdr.legs[0]), (64, &of_caller));
    assert_eq!((&cdr.legs[1], &cdr.legs[63]), (&leg(3937, "ben"), &leg(3999, "ben")));
}

#[test]
fn whom_a_caller_called_first_is_in_his_record() {
    let mut fold = fold(10);
    let diverted = |mut fact| {
        if let Fact::CallQueued { caller, .. } = &mut fact {
            caller.diverted_from = Some("+4930111".into());
        }
        fact
    };
    fold.observe(&at(0, diverted(queued(7))));
    fold.observe(&at(0, queued(8)));
    let first = |call, fold: &mut CdrFold| {
        record(fold.observe(&at(9, ended(call, EndedBy::Caller, 0)))).diverted_from
    };
    assert_eq!((first(7, &mut fold).as_deref(), first(8, &mut fold)), (Some("+4930111"), None));
}
