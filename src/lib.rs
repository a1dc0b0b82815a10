//! Holdfast: a call-centre queue engine.

pub mod cli;
pub mod config;
pub mod engine;
pub mod http;
pub mod media;
pub mod metrics;
pub mod sip;
pub mod stats;
pub mod store;
