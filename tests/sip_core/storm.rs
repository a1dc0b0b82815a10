//! Engine and signalling against many peers over a network that loses, doubles, delays and reorders.
//!
//! The peers have transactions of their own, and minds of their own: they answer, refuse, cancel, hang up and stay
//! silent as the seed has it. When the storm is over, nobody may believe to be in a call the other end has left.

use crate::bench::{Bench, address, settings};
use crate::peer::sdp;
use holdfast::engine::command::Commands;
use holdfast::engine::id::{AgentId, QueueId};
use holdfast::engine::settings::{Agent, Login, Number, Queue, Settings};
use holdfast::engine::time::Monotonic;
use holdfast::engine::{Engine, Event};
use holdfast::sip::codec;
use holdfast::sip::dialog::{Dialog, cseq};
use holdfast::sip::flow::Flow;
use holdfast::sip::message::{Headers, Method, Request, Response};
use holdfast::sip::settings::SipSettings;
use holdfast::sip::transaction::{ClientId, Output, ServerId, TransactionSettings, Transactions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const AGENTS: usize = 6;
const CALLS: u64 = 40;
const LOSS_PERCENT: u64 = 10;

/// A small generator of our own: the storm must be the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn millis(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.below(most))
    }
}

/// What a peer will do later.
enum Plan {
    Call,
    Cancel(ClientId),
    Answer(ServerId, u16),
    Resend(ServerId, u32),
    HangUp(Key),
}

type Key = (String, String, String);

/// A dialog as the peer sees it.
struct Talk {
    dialog: Dialog,
    /// The 200 it repeats until its ACK comes.
    unacked: Option<(ServerId, Response)>,
}

struct Peers {
    transactions: Transactions,
    outputs: Vec<Output>,
    plans: BTreeMap<(Monotonic, u64), Plan>,
    planned: u64,
    callers: BTreeMap<ClientId, (Request, Flow)>,
    acks: BTreeMap<Key, (Request, Flow)>,
    rung: BTreeMap<ServerId, (Request, Flow)>,
    talks: BTreeMap<Key, Talk>,
    over: BTreeSet<Key>,
    calls: u64,
}

/// Messages on their way: when they arrive, in which order, to us or from us.
type Network = BTreeMap<(Monotonic, u64), (bool, Flow, Arc<[u8]>)>;

struct Storm {
    bench: Bench,
    engine: Engine,
    peers: Peers,
    dice: Dice,
    network: Network,
    sent: u64,
    lossy: bool,
    answered: u64,
}

fn world() -> (SipSettings, Settings) {
    let mut sip = settings();
    sip.accounts = (0..AGENTS)
        .map(|at| holdfast::sip::settings::Account {
            name: format!("agent{at}"),
            password: None,
            agent: Some(AgentId(u32::try_from(at).unwrap())),
            contact: Some(format!("sip:agent{at}@198.51.100.{}:5060", at + 1)),
            media: holdfast::media::Wishes::default(),
        })
        .collect();
    let queue = Queue { name: "sales".into(), wrap_up: Duration::from_secs(1), ..Queue::default() };
    let agent = |at| Agent {
        name: format!("agent{at}"),
        queues: vec![QueueId(0)],
        login: Login::Automatic,
        ..Agent::default()
    };
    let number = Number { dialled: "4001".into(), queue: QueueId(0), ..Number::default() };
    let engine = Settings {
        queues: vec![queue],
        agents: (0..AGENTS).map(agent).collect(),
        numbers: vec![number],
        ..Settings::default()
    };
    (sip, engine)
}

fn key(headers: &Headers, ours: &str) -> Key {
    let tag = |name| {
        let value: holdfast::sip::uri::NameAddr = headers.first(name).unwrap().parse().unwrap();
        value.tag().unwrap_or_default().to_owned()
    };
    let (near, far) = if ours == "From" { ("From", "To") } else { ("To", "From") };
    (headers.first("Call-ID").unwrap().to_owned(), tag(near), tag(far))
}

