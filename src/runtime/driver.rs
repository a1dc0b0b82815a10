//! The one loop: everything that happens comes in here, in one order, and everything that must be done goes out.
//!
//! It owns the engine and the signalling, so neither needs a lock. It never waits for anybody: the network,
//! the media threads, the records and the API are reached by messages that are sent or dropped, never blocked on.

pub(super) mod admission;
mod dialogs;

use super::clock::Clock;
use super::facts::FactSinks;
use super::figures::{ConnectionFigures, Figures, MediaFigures};
use super::inputs::{Inputs, Stop, Taken};
use super::parts::StartError;
use super::recordings::{Conversation, Recordings};
use super::reload::{Change, unheard};
use super::supervision::Pulse;
use super::tracer::Tracer;
use super::trunks::Located;
use crate::engine::command::{Answer, Command, Commands, Refusal};
use crate::engine::event::Request;
use crate::engine::id::{LegId, RequestId};
use crate::engine::talk::GuestRole;
use crate::engine::time::{Monotonic, Now};
use crate::engine::{Engine, Event, Settings, Snapshot};
use crate::http::{self, BansAsked};
use crate::journal::{Entry, Journal, Whole};
use crate::media::{self, MediaEvent};
use crate::sip::bouncer::Ban;
use crate::sip::core::{SipCore, SipOutputs};
use crate::sip::overload::Overload;
use crate::sip::source::Source;
use crate::sip::transport::{Arrived, Received, TransportSender};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// How often readers see a new picture.
const PICTURE_EVERY: Duration = Duration::from_millis(200);

/// With very many calls a picture takes its time: it is never more than this part of the loop's.
const PICTURE_SHARE: u32 = 20;

/// Once no call is left, the last BYEs get this long to be answered.
const FAREWELL_MAX: Duration = Duration::from_secs(3);

/// The owner of all that decides.
pub(super) struct Driver {
    pub clock: Clock,
    pub engine: Engine,
    pub sip: SipCore,
    /// Where the trunks are that are called by name.
    pub trunks: Located,
    pub media: media::Handle,
    pub recordings: Recordings,
    pub transport: TransportSender,
    pub facts: FactSinks,
    pub pictures: watch::Sender<Arc<Snapshot>>,
    pub rules: watch::Sender<Arc<Settings>>,
    pub overload: Overload,
    pub tracer: Tracer,
    pub pulse: Pulse,
    pub work: Work,
    /// What would be left of us.
    pub journal: Option<Journal>,
}

/// Who asked for something, and what became of it.
type Owed = (oneshot::Sender<Result<Answer, Refusal>>, Result<Answer, Refusal>);

/// What is being passed around within one turn of the loop; kept for its memory.
#[derive(Default)]
pub(super) struct Work {
    commands: Commands,
    pub(super) sip: SipOutputs,
    replies: BTreeMap<RequestId, oneshot::Sender<Result<Answer, Refusal>>>,
    answers: Vec<Owed>,
    next_request: u64,
    next_picture: Monotonic,
    /// Whether the engine may work by other rules than readers know of.
    rules_changed: bool,
    stop: Stop,
    /// Whether a part has failed that calls in progress may do without.
    failed: bool,
    quiet_since: Option<Monotonic>,
    was_overloaded: bool,
    lacked_room: bool,
}

