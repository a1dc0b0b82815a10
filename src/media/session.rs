//! One leg's RTP, as a state machine: bytes and a time in, bytes out (RFC 3550). It opens no socket and reads no clock.
//!
//! Whatever a leg hears, music, prompts or the other leg, it gets one stream: one source, one numbering, one clock.

mod reports;
mod secure;

use super::bridge::{Sent, Splice};
use super::codec::Codec;
use super::counters::DropCause;
use super::dtmf::{Keypad, Keys, Turn};
use super::latch::{Latch, Verdict};
use super::reception::Reception;
use super::rtp::{self, Header, Packet};
use super::sdp::{Meaning, Stream};
use crate::engine::time::Monotonic;
use secure::Secured;
use std::net::SocketAddr;
use std::time::Duration;

/// How often a report is sent (RFC 3550 §6.2).
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Where a leg's numbers start: unguessable (RFC 3550 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seed {
    /// Our source identifier.
    pub ssrc: u32,
    /// The number before the first packet's.
    pub sequence: u16,
    /// The timestamp before the first packet's.
    pub timestamp: u32,
}

/// What a received packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inbound<'a> {
    /// Speech.
    Voice {
        /// The packet.
        packet: Packet<'a>,
        /// The codec of its payload.
        codec: Codec,
    },
    /// A telephone event.
    Event {
        /// The packet.
        packet: Packet<'a>,
        /// The key, when this packet is the first to tell of it.
        digit: Option<char>,
    },
    /// Comfort noise, which is not passed on.
    Noise {
        /// The packet.
        packet: Packet<'a>,
    },
    /// Nothing to act on.
    Dropped(DropCause),
}

/// One leg's state.
#[derive(Debug)]
pub struct Session {
    ssrc: u32,
    sent: Sent,
    packets: u32,
    octets: u32,
    /// The moment of the last paced frame, in frames of the worker's clock.
    last_frame: Option<u64>,
    splice: Option<Splice>,
    spurt: bool,
    stream: Option<Stream>,
    latch: Option<Latch>,
    keys: Keys,
    reception: Option<Reception>,
    /// Whether packets are seen when they come.
    is_timed: bool,
    last_sender_report: Option<(u32, Monotonic)>,
    /// The middle bits of our last sender report's NTP time, and when it went.
    own_sender_report: Option<(u32, Monotonic)>,
    round_trip: Option<Duration>,
    report_due: Monotonic,
    reported_packets: u32,
    /// Whether a report was made.
    has_reported: bool,
    control_port: Option<u16>,
    /// The keys in use, when it is SRTP.
    secured: Option<Box<Secured>>,
}

impl Session {
    /// A leg whose far side is not known yet.
    pub fn new(now: Monotonic, seed: Seed) -> Session {
        Session {
            ssrc: seed.ssrc,
            sent: Sent { sequence: seed.sequence, timestamp: seed.timestamp, at: now },
            packets: 0,
            octets: 0,
            last_frame: None,
            splice: None,
            spurt: true,
            stream: None,
            latch: None,
            keys: Keys::default(),
            reception: None,
            is_timed: true,
            last_sender_report: None,
            own_sender_report: None,
            round_trip: None,
            // The first report comes after 2.5 to 5 s, so that calls that begin together do not report together.
            report_due: now + REPORT_EVERY / 2 + Duration::from_micros(u64::from(seed.ssrc) % 2_500_000),
            reported_packets: 0,
            has_reported: false,
            control_port: None,
            secured: None,
        }
    }

    /// The far side, known or known anew. A lock on its address holds as long as its description does not change it.
    pub fn connect(&mut self, stream: Stream) {
        if self.latch.is_none_or(|latch| latch.described() != stream.remote) {
            self.latch = Some(Latch::new(stream.remote));
            self.control_port = None;
        }
        if let Some(latch) = &mut self.latch {
            latch.prove(stream.security.is_some());
        }
        self.secured = Secured::renewed(self.secured.take(), stream.security);
        self.stream = Some(stream);
    }

    /// The codec we send, once the far side is known.
    pub fn codec(&self) -> Option<Codec> {
        self.stream.as_ref().map(|stream| stream.codec)
    }

