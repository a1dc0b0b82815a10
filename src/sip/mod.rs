//! Everything SIP: pure transactions and dialogs, thin transports.

pub mod auth;
pub mod cause;
pub mod codec;
pub mod cseq;
pub mod fault;
pub mod flow;
pub mod host;
pub mod message;
pub mod name_addr;
pub mod params;
pub mod reply;
pub mod token;
pub mod trunk;
pub mod uri;
pub mod validate;
pub mod via;
mod wire;
