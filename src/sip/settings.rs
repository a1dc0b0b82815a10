//! What the signalling goes by: listeners, accounts, trunks, timers. Built by `config`, trusted here.

pub use super::trunk::settings::{NumberFrom, RegistrationRules, Route, Shows, Trunk};

use super::auth::Algorithm;
use super::bouncer::BouncerRules;
use super::dialling::DialPolicy;
use super::flow::{Flow, Transport};
use super::host::Host;
use super::presenting::Presentation;
use super::presets::Preset;
use super::registrar::RegistrarRules;
use crate::cidr::Cidr;
use crate::engine::id::{AgentId, CallId};
use crate::media::Wishes;
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Everything [`SipCore`](super::core::SipCore) is told at its start.
#[derive(Clone, Debug)]
pub struct SipSettings {
    /// The realm of our challenges.
    pub realm: String,
    /// The hashes of our challenges, the preferred one first. MD5 alone by default: older libre and PJSIP, and
    /// SIPp 3.6, give up at the sight of another, even beside MD5.
    pub digests: Vec<Algorithm>,
    /// What `Server` and `User-Agent` say.
    pub user_agent: String,
    /// The sockets, in order of preference.
    pub listeners: Vec<Listener>,
    /// Carriers and other systems we trust by their address, in the order in which they are dialled through.
    pub trunks: Vec<Trunk>,
    /// Proxies of our own in front of phones: their `Path` is followed, and nobody else's (RFC 3327).
    pub proxies: Vec<Cidr>,
    /// How calls are presented to agents' phones.
    pub presentation: Presentation,
    /// How the calls of a queue are presented differently, by its name.
    pub queues: BTreeMap<String, Presentation>,
    /// Which numbers outside may be called.
    pub dial: DialPolicy,
    /// Who may register and call.
    pub accounts: Vec<Account>,
    /// What the registrar goes by.
    pub registrar: RegistrarRules,
    /// How much patience there is with strangers and with those who guess passwords.
    pub bouncer: BouncerRules,
    /// The timers of RFC 3261.
    pub timers: Timers,
    /// The first call's identity; the next ones count up from it.
    pub first_call: CallId,
    /// A phone that gives no sign at all for this long after our INVITE counts as unreachable, long before the timer B of
    /// RFC 3261 §17.1.1.2 has run out; [`Route::answer_within`] says the same of a trunk's server.
    pub phone_silence: Duration,
    /// Legs at once, callers and agents together; beyond, INVITEs get 503.
    pub legs_max: usize,
}

impl Default for SipSettings {
    fn default() -> Self {
        Self {
            realm: "holdfast".into(),
            digests: vec![Algorithm::Md5],
            user_agent: concat!("Holdfast/", env!("CARGO_PKG_VERSION")).into(),
            listeners: Vec::new(),
            trunks: Vec::new(),
            proxies: Vec::new(),
            presentation: Presentation::default(),
            queues: BTreeMap::new(),
            dial: DialPolicy::default(),
            accounts: Vec::new(),
            registrar: RegistrarRules::default(),
            bouncer: BouncerRules::default(),
            timers: Timers::default(),
            first_call: CallId(1),
            phone_silence: Duration::from_secs(6),
            legs_max: 20_000,
        }
    }
}

/// One socket we listen on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// What it carries.
    pub transport: Transport,
    /// Its address on this machine.
    pub bound: SocketAddr,
    /// The address others are to use: what Via and Contact say.
    pub advertised: SocketAddr,
    /// What they say instead of its IP address: the name our certificate has (RFC 5922 §7.1).
    pub name: Option<Host>,
}

impl Listener {
    /// The address the far side of a flow is to use: that of the flow's own listener, else of one of its kind that
    /// listens on every address, else the flow's own.
    pub fn advertised(listeners: &[Self], flow: &Flow) -> SocketAddr {
        Self::of(listeners, flow).map_or(flow.local, |listener| listener.advertised)
    }

    /// The same as host and port of a Via or Contact: with the listener's name, if it has one.
    pub fn sent_by(listeners: &[Self], flow: &Flow) -> (Host, u16) {
        let address = Self::advertised(listeners, flow);
        let name = Self::of(listeners, flow).and_then(|listener| listener.name.clone());
        (name.unwrap_or_else(|| address.ip().into()), address.port())
    }

    fn of<'a>(listeners: &'a [Self], flow: &Flow) -> Option<&'a Self> {
        let of_kind = || {
            listeners
                .iter()
                .filter(|it| it.transport == flow.transport && it.bound.is_ipv4() == flow.remote.is_ipv4())
        };
        of_kind().find(|it| it.bound == flow.local).or_else(|| of_kind().next())
    }
}

/// Somebody who may register and call with a password.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The user name: in the digest, and in From and To.
    pub name: String,
    /// The password; without one the account can neither register nor call.
    pub password: Option<Secret>,
    /// The agent whose account it is.
    pub agent: Option<AgentId>,
    /// Where the phone is, when it does not register: a SIP URI with an IP address.
    pub contact: Option<String>,
    /// What is wanted of the media of its calls, either way.
    pub media: Wishes,
    /// How its phones are told to answer by themselves, or by what tone to ring.
    pub preset: Option<Preset>,
}

/// RFC 3261 §17.1.1.1, Table 4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timers {
    /// The round trip estimate.
    pub t1: Duration,
    /// The longest interval between retransmissions.
    pub t2: Duration,
    /// How long a message stays in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}
