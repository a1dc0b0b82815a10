//! What stands between us and a phone: proxies of our own, by whose Path requests reach it (RFC 3327), and the first hop,
//! which keeps a phone's several flows apart (RFC 5626). Whom nobody named in the configuration leads us nowhere.

use super::compose::Refusal;
use super::start::flow_to;
use super::{Note, SipCore, Turn};
use crate::sip::flow::Flow;
use crate::sip::message::Request;
use crate::sip::registrar::PhoneWay;
use crate::sip::uri::{NameAddr, Uri};
use std::net::SocketAddr;

/// A Path with more proxies is a loop or an attack.
const PROXIES_MAX: usize = 8;
/// No proxy writes more about itself, in bytes.
const PATH_BYTES_MAX: usize = 512;

impl SipCore {
    /// The way a REGISTER came by.
    pub(super) fn way_in(
        &self,
        turn: &mut Turn<'_>,
        request: &Request,
        from: Flow,
    ) -> Result<PhoneWay, Refusal> {
        let path = path(request)?;
        let asks = asks_for_outbound(request);
        let Some(first) = path.first() else {
            // RFC 5626 §6: with one Via alone it came from the phone itself, and we are its first hop.
            let is_direct = request.headers.values("Via").nth(1).is_none();
            return Ok(PhoneWay { is_outbound: asks && is_direct, ..PhoneWay::direct(from) });
        };
        if !self.gate.is_proxy(from.remote.ip()) {
            turn.out.notes.push(Note::PathIgnored { from: from.remote.ip() });
            return Ok(PhoneWay::direct(from));
        }
        let keeps_flows = path.last().is_some_and(|edge| edge.uri.params.has("ob"));
        if asks && !keeps_flows {
            // RFC 5626 §11.6: the phone registers again, without.
            return Err(Refusal::new(439));
        }
        let flow = self.hop(&first.uri, from);
        let path = path.iter().map(ToString::to_string).collect();
        Ok(PhoneWay { flow, path, is_outbound: asks && keeps_flows })
    }

    /// Where the first proxy of a Path wants requests: at another address only if that is a proxy's too, and by a name
    /// nowhere but whence it came.
    fn hop(&self, uri: &Uri, from: Flow) -> Flow {
        let transport = uri.transport().filter(|it| it.leads_out());
        let ip = uri.host.ip().filter(|ip| self.gate.is_proxy(*ip));
        let (Some(transport), Some(ip)) = (transport, ip) else { return from };
        let remote = SocketAddr::new(ip, uri.port.unwrap_or(transport.default_port()));
        if transport == from.transport && ip.is_ipv4() == from.local.is_ipv4() {
            // A connection of the proxy's is not the phone's: when it closes, another is made.
            return Flow { remote, connection: None, ..from };
        }
        flow_to(transport, remote, &self.settings.listeners).unwrap_or(from)
    }
}

/// Whether the phone has flows to be told apart: it knows how, and names one (RFC 5626 §4.2.1).
fn asks_for_outbound(request: &Request) -> bool {
    let names_one = |value: &str| {
        let contact = value.parse::<NameAddr>();
        contact.is_ok_and(|it| it.params.has("+sip.instance") && it.params.has("reg-id"))
    };
    request.headers.has_token("Supported", "outbound") && request.headers.values("Contact").any(names_one)
}

fn path(request: &Request) -> Result<Vec<NameAddr>, Refusal> {
    let mut path = Vec::new();
    for value in request.headers.values("Path") {
        let proxy: NameAddr = value.parse().map_err(|_| Refusal::new(400))?;
        // RFC 3327 §4: loose routers all of them.
        let good = proxy.uri.is_sip() && proxy.uri.params.has("lr") && value.len() <= PATH_BYTES_MAX;
        if !good || path.len() == PROXIES_MAX {
            return Err(Refusal::new(400));
        }
        path.push(proxy);
    }
    Ok(path)
}
