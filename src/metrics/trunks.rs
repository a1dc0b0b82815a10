//! How trunks stand, whenever the runtime says so.

use super::maker::{Made, Maker};
use prometheus::IntGaugeVec;

/// Trunks.
#[derive(Debug)]
pub struct TrunkMetrics {
    up: IntGaugeVec,
    registered: IntGaugeVec,
}

impl TrunkMetrics {
    pub(super) fn new(make: &Maker<'_>) -> Made<Self> {
        let up = make.gauges(
            "trunk_up",
            "1 while a server of the trunk is believed to live; only trunks that numbers outside are called through.",
            &["trunk"],
        )?;
        let registered = make.gauges(
            "trunk_registered",
            "1 while calls to our contact at the trunk come here; only trunks where we register.",
            &["trunk"],
        )?;
        Ok(Self { up, registered })
    }

    /// Shows how a trunk stands; `None` is not shown.
    pub fn show(&self, trunk: &str, up: Option<bool>, registered: Option<bool>) {
        for (gauges, value) in [(&self.up, up), (&self.registered, registered)] {
            if let Some(value) = value {
                gauges.with_label_values(&[trunk]).set(i64::from(value));
            }
        }
    }
}
