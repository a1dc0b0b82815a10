//! What a leg hears, frame by frame: prompts once, then music or silence without end. Sends nothing.
//!
//! Frames are the clips' own, encoded once for everybody. Only around a change (a prompt cuts in, the music comes back, it
//! ends, another begins) and while music lies beneath a prompt does a listener get frames of his own: see `desk.rs`.

mod course;
mod desk;

use super::clip::Clip;
use super::codec::encoder::Encoder;
use super::codec::{Codec, FRAME_SAMPLES, HOUSE_FRAME, g711};
use super::rtp::PAYLOAD_MAX;
use course::Course;
use desk::Desk;
use std::sync::{Arc, LazyLock};

static SILENT_ULAW: [u8; FRAME_SAMPLES] = [g711::ulaw_encode(0); FRAME_SAMPLES];
static SILENT_ALAW: [u8; FRAME_SAMPLES] = [g711::alaw_encode(0); FRAME_SAMPLES];
static SILENT_LINEAR: [u8; 2 * HOUSE_FRAME] = [0; 2 * HOUSE_FRAME];
static SILENT_G722: LazyLock<Box<[u8]>> = LazyLock::new(|| encoded_silence(Codec::G722));
static SILENT_OPUS: LazyLock<Box<[u8]>> = LazyLock::new(|| encoded_silence(Codec::Opus));
/// Frames after which an encoder that hears silence has nothing more to say about what was before.
const SETTLED: usize = 25;

/// Where a playlist starts for a listener.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Start {
    /// Where it is: all who hear it hear the same place, which depends on the time alone. It goes on during prompts.
    Radio,
    /// At its beginning, for each listener by himself. It stands still while a prompt is heard alone.
    Beginning,
}

/// Clips that follow each other again and again.
#[derive(Debug)]
pub struct Playlist {
    clips: Vec<Arc<Clip>>,
    frames: u64,
    start: Start,
}

impl Playlist {
    /// A playlist of at least one clip; `None` without any.
    pub fn new(clips: Vec<Arc<Clip>>, start: Start) -> Option<Playlist> {
        let frames = clips.iter().map(|clip| clip.frames() as u64).sum();
        (frames > 0).then_some(Playlist { clips, frames, start })
    }
}

/// What follows the prompts.
#[derive(Clone, Debug)]
pub enum Tail {
    /// Music without end.
    Music(Arc<Playlist>),
    /// Silence, which is sent too: a NAT or firewall on the way must not close.
    Silence,
}

/// A program whose names have been resolved.
#[derive(Clone, Debug)]
pub struct Script {
    /// Heard once, one after the other.
    pub prompts: Vec<Arc<Clip>>,
    /// Heard then.
    pub then: Tail,
    /// Whether the music goes on beneath the prompts, 15 dB softer. Each such frame is encoded for this listener alone;
    /// `benches/media.rs` tells what that costs.
    pub duck: bool,
}

impl Script {
    /// Nothing but silence.
    pub fn silence() -> Script {
        Script { prompts: Vec::new(), then: Tail::Silence, duck: false }
    }
}

/// One leg's place in its script.
#[derive(Debug)]
pub struct Player {
    course: Course,
    desk: Desk,
}

impl Player {
    /// At the beginning; nothing was heard before.
    pub fn new(script: Script) -> Player {
        Player { course: Course::new(script), desk: Desk::new() }
    }

    /// A new script while another was being heard: what sounded fades out beneath the new beginning. Music that is the
    /// same playlist goes on where it is.
    pub fn follow(script: Script, previous: Player) -> Player {
        Player { course: Course::follow(script, previous.course), desk: previous.desk }
    }

    /// The next frame of 20 ms, and whether it is the last of the prompts. `time_frames` counts 20 ms on the clock that
    /// all listeners share. Allocates nothing while the frames are the clips' own.
    pub fn next(&mut self, codec: Codec, time_frames: u64) -> (&[u8], bool) {
        let (scene, prompts_over) = self.course.advance(codec, time_frames);
        (self.desk.frame(codec, scene), prompts_over)
    }
}

/// A frame of silence, as a settled encoder has it.
pub fn silence(codec: Codec) -> &'static [u8] {
    match codec {
        Codec::Pcmu => &SILENT_ULAW,
        Codec::Pcma => &SILENT_ALAW,
        Codec::L16 => &SILENT_LINEAR,
        Codec::G722 => &SILENT_G722,
        Codec::Opus => &SILENT_OPUS,
    }
}

fn encoded_silence(codec: Codec) -> Box<[u8]> {
    let (mut encoder, mut payload) = (Encoder::of_clips(codec), [0; PAYLOAD_MAX]);
    let lengths = (0..SETTLED).map(|_| encoder.encode(&[0; HOUSE_FRAME], &mut payload));
    let length = lengths.last().unwrap_or_default();
    payload.get(..length).unwrap_or_default().into()
}

#[cfg(test)]
mod tests;
