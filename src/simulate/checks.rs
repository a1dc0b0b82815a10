//! What must always hold, whatever callers, phones, network and store do: the checkers of every simulated
//! world. They see facts and the settings, never the engine's own state, so no mistake of it is theirs too.

use super::eligible;
use super::scenario;
use crate::engine::explain::OfferedBecause;
use crate::engine::fact::{AgentState, Entered, Fact, OfferOutcome, Outcome, Stamped};
use crate::engine::id::{AgentId, CallId, OfferId, QueueId, RequestId};
use crate::engine::settings::{Agent, Login, Settings};
use crate::engine::time::Monotonic;
use crate::stats::{Cdr, Counts, QueueToday};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A rule that was broken.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Broken {
    /// A fact came out of its order, or a second time.
    #[error("call {0}: {1}")]
    Call(CallId, &'static str),
    /// A fact came out of its order, or a second time.
    #[error("offer {0}: {1}")]
    Offer(OfferId, &'static str),
    /// More calls than he can be in.
    #[error("agent {0} is offered call {1} though he is offered or in another")]
    OfferedTwice(AgentId, CallId),
    /// An agent's states do not follow each other.
    #[error("agent {agent} is said to leave {from:?} after {lasted:?}, but was {was:?} for {been:?}")]
    States {
        /// Who.
        agent: AgentId,
        /// What the fact says he was.
        from: AgentState,
        /// For how long.
        lasted: Duration,
        /// What he was.
        was: AgentState,
        /// For how long.
        been: Duration,
    },
    /// A lease that does not end.
    #[error("offer {offer} to agent {agent} was due to end {late:?} ago")]
    OutlivesDeadline {
        /// Which.
        offer: OfferId,
        /// Whom it keeps from work.
        agent: AgentId,
        /// By how much it is overdue.
        late: Duration,
    },
    /// The order of the line.
    #[error(
        "call {later} is offered to agent {agent} before call {earlier} of the same kind, which waits longer"
    )]
    Overtaken {
        /// Who has waited longer.
        earlier: CallId,
        /// Who is offered.
        later: CallId,
        /// To whom.
        agent: AgentId,
    },
    /// Work that nobody does.
    #[error("agent {agent} is ready though call {call} waits, which he may take")]
    Idle {
        /// Who.
        agent: AgentId,
        /// Which call waits.
        call: CallId,
    },
    /// A count in a fact.
    #[error("call {call}: the fact says {said} wait in queue {queue}, a recount says {counted}")]
    Waiting {
        /// Of which call the fact speaks.
        call: CallId,
        /// In which queue.
        queue: QueueId,
        /// What the fact says.
        said: usize,
        /// What is so.
        counted: usize,
    },
    /// A request without its one reply.
    #[error("request {0}: {1}")]
    Request(RequestId, &'static str),
    /// A fold over the facts differs from their recount.
    #[error("{what} of queue {queue}: the fold says {folded}, a recount says {counted}")]
    Fold {
        /// What was counted.
        what: &'static str,
        /// Of which queue.
        queue: QueueId,
        /// By the fold.
        folded: u64,
        /// Anew.
        counted: u64,
    },
    /// Calls that are never over.
    #[error(
        "{calls} calls and {offers} offers are not over {after:?} after the last call came and all was put right"
    )]
    NotDrained {
        /// Calls still open.
        calls: usize,
        /// Offers still open.
        offers: usize,
        /// For how long.
        after: Duration,
    },
    /// A copy of the engine went another way.
    #[error("a restored copy of the engine went another way: {0}")]
    Restored(&'static str),
    /// The engine's look at itself.
    #[error("the engine finds itself inconsistent: {0}")]
    Audit(String),
    /// Work without end.
    #[error("{0} events at one moment: the engine goes in circles")]
    Circles(u64),
}

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

/// A recount of one queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Recount {
    pub offered: u64,
    pub counts: Counts,
    pub other: u64,
    pub ended: u64,
    pub wait: Duration,
    pub talk: Duration,
    waiting: usize,
}

/// Calls that nothing tells apart but when they came.
#[derive(Debug)]
struct Kind {
    /// In line and not being offered, by their place.
    line: BTreeSet<Place>,
    /// From when on each agent may take them.
    may_from: Vec<Option<Duration>>,
    /// Who must take them from when on, a bit each; later steps hold the earlier ones too.
    must: Vec<(Duration, Vec<u64>)>,
    /// Every call's credit of wait.
    priority: Duration,
}

