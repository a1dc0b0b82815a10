//! The contact centre of a seed: its queues, agents, phones and trunks, all drawn by lot.

use super::network::Weather;
use crate::engine::id::{AgentId, CallId, QueueId};
use crate::engine::settings::{
    Agent, AnswerMode, Destination, Limits, Login, MissedRules, Number, Overflow, OverflowWhen, PhoneOrder,
    Queue, Settings,
};
use crate::engine::strategy::StrategyName;
use crate::secret::Secret;
use crate::simulate::rng::Rng;
use crate::sip::auth;
use crate::sip::dialling::{DialPolicy, Pattern};
use crate::sip::flow::Transport;
use crate::sip::host::Host;
use crate::sip::registrar::RegistrarRules;
use crate::sip::settings::{Account, Listener, Route, SipSettings, Trunk};
use std::net::SocketAddr;
use std::time::Duration;

/// A number outside that may be called.
pub(super) const OUTSIDE: &str = "+4930555";
/// The name of our account at trunks.
const ACCOUNT: &str = "acme";
/// How long the last calls may take when the world ends.
const DRAIN: Duration = Duration::from_secs(60);

/// One phone of an agent.
pub(super) struct PhoneOf {
    /// The account.
    pub account: String,
    /// Where it is.
    pub address: SocketAddr,
    /// Its password, if it registers; else the configuration knows where it is.
    pub password: Option<Secret>,
}

/// How a gateway asks for our password.
#[derive(Clone)]
pub(super) struct Asks {
    /// 401 or 407.
    pub status: u16,
    pub realm: String,
    pub username: String,
    pub password: Secret,
    /// Whether it asks within calls and at their end too.
    pub within: bool,
    /// Whether it finds a nonce too old that it has just given out.
    pub fussy: bool,
}

/// Everything but the people.
pub(super) struct Site {
    pub engine: Settings,
    pub sip: SipSettings,
    pub phones: Vec<PhoneOf>,
    /// What each gateway asks for.
    pub asks: Vec<Option<Asks>>,
    pub weather: Weather,
    /// Whether people here talk so long that sessions have to be refreshed.
    pub at_length: bool,
    /// How many call.
    pub calls: u64,
}

/// Where the engine listens.
pub(super) fn here() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 9], 5060))
}

/// The gateways by which callers come and numbers outside are called.
pub(super) fn gateways() -> [SocketAddr; 2] {
    [1, 2].map(|host| SocketAddr::from(([203, 0, 113, host], 5060)))
}

/// Where whoever is at this address can be found, too.
pub(super) fn also_at(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port() + 1_000)
}

fn seconds(rng: &mut Rng, low: u64, high: u64) -> Duration {
    Duration::from_secs(rng.within(low, high))
}

impl Site {
    pub fn draw(rng: &mut Rng) -> Self {
        let agents = rng.within(1, 5) as u32;
        let queues = rng.within(1, 2) as u32;
        let mut phones = Vec::new();
        let mut accounts = Vec::new();
        for at in 0..agents {
            accounts.push(account(rng, at, &mut phones));
        }
        let engine = Settings {
            queues: (0..queues).map(|at| queue(rng, at)).collect(),
            agents: (0..agents).map(|at| agent(rng, at, queues)).collect(),
            numbers: (0..queues).map(number).collect(),
            limits: Limits { drain: DRAIN, ..Limits::default() },
            ..Settings::default()
        };
        let (trunks, asks) = (0..).zip(gateways()).map(|(at, gateway)| trunk(rng, at, gateway)).unzip();
        let address = here();
        let all_register = phones.iter().all(|phone| phone.password.is_some());
        let listener =
            Listener { transport: Transport::Udp, bound: address, advertised: address, name: None };
        let sip = SipSettings {
            listeners: vec![listener],
            trunks,
            dial: DialPolicy { allow: Pattern::parse("+4930*").into_iter().collect(), deny: Vec::new() },
            accounts,
            first_call: CallId(1),
            registrar: RegistrarRules {
                // Whoever never registers is asked for ever, and a world must end.
                probe_every: all_register.then(|| seconds(rng, 10, 60)),
                ..RegistrarRules::default()
            },
            ..SipSettings::default()
        };
        let at_length = rng.happens(0.3);
        Self { engine, sip, phones, asks, weather: weather(rng), at_length, calls: rng.within(6, 24) }
    }
}

