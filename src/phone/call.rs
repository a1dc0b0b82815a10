//! The handle on a call: its state, its sound, and what can be asked of it. The call itself runs in `leg`.

use super::ear::Heard;
use super::media::Media;
use super::sound::Sound;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Who ended a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// This phone.
    Here,
    /// The far side.
    There,
    /// Nobody: no response, a lost ACK, no media in common, a closed phone.
    Network,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// By whom.
    pub by: Side,
    /// The final status of a call that was never answered: 486, 487, 603, …; `None` after an answer or without a response.
    pub status: Option<u16>,
}

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallState {
    /// The INVITE is out, or has come in and nothing was done yet.
    Calling,
    /// It rings.
    Ringing,
    /// There is sound before the answer (183 with SDP).
    Early,
    /// Answered.
    Answered,
    /// Over.
    Ended(Ended),
}

/// What the handle asks of the call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Command {
    Ring,
    Answer,
    Refuse(u16),
    Hold(bool),
    HangUp,
}

/// A call. Dropped, it is hung up.
pub struct Call {
    pub(super) call_id: String,
    pub(super) state: watch::Receiver<CallState>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) media: Arc<Media>,
}

impl Call {
    /// Where it stands now.
    pub fn state(&self) -> CallState {
        *self.state.borrow()
    }

    /// A channel on which every change of state can be waited for.
    pub fn watch(&self) -> watch::Receiver<CallState> {
        self.state.clone()
    }

    /// The SIP Call-ID.
    pub fn sip_call_id(&self) -> &str {
        &self.call_id
    }

    /// Waits until the call is answered.
    ///
    /// # Errors
    /// How it ended, when it was not answered or is already over.
    pub async fn answered(&self) -> Result<(), Ended> {
        match self.until(|state| matches!(state, CallState::Answered | CallState::Ended(_))).await {
            CallState::Ended(ended) => Err(ended),
            CallState::Calling | CallState::Ringing | CallState::Early | CallState::Answered => Ok(()),
        }
    }

    /// Waits until the call is over.
    pub async fn ended(&self) -> Ended {
        match self.until(|state| matches!(state, CallState::Ended(_))).await {
            CallState::Ended(ended) => ended,
            CallState::Calling | CallState::Ringing | CallState::Early | CallState::Answered => {
                Ended { by: Side::Network, status: None }
            }
        }
    }

    /// Waits until the state is as wanted. A call that can't change any more is over.
    pub async fn until(&self, wanted: impl FnMut(&CallState) -> bool) -> CallState {
        match self.state.clone().wait_for(wanted).await {
            Ok(state) => *state,
            Err(_) => CallState::Ended(Ended { by: Side::Network, status: None }),
        }
    }

    /// Hangs up: CANCEL before the answer, BYE after it. Returns at once.
    pub fn hang_up(&self) {
        self.ask(Command::HangUp);
    }

    /// Puts the far side on hold with a re-INVITE, or takes it back.
    pub fn hold(&self, held: bool) {
        self.ask(Command::Hold(held));
    }

    /// Says something else from now on.
    pub fn say(&self, sound: Sound) {
        self.media.say(sound);
    }

    /// Presses keys (RFC 4733): `0`–`9`, `*`, `#`, `A`–`D`. Returns how many were taken; at most 64 wait.
    pub fn press(&self, keys: &str) -> usize {
        keys.chars().take_while(|&key| self.media.press(key)).count()
    }

    /// What was heard so far.
    pub fn heard(&self) -> Heard {
        self.media.heard()
    }

    /// The recording so far, at 8 kHz, up to the phone's cap.
    pub fn recording(&self) -> Vec<i16> {
        self.media.recording()
    }

    /// Begins the recording and the newest second anew.
    pub fn forget_sound(&self) {
        self.media.forget();
    }

    /// Our RTP address.
    pub fn rtp_address(&self) -> SocketAddr {
        self.media.local
    }

    pub(super) fn ask(&self, command: Command) {
        // A call that is over wants no more commands; one with sixteen unread ones is ending.
        let _ = self.commands.try_send(command);
    }
}
