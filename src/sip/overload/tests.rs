//! The controller before a server of known speed, on fake time.

use super::*;
use std::collections::VecDeque;

const CAPACITY: u64 = 1_000;
/// What refusing costs, of what a call costs: a message parsed elsewhere, and one answer without a memory of it.
const REFUSAL_SHARE: u64 = 50;

/// A loop that works off calls in their order, each at a known cost, in turns of at most 64 messages.
struct Server {
    overload: Overload,
    now: Monotonic,
    waiting: VecDeque<Monotonic>,
    served: u64,
    refused: u64,
    delays: Vec<Duration>,
}

impl Server {
    fn new() -> Self {
        let overload = Overload::new(OverloadRules::default());
        let (now, waiting, delays) = Default::default();
        Self { overload, now, waiting, served: 0, refused: 0, delays }
    }

    /// So many calls a second, evenly, for so long.
    fn run(&mut self, calls_per_second: u64, span: Duration) {
        let (began, until) = (self.now, self.now + span);
        let gap = Duration::from_nanos(1_000_000_000 / calls_per_second.max(1));
        let mut next = self.now;
        let mut come = 0_u32;
        while self.now < until {
            while calls_per_second > 0 && next <= self.now {
                self.waiting.push_back(next);
                come += 1;
                next = began + gap * come;
            }
            self.turn(next.min(self.now + Duration::from_millis(10)));
        }
    }

    fn turn(&mut self, next: Monotonic) {
        let taken: Vec<_> = self.waiting.drain(..self.waiting.len().min(64)).collect();
        let waited = taken.first().map_or(Duration::ZERO, |came| self.now.since(*came));
        self.overload.waited(self.now, waited);
        if taken.is_empty() {
            self.now = next.max(self.now + Duration::from_micros(1));
            return;
        }
        let cost = Duration::from_micros(1_000_000 / CAPACITY);
        for came in taken {
            match self.overload.admit(self.now, Newcomer::Call, 0) {
                Ok(()) => {
                    self.now = self.now + cost;
                    self.served += 1;
                    self.delays.push(self.now.since(came));
                }
                Err(_) => {
                    self.now = self.now + cost / REFUSAL_SHARE as u32;
                    self.refused += 1;
                }
            }
        }
    }

    /// Calls served a second, and the longest wait of 99 in 100, from now on.
    fn measure(&mut self, calls_per_second: u64, span: Duration) -> (u64, Duration) {
        self.served = 0;
        self.refused = 0;
        self.delays.clear();
        self.run(calls_per_second, span);
        self.delays.sort_unstable();
        let p99 = self.delays.get(self.delays.len() * 99 / 100).copied().unwrap_or_default();
        (self.served / span.as_secs().max(1), p99)
    }
}

#[test]
fn at_twice_and_five_times_the_load_as_many_calls_are_served_as_can_be() {
    for load in [1, 2, 5] {
        let mut server = Server::new();
        // Just below the capacity at first: a server that is full is never idle.
        let offered = if load == 1 { CAPACITY * 95 / 100 } else { CAPACITY * load };
        server.run(offered, Duration::from_secs(5));
        let (served, p99) = server.measure(offered, Duration::from_secs(30));
        // What refusals cost is no capacity any more.
        let possible = CAPACITY - (offered.saturating_sub(CAPACITY)) / REFUSAL_SHARE;
        assert!(served * 100 >= possible.min(offered) * 97, "{load}×: {served} of {possible} a second");
        assert!(served * 100 >= CAPACITY.min(offered) * 90, "{load}×: {served} of {CAPACITY} a second");
        assert!(p99 < Duration::from_millis(400), "{load}×: {p99:?}");
        assert_eq!(server.refused == 0, load == 1, "{load}×: refused {}", server.refused);
    }
}

#[test]
fn a_sudden_flood_is_held_back_within_seconds_and_let_go_when_it_is_over() {
    let mut server = Server::new();
    server.run(CAPACITY / 2, Duration::from_secs(5));
    assert_eq!((server.refused, server.overload.rate()), (0, None));
    server.run(CAPACITY * 5, Duration::from_secs(1));
    assert!(server.overload.is_overloaded());
    server.run(CAPACITY * 5, Duration::from_secs(2));
    let (_, p99) = server.measure(CAPACITY * 5, Duration::from_secs(5));
    assert!(p99 < Duration::from_millis(500), "{p99:?}");
    server.run(CAPACITY / 2, Duration::from_secs(10));
    let (served, p99) = server.measure(CAPACITY / 2, Duration::from_secs(5));
    assert_eq!((served, server.refused), (CAPACITY / 2, 0));
    assert!(p99 < Duration::from_millis(80), "{p99:?}");
    assert!(!server.overload.is_overloaded());
}

