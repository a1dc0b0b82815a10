//! When a leg's RTP is read: at once while it is in a conversation, in its turn while it waits. Looks into no packet.
//!
//! A socket that wakes the worker costs at both ends: each packet that comes is a wake-up, and each that is sent makes the
//! system look for somebody who waits for room in its buffer (a tenth of a send's whole price, measured). What a waiting
//! caller's phone sends goes nowhere; his keys are heard soon enough.

use super::{SLOTS, Source, Worker};
use mio::{Interest, Token};

/// A waiting leg's packets are fetched in every so many of its frames: its keys are late by 60 ms at most, and the
/// socket's buffer holds more than a second.
const FRAMES_BETWEEN: u64 = 3;

impl Worker {
    /// Has the leg's packets wake the worker or not, after anything that changed what the leg hears.
    pub(super) fn attend(&mut self, at: usize) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let wakes = matches!(leg.source, Source::Room);
        if wakes == leg.wakes {
            return;
        }
        if wakes {
            // In a conversation all comes and goes by the one socket that wakes the worker.
            self.leave_lane(at);
        }
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        leg.wakes = wakes;
        // When packets were fetched says nothing about when they came.
        leg.session.time_arrivals(wakes);
        let registry = self.poll.registry();
        let done = match wakes {
            true => registry.register(&mut leg.rtp, Token(at * 2), Interest::READABLE),
            false => registry.deregister(&mut leg.rtp),
        };
        if let Err(error) = done {
            leg.wakes = !wakes;
            tracing::error!(leg = %leg.id, %error, "the leg's packets cannot be waited for: they are fetched instead");
        }
    }

    /// Fetches what came for a leg that does not wake the worker.
    pub(super) fn fetch(&mut self, at: usize, slot: u64) {
        let is_turn = (slot / SLOTS + at as u64).is_multiple_of(FRAMES_BETWEEN);
        let Some(leg) = self.legs.get(at).and_then(Option::as_ref).filter(|leg| is_turn && !leg.wakes) else {
            return;
        };
        let has_lane = leg.lane.is_some();
        self.read_lane(at);
        if !has_lane || Self::looks_beside(at, slot) {
            self.read(Token(at * 2));
        }
    }
}
