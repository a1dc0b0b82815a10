//! How the signalling begins: keys from the seed, static contacts from the configuration.

use super::SipCore;
use super::trunks::known_servers;
use crate::engine::time::Now;
use crate::sip::admission::Gate;
use crate::sip::auth::Guard;
use crate::sip::bouncer::Bouncer;
use crate::sip::flow::{Flow, Transport, TrunkId};
use crate::sip::registrar::{AccountId, Registrar};
use crate::sip::settings::{Listener, SipSettings};
use crate::sip::tokens::Tokens;
use crate::sip::transaction::{TransactionSettings, Transactions};
use crate::sip::trunk::Trunks;
use crate::sip::uri::Uri;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a nonce may be used.
const NONCE_LIFETIME: Duration = Duration::from_secs(300);

/// Why the settings are of no use.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettingsError {
    /// A contact must be a SIP URI with an IP address: names are not resolved here.
    #[error(
        "account {account}: contact {contact:?} is not a SIP URI with an IP address, such as sip:anna@192.0.2.10:5060"
    )]
    Contact {
        /// Whose.
        account: String,
        /// What was written.
        contact: String,
    },
    /// Nobody can be called by a WebSocket that he has not opened.
    #[error(
        "account {account}: contact {contact:?} cannot be called: a browser opens its WebSocket itself; remove the contact and let it register"
    )]
    WebSocket {
        /// Whose.
        account: String,
        /// What was written.
        contact: String,
    },
    /// There is no socket by which the contact could be reached.
    #[error("account {account}: no listener for {transport} of the IP version of contact {contact:?}")]
    Listener {
        /// Whose.
        account: String,
        /// What was written.
        contact: String,
        /// What it would take.
        transport: Transport,
    },
}

impl SipCore {
    /// No call yet. `seed` must be secret and another one after each start: tags, branches and nonces
    /// are made from it.
    ///
    /// # Errors
    /// When a static contact can't be reached by any listener.
    pub fn new(settings: SipSettings, seed: u64) -> Result<Self, SettingsError> {
        let mut registrar = Registrar::new(settings.registrar);
        for (index, account) in settings.accounts.iter().enumerate() {
            if let Some(contact) = &account.contact {
                let (uri, flow) = way_to(contact, &account.name, &settings.listeners)?;
                registrar.add_static(AccountId(index), uri, flow);
            }
        }
        let guard = Guard::new(
            settings.realm.clone(),
            derive(seed, "nonces"),
            NONCE_LIFETIME,
            settings.digests.clone(),
        );
        let bouncer = Bouncer::new(settings.bouncer.clone());
        let mut gate =
            Gate::new(guard, bouncer, &settings.realm, settings.trunks.clone(), &settings.accounts);
        gate.let_through(settings.proxies.clone());
        let mut core = Self {
            gate,
            tokens: Tokens::new(sub_seed(seed, "tags")),
            transactions: Transactions::new(transaction_settings(&settings), sub_seed(seed, "branches")),
            registrar,
            legs: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            given: BTreeMap::new(),
            invites: BTreeMap::new(),
            offers: BTreeMap::new(),
            forks: BTreeMap::new(),
            byes: BTreeMap::new(),
            gone: super::way::Gone::default(),
            sent: BTreeMap::new(),
            trunks: Trunks::new(&settings.trunks, sub_seed(seed, "trunks")),
            due: BTreeSet::new(),
            news: Vec::new(),
            resumption: super::resume::Resumption::default(),
            touched: None,
            next_call: settings.first_call.0,
            malformed: 0,
            answers_repeated: 0,
            bad_wishes: 0,
            settings,
        };
        core.know_trunks(0);
        Ok(core)
    }

    /// Opens the doors of the trunks from this place on, and finds those that have addresses.
    pub(super) fn know_trunks(&mut self, first: usize) {
        let servers: Vec<_> = known_servers(&self.settings).filter(|(trunk, _)| trunk.0 >= first).collect();
        for at in first..self.settings.trunks.len() {
            let rules = self.settings.trunks.get(at).and_then(|it| it.route.as_ref()?.registration.as_ref());
            if let (Some(rules), Some(user)) = (rules, self.trunks.contact_user(TrunkId(at))) {
                self.gate.open_door(TrunkId(at), user, rules.contact_user.is_none());
            }
        }
        for (trunk, server) in servers {
            // No time has passed yet: whatever is due is due at the first tick.
            self.servers_found(Now::default(), trunk, &[server]);
        }
    }
}

/// The way to an address, by the first listener that reaches it.
pub(super) fn flow_to(transport: Transport, remote: SocketAddr, listeners: &[Listener]) -> Option<Flow> {
    let fits = |it: &&Listener| it.transport == transport && it.bound.is_ipv4() == remote.is_ipv4();
    let listener = listeners.iter().find(fits)?;
    Some(Flow::new(transport, listener.bound, remote))
}

fn transaction_settings(settings: &SipSettings) -> TransactionSettings {
    TransactionSettings {
        t1: settings.timers.t1,
        t2: settings.timers.t2,
        t4: settings.timers.t4,
        listeners: settings.listeners.clone(),
        ..TransactionSettings::default()
    }
}

/// A key for one purpose, from which neither the seed nor another key can be found.
fn derive(seed: u64, purpose: &str) -> [u8; 32] {
    Sha256::new().chain_update(seed.to_be_bytes()).chain_update(purpose).finalize().into()
}

fn sub_seed(seed: u64, purpose: &str) -> u64 {
    derive(seed, purpose)[..8].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

pub(super) fn way_to(
    contact: &str,
    account: &str,
    listeners: &[Listener],
) -> Result<(String, Flow), SettingsError> {
    let wrong = || SettingsError::Contact { account: account.to_owned(), contact: contact.to_owned() };
    let uri: Uri = contact.parse().map_err(|_| wrong())?;
    let ip = uri.host.ip().filter(|_| uri.is_sip()).ok_or_else(wrong)?;
    let transport = uri.transport().ok_or_else(wrong)?;
    if !transport.leads_out() {
        return Err(SettingsError::WebSocket { account: account.to_owned(), contact: contact.to_owned() });
    }
    let remote = SocketAddr::new(ip, uri.port.unwrap_or(transport.default_port()));
    let flow = flow_to(transport, remote, listeners).ok_or_else(|| SettingsError::Listener {
        account: account.to_owned(),
        contact: contact.to_owned(),
        transport,
    })?;
    Ok((contact.to_owned(), flow))
}
