//! A call comes in: to a queue, to a feature code, or not at all.

use super::Engine;
use super::call::{Call, Presence, ServiceCall, Stage};
use super::command::{Command, Commands, MusicManner, Program, RefusedBecause, Then};
use super::event::{Caller, Request, Wishes};
use super::explain::OfferedBecause;
use super::fact::{Entered, Fact};
use super::floor::{Line, Place, PlanId};
use super::id::{AgentId, CallId, LegId, QueueId};
use super::settings::Feature;
use super::time::Now;
use super::timer::Timer;
use std::time::Duration;

/// No confirmation or farewell takes longer; then the call is ended unheard.
pub(super) const LAST_PROMPT_MAX: Duration = Duration::from_secs(30);

/// What `Event::CallArrived` told us.
pub(super) struct Arrival {
    pub call: CallId,
    pub dialled: String,
    pub caller: Caller,
    pub agent: Option<AgentId>,
    pub sip_call_id: String,
    pub wishes: Wishes,
}

/// Whom a new call asks for, and for how long he alone is waited for.
type Wanted = Option<(AgentId, Option<Duration>, OfferedBecause)>;

impl Engine {
    pub(super) fn call_arrived(&mut self, now: Now, arrival: Arrival, out: &mut Commands) {
        let call = arrival.call;
        let taken = if self.draining {
            Err(RefusedBecause::Draining)
        } else if self.calls() >= self.settings.limits.calls_max {
            Err(RefusedBecause::Overload)
        } else if let Some(feature) = self.settings.feature(&arrival.dialled) {
            self.feature_dialled(now, call, feature, arrival.agent, out)
        } else if let Some(by) = arrival.agent.filter(|_| self.floor.number(&arrival.dialled).is_none()) {
            self.agent_dialled(now, by, &arrival, out)
        } else {
            self.number_dialled(now, arrival, out)
        };
        if let Err(because) = taken {
            out.push(Command::Refuse { call, because });
            out.record(now, Fact::CallRefused { call, because });
        }
    }

    fn number_dialled(
        &mut self,
        now: Now,
        arrival: Arrival,
        out: &mut Commands,
    ) -> Result<(), RefusedBecause> {
        let Arrival { call: id, dialled, caller, agent: _, sip_call_id, wishes } = arrival;
        let unknown = RefusedBecause::UnknownNumber;
        let (at, plan) = self.floor.number(&dialled).ok_or(unknown)?;
        let number = self.settings.numbers.get(at).ok_or(unknown)?;
        let queue = number.queue;
        let rules = self.settings.queue(queue).ok_or(unknown)?;
        let language = number.language.as_ref().unwrap_or(&rules.language).clone();
        let direct = number.direct.map(|to| (to.agent, Some(to.wait), OfferedBecause::Dialled));
        let wished = wishes.agent.map(|to| {
            let wait = rules.last_agent.map_or(rules.ring_timeout, |it| it.wait);
            (to, Some(wait), OfferedBecause::Dialled)
        });
        let priority = wishes.priority.unwrap_or(number.priority);
        let plan = match wishes.requirement {
            None => plan,
            Some(wish) => self.plan_for(Self::asks(number, wish)).ok_or(RefusedBecause::Overload)?,
        };
        let wanted = wished.or(direct).or_else(|| self.last_agent(now, queue, &caller));
        let mut call = new_call(now, id, queue, plan);
        (call.dialled, call.caller, call.sip_call_id) = (dialled, caller, sip_call_id);
        (call.language, call.priority) = (language, priority);
        self.take_in(now, id, call, wanted, out)
    }

    /// Whether the caller lost the connection a moment ago, and has his old place again. The time between counts as
    /// waited, or those who came after him would stand before him now.
    fn resume(&mut self, now: Now, call: &mut Call) -> bool {
        if call.caller.is_anonymous() {
            return false;
        }
        let key = (call.queue, call.caller.number.clone());
        let Some(lost) = self.memory.lost.recall(now.mono, &key) else { return false };
        self.memory.lost.forget(&key);
        call.carried = lost.waited + now.mono.since(lost.at);
        call.priority = call.priority.max(lost.priority);
        true
    }

