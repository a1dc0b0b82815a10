//! The benchmark: it starts the engine as a process of its own, loads it over sockets from this one, and measures from
//! outside. Nothing here is engine code; figures come from packets, clocks and `/proc`.
#![allow(clippy::print_stdout)] // its product is what it prints

mod bridged_calls;
mod call_rate;
mod delivery;
mod engine;
mod flood;
mod forger;
mod generators;
mod held_callers;
mod histogram;
mod idle_gap;
mod load;
mod message;
mod overload;
mod phones;
mod post;
mod process;
mod prompts;
mod raw;
mod sinks;
mod soak;
mod start_up;
mod talkers;
mod trial;

pub use bridged_calls::{BridgedCallsReport, BridgedCallsSettings, bridged_calls};
pub use call_rate::{CallRateReport, CallRateSettings, call_rate};
pub use delivery::{Delivery, DeliveryReport, DeliverySettings, delivery};
pub use engine::EngineError;
pub use flood::{FloodReport, FloodSettings, flood};
pub use forger::forger;
pub use generators::callers;
pub use held_callers::{HeldCallersReport, HeldCallersSettings, held_callers};
pub use histogram::Histogram;
pub use idle_gap::{IdleGap, IdleGapReport, IdleGapSettings, idle_gap};
pub use overload::{Overload, OverloadReport, OverloadSettings, overload};
pub use prompts::{PromptsReport, PromptsSettings, prompts};
pub use soak::{SoakReport, SoakSettings, soak};
pub use start_up::{StartUpReport, StartUpSettings, start_up};

use std::net::SocketAddr;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The engine could not be started, or did not get ready.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A socket or a thread of the load could not be had.
    #[error("the load cannot be generated: {0}")]
    Load(#[from] std::io::Error),
    /// A process that calls or forges did not tell what came of it.
    #[error("a process of the load ended without a result")]
    Process,
    /// Too few calls were set up to measure anything.
    #[error("only {held} of {wanted} calls were set up{}", refusals(.refused))]
    TooFew {
        /// Set up.
        held: usize,
        /// Asked for.
        wanted: usize,
        /// The others, by status; 0 stands for no response.
        refused: Vec<(u16, u64)>,
    },
}

fn refusals(refused: &[(u16, u64)]) -> String {
    refused.iter().map(|(status, count)| format!("; {count} got {}", status_name(*status))).collect()
}

/// How a status is shown: 0 stands for none.
fn status_name(status: u16) -> String {
    if status == 0 { "no response".to_owned() } else { status.to_string() }
}

/// What is measured: an engine started for it, or one that runs already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Target {
    /// `current_exe() run --config TEMPORARY`, ended afterwards.
    #[default]
    OwnEngine,
    /// One that runs already and takes calls to `4001` from this address without a password. Of its process nothing is
    /// known, so that CPU and memory are missing from the result.
    Running(SocketAddr),
}

/// One JSON object for scripts, or a table for people.
fn tell(report: &(impl serde::Serialize + std::fmt::Display), json: bool) {
    if json {
        println!("{}", serde_json::to_string(report).unwrap_or_default());
    } else {
        println!("{report}");
    }
}
