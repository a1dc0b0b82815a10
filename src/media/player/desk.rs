//! The mixing desk of one listener: passes the clips' own frames on, and makes frames of his own where something changes.
//!
//! What stops in the middle of a clip fades out in its next frame, what starts in the middle fades in, both in the same 20 ms;
//! clips themselves begin and end softly. After a change the far decoder of G.722 or Opus remembers another past than the
//! encoder of the shared frames had: so the listener's own encoder goes on for some frames of the new sound, until
//! both remember the same, and only then do the shared frames take over.

use super::course::{Scene, Sound};
use super::silence;
use crate::media::clip::Clip;
use crate::media::codec::encoder::Encoder;
use crate::media::codec::g711::Law;
use crate::media::codec::halfband::sample;
use crate::media::codec::{Codec, FRAME_SAMPLES, HOUSE_FRAME};
use std::sync::Arc;

/// Frames that a listener's own encoder hears of what sounded before, when it begins.
const PRIMED: usize = 3;
/// Room for the longest frame, which is L16's; Opus keeps within it.
const OWN_MAX: usize = 2 * HOUSE_FRAME;
/// Two channels, each of which may change from one clip to another.
const SECTIONS_MAX: usize = 4;

/// What a channel played in the last frame.
#[derive(Clone, Debug)]
struct Heard {
    clip: Arc<Clip>,
    frame: usize,
    gain: f32,
}

/// A frame of a clip whose loudness goes from one value to another.
#[derive(Clone, Copy, Debug)]
struct Section<'a> {
    clip: &'a Clip,
    frame: usize,
    from: f32,
    to: f32,
}

/// What makes frames for one listener alone. It is allocated when something changes, and freed when the shared
/// frames take over: some 230 kB for Opus, which thousands who listen in peace need not keep.
#[derive(Debug)]
struct Own {
    codec: Codec,
    encoder: Encoder,
    payload: [u8; OWN_MAX],
}

/// One listener's desk.
#[derive(Debug)]
pub(super) struct Desk {
    heard: [Option<Heard>; 2],
    own: Option<Box<Own>>,
    /// Frames for which the own encoder goes on.
    unsettled: usize,
    codec: Option<Codec>,
}

impl Desk {
    pub(super) fn new() -> Desk {
        Desk { heard: [None, None], own: None, unsettled: 0, codec: None }
    }

    /// The payload in which this scene is heard after the last.
    pub(super) fn frame<'a>(&'a mut self, codec: Codec, scene: Scene<'a>) -> &'a [u8] {
        let Desk { heard, own, unsettled, codec: before } = self;
        let goes_on = before.replace(codec) == Some(codec) && heard.iter().zip(&scene).all(goes_on);
        if !goes_on {
            *unsettled = settling(codec);
        }
        if *unsettled == 0
            && let Some(payload) = shared(codec, &scene, heard)
        {
            *own = None;
            remember(heard, &scene);
            return payload;
        }
        if own.as_ref().is_some_and(|own| own.codec != codec) {
            *own = None;
        }
        if own.is_none() {
            *unsettled = settling(codec);
        }
        let own = own.get_or_insert_with(|| Box::new(Own::new(codec, heard)));
        *unsettled = unsettled.saturating_sub(1);
        // Asked for now, so that it is there when it can be used.
        let _ = shared(codec, &scene, heard);
        let mut mix = [0.0; HOUSE_FRAME];
        sections(heard, &scene).into_iter().flatten().for_each(|section| section.add(codec, &mut mix));
        remember(heard, &scene);
        own.encode(&mix)
    }
}

/// Frames until the far decoder has forgotten that it was another encoder that it heard before.
fn settling(codec: Codec) -> usize {
    match codec {
        Codec::Pcmu | Codec::Pcma | Codec::L16 => 0,
        Codec::G722 => 5,
        Codec::Opus => 5,
    }
}

/// Whether a channel does in this frame what it did in the last.
fn goes_on((heard, now): (&Option<Heard>, &Option<Sound<'_>>)) -> bool {
    match (heard, now) {
        (Some(heard), Some(now)) => heard.is_followed_by(now) && heard.gain == now.gain,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The frame that everybody shares, if this scene after the last is nothing but that.
fn shared<'a>(codec: Codec, scene: &Scene<'a>, heard: &[Option<Heard>; 2]) -> Option<&'a [u8]> {
    let fading = sections(heard, scene).into_iter().flatten().any(|section| section.from != section.to);
    match scene {
        _ if fading => None,
        [None, None] => Some(silence(codec)),
        [Some(one), None] | [None, Some(one)] if one.gain == 1.0 => one.clip.frame(codec, one.frame),
        [Some(_), _] | [None, Some(_)] => None,
    }
}

fn sections<'a>(heard: &'a [Option<Heard>; 2], scene: &Scene<'a>) -> [Option<Section<'a>>; SECTIONS_MAX] {
    let [prompt, music] = heard;
    let ([a, b], [c, d]) = (channel(prompt.as_ref(), scene[0]), channel(music.as_ref(), scene[1]));
    [a, b, c, d]
}

