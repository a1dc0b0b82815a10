//! What is to be known of a recording, beside it as JSON; also the mark by which old recordings are known as ours.

use super::{RecorderSettings, TapeInfo};
use crate::engine::id::CallId;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::Path;

/// Who made the file: nothing without this mark is ever deleted.
pub(super) const MADE_BY: &str = "holdfast recorder 1";

/// A stretch that was not recorded: it is silent in the sound.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// From where on in the recording.
    pub from_ms: u64,
    /// Up to where; `None`: to its end.
    pub to_ms: Option<u64>,
    /// When, in milliseconds since 1970, by the recording's own clock.
    pub at_unix_ms: i64,
    /// Who paused it.
    pub who: String,
    /// Why.
    pub why: String,
}

/// What is to be known of a recording.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sidecar {
    /// The mark of this recorder.
    pub made_by: String,
    /// The call.
    pub call: CallId,
    /// The queue it waited in.
    pub queue: String,
    /// The agent it was with.
    pub agent: String,
    /// The caller's number or name.
    pub caller: String,
    /// When it begins, in milliseconds since 1970.
    pub started_unix_ms: i64,
    /// The same for people, in universal time.
    pub started: String,
    /// How long it is.
    pub length_ms: u64,
    /// Samples per second.
    pub rate_hz: u32,
    /// Sound that was lost because the disk was too slow; it is silent in the recording.
    pub lost_ms: u64,
    /// `false`: it is being written, or was given up.
    pub complete: bool,
    /// When it was paused.
    pub pauses: Vec<Gap>,
}

impl Sidecar {
    /// Of a recording that begins.
    pub(super) fn new(info: &TapeInfo, settings: &RecorderSettings) -> Sidecar {
        let started = jiff::Timestamp::from_millisecond(info.started.0).unwrap_or_default();
        Sidecar {
            made_by: MADE_BY.into(),
            call: info.call,
            queue: info.queue.clone(),
            agent: info.agent.clone(),
            caller: info.caller.clone(),
            started_unix_ms: info.started.0,
            started: started.to_string(),
            length_ms: 0,
            rate_hz: settings.rate.hz(),
            lost_ms: 0,
            complete: false,
            pauses: Vec::new(),
        }
    }

    /// Writes it in place of the one before, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        let part = path.with_extension("json.part");
        let _ = std::fs::remove_file(&part);
        super::disk::new_file(&part)?.write_all(&text)?;
        std::fs::rename(&part, path)
    }
}
