//! What an INVITE to an agent's phone says besides who calls: how to ring, or to answer by itself; headers for the software
//! beside the phone; and the user-to-user information a trusted sender gave (RFC 7433).

use super::offer::{Invitation, Whom};
use super::{Note, SipCore, Turn};
use crate::engine::id::LegId;
use crate::sip::flow::Flow;
use crate::sip::host::Host;
use crate::sip::message::{Headers, Request};
use crate::sip::presenting::{Field, Presentation, is_user_to_user, user_to_user};

/// RFC 7433 §4.1.
const USER_TO_USER: &str = "User-to-User";
/// More values than this say nothing to anybody.
const VALUES_MAX: usize = 4;
/// So much of what cannot be read goes into the log, in characters.
const NOTED_CHARS_MAX: usize = 80;

impl SipCore {
    /// Adds to an agent's INVITE what his phone and the site want to be told.
    pub(super) fn present(&self, turn: &Turn<'_>, invite: &mut Request, ring: &Invitation, flow: &Flow) {
        let Whom::Agent { id, queue, .. } = &ring.whom else { return };
        let site = &self.settings.presentation;
        let nothing = Presentation::default();
        let own = self.settings.queues.get(queue).unwrap_or(&nothing);
        let preset = id.and_then(|account| self.settings.accounts.get(account.0)?.preset.as_ref());
        let host = Host::from(self.advertised(flow).ip()).to_string();
        if let Some((name, value)) =
            preset.and_then(|it| it.header(&host, !queue.is_empty(), own.tone.as_ref()))
        {
            invite.headers.push(name, value);
        }
        let known = |field| self.known_of(turn, ring, field);
        for (name, template) in own.headers(site) {
            let value = template.fill(known);
            if !value.is_empty() {
                invite.headers.push(name.as_str(), value);
            }
        }
        let caller = self.legs.get(&LegId::Caller(ring.call));
        let brought = caller.map(|leg| leg.user_to_user.as_slice()).unwrap_or_default();
        for value in brought {
            invite.headers.push(USER_TO_USER, value.clone());
        }
        let ours = own.user_to_user.as_ref().or(site.user_to_user.as_ref()).filter(|_| brought.is_empty());
        if let Some(value) = ours.and_then(|template| user_to_user(&template.fill(known))) {
            invite.headers.push(USER_TO_USER, value);
        }
    }

    fn known_of(&self, turn: &Turn<'_>, ring: &Invitation, field: Field) -> String {
        let Whom::Agent { account, queue, title, .. } = &ring.whom else { return String::new() };
        let caller = self.legs.get(&LegId::Caller(ring.call));
        let dialled = caller.map(|leg| leg.dialled.clone()).unwrap_or_default();
        match field {
            Field::Queue => queue.clone(),
            Field::Title => title.clone(),
            Field::Call => ring.call.to_string(),
            Field::Caller => ring.caller.number.clone(),
            Field::CallerName => ring.caller.name.clone(),
            Field::Dialled => dialled,
            Field::Diverted => ring.caller.diverted_from.as_deref().unwrap_or_default().to_owned(),
            Field::Wait => {
                let since = caller.map(|leg| turn.now.mono.since(leg.arrived));
                since.map(|wait| wait.as_secs().to_string()).unwrap_or_default()
            }
            Field::Language => {
                let rules = turn.rules;
                let number = rules.numbers.iter().find(|number| number.dialled == dialled);
                let queues = || rules.queue(rules.queue_named(queue)?).map(|queue| queue.language.clone());
                number.and_then(|number| number.language.clone()).or_else(queues).unwrap_or_default()
            }
            Field::Agent => account.clone(),
        }
    }

    /// The user-to-user information of a trusted sender's INVITE.
    pub(super) fn user_to_user_of(
        &mut self,
        turn: &mut Turn<'_>,
        headers: &Headers,
        from: &Flow,
    ) -> Vec<String> {
        let mut values = Vec::new();
        for value in headers.values(USER_TO_USER).take(VALUES_MAX) {
            if is_user_to_user(value) {
                values.push(value.to_owned());
            } else {
                self.bad_wishes += 1;
                let text = value.chars().take(NOTED_CHARS_MAX).collect();
                let problem = "expected a token or a quoted text of at most 512 bytes, and parameters".into();
                turn.out.notes.push(Note::BadWish {
                    header: USER_TO_USER,
                    from: from.remote.ip(),
                    text,
                    problem,
                });
            }
        }
        values
    }
}
