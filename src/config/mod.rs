//! The configuration file: TOML text in, settings out, or every problem with its line and remedy.
//!
//! It owns the format. It never starts anything, and past it nothing is a loose string.

mod agents;
mod audio;
mod chains;
mod dial;
mod hours;
mod missed;
mod numbers;
mod overflow;
mod presenting;
mod problem;
mod queues;
mod recording;
mod relaxation;
mod reload;
mod scalar;
mod scenario;
mod section;
mod shells;
mod site;
mod sounds;
mod staffing;
mod strangers;
mod trace;
mod transports;
mod trunks;
mod words;
mod zone;

pub use crate::sip::settings::Trunk;
pub use problem::{ConfigErrors, Problem};
pub use reload::{follow, reconcile};
pub use scalar::duration;
pub use scenario::ScenarioFile;

use crate::cidr::Cidr;
use crate::engine::settings::Settings;
use crate::http::Role;
use crate::media::recorder::RecorderSettings;
use crate::media::{Codec, MediaSettings};
use crate::secret::Secret;
use crate::sip::auth::Algorithm;
use crate::sip::bouncer::BouncerRules;
use crate::sip::dialling::DialPolicy;
use crate::sip::flow::Transport;
use crate::sip::overload::OverloadRules;
use crate::sip::presenting::Presentation;
use crate::sip::settings::Account;
use crate::sip::transport::{Listen, Origins, TlsFiles, TransportSettings};
use crate::trace::TraceRules;
use crate::trace::hep::HepRules;
use problem::Diagnostics;
use section::Section;
use staffing::Staffing;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeTable;

/// The shipped configuration, as `config/holdfast.toml` has it.
pub const DEFAULT_TEXT: &str = include_str!("../../config/holdfast.toml");
/// The configuration of `holdfast demo`, as `config/demo.toml` has it.
pub const DEMO_TEXT: &str = include_str!("../../config/demo.toml");

/// Everything the file says.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the engine decides by.
    pub settings: Settings,
    /// Signalling.
    pub sip: SipConfig,
    /// Audio.
    pub media: MediaSettings,
    /// API, metrics, health.
    pub http: HttpConfig,
    /// What is measured besides the usual.
    pub metrics: MetricsConfig,
    /// Call records.
    pub store: StoreConfig,
    /// Where and how conversations are recorded.
    pub recorder: RecorderSettings,
    /// Where audio files lie.
    pub sounds: SoundsConfig,
    /// From when on calls are refused because of the load.
    pub overload: OverloadRules,
    /// What is logged.
    pub log: LogConfig,
    /// The file it was read from, if it was one: whence it is read anew.
    pub file: Option<PathBuf>,
    /// What looks wrong but can be used.
    pub warnings: Vec<Problem>,
}

/// Signalling.
#[derive(Clone, Debug)]
pub struct SipConfig {
    /// Where SIP is listened for; never empty.
    pub listen: Vec<Listen>,
    /// The address others reach us by, when it differs from the one listened on.
    pub advertise: Option<IpAddr>,
    /// The same for listeners of IPv6.
    pub advertise6: Option<IpAddr>,
    /// Certificates and authorities; there where a listener needs them.
    pub tls: Option<TlsFiles>,
    /// Which web pages may open a WebSocket.
    pub origins: Origins,
    /// The limits of the transports.
    pub limits: TransportSettings,
    /// The realm of digest challenges (RFC 3261 §22.1).
    pub realm: String,
    /// The hashes of digest challenges, the preferred one first; never empty, none twice.
    pub digests: Vec<Algorithm>,
    /// How often each phone is asked whether it still lives (OPTIONS); zero: never.
    pub options_every: Duration,
    /// How long a phone that is called may give no sign before it is taken to be gone.
    pub phone_silence: Duration,
    /// The name servers that are asked for trunks; none: the system's.
    pub name_servers: Vec<SocketAddr>,
    /// Who may call in without credentials, and through whom numbers outside are called.
    pub trunks: Vec<Trunk>,
    /// Proxies of our own in front of phones.
    pub proxies: Vec<Cidr>,
    /// How calls are presented to agents' phones.
    pub presentation: Presentation,
    /// How the calls of a queue are presented differently, by its name.
    pub queues: BTreeMap<String, Presentation>,
    /// Which numbers outside may be called.
    pub dial: DialPolicy,
    /// How much of what was said about calls is kept.
    pub trace: TraceRules,
    /// To whom SIP messages are told, if to anybody.
    pub hep: Option<HepRules>,
    /// How much patience there is with strangers and with those who guess passwords.
    pub bouncer: BouncerRules,
    /// Who may register and call with credentials: every agent, in the order of the settings, then the others.
    pub accounts: Vec<Account>,
}

