//! A gateway that asks for our password (RFC 3261 §22.2, §22.3): for calls, and where its carrier is so minded for what
//! happens within them and for their end too. Sometimes it finds a nonce too old that it has just given out.

use super::Peer;
use crate::engine::time::Monotonic;
use crate::simulate::signalling::site::{self, Asks};
use crate::sip::auth::{Algorithm, Guard, Hashes, Verdict};
use crate::sip::message::{Method, Request, Response};
use crate::sip::source::Source;
use crate::sip::transaction::ServerId;
use std::collections::BTreeSet;
use std::time::Duration;

/// Longer than any world lasts: what is too old is said by lot.
const NONCE_LIFETIME: Duration = Duration::from_secs(3600);

/// Who is let in.
pub(super) struct Door {
    asks: Asks,
    guard: Guard,
    hashes: Hashes,
    /// Requests whose nonce was found too old once, by Call-ID and method.
    staled: BTreeSet<(String, Method)>,
}

impl Door {
    pub fn new(asks: Asks, key: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&key.to_be_bytes());
        let hashes = Hashes::new(&asks.username, &asks.realm, &asks.password);
        let guard = Guard::new(asks.realm.clone(), bytes, NONCE_LIFETIME, vec![Algorithm::Md5]);
        Self { asks, guard, hashes, staled: BTreeSet::new() }
    }

    fn names(&self) -> (&'static str, &'static str) {
        match self.asks.status {
            401 => ("WWW-Authenticate", "Authorization"),
            _ => ("Proxy-Authenticate", "Proxy-Authorization"),
        }
    }

    fn is_asked_for(&self, request: &Request) -> bool {
        let asked_for = matches!(request.method, Method::Invite | Method::Update | Method::Bye);
        asked_for && (self.asks.within || request.to_tag().is_none())
    }

    /// Challenges; none, if the request may come in. A wrong password gets another challenge, as from most carriers.
    fn judge(&mut self, now: Monotonic, request: &Request) -> Option<Vec<String>> {
        let source = Source::of(site::here().ip());
        let proofs = request.headers.all(self.names().1);
        let asked = (request.method.as_str(), request.uri.as_str());
        let Self { asks, guard, hashes, staled } = self;
        let known = |name: &str| (name == asks.username).then_some(&*hashes);
        let call_id = request.headers.first("Call-ID").unwrap_or_default().to_owned();
        match guard.check(now, source, asked, proofs, known) {
            Verdict::Accepted { .. } => {
                let too_old = asks.fussy && staled.insert((call_id, request.method.clone()));
                too_old.then(|| guard.challenges(now, source, true))
            }
            Verdict::Stale => Some(guard.challenges(now, source, true)),
            Verdict::Missing | Verdict::Wrong => Some(guard.challenges(now, source, false)),
        }
    }
}

impl Peer {
    /// Whether the request may come in; else it is asked for a password.
    pub(super) fn lets_in(&mut self, now: Monotonic, id: ServerId, request: &Request) -> bool {
        let Some(door) = self.door.as_mut().filter(|door| door.is_asked_for(request)) else { return true };
        let Some(challenges) = door.judge(now, request) else { return true };
        let (status, name) = (door.asks.status, door.names().0);
        let mut response = Response::reply_to(request, status, "", Some("door"));
        for challenge in challenges {
            response.headers.push(name, challenge);
        }
        self.respond(now, id, response);
        false
    }
}
