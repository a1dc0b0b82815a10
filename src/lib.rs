//! Holdfast: a call-centre queue engine.
#![doc = include_str!("ARCHITECTURE.md")]

pub mod bench;
pub mod cidr;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod engine;
pub mod http;
pub mod journal;
pub mod media;
pub mod metrics;
pub mod phone;
pub mod runtime;
pub mod secret;
pub mod simulate;
pub mod sip;
pub mod stats;
pub mod store;
pub mod trace;
