//! A phone's line: one UDP socket, who waits for which message, and the retransmissions of RFC 3261 §17, written apart
//! from the engine's transaction layer. Decides nothing about calls.

use super::dialog::{reply, sent_branch};
use super::digest::{self, Question};
use super::incoming::{self, IncomingCall};
use super::{CallError, PhoneSettings, locked, token};
use crate::sip::codec;
use crate::sip::message::{Message, Method, Request, Response};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// RFC 3261 §17.1.2.2: the longest pause between two transmissions.
const T2: Duration = Duration::from_secs(4);
/// Messages remembered for repetitions.
const REMEMBERED_MAX: usize = 4_096;
/// Transactions at once.
const WAITING_MAX: usize = 16_384;
/// Messages waiting for one call.
const QUEUED_MAX: usize = 64;

/// A request and where it came from.
pub(super) type Arrived = (Request, SocketAddr);

/// The pauses between retransmissions: T1, doubled up to a cap; over after 64·T1 (timers A/B, E/F, G/H).
pub(super) struct Repeats {
    pub next: Instant,
    pub give_up: Instant,
    pause: Duration,
    pause_max: Duration,
}

impl Repeats {
    pub fn new(t1: Duration, pause_max: Option<Duration>) -> Self {
        let now = Instant::now();
        let pause_max = pause_max.unwrap_or(t1 * 64);
        Self { next: now + t1, give_up: now + t1 * 64, pause: t1, pause_max }
    }

    pub fn requests(t1: Duration) -> Self {
        Self::new(t1, Some(T2))
    }

    /// One was sent: when is the next?
    pub fn advance(&mut self) {
        self.pause = (self.pause * 2).min(self.pause_max);
        self.next = Instant::now() + self.pause;
    }
}

/// The last few messages sent, by what asks for them again.
struct Remembered {
    messages: HashMap<String, Option<(Vec<u8>, SocketAddr)>>,
    order: VecDeque<String>,
}

impl Remembered {
    fn new() -> Self {
        Self { messages: HashMap::new(), order: VecDeque::new() }
    }

    fn keep(&mut self, key: &str, message: Option<(Vec<u8>, SocketAddr)>) {
        if self.messages.insert(key.to_owned(), message).is_none() {
            self.order.push_back(key.to_owned());
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.messages.remove(&oldest);
        }
    }
}

pub(super) struct Line {
    pub settings: PhoneSettings,
    pub local: SocketAddr,
    socket: UdpSocket,
    waiting: Mutex<HashMap<String, mpsc::Sender<Response>>>,
    calls: Mutex<HashMap<String, mpsc::Sender<Arrived>>>,
    /// What we answered: by the branch and method of the request.
    answered: Mutex<Remembered>,
    /// Our ACKs: by the branch of the INVITE.
    acked: Mutex<Remembered>,
    incoming: mpsc::Sender<IncomingCall>,
}

/// Responses to one request. Nobody waits any more when dropped.
pub(super) struct Replies {
    line: Arc<Line>,
    key: String,
    responses: mpsc::Receiver<Response>,
}

impl Replies {
    pub async fn next(&mut self) -> Option<Response> {
        self.responses.recv().await
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        locked(&self.line.waiting).remove(&self.key);
    }
}

impl Line {
    pub fn new(
        settings: PhoneSettings,
        socket: UdpSocket,
        local: SocketAddr,
        incoming: mpsc::Sender<IncomingCall>,
    ) -> Arc<Line> {
        Arc::new(Line {
            settings,
            local,
            socket,
            waiting: Mutex::default(),
            calls: Mutex::default(),
            answered: Mutex::new(Remembered::new()),
            acked: Mutex::new(Remembered::new()),
            incoming,
        })
    }

    /// The Via of a new request, and a branch of its own.
    pub fn via(&self) -> String {
        format!("SIP/2.0/UDP {};branch=z9hG4bK{};rport", self.local, token())
    }