impl SipConfig {
    /// What others are to be told instead of this address of ours.
    pub fn advertised(&self, listen: IpAddr) -> Option<IpAddr> {
        let fits = |address: &IpAddr| address.is_ipv4() == listen.is_ipv4();
        self.advertise.filter(fits).or(self.advertise6.filter(fits))
    }
}

/// API, metrics, health.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpConfig {
    /// The address of the one port.
    pub listen: SocketAddr,
    /// Who may use the API; when empty, one is generated at start.
    pub tokens: Vec<ApiToken>,
}

impl HttpConfig {
    /// A token that allows everything, for commands on the same machine.
    pub fn operator(&self) -> Option<&Secret> {
        self.tokens.iter().find(|token| token.role == Role::Operator).map(|token| &token.token)
    }
}

/// A bearer token of the API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiToken {
    /// Whose it is, in the log.
    pub name: String,
    /// The token.
    pub token: Secret,
    /// What it allows.
    pub role: Role,
}

/// What is measured besides the usual.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MetricsConfig {
    /// What each agent is doing: one series per agent and state.
    pub agent_state: bool,
}

/// Call records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreConfig {
    /// The SQLite file; its folder holds whatever else is written.
    pub path: PathBuf,
    /// Whether a journal is written beside it, by which calls and agents' states outlive a killed process.
    pub journal: bool,
    /// How many records may wait while they cannot be written; `None`: as many as usual.
    pub backlog_max: Option<usize>,
}

/// Where audio files lie, seen from the working directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SoundsConfig {
    /// The folder of the hold music.
    pub music: PathBuf,
    /// The folder of the prompts, with one folder per language.
    pub prompts: PathBuf,
}

/// What is logged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogConfig {
    /// A filter as `tracing-subscriber` reads it: `info`, `holdfast::sip=debug`.
    pub filter: String,
}

impl Config {
    /// Every codec that may be spoken on some leg: the site's, and those of trunks, agents and accounts.
    pub fn codecs(&self) -> Vec<Codec> {
        let trunks = self.sip.trunks.iter().map(|trunk| &trunk.media);
        let accounts = self.sip.accounts.iter().map(|account| &account.media);
        let own = trunks.chain(accounts).filter_map(|wishes| wishes.codecs.as_deref()).flatten();
        let mut codecs = self.media.codecs.clone();
        codecs.extend(own);
        codecs.sort_unstable();
        codecs.dedup();
        codecs
    }

    /// Reads a file, and checks that the audio it names is there and the certificates are good.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let config = read(&path.display().to_string(), &text_of(path)?, true)?;
        Ok(Self { file: Some(path.to_owned()), ..config })
    }

    /// Reads a file without looking for the files it names: enough for commands that neither play nor listen.
    pub fn load_without_sounds(path: &Path) -> Result<Self, ConfigErrors> {
        read(&path.display().to_string(), &text_of(path)?, false)
    }

    /// Reads a text; `name` is what errors call it. The files it names are not looked for.
    pub fn from_str(name: &str, text: &str) -> Result<Self, ConfigErrors> {
        read(name, text, false)
    }

    /// What `holdfast demo` starts from: real but for the addresses and passwords, which it chooses itself.
    pub fn demo() -> Result<Self, ConfigErrors> {
        read("config/demo.toml", DEMO_TEXT, false)
    }

    /// Gives every account and every API token this password, as the demo does.
    pub fn replace_passwords(&mut self, password: &Secret) {
        for account in self.sip.accounts.iter_mut().filter(|account| account.password.is_some()) {
            account.password = Some(password.clone());
        }
        for token in &mut self.http.tokens {
            token.token = password.clone();
        }
    }

    /// Listens for SIP on this address, UDP and TCP, and nowhere else.
    pub fn listen_for_sip_on(&mut self, address: SocketAddr) {
        self.sip.listen =
            [Transport::Udp, Transport::Tcp].map(|transport| Listen { transport, address }).to_vec();
    }

    /// The folder that holds the records and whatever else is written at run time.
    pub fn data_dir(&self) -> &Path {
        match self.store.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }
}

