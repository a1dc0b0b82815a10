//! Pure folds over the engine's facts: call records, service level, today's figures, the
//! expected wait; and the formulas of staffing. No clock, no socket.

pub mod cdr;
pub mod erlang;
pub mod estimate;
pub mod service_level;
pub mod today;

pub use cdr::{Audio, Cdr, CdrFilter, CdrFold, Entry, Heard, LegOfCall, Noted, Passed, Restart, Visit};
pub use estimate::{Basis, Estimate, Estimator, Expected, Foresight, Judged, Pace};
pub use service_level::{Counts, Variant};
pub use today::{QueueToday, Today, TurnedAway};
