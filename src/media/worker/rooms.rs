//! A worker's conversations: who sits down, who steps out, whether packets pass as they are or are mixed.

use super::packets::send;
use super::{Leg, SLOT_US, SLOTS, Source, Talk, Voice, Worker};
use crate::engine::id::LegId;
use crate::engine::time::Monotonic;
use crate::media::MediaEvent;
use crate::media::codec::encoder::{Encoder, Frame};
use crate::media::codec::{Codec, HOUSE_FRAME};
use crate::media::dtmf::Keypad;
use crate::media::ear::Ear;
use crate::media::recorder::Tape;
use crate::media::room::{Role, Room, SEATS_MAX};
use crate::media::rtp::PAYLOAD_MAX;
use crate::media::session::Inbound;
use std::time::Duration;

/// How long a key is held that came with the signalling, which does not always say.
const KEY_MS: u32 = 120;

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
        for at in [caller, agent] {
            self.listen_anew(at);
        }
        self.arrange(talk);
    }

    /// Whoever fell silent while the other was on hold is told of once more: then it did not matter.
    fn listen_anew(&mut self, at: usize) {
        if let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) {
            (leg.heard, leg.is_silent) = (self.clock.now(), false);
        }
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
        let talk = Some(Talk { room: Room::default(), slot, passing: None, tape: None, bridged: 0 });
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
        let before = talk.room.seats().iter().find(|seat| seat.leg == at).copied();
        if !talk.room.sit(at, role) {
            return tracing::warn!("a conversation has no seat left: somebody stays outside");
        }
        if before.is_some_and(|before| before.role != role || !before.present) {
            // What was said to others a moment ago, and is not heard yet, is not for those who hear now.
            for seat in talk.room.seats() {
                if let Some(leg) = self.legs.get_mut(seat.leg).and_then(Option::as_mut) {
                    leg.voice = None;
                }
            }
        }
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        leg.seat = Some(seat);
        if !matches!(leg.source, Source::Room) {
            leg.source = Source::Room;
            leg.session.change_source();
            self.listen_anew(at);
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
        let (slot, has_turns) = (talk.slot, passing.is_none() || talk.tape.is_some());
        if !has_turns {
            self.unmix(seat);
        } else if !self.mixed[slot].contains(&seat) {
            self.mixed[slot].push(seat);
        }
    }

    /// Whether the one can be sent to the other as he speaks. What is not known yet fits: nothing is sent anyway.
    fn fits(&self, from: usize, to: usize) -> bool {
        let leg = |at: usize| self.legs.get(at).and_then(Option::as_ref);
        if leg(from).is_some_and(|leg| leg.presses_apart || leg.tones.is_some()) {
            return false;
        }
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

    /// One frame for everybody in a conversation, and for its recording.
    pub(super) fn mix(&mut self, seat: usize, slot: u64) {
        let now = self.clock.now();
        let Some(talk) = self.talks.get_mut(seat).and_then(Option::as_mut) else { return };
        let mut pressed = [None; SEATS_MAX];
        let voices = talk.room.seats().iter().zip(self.voices.iter_mut()).zip(&mut pressed);
        for ((seat, voice), pressed) in voices {
            let leg = self.legs.get_mut(seat.leg).and_then(Option::as_mut).filter(|_| seat.present);
            *pressed = leg.and_then(|leg| speak(leg, now, voice));
            if !seat.present {
                voice.fill(0);
            }
        }
        if let Some(tape) = &mut talk.tape {
            let (mut caller, mut others) = ([0; HOUSE_FRAME], [0; HOUSE_FRAME]);
            talk.room.sides(&self.voices[..], &mut caller, &mut others);
            tape.push(&caller, &others);
        }
        if talk.passing.is_none() {
            self.send_mixed(seat, slot, now);
        }
        for digit in pressed.into_iter().flatten() {
            self.tell(digit);
        }
    }

    /// Sends each in a conversation what he is to hear of it.
    fn send_mixed(&mut self, seat: usize, slot: u64, now: Monotonic) {
        let Some(talk) = self.talks.get(seat).and_then(Option::as_ref) else { return };
        let (mut heard, mut payload) = ([0; HOUSE_FRAME], [0; PAYLOAD_MAX]);
        for (listener, seat) in talk.room.seats().iter().enumerate().filter(|(_, seat)| seat.present) {
            let Some(leg) = self.legs.get_mut(seat.leg).and_then(Option::as_mut) else { continue };
            let Some(codec) = leg.session.codec() else { continue };
            talk.room.mix(&self.voices[..], listener, &mut heard);
            voice(leg, codec);
            let Leg { session, voice: Some(voice), rtp, .. } = leg else { continue };
            if voice.encoder.codec() != codec {
                voice.encoder = Encoder::new(codec);
            }
            let length = voice.encoder.encode(&heard, &mut payload);
            let payload = payload.get(..length).unwrap_or_default();
            let out = &mut self.outbound[..];
            let length = session.frame_or_key(now, slot / SLOTS, &mut voice.keypad, payload, out);
            if let Some(length) = length
                && send(rtp, session.destination(), &self.outbound[..length], &self.counters)
            {
                self.counters.mixed.add(1);
                self.counters.late_by(Duration::from_micros(now.0.saturating_sub(slot * SLOT_US)), 1);
            }
        }
    }

    /// Whether what a leg says is recorded.
    pub(super) fn is_recorded(&self, at: usize) -> bool {
        let talk = self.seat_of(at).and_then(|seat| self.talks.get(seat)).and_then(Option::as_ref);
        talk.is_some_and(|talk| talk.tape.is_some())
    }

    /// Begins a recording, or ends it: a tape that is dropped is complete.
    pub(super) fn record(&mut self, leg: LegId, tape: Option<Box<Tape>>) {
        let Some(seat) = self.index.get(&leg).and_then(|&at| self.seat_of(at)) else { return };
        if let Some(talk) = self.talks.get_mut(seat).and_then(Option::as_mut) {
            talk.tape = tape;
            self.arrange(seat);
        }
    }

    pub(super) fn with_tape(&mut self, leg: LegId, change: impl FnOnce(&mut Tape)) {
        let seat = self.index.get(&leg).and_then(|&at| self.seat_of(at));
        let talk = seat.and_then(|seat| self.talks.get_mut(seat)).and_then(Option::as_mut);
        if let Some(tape) = talk.and_then(|talk| talk.tape.as_mut()) {
            change(tape);
        }
    }

    /// A key that came with the signalling. Whoever presses so is mixed from then on: nothing can be put between
    /// packets that only pass.
    pub(super) fn pressed(&mut self, leg: LegId, digit: char) {
        let Some(&at) = self.index.get(&leg) else { return };
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        leg.presses_apart = true;
        if let Some(seat) = leg.seat {
            self.arrange(seat);
            self.dial_to_others(at, digit);
        }
    }

    /// Has a key dialled to everybody who hears him who pressed it.
    pub(super) fn dial_to_others(&mut self, at: usize, digit: char) {
        let Some(talk) = self.seat_of(at).and_then(|seat| self.talks.get(seat)).and_then(Option::as_ref)
        else {
            return;
        };
        let Some(speaker) = talk.room.seats().iter().position(|seat| seat.leg == at) else { return };
        for (listener, seat) in talk.room.seats().iter().enumerate() {
            if !talk.room.is_heard(speaker, listener) {
                continue;
            }
            let Some(leg) = self.legs.get_mut(seat.leg).and_then(Option::as_mut) else { continue };
            if let Some(codec) = leg.session.codec().filter(|_| leg.session.takes_keys()) {
                // Too many at once are lost, as on any keypad that is hammered on.
                let _ = voice(leg, codec).keypad.dial(digit, KEY_MS);
            }
        }
    }

    /// Looks for keys in the sound of somebody who waits.
    pub(super) fn listen_for_keys(&mut self, at: usize, now: Monotonic, inbound: &Inbound<'_>) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        if let Inbound::Voice { packet, codec } = inbound
            && leg.tones.is_some()
        {
            voice(leg, *codec).ear.hear(now, packet, *codec);
            let mut frame = [0; HOUSE_FRAME];
            if let Some(event) = speak(leg, now, &mut frame) {
                self.tell(event);
            }
        }
    }
}

/// The next 20 ms of what a leg says; and the key that was heard in it, if one is looked for.
fn speak(leg: &mut Leg, now: Monotonic, frame: &mut Frame) -> Option<MediaEvent> {
    let Some(voice) = &mut leg.voice else {
        frame.fill(0);
        return None;
    };
    voice.ear.frame(now, frame);
    let digit = leg.tones.as_mut()?.listen(frame)?;
    Some(MediaEvent::DigitPressed { leg: leg.id, digit })
}

/// What it takes to mix the leg in, made when it is first needed.
pub(super) fn voice(leg: &mut Leg, codec: Codec) -> &mut Voice {
    let (speaks, wants) = (leg.speaks.unwrap_or(codec), leg.session.codec().unwrap_or(codec));
    leg.voice.get_or_insert_with(|| {
        let keypad = Keypad::new(wants.clock_hz());
        Box::new(Voice { ear: Ear::new(speaks), encoder: Encoder::new(wants), keypad })
    })
}
