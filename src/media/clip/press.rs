//! What clips are made for: the codecs that are configured, and the thread that encodes the pieces that are asked for.

use super::chunks::Wide;
use crate::media::codec::{CLOCK_HZ, Codec, HOUSE_HZ};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Pieces that may wait to be encoded. A piece for which there is no room is asked for again with the next frame.
const JOBS_MAX: usize = 1_024;

/// One piece to be encoded.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) wide: Arc<Wide>,
    pub(super) codec: Codec,
    pub(super) chunk: usize,
}

/// For which codecs clips are made. Its thread ends when the last clip that was made with it is gone.
#[derive(Clone, Debug)]
pub struct Press {
    codecs: Vec<Codec>,
    jobs: Option<SyncSender<Job>>,
}

impl Press {
    /// For these codecs. A wideband one among them starts the thread; if the system refuses it, every listener's frames
    /// are encoded for him alone, which costs more.
    pub fn new(codecs: &[Codec]) -> Press {
        let encoded = codecs.iter().any(|codec| matches!(codec, Codec::G722 | Codec::Opus));
        let jobs = encoded.then(|| sync_channel(JOBS_MAX)).and_then(|(sender, receiver)| {
            let thread = std::thread::Builder::new().name("clips".into()).spawn(move || run(&receiver));
            thread
                .map_err(|error| tracing::error!(%error, "cannot start the thread that encodes clips"))
                .ok()?;
            Some(sender)
        });
        Press { codecs: codecs.to_vec(), jobs }
    }

    /// The rate at which clips are made, in Hz: 16,000 when a wideband codec is configured.
    pub fn rate_hz(&self) -> u32 {
        if self.is_wide() { HOUSE_HZ } else { CLOCK_HZ }
    }

    pub(super) fn is_wide(&self) -> bool {
        self.codecs.iter().any(|codec| codec.law().is_none())
    }

    pub(super) fn has(&self, codec: Codec, also: bool) -> bool {
        also && self.codecs.contains(&codec)
    }

    pub(super) fn jobs(&self) -> Option<SyncSender<Job>> {
        self.jobs.clone()
    }
}

fn run(jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        job.wide.encode(job.codec, job.chunk, true);
    }
}
