//! Whether the call records that wait for their database leave room for the records of new calls.

/// In hundredths of the room: when so much is taken, new calls are refused.
const FULL: u64 = 90;
/// And taken again when less than this is, so that one record more or less does not turn it over again.
const AGAIN: u64 = 75;

/// What is known of the room.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub is_full: bool,
}

impl Room {
    /// So many records wait, of so many that may.
    pub fn look(&mut self, waiting: u64, most: u64) {
        let hundredths = if self.is_full { AGAIN } else { FULL };
        self.is_full = waiting >= most.saturating_mul(hundredths).div_ceil(100).max(1);
    }
}
