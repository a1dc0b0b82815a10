//! Where the engine's RTP ends: a few sockets shared by many callers, one thread that counts every packet, with the time
//! at which the kernel took it (SO_TIMESTAMPNS), so that our own slowness is not blamed on the engine.
//!
//! The sockets are looked at every few milliseconds instead of waking the thread at each packet: on a network the waking is
//! done by another machine, on the loopback it would be the sender who pays for it.

use super::histogram::Histogram;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Streams per socket: 64 are 3,200 packets a second, for which the receive buffer lasts long enough.
const STREAMS_PER_SOCKET: usize = 64;
const SOCKETS_MAX: usize = 256;
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// Between two looks at the sockets: their buffers hold a hundred times as much.
const LOOK_EVERY: Duration = Duration::from_millis(4);
const PACKET: Duration = Duration::from_millis(20);
/// A packet is on time when it comes no later than this after its time.
const ON_TIME: Duration = Duration::from_millis(2);

const WARMING: u8 = 0;
const MEASURING: u8 = 1;
const TELLING: u8 = 2;
const DONE: u8 = 3;

/// What was received while it was measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    pub packets: u64,
    /// By gaps in the sequence numbers.
    pub lost: u64,
    pub late: u64,
    /// What our own kernel dropped because we did not read fast enough: not the engine's fault, yet part of `lost`.
    pub dropped_here: u64,
    /// Streams that sent anything.
    pub streams: u64,
    /// |gap − 20 ms| of packets that follow each other.
    pub jitter: Histogram,
    /// How late packets are on the grid of their stream.
    pub lateness: Histogram,
}

impl Received {
    pub fn on_time_share(&self) -> Option<f64> {
        self.lateness.share_within(ON_TIME)
    }

    pub fn loss_share(&self) -> f64 {
        self.lost as f64 / (self.packets + self.lost).max(1) as f64
    }
}

/// Looks at every packet: the port it came from, its bytes, and when it came.
pub(super) type Listener = Box<dyn FnMut(u16, &[u8], Duration) + Send>;

pub(super) struct Sinks {
    pub addresses: Vec<SocketAddr>,
    pub sockets: Vec<Arc<UdpSocket>>,
    phase: Arc<AtomicU8>,
    told: Receiver<Received>,
    thread: Option<JoinHandle<()>>,
}

impl Sinks {
    /// Opens as many sockets as that many streams need, and reads them.
    pub fn open(streams: usize) -> io::Result<Sinks> {
        Self::open_with(streams, None)
    }

    /// The same, and every packet is also looked at by somebody else.
    pub fn open_with(streams: usize, listener: Option<Listener>) -> io::Result<Sinks> {
        let count = streams.div_ceil(STREAMS_PER_SOCKET).clamp(1, SOCKETS_MAX);
        let sockets = (0..count).map(|_| socket().map(Arc::new)).collect::<io::Result<Vec<_>>>()?;
        let addresses = sockets.iter().map(|socket| socket.local_addr()).collect::<io::Result<Vec<_>>>()?;
        let phase = Arc::new(AtomicU8::new(WARMING));
        let (tell, told) = channel();
        let reader = Reader { listener, ..Reader::new(sockets.clone(), Arc::clone(&phase)) };
        let thread = thread::Builder::new().name("sinks".into()).spawn(move || reader.run(&tell))?;
        Ok(Sinks { addresses, sockets, phase, told, thread: Some(thread) })
    }

    /// From now on it counts, from nothing.
    pub fn measure(&self) {
        self.phase.store(MEASURING, Ordering::Release);
    }

