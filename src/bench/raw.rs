//! What the machine itself asks for a packet: the CPU time of a plain `sendto` of 172 bytes over the loopback.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// RTP header and 20 ms of G.711.
const PACKET_BYTES: usize = 172;
const RECEIVERS: usize = 64;
/// Between two looks at the clock.
const BATCH: usize = 512;

/// Microseconds of CPU time per packet, sent for `span` as fast as it goes to sockets that are read.
pub(super) fn us_per_packet(span: Duration) -> io::Result<f64> {
    let receivers = (0..RECEIVERS).map(|_| receiver()).collect::<io::Result<Vec<_>>>()?;
    let targets = receivers.iter().map(UdpSocket::local_addr).collect::<io::Result<Vec<_>>>()?;
    let done = Arc::new(AtomicBool::new(false));
    let reader = thread::Builder::new().name("raw-reader".into()).spawn({
        let done = Arc::clone(&done);
        move || read_until(&receivers, &done)
    })?;
    let measured = send_for(span, &targets);
    done.store(true, Ordering::Release);
    let read = reader.join();
    debug_assert!(read.is_ok());
    measured
}

fn receiver() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn read_until(receivers: &[UdpSocket], done: &AtomicBool) {
    let mut datagram = [0; 2048];
    while !done.load(Ordering::Acquire) {
        for receiver in receivers {
            while receiver.recv(&mut datagram).is_ok() {}
        }
    }
}

fn send_for(span: Duration, targets: &[SocketAddr]) -> io::Result<f64> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let packet = [0_u8; PACKET_BYTES];
    let (began, cpu_before) = (Instant::now(), thread_cpu()?);
    let mut sent: u64 = 0;
    let mut round = targets.iter().cycle();
    while began.elapsed() < span {
        for target in round.by_ref().take(BATCH) {
            sent += u64::from(socket.send_to(&packet, target).is_ok());
        }
    }
    let cpu = thread_cpu()?.saturating_sub(cpu_before);
    Ok(cpu.as_secs_f64() * 1e6 / sent.max(1) as f64)
}

/// The CPU time of this thread so far, the kernel's part included.
fn thread_cpu() -> io::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_costs_something() {
        let cost = us_per_packet(Duration::from_millis(50)).unwrap();
        assert!(cost > 0.01 && cost < 1_000.0, "{cost} µs");
    }
}