    /// Lets a new call into the queue it dialled or, if that cannot have it, where the queue's overflow chain sends it.
    fn take_in(
        &mut self,
        now: Now,
        id: CallId,
        mut call: Call,
        wanted: Wanted,
        out: &mut Commands,
    ) -> Result<(), RefusedBecause> {
        let queue = call.queue;
        match self.admits(now, queue) {
            Ok(()) => {
                let resumed = self.resume(now, &mut call);
                self.calls.insert(id, Box::new(call));
                self.let_caller_in(id, queue, out);
                let entered = if resumed { Entered::Resumed } else { Entered::Arrived };
                self.join(now, id, entered, wanted, out);
                Ok(())
            }
            Err(because) => {
                let to = self.destination_of_turned_away(now, queue, because)?;
                out.record(
                    now,
                    Fact::CallTurnedAway {
                        call: id,
                        queue,
                        dialled: call.dialled.clone(),
                        caller: call.caller.clone(),
                        sip_call_id: call.sip_call_id.clone(),
                        because,
                        to: to.clone(),
                    },
                );
                self.calls.insert(id, Box::new(call));
                self.let_caller_in(id, queue, out);
                self.send_to(now, id, to, out);
                Ok(())
            }
        }
    }

    /// Whether the caller is answered or held in early media is a matter of the first queue.
    fn let_caller_in(&mut self, id: CallId, queue: QueueId, out: &mut Commands) {
        let mode = self.settings.queue(queue).map(|queue| queue.answer).unwrap_or_default();
        let Some(call) = self.calls.get_mut(&id) else { return };
        self.floor.take_plan(call.plan);
        match mode {
            super::settings::AnswerMode::Answer => {
                call.answered = true;
                out.push(Command::Answer { call: id });
            }
            super::settings::AnswerMode::EarlyMedia => out.push(Command::Progress { call: id }),
        }
    }

    /// An agent dialled a feature code on his own phone: carried out, confirmed by voice, ended.
    fn feature_dialled(
        &mut self,
        now: Now,
        call: CallId,
        feature: Feature,
        agent: Option<AgentId>,
        out: &mut Commands,
    ) -> Result<(), RefusedBecause> {
        let agent = agent.ok_or(RefusedBecause::NotAnAgent)?;
        let (request, confirmation) = match feature {
            Feature::Login => (Request::Login { agent }, "agent-loginok"),
            Feature::Logout => (Request::Logout { agent }, "agent-loggedoff"),
            Feature::Ready => (Request::Ready { agent }, "agent-ready"),
            Feature::Pause => {
                let reason = self.settings.pause_reasons.first().cloned().unwrap_or_default();
                (Request::Pause { agent, reason }, "agent-paused")
            }
        };
        let prompt = if self.request(now, request, out).is_ok() { confirmation } else { "agent-incorrect" };
        let until = now.mono + LAST_PROMPT_MAX;
        self.service_calls.insert(call, ServiceCall { until });
        self.timers.start(until, Timer::Leaving(call));
        out.push(Command::Answer { call });
        play_last(call, prompt, "en".into(), out);
        Ok(())
    }

    /// The caller hears a last prompt; then the call ends.
    pub(super) fn say_goodbye(&mut self, now: Now, id: CallId, prompt: &str, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let until = now.mono + LAST_PROMPT_MAX;
        call.stage = Stage::Leaving { until };
        let language = call.language.clone();
        self.timers.start(until, Timer::Leaving(id));
        play_last(id, prompt, language, out);
    }
}

fn play_last(call: CallId, prompt: &str, language: String, out: &mut Commands) {
    let program = Program {
        prompts: vec![prompt.into()],
        language,
        then: Then::Silence,
        manner: MusicManner::default(),
    };
    out.push(Command::Play { leg: LegId::Caller(call), program });
}

fn new_call(now: Now, id: CallId, queue: QueueId, plan: PlanId) -> Call {
    Call {
        dialled: String::new(),
        caller: Caller::default(),
        sip_call_id: String::new(),
        language: String::new(),
        queue,
        queued: now,
        priority: Duration::ZERO,
        carried: Duration::ZERO,
        plan,
        level: 0,
        line: Line::Plan(plan, 0),
        place: Place::new(now.mono, Duration::ZERO, id),
        waits_for: None,
        because: None,
        answered: false,
        presence: Presence::There,
        due: None,
        ring_step: None,
        overflow_tried: 0,
        guests: Vec::new(),
        passed_on_by: None,
        recorded: None,
        keys: String::new(),
        last_key: now.mono,
        hops: 0,
        stage: Stage::Waiting { offers: Vec::new() },
    }
}
