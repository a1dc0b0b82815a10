//! Where what comes in goes: parsed, counted, and handed on to whoever decides.

use super::settings::{TransportCounts, count};
use crate::sip::codec;
use crate::sip::fault::{Fault, Malformed};
use crate::sip::flow::Flow;
use crate::sip::message::Message;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What the transports tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// A message came.
    Message {
        /// The message.
        message: Message,
        /// The way it came.
        flow: Flow,
    },
    /// Something came that is no message, but can be answered ([`Malformed::reply`]).
    Malformed {
        /// What is wrong with it.
        malformed: Malformed,
        /// The way it came.
        flow: Flow,
    },
    /// A message could not be sent, and the flow is the one it was given with; or a connection is over.
    Failed {
        /// Where it should have gone.
        flow: Flow,
    },
}

/// Where received messages go.
#[derive(Clone, Debug)]
pub(super) struct Inlet {
    pub events: mpsc::Sender<Received>,
    pub counts: Arc<TransportCounts>,
}

impl Inlet {
    /// What bytes mean; `None` when nobody needs to know.
    pub fn read(&self, bytes: &[u8], flow: Flow) -> Option<Received> {
        match codec::parse(bytes) {
            Ok(message) => {
                count(&self.counts.received);
                Some(Received::Message { message, flow })
            }
            Err(Malformed { fault: Fault::Empty, .. }) => None,
            Err(malformed) => self.malformed(malformed, flow),
        }
    }

    pub fn malformed(&self, malformed: Malformed, flow: Flow) -> Option<Received> {
        count(&self.counts.malformed);
        tracing::debug!(%flow, fault = %malformed.fault, "not a SIP message");
        malformed.request.is_some().then_some(Received::Malformed { malformed, flow })
    }

    /// Hands on, or drops when there is no room: a datagram may always be lost.
    pub fn offer(&self, received: Received) {
        if self.events.try_send(received).is_err() {
            count(&self.counts.dropped);
        }
    }

    pub fn failed(&self, flow: Flow) {
        count(&self.counts.unsent);
        self.lost(flow);
    }

    /// A flow is over, whether or not something was to be sent by it.
    pub fn lost(&self, flow: Flow) {
        self.offer(Received::Failed { flow });
    }
}
