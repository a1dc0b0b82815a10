//! Wiring: starts every part from the configuration, joins them in one loop, stops them in order.

mod audible;
mod clock;
mod driver;
mod facts;
mod figures;
mod inputs;
mod outlook;
mod parts;
mod recordings;
mod recovery;
mod reload;
mod resolve;
mod supervision;
mod tracer;
mod trunks;

pub use parts::StartError;
use recordings::Recordings;
use recovery::{Before, Taken};

use crate::config::Config;
use crate::engine::Snapshot;
use crate::http::{self, HttpError, ReloadAsked, Sources, Tokens};
use crate::sip::core::SipCore;
use crate::sip::overload::Overload;
use crate::sip::transport::{self, Listen, TransportSettings};
use crate::store::{Store, Writer};
use clock::Clock;
use driver::{Driver, Work};
use facts::{FactSinks, Published};
use inputs::{Inputs, Stop};
use reload::Reloader;
use sd_notify::NotifyState;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use supervision::{Pulse, Supervisor, Vitals, supervise};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracer::Tracer;

/// Requests of the API that may wait for the loop; beyond, clients get 503.
const REQUESTS_MAX: usize = 1024;
/// Reloads that may wait for the one under way.
const RELOADS_MAX: usize = 4;
/// Questions about bans that may wait for the loop.
const BANS_ASKED_MAX: usize = 16;
/// Events of the media plane that may wait for the loop.
const MEDIA_EVENTS_MAX: usize = 16_384;
/// Requests to the API in progress get this long to be finished at the end.
const API_FAREWELL_MAX: Duration = Duration::from_secs(3);

/// A running engine with all its shells.
#[derive(Debug)]
pub struct Running {
    /// Where SIP is listened for, with the ports the system chose.
    pub sip: Vec<Listen>,
    /// Where HTTP is listened for.
    pub http: SocketAddr,
    /// The file of the API token that was made up because none is configured.
    pub token_file: Option<PathBuf>,
    stop: watch::Sender<Stop>,
    reload: mpsc::Sender<ReloadAsked>,
    supervisor: Arc<Supervisor>,
    whole: JoinHandle<Result<(), StartError>>,
}

impl Running {
    /// Takes no new calls from now on; those in progress go on until they end or the configured deadline comes.
    pub fn drain(&self) {
        self.ask(Stop::Drain);
    }

    /// Ends the calls in progress too.
    pub fn stop_now(&self) {
        self.ask(Stop::Now);
    }

    /// Reads the configuration anew, as the file is now; the log tells what came of it. Calls go on.
    pub fn reload(&self) {
        let (reply, _) = oneshot::channel();
        if self.reload.try_send(reply).is_err() {
            tracing::warn!("the configuration is being read anew already, or Holdfast is about to stop");
        }
    }

    fn ask(&self, stop: Stop) {
        self.stop.send_if_modified(|asked| {
            let more = stop > *asked;
            *asked = stop.max(*asked);
            more
        });
        self.supervisor.tell(&[NotifyState::Stopping]);
    }

    /// Waits until a stop is complete and everything is written and closed; and returns early when the engine has failed.
    /// Not to be called again once it has returned.
    ///
    /// # Errors
    /// When HTTP failed, or a part of the process died.
    pub async fn stopped(&mut self) -> Result<(), StartError> {
        (&mut self.whole).await.map_err(|_| StartError::Died)?
    }
}

