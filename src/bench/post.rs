//! A socket of the benchmark for SIP: it does not block, and tells when the kernel took each datagram (SO_TIMESTAMPNS), so
//! that our own slowness is not blamed on the engine. It is looked at now and then instead of waking its thread at each
//! datagram: on a network the waking is done by another machine, on the loopback the sender pays for it.

use crate::sip::codec::MESSAGE_SIZE_MAX_BYTES;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Not granted in full everywhere; what overflows is sent again.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// Time since 1970: one clock for all processes of a benchmark, and the kernel's own for datagrams.
pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

pub(super) struct Post {
    socket: UdpSocket,
    pub address: SocketAddr,
}

/// Where a datagram came from, when, and how long it is.
pub(super) struct Arrived {
    pub length: usize,
    pub from: SocketAddr,
    pub at: Duration,
}

impl Post {
    /// On an address of the loopback, and a port that the system chooses.
    pub fn open(on: Ipv4Addr) -> io::Result<Post> {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        socket.bind(&SocketAddr::from((on, 0)).into())?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        let socket = UdpSocket::from(socket);
        Ok(Post { address: socket.local_addr()?, socket })
    }

    /// A full buffer loses it, as the network might.
    pub fn send(&self, bytes: &[u8], to: SocketAddr) {
        let _ = self.socket.send_to(bytes, to);
    }

    /// The next datagram that is there, put at the beginning of `datagram`.
    pub fn take(&self, datagram: &mut [u8]) -> Option<Arrived> {
        let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
        loop {
            let mut slices = [IoSliceMut::new(datagram)];
            let fd = self.socket.as_raw_fd();
            match recvmsg::<SockaddrIn>(fd, &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT) {
                Ok(message) => {
                    let Some(from) = message.address else { continue };
                    let stamp = message.cmsgs().into_iter().flatten().find_map(|part| match part {
                        ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                        _ => None,
                    });
                    let from = SocketAddr::from((from.ip(), from.port()));
                    return Some(Arrived { length: message.bytes, from, at: stamp.unwrap_or_else(now) });
                }
                Err(nix::errno::Errno::EWOULDBLOCK) => return None,
                // An ICMP error of an earlier packet.
                Err(_) => {}
            }
        }
    }
}

/// Room for any of them.
pub(super) fn room() -> Vec<u8> {
    vec![0; MESSAGE_SIZE_MAX_BYTES]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_dated_by_the_kernel_and_not_by_when_it_is_looked_at() {
        let (one, two) = (Post::open(Ipv4Addr::LOCALHOST).unwrap(), Post::open(Ipv4Addr::LOCALHOST).unwrap());
        let mut datagram = room();
        assert!(two.take(&mut datagram).is_none());
        // The kernel begins to date datagrams a moment after it was first asked to; until then the look is the date.
        let dated_by_the_kernel = (0..100).any(|_| {
            one.send(b"hello", two.address);
            std::thread::sleep(Duration::from_millis(10));
            let looked = now();
            let arrived = two.take(&mut datagram).unwrap();
            assert_eq!((&datagram[..arrived.length], arrived.from), (b"hello".as_slice(), one.address));
            arrived.at < looked
        });
        assert!(dated_by_the_kernel);
    }
}
