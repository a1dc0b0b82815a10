//! A record at its beginning.

use crate::engine::fact::{EndedBy, Outcome};
use crate::engine::id::CallId;
use crate::stats::{Audio, Cdr};

/// A record of which nothing is known yet but that the call is at the queue: what is left of it when we fail.
pub(super) fn blank(call: CallId, queue: String, wall: i64) -> Cdr {
    Cdr {
        call,
        sip_call_id: String::new(),
        queue,
        dialled: String::new(),
        caller_number: String::new(),
        caller_name: String::new(),
        diverted_from: None,
        language: String::new(),
        priority_ms: 0,
        queued_at_ms: wall,
        answered_at_ms: None,
        ended_at_ms: wall,
        wait_ms: 0,
        talk_ms: 0,
        hold_ms: 0,
        ring_ms: 0,
        offers: 0,
        outcome: Outcome::Error,
        answered_in_threshold: false,
        agent: None,
        ended_by: EndedBy::System,
        turned_away: None,
        sent_to: None,
        visits: Vec::new(),
        disposition: None,
        transfers: Vec::new(),
        legs: Vec::new(),
        audio: Audio::default(),
        restart: None,
    }
}
