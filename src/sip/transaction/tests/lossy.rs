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
