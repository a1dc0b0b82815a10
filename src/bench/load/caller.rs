//! How far one call has come, and what it is time for: RFC 3261 §17.1 seen from a caller who has thousands beside him.

use std::time::Duration;

pub(super) const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// 64·T1: no answer by then is none at all (timers B and F).
pub(super) const GIVE_UP: Duration = Duration::from_secs(32);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Idle,
    Inviting,
    Proceeding,
    Held,
    Leaving,
    Over,
}

/// What a timer leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Nothing,
    HangUp,
    /// The same again, and next after this pause.
    InviteAgain(Duration),
    ByeAgain(Duration),
    NoAnswer,
    NoAnswerToBye,
}

pub(super) struct Call {
    pub stage: Stage,
    /// When its INVITE was due.
    pub due: Duration,
    /// When the INVITE, later the BYE, was first sent.
    pub began: Duration,
    pub pause: Duration,
    /// Whether it was answered in time.
    pub good: bool,
    /// The timer that counts; earlier ones are void.
    pub timer: u32,
    pub to_tag: Box<str>,
    pub target: Box<str>,
}

impl Call {
    pub fn idle() -> Call {
        let nothing = Duration::ZERO;
        let (to_tag, target) = Default::default();
        let good = false;
        Call { stage: Stage::Idle, due: nothing, began: nothing, pause: T1, good, timer: 0, to_tag, target }
    }

    /// Its timer has gone off.
    pub fn fire(&mut self, now: Duration) -> Due {
        let expired = now.saturating_sub(self.began) >= GIVE_UP;
        match self.stage {
            Stage::Idle | Stage::Over => Due::Nothing,
            Stage::Held => Due::HangUp,
            Stage::Inviting if !expired => {
                self.pause *= 2;
                Due::InviteAgain(self.pause)
            }
            Stage::Leaving if !expired => {
                self.pause = (self.pause * 2).min(T2);
                Due::ByeAgain(self.pause)
            }
            Stage::Inviting | Stage::Proceeding => Due::NoAnswer,
            Stage::Leaving => Due::NoAnswerToBye,
        }
    }

    pub fn is_pending(&self) -> bool {
        matches!(self.stage, Stage::Inviting | Stage::Proceeding)
    }

    pub fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Held | Stage::Leaving)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_repeated_with_growing_pauses_until_nobody_is_waited_for_any_more() {
        let seconds = Duration::from_secs;
        let mut call = Call { stage: Stage::Inviting, began: seconds(100), ..Call::idle() };
        assert_eq!(call.fire(seconds(100) + T1), Due::InviteAgain(T1 * 2));
        assert_eq!(call.fire(seconds(102)), Due::InviteAgain(T1 * 4));
        assert_eq!(call.fire(seconds(132)), Due::NoAnswer);
        let mut call = Call { stage: Stage::Leaving, pause: T2, began: seconds(100), ..Call::idle() };
        assert_eq!(call.fire(seconds(104)), Due::ByeAgain(T2));
        assert_eq!(call.fire(seconds(132)), Due::NoAnswerToBye);
    }
}
