//! The command line: what can be said, and the small commands: `calls`, `trace`, `check-config`, `staff`.
//! `run`, `demo` and `bench` belong to `main`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // this is the module that talks to a person

mod bench;
mod calls;
mod check;
mod csv;
pub mod simulate;
mod staff;
mod trace;

pub use bench::{BenchArgs, BenchCommand};
pub use calls::calls;
pub use check::check_config;
pub use staff::{Target, staff};
pub use trace::trace;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Exit codes.
pub mod exit {
    /// All went well.
    pub const OK: u8 = 0;
    /// Something failed while running.
    pub const RUNTIME: u8 = 1;
    /// The command line was wrong.
    pub const USAGE: u8 = 2;
    /// The configuration is wrong (`EX_CONFIG` of sysexits.h).
    pub const CONFIG: u8 = 78;
}

/// Holdfast: a call-centre queue engine.
#[derive(Debug, Parser)]
#[command(
    name = "holdfast",
    version,
    about = "A call-centre queue engine: callers wait on music and are handed to the agent with the right skills.",
    after_help = "EXAMPLES:\n  \
        holdfast demo                                 watch a small contact centre come alive; join in with a softphone\n  \
        holdfast check-config config/holdfast.toml    find every mistake before your callers do\n  \
        holdfast run --config config/holdfast.toml    take calls\n  \
        holdfast calls --queue sales --limit 20       the latest call records\n  \
        holdfast staff --calls 100 --per 30m --aht 180 --target 80/20    how many agents that takes\n\n\
        EXIT CODES: 0 ok, 1 failed while running, 2 wrong arguments, 78 wrong configuration",
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take calls, until SIGTERM or Ctrl-C; then finish those in progress.
    #[command(after_help = "EXAMPLE:\n  holdfast run --config config/holdfast.toml\n\n\
        On SIGTERM new calls are refused with 503, calls in progress go on up to [limits] drain; a second signal ends them.")]
    Run(RunArgs),
    /// Start a small contact centre on this machine, with simulated callers and agents on real SIP and RTP.
    #[command(
        after_help = "EXAMPLES:\n  holdfast demo\n  holdfast demo --sip-port 5080 --http-port 8081 --seconds 60\n\n\
        It prints what to look at, and the account with which you can join in with a softphone of your own."
    )]
    Demo(DemoArgs),
    /// Measure what this machine can carry.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Show call records, newest first; also while the engine runs.
    #[command(
        after_help = "EXAMPLES:\n  holdfast calls\n  holdfast calls --queue sales --outcome abandoned --limit 50\n  \
        holdfast calls --store data/demo.sqlite --json | jq .wait_ms"
    )]
    Calls(CallsArgs),
    /// Show the SIP messages of one of the last calls, as a ladder; it asks the running engine.
    #[command(after_help = "EXAMPLES:\n  \
        holdfast trace                                  the calls that can be shown, the newest first\n  \
        holdfast trace 1764439501123456                 caller, Holdfast and the agents' phones, arrow by arrow\n  \
        holdfast trace 1764439501123456 --raw           the messages themselves, without passwords and keys\n  \
        holdfast trace 17644… --url http://10.0.0.5:8080 --token SECRET --json | jq .steps\n\n\
        READING IT:\n  \
        Time runs downwards, in milliseconds since the first message. The caller stands at the left, Holdfast beside him,\n  \
        each phone that was rung in a column of its own. A line with * is what was decided between two messages; `again`\n  \
        marks one that was sent before, because no answer came in time: the network loses packets, or somebody is slow.\n  \
        How many calls are kept is said under [sip.trace]; a call's id is in `holdfast calls --json` and GET /v1/calls.")]
    Trace(TraceArgs),
    /// Read a configuration and report every mistake with its line.
    #[command(
        after_help = "EXAMPLE:\n  holdfast check-config config/holdfast.toml && systemctl restart holdfast"
    )]
    CheckConfig(CheckArgs),
    /// Run the production engine in a simulated world: what if there were two more agents? And is it right?
    #[command(
        after_help = "EXAMPLES:\n  \
        holdfast simulate config/scenarios/x.toml              service level, waits and occupancy of each variant\n  \
        holdfast simulate mine.toml --replay calls.csv --json  yesterday's calls under other rules\n  \
        holdfast simulate --seeds 100000                       random worlds with faults against the checkers\n  \
        holdfast simulate --signalling --seeds 10000           whole calls over a bad network against the checkers\n  \
        holdfast simulate --claims                             what Holdfast claims of itself, measured\n\n\
        A CSV of calls has a first line of names: arrived_at, and as far as known dialled or queue, patience_s, handle_s.\n\
        The lines of `holdfast calls --json` will do as well.",
        arg_required_else_help = true
    )]
    Simulate(SimulateArgs),
    /// Say how many agents a load needs, by Erlang C and, with --patience, Erlang A.
    #[command(after_help = "EXAMPLES:\n  holdfast staff --calls 100 --per 30m --aht 180 --target 80/20\n  \
        holdfast staff --calls 100 --aht 3m --target 80/20 --max-occupancy 85 --patience 120\n  \
        holdfast staff --calls 600 --aht 6m --target 80/30 --json | jq .agents\n\n\
        Erlang C assumes that callers wait for ever, so it plans too many agents where they do not: with --patience, \
        Erlang A reckons with those who give up. Both assume calls that come independently of each other, at an even rate; \
        plan each half hour for itself. Neither knows breaks, meetings or illness: divide by the share of paid time that \
        your agents are at their phones.")]
    Staff(StaffArgs),
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", default_value = "config/holdfast.toml")]
    pub config: PathBuf,
}

