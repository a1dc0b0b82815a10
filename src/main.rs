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
    match Cli::parse().command {
        Command::Run(args) => run(&args),
        Command::Demo(_) | Command::Bench(_) => exit::RUNTIME.into(),
        Command::Calls(args) => cli::calls(&args),
        Command::CheckConfig(args) => cli::check_config(&args),
    }
}

/// Takes calls until a signal; then finishes those in progress.
fn run(args: &RunArgs) -> ExitCode {
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
        Ok(())
    })
}

/// Runs something asynchronous to its end; an error is told on the last line.
fn in_tokio(work: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let done = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|tokio| {
        let done = tokio.block_on(work);
        tokio.shutdown_background();
        done
    });
    match done {
        Ok(()) => exit::OK.into(),
        Err(error) => told(&error, exit::RUNTIME),
    }
}

#[expect(clippy::print_stderr, reason = "the last word before the process ends")]
fn told(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("holdfast: {error:#}");
    code.into()
}

/// Logs to standard error; `RUST_LOG` overrides the configuration.
fn start_log(filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}
