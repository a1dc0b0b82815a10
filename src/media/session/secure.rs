//! A session's SRTP: the keys in use, and how they follow what is agreed anew. It knows no addresses.

use crate::media::counters::DropCause;
use crate::media::sdp::Security;
use crate::media::srtp::{Receiver, Sender};

/// Both directions' keys, ready for use.
#[derive(Debug)]
pub(super) struct Secured {
    agreed: Security,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
}

impl Secured {
    /// The keys after something was agreed anew. A direction whose key stays goes on where it was: begun anew, it would
    /// take replayed packets, or use packet numbers twice (RFC 3711 §9.1).
    pub(super) fn renewed(before: Option<Box<Self>>, agreed: Option<Security>) -> Option<Box<Self>> {
        let agreed = agreed?;
        let Some(mut secured) = before else {
            let (sender, receiver) = (Sender::new(&agreed.send), Receiver::new(&agreed.receive));
            return Some(Box::new(Self { agreed, sender, receiver }));
        };
        if secured.agreed.send != agreed.send {
            secured.sender = Sender::new(&agreed.send);
        }
        if secured.agreed.receive != agreed.receive {
            secured.receiver = Receiver::new(&agreed.receive);
        }
        secured.agreed = agreed;
        Some(secured)
    }

    /// The plain packet, once it is proven.
    pub(super) fn read<'a>(&mut self, datagram: &'a mut [u8]) -> Result<&'a mut [u8], DropCause> {
        let length = self.receiver.unprotect(datagram)?;
        datagram.get_mut(..length).ok_or(DropCause::Malformed)
    }

    /// The plain report, once it is proven.
    pub(super) fn read_control<'a>(&mut self, datagram: &'a mut [u8]) -> Result<&'a mut [u8], DropCause> {
        let length = self.receiver.unprotect_control(datagram)?;
        datagram.get_mut(..length).ok_or(DropCause::Malformed)
    }
}