impl Driver {
    /// Runs until asked to stop and no call is left.
    ///
    /// # Errors
    /// When a part of the process is gone, or the loop itself has failed.
    pub(super) async fn run(mut self, mut inputs: Inputs) -> Result<(), StartError> {
        let mut taken = Taken::default();
        let ended = loop {
            inputs.take(Instant::from_std(self.clock.instant(self.deadline())), &mut taken).await;
            // Media workers are woken once for all that a turn tells them.
            self.media.gather();
            // A panic is a mistake of ours, and nobody knows what state it left behind: nothing more is decided.
            // But the process says so and ends, and what is known of the calls reaches the disk.
            let turned = catch_unwind(AssertUnwindSafe(|| self.turn(&mut taken)));
            self.media.deliver();
            match turned {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(ended)) => break ended,
                Err(_) => break Err(StartError::Died),
            }
            self.pulse.beat();
        };
        if ended.is_ok() {
            self.publish();
        }
        let goes_on = self.journal.as_ref().is_some_and(Journal::is_whole);
        self.facts.finish(self.clock.now().wall, goes_on).await;
        self.media.shutdown();
        self.recordings.finish();
        ended
    }

    /// When the loop must run again even if nothing comes.
    fn deadline(&self) -> Monotonic {
        let due = [self.engine.next_deadline(), self.sip.next_deadline()].into_iter().flatten();
        due.fold(self.work.next_picture, Monotonic::min)
    }

    /// Deals with what is due and what has come, and says whether the loop goes on.
    fn turn(&mut self, taken: &mut Taken) -> ControlFlow<Result<(), StartError>> {
        if let Some(what) = taken.lost {
            tracing::error!("{what} is gone; this process cannot go on");
            return ControlFlow::Break(Err(StartError::Died));
        }
        let began = self.clock.now();
        self.measure_delay(began, &taken.network);
        // Timers have their turn by the clock, however much comes in.
        self.tick();
        self.watch_over_media();
        // Before the network: a call that came after the signal is refused.
        self.stop(taken.stop);
        for change in taken.changes.drain(..) {
            self.change(change);
        }
        for asked in taken.bans.drain(..) {
            self.asked_of_bans(asked);
        }
        for incoming in taken.network.drain(..) {
            self.receive(incoming);
        }
        for event in taken.media.drain(..) {
            let event = match event {
                MediaEvent::PromptFinished { leg } => Event::PromptFinished { leg },
                MediaEvent::DigitPressed { leg, digit } => Event::DigitPressed { leg, digit },
                MediaEvent::AudioStopped { leg } => Event::AudioStopped { leg },
                MediaEvent::AudioResumed { leg } => Event::AudioResumed { leg },
            };
            self.happen(self.clock.now(), event);
        }
        for (request, reply) in taken.requests.drain(..) {
            self.requested(request, reply);
        }
        self.pump();
        self.write_down();
        if !self.work.answers.is_empty() || self.clock.now().mono >= self.work.next_picture {
            self.publish();
        }
        self.tracer.hand_over(self.clock);
        self.facts.turned(self.clock.now().mono.since(began.mono));
        match (self.is_drained(), self.work.failed) {
            (false, _) => ControlFlow::Continue(()),
            (true, false) => ControlFlow::Break(Ok(())),
            (true, true) => ControlFlow::Break(Err(StartError::Died)),
        }
    }

    /// A media worker that is gone cannot be replaced: the calls of the others are finished, then the process ends, and
    /// whoever started it starts it anew.
    fn watch_over_media(&mut self) {
        if !self.work.failed
            && self.clock.now().mono >= self.work.next_picture
            && self.media.has_lost_a_worker()
        {
            tracing::error!("a media worker is gone: new calls are refused, calls in progress are finished");
            self.work.failed = true;
            self.stop(Stop::Drain);
        }
    }

    /// Passes on to the engine how far a stop is asked for, once.
    fn stop(&mut self, asked: Stop) {
        if asked > self.work.stop {
            self.work.stop = asked;
            let now = self.clock.now();
            self.sip.leave(now, self.engine.settings(), &mut self.media, &mut self.work.sip);
            let event = match asked {
                Stop::No => return,
                Stop::Drain => Event::DrainStarted,
                Stop::Now => Event::DrainOver,
            };
            self.happen(self.clock.now(), event);
        }
    }

    /// Whether no call is left and the last BYEs were answered, or were given the time for it.
    fn is_drained(&mut self) -> bool {
        if self.work.stop == Stop::No || !self.engine.is_idle() {
            return false;
        }
        let now = self.clock.now().mono;
        let quiet_since = *self.work.quiet_since.get_or_insert(now);
        self.sip.is_quiet() || now.since(quiet_since) > FAREWELL_MAX
    }

    fn receive(&mut self, incoming: Arrived) {
        let now = self.clock.now();
        match incoming.what {
            Received::Message { message, flow } => {
                self.facts.received(&message);
                if !(incoming.is_new && self.turns_away(now, &message, flow)) {
                    self.sip.receive(
                        now,
                        Ok(message),
                        flow,
                        self.engine.settings(),
                        &mut self.media,
                        &mut self.work.sip,
                    );
                }
                self.tell_dialogs(now);
                if let Some(bytes) = &incoming.bytes {
                    self.tracer.passed(self.clock.at(incoming.at), false, &flow, bytes);
                }
            }
            Received::Malformed { malformed, flow } => {
                self.sip.receive(
                    now,
                    Err(malformed),
                    flow,
                    self.engine.settings(),
                    &mut self.media,
                    &mut self.work.sip,
                );
            }
            Received::Failed { flow } => {
                self.sip.transport_failed(
                    now,
                    flow,
                    self.engine.settings(),
                    &mut self.media,
                    &mut self.work.sip,
                );
            }
        }
        self.pump();
    }

    /// Other rules for the engine and the signalling, both or neither; no call is touched.
    fn change(&mut self, change: Change) {
        let Change { settings, sip, overload, done } = change;
        let changed = self.sip.reconfigure(sip).map(|()| {
            self.overload.follow(overload);
            // First: facts may name somebody new at once.
            self.facts.follow(&settings);
            let silent = unheard(&settings, &self.media);
            self.happen(self.clock.now(), Event::Reconfigured { settings });
            self.pump();
            self.publish();
            silent
        });
        // Whoever asked may have stopped waiting.
        let _ = done.send(changed);
    }

    /// Who is banned, or whom to let in again: the signalling's to know.
    fn asked_of_bans(&mut self, asked: BansAsked) {
        let now = self.clock.now();
        // Whoever asked may have stopped waiting.
        match asked {
            BansAsked::List(reply) => {
                let _ = reply.send(self.sip.bans().map(|ban| shown(&ban, now)).collect());
            }
            BansAsked::Lift(address, reply) => {
                let lifted = self.sip.lift_ban(Source::of(address));
                self.sip.tick(now, self.engine.settings(), &mut self.media, &mut self.work.sip);
                self.pump();
                let _ = reply.send(lifted);
            }
        }
    }

    fn requested(&mut self, request: Request, reply: oneshot::Sender<Result<Answer, Refusal>>) {
        self.work.next_request += 1;
        let id = RequestId(self.work.next_request);
        self.work.replies.insert(id, reply);
        self.happen(self.clock.now(), Event::Requested { id, request });
        self.pump();
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        if self.trunks.has_changed().unwrap_or(false) {
            for (trunk, servers) in self.trunks.borrow_and_update().iter() {
                self.sip.servers_found(now, *trunk, servers);
            }
        }
        let is_due = |deadline: Option<Monotonic>| deadline.is_some_and(|due| due <= now.mono);
        if is_due(self.sip.next_deadline()) {
            self.sip.tick(now, self.engine.settings(), &mut self.media, &mut self.work.sip);
        }
        if is_due(self.engine.next_deadline()) {
            self.happen(now, Event::Tick);
        }
        self.pump();
    }

    /// Passes events to the engine and its commands to the shells until nothing is left to pass on.
    pub(super) fn pump(&mut self) {
        loop {
            let now = self.clock.now();
            let mut commands: Commands = std::mem::take(&mut self.work.commands);
            for command in commands.take_commands() {
                self.carry_out(now, command);
            }
            self.work.commands = commands;
            self.tell_dialogs(now);
            for (flow, bytes) in self.work.sip.send.drain(..) {
                self.facts.sent(&bytes);
                self.tracer.passed(now.mono, true, &flow, &bytes);
                self.transport.send(flow, bytes);
            }
            if let Some(sources) = self.work.sip.shut_out.take() {
                self.transport.shut_out(sources);
            }
            for note in self.work.sip.notes.drain(..) {
                if note.is_problem() {
                    tracing::warn!("{note}");
                } else {
                    tracing::info!("{note}");
                }
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

    pub(super) fn happen(&mut self, now: Now, event: Event) {
        self.work.rules_changed |= changes_rules(&event);
        let told = self.journal.is_some().then(|| event.clone());
        let began = std::time::Instant::now();
        self.engine.handle(now, event, &mut self.work.commands);
        self.facts.decided(began.elapsed());
        // Afterwards: what the engine dies of, it must not be told again at every start.
        if let (Some(journal), Some(event)) = (&mut self.journal, told) {
            journal.note(Entry::Happened(now, event));
        }
        for stamped in self.work.commands.take_facts() {
            self.facts.record(&stamped, &self.media);
            self.tracer.decided(&stamped, self.engine.settings());
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
            Command::Join { call, offer, role } => {
                if let Err(error) = self.media.join(LegId::Agent(offer), LegId::Caller(call), role_of(role)) {
                    tracing::warn!(%call, %offer, %error, "who joined the call does not hear it");
                }
            }
            Command::Record { call, change, by, queue, agent, caller } => {
                let of = Conversation { call, queue, agent, caller: &caller };
                let rules = self.engine.settings();
                self.recordings.change(&self.media, rules, now.wall, &of, change, by);
            }
            Command::Reply { id, result } => {
                if let Some(reply) = self.work.replies.remove(&id) {
                    self.work.answers.push((reply, result));
                }
            }
            // All the rest is signalling.
            Command::Answer { .. }
            | Command::Progress { .. }
            | Command::Refuse { .. }
            | Command::Ring { .. }
            | Command::TransferTold { .. }
            | Command::Resume { .. }
            | Command::OfferAgent { .. }
            | Command::CallAgent { .. }
            | Command::Dial { .. }
            | Command::CancelOffer { .. }
            | Command::Hangup { .. } => {}
        }
    }

    /// Hands over to the journal what this turn had to say.
    fn write_down(&mut self) {
        let now = self.clock.now();
        let Some(journal) = &mut self.journal else { return };
        for change in self.sip.take_changes() {
            journal.note(Entry::Signalling(change));
        }
        if journal.sign_is_due(now.mono) {
            journal.note(Entry::Alive(now));
        }
        journal.hand_over(now.mono);
    }

    /// Everything as it is now.
    pub(super) fn whole(&self) -> Whole {
        Whole {
            at: self.clock.now(),
            engine: self.engine.clone(),
            records: self.facts.records().clone(),
            unwritten: self.facts.unwritten(),
            today: self.facts.today().clone(),
            sip: self.sip.standing(),
        }
    }

    /// Writes everything down anew, where the journal wants that. Only between two turns of which all was handed over.
    fn begin_journal_anew(&mut self) {
        let now = self.clock.now().mono;
        if self.journal.as_ref().is_some_and(|journal| journal.wants_whole(now)) {
            let whole = self.whole();
            if let Some(journal) = &mut self.journal {
                journal.begin_anew(whole, now);
            }
        }
    }

    fn publish(&mut self) {
        let began = self.clock.now().mono;
        if std::mem::take(&mut self.work.rules_changed) {
            // Before the picture: whatever it shows has a name.
            self.rules.send_replace(Arc::new(self.engine.settings().clone()));
            self.facts.staffed(self.engine.settings());
        }
        let snapshot = Arc::new(self.engine.snapshot(self.clock.now()));
        let media = MediaFigures::of(&self.media);
        self.overload.audio(began, media.sent, media.very_late);
        admission::tell_change(&self.overload, &mut self.work.was_overloaded);
        self.measure_records();
        self.tell_room();
        let figures = Figures {
            sip: self.sip.counts(),
            malformed: self.transport.counts().malformed.load(Ordering::Relaxed),
            dropped: self.transport.counts().dropped.load(Ordering::Relaxed),
            shut_out: self.transport.counts().shut_out.load(Ordering::Relaxed),
            connections: ConnectionFigures::of(&self.transport),
            journal_gaps: self.journal.as_ref().map_or(0, Journal::gaps),
            trunks: self.sip.trunk_pictures(self.clock.now()),
            media,
            rate: self.overload.rate(),
            is_overloaded: self.overload.is_overloaded(),
            trace_missed: self.tracer.counts.missed.load(Ordering::Relaxed),
            hep_unsent: self.tracer.counts.unsent.load(Ordering::Relaxed),
        };
        let clock = self.clock;
        self.facts.look_ahead(&self.engine, &snapshot, || clock.now().mono);
        self.facts.picture(&snapshot, &figures);
        self.begin_journal_anew();
        self.pictures.send_replace(snapshot);
        // Whoever asked for a change and then looks must see it.
        for (reply, result) in self.work.answers.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = reply.send(result);
        }
        let now = self.clock.now().mono;
        self.work.next_picture = now + PICTURE_EVERY.max(now.since(began) * PICTURE_SHARE);
    }
}

/// A ban in the words of the API.
fn shown(ban: &Ban, now: Now) -> http::Ban {
    let left_ms = i64::try_from(ban.until.since(now.mono).as_millis()).unwrap_or(i64::MAX);
    http::Ban {
        address: ban.source.to_string(),
        until_ms: now.wall.0.saturating_add(left_ms),
        times: ban.times,
        shuts_out: ban.shuts_out,
    }
}

/// As what a guest takes part, in the words of the media plane.
fn role_of(role: GuestRole) -> media::Role {
    match role {
        GuestRole::Listen => media::Role::Supervisor(media::Supervision::Listen),
        GuestRole::Whisper => media::Role::Supervisor(media::Supervision::Whisper),
        GuestRole::Barge => media::Role::Supervisor(media::Supervision::Barge),
        GuestRole::Third => media::Role::Third,
    }
}

/// Whether the engine may have other rules after this event.
fn changes_rules(event: &Event) -> bool {
    matches!(event, Event::Reconfigured { .. } | Event::Requested { request: Request::EditAgent { .. }, .. })
}

#[cfg(test)]
mod tests;
