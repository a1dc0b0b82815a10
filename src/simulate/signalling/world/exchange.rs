//! How messages, events and commands pass between network, peers, signalling and engine.

use super::{AUDIT_EVERY, BEGINNING, Happening, SILENCE, World};
use crate::engine::command::{Command, Commands};
use crate::engine::event::Event;
use crate::engine::id::LegId;
use crate::simulate::checks;
use crate::simulate::signalling::broken::Broken;
use crate::simulate::signalling::network::Parcel;
use crate::simulate::signalling::peer::WrongAnswer;
use crate::simulate::signalling::site;
use crate::sip::codec;
use crate::sip::flow::Flow;

impl World {
    pub(super) fn deliver(&mut self, parcel: &Parcel) -> Result<(), Broken> {
        if let Some(ladder) = &mut self.ladder {
            ladder.arrives(self.now.since(BEGINNING), parcel);
        }
        if parcel.to == site::here() {
            let received = codec::parse(&parcel.bytes);
            if let Ok(message) = &received {
                self.watch.delivered(self.now, message);
                self.tally.delivered(self.now, message);
            }
            let (from, clocks) = (Flow::udp(parcel.to, parcel.from), self.clocks());
            self.core.receive(clocks, received, from, self.engine.settings(), &mut self.books, &mut self.out);
        } else if let Some(&at) = self.by_address.get(&parcel.to) {
            if let Some(peer) = self.peers.get_mut(at) {
                peer.receive(self.now, &parcel.bytes);
                if let Some(WrongAnswer { call_id, expected, got }) = peer.wrong.take() {
                    return Err(Broken::Answer { call_id, expected, got });
                }
            }
            self.post_of(at);
        }
        Ok(())
    }

    pub(super) fn post(&mut self, parcel: Parcel) {
        if let Some(ladder) = &mut self.ladder {
            ladder.leaves(self.now.since(BEGINNING), &parcel);
        }
        self.network.post(self.now, parcel);
    }

    /// The network takes what a peer has sent.
    pub(super) fn post_of(&mut self, at: usize) {
        let Some(peer) = self.peers.get_mut(at) else { return };
        let (from, to) = (peer.address, site::here());
        for bytes in std::mem::take(&mut peer.sends) {
            self.post(Parcel { from, to, bytes });
        }
    }

    /// Passes on what signalling and engine have for each other and for the network, until both are still.
    pub(super) fn exchange(&mut self) -> Result<(), Broken> {
        loop {
            for (flow, bytes) in std::mem::take(&mut self.out.send) {
                match codec::parse(&bytes) {
                    Ok(message) => {
                        self.watch.sent(self.now, &message)?;
                        self.tally.sent(self.now, &message);
                    }
                    Err(fault) => return Err(Broken::Nonsense(fault.to_string())),
                }
                self.post(Parcel { from: flow.local, to: flow.remote, bytes });
            }
            self.out.notes.clear();
            self.out.dialogs.clear();
            self.events.extend(self.out.events.drain(..));
            let Some(event) = self.events.pop_front() else { break };
            self.tell(event)?;
        }
        match self.books.wrong() {
            Some((leg, what)) => Err(Broken::Media(leg, what)),
            None => Ok(()),
        }
    }

    /// Tells the engine, checks what it says, and carries out what it wants.
    pub(super) fn tell(&mut self, event: Event) -> Result<(), Broken> {
        if let Event::CallArrived { call, .. } = &event {
            self.newest = *call;
        }
        let clocks = self.clocks();
        let mut commands = Commands::new();
        self.engine.handle(clocks, event, &mut commands);
        for stamped in commands.take_facts() {
            self.ledger.observe(&stamped)?;
            self.archive.take(stamped);
        }
        for command in commands.take_commands() {
            match &command {
                Command::Bridge { call, offer } => {
                    for leg in [LegId::Caller(*call), LegId::Agent(*offer)] {
                        self.talking.insert(leg);
                        self.after(SILENCE, Happening::Listens(leg));
                    }
                }
                Command::Reply { id, .. } => self.ledger.replied(*id)?,
                Command::Answer { .. }
                | Command::Progress { .. }
                | Command::Ring { .. }
                | Command::TransferTold { .. }
                | Command::Resume { .. }
                | Command::Refuse { .. }
                | Command::Play { .. }
                | Command::OfferAgent { .. }
                | Command::CallAgent { .. }
                | Command::Dial { .. }
                | Command::CancelOffer { .. }
                | Command::Join { .. }
                | Command::Record { .. }
                | Command::Hangup { .. } => {}
            }
            self.core.command(clocks, &command, self.engine.settings(), &mut self.books, &mut self.out);
        }
        self.handled += 1;
        if self.handled.is_multiple_of(AUDIT_EVERY) {
            self.engine.audit(clocks).map_err(checks::Broken::Audit)?;
        }
        Ok(self.ledger.between_events(self.now)?)
    }
}
