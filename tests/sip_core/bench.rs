//! One signalling core on fake time, and what it sent and told.

use crate::media::Books;
use holdfast::engine::event::Caller;
use holdfast::engine::id::{AgentId, CallId, LegId, OfferId, QueueId};
use holdfast::engine::settings::{Agent, Queue, Settings};
use holdfast::engine::time::{Monotonic, Now};
use holdfast::engine::{Command, Event};
use holdfast::secret::Secret;
use holdfast::sip::codec;
use holdfast::sip::core::{Note, Restored, SipCore, SipOutputs};
use holdfast::sip::flow::{Flow, Transport};
use holdfast::sip::message::{Message, Method, Request, Response};
use holdfast::sip::registrar::RegistrarRules;
use holdfast::sip::settings::{Account, Listener, SipSettings, Trunk};
use holdfast::sip::source::Source;
use holdfast::sip::standing::Standing;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

pub const ANNA: AgentId = AgentId(0);
pub const BERT: AgentId = AgentId(1);
/// 64·T1.
pub const PATIENCE: Duration = Duration::from_secs(32);

pub struct Bench {
    pub core: SipCore,
    pub media: Books,
    pub now: Now,
    pub wire: VecDeque<(Flow, Message)>,
    pub events: VecDeque<Event>,
    pub notes: Vec<Note>,
    /// From whom nothing is to be taken, as it was last told.
    pub shut_out: Option<Vec<Source>>,
    /// How many bytes each message had, and where it went.
    pub sizes: VecDeque<(Flow, usize)>,
    /// The rules of the house, which the engine and the signalling share.
    pub engine: Settings,
    out: SipOutputs,
    lenient: bool,
    /// What every process of this node begins with.
    settings: SipSettings,
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn udp(remote: &str) -> Flow {
    Flow::udp(address("192.0.2.9:5060"), address(remote))
}

pub fn settings() -> SipSettings {
    let listener = |transport| Listener {
        transport,
        bound: address("192.0.2.9:5060"),
        advertised: address("192.0.2.9:5060"),
        name: None,
    };
    let account = |name: &str, agent| Account {
        name: name.into(),
        password: Some(Secret::new(format!("{name}-secret"))),
        agent,
        ..Account::default()
    };
    SipSettings {
        listeners: vec![listener(Transport::Udp), listener(Transport::Tcp)],
        trunks: vec![carrier()],
        accounts: vec![account("anna", Some(ANNA)), account("bert", Some(BERT)), account("guest", None)],
        first_call: CallId(100),
        registrar: RegistrarRules { probe_every: None, ..RegistrarRules::default() },
        ..SipSettings::default()
    }
}

/// The trunk that callers come by.
pub fn carrier() -> Trunk {
    let addresses = vec!["203.0.113.0/24".parse().unwrap()];
    Trunk { name: "carrier".into(), addresses, ..Trunk::default() }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: SipSettings) -> Self {
        let agent = |name: &str| Agent { name: name.into(), ..Agent::default() };
        let sales = Queue { name: "sales".into(), title: "Sales".into(), ..Queue::default() };
        Self {
            core: SipCore::new(settings.clone(), 42).unwrap(),
            media: Books::default(),
            now: Now { mono: Monotonic(1_000_000), ..Now::default() },
            wire: VecDeque::new(),
            events: VecDeque::new(),
            notes: Vec::new(),
            shut_out: None,
            sizes: VecDeque::new(),
            engine: Settings {
                queues: vec![sales],
                agents: vec![agent("anna"), agent("bert")],
                ..Settings::default()
            },
            out: SipOutputs::default(),
            lenient: false,
            settings,
        }
    }

    /// Bytes arrive.
    pub fn bytes(&mut self, from: Flow, bytes: &[u8]) {
        let received = codec::parse(bytes);
        self.lenient = received.is_err();
        self.core.receive(self.now, received, from, &self.engine, &mut self.media, &mut self.out);
        self.collect();
        self.lenient = false;
    }

    pub fn request(&mut self, from: Flow, request: &Request) {
        self.bytes(from, &codec::print_request(request));
    }

    pub fn response(&mut self, from: Flow, response: &Response) {
        self.bytes(from, &codec::print_response(response));
    }

    pub fn command(&mut self, command: Command) {
        self.core.command(self.now, &command, &self.engine, &mut self.media, &mut self.out);
        self.collect();
    }

    pub fn offer(&mut self, offer: u64, agent: AgentId) {
        let caller = Caller { number: "030123".into(), name: "Jane".into(), ..Caller::default() };
        let (offer, call, queue) = (OfferId(offer), CallId(100), QueueId(0));
        self.command(Command::OfferAgent { offer, call, agent, queue, caller });
    }

    pub fn cancel_offer(&mut self, offer: u64, answered_elsewhere: bool) {
        self.command(Command::CancelOffer { offer: OfferId(offer), answered_elsewhere });
    }

