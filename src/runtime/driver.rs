//! The one loop: everything that happens comes in here, in one order, and everything that must be done goes out.
//!
//! It owns the engine and the signalling, so neither needs a lock. It never waits for anybody: the network,
//! the media threads, the records and the API are reached by messages that are sent or dropped, never blocked on.

use super::clock::Clock;
use super::facts::FactSinks;
use super::figures::MediaFigures;
use crate::engine::command::{Command, Commands, Refusal};
use crate::engine::event::Request;
use crate::engine::id::{LegId, RequestId};
use crate::engine::time::Now;
use crate::engine::{Engine, Event, Snapshot};
use crate::http::Asked;
use crate::media::{self, MediaEvent};
use crate::sip::core::{SipCore, SipCounts, SipOutputs};
use crate::sip::transport::{Received, TransportSender};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

/// How often readers see a new picture.
const PICTURE_EVERY: Duration = Duration::from_millis(200);

/// Messages taken from the network in one go, before timers and requests get their turn.
const BATCH: usize = 64;

/// Once no call is left, the last BYEs get this long to be answered.
const FAREWELL_MAX: Duration = Duration::from_secs(3);

/// What comes in.
pub(super) struct Inputs {
    pub network: mpsc::Receiver<Received>,
    pub media: mpsc::Receiver<MediaEvent>,
    pub api: mpsc::Receiver<Asked>,
    /// Becomes true once no new calls are to be taken.
    pub drain: watch::Receiver<bool>,
}

/// The owner of all that decides.
pub(super) struct Driver {
    pub clock: Clock,
    pub engine: Engine,
    pub sip: SipCore,
    pub media: media::Handle,
    pub transport: TransportSender,
    pub facts: FactSinks,
    pub pictures: watch::Sender<Arc<Snapshot>>,
    pub work: Work,
}

/// Figures of the shells, for the metrics.
pub(super) struct Figures {
    pub sip: SipCounts,
    /// What came in by the sockets and was no SIP message.
    pub malformed: u64,
    pub media: MediaFigures,
}

/// What is being passed around within one turn of the loop; kept for its memory.
#[derive(Default)]
pub(super) struct Work {
    commands: Commands,
    sip: SipOutputs,
    replies: BTreeMap<RequestId, oneshot::Sender<Result<(), Refusal>>>,
    next_request: u64,
    idle_since: Option<Instant>,
}

