//! Conversations that are passed on and widened, on the road: by the API and by the keys of the agent's phone (RFC 4733), to
//! a colleague, a queue and a number outside; who hears whom meanwhile, who has the caller in the end, and what the record
//! tells of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

mod asking;
mod outside;
mod passing;
#[path = "../support/phone.rs"]
mod phones;
#[path = "../support/site.rs"]
mod site;
#[path = "../support/mod.rs"]
mod support;
mod talk;
