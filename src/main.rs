//! The `holdfast` command: arguments, logging, signals. All else lives in the library.

use clap::Parser;
use holdfast::bench::{
    self, BridgedCallsSettings, CallRateSettings, DeliverySettings, FloodSettings, HeldCallersSettings,
    IdleGapSettings, OverloadSettings, PromptsSettings, SoakSettings, StartUpSettings,
};
use holdfast::cli::{self, BenchArgs, BenchCommand, Cli, Command, DemoArgs, RunArgs, exit};
use holdfast::config::{ApiToken, Config, SoundsConfig};
use holdfast::demo::{self, Account, Agreement, DemoSettings};
use holdfast::engine::settings::Feature;
use holdfast::http::Role;
use holdfast::runtime::{self, StartError};
use holdfast::secret::Secret;
use holdfast::sip::flow::Transport;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The agent of the demo who is left for a person to be.
const YOU: &str = "you";

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let code = match Cli::parse().command {
        Command::Run(args) => run(&args),
        Command::Demo(args) => demo(&args),
        Command::Bench(command) => bench(command),
        Command::Calls(args) => in_tokio(async { Ok(cli::calls(&args).await) }),
        Command::Trace(args) => in_tokio(async { Ok(cli::trace(&args).await) }),
        Command::CheckConfig(args) => cli::check_config(&args),
        Command::Simulate(args) => cli::simulate::simulate(&args),
        Command::Staff(args) => cli::staff(&args),
    };
    code.into()
}

/// Takes calls until a signal; then finishes those in progress.
fn run(args: &RunArgs) -> u8 {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(errors) => return told(&errors, exit::CONFIG),
    };
    start_log(&config.log.filter);
    in_tokio(async {
        let mut running = runtime::start(config).await?;
        let mut asked = Stops::listen()?;
        let mut hangup = signal(SignalKind::hangup())?;
        loop {
            tokio::select! {
                // It ends unasked only when it has failed.
                failed = running.stopped() => return failed.map(|()| exit::OK).map_err(Into::into),
                () = asked.next() => break,
                _ = hangup.recv() => running.reload(),
            }
        }
        running.drain();
        tracing::info!("stopping: new calls are refused, calls in progress go on; a second signal ends them");
        let stopped = tokio::select! {
            stopped = running.stopped() => stopped,
            () = asked.next() => {
                tracing::warn!("a second signal: calls in progress are ended");
                running.stop_now();
                tokio::select! {
                    stopped = running.stopped() => stopped,
                    () = asked.next() => {
                        tracing::error!("a third signal: gone at once");
                        return Ok(exit::RUNTIME);
                    }
                }
            }
        };
        stopped?;
        tracing::info!("stopped");
        Ok(exit::OK)
    })
}

/// Brings a small contact centre to life.
fn demo(args: &DemoArgs) -> u8 {
    let (config, settings) = match staged(args) {
        Ok(staged) => staged,
        Err(error) => return told(&error, exit::RUNTIME),
    };
    start_log(&config.log.filter);
    in_tokio(async {
        let mut running = runtime::start(config).await.map_err(with_the_demo_s_remedy)?;
        let bound = |wanted: Transport| running.sip.iter().find(|listen| listen.transport == wanted);
        let address = |wanted: Transport| bound(wanted).map_or(settings.sip, |listen| listen.address);
        let (sip, sip_tcp) = (address(Transport::Udp), address(Transport::Tcp));
        let settings = DemoSettings { sip, sip_tcp, http: running.http, ..settings };
        let (first, stop) = tokio::sync::oneshot::channel();
        let mut asked = Stops::listen()?;
        let twice = async move {
            asked.next().await;
            // The demo may have ended by itself.
            let _ = first.send(());
            asked.next().await;
        };
        let orderly = async {
            let summary = tokio::select! {
                summary = demo::run(settings, async { drop(stop.await) }) => summary,
                // It ends unasked only when it has failed.
                failed = running.stopped() => return failed.map(|()| exit::RUNTIME).map_err(Into::into),
            };
            running.drain();
            running.stopped().await?;
            Ok(if summary?.agreement == Agreement::Differ { exit::RUNTIME } else { exit::OK })
        };
        tokio::select! {
            code = orderly => code,
            () = twice => anyhow::bail!("stopped at once by a second signal"),
        }
    })
}

