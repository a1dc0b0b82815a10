//! Two lanes for what comes in: what belongs to something that stands goes first, what would begin something new may
//! wait, and is dropped first. It looks at bytes, and decides about no call.
//!
//! A CANCEL travels behind its INVITE, in the lane of the new: overtaking it, it would find nothing to cancel.

use super::Received;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc::{self, error::TryRecvError};

/// Something received, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// What.
    pub what: Received,
    /// When it was taken from its socket.
    pub at: Instant,
    /// Whether it would begin something new: a request outside of any dialog.
    pub is_new: bool,
    /// The bytes of a message, when somebody wants to look at them.
    pub bytes: Option<Arc<[u8]>>,
}

impl From<Received> for Arrived {
    /// Of what is no message, or whose bytes nobody wants.
    fn from(what: Received) -> Self {
        Self { what, at: Instant::now(), is_new: false, bytes: None }
    }
}

/// The near end: transports put in what they receive.
#[derive(Clone, Debug)]
pub struct Lanes {
    standing: mpsc::Sender<Arrived>,
    new: mpsc::Sender<Arrived>,
}

/// The far end.
#[derive(Debug)]
pub struct Inbox {
    standing: mpsc::Receiver<Arrived>,
    new: mpsc::Receiver<Arrived>,
}

/// Two lanes; in each as many may wait as `most`.
pub fn lanes(most: usize) -> (Lanes, Inbox) {
    let (standing, from_standing) = mpsc::channel(most.max(1));
    let (new, from_new) = mpsc::channel(most.max(1));
    (Lanes { standing, new }, Inbox { standing: from_standing, new: from_new })
}

impl Lanes {
    fn lane(&self, is_new: bool) -> &mpsc::Sender<Arrived> {
        if is_new { &self.new } else { &self.standing }
    }

    /// Puts it in, or gives it up when its lane is full. Whether it was put in.
    pub fn offer(&self, arrived: impl Into<Arrived>) -> bool {
        let arrived = arrived.into();
        self.lane(arrived.is_new).try_send(arrived).is_ok()
    }

    /// Puts it in as soon as there is room: the bytes behind it stay in their socket.
    pub async fn send(&self, arrived: impl Into<Arrived>) {
        let arrived = arrived.into();
        // Nobody listens any more: whoever sends will notice by `closed`.
        let _ = self.lane(arrived.is_new).send(arrived).await;
    }

    /// Whether a message with these bytes would find room; asked before it is even parsed.
    pub fn has_room_for(&self, bytes: &[u8]) -> bool {
        self.lane(is_new(bytes)).capacity() > 0
    }

    /// Waits until nobody listens any more.
    pub async fn closed(&self) {
        self.standing.closed().await;
    }
}

impl Inbox {
    /// Waits for the next.
    pub async fn recv(&mut self) -> Option<Arrived> {
        tokio::select! {
            biased;
            Some(arrived) = self.standing.recv() => Some(arrived),
            Some(arrived) = self.new.recv() => Some(arrived),
            else => None,
        }
    }

    /// Waits until something has come, and takes as much as there is, `most` of either lane, what stands before what is
    /// new. How much it took; nothing only when nobody is left to send.
    pub async fn recv_many(&mut self, into: &mut Vec<Arrived>, most: usize) -> usize {
        let before = into.len();
        match self.recv().await {
            Some(arrived) => into.push(arrived),
            None => return 0,
        }
        self.top_up(into, most.saturating_sub(1));
        into.len() - before
    }

    /// Takes what is there without waiting, as [`recv_many`](Self::recv_many) does.
    pub fn top_up(&mut self, into: &mut Vec<Arrived>, most: usize) {
        for lane in [&mut self.standing, &mut self.new] {
            let room = into.len() + most;
            while into.len() < room {
                match lane.try_recv() {
                    Ok(arrived) => into.push(arrived),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
        }
    }
}

/// Whether bytes are a request without a tag in To, by which a dialog would be known (RFC 3261 §12.2.2): a new call, a
/// registration, a question of a stranger. Bytes that make no sense are new as well.
pub(super) fn is_new(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"SIP/2.0 ") {
        return false;
    }
    let headers = bytes.split(|byte| *byte == b'\n').skip(1);
    for line in headers.take_while(|line| !matches!(line, [] | [b'\r'])) {
        let Some(colon) = line.iter().take(8).position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let name = name.trim_ascii();
        if name.eq_ignore_ascii_case(b"to") || name.eq_ignore_ascii_case(b"t") {
            return !value.windows(4).any(|word| word.eq_ignore_ascii_case(b"tag="));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::flow::Flow;

    fn arrived(is_new: bool) -> Arrived {
        let flow = Flow::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        Arrived { is_new, ..Arrived::from(Received::Failed { flow }) }
    }

    #[test]
    fn responses_and_requests_within_dialogs_stand_and_all_else_is_new() {
        for standing in [
            "SIP/2.0 200 OK\r\nTo: <sip:a@b>\r\n\r\n",
            "BYE sip:a@b SIP/2.0\r\nTo: <sip:a@b>;tag=7\r\n\r\n",
            "INVITE sip:a@b SIP/2.0\r\nFrom: <sip:c@d>;tag=1\r\nt : A <sip:a@b> ;TAG=7\r\n\r\n",
            "ACK sip:a@b SIP/2.0\nTo: <sip:a@b>;tag=7\n\n",
        ] {
            assert!(!is_new(standing.as_bytes()), "{standing}");
        }
        for new in [
            "INVITE sip:a@b SIP/2.0\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\n\r\n",
            "CANCEL sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\nFrom: <sip:c@d>;tag=1\r\n\r\n",
            "INVITE sip:a@b SIP/2.0\r\nFrom: <sip:c@d>\r\n\r\nTo: <sip:a@b>;tag=in-the-body",
            "",
            "\r\n\r\n",
            "nonsense",
        ] {
            assert!(is_new(new.as_bytes()), "{new}");
        }
    }

    #[test]
    fn what_stands_comes_first_and_a_flood_of_the_new_takes_no_room_from_it() {
        let (lanes, mut inbox) = lanes(3);
        assert_eq!((0..10).filter(|_| lanes.offer(arrived(true))).count(), 3);
        assert!(!lanes.has_room_for(b"INVITE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n"));
        assert!(lanes.has_room_for(b"SIP/2.0 200 OK\r\n\r\n"));
        assert!(lanes.offer(arrived(false)));
        let mut taken = Vec::new();
        inbox.top_up(&mut taken, 2);
        assert_eq!(taken.iter().map(|one| one.is_new).collect::<Vec<_>>(), [false, true, true]);
    }

    #[tokio::test]
    async fn lanes_whose_senders_are_gone_end() {
        let (lanes, mut inbox) = lanes(3);
        lanes.send(arrived(true)).await;
        drop(lanes);
        let mut taken = Vec::new();
        assert_eq!(inbox.recv_many(&mut taken, 8).await, 1);
        assert_eq!(inbox.recv_many(&mut taken, 8).await, 0);
    }
}
