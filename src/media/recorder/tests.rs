//! Recordings on real and on broken disks. The writer is turned by hand wherever a moment matters.

use super::*;
use crate::media::codec::HOUSE_FRAME;
use crate::media::codec::encoder::Frame;
use std::fs::{self, File};
use std::io::Seek;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

const NO_WAIT: Duration = Duration::ZERO;

fn settings(folder: &Path) -> RecorderSettings {
    RecorderSettings {
        folder: folder.into(),
        format: Format::Stereo,
        rate: Rate::Wide,
        name: NameTemplate::parse("{date}/{queue}/{time}-{call}.wav").unwrap(),
        zone: jiff::tz::TimeZone::UTC,
        retention_days: None,
        free_bytes_min: 0,
    }
}

fn info() -> TapeInfo {
    TapeInfo {
        call: CallId(7),
        queue: "../../etc".into(),
        agent: "anna".into(),
        caller: "+49301234".into(),
        started: Wall(1_700_000_000_000),
    }
}

struct Studio {
    folder: tempfile::TempDir,
    recorder: Recorder,
    writer: Writer,
    events: mpsc::Receiver<RecordingEvent>,
}

impl Studio {
    fn new(change: impl FnOnce(&mut RecorderSettings), disk: impl Disk) -> Studio {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path());
        change(&mut settings);
        let (tell, events) = mpsc::channel(10);
        let (recorder, writer) = Recorder::prepare(settings, disk, tell);
        Studio { folder, recorder, writer, events }
    }

    fn usual() -> Studio {
        Studio::new(|_| {}, RealDisk)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("2023-11-14/______etc/22-13-20-7.wav")
    }

    /// Pushes frames numbered from `from`, and lets the writer keep up.
    fn push(&mut self, tape: &mut Tape, frames: std::ops::Range<i16>) {
        for n in frames {
            tape.push(&[n; HOUSE_FRAME], &[-n; HOUSE_FRAME]);
            self.writer.turn(NO_WAIT);
        }
    }

    fn finished(&mut self) -> RecordingEvent {
        self.writer.turn(NO_WAIT);
        self.events.try_recv().unwrap()
    }
}

/// The numbers of the frames of a recording as [`Studio::push`] wrote them, left and right checked.
fn frames_of(path: &Path) -> Vec<i16> {
    let mut reader = hound::WavReader::open(path).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 16_000));
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    assert_eq!(samples.len() % (2 * HOUSE_FRAME), 0);
    let number = |frame: &[i16]| {
        assert!(frame.chunks(2).all(|pair| pair[0] == frame[0] && pair[1] == -frame[0]));
        frame[0]
    };
    samples.chunks(2 * HOUSE_FRAME).map(number).collect()
}

fn papers_of(path: &Path) -> Sidecar {
    serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap()
}

#[test]
fn a_call_is_recorded_whole_with_its_papers() {
    let mut studio = Studio::usual();
    let mut tape = studio.recorder.tape(info()).unwrap();
    studio.push(&mut tape, 1..74);
    assert!(!studio.path().exists(), "it has its name only when it is complete");
    drop(tape);
    let path = studio.path();
    let finished =
        RecordingEvent::Finished { call: CallId(7), path: path.clone(), seconds: 1, gaps: 0, lost_ms: 0 };
    assert_eq!(studio.finished(), finished);
    assert_eq!(frames_of(&path), (1..74).collect::<Vec<i16>>());
    let papers = papers_of(&path);
    assert_eq!((papers.length_ms, papers.lost_ms, papers.complete), (1_460, 0, true));
    assert_eq!((papers.queue.as_str(), papers.started.as_str()), ("../../etc", "2023-11-14T22:13:20Z"));
    assert!(!path.with_extension("wav.part").exists());
}

#[test]
fn a_pause_is_silent_to_the_sample_and_stands_in_the_papers() {
    let mut studio = Studio::usual();
    let mut tape = studio.recorder.tape(info()).unwrap();
    studio.push(&mut tape, 1..31);
    tape.pause("anna", "card number");
    tape.pause("somebody", "again");
    studio.push(&mut tape, 31..81);
    tape.resume();
    studio.push(&mut tape, 81..101);
    tape.pause("api", "end");
    studio.push(&mut tape, 101..111);
    drop(tape);
    studio.finished();
    let silent = |n: i16| (31..81).contains(&n) || n >= 101;
    let expected: Vec<i16> = (1..111).map(|n| if silent(n) { 0 } else { n }).collect();
    assert_eq!(frames_of(&studio.path()), expected);
    let gap = |from_ms, to_ms, who: &str, why: &str| Gap {
        from_ms,
        to_ms,
        at_unix_ms: 1_700_000_000_000 + from_ms as i64,
        who: who.into(),
        why: why.into(),
    };
    let expected = [gap(600, Some(1_600), "anna", "card number"), gap(2_000, None, "api", "end")];
    assert_eq!(papers_of(&studio.path()).pauses, expected);
}

