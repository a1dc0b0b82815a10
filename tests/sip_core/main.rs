//! The signalling core against scripted peers on fake time: every race of a call, and what must come of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

mod agents;
mod audio;
mod bench;
mod callers;
mod changes;
mod connections;
mod dial;
mod failover;
mod fraud;
mod hold;
mod hostile;
mod media;
mod outbound;
mod overload;
mod peer;
mod phones;
mod presenting;
mod presets;
mod proxies;
mod redirects;
mod refusals;
mod registering;
mod registrations;
mod reliable;
mod restart;
mod strangers;
mod transfers;
mod wishes;
