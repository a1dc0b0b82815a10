//! The sockets that carry audio, all alike. Opens them, and neither sends nor reads.

use mio::net::UdpSocket;
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// A second of packets, as the system counts them: more would only be late.
const RECEIVE_BUFFER_BYTES: usize = 64 * 1024;
/// Expedited forwarding (RFC 3246), which networks that care give to voice.
const TOS_EXPEDITED: u32 = 0xB8;

/// A leg's socket on this port.
pub(super) fn bound(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(ip, port);
    let socket = unbound(ip)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

/// A second socket on the port of the first, connected to `to`: the system gives it what comes from there, and the first
/// one all else.
pub(super) fn beside(first: &UdpSocket, to: SocketAddr) -> io::Result<UdpSocket> {
    let (socket, first) = (unbound(to.ip())?, SockRef::from(first));
    // Only for the moment: to anybody else the port stays taken.
    first.set_reuse_address(true)?;
    let bound = socket.set_reuse_address(true).and_then(|()| socket.bind(&first.local_addr()?));
    let closed = first.set_reuse_address(false).and_then(|()| socket.set_reuse_address(false));
    bound.and(closed)?;
    socket.connect(&to.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

fn unbound(ip: IpAddr) -> io::Result<Socket> {
    let domain = if ip.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if ip.is_ipv6() {
        // IPv4 has sockets of its own, with the same port numbers.
        socket.set_only_v6(true)?;
    }
    // Both are wishes: without them packets flow all the same.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    if ip.is_ipv4() {
        let _ = socket.set_tos_v4(TOS_EXPEDITED);
        // Voice is never in fragments, so no packet needs a number by which they would be told apart (RFC 6864 §4.1): drawing
        // one is 3 % of what sending costs. What the network says about its packet lengths is nothing to us.
        let _ = set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::PROBE);
    } else {
        let _ = socket.set_tclass_v6(TOS_EXPEDITED);
    }
    Ok(socket)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic in a test is a failed assertion")]
mod tests {
    use super::*;
    use std::net::UdpSocket as Plain;
    use std::time::{Duration, Instant};

    fn received(socket: &UdpSocket) -> Option<u8> {
        let (deadline, mut byte) = (Instant::now() + Duration::from_millis(300), [0]);
        while Instant::now() < deadline {
            if socket.recv_from(&mut byte).is_ok() {
                return Some(byte[0]);
            }
            std::thread::yield_now();
        }
        None
    }

    #[test]
    fn of_two_on_a_port_the_connected_one_hears_its_peer_and_the_first_all_others() {
        for here in ["127.0.0.1", "::1"] {
            let here: IpAddr = here.parse().unwrap();
            let [peer, other] = [0, 0].map(|port| Plain::bind((here, port)).unwrap());
            let first = bound(here, 0).unwrap();
            let second = beside(&first, peer.local_addr().unwrap()).unwrap();
            let at = first.local_addr().unwrap();
            assert_eq!(second.local_addr().unwrap(), at);
            peer.send_to(&[1], at).unwrap();
            other.send_to(&[2], at).unwrap();
            assert_eq!((received(&second), received(&first)), (Some(1), Some(2)), "{here}");
            second.send(&[3]).unwrap();
            let (mut byte, wanted) = ([0], Some(at));
            assert_eq!(peer.recv_from(&mut byte).ok().map(|(_, from)| from), wanted);
            drop(second);
            peer.send_to(&[4], at).unwrap();
            assert_eq!(received(&first), Some(4), "alone again");
        }
    }

    #[test]
    fn a_port_with_two_is_still_taken() {
        let here = IpAddr::from([127, 0, 0, 1]);
        let peer = Plain::bind((here, 0)).unwrap();
        let first = bound(here, 0).unwrap();
        let _second = beside(&first, peer.local_addr().unwrap()).unwrap();
        let taken = bound(here, first.local_addr().unwrap().port()).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
}
