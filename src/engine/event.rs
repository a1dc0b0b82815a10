//! All that can happen to the engine. Past tense: a shell reports, it never decides.

use super::id::{AgentId, CallId, LegId, OfferId, QueueId, RequestId};
use super::settings::{self, Destination, Settings};
use super::skill::Requirement;
use super::talk::{GuestRole, RecordingChange, TransferTo};
use super::time::Wall;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who calls, as far as the network told us.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Caller {
    /// The number or SIP user; empty when withheld.
    pub number: String,
    /// The display name; empty when there is none.
    pub name: String,
    /// The number he called first, when somebody else sent him on to us from there (RFC 5806, RFC 7044). Boxed, for few have any.
    #[serde(default)]
    pub diverted_from: Option<Box<str>>,
}

impl Caller {
    /// Whether nobody can tell who calls: the number is withheld, or a word that stands for that (RFC 3323 §4.1).
    pub fn is_anonymous(&self) -> bool {
        const WITHHELD: [&str; 5] = ["anonymous", "unknown", "restricted", "private", "unavailable"];
        self.number.is_empty() || WITHHELD.iter().any(|word| self.number.eq_ignore_ascii_case(word))
    }
}

/// What whoever sent the call (a trusted trunk, a dialogue system before us) asks for it, besides what its number says.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Wishes {
    /// Required besides what queue and number require.
    pub requirement: Option<Requirement>,
    /// A credit of wait instead of the number's.
    pub priority: Option<Duration>,
    /// The agent who should take it, if he is at work; the queue is the backup.
    pub agent: Option<AgentId>,
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
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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
    /// Credits a waiting call with another wait: it moves up or down the line.
    Reprioritise {
        /// Which.
        call: CallId,
        /// The credit from now on.
        priority: Duration,
    },
    /// Adds to, or replaces, what a waiting call requires besides what its queue and number do.
    Require {
        /// Which.
        call: CallId,
        /// What.
        requirement: Requirement,
    },
    /// Moves a waiting call to another queue; the wait so far counts there.
    Move {
        /// Which.
        call: CallId,
        /// Where to.
        queue: QueueId,
    },
    /// Gives a waiting call to this agent, as soon as he is free, whatever his skills.
    Pull {
        /// Which.
        call: CallId,
        /// For whom.
        agent: AgentId,
    },
    /// Takes a waiting call out of its queue and sends it elsewhere.
    Withdraw {
        /// Which.
        call: CallId,
        /// Where to.
        to: Destination,
    },
    /// Why a waiting call still waits; answered by `Answer::Waiting`.
    Explain {
        /// Which.
        call: CallId,
    },
    /// Closes a queue whatever its hours say: an emergency, a works meeting.
    Close {
        /// Which.
        queue: QueueId,
        /// Until when; `None`: until it is reopened.
        until: Option<Wall>,
    },
    /// Ends a closing by hand: its hours apply again.
    Reopen {
        /// Which.
        queue: QueueId,
    },
    /// More time for after-call work, as far as the queue allows.
    ExtendWrapUp {
        /// Who.
        agent: AgentId,
        /// By how much.
        by: Duration,
    },
    /// Notes what the agent's last call was about.
    Dispose {
        /// Who.
        agent: AgentId,
        /// One of [`Settings::dispositions`](super::settings::Settings::dispositions).
        disposition: String,
    },
    /// Frees an agent from whatever holds him, whatever it takes: his calls are ended, his offer is called off.
    Release {
        /// Who.
        agent: AgentId,
    },
    /// Rings an agent's phone so that he joins a conversation; one who has joined takes part otherwise.
    Join {
        /// Which call.
        call: CallId,
        /// Who. He need not be logged in.
        agent: AgentId,
        /// As what.
        role: GuestRole,
    },
    /// Sends somebody out who joined.
    SendOut {
        /// Of which call.
        call: CallId,
        /// Whom.
        agent: AgentId,
    },
    /// Whoever joined serves the caller from now on.
    TakeOver {
        /// Which call.
        call: CallId,
        /// Who.
        agent: AgentId,
    },
    /// Passes a conversation on. The caller hears music until somebody has him; if nobody takes him, he is back with
    /// his agent, or first in line.
    Transfer {
        /// Which call.
        call: CallId,
        /// To whom.
        to: TransferTo,
    },
    /// Rings a colleague, or a number outside, to be asked while the caller hears music.
    Consult {
        /// Which call.
        call: CallId,
        /// Whom.
        to: TransferTo,
    },
    /// Caller, agent and who was asked talk together.
    Conference {
        /// Which call.
        call: CallId,
    },
    /// Who was asked has the caller from now on.
    Complete {
        /// Which call.
        call: CallId,
    },
    /// Who was asked is let go, a transfer is called off, and the agent talks to the caller again.
    Return {
        /// Which call.
        call: CallId,
    },
    /// Changes the recording of a conversation.
    Record {
        /// Which.
        call: CallId,
        /// How.
        change: RecordingChange,
    },
    /// Exchanges what is configured of an agent; his state and his calls stay as they are.
    EditAgent {
        /// Who.
        agent: AgentId,
        /// From now on. The name must stay the same.
        settings: Box<settings::Agent>,
    },
}

