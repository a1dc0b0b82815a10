//! The signalling core against scripted peers on fake time: every race of a call, and what must come of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

mod agents;
mod audio;
mod bench;
mod callers;
mod changes;
mod dial;
mod hold;
mod hostile;
mod media;
mod peer;
mod phones;
mod refusals;
mod registrations;
mod reliable;
mod restart;
mod storm;
mod transfers;
mod wishes;
