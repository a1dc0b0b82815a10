//! The sound of one call: two sockets, a packet every 20 ms, an ear. Knows no SIP.

use super::ear::{Ear, Heard};
use super::sdp::Remote;
use super::sound::{Sound, Voice};
use super::{locked, token_u32};
use crate::media::codec::FRAME_SAMPLES;
use rtp_rs::{RtpPacketBuilder, Seq};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

const PACKET: Duration = Duration::from_millis(20);
/// Packets between two sender reports: five seconds' worth, the least interval RFC 3550 §6.2 suggests.
const REPORT_PACKETS: u32 = 250;
/// Attempts at an even port whose successor is free too (RFC 3550 §11).
const PORT_TRIES: usize = 64;
/// Keys waiting to be sent.
const DIGITS_MAX: usize = 64;

/// What is to be sent where.
#[derive(Clone, Default)]
struct Plan {
    remote: Option<Remote>,
    sound: Sound,
    /// Grows when `sound` is to begin anew.
    turn: u64,
}

/// One call's sound. Stops when dropped.
pub(super) struct Media {
    pub local: SocketAddr,
    plan: watch::Sender<Plan>,
    digits: mpsc::Sender<char>,
    ear: Arc<Mutex<Ear>>,
    task: JoinHandle<()>,
}

impl Media {
    /// Opens the two sockets and begins to listen.
    pub async fn open(ip: IpAddr, record_max: Duration) -> io::Result<Media> {
        let (rtp, rtcp) = even_pair(ip).await?;
        let local = rtp.local_addr()?;
        let (plan, plan_seen) = watch::channel(Plan::default());
        let (digits, digits_wanted) = mpsc::channel(DIGITS_MAX);
        let ear = Arc::new(Mutex::new(Ear::new(record_max)));
        let talker = Talker::new(plan_seen, digits_wanted);
        let task = tokio::spawn(run(rtp, rtcp, talker, Arc::clone(&ear)));
        Ok(Media { local, plan, digits, ear, task })
    }

    pub fn connect(&self, remote: Remote) {
        self.plan.send_modify(|plan| plan.remote = Some(remote));
    }

    pub fn say(&self, sound: Sound) {
        self.plan.send_modify(|plan| {
            plan.sound = sound;
            plan.turn += 1;
        });
    }

    /// Whether the key could be queued.
    pub fn press(&self, key: char) -> bool {
        self.digits.try_send(key).is_ok()
    }

    pub fn heard(&self) -> Heard {
        locked(&self.ear).heard()
    }

    pub fn recording(&self) -> Vec<i16> {
        locked(&self.ear).recording()
    }

    pub fn forget(&self) {
        locked(&self.ear).forget();
    }

