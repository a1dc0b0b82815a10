//! What the bouncer goes by. Data only.

use crate::cidr::Cidr;
use std::net::IpAddr;
use std::time::Duration;

/// How much longer than a second a stranger's burst may last.
const BURST_SECS: u32 = 10;

/// How much patience there is with strangers, and with those who guess.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BouncerRules {
    /// Requests of one stranger that are looked at in a second, on average; ten times as many at once. 0: all.
    pub strangers_per_second: u32,
    /// So many wrong passwords of one source, and it is banned. 0: nobody ever is.
    pub failures: u32,
    /// Within this time.
    pub within: Duration,
    /// For this long, and twice as long each time after.
    pub length: Duration,
    /// Who is never limited nor banned.
    pub exempt: Vec<Cidr>,
}

impl Default for BouncerRules {
    fn default() -> Self {
        Self {
            strangers_per_second: 25,
            failures: 10,
            within: Duration::from_secs(600),
            length: Duration::from_secs(3600),
            exempt: Vec::new(),
        }
    }
}

impl BouncerRules {
    pub(super) fn exempts(&self, address: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(address))
    }

    /// The time between two requests of a stranger; `None`: no limit.
    pub(super) fn interval(&self) -> Option<Duration> {
        Duration::from_secs(1).checked_div(self.strangers_per_second)
    }

    /// How many may come at once.
    pub(super) fn burst(&self) -> u32 {
        self.strangers_per_second.saturating_mul(BURST_SECS)
    }
}