    /// Whether the far side may speak.
    pub fn receives(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.direction.receives())
    }

    /// Where our RTP goes; `None` while we must not send.
    pub fn destination(&self) -> Option<SocketAddr> {
        // By reference: a stream is hundreds of bytes, of which few are needed per packet.
        let stream = self.stream.as_ref().filter(|stream| stream.direction.sends())?;
        let to = self.latch.as_ref().map_or(stream.remote, Latch::destination);
        (!to.ip().is_unspecified()).then_some(to)
    }

    /// What the leg hears comes from elsewhere now: the numbers go on, a new talk spurt begins.
    pub fn change_source(&mut self) {
        (self.last_frame, self.splice, self.spurt) = (None, None, true);
    }

    /// Whether packets are seen when they come, or some time later: then they say nothing about jitter.
    pub fn time_arrivals(&mut self, timed: bool) {
        self.is_timed = timed;
    }

    /// Takes a datagram of the RTP port that is no RTCP. SRTP is proven before anything is learned from it, and made
    /// readable in its place.
    pub fn receive<'a>(&mut self, now: Monotonic, from: SocketAddr, datagram: &'a mut [u8]) -> Inbound<'a> {
        let (Some(stream), Some(latch)) = (self.stream, self.latch.as_mut()) else {
            return Inbound::Dropped(DropCause::NotConnected);
        };
        let datagram = match &mut self.secured {
            Some(secured) => match secured.read(datagram) {
                Ok(plain) => plain,
                Err(cause) => return Inbound::Dropped(cause),
            },
            None => datagram,
        };
        let Some(packet) = rtp::read(datagram) else { return Inbound::Dropped(DropCause::Malformed) };
        let Some(meaning) = stream.receives.meaning(packet.payload_type) else {
            return Inbound::Dropped(DropCause::PayloadType);
        };
        match latch.judge(now, from, packet.ssrc) {
            Verdict::Taken => {}
            Verdict::Learning => return Inbound::Dropped(DropCause::Learning),
            Verdict::Stranger => return Inbound::Dropped(DropCause::Stranger),
        }
        match &mut self.reception {
            Some(reception) if reception.ssrc() == packet.ssrc && self.is_timed => {
                if let Meaning::Voice(codec) = meaning {
                    reception.retime(now, &packet, codec.clock_hz());
                }
                reception.receive(now, &packet)
            }
            Some(reception) if reception.ssrc() == packet.ssrc => reception.count(now, &packet),
            other => {
                let clock_hz =
                    if let Meaning::Voice(codec) = meaning { codec } else { stream.codec }.clock_hz();
                *other = Some(Reception::new(now, &packet, clock_hz));
            }
        }
        if !stream.direction.receives() {
            return Inbound::Dropped(DropCause::NotAgreed);
        }
        match meaning {
            Meaning::Voice(codec) => Inbound::Voice { packet, codec },
            Meaning::Noise => Inbound::Noise { packet },
            Meaning::Event { .. } => {
                let digit = self.keys.receive(packet.ssrc, packet.timestamp, packet.payload);
                Inbound::Event { packet, digit }
            }
        }
    }

    /// Writes the next paced frame of 20 ms, already encoded; `frame` counts 20 ms on the worker's clock. `None` while
    /// we must not send.
    pub fn frame(&mut self, now: Monotonic, frame: u64, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        self.destination()?;
        let (codec, payload_type) = self.stream.as_ref().map(|stream| (stream.codec, stream.payload_type))?;
        let (marker, timestamp) = self.pace(now, frame, codec);
        let sequence = self.sent.sequence.wrapping_add(1);
        let header = self.header(payload_type, marker, sequence, timestamp);
        self.send(now, header, payload, out)
    }

    /// Writes what is due in a frame in which keys may be dialled: a telephone event, or else the sound.
    pub fn frame_or_key(
        &mut self,
        now: Monotonic,
        frame: u64,
        keypad: &mut Keypad,
        payload: &[u8],
        out: &mut [u8],
    ) -> Option<usize> {
        let stream = self.stream.filter(|_| self.destination().is_some())?;
        let (marker, timestamp) = self.pace(now, frame, stream.codec);
        let sequence = self.sent.sequence.wrapping_add(1);
        let key = stream.dtmf.map(|payload_type| (payload_type, keypad.next(timestamp)));
        let Some((payload_type, Turn::Event(event))) = key else {
            let header = self.header(stream.payload_type, marker, sequence, timestamp);
            return self.send(now, header, payload, out);
        };
        let header = self.header(payload_type, event.marker, sequence, event.timestamp);
        let length = self.send(now, header, &event.payload, out)?;
        // What comes after it goes on at its own time.
        self.sent.timestamp = timestamp;
        Some(length)
    }

    /// Whether the far side takes telephone events.
    pub fn takes_keys(&self) -> bool {
        self.stream.is_some_and(|stream| stream.dtmf.is_some())
    }

    /// Marker and timestamp of the paced frame that is due.
    fn pace(&mut self, now: Monotonic, frame: u64, codec: Codec) -> (bool, u32) {
        let passed = self.last_frame.map(|last| frame.saturating_sub(last));
        let timestamp = match passed {
            Some(frames) => {
                self.sent.timestamp.wrapping_add((frames as u32).wrapping_mul(codec.frame_ticks()))
            }
            None => self.sent.next_timestamp(now, codec.clock_hz()),
        };
        // After a pause (a hold, a worker that was late) a new talk spurt begins (RFC 3551 §4.1).
        let marker = std::mem::take(&mut self.spurt) || passed.is_some_and(|frames| frames > 1);
        self.last_frame = Some(frame);
        (marker, timestamp)
    }

    /// Writes what the other leg said. Payloads of the other G.711 law go through a table, nothing is decoded; whoever
    /// has any other codec is not relayed to, but mixed.
    pub fn relay(
        &mut self,
        now: Monotonic,
        packet: &Packet<'_>,
        codec: Codec,
        out: &mut [u8],
    ) -> Option<usize> {
        let stream = self.stream.filter(|_| self.destination().is_some())?;
        if !codec.passes_as(stream.codec) {
            return None;
        }
        let (marker, sequence, timestamp) = self.splice(now, packet, stream.codec.clock_hz())?;
        let header = self.header(stream.payload_type, marker, sequence, timestamp);
        let table = codec.law().zip(stream.codec.law()).and_then(|(from, to)| from.crossing(to));
        let Some(table) = table else {
            return self.send(now, header, packet.payload, out);
        };
        let mut crossed = [0; rtp::PAYLOAD_MAX];
        let crossed = crossed.get_mut(..packet.payload.len())?;
        for (to, &from) in crossed.iter_mut().zip(packet.payload) {
            *to = table[usize::from(from)];
        }
        self.send(now, header, crossed, out)
    }

    /// Writes a telephone event of the other leg; `None` when the far side takes none.
    pub fn relay_event(&mut self, now: Monotonic, packet: &Packet<'_>, out: &mut [u8]) -> Option<usize> {
        let stream = self.stream.filter(|_| self.destination().is_some())?;
        let Some(payload_type) = stream.dtmf else {
            self.pass_over(now, packet);
            return None;
        };
        let (marker, sequence, timestamp) = self.splice(now, packet, stream.codec.clock_hz())?;
        let header = self.header(payload_type, marker, sequence, timestamp);
        self.send(now, header, packet.payload, out)
    }

    /// A packet of the other leg that is not passed on.
    pub fn pass_over(&mut self, now: Monotonic, packet: &Packet<'_>) {
        if let Some(splice) = &mut self.splice {
            splice.pass_over(now, packet);
        }
    }

    fn splice(&mut self, now: Monotonic, packet: &Packet<'_>, clock_hz: u32) -> Option<(bool, u16, u32)> {
        let continuing = self.splice.filter(|splice| splice.continues(now, packet));
        let mut splice = continuing.unwrap_or_else(|| Splice::new(now, packet, &self.sent, clock_hz));
        let (sequence, timestamp) = splice.shift(now, packet)?;
        self.splice = Some(splice);
        self.last_frame = None;
        let marker = packet.marker || continuing.is_none() || self.spurt;
        self.spurt = false;
        Some((marker, sequence, timestamp))
    }

    fn header(&self, payload_type: u8, marker: bool, sequence: u16, timestamp: u32) -> Header {
        Header { payload_type, marker, sequence, timestamp, ssrc: self.ssrc }
    }

    fn send(&mut self, now: Monotonic, header: Header, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        let length = rtp::write(header, payload, out)?;
        if (header.sequence.wrapping_sub(self.sent.sequence) as i16) > 0 {
            self.sent = Sent { sequence: header.sequence, timestamp: header.timestamp, at: now };
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        match &mut self.secured {
            Some(secured) => secured.sender.protect(out, length),
            None => Some(length),
        }
    }
}

#[cfg(test)]
mod secure_tests;
#[cfg(test)]
mod tests;
