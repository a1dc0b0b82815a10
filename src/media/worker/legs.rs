//! What a worker is told about its legs: opened, connected, given something to hear, bridged, closed.

use super::packets::{send_report, write_figures};
use super::{Leg, MESSAGES_MAX, Message, Opening, SLOT_US, Source, WAKE, Worker};
use crate::engine::id::LegId;
use crate::media::player::{Player, Script};
use crate::media::recorder::Tape;
use crate::media::sdp::Stream;
use crate::media::tones::Tones;
use mio::{Interest, Token};
use std::sync::mpsc::TryRecvError;

impl Worker {
    pub(super) fn take_messages(&mut self) {
        for _ in 0..MESSAGES_MAX {
            match self.inbox.try_recv() {
                Ok(Message::Open(opening)) => self.open(*opening),
                Ok(Message::Connect(leg, stream)) => self.connect(leg, *stream),
                Ok(Message::Play(leg, script)) => {
                    if let Some(at) = self.index.get(&leg).copied() {
                        self.play_to(at, script);
                    }
                }
                Ok(Message::Join(leg, beside, role)) => self.join(leg, beside, role),
                Ok(Message::Pressed(leg, digit)) => self.pressed(leg, digit),
                Ok(Message::Record(leg, tape)) => self.record(leg, Some(tape)),
                Ok(Message::PauseTape(leg, who, why)) => self.with_tape(leg, |tape| tape.pause(&who, &why)),
                Ok(Message::ResumeTape(leg)) => self.with_tape(leg, Tape::resume),
                Ok(Message::StopTape(leg)) => self.record(leg, None),
                Ok(Message::Bridge(one, other)) => self.bridge(one, other),
                Ok(Message::Close(leg)) => self.close(leg),
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return;
                }
                Err(TryRecvError::Empty) => return,
            }
        }
        // More may wait: come back at once, packets first.
        self.read_later(WAKE);
    }

    fn connect(&mut self, leg: LegId, stream: Stream) {
        let Some(&at) = self.index.get(&leg) else { return };
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        leg.session.connect(stream);
        leg.tones = (self.rules.inband_keys && !leg.session.takes_keys()).then(|| Box::new(Tones::new()));
        // It may want another codec now, and will speak in another too.
        (leg.speaks, leg.heard, leg.is_silent) = (None, self.clock.now(), false);
        if let Some(seat) = leg.seat {
            self.arrange(seat);
        }
    }

    fn open(&mut self, opening: Opening) {
        let Opening { leg: id, mut session, rtp, mut rtcp } = opening;
        session.time_arrivals(false);
        let at = self.vacant.pop().unwrap_or(self.legs.len());
        let registry = self.poll.registry();
        // Its RTP wakes the worker once it is in a conversation: see `attend`.
        if let Err(error) = registry.register(&mut rtcp, Token(at * 2 + 1), Interest::READABLE) {
            tracing::error!(leg = %id, %error, "the leg's reports cannot be waited for");
        }
        let slot = (0..self.slots.len()).min_by_key(|&slot| self.slots[slot].len()).unwrap_or_default();
        if self.index.is_empty() {
            // The schedule slept; it starts anew.
            self.next_slot = self.clock.now().0 / SLOT_US + 1;
        }
        let now = self.clock.now();
        let leg = Leg {
            id,
            session,
            rtp,
            rtcp,
            source: Source::Nothing,
            wakes: false,
            slot,
            seat: None,
            speaks: None,
            voice: None,
            presses_apart: false,
            tones: None,
            heard: now,
            is_silent: false,
            measure_due: now,
            lane: None,
            was_at: None,
        };
        if at == self.legs.len() {
            self.legs.push(Some(leg));
        } else if let Some(place) = self.legs.get_mut(at) {
            *place = Some(leg);
        }
        self.slots[slot].push(at);
        self.index.insert(id, at);
        self.counters.legs.set(self.index.len() as u64);
    }

    /// Lets a leg hear a program. Those it talked with hear silence, or each other.
    fn play_to(&mut self, at: usize, script: Script) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        leg.source = match std::mem::replace(&mut leg.source, Source::Nothing) {
            Source::Playing(before) => Source::Playing(Player::follow(script, before)),
            Source::Nothing | Source::Room => {
                leg.session.change_source();
                Source::Playing(Player::new(script))
            }
        };
        self.step_out(at);
        self.attend(at);
    }

    pub(super) fn close(&mut self, id: LegId) {
        let Some(at) = self.index.remove(&id) else { return };
        if let Some(leg) = self.legs.get(at).and_then(Option::as_ref) {
            write_figures(leg, &self.board, true);
        }
        self.leave(at);
        let Some(mut leg) = self.legs.get_mut(at).and_then(Option::take) else { return };
        self.slots[leg.slot].retain(|&other| other != at);
        self.vacant.push(at);
        self.counters.legs.set(self.index.len() as u64);
        send_report(&mut leg, self.clock.now(), true, &self.counters);
        let registry = self.poll.registry();
        // Closing the sockets deregisters them too; an error here changes nothing.
        let _ = registry.deregister(&mut leg.rtcp);
        if leg.wakes {
            let _ = registry.deregister(&mut leg.rtp);
        }
    }
}
