//! A call that comes in: rung, answered, declined, or withdrawn by the caller. The call itself runs in `leg`.

use super::call::{Call, CallState, Command, Ended};
use super::leg;
use super::line::Line;
use crate::sip::message::Request;
use crate::sip::uri::NameAddr;
use std::net::SocketAddr;
use std::sync::Arc;

/// A call nobody has answered yet. Dropped, it is declined with 480.
pub struct IncomingCall {
    call: Call,
    caller: Option<NameAddr>,
    invite: Request,
}

impl IncomingCall {
    /// The calling number: the user part of From.
    pub fn number(&self) -> &str {
        self.caller.as_ref().and_then(|caller| caller.uri.user.as_deref()).unwrap_or_default()
    }

    /// The calling name: the display name of From.
    pub fn name(&self) -> &str {
        self.caller.as_ref().and_then(|caller| caller.display.as_deref()).unwrap_or_default()
    }

    /// A header of the INVITE.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.invite.headers.first(name)
    }

    /// Rings (180).
    pub fn ring(&self) {
        self.call.ask(Command::Ring);
    }

    /// Answers (200). Whether the caller was still there, the call's state tells.
    pub fn answer(self) -> Call {
        self.call.ask(Command::Answer);
        self.call
    }

    /// Declines with a status from 300 to 699; another number is sent as 603.
    pub fn decline(self, status: u16) -> Call {
        let status = if (300..700).contains(&status) { status } else { 603 };
        self.call.ask(Command::Refuse(status));
        self.call
    }

    /// Where it stands.
    pub fn state(&self) -> CallState {
        self.call.state()
    }

    /// Waits until the caller withdraws: for ever, if he does not.
    pub async fn withdrawn(&self) -> Ended {
        self.call.ended().await
    }
}

/// Takes an INVITE in, or says with which status it is refused.
pub(super) async fn accept(
    line: &Arc<Line>,
    invite: &Request,
    from: SocketAddr,
) -> Result<IncomingCall, u16> {
    let caller = invite.headers.first("From").and_then(|from| from.parse().ok());
    let call = leg::take(line, invite, from).await?;
    Ok(IncomingCall { call, caller, invite: invite.clone() })
}
