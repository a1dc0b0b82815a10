//! By which way a REGISTER came, and its contacts are reached. Data only: whose Path is believed is judged elsewhere.

use super::super::flow::Flow;

/// The way a REGISTER came by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PhoneWay {
    /// Where requests to the contacts are sent: to the phone, or to the first of the proxies between.
    pub flow: Flow,
    /// Those proxies, the first to be passed first (RFC 3327 §5.2); empty when there is none.
    pub path: Vec<String>,
    /// Whether the phone's several flows are told apart (RFC 5626 §6): the phone knows how, and so does whoever keeps
    /// its connection.
    pub is_outbound: bool,
}

impl PhoneWay {
    /// From the phone itself, which has one flow alone.
    pub fn direct(flow: Flow) -> Self {
        Self { flow, path: Vec::new(), is_outbound: false }
    }
}
