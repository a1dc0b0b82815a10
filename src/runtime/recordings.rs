//! Recordings: the engine's word made into tapes for the media plane, and what becomes of them told to operators.

use crate::engine::event::Caller;
use crate::engine::id::{AgentId, CallId, LegId, QueueId};
use crate::engine::settings::Settings;
use crate::engine::talk::{ChangedBy, RecordingChange};
use crate::engine::time::Wall;
use crate::media::Handle;
use crate::media::recorder::{Recorder, RecorderSettings, RecordingEvent, Tape, TapeInfo};
use crate::metrics::Metrics;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Endings that wait to be told.
const EVENTS_MAX: usize = 256;

/// What a recording is of.
pub(super) struct Conversation<'a> {
    pub call: CallId,
    pub queue: QueueId,
    pub agent: Option<AgentId>,
    pub caller: &'a Caller,
}

/// The recorder; it starts with the first recording, or at once where there are some that grow old.
pub(super) struct Recordings {
    settings: RecorderSettings,
    recorder: Option<Recorder>,
    metrics: Arc<Metrics>,
}

impl Recordings {
    pub(super) fn new(settings: RecorderSettings, metrics: Arc<Metrics>) -> Self {
        let mut recordings = Self { settings, recorder: None, metrics };
        // What was kept is deleted in its time, whether or not anything is recorded now.
        if recordings.settings.folder.is_dir()
            && let Err(error) = recordings.recorder()
        {
            let folder = recordings.settings.folder.display();
            tracing::error!(%folder, %error, "nothing is recorded, and old recordings are not deleted");
        }
        recordings
    }

    /// The recorder, started if it does not run yet: a folder and a thread, once; the loop can spare that.
    fn recorder(&mut self) -> std::io::Result<&Recorder> {
        let recorder = match self.recorder.take() {
            Some(recorder) => recorder,
            None => Recorder::start(self.settings.clone(), told(self.metrics.clone()))?,
        };
        Ok(self.recorder.insert(recorder))
    }

    /// Does what the engine wants of a conversation's recording. What fails costs the recording, never the call.
    pub(super) fn change(
        &mut self,
        media: &Handle,
        rules: &Settings,
        now: Wall,
        of: &Conversation<'_>,
        change: RecordingChange,
        by: ChangedBy,
    ) {
        let leg = LegId::Caller(of.call);
        match change {
            RecordingChange::Start => match self.tape(rules, now, of) {
                Ok(tape) => media.record(leg, tape),
                Err(error) => {
                    self.metrics.media.recording_ended("refused");
                    tracing::error!(call = %of.call, %error, "the call is not recorded");
                }
            },
            RecordingChange::Pause => {
                let (who, why) = self.author(rules, by);
                media.pause_recording(leg, who, why.into());
            }
            RecordingChange::Resume => media.resume_recording(leg),
            RecordingChange::Stop => media.stop_recording(leg),
        }
    }

    /// Who wanted it, and why, as the recording's papers tell.
    fn author(&self, rules: &Settings, by: ChangedBy) -> (String, &'static str) {
        match by {
            ChangedBy::Rule => ("holdfast".into(), "on hold"),
            ChangedBy::Request => ("api".into(), "request"),
            ChangedBy::Agent(agent) => {
                let name = rules.agent(agent).map(|agent| agent.name.clone()).unwrap_or_default();
                (name, "keys")
            }
        }
    }

    fn tape(
        &mut self,
        rules: &Settings,
        now: Wall,
        of: &Conversation<'_>,
    ) -> Result<Tape, Box<dyn std::error::Error>> {
        let agent = of.agent.and_then(|agent| rules.agent(agent)).map(|agent| agent.name.clone());
        let info = TapeInfo {
            call: of.call,
            queue: rules.queue(of.queue).map(|queue| queue.name.clone()).unwrap_or_default(),
            agent: agent.unwrap_or_default(),
            caller: of.caller.number.clone(),
            started: now,
        };
        Ok(self.recorder()?.tape(info)?)
    }

    /// Completes all files.
    pub(super) fn finish(&mut self) {
        self.recorder = None;
    }
}

/// Tells operators what becomes of recordings, for as long as there is a recorder.
fn told(metrics: Arc<Metrics>) -> mpsc::Sender<RecordingEvent> {
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            match event {
                RecordingEvent::Finished { call, path, seconds, gaps, lost_ms } => {
                    metrics.media.recording_ended("finished");
                    let path = path.display();
                    if lost_ms > 0 {
                        tracing::warn!(%call, %path, lost_ms, "the disk was too slow: the recording has silence instead");
                    }
                    tracing::info!(%call, %path, seconds, gaps, "recorded");
                }
                RecordingEvent::Failed { call, reason } => {
                    metrics.media.recording_ended(reason.name());
                    let reason = reason.name();
                    tracing::error!(%call, reason, "the recording was given up; the call goes on");
                }
            }
        }
    });
    sender
}
