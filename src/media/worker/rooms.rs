//! A worker's conversations: who sits down, who steps out, whether packets pass as they are or are mixed.

use super::packets::send;
use super::{Leg, SLOT_US, SLOTS, Source, Talk, Voice, Worker};
use crate::engine::id::LegId;
use crate::media::codec::encoder::Encoder;
use crate::media::codec::{Codec, HOUSE_FRAME};
use crate::media::ear::Ear;
use crate::media::room::{Role, Room};
use crate::media::rtp::PAYLOAD_MAX;
use std::time::Duration;

impl Worker {
    /// Caller and agent talk: in the conversation the caller has already, if he was only on hold.
    pub(super) fn bridge(&mut self, caller: LegId, agent: LegId) {
        let (Some(&caller), Some(&agent)) = (self.index.get(&caller), self.index.get(&agent)) else { return };
        if caller == agent {
            return;
        }
        let talk = self.seat_of(caller).or_else(|| self.seat_of(agent)).unwrap_or_else(|| self.new_talk());
        self.sit(talk, caller, Role::Caller);
        self.sit(talk, agent, Role::Agent);
        self.arrange(talk);
    }

    /// Joins the conversation of another leg, or takes part in another role.
    pub(super) fn join(&mut self, leg: LegId, beside: LegId, role: Role) {
        let (Some(&leg), Some(&beside)) = (self.index.get(&leg), self.index.get(&beside)) else { return };
        let Some(talk) = self.seat_of(beside) else { return };
        self.sit(talk, leg, role);
        self.arrange(talk);
    }

    /// Keeps his seat, but hears something else.
    pub(super) fn step_out(&mut self, at: usize) {
        let Some(seat) = self.seat_of(at) else { return };
        if let Some(talk) = self.talks.get_mut(seat).and_then(Option::as_mut) {
            talk.room.step_out(at);
            self.arrange(seat);
        }
    }

