//! When new calls are refused because there is more to do than can be done: what is measured goes in, a yes or a no comes
//! out. Pure: it is told the time, sends nothing, and knows no message.
//!
//! It works on how many calls *a second* are let in, not on which share of them, so that twice the load does not let in
//! twice as many before anything is measured (RFC 6357 §5.3.1, §5.4). How many can be served is not guessed: while messages
//! wait, the loop is never idle, so what was let in then is what it can do. The rate is set just below that, and rises
//! until messages wait again. What has been let in is never refused.

mod audio;
mod records;

use crate::engine::time::Monotonic;
use audio::Audio;
use records::Room;
use std::time::Duration;

/// How often the rate is looked at.
const WINDOW: Duration = Duration::from_millis(100);
/// Of what was let in while the loop was never idle, so much is let in from then on.
const KEEPS: f64 = 0.95;
/// And so much more in each window in which somebody was refused though messages did not wait.
const RISES: f64 = 1.03;
/// It must last so many windows before anybody is refused: a process that stood still for a moment catches up by itself.
const LATE_WINDOWS: u32 = 3;
/// Fewer calls a second are let in under no load: else nothing could be measured any more.
const RATE_MIN: f64 = 5.0;
/// Of what nobody has a call for (strangers, questions whether we live), so many a second.
const STRANGERS: f64 = 20.0;
/// So much of a second's calls may come at once.
const BURST_SECONDS: f64 = 0.05;
/// After so long without a refusal, nothing is held back any more.
const CALM: Duration = Duration::from_secs(2);
/// `Retry-After`: from one second on, spread over so many, so that the refused do not come back together. A carrier may
/// keep *all* calls away for so long (RFC 3261 §21.5.4), so it is short.
const RETRY_SPREAD_SECS: u64 = 4;

/// From when on calls are refused.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OverloadRules {
    /// Messages may wait so long for the loop; `None`: however long.
    pub delay_max: Option<Duration>,
    /// This share of the audio packets may be late by more than a frame; 1: all.
    pub late_audio_max: f64,
    /// Calls at once.
    pub calls_max: usize,
}

impl Default for OverloadRules {
    fn default() -> Self {
        Self { delay_max: Some(Duration::from_millis(200)), late_audio_max: 0.25, calls_max: usize::MAX }
    }
}

/// Who wants to begin something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Newcomer {
    /// It belongs to something that stands, or it can prove that it is one of ours: always let in.
    Ours,
    /// A new call by a trunk.
    Call,
    /// All else: it is let in last.
    Stranger,
}

/// Why somebody is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// Messages wait too long for the loop.
    Delay,
    /// Audio leaves too late.
    LateAudio,
    /// There are as many calls as there may be.
    Calls,
    /// So many call records wait to be written that another might be lost.
    Records,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 4] = [Self::Delay, Self::LateAudio, Self::Calls, Self::Records];

    /// The word used in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::LateAudio => "late_audio",
            Self::Calls => "calls",
            Self::Records => "records",
        }
    }
}

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TurnedAway {
    /// Why.
    pub cause: Cause,
    /// When it is worth trying again.
    pub retry_after: Duration,
}

/// The controller.
#[derive(Debug)]
pub struct Overload {
    rules: OverloadRules,
    window: Window,
    /// The rate, while calls are held back.
    pace: Option<Pace>,
    /// How many windows in a row were late before there was a rate.
    late_windows: u32,
    audio: Audio,
    room: Room,
    refused: u64,
}

/// What was seen since the rate was looked at last.
#[derive(Debug, Default)]
struct Window {
    /// When its first message was measured: a breath before that says nothing.
    began: Option<Monotonic>,
    /// The shortest wait: what one long breath of the machine leaves behind is gone again within a window, what remains
    /// is more than can be done (as CoDel tells them apart, RFC 8289 §3.2).
    waited: Option<Duration>,
    /// Since when these are counted: since the window before was over.
    counted_from: Monotonic,
    let_in: u32,
    refused: u32,
}

#[derive(Debug)]
struct Pace {
    /// Calls a second.
    rate: f64,
    calls: Bucket,
    strangers: Bucket,
    waited: Duration,
    refused_at: Monotonic,
}

/// What may be let in now.
#[derive(Debug)]
struct Bucket {
    level: f64,
    at: Monotonic,
}

impl Bucket {
    fn new(now: Monotonic) -> Self {
        Self { level: 1.0, at: now }
    }

    fn take(&mut self, now: Monotonic, rate: f64) -> bool {
        let most = (rate * BURST_SECONDS).max(1.0);
        self.level = (self.level + now.since(self.at).as_secs_f64() * rate).min(most);
        self.at = now;
        let has_one = self.level >= 1.0;
        if has_one {
            self.level -= 1.0;
        }
        has_one
    }
}

