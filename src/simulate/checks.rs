//! What must always hold, whatever callers, phones, network and store do: the checkers of every simulated
//! world. They see facts and the settings, never the engine's own state, so no mistake of it is theirs too.

mod broken;
mod kind;
mod offers;
mod recount;
#[cfg(test)]
mod tests;

pub use broken::Broken;

use super::scenario;
use crate::engine::fact::{AgentState, Entered, Fact, Outcome, Stamped};
use crate::engine::id::{AgentId, CallId, OfferId, QueueId, RequestId};
use crate::engine::settings::{Agent, Login, Settings};
use crate::engine::talk::{TalkFact, TransferTo};
use crate::engine::time::Monotonic;
use kind::Kind;
use recount::Recount;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A place in line.
type Place = (Monotonic, CallId);

#[derive(Debug)]
struct OpenCall {
    queue: QueueId,
    /// `None` of a call that was singled out, so that it compares with no other.
    kind: Option<usize>,
    place: Place,
    queued: Monotonic,
    left: bool,
    turned_away: bool,
    offers: u32,
    agent: Option<AgentId>,
}

impl OpenCall {
    fn new(now: Monotonic, call: CallId, queue: QueueId) -> Self {
        Self {
            queue,
            kind: None,
            place: (now, call),
            queued: now,
            left: false,
            turned_away: false,
            offers: 0,
            agent: None,
        }
    }
}

#[derive(Debug)]
struct OpenOffer {
    call: CallId,
    agent: AgentId,
    made: Monotonic,
    due: Monotonic,
}

#[derive(Clone, Debug)]
struct AgentSeen {
    state: AgentState,
    since: Monotonic,
    calls: u32,
    capacity: u32,
}

/// The facts so far, checked as they come.
#[derive(Debug)]
pub(super) struct Ledger {
    settings: Settings,
    slack: Duration,
    calls: BTreeMap<CallId, OpenCall>,
    newest: Option<CallId>,
    offers: BTreeMap<OfferId, OpenOffer>,
    newest_offer: Option<OfferId>,
    deadlines: BTreeSet<(Monotonic, OfferId)>,
    agents: Vec<AgentSeen>,
    ready: Vec<u64>,
    kinds: Vec<Kind>,
    kind_of_number: BTreeMap<String, usize>,
    queues: Vec<Recount>,
    requests: BTreeSet<RequestId>,
}

impl Ledger {
    /// `slack` is by how much deadlines may be noticed late.
    pub(super) fn new(settings: &Settings, slack: Duration) -> Self {
        let mut kinds: Vec<Kind> = Vec::new();
        let mut kind_of_number = BTreeMap::new();
        let mut told_apart = Vec::new();
        for (at, number) in settings.numbers.iter().enumerate() {
            let last_agent = settings.queue(number.queue).is_some_and(|queue| queue.last_agent.is_some());
            if number.direct.is_some() || last_agent {
                // Each may wait for an agent of its own.
                continue;
            }
            let required = scenario::requirement_of(settings, at);
            let what = (number.queue, required, number.relaxation.clone(), number.priority);
            let known = told_apart.iter().position(|other| *other == what);
            let kind = known.unwrap_or_else(|| {
                told_apart.push(what);
                kinds.push(Kind::new(settings, at));
                kinds.len() - 1
            });
            kind_of_number.insert(number.dialled.clone(), kind);
        }
        let seen = |agent: &Agent| AgentSeen {
            state: match agent.login {
                Login::Automatic => AgentState::Unreachable,
                Login::Manual => AgentState::LoggedOut,
            },
            since: Monotonic::default(),
            calls: 0,
            capacity: u32::from(agent.capacity),
        };
        Self {
            slack,
            calls: BTreeMap::new(),
            newest: None,
            offers: BTreeMap::new(),
            newest_offer: None,
            deadlines: BTreeSet::new(),
            agents: settings.agents.iter().map(seen).collect(),
            ready: vec![0; settings.agents.len().div_ceil(64)],
            kinds,
            kind_of_number,
            queues: vec![Recount::default(); settings.queues.len()],
            requests: BTreeSet::new(),
            settings: settings.clone(),
        }
    }