/// Arguments of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// The port for SIP, UDP and TCP; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 5060)]
    pub sip_port: u16,
    /// The port for metrics and the API; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub http_port: u16,
    /// Stop after so many seconds; without it, on Ctrl-C.
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Simulated calls per minute.
    #[arg(long, value_name = "N", default_value_t = 45, value_parser = clap::value_parser!(u32).range(0..=6000))]
    pub calls_per_minute: u32,
    /// Start without simulated callers and agents: the centre is yours alone.
    #[arg(long)]
    pub empty: bool,
}

/// Arguments of `calls`.
#[derive(Clone, Debug, Args)]
pub struct CallsArgs {
    /// The configuration file that names the store.
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "config/holdfast.toml",
        conflicts_with = "store"
    )]
    pub config: PathBuf,
    /// The file of call records itself.
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// Only calls of this queue.
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// Only calls that ended so: answered, abandoned, short_abandon, timeout, …
    #[arg(long, value_name = "OUTCOME", value_parser = calls::outcome)]
    pub outcome: Option<crate::engine::fact::Outcome>,
    /// At most so many.
    #[arg(long, short, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// One JSON object per line instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Comma-separated values for a spreadsheet, in which no name is a formula.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// Arguments of `trace`.
#[derive(Clone, Debug, Args)]
pub struct TraceArgs {
    /// The call's id; without it, the calls that can be shown are listed.
    #[arg(value_name = "CALL", value_parser = clap::value_parser!(u64))]
    pub call: Option<u64>,
    /// The configuration file that says where the API is, and its token.
    #[arg(long, short, value_name = "FILE", default_value = "config/holdfast.toml")]
    pub config: PathBuf,
    /// The API of another machine.
    #[arg(long, value_name = "URL", requires = "token", conflicts_with = "config")]
    pub url: Option<String>,
    /// A token of the API with the role of an operator.
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// The messages themselves.
    #[arg(long, conflicts_with = "json", requires = "call")]
    pub raw: bool,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `check-config`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The configuration file.
    #[arg(value_name = "FILE", default_value = "config/holdfast.toml")]
    pub file: PathBuf,
}

