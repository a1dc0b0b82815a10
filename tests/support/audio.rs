//! Listening by arithmetic: is this that tone, is this that piece of music?

use std::f64::consts::PI;
use std::path::Path;

/// Samples of a mono recording, −1 to 1, with their rate.
pub struct Recording {
    /// The samples.
    pub samples: Vec<f64>,
    /// Samples per second.
    pub rate: usize,
}

impl Recording {
    /// Reads a WAV file; several channels are mixed.
    pub fn read(path: &Path) -> Self {
        let mut reader =
            hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let spec = reader.spec();
        let scale = f64::from(1_u32 << (spec.bits_per_sample - 1));
        let all: Vec<f64> =
            reader.samples::<i32>().map(|sample| f64::from(sample.expect("PCM")) / scale).collect();
        let channels = usize::from(spec.channels);
        let samples =
            all.chunks_exact(channels).map(|frame| frame.iter().sum::<f64>() / channels as f64).collect();
        Self { samples, rate: spec.sample_rate as usize }
    }

    /// Writes a sine tone for `secs` seconds as 16-bit mono.
    pub fn write_tone(path: &Path, hz: f64, secs: usize, rate: u32) {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec).expect("a WAV file");
        for at in 0..secs * rate as usize {
            let sample = (2.0 * PI * hz * at as f64 / f64::from(rate)).sin() * 0.3;
            writer.write_sample((sample * 32767.0) as i16).expect("written");
        }
        writer.finalize().expect("written");
    }

    /// Half-second windows, one after the other.
    pub fn windows(&self) -> impl Iterator<Item = &[f64]> {
        self.samples.chunks_exact(self.rate / 2)
    }

    /// The share of each half-second window's power that is the tone `hz`: 1 for nothing else, 0 for none of it.
    pub fn tone_shares(&self, hz: f64) -> Vec<f64> {
        self.windows().map(|window| tone_share(window, hz, self.rate as f64)).collect()
    }

    /// Low-passed and thinned out to 1,000 samples a second, for quick comparison.
    fn thinned(&self) -> Vec<f64> {
        let factor = self.rate / 1000;
        let taps = 16 * factor;
        let centre = taps as f64 / 2.0;
        let kernel: Vec<f64> = (0..=taps)
            .map(|at| {
                let x = at as f64 - centre;
                let sinc = if x == 0.0 {
                    0.8
                } else {
                    (PI * 0.8 * x / factor as f64).sin() / (PI * x / factor as f64)
                };
                sinc * (0.5 - 0.5 * (2.0 * PI * at as f64 / taps as f64).cos())
            })
            .collect();
        let padded: Vec<f64> =
            std::iter::repeat_n(0.0, taps / 2).chain(self.samples.iter().copied()).collect();
        (0..self.samples.len() / factor)
            .map(|at| padded[at * factor..].iter().zip(&kernel).map(|(sample, weight)| sample * weight).sum())
            .collect()
    }

    /// How alike a piece of this recording (from `from` to `to` seconds) is to the best fitting place of a
    /// looped source: the normalised cross-correlation, 1 for the same.
    pub fn likeness_to_loop(&self, from: f64, to: f64, source: &Recording) -> f64 {
        let mine = self.thinned();
        let piece = &mine[(from * 1000.0) as usize..((to * 1000.0) as usize).min(mine.len())];
        let mut looped = source.thinned();
        looped.extend_from_within(..piece.len().min(looped.len()));
        looped.windows(piece.len()).map(|place| likeness(piece, place)).fold(0.0, f64::max)
    }
}

fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let power = (dot(a, a) * dot(b, b)).sqrt();
    if power == 0.0 { 0.0 } else { dot(a, b) / power }
}

/// Goertzel's filter, as the share of a window's power.
pub fn tone_share(window: &[f64], hz: f64, rate: f64) -> f64 {
    let coefficient = 2.0 * (2.0 * PI * hz / rate).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in window {
        (last, before) = (sample + coefficient * last - before, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    let total: f64 = window.iter().map(|sample| sample * sample).sum();
    if total == 0.0 { 0.0 } else { power * 2.0 / (total * window.len() as f64) }
}