    /// Takes one fact into account.
    pub(super) fn observe(&mut self, stamped: &Stamped) -> Result<(), Broken> {
        let now = stamped.at.mono;
        match &stamped.fact {
            Fact::CallRefused { call, .. } => match self.calls.get(call) {
                Some(_) => Err(Broken::Call(*call, "refused after it was taken")),
                None => Ok(()),
            },
            Fact::CallQueued { call, queue, dialled, priority, waiting, entered, .. } => {
                self.queued(now, *call, *queue, dialled, *priority, *entered)?;
                self.recounted(*call, *queue, *waiting)
            }
            Fact::CallTurnedAway { call, queue, .. } => self.turned_away(now, *call, *queue),
            Fact::OfferMade { offer, call, agent, queue, because } => {
                self.offer_made(now, *offer, *call, *agent, *queue, *because)
            }
            Fact::OfferEnded { offer, call, agent, ring, outcome, .. } => {
                self.offer_ended(now, *offer, *call, *agent, *ring, *outcome)
            }
            Fact::CallLeftQueue {
                call,
                queue,
                outcome,
                wait,
                answered_in_threshold,
                agent,
                waiting,
                to: _,
            } => {
                self.left(now, *call, *outcome, *wait, *answered_in_threshold, *agent)?;
                self.recounted(*call, *queue, *waiting)
            }
            Fact::CallEnded { call, queue, talk, hold, .. } if hold <= talk => {
                self.ended(*call, *queue, *talk)
            }
            Fact::CallEnded { call, .. } => Err(Broken::Call(*call, "was on hold for longer than it lasted")),
            Fact::AgentStateChanged { agent, from, to, lasted, .. } => {
                self.state_changed(now, *agent, *from, *to, *lasted)
            }
            Fact::CallWidened { call, .. } => match self.calls.get(call) {
                Some(open) if !open.left => Ok(()),
                Some(_) | None => Err(Broken::Call(*call, "widened though it does not wait")),
            },
            Fact::InTalk { call, what } => self.in_talk(*call, what),
            Fact::WrapUpEnded { .. }
            | Fact::CallDisposed { .. }
            | Fact::QueueClosed { .. }
            | Fact::CallResumed { .. }
            | Fact::CallInterrupted { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured => Ok(()),
        }
    }

    fn queued(
        &mut self,
        now: Monotonic,
        call: CallId,
        queue: QueueId,
        dialled: &str,
        priority: Duration,
        entered: Entered,
    ) -> Result<(), Broken> {
        let known = self.calls.get(&call);
        let kind = match (entered, known) {
            (Entered::Arrived | Entered::Resumed, None) => self.newcomer(call)?,
            // Its own queue turned it away, and another took it.
            (Entered::Arrived, Some(open)) if open.left && open.turned_away => None,
            (
                Entered::Overflowed(_) | Entered::Moved(_) | Entered::Returned | Entered::Transferred(_),
                Some(open),
            ) if open.left => None,
            (Entered::Arrived | Entered::Resumed, Some(_)) => {
                return Err(Broken::Call(call, "joined a queue twice"));
            }
            (
                Entered::Overflowed(_) | Entered::Moved(_) | Entered::Returned | Entered::Transferred(_),
                Some(_) | None,
            ) => {
                return Err(Broken::Call(call, "came from a queue that it had not left"));
            }
        };
        let kind = kind.and_then(|()| self.kind_of_number.get(dialled).copied());
        let kind = kind.filter(|_| entered == Entered::Arrived);
        let place = (now - priority, call);
        if let Some(kind) = kind.and_then(|kind| self.kinds.get_mut(kind)) {
            kind.priority = priority;
            kind.line.insert(place);
        }
        if let Some(recount) = self.queues.get_mut(queue.0 as usize) {
            recount.offered += 1;
            recount.waiting += 1;
        }
        self.let_go(call);
        self.calls.insert(call, OpenCall { kind, place, ..OpenCall::new(now, call, queue) });
        Ok(())
    }

    /// Somebody else has the caller.
    fn in_talk(&mut self, call: CallId, what: &TalkFact) -> Result<(), Broken> {
        let by = match what {
            TalkFact::Transferred { to: TransferTo::Agent(agent), .. } => Some(*agent),
            TalkFact::TakenOver { by, .. } => Some(*by),
            TalkFact::Transferred { to: TransferTo::Queue(_) | TransferTo::Number(_), .. } => None,
            TalkFact::AudioStopped { .. }
            | TalkFact::AudioResumed { .. }
            | TalkFact::Joined { .. }
            | TalkFact::Left { .. }
            | TalkFact::Consulted { .. }
            | TalkFact::TransferFailed { .. }
            | TalkFact::Recording { .. } => return Ok(()),
        };
        self.let_go(call);
        let (Some(agent), Some(open)) = (by, self.calls.get_mut(&call)) else { return Ok(()) };
        open.agent = Some(agent);
        if let Some(seen) = self.agents.get_mut(agent.0 as usize) {
            seen.calls += 1;
            if seen.calls > seen.capacity {
                return Err(Broken::OfferedTwice(agent, call));
            }
        }
        Ok(())
    }

    /// The call's agent is in it no longer, though it goes on.
    fn let_go(&mut self, call: CallId) {
        let agent = self.calls.get_mut(&call).and_then(|open| open.agent.take());
        if let Some(seen) = agent.and_then(|agent| self.agents.get_mut(agent.0 as usize)) {
            seen.calls = seen.calls.saturating_sub(1);
        }
    }

    /// A call nobody has heard of before: identities only grow.
    fn newcomer(&mut self, call: CallId) -> Result<Option<()>, Broken> {
        if self.newest.is_some_and(|newest| newest >= call) {
            return Err(Broken::Call(call, "is told of again after its end"));
        }
        self.newest = Some(call);
        Ok(Some(()))
    }

    fn turned_away(&mut self, now: Monotonic, call: CallId, queue: QueueId) -> Result<(), Broken> {
        self.newcomer(call)?;
        self.calls
            .insert(call, OpenCall { left: true, turned_away: true, ..OpenCall::new(now, call, queue) });
        Ok(())
    }

    /// Somebody singled this call out, so its place and who may take it are no longer those of its kind.
    pub(super) fn singled_out(&mut self, call: CallId) {
        if let Some(open) = self.calls.get_mut(&call)
            && let Some(kind) = open.kind.take().and_then(|kind| self.kinds.get_mut(kind))
        {
            kind.line.remove(&open.place);
        }
    }

    fn recounted(&self, call: CallId, queue: QueueId, said: usize) -> Result<(), Broken> {
        let counted = self.queues.get(queue.0 as usize).map_or(0, |recount| recount.waiting);
        if counted == said { Ok(()) } else { Err(Broken::Waiting { call, queue, said, counted }) }
    }

    fn left(
        &mut self,
        now: Monotonic,
        call: CallId,
        outcome: Outcome,
        wait: Duration,
        in_threshold: bool,
        agent: Option<AgentId>,
    ) -> Result<(), Broken> {
        let open = self.calls.get_mut(&call).ok_or(Broken::Call(call, "left a queue it was not in"))?;
        if std::mem::replace(&mut open.left, true) {
            return Err(Broken::Call(call, "left its queue twice"));
        }
        if open.offers > 0 {
            return Err(Broken::Call(call, "left its queue while it was still being offered"));
        }
        if wait != now.since(open.queued) {
            return Err(Broken::Call(call, "waited another time than the clock says"));
        }
        if (outcome == Outcome::Answered) != agent.is_some() {
            return Err(Broken::Call(call, "answered by nobody, or not answered by somebody"));
        }
        open.agent = agent;
        if let Some(kind) = open.kind.and_then(|kind| self.kinds.get_mut(kind)) {
            kind.line.remove(&open.place);
        }
        if let Some(seen) = agent.and_then(|agent| self.agents.get_mut(agent.0 as usize)) {
            seen.calls += 1;
        }
        let threshold =
            self.settings.queue(open.queue).map_or(Duration::ZERO, |queue| queue.service_level_threshold);
        if in_threshold != (outcome == Outcome::Answered && wait <= threshold) {
            return Err(Broken::Call(call, "answered in time, or not, against what the clock says"));
        }
        if let Some(recount) = self.queues.get_mut(open.queue.0 as usize) {
            recount.left(outcome, wait, threshold);
        }
        Ok(())
    }

    fn ended(&mut self, call: CallId, queue: QueueId, talk: Duration) -> Result<(), Broken> {
        let open = self.calls.remove(&call).ok_or(Broken::Call(call, "ended twice, or never queued"))?;
        if !open.left {
            return Err(Broken::Call(call, "ended before it left its queue"));
        }
        if let Some(seen) = open.agent.and_then(|agent| self.agents.get_mut(agent.0 as usize)) {
            seen.calls = seen.calls.saturating_sub(1);
        }
        if let Some(recount) = self.queues.get_mut(queue.0 as usize) {
            recount.ended += 1;
            recount.talk += talk;
        }
        Ok(())
    }

    /// What must hold between two events.
    pub(super) fn between_events(&self, now: Monotonic) -> Result<(), Broken> {
        if self.ready.iter().any(|bits| *bits != 0)
            && let Some((call, agent)) = self.kinds.iter().find_map(|kind| kind.neglected(now, &self.ready))
        {
            return Err(Broken::Idle { agent, call });
        }
        if let Some(&(due, offer)) = self.deadlines.first()
            && now.since(due) > self.slack
        {
            let agent = self.offers.get(&offer).map_or(AgentId(0), |open| open.agent);
            return Err(Broken::OutlivesDeadline { offer, agent, late: now.since(due) });
        }
        Ok(())
    }

    pub(super) fn asked(&mut self, request: RequestId) {
        self.requests.insert(request);
    }

    pub(super) fn replied(&mut self, request: RequestId) -> Result<(), Broken> {
        if self.requests.remove(&request) {
            Ok(())
        } else {
            Err(Broken::Request(request, "answered twice, or never asked"))
        }
    }

    /// What must hold when all is over.
    pub(super) fn at_the_end(&self, after: Duration) -> Result<(), Broken> {
        if let Some(&request) = self.requests.first() {
            return Err(Broken::Request(request, "never answered"));
        }
        let (calls, offers) = (self.calls.len(), self.offers.len());
        if calls + offers > 0 {
            return Err(Broken::NotDrained { calls, offers, after });
        }
        Ok(())
    }

    /// Whether every call of which facts were told is over.
    pub(super) fn is_settled(&self) -> bool {
        self.calls.is_empty() && self.offers.is_empty()
    }
}
