//! What a worker is told about its legs: opened, connected, given something to hear, bridged, closed.

use super::packets::send_report;
use super::{Leg, MESSAGES_MAX, Message, Opening, SLOT_US, Source, WAKE, Worker};
use crate::engine::id::LegId;
use crate::media::player::{Player, Script};
use mio::{Interest, Token};
use std::sync::mpsc::TryRecvError;

impl Worker {
    pub(super) fn take_messages(&mut self) {
        for _ in 0..MESSAGES_MAX {
            match self.inbox.try_recv() {
                Ok(Message::Open(opening)) => self.open(*opening),
                Ok(Message::Connect(leg, stream)) => self.with(leg, |leg| leg.session.connect(stream)),
                Ok(Message::Play(leg, script)) => {
                    if let Some(at) = self.index.get(&leg).copied() {
                        self.change(at, Source::Playing(Player::new(script)));
                    }
                }
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
        self.unread.push_back(WAKE);
    }

    fn with(&mut self, leg: LegId, change: impl FnOnce(&mut Leg)) {
        let at = self.index.get(&leg).copied();
        if let Some(leg) = at.and_then(|at| self.legs.get_mut(at)).and_then(Option::as_mut) {
            change(leg);
        }
    }

    fn open(&mut self, opening: Opening) {
        let Opening { leg: id, session, mut rtp, mut rtcp } = opening;
        let at = self.vacant.pop().unwrap_or(self.legs.len());
        let registry = self.poll.registry();
        let registered = registry
            .register(&mut rtp, Token(at * 2), Interest::READABLE)
            .and_then(|()| registry.register(&mut rtcp, Token(at * 2 + 1), Interest::READABLE));
        if let Err(error) = registered {
            tracing::error!(leg = %id, %error, "the leg's packets cannot be waited for: it will hear, not be heard");
        }
        let slot = (0..self.slots.len()).min_by_key(|&slot| self.slots[slot].len()).unwrap_or_default();
        if self.index.is_empty() {
            // The schedule slept; it starts anew.
            self.next_slot = self.clock.now().0 / SLOT_US + 1;
        }
        let leg = Leg { id, session, rtp, rtcp, source: Source::Nothing, slot };
        if at == self.legs.len() {
            self.legs.push(Some(leg));
        } else if let Some(place) = self.legs.get_mut(at) {
            *place = Some(leg);
        }
        self.slots[slot].push(at);
        self.index.insert(id, at);
        self.counters.legs.set(self.index.len() as u64);
    }

    fn bridge(&mut self, one: LegId, other: LegId) {
        let (Some(&a), Some(&b)) = (self.index.get(&one), self.index.get(&other)) else { return };
        if a != b {
            self.change(a, Source::Bridged(b));
            self.change(b, Source::Bridged(a));
        }
    }

    /// Gives a leg something else to hear. Whoever was bridged to it hears silence, unless it is the very same bridge.
    fn change(&mut self, at: usize, source: Source) {
        let Some(leg) = self.legs.get_mut(at).and_then(Option::as_mut) else { return };
        let playing_on = matches!((&leg.source, &source), (Source::Playing(_), Source::Playing(_)));
        if !playing_on {
            leg.session.change_source();
        }
        let to = if let Source::Bridged(peer) = source { Some(peer) } else { None };
        let before = std::mem::replace(&mut leg.source, source);
        self.counters.bridged.set(self.bridged_after(&before, to));
        if let Source::Bridged(peer) = before
            && Some(peer) != to
        {
            self.release(peer, at);
        }
    }

    /// The peer of a bridge that is no more.
    fn release(&mut self, peer: usize, from: usize) {
        let Some(leg) = self.legs.get_mut(peer).and_then(Option::as_mut) else { return };
        if matches!(leg.source, Source::Bridged(at) if at == from) {
            leg.source = Source::Playing(Player::new(Script::silence()));
            leg.session.change_source();
            self.counters.bridged.set(self.counters.bridged.value().saturating_sub(1));
        }
    }

    fn bridged_after(&self, before: &Source, to: Option<usize>) -> u64 {
        let was = u64::from(matches!(before, Source::Bridged(_)));
        (self.counters.bridged.value() + u64::from(to.is_some())).saturating_sub(was)
    }

    pub(super) fn close(&mut self, id: LegId) {
        let Some(at) = self.index.remove(&id) else { return };
        self.change(at, Source::Nothing);
        let Some(mut leg) = self.legs.get_mut(at).and_then(Option::take) else { return };
        self.slots[leg.slot].retain(|&other| other != at);
        self.vacant.push(at);
        self.counters.legs.set(self.index.len() as u64);
        send_report(&mut leg, self.clock.now(), true, &self.counters);
        let registry = self.poll.registry();
        // Closing the sockets deregisters them too; an error here changes nothing.
        let _ = registry.deregister(&mut leg.rtp).and_then(|()| registry.deregister(&mut leg.rtcp));
    }
}