#[test]
fn what_a_stuck_writer_loses_is_silence_and_everything_else_is_in_its_place() {
    let mut studio = Studio::usual();
    let mut tape = studio.recorder.tape(info()).unwrap();
    studio.push(&mut tape, 1..11);
    // The writer is stuck for 3 s: 10 + 70 frames fill the blocks, the next 80 are lost.
    for n in 11..161 {
        tape.push(&[n; HOUSE_FRAME], &[-n; HOUSE_FRAME]);
    }
    assert_eq!(tape.lost_ms(), 80 * 20);
    studio.writer.turn(NO_WAIT);
    studio.push(&mut tape, 161..201);
    drop(tape);
    assert!(matches!(studio.finished(), RecordingEvent::Finished { lost_ms: 1_600, .. }));
    let expected: Vec<i16> = (1..201).map(|n| if (81..161).contains(&n) { 0 } else { n }).collect();
    assert_eq!(frames_of(&studio.path()), expected);
}

#[test]
fn what_is_lost_at_the_end_keeps_the_length_right() {
    let mut studio = Studio::usual();
    let mut tape = studio.recorder.tape(info()).unwrap();
    (1..101).for_each(|n| tape.push(&[n; HOUSE_FRAME], &[-n; HOUSE_FRAME]));
    drop(tape);
    studio.writer.turn(NO_WAIT);
    let expected: Vec<i16> = (1..101).map(|n| if n > 80 { 0 } else { n }).collect();
    assert_eq!(frames_of(&studio.path()), expected);
}

#[test]
fn a_crash_leaves_a_file_that_plays() {
    let mut studio = Studio::usual();
    let mut tape = studio.recorder.tape(info()).unwrap();
    studio.push(&mut tape, 1..701);
    // As the disk has it now: nothing is closed.
    let copy = studio.folder.path().join("copy.wav");
    fs::copy(studio.path().with_extension("wav.part"), &copy).unwrap();
    let mut reader = hound::WavReader::open(&copy).unwrap();
    let seconds = reader.duration() / 16_000;
    assert!(seconds >= 9, "{seconds} s of 14 are safe");
    assert!(reader.samples::<i16>().take(2 * 16_000 * seconds as usize).all(|sample| sample.is_ok()));
    assert!(!papers_of(&studio.path()).complete);
}

#[test]
fn mixed_and_narrow_recordings_hold_both_sides() {
    let change =
        |settings: &mut RecorderSettings| (settings.format, settings.rate) = (Format::Mixed, Rate::Narrow);
    let mut studio = Studio::new(change, RealDisk);
    let mut tape = studio.recorder.tape(info()).unwrap();
    for n in 0..100 {
        // Two seconds of a caller, with the agent over him in the second: loud enough to clip.
        tape.push(&[20_000; HOUSE_FRAME], &[if n < 50 { -5_000 } else { 20_000 }; HOUSE_FRAME]);
        studio.writer.turn(NO_WAIT);
    }
    drop(tape);
    studio.finished();
    let mut reader = hound::WavReader::open(studio.path()).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (1, 8_000));
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    assert_eq!(samples.len(), 16_000);
    assert!((samples[4_000] - 15_000).abs() < 5 && samples[12_000] == i16::MAX);
}

/// A disk on which something is wrong.
#[derive(Debug)]
struct Broken {
    create: fn() -> io::Result<Box<dyn Target>>,
    free_bytes: u64,
}

impl Disk for Broken {
    fn create(&self, _: &Path) -> io::Result<Box<dyn Target>> {
        (self.create)()
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.free_bytes)
    }
}

/// Records on a broken disk: the reason, and the call that goes on.
fn failure_on(disk: Broken) -> FailReason {
    let mut studio = Studio::new(|settings| settings.free_bytes_min = 1_000, disk);
    let mut tape = studio.recorder.tape(info()).unwrap();
    studio.push(&mut tape, 0..1_000);
    assert!(tape.is_given_up());
    let RecordingEvent::Failed { call: CallId(7), reason } = studio.events.try_recv().unwrap() else {
        panic!("it can't have succeeded")
    };
    assert!(studio.events.try_recv().is_err(), "it is said once");
    assert!(studio.recorder.tape(info()).is_ok(), "others are still tried");
    reason
}

#[test]
fn a_full_disk_loses_the_recording_and_not_the_call() {
    let full = || Ok(Box::new(File::options().write(true).open("/dev/full")?) as Box<dyn Target>);
    assert_eq!(failure_on(Broken { create: full, free_bytes: 1 << 40 }), FailReason::DiskFull);
    let little = || Ok(Box::new(io::Cursor::new(Vec::new())) as Box<dyn Target>);
    assert_eq!(failure_on(Broken { create: little, free_bytes: 999 }), FailReason::DiskFull);
}

