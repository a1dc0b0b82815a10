//! Session timers (RFC 4028): when a dialog must be refreshed, by whom, and when it counts as dead.

use super::super::message::Headers;
use crate::engine::time::Monotonic;
use std::time::Duration;

/// The shortest session interval we accept (RFC 4028 §4).
pub const SESSION_EXPIRES_MIN: Duration = Duration::from_secs(90);
/// Longer intervals are cut to this: a dead peer should be noticed within the hour.
const SESSION_EXPIRES_MAX: Duration = Duration::from_secs(3600);

/// Where the far side wants no timer it is asked at half of this whether it lives (RFC 4028 §4 advises it).
const SESSION_UNASKED: Duration = Duration::from_secs(1800);

/// A session timer that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionTimer {
    interval: Duration,
    /// Whether the far side knows of it; else nothing but its silence ends the session.
    agreed: bool,
    /// Whether we have to refresh; else the far side has.
    pub ours: bool,
    refreshed: Monotonic,
    asked: bool,
    /// When a refresh that was put off is tried again.
    again_at: Option<Monotonic>,
    /// The shortest interval somebody on the way takes, once he has said so.
    least: Option<Duration>,
}

/// What a request asks about the session timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// An interval that we accept; whether it wants us to refresh.
    Timer(Duration, bool),
    /// An interval below [`SESSION_EXPIRES_MIN`]: 422 with Min-SE.
    TooShort,
}

impl SessionTimer {
    /// What a session request of the far side asks (RFC 4028 §9). Who is not asked to, lets the
    /// far side refresh: it knows what its NAT needs.
    pub fn asked(headers: &Headers) -> Asked {
        let Some((interval, refresher)) = session_expires(headers) else { return Asked::Nothing };
        if interval < SESSION_EXPIRES_MIN {
            return Asked::TooShort;
        }
        let able = headers.has_token("Supported", "timer") || headers.has_token("Require", "timer");
        let ours = !able || refresher.as_deref() == Some("uas");
        Asked::Timer(interval.min(SESSION_EXPIRES_MAX), ours)
    }

    /// The timer a request sets up; `headers` get what the 2xx must say (RFC 4028 §9).
    pub fn answer(now: Monotonic, request: &Headers, headers: &mut Headers) -> Option<Self> {
        let Asked::Timer(interval, ours) = Self::asked(request) else { return None };
        let refresher = if ours { "uas" } else { "uac" };
        headers.push("Session-Expires", format!("{};refresher={refresher}", interval.as_secs()));
        if !ours {
            headers.push("Require", "timer");
        }
        Some(Self::agreed(now, interval, ours))
    }

    /// The timer the far side's 2xx to our request sets up (RFC 4028 §7.2).
    pub fn accepted(now: Monotonic, response: &Headers) -> Option<Self> {
        let (interval, refresher) = session_expires(response)?;
        let interval = interval.max(SESSION_EXPIRES_MIN);
        let ours = refresher.as_deref() != Some("uas");
        Some(Self::agreed(now, interval, ours))
    }

    /// The timer a dialog has once the far side has answered our request: agreed, or ours alone.
    pub fn begun(now: Monotonic, response: &Headers) -> Self {
        Self::accepted(now, response).unwrap_or_else(|| Self::unasked(now))
    }

    /// The timer of a dialog that goes on after a restart: whether it is refreshed in time is on us until it is agreed anew.
    pub fn resumed(now: Monotonic, interval: Duration) -> Self {
        let interval = interval.clamp(SESSION_EXPIRES_MIN, SESSION_EXPIRES_MAX);
        Self::agreed(now, interval, true)
    }

    /// The timer of a dialog whose far side wants none: who stands in line and is gone without a word would be rung for
    /// in the end.
    pub fn unasked(now: Monotonic) -> Self {
        Self { agreed: false, ..Self::agreed(now, SESSION_UNASKED, true) }
    }

    fn agreed(now: Monotonic, interval: Duration, ours: bool) -> Self {
        Self { interval, agreed: true, ours, refreshed: now, asked: false, again_at: None, least: None }
    }

    /// The interval, agreed or not.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// When we must act next: refresh at half time, or end what nobody refreshed (RFC 4028 §10).
    pub fn due(&self) -> Monotonic {
        if self.ours && !self.asked {
            return self.again_at.unwrap_or(self.refreshed + self.interval / 2).min(self.end());
        }
        self.end()
    }

    fn end(&self) -> Monotonic {
        let grace = (self.interval / 3).min(Duration::from_secs(32));
        self.refreshed + (self.interval - grace)
    }

