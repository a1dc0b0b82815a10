//! Trunks: carriers and other systems by which calls come and go. What is known of their servers, whether those live,
//! whether we are registered there, and who is tried next.
//!
//! Pure: names are looked up elsewhere, messages are sent elsewhere, chance comes from a seed.

pub mod failover;
pub mod gateway;
pub mod locate;
pub mod numbers;
pub mod order;
pub mod registration;
pub mod settings;
mod states;

pub use states::{Errand, Found, News, TrunkPicture, Trunks, Way};
