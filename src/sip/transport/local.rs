//! The address a listener on all addresses is reached by: what Via and Contact must say, for `0.0.0.0` leads nowhere.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Peers whose local address is remembered.
const REMEMBERED_MAX: usize = 4096;

/// The address the system sends from towards `remote`; `local` itself when that is a definite one, or nothing leads there.
pub(super) fn towards(local: SocketAddr, remote: IpAddr) -> SocketAddr {
    if !local.ip().is_unspecified() {
        return local;
    }
    // Connecting a datagram socket looks the route up and sends nothing.
    let probe = || {
        let socket = UdpSocket::bind(SocketAddr::new(local.ip(), 0))?;
        socket.connect(SocketAddr::new(remote, 9))?;
        socket.local_addr()
    };
    probe().map_or(local, |found| SocketAddr::new(found.ip(), local.port()))
}

/// Remembers the answers.
#[derive(Debug, Default)]
pub(super) struct Locals(HashMap<IpAddr, SocketAddr>);

impl Locals {
    pub fn towards(&mut self, local: SocketAddr, remote: IpAddr) -> SocketAddr {
        if !local.ip().is_unspecified() {
            return local;
        }
        if let Some(known) = self.0.get(&remote) {
            return *known;
        }
        // Routes change, and forged sources must not pile up: it starts anew now and then.
        if self.0.len() >= REMEMBERED_MAX {
            self.0.clear();
        }
        *self.0.entry(remote).or_insert_with(|| towards(local, remote))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_becomes_the_address_that_leads_to_the_peer() {
        let mut locals = Locals::default();
        let peer = IpAddr::from([127, 0, 0, 1]);
        for _ in 0..2 {
            let local = locals.towards(SocketAddr::from(([0, 0, 0, 0], 5060)), peer);
            assert_eq!(local, SocketAddr::from(([127, 0, 0, 1], 5060)));
        }
        let definite = SocketAddr::from(([192, 0, 2, 7], 5060));
        assert_eq!(locals.towards(definite, peer), definite);
    }
}
