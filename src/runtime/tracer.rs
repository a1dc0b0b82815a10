//! Tells the keeper of messages what passes and what is decided. The loop only hands over, once a turn; taking secrets
//! out, sorting, keeping and exporting happen in a task of their own. When that falls behind, it misses something.

use super::clock::Clock;
use crate::engine::fact::{Fact, Stamped};
use crate::engine::id::{AgentId, CallId, QueueId};
use crate::engine::settings::{Destination, Settings};
use crate::engine::talk::TalkFact;
use crate::engine::time::Monotonic;
use crate::http::TraceAsked;
use crate::sip::core::Begun;
use crate::sip::flow::Flow;
use crate::trace::hep::{self, HepRules};
use crate::trace::{Keeper, Passed, Told, TraceRules};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Turns of the loop that may wait for the keeper.
const TURNS_MAX: usize = 256;
/// What may be told in one turn; a turn that brings more tells no more.
const TOLD_MAX: usize = 4_096;
/// Questions that may wait for the keeper.
pub(super) const ASKED_MAX: usize = 32;

/// What is traced, and where to.
#[derive(Clone, Debug)]
pub(super) struct TracerRules {
    pub keep: TraceRules,
    pub export: Option<HepRules>,
}

impl TracerRules {
    /// Whether anybody wants to know what passes.
    pub(super) fn is_on(&self) -> bool {
        self.keep.calls > 0 || self.export.is_some()
    }
}

/// What could not be told.
#[derive(Debug, Default)]
pub(super) struct TracerCounts {
    /// Steps the keeper missed.
    pub missed: AtomicU64,
    /// Packets that could not be exported.
    pub unsent: AtomicU64,
}

/// The loop's end.
#[derive(Debug)]
pub(super) struct Tracer {
    to: Option<mpsc::Sender<Turn>>,
    turn: Vec<Told>,
    pub counts: Arc<TracerCounts>,
}

/// What one turn of the loop had to tell.
#[derive(Debug)]
struct Turn {
    offset_us: i64,
    told: Vec<Told>,
}

impl Tracer {
    /// Nobody wants to know.
    pub(super) fn off() -> Self {
        Self { to: None, turn: Vec::new(), counts: Arc::default() }
    }

    /// Starts the keeper, and the export if one is wanted.
    pub(super) fn start(rules: TracerRules, clock: Clock, asked: mpsc::Receiver<TraceAsked>) -> Self {
        if !rules.is_on() {
            return Self::off();
        }
        let (to, turns) = mpsc::channel(TURNS_MAX);
        let counts: Arc<TracerCounts> = Arc::default();
        tokio::spawn(keep(rules, clock, turns, asked, Arc::clone(&counts)));
        Self { to: Some(to), turn: Vec::new(), counts }
    }

