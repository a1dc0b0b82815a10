//! Whom it lets in, whom it shuts out, and that nobody else is harmed.

use super::*;
use std::net::Ipv4Addr;

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

fn rules() -> BouncerRules {
    BouncerRules {
        strangers_per_second: 5,
        failures: 3,
        within: 600 * SECOND,
        length: HOUR,
        exempt: vec!["198.51.100.0/24".parse().unwrap()],
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

struct Door {
    bouncer: Bouncer,
    now: Monotonic,
}

impl Door {
    fn new() -> Self {
        Self { bouncer: Bouncer::new(rules()), now: Monotonic(1) }
    }

    fn after(&mut self, span: Duration) {
        self.now = self.now + span;
        self.bouncer.tick(self.now);
    }

    fn asks(&mut self, address: &str, times: usize) -> usize {
        (0..times).filter(|_| self.bouncer.may_ask(self.now, ip(address))).count()
    }

    fn guesses(&mut self, address: &str, times: usize) {
        for _ in 0..times {
            self.bouncer.guessed(self.now, ip(address), true);
        }
    }

    fn is_banned(&self, address: &str) -> bool {
        self.bouncer.is_banned(self.now, ip(address))
    }
}

#[test]
fn a_stranger_gets_his_burst_and_then_his_rate_and_others_get_theirs() {
    let mut door = Door::new();
    assert_eq!(door.asks("192.0.2.1", 200), 50);
    assert_eq!(door.asks("192.0.2.2", 1), 1);
    door.after(SECOND);
    assert_eq!(door.asks("192.0.2.1", 200), 5);
    door.after(HOUR);
    assert_eq!(door.asks("192.0.2.1", 200), 50, "after a rest all is forgiven");
}

#[test]
fn who_has_shown_a_password_or_is_exempt_is_not_limited() {
    let mut door = Door::new();
    door.bouncer.proved(door.now, ip("192.0.2.1"));
    assert_eq!(door.asks("192.0.2.1", 500), 500);
    assert_eq!(door.asks("198.51.100.7", 500), 500);
    door.after(25 * HOUR);
    assert_eq!(door.asks("192.0.2.1", 500), 50, "that was yesterday");
}

#[test]
fn who_guesses_is_banned_and_told_of_once() {
    let mut door = Door::new();
    door.guesses("192.0.2.1", 2);
    assert_eq!((door.is_banned("192.0.2.1"), door.bouncer.news()), (false, None));
    door.guesses("192.0.2.1", 9);
    let source = Source::of(ip("192.0.2.1"));
    let ban = Ban { source, until: door.now + HOUR, times: 1, shuts_out: true };
    assert_eq!(door.bouncer.news(), Some(News { shut_out: vec![source], banned: vec![ban] }));
    assert_eq!(door.bouncer.news(), None);
    assert!(door.is_banned("192.0.2.1") && !door.is_banned("192.0.2.2"));
}

#[test]
fn a_ban_ends_by_itself_and_the_next_lasts_twice_as_long_up_to_a_day() {
    let mut door = Door::new();
    for hours in [1, 2, 4, 8, 16, 24, 24] {
        door.guesses("192.0.2.1", 3);
        assert_eq!(door.bouncer.next_deadline(), Some(door.now + hours * HOUR));
        door.after(hours * HOUR - SECOND);
        assert!(door.is_banned("192.0.2.1"));
        door.bouncer.news();
        door.after(SECOND);
        assert!(!door.is_banned("192.0.2.1"));
        assert_eq!(door.bouncer.news(), Some(News { shut_out: vec![], banned: vec![] }));
    }
    door.after(25 * HOUR);
    door.guesses("192.0.2.1", 3);
    assert_eq!(door.bouncer.next_deadline(), Some(door.now + HOUR), "a day later it counts from one");
}

#[test]
fn guesses_that_lie_far_apart_ban_nobody() {
    let mut door = Door::new();
    for _ in 0..20 {
        door.guesses("192.0.2.1", 2);
        door.after(600 * SECOND);
    }
    assert!(!door.is_banned("192.0.2.1"));
}

#[test]
fn one_network_of_ipv6_is_one_source() {
    let mut door = Door::new();
    for host in 1..=3 {
        door.guesses(&format!("2001:db8:0:7::{host}"), 1);
    }
    assert!(door.is_banned("2001:db8:0:7:ffff::9") && !door.is_banned("2001:db8:0:8::1"));
}

#[test]
fn the_exempt_are_never_banned_and_who_becomes_exempt_is_let_in() {
    let mut door = Door::new();
    door.guesses("198.51.100.7", 100);
    assert!(!door.is_banned("198.51.100.7"));
    door.guesses("192.0.2.1", 3);
    door.bouncer.news();
    door.bouncer.go_by(BouncerRules { exempt: vec!["192.0.2.1/32".parse().unwrap()], ..rules() });
    assert_eq!(door.bouncer.news(), Some(News { shut_out: vec![], banned: vec![] }));
}

#[test]
fn a_ban_that_is_lifted_is_forgotten() {
    let mut door = Door::new();
    door.guesses("192.0.2.1", 3);
    assert!(door.bouncer.lift(Source::of(ip("192.0.2.1"))) && !door.is_banned("192.0.2.1"));
    assert!(!door.bouncer.lift(Source::of(ip("192.0.2.1"))), "there is none any more");
    door.guesses("192.0.2.1", 3);
    assert_eq!(door.bouncer.next_deadline(), Some(door.now + HOUR));
}

#[test]
fn where_others_need_no_password_only_passwords_are_banned() {
    let mut door = Door::new();
    for _ in 0..3 {
        door.bouncer.guessed(door.now, ip("192.0.2.1"), false);
    }
    assert!(door.is_banned("192.0.2.1"));
    assert_eq!(door.bouncer.news().unwrap().shut_out, []);
}

#[test]
fn a_flood_from_everywhere_takes_no_more_than_its_room() {
    let mut door = Door::new();
    for number in 0..(SOURCES_MAX as u32 * 2) {
        let address = IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number));
        door.bouncer.may_ask(door.now, address);
        door.bouncer.proved(door.now, address);
        for _ in 0..3 {
            door.bouncer.guessed(door.now, address, true);
        }
    }
    let Bouncer { allowances, proven, suspects, bans, past, .. } = &door.bouncer;
    assert!(allowances.len().max(proven.len()).max(suspects.len()) <= SOURCES_MAX);
    assert!(bans.len().max(past.len()) <= SOURCES_MAX);
}
