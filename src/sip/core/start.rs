//! How the signalling begins: keys from the seed, static contacts from the configuration.

use super::SipCore;
use crate::sip::admission::Gate;
use crate::sip::auth::Guard;
use crate::sip::flow::{Flow, Transport};
use crate::sip::registrar::{AccountId, Registrar};
use crate::sip::settings::{Listener, SipSettings};
use crate::sip::tokens::Tokens;
use crate::sip::transaction::{TransactionSettings, Transactions};
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
            invites: BTreeMap::new(),
            offers: BTreeMap::new(),
            forks: BTreeMap::new(),
            byes: BTreeSet::new(),
            sent: BTreeMap::new(),
            due: BTreeSet::new(),
            news: Vec::new(),
            next_call: settings.first_call.0,
            malformed: 0,
            answers_repeated: 0,
            settings,
        })
    }
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
    let fits = |it: &&Listener| it.transport == transport && it.bound.is_ipv4() == ip.is_ipv4();
    let listener = listeners.iter().find(fits).ok_or_else(|| SettingsError::Listener {
        account: account.to_owned(),
        contact: contact.to_owned(),
        transport,
    })?;
    let remote = SocketAddr::new(ip, uri.port.unwrap_or(5060));
    Ok((contact.to_owned(), Flow { transport, local: listener.bound, remote, connection: None }))
}
