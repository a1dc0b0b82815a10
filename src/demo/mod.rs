//! The demo: a small contact centre whose callers and agents are real phones on the network. It drives them against a
//! running engine, tells on the terminal how it goes, and checks the engine's figures against its own ledger.
//! It starts no engine and knows none of its insides: it has an address for SIP and one for HTTP.
#![allow(clippy::print_stdout)] // the demo talks to a person at a terminal

mod agent;
mod api;
mod banner;
mod board;
mod caller;
mod dice;
mod ledger;

pub use ledger::{Agreement, Figures, Summary};

use crate::phone::{CallError, Phone, PhoneSettings, RegisterError};
use crate::secret::Secret;
use dice::Dice;
use ledger::Ledger;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// How long a call may take to end once the demo stops.
const GOODBYE: Duration = Duration::from_secs(5);
/// Between the last call's end and the engine's figures: it publishes them about once a second.
const SETTLE: Duration = Duration::from_millis(1_500);
/// The demo's calls at once, however many callers are asked for.
const CALLERS_MAX: usize = 200;

/// A SIP account.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user name.
    pub name: String,
    /// The name people read.
    pub title: String,
    /// The password.
    pub password: Secret,
}

/// How the simulated callers come in.
#[derive(Clone, Debug)]
pub enum CallersCome {
    /// As from a carrier whose trunk is configured with this address (`127.0.0.2` is one of a machine's own): each
    /// with a number of his own and without a password.
    OverTrunk(IpAddr),
    /// With this account and its password, told apart by their names.
    WithAccount(Account),
}

/// A number callers dial.
#[derive(Clone, Debug)]
pub struct Number {
    /// As dialled.
    pub dialled: String,
    /// What a person reads of it: the queue's title, the language.
    pub title: String,
}

/// A number agents dial to change their own state.
#[derive(Clone, Debug)]
pub struct FeatureCode {
    /// As dialled.
    pub dialled: String,
    /// What it does, in a word or two.
    pub does: String,
}

/// What the demo needs to know.
#[derive(Clone, Debug)]
pub struct DemoSettings {
    /// The engine's SIP address (UDP).
    pub sip: SocketAddr,
    /// The engine's SIP address (TCP), for people who join in.
    pub sip_tcp: SocketAddr,
    /// The engine's HTTP address.
    pub http: SocketAddr,
    /// A token of the API with the role `read` at least.
    pub token: Secret,
    /// The simulated agents. None: the centre stays empty but for those who join in.
    pub agents: Vec<Account>,
    /// How simulated callers come in.
    pub callers: CallersCome,
    /// What they dial, at random.
    pub numbers: Vec<Number>,
    /// What an agent dials to log in, to pause and so on.
    pub feature_codes: Vec<FeatureCode>,
    /// The account with which a person can join in as a caller.
    pub guest: Option<Account>,
    /// The account with which a person can join in as an agent.
    pub you: Option<Account>,
    /// The file of the call records, for `holdfast calls`.
    pub records: Option<PathBuf>,
    /// Calls a minute on the average (Poisson); 0: none.
    pub calls_per_minute: u32,
    /// Stops by itself after that time.
    pub seconds: Option<u64>,
    /// The same calls again for the same seed; `None`: others each time.
    pub seed: Option<u64>,
    /// Between two summaries.
    pub summary_every: Duration,
    /// How long a conversation takes: shortest and longest.
    pub talk: (Duration, Duration),
    /// How long a caller waits before he gives up: shortest and longest.
    pub patience: (Duration, Duration),
}

impl DemoSettings {
    /// A demo against an engine at these addresses, TCP at the same as UDP, with nobody in it yet: 40 calls a minute, a summary every 5 s,
    /// conversations of 3 to 11 s, callers who wait for 10 to 90 s.
    pub fn new(sip: SocketAddr, http: SocketAddr, token: Secret) -> Self {
        let seconds = |from, to| (Duration::from_secs(from), Duration::from_secs(to));
        Self {
            sip,
            sip_tcp: sip,
            http,
            token,
            agents: Vec::new(),
            callers: CallersCome::OverTrunk(IpAddr::from([127, 0, 0, 2])),
            numbers: Vec::new(),
            feature_codes: Vec::new(),
            guest: None,
            you: None,
            records: None,
            calls_per_minute: 40,
            seconds: None,
            seed: None,
            summary_every: Duration::from_secs(5),
            talk: seconds(3, 11),
            patience: seconds(10, 90),
        }
    }
}

