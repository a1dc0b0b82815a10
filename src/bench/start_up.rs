//! How long the engine takes to be ready with much music, and how much memory that takes.

use super::BenchError;
use super::engine::{Engine, Wanted};
use crate::media::Codec;
use serde::Serialize;
use std::fmt;

/// What to measure.
#[derive(Clone, Debug)]
pub struct StartUpSettings {
    /// Files of music: mono, 8 kHz, 16 bits.
    pub files: usize,
    /// How long each is.
    pub minutes: u32,
    /// What the engine can speak; a wideband codec among them means that the music is kept at 16 kHz too.
    pub codecs: Vec<Codec>,
    /// One JSON object instead of a table.
    pub json: bool,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct StartUpReport {
    /// Files of music.
    pub files: usize,
    /// Minutes of each.
    pub minutes: u32,
    /// From the start of the process until it takes calls.
    pub ready_after_s: f64,
    /// CPU time until then, in seconds: files are read by several threads.
    pub cpu_s: f64,
    /// Resident memory then.
    pub rss_bytes: u64,
    /// The same by the seconds of music.
    pub rss_per_music_second_bytes: f64,
}

/// Measures, prints, and returns what it printed. Blocks its thread all the while.
///
/// # Errors
/// See [`BenchError`].
pub fn start_up(settings: &StartUpSettings) -> Result<StartUpReport, BenchError> {
    let music = (settings.files.max(1), settings.minutes.max(1) * 60);
    let engine = Engine::start(&Wanted { music, codecs: settings.codecs.clone(), ..Wanted::of(16) })?;
    let rss_bytes = engine.resident_bytes()?;
    let report = StartUpReport {
        files: music.0,
        minutes: music.1 / 60,
        ready_after_s: engine.started_in.as_secs_f64(),
        cpu_s: engine.cpu()?.as_secs_f64(),
        rss_bytes,
        rss_per_music_second_bytes: rss_bytes as f64 / (music.0 as f64 * f64::from(music.1)),
    };
    super::tell(&report, settings.json);
    Ok(report)
}

impl fmt::Display for StartUpReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Start-up: {} files of music of {} min", self.files, self.minutes)?;
        writeln!(f, "  ready after         {:.3} s ({:.3} s of CPU time)", self.ready_after_s, self.cpu_s)?;
        writeln!(f, "  memory              {:.1} MB", self.rss_bytes as f64 / 1e6)?;
        write!(f, "  per second of music {:.0} bytes", self.rss_per_music_second_bytes)
    }
}
