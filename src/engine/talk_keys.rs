//! Keys an agent presses in a conversation: a sequence that means something is carried out, whatever else he presses
//! is the caller's to hear.

use super::Engine;
use super::command::Commands;
use super::id::{CallId, OfferId};
use super::time::Now;
use std::time::Duration;

/// Keys that belong together follow each other within this time.
const BETWEEN_KEYS: Duration = Duration::from_secs(3);
/// Longer sequences mean nothing: a number outside has at most 32 keys.
const KEYS_MAX: usize = 48;

/// What a sequence asks for.
enum Wish {
    Record,
    Transfer(String),
    Consult(String),
    Conference,
    Complete,
    Back,
}

impl Engine {
    /// The agent pressed a key in a call: the last of a sequence that means something, or not yet.
    pub(super) fn key_pressed(&mut self, now: Now, offer: OfferId, digit: char, out: &mut Commands) {
        let Some(&id) = self.in_talk.get(&offer) else { return };
        let Some(agent) = self.serves(id, offer) else { return };
        let Some(call) = self.calls.get_mut(&id) else { return };
        if now.mono.since(call.last_key) > BETWEEN_KEYS || call.keys.len() >= KEYS_MAX {
            call.keys.clear();
        }
        call.last_key = now.mono;
        call.keys.push(digit);
        let Some(wish) = self.wish(id) else { return };
        if let Some(call) = self.calls.get_mut(&id) {
            call.keys.clear();
        }
        // What cannot be done is not done; the phone has no way to hear why.
        let _ = match wish {
            Wish::Record => return self.record_by_keys(now, id, agent, out),
            Wish::Transfer(to) => match self.settings.whom(&to) {
                Some(to) => self.transfer(now, id, to, None, out),
                None => return,
            },
            Wish::Consult(to) => match self.settings.whom(&to) {
                Some(to) => self.consult(now, id, to, out),
                None => return,
            },
            Wish::Conference => self.confer(now, id, out),
            Wish::Complete => self.complete(now, id, out),
            Wish::Back => self.return_to_caller(now, id, out),
        };
    }

    fn wish(&self, id: CallId) -> Option<Wish> {
        let keys = self.calls.get(&id)?.keys.as_str();
        let codes = &self.settings.talk_keys;
        let with_number = |code: &Option<String>| {
            let code = code.as_deref().filter(|code| !code.is_empty())?;
            let (_, rest) = keys.split_once(code)?;
            let number = rest.strip_suffix('#')?;
            (!number.is_empty()).then(|| number.to_owned())
        };
        let is = |code: &Option<String>| {
            code.as_deref().is_some_and(|code| !code.is_empty() && keys.ends_with(code))
        };
        // First what takes a number: within it, no other code counts.
        let begun = |code: &Option<String>| {
            code.as_deref().is_some_and(|code| !code.is_empty() && keys.contains(code))
        };
        if begun(&codes.transfer) {
            return with_number(&codes.transfer).map(Wish::Transfer);
        }
        if begun(&codes.consult) {
            return with_number(&codes.consult).map(Wish::Consult);
        }
        [
            (&codes.record, Wish::Record),
            (&codes.conference, Wish::Conference),
            (&codes.complete, Wish::Complete),
            (&codes.back, Wish::Back),
        ]
        .into_iter()
        .find_map(|(code, wish)| is(code).then_some(wish))
    }
}