#[test]
fn a_folder_that_takes_no_file_loses_the_recording_and_not_the_call() {
    let denied = || Err(io::ErrorKind::PermissionDenied.into());
    assert_eq!(failure_on(Broken { create: denied, free_bytes: 1 << 40 }), FailReason::Unwritable);
    let mut studio = Studio::usual();
    fs::write(studio.folder.path().join("2023-11-14"), "a file where a folder should be").unwrap();
    let _tape = studio.recorder.tape(info()).unwrap();
    studio.writer.turn(NO_WAIT);
    let failed = RecordingEvent::Failed { call: CallId(7), reason: FailReason::Unwritable };
    assert_eq!(studio.events.try_recv().unwrap(), failed);
}

#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let mut studio = Studio::usual();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), studio.folder.path().join("2023-11-14")).unwrap();
    let _tape = studio.recorder.tape(info()).unwrap();
    studio.writer.turn(NO_WAIT);
    let failed = RecordingEvent::Failed { call: CallId(7), reason: FailReason::LeadsOut };
    assert_eq!(studio.events.try_recv().unwrap(), failed);
}

#[test]
fn a_name_that_is_taken_is_not_overwritten() {
    let mut studio = Studio::usual();
    for n in 0..2 {
        let mut tape = studio.recorder.tape(info()).unwrap();
        studio.push(&mut tape, n..n + 3);
        drop(tape);
        studio.finished();
    }
    assert_eq!(frames_of(&studio.path()), [0, 1, 2]);
    assert_eq!(frames_of(&studio.path().with_file_name("22-13-20-7-2.wav")), [1, 2, 3]);
}

/// A file whose every write waits for a door.
struct Stuck(Arc<AtomicBool>, io::Cursor<Vec<u8>>);

impl io::Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while !self.0.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Stuck {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.1.seek(to)
    }
}

#[derive(Debug)]
struct StuckDisk(Arc<AtomicBool>);

impl Disk for StuckDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Target>> {
        File::create(path)?;
        Ok(Box::new(Stuck(self.0.clone(), io::Cursor::new(Vec::new()))))
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

#[test]
fn a_disk_that_is_stuck_does_not_hold_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let (tell, mut events) = mpsc::channel(10);
    let door = Arc::new(AtomicBool::new(false));
    let recorder = Recorder::start_on(settings(folder.path()), StuckDisk(door.clone()), tell).unwrap();
    let mut tape = recorder.tape(info()).unwrap();
    // A minute of call goes by while the disk does nothing at all: the writer can't have taken more than it buffers.
    (0..3_000).for_each(|_| tape.push(&[1; HOUSE_FRAME], &[1; HOUSE_FRAME]));
    assert!(tape.lost_ms() > 50_000);
    drop(tape);
    door.store(true, Ordering::Release);
    drop(recorder);
    let RecordingEvent::Finished { seconds: 60, lost_ms, .. } = events.try_recv().unwrap() else {
        panic!("failed")
    };
    assert!(lost_ms > 50_000);
}

#[test]
fn the_end_of_the_recorder_finishes_what_runs() {
    let mut studio = Studio::usual();
    let mut tape = studio.recorder.tape(info()).unwrap();
    studio.push(&mut tape, 1..41);
    studio.recorder.spools = None;
    assert!(!studio.writer.turn(NO_WAIT));
    assert_eq!(frames_of(&studio.path()), (1..41).collect::<Vec<i16>>());
    assert_eq!(studio.recorder.tape(info()).unwrap_err(), TapeError::Stopped);
}

#[test]
fn only_old_recordings_of_this_recorder_are_deleted() {
    let mut studio = Studio::usual();
    let mut tape = studio.recorder.tape(info()).unwrap();
    studio.push(&mut tape, 1..41);
    drop(tape);
    studio.finished();
    let folder = studio.folder.path();
    let day = 86_400_000;
    // Files of others, and links to places outside, with papers that look like ours.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::copy(studio.path().with_extension("json"), elsewhere.path().join("x.json")).unwrap();
    fs::write(elsewhere.path().join("x.wav"), "keep").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.join("link")).unwrap();
    fs::write(folder.join("music.wav"), "keep").unwrap();
    fs::write(folder.join("music.json"), r#"{"made_by":"someone"}"#).unwrap();
    assert_eq!(retention::sweep(folder, Wall(info().started.0 + 30 * day), 30), 0);
    assert!(studio.path().exists());
    assert_eq!(retention::sweep(folder, Wall(info().started.0 + 30 * day + 1), 30), 1);
    assert!(!studio.path().exists() && !folder.join("2023-11-14").exists());
    for kept in [
        elsewhere.path().join("x.wav"),
        elsewhere.path().join("x.json"),
        folder.join("music.wav"),
        folder.join("music.json"),
    ] {
        assert!(kept.exists(), "{}", kept.display());
    }
}

#[test]
fn frames_come_out_as_they_went_in_when_nobody_speaks() {
    let silence: Frame = [0; HOUSE_FRAME];
    let mut studio = Studio::usual();
    let mut tape = studio.recorder.tape(info()).unwrap();
    tape.push(&silence, &silence);
    drop(tape);
    studio.finished();
    assert_eq!(frames_of(&studio.path()), [0]);
}
