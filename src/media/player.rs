//! What a leg hears, frame by frame: prompts once, then music or silence without end. Sends nothing.

use super::clip::Clip;
use super::codec::{Codec, FRAME_SAMPLES, g711};
use std::sync::Arc;

static SILENT_ULAW: [u8; FRAME_SAMPLES] = [g711::ulaw_encode(0); FRAME_SAMPLES];
static SILENT_ALAW: [u8; FRAME_SAMPLES] = [g711::alaw_encode(0); FRAME_SAMPLES];

/// Clips that follow each other again and again. All who hear a playlist hear the same place, as on the radio: the
/// place depends on the time alone.
#[derive(Debug)]
pub struct Playlist {
    clips: Vec<Arc<Clip>>,
    frames: u64,
}

impl Playlist {
    /// A playlist of at least one clip; `None` without any.
    pub fn new(clips: Vec<Arc<Clip>>) -> Option<Playlist> {
        let frames = clips.iter().map(|clip| clip.frames() as u64).sum();
        (frames > 0).then_some(Playlist { clips, frames })
    }

    /// The clip, and the frame in it, that is heard at a moment.
    fn place(&self, time_frames: u64) -> Place {
        let mut frame = (time_frames % self.frames) as usize;
        for (clip, candidate) in self.clips.iter().enumerate() {
            if frame < candidate.frames() {
                return Place { clip, frame, time_frames };
            }
            frame -= candidate.frames();
        }
        Place { clip: 0, frame: 0, time_frames }
    }
}

/// Where in a playlist a listener is, so that the next frame needs no search.
#[derive(Clone, Copy, Debug)]
struct Place {
    clip: usize,
    frame: usize,
    time_frames: u64,
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
}

impl Script {
    /// Nothing but silence.
    pub fn silence() -> Script {
        Script { prompts: Vec::new(), then: Tail::Silence }
    }
}

/// One leg's place in its script.
#[derive(Debug)]
pub struct Player {
    script: Script,
    prompt: usize,
    frame: usize,
    place: Option<Place>,
}

impl Player {
    /// At the beginning.
    pub fn new(script: Script) -> Player {
        Player { script, prompt: 0, frame: 0, place: None }
    }

    /// The next frame of 20 ms, and whether it is the last of the prompts. `time_frames` counts 20 ms on the clock that
    /// all listeners share.
    pub fn next(&mut self, codec: Codec, time_frames: u64) -> (&[u8], bool) {
        if let Some(clip) = self.script.prompts.get(self.prompt) {
            let frame = clip.frame(codec, self.frame);
            self.frame += 1;
            if self.frame >= clip.frames() {
                (self.prompt, self.frame) = (self.prompt + 1, 0);
            }
            return (frame, self.prompt == self.script.prompts.len());
        }
        let frame = match &self.script.then {
            Tail::Music(playlist) => {
                let place = match self.place {
                    Some(last) => following(playlist, last, time_frames),
                    None => playlist.place(time_frames),
                };
                self.place = Some(place);
                playlist.clips.get(place.clip).map_or(&[][..], |clip| clip.frame(codec, place.frame))
            }
            Tail::Silence => silence(codec),
        };
        (frame, false)
    }
}

fn following(playlist: &Playlist, last: Place, time_frames: u64) -> Place {
    let next = Place { frame: last.frame + 1, time_frames, ..last };
    let within = playlist.clips.get(last.clip).is_some_and(|clip| next.frame < clip.frames());
    if within && time_frames == last.time_frames + 1 { next } else { playlist.place(time_frames) }
}

/// A frame of silence.
pub fn silence(codec: Codec) -> &'static [u8] {
    match codec {
        Codec::Pcmu => &SILENT_ULAW,
        Codec::Pcma => &SILENT_ALAW,
        Codec::G722 | Codec::Opus | Codec::L16 => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clip whose frames can be told apart by their first sample.
    fn clip(levels: &[i16]) -> Arc<Clip> {
        let samples = levels.iter().flat_map(|&level| [f32::from(level) / 32_767.0; FRAME_SAMPLES]);
        Arc::new(Clip::from_samples(samples))
    }

    fn heard(player: &mut Player, codec: Codec, times: std::ops::Range<u64>) -> Vec<(i16, bool)> {
        times
            .map(|time| {
                let (frame, last) = player.next(codec, time);
                assert_eq!(frame.len(), FRAME_SAMPLES);
                (codec.law().unwrap().decode(frame[0]) / 1_000, last)
            })
            .collect()
    }

    #[test]
    fn prompts_are_heard_once_then_music_where_everybody_hears_it() {
        let playlist = Arc::new(Playlist::new(vec![clip(&[5_050, 6_150]), clip(&[7_150])]).unwrap());
        let script =
            Script { prompts: vec![clip(&[1_050, 2_050]), clip(&[3_050])], then: Tail::Music(playlist) };
        let heard = heard(&mut Player::new(script), Codec::Pcmu, 100..110);
        let (levels, last): (Vec<_>, Vec<_>) = heard.into_iter().unzip();
        // 103 % 3 = 1: the second frame of the playlist.
        assert_eq!(levels, [1, 2, 3, 6, 7, 5, 6, 7, 5, 6]);
        assert_eq!(last.iter().position(|&last| last), Some(2));
        assert_eq!(last.iter().filter(|&&last| last).count(), 1);
    }

    #[test]
    fn a_pause_of_the_clock_skips_music_for_all_alike() {
        let playlist = Arc::new(Playlist::new(vec![clip(&[1_050, 2_050, 3_050])]).unwrap());
        let mut player = Player::new(Script { prompts: Vec::new(), then: Tail::Music(playlist) });
        assert_eq!(heard(&mut player, Codec::Pcma, 0..2), [(1, false), (2, false)]);
        assert_eq!(heard(&mut player, Codec::Pcma, 8..10), [(3, false), (1, false)]);
    }

    #[test]
    fn silence_goes_on_for_ever() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            assert_eq!(heard(&mut Player::new(Script::silence()), codec, 0..3), [(0, false); 3]);
        }
        assert!(Playlist::new(Vec::new()).is_none());
    }
}