impl Storm {
    fn new(seed: u64) -> Self {
        let (sip, engine) = world();
        let mut storm = Self {
            bench: Bench::with(sip),
            engine: Engine::new(engine, 1, 1),
            peers: Peers {
                transactions: Transactions::new(TransactionSettings::default(), seed),
                outputs: Vec::new(),
                plans: BTreeMap::new(),
                planned: 0,
                callers: BTreeMap::new(),
                acks: BTreeMap::new(),
                rung: BTreeMap::new(),
                talks: BTreeMap::new(),
                over: BTreeSet::new(),
                calls: 0,
            },
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            network: BTreeMap::new(),
            sent: 0,
            lossy: true,
            answered: 0,
        };
        for _ in 0..CALLS {
            let at = storm.dice.millis(30_000);
            storm.plan(at, Plan::Call);
        }
        storm
    }

    fn plan(&mut self, after: Duration, plan: Plan) {
        self.peers.planned += 1;
        self.peers.plans.insert((self.bench.now.mono + after, self.peers.planned), plan);
    }

    /// Hands a datagram to the network, which may not hand it on, or twice.
    fn post(&mut self, to_us: bool, flow: Flow, bytes: &Arc<[u8]>) {
        for copy in 0..2 {
            let lost = self.lossy && self.dice.below(100) < LOSS_PERCENT;
            let doubled = self.lossy && self.dice.below(100) < 5;
            if (copy == 0 && !lost) || (copy == 1 && doubled) {
                self.sent += 1;
                let at = self.bench.now.mono + self.dice.millis(120);
                self.network.insert((at, self.sent), (to_us, flow, bytes.clone()));
            }
        }
    }

    /// Runs until nothing is left to happen.
    fn run(&mut self) {
        for step in 0.. {
            assert!(step < 2_000_000, "the storm does not end");
            let next = [
                self.network.first_key_value().map(|((at, _), _)| *at),
                self.peers.plans.first_key_value().map(|((at, _), _)| *at),
                self.peers.transactions.next_deadline(),
                self.bench.core.next_deadline(),
                self.engine.next_deadline(),
            ];
            let Some(at) = next.into_iter().flatten().min() else { break };
            self.bench.now.mono = self.bench.now.mono.max(at);
            self.step();
        }
    }

    fn step(&mut self) {
        let now = self.bench.now.mono;
        while let Some(entry) = self.network.first_entry().filter(|entry| entry.key().0 <= now) {
            let (to_us, flow, bytes) = entry.remove();
            if to_us {
                self.bench.bytes(flow, &bytes);
            } else {
                let message = codec::parse(&bytes).unwrap();
                self.peers.transactions.receive(now, message, flow, &mut self.peers.outputs);
            }
            self.settle();
        }
        while let Some(entry) = self.peers.plans.first_entry().filter(|entry| entry.key().0 <= now) {
            let plan = entry.remove();
            self.carry_out(plan);
            self.settle();
        }
        self.peers.transactions.tick(now, &mut self.peers.outputs);
        self.bench.tick();
        if self.engine.next_deadline().is_some_and(|at| at <= now) {
            self.bench.events.push_back(Event::Tick);
        }
        self.settle();
    }

    /// Passes everything on until all is still.
    fn settle(&mut self) {
        loop {
            for (flow, message) in std::mem::take(&mut self.bench.wire) {
                self.post(false, turned(flow), &codec::print(&message).into());
            }
            for output in std::mem::take(&mut self.peers.outputs) {
                self.told(output);
            }
            let Some(event) = self.bench.events.pop_front() else {
                if self.bench.wire.is_empty() && self.peers.outputs.is_empty() {
                    return;
                }
                continue;
            };
            self.answered += u64::from(matches!(event, Event::OfferAnswered { .. }));
            let mut commands = Commands::new();
            self.engine.handle(self.bench.now, event, &mut commands);
            let _ = commands.take_facts();
            for command in commands.take_commands() {
                self.bench.command(command);
            }
        }
    }

