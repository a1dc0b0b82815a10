//! A 2xx of ours that waits for its ACK (RFC 3261 §13.3.1.4): when to send it again, when to give up.

use super::super::message::Response;
use crate::engine::time::Monotonic;
use std::time::Duration;

/// What is to be done about a 2xx at a point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resend {
    /// Nothing yet.
    Wait,
    /// Send it again.
    Again,
    /// 64·T1 are over: the dialog gets a BYE.
    GiveUp,
}

/// A 2xx without its ACK. Sent again on every transport: a hop further on may be UDP.
#[derive(Clone, Debug)]
pub struct Unacked {
    /// The response.
    pub response: Response,
    /// The CSeq number its ACK will have.
    pub cseq: u32,
    /// It carried our offer; the ACK brings the answer (RFC 3261 §13.2.1).
    pub offered: bool,
    due: Monotonic,
    interval: Duration,
    interval_max: Duration,
    give_up: Monotonic,
}

impl Unacked {
    /// Sent just now. `t1` and `t2` are the timers of RFC 3261 §17.1.1.1.
    pub fn new(
        response: Response,
        cseq: u32,
        offered: bool,
        now: Monotonic,
        t1: Duration,
        t2: Duration,
    ) -> Self {
        Self {
            response,
            cseq,
            offered,
            due: now + t1,
            interval: t1,
            interval_max: t2,
            give_up: now + t1 * 64,
        }
    }

    /// When there is something to do next.
    pub fn due(&self) -> Monotonic {
        self.due.min(self.give_up)
    }

    /// What is to be done now; intervals double up to T2.
    pub fn poll(&mut self, now: Monotonic) -> Resend {
        if now >= self.give_up {
            return Resend::GiveUp;
        }
        if now < self.due {
            return Resend::Wait;
        }
        self.interval = (self.interval * 2).min(self.interval_max);
        self.due = now + self.interval;
        Resend::Again
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::message::Headers;
    use super::*;

    #[test]
    fn a_lost_ack_means_ten_more_copies_and_then_the_end() {
        let response =
            Response { status: 200, reason: "OK".into(), headers: Headers::new(), body: Vec::new() };
        let (t1, t2) = (Duration::from_millis(500), Duration::from_secs(4));
        let mut unacked = Unacked::new(response, 1, false, Monotonic(0), t1, t2);
        let mut copies = 0;
        loop {
            let now = unacked.due();
            match unacked.poll(now) {
                Resend::Again => copies += 1,
                Resend::Wait => panic!("due, and yet nothing to do"),
                Resend::GiveUp => {
                    assert_eq!(now, Monotonic(32_000_000));
                    break;
                }
            }
        }
        assert_eq!(copies, 10);
    }
}
