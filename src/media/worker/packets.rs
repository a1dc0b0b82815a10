//! What a worker does about packets: paced frames and reports out, what comes in judged and passed on.

use super::lane::Lane;
use super::rooms::voice;
use super::{Leg, READ_MAX, SLOTS, Source, Worker};
use crate::engine::time::Monotonic;
use crate::media::MediaEvent;
use crate::media::board::Board;
use crate::media::clock::Clock;
use crate::media::counters::{Counters, DropCause};
use crate::media::quality::{Measured, Quality};
use crate::media::rtcp::REPORT_MAX;
use crate::media::rtp;
use crate::media::session::Inbound;
use mio::Token;
use mio::net::UdpSocket;
use rustix::io::Errno;
use rustix::net::{SendFlags, sendto};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

/// How often a leg's figures are written.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

impl Worker {
    /// Makes the leg's next frame; it is sent with those of others.
    pub(super) fn play(&mut self, at: usize, slot: u64, now: Monotonic) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let (Source::Playing(player), Some(codec)) = (&mut leg.source, leg.session.codec()) else { return };
        let (payload, prompts_over) = player.next(codec, slot / SLOTS);
        if let Some(length) = leg.session.frame(now, slot / SLOTS, payload, self.outbox.room())
            && let Some(to) = leg.session.destination()
        {
            self.outbox.keep(at, to, length);
        }
        if prompts_over {
            let leg = leg.id;
            self.tell(MediaEvent::PromptFinished { leg });
        }
    }

    pub(super) fn report(&mut self, at: usize, now: Monotonic) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        if leg.session.is_report_due(now) {
            send_report(leg, now, false, &self.counters);
        }
    }

    /// Reads the leg's socket of this token.
    pub(super) fn read(&mut self, token: Token) {
        let more =
            self.read_from(token, |leg| Some(if token.0.is_multiple_of(2) { &leg.rtp } else { &leg.rtcp }));
        if more {
            self.read_later(token);
        }
    }

    /// Reads the leg's lane, if it has one. What is more than its turn allows has another soon.
    pub(super) fn read_lane(&mut self, at: usize) {
        self.read_from(Token(at * 2), |leg| leg.lane.as_ref().map(Lane::socket));
    }

    /// Whether there was more than one turn allows.
    fn read_from(&mut self, token: Token, socket: impl Fn(&Leg) -> Option<&UdpSocket>) -> bool {
        let mut buffer = std::mem::take(&mut self.inbound);
        let mut turns = 0..READ_MAX;
        while turns.next().is_some() {
            let leg = self.legs.get(token.0 / 2).and_then(Option::as_ref);
            let Some(socket) = leg.and_then(&socket) else { break };
            match socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    if let Some(datagram) = buffer.get_mut(..length) {
                        self.take(token, from, datagram);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // An ICMP error about something we sent: it says nothing about what can be read.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    self.counters.drop_packet(DropCause::Refused);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.inbound = buffer;
        turns.is_empty()
    }

    /// A socket has more to read than its turn allows, once however often it is said.
    pub(super) fn read_later(&mut self, token: Token) {
        if !self.unread.contains(&token) {
            self.unread.push_back(token);
        }
    }

    /// Somebody is heard. If nobody was for long, our own line or process stood still, and all are waited for anew.
    fn anybody_heard(&mut self, now: Monotonic) {
        let before = std::mem::replace(&mut self.last_heard, now);
        if self.rules.silence.is_some_and(|longest| now.since(before) > longest / 2) {
            self.legs.iter_mut().flatten().for_each(|leg| leg.heard = now);
        }
    }

    /// Tells of a leg in a conversation of which nothing is heard any more, while others are.
    pub(super) fn listen_for(&mut self, at: usize, now: Monotonic) {
        let Some(longest) = self.rules.silence else { return };
        if now.since(self.last_heard) > longest / 2 {
            return;
        }
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let expected = matches!(leg.source, Source::Room) && leg.session.receives();
        if expected && !leg.is_silent && now.since(leg.heard) > longest {
            leg.is_silent = true;
            let leg = leg.id;
            self.tell(MediaEvent::AudioStopped { leg });
        }
    }

    fn heard(&mut self, at: usize, now: Monotonic) {
        self.anybody_heard(now);
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        leg.heard = now;
        if std::mem::take(&mut leg.is_silent) {
            let leg = leg.id;
            self.tell(MediaEvent::AudioResumed { leg });
        }
    }

    fn take(&mut self, token: Token, from: SocketAddr, datagram: &mut [u8]) {
        let (now, at) = (self.clock.now(), token.0 / 2);
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let shared = token.0.is_multiple_of(2);
        if !shared || rtp::is_rtcp(datagram) {
            match leg.session.receive_report(now, from, shared, datagram) {
                Ok(_) => {
                    self.counters.reports_received.add(1);
                    self.heard(at, now);
                }
                Err(cause) => self.counters.drop_packet(cause),
            }
            return;
        }
        let inbound = leg.session.receive(now, from, datagram);
        if let Inbound::Dropped(cause) = inbound {
            return self.counters.drop_packet(cause);
        }
        self.counters.received.add(1);
        let (id, talks) = (leg.id, matches!(leg.source, Source::Room));
        self.heard(at, now);
        if talks {
            self.pass_on(at, now, &inbound);
        } else if self.rules.inband_keys {
            self.listen_for_keys(at, now, &inbound);
        }
        if let Inbound::Event { digit: Some(digit), .. } = inbound {
            self.counters.digits.add(1);
            self.tell(MediaEvent::DigitPressed { leg: id, digit });
        }
    }

    /// What somebody in a conversation says: sent to the other as it is, or kept until all are mixed.
    fn pass_on(&mut self, at: usize, now: Monotonic, inbound: &Inbound<'_>) {
        if let Inbound::Voice { codec, .. } = inbound {
            self.speaks(at, *codec);
        }
        match (self.passes_to(at), inbound) {
            (Some(to), inbound) => {
                if let Some(to) = self.legs.get_mut(to).and_then(Option::as_mut) {
                    relay(to, now, inbound, &mut self.outbound[..], &self.counters);
                }
                if self.is_recorded(at) {
                    self.listen(at, now, inbound);
                }
            }
            (None, inbound) => {
                self.listen(at, now, inbound);
                if let Inbound::Event { digit: Some(digit), .. } = inbound {
                    self.dial_to_others(at, *digit);
                }
            }
        }
    }

    /// Keeps what a leg says until it is its time.
    fn listen(&mut self, at: usize, now: Monotonic, inbound: &Inbound<'_>) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let Some(codec) = leg.speaks.or(leg.session.codec()) else { return };
        match inbound {
            Inbound::Voice { packet, codec } => voice(leg, *codec).ear.hear(now, packet, *codec),
            Inbound::Noise { packet } => voice(leg, codec).ear.hear_noise(now, packet),
            Inbound::Event { packet, .. } => voice(leg, codec).ear.pass_over(packet),
            Inbound::Dropped(_) => {}
        }
    }

    /// Writes on the board how well a leg is heard, once a second.
    pub(super) fn measure(&mut self, at: usize, now: Monotonic) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        if now >= leg.measure_due {
            leg.measure_due = now + MEASURE_EVERY;
            write_figures(leg, &self.board, false);
            self.keep_lane(at);
        }
    }
}