/// Starts everything; when it returns, calls are taken.
///
/// # Errors
/// When a part cannot start: the message says which, why, and what to do. Nothing is left running then.
pub async fn start(config: Config) -> Result<Running, StartError> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let mut before = Before::read(&config).await;
    let clock = before.last().map_or_else(Clock::start, Clock::going_on);
    let config = before.reconcile(config);
    let seed = parts::seed()?;
    let settings = config.settings.clone();
    // Everything that can fail comes before anything that takes calls.
    let store = parts::store(&config).await?;
    let (tokens, token_file) = parts::tokens(&config)?;
    let tokens = Tokens::new(tokens);
    let listener = http::bind(config.http.listen).await?;
    let http_address = listener.local_addr().map_err(HttpError::Serve)?;
    let (media_events, media_inbox) = mpsc::channel(MEDIA_EVENTS_MAX);
    let (media, prompts) = parts::media(&config, media_events).await?;
    let (exchange_rules, peer_rules) = watch::channel(Arc::new(parts::peer_rules(&config)?));
    let tracing = parts::tracer(&config);
    let sockets = TransportSettings { keep_bytes: tracing.is_on(), ..config.sip.limits };
    let (sender, network) = transport::bind(&config.sip.listen, sockets, peer_rules).await?;
    let sip = sender.bound().to_vec();
    let newest = store.newest_call().await?.max(before.newest_call());
    let first_id = parts::first_id(clock.now().wall, newest);
    let core = SipCore::new(parts::sip_settings(&config, &sip, first_id), seed)?;

    let metrics = Arc::new(parts::metrics(&config)?);
    let (rules, shown_rules) = watch::channel(Arc::new(settings.clone()));
    let (pictures, snapshots) = watch::channel(Arc::<Snapshot>::default());
    let (publish_today, today) = watch::channel(Arc::default());
    let (publish_expected, expected) = watch::channel(Arc::default());
    let published = Published { today: publish_today, expected: publish_expected };
    let (requests, api_inbox) = mpsc::channel(REQUESTS_MAX);
    let (stop, stopping) = watch::channel(Stop::No);
    let (reload, reload_asked) = mpsc::channel(RELOADS_MAX);
    let (changes, changed) = mpsc::channel(1);
    let (traces, trace_asked) = mpsc::channel(tracer::ASKED_MAX);
    let supervisor = Arc::new(Supervisor::connect());
    let pulse = Pulse::default();
    let vitals =
        Vitals { pulse: pulse.clone(), workers: Arc::clone(media.counters()), pictures: snapshots.clone() };
    let (bans, bans_asked) = mpsc::channel(BANS_ASKED_MAX);
    let reader = store.clone();
    let sources = Sources {
        settings: shown_rules,
        snapshots,
        today,
        prompts: Arc::new(prompts),
        expected,
        requests,
        reload: reload.clone(),
        traces,
        bans,
        records: Arc::new(move |filter| {
            let store = reader.clone();
            Box::pin(async move { store.recent(&filter).await.map_err(|error| error.to_string()) })
        }),
        metrics: {
            let metrics = Arc::clone(&metrics);
            Arc::new(move || metrics.render())
        },
    };
    let trunks = trunks::follow(&config.sip.trunks, &sip, &config.sip.name_servers);
    let recordings = Recordings::new(config.recorder.clone(), metrics.clone());
    let overload = parts::overload(&config);
    let backlog_max = config.store.backlog_max;
    let reloader = Reloader {
        clock,
        config,
        bound: sip.clone(),
        first_id,
        tokens: tokens.clone(),
        metrics: Arc::clone(&metrics),
        peer_rules: exchange_rules,
        changes,
        supervisor: Arc::clone(&supervisor),
    };
    tokio::spawn(reloader.run(reload_asked));
    let Taken { engine, records, today: figures, written, standing } = before.take(&settings, first_id);
    let writer = Writer::with_backlog(store, parts::backlog(backlog_max, &settings, &written));
    let mut facts = FactSinks::new(&settings, metrics, published, (figures, records), writer);
    for entry in written {
        facts.write_again(entry);
    }
    let mut driver = Driver {
        clock,
        engine,
        sip: core,
        media,
        trunks,
        recordings,
        transport: sender,
        facts,
        journal: None,
        pictures,
        rules,
        overload: Overload::new(overload),
        tracer: Tracer::start(tracing, clock, trace_asked),
        pulse,
        work: Work::default(),
    };
    if let Some((standing, last)) = standing {
        driver.go_on(&settings, standing, last);
    }
    driver.begin_journal(before).await;
    let inputs = Inputs::new(network, media_inbox, api_inbox, stopping);
    let inputs = inputs.with_changes(changed).with_bans(bans_asked);
    let (stop_api, api_stopping) = tokio::sync::oneshot::channel::<()>();
    let mut api = tokio::spawn(http::serve(listener, tokens, sources, async {
        let _ = api_stopping.await;
    }));
    let whole = tokio::spawn(async move {
        let ended = driver.run(inputs).await;
        // The API is there until the last call has ended: whoever drains wants to watch it. But no client's slowness
        // keeps the process.
        let _ = stop_api.send(());
        match tokio::time::timeout(API_FAREWELL_MAX, &mut api).await {
            Ok(Ok(served)) => ended.and(served.map_err(StartError::from)),
            Ok(Err(_)) => ended.and(Err(StartError::Died)),
            Err(_) => {
                api.abort();
                ended
            }
        }
    });
    for listen in &sip {
        tracing::info!("listening for SIP on {listen}");
    }
    tracing::info!("listening for HTTP on {http_address}");
    supervisor.tell(&[NotifyState::Ready]);
    tokio::spawn(supervise(Arc::clone(&supervisor), vitals));
    Ok(Running { sip, http: http_address, token_file, stop, reload, supervisor, whole })
}
