//! What other systems tell their callers. For the claims only: nothing here is told to a caller of ours.

/// Asterisk's expected hold time of a queue: after each answered call, hold = (3·hold + its wait)/4. It knows neither
/// how many wait nor how many serve.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct AsteriskHold {
    hold_s: f64,
}

impl AsteriskHold {
    /// A call was answered after so many seconds.
    pub fn answered(&mut self, wait_s: f64) {
        self.hold_s = (3.0 * self.hold_s + wait_s) / 4.0;
    }

    /// What the next caller is told, in seconds.
    pub fn told_s(&self) -> f64 {
        self.hold_s
    }
}

/// LES: the wait of the last call to enter service.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct LastToEnter {
    wait_s: f64,
}

impl LastToEnter {
    /// A call was answered after so many seconds.
    pub fn answered(&mut self, wait_s: f64) {
        self.wait_s = wait_s;
    }

    /// What the next caller is told, in seconds.
    pub fn told_s(&self) -> f64 {
        self.wait_s
    }
}

/// HOL: how long the head of the line has waited by now, in seconds; zero when nobody waits.
pub fn head_of_line_s(now_s: f64, head_joined_s: Option<f64>) -> f64 {
    head_joined_s.map_or(0.0, |joined_s| (now_s - joined_s).max(0.0))
}
