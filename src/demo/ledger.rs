//! What the demo's own phones saw, counted apart from the engine, and the comparison with what the engine says.

use super::dice::Dice;
use crate::phone::{Ended, Side};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How a conversation shall go, as the agent tells the caller. In life they agree by talking.
pub(super) struct Conversation {
    pub lasts: Duration,
    pub caller_hangs_up: bool,
}

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls placed; of the engine: joined a queue.
    pub placed: u64,
    /// With an agent.
    pub answered: u64,
    /// Given up by the caller while he waited.
    pub abandoned: u64,
}

#[derive(Default)]
struct Books {
    figures: Figures,
    /// Accepted by the engine (200).
    held: u64,
    /// Answered by an agent just as the caller gave up.
    crossed: u64,
    declined: u64,
    missed: u64,
    refused: BTreeMap<u16, u64>,
    /// Let go by the engine while waiting: the longest wait is over.
    let_go: u64,
    failures: BTreeMap<&'static str, u64>,
    waiting: HashMap<String, oneshot::Sender<Conversation>>,
}

/// The books of the demo.
pub(super) struct Ledger {
    books: Mutex<Books>,
    closed: watch::Sender<bool>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { books: Mutex::default(), closed: watch::channel(false).0 }
    }
}

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A caller places a call; the channel tells him that somebody talks to him.
    pub fn place(&self, caller: &str) -> oneshot::Receiver<Conversation> {
        let (sender, answered) = oneshot::channel();
        let mut books = self.books();
        books.figures.placed += 1;
        books.waiting.insert(caller.to_owned(), sender);
        answered
    }

    /// The engine has accepted a call.
    pub fn hold(&self) {
        self.books().held += 1;
    }

    /// An agent talks to a caller, known by the number or by a part of the name he sees.
    pub fn meet(&self, number: &str, name: &str, conversation: Conversation) {
        let mut books = self.books();
        let known = books.waiting.remove(number).or_else(|| {
            let key = books.waiting.keys().find(|key| name.contains(key.as_str()))?.clone();
            books.waiting.remove(&key)
        });
        match known.map(|caller| caller.send(conversation)) {
            Some(Ok(())) => books.figures.answered += 1,
            // He has just hung up.
            Some(Err(_)) | None => books.crossed += 1,
        }
    }

    /// Callers who wait and might be with somebody who is none of ours.
    pub fn meet_person(&self, number: &str, name: &str, dice: &mut Dice) {
        let waiting = self.books().waiting.contains_key(number) || self.books().waiting.contains_key(name);
        if waiting {
            let lasts = dice.skewed((Duration::from_secs(15), Duration::from_secs(60)));
            self.meet(number, name, Conversation { lasts, caller_hangs_up: true });
        }
    }

    /// The caller has left the queue without an agent.
    pub fn leave(&self, caller: &str, ended: Ended) {
        let mut books = self.books();
        books.waiting.remove(caller);
        match (ended.by, ended.status) {
            (Side::Here, _) => books.figures.abandoned += 1,
            (Side::There, Some(status)) => *books.refused.entry(status).or_default() += 1,
            (Side::There, None) => books.let_go += 1,
            (Side::Network, _) => *books.failures.entry("call lost").or_default() += 1,
        }
    }

    pub fn decline(&self) {
        self.books().declined += 1;
    }

    pub fn miss(&self) {
        self.books().missed += 1;
    }

    /// Something that should not have been.
    pub fn fail(&self, what: &'static str) {
        *self.books().failures.entry(what).or_default() += 1;
    }

    /// The demo ends: everybody hangs up.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Completes when the demo ends.
    pub async fn closed(&self) {
        let mut closed = self.closed.subscribe();
        // The sender is ours: it can't be gone.
        let _ = closed.wait_for(|closed| *closed).await;
    }

    /// One line for the running summary.
    pub fn line(&self) -> String {
        let books = self.books();
        let failed: u64 = books.failures.values().sum();
        let refused: u64 = books.refused.values().sum();
        format!(
            "{} placed, {} talked, {} gave up, {refused} refused, {failed} failed; agents declined {} and missed {}",
            books.figures.placed,
            books.figures.answered,
            books.figures.abandoned,
            books.declined,
            books.missed
        )
    }

    /// The final account.
    pub fn summary(&self, engine: Option<Figures>) -> Summary {
        let books = self.books();
        let agreement = agreement(&books, engine.as_ref());
        Summary {
            demo: books.figures.clone(),
            engine,
            refused: books.refused.clone(),
            let_go: books.let_go,
            failures: books.failures.clone(),
            agreement,
        }
    }
}

/// Whether two ledgers say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// They do.
    Agree,
    /// The engine counted more: somebody joined in.
    More(u64),
    /// They do not.
    Differ,
    /// The engine could not be asked.
    Unknown,
}

