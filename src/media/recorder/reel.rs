//! The file of one recording: opened, written, kept playable, finished.

use super::half::Half;
use super::sidecar::{Gap, Sidecar};
use super::tape::{Block, FRAME_MS};
use super::{Disk, FailReason, Format, Rate, RecorderSettings, RecordingEvent, TapeInfo, Target};
use crate::media::codec::HOUSE_FRAME;
use hound::{SampleFormat, WavSpec, WavWriter};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// After so many frames the header is made to say how long the file is: a crash costs 5 s at most.
const FLUSH_FRAMES: u64 = 250;
/// The longest recording, in frames: 12 hours, which is less than a WAV file can hold. What comes later is lost.
const FRAMES_MAX: u64 = 12 * 3_600 * 50;
/// So many names are tried when one is taken.
const NAMES_MAX: u32 = 100;

/// A recording being written.
pub(super) struct Reel {
    path: PathBuf,
    part: PathBuf,
    wav: WavWriter<BufWriter<Box<dyn Target>>>,
    format: Format,
    halves: Option<[Half; 2]>,
    sidecar: Sidecar,
    frames: u64,
    lost: u64,
    flushed: u64,
    free_bytes_min: u64,
}

impl Reel {
    /// Makes the file and its papers.
    pub(super) fn open(
        settings: &RecorderSettings,
        disk: &dyn Disk,
        info: &TapeInfo,
    ) -> Result<Reel, FailReason> {
        let unwritable = |error: io::Error| FailReason::of(&error, FailReason::Unwritable);
        let wanted = settings.folder.join(settings.name.path(info, &settings.zone));
        let folder = wanted.parent().ok_or(FailReason::Unwritable)?;
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        let root = settings.folder.canonicalize().map_err(unwritable)?;
        if !folder.canonicalize().map_err(unwritable)?.starts_with(&root) {
            return Err(FailReason::LeadsOut);
        }
        check_room(disk, folder, settings.free_bytes_min)?;
        let (path, part, target) = create(disk, &wanted).map_err(unwritable)?;
        let spec = WavSpec {
            channels: if settings.format == Format::Stereo { 2 } else { 1 },
            sample_rate: settings.rate.hz(),
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let wav = WavWriter::new(BufWriter::with_capacity(1 << 16, target), spec)
            .map_err(|error| failed(&error))?;
        let sidecar = Sidecar::new(info, settings);
        sidecar.write(&path.with_extension("json")).map_err(unwritable)?;
        Ok(Reel {
            path,
            part,
            wav,
            format: settings.format,
            halves: (settings.rate == Rate::Narrow).then(|| [Half::new(), Half::new()]),
            sidecar,
            frames: 0,
            lost: 0,
            flushed: 0,
            free_bytes_min: settings.free_bytes_min,
        })
    }

    /// Writes a block, with silence for what was lost before it.
    pub(super) fn write(&mut self, block: &Block, disk: &dyn Disk) -> Result<(), FailReason> {
        self.lost(block.lost_before)?;
        self.sound(&block.samples)?;
        if self.frames - self.flushed >= FLUSH_FRAMES {
            self.flushed = self.frames;
            self.wav.flush().map_err(|error| failed(&error))?;
            check_room(disk, self.path.parent().unwrap_or(&self.path), self.free_bytes_min)?;
        }
        Ok(())
    }

    /// Closes the file and gives it its name. `frames` are those of the call: what is missing at the end was lost.
    pub(super) fn finish(mut self, frames: u64, pauses: Vec<Gap>) -> Result<RecordingEvent, FailReason> {
        self.lost(frames.saturating_sub(self.frames))?;
        let sidecar = Sidecar {
            length_ms: self.frames * FRAME_MS,
            lost_ms: self.lost * FRAME_MS,
            complete: true,
            pauses,
            ..self.sidecar
        };
        self.wav.finalize().map_err(|error| failed(&error))?;
        let write = |error: io::Error| FailReason::of(&error, FailReason::Write);
        std::fs::rename(&self.part, &self.path).map_err(write)?;
        sidecar.write(&self.path.with_extension("json")).map_err(write)?;
        Ok(RecordingEvent::Finished {
            call: sidecar.call,
            path: self.path,
            seconds: (sidecar.length_ms / 1_000) as u32,
            gaps: sidecar.pauses.len(),
            lost_ms: sidecar.lost_ms,
        })
    }

    fn lost(&mut self, frames: u64) -> Result<(), FailReason> {
        self.lost += frames;
        for _ in 0..frames.min(FRAMES_MAX) {
            self.sound(&[0; 2 * HOUSE_FRAME])?;
        }
        Ok(())
    }

    /// Whole frames, left and right in turn.
    fn sound(&mut self, samples: &[i16]) -> Result<(), FailReason> {
        let frames = (samples.len() / (2 * HOUSE_FRAME)) as u64;
        if self.frames + frames > FRAMES_MAX {
            self.lost += frames;
            return Ok(());
        }
        self.frames += frames;
        let step = if self.halves.is_some() { 4 } else { 2 };
        for piece in samples.chunks_exact(step) {
            let [left, right] = match (piece, &mut self.halves) {
                (&[a, b, c, d], Some([left, right])) => [left.next([a, c]), right.next([b, d])],
                (&[left, right], _) => [left, right],
                _ => [0, 0],
            };
            let written = match self.format {
                Format::Stereo => self.wav.write_sample(left).and_then(|()| self.wav.write_sample(right)),
                Format::Mixed => self.wav.write_sample(left.saturating_add(right)),
            };
            written.map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}

/// The first name of its kind that is free, with its file. While it is written it has `.part` at its end.
fn create(disk: &dyn Disk, wanted: &Path) -> io::Result<(PathBuf, PathBuf, Box<dyn Target>)> {
    let stem = wanted.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    for n in 1..=NAMES_MAX {
        let path =
            if n == 1 { wanted.to_path_buf() } else { wanted.with_file_name(format!("{stem}-{n}.wav")) };
        if path.symlink_metadata().is_ok() || path.with_extension("json").symlink_metadata().is_ok() {
            continue;
        }
        let part = path.with_extension("wav.part");
        match disk.create(&part) {
            Ok(target) => return Ok((path, part, target)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn check_room(disk: &dyn Disk, folder: &Path, free_bytes_min: u64) -> Result<(), FailReason> {
    let free = disk.free_bytes(folder).map_err(|error| FailReason::of(&error, FailReason::Unwritable))?;
    if free < free_bytes_min { Err(FailReason::DiskFull) } else { Ok(()) }
}

fn failed(error: &hound::Error) -> FailReason {
    match error {
        hound::Error::IoError(error) => FailReason::of(error, FailReason::Write),
        _ => FailReason::Write,
    }
}
