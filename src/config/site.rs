//! What holds for the whole site: how agents are shared among queues, and when they are given a break.

use super::section::Section;
use crate::engine::settings::{Fatigue, QueueOrder};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Nearly strict within any wait a caller puts up with, and yet an end.
const PRIMARY_FIRST: Duration = Duration::from_secs(600);

/// The site's rules.
pub(super) struct Site {
    pub(super) order: QueueOrder,
    pub(super) primary_first: Duration,
    pub(super) fatigue: Option<Fatigue>,
}

pub(super) fn read(root: &Section<'_>) -> Site {
    Site {
        order: root.choice("order", &QueueOrder::TABLE).unwrap_or_default(),
        primary_first: root.duration("primary_first", Duration::ZERO..=DAY).unwrap_or(PRIMARY_FIRST),
        fatigue: root.optional_table("fatigue").map(fatigue),
    }
}

fn fatigue(section: Section<'_>) -> Fatigue {
    section.require("occupancy_max");
    let fatigue = Fatigue {
        occupancy_max: section.share("occupancy_max").unwrap_or(1.0),
        over: section.duration("over", MINUTE..=DAY).unwrap_or(30 * MINUTE),
        rest: section.duration("rest", Duration::from_secs(1)..=60 * MINUTE).unwrap_or(MINUTE),
    };
    if fatigue.rest >= fatigue.over {
        section.error(&section.span, "rest: expected less than over, or agents rest most of the time");
    }
    section.finish();
    fatigue
}
