//! The rules of the configuration on the road: each is written as an operator writes it, in TOML, and then met from
//! outside, by our own phones over real sockets and by the API. What the engine does with them in every corner is proved
//! in its own scenarios; here it is proved that the rule is joined to the wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

mod after_calls;
mod callers;
mod conversations;
mod distribution;
mod leaving;
#[path = "../support/phone.rs"]
mod phones;
#[path = "../support/site.rs"]
mod site;
#[path = "../support/mod.rs"]
mod support;
mod widening;
