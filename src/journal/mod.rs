//! What is written down so that a killed process can go on: the engine as it was at some moment, and everything that
//! has happened to it since; which dialogs stand, which phones are registered. The engine is deterministic, so that
//! the same events lead to the same state again, to the records of calls and to the figures of the day.
//!
//! A file of frames ([`frame`]), each what one turn of the loop had to say ([`entry`]), read back by [`replay`](mod@replay) and written by
//! a thread of its own ([`disk`]) that loses the journal rather than hold up a call.

pub mod disk;
pub mod entry;
pub mod frame;
pub mod replay;

#[cfg(test)]
mod tests;

pub use disk::{Journal, JournalError};
pub use entry::{Entry, Unwritten, Whole};
pub use replay::{Recovered, Unreadable, replay};
