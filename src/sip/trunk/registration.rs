//! Our registration at a trunk (RFC 3261 §10.2): asked for, refreshed before it ends, given up at the end. One attempt at a
//! time, at one server; when all have failed, it rests longer and longer (RFC 5626 §4.5). Sends nothing itself.

use super::gateway::GatewayId;
use super::settings::RegistrationRules;
use crate::engine::time::Monotonic;
use crate::sip::auth::{Answerer, ChallengeError, Login};
use crate::sip::cause;
use crate::sip::message::{Headers, Response};
use crate::sip::name_addr::NameAddr;
use crate::sip::tokens::Tokens;
use std::time::Duration;

/// How long a server has to answer: by UDP the question has been sent four times by then.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// The first rest when all servers have failed, and the longest (RFC 5626 §4.5).
const REST: Duration = Duration::from_secs(30);
const REST_MAX: Duration = Duration::from_secs(1800);
/// No server makes us register for longer than this.
const EXPIRES_MAX: Duration = Duration::from_secs(24 * 3600);
/// A server that grants less is not obeyed to the letter: it would have us ask all the time.
const GRANTED_MIN: Duration = Duration::from_secs(10);

/// What a REGISTER of ours says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// To which server.
    pub gateway: GatewayId,
    /// The same for all of one registration (RFC 3261 §10.2).
    pub call_id: String,
    /// The tag of From.
    pub tag: String,
    /// Its number.
    pub cseq: u32,
    /// For how long; zero ends it.
    pub expires: Duration,
    /// The header that answers a challenge, and its value.
    pub authorization: Option<(&'static str, String)>,
}

/// Why we are not registered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotRegistered {
    /// Nobody answered.
    #[error("no server answers")]
    Silence,
    /// Refused.
    #[error("it answers {0}")]
    Refused(u16),
    /// It asks for a password in a way that is not answered.
    #[error("its question for a password is not answered: {0}")]
    Challenge(#[from] ChallengeError),
}

/// What comes of an answer, or of none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Then {
    /// This is sent, now.
    Ask(Ask),
    /// Another server is tried, if there is one: [`Registration::ask`], or else [`Registration::rest`].
    Elsewhere(NotRegistered),
    /// We are registered.
    Registered,
    /// We are not, and rest.
    Resting(NotRegistered),
    /// Nothing.
    Nothing,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Nothing is known of a server.
    Unplaced,
    Resting {
        until: Monotonic,
    },
    Asking {
        ask: Ask,
        answerer: Box<Answerer>,
        answer_by: Monotonic,
        /// Whether the server has said once that it wants a longer time (423).
        is_mended: bool,
    },
    Left,
}

/// One registration.
#[derive(Clone, Debug)]
pub struct Registration {
    login: Login,
    call_id: String,
    tag: String,
    cseq: u32,
    /// For how long we ask.
    expires: Duration,
    stage: Stage,
    /// The servers that failed since we last rested.
    tried: Vec<GatewayId>,
    /// Rounds in a row that failed.
    failures: u32,
    /// Where we are registered, and until when.
    granted: Option<(GatewayId, Monotonic)>,
    retry_after: Option<Duration>,
    is_leaving: bool,
}

impl Registration {
    /// Not begun: that takes a server.
    pub fn new(rules: &RegistrationRules, login: Login, tokens: &mut Tokens) -> Self {
        Self {
            login,
            call_id: tokens.next_token(),
            tag: tokens.next_token(),
            cseq: 0,
            expires: rules.every,
            stage: Stage::Unplaced,
            tried: Vec::new(),
            failures: 0,
            granted: None,
            retry_after: None,
            is_leaving: false,
        }
    }

    /// Whether calls to our contact come here.
    pub fn is_registered(&self, now: Monotonic) -> bool {
        self.granted.is_some_and(|(_, until)| until > now)
    }

    /// Whether the end of it is still to be told, or to be heard of.
    pub fn is_leaving(&self) -> bool {
        self.is_leaving && !matches!(self.stage, Stage::Left)
    }