    /// Nothing is sent or heard from now on; what was heard stays.
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn even_pair(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    for _ in 0..PORT_TRIES {
        let rtp = UdpSocket::bind((ip, 0)).await?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 0
            && let Ok(rtcp) = UdpSocket::bind((ip, port + 1)).await
        {
            return Ok((rtp, rtcp));
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no even port with a free successor was found"))
}

async fn run(rtp: UdpSocket, rtcp: UdpSocket, mut talker: Talker, ear: Arc<Mutex<Ear>>) {
    // Burst: a late tick is made up for, so that the rate is exactly 50 packets a second.
    let mut pace = interval(PACKET);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut datagram, mut report) = ([0; 2048], [0; 2048]);
    loop {
        tokio::select! {
            _ = pace.tick() => {
                talker.tick(&rtp).await;
                if talker.packets % REPORT_PACKETS == 1 {
                    talker.report(&rtcp).await;
                }
            }
            got = rtp.recv_from(&mut datagram) => {
                // An ICMP error of an earlier packet is reported here; the socket stays good.
                if let Ok((length, _)) = got {
                    let dtmf = talker.dtmf();
                    locked(&ear).hear(datagram.get(..length).unwrap_or_default(), Instant::now(), dtmf);
                }
            }
            got = rtcp.recv_from(&mut report) => {
                if got.is_ok() {
                    locked(&ear).report();
                }
            }
        }
    }
}

/// The sending half.
struct Talker {
    plan: watch::Receiver<Plan>,
    digits: mpsc::Receiver<char>,
    voice: Voice,
    turn: u64,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    packets: u32,
    marked: bool,
    keys: VecDeque<Key>,
}

/// One packet's worth of a key press.
#[derive(Clone, Copy)]
struct Key {
    event: u8,
    /// Packets since the key went down.
    step: u16,
    pause: bool,
}

/// Packets a key is down: 100 ms, then the end thrice, then a pause.
const KEY_STEPS: u16 = 5;
const PAUSE_STEPS: u16 = 4;

impl Talker {
    fn new(plan: watch::Receiver<Plan>, digits: mpsc::Receiver<char>) -> Self {
        let random = token_u32();
        Self {
            plan,
            digits,
            voice: Voice::new(Sound::Silence),
            turn: 0,
            ssrc: random,
            // RFC 3550 §5.1: random starts.
            sequence: (random >> 7) as u16,
            timestamp: random.rotate_left(11),
            packets: 0,
            marked: true,
            keys: VecDeque::new(),
        }
    }

    fn dtmf(&self) -> Option<u8> {
        // What the far side sends uses our number; we offer 101 and answer with the number offered to us.
        self.plan.borrow().remote.map_or(Some(super::sdp::TELEPHONE_EVENT), |remote| remote.dtmf)
    }

    /// One packet, and 20 ms of time.
    async fn tick(&mut self, socket: &UdpSocket) {
        let (remote, fresh) = {
            let plan = self.plan.borrow();
            (plan.remote, (plan.turn != self.turn).then(|| (plan.turn, plan.sound.clone())))
        };
        if let Some((turn, sound)) = fresh {
            (self.turn, self.voice) = (turn, Voice::new(sound));
        }
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        let frame = self.voice.frame();
        let Some(remote) = remote.filter(|remote| remote.flow.sends() && !self.voice.is_dead()) else {
            self.marked = true;
            return;
        };
        match self.next_key(remote.dtmf) {
            Some((payload_type, key)) => self.send_key(socket, remote.address, payload_type, key).await,
            None => {
                let payload = frame.map(|sample| remote.codec.encode(sample));
                let marked = std::mem::take(&mut self.marked);
                let timestamp = self.timestamp;
                self.send(socket, remote.address, remote.payload_type, marked, timestamp, &payload).await;
            }
        }
    }

    /// The key that is down now; `None` in the pauses, where the voice is heard.
    fn next_key(&mut self, payload_type: Option<u8>) -> Option<(u8, Key)> {
        if self.keys.is_empty()
            && let Ok(digit) = self.digits.try_recv()
        {
            let event =
                b"0123456789*#ABCD".iter().position(|&key| char::from(key) == digit.to_ascii_uppercase())?;
            let event = u8::try_from(event).ok()?;
            self.keys.extend((1..=KEY_STEPS).map(|step| Key { event, step, pause: false }));
            self.keys.extend((1..=PAUSE_STEPS).map(|step| Key { event, step, pause: true }));
        }
        let key = self.keys.pop_front().filter(|key| !key.pause)?;
        Some((payload_type?, key))
    }

    /// RFC 4733 §2.5.1: one timestamp for all packets of the event, a growing duration, the end sent three times.
    async fn send_key(&mut self, socket: &UdpSocket, to: SocketAddr, payload_type: u8, key: Key) {
        let duration = key.step * FRAME_SAMPLES as u16;
        let began = self.timestamp.wrapping_sub(u32::from(duration));
        let last = key.step == KEY_STEPS;
        let volume_and_end = if last { 0x80 | 10 } else { 10 };
        let [high, low] = duration.to_be_bytes();
        let payload = [key.event, volume_and_end, high, low];
        for _ in 0..if last { 3 } else { 1 } {
            self.send(socket, to, payload_type, key.step == 1, began, &payload).await;
        }
        self.marked = last;
    }

    async fn send(
        &mut self,
        socket: &UdpSocket,
        to: SocketAddr,
        payload_type: u8,
        marked: bool,
        timestamp: u32,
        payload: &[u8],
    ) {
        let mut packet = [0; 12 + FRAME_SAMPLES];
        let built = RtpPacketBuilder::new()
            .payload_type(payload_type)
            .marked(marked)
            .sequence(Seq::from(self.sequence))
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .payload(payload)
            .build_into(&mut packet);
        if let Some(bytes) = built.ok().and_then(|length| packet.get(..length)) {
            self.sequence = self.sequence.wrapping_add(1);
            self.packets = self.packets.wrapping_add(1);
            // UDP may lose it, here as well as on the way.
            let _ = socket.send_to(bytes, to).await;
        }
    }

    /// A sender report with our name (RFC 3550 §6.4.1, §6.5).
    async fn report(&mut self, socket: &UdpSocket) {
        let Some(remote) = self.plan.borrow().remote.filter(|_| !self.voice.is_dead()) else { return };
        let mut bytes = vec![0x80, 200, 0, 6];
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend([0; 8]);
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.packets.to_be_bytes());
        bytes.extend(self.packets.wrapping_mul(FRAME_SAMPLES as u32).to_be_bytes());
        bytes.extend([0x81, 202, 0, 4]);
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend(b"\x01\x08holdfast\0\0");
        let mut to = remote.address;
        to.set_port(to.port().saturating_add(1));
        let _ = socket.send_to(&bytes, to).await;
    }
}