/// What one channel plays in a frame: what it played before, fading out, and what it plays now.
fn channel<'a>(heard: Option<&'a Heard>, now: Option<Sound<'a>>) -> [Option<Section<'a>>; 2] {
    let section = |now: Sound<'a>, from| Section { clip: now.clip, frame: now.frame, from, to: now.gain };
    match (heard, now) {
        (Some(heard), Some(now)) if heard.is_followed_by(&now) => [None, Some(section(now, heard.gain))],
        (heard, now) => {
            // A clip's own beginning is soft already.
            let begins = now.map(|now| section(now, if now.frame == 0 { now.gain } else { 0.0 }));
            [heard.and_then(Heard::fading), begins]
        }
    }
}

/// Notes what sounded. The clip is counted once more only when it changes.
fn remember(heard: &mut [Option<Heard>; 2], scene: &Scene<'_>) {
    for (heard, now) in heard.iter_mut().zip(scene) {
        match (heard.as_mut(), now) {
            (Some(heard), Some(now)) if Arc::ptr_eq(&heard.clip, now.clip) => {
                (heard.frame, heard.gain) = (now.frame, now.gain);
            }
            (_, Some(now)) => {
                *heard = Some(Heard { clip: now.clip.clone(), frame: now.frame, gain: now.gain });
            }
            (_, None) => *heard = None,
        }
    }
}

impl Heard {
    fn is_followed_by(&self, now: &Sound<'_>) -> bool {
        Arc::ptr_eq(&self.clip, now.clip) && now.frame == self.frame + 1
    }

    /// The frame that would have come next, dying away; `None` when the clip was over.
    fn fading(&self) -> Option<Section<'_>> {
        let frame = self.frame + 1;
        (frame < self.clip.frames()).then_some(Section { clip: &self.clip, frame, from: self.gain, to: 0.0 })
    }
}

impl Section<'_> {
    /// Adds its samples: at 8 kHz as G.711 has them, the first half of the mix; at 16 kHz else.
    fn add(&self, codec: Codec, mix: &mut [f32; HOUSE_FRAME]) {
        match codec.law() {
            Some(law) => {
                let codes = self.clip.frame(codec, self.frame).unwrap_or_default();
                self.blend(codes.iter().map(|&code| law.decode(code)), FRAME_SAMPLES, mix);
            }
            None => {
                let (pairs, _) = self.clip.linear(self.frame).unwrap_or_default().as_chunks::<2>();
                self.blend(pairs.iter().map(|&pair| i16::from_be_bytes(pair)), HOUSE_FRAME, mix);
            }
        }
    }

    fn blend(&self, samples: impl Iterator<Item = i16>, length: usize, mix: &mut [f32]) {
        let (middle, half) = ((self.from + self.to) / 2.0, (self.from - self.to) / 2.0);
        for (n, (to, sample)) in mix.iter_mut().zip(samples).enumerate() {
            // A half-cosine from one loudness to the other.
            let turn =
                if half == 0.0 { 0.0 } else { std::f32::consts::PI * (n as f32 + 0.5) / length as f32 };
            *to += f32::from(sample) * (middle + half * turn.cos());
        }
    }
}

impl Own {
    /// Begins as if it had encoded what was heard last.
    fn new(codec: Codec, heard: &[Option<Heard>; 2]) -> Own {
        let mut own = Own { codec, encoder: Encoder::of_clips(codec), payload: [0; OWN_MAX] };
        if settling(codec) > 0 {
            for back in (0..PRIMED).rev() {
                let mut mix = [0.0; HOUSE_FRAME];
                for heard in heard.iter().flatten() {
                    if let Some(frame) = heard.frame.checked_sub(back) {
                        let section = Section { clip: &heard.clip, frame, from: heard.gain, to: heard.gain };
                        section.add(codec, &mut mix);
                    }
                }
                own.encode(&mix);
            }
        }
        own
    }

    fn encode(&mut self, mix: &[f32; HOUSE_FRAME]) -> &[u8] {
        let linear = mix.map(sample);
        let length = match self.codec.law() {
            Some(law) => self.narrow(law, &linear),
            None => self.encoder.encode(&linear, &mut self.payload),
        };
        self.payload.get(..length).unwrap_or_default()
    }

    /// G.711 at its own rate: between the shared frames and these lies no filter that could be heard.
    fn narrow(&mut self, law: Law, linear: &[i16]) -> usize {
        let codes = self.payload.iter_mut().take(FRAME_SAMPLES).zip(linear);
        codes.map(|(code, &sample)| *code = law.encode(sample)).count()
    }
}