    fn carry_out(&mut self, plan: Plan) {
        let now = self.bench.now.mono;
        match plan {
            Plan::Call => self.call(),
            Plan::Cancel(id) => self.peers.transactions.cancel(now, id, &mut self.peers.outputs),
            Plan::Answer(id, status) => self.answer(id, status),
            Plan::Resend(id, left) => {
                let talk =
                    self.peers.talks.values().find(|talk| talk.unacked.as_ref().is_some_and(|it| it.0 == id));
                let Some((_, response)) = talk.and_then(|talk| talk.unacked.clone()) else { return };
                self.peers.transactions.respond(now, id, response, &mut self.peers.outputs);
                if left > 0 {
                    self.plan(Duration::from_secs(2), Plan::Resend(id, left - 1));
                }
            }
            Plan::HangUp(key) => {
                let Some(mut talk) = self.peers.talks.remove(&key) else { return };
                self.peers.over.insert(key);
                let (bye, to) = (talk.dialog.request(Method::Bye), talk.dialog.flow);
                self.peers.transactions.request(now, bye, to, &mut self.peers.outputs).unwrap();
            }
        }
    }

    fn call(&mut self) {
        self.peers.calls += 1;
        let number = self.peers.calls;
        let flow = Flow::udp(address("203.0.113.7:5060"), address("192.0.2.9:5060"));
        let mut headers = Headers::new();
        headers.push("Max-Forwards", "70");
        headers.push("From", format!("<sip:{number}@carrier.example>;tag=t{number}"));
        headers.push("To", "<sip:4001@192.0.2.9>");
        headers.push("Call-ID", format!("call-{number}"));
        headers.push("CSeq", "1 INVITE");
        headers.push("Contact", "<sip:x@203.0.113.7:5060>");
        headers.push("Content-Type", "application/sdp");
        let body = sdp(40_000, 0, "sendrecv");
        let invite = Request { method: Method::Invite, uri: "sip:4001@192.0.2.9".into(), headers, body };
        let (now, outputs) = (self.bench.now.mono, &mut self.peers.outputs);
        let id = self.peers.transactions.request(now, invite.clone(), flow, outputs).unwrap();
        self.peers.callers.insert(id, (invite, flow));
        if self.dice.below(4) == 0 {
            let after = self.dice.millis(400);
            self.plan(after, Plan::Cancel(id));
        }
    }

    /// What a peer's transaction layer tells it.
    fn told(&mut self, output: Output) {
        match output {
            Output::Send { to, bytes } => self.post(true, turned(to), &bytes),
            Output::Request { id, request, from } => self.asked(id, request, from),
            Output::Ack { request, .. } => {
                if let Some(talk) = self.peers.talks.get_mut(&key(&request.headers, "To")) {
                    talk.unacked = None;
                }
            }
            Output::Cancelled { id } => self.answer(id, 487),
            Output::Response { id, response, .. } => self.responded(id, &response),
            Output::TimedOut { .. }
            | Output::Failed { .. }
            | Output::ClientEnded { .. }
            | Output::ServerEnded { .. } => {}
        }
    }

    /// The caller's side: every 200 is acknowledged, the talk ends some time.
    fn responded(&mut self, id: ClientId, response: &Response) {
        let Some((invite, flow)) = self.peers.callers.get(&id).filter(|_| response.is_success()) else {
            return;
        };
        let key = key(&response.headers, "From");
        if let Some((ack, flow)) = self.peers.acks.get(&key) {
            return self.peers.transactions.send_ack(ack.clone(), *flow, &mut self.peers.outputs);
        }
        let dialog = Dialog::from_response(invite, response, *flow).unwrap();
        let (ack, flow) = (dialog.ack(1), *flow);
        self.peers.acks.insert(key.clone(), (ack.clone(), flow));
        self.peers.transactions.send_ack(ack, flow, &mut self.peers.outputs);
        self.peers.talks.insert(key.clone(), Talk { dialog, unacked: None });
        let patience = self.dice.millis(60_000);
        self.plan(patience, Plan::HangUp(key));
    }

