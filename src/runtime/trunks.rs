//! Where the servers of trunks are that the configuration names: their names are looked up beside the loop, again and
//! again, for carriers move. It tells servers, and calls nobody. What was found last stays true while DNS is silent.

use super::resolve::{Names, Unresolved};
use crate::sip::flow::{Transport, TrunkId};
use crate::sip::host::Host;
use crate::sip::settings::{Route, Trunk};
use crate::sip::transport::Listen;
use crate::sip::trunk::locate::{self, Question, Server, Service, Target};
use crate::sip::trunk::order::Rank;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::sleep;

/// However short the records are to live, a name is not looked up more often.
const LOOK_UP_EVERY_MIN: Duration = Duration::from_secs(5);
/// However long, it is looked up so often.
const LOOK_UP_EVERY_MAX: Duration = Duration::from_secs(600);
/// When a name was looked up in vain.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The servers of each trunk that has a name.
pub(super) type Located = watch::Receiver<BTreeMap<TrunkId, Vec<Server>>>;

/// Looks the names up from now on, as long as somebody wants to know. Each has a task of its own: none waits for another.
pub(super) fn follow(trunks: &[Trunk], bound: &[Listen], name_servers: &[SocketAddr]) -> Located {
    let (found, located) = watch::channel(BTreeMap::new());
    let found = Arc::new(found);
    let is_named =
        |trunk: &&Trunk| trunk.route.as_ref().is_some_and(|route| matches!(route.host, Host::Name(_)));
    if !trunks.iter().any(|trunk| is_named(&trunk)) {
        return located;
    }
    let names = match Names::new(name_servers) {
        Ok(names) => names,
        Err(error) => {
            tracing::error!("no name of a trunk can be looked up: {error}; write [sip] name_servers");
            return located;
        }
    };
    for (at, trunk) in trunks.iter().enumerate().filter(|(_, trunk)| is_named(trunk)) {
        let Some(route) = trunk.route.clone() else { continue };
        let finder = Finder { names: names.clone(), route, bound: bound.to_vec() };
        tokio::spawn(keep_looking(TrunkId(at), trunk.name.clone(), finder, Arc::clone(&found)));
    }
    located
}

async fn keep_looking(
    trunk: TrunkId,
    name: String,
    finder: Finder,
    found: Arc<watch::Sender<BTreeMap<TrunkId, Vec<Server>>>>,
) {
    let mut is_told = false;
    loop {
        let wait = match finder.look().await {
            Ok((servers, until)) => {
                is_told = false;
                found.send_if_modified(|known| {
                    known.insert(trunk, servers.clone()).is_none_or(|before| before != servers)
                });
                let left = until.saturating_duration_since(Instant::now());
                left.clamp(LOOK_UP_EVERY_MIN, LOOK_UP_EVERY_MAX)
            }
            Err(error) => {
                if !std::mem::replace(&mut is_told, true) {
                    let stale = found.borrow().contains_key(&trunk);
                    let meanwhile = if stale { "; meanwhile what was found before is used" } else { "" };
                    tracing::warn!(
                        trunk = name,
                        "its server {} is not found: {error}{meanwhile}",
                        finder.route.host
                    );
                }
                LOOK_AGAIN
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = found.closed() => return,
        }
    }
}

/// Finds the servers of one trunk (RFC 3263 §4).
struct Finder {
    names: Names,
    route: Route,
    bound: Vec<Listen>,
}

/// What was found, and until when it may be believed.
type Looked<T> = Result<(T, Instant), Unresolved>;

impl Finder {
    async fn look(&self) -> Looked<Vec<Server>> {
        let host = self.route.host.to_string();
        let (targets, until) = match locate::first_question(&self.route) {
            Question::Addresses(transport, port) => self.addresses(&host, transport, port).await?,
            Question::Servers(service) => {
                let transport = service.transport;
                let (targets, until) = self.servers(&[service]).await?;
                if targets.is_empty() {
                    self.addresses(&host, transport, transport.default_port()).await?
                } else {
                    (targets, until)
                }
            }
            Question::Services => {
                // Many a name server knows no NAPTR and says that it has failed: then there is none.
                let none = (Vec::new(), Instant::now() + LOOK_UP_EVERY_MAX);
                let (records, known_until) = self.names.naptr(&host).await.unwrap_or(none);
                let mut services = locate::services(records, |transport| self.speaks(transport));
                if services.is_empty() {
                    services = locate::by_default(&host, |transport| self.speaks(transport));
                }
                let (targets, until) = self.servers(&services).await?;
                if targets.is_empty() {
                    // RFC 3263 §4.1: neither NAPTR nor SRV.
                    self.addresses(&host, Transport::Udp, Transport::Udp.default_port()).await?
                } else {
                    (targets, until.min(known_until))
                }
            }
        };
        if targets.is_empty() {
            return Err(Unresolved::Nowhere);
        }
        Ok((locate::ranked(&targets), until))
    }

    /// What the SRV records of these services lead to.
    async fn servers(&self, services: &[Service]) -> Looked<Vec<Target>> {
        let mut targets = Vec::new();
        let mut until = Instant::now() + LOOK_UP_EVERY_MAX;
        let mut failed = None;
        let mut was_told = false;
        for service in services {
            let (records, known_until) = match self.names.srv(&service.name).await {
                Ok(told) => told,
                Err(error) => {
                    // What is said of one service is good though nothing is said of another, which is asked for again soon.
                    until = until.min(Instant::now() + LOOK_AGAIN);
                    failed = Some(error);
                    continue;
                }
            };
            was_told = true;
            until = until.min(known_until);
            for record in records {
                // One of several servers that has no address is no reason to give up the others.
                let Ok((found, known_until)) =
                    self.addresses(&record.host, service.transport, record.port).await
                else {
                    continue;
                };
                until = until.min(known_until);
                targets.extend(found.into_iter().map(|target| Target {
                    place: service.place,
                    rank: record.rank,
                    ..target
                }));
            }
        }
        match failed {
            Some(error) if !was_told => Err(error),
            Some(_) | None => Ok((targets, until)),
        }
    }

    /// The addresses of a name that a listener of ours reaches.
    async fn addresses(&self, host: &str, transport: Transport, port: u16) -> Looked<Vec<Target>> {
        let (addresses, until) = self.names.addresses(host).await?;
        let reaches = |address: &SocketAddr| {
            let fits =
                |one: &Listen| one.transport == transport && one.address.is_ipv4() == address.is_ipv4();
            self.bound.iter().any(fits)
        };
        let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).filter(reaches);
        let target = |address| Target { place: 0, rank: Rank::default(), transport, address };
        Ok((addresses.map(target).collect(), until))
    }

    fn speaks(&self, transport: Transport) -> bool {
        self.bound.iter().any(|one| one.transport == transport)
    }
}

#[cfg(test)]
mod tests;
