//! From a file's rate to the rate of clips, block by block as the file is read. Knows samples only, no file.

use super::wav::ClipError;
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

/// The block at the file's rate: long enough for a steep filter below half the clips' rate.
pub(super) const BLOCK_FRAMES: usize = 4_096;

/// One channel on its way to another rate. Only what came out is kept.
pub(super) struct Rate {
    /// `None`: the rates are the same.
    resampler: Option<Fft<f32>>,
    block: Vec<f32>,
    made: Vec<f32>,
    sound: Vec<f32>,
    taken: usize,
    /// What is left of the filter's delay: so much of what comes out stands before the beginning.
    delay: usize,
}

impl Rate {
    /// For about `frames` samples; the caller has bounded them.
    pub(super) fn new(from_hz: u32, to_hz: u32, frames: u32) -> Result<Rate, ClipError> {
        let room = u64::from(frames) * u64::from(to_hz) / u64::from(from_hz.max(1)) + 1;
        let mut rate = Rate {
            resampler: None,
            block: Vec::new(),
            made: Vec::new(),
            sound: Vec::with_capacity(room as usize),
            taken: 0,
            delay: 0,
        };
        if from_hz != to_hz {
            let (from, to, window) = (from_hz as usize, to_hz as usize, WindowFunction::BlackmanHarris2);
            let resampler = Fft::new_custom(from, to, BLOCK_FRAMES, 1, 1, window, FixedSync::Input);
            let resampler = resampler.map_err(failed)?;
            rate.made = vec![0.0; resampler.output_frames_max()];
            rate.delay = resampler.output_delay();
            rate.resampler = Some(resampler);
        }
        Ok(rate)
    }

    /// Takes what comes next.
    pub(super) fn take(&mut self, mut samples: &[f32]) -> Result<(), ClipError> {
        self.taken += samples.len();
        let Some(size) = self.resampler.as_ref().map(Resampler::input_frames_next) else {
            self.sound.extend_from_slice(samples);
            return Ok(());
        };
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(size.saturating_sub(self.block.len())));
            self.block.extend_from_slice(now);
            samples = later;
            if self.block.len() >= size {
                self.turn()?;
            }
        }
        Ok(())
    }

    /// All that came out, as long as what went in.
    pub(super) fn finish(mut self) -> Result<Vec<f32>, ClipError> {
        if let Some((size, ratio)) =
            self.resampler.as_ref().map(|r| (r.input_frames_next(), r.resample_ratio()))
        {
            let wanted = (self.taken as f64 * ratio).ceil() as usize;
            while self.sound.len() < wanted {
                self.block.resize(size, 0.0);
                self.turn()?;
            }
            self.sound.truncate(wanted);
        }
        Ok(self.sound)
    }

    /// A full block through the filter: what comes out may be nothing at first, for its own blocks are a little longer.
    fn turn(&mut self) -> Result<(), ClipError> {
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        let room = self.made.len();
        let input = SequentialSlice::new(&self.block, 1, self.block.len()).map_err(failed)?;
        let mut output = SequentialSlice::new_mut(&mut self.made, 1, room).map_err(failed)?;
        let (_, count) = resampler.process_into_buffer(&input, &mut output, None).map_err(failed)?;
        let before = self.delay.min(count);
        self.delay -= before;
        self.sound.extend_from_slice(self.made.get(before..count).unwrap_or_default());
        self.block.clear();
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> ClipError {
    ClipError::Resampling(error.to_string())
}