impl Kind {
    fn new(settings: &Settings, number: usize) -> Self {
        let since = eligible::agents(settings, number);
        let mut steps: Vec<Duration> = since.iter().filter_map(|since| since.must).collect();
        steps.sort_unstable();
        steps.dedup();
        let bits = |after: Duration| {
            let mut bits = vec![0; since.len().div_ceil(64)];
            for (agent, since) in (0..).map(AgentId).zip(&since) {
                let (word, mask) = bit(agent);
                if since.must.is_some_and(|must| must <= after)
                    && let Some(bits) = bits.get_mut(word)
                {
                    *bits |= mask;
                }
            }
            (after, bits)
        };
        Self {
            line: BTreeSet::new(),
            must: steps.into_iter().map(bits).collect(),
            may_from: since.iter().map(|since| since.may).collect(),
            priority: Duration::ZERO,
        }
    }

    /// A call of this kind that somebody of the ready should have been offered by now, and who.
    fn neglected(&self, now: Monotonic, ready: &[u64]) -> Option<(CallId, AgentId)> {
        let &(place, call) = self.line.first()?;
        let waited = now.since(place + self.priority);
        let (_, must) = self.must.iter().rev().find(|(after, _)| *after <= waited)?;
        let mut words = (0..).zip(ready.iter().zip(must).map(|(ready, must)| ready & must));
        let (word, both) = words.find(|(_, both)| *both != 0)?;
        Some((call, AgentId(word * 64 + both.trailing_zeros())))
    }
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

/// The place of an agent's bit.
fn bit(agent: AgentId) -> (usize, u64) {
    (agent.0 as usize / 64, 1 << (agent.0 % 64))
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
            Fact::WrapUpEnded { .. }
            | Fact::CallDisposed { .. }
            | Fact::QueueClosed { .. }
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
            (Entered::Overflowed(_) | Entered::Moved(_), Some(open)) if open.left => None,
            (Entered::Arrived | Entered::Resumed, Some(_)) => {
                return Err(Broken::Call(call, "joined a queue twice"));
            }
            (Entered::Overflowed(_) | Entered::Moved(_), Some(_) | None) => {
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
        self.calls.insert(call, OpenCall { kind, place, ..OpenCall::new(now, call, queue) });
        Ok(())
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

    fn offer_made(
        &mut self,
        now: Monotonic,
        offer: OfferId,
        call: CallId,
        agent: AgentId,
        queue: QueueId,
        because: OfferedBecause,
    ) -> Result<(), Broken> {
        if self.newest_offer.is_some_and(|newest| newest >= offer) {
            return Err(Broken::Offer(offer, "made twice"));
        }
        self.newest_offer = Some(offer);
        let open = self.calls.get_mut(&call).ok_or(Broken::Offer(offer, "made for a call that is over"))?;
        if open.left {
            return Err(Broken::Offer(offer, "made for a call that has left its queue"));
        }
        open.offers += 1;
        let chosen = matches!(because, OfferedBecause::Strategy { .. });
        if let Some(kind) = open.kind.and_then(|kind| self.kinds.get_mut(kind)) {
            kind.line.remove(&open.place);
            if chosen {
                let may = kind.may_from.get(agent.0 as usize).copied().flatten();
                if may.is_none_or(|after| now.since(open.queued) < after) {
                    return Err(Broken::Offer(offer, "made to somebody who does not qualify, or not yet"));
                }
                if let Some(&first) = kind.line.first()
                    && first < open.place
                {
                    return Err(Broken::Overtaken { earlier: first.1, later: call, agent });
                }
            }
        }
        let seen = self.agents.get_mut(agent.0 as usize).ok_or(Broken::Offer(offer, "made to nobody"))?;
        seen.calls += 1;
        if seen.calls > seen.capacity {
            return Err(Broken::OfferedTwice(agent, call));
        }
        let ring = self.settings.queue(queue).map_or(Duration::ZERO, |queue| queue.ring_timeout);
        let due = now + ring;
        self.offers.insert(offer, OpenOffer { call, agent, made: now, due });
        self.deadlines.insert((due, offer));
        Ok(())
    }

    fn offer_ended(
        &mut self,
        now: Monotonic,
        offer: OfferId,
        call: CallId,
        agent: AgentId,
        ring: Duration,
        outcome: OfferOutcome,
    ) -> Result<(), Broken> {
        let ended = self.offers.remove(&offer).ok_or(Broken::Offer(offer, "ended twice, or never made"))?;
        self.deadlines.remove(&(ended.due, offer));
        if ended.call != call || ended.agent != agent || now.since(ended.made) != ring {
            return Err(Broken::Offer(offer, "ended as another than it was made"));
        }
        if let Some(open) = self.calls.get_mut(&call) {
            open.offers = open.offers.saturating_sub(1);
            if open.offers == 0
                && !open.left
                && outcome != OfferOutcome::Answered
                && outcome != OfferOutcome::CallerGone
                && outcome != OfferOutcome::AnsweredElsewhere
                && let Some(kind) = open.kind.and_then(|kind| self.kinds.get_mut(kind))
            {
                kind.line.insert(open.place);
            }
        }
        if let Some(seen) = self.agents.get_mut(agent.0 as usize) {
            seen.calls = seen.calls.saturating_sub(1);
        }
        Ok(())
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

    fn state_changed(
        &mut self,
        now: Monotonic,
        agent: AgentId,
        from: AgentState,
        to: AgentState,
        lasted: Duration,
    ) -> Result<(), Broken> {
        let Some(seen) = self.agents.get_mut(agent.0 as usize) else { return Ok(()) };
        let (was, been) = (seen.state, now.since(seen.since));
        // A pause whose reason changes is another pause.
        let changed = from != to || to == AgentState::Paused;
        if was != from || been != lasted || !changed {
            return Err(Broken::States { agent, from, lasted, was, been });
        }
        (seen.state, seen.since) = (to, now);
        let (word, mask) = bit(agent);
        if let Some(bits) = self.ready.get_mut(word) {
            *bits = if to == AgentState::Ready { *bits | mask } else { *bits & !mask };
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

    /// The folds of production against this recount.
    pub(super) fn agrees_with(
        &self,
        today: &[QueueToday],
        counts: &[Counts],
        records: &[Cdr],
    ) -> Result<(), Broken> {
        for (((at, recount), today), counts) in (0..).zip(&self.queues).zip(today).zip(counts) {
            let queue = QueueId(at);
            let name = self.settings.queue(queue).map_or("", |queue| queue.name.as_str());
            let own = || records.iter().filter(|record| record.queue == name);
            let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            let recorded = own().count() as u64;
            // Each record and each visit rounds down to the millisecond.
            let before = || {
                let visits = records.iter().flat_map(|record| &record.visits);
                visits.filter(|visit| visit.queue == name).map(|visit| visit.wait_ms)
            };
            let waited = own().map(|record| record.wait_ms).chain(before()).sum::<u64>();
            let rounded = recorded + before().count() as u64;
            let close = millis(recount.wait).saturating_sub(waited) <= rounded;
            let figures = [
                ("calls offered", today.offered, recount.offered),
                ("calls answered", today.answered, recount.counts.answered),
                ("calls answered in time", today.answered_in_threshold, recount.counts.answered_in_threshold),
                ("calls abandoned", today.abandoned, recount.counts.abandoned),
                ("short abandons", counts.short_abandons, recount.counts.short_abandons),
                ("abandons in time", counts.abandoned_in_threshold, recount.counts.abandoned_in_threshold),
                ("calls that left otherwise", today.other, recount.other),
                ("call records", recorded, recount.ended),
                ("milliseconds waited", waited, if close { waited } else { millis(recount.wait) }),
            ];
            for (what, folded, counted) in figures {
                if folded != counted {
                    return Err(Broken::Fold { what, queue, folded, counted });
                }
            }
        }
        Ok(())
    }
}

impl Recount {
    fn left(&mut self, outcome: Outcome, wait: Duration, threshold: Duration) {
        self.waiting = self.waiting.saturating_sub(1);
        self.wait += wait;
        match outcome {
            Outcome::Answered => {
                self.counts.answered += 1;
                self.counts.answered_in_threshold += u64::from(wait <= threshold);
            }
            Outcome::Abandoned | Outcome::ShortAbandon => {
                self.counts.abandoned += 1;
                self.counts.abandoned_in_threshold += u64::from(wait <= threshold);
                self.counts.short_abandons += u64::from(outcome == Outcome::ShortAbandon);
            }
            Outcome::Overflow
            | Outcome::Timeout
            | Outcome::ExitKey
            | Outcome::Callback
            | Outcome::Voicemail
            | Outcome::NoAgents
            | Outcome::Error
            | Outcome::Withdrawn
            | Outcome::Closed => self.other += 1,
        }
    }
}
