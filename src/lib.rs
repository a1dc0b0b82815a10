//! Holdfast: a call-centre queue engine.

pub mod bench;
pub mod demo;
pub mod engine;
pub mod http;
pub mod media;
pub mod phone;
pub mod sip;
pub mod stats;
pub mod store;
