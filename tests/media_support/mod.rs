//! Phones on loopback that speak RTP by themselves (no code of the engine but the G.711 tables), and ears for what they
//! hear.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]
#![allow(dead_code)]

use holdfast::engine::id::{CallId, LegId};
use holdfast::media::codec::encoder::{Encoder, Frame};
use holdfast::media::{
    Codec, Direction, Handle, Library, LocalMedia, MediaEvent, MediaSettings, Prefer, Sessions, Stream,
    Wishes, sdp::Meaning, start,
};
use std::f32::consts::TAU;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, channel};

/// Nothing here takes longer, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn settings() -> MediaSettings {
    MediaSettings {
        listen: "127.0.0.1".parse().unwrap(),
        advertise: None,
        listen6: None,
        advertise6: None,
        ports: 21_000..=31_999,
        workers: 1,
        pin: false,
        realtime: false,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        prefer: Prefer::Theirs,
        quarantine: Duration::from_secs(30),
        silence: None,
        inband_keys: false,
    }
}

pub fn engine(library: Library) -> (Handle, Receiver<MediaEvent>) {
    engine_with(settings(), library)
}

pub fn engine_with(settings: MediaSettings, library: Library) -> (Handle, Receiver<MediaEvent>) {
    let (events, received) = channel(64);
    (start(settings, Arc::new(library), events).unwrap(), received)
}

pub fn caller(number: u64) -> LegId {
    LegId::Caller(CallId(number))
}

/// Waits for an event, with a deadline.
pub fn next_event(events: &mut Receiver<MediaEvent>) -> MediaEvent {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match events.try_recv() {
            Ok(event) => return event,
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("no event came: {error}"),
        }
    }
}

/// Waits until something is so, with a deadline.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Writes a WAV file at 8 kHz.
pub fn write_wav(path: &Path, samples: impl Iterator<Item = f32>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.for_each(|sample| writer.write_sample((sample * 32_767.0) as i16).unwrap());
    writer.finalize().unwrap();
}

pub fn tone(hertz: f32, seconds: f32) -> impl Iterator<Item = f32> {
    (0..(seconds * 8_000.0) as usize).map(move |n| 0.4 * (TAU * hertz * n as f32 / 8_000.0).sin())
}

/// Sound that resembles itself at no other place.
pub fn noise(seconds: f32) -> Vec<f32> {
    let mut state = 0x1234_5678_u32;
    (0..(seconds * 8_000.0) as usize)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            0.4 * (state as f32 / u32::MAX as f32 * 2.0 - 1.0)
        })
        .collect()
}

/// The share of a signal's energy that one frequency has (Goertzel): 1 for a pure tone.
pub fn share_of(hertz: f32, samples: &[f32]) -> f32 {
    let coefficient = 2.0 * (TAU * hertz / 8_000.0).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for &sample in samples {
        (before, last) = (last, sample + coefficient * last - before);
    }
    let power = last * last + before * before - coefficient * last * before;
    let energy: f32 = samples.iter().map(|sample| sample * sample).sum();
    2.0 * power / (energy.max(1e-9) * samples.len() as f32)
}

/// The highest normalised cross-correlation of `heard` with any place of `source`, played round and round.
pub fn correlation(heard: &[f32], source: &[f32]) -> f32 {
    let norm = |samples: &mut dyn Iterator<Item = f32>| samples.map(|s| s * s).sum::<f32>().sqrt();
    let heard_norm = norm(&mut heard.iter().copied());
    (0..source.len())
        .map(|lag| {
            let place = || source.iter().cycle().skip(lag).take(heard.len()).copied();
            let product: f32 = heard.iter().zip(place()).map(|(a, b)| a * b).sum();
            product / (heard_norm * norm(&mut place())).max(1e-9)
        })
        .fold(-1.0, f32::max)
}

/// An RTP packet, read by hand.
#[derive(Clone, Debug)]
pub struct Heard {
    pub payload_type: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: Vec<u8>,
}

/// A phone: one socket pair, one codec.
pub struct Phone {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    pub codec: Codec,
    pub dtmf: u8,
    pub engine: SocketAddr,
    pub leg: LegId,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

impl Phone {
    /// Opens and connects a leg for a new phone.
    pub fn connected(handle: &mut Handle, leg: LegId, near: Option<LegId>, codec: Codec, dtmf: u8) -> Phone {
        let LocalMedia { rtp: engine, .. } = handle.open(leg, near, &Wishes::default()).unwrap();
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        let (rtp, rtcp) = (socket(), socket());
        let ssrc = u32::from(rtp.local_addr().unwrap().port());
        let phone = Phone { rtp, rtcp, codec, dtmf, engine, leg, sequence: 100, timestamp: 5_000, ssrc };
        handle.connect(leg, phone.stream(Direction::SendRecv));
        phone
    }

