//! Where what comes in goes: parsed, counted, and handed on to whoever decides.

use super::lanes::{Arrived, Lanes, is_new};
use super::settings::{TransportCounts, count};
use super::shut_out::ShutOut;
use crate::sip::codec;
use crate::sip::fault::{Fault, Malformed};
use crate::sip::flow::Flow;
use crate::sip::message::Message;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

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
    pub events: Lanes,
    pub counts: Arc<TransportCounts>,
    /// Whether the bytes go with each message.
    pub keep_bytes: bool,
    pub shut_out: Arc<ShutOut>,
}

impl Inlet {
    /// Whether nothing is taken from this address; counted, if so.
    pub fn is_shut_out(&self, address: IpAddr) -> bool {
        let is_shut_out = self.shut_out.holds(address);
        if is_shut_out {
            count(&self.counts.shut_out);
        }
        is_shut_out
    }

    /// What bytes mean; `None` when nobody needs to know, or they come from somebody who is shut out.
    pub fn read(&self, bytes: &[u8], flow: Flow) -> Option<Arrived> {
        if self.is_shut_out(flow.remote.ip()) {
            return None;
        }
        match codec::parse(bytes) {
            Ok(message) => {
                count(&self.counts.received);
                let kept = self.keep_bytes.then(|| bytes.into());
                let what = Received::Message { message, flow };
                Some(Arrived { what, at: Instant::now(), is_new: is_new(bytes), bytes: kept })
            }
            Err(Malformed { fault: Fault::Empty, .. }) => None,
            Err(malformed) => self.malformed(malformed, flow),
        }
    }

    pub fn malformed(&self, malformed: Malformed, flow: Flow) -> Option<Arrived> {
        count(&self.counts.malformed);
        tracing::debug!(%flow, fault = %malformed.fault, "not a SIP message");
        let told = malformed.request.is_some().then_some(Received::Malformed { malformed, flow })?;
        Some(Arrived { is_new: true, ..Arrived::from(told) })
    }

    /// Whether a datagram is worth reading: when its lane is full it is dropped at once, and the next has its turn before
    /// the system's own buffer, which knows no difference, overflows.
    pub fn has_room_for(&self, bytes: &[u8]) -> bool {
        let has_room = self.events.has_room_for(bytes);
        if !has_room {
            count(&self.counts.dropped);
        }
        has_room
    }

    /// Hands on, or drops when there is no room: a datagram may always be lost.
    pub fn offer(&self, arrived: impl Into<Arrived>) {
        if !self.events.offer(arrived) {
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
