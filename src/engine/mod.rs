//! The queue engine: pure and deterministic. Events come in with the time they happened,
//! commands and facts come out. It opens no socket, reads no clock and draws no random
//! number of its own.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod command;
pub mod event;
pub mod fact;
pub mod id;
pub mod settings;
pub mod skill;
pub mod snapshot;
pub mod strategy;
pub mod time;

pub use command::{Command, Commands};
pub use event::Event;
pub use fact::Fact;