    /// When something is to be done: a server is silent, or the rest is over.
    pub fn deadline(&self) -> Option<Monotonic> {
        match &self.stage {
            Stage::Unplaced | Stage::Left => None,
            Stage::Resting { until } => Some(*until),
            Stage::Asking { answer_by, .. } => Some(*answer_by),
        }
    }

    /// There are servers, where there were none.
    pub fn placed(&mut self, now: Monotonic) {
        if matches!(self.stage, Stage::Unplaced) {
            self.stage = Stage::Resting { until: now };
        }
    }

    /// The server being asked.
    pub fn asked(&self) -> Option<GatewayId> {
        match &self.stage {
            Stage::Asking { ask, .. } => Some(ask.gateway),
            Stage::Unplaced | Stage::Resting { .. } | Stage::Left => None,
        }
    }

    /// Whether the REGISTER of this number is the one whose answer is awaited.
    pub fn is_asking(&self, cseq: u32) -> bool {
        matches!(&self.stage, Stage::Asking { ask, .. } if ask.cseq == cseq)
    }

    /// Whether this server is still to be tried before we rest.
    pub fn may_try(&self, gateway: GatewayId) -> bool {
        !self.tried.contains(&gateway)
    }

    /// The rest is over: where to go first is whoever calls to say, by [`ask`](Self::ask).
    pub fn begin(&mut self) {
        self.tried.clear();
        self.retry_after = None;
    }

    /// Asks this server.
    pub fn ask(&mut self, now: Monotonic, gateway: GatewayId) -> Ask {
        self.tried.push(gateway);
        self.send(now, gateway, Answerer::new(self.login.clone()), None, false)
    }

