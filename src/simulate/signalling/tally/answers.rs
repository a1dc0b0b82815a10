//! What the engine answers.

use super::dialogs::{self, Dialog, Sketch, interval};
use super::{Asked, Tally};
use crate::engine::time::Monotonic;
use crate::simulate::signalling::seen::Seen;
use crate::simulate::signalling::wire::is_change;
use crate::sip::dialog::cseq;
use crate::sip::message::{Method, Request, Response};

impl Tally {
    pub(super) fn we_answer(&mut self, now: Monotonic, key: &(String, Method), response: &Response) {
        let Some(asked) = self.theirs.get_mut(key) else { return };
        let seen = &mut self.seen;
        if response.is_provisional() {
            let early = response.status == 183 && !response.body.is_empty();
            seen.early_to_callers += u64::from(early && !std::mem::replace(&mut asked.early, true));
            return;
        }
        let id = dialogs::of_our_response(response);
        let tag = response.to_tag().unwrap_or_default();
        if !asked.finals.insert((response.status, tag)) {
            let is_answer = response.is_success() && asked.request.method == Method::Invite;
            seen.ack_lost += u64::from(is_answer);
            return;
        }
        if !response.is_success() {
            if response.status == 491
                && let Some(dialog) = self.dialogs.get_mut(&id)
            {
                dialog.glare = Some(now);
            }
            return refused(seen, asked, response);
        }
        let method = &asked.request.method;
        seen.options += u64::from(*method == Method::Options);
        if asked.opens {
            if *method == Method::Invite {
                seen.answered += 1;
                let mut dialog = Dialog {
                    described: Sketch::of(&asked.request.body),
                    session: interval(&response.headers).map(|interval| (now, interval)),
                    unacked: Some(now),
                    ..Dialog::default()
                };
                dialog.found_at(&asked.request.headers);
                self.dialogs.insert(id, dialog);
            }
            return;
        }
        seen.info += u64::from(*method == Method::Info);
        seen.reliable_to_callers += u64::from(*method == Method::Prack);
        let Some(dialog) = self.dialogs.get_mut(&id) else {
            // A dialog that is not answered yet.
            seen.early_updates += u64::from(*method == Method::Update);
            return;
        };
        if is_change(method) {
            changed(seen, dialog, &asked.request);
            dialog.session = interval(&response.headers).map(|interval| (now, interval));
            seen.refreshed_by_them += u64::from(dialog.session.is_some());
        } else if *method == Method::Refer {
            let attended = asked.request.headers.first("Refer-To").is_some_and(names_a_dialog);
            let number = cseq(&asked.request.headers).map_or(0, |cseq| cseq.number);
            dialog.referred.insert(number, attended);
            let count = if attended { &mut seen.referred_attended } else { &mut seen.referred };
            *count += 1;
        }
    }
}

fn names_a_dialog(refer_to: &str) -> bool {
    refer_to.contains("?Replaces=")
}

/// A change of the session that we agreed to.
fn changed(seen: &mut Seen, dialog: &mut Dialog, request: &Request) {
    dialog.found_at(&request.headers);
    if request.method == Method::Update {
        let count =
            if request.body.is_empty() { &mut seen.mere_updates } else { &mut seen.changed_by_update };
        *count += 1;
    }
    let Some(sketch) = Sketch::of(&request.body) else { return };
    if let Some(before) = dialog.described.replace(sketch.clone()) {
        seen.held += u64::from(sketch.holds && !before.holds);
        seen.taken_back += u64::from(before.holds && !sketch.holds);
        seen.other_codec += u64::from(sketch.format != before.format);
        seen.other_address += u64::from(sketch.to != before.to);
    }
}

fn refused(seen: &mut Seen, asked: &Asked, response: &Response) {
    let Request { method, headers, .. } = &asked.request;
    if *method == Method::Invite && asked.opens {
        seen.refused += u64::from(!matches!(response.status, 401 | 422));
        seen.replaces_refused += u64::from(headers.first("Replaces").is_some());
        seen.phones_challenged += u64::from(response.status == 401);
    }
    seen.refer_refused += u64::from(*method == Method::Refer);
    let count = match response.status {
        400 => &mut seen.malformed,
        405 => &mut seen.message_refused,
        415 => &mut seen.body_unknown,
        416 => &mut seen.scheme_unknown,
        420 => &mut seen.extension_unknown,
        422 => &mut seen.too_brief_to_them,
        469 => &mut seen.info_package,
        481 => &mut seen.no_dialog,
        482 => &mut seen.merged,
        483 if headers.first("X-Round").is_some() => &mut seen.went_round,
        483 => &mut seen.hops_used_up,
        487 => &mut seen.cancelled_by_callers,
        488 => &mut seen.no_codec,
        489 => &mut seen.subscribe_refused,
        491 => &mut seen.glare_to_them,
        500 => &mut seen.overtaken,
        501 => &mut seen.method_unknown,
        504 => &mut seen.never_pracked,
        _ => return,
    };
    *count += 1;
}
