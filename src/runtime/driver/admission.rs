//! Under load, whether what would begin something new is taken at all. What decides is in [`Overload`]; here it gets its
//! measurements, and whoever is refused his answer.

use super::Driver;
use crate::engine::time::Now;
use crate::sip::flow::Flow;
use crate::sip::message::{Message, Method};
use crate::sip::overload::Overload;
use crate::sip::transport::Arrived;

impl Driver {
    /// Measures how long what was just taken has waited.
    pub(super) fn measure_delay(&mut self, now: Now, network: &[Arrived]) {
        let oldest = network.iter().map(|arrived| arrived.at).min();
        let waited = oldest.map(|oldest| now.mono.since(self.clock.at(oldest)));
        if let Some(waited) = waited {
            self.facts.waited(waited);
        }
        self.overload.waited(now.mono, waited.unwrap_or_default());
    }

    /// Looks how many call records wait to be written.
    pub(super) fn measure_records(&mut self) {
        let (waiting, most) = self.facts.backlog();
        self.overload.records(waiting, most);
    }

    /// Says once that calls are refused for want of room for their records, and that it is over.
    pub(super) fn tell_room(&mut self) {
        let lacks_room = self.overload.lacks_room();
        if std::mem::replace(&mut self.work.lacked_room, lacks_room) == lacks_room {
            return;
        }
        let (waiting, most) = self.facts.backlog();
        if lacks_room {
            tracing::error!(
                waiting,
                most,
                "call records cannot be written, and their backlog is full: new calls are refused with 503 until the database takes \
                 records again; see that the disk under [store] path has room and can be written, and that nobody keeps the \
                 database locked"
            );
        } else {
            tracing::info!(waiting, "call records are written again: new calls are taken");
        }
    }

    /// Refuses a request that would begin something new, if there is too much to do. Whether it did.
    pub(super) fn turns_away(&mut self, now: Now, message: &Message, flow: Flow) -> bool {
        let Message::Request(request) = message else { return false };
        let who = self.sip.newcomer(request, &flow);
        self.measure_records();
        let Err(away) = self.overload.admit(now.mono, who, self.engine.calls()) else { return false };
        self.facts.turned_away(away.cause, request.method == Method::Invite);
        self.sip.turn_away(request, flow, away.retry_after, &mut self.work.sip);
        true
    }
}

/// Says once that refusing has begun, and that it is over.
pub(super) fn tell_change(overload: &Overload, was_overloaded: &mut bool) {
    let is_overloaded = overload.is_overloaded();
    if std::mem::replace(was_overloaded, is_overloaded) == is_overloaded {
        return;
    }
    if is_overloaded {
        tracing::warn!(
            "more comes in than can be done: new calls are refused in part, with 503; those in progress are not touched"
        );
    } else {
        tracing::info!("all that comes in can be done again: nobody is refused any more");
    }
}