    fn tell(&mut self, told: impl FnOnce() -> Told) {
        if self.to.is_none() {
            return;
        }
        if self.turn.len() < TOLD_MAX {
            self.turn.push(told());
        } else {
            self.counts.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A dialog may have begun; before its messages.
    pub(super) fn begun(&mut self, Begun { sip_call_id, call, with }: Begun) {
        self.tell(|| Told::Begun { sip_call_id, call, with });
    }

    /// A message came, or goes.
    pub(super) fn passed(&mut self, at: Monotonic, is_ours: bool, flow: &Flow, bytes: &Arc<[u8]>) {
        self.tell(|| {
            let (near, far, transport) = (flow.local, flow.remote, flow.transport.as_str());
            Told::Passed(Passed { at, is_ours, transport, near, far, bytes: Arc::clone(bytes) })
        });
    }

    /// Something was decided.
    pub(super) fn decided(&mut self, stamped: &Stamped, rules: &Settings) {
        if self.to.is_some()
            && let Some((call, what)) = worded(&stamped.fact, rules)
        {
            self.tell(|| Told::Decided { at: stamped.at.mono, call, what });
        }
    }

    /// Hands over what this turn had to tell.
    pub(super) fn hand_over(&mut self, clock: Clock) {
        if self.turn.is_empty() {
            return;
        }
        let Some(to) = &self.to else { return };
        let told = std::mem::take(&mut self.turn);
        if let Err(lost) = to.try_send(Turn { offset_us: clock.offset_us(), told }) {
            let Turn { told, .. } = lost.into_inner();
            self.counts.missed.fetch_add(told.len() as u64, Ordering::Relaxed);
        }
    }
}

/// Keeps and exports until the loop is gone.
async fn keep(
    rules: TracerRules,
    clock: Clock,
    mut turns: mpsc::Receiver<Turn>,
    mut asked: mpsc::Receiver<TraceAsked>,
    counts: Arc<TracerCounts>,
) {
    let mut keeper = Keeper::new(rules.keep);
    let export = match rules.export {
        Some(rules) => Export::open(rules).await,
        None => None,
    };
    loop {
        tokio::select! {
            turn = turns.recv() => {
                let Some(Turn { offset_us, told }) = turn else { return };
                for told in told {
                    if let (Some(export), Told::Passed(passed)) = (&export, &told) {
                        export.send(passed, offset_us, &keeper, &counts);
                    }
                    keeper.take(told);
                }
            }
            // Whoever asked may have stopped waiting.
            Some(asked) = asked.recv() => match asked {
                TraceAsked::Show(call, reply) => drop(reply.send(keeper.show(call, clock.offset_us()))),
                TraceAsked::List(reply) => drop(reply.send(keeper.calls().collect())),
            },
        }
    }
}

/// The way to the server that collects messages.
struct Export {
    socket: UdpSocket,
    rules: HepRules,
}

impl Export {
    async fn open(rules: HepRules) -> Option<Self> {
        let any: SocketAddr = match rules.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let opened = async {
            let socket = UdpSocket::bind(any).await?;
            socket.connect(rules.server).await?;
            socket.writable().await?;
            Ok::<_, std::io::Error>(socket)
        };
        match opened.await {
            Ok(socket) => Some(Self { socket, rules }),
            Err(error) => {
                tracing::error!(server = %rules.server, %error, "SIP messages are not exported: no way to [sip.hep] server");
                None
            }
        }
    }

    fn send(&self, passed: &Passed, offset_us: i64, keeper: &Keeper, counts: &TracerCounts) {
        let correlation = keeper.call_of(&passed.bytes).map(|(_, first_leg)| first_leg);
        let packet = hep::encode(passed, offset_us, correlation, &self.rules);
        if self.socket.try_send(&packet).is_err() {
            // Full, or nobody there: a server that does not listen is no reason to do anything else otherwise.
            counts.unsent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A fact of a call in a few words; `None` of what is of no call, or shows in the messages themselves.
fn worded(fact: &Fact, rules: &Settings) -> Option<(CallId, String)> {
    let queue = |id: &QueueId| rules.queue(*id).map_or("?", |queue| queue.name.as_str());
    let agent = |id: &AgentId| rules.agent(*id).map_or("?", |agent| agent.name.as_str());
    let destination = |to: &Destination| match to {
        Destination::Queue(id) => format!("queue {}", queue(id)),
        Destination::Number(number) => format!("number {number}"),
        Destination::Message(name) => format!("message {name}"),
    };
    Some(match fact {
        Fact::CallRefused { call, because } => (*call, format!("refused: {}", because.as_str())),
        Fact::CallQueued { call, queue: id, waiting, .. } => {
            (*call, format!("queued in {}, {waiting} waiting", queue(id)))
        }
        Fact::CallTurnedAway { call, queue: id, because, to, .. } => {
            let to = destination(to);
            (*call, format!("turned away from {}: {}, to {to}", queue(id), because.as_str()))
        }
        Fact::CallWidened { call, level, .. } => (*call, format!("requirement widened to step {level}")),
        Fact::OfferMade { call, agent: id, .. } => (*call, format!("offered to {}", agent(id))),
        Fact::OfferEnded { call, agent: id, outcome, .. } => {
            (*call, format!("offer to {} ended: {}", agent(id), outcome.as_str()))
        }
        Fact::CallLeftQueue { call, queue: id, outcome, .. } => {
            (*call, format!("left {}: {}", queue(id), outcome.as_str()))
        }
        Fact::CallEnded { call, ended_by, .. } => (*call, format!("ended by {}", ended_by.as_str())),
        Fact::InTalk { call, what } => (*call, talk(what, agent)),
        Fact::CallResumed { call } => (*call, "goes on after a restart".into()),
        Fact::CallInterrupted { call } => (*call, "interrupted by a restart".into()),
        Fact::AgentStateChanged { .. }
        | Fact::WrapUpEnded { .. }
        | Fact::CallDisposed { .. }
        | Fact::QueueClosed { .. }
        | Fact::QueueReopened { .. }
        | Fact::Reconfigured => return None,
    })
}

fn talk<'a>(what: &TalkFact, agent: impl Fn(&AgentId) -> &'a str) -> String {
    match what {
        TalkFact::AudioStopped { leg } => format!("nothing is heard of {leg} any more"),
        TalkFact::AudioResumed { leg } => format!("{leg} is heard again"),
        TalkFact::Joined { agent: id, .. } => format!("{} has joined", agent(id)),
        TalkFact::Left { agent: id } => format!("{} has left", agent(id)),
        TalkFact::TakenOver { by, .. } => format!("taken over by {}", agent(by)),
        TalkFact::Consulted { by, .. } => format!("{} asks somebody else", agent(by)),
        TalkFact::Transferred { by, .. } => format!("passed on by {}", agent(by)),
        TalkFact::TransferFailed { by, .. } => format!("could not be passed on by {}", agent(by)),
        TalkFact::Recording { change, .. } => format!("recording {change:?}").to_lowercase(),
    }
}
