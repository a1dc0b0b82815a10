//! Very many callers in one thread: what they do, what became of them, and how they are started and stopped.

mod caller;
mod worker;

use super::histogram::Histogram;
use super::message::{Audio, Far};
use super::sinks::Sinks;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use worker::Worker;

/// Calls of one run at most.
pub(super) const CALLS_MAX: usize = 4_000_000;

/// What the load does. It is open: callers come when they are due, however the engine does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub server: SocketAddr,
    pub count: usize,
    /// Of all callers together.
    pub per_second: f64,
    /// From the answer to the BYE; `None`: until told.
    pub hold: Option<Duration>,
    pub sinks: Vec<SocketAddr>,
    pub audio: Audio,
    /// This load places the calls `number`, `number + of`, …, where others place those between.
    pub number: usize,
    pub of: usize,
    /// When the first caller of all is due, since 1970; `None`: at once.
    pub begin: Option<Duration>,
    /// Where each caller shall send his sound is told here, with his number.
    #[serde(skip)]
    pub answered: Option<Sender<(usize, Far)>>,
}

impl Plan {
    /// Callers who speak µ-law and stay until told.
    pub fn of(server: SocketAddr, count: usize, per_second: f64, sinks: &Sinks) -> Plan {
        let sinks = sinks.addresses.clone();
        Plan {
            server,
            count,
            per_second,
            hold: None,
            sinks,
            audio: Audio::PLAIN,
            number: 0,
            of: 1,
            begin: None,
            answered: None,
        }
    }
}

/// Whoever is answered later than that has been kept waiting by the engine.
const GOOD_WITHIN: Duration = Duration::from_secs(1);

/// How long after the first caller one is due. They come evenly.
pub(super) fn due_after(number: usize, per_second: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / per_second.max(0.001))
}

/// What became of the calls.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    pub attempted: u64,
    pub answered: u64,
    /// Answered, and ended with a BYE that was answered.
    pub completed: u64,
    /// Of them, those that were answered in time.
    pub good: u64,
    pub ended_by_engine: u64,
    pub bye_unanswered: u64,
    /// Not answered, by final status; 0: no response.
    pub refused: BTreeMap<u16, u64>,
    pub retransmitted: u64,
    /// From when the INVITE was due to the first response of any kind.
    pub first_response: Histogram,
    /// From when the INVITE was due to 200.
    pub answer: Histogram,
    /// From when the INVITE was due to when it was sent: the load's own slowness, contained in the other two.
    pub late: Histogram,
    /// From the first to the last INVITE.
    pub placing: Duration,
    /// CPU time of the process that called, if it was one of its own.
    pub cpu: Duration,
}

impl Tally {
    /// What several loads have counted, together.
    pub fn merge(&mut self, other: &Tally) {
        self.attempted += other.attempted;
        self.answered += other.answered;
        self.completed += other.completed;
        self.good += other.good;
        self.ended_by_engine += other.ended_by_engine;
        self.bye_unanswered += other.bye_unanswered;
        for (status, count) in &other.refused {
            *self.refused.entry(*status).or_default() += count;
        }
        self.retransmitted += other.retransmitted;
        self.first_response.merge(&other.first_response);
        self.answer.merge(&other.answer);
        self.late.merge(&other.late);
        self.placing = self.placing.max(other.placing);
        self.cpu += other.cpu;
    }
}

/// What others see while it runs.
#[derive(Default)]
struct Progress {
    held: AtomicUsize,
    over: AtomicUsize,
    stop: AtomicBool,
}

pub(super) struct Load {
    progress: Arc<Progress>,
    thread: JoinHandle<Tally>,
}

impl Load {
    /// Begins to call.
    pub fn start(plan: Plan) -> io::Result<Load> {
        let progress = Arc::new(Progress::default());
        let worker = Worker::new(plan, Arc::clone(&progress))?;
        let thread = thread::Builder::new().name("callers".into()).spawn(move || worker.run())?;
        Ok(Load { progress, thread })
    }

    /// Calls answered and not over.
    pub fn held(&self) -> usize {
        self.progress.held.load(Ordering::Acquire)
    }

    /// Calls that are over, however they ended.
    pub fn over(&self) -> usize {
        self.progress.over.load(Ordering::Acquire)
    }

    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// No more calls; those that stand hang up.
    pub fn stop(&self) {
        self.progress.stop.store(true, Ordering::Release);
    }

    /// The tally, once all calls are over; at the latest 64·T1 after the last has begun to end.
    pub fn finish(self) -> io::Result<Tally> {
        self.thread.join().map_err(|_| io::Error::other("the calling thread has failed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_of_several_processes_add_up_and_survive_the_way_between_them() {
        let mut one = Tally { attempted: 3, completed: 2, refused: [(503, 1)].into(), ..Tally::default() };
        one.answer.add(Duration::from_millis(4));
        let text = serde_json::to_string(&one).unwrap();
        let mut both: Tally = serde_json::from_str(&text).unwrap();
        both.merge(&one);
        assert_eq!((both.attempted, both.completed, both.refused[&503]), (6, 4, 2));
        assert_eq!(both.answer.count(), 2);
    }

    #[test]
    fn callers_are_due_evenly() {
        assert_eq!(due_after(0, 50.0), Duration::ZERO);
        assert_eq!(due_after(100, 50.0), Duration::from_secs(2));
    }
}
