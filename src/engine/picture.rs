//! Takes the picture that readers see.

use super::Engine;
use super::call::Stage;
use super::fact::AgentState;
use super::id::{AgentId, CallId, QueueId};
use super::snapshot::{AgentView, CallStage, CallView, QueueView, Snapshot};
use super::time::Now;

impl Engine {
    /// The whole state at `now`, for readers. Costs in proportion to calls and agents: take it a few times a
    /// second, not at every event.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            at: now,
            draining: self.draining,
            queues: self.queue_views(now),
            agents: self.agent_views(now),
            calls: self.call_views(now),
        }
    }

    fn queue_views(&self, now: Now) -> Vec<QueueView> {
        (0..)
            .map(QueueId)
            .zip(&self.queues)
            .map(|(queue, state)| {
                let line = &state.line;
                let oldest = line.first().and_then(|(_, call)| self.calls.get(call)).map(|call| call.queued);
                QueueView {
                    queue,
                    waiting: line.len(),
                    oldest: oldest.map(|oldest| oldest.wall),
                    longest_wait: oldest.map(|oldest| now.mono.since(oldest.mono)).unwrap_or_default(),
                    closed_by_hand: state.closed.is_some(),
                    open: self.is_open(now, queue),
                    agents: state.staff.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
                }
            })
            .collect()
    }

    fn agent_views(&self, now: Now) -> Vec<AgentView> {
        (0..)
            .map(AgentId)
            .zip(&self.agents)
            .map(|(id, agent)| AgentView {
                agent: id,
                state: agent.seen,
                lasted: now.mono.since(agent.seen_since),
                reason: agent.paused.clone().filter(|_| agent.seen == AgentState::Paused),
                call: agent.call(),
                answered: agent.answered,
                talk: agent.talk,
                occupancy: Some(agent.occupancy(now.mono)).filter(|it| *it > 0).map(|it| it as f64 / 1e6),
            })
            .collect()
    }

    fn call_views(&self, now: Now) -> Vec<CallView> {
        self.calls.keys().filter_map(|&id| self.call_view(now, id)).collect()
    }

    fn call_view(&self, now: Now, id: CallId) -> Option<CallView> {
        let call = self.calls.get(&id)?;
        let (stage, until, agents) = match &call.stage {
            Stage::Waiting { offers } if offers.is_empty() => (CallStage::Waiting, now.mono, Vec::new()),
            Stage::Waiting { offers } => {
                let rung = offers.iter().filter_map(|offer| Some(self.offers.get(offer)?.agent)).collect();
                (CallStage::Offered, now.mono, rung)
            }
            Stage::Talking { agent, since, .. } => (CallStage::Talking, *since, vec![*agent]),
            Stage::Transferring { .. } => (CallStage::Transferring, now.mono, Vec::new()),
            Stage::Outside { since, .. } => (CallStage::Talking, *since, Vec::new()),
            Stage::Dialling { .. } | Stage::Leaving { .. } => (CallStage::Leaving, now.mono, Vec::new()),
        };
        let because = match &call.stage {
            Stage::Waiting { offers } => {
                offers.iter().find_map(|offer| self.offers.get(offer)).map(|it| it.because)
            }
            Stage::Talking { .. }
            | Stage::Outside { .. }
            | Stage::Transferring { .. }
            | Stage::Dialling { .. }
            | Stage::Leaving { .. } => call.because,
        };
        Some(CallView {
            call: id,
            queue: call.queue,
            caller: call.caller.clone(),
            stage,
            queued_at: call.queued.wall,
            wait: until.since(call.queued.mono),
            priority: call.priority,
            agents,
            because,
        })
    }
}
