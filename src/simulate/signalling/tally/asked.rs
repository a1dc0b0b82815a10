//! Requests, ours and theirs, as they pass.

use super::dialogs::{self, Sketch};
use super::{Asked, Tally};
use crate::engine::time::Monotonic;
use crate::simulate::signalling::wire::credentials;
use crate::sip::dialog::cseq;
use crate::sip::message::{Method, Request};
use std::time::Duration;

/// 64·T1.
const PATIENCE: Duration = Duration::from_secs(32);

impl Tally {
    pub(super) fn we_ask(&mut self, now: Monotonic, key: (String, Method), request: &Request) {
        if request.method == Method::Cancel {
            if let Some(invite) = self.ours.get_mut(&(key.0, Method::Invite)) {
                invite.cancelled = true;
            }
            return;
        }
        if request.method == Method::Ack || self.ours.contains_key(&key) {
            return;
        }
        self.answers += u64::from(!credentials(request).is_empty());
        self.seen.too_brief_to_us += u64::from(request.headers.first("Min-SE").is_some());
        if let Some(dialog) = self.dialogs.get_mut(&dialogs::of_our_request(request)) {
            let moved = dialog.moved_to.take_if(|contact| *contact == request.uri);
            self.seen.other_contact += u64::from(moved.is_some());
            if request.method == Method::Bye {
                dialog.left = true;
                self.seen.session_expired += u64::from(dialog.expires() == Some(now));
                let waited = dialog.unacked.is_some_and(|since| now.since(since) == PATIENCE);
                self.seen.never_acked += u64::from(waited);
            }
        }
        if request.method == Method::Notify {
            self.we_tell(request);
        }
        self.ours.insert(key, Asked::new(request));
    }

    /// How a transfer goes (RFC 3515 §2.4.5).
    fn we_tell(&mut self, notify: &Request) {
        let state = notify.headers.first("Subscription-State").unwrap_or_default();
        let event = notify.headers.first("Event").unwrap_or_default();
        let number = event.split_once("id=").and_then(|(_, id)| id.parse::<u32>().ok());
        let (true, Some(number)) = (state.starts_with("terminated"), number) else { return };
        let dialog = self.dialogs.get_mut(&dialogs::of_our_request(notify));
        let Some(attended) = dialog.and_then(|dialog| dialog.referred.remove(&number)) else { return };
        let count = match (notify.body.starts_with(b"SIP/2.0 2"), attended) {
            (true, false) => &mut self.seen.passed_on,
            (true, true) => &mut self.seen.passed_on_attended,
            (false, false) => &mut self.seen.pass_failed,
            (false, true) => &mut self.seen.pass_failed_attended,
        };
        *count += 1;
    }

    pub(super) fn they_ask(&mut self, key: (String, Method), request: &Request) {
        if request.method == Method::Ack {
            return self.they_acknowledge(request);
        }
        if request.method == Method::Cancel {
            if let Some(invite) = self.theirs.get_mut(&(key.0, Method::Invite)) {
                let first = !std::mem::replace(&mut invite.cancelled, true);
                self.seen.crossed_callers_cancel += u64::from(first && invite.was_answered());
            }
            return;
        }
        if self.theirs.contains_key(&key) {
            return;
        }
        let asked = Asked::new(request);
        if asked.opens && request.method == Method::Invite {
            self.seen.reliable_required += u64::from(request.headers.has_token("Require", "100rel"));
        }
        if let Some(dialog) = self.dialogs.get(&dialogs::of_their_request(request))
            && request.method == Method::Bye
        {
            self.seen.bye_before_ack += u64::from(dialog.unacked.is_some());
            self.seen.bye_crossed += u64::from(dialog.left);
        }
        self.theirs.insert(key, asked);
    }

    /// The ACK of a 200 of ours, with the answer to our offer if there was one (RFC 3261 §13.2.1).
    fn they_acknowledge(&mut self, ack: &Request) {
        let id = dialogs::of_their_request(ack);
        let Some(dialog) = self.dialogs.get_mut(&id) else { return };
        let number = cseq(&ack.headers).map_or(0, |cseq| cseq.number);
        let is_its = |asked: &&mut Asked| {
            let theirs = dialogs::of_their_request(&asked.request);
            theirs.0 == id.0
                && theirs.2 == id.2
                && asked.request.method == Method::Invite
                && cseq(&asked.request.headers).is_ok_and(|cseq| cseq.number == number)
                && asked.was_answered()
        };
        let Some(invite) = self.theirs.values_mut().find(is_its) else { return };
        if invite.opens {
            dialog.unacked = None;
        }
        // What is answered so is answered once.
        if invite.request.body.is_empty()
            && let Some(sketch) = Sketch::of(&ack.body)
        {
            invite.request.body.clone_from(&ack.body);
            dialog.described = Some(sketch);
            let count =
                if invite.opens { &mut self.seen.offerless } else { &mut self.seen.offerless_changes };
            *count += 1;
        }
    }
}