/// Requests to stop. Both signals may come from a terminal, from systemd or from a container's end.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Whose configuration is built in changes its ports on the command line.
fn with_the_demo_s_remedy(error: StartError) -> anyhow::Error {
    match error {
        StartError::Transport(_) | StartError::Http(_) => anyhow::anyhow!(
            "{error}\nholdfast: the demo takes other ports by --sip-port and --http-port; 0 takes any that is free"
        ),
        StartError::Tls(_)
        | StartError::Sip(_)
        | StartError::Media(_)
        | StartError::Store(_)
        | StartError::Token(_)
        | StartError::Metrics(_)
        | StartError::Random(_)
        | StartError::Died => error.into(),
    }
}

/// The demo's sounds lie in the working directory, or beside or above the program, as after `cargo build`.
fn find_sounds(sounds: &mut SoundsConfig) -> anyhow::Result<()> {
    let here = std::iter::once(PathBuf::new());
    let program = std::env::current_exe().unwrap_or_default();
    let above = program.ancestors().skip(1).map(Path::to_path_buf);
    for folder in here.chain(above) {
        let (music, prompts) = (folder.join(&sounds.music), folder.join(&sounds.prompts));
        if music.is_dir() && prompts.is_dir() {
            (sounds.music, sounds.prompts) = (music, prompts);
            return Ok(());
        }
    }
    anyhow::bail!(
        "the demo plays the sounds of the folders {} and {}, which are neither in the working directory nor above the \
         program; start it in the folder of Holdfast's sources: cargo run --release -- demo",
        sounds.music.display(),
        sounds.prompts.display()
    )
}

/// The demo's engine and its people, with passwords made up for this one run.
fn staged(args: &DemoArgs) -> anyhow::Result<(Config, DemoSettings)> {
    let mut config = Config::demo()?;
    find_sounds(&mut config.sounds)?;
    let mut random = [0; 6];
    getrandom::fill(&mut random)?;
    let password = Secret::new(hex::encode(random));
    config.replace_passwords(&password);
    config.listen_for_sip_on((Ipv4Addr::LOCALHOST, args.sip_port).into());
    config.http.listen = (Ipv4Addr::LOCALHOST, args.http_port).into();
    config.http.tokens =
        vec![ApiToken { name: "demo".into(), token: password.clone(), role: Role::Operator }];
    let account = |name: &str, title: &str| Account {
        name: name.into(),
        title: title.into(),
        password: password.clone(),
    };
    let rules = &config.settings;
    let (you, agents) = rules
        .agents
        .iter()
        .map(|agent| account(&agent.name, &agent.title))
        .partition::<Vec<_>, _>(|agent| agent.name == YOU);
    let numbers = rules.numbers.iter().map(|number| {
        let queue = rules.queue(number.queue).map_or("", |queue| &queue.title);
        let language = number.language.as_deref().unwrap_or("en");
        let first = if number.priority.is_zero() { "" } else { ", ahead of others" };
        demo::Number { dialled: number.dialled.clone(), title: format!("{queue} ({language}){first}") }
    });
    let feature_codes = rules.feature_codes.iter().map(|code| demo::FeatureCode {
        dialled: code.dialled.clone(),
        does: match code.feature {
            Feature::Login => "log in",
            Feature::Logout => "log out",
            Feature::Pause => "pause",
            Feature::Ready => "ready again",
        }
        .into(),
    });
    let mut settings = DemoSettings::new(config.sip.listen[0].address, config.http.listen, password.clone());
    settings.numbers = numbers.collect();
    settings.feature_codes = feature_codes.collect();
    settings.agents = if args.empty { Vec::new() } else { agents };
    settings.calls_per_minute = if args.empty { 0 } else { args.calls_per_minute };
    settings.seconds = args.seconds;
    settings.records = Some(config.store.path.clone());
    settings.you = you.into_iter().next();
    settings.guest = Some(account("guest", "You, as a caller"));
    Ok((config, settings))
}

