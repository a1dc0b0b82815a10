//! Everything SIP: pure transactions and dialogs, thin transports.

pub mod auth;
pub mod cause;
pub mod message;
pub mod token;
pub mod trunk;