impl Driver {
    /// Runs until the drain is complete: asked to stop, and no call is left.
    pub(super) async fn run(mut self, mut inputs: Inputs) {
        let mut pictures = interval(PICTURE_EVERY);
        pictures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            self.turn(&mut inputs, &mut pictures, &mut batch).await;
            self.pump();
            if self.is_drained(&inputs) {
                break;
            }
        }
        self.publish();
        self.facts.finish().await;
        self.media.shutdown();
    }

    /// Whether no call is left and the last BYEs were answered, or were given the time for it.
    fn is_drained(&mut self, inputs: &Inputs) -> bool {
        if !*inputs.drain.borrow() || !self.engine.is_idle() {
            return false;
        }
        let idle_since = *self.work.idle_since.get_or_insert_with(Instant::now);
        self.sip.is_quiet() || idle_since.elapsed() > FAREWELL_MAX
    }

    async fn turn(&mut self, inputs: &mut Inputs, pictures: &mut Interval, batch: &mut Vec<Received>) {
        let deadline = [self.engine.next_deadline(), self.sip.next_deadline()].into_iter().flatten().min();
        let alarm = deadline.map(|at| Instant::from_std(self.clock.instant(at)));
        let draining = *inputs.drain.borrow();
        tokio::select! {
            biased;
            () = sleep_until(alarm.unwrap_or_else(Instant::now)), if alarm.is_some() => self.tick(),
            count = inputs.network.recv_many(batch, BATCH) => {
                debug_assert!(count > 0, "the transports outlive the loop");
                for incoming in batch.drain(..) {
                    self.receive(incoming);
                }
            }
            Some(event) = inputs.media.recv() => {
                let event = match event {
                    MediaEvent::PromptFinished { leg } => Event::PromptFinished { leg },
                    MediaEvent::DigitPressed { leg, digit } => Event::DigitPressed { leg, digit },
                };
                self.happen(self.clock.now(), event);
            }
            Some((request, reply)) = inputs.api.recv() => self.requested(request, reply),
            changed = inputs.drain.changed(), if !draining => {
                if changed.is_ok() {
                    self.happen(self.clock.now(), Event::DrainStarted);
                }
            }
            _ = pictures.tick() => self.publish(),
        }
    }

    fn receive(&mut self, incoming: Received) {
        let now = self.clock.now();
        match incoming {
            Received::Message { message, flow } => {
                self.facts.received(&message);
                self.sip.receive(now, Ok(message), flow, &mut self.media, &mut self.work.sip);
            }
            Received::Malformed { malformed, flow } => {
                self.sip.receive(now, Err(malformed), flow, &mut self.media, &mut self.work.sip);
            }
            Received::Failed { flow } => {
                self.sip.transport_failed(now, flow, &mut self.media, &mut self.work.sip);
            }
        }
        self.pump();
    }

    fn requested(&mut self, request: Request, reply: oneshot::Sender<Result<(), Refusal>>) {
        self.work.next_request += 1;
        let id = RequestId(self.work.next_request);
        self.work.replies.insert(id, reply);
        self.happen(self.clock.now(), Event::Requested { id, request });
        self.pump();
        // Whoever asked for a change and then looks must see it.
        self.publish();
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        self.sip.tick(now, &mut self.media, &mut self.work.sip);
        if self.engine.next_deadline().is_some_and(|due| due <= now.mono) {
            self.happen(now, Event::Tick);
        }
    }

    /// Passes events to the engine and its commands to the shells until nothing is left to pass on.
    fn pump(&mut self) {
        loop {
            let now = self.clock.now();
            let mut commands: Commands = std::mem::take(&mut self.work.commands);
            for command in commands.take_commands() {
                self.carry_out(now, command);
            }
            self.work.commands = commands;
            for (flow, bytes) in self.work.sip.send.drain(..) {
                self.facts.sent(&bytes);
                self.transport.send(flow, bytes);
            }
            let events = std::mem::take(&mut self.work.sip.events);
            if events.is_empty() && self.work.commands.is_empty() {
                break;
            }
            for event in events {
                self.happen(now, event);
            }
        }
    }

    fn happen(&mut self, now: Now, event: Event) {
        let began = std::time::Instant::now();
        self.engine.handle(now, event, &mut self.work.commands);
        self.facts.decided(began.elapsed());
        for stamped in self.work.commands.take_facts() {
            self.facts.record(&stamped);
        }
    }

    fn carry_out(&mut self, now: Now, command: Command) {
        self.sip.command(now, &command, self.engine.settings(), &mut self.media, &mut self.work.sip);
        match command {
            Command::Play { leg, program } => self.media.play(leg, &program),
            Command::Bridge { call, offer } => {
                if let Err(error) = self.media.bridge(LegId::Caller(call), LegId::Agent(offer)) {
                    tracing::warn!(%call, %offer, %error, "the two cannot hear each other");
                }
            }
            Command::Reply { id, result } => {
                if let Some(reply) = self.work.replies.remove(&id) {
                    // Whoever asked may have stopped waiting.
                    let _ = reply.send(result);
                }
            }
            // All the rest is signalling.
            Command::Answer { .. }
            | Command::Progress { .. }
            | Command::Refuse { .. }
            | Command::OfferAgent { .. }
            | Command::CancelOffer { .. }
            | Command::Hangup { .. } => {}
        }
    }

    fn publish(&mut self) {
        let snapshot = Arc::new(self.engine.snapshot(self.clock.now()));
        let figures = Figures {
            sip: self.sip.counts(),
            malformed: self.transport.counts().malformed.load(Ordering::Relaxed),
            media: MediaFigures::of(&self.media),
        };
        self.facts.picture(&snapshot, &figures);
        self.pictures.send_replace(snapshot);
    }
}
