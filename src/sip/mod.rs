//! Everything SIP: pure transactions and dialogs, thin transports.

pub mod admission;
pub mod auth;
pub mod cause;
pub mod codec;
pub mod core;
pub mod cseq;
pub mod dialling;
pub mod dialog;
pub mod fault;
pub mod flow;
pub mod host;
pub mod leg;
pub mod message;
pub mod name_addr;
pub mod params;
pub mod registrar;
pub mod reply;
pub mod settings;
pub mod standing;
pub mod tokens;
pub mod transaction;
pub mod transport;
pub mod uri;
pub mod validate;
pub mod via;
mod wire;
