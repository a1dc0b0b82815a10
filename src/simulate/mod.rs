//! The simulator: a seeded world of callers, phones and faults that drives the production engine. It opens
//! no socket and reads no clock: a seed and a scenario say everything about a run.
#![deny(clippy::wildcard_enum_match_arm)]

mod agenda;
mod archive;
mod caller;
pub mod checks;
pub mod claims;
mod digest;
mod eligible;
pub mod estimators;
mod fault;
pub mod law;
pub mod measure;
pub mod models;
mod phone;
pub mod random;
pub mod replay;
pub mod rng;
pub mod rollout;
pub mod scenario;
pub mod signalling;
mod staffing_claims;
pub mod summary;
mod twin;
pub mod world;

pub use scenario::Scenario;
pub use world::{Run, Violation, Watch, run};
