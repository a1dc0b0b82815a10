//! Counts at the engine's end of the wire what came about: every message that leaves the engine or reaches it is looked at,
//! and nobody is asked. A copy counts for nothing, unless copies are what is counted.

mod answered;
mod answers;
mod asked;
mod dialogs;

use super::seen::Seen;
use super::wire::{branch, call_id};
use crate::engine::time::Monotonic;
use crate::sip::dialog::cseq;
use crate::sip::message::{Message, Method, Request};
use dialogs::Dialogs;
use std::collections::{BTreeMap, BTreeSet};

/// A request, and what came of it.
struct Asked {
    request: Request,
    /// Whether it opens a dialog, or belongs to none.
    opens: bool,
    /// Whether it was cancelled.
    cancelled: bool,
    /// Whether a 183 with media answered it.
    early: bool,
    /// Its final responses: status and tag.
    finals: BTreeSet<(u16, String)>,
}

impl Asked {
    fn new(request: &Request) -> Self {
        let opens = request.to_tag().is_none();
        let (cancelled, early, finals) = Default::default();
        Self { request: request.clone(), opens, cancelled, early, finals }
    }

    fn was_answered(&self) -> bool {
        self.finals.iter().any(|(status, _)| (200..300).contains(status))
    }
}

/// The requests of one side.
type Requests = BTreeMap<(String, Method), Asked>;

/// The wire so far.
#[derive(Default)]
pub(super) struct Tally {
    seen: Seen,
    ours: Requests,
    theirs: Requests,
    dialogs: Dialogs,
    /// Requests of ours that carried the answer to a challenge.
    answers: u64,
}

/// By what a message is found again.
fn key(message: &Message) -> (String, Method) {
    let method = match message {
        Message::Request(request) => request.method.clone(),
        Message::Response(response) => {
            cseq(&response.headers).map_or(Method::Other("".into()), |cseq| cseq.method)
        }
    };
    // A client may use a branch again in another call.
    (format!("{} {}", branch(message), call_id(message)), method)
}

impl Tally {
    /// The engine sends a message.
    pub fn sent(&mut self, now: Monotonic, message: &Message) {
        match message {
            Message::Request(request) => self.we_ask(now, key(message), request),
            Message::Response(response) => self.we_answer(now, &key(message), response),
        }
    }

    /// A message reaches the engine.
    pub fn delivered(&mut self, now: Monotonic, message: &Message) {
        match message {
            Message::Request(request) => self.they_ask(key(message), request),
            Message::Response(response) => self.they_answer(now, &key(message), response),
        }
    }

    /// What came about.
    pub fn seen(&self) -> Seen {
        let Seen { challenged, challenged_within, .. } = self.seen;
        Seen { not_proved: (challenged + challenged_within).saturating_sub(self.answers), ..self.seen }
    }
}
