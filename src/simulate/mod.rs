//! The simulator: a seeded world of callers, phones and faults that drives the production engine. It opens
//! no socket and reads no clock: a seed and a scenario say everything about a run.

pub mod law;
pub mod rng;
