//! One call from the inside: a task that owns the dialog and speaks SIP until the call is over. RFC 3261 §13, §14, §15,
//! written as a phone would do it; shares nothing with the engine's legs.

use super::CallError;
use super::call::{Call, CallState, Command, Ended, Side};
use super::dialog::{ALLOW, Dialog, companion, reply, sent_branch};
use super::line::{Arrived, Line, Repeats};
use super::media::Media;
use super::sdp::{self, Flow, Remote, TELEPHONE_EVENT};
use super::sound::Sound;
use super::token;
use crate::media::codec::g711::Law;
use crate::sip::codec;
use crate::sip::message::{Method, Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// Commands not read yet.
const COMMANDS_MAX: usize = 16;

pub(super) struct Leg {
    line: Arc<Line>,
    dialog: Dialog,
    /// Our tag, in a call that came in.
    tag: String,
    state: watch::Sender<CallState>,
    commands: mpsc::Receiver<Command>,
    requests: mpsc::Receiver<Arrived>,
    media: Arc<Media>,
    remote: Option<Remote>,
    flow: Flow,
    /// We have put the far side on hold.
    holding: bool,
    /// A final response to an INVITE that has no ACK yet.
    unacked: Option<Unacked>,
    /// Told to end, or forgotten by its owner.
    leaving: bool,
    /// The far side has said BYE or CANCEL.
    over: bool,
}

struct Unacked {
    bytes: Vec<u8>,
    to: SocketAddr,
    repeats: Repeats,
}

/// Makes a call.
pub(super) async fn place(line: &Arc<Line>, dialog: Dialog, sound: Sound) -> Result<Call, CallError> {
    let (leg, call) = open(line, dialog, String::new()).await?;
    call.say(sound);
    tokio::spawn(leg.run_outgoing());
    Ok(call)
}

/// Takes a call, or says with which status it is refused.
pub(super) async fn take(line: &Arc<Line>, invite: &Request, from: SocketAddr) -> Result<Call, u16> {
    let tag = token();
    let dialog = Dialog::called(invite, from, &tag).ok_or(400_u16)?;
    let remote = match invite.body.is_empty() {
        true => None,
        false => Some(sdp::read(&invite.body, &line.settings.codecs).ok_or(488_u16)?),
    };
    let (mut leg, call) = open(line, dialog, tag).await.map_err(|error| match error {
        CallError::Overloaded => 486_u16,
        CallError::Socket(_) | CallError::Target(_) | CallError::NoReply | CallError::Closed => 500,
    })?;
    leg.remote = remote;
    leg.flow = remote.map_or(Flow::SendRecv, |remote| remote.flow);
    tokio::spawn(leg.run_incoming(invite.clone(), from));
    Ok(call)
}

async fn open(line: &Arc<Line>, dialog: Dialog, tag: String) -> Result<(Leg, Call), CallError> {
    let media = Arc::new(Media::open(line.settings.bind, line.settings.record_max).await?);
    let requests = line.open_call(&dialog.call_id)?;
    let (state, state_seen) = watch::channel(CallState::Calling);
    let (sender, commands) = mpsc::channel(COMMANDS_MAX);
    let call_id = dialog.call_id.clone();
    let call = Call { call_id, state: state_seen, commands: sender, media: Arc::clone(&media) };
    let leg = Leg {
        line: Arc::clone(line),
        dialog,
        tag,
        state,
        commands,
        requests,
        media,
        remote: None,
        flow: Flow::SendRecv,
        holding: false,
        unacked: None,
        leaving: false,
        over: false,
    };
    Ok((leg, call))
}

const NETWORK: Ended = Ended { by: Side::Network, status: None };

impl Leg {
    async fn run_outgoing(mut self) {
        let ended = match self.invite().await {
            Ok(()) => self.talk().await,
            Err(ended) => ended,
        };
        self.finish(ended);
    }

    async fn run_incoming(mut self, invite: Request, from: SocketAddr) {
        let ended = match self.ring(&invite, from).await {
            Ok(()) => self.talk().await,
            Err(ended) => ended,
        };
        self.finish(ended);
    }

    fn finish(self, ended: Ended) {
        self.media.stop();
        self.line.close_call(&self.dialog.call_id);
        self.state.send_replace(CallState::Ended(ended));
    }

    /// The INVITE and its answer, challenges included.
    async fn invite(&mut self) -> Result<(), Ended> {
        let mut credentials = None;
        for _ in 0..3 {
            let mut invite = self.dialog.request(&self.line, Method::Invite);
            if let Some((name, value)) = credentials.take() {
                invite.headers.push(name, value);
            }
            self.describe(&mut invite.headers, &mut invite.body);
            let response = self.transact(&invite, true).await.map_err(|_| self.unanswered(None))?;
            if (200..300).contains(&response.status) {
                return self.answered(&invite, &response).await;
            }
            let to = response.headers.first("To");
            let ack = companion(&invite, Method::Ack, to);
            self.acknowledge(&invite, &ack).await;
            credentials = self.line.credentials(&response, &invite);
            if credentials.is_none() || self.leaving {
                return Err(self.unanswered(Some(response.status)));
            }
            self.dialog.cseq += 1;
        }
        Err(NETWORK)
    }

    fn unanswered(&self, status: Option<u16>) -> Ended {
        let by = match status {
            _ if self.leaving => Side::Here,
            Some(_) => Side::There,
            None => Side::Network,
        };
        Ended { by, status }
    }

    /// Our INVITE was accepted.
    async fn answered(&mut self, invite: &Request, response: &Response) -> Result<(), Ended> {
        self.dialog.establish(response);
        let ack = self.dialog.request(&self.line, Method::Ack);
        self.acknowledge(invite, &ack).await;
        if !response.body.is_empty() {
            self.listen_to(&response.body);
        }
        // RFC 3261 §13.2.2.4: an answer nobody can use, or wants any more, is answered with ACK and BYE.
        if self.remote.is_none() {
            self.leaving = true;
        }
        self.state.send_replace(CallState::Answered);
        Ok(())
    }

    async fn acknowledge(&mut self, invite: &Request, ack: &Request) {
        if let Some(branch) = sent_branch(invite) {
            self.line.acknowledge(&branch, ack, self.dialog.destination).await;
        }
    }

    /// An INVITE until its final response (RFC 3261 §17.1.1). The first one is cancelled when we leave.
    async fn transact(&mut self, invite: &Request, first: bool) -> Result<Response, CallError> {
        let bytes = codec::print_request(invite);
        let to = self.dialog.destination;
        let mut replies = self.line.expect(invite)?;
        let mut repeats = Repeats::new(self.line.settings.t1, None);
        let (mut proceeding, mut cancelled) = (false, false);
        self.line.send(&bytes, to).await;
        loop {
            tokio::select! {
                reply = replies.next() => match reply {
                    Some(response) if response.status >= 200 => return Ok(response),
                    Some(response) => {
                        proceeding = true;
                        self.provisional(&response, first);
                    }
                    None => return Err(CallError::Closed),
                },
                () = sleep_until(repeats.next), if !proceeding => {
                    self.line.send(&bytes, to).await;
                    repeats.advance();
                }
                () = sleep_until(repeats.give_up), if !proceeding || cancelled => return Err(CallError::NoReply),
                command = self.commands.recv(), if !self.leaving => {
                    self.leaving = matches!(command, Some(Command::HangUp) | None);
                }
                arrived = self.requests.recv() => self.serve(arrived.ok_or(CallError::Closed)?).await,
            }
            // RFC 3261 §9.1: only after a provisional response.
            if first && self.leaving && proceeding && !cancelled {
                cancelled = true;
                repeats.give_up = Instant::now() + self.line.settings.t1 * 64;
                let (line, cancel) = (Arc::clone(&self.line), companion(invite, Method::Cancel, None));
                tokio::spawn(async move { line.ask(&cancel, to).await.is_ok() });
            }
        }
    }

    fn provisional(&mut self, response: &Response, first: bool) {
        if !first || response.status == 100 {
            return;
        }
        let early = !response.body.is_empty() && self.listen_to(&response.body);
        let ringing = *self.state.borrow() == CallState::Calling;
        if early {
            self.state.send_replace(CallState::Early);
        } else if ringing {
            self.state.send_replace(CallState::Ringing);
        }
    }

    /// A call that came in, until it is answered.
    async fn ring(&mut self, invite: &Request, from: SocketAddr) -> Result<(), Ended> {
        loop {
            let status = tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Ring) => {
                        let mut ringing = reply(invite, 180, &self.tag);
                        ringing.headers.push("Contact", self.line.contact());
                        self.line.respond(invite, ringing, from).await;
                        self.state.send_replace(CallState::Ringing);
                        continue;
                    }
                    Some(Command::Answer) => return self.accept(invite, from).await,
                    Some(Command::Refuse(status)) => status,
                    Some(Command::Hold(_)) => continue,
                    Some(Command::HangUp) => 603,
                    None => 480,
                },
                arrived = self.requests.recv() => {
                    self.serve(arrived.ok_or(NETWORK)?).await;
                    if !self.over { continue }
                    487
                }
            };
            return Err(self.refuse(invite, from, status).await);
        }
    }

    /// A refusal, repeated until its ACK (RFC 3261 §17.2.1, timers G and H).
    async fn refuse(&mut self, invite: &Request, from: SocketAddr, status: u16) -> Ended {
        let response = reply(invite, status, &self.tag);
        let by = if self.over { Side::There } else { Side::Here };
        let ended = Ended { by, status: Some(status) };
        self.state.send_replace(CallState::Ended(ended));
        self.finally(invite, response, from, Repeats::requests(self.line.settings.t1)).await;
        while self.unacked.is_some() {
            let Some(arrived) = self.wait_for_ack().await else { break };
            self.serve(arrived).await;
        }
        ended
    }

    /// The next request while an ACK is due, repeating what waits for it; `None` when it never came.
    async fn wait_for_ack(&mut self) -> Option<Arrived> {
        loop {
            let unacked = self.unacked.as_mut()?;
            tokio::select! {
                arrived = self.requests.recv() => return arrived,
                () = sleep_until(unacked.repeats.next) => {
                    self.line.send(&unacked.bytes, unacked.to).await;
                    unacked.repeats.advance();
                }
                () = sleep_until(unacked.repeats.give_up) => return None,
            }
        }
    }

    async fn accept(&mut self, invite: &Request, from: SocketAddr) -> Result<(), Ended> {
        let mut response = reply(invite, 200, &self.tag);
        response.headers.push("Contact", self.line.contact());
        response.headers.push("Allow", ALLOW);
        self.describe(&mut response.headers, &mut response.body);
        if let Some(remote) = self.remote {
            self.media.connect(remote);
        }
        self.finally(invite, response, from, Repeats::requests(self.line.settings.t1)).await;
        self.state.send_replace(CallState::Answered);
        Ok(())
    }

    /// Sends a final response to an INVITE and remembers that it wants an ACK.
    async fn finally(&mut self, invite: &Request, response: Response, to: SocketAddr, repeats: Repeats) {
        self.unacked = Some(Unacked { bytes: codec::print_response(&response), to, repeats });
        self.line.respond(invite, response, to).await;
    }

    /// From the answer to the end.
    async fn talk(&mut self) -> Ended {
        loop {
            if self.over {
                return Ended { by: Side::There, status: None };
            }
            // RFC 3261 §15: the called side says no BYE before the ACK, or before it has given up on it.
            if self.leaving && self.unacked.is_none() {
                return self.say_bye().await;
            }
            let due = self.unacked.as_ref().map(|unacked| (unacked.repeats.next, unacked.repeats.give_up));
            let (next, give_up) = due.unwrap_or_else(|| (Instant::now() + FAR, Instant::now() + FAR));
            tokio::select! {
                command = self.commands.recv(), if !self.leaving => match command {
                    Some(Command::Hold(held)) => self.hold(held).await,
                    Some(Command::HangUp) | None => self.leaving = true,
                    Some(Command::Ring | Command::Answer | Command::Refuse(_)) => {}
                },
                arrived = self.requests.recv() => match arrived {
                    Some(arrived) => self.serve(arrived).await,
                    None => return NETWORK,
                },
                () = sleep_until(next) => self.repeat_unacked().await,
                // RFC 3261 §13.3.1.4: no ACK ever, so the call ends.
                () = sleep_until(give_up) => (self.unacked, self.leaving) = (None, true),
            }
        }
    }

    async fn repeat_unacked(&mut self) {
        if let Some(unacked) = &mut self.unacked {
            self.line.send(&unacked.bytes, unacked.to).await;
            unacked.repeats.advance();
        }
    }

    async fn say_bye(&mut self) -> Ended {
        let ended = Ended { by: Side::Here, status: None };
        self.media.stop();
        self.dialog.cseq += 1;
        let mut bye = self.dialog.request(&self.line, Method::Bye);
        for _ in 0..2 {
            let answer = self.ask_in_dialog(&bye).await;
            let Some((name, value)) = answer.and_then(|answer| self.line.credentials(&answer, &bye)) else {
                break;
            };
            self.dialog.cseq += 1;
            bye = self.dialog.request(&self.line, Method::Bye);
            bye.headers.push(name, value);
        }
        ended
    }

    /// Asks, and meanwhile answers what the far side asks: its BYE may cross ours.
    async fn ask_in_dialog(&mut self, request: &Request) -> Option<Response> {
        let (line, to) = (Arc::clone(&self.line), self.dialog.destination);
        let answer = line.ask(request, to);
        tokio::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return answer.ok(),
                arrived = self.requests.recv() => self.serve(arrived?).await,
            }
        }
    }

    /// A re-INVITE that holds the far side or takes it back (RFC 3264 §8.4).
    async fn hold(&mut self, held: bool) {
        let before = (self.flow, self.holding);
        self.holding = held;
        self.flow = if held { Flow::SendOnly } else { Flow::SendRecv };
        self.dialog.cseq += 1;
        self.dialog.sdp_version += 1;
        let mut invite = self.dialog.request(&self.line, Method::Invite);
        self.describe(&mut invite.headers, &mut invite.body);
        let Ok(response) = self.transact(&invite, false).await else {
            self.leaving = true;
            return;
        };
        if (200..300).contains(&response.status) {
            self.dialog.retarget(&response.headers);
            let ack = self.dialog.request(&self.line, Method::Ack);
            self.acknowledge(&invite, &ack).await;
            self.listen_to(&response.body);
        } else {
            // RFC 3261 §14.1: the session stays as it was.
            (self.flow, self.holding) = before;
            let ack = companion(&invite, Method::Ack, response.headers.first("To"));
            self.acknowledge(&invite, &ack).await;
            self.leaving |= matches!(response.status, 408 | 481);
        }
    }

    /// A request of the far side in this call.
    async fn serve(&mut self, (request, from): Arrived) {
        match request.method {
            Method::Ack => {
                self.unacked = None;
                if !request.body.is_empty() {
                    self.listen_to(&request.body);
                }
            }
            Method::Bye => {
                self.over = true;
                self.line.respond(&request, reply(&request, 200, &self.tag), from).await;
            }
            Method::Cancel => {
                let pending = self.unacked.is_none() && !matches!(*self.state.borrow(), CallState::Answered);
                self.over |= pending && !self.tag.is_empty();
                self.line.respond(&request, reply(&request, 200, &self.tag), from).await;
            }
            Method::Invite => self.changed(&request, from).await,
            Method::Update if !request.body.is_empty() => self.changed(&request, from).await,
            Method::Update | Method::Options | Method::Info | Method::Notify | Method::Message => {
                let mut response = reply(&request, 200, &self.tag);
                response.headers.push("Contact", self.line.contact());
                response.headers.push("Allow", ALLOW);
                self.line.respond(&request, response, from).await;
            }
            Method::Prack
            | Method::Register
            | Method::Subscribe
            | Method::Refer
            | Method::Publish
            | Method::Other(_) => self.line.respond(&request, reply(&request, 501, &self.tag), from).await,
        }
    }

    /// A re-INVITE or UPDATE of the far side (RFC 3261 §14.2, RFC 3311 §5.2).
    async fn changed(&mut self, request: &Request, from: SocketAddr) {
        let invite = request.method == Method::Invite;
        // RFC 3261 §14.2: one at a time.
        if self.unacked.is_some() || *self.state.borrow() != CallState::Answered {
            return self.line.respond(request, reply(request, 491, &self.tag), from).await;
        }
        if !request.body.is_empty() && !self.listen_to(&request.body) {
            return self.line.respond(request, reply(request, 488, &self.tag), from).await;
        }
        self.flow = self.remote.map_or(Flow::SendRecv, |remote| remote.flow);
        self.dialog.retarget(&request.headers);
        self.dialog.sdp_version += 1;
        let mut response = reply(request, 200, &self.tag);
        response.headers.push("Contact", self.line.contact());
        self.describe(&mut response.headers, &mut response.body);
        if invite {
            self.finally(request, response, from, Repeats::requests(self.line.settings.t1)).await;
        } else {
            self.line.respond(request, response, from).await;
        }
    }

    /// Takes the far side's description; whether it is of use.
    fn listen_to(&mut self, body: &[u8]) -> bool {
        let Some(mut remote) = sdp::read(body, &self.line.settings.codecs) else { return false };
        // Held by us, we do not send, whatever the far side would like.
        if self.holding {
            remote.flow = Flow::SendOnly;
        }
        self.remote = Some(remote);
        self.media.connect(remote);
        true
    }

    /// Adds our session description: an answer where there is something to answer, an offer otherwise.
    fn describe(&self, headers: &mut crate::sip::message::Headers, body: &mut Vec<u8>) {
        let one: [Law; 1];
        let (codecs, dtmf): (&[Law], _) = match self.remote {
            Some(remote) => {
                one = [remote.codec];
                (&one, remote.dtmf)
            }
            None => (&self.line.settings.codecs, Some(TELEPHONE_EVENT)),
        };
        headers.push("Content-Type", "application/sdp");
        *body = sdp::write(self.media.local, self.dialog.sdp_version, codecs, dtmf, self.flow);
    }
}

/// When nothing is due.
const FAR: Duration = Duration::from_secs(3600);
