//! Which connections there are, and how many there may be: finding one to send by, opening one, turning one away.

use super::connect::connect;
use super::inlet::Inlet;
use super::settings::{PeerRules, TransportSettings, count};
use super::stream::Job;
use crate::sip::flow::{ConnectionId, Flow, Transport, TrunkId};
use crate::sip::source::Source;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, mpsc, watch};

/// All connections of all listeners.
#[derive(Debug)]
pub(super) struct Connections {
    pub settings: TransportSettings,
    pub rules: watch::Receiver<Arc<PeerRules>>,
    pub inlet: Inlet,
    /// A place for each handshake under way.
    pub handshakes: Semaphore,
    table: Mutex<Table>,
}

/// Who is at the other end. Of two trunks at one address, each has proven its own name only.
type Peer = (Transport, SocketAddr, Option<TrunkId>);

fn peer(flow: &Flow) -> Peer {
    (flow.transport, flow.remote, flow.trunk)
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<ConnectionId, Open>,
    by_peer: HashMap<Peer, ConnectionId>,
    /// Connections opened by others, per source.
    by_source: HashMap<Source, usize>,
    last: u64,
}

#[derive(Debug)]
struct Open {
    peer: Peer,
    is_inbound: bool,
    queue: mpsc::Sender<Job>,
}

/// A place in the table.
pub(super) struct Admitted {
    pub id: ConnectionId,
    pub queue: mpsc::Sender<Job>,
    pub jobs: mpsc::Receiver<Job>,
}

impl Connections {
    pub fn new(settings: TransportSettings, rules: watch::Receiver<Arc<PeerRules>>, inlet: Inlet) -> Self {
        let handshakes = Semaphore::new(settings.handshakes_max.min(Semaphore::MAX_PERMITS));
        Self { settings, rules, inlet, handshakes, table: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is only ever changed in single steps, so a panic elsewhere leaves it whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn len(&self) -> usize {
        self.table().open.len()
    }

    /// Takes a connection in; `None` when there are too many, or none is wanted from there.
    pub fn admit(&self, flow: &Flow, is_inbound: bool) -> Option<Admitted> {
        if is_inbound && self.inlet.is_shut_out(flow.remote.ip()) {
            return None;
        }
        let (mut table, source) = (self.table(), Source::of(flow.remote.ip()));
        let sources = table.by_source.get(&source).copied().unwrap_or_default();
        let too_many = is_inbound && sources >= self.settings.connections_per_source_max;
        if too_many || table.open.len() >= self.settings.connections_max {
            count(&self.inlet.counts.refused);
            return None;
        }
        table.last += 1;
        let id = ConnectionId(table.last);
        let (queue, jobs) = mpsc::channel(self.settings.queued_per_connection_max.max(1));
        table.open.insert(id, Open { peer: peer(flow), is_inbound, queue: queue.clone() });
        // Whoever came by TLS has not proven that he is the one we would call there (RFC 5923 §8.1): he is answered by
        // his connection, and nobody is looked for behind it.
        if !(is_inbound && flow.transport.is_secure()) {
            table.by_peer.insert(peer(flow), id);
        }
        if is_inbound {
            *table.by_source.entry(source).or_default() += 1;
        }
        Some(Admitted { id, queue, jobs })
    }

    /// Nothing more comes by a connection: it may still bring answers back, but nothing new is sent by it.
    pub fn retire(&self, id: ConnectionId) {
        let mut table = self.table();
        let Some(peer) = table.open.get(&id).map(|open| open.peer) else { return };
        if table.by_peer.get(&peer) == Some(&id) {
            table.by_peer.remove(&peer);
        }
    }

    /// A connection is over.
    pub fn forget(&self, id: ConnectionId) {
        self.retire(id);
        let mut table = self.table();
        let Some(open) = table.open.remove(&id) else { return };
        let (_, remote, _) = open.peer;
        let source = Source::of(remote.ip());
        if let (true, Some(sources)) = (open.is_inbound, table.by_source.get_mut(&source)) {
            *sources = sources.saturating_sub(1);
            if *sources == 0 {
                table.by_source.remove(&source);
            }
        }
    }

    /// Sends by the flow's own connection, else by one that is open to the same peer, else by a new one.
    pub fn send(self: &Arc<Self>, to: Flow, bytes: Arc<[u8]>, runtime: &tokio::runtime::Handle) {
        let job = Job::Send { to, bytes };
        let queue = self.find(&to);
        let sent = match queue {
            Some(queue) => queue.try_send(job).is_ok(),
            // A stream that a request came by and that is gone was opened from a port nobody listens on.
            None if to.connection.is_some() || !to.transport.leads_out() => false,
            None => self.open(to, job, runtime),
        };
        if !sent {
            self.inlet.failed(to);
        }
    }

    fn find(&self, to: &Flow) -> Option<mpsc::Sender<Job>> {
        let table = self.table();
        let own = to.connection.and_then(|id| table.open.get(&id));
        let same_peer = || table.by_peer.get(&peer(to)).and_then(|id| table.open.get(id));
        own.or_else(same_peer).map(|open| open.queue.clone())
    }

    fn open(self: &Arc<Self>, to: Flow, job: Job, runtime: &tokio::runtime::Handle) -> bool {
        let Some(admitted) = self.admit(&to, false) else { return false };
        let queued = admitted.queue.try_send(job).is_ok();
        runtime.spawn(connect(self.clone(), admitted, to));
        queued
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::lanes;
    use super::*;
    use std::net::IpAddr;

    fn from(address: &str) -> Flow {
        let remote = SocketAddr::new(address.parse::<IpAddr>().unwrap(), 40_000);
        Flow::tcp("[2001:db8::1]:5060".parse().unwrap(), remote)
    }

    #[test]
    fn whoever_has_a_network_of_ipv6_has_the_places_of_one_source() {
        let settings = TransportSettings { connections_per_source_max: 2, ..TransportSettings::default() };
        let (events, _inbox) = lanes(1);
        let inlet = Inlet { events, counts: Arc::default(), keep_bytes: false, shut_out: Arc::default() };
        let connections = Connections::new(settings, watch::channel(Arc::default()).1, inlet);
        let first = connections.admit(&from("2001:db8:1:2::1"), true).unwrap();
        assert!(connections.admit(&from("2001:db8:1:2::2"), true).is_some());
        assert!(connections.admit(&from("2001:db8:1:2:ffff::3"), true).is_none(), "the same /64");
        assert!(connections.admit(&from("2001:db8:1:3::1"), true).is_some(), "another");
        connections.forget(first.id);
        assert!(connections.admit(&from("2001:db8:1:2:ffff::3"), true).is_some());
    }
}