/// Arguments of `simulate`.
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// The scenario file: rules, who calls, who works, and variants to compare.
    #[arg(value_name = "SCENARIO", conflicts_with_all = ["seeds", "claims"])]
    pub scenario: Option<PathBuf>,
    /// Calls as they really came, instead of the scenario's arrivals.
    #[arg(long, value_name = "FILE", requires = "scenario")]
    pub replay: Option<PathBuf>,
    /// Runs of each variant, instead of the scenario's.
    #[arg(long, value_name = "R", requires = "scenario", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub runs: Option<u64>,
    /// Also write every figure to this file.
    #[arg(long, value_name = "FILE", requires = "scenario")]
    pub csv: Option<PathBuf>,
    /// Also write down all that happens in the first run of each variant: one fact a line, as JSON.
    #[arg(long, value_name = "FILE", requires = "scenario")]
    pub journal: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long, conflicts_with = "seeds")]
    pub json: bool,
    /// So many random worlds, with faults, against the checkers.
    #[arg(long, value_name = "N", conflicts_with = "claims", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// The first seed; the others follow.
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// The random worlds are whole calls, from INVITE to BYE, over a network that loses, doubles and reorders.
    #[arg(long, requires = "seeds")]
    pub signalling: bool,
    /// Begin no more random worlds after so many seconds.
    #[arg(long, value_name = "S", requires = "seeds")]
    pub seconds: Option<u64>,
    /// Every claim with its reference figure and what is measured; exit code 1 if one fails.
    #[arg(long)]
    pub claims: bool,
}

/// Arguments of `staff`. Times are seconds, or carry their unit: 180, 3m, 1h30m.
#[derive(Clone, Debug, Args)]
pub struct StaffArgs {
    /// Calls that come within --per.
    #[arg(long, value_name = "N", value_parser = staff::calls)]
    pub calls: f64,
    /// The time within which they come.
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = staff::span)]
    pub per: Duration,
    /// AHT, average handle time: talk, hold and wrap-up of one call.
    #[arg(long, value_name = "TIME", value_parser = staff::span)]
    pub aht: Duration,
    /// Which share of calls is to be answered within which wait: 80/20 is 80 % within 20 s.
    #[arg(long, value_name = "PERCENT/TIME", default_value = "80/20", value_parser = staff::target)]
    pub target: Target,
    /// How long callers wait on average before they give up; adds Erlang A.
    #[arg(long, value_name = "TIME", value_parser = staff::span)]
    pub patience: Option<Duration>,
    /// How busy agents may be at most, in percent; 85 to 90 is bearable for long.
    #[arg(long, value_name = "PERCENT", value_parser = staff::percentage)]
    pub max_occupancy: Option<f64>,
    /// One JSON object: agents, service_level, asa_seconds, occupancy, and both models with their neighbours.
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound_and_its_help_shows_examples() {
        Cli::command().debug_assert();
        assert!(Cli::command().render_help().to_string().contains("holdfast demo"));
    }

    #[test]
    fn the_readme_s_commands_are_understood() {
        for line in [
            "holdfast run --config config/holdfast.toml",
            "holdfast demo",
            "holdfast demo --sip-port 0 --http-port 0 --seconds 5",
            "holdfast bench held-callers --callers 100 --seconds 5 --json",
            "holdfast bench call-rate --rate 10",
            "holdfast bench call-rate --rate 500 --search --silent --one-core --hold-ms 100 --seconds 6",
            "holdfast bench delivery --agents 50,800 --rates 10,50,100,300",
            "holdfast bench idle-gap --agents 50,800",
            "holdfast bench overload --rated 2000",
            "holdfast bench flood --forged 5000 --rate 50 --seconds 60",
            "holdfast bench soak --rate 1500 --seconds 120",
            "holdfast calls --store data/x.sqlite --outcome short_abandon --json",
            "holdfast check-config config/holdfast.toml",
            "holdfast trace",
            "holdfast trace 1764439501123456 --raw",
            "holdfast trace 7 --url http://10.0.0.5:8080 --token x --json",
            "holdfast simulate config/scenarios/x.toml --replay calls.csv --json --csv out.csv --runs 5",
            "holdfast simulate --seeds 1000 --seed 7 --seconds 60",
            "holdfast simulate --claims",
            "holdfast staff --calls 100 --per 30m --aht 180 --target 80/20 --patience 120 --max-occupancy 85 --json",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn an_unknown_outcome_lists_the_known_ones() {
        let error =
            Cli::try_parse_from(["holdfast", "calls", "--outcome", "anwsered"]).unwrap_err().to_string();
        assert!(error.contains("did you mean answered?"), "{error}");
    }
}
