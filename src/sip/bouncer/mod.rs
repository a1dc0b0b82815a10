//! Who knocks too often: how many requests a stranger may make, and who is shut out for guessing passwords. Pure and
//! bounded; it is told what happened and decides, and drops nothing itself.
//!
//! The source of a datagram can be forged, so no forged request may harm whom it names. A guess counts only when it
//! answers a nonce that was sent to that very address: whoever has that nonce receives there. And a source that has shown
//! a password is asked for no patience, however many requests come in its name.

mod memory;
mod rules;
#[cfg(test)]
mod tests;

pub use rules::BouncerRules;

use crate::engine::time::Monotonic;
use crate::sip::source::Source;
use memory::Memory;
use std::net::IpAddr;
use std::time::Duration;

/// Sources that something is known of, of each kind.
const SOURCES_MAX: usize = 16_384;
/// How long whoever has shown a password is believed to be a phone of ours: longer than any registration.
const PROVEN_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long it is remembered that somebody was shut out: the next time it is for twice as long.
const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 3600);
/// Doubled bans grow to this, unless the operator wants longer ones from the first.
const BAN_MAX: Duration = Duration::from_secs(24 * 3600);

/// Somebody who is shut out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ban {
    /// Who.
    pub source: Source,
    /// Until when.
    pub until: Monotonic,
    /// For the how manieth time within a day.
    pub times: u32,
    /// Whether nothing at all is taken from there any more. If not, only passwords are: calls that need none go on.
    pub shuts_out: bool,
}

/// What has changed since it was asked last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    /// From whom nothing is taken now.
    pub shut_out: Vec<Source>,
    /// Who came to be banned.
    pub banned: Vec<Ban>,
}

#[derive(Clone, Copy, Debug)]
struct Banned {
    times: u32,
    shuts_out: bool,
}

/// All that is known of sources.
#[derive(Debug)]
pub struct Bouncer {
    rules: BouncerRules,
    /// When a stranger's allowance is whole again (the generic cell rate algorithm, ITU-T I.371).
    allowances: Memory<()>,
    proven: Memory<()>,
    /// Guesses.
    suspects: Memory<u32>,
    bans: Memory<Banned>,
    /// How often somebody was banned lately.
    past: Memory<u32>,
    fresh: Vec<Ban>,
    has_changed: bool,
}

impl Bouncer {
    /// Nobody is known.
    pub fn new(rules: BouncerRules) -> Self {
        Self {
            rules,
            allowances: Memory::new(SOURCES_MAX),
            proven: Memory::new(SOURCES_MAX),
            suspects: Memory::new(SOURCES_MAX),
            bans: Memory::new(SOURCES_MAX),
            past: Memory::new(SOURCES_MAX),
            fresh: Vec::new(),
            has_changed: false,
        }
    }

    /// Other rules from now on. Whoever is exempt now is let in at once.
    pub fn go_by(&mut self, rules: BouncerRules) {
        self.rules = rules;
        let let_in: Vec<_> = self
            .bans
            .iter()
            .map(|(source, ..)| source)
            .filter(|it| self.rules.exempts(it.address()))
            .collect();
        for source in let_in {
            self.lift(source);
        }
    }

    /// Whether a stranger's request is looked at: one that shows no password and belongs to nothing.
    pub fn may_ask(&mut self, now: Monotonic, address: IpAddr) -> bool {
        let source = Source::of(address);
        let (Some(interval), false) = (self.rules.interval(), self.rules.exempts(address)) else {
            return true;
        };
        if self.proven.recall(now, source).is_some() {
            return true;
        }
        let whole_at = self.allowances.recall(now, source).map_or(now, |(at, ())| at);
        if whole_at.since(now) > interval * self.rules.burst().saturating_sub(1) {
            return false;
        }
        self.allowances.note(source, whole_at + interval, ());
        true
    }

    /// A right password came from there.
    pub fn proved(&mut self, now: Monotonic, address: IpAddr) {
        self.proven.note(Source::of(address), now + PROVEN_FOR, ());
    }

    /// A wrong password came from there, for a nonce that was sent there. `may_shut_out`: whether nobody else speaks from
    /// there without a password.
    pub fn guessed(&mut self, now: Monotonic, address: IpAddr, may_shut_out: bool) {
        let source = Source::of(address);
        if self.rules.failures == 0 || self.rules.exempts(address) || self.is_banned(now, address) {
            return;
        }
        let (until, before) = self
            .suspects
            .recall(now, source)
            .map_or_else(|| (now + self.rules.within, 0), |(until, guesses)| (until, *guesses));
        if before + 1 < self.rules.failures {
            return self.suspects.note(source, until, before + 1);
        }
        self.suspects.forget(source);
        self.ban(now, source, may_shut_out);
    }

    fn ban(&mut self, now: Monotonic, source: Source, shuts_out: bool) {
        let times = self.past.recall(now, source).map_or(0, |(_, times)| *times).saturating_add(1);
        let first = self.rules.length;
        let doubled = 2_u32.checked_pow(times - 1).and_then(|factor| first.checked_mul(factor));
        let until = now + doubled.map_or(BAN_MAX, |length| length.min(BAN_MAX)).max(first);
        self.past.note(source, until + REMEMBERED_FOR, times);
        self.bans.note(source, until, Banned { times, shuts_out });
        self.fresh.push(Ban { source, until, times, shuts_out });
        self.has_changed = true;
    }

    /// Whether passwords from there are not even looked at.
    pub fn is_banned(&self, now: Monotonic, address: IpAddr) -> bool {
        self.bans.recall(now, Source::of(address)).is_some()
    }

    /// Lets somebody in again, and forgets that he was ever banned. Whether he was.
    pub fn lift(&mut self, source: Source) -> bool {
        let was_banned = self.bans.forget(source);
        self.past.forget(source);
        self.has_changed |= was_banned;
        was_banned
    }

    /// Forgets what is over.
    pub fn tick(&mut self, now: Monotonic) {
        while self.bans.fade(now).is_some() {
            self.has_changed = true;
        }
        for memory in [&mut self.allowances, &mut self.proven] {
            while memory.fade(now).is_some() {}
        }
        for memory in [&mut self.suspects, &mut self.past] {
            while memory.fade(now).is_some() {}
        }
    }

    /// When the first ban is over. The rest is forgotten in passing.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.bans.first_end()
    }

    /// Who is banned.
    pub fn bans(&self) -> impl Iterator<Item = Ban> {
        self.bans.iter().map(|(source, until, ban)| Ban {
            source,
            until,
            times: ban.times,
            shuts_out: ban.shuts_out,
        })
    }

    /// How many are banned.
    pub fn banned(&self) -> usize {
        self.bans.len()
    }

    /// What has changed since this was asked last, if anything has.
    pub fn news(&mut self) -> Option<News> {
        std::mem::take(&mut self.has_changed).then(|| News {
            shut_out: self.bans().filter(|ban| ban.shuts_out).map(|ban| ban.source).collect(),
            banned: std::mem::take(&mut self.fresh),
        })
    }
}