fn text_of(path: &Path) -> Result<String, ConfigErrors> {
    std::fs::read_to_string(path).map_err(|error| ConfigErrors::unreadable(path, &error))
}

fn read(name: &str, text: &str, look_for_files: bool) -> Result<Config, ConfigErrors> {
    let diagnostics = Diagnostics::new(name, text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        diagnostics.error(&error.span().unwrap_or(0..0), syntax_remedy(error.message()));
    }
    if !syntax.is_empty() {
        // Half a document would only yield problems that are none.
        return Err(diagnostics.finish().err().unwrap_or(ConfigErrors { problems: Vec::new() }));
    }
    read_document(&document, diagnostics, look_for_files)
}

/// Reads a document that may have been put together from more than one file.
fn read_document(
    document: &toml::Spanned<DeTable<'_>>,
    diagnostics: Diagnostics<'_>,
    look_for_files: bool,
) -> Result<Config, ConfigErrors> {
    let root = Section::root(document, &diagnostics);
    let words = words::read(&root);
    let site = site::read(&root);
    let years = zone::years();
    let (time_zone, is_zone_named) = zone::read(&root, &years);
    let hours = hours::read(&root, &years);
    if !hours.is_empty() && !is_zone_named {
        let message = "there are [[hours]] but no time_zone: they are read as UTC; name the site's, such as time_zone = \"Europe/Berlin\"";
        root.warn(&(0..0), message);
    }
    let (queues, queue_places, presented) = queues::read(&root, &words, &hours, site.order);
    let (agents, mut accounts) = agents::read(&root, &words, &queues);
    agents::read_accounts(&root, &mut accounts);
    let (numbers, number_places) = numbers::read(&root, &words, &queues, &agents);
    chains::check(&queues, &queue_places, &diagnostics);
    let staffing =
        Staffing { queues: &queues, agents: &agents, skills: &words.skills, diagnostics: &diagnostics };
    staffing.check_queues(&queue_places);
    staffing.check_numbers(&numbers, &number_places);
    let sip = shells::sip(&root, &accounts, presented, look_for_files);
    let media = audio::media(&root);
    let http = shells::http(&root);
    let metrics = shells::metrics(&root);
    let store = shells::store(&root);
    let sounds = sounds::read(&root);
    if look_for_files {
        sounds::check(&sounds, &queues, &queue_places, &diagnostics);
        sounds::check_languages(&sounds, &numbers, &number_places, &diagnostics);
    }
    let (limits, overload) = shells::limits(&root, &media);
    let log = shells::log(&root);
    let feature_codes = numbers::read_feature_codes(&root, &numbers);
    let recording = root.table("recording");
    let talk = root.table("talk");
    let talk_keys = recording::keys(&recording, &talk);
    talk.finish();
    let recorder = recording::recorder(&recording, zone::named(&root));
    recording.finish();
    let settings = Settings {
        skills: words.skills,
        queues,
        agents,
        numbers,
        feature_codes,
        talk_keys,
        pause_reasons: words.pause_reasons,
        dispositions: words.dispositions,
        order: site.order,
        primary_first: site.primary_first,
        fatigue: site.fatigue,
        time_zone,
        limits,
    };
    root.finish();
    let warnings = diagnostics.finish()?;
    let file = None;
    Ok(Config { settings, sip, media, http, metrics, store, recorder, sounds, overload, log, file, warnings })
}

/// The parser's message in the words of somebody who edits the file.
fn syntax_remedy(message: &str) -> String {
    if message.starts_with("string values must be quoted") {
        "expected a value; a text or a duration stands in quotation marks, such as \"15s\"".into()
    } else if message == "duplicate key" {
        "this key or table is there already; remove one (tables that may repeat are headed [[…]])".into()
    } else {
        format!("not TOML: {message}")
    }
}
