//! All that can happen to the engine. Past tense: a shell reports, it never decides.

use super::id::{AgentId, CallId, LegId, OfferId, RequestId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who calls, as far as the network told us.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Caller {
    /// The number or SIP user; empty when withheld.
    pub number: String,
    /// The display name; empty when there is none.
    pub name: String,
}

/// Why an offer came to nothing, from the phone's side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferFailure {
    /// 486, 600: in another call.
    Busy,
    /// 603, 403 and other refusals by a person or a phone.
    Declined,
    /// 408, 480, 487: rang out on the phone's own timer.
    NoAnswer,
    /// No contact, no response, transport error, 404, 410, 5xx.
    Unreachable,
}

/// What someone with the right to do so asks of the engine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// The agent is at work, and ready if nothing else holds him.
    Login {
        /// Who.
        agent: AgentId,
    },
    /// The agent goes; a call in progress is finished first.
    Logout {
        /// Who.
        agent: AgentId,
    },
    /// No offers until ready again.
    Pause {
        /// Who.
        agent: AgentId,
        /// One of [`Settings::pause_reasons`](super::settings::Settings::pause_reasons).
        reason: String,
    },
    /// Ends a pause, a rest or a wrap-up.
    Ready {
        /// Who.
        agent: AgentId,
    },
    /// Ends a call, whatever its state.
    HangUp {
        /// Which.
        call: CallId,
    },
}

/// Something happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// An admitted INVITE with media we can speak.
    CallArrived {
        /// Its identity from now on.
        call: CallId,
        /// The user part of the Request-URI.
        dialled: String,
        /// Who calls.
        caller: Caller,
        /// The agent who dialled, when the INVITE was authenticated as his account.
        agent: Option<AgentId>,
        /// The SIP Call-ID, for the records.
        sip_call_id: String,
    },
    /// A phone of the agent rings (180, 183).
    OfferRinging {
        /// Which offer.
        offer: OfferId,
    },
    /// The agent answered (200); media is agreed.
    OfferAnswered {
        /// Which offer.
        offer: OfferId,
    },
    /// Every phone of the agent has refused or failed.
    OfferFailed {
        /// Which offer.
        offer: OfferId,
        /// Why.
        failure: OfferFailure,
        /// How long the phone asked to be left alone (Retry-After), if it did.
        retry_after: Option<Duration>,
    },
    /// The other side ended this leg, or it was lost.
    LegEnded {
        /// Which leg.
        leg: LegId,
    },
    /// The prompts of the leg's last `Play` have all been heard.
    PromptFinished {
        /// Which leg.
        leg: LegId,
    },
    /// The person on the leg pressed a key.
    DigitPressed {
        /// Which leg.
        leg: LegId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// The agent's phone can, or can no longer, be reached.
    AgentReachable {
        /// Who.
        agent: AgentId,
        /// Whether there is at least one live contact.
        reachable: bool,
    },
    /// A request, answered by exactly one `Command::Reply`.
    Requested {
        /// To tell the replies apart.
        id: RequestId,
        /// What is asked.
        request: Request,
    },
    /// SIGTERM: no new calls from now on.
    DrainStarted,
    /// Nobody waits for the drain any longer: what still goes on is ended now.
    DrainOver,
    /// Time passed; a deadline may be due.
    Tick,
}
