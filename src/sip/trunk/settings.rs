//! What the configuration says of trunks. Holds it, and decides nothing.

use super::numbers::NumberPlan;
use super::order::Rank;
use crate::cidr::Cidr;
use crate::media::Wishes;
use crate::sip::auth::Login;
use crate::sip::dialling::{Dialable, Pattern};
use crate::sip::flow::Transport;
use crate::sip::host::Host;
use crate::sip::uri::Uri;
use std::time::Duration;

/// A carrier, or another system in front of us or behind us.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trunk {
    /// The name in logs.
    pub name: String,
    /// Where its INVITEs come from; calls from there need no password.
    pub addresses: Vec<Cidr>,
    /// Whether its headers may say what a call requires (`X-Holdfast-Requires` and its like).
    pub trusted_headers: bool,
    /// How numbers outside are called through it; `None`: they are not.
    pub route: Option<Route>,
    /// What is wanted of the media of calls by it, either way.
    pub media: Wishes,
    /// Its place among the trunks that numbers outside are called through.
    pub rank: Rank,
    /// The numbers it carries; empty: all.
    pub numbers: Vec<Pattern>,
    /// How it writes numbers.
    pub plan: NumberPlan,
    /// Where the number stands that its callers dialled.
    pub number_from: NumberFrom,
}

impl Trunk {
    /// Whether the number may be called through it.
    pub fn carries(&self, number: &Dialable) -> bool {
        self.numbers.is_empty() || self.numbers.iter().any(|pattern| pattern.matches(number))
    }
}

/// Where the number stands that a caller dialled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NumberFrom {
    /// In the Request-URI; in To where that names our registered contact.
    #[default]
    Request,
    /// In To.
    To,
    /// In the first Diversion or History-Info: what he dialled before others sent him on. In the Request-URI, if nobody did.
    Diversion,
}

/// How numbers outside are called through a trunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Its server, as the Request-URI names it. A name is resolved outside of the signalling.
    pub host: Host,
    /// The port, if it is not the usual one.
    pub port: Option<u16>,
    /// By what; `None`: as DNS says, else by UDP (RFC 3263 §4.1).
    pub transport: Option<Transport>,
    /// Our account there; its challenges are answered, and nobody else's.
    pub login: Option<Login>,
    /// Our own number there: who vouches for the call (RFC 3325).
    pub own_number: Option<String>,
    /// Whom the people called see.
    pub shows: Shows,
    /// Whether and how we register there; needs an account.
    pub registration: Option<RegistrationRules>,
    /// How often each of its servers is asked whether it lives (OPTIONS); `None`: never.
    pub probe_every: Option<Duration>,
    /// What our Contact and our own From call us; `None`: our address.
    pub contact_host: Option<Host>,
    /// A server that gives no sign for this long after our INVITE makes way for the next one.
    pub answer_within: Duration,
}

impl Route {
    /// By this server and nothing else.
    pub fn to(host: Host) -> Self {
        Self {
            host,
            port: None,
            transport: None,
            login: None,
            own_number: None,
            shows: Shows::default(),
            registration: None,
            probe_every: None,
            contact_host: None,
            // For a call that somebody waits for that is long: by UDP the server has been asked three times by then.
            answer_within: Duration::from_secs(3),
        }
    }

    /// Its server, and whoever is to be called there.
    pub fn uri(&self, user: Option<&str>) -> Uri {
        let mut uri = Uri::sip(user, self.host.clone(), self.port);
        if let Some(transport) = self.transport.and_then(Transport::uri_param) {
            uri.params.set("transport", Some(transport));
        }
        uri
    }
}

/// How we register at a trunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistrationRules {
    /// For how long we ask.
    pub every: Duration,
    /// The user part of our Contact; `None`: one that nobody can guess, by which calls are known to be the trunk's.
    pub contact_user: Option<String>,
}

/// Whom people outside see calling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Shows {
    /// The caller who waited; some carriers allow that only where a Diversion says why.
    #[default]
    Caller,
    /// Our own number, for carriers that allow no other.
    OwnNumber,
}
