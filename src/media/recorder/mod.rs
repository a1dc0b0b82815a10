//! Call recording: sound goes from the media threads in blocks to one background thread, which writes WAV files and what
//! is to be known of each. It never makes a call wait: what can't be written in time is lost, counted, and filled with
//! silence; what can't be written at all is given up, and said.
//!
//! A tape's blocks are its own and go round: filled by the media thread, emptied by the writer. Its channel is looked into by
//! the writer ten times a second, so that a media thread wakes nobody; and a tape that is dropped is a channel that is
//! closed, so an end can't be lost.

mod disk;
mod half;
mod name;
mod reel;
mod retention;
mod sidecar;
mod tape;
mod writer;

pub use disk::{Disk, RealDisk, Target};
pub use name::{NameError, NameTemplate};
pub use sidecar::{Gap, Sidecar};
pub use tape::Tape;

use crate::engine::id::CallId;
use crate::engine::time::Wall;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tape::Spool;
use writer::Writer;

/// The most calls recorded at once: each has 100 kB of blocks.
pub const TAPES_MAX: usize = 2_000;
/// How often the writer looks for blocks: a tape holds 1.6 s of them.
const TURN: Duration = Duration::from_millis(100);
/// How often old recordings are looked for.
const SWEEP: Duration = Duration::from_secs(3_600);
/// How long the end of the process waits for the writer to finish its files.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// What a recording's channels hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// The caller left, the agent right.
    Stereo,
    /// Both in one.
    Mixed,
}

/// Samples per second of a recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rate {
    /// 8 kHz: as a telephone sounds, half the space.
    Narrow,
    /// 16 kHz: all that wideband codecs bring.
    Wide,
}

impl Rate {
    /// In Hz.
    pub fn hz(self) -> u32 {
        match self {
            Self::Narrow => 8_000,
            Self::Wide => 16_000,
        }
    }
}

/// How calls are recorded.
#[derive(Clone, Debug)]
pub struct RecorderSettings {
    /// Where recordings are kept; it is made if it is not there.
    pub folder: PathBuf,
    /// What the channels hold.
    pub format: Format,
    /// Samples per second.
    pub rate: Rate,
    /// How files are named beneath the folder.
    pub name: NameTemplate,
    /// The time zone of dates and times in names.
    pub zone: jiff::tz::TimeZone,
    /// After how many days recordings are deleted; `None`: never.
    pub retention_days: Option<u32>,
    /// No recording begins with less room than this on the disk, in bytes, and those that run are given up.
    pub free_bytes_min: u64,
}

/// What a recording is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TapeInfo {
    /// The call.
    pub call: CallId,
    /// The queue it waited in.
    pub queue: String,
    /// The agent it is with.
    pub agent: String,
    /// The caller's number or name.
    pub caller: String,
    /// When the recording begins.
    pub started: Wall,
}

/// Why a recording was given up. Bounded: these are metric labels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailReason {
    /// There was too little room on the disk.
    DiskFull,
    /// The folder or file could not be made.
    Unwritable,
    /// Writing failed.
    Write,
    /// The file would have lain outside the folder.
    LeadsOut,
}

impl FailReason {
    /// As a metric's label has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::Unwritable => "unwritable",
            Self::Write => "write",
            Self::LeadsOut => "leads_out",
        }
    }

    fn of(error: &io::Error, otherwise: FailReason) -> FailReason {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => otherwise,
        }
    }
}

/// What became of a recording. Delivered through the bounded channel given at the start; what does not fit is lost and
/// logged, for the files tell the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordingEvent {
    /// It is complete.
    Finished {
        /// The call.
        call: CallId,
        /// Where it lies.
        path: PathBuf,
        /// How long it is, silence included; rounded down.
        seconds: u32,
        /// How often it was paused.
        gaps: usize,
        /// Sound that was lost because the disk was too slow.
        lost_ms: u64,
    },
    /// It was given up; what was written until then is left as it is.
    Failed {
        /// The call.
        call: CallId,
        /// Why.
        reason: FailReason,
    },
}

