//! Which connections there are, and how many there may be: finding one to send by, opening one, turning one away.

use super::tcp::{self, Job};
use super::{Inlet, TransportSettings, count};
use crate::sip::flow::{ConnectionId, Flow};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// All connections of all TCP listeners.
#[derive(Debug)]
pub(super) struct Connections {
    pub settings: TransportSettings,
    pub inlet: Inlet,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<ConnectionId, Open>,
    by_remote: HashMap<SocketAddr, ConnectionId>,
    /// Connections opened by others, per source address.
    by_source: HashMap<IpAddr, usize>,
    last: u64,
}

#[derive(Debug)]
struct Open {
    remote: SocketAddr,
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
    pub fn new(settings: TransportSettings, inlet: Inlet) -> Self {
        Self { settings, inlet, table: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is only ever changed in single steps, so a panic elsewhere leaves it whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn len(&self) -> usize {
        self.table().open.len()
    }

    /// Takes a connection in; `None` when there are too many, or none is wanted from there.
    pub fn admit(&self, remote: SocketAddr, is_inbound: bool) -> Option<Admitted> {
        if is_inbound && self.inlet.is_shut_out(remote.ip()) {
            return None;
        }
        let mut table = self.table();
        let sources = table.by_source.get(&remote.ip()).copied().unwrap_or_default();
        let too_many = is_inbound && sources >= self.settings.connections_per_source_max;
        if too_many || table.open.len() >= self.settings.connections_max {
            count(&self.inlet.counts.refused);
            return None;
        }
        table.last += 1;
        let id = ConnectionId(table.last);
        let (queue, jobs) = mpsc::channel(self.settings.queued_per_connection_max.max(1));
        table.open.insert(id, Open { remote, is_inbound, queue: queue.clone() });
        table.by_remote.insert(remote, id);
        if is_inbound {
            *table.by_source.entry(remote.ip()).or_default() += 1;
        }
        Some(Admitted { id, queue, jobs })
    }

    /// Nothing more comes by a connection: it may still bring answers back, but nothing new is sent by it.
    pub fn retire(&self, id: ConnectionId) {
        let mut table = self.table();
        let Some(remote) = table.open.get(&id).map(|open| open.remote) else { return };
        if table.by_remote.get(&remote) == Some(&id) {
            table.by_remote.remove(&remote);
        }
    }

    /// A connection is over.
    pub fn forget(&self, id: ConnectionId) {
        self.retire(id);
        let mut table = self.table();
        let Some(open) = table.open.remove(&id) else { return };
        if let (true, Some(sources)) = (open.is_inbound, table.by_source.get_mut(&open.remote.ip())) {
            *sources = sources.saturating_sub(1);
            if *sources == 0 {
                table.by_source.remove(&open.remote.ip());
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
            None if to.connection.is_some() => false,
            None => self.open(to, job, runtime),
        };
        if !sent {
            self.inlet.failed(to);
        }
    }

    fn find(&self, to: &Flow) -> Option<mpsc::Sender<Job>> {
        let table = self.table();
        let own = to.connection.and_then(|id| table.open.get(&id));
        let same_peer = || table.by_remote.get(&to.remote).and_then(|id| table.open.get(id));
        own.or_else(same_peer).map(|open| open.queue.clone())
    }

    fn open(self: &Arc<Self>, to: Flow, job: Job, runtime: &tokio::runtime::Handle) -> bool {
        let Some(admitted) = self.admit(to.remote, false) else { return false };
        let queued = admitted.queue.try_send(job).is_ok();
        runtime.spawn(tcp::connect(self.clone(), admitted, to));
        queued
    }
}
