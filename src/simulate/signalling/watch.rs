//! What the engine may send, and when: rules of RFC 3261 that only show on the wire. Sees every message that leaves the
//! engine or reaches it, and nothing of what goes on inside.

use super::broken::Broken;
use super::wire::{Tags, branch, call_id, credentials, is_change, tags_of_request, tags_of_response};
use crate::engine::time::Monotonic;
use crate::sip::dialog::cseq;
use crate::sip::message::{Message, Method, Request, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// 64·T1.
const PATIENCE: Duration = Duration::from_secs(32);
/// So long after an answer its transaction may be forgotten (T4), so that a copy of the request is another request.
const REMEMBERED: Duration = Duration::from_secs(5);

/// How the realms of the trunks begin at which the engine has an account.
pub(super) const OUR_REALMS: &str = "realm=\"carrier";

/// An INVITE of the engine.
#[derive(Default)]
struct Invited {
    /// Whether a provisional response reached it.
    provisional: bool,
    /// When the first final response did.
    answered: Option<Monotonic>,
}

/// A 2xx of the engine to an INVITE that made a dialog.
struct Answered {
    since: Monotonic,
    acked: bool,
}

/// All that belongs to one Call-ID.
#[derive(Default)]
struct Thread {
    /// Whether the engine made the call, and so owns its Call-ID.
    is_ours: bool,
    invited: BTreeMap<String, Invited>,
    /// The number of the engine's last request in each dialog.
    numbers: BTreeMap<Tags, u32>,
    /// Requests of the engine that were sent before: their repetitions are the same.
    sent: BTreeSet<(String, Method)>,
    /// The final responses of the engine.
    finals: BTreeMap<(String, Method), (u16, Monotonic)>,
    /// By the engine's tag.
    answered: BTreeMap<String, Answered>,
    /// When the engine was told that its change of a dialog came at a bad moment.
    glare: BTreeMap<Tags, Monotonic>,
    /// Branches whose 491 has been seen.
    glared: BTreeSet<String>,
    /// Dialogs that the other end has left with a BYE the engine has answered.
    left: BTreeSet<Tags>,
    /// INVITEs of the other end that know 100rel.
    reliable: BTreeSet<String>,
    /// What answers to challenges the engine's INVITEs carried, by their number.
    proofs: BTreeMap<u32, Vec<String>>,
    /// REFERs the engine has accepted in each dialog and not told the end of.
    referred: BTreeMap<Tags, BTreeSet<u32>>,
}

/// Pauses after a 491 that were seen to be right (RFC 3261 §14.1).
#[derive(Clone, Copy, Default)]
pub(super) struct Paused {
    /// Where the engine owns the Call-ID.
    pub as_owner: u64,
    /// Where the other end does.
    pub as_other: u64,
}

/// The wire so far.
#[derive(Default)]
pub(super) struct Watch {
    threads: BTreeMap<String, Thread>,
    /// 2xx that reached the engine and want their ACK now: Call-ID, the other end's tag, number.
    owed: BTreeSet<(String, String, u32)>,
    /// Pauses after a 491.
    pub paused: Paused,
}

impl Watch {
    /// The engine sends a message.
    pub fn sent(&mut self, now: Monotonic, message: &Message) -> Result<(), Broken> {
        let call_id = call_id(message);
        let branch = branch(message);
        let thread = self.threads.entry(call_id.clone()).or_default();
        let judged = match message {
            Message::Request(request) if request.method == Method::Ack => {
                let number = cseq(&request.headers).map_or(0, |cseq| cseq.number);
                self.owed.remove(&(call_id.clone(), request.to_tag().unwrap_or_default(), number));
                thread.acknowledges(request, number, &branch)
            }
            Message::Request(request) => thread.requests(now, request, branch, &mut self.paused),
            Message::Response(response) => thread.responds(now, response, branch),
        };
        judged.map_err(|what| Broken::Wire { call_id, what })
    }

    /// A message reaches the engine.
    pub fn delivered(&mut self, now: Monotonic, message: &Message) {
        let call_id = call_id(message);
        let branch = branch(message);
        let thread = self.threads.entry(call_id.clone()).or_default();
        match message {
            Message::Request(request) => thread.asked(request, branch),
            Message::Response(response) => {
                if let Some((tag, number)) = thread.told(now, response, &branch) {
                    self.owed.insert((call_id, tag, number));
                }
            }
        }
    }

    /// The engine has done what that message led to.
    pub fn settled(&mut self) -> Result<(), Broken> {
        match self.owed.pop_first() {
            Some((call_id, ..)) => {
                Err(Broken::Wire { call_id, what: "a 2xx was not acknowledged as often as it came" })
            }
            None => Ok(()),
        }
    }

    /// When all is over, every phone has been told what became of its REFER, or has left (RFC 3515 §2.4.5).
    pub fn at_the_end(&self) -> Result<(), Broken> {
        match self.threads.iter().find(|(_, thread)| !thread.referred.is_empty()) {
            Some((call_id, _)) => {
                Err(Broken::Wire { call_id: call_id.clone(), what: "a REFER whose end was never told" })
            }
            None => Ok(()),
        }
    }
}

impl Thread {
    /// RFC 3261 §13.2.2.4: the ACK of a 2xx has the credentials of its INVITE.
    fn acknowledges(&self, ack: &Request, number: u32, branch: &str) -> Result<(), &'static str> {
        let of_refusal = self.invited.contains_key(branch);
        let same = self.proofs.get(&number).is_none_or(|proofs| *proofs == credentials(ack));
        if of_refusal || same { Ok(()) } else { Err("an ACK without the credentials of its INVITE") }
    }

    fn requests(
        &mut self,
        now: Monotonic,
        request: &Request,
        branch: String,
        paused: &mut Paused,
    ) -> Result<(), &'static str> {
        if !self.sent.insert((branch.clone(), request.method.clone())) {
            return Ok(());
        }
        if request.method == Method::Cancel {
            // RFC 3261 §9.1.
            let heard = self.invited.get(&branch).is_some_and(|invited| invited.provisional);
            return if heard { Ok(()) } else { Err("CANCEL before any provisional response") };
        }
        let tags = tags_of_request(request);
        let number = cseq(&request.headers).map_or(0, |cseq| cseq.number);
        if self.numbers.insert(tags.clone(), number).is_some_and(|last| last >= number) {
            return Err("the number of a request did not grow");
        }
        if request.headers.has_token("Require", "100rel") {
            return Err("100rel is required, and should be supported only");
        }
        let proofs = credentials(request);
        if proofs.iter().any(|proof| !proof.contains(OUR_REALMS)) {
            return Err("a password for a realm that is not ours");
        }
        if request.method == Method::Invite {
            self.invited.insert(branch, Invited::default());
            self.is_ours |= tags.1.is_empty();
            if !proofs.is_empty() {
                self.proofs.insert(number, proofs.into_iter().map(str::to_owned).collect());
            }
        }
        if request.method == Method::Bye {
            self.referred.remove(&tags);
        } else if request.method == Method::Notify {
            self.told_how_it_goes(&tags, request);
        }
        if request.method == Method::Bye && !self.is_ours {
            // RFC 3261 §15.
            match self.answered.get(&tags.0) {
                None => return Err("BYE in a call that was not answered"),
                Some(answered) if !answered.acked && now.since(answered.since) < PATIENCE => {
                    return Err("BYE before the ACK");
                }
                Some(_) => {}
            }
        }
        if self.left.contains(&tags) {
            return Err("a request in a dialog that the other end has left");
        }
        if let Some(since) = self.glare.remove(&tags).filter(|_| is_change(&request.method)) {
            // RFC 3261 §14.1.
            let (low, high) = if self.is_ours { (2_100, 4_000) } else { (0, 2_000) };
            let waited = now.since(since);
            let fits = waited >= Duration::from_millis(low) && waited <= Duration::from_millis(high);
            if !fits || !waited.as_micros().is_multiple_of(10_000) {
                return Err("the wrong pause after 491");
            }
            let count = if self.is_ours { &mut paused.as_owner } else { &mut paused.as_other };
            *count += 1;
        }
        Ok(())
    }

    fn told_how_it_goes(&mut self, tags: &Tags, notify: &Request) {
        let state = notify.headers.first("Subscription-State").unwrap_or_default();
        let event = notify.headers.first("Event").unwrap_or_default();
        let number = event.split_once("id=").and_then(|(_, id)| id.parse::<u32>().ok());
        if let (true, Some(number)) = (state.starts_with("terminated"), number)
            && let Some(open) = self.referred.get_mut(tags)
        {
            open.remove(&number);
            if open.is_empty() {
                self.referred.remove(tags);
            }
        }
    }

    fn responds(&mut self, now: Monotonic, response: &Response, branch: String) -> Result<(), &'static str> {
        let Ok(cseq) = cseq(&response.headers) else { return Err("a response without a CSeq") };
        // A CANCEL is answered by whether there is something to cancel, and has no memory of its own.
        if response.is_provisional() || cseq.method == Method::Cancel {
            let needs = response.headers.has_token("Require", "100rel");
            let able = !needs || self.reliable.contains(&branch);
            return if able { Ok(()) } else { Err("100rel towards somebody who does not know it") };
        }
        let before = self.finals.insert((branch, cseq.method.clone()), (response.status, now));
        if before.is_some_and(|(status, at)| status != response.status && now.since(at) < REMEMBERED) {
            return Err("two different final responses to one request");
        }
        let ours = response.to_tag().unwrap_or_default();
        if response.is_success() && cseq.method == Method::Invite {
            self.answered.entry(ours.clone()).or_insert(Answered { since: now, acked: false });
        }
        if response.is_success() && cseq.method == Method::Bye {
            let tags = (ours, tags_of_response(response).0);
            self.referred.remove(&tags);
            self.left.insert(tags);
        } else if response.is_success() && cseq.method == Method::Refer {
            let tags = (ours, tags_of_response(response).0);
            let told = response.headers.first("Refer-Sub").is_none();
            if before.is_none() && told && !self.left.contains(&tags) {
                self.referred.entry(tags).or_default().insert(cseq.number);
            }
        }
        Ok(())
    }

    fn asked(&mut self, request: &Request, branch: String) {
        let (theirs, ours) = tags_of_request(request);
        let knows = |name| request.headers.has_token(name, "100rel");
        if request.method == Method::Invite && (knows("Supported") || knows("Require")) {
            self.reliable.insert(branch);
        }
        // Whoever asks something in the dialog has its answer, though his ACK may be lost.
        if let Some(answered) = self.answered.get_mut(&ours) {
            answered.acked = true;
        }
        if is_change(&request.method) {
            // The session is another now, and with it the moment of the next refresh.
            self.glare.remove(&(ours, theirs));
        }
    }

    /// A response reaches the engine; whether it must be acknowledged now.
    fn told(&mut self, now: Monotonic, response: &Response, branch: &str) -> Option<(String, u32)> {
        let cseq = cseq(&response.headers).ok()?;
        let tags = tags_of_response(response);
        if response.status == 491 && is_change(&cseq.method) && self.glared.insert(branch.to_owned()) {
            self.glare.insert(tags.clone(), now);
        }
        if cseq.method != Method::Invite {
            return None;
        }
        let has_ended =
            self.left.contains(&tags) || self.sent.iter().any(|(_, method)| *method == Method::Bye);
        let invited = self.invited.get_mut(branch)?;
        invited.provisional |= response.is_provisional();
        if response.is_provisional() {
            return None;
        }
        let first = *invited.answered.get_or_insert(now);
        let in_time = now.since(first) < PATIENCE;
        // A change of a session that has ended meanwhile is nobody's any more.
        let is_first = self.numbers.contains_key(&(tags.0, String::new()));
        (response.is_success() && in_time && (is_first || !has_ended)).then_some((tags.1, cseq.number))
    }
}
