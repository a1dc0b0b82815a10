//! What is to be asked of DNS to find a trunk's servers, and what its answers mean (RFC 3263). Asks nobody itself.

use super::order::Rank;
use super::settings::Route;
use crate::sip::flow::Transport;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// The transports that DNS knows by name: where their SRV records are, and what NAPTR calls them (RFC 3263 §4.1).
const SERVICES: [(Transport, &str, &str); 3] = [
    (Transport::Udp, "_sip._udp", "SIP+D2U"),
    (Transport::Tcp, "_sip._tcp", "SIP+D2T"),
    (Transport::Tls, "_sips._tcp", "SIPS+D2T"),
];
/// More servers than this no trunk needs.
const SERVERS_MAX: usize = 16;

/// A server, as DNS names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Server {
    /// By what it is reached.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// Its place among the others.
    pub rank: Rank,
}

/// What is asked first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// Which services there are (NAPTR); without any, [`by_default`].
    Services,
    /// Where this service is (SRV); without any record, the addresses of the name itself.
    Servers(Service),
    /// The addresses of the name, nothing else.
    Addresses(Transport, u16),
}

/// A service of a domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// By what.
    pub transport: Transport,
    /// The name of its SRV records.
    pub name: String,
    /// Where it comes among the domain's services: lower first.
    pub place: u16,
}

/// A NAPTR record (RFC 3403 §4.1), as far as it matters here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Naptr {
    /// Lower orders first, all others only if those are of no use.
    pub order: u16,
    /// Lower first within an order.
    pub preference: u16,
    /// `s`: the replacement has SRV records.
    pub flags: String,
    /// `SIP+D2U` and its like.
    pub services: String,
    /// Where to go on.
    pub replacement: String,
}

/// An address that an SRV record led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// The place of the service it belongs to.
    pub place: u16,
    /// As in the record.
    pub rank: Rank,
    /// By what it is reached.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

/// RFC 3263 §4.1 and §4.2: a port or a transport in the configuration leaves less to ask.
pub fn first_question(route: &Route) -> Question {
    match (route.transport, route.port) {
        (transport, Some(port)) => Question::Addresses(transport.unwrap_or(Transport::Udp), port),
        (Some(transport), None) => match srv_prefix(transport) {
            Some(prefix) => {
                let name = format!("{prefix}.{}", route.host);
                Question::Servers(Service { transport, name, place: 0 })
            }
            None => Question::Addresses(transport, transport.default_port()),
        },
        (None, None) => Question::Services,
    }
}

/// The services that NAPTR records name and that can be reached by what we listen with, the preferred ones first.
pub fn services(mut records: Vec<Naptr>, speaks: impl Fn(Transport) -> bool) -> Vec<Service> {
    records.sort_by_key(|record| (record.order, record.preference));
    let usable = records.into_iter().filter_map(|Naptr { flags, services, replacement, .. }| {
        let known = SERVICES.iter().find(|(_, _, name)| name.eq_ignore_ascii_case(&services));
        let transport = known.map(|(transport, ..)| *transport).filter(|transport| speaks(*transport))?;
        let leads_on = flags.eq_ignore_ascii_case("s") && !replacement.trim_matches('.').is_empty();
        leads_on.then_some((transport, replacement))
    });
    (0..).zip(usable).map(|(place, (transport, name))| Service { transport, name, place }).collect()
}

/// Where no NAPTR says anything: each transport that we listen with (RFC 3263 §4.1).
pub fn by_default(host: &str, speaks: impl Fn(Transport) -> bool) -> Vec<Service> {
    let ours = SERVICES.iter().filter(|(transport, ..)| speaks(*transport));
    let service = |(place, (transport, prefix, _)): (u16, &(Transport, &str, &str))| Service {
        transport: *transport,
        name: format!("{prefix}.{host}"),
        place,
    };
    (0..).zip(ours).map(service).collect()
}