    /// The phone's side: rings and makes up its mind, or is silent; gives up its call when told to.
    fn asked(&mut self, id: ServerId, request: Request, from: Flow) {
        let now = self.bench.now.mono;
        match request.method {
            Method::Invite => {
                self.peers.rung.insert(id, (request, from));
                let status = [180, 200, 200, 200, 486, 603, 480, 503][self.dice.below(8) as usize];
                if status != 180 {
                    self.answer(id, 180);
                }
                let after = self.dice.millis(8_000);
                self.plan(after, Plan::Answer(id, status));
            }
            Method::Bye => {
                let key = key(&request.headers, "To");
                let known = self.peers.talks.remove(&key).is_some();
                self.peers.over.insert(key.clone());
                let status = if known { 200 } else { 481 };
                let response = Response::reply_to(&request, status, "", Some("stray"));
                self.peers.transactions.respond(now, id, response, &mut self.peers.outputs);
            }
            _ => {
                let response = Response::reply_to(&request, 200, "", Some("stray"));
                self.peers.transactions.respond(now, id, response, &mut self.peers.outputs);
            }
        }
    }

    fn answer(&mut self, id: ServerId, status: u16) {
        let Some((invite, from)) = self.peers.rung.get(&id).cloned() else { return };
        let tag = format!("phone-{}", id.0);
        let mut response = Response::reply_to(&invite, status, "", Some(&tag));
        let contact = format!("<sip:phone@{}>", from.local);
        response.headers.push("Contact", contact.clone());
        if status == 200 {
            response.headers.push("Content-Type", "application/sdp");
            response.body = sdp(50_000, 8, "sendrecv");
            let dialog = Dialog::from_request(&invite, &tag, from, contact).unwrap();
            let key = (dialog.id.call_id.clone(), dialog.id.local_tag.clone(), dialog.id.remote_tag.clone());
            self.peers.talks.insert(key.clone(), Talk { dialog, unacked: Some((id, response.clone())) });
            self.plan(Duration::from_secs(1), Plan::Resend(id, 12));
            if self.dice.below(2) == 0 {
                let talk = Duration::from_secs(1) + self.dice.millis(20_000);
                self.plan(talk, Plan::HangUp(key));
            }
        }
        if status >= 200 {
            self.peers.rung.remove(&id);
        }
        assert!(cseq(&response.headers).is_ok());
        self.peers.transactions.respond(self.bench.now.mono, id, response, &mut self.peers.outputs);
    }
}

/// The same path from the other end.
fn turned(flow: Flow) -> Flow {
    Flow { local: flow.remote, remote: flow.local, ..flow }
}

#[track_caller]
fn check(seed: u64) -> u64 {
    let mut storm = Storm::new(seed);
    storm.run();
    let counts = storm.bench.core.counts();
    assert_eq!(
        (counts.legs, counts.offers, counts.forks, counts.requests),
        (0, 0, 0, 0),
        "seed {seed}: {counts:?}"
    );
    assert_eq!((counts.transactions.clients, counts.transactions.servers), (0, 0), "seed {seed}");
    assert!(storm.bench.media.open.is_empty(), "seed {seed}: media left open");
    assert!(storm.engine.is_idle(), "seed {seed}: the engine still knows a call");
    let orphans: Vec<_> = storm.peers.talks.keys().collect();
    assert!(orphans.is_empty(), "seed {seed}: a peer still talks to nobody: {orphans:?}");
    assert_eq!(storm.peers.calls, CALLS);
    storm.answered
}

#[test]
fn when_the_storm_is_over_nobody_is_left_in_a_call() {
    let answered: u64 = (1..=25).map(check).sum();
    assert!(answered > 25 * CALLS / 4, "too few calls came about to prove anything: {answered}");
}
