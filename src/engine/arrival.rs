//! A call comes in: to a queue, to a feature code, or not at all.

use super::Engine;
use super::call::{Call, ServiceCall, Stage};
use super::command::{Command, Commands, Program, RefusedBecause, Then};
use super::event::{Caller, Request};
use super::fact::Fact;
use super::id::{AgentId, CallId, LegId};
use super::settings::{AnswerMode, Feature};
use super::time::Now;
use super::timer::Timer;
use super::waiting::Place;
use std::time::Duration;

/// No confirmation or farewell takes longer; then the call is ended unheard.
const LAST_PROMPT_MAX: Duration = Duration::from_secs(30);

/// What `Event::CallArrived` told us.
pub(super) struct Arrival {
    pub call: CallId,
    pub dialled: String,
    pub caller: Caller,
    pub agent: Option<AgentId>,
    pub sip_call_id: String,
}

impl Engine {
    pub(super) fn call_arrived(&mut self, now: Now, arrival: Arrival, out: &mut Commands) {
        let call = arrival.call;
        let taken = if self.draining {
            Err(RefusedBecause::Draining)
        } else if self.calls.len() + self.service_calls.len() >= self.settings.limits.calls_max {
            Err(RefusedBecause::Overload)
        } else if let Some(feature) = self.settings.feature(&arrival.dialled) {
            self.feature_dialled(now, call, feature, arrival.agent, out)
        } else {
            self.join_queue(now, arrival, out)
        };
        if let Err(because) = taken {
            out.push(Command::Refuse { call, because });
            out.record(now, Fact::CallRefused { call, because });
        }
    }

    fn join_queue(&mut self, now: Now, arrival: Arrival, out: &mut Commands) -> Result<(), RefusedBecause> {
        let Arrival { call: id, dialled, caller, agent: _, sip_call_id } = arrival;
        let unknown = RefusedBecause::UnknownNumber;
        let (at, class) = self.floor.number(&dialled).ok_or(unknown)?;
        let number = self.settings.numbers.get(at).ok_or(unknown)?;
        let (queue_id, priority) = (number.queue, number.priority);
        let queue = self.settings.queue(queue_id).ok_or(unknown)?;
        if self.waiting_in(queue_id) >= queue.waiting_max {
            return Err(RefusedBecause::QueueFull);
        }
        let language = number.language.as_ref().unwrap_or(&queue.language).clone();
        let place = Place::new(now.mono, priority, id, class);
        let mut call = Call::new(queue_id, caller.clone(), now, place, queue.answer);
        call.language.clone_from(&language);
        call.wait_max = queue.wait_max.map(|longest| now.mono + longest);
        if let Some(due) = call.wait_max {
            self.timers.start(due, Timer::WaitMax(id));
        }
        out.push(match queue.answer {
            AnswerMode::Answer => Command::Answer { call: id },
            AnswerMode::EarlyMedia => Command::Progress { call: id },
        });
        let program = Program {
            prompts: queue.welcome.iter().cloned().collect(),
            language: language.clone(),
            then: Then::Music(queue.music.clone()),
        };
        out.push(Command::Play { leg: LegId::Caller(id), program });
        self.calls.insert(id, call);
        if let Some(line) = self.queues.get_mut(queue_id.0 as usize) {
            line.insert((now.mono, id));
        }
        self.floor.join(place);
        let waiting = self.waiting_in(queue_id);
        out.record(
            now,
            Fact::CallQueued {
                call: id,
                queue: queue_id,
                dialled,
                caller,
                sip_call_id,
                language,
                priority,
                waiting,
                entered: super::fact::Entered::Arrived,
            },
        );
        self.dispatch_call(now, id, out);
        Ok(())
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
        self.play_last(call, prompt, "en".into(), out);
        Ok(())
    }

    fn play_last(&self, call: CallId, prompt: &str, language: String, out: &mut Commands) {
        let program = Program { prompts: vec![prompt.into()], language, then: Then::Silence };
        out.push(Command::Play { leg: LegId::Caller(call), program });
    }

    /// The queue's patience is over: the caller is told, then let go.
    pub(super) fn waited_too_long(&mut self, now: Now, id: CallId, out: &mut Commands) {
        self.leave_queue(now, id, super::fact::Outcome::Timeout, None, out);
        let Some(call) = self.calls.get_mut(&id) else { return };
        let until = now.mono + LAST_PROMPT_MAX;
        call.stage = Stage::Leaving { outcome: super::fact::Outcome::Timeout, until };
        let language = call.language.clone();
        self.timers.start(until, Timer::Leaving(id));
        self.play_last(id, "all-busy", language, out);
    }
}