/// Something happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// An admitted INVITE with media we can speak.
    CallArrived {
        /// Its identity from now on.
        call: CallId,
        /// The number that was dialled: where it stands (Request-URI, To, Diversion, …) is a matter of the trunk.
        dialled: String,
        /// Who calls.
        caller: Caller,
        /// The agent who dialled, when the INVITE was authenticated as his account.
        agent: Option<AgentId>,
        /// The SIP Call-ID, for the records.
        sip_call_id: String,
        /// What is asked for it; boxed, for hardly any call has any.
        wishes: Option<Box<Wishes>>,
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
    /// The other side ended this leg, or it was a caller's and was lost.
    LegEnded {
        /// Which leg.
        leg: LegId,
    },
    /// The person on the leg put us on hold, or resumed (RFC 3264 §8.4).
    LegHeld {
        /// Which leg.
        leg: LegId,
        /// Held, or resumed.
        held: bool,
    },
    /// An agent's phone wants a conversation passed on (REFER, RFC 3515).
    TransferAsked {
        /// The leg it came by.
        leg: LegId,
        /// The user part of whom it names: an agent, a number of ours, a number outside.
        to: String,
        /// The leg that is to be replaced: then whoever is at its other end is meant (RFC 3891).
        replaces: Option<LegId>,
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
    /// Nothing has been heard of a leg in a conversation for too long, neither sound nor reports.
    AudioStopped {
        /// Whose.
        leg: LegId,
    },
    /// It is heard again.
    AudioResumed {
        /// Whose.
        leg: LegId,
    },
    /// The process was killed, and has begun anew with what it had written down: the time is that of its end.
    Restarted {
        /// The legs that may still be there; all others are gone.
        standing: Vec<LegId>,
        /// The agents whose phones are known.
        reachable: Vec<AgentId>,
    },
    /// A leg that was asked for after a restart is there, with media.
    LegResumed {
        /// Which.
        leg: LegId,
    },
    /// A leg that was asked for after a restart did not answer, or knows of no call any more; or an agent's did so in the
    /// midst of a call, without a BYE.
    LegLost {
        /// Which.
        leg: LegId,
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
    /// The configuration was read anew. Names keep their indices; who is gone is retired.
    Reconfigured {
        /// All rules from now on.
        settings: Box<Settings>,
    },
    /// SIGTERM: no new calls from now on.
    DrainStarted,
    /// Nobody waits for the drain any longer: what still goes on is ended now.
    DrainOver,
    /// Time passed; a deadline may be due.
    Tick,
}