/// Half of the agents' phones register, with one phone or two; the others are where the configuration says.
fn account(rng: &mut Rng, at: u32, phones: &mut Vec<PhoneOf>) -> Account {
    let name = format!("agent{at}");
    let host = at as u8 + 1;
    let place = |phone: u8| SocketAddr::from(([198, 51, 100, host], 5060 + u16::from(phone)));
    let registers = rng.happens(0.5);
    let password = Secret::new(format!("{name}-secret"));
    let count = if registers { rng.within(1, 2) as u8 } else { 1 };
    for phone in 0..count {
        let password = registers.then(|| password.clone());
        phones.push(PhoneOf { account: name.clone(), address: place(phone), password });
    }
    let contact = (!registers).then(|| format!("sip:{name}@{}", place(0)));
    Account { name, password: Some(password), agent: Some(AgentId(at)), contact, ..Account::default() }
}

fn queue(rng: &mut Rng, at: u32) -> Queue {
    let overflow = rng.happens(0.5).then(|| Overflow {
        when: OverflowWhen::Waited(seconds(rng, 3, 20)),
        to: if rng.happens(0.7) {
            Destination::Number(OUTSIDE.into())
        } else {
            Destination::Message("all-busy".into())
        },
    });
    Queue {
        name: format!("queue{at}"),
        title: format!("Queue {at}"),
        strategy: rng.choose(&StrategyName::TABLE).map(|&(_, strategy)| strategy).unwrap_or_default(),
        ring_step: seconds(rng, 1, 5),
        answer: if rng.happens(0.4) { AnswerMode::EarlyMedia } else { AnswerMode::Answer },
        ring_timeout: seconds(rng, 2, 15),
        wrap_up: seconds(rng, 0, 3),
        waiting_max: if rng.happens(0.1) { 2 } else { 1000 },
        overflow: overflow.into_iter().collect(),
        missed: MissedRules::same(seconds(rng, 0, 3)),
        ..Queue::default()
    }
}

fn agent(rng: &mut Rng, at: u32, queues: u32) -> Agent {
    Agent {
        name: format!("agent{at}"),
        title: format!("Agent {at}"),
        queues: (0..queues).map(QueueId).collect(),
        login: Login::Automatic,
        phones: if rng.happens(0.5) { PhoneOrder::InOrder } else { PhoneOrder::Together },
        ..Agent::default()
    }
}

fn number(at: u32) -> Number {
    Number { dialled: format!("400{at}"), queue: QueueId(at), ..Number::default() }
}

/// A trunk, and what its gateway asks for. Few of those that ask have our password wrong, or want one for somewhere else.
fn trunk(rng: &mut Rng, at: u32, address: SocketAddr) -> (Trunk, Option<Asks>) {
    let realm = format!("carrier{at}.example");
    let password = Secret::new(format!("{realm}-secret"));
    let login = auth::Login { username: ACCOUNT.into(), realm: realm.clone(), password: password.clone() };
    let knows_us = rng.happens(0.85);
    let asks = rng.happens(0.6).then(|| Asks {
        status: if rng.happens(0.5) { 401 } else { 407 },
        realm: if knows_us || rng.happens(0.5) { realm } else { "elsewhere.example".into() },
        username: ACCOUNT.into(),
        password: if knows_us { password } else { Secret::new("another") },
        // Whoever cannot prove who he is could not even hang up there.
        within: knows_us && rng.happens(0.6),
        fussy: rng.happens(0.3),
    });
    let route =
        Route { transport: Some(Transport::Udp), login: Some(login), ..Route::to(Host::from(address.ip())) };
    let trunk = Trunk {
        name: format!("gateway{at}"),
        addresses: format!("{}/32", address.ip()).parse().into_iter().collect(),
        route: Some(route),
        ..Trunk::default()
    };
    (trunk, asks)
}

/// Every fourth is fair, every fourth loses nothing but mixes up all.
fn weather(rng: &mut Rng) -> Weather {
    let delay_max = Duration::from_millis(rng.within(1, 400));
    match rng.below(4) {
        0 => Weather { lost: 0.0, twice: 0.0, straggling: 0.0, delay_max },
        1 => Weather { lost: 0.0, twice: 0.2, straggling: 0.02, delay_max },
        _ => Weather { lost: 0.3 * rng.share(), twice: 0.1, straggling: 0.02, delay_max },
    }
}
