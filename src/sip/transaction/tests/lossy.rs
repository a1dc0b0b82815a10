//! Many exchanges over a wire that loses, doubles and delays: each request gets its final response, once.

use super::*;

/// A small generator, so that a failure comes again with its seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn exchange(seed: u64, method: &Method, status: u16) -> Pair {
    let mut pair = Pair::new(Transport::Udp);
    let mut dice = Dice(seed);
    pair.fate = Box::new(move |_| match dice.throw(100) {
        0..20 => Fate::Lost,
        20..35 => Fate::Doubled,
        _ => Fate::Arrives,
    });
    pair.send(method.clone());
    let (mut answered, until) = (false, Monotonic(200_000_000));
    while pair.step(until) {
        if !answered && !pair.requests().is_empty() {
            answered = true;
            pair.respond(status);
        }
    }
    pair
}

#[test]
fn one_fifth_loss_leaves_no_request_without_exactly_one_end() {
    let mut timeouts = 0;
    for seed in 0..300 {
        for (method, status) in [(Method::Invite, 486), (Method::Bye, 200)] {
            let pair = exchange(seed, &method, status);
            let heard = pair.heard(CALLER);
            let finals = heard.iter().filter(|news| **news == status.to_string()).count();
            let timed_out = heard.iter().filter(|news| *news == "timed out").count();
            assert_eq!(finals + timed_out, 1, "seed {seed}, {method}: {heard:?}");
            assert!(pair.requests().len() <= 1, "seed {seed}, {method}: told twice");
            timeouts += timed_out;
            pair.assert_idle();
        }
    }
    assert!(timeouts <= 3, "{timeouts} of 600 gave up");
}

#[test]
fn the_same_seed_gives_the_same_exchange() {
    let one = exchange(42, &Method::Invite, 486);
    let two = exchange(42, &Method::Invite, 486);
    assert_eq!((&one.log, &one.news), (&two.log, &two.news));
}

/// An INVITE that is cancelled at one moment and answered at another, over a lossy wire. The called side repeats its 200
/// until an ACK comes and refuses what was cancelled, as a dialog does.
fn race(seed: u64) -> Pair {
    let mut pair = Pair::new(Transport::Udp);
    let mut dice = Dice(seed);
    let cancel_at = Monotonic(dice.throw(200) * 1000);
    let mut answer_at = Some(Monotonic(dice.throw(200) * 1000));
    let mut fates = Dice(seed + 1_000_000);
    pair.fate = Box::new(move |_| if fates.throw(10) < 2 { Fate::Lost } else { Fate::Arrives });
    let id = pair.send(Method::Invite);
    let (mut cancelled, mut refused, mut acked) = (false, false, 0);
    let mut moment = Monotonic(0);
    while moment < Monotonic(100_000_000) {
        moment = moment + Duration::from_millis(1);
        while pair.step(moment) {}
        pair.now = moment;
        if !cancelled && moment >= cancel_at {
            cancelled = true;
            pair.act(CALLER, |end, now, out| end.cancel(now, id, out));
        }
        if !refused && pair.heard(CALLED).iter().any(|news| news == "cancelled") {
            refused = true;
            answer_at = answer_at.filter(|at| moment > *at);
            pair.respond(487);
        }
        let has_ack = pair.heard(CALLED).iter().any(|news| news == "ACK");
        if answer_at.is_some_and(|at| moment >= at) && !pair.requests().is_empty() {
            answer_at = (!has_ack).then(|| moment + Duration::from_millis(500));
            if !has_ack {
                pair.respond(200);
            }
        }
        let answers = pair.heard(CALLER).iter().filter(|news| *news == "200").count();
        if answers > acked {
            acked = answers;
            let (ack, to) = (request(Method::Ack), pair.flow(CALLER));
            pair.act(CALLER, |end, _, out| end.send_ack(ack, to, out));
        }
    }
    pair
}

#[test]
fn a_cancel_that_races_an_answer_leaves_both_sides_agreed() {
    let (mut answered, mut refused) = (0, 0);
    for seed in 0..60 {
        let pair = race(seed);
        let heard = pair.heard(CALLER);
        let has = |what: &str| heard.iter().any(|news| news == what);
        let outcomes = [has("200"), has("487"), has("timed out")];
        assert_eq!(outcomes.iter().filter(|it| **it).count(), 1, "seed {seed}: {heard:?}");
        let told = pair.heard(CALLED);
        assert!(told.iter().filter(|news| *news == "cancelled").count() <= 1, "seed {seed}: {told:?}");
        assert_eq!(has("200"), told.iter().any(|news| news == "ACK"), "seed {seed}: {told:?}");
        pair.assert_idle();
        answered += usize::from(has("200"));
        refused += usize::from(has("487"));
    }
    assert!(answered > 5 && refused > 5, "both must happen: {answered} answered, {refused} refused");
}
