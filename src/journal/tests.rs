//! Written, cut anywhere, and read again: the state is that of some moment, and no record is lost by the cut.

use super::frame::{self, HEADER};
use super::*;
use crate::engine::command::Commands;
use crate::engine::event::Caller;
use crate::engine::id::{AgentId, CallId, LegId, OfferId, QueueId};
use crate::engine::settings::{Agent, Login, Number, Queue, Settings};
use crate::engine::time::{Monotonic, Now, Wall};
use crate::engine::{Engine, Event};
use crate::sip::standing::{Change, Standing, StandingContacts};
use crate::stats::{self, CdrFold, LegOfCall, Today};
use proptest::prelude::*;
use std::time::Duration;

fn centre() -> Settings {
    let agent =
        Agent { name: "anna".into(), queues: vec![QueueId(0)], login: Login::Automatic, ..Agent::default() };
    let number = Number { dialled: "100".into(), queue: QueueId(0), ..Number::default() };
    let queue = Queue { name: "sales".into(), wrap_up: Duration::from_secs(5), ..Queue::default() };
    Settings { queues: vec![queue], agents: vec![agent], numbers: vec![number], ..Settings::default() }
}

fn at(secs: u64) -> Now {
    Now { mono: Monotonic(secs * 1_000_000), wall: Wall(i64::try_from(secs).unwrap() * 1000) }
}

fn events() -> Vec<(Now, Event)> {
    let arrived = |call| Event::CallArrived {
        call: CallId(call),
        dialled: "100".into(),
        caller: Caller { number: call.to_string(), ..Caller::default() },
        agent: None,
        sip_call_id: format!("sip-{call}"),
        wishes: None,
    };
    vec![
        (at(1), Event::AgentReachable { agent: AgentId(0), reachable: true }),
        (at(2), arrived(1)),
        (at(3), Event::OfferAnswered { offer: OfferId(1) }),
        (at(4), arrived(2)),
        (at(9), Event::LegEnded { leg: LegId::Caller(CallId(1)) }),
        (at(20), Event::Tick),
        (at(21), Event::LegEnded { leg: LegId::Caller(CallId(2)) }),
        (at(22), arrived(3)),
    ]
}

fn whole(engine: Engine) -> Whole {
    let settings = centre();
    Whole {
        at: at(0),
        engine,
        records: CdrFold::new(&settings),
        unwritten: Vec::new(),
        today: Today::new(&settings),
        sip: Standing::default(),
    }
}

fn put(entries: &[Entry], bytes: &mut Vec<u8>) {
    let mut payload = Vec::new();
    ciborium::into_writer(entries, &mut payload).unwrap();
    assert!(frame::write(&payload, bytes));
}

/// How the journal begins.
fn begun(engine: &Engine) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    put(&[Entry::Whole(Box::new(whole(engine.clone())))], &mut bytes);
    bytes
}

/// A journal of the events with one frame for each, and the engine after each.
fn written() -> (Vec<u8>, Vec<Engine>) {
    let mut engine = Engine::new(centre(), 1, 1);
    let mut bytes = begun(&engine);
    let mut engines = vec![engine.clone()];
    for (now, event) in events() {
        put(&[Entry::Happened(now, event.clone())], &mut bytes);
        let mut out = Commands::new();
        engine.handle(now, event, &mut out);
        engines.push(engine.clone());
    }
    (bytes, engines)
}

#[test]
fn engine_is_what_it_was_and_records_that_were_due_are_there_again() {
    let (bytes, engines) = written();
    let recovered = replay(&bytes).unwrap().unwrap();
    assert_eq!(Some(&recovered.engine), engines.last());
    assert_eq!((recovered.last, recovered.newest_call, recovered.torn_bytes), (at(22), Some(CallId(3)), 0));
    let ended = recovered.written.iter().map(|entry| match entry {
        stats::Entry::Ended(record) => (record.call, record.talk_ms),
        stats::Entry::Noted(_) => panic!("nothing was noted"),
    });
    assert_eq!(ended.collect::<Vec<_>>(), [(CallId(1), 6_000), (CallId(2), 0)]);
    assert_eq!(recovered.records.open(), 1, "the third is not over");
    assert_eq!(recovered.today.queues()[0].offered, 3);
}

proptest! {
    #[test]
    fn cut_anywhere_it_is_the_state_of_some_moment(cut in any::<prop::sample::Index>()) {
        let (bytes, engines) = written();
        let kept = HEADER.len() + cut.index(bytes.len() - HEADER.len() + 1);
        match replay(&bytes[..kept]).unwrap() {
            Some(recovered) => prop_assert!(engines.contains(&recovered.engine)),
            None => prop_assert!(kept < begun(&engines[0]).len(), "the beginning is there"),
        }
    }
}

#[test]
fn empty_file_is_nothing_and_another_version_is_said() {
    assert!(replay(b"").unwrap().is_none());
    assert_eq!(replay(b"holdfast journal 9\n").unwrap_err(), Unreadable::Version);
    let mut bytes = HEADER.to_vec();
    frame::write(b"no entries", &mut bytes);
    assert!(matches!(replay(&bytes), Err(Unreadable::Entry(_))));
}