    /// A request is refused before anything is done for it.
    pub fn turn_away(&mut self, from: Flow, request: &Request, retry_after: Duration) {
        self.core.turn_away(request, from, retry_after, &mut self.out);
        self.collect();
    }

    pub fn flow_lost(&mut self, flow: Flow) {
        self.core.transport_failed(self.now, flow, &self.engine, &mut self.media, &mut self.out);
        self.collect();
    }

    /// Time passes, and everything due on the way happens at its own moment.
    pub fn after(&mut self, span: Duration) {
        let until = self.now.mono + span;
        for step in 0.. {
            assert!(step < 100_000, "ticks lead nowhere");
            let Some(at) = self.core.next_deadline().filter(|at| *at <= until) else { break };
            self.now.mono = at.max(self.now.mono);
            self.tick();
        }
        self.now.mono = until;
    }

    /// The process is killed, and another one takes over what was written down.
    pub fn killed(&mut self) -> Restored {
        let standing = self.core.standing();
        self.take_over(standing)
    }

    /// Another process begins with this, as it reads it from the disk.
    pub fn take_over(&mut self, standing: Standing) -> Restored {
        let mut written = Vec::new();
        ciborium::into_writer(&standing, &mut written).unwrap();
        let read: Standing = ciborium::from_reader(&written[..]).unwrap();
        self.core = SipCore::new(self.settings.clone(), 43).unwrap();
        self.media = Books::default();
        self.wire.clear();
        self.events.clear();
        let restored = self.core.restore(self.now.mono, read, &mut self.out);
        self.collect();
        restored
    }

    pub fn end_unclaimed(&mut self) {
        self.core.end_unclaimed(self.now, &self.engine, &mut self.media, &mut self.out);
        self.collect();
    }

    /// The node is about to stop.
    pub fn leave(&mut self) {
        self.core.leave(self.now, &self.engine, &mut self.media, &mut self.out);
        self.collect();
    }

    /// Does what is due now.
    pub fn tick(&mut self) {
        self.core.tick(self.now, &self.engine, &mut self.media, &mut self.out);
        self.collect();
    }

    fn collect(&mut self) {
        self.sizes.extend(self.out.send.iter().map(|(flow, bytes)| (*flow, bytes.len())));
        self.shut_out = self.out.shut_out.take().or(self.shut_out.take());
        for (flow, bytes) in self.out.send.drain(..) {
            let message = match codec::parse(&bytes) {
                Ok(message) => message,
                // The refusal of a broken request is as broken (RFC 4475 §3.3.1 wants it all the same).
                Err(_) if self.lenient => continue,
                Err(fault) => panic!("we sent nonsense: {fault}\n{}", String::from_utf8_lossy(&bytes)),
            };
            self.wire.push_back((flow, message));
        }
        self.events.extend(self.out.events.drain(..));
        self.notes.append(&mut self.out.notes);
        self.out.dialogs.clear();
    }

    /// The next message must be a response of this status.
    #[track_caller]
    pub fn expect_response(&mut self, status: u16) -> Response {
        match self.wire.pop_front() {
            Some((_, Message::Response(response))) if response.status == status => response,
            other => panic!("expected {status}, got {other:#?}"),
        }
    }

    /// The next message must be a request of this method.
    #[track_caller]
    pub fn expect_request(&mut self, method: Method) -> (Flow, Request) {
        match self.wire.pop_front() {
            Some((flow, Message::Request(request))) if request.method == method => (flow, request),
            other => panic!("expected {method}, got {other:#?}"),
        }
    }

    #[track_caller]
    pub fn expect_silence(&self) {
        assert!(self.wire.is_empty(), "unexpected: {:#?}", self.wire);
    }

    #[track_caller]
    pub fn expect_event(&mut self, event: Event) {
        assert_eq!(self.events.pop_front(), Some(event));
    }

    #[track_caller]
    pub fn expect_no_event(&self) {
        assert!(self.events.is_empty(), "unexpected: {:#?}", self.events);
    }

    /// When all timers have run out, nothing may be left but contacts.
    #[track_caller]
    pub fn expect_nothing_left(&mut self) {
        let contacts = self.core.counts().contacts;
        self.expect_nothing_left_but(contacts);
    }

    /// The same, with so many contacts left.
    #[track_caller]
    pub fn expect_nothing_left_but(&mut self, contacts: usize) {
        self.after(PATIENCE * 3);
        let counts = self.core.counts();
        assert_eq!((counts.legs, counts.offers, counts.forks), (0, 0, 0), "{counts:#?}");
        assert!(self.media.open.is_empty(), "media left open: {:?}", self.media.open);
        let left = (counts.requests, counts.transactions.clients, counts.transactions.servers);
        assert_eq!(left, (0, 0, 0), "{counts:#?}");
        assert_eq!(counts.contacts, contacts);
        if counts.contacts == 0 {
            assert_eq!(self.core.next_deadline(), None);
        }
    }
}

pub fn caller_leg() -> LegId {
    LegId::Caller(CallId(100))
}

pub fn agent_leg() -> LegId {
    LegId::Agent(OfferId(1))
}
