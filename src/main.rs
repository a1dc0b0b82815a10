//! The `holdfast` command: arguments, logging, signals. All else lives in the library.

use clap::Parser;
use holdfast::cli::{self, Cli, Command, RunArgs, exit};
use holdfast::config::Config;
use holdfast::runtime;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let code = match Cli::parse().command {
        Command::Run(args) => run(&args),
        Command::Demo(_) | Command::Bench(_) => exit::RUNTIME,
        Command::Calls(args) => in_tokio(async { Ok(cli::calls(&args).await) }),
        Command::CheckConfig(args) => cli::check_config(&args),
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
        let running = runtime::start(config).await?;
        // Both may come from a terminal, from systemd or from a container's end; the second one is meant.
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut asked = async move || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        asked().await;
        tracing::info!("stopping: new calls are refused, calls in progress go on; a second signal ends them");
        running.drain();
        tokio::select! {
            stopped = running.stopped() => stopped?,
            () = asked() => tracing::warn!("stopped at once by a second signal"),
        }
        tracing::info!("stopped");
        Ok(exit::OK)
    })
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