#[test]
fn later_words_of_the_signalling_replace_earlier_ones() {
    let contacts = |count| {
        let account = "anna".to_owned();
        let contacts = (0..count).map(|port| crate::sip::standing::StandingContact {
            uri: format!("sip:anna@192.0.2.1:{port}"),
            flow: crate::sip::flow::Flow::udp(([192, 0, 2, 9], 5060).into(), ([192, 0, 2, 1], 5060).into())
                .into(),
            path: Vec::new(),
            outbound: None,
            made_by: ("c".into(), 1),
            expires_at: None,
            q_thousandths: 1000,
        });
        Entry::Signalling(Change::Contacts(StandingContacts { account, contacts: contacts.collect() }))
    };
    let entries = [Entry::Whole(Box::new(whole(Engine::new(centre(), 1, 1)))), contacts(2), contacts(1)];
    let mut payload = Vec::new();
    ciborium::into_writer(&entries[..], &mut payload).unwrap();
    let mut bytes = HEADER.to_vec();
    frame::write(&payload, &mut bytes);
    let recovered = replay(&bytes).unwrap().unwrap();
    assert_eq!(recovered.sip.contacts.len(), 1);
    assert_eq!(recovered.sip.contacts[0].contacts.len(), 1);
}

/// Waits for the thread, which has its own pace.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_is_handed_over_is_in_the_file_and_a_second_process_keeps_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdfast.journal");
    let engine = Engine::new(centre(), 1, 1);
    let mut journal = Journal::start(&path, whole(engine), at(0).mono).unwrap();
    assert!(matches!(disk::find(&path), Err(JournalError::Locked(_))));
    for (now, event) in events() {
        journal.note(Entry::Happened(now, event));
        journal.hand_over(now.mono);
    }
    drop(journal);
    let found = disk::find(&path).unwrap();
    let recovered = replay(&found.bytes).unwrap().unwrap();
    assert_eq!(Some(&recovered.engine), written().1.last());
}

#[test]
fn after_a_gap_it_begins_anew_with_everything() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data");
    std::fs::create_dir(&place).unwrap();
    let path = place.join("holdfast.journal");
    let engine = Engine::new(centre(), 1, 1);
    let mut journal = Journal::start(&path, whole(engine.clone()), at(0).mono).unwrap();
    // The place is gone: everything anew cannot be written.
    std::fs::remove_dir_all(&place).unwrap();
    journal.begin_anew(whole(engine.clone()), at(1).mono);
    eventually("the thread has failed", || !journal.is_whole());
    journal.note(Entry::Alive(at(2)));
    journal.hand_over(at(2).mono);
    assert!(!journal.wants_whole(at(3).mono), "not at once: the disk has a moment to recover");
    assert!(journal.wants_whole(at(10).mono));
    std::fs::create_dir(&place).unwrap();
    let mut later = whole(engine);
    later.at = at(10);
    journal.begin_anew(later, at(10).mono);
    eventually("it is there again", || path.exists());
    eventually("and whole", || journal.is_whole());
    journal.note(Entry::Alive(at(11)));
    journal.hand_over(at(11).mono);
    drop(journal);
    let found = disk::find(&path).unwrap();
    assert_eq!(replay(&found.bytes).unwrap().unwrap().last, at(11));
}

#[test]
fn what_could_not_be_written_is_handed_on_from_one_beginning_to_the_next_and_legs_with_it() {
    let mut fold = CdrFold::new(&centre());
    let mut engine = Engine::new(centre(), 1, 1);
    let mut entries = Vec::new();
    for (now, event) in events().into_iter().take(5) {
        let mut out = Commands::new();
        engine.handle(now, event, &mut out);
        entries.extend(out.take_facts().filter_map(|stamped| fold.observe(&stamped)));
    }
    assert_eq!(entries.len(), 1, "one call is over");
    let unwritten = entries.iter().cloned().map(|entry| Unwritten(std::sync::Arc::new(entry))).collect();
    let anew = Whole { engine, records: fold, unwritten, ..whole(Engine::new(centre(), 1, 1)) };
    let leg = LegOfCall { at_ms: 4_000, with: "anna".into(), sip_call_id: "ours".into() };
    let mut bytes = HEADER.to_vec();
    put(&[Entry::Whole(Box::new(anew))], &mut bytes);
    put(&[Entry::LegBegun(CallId(2), leg.clone())], &mut bytes);
    put(&[Entry::Happened(at(9), Event::LegEnded { leg: LegId::Caller(CallId(2)) })], &mut bytes);
    let recovered = replay(&bytes).unwrap().unwrap();
    assert_eq!(recovered.written.len(), 2);
    assert_eq!(recovered.written[0], entries[0]);
    let stats::Entry::Ended(second) = &recovered.written[1] else { panic!("nothing was noted") };
    assert_eq!(second.legs.last(), Some(&leg));
}
