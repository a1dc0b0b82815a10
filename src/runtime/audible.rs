//! How well both sides of a call were heard: asked of the media plane when the call's record is completed.

use crate::engine::fact::{Fact, OfferOutcome};
use crate::engine::id::{CallId, LegId, OfferId};
use crate::media::{Handle, Quality};
use crate::stats::{Audio, Heard};
use std::collections::BTreeMap;

/// Which leg served which call, while it goes on.
#[derive(Debug, Default)]
pub(super) struct Audible {
    served_by: BTreeMap<CallId, OfferId>,
}

impl Audible {
    pub(super) fn observe(&mut self, fact: &Fact) {
        if let Fact::OfferEnded { offer, call, outcome: OfferOutcome::Answered, .. } = fact {
            self.served_by.insert(*call, *offer);
        }
    }

    /// What was measured of a call that is over.
    pub(super) fn of(&mut self, call: CallId, media: &Handle) -> Audio {
        let agent = self.served_by.remove(&call);
        // Who never talked to anybody was not listened to.
        let heard = |leg: LegId| agent.and(media.quality(leg)).map(|quality| heard(&quality));
        Audio {
            caller: heard(LegId::Caller(call)),
            agent: agent.and_then(|offer| heard(LegId::Agent(offer))),
        }
    }
}

fn heard(quality: &Quality) -> Heard {
    let measured = &quality.measured;
    Heard {
        packets: measured.packets,
        lost_ppm: (measured.lost_share * 1e6) as u32,
        jitter_us: (measured.jitter_ms * 1e3) as u32,
        round_trip_us: (measured.round_trip_ms * 1e3) as u32,
        mos_hundredths: (quality.mos * 100.0).round() as u16,
    }
}