    /// Whether the session is over at `now`; otherwise it is to be refreshed by us.
    pub fn is_expired(&self, now: Monotonic) -> bool {
        self.agreed && (self.asked || !self.ours || self.again_at.is_some()) && now >= self.end()
    }

    /// We sent a refresh.
    pub fn refreshing(&mut self, now: Monotonic) {
        (self.asked, self.again_at) = (self.agreed, None);
        if !self.agreed {
            // Whatever is answered, it lives; and in the end it is asked again.
            self.refreshed = now;
        }
    }

    /// Our refresh was refused because its interval is too short for somebody (RFC 4028 §7.3). Whether it is to be tried
    /// again with this one: once, and only if it is longer.
    pub fn lengthen(&mut self, least: Duration) -> bool {
        if self.least.is_some() || least <= self.interval || least > SESSION_EXPIRES_MAX {
            return false;
        }
        (self.interval, self.least) = (least, Some(least));
        true
    }

    /// What `Min-SE` of our refresh must say, if anything (RFC 4028 §7.3).
    pub fn least(&self) -> Option<Duration> {
        self.least
    }

    /// Our refresh came at a bad moment: it is tried again then, if the session lasts so long.
    pub fn put_off(&mut self, until: Monotonic) {
        (self.asked, self.again_at) = (false, Some(until));
    }
}

/// The shortest interval a 422 allows (RFC 4028 §5).
pub fn min_se(headers: &Headers) -> Option<Duration> {
    let secs: u32 = headers.first("Min-SE")?.split(';').next()?.trim().parse().ok()?;
    Some(Duration::from_secs(secs.into()))
}

fn session_expires(headers: &Headers) -> Option<(Duration, Option<String>)> {
    let value = headers.first("Session-Expires")?;
    let mut parts = value.split(';').map(str::trim);
    let secs: u32 = parts.next()?.parse().ok()?;
    let refresher = parts.find_map(|part| part.strip_prefix("refresher=")).map(str::to_ascii_lowercase);
    Some((Duration::from_secs(secs.into()), refresher))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(expires: &str, supported: bool) -> Headers {
        let mut headers = Headers::new();
        headers.push("Session-Expires", expires);
        if supported {
            headers.push("Supported", "timer, 100rel");
        }
        headers
    }

    #[test]
    fn the_far_side_refreshes_when_it_can_and_may_leave_it_to_us() {
        assert_eq!(
            SessionTimer::asked(&headers("1800", true)),
            Asked::Timer(Duration::from_secs(1800), false)
        );
        assert_eq!(
            SessionTimer::asked(&headers("1800;refresher=uas", true)),
            Asked::Timer(Duration::from_secs(1800), true)
        );
        assert_eq!(SessionTimer::asked(&headers("60", true)), Asked::TooShort);
        assert_eq!(SessionTimer::asked(&Headers::new()), Asked::Nothing);
    }

    #[test]
    fn who_wants_no_timer_is_asked_again_and_again_and_never_expires() {
        let mut timer = SessionTimer::unasked(Monotonic(0));
        for round in 1..=9 {
            assert_eq!(timer.due(), Monotonic(round * 900_000_000));
            assert!(!timer.is_expired(Monotonic(u64::MAX)));
            timer.refreshing(timer.due());
        }
    }

    #[test]
    fn an_interval_that_is_too_short_for_somebody_is_lengthened_once() {
        let secs = Duration::from_secs;
        let mut reply = Headers::new();
        let mut timer =
            SessionTimer::answer(Monotonic(0), &headers("90;refresher=uas", true), &mut reply).unwrap();
        assert!(!timer.lengthen(secs(90)) && !timer.lengthen(secs(7200)));
        assert!(timer.lengthen(secs(300)) && !timer.lengthen(secs(600)));
        assert_eq!((timer.interval(), timer.least()), (secs(300), Some(secs(300))));
    }

    #[test]
    fn who_must_refresh_does_so_at_half_time_and_who_waits_gives_up_before_the_end() {
        let mut reply = Headers::new();
        let mut ours =
            SessionTimer::answer(Monotonic(0), &headers("90;refresher=uas", true), &mut reply).unwrap();
        assert_eq!(reply.first("Session-Expires"), Some("90;refresher=uas"));
        assert_eq!(ours.due(), Monotonic(45_000_000));
        assert!(!ours.is_expired(ours.due()));
        ours.refreshing(ours.due());
        assert_eq!(ours.due(), Monotonic(60_000_000));
        assert!(ours.is_expired(ours.due()));
        let theirs = SessionTimer::answer(Monotonic(0), &headers("90", true), &mut reply).unwrap();
        assert!(!theirs.is_expired(Monotonic(59_999_999)) && theirs.is_expired(Monotonic(60_000_000)));
    }
}