/// The servers that the records led to. Those of a less preferred service come behind all of a more preferred one.
pub fn ranked(targets: &[Target]) -> Vec<Server> {
    let key = |target: &Target| (target.place, target.rank.priority);
    let keys: BTreeSet<_> = targets.iter().map(key).collect();
    let mut servers: Vec<Server> = Vec::new();
    for target in targets.iter().take(SERVERS_MAX) {
        let place = keys.iter().position(|one| *one == key(target)).unwrap_or_default();
        let rank = Rank { priority: u16::try_from(place).unwrap_or(u16::MAX), ..target.rank };
        let server = Server { transport: target.transport, address: target.address, rank };
        if !servers.iter().any(|known| (known.transport, known.address) == (server.transport, server.address))
        {
            servers.push(server);
        }
    }
    servers
}

fn srv_prefix(transport: Transport) -> Option<&'static str> {
    SERVICES.iter().find(|(known, ..)| *known == transport).map(|(_, prefix, _)| *prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::host::Host;

    fn route(port: Option<u16>, transport: Option<Transport>) -> Route {
        Route { port, transport, ..Route::to(Host::parse("carrier.example").unwrap()) }
    }

    fn naptr(order: u16, preference: u16, flags: &str, services: &str, replacement: &str) -> Naptr {
        let [flags, services, replacement] = [flags, services, replacement].map(str::to_owned);
        Naptr { order, preference, flags, services, replacement }
    }

    fn names(services: &[Service]) -> Vec<&str> {
        services.iter().map(|service| service.name.as_str()).collect()
    }

    #[test]
    fn what_the_configuration_says_is_not_asked_for() {
        assert_eq!(first_question(&route(None, None)), Question::Services);
        let tcp = Some(Transport::Tcp);
        let servers =
            Service { transport: Transport::Tcp, name: "_sip._tcp.carrier.example".into(), place: 0 };
        assert_eq!(first_question(&route(None, tcp)), Question::Servers(servers));
        assert_eq!(first_question(&route(Some(5070), tcp)), Question::Addresses(Transport::Tcp, 5070));
        assert_eq!(first_question(&route(Some(5070), None)), Question::Addresses(Transport::Udp, 5070));
    }

    #[test]
    fn of_the_services_only_those_that_lead_on_and_that_we_speak_are_taken_in_their_order() {
        let records = vec![
            naptr(100, 50, "s", "SIP+D2T", "_sip._tcp.carrier.example."),
            naptr(50, 50, "S", "sip+d2u", "_sip._udp.other.example."),
            naptr(10, 50, "s", "SIPS+D2X", "_x.carrier.example."),
            naptr(10, 60, "u", "E2U+sip", "."),
            naptr(10, 70, "s", "SIP+D2U", "."),
        ];
        let all = services(records.clone(), |_| true);
        assert_eq!(names(&all), ["_sip._udp.other.example.", "_sip._tcp.carrier.example."]);
        let tcp = services(records, |transport| transport == Transport::Tcp);
        assert_eq!(names(&tcp), ["_sip._tcp.carrier.example."]);
        let default = by_default("carrier.example", |_| true);
        assert_eq!(names(&default)[..2], ["_sip._udp.carrier.example", "_sip._tcp.carrier.example"]);
    }

    #[test]
    fn the_priorities_of_one_service_do_not_mix_with_anothers() {
        let target = |place, priority, last: u8| Target {
            place,
            rank: Rank { priority, weight: 7 },
            transport: Transport::Udp,
            address: ([192, 0, 2, last], 5060).into(),
        };
        let servers = ranked(&[target(1, 10, 3), target(0, 20, 2), target(0, 10, 1), target(1, 10, 3)]);
        let places: Vec<_> = servers.iter().map(|it| (it.address.to_string(), it.rank.priority)).collect();
        let expected = [("192.0.2.3:5060", 2), ("192.0.2.2:5060", 1), ("192.0.2.1:5060", 0)];
        assert_eq!(places, expected.map(|(address, place)| (address.to_owned(), place)));
        assert!(servers.iter().all(|server| server.rank.weight == 7));
    }
}
