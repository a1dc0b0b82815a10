//! Ring progressively: the longest free agent first, after each `ring_step` one more beside those who ring already. The
//! steps are the engine's; whom each adds is said here.

use super::Strategy;

pub(super) struct RingProgressively;

impl Strategy for RingProgressively {}