    /// Where we want to be called.
    pub fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.settings.account, self.local)
    }

    pub async fn send(&self, bytes: &[u8], to: SocketAddr) {
        // What UDP does not take is as good as lost on the way: the retransmission takes care of it.
        let _ = self.socket.send_to(bytes, to).await;
    }

    /// Sends a response and keeps it for repetitions of the request.
    pub async fn respond(&self, request: &Request, response: Response, to: SocketAddr) {
        let bytes = codec::print_response(&response);
        if let Some(key) = key_of_request(request) {
            locked(&self.answered).keep(&key, Some((bytes.clone(), to)));
        }
        self.send(&bytes, to).await;
    }

    /// Sends the ACK of a final response and keeps it for repetitions of that.
    pub async fn acknowledge(&self, invite_branch: &str, ack: &Request, to: SocketAddr) {
        let bytes = codec::print_request(ack);
        locked(&self.acked).keep(invite_branch, Some((bytes.clone(), to)));
        self.send(&bytes, to).await;
    }

    /// Registers for the responses to a request.
    pub fn expect(self: &Arc<Self>, request: &Request) -> Result<Replies, CallError> {
        let branch = sent_branch(request).ok_or(CallError::Overloaded)?;
        let key = format!("{branch} {}", request.method);
        let (sender, responses) = mpsc::channel(QUEUED_MAX);
        let mut waiting = locked(&self.waiting);
        if waiting.len() >= WAITING_MAX {
            return Err(CallError::Overloaded);
        }
        waiting.insert(key.clone(), sender);
        drop(waiting);
        Ok(Replies { line: Arc::clone(self), key, responses })
    }

    /// Requests of this Call-ID go to the returned channel from now on.
    pub fn open_call(&self, call_id: &str) -> Result<mpsc::Receiver<Arrived>, CallError> {
        let (sender, requests) = mpsc::channel(QUEUED_MAX);
        let mut calls = locked(&self.calls);
        if calls.len() >= self.settings.calls_max {
            return Err(CallError::Overloaded);
        }
        calls.insert(call_id.to_owned(), sender);
        Ok(requests)
    }

    pub fn close_call(&self, call_id: &str) {
        locked(&self.calls).remove(call_id);
    }

    pub fn close_all_calls(&self) {
        locked(&self.calls).clear();
        locked(&self.waiting).clear();
    }

    /// One request other than INVITE, until its final response (RFC 3261 §17.1.2). Challenges are not answered.
    pub async fn ask(self: &Arc<Self>, request: &Request, to: SocketAddr) -> Result<Response, CallError> {
        let bytes = codec::print_request(request);
        let mut replies = self.expect(request)?;
        let mut repeats = Repeats::requests(self.settings.t1);
        self.send(&bytes, to).await;
        loop {
            tokio::select! {
                reply = replies.next() => match reply {
                    Some(response) if response.status >= 200 => return Ok(response),
                    Some(_) => {}
                    None => return Err(CallError::Closed),
                },
                () = sleep_until(repeats.next) => {
                    self.send(&bytes, to).await;
                    repeats.advance();
                }
                () = sleep_until(repeats.give_up) => return Err(CallError::NoReply),
            }
        }
    }

    /// The header that answers a challenge: its name and value.
    pub fn credentials(&self, challenge: &Response, request: &Request) -> Option<(&'static str, String)> {
        let (asked, answered) = match challenge.status {
            401 => ("WWW-Authenticate", "Authorization"),
            407 => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return None,
        };
        // Once only: asked again, the password is wrong.
        if request.headers.first(answered).is_some() {
            return None;
        }
        let question = Question {
            account: &self.settings.account,
            password: &self.settings.password,
            method: request.method.as_str(),
            uri: &request.uri,
            cnonce: &token(),
        };
        Some((answered, digest::credentials(challenge.headers.all(asked), &question)?))
    }

    /// Reads the socket until the task is aborted.
    pub async fn listen(self: Arc<Self>) {
        let mut datagram = vec![0; codec::MESSAGE_SIZE_MAX_BYTES];
        loop {
            let Ok((length, from)) = self.socket.recv_from(&mut datagram).await else { continue };
            match codec::parse(datagram.get(..length).unwrap_or_default()) {
                Ok(Message::Response(response)) => self.on_response(response).await,
                Ok(Message::Request(request)) => self.on_request(request, from).await,
                Err(_) => {}
            }
        }
    }

    async fn on_response(&self, response: Response) {
        let via = response.headers.first("Via").and_then(|via| via.parse::<crate::sip::uri::Via>().ok());
        let Some(branch) = via.as_ref().and_then(crate::sip::uri::Via::branch) else { return };
        let method = response.headers.first("CSeq").and_then(|cseq| cseq.split_whitespace().nth(1));
        let Some(method) = method else { return };
        if method == "INVITE" && response.status >= 200 {
            let again = locked(&self.acked).messages.get(branch).cloned().flatten();
            if let Some((ack, to)) = again {
                return self.send(&ack, to).await;
            }
        }
        let waiter = locked(&self.waiting).get(&format!("{branch} {method}")).cloned();
        if let Some(waiter) = waiter {
            // A full queue loses the response, as UDP might have.
            let _ = waiter.try_send(response);
        }
    }

    async fn on_request(self: &Arc<Self>, request: Request, from: SocketAddr) {
        let Some(key) = key_of_request(&request) else { return };
        if request.method != Method::Ack {
            let repeated = locked(&self.answered).messages.get(&key).cloned();
            match repeated {
                Some(Some((bytes, to))) => return self.send(&bytes, to).await,
                Some(None) => return,
                None => locked(&self.answered).keep(&key, None),
            }
        }
        let Some(call_id) = request.headers.first("Call-ID") else { return };
        let call = locked(&self.calls).get(call_id).cloned();
        match call {
            Some(call) => {
                let _ = call.try_send((request, from));
            }
            None => self.on_new_request(request, from).await,
        }
    }

    async fn on_new_request(self: &Arc<Self>, request: Request, from: SocketAddr) {
        let status = match &request.method {
            Method::Invite if request.to_tag().is_none() => return self.ring_in(request, from).await,
            Method::Options => 200,
            Method::Ack => return,
            Method::Invite | Method::Bye | Method::Cancel | Method::Info | Method::Update | Method::Prack => {
                481
            }
            Method::Notify | Method::Message => 200,
            Method::Register | Method::Subscribe | Method::Refer | Method::Publish | Method::Other(_) => 501,
        };
        let mut response = reply(&request, status, &token());
        response.headers.push("Allow", super::dialog::ALLOW);
        self.respond(&request, response, from).await;
    }

    async fn ring_in(self: &Arc<Self>, request: Request, from: SocketAddr) {
        self.send(&codec::print_response(&reply(&request, 100, "")), from).await;
        let refusal = match incoming::accept(self, &request, from).await {
            Ok(call) => match self.incoming.try_send(call) {
                // The call that is dropped with the error declines itself.
                Ok(()) | Err(_) => return,
            },
            Err(status) => reply(&request, status, &token()),
        };
        self.respond(&request, refusal, from).await;
    }
}

fn key_of_request(request: &Request) -> Option<String> {
    Some(format!("{} {}", request.headers.first("Via")?, request.method))
}
