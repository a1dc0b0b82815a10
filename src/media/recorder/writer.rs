//! The background writer: takes what the tapes hand over, ten times a second. All files are its own; nobody waits for it.

use super::disk::Disk;
use super::reel::Reel;
use super::tape::Spool;
use super::{FailReason, RecorderSettings, RecordingEvent};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// All recordings that run.
pub(super) struct Writer {
    settings: RecorderSettings,
    disk: Box<dyn Disk>,
    events: Sender<RecordingEvent>,
    arriving: Receiver<Spool>,
    running: Vec<(Spool, Reel)>,
}

impl Writer {
    pub(super) fn new(
        settings: RecorderSettings,
        disk: Box<dyn Disk>,
        events: Sender<RecordingEvent>,
        arriving: Receiver<Spool>,
    ) -> Writer {
        Writer { settings, disk, events, arriving, running: Vec::new() }
    }

    /// Does all that is to be done; waits for new tapes first. `false`: the recorder is gone and all is finished.
    pub(super) fn turn(&mut self, wait: Duration) -> bool {
        let last = match self.arriving.recv_timeout(wait) {
            Ok(spool) => {
                self.begin(spool);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        while let Ok(spool) = self.arriving.try_recv() {
            self.begin(spool);
        }
        for (spool, reel) in std::mem::take(&mut self.running) {
            self.serve(spool, reel, last);
        }
        !last
    }

    fn begin(&mut self, spool: Spool) {
        match Reel::open(&self.settings, self.disk.as_ref(), &spool.info) {
            Ok(reel) => self.running.push((spool, reel)),
            Err(reason) => self.give_up(&spool, reason),
        }
    }

    /// Writes what a tape has handed over; finishes it when it is over, or when this is the `last` turn.
    fn serve(&mut self, spool: Spool, mut reel: Reel, last: bool) {
        loop {
            match spool.full.try_recv() {
                Ok(mut block) => {
                    if let Err(reason) = reel.write(&block, self.disk.as_ref()) {
                        return self.give_up(&spool, reason);
                    }
                    block.samples.clear();
                    // The tape may be gone, and its blocks with it.
                    let _ = spool.empty.try_send(block);
                }
                Err(TryRecvError::Empty) if !last => return self.running.push((spool, reel)),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let frames = spool.shared.frames.load(Ordering::Acquire);
        let gaps = std::mem::take(&mut *spool.shared.gaps.lock().unwrap_or_else(PoisonError::into_inner));
        match reel.finish(frames, gaps) {
            Ok(event) => self.tell(event),
            Err(reason) => self.give_up(&spool, reason),
        }
    }

    /// The recording is lost; the call is not: its tape notices that nobody listens.
    fn give_up(&mut self, spool: &Spool, reason: FailReason) {
        tracing::warn!(call = %spool.info.call, reason = reason.name(), "a recording is given up");
        self.tell(RecordingEvent::Failed { call: spool.info.call, reason });
    }

    fn tell(&mut self, event: RecordingEvent) {
        if self.events.try_send(event).is_err() {
            tracing::warn!("an event of the recorder is lost: nobody takes them");
        }
    }
}
