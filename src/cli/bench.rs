//! What can be measured, and how it is asked for.

use crate::media::Codec;
use clap::{Args, Subcommand};

/// What can be measured.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchCommand {
    /// How many callers can be held on music: packets per second, CPU per packet, jitter.
    #[command(after_help = "EXAMPLE:\n  holdfast bench held-callers --callers 1000 --seconds 30 --json")]
    HeldCallers {
        /// Callers at once.
        #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        callers: u32,
        /// Step up from there until fewer than 99.9 % of the packets are on time (within 2 ms); the last good step counts.
        #[arg(long)]
        search: bool,
        /// With SRTP (AES_CM_128_HMAC_SHA1_80).
        #[arg(long)]
        srtp: bool,
        /// How it is measured.
        #[command(flatten)]
        common: BenchArgs,
    },
    /// What calls cost between callers and agents, relayed or transcoded: calls per core, added delay, jitter.
    #[command(after_help = "EXAMPLE:\n  holdfast bench bridged-calls --pair pcmu:opus --calls 100 --json")]
    BridgedCalls {
        /// Calls at once.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=4_500))]
        calls: u32,
        /// What callers speak and what agents speak: pcmu, pcma, g722, opus, l16. The same twice: packets are relayed.
        #[arg(long, value_name = "CODEC:CODEC", default_value = "pcmu:pcmu", value_parser = pair)]
        pair: (Codec, Codec),
        /// All of them are recorded.
        #[arg(long)]
        recording: bool,
        /// Both sides encrypt: SRTP (AES_CM_128_HMAC_SHA1_80).
        #[arg(long)]
        srtp: bool,
        /// How it is measured.
        #[command(flatten)]
        common: BenchArgs,
    },
    /// Prompts cut into the music of all callers in the same second: packets on time while they do.
    #[command(after_help = "EXAMPLE:\n  holdfast bench prompts --callers 1000 --json")]
    Prompts {
        /// Callers at once.
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=9_000))]
        callers: u32,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// How long the engine takes to be ready with much music, and how much memory.
    #[command(after_help = "EXAMPLE:\n  holdfast bench start-up --files 50 --minutes 5 --json")]
    StartUp {
        /// Files of music.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        files: u32,
        /// How long each is.
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
        minutes: u32,
        /// What the engine can speak: a wideband codec among them has the music kept at 16 kHz too.
        #[arg(long, value_name = "CODEC", value_delimiter = ',', default_value = "opus,g722,pcmu,pcma")]
        codecs: Vec<Codec>,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// How many calls can be set up: calls per second, set-up latency, CPU and memory per call.
    #[command(
        after_help = "EXAMPLE:\n  holdfast bench call-rate --rate 500 --search --silent --one-core --seconds 6"
    )]
    CallRate {
        /// Calls per second.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        rate: u32,
        /// Step up from there until calls fail or 1 in 100 is answered later than after 50 ms; the last good rate counts.
        #[arg(long)]
        search: bool,
        /// From the answer to the caller's BYE, in milliseconds.
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=3_600_000))]
        hold_ms: u64,
        /// Simulated agents who answer at once; 0: callers hear music until they hang up.
        #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
        agents: u32,
        /// Callers want to hear nothing: signalling without sound.
        #[arg(long)]
        silent: bool,
        /// The engine is given one core, the callers the others.
        #[arg(long)]
        one_core: bool,
        /// Processes that call.
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
        processes: u32,
        /// How it is measured.
        #[command(flatten)]
        common: BenchArgs,
    },
    /// How soon a caller reaches a free agent: from his INVITE to the agent's.
    #[command(after_help = "EXAMPLE:\n  holdfast bench delivery --agents 50,800 --rates 10,50,100,300")]
    Delivery {
        /// Numbers of agents.
        #[arg(long, value_name = "N", value_delimiter = ',', default_value = "50,800", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        agents: Vec<u32>,
        /// Calls per second.
        #[arg(long, value_name = "N", value_delimiter = ',', default_value = "10,50,100,300", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        rates: Vec<u32>,
        /// How it is measured.
        #[command(flatten)]
        common: BenchArgs,
    },
    /// How long an agent has nothing to do between two calls while callers wait.
    #[command(after_help = "EXAMPLE:\n  holdfast bench idle-gap --agents 50,800")]
    IdleGap {
        /// Numbers of agents.
        #[arg(long, value_name = "N", value_delimiter = ',', default_value = "50,800", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        agents: Vec<u32>,
        /// How it is measured.
        #[command(flatten)]
        common: BenchArgs,
    },
    /// What is left of the service at once, twice and four times the rated load.
    #[command(after_help = "EXAMPLE:\n  holdfast bench overload --rated 2000")]
    Overload {
        /// The rated load, in calls per second; searched for when it is not given.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        rated: Option<u32>,
        /// From the answer to the caller's BYE, in milliseconds.
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=3_600_000))]
        hold_ms: u64,
        /// Processes that call.
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
        processes: u32,
        /// How it is measured.
        #[command(flatten)]
        common: BenchArgs,
    },
    /// Genuine calls beside a flood of forged requests: how many succeed, and what memory it takes.
    #[command(after_help = "EXAMPLE:\n  holdfast bench flood --forged 5000 --rate 50 --seconds 60")]
    Flood {
        /// Forged requests per second.
        #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        forged: u32,
        /// Genuine calls per second.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        rate: u32,
        /// How it is measured.
        #[command(flatten)]
        common: BenchArgs,
    },
    /// Whether memory grows with the number of calls that are over.
    #[command(after_help = "EXAMPLE:\n  holdfast bench soak --rate 1500 --seconds 120")]
    Soak {
        /// Calls per second, of a tenth of a second each.
        #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        rate: u32,
        /// Simulated agents who answer at once; 0: callers hear nothing.
        #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
        agents: u32,
        /// How it is measured.
        #[command(flatten)]
        common: BenchArgs,
    },
    /// A process of the load, told by another what to do.
    #[command(hide = true)]
    Callers,
    /// A process of the flood, told by another what to do.
    #[command(hide = true)]
    Forger,
}

/// Two codecs with a colon between them.
fn pair(text: &str) -> Result<(Codec, Codec), String> {
    let (caller, agent) = text.split_once(':').ok_or("expected two codecs, such as \"pcmu:opus\"")?;
    let codec = |name: &str| name.parse::<Codec>().map_err(|error| error.to_string());
    Ok((codec(caller)?, codec(agent)?))
}

/// How a benchmark is run.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// How long to measure, once all is set up.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}