fn agreement(books: &Books, engine: Option<&Figures>) -> Agreement {
    let Some(engine) = engine else { return Agreement::Unknown };
    let ours = &books.figures;
    // A call answered in the very moment its caller gave up may be either.
    let fits = |theirs: u64, least: u64, most: u64| (least..=most).contains(&theirs);
    let answered = (ours.answered, ours.answered + books.crossed);
    let abandoned = (ours.abandoned.saturating_sub(books.crossed), ours.abandoned);
    if engine.placed > books.held && engine.answered >= answered.0 && engine.abandoned >= abandoned.0 {
        return Agreement::More(engine.placed - books.held);
    }
    let agree = engine.placed == books.held
        && fits(engine.answered, answered.0, answered.1)
        && fits(engine.abandoned, abandoned.0, abandoned.1);
    if agree { Agreement::Agree } else { Agreement::Differ }
}

/// What became of the demo.
#[derive(Clone, Debug)]
pub struct Summary {
    /// By its own ledger.
    pub demo: Figures,
    /// By the engine, if it could be asked.
    pub engine: Option<Figures>,
    /// Calls the engine refused, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Calls the engine ended while they waited.
    pub let_go: u64,
    /// What should not have been, and how often.
    pub failures: BTreeMap<&'static str, u64>,
    /// Whether the two say the same.
    pub agreement: Agreement,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours = &self.demo;
        writeln!(f, "\n               placed  answered  abandoned")?;
        writeln!(f, "  this demo  {:>8}  {:>8}  {:>9}", ours.placed, ours.answered, ours.abandoned)?;
        if let Some(engine) = &self.engine {
            writeln!(
                f,
                "  the engine {:>8}  {:>8}  {:>9}",
                engine.placed, engine.answered, engine.abandoned
            )?;
        }
        for (status, count) in &self.refused {
            writeln!(f, "  refused with {status}: {count}")?;
        }
        if self.let_go > 0 {
            writeln!(f, "  let go after the longest wait: {}", self.let_go)?;
        }
        for (what, count) in &self.failures {
            writeln!(f, "  failed: {what}: {count}")?;
        }
        if self.failures.is_empty() {
            writeln!(f, "  nothing failed")?;
        }
        match self.agreement {
            Agreement::Agree => write!(f, "  The engine's counters agree with what the phones saw."),
            Agreement::More(more) => {
                write!(f, "  The engine counted {more} more: calls of somebody who joined in.")
            }
            Agreement::Differ => write!(f, "  THE ENGINE'S COUNTERS DO NOT AGREE with what the phones saw."),
            Agreement::Unknown => write!(f, "  The engine could not be asked for its counters."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Conversation {
        Conversation { lasts: Duration::ZERO, caller_hangs_up: true }
    }

    fn ledger_with_one_of_each() -> Ledger {
        let ledger = Ledger::default();
        let mut answered = ledger.place("+491");
        ledger.hold();
        ledger.meet("+491", "", conversation());
        assert!(answered.try_recv().is_ok());
        let _waits = ledger.place("Grete Weiser");
        ledger.hold();
        ledger.leave("Grete Weiser", Ended { by: Side::Here, status: None });
        ledger
    }

    #[test]
    fn the_engine_that_saw_the_same_agrees() {
        let engine = |placed, answered, abandoned| Some(Figures { placed, answered, abandoned });
        let ledger = ledger_with_one_of_each();
        assert_eq!(ledger.summary(engine(2, 1, 1)).agreement, Agreement::Agree);
        assert_eq!(ledger.summary(engine(2, 2, 0)).agreement, Agreement::Differ);
        assert_eq!(ledger.summary(engine(3, 2, 1)).agreement, Agreement::More(1));
        assert_eq!(ledger.summary(None).agreement, Agreement::Unknown);
    }

    #[test]
    fn a_call_that_crossed_may_be_either() {
        let ledger = ledger_with_one_of_each();
        ledger.meet("Grete Weiser", "", conversation());
        let engine = |answered, abandoned| Some(Figures { placed: 2, answered, abandoned });
        assert_eq!(ledger.summary(engine(1, 1)).agreement, Agreement::Agree);
        assert_eq!(ledger.summary(engine(2, 0)).agreement, Agreement::Agree);
        assert_eq!(ledger.summary(engine(0, 2)).agreement, Agreement::Differ);
    }

    #[test]
    fn a_caller_is_known_by_his_name_behind_the_queue_s() {
        let ledger = Ledger::default();
        let mut answered = ledger.place("Grete Weiser");
        ledger.meet("guest", "Sales: Grete Weiser", conversation());
        assert!(answered.try_recv().is_ok());
    }
}