/// Why no recording could begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TapeError {
    /// As many are running as may.
    #[error("{TAPES_MAX} calls are being recorded, which is the most")]
    Full,
    /// The writer has stopped, or does not keep up.
    #[error("the recorder takes no more recordings")]
    Stopped,
}

/// The recorder: gives out tapes. Dropping it finishes all recordings.
#[derive(Debug)]
pub struct Recorder {
    spools: Option<SyncSender<Spool>>,
    running: Arc<()>,
    writer: Option<JoinHandle<()>>,
    stop_sweeping: Option<SyncSender<()>>,
}

impl Recorder {
    /// Starts the writer, and the deletion of old recordings.
    ///
    /// # Errors
    /// When a thread can't be started, or the folder can't be made.
    pub fn start(
        settings: RecorderSettings,
        events: tokio::sync::mpsc::Sender<RecordingEvent>,
    ) -> io::Result<Recorder> {
        std::fs::create_dir_all(&settings.folder)?;
        let stop =
            settings.retention_days.map(|days| start_sweeping(settings.folder.clone(), days)).transpose()?;
        let mut recorder = Recorder::start_on(settings, RealDisk, events)?;
        recorder.stop_sweeping = stop;
        Ok(recorder)
    }

    /// [`Recorder::start`] on a disk of one's own, without deleting anything: for tests.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn start_on(
        settings: RecorderSettings,
        disk: impl Disk,
        events: tokio::sync::mpsc::Sender<RecordingEvent>,
    ) -> io::Result<Recorder> {
        let (mut recorder, mut writer) = Recorder::prepare(settings, disk, events);
        let thread = std::thread::Builder::new().name("recorder".into());
        recorder.writer = Some(thread.spawn(move || while writer.turn(TURN) {})?);
        Ok(recorder)
    }

    /// A recorder, and the writer that somebody must turn.
    fn prepare(
        settings: RecorderSettings,
        disk: impl Disk,
        events: tokio::sync::mpsc::Sender<RecordingEvent>,
    ) -> (Recorder, Writer) {
        let (spools, arriving) = sync_channel(TAPES_MAX);
        let writer = Writer::new(settings, Box::new(disk), events, arriving);
        let recorder =
            Recorder { spools: Some(spools), running: Arc::new(()), writer: None, stop_sweeping: None };
        (recorder, writer)
    }

    /// A tape for a call. Allocates its blocks: to be called where calls are set up, not on a media thread.
    ///
    /// # Errors
    /// See [`TapeError`]; the call goes on without a recording then.
    pub fn tape(&self, info: TapeInfo) -> Result<Tape, TapeError> {
        if Arc::strong_count(&self.running) > TAPES_MAX {
            return Err(TapeError::Full);
        }
        let (tape, spool) = tape::pair(info, self.running.clone());
        let spools = self.spools.as_ref().ok_or(TapeError::Stopped)?;
        spools.try_send(spool).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => TapeError::Stopped,
        })?;
        Ok(tape)
    }
}

impl Drop for Recorder {
    /// The writer finishes what it has. A disk that is stuck does not hold the end of the process for long.
    fn drop(&mut self) {
        (self.spools, self.stop_sweeping) = (None, None);
        let Some(writer) = self.writer.take() else { return };
        let deadline = Instant::now() + FINISH_WITHIN;
        while !writer.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        if writer.is_finished() {
            let _ = writer.join();
        }
    }
}

/// Old recordings are deleted on a thread of their own: going through many files must not hold up the writer.
fn start_sweeping(folder: PathBuf, days: u32) -> io::Result<SyncSender<()>> {
    let (stop, stopped): (SyncSender<()>, Receiver<()>) = sync_channel(0);
    std::thread::Builder::new().name("recordings".into()).spawn(move || {
        loop {
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let swept = retention::sweep(&folder, Wall(unix.as_millis() as i64), days);
            if swept > 0 {
                tracing::info!(recordings = swept, days, "old recordings were deleted");
            }
            match stopped.recv_timeout(SWEEP) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    })?;
    Ok(stop)
}

#[cfg(test)]
mod tests;
