//! Where answers go, and what Via says of us and of others (RFC 3261 §18.1.1, §18.2; RFC 3581).

use crate::sip::flow::{Flow, Transport};
use crate::sip::message::{Headers, Request};
use crate::sip::settings::Listener;
use crate::sip::uri::{Params, Via};
use crate::sip::via::BRANCH_COOKIE;
use std::net::SocketAddr;

/// Our own topmost Via. `rport` asks for answers to where we sent from (RFC 3581 §3).
pub(super) fn our_via(flow: &Flow, listeners: &[Listener], token: &str) -> Via {
    let mut params = Params::new();
    params.set("branch", Some(&format!("{BRANCH_COOKIE}{token}")));
    if !flow.transport.is_reliable() {
        params.set("rport", None);
    }
    let (host, port) = Listener::sent_by(listeners, flow);
    Via { transport: flow.transport.as_str().into(), host, port: Some(port), params }
}

/// The topmost Via of a message.
pub(super) fn top_via(headers: &Headers) -> Option<Via> {
    headers.values("Via").next()?.parse().ok()
}

/// Writes down where a request really came from, in its topmost Via; what the sender claims there itself is
/// overwritten (RFC 3261 §18.2.1, RFC 3581 §4).
pub(super) fn note_source(request: &mut Request, via: &Via, from: &Flow) {
    let ip = from.remote.ip().to_canonical();
    let mut noted = via.clone();
    noted.params.remove("received");
    if via.wants_rport() {
        noted.params.set("rport", Some(&from.remote.port().to_string()));
    }
    if via.wants_rport() || via.host.ip() != Some(ip) {
        noted.params.set("received", Some(&ip.to_string()));
    }
    if noted == *via {
        return;
    }
    // A line may hold several Via values; only the first is ours to change.
    let rest: Vec<&str> = match request.headers.first("Via") {
        Some(line) => crate::sip::message::split_commas(line).skip(1).collect(),
        None => Vec::new(),
    };
    let line = rest.iter().fold(noted.to_string(), |line, value| format!("{line}, {value}"));
    request.headers.replace_first("Via", line);
}

/// Where the answers to a request go (RFC 3261 §18.2.2): by the stream it came by; of datagrams to the source address,
/// and to the source port if asked (RFC 3581 §4), else to the port in Via. `maddr` is not obeyed: it would let anybody
/// aim our answers at a third party.
pub(super) fn reply_flow(via: &Via, from: &Flow) -> Flow {
    match from.transport {
        Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => *from,
        Transport::Udp if via.wants_rport() => *from,
        Transport::Udp => {
            Flow { remote: SocketAddr::new(from.remote.ip(), via.port.unwrap_or(5060)), ..*from }
        }
    }
}
