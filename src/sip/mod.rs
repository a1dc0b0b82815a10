//! Everything SIP: pure transactions and dialogs, thin transports.

pub mod message;
