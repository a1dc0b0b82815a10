//! Where in its script a listener is: which clips sound in a frame, and how loud. Knows nothing of codecs' bytes.

use super::{Playlist, Script, Start, Tail};
use crate::media::clip::Clip;
use crate::media::codec::Codec;
use std::sync::Arc;

/// How loud music is beneath a prompt: −15 dB.
pub(super) const DUCKED: f32 = 0.178;
/// The next clip is made ready when so many frames are left of the one before: five seconds.
const AHEAD: usize = 250;

/// One frame of one clip.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sound<'a> {
    pub(super) clip: &'a Arc<Clip>,
    pub(super) frame: usize,
    pub(super) gain: f32,
}

/// What sounds in one frame: the prompt, and the music.
pub(super) type Scene<'a> = [Option<Sound<'a>>; 2];

/// Where in a playlist a listener is, so that the next frame needs no search.
#[derive(Clone, Copy, Debug)]
struct Place {
    clip: usize,
    frame: usize,
    /// On the playlist's clock, or the listener's own.
    at: u64,
}

/// One listener's way through a script.
#[derive(Debug)]
pub(super) struct Course {
    script: Script,
    prompt: usize,
    frame: usize,
    place: Option<Place>,
    /// Frames of music this listener has heard: the clock of those who hear it from the beginning.
    heard: u64,
}

impl Course {
    pub(super) fn new(script: Script) -> Course {
        Course { script, prompt: 0, frame: 0, place: None, heard: 0 }
    }

    pub(super) fn follow(script: Script, previous: Course) -> Course {
        let same = match (&script.then, &previous.script.then) {
            (Tail::Music(one), Tail::Music(other)) => Arc::ptr_eq(one, other),
            (Tail::Music(_) | Tail::Silence, _) => false,
        };
        let (place, heard) = if same { (previous.place, previous.heard) } else { (None, 0) };
        Course { script, prompt: 0, frame: 0, place, heard }
    }

    /// What sounds in the next frame, and whether it is the last of the prompts.
    pub(super) fn advance(&mut self, codec: Codec, time_frames: u64) -> (Scene<'_>, bool) {
        let Self { script, prompt, frame, place, heard } = self;
        let Some(clip) = script.prompts.get(*prompt) else {
            return ([None, music(script, place, heard, codec, time_frames, 1.0)], false);
        };
        let sound = Sound { clip, frame: *frame, gain: 1.0 };
        *frame += 1;
        if *frame >= clip.frames() {
            (*prompt, *frame) = (*prompt + 1, 0);
        }
        let over = *prompt >= script.prompts.len();
        let beneath = script.duck.then(|| music(script, place, heard, codec, time_frames, DUCKED)).flatten();
        ([Some(sound), beneath], over)
    }
}

fn music<'a>(
    script: &'a Script,
    place: &mut Option<Place>,
    heard: &mut u64,
    codec: Codec,
    time_frames: u64,
    gain: f32,
) -> Option<Sound<'a>> {
    let Tail::Music(playlist) = &script.then else { return None };
    let at = match playlist.start {
        Start::Radio => time_frames,
        Start::Beginning => *heard,
    };
    *heard += 1;
    let here = match *place {
        Some(last) => playlist.following(last, at),
        None => playlist.place(at),
    };
    *place = Some(here);
    playlist.prepare(codec, here);
    playlist.clips.get(here.clip).map(|clip| Sound { clip, frame: here.frame, gain })
}

impl Playlist {
    /// The clip, and the frame in it, that is heard at a moment.
    fn place(&self, at: u64) -> Place {
        let mut frame = (at % self.frames) as usize;
        for (clip, candidate) in self.clips.iter().enumerate() {
            if frame < candidate.frames() {
                return Place { clip, frame, at };
            }
            frame -= candidate.frames();
        }
        Place { clip: 0, frame: 0, at }
    }

    fn following(&self, last: Place, at: u64) -> Place {
        let within = self.clips.get(last.clip).is_some_and(|clip| last.frame + 1 < clip.frames());
        if within && at == last.at + 1 { Place { frame: last.frame + 1, at, ..last } } else { self.place(at) }
    }

    /// Sees to it that the beginning of the clip that comes next is encoded in time.
    fn prepare(&self, codec: Codec, here: Place) {
        let ends_soon = self.clips.get(here.clip).is_some_and(|clip| here.frame + AHEAD >= clip.frames());
        if ends_soon && let Some(next) = self.clips.get((here.clip + 1) % self.clips.len()) {
            next.prepare(codec, 0);
        }
    }
}
