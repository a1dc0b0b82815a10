//! One server of a trunk: whether it lives, and when it is asked again (OPTIONS, RFC 3261 §11). Sends nothing itself.

use super::order::Rank;
use crate::engine::time::Monotonic;
use crate::sip::flow::Flow;
use std::time::Duration;

/// How long a server has to answer: by UDP the question has been sent four times by then.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// How long one that failed is left alone where servers are not asked; each further failure doubles it.
const REST: Duration = Duration::from_secs(30);
/// And never longer.
const REST_MAX: Duration = Duration::from_secs(300);

/// One server, never reused: a late answer can't hit another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GatewayId(pub u64);

/// What is known of it.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Which.
    pub id: GatewayId,
    /// The way to it.
    pub flow: Flow,
    /// Its place among the trunk's servers.
    pub rank: Rank,
    /// Whether it is believed to live; it is until it fails.
    pub is_up: bool,
    failures: u32,
    /// When it is asked next; or when it has rested, where nobody asks.
    next_at: Option<Monotonic>,
    /// When its answer must have come.
    answer_by: Option<Monotonic>,
}

/// What a deadline of a server leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GatewayDue {
    /// It is asked now.
    Ask,
    /// Nothing is to be sent.
    Nothing,
}

impl Gateway {
    /// Asked at once, if servers are asked at all.
    pub fn new(id: GatewayId, flow: Flow, rank: Rank, every: Option<Duration>) -> Self {
        let next_at = every.map(|_| Monotonic(0));
        Self { id, flow, rank, is_up: true, failures: 0, next_at, answer_by: None }
    }

    /// The same in another place.
    #[must_use]
    pub fn ranked(self, rank: Rank) -> Self {
        Self { rank, ..self }
    }

    /// When [`due`](Self::due) has something to do.
    pub fn deadline(&self) -> Option<Monotonic> {
        [self.next_at, self.answer_by].into_iter().flatten().min()
    }

    /// Time has passed. `every` as in the configuration.
    pub fn due(&mut self, now: Monotonic, every: Option<Duration>) -> GatewayDue {
        if self.answer_by.is_some_and(|at| at <= now) {
            self.failed(now, every, None);
        }
        if self.next_at.is_none_or(|at| at > now) {
            return GatewayDue::Nothing;
        }
        self.next_at = None;
        if every.is_none() {
            self.is_up = true;
            return GatewayDue::Nothing;
        }
        self.answer_by = Some(now + ANSWER_MAX);
        GatewayDue::Ask
    }

    /// It answered, whatever was asked. Only 503 says that it takes nothing, and 408 that there is nobody behind it.
    pub fn answered(
        &mut self,
        now: Monotonic,
        every: Option<Duration>,
        status: u16,
        retry_after: Option<Duration>,
    ) {
        if matches!(status, 408 | 503) {
            return self.failed(now, every, retry_after);
        }
        (self.is_up, self.failures, self.answer_by) = (true, 0, None);
        self.next_at = every.map(|every| now + every);
    }

    /// It gave no sign of life, could not be reached, or says itself that it takes nothing for so long.
    pub fn failed(&mut self, now: Monotonic, every: Option<Duration>, retry_after: Option<Duration>) {
        let doubled = every.unwrap_or(REST).saturating_mul(1 << self.failures.min(8));
        let rest = retry_after.unwrap_or(doubled.min(REST_MAX.max(every.unwrap_or_default())));
        self.failures = self.failures.saturating_add(1);
        (self.is_up, self.answer_by) = (false, None);
        self.next_at = Some(now + rest);
    }

    /// A call through it was left unanswered: it is not tried again before others until it has answered an OPTIONS, and
    /// that is asked at once.
    pub fn suspect(&mut self, now: Monotonic, every: Option<Duration>) {
        if every.is_none() {
            return self.failed(now, every, None);
        }
        self.is_up = false;
        if self.answer_by.is_none() {
            self.next_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Option<Duration> = Some(Duration::from_secs(30));

    fn gateway(every: Option<Duration>) -> Gateway {
        let flow = Flow::udp("192.0.2.9:5060".parse().unwrap(), "203.0.113.1:5060".parse().unwrap());
        Gateway::new(GatewayId(1), flow, Rank::default(), every)
    }

    fn at(secs: u64) -> Monotonic {
        Monotonic(0) + Duration::from_secs(secs)
    }

    #[test]
    fn a_server_that_does_not_answer_is_down_and_asked_less_and_less_often() {
        let mut gateway = gateway(EVERY);
        let mut asked = Vec::new();
        for _ in 0..20 {
            let now = gateway.deadline().unwrap();
            if gateway.due(now, EVERY) == GatewayDue::Ask {
                asked.push(now.since(Monotonic(0)).as_secs());
            }
        }
        assert_eq!(asked[..6], [0, 34, 98, 222, 466, 770], "30, 60, 120, 240, 300, … after each silence");
        assert!(!gateway.is_up);
        gateway.answered(at(5_000), EVERY, 404, None);
        assert!(gateway.is_up, "a refusal comes from somebody who is there");
        assert_eq!(gateway.deadline(), Some(at(5_030)));
    }

    #[test]
    fn a_503_takes_it_out_for_as_long_as_it_says() {
        let mut gateway = gateway(EVERY);
        gateway.due(at(0), EVERY);
        gateway.answered(at(1), EVERY, 503, Some(Duration::from_secs(120)));
        assert_eq!((gateway.is_up, gateway.deadline()), (false, Some(at(121))));
    }

    #[test]
    fn where_nobody_asks_it_is_up_again_when_it_has_rested() {
        let mut gateway = gateway(None);
        assert_eq!(gateway.deadline(), None);
        gateway.suspect(at(10), None);
        assert_eq!((gateway.is_up, gateway.deadline()), (false, Some(at(40))));
        assert_eq!(gateway.due(at(40), None), GatewayDue::Nothing);
        assert_eq!((gateway.is_up, gateway.deadline()), (true, None));
    }
}
