//! How the signalling begins: keys from the seed, static contacts from the configuration.

use super::SipCore;
use crate::sip::admission::Gate;
use crate::sip::auth::Guard;
use crate::sip::flow::{Flow, Transport};
use crate::sip::registrar::{AccountId, Registrar};
use crate::sip::settings::{Listener, SipSettings, Trunk};
use crate::sip::tokens::Tokens;
use crate::sip::transaction::{TransactionSettings, Transactions};
use crate::sip::uri::Uri;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
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
        Ok(Self {
            gate: Gate::new(guard, &settings.realm, settings.trunks.clone(), &settings.accounts),
            tokens: Tokens::new(sub_seed(seed, "tags")),
            transactions: Transactions::new(transaction_settings(&settings), sub_seed(seed, "branches")),
            registrar,
            legs: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            given: BTreeMap::new(),
            invites: BTreeMap::new(),
            offers: BTreeMap::new(),
            forks: BTreeMap::new(),
            byes: BTreeSet::new(),
            sent: BTreeMap::new(),
            routes: settings
                .trunks
                .iter()
                .map(|trunk| route_flow(trunk, None, &settings.listeners))
                .collect(),
            due: BTreeSet::new(),
            news: Vec::new(),
            resumption: super::resume::Resumption::default(),
            touched: None,
            next_call: settings.first_call.0,
            malformed: 0,
            answers_repeated: 0,
            bad_wishes: 0,
            settings,
        })
    }

    /// The name of a trunk's server has been resolved: calls go to this address from now on. `trunk` is its place in
    /// [`SipSettings::trunks`].
    pub fn route_found(&mut self, trunk: usize, address: IpAddr) {
        let flow = self
            .settings
            .trunks
            .get(trunk)
            .and_then(|trunk| route_flow(trunk, Some(address), &self.settings.listeners));
        if let (Some(known), Some(flow)) = (self.routes.get_mut(trunk), flow) {
            *known = Some(flow);
        }
    }
}

/// The way to a trunk's server, where its address is known and a listener reaches it.
fn route_flow(trunk: &Trunk, resolved: Option<IpAddr>, listeners: &[Listener]) -> Option<Flow> {
    let route = trunk.route.as_ref()?;
    let ip = route.host.ip().or(resolved)?;
    flow_to(route.transport, SocketAddr::new(ip, route.port()), listeners)
}

fn flow_to(transport: Transport, remote: SocketAddr, listeners: &[Listener]) -> Option<Flow> {
    let fits = |it: &&Listener| it.transport == transport && it.bound.is_ipv4() == remote.is_ipv4();
    let listener = listeners.iter().find(fits)?;
    Some(Flow { transport, local: listener.bound, remote, connection: None })
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
    let transport = match uri.params.value("transport") {
        Some(token) => Transport::from_token(token).ok_or_else(wrong)?,
        None => Transport::Udp,
    };
    let remote = SocketAddr::new(ip, uri.port.unwrap_or(5060));
    let flow = flow_to(transport, remote, listeners).ok_or_else(|| SettingsError::Listener {
        account: account.to_owned(),
        contact: contact.to_owned(),
        transport,
    })?;
    Ok((contact.to_owned(), flow))
}
