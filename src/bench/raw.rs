//! What the machine itself asks for a packet: the CPU time of a plain `sendto` of 172 bytes over the loopback, to the same
//! sinks that take the engine's packets. Sends nothing else.

use nix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// RTP header and 20 ms of G.711.
const PACKET_BYTES: usize = 172;
/// Between two looks at the clock.
const BATCH: usize = 512;
/// Streams are spread over so many slots of a millisecond, as the engine spreads them.
const SLOTS: usize = 20;
const SLOT: Duration = Duration::from_millis(1);

/// Microseconds of CPU time per packet.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Raw {
    /// A socket for each stream, a packet for each every 20 ms, spread over them: no socket is in the caches when its turn
    /// comes. As with callers who came one after another, every twentieth has the same slot. Only the sending is counted, not
    /// the waiting between slots.
    pub per_call_us: f64,
    /// One socket, as fast as it goes: everything is in the caches.
    pub hot_us: f64,
}

/// Measures both, each for `span`, towards sinks that are read.
pub(super) fn measure(streams: usize, sinks: &[SocketAddr], span: Duration) -> io::Result<Raw> {
    let sockets = (0..streams.max(1)).map(|_| socket()).collect::<io::Result<Vec<_>>>()?;
    let per_call_us = paced(span, &sockets, sinks)?;
    drop(sockets);
    Ok(Raw { per_call_us, hot_us: hot(span, sinks)? })
}

/// As the engine's: it does not block, and its packets are marked as voice (RFC 3246).
fn socket() -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    socket.set_tos_v4(0xB8)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn paced(span: Duration, sockets: &[UdpSocket], sinks: &[SocketAddr]) -> io::Result<f64> {
    let packet = [0_u8; PACKET_BYTES];
    let streams: Vec<_> = sockets.iter().zip(sinks.iter().cycle()).collect();
    let (began, mut due) = (Instant::now(), Instant::now());
    let (mut cpu, mut sent) = (Duration::ZERO, 0_u64);
    for slot in (0..SLOTS).cycle().take_while(|_| began.elapsed() < span) {
        let before = thread_cpu()?;
        for (socket, sink) in streams.iter().skip(slot).step_by(SLOTS) {
            sent += u64::from(socket.send_to(&packet, sink).is_ok());
        }
        cpu += thread_cpu()?.saturating_sub(before);
        due += SLOT;
        sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(cpu.as_secs_f64() * 1e6 / sent.max(1) as f64)
}

fn hot(span: Duration, sinks: &[SocketAddr]) -> io::Result<f64> {
    let socket = socket()?;
    let packet = [0_u8; PACKET_BYTES];
    let (began, before) = (Instant::now(), thread_cpu()?);
    let mut sent: u64 = 0;
    let mut round = sinks.iter().cycle();
    while began.elapsed() < span {
        for sink in round.by_ref().take(BATCH) {
            sent += u64::from(socket.send_to(&packet, sink).is_ok());
        }
    }
    let cpu = thread_cpu()?.saturating_sub(before);
    Ok(cpu.as_secs_f64() * 1e6 / sent.max(1) as f64)
}

/// The CPU time of this thread so far, the kernel's part included.
fn thread_cpu() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_costs_something() {
        let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let raw = measure(40, &[sink.local_addr().unwrap()], Duration::from_millis(50)).unwrap();
        for cost in [raw.per_call_us, raw.hot_us] {
            assert!(cost > 0.01 && cost < 1_000.0, "{raw:?}");
        }
    }
}