/// Why the demo can't begin.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A phone has no socket.
    #[error("a simulated phone cannot be started: {0}")]
    Phone(#[from] CallError),
    /// An agent's phone could not register.
    #[error("the simulated agent {agent} cannot register: {error}")]
    Register {
        /// Who.
        agent: String,
        /// Why.
        error: RegisterError,
    },
    /// There are calls to make and nothing to dial.
    #[error("the demo has callers but no number they could dial")]
    NoNumbers,
}

/// Runs until `stop` completes or the time is up, and ends all its calls before it returns. Prints on the terminal.
///
/// # Errors
/// When a phone can't be started or an agent can't register. Once it runs, failures are counted, not returned.
pub async fn run(settings: DemoSettings, stop: impl Future<Output = ()>) -> Result<Summary, DemoError> {
    if settings.calls_per_minute > 0 && settings.numbers.is_empty() {
        return Err(DemoError::NoNumbers);
    }
    let seed = settings.seed.unwrap_or_else(|| getrandom::u64().unwrap_or(1));
    let mut dice = Dice::new(seed);
    let ledger = Arc::new(Ledger::default());
    let settings = Arc::new(settings);

    let mut agents = JoinSet::new();
    let phones = register_agents(&settings).await?;
    let on_duty: Vec<_> = phones.iter().map(|(_, phone)| Arc::clone(phone)).collect();
    for (account, phone) in phones {
        agents.spawn(agent::work(account, phone, Arc::clone(&settings), Arc::clone(&ledger), dice.split()));
    }
    let trunk = Arc::new(Phone::bind(caller_settings(&settings)).await?);

    println!("{}", banner::text(&settings, seed));
    let board = tokio::spawn(board::show(Arc::clone(&settings), Arc::clone(&ledger)));

    let mut callers = JoinSet::new();
    let time_is_up = async {
        match settings.seconds {
            Some(seconds) => sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = arrivals(&settings, &trunk, &ledger, &mut callers, &mut dice) => {}
        () = time_is_up => {}
        () = stop => {}
    }

    println!("\nThe demo ends: hanging up …");
    ledger.close();
    let _ = tokio::time::timeout(GOODBYE, async { while callers.join_next().await.is_some() {} }).await;
    sleep(SETTLE).await;
    let engine = api::Api::new(&settings).figures().await;
    board.abort();
    for phone in &on_duty {
        // The engine is about to stop too: a registration that can't be taken back does no harm.
        let _ = tokio::time::timeout(Duration::from_secs(1), phone.unregister()).await;
    }
    agents.abort_all();
    let summary = ledger.summary(engine);
    println!("{summary}");
    Ok(summary)
}

async fn register_agents(settings: &DemoSettings) -> Result<Vec<(Account, Arc<Phone>)>, DemoError> {
    let mut phones = Vec::new();
    for account in &settings.agents {
        let phone = PhoneSettings {
            password: account.password.clone(),
            display: account.title.clone(),
            // One call at a time, as at a desk; a second is busy.
            calls_max: 2,
            record_max: Duration::ZERO,
            ..PhoneSettings::new(settings.sip, &account.name, "")
        };
        let phone = Arc::new(Phone::bind(phone).await?);
        phone.register().await.map_err(|error| DemoError::Register { agent: account.name.clone(), error })?;
        phones.push((account.clone(), phone));
    }
    Ok(phones)
}

fn caller_settings(settings: &DemoSettings) -> PhoneSettings {
    let common = PhoneSettings {
        calls_max: CALLERS_MAX + 1,
        record_max: Duration::ZERO,
        ..PhoneSettings::new(settings.sip, "trunk", "")
    };
    match &settings.callers {
        CallersCome::OverTrunk(bind) => PhoneSettings { bind: *bind, ..common },
        CallersCome::WithAccount(account) => {
            PhoneSettings { account: account.name.clone(), password: account.password.clone(), ..common }
        }
    }
}

/// Callers arrive, independently of each other, until this is dropped.
async fn arrivals(
    settings: &Arc<DemoSettings>,
    trunk: &Arc<Phone>,
    ledger: &Arc<Ledger>,
    callers: &mut JoinSet<()>,
    dice: &mut Dice,
) {
    if settings.calls_per_minute == 0 {
        return std::future::pending().await;
    }
    let mean = Duration::from_secs(60) / settings.calls_per_minute;
    let mut next = Instant::now();
    for serial in 1_u64.. {
        next += dice.exponential(mean);
        sleep_until(next).await;
        while callers.try_join_next().is_some() {}
        let dice = dice.split();
        if callers.len() < CALLERS_MAX {
            let (settings, trunk, ledger) = (Arc::clone(settings), Arc::clone(trunk), Arc::clone(ledger));
            callers.spawn(caller::call(serial, settings, trunk, ledger, dice));
        }
    }
}
