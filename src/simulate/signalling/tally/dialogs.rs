//! What the wire tells of each dialog: which description the other end gave last, and until when its session lasts.

use crate::engine::time::Monotonic;
use crate::simulate::signalling::wire::{tags_of_request, tags_of_response};
use crate::sip::message::{Headers, Request, Response};
use std::collections::BTreeMap;
use std::time::Duration;

/// Call-ID, our tag, theirs.
pub(super) type Id = (String, String, String);

/// What a description says: where to, by which codec, and whether it holds us.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Sketch {
    /// Address and port.
    pub to: (String, String),
    /// The first format.
    pub format: String,
    /// Whether it wants to hear nothing.
    pub holds: bool,
}

impl Sketch {
    /// Of a body that is a description, if it is one.
    pub fn of(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let line = |kind: &str| text.lines().find_map(|line| line.strip_prefix(kind));
        let mut media = line("m=audio ")?.split(' ');
        let port = media.next()?.to_owned();
        let format = media.nth(1)?.to_owned();
        Some(Self {
            to: (line("c=IN IP4 ")?.to_owned(), port),
            format,
            holds: text.lines().any(|line| matches!(line, "a=sendonly" | "a=inactive")),
        })
    }
}

/// One dialog.
#[derive(Default)]
pub(super) struct Dialog {
    /// What the other end described last.
    pub described: Option<Sketch>,
    /// When its session was agreed last, and for how long.
    pub session: Option<(Monotonic, Duration)>,
    /// Our 200 to the INVITE that made it, until its ACK has come.
    pub unacked: Option<Monotonic>,
    /// Whether we have said BYE.
    pub left: bool,
    /// When we last said 491 in it.
    pub glare: Option<Monotonic>,
    /// Where the other end has moved to, until we follow.
    pub moved_to: Option<String>,
    /// The Contact it gave last.
    pub contact: Option<String>,
    /// REFERs we have accepted, by number; whether they named another dialog.
    pub referred: BTreeMap<u32, bool>,
}

impl Dialog {
    /// When we count it as dead, if nobody refreshes it (RFC 4028 §10).
    pub fn expires(&self) -> Option<Monotonic> {
        let (since, interval) = self.session?;
        Some(since + (interval - (interval / 3).min(Duration::from_secs(32))))
    }

    /// The other end gives a Contact.
    pub fn found_at(&mut self, headers: &Headers) {
        let Some(contact) = headers.first("Contact") else { return };
        let uri = contact.trim_matches(['<', '>']).to_owned();
        if self.contact.as_ref().is_some_and(|before| *before != uri) {
            self.moved_to = Some(uri.clone());
        }
        self.contact = Some(uri);
    }
}

/// All of them.
pub(super) type Dialogs = BTreeMap<Id, Dialog>;

fn call_id(headers: &Headers) -> String {
    headers.first("Call-ID").unwrap_or_default().to_owned()
}

/// The dialog of a request of ours.
pub(super) fn of_our_request(request: &Request) -> Id {
    let (ours, theirs) = tags_of_request(request);
    (call_id(&request.headers), ours, theirs)
}

/// The dialog of a request of theirs.
pub(super) fn of_their_request(request: &Request) -> Id {
    let (theirs, ours) = tags_of_request(request);
    (call_id(&request.headers), ours, theirs)
}

/// The dialog of our response.
pub(super) fn of_our_response(response: &Response) -> Id {
    let (theirs, ours) = tags_of_response(response);
    (call_id(&response.headers), ours, theirs)
}

/// The dialog of their response.
pub(super) fn of_their_response(response: &Response) -> Id {
    let (ours, theirs) = tags_of_response(response);
    (call_id(&response.headers), ours, theirs)
}

/// The interval that a message agrees on.
pub(super) fn interval(headers: &Headers) -> Option<Duration> {
    let secs: u64 = headers.first("Session-Expires")?.split(';').next()?.trim().parse().ok()?;
    Some(Duration::from_secs(secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read_as_far_as_changes_show() {
        let body = b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8 0\r\na=sendonly\r\n";
        let sketch = Sketch::of(body).unwrap();
        assert_eq!((sketch.to, sketch.format), (("192.0.2.1".into(), "4000".into()), "8".into()));
        assert!(sketch.holds);
        assert!(Sketch::of(b"").is_none() && Sketch::of(b"nonsense").is_none());
    }
}