/// Measures, in a process apart from the engine.
fn bench(command: BenchCommand) -> u8 {
    let done = match command {
        BenchCommand::HeldCallers { callers, search, srtp, common } => {
            bench::held_callers(&HeldCallersSettings {
                callers: callers as usize,
                search,
                srtp,
                seconds: common.seconds,
                json: common.json,
                ..HeldCallersSettings::default()
            })
            .map(drop)
        }
        BenchCommand::BridgedCalls { calls, pair, recording, srtp, common } => {
            let (calls, seconds, json) = (calls as usize, common.seconds, common.json);
            bench::bridged_calls(&BridgedCallsSettings { calls, pair, recording, srtp, seconds, json })
                .map(drop)
        }
        BenchCommand::Prompts { callers, json } => {
            bench::prompts(&PromptsSettings { callers: callers as usize, json }).map(drop)
        }
        BenchCommand::StartUp { files, minutes, codecs, json } => {
            bench::start_up(&StartUpSettings { files: files as usize, minutes, codecs, json }).map(drop)
        }
        BenchCommand::CallRate { rate, search, hold_ms, agents, silent, one_core, processes, common } => {
            bench::call_rate(&CallRateSettings {
                rate,
                search,
                seconds: common.seconds,
                hold: Duration::from_millis(hold_ms),
                agents: agents as usize,
                silent,
                one_core,
                processes: processes as usize,
                json: common.json,
                ..CallRateSettings::default()
            })
            .map(drop)
        }
        BenchCommand::Delivery { agents, rates, common: BenchArgs { seconds, json } } => {
            bench::delivery(&DeliverySettings { agents, rates, seconds, json }).map(drop)
        }
        BenchCommand::IdleGap { agents, common: BenchArgs { seconds, json } } => {
            bench::idle_gap(&IdleGapSettings { agents, seconds, json }).map(drop)
        }
        BenchCommand::Overload { rated, hold_ms, processes, common: BenchArgs { seconds, json } } => {
            let (hold, processes) = (Duration::from_millis(hold_ms), processes as usize);
            bench::overload(&OverloadSettings { rated, seconds, hold, processes, json }).map(drop)
        }
        BenchCommand::Flood { forged, rate, common: BenchArgs { seconds, json } } => {
            bench::flood(&FloodSettings { forged, rate, seconds, json }).map(drop)
        }
        BenchCommand::Soak { rate, agents, common: BenchArgs { seconds, json } } => {
            bench::soak(&SoakSettings { rate, seconds, agents: agents as usize, json }).map(drop)
        }
        BenchCommand::Callers => bench::callers(),
        BenchCommand::Forger => bench::forger(),
    };
    match done {
        Ok(()) => exit::OK,
        Err(error) => told(&error, exit::RUNTIME),
    }
}

/// Runs something asynchronous to its end; an error is told on the last line.
fn in_tokio(work: impl Future<Output = anyhow::Result<u8>>) -> u8 {
    let done = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|tokio| {
        let done = tokio.block_on(work);
        tokio.shutdown_background();
        done
    });
    match done {
        Ok(code) => code,
        Err(error) => told(&error, exit::RUNTIME),
    }
}

#[expect(clippy::print_stderr, reason = "the last word before the process ends")]
fn told(error: &dyn std::fmt::Display, code: u8) -> u8 {
    eprintln!("holdfast: {error:#}");
    code
}

/// Logs to standard error; `RUST_LOG` overrides the configuration.
fn start_log(filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}