#[test]
fn one_long_breath_of_the_machine_refuses_nobody() {
    let mut server = Server::new();
    for _ in 0..20 {
        server.run(CAPACITY / 3, Duration::from_secs(1));
        // The whole process stood still; what came meanwhile waits.
        let before = server.now;
        server.now = server.now + Duration::from_millis(500);
        let come = CAPACITY / 3 * 500 / 1_000;
        server.waiting.extend((0..come).map(|nth| before + Duration::from_millis(3) * nth as u32));
    }
    assert_eq!((server.refused, server.overload.rate()), (0, None));
    // The same to a server that was idle, and looks about five times a second.
    let mut overload = Overload::new(OverloadRules::default());
    for (at_ms, waited_ms) in
        [(0, 0), (200, 0), (400, 0), (900, 490), (905, 480), (910, 300), (915, 0), (1_100, 0)]
    {
        overload.waited(Monotonic(at_ms * 1_000), Duration::from_millis(waited_ms));
        assert!(!overload.is_overloaded(), "at {at_ms} ms");
    }
}

#[test]
fn what_stands_and_what_is_ours_is_let_in_whatever_happens_and_strangers_are_let_in_last() {
    let mut overload = Overload::new(OverloadRules { calls_max: 10, ..OverloadRules::default() });
    let at = |ms: u64| Monotonic(ms * 1_000);
    for turn in 0..=100 {
        overload.waited(at(turn * 5), Duration::from_secs(1));
    }
    let mut let_in =
        |who, calls| (0..1_000).filter(|nth| overload.admit(at(600 + nth), who, calls).is_ok()).count();
    assert_eq!(let_in(Newcomer::Ours, 99), 1_000);
    assert!((15..=25).contains(&let_in(Newcomer::Stranger, 0)));
    assert!(let_in(Newcomer::Call, 0) < 10);
    assert_eq!(let_in(Newcomer::Call, 10), 0);
}

#[test]
fn refusals_say_when_to_come_back_and_not_all_the_same() {
    let mut overload = Overload::new(OverloadRules { calls_max: 1, ..OverloadRules::default() });
    let refusals: Vec<_> = (0..8)
        .filter_map(|_| overload.admit(Monotonic(1), Newcomer::Call, 1).err())
        .map(|refusal| (refusal.cause, refusal.retry_after.as_secs()))
        .collect();
    assert_eq!(refusals.iter().map(|(_, secs)| *secs).collect::<Vec<_>>(), [2, 3, 4, 1, 2, 3, 4, 1]);
    assert!(refusals.iter().all(|(cause, _)| *cause == Cause::Calls));
}

#[test]
fn late_audio_refuses_calls_only_when_it_lasts_and_until_it_is_well_again() {
    let mut overload = Overload::new(OverloadRules::default());
    let (mut sent, mut late) = (0, 0);
    let mut second = 0;
    let mut go_on = |overload: &mut Overload, more_late: u64| {
        second += 1;
        sent += 1_000;
        late += more_late;
        let now = Monotonic(second * 1_000_000);
        overload.audio(now, sent, late);
        overload.admit(now, Newcomer::Call, 0).err().map(|refusal| refusal.cause)
    };
    let refused: Vec<_> = [0, 900, 0, 300, 300, 300, 200, 200, 100, 200]
        .map(|late| go_on(&mut overload, late).is_some())
        .into();
    assert_eq!(refused, [false, false, false, false, false, true, true, true, false, false]);
    // A handful of packets is no measure.
    let mut quiet = Overload::new(OverloadRules::default());
    for second in 1..10 {
        quiet.audio(Monotonic(second * 1_000_000), second * 100, second * 100);
    }
    assert!(!quiet.is_overloaded());
}

#[test]
fn without_a_longest_wait_nothing_is_held_back() {
    let mut overload = Overload::new(OverloadRules { delay_max: None, ..OverloadRules::default() });
    for turn in 0..100 {
        overload.waited(Monotonic(turn * 10_000), Duration::from_secs(9));
    }
    assert!(overload.admit(Monotonic(1_000_000), Newcomer::Call, 0).is_ok());
}

#[test]
fn when_nine_tenths_of_the_room_for_records_are_taken_calls_are_refused_until_a_quarter_is_free() {
    let mut overload = Overload::new(OverloadRules::default());
    let mut refused = |waiting, who| {
        overload.records(waiting, 100);
        overload.admit(Monotonic(1), who, 0).err().map(|refusal| refusal.cause)
    };
    for (waiting, is_refused) in
        [(0, false), (89, false), (90, true), (76, true), (75, true), (74, false), (89, false)]
    {
        let expected = is_refused.then_some(Cause::Records);
        assert_eq!(refused(waiting, Newcomer::Call), expected, "{waiting} of 100");
        assert_eq!(refused(waiting, Newcomer::Ours), None);
    }
    assert!(!overload.lacks_room() && !overload.is_overloaded());
}
