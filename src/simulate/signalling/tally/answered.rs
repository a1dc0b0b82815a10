//! What the engine is answered.

use super::dialogs::{self, Dialog, Sketch, interval};
use super::{Asked, Tally};
use crate::engine::time::Monotonic;
use crate::simulate::signalling::seen::Seen;
use crate::simulate::signalling::wire::{credentials, is_change};
use crate::sip::dialog::SESSION_EXPIRES_MIN;
use crate::sip::message::{Method, Response};
use std::time::Duration;

/// Whoever had a 491 of ours so shortly before gives us one for the same collision.
const AT_ONCE: Duration = Duration::from_secs(2);

impl Tally {
    pub(super) fn they_answer(&mut self, now: Monotonic, key: &(String, Method), response: &Response) {
        let Some(asked) = self.ours.get_mut(key) else { return };
        let seen = &mut self.seen;
        if response.is_provisional() {
            let early = response.status == 183 && !response.body.is_empty() && asked.opens;
            seen.early_from_phones += u64::from(early && !std::mem::replace(&mut asked.early, true));
            return;
        }
        let before = asked.finals.len();
        let answered_before = asked.was_answered();
        if !asked.finals.insert((response.status, response.to_tag().unwrap_or_default())) {
            let is_answer = response.is_success() && asked.request.method == Method::Invite;
            seen.answered_twice += u64::from(is_answer);
            return;
        }
        let id = dialogs::of_their_response(response);
        if !response.is_success() {
            if before == 0 {
                let since = self.dialogs.get(&id).and_then(|dialog| dialog.glare);
                let both = since.is_some_and(|since| now.since(since) < AT_ONCE);
                refused(seen, asked, response, both);
            }
            return;
        }
        if asked.opens && asked.request.method == Method::Invite {
            let count = match (answered_before, before, asked.cancelled) {
                (true, ..) => &mut seen.forked,
                (false, 1.., _) => &mut seen.late,
                (false, 0, true) => &mut seen.crossed_our_cancel,
                (false, 0, false) => &mut seen.picked_up,
            };
            *count += 1;
        }
        let dialog = self.dialogs.entry(id).or_default();
        took(seen, dialog, asked, now, response);
    }
}

/// A success of ours.
fn took(seen: &mut Seen, dialog: &mut Dialog, asked: &Asked, now: Monotonic, response: &Response) {
    let proved = u64::from(!credentials(&asked.request).is_empty());
    if asked.opens {
        seen.proved += proved;
    } else {
        seen.proved_within += proved;
    }
    let method = &asked.request.method;
    seen.reliable_from_phones += u64::from(*method == Method::Prack);
    if !asked.opens && is_change(method) {
        let count = if *method == Method::Update { &mut seen.updates } else { &mut seen.reinvites };
        *count += 1;
        seen.refreshed_by_us += u64::from(asked.request.headers.first("Session-Expires").is_some());
    }
    if is_change(method) {
        began(dialog, now, response);
    }
}

fn began(dialog: &mut Dialog, now: Monotonic, response: &Response) {
    dialog.found_at(&response.headers);
    dialog.session = interval(&response.headers).map(|interval| (now, interval.max(SESSION_EXPIRES_MIN)));
    if let Some(sketch) = Sketch::of(&response.body) {
        dialog.described = Some(sketch);
    }
}

/// A refusal to us; `both`: the other end had just had one of ours.
fn refused(seen: &mut Seen, asked: &Asked, response: &Response, both: bool) {
    let method = &asked.request.method;
    match response.status {
        401 | 407 => {
            let asks = if response.status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
            seen.stale += u64::from(response.headers.all(asks).any(|value| value.contains("stale=true")));
            seen.challenged_bye += u64::from(*method == Method::Bye);
            let count = if asked.opens { &mut seen.challenged } else { &mut seen.challenged_within };
            *count += 1;
        }
        405 | 501 => seen.update_unknown += u64::from(*method == Method::Update),
        487 => seen.cancelled_by_us += u64::from(asked.cancelled),
        491 => {
            seen.glare_to_us += 1;
            seen.both_glared += u64::from(both);
        }
        _ => {}
    }
}