    /// What SDP would have agreed.
    pub fn stream(&self, direction: Direction) -> Stream {
        let plain = Stream::plain(self.rtp.local_addr().unwrap(), self.codec);
        let rtcp = self.rtcp.local_addr().unwrap();
        let mut stream = Stream { rtcp, dtmf: Some(self.dtmf), direction, ..plain };
        stream.receives.add(self.dtmf, Meaning::Event { clock_hz: 8_000 });
        stream
    }

    pub fn send(&mut self, payload_type: u8, marker: bool, payload: &[u8]) {
        let mut packet = vec![0x80, payload_type | u8::from(marker) << 7];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        self.rtp.send_to(&packet, self.engine).unwrap();
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// Sends speech, encoded here.
    pub fn speak(&mut self, samples: &[f32]) {
        let payload: Vec<u8> = samples
            .iter()
            .map(|sample| self.codec.law().unwrap().encode((sample * 32_767.0) as i16))
            .collect();
        self.send(self.codec.offered_payload_type(), false, &payload);
        self.timestamp = self.timestamp.wrapping_add(samples.len() as u32);
    }

    /// Sends 20 ms of 16 kHz sound in the phone's codec.
    pub fn say(&mut self, encoder: &mut Encoder, frame: &Frame) {
        let mut payload = [0; 1_420];
        let length = encoder.encode(frame, &mut payload);
        self.send(self.codec.offered_payload_type(), false, &payload[..length]);
        self.timestamp = self.timestamp.wrapping_add(self.codec.frame_ticks());
    }

    /// Presses a key: three packets while it is down, three that say it is up (RFC 4733 §2.5.1.4).
    pub fn press(&mut self, event: u8) {
        for step in 1..=6_u16 {
            let [high, low] = (step.min(4) * 160).to_be_bytes();
            self.send(self.dtmf, step == 1, &[event, if step > 3 { 0x8A } else { 0x0A }, high, low]);
        }
        self.timestamp = self.timestamp.wrapping_add(960);
    }

    pub fn hear(&self) -> Heard {
        self.try_hear().expect("a packet within the deadline")
    }

    /// A packet, if one comes while the socket waits.
    pub fn try_hear(&self) -> Option<Heard> {
        let mut buffer = [0; 2_048];
        let (length, from) = self.rtp.recv_from(&mut buffer).ok()?;
        assert_eq!(from, self.engine, "symmetric RTP");
        assert!(length > 12 && buffer[0] == 0x80);
        let word =
            |at: usize| u32::from_be_bytes([buffer[at], buffer[at + 1], buffer[at + 2], buffer[at + 3]]);
        Some(Heard {
            payload_type: buffer[1] & 0x7F,
            marker: buffer[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([buffer[2], buffer[3]]),
            timestamp: word(4),
            ssrc: word(8),
            payload: buffer[12..length].to_vec(),
        })
    }

    pub fn decoded(&self, heard: &Heard) -> Vec<f32> {
        heard
            .payload
            .iter()
            .map(|&code| f32::from(self.codec.law().unwrap().decode(code)) / 32_768.0)
            .collect()
    }

    /// So many packets' sound, each at the place its timestamp says.
    pub fn listen(&self, packets: usize) -> Vec<f32> {
        let heard: Vec<_> = (0..packets).map(|_| self.hear()).collect();
        let start = heard[0].timestamp;
        let mut sound = Vec::new();
        for packet in &heard {
            let at = packet.timestamp.wrapping_sub(start) as usize;
            assert!(at < 800_000, "timestamps go on");
            sound.resize(sound.len().max(at + packet.payload.len()), 0.0);
            sound[at..at + packet.payload.len()].copy_from_slice(&self.decoded(packet));
        }
        sound
    }

    /// Everything that has arrived until now.
    pub fn drain(&self) -> usize {
        self.rtp.set_nonblocking(true).unwrap();
        let mut buffer = [0; 2_048];
        let count = std::iter::from_fn(|| self.rtp.recv_from(&mut buffer).ok()).count();
        self.rtp.set_nonblocking(false).unwrap();
        count
    }
}