    /// What was received since; it may measure again.
    pub fn pause(&self) -> io::Result<Received> {
        self.phase.store(TELLING, Ordering::Release);
        self.told.recv().map_err(|_| io::Error::other("the receiving thread has failed"))
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        self.phase.store(DONE, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn socket() -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    // Not granted in full everywhere; the overflow counter tells when it was not enough.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(&socket, sockopt::RxqOvfl, &1)?;
    Ok(socket.into())
}

/// One RTP stream, known by the port it comes from.
#[derive(Clone, Copy, Default)]
struct Stream {
    ssrc: u32,
    heard: bool,
    counted: bool,
    sequence: u16,
    /// Packets by sequence number since the first.
    position: u64,
    last: Duration,
    /// When position 0 was due, by the earliest packet so far.
    grid: Duration,
}

struct Reader {
    sockets: Vec<Arc<UdpSocket>>,
    listener: Option<Listener>,
    phase: Arc<AtomicU8>,
    streams: Vec<Stream>,
    overflow_before: Vec<u32>,
    overflow: Vec<u32>,
    received: Received,
}

impl Reader {
    fn new(sockets: Vec<Arc<UdpSocket>>, phase: Arc<AtomicU8>) -> Self {
        let zeros = vec![0; sockets.len()];
        let streams = vec![Stream::default(); 1 << 16];
        Self {
            sockets,
            listener: None,
            phase,
            streams,
            overflow_before: zeros.clone(),
            overflow: zeros,
            received: Received::default(),
        }
    }

    fn run(mut self, tell: &Sender<Received>) {
        let mut before = WARMING;
        loop {
            let phase = self.phase.load(Ordering::Acquire);
            match phase {
                MEASURING if before != MEASURING => self.begin(),
                TELLING => {
                    let received = self.end();
                    self.phase.store(WARMING, Ordering::Release);
                    if tell.send(received).is_err() {
                        return;
                    }
                }
                DONE => return,
                _ => {}
            }
            before = phase;
            thread::sleep(LOOK_EVERY);
            (0..self.sockets.len()).for_each(|index| self.drain(index, phase == MEASURING));
        }
    }

    fn begin(&mut self) {
        self.overflow_before.clone_from(&self.overflow);
        self.received = Received::default();
        self.streams.iter_mut().for_each(|stream| stream.counted = false);
    }

    fn end(&mut self) -> Received {
        let dropped = self.overflow.iter().zip(&self.overflow_before);
        self.received.dropped_here = dropped.map(|(now, then)| u64::from(now.wrapping_sub(*then))).sum();
        std::mem::take(&mut self.received)
    }

    fn drain(&mut self, index: usize, counting: bool) {
        let Some(fd) = self.sockets.get(index).map(|socket| socket.as_raw_fd()) else { return };
        let mut datagram = [0; 2048];
        let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec, u32);
        loop {
            let mut slices = [IoSliceMut::new(&mut datagram)];
            let got = recvmsg::<SockaddrIn>(fd, &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT);
            let Ok(message) = got else { return };
            let (length, from) = (message.bytes, message.address);
            let mut at = None;
            for part in message.cmsgs().into_iter().flatten() {
                match part {
                    ControlMessageOwned::ScmTimestampns(time) => at = Some(Duration::from(time)),
                    ControlMessageOwned::RxqOvfl(drops) => {
                        if let Some(overflow) = self.overflow.get_mut(index) {
                            *overflow = drops;
                        }
                    }
                    _ => {}
                }
            }
            if let (Some(at), Some(from)) = (at, from) {
                self.packet(datagram.get(..length).unwrap_or_default(), from.port(), at, counting);
            }
        }
    }

    fn packet(&mut self, datagram: &[u8], port: u16, at: Duration, counting: bool) {
        let Ok(packet) = rtp_rs::RtpReader::new(datagram) else { return };
        if let Some(listener) = &mut self.listener {
            listener(port, datagram, at);
        }
        let Some(stream) = self.streams.get_mut(usize::from(port)) else { return };
        let sequence = u16::from(packet.sequence_number());
        if !stream.heard || stream.ssrc != packet.ssrc() {
            *stream = Stream {
                ssrc: packet.ssrc(),
                heard: true,
                sequence,
                last: at,
                grid: at,
                ..Stream::default()
            };
        } else {
            let step = sequence.wrapping_sub(stream.sequence);
            if step == 0 || step > 0x8000 {
                self.received.late += u64::from(counting);
                return;
            }
            let gap = at.saturating_sub(stream.last);
            (stream.sequence, stream.last) = (sequence, at);
            stream.position += u64::from(step);
            let due = PACKET.saturating_mul(u32::try_from(stream.position).unwrap_or(u32::MAX));
            stream.grid = stream.grid.min(at.saturating_sub(due));
            if counting && stream.counted {
                self.received.lost += u64::from(step - 1);
                if step == 1 {
                    self.received.jitter.add(gap.abs_diff(PACKET));
                }
                self.received.lateness.add(at.saturating_sub(due).saturating_sub(stream.grid));
            }
        }
        if counting && !stream.counted {
            // The grid is of this window: two clocks drift apart in a longer time.
            stream.grid =
                at.saturating_sub(PACKET.saturating_mul(u32::try_from(stream.position).unwrap_or(u32::MAX)));
        }
        if counting {
            self.received.packets += 1;
            self.received.streams += u64::from(!stream.counted);
            stream.counted = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(reader: &mut Reader, sequence: u16, at_ms: u64) {
        let packet =
            rtp_rs::RtpPacketBuilder::new().payload_type(0).sequence(sequence.into()).payload(&[0; 160]);
        reader.packet(&packet.build().unwrap(), 4000, Duration::from_millis(1_000 + at_ms), true);
    }

    #[test]
    fn loss_jitter_and_lateness_are_what_the_packets_say() {
        let mut reader = Reader::new(Vec::new(), Arc::default());
        for (sequence, at_ms) in [(9, 0), (10, 20), (11, 45), (13, 80), (13, 81), (14, 100)] {
            send(&mut reader, sequence, at_ms);
        }
        let received = reader.received;
        assert_eq!((received.packets, received.lost, received.late, received.streams), (5, 1, 1, 1));
        // The gaps between neighbours: 20, 25 and 20 ms.
        assert_eq!((received.jitter.count(), received.jitter.longest()), (3, Duration::from_millis(5)));
        assert_eq!(received.lateness.longest(), Duration::from_millis(5));
        assert_eq!(received.on_time_share(), Some(0.75));
    }
}
