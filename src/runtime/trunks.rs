//! Where the servers of trunks are that the configuration names: their names are looked up beside the loop, again and
//! again, for carriers move. It tells addresses, and calls nobody.

use crate::sip::host::Host;
use crate::sip::settings::Trunk;
use crate::sip::transport::Listen;
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How often each name is looked up. The system's own cache goes by the record's time to live.
const LOOK_UP_EVERY: Duration = Duration::from_secs(60);

/// The address of each trunk that has a name, by its place in the configuration.
pub(super) type Addresses = watch::Receiver<Vec<(usize, IpAddr)>>;

/// One name to be looked up.
struct Named {
    trunk: usize,
    host: String,
    port: u16,
    /// Whether a listener could reach it by IPv4, and by IPv6.
    reach: (bool, bool),
    /// Whether the last look was in vain: that is told once.
    in_vain: bool,
}

/// Looks the names up from now on, as long as somebody wants to know.
pub(super) fn follow(trunks: &[Trunk], bound: &[Listen]) -> Addresses {
    let mut named: Vec<_> = trunks.iter().enumerate().filter_map(|(at, it)| name_of(at, it, bound)).collect();
    let (found, addresses) = watch::channel(Vec::new());
    if !named.is_empty() {
        tokio::spawn(async move {
            loop {
                for one in &mut named {
                    if let Some(address) = look_up(one).await {
                        found.send_if_modified(|known| note(known, one.trunk, address));
                    }
                }
                tokio::select! {
                    () = sleep(LOOK_UP_EVERY) => {}
                    () = found.closed() => return,
                }
            }
        });
    }
    addresses
}

fn name_of(trunk: usize, configured: &Trunk, bound: &[Listen]) -> Option<Named> {
    let route = configured.route.as_ref()?;
    let Host::Name(host) = &route.host else { return None };
    let reaches =
        |ipv4| bound.iter().any(|one| one.transport == route.transport && one.address.is_ipv4() == ipv4);
    let reach = (reaches(true), reaches(false));
    Some(Named { trunk, host: host.to_string(), port: route.port(), reach, in_vain: false })
}

async fn look_up(named: &mut Named) -> Option<IpAddr> {
    let (ipv4, ipv6) = named.reach;
    let problem = match tokio::net::lookup_host((named.host.as_str(), named.port)).await {
        Ok(mut addresses) => match addresses.find(|it| if it.is_ipv4() { ipv4 } else { ipv6 }) {
            Some(address) => {
                named.in_vain = false;
                return Some(address.ip());
            }
            None => "no address that a listener of ours reaches".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    if !std::mem::replace(&mut named.in_vain, true) {
        tracing::warn!(
            name = named.host,
            "a trunk's server is not found: {problem}; looked for again every minute"
        );
    }
    None
}

/// Notes an address; whether it is news.
fn note(known: &mut Vec<(usize, IpAddr)>, trunk: usize, address: IpAddr) -> bool {
    match known.iter_mut().find(|(at, _)| *at == trunk) {
        Some((_, before)) => std::mem::replace(before, address) != address,
        None => {
            known.push((trunk, address));
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::flow::Transport;
    use crate::sip::settings::{Route, Shows};

    fn trunk(host: &str) -> Trunk {
        let host = Host::parse(host).unwrap();
        let (port, login, own_number) = (None, None, None);
        let route = Route { host, port, transport: Transport::Udp, login, own_number, shows: Shows::Caller };
        Trunk { route: Some(route), ..Trunk::default() }
    }

    #[tokio::test]
    async fn a_name_is_looked_up_and_an_address_is_not() {
        let bound = [Listen { transport: Transport::Udp, address: "127.0.0.1:5060".parse().unwrap() }];
        let trunks = [trunk("192.0.2.1"), trunk("localhost"), Trunk::default()];
        let mut addresses = follow(&trunks, &bound);
        addresses.changed().await.unwrap();
        assert_eq!(*addresses.borrow(), [(1, "127.0.0.1".parse().unwrap())]);
        assert!(follow(&trunks[..1], &bound).changed().await.is_err(), "nothing to look up");
    }

    #[test]
    fn only_another_address_is_news() {
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mut known = Vec::new();
        assert_eq!([one, one, other].map(|it| note(&mut known, 3, it)), [true, false, true]);
        assert_eq!(known, [(3, other)]);
    }
}
