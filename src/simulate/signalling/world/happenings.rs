//! What happens besides messages: people call, phones die, somebody presses a button.

use super::{BUSY, CLOSING, Happening, SILENCE, World};
use crate::engine::Settings;
use crate::engine::event::{Event, Request};
use crate::engine::id::{AgentId, CallId, QueueId, RequestId};
use crate::engine::talk::TransferTo;
use crate::simulate::signalling::broken::Broken;
use crate::simulate::signalling::peer::Peer;
use crate::simulate::signalling::site::OUTSIDE;
use std::time::Duration;

impl World {
    pub(super) fn happen(&mut self, what: Happening) -> Result<(), Broken> {
        match what {
            Happening::Call(at) => {
                let number = self.dialled();
                if let Some(peer) = self.peers.get_mut(at) {
                    peer.call(self.now, &number);
                }
                self.post_of(at);
            }
            Happening::Oddity(at) => {
                if let Some(peer) = self.peers.get_mut(at) {
                    peer.ask_oddly(self.now);
                }
                self.post_of(at);
            }
            Happening::Dies(at) => {
                let lost = self.peers.get_mut(at).map(Peer::die).unwrap_or_default();
                self.lost.extend(lost);
                for leg in self.talking.clone() {
                    self.after(SILENCE, Happening::Listens(leg));
                }
            }
            Happening::Lives(at) => {
                if let Some(peer) = self.peers.get_mut(at) {
                    peer.live(self.now);
                }
                self.post_of(at);
            }
            Happening::Asks => {
                let request = self.any_request();
                self.requests += 1;
                let id = RequestId(self.requests);
                self.ledger.asked(id);
                self.events.push_back(Event::Requested { id, request });
                if self.elapsed() < BUSY {
                    let pause = Duration::from_millis(self.rng.within(500, 10_000));
                    self.after(pause, Happening::Asks);
                }
            }
            Happening::Listens(leg) => {
                let is_lost =
                    self.core.dialogs().any(|(it, id)| it == leg && self.lost.contains_key(&id.call_id));
                if is_lost {
                    self.events.push_back(Event::AudioStopped { leg });
                }
            }
            Happening::Calm => {
                self.both_ends_agree()?;
                let now = self.now;
                for peer in &mut self.peers {
                    peer.close(now, CLOSING);
                }
            }
            Happening::Drains => {
                self.no_session_outlived()?;
                self.events.push_back(Event::DrainStarted);
            }
        }
        Ok(())
    }

    pub(super) fn dialled(&mut self) -> String {
        let agents = self.engine.settings().agents.len() as u64;
        match self.rng.below(12) {
            0 => format!("agent{}", self.rng.below(agents)),
            1 => "4999".into(),
            _ => format!("400{}", self.rng.below(self.engine.settings().queues.len() as u64)),
        }
    }

    /// Somebody presses a button, at a sensible moment or not.
    pub(super) fn any_request(&mut self) -> Request {
        let settings: &Settings = self.engine.settings();
        let (agents, queues) = (settings.agents.len() as u64, settings.queues.len() as u64);
        let call = CallId(self.rng.within(self.newest.0.saturating_sub(4).max(1), self.newest.0 + 1));
        let agent = AgentId(self.rng.below(agents) as u32);
        let to = match self.rng.below(3) {
            0 => TransferTo::Agent(agent),
            1 => TransferTo::Queue(QueueId(self.rng.below(queues) as u32)),
            _ => TransferTo::Number(OUTSIDE.into()),
        };
        match self.rng.below(7) {
            0 => Request::HangUp { call },
            1 => Request::Release { agent },
            2 => Request::Transfer { call, to },
            3 => Request::Consult { call, to },
            4 => Request::Conference { call },
            5 => Request::Complete { call },
            _ => Request::Return { call },
        }
    }
}
