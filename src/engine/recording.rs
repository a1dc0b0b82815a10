//! Whether a conversation is recorded: by the queue's rules, by request, by the agent's keys. The sound itself
//! is the media plane's.

use super::Engine;
use super::call::{Recorded, Stage};
use super::command::{Command, Commands, Refusal};
use super::fact::Fact;
use super::id::{AgentId, CallId};
use super::settings::RecordingMode;
use super::talk::{ChangedBy, RecordingChange, TalkFact};
use super::time::Now;

impl Engine {
    /// Caller and agent begin to talk.
    pub(super) fn record_by_rule(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let rules = self.calls.get(&id).and_then(|call| self.settings.queue(call.queue));
        if rules.is_some_and(|rules| rules.recording.mode == RecordingMode::Always) {
            self.change_recording(now, id, RecordingChange::Start, ChangedBy::Rule, out);
        }
    }

    /// What was asked for through the API.
    pub(super) fn recording_request(
        &mut self,
        now: Now,
        id: CallId,
        change: RecordingChange,
        out: &mut Commands,
    ) -> Result<(), Refusal> {
        let call = self.calls.get(&id).ok_or(Refusal::UnknownCall)?;
        if call.talks_by().is_none() {
            return Err(Refusal::NotTalking);
        }
        let mode = self.settings.queue(call.queue).map(|queue| queue.recording.mode).unwrap_or_default();
        // What runs can be paused and ended, whatever the rules say by now.
        if mode == RecordingMode::Off && call.recorded.is_none() {
            return Err(Refusal::NotRecorded);
        }
        if self.change_recording(now, id, change, ChangedBy::Request, out) {
            Ok(())
        } else {
            Err(Refusal::NothingToRecord)
        }
    }

    /// On hold nobody talks to the caller: what he mutters meanwhile is nobody's business. A pause somebody asked for
    /// is not ended by it.
    pub(super) fn hold_recording(&mut self, now: Now, id: CallId, held: bool, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let rules =
            self.settings.queues.get(call.queue.0 as usize).map(|queue| queue.recording.pause_on_hold);
        match call.recorded {
            Some(Recorded::Running) if held && rules.unwrap_or(true) => {
                self.change_recording(now, id, RecordingChange::Pause, ChangedBy::Rule, out);
                if let Some(call) = self.calls.get_mut(&id) {
                    call.recorded = Some(Recorded::OnHold);
                }
            }
            Some(Recorded::OnHold) if !held => {
                self.change_recording(now, id, RecordingChange::Resume, ChangedBy::Rule, out);
            }
            Some(Recorded::Running | Recorded::Paused | Recorded::OnHold) | None => {}
        }
    }

    /// The conversation is over, the call goes on.
    pub(super) fn stop_recording(&mut self, now: Now, id: CallId, out: &mut Commands) {
        self.change_recording(now, id, RecordingChange::Stop, ChangedBy::Rule, out);
    }

    /// After a restart what is said goes into another recording, which is paused if the first was.
    pub(super) fn record_again(&mut self, now: Now, id: CallId, out: &mut Commands) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(before) = call.recorded.take() else { return };
        self.change_recording(now, id, RecordingChange::Start, ChangedBy::Rule, out);
        match before {
            Recorded::Paused => {
                self.change_recording(now, id, RecordingChange::Pause, ChangedBy::Rule, out);
            }
            Recorded::Running | Recorded::OnHold => {}
        }
    }

    /// Changes the recording, if that is a change.
    fn change_recording(
        &mut self,
        now: Now,
        id: CallId,
        change: RecordingChange,
        by: ChangedBy,
        out: &mut Commands,
    ) -> bool {
        let Some(call) = self.calls.get_mut(&id) else { return false };
        let after = match (call.recorded, change) {
            (None, RecordingChange::Start) => Some(Recorded::Running),
            (Some(Recorded::Running | Recorded::OnHold), RecordingChange::Pause) => Some(Recorded::Paused),
            (Some(Recorded::Paused | Recorded::OnHold), RecordingChange::Resume) => Some(Recorded::Running),
            (Some(_), RecordingChange::Stop) => None,
            (None, RecordingChange::Pause | RecordingChange::Resume | RecordingChange::Stop)
            | (Some(_), RecordingChange::Start)
            | (Some(Recorded::Paused), RecordingChange::Pause)
            | (Some(Recorded::Running), RecordingChange::Resume) => return false,
        };
        call.recorded = after;
        let (queue, agent) = (call.queue, call.talks_by().map(|(_, agent)| agent));
        out.push(Command::Record { call: id, change, by, queue, agent, caller: call.caller.clone() });
        out.record(now, Fact::InTalk { call: id, what: TalkFact::Recording { change, by } });
        if change == RecordingChange::Start && self.is_on_hold(id) {
            self.hold_recording(now, id, true, out);
        }
        true
    }

    fn is_on_hold(&self, id: CallId) -> bool {
        let stage = self.calls.get(&id).map(|call| &call.stage);
        matches!(stage, Some(Stage::Talking { held_since: Some(_), .. }))
    }

    /// The agent's keys begin, pause or resume the recording, by turns.
    pub(super) fn record_by_keys(&mut self, now: Now, id: CallId, agent: AgentId, out: &mut Commands) {
        let Some(call) = self.calls.get(&id) else { return };
        let change = match call.recorded {
            None => RecordingChange::Start,
            Some(Recorded::Running) => RecordingChange::Pause,
            Some(Recorded::Paused | Recorded::OnHold) => RecordingChange::Resume,
        };
        let mode = self.settings.queue(call.queue).map(|queue| queue.recording.mode).unwrap_or_default();
        if mode != RecordingMode::Off || change != RecordingChange::Start {
            self.change_recording(now, id, change, ChangedBy::Agent(agent), out);
        }
    }
}