    fn send(
        &mut self,
        now: Monotonic,
        gateway: GatewayId,
        answerer: Answerer,
        authorization: Option<(&'static str, String)>,
        is_mended: bool,
    ) -> Ask {
        self.cseq += 1;
        let expires = if self.is_leaving { Duration::ZERO } else { self.expires };
        let (call_id, tag, cseq) = (self.call_id.clone(), self.tag.clone(), self.cseq);
        let ask = Ask { gateway, call_id, tag, cseq, expires, authorization };
        self.stage = Stage::Asking {
            ask: ask.clone(),
            answerer: Box::new(answerer),
            answer_by: now + ANSWER_MAX,
            is_mended,
        };
        ask
    }

    /// The server asked last has not answered in time, or could not be reached.
    pub fn silent(&mut self) -> Then {
        if self.is_leaving {
            self.left();
            return Then::Nothing;
        }
        Then::Elsewhere(NotRegistered::Silence)
    }

    /// A final response to the REGISTER of this number. `user` is that of our Contact, `uri` the request's own.
    pub fn answered(
        &mut self,
        now: Monotonic,
        cseq: u32,
        response: &Response,
        (uri, user): (&str, &str),
        tokens: &mut Tokens,
    ) -> Then {
        let (gateway, mut answerer, is_mended) = match &self.stage {
            Stage::Asking { ask, answerer, is_mended, .. } if ask.cseq == cseq => {
                (ask.gateway, Answerer::clone(answerer), *is_mended)
            }
            // Somebody asked before the one we ask now has found his tongue.
            Stage::Asking { .. } | Stage::Unplaced | Stage::Resting { .. } | Stage::Left => {
                return Then::Nothing;
            }
        };
        match response.status {
            200..300 if self.is_leaving => self.left(),
            200..300 => return self.registered(now, gateway, &response.headers, user, tokens),
            401 | 407 => {
                let challenge = Challenge::of(response.status);
                let values = response.headers.all(challenge.asks);
                match answerer.answer(values, "REGISTER", uri, &tokens.next_token()) {
                    Ok(value) => {
                        let authorization = Some((challenge.answers, value));
                        return Then::Ask(self.send(now, gateway, answerer, authorization, is_mended));
                    }
                    Err(_) if self.is_leaving => self.left(),
                    Err(error) => return self.rest(now, error.into(), tokens),
                }
            }
            _ if self.is_leaving => self.left(),
            423 if !is_mended => {
                if let Some(least) = seconds(response.headers.first("Min-Expires")) {
                    self.expires = least.clamp(self.expires, EXPIRES_MAX.max(self.expires));
                    return Then::Ask(self.send(now, gateway, answerer, None, true));
                }
                return self.rest(now, NotRegistered::Refused(423), tokens);
            }
            408 | 500..600 => {
                let after = cause::retry_after(response.headers.first("Retry-After"));
                self.retry_after = self.retry_after.max(after);
                return Then::Elsewhere(NotRegistered::Refused(response.status));
            }
            status => return self.rest(now, NotRegistered::Refused(status), tokens),
        }
        Then::Nothing
    }

    fn registered(
        &mut self,
        now: Monotonic,
        gateway: GatewayId,
        headers: &Headers,
        user: &str,
        tokens: &mut Tokens,
    ) -> Then {
        let granted = granted(headers, user).unwrap_or(self.expires).clamp(GRANTED_MIN, EXPIRES_MAX);
        self.granted = Some((gateway, now + granted));
        self.failures = 0;
        // Between half and three quarters of it: there is time for another server, and not all of us come at once.
        let share = 500 + tokens.draw(250);
        self.stage = Stage::Resting { until: now + granted * share / 1000 };
        Then::Registered
    }

    /// No server took it: the next round is begun after a rest between half of and all of 30 s, 60 s, 120 s…
    pub fn rest(&mut self, now: Monotonic, why: NotRegistered, tokens: &mut Tokens) -> Then {
        let longest = REST.saturating_mul(1 << self.failures.min(8)).min(REST_MAX);
        self.failures = self.failures.saturating_add(1);
        let rest = longest * (500 + tokens.draw(500)) / 1000;
        self.stage = Stage::Resting { until: now + rest.max(self.retry_after.unwrap_or_default()) };
        Then::Resting(why)
    }

    /// We are about to go: what was granted is given back. What is to be sent for that.
    pub fn leave(&mut self, now: Monotonic) -> Option<Ask> {
        if std::mem::replace(&mut self.is_leaving, true) {
            return None;
        }
        let gateway =
            self.asked().or(self.granted.filter(|(_, until)| *until > now).map(|(gateway, _)| gateway));
        match gateway {
            Some(gateway) => Some(self.send(now, gateway, Answerer::new(self.login.clone()), None, false)),
            None => {
                self.left();
                None
            }
        }
    }

    fn left(&mut self) {
        self.granted = None;
        self.stage = Stage::Left;
    }
}

/// The headers by which a server asks for a password and is answered (RFC 3261 §22).
struct Challenge {
    asks: &'static str,
    answers: &'static str,
}

impl Challenge {
    fn of(status: u16) -> Self {
        if status == 407 {
            Self { asks: "Proxy-Authenticate", answers: "Proxy-Authorization" }
        } else {
            Self { asks: "WWW-Authenticate", answers: "Authorization" }
        }
    }
}

/// What was granted to our own Contact, for others may be registered beside it (RFC 3261 §10.2.4).
fn granted(headers: &Headers, user: &str) -> Option<Duration> {
    let contacts = headers.values("Contact").take(16).filter_map(|value| value.parse::<NameAddr>().ok());
    let mut ours = contacts.filter(|contact| contact.uri.user.as_deref() == Some(user));
    let own = ours.find_map(|contact| seconds(contact.params.value("expires")));
    own.or_else(|| seconds(headers.first("Expires")))
}

fn seconds(text: Option<&str>) -> Option<Duration> {
    let secs: u32 = text?.trim().parse().ok()?;
    Some(Duration::from_secs(secs.into()))
}

#[cfg(test)]
mod tests;