    /// Gives up his seat; the last who leaves closes the conversation.
    pub(super) fn leave(&mut self, at: usize) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let Some(seat) = leg.seat.take() else { return };
        leg.voice = None;
        let Some(talk) = self.talks.get_mut(seat).and_then(Option::as_mut) else { return };
        talk.room.leave(at);
        let is_over = talk.room.seats().is_empty();
        self.arrange(seat);
        if is_over {
            self.unmix(seat);
            self.talks[seat] = None;
            self.vacant_talks.push(seat);
        }
    }

    fn seat_of(&self, at: usize) -> Option<usize> {
        self.legs.get(at).and_then(Option::as_ref)?.seat
    }

    fn new_talk(&mut self) -> usize {
        let slot = (0..self.mixed.len()).min_by_key(|&slot| self.mixed[slot].len()).unwrap_or_default();
        let talk = Some(Talk { room: Room::default(), slot, passing: None, bridged: 0 });
        if let Some(at) = self.vacant_talks.pop() {
            self.talks[at] = talk;
            return at;
        }
        self.talks.push(talk);
        self.talks.len() - 1
    }

    /// Takes a seat; one in another conversation is given up.
    fn sit(&mut self, seat: usize, at: usize, role: Role) {
        if self.seat_of(at).is_some_and(|before| before != seat) {
            self.leave(at);
        }
        let Some(talk) = self.talks.get_mut(seat).and_then(Option::as_mut) else { return };
        if !talk.room.sit(at, role) {
            return tracing::warn!("a conversation has no seat left: somebody stays outside");
        }
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        leg.seat = Some(seat);
        if !matches!(leg.source, Source::Room) {
            leg.source = Source::Room;
            leg.session.change_source();
            leg.heard = self.clock.now();
        }
        self.attend(at);
    }

    /// Decides anew whether packets pass as they are, after anything that may have changed it.
    pub(super) fn arrange(&mut self, seat: usize) {
        let Some(talk) = self.talks.get(seat).and_then(Option::as_ref) else { return };
        let passing = talk.room.pair().filter(|&(one, other)| self.fits(one, other) && self.fits(other, one));
        let Some(talk) = self.talks.get_mut(seat).and_then(Option::as_mut) else { return };
        let before = std::mem::replace(&mut talk.passing, passing);
        let present = talk.room.present();
        let bridged = if present > 1 { present as u64 } else { 0 };
        let others = self.counters.bridged.value().saturating_sub(talk.bridged);
        talk.bridged = bridged;
        self.counters.bridged.set(others + bridged);
        if before != passing {
            // The stream comes from elsewhere now; what was kept for mixing is of another moment.
            for seat in talk.room.seats().iter().filter(|seat| seat.present) {
                if let Some(leg) = self.legs.get_mut(seat.leg).and_then(Option::as_mut) {
                    leg.session.change_source();
                    leg.voice = None;
                }
            }
        }
        let slot = talk.slot;
        match passing {
            Some(_) => self.unmix(seat),
            None if !self.mixed[slot].contains(&seat) => self.mixed[slot].push(seat),
            None => {}
        }
    }

    /// Whether the one can be sent to the other as he speaks. What is not known yet fits: nothing is sent anyway.
    fn fits(&self, from: usize, to: usize) -> bool {
        let leg = |at: usize| self.legs.get(at).and_then(Option::as_ref);
        let speaks = leg(from).and_then(|leg| leg.speaks.or_else(|| leg.session.codec()));
        let wants = leg(to).and_then(|leg| leg.session.codec());
        speaks.zip(wants).is_none_or(|(speaks, wants)| speaks.passes_as(wants))
    }

    fn unmix(&mut self, seat: usize) {
        if let Some(slot) = self.talks.get(seat).and_then(Option::as_ref).map(|talk| talk.slot) {
            self.mixed[slot].retain(|&other| other != seat);
        }
    }

    /// The codec in which a leg speaks, or that in which it wants to hear, may have changed.
    pub(super) fn speaks(&mut self, at: usize, codec: Codec) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        if leg.speaks != Some(codec) {
            leg.speaks = Some(codec);
            if let Some(seat) = leg.seat {
                self.arrange(seat);
            }
        }
    }

    /// Whom the leg's packets reach as they are.
    pub(super) fn passes_to(&self, at: usize) -> Option<usize> {
        let (one, other) = self.talks.get(self.seat_of(at)?).and_then(Option::as_ref)?.passing?;
        [(one, other), (other, one)].into_iter().find_map(|(from, to)| (from == at).then_some(to))
    }

    /// One frame for everybody in a conversation.
    pub(super) fn mix(&mut self, seat: usize, slot: u64) {
        let Some(talk) = self.talks.get(seat).and_then(Option::as_ref) else { return };
        let now = self.clock.now();
        let seats = talk.room.seats();
        for (seat, voice) in seats.iter().zip(self.voices.iter_mut()) {
            let leg = self.legs.get_mut(seat.leg).and_then(Option::as_mut);
            match leg.and_then(|leg| leg.voice.as_mut()).filter(|_| seat.present) {
                Some(leg) => {
                    leg.ear.frame(now, voice);
                }
                None => voice.fill(0),
            }
        }
        let (mut heard, mut payload) = ([0; HOUSE_FRAME], [0; PAYLOAD_MAX]);
        for (listener, seat) in seats.iter().enumerate().filter(|(_, seat)| seat.present) {
            let Some(leg) = self.legs.get_mut(seat.leg).and_then(Option::as_mut) else { continue };
            let Some(codec) = leg.session.codec() else { continue };
            talk.room.mix(&self.voices[..], listener, &mut heard);
            let voice = voice(leg, codec);
            if voice.encoder.codec() != codec {
                voice.encoder = Encoder::new(codec);
            }
            let length = voice.encoder.encode(&heard, &mut payload);
            let frame = leg.session.frame(now, slot / SLOTS, &payload[..length], &mut self.outbound[..]);
            if let Some(length) = frame
                && send(&leg.rtp, leg.session.destination(), &self.outbound[..length], &self.counters)
            {
                self.counters.mixed.add(1);
                self.counters.late_by(Duration::from_micros(now.0.saturating_sub(slot * SLOT_US)), 1);
            }
        }
    }
}

/// What it takes to mix the leg in, made when it is first needed.
pub(super) fn voice(leg: &mut Leg, codec: Codec) -> &mut Voice {
    let (speaks, wants) = (leg.speaks.unwrap_or(codec), leg.session.codec().unwrap_or(codec));
    leg.voice.get_or_insert_with(|| Box::new(Voice { ear: Ear::new(speaks), encoder: Encoder::new(wants) }))
}
