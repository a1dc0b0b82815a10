//! What comes in to the loop, and how it is taken: from every side at each turn, bounded, so that nothing that
//! comes in plenty keeps the rest waiting. It handles nothing.

use super::reload::Change;
use crate::http::{Asked, BansAsked};
use crate::media::MediaEvent;
use crate::sip::transport::{Arrived, Inbox};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// Taken from one side in one turn, at most; of the network's two lanes, from each.
const BATCH: usize = 64;

/// How far a stop is asked for; it never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Stop {
    /// Not at all.
    #[default]
    No,
    /// No new calls; those in progress go on.
    Drain,
    /// No new calls, and those in progress are ended.
    Now,
}

/// Where everything comes from.
pub(super) struct Inputs {
    network: Inbox,
    media: mpsc::Receiver<MediaEvent>,
    api: mpsc::Receiver<Asked>,
    changes: mpsc::Receiver<Change>,
    bans: mpsc::Receiver<BansAsked>,
    stop: watch::Receiver<Stop>,
    nobody_can_stop_us: bool,
}

/// What one turn of the loop has to deal with; kept for its memory.
#[derive(Default)]
pub(super) struct Taken {
    pub network: Vec<Arrived>,
    pub media: Vec<MediaEvent>,
    pub requests: Vec<Asked>,
    pub changes: Vec<Change>,
    pub bans: Vec<BansAsked>,
    pub stop: Stop,
    /// A part of the process that is gone, though it should outlive the loop.
    pub lost: Option<&'static str>,
}

impl Inputs {
    pub(super) fn new(
        network: Inbox,
        media: mpsc::Receiver<MediaEvent>,
        api: mpsc::Receiver<Asked>,
        stop: watch::Receiver<Stop>,
    ) -> Self {
        // Nobody changes anything, unless told otherwise.
        let ((_, changes), (_, bans)) = (mpsc::channel(1), mpsc::channel(1));
        Self { network, media, api, changes, bans, stop, nobody_can_stop_us: false }
    }

    /// Questions about bans come from here.
    pub(super) fn with_bans(self, bans: mpsc::Receiver<BansAsked>) -> Self {
        Self { bans, ..self }
    }

    /// Other rules come from here.
    pub(super) fn with_changes(self, changes: mpsc::Receiver<Change>) -> Self {
        Self { changes, ..self }
    }

    /// Waits until something has come or `until` is reached, then takes what is there from every side.
    pub(super) async fn take(&mut self, until: Instant, taken: &mut Taken) {
        tokio::select! {
            () = sleep_until(until) => {}
            count = self.network.recv_many(&mut taken.network, BATCH) => {
                if count == 0 {
                    taken.lost = Some("the network");
                }
            }
            count = self.media.recv_many(&mut taken.media, BATCH) => {
                if count == 0 {
                    taken.lost = Some("the media plane");
                }
            }
            // The API may end before us: it decides about no call.
            Some(asked) = self.api.recv() => taken.requests.push(asked),
            Some(change) = self.changes.recv() => taken.changes.push(change),
            Some(asked) = self.bans.recv() => taken.bans.push(asked),
            changed = self.stop.changed(), if !self.nobody_can_stop_us => {
                self.nobody_can_stop_us = changed.is_err();
            }
        }
        let room = BATCH.saturating_sub(taken.network.len());
        self.network.top_up(&mut taken.network, room);
        top_up(&mut self.media, &mut taken.media);
        top_up(&mut self.api, &mut taken.requests);
        taken.stop = if self.nobody_can_stop_us { Stop::Now } else { *self.stop.borrow_and_update() };
    }
}

fn top_up<T>(from: &mut mpsc::Receiver<T>, into: &mut Vec<T>) {
    while into.len() < BATCH
        && let Ok(one) = from.try_recv()
    {
        into.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::Request;
    use crate::engine::id::{AgentId, CallId, LegId};
    use crate::sip::flow::Flow;
    use crate::sip::transport::{Lanes, Received, lanes};
    use std::time::Duration;
    use tokio::sync::oneshot;

    struct Sides {
        network: Lanes,
        media: mpsc::Sender<MediaEvent>,
        api: mpsc::Sender<Asked>,
        stop: watch::Sender<Stop>,
    }

    fn inputs() -> (Sides, Inputs) {
        let (network, from_network) = lanes(1000);
        let (media, from_media) = mpsc::channel(1000);
        let (api, from_api) = mpsc::channel(1000);
        let (stop, stopping) = watch::channel(Stop::No);
        (Sides { network, media, api, stop }, Inputs::new(from_network, from_media, from_api, stopping))
    }

    fn flood(sides: &Sides) {
        let flow = Flow::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        while sides.network.offer(Received::Failed { flow }) {}
    }

    #[tokio::test]
    async fn flood_from_the_network_keeps_neither_requests_nor_media_nor_a_stop_waiting() {
        let (sides, mut inputs) = inputs();
        flood(&sides);
        let (reply, _answer) = oneshot::channel();
        sides.api.try_send((Request::Ready { agent: AgentId(0) }, reply)).unwrap();
        sides.media.try_send(MediaEvent::PromptFinished { leg: LegId::Caller(CallId(1)) }).unwrap();
        sides.stop.send_replace(Stop::Drain);
        let mut taken = Taken::default();
        inputs.take(Instant::now(), &mut taken).await;
        assert_eq!((taken.requests.len(), taken.media.len(), taken.stop), (1, 1, Stop::Drain));
        assert_eq!(taken.network.len(), BATCH, "and the flood gets no more than its share");
    }

    #[tokio::test]
    async fn owner_who_is_gone_stops_the_loop_instead_of_waking_it_for_ever() {
        let (sides, mut inputs) = inputs();
        drop(sides.stop);
        let mut taken = Taken::default();
        inputs.take(Instant::now() + Duration::from_secs(600), &mut taken).await;
        assert_eq!(taken.stop, Stop::Now);
        let long = Duration::from_millis(50);
        let again = inputs.take(Instant::now() + Duration::from_secs(600), &mut taken);
        assert!(tokio::time::timeout(long, again).await.is_err(), "nothing more to wake up for");
    }

    #[tokio::test]
    async fn part_that_is_gone_is_noticed() {
        let (sides, mut inputs) = inputs();
        drop(sides.network);
        let mut taken = Taken::default();
        inputs.take(Instant::now() + Duration::from_secs(600), &mut taken).await;
        assert_eq!(taken.lost, Some("the network"));
    }
}