impl Overload {
    /// Nothing is held back yet.
    pub fn new(rules: OverloadRules) -> Self {
        let (window, audio, room) = Default::default();
        Self { rules, window, pace: None, late_windows: 0, audio, room, refused: 0 }
    }

    /// Other rules from now on.
    pub fn follow(&mut self, rules: OverloadRules) {
        self.rules = rules;
    }

    /// The oldest of the messages that were just taken had waited so long; zero when there was none.
    pub fn waited(&mut self, now: Monotonic, waited: Duration) {
        let shortest = self.window.waited.map_or(waited, |before| before.min(waited));
        self.window.waited = Some(shortest);
        if now.since(*self.window.began.get_or_insert(now)) >= WINDOW {
            self.look(now, shortest);
        }
    }

    /// So many packets of audio have been sent since the start, so many of them late by more than a frame.
    pub fn audio(&mut self, now: Monotonic, sent: u64, late: u64) {
        self.audio.look(now, sent, late, self.rules.late_audio_max);
    }

    /// So many call records wait to be written, of so many that may.
    pub fn records(&mut self, waiting: u64, most: u64) {
        self.room.look(waiting, most);
    }

    /// Whether somebody is let in, while so many calls go on.
    ///
    /// # Errors
    /// When he is not.
    pub fn admit(&mut self, now: Monotonic, who: Newcomer, calls: usize) -> Result<(), TurnedAway> {
        let cause = match who {
            Newcomer::Ours => return Ok(()),
            Newcomer::Call => self.refuses_call(now, calls),
            Newcomer::Stranger => self.refuses_stranger(now),
        };
        match cause {
            None => {
                self.window.let_in += u32::from(who == Newcomer::Call);
                Ok(())
            }
            Some(cause) => {
                self.window.refused += 1;
                self.refused = self.refused.wrapping_add(1);
                let retry_after = Duration::from_secs(1 + self.refused % RETRY_SPREAD_SECS);
                Err(TurnedAway { cause, retry_after })
            }
        }
    }

    fn refuses_call(&mut self, now: Monotonic, calls: usize) -> Option<Cause> {
        if calls >= self.rules.calls_max {
            return Some(Cause::Calls);
        }
        if self.room.is_full {
            return Some(Cause::Records);
        }
        if self.audio.is_bad {
            return Some(Cause::LateAudio);
        }
        let pace = self.pace.as_mut()?;
        (!pace.calls.take(now, pace.rate)).then_some(Cause::Delay)
    }

    fn refuses_stranger(&mut self, now: Monotonic) -> Option<Cause> {
        let pace = self.pace.as_mut()?;
        (!pace.strangers.take(now, STRANGERS)).then_some(Cause::Delay)
    }

    /// Looks at the window that is over; the next begins with the next measurement.
    fn look(&mut self, now: Monotonic, waited: Duration) {
        let next = Window { counted_from: now, ..Window::default() };
        let Window { let_in, refused, counted_from, .. } = std::mem::replace(&mut self.window, next);
        let Some(most) = self.rules.delay_max.filter(|most| !most.is_zero()) else {
            self.pace = None;
            return;
        };
        let let_in = f64::from(let_in) / now.since(counted_from).as_secs_f64();
        match &mut self.pace {
            None if waited <= most => self.late_windows = 0,
            None if self.late_windows + 1 < LATE_WINDOWS => self.late_windows += 1,
            None => {
                self.late_windows = 0;
                let (calls, strangers) = (Bucket::new(now), Bucket::new(now));
                let rate = (let_in * KEEPS).max(RATE_MIN);
                self.pace = Some(Pace { rate, calls, strangers, waited, refused_at: now });
            }
            Some(pace) => {
                if refused > 0 || waited > most {
                    pace.refused_at = now;
                }
                pace.follow(waited, most / 2, let_in, refused > 0);
                if now.since(pace.refused_at) >= CALM {
                    self.pace = None;
                }
            }
        }
    }

    /// Calls a second that are let in; `None` while nothing is held back.
    pub fn rate(&self) -> Option<f64> {
        self.pace.as_ref().map(|pace| pace.rate)
    }

    /// Whether calls are refused because their records would find no room.
    pub fn lacks_room(&self) -> bool {
        self.room.is_full
    }

    /// Whether calls are refused for what is measured of the load.
    pub fn is_overloaded(&self) -> bool {
        self.pace.is_some() || self.audio.is_bad
    }
}

impl Pace {
    fn follow(&mut self, waited: Duration, most: Duration, let_in: f64, has_refused: bool) {
        let before = std::mem::replace(&mut self.waited, waited);
        if waited > most {
            // Once is enough, as long as it helps: what waits is being worked off.
            if waited >= before {
                self.rate = self.rate.min(let_in * KEEPS).max(RATE_MIN);
            }
        } else if has_refused {
            self.rate *= RISES;
        }
    }
}

#[cfg(test)]
mod tests;