fn relay(to: &mut Leg, now: Monotonic, inbound: &Inbound<'_>, out: &mut [u8], counters: &Counters) {
    let length = match inbound {
        Inbound::Voice { packet, codec } => to.session.relay(now, packet, *codec, out),
        Inbound::Event { packet, .. } => to.session.relay_event(now, packet, out),
        Inbound::Noise { packet } => {
            to.session.pass_over(now, packet);
            None
        }
        Inbound::Dropped(_) => None,
    };
    if let Some(length) = length
        && send(&to.rtp, to.session.destination(), &out[..length], counters)
    {
        counters.relayed.add(1);
    }
}

/// A leg's figures, if it has any.
pub(super) fn write_figures(leg: &Leg, board: &Board, last: bool) {
    let Some(codec) = leg.speaks.or(leg.session.codec()) else { return };
    if let Some(measured) = leg.session.measured() {
        let ear = leg.voice.as_ref().map(|voice| voice.ear.figures()).unwrap_or_default();
        let sound_ms = (ear.decoded_ms + ear.concealed_ms).max(1) as f32;
        let measured = Measured {
            buffer_ms: ear.depth_ms as f32,
            concealed_share: ear.concealed_ms as f32 / sound_ms,
            ..measured
        };
        board.write(leg.id, Quality::new(codec, measured), last);
    }
}

pub(super) fn send_report(leg: &mut Leg, now: Monotonic, last: bool, counters: &Counters) {
    let mut out = [0; REPORT_MAX];
    if let Some((length, to, shared)) = leg.session.report(now, Clock::ntp(), last, &mut out) {
        let socket = if shared { &leg.rtp } else { &leg.rtcp };
        if send(socket, Some(to), &out[..length], counters) {
            counters.reports_sent.add(1);
        }
    }
}

/// Sends, or counts why not. Never blocks: what the system does not take now is too late in a moment.
pub(super) fn send(socket: &UdpSocket, to: Option<SocketAddr>, packet: &[u8], counters: &Counters) -> bool {
    let Some(to) = to else { return false };
    // Straight into the kernel: the C library's `sendto` also looks after threads that are cancelled, which ours are not.
    account(sendto(socket, packet, SendFlags::DONTWAIT, &to), counters)
}

/// Whether the system took it; else why not is counted.
pub(super) fn account(sent: Result<usize, Errno>, counters: &Counters) -> bool {
    let cause = match sent {
        Ok(_) => return true,
        Err(Errno::AGAIN | Errno::NOBUFS) => DropCause::SendBufferFull,
        Err(Errno::CONNREFUSED) => DropCause::Refused,
        Err(_) => DropCause::SendFailed,
    };
    counters.drop_packet(cause);
    false
}
