//! Two endpoints on fake time, and a wire between them that does what a test wants.

mod cancel;
mod invite;
mod limits;
mod lossy;
mod matching;
mod other;

use super::*;
use crate::sip::flow::Transport;
use crate::sip::message::{Headers, Method, Response};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The caller's end of the wire.
const CALLER: usize = 0;
/// The called end.
const CALLED: usize = 1;
/// How long a message travels.
const LATENCY: Duration = Duration::from_millis(10);

/// What becomes of a message on the wire.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Arrives,
    Lost,
    Doubled,
}

/// When a message arrives, and at which end; sent in the order of the second number.
type Wire = BTreeMap<(Monotonic, u64), (usize, Arc<[u8]>)>;

/// Two endpoints and the wire between them.
struct Pair {
    now: Monotonic,
    ends: [Transactions; 2],
    news: [Vec<Output>; 2],
    transport: Transport,
    wire: Wire,
    sent: u64,
    /// `MILLISECONDS who>what`, one per message sent.
    log: Vec<String>,
    fate: Box<dyn FnMut(&str) -> Fate>,
}

impl Pair {
    fn new(transport: Transport) -> Self {
        Self::with(transport, TransactionSettings::default())
    }

    fn with(transport: Transport, settings: TransactionSettings) -> Self {
        Self {
            now: Monotonic(0),
            ends: [Transactions::new(settings.clone(), 1), Transactions::new(settings, 2)],
            news: [Vec::new(), Vec::new()],
            transport,
            wire: BTreeMap::new(),
            sent: 0,
            log: Vec::new(),
            fate: Box::new(|_| Fate::Arrives),
        }
    }

    /// Loses what `lost` says: it is asked with entries like `c>INVITE` and `s>200 INVITE`.
    fn lose(&mut self, mut lost: impl FnMut(&str) -> bool + 'static) {
        self.fate = Box::new(move |what| if lost(what) { Fate::Lost } else { Fate::Arrives });
    }

    fn flow(&self, end: usize) -> Flow {
        let port = |end: usize| SocketAddr::from(([127, 0, 0, 1], 5060 + u16::try_from(end).unwrap()));
        Flow::new(self.transport, port(end), port(1 - end))
    }

    fn act<R>(
        &mut self,
        end: usize,
        act: impl FnOnce(&mut Transactions, Monotonic, &mut Vec<Output>) -> R,
    ) -> R {
        let mut out = Vec::new();
        let result = act(&mut self.ends[end], self.now, &mut out);
        for output in out {
            match output {
                Output::Send { bytes, .. } => self.put(end, bytes),
                news => self.news[end].push(news),
            }
        }
        result
    }

    fn put(&mut self, end: usize, bytes: Arc<[u8]>) {
        let what = format!("{}>{}", if end == CALLER { 'c' } else { 's' }, name(&bytes));
        let copies = match (self.fate)(&what) {
            Fate::Arrives => 1,
            Fate::Lost => 0,
            Fate::Doubled => 2,
        };
        self.log.push(format!("{} {what}", self.now.0 / 1000));
        for _ in 0..copies {
            self.sent += 1;
            self.wire.insert((self.now + LATENCY, self.sent), (1 - end, bytes.clone()));
        }
    }

    /// When something happens next.
    fn next(&self) -> Option<Monotonic> {
        let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
        [arrival, self.ends[0].next_deadline(), self.ends[1].next_deadline()].into_iter().flatten().min()
    }

    /// Lets everything happen that happens next; false when that is nothing, or after `until`.
    fn step(&mut self, until: Monotonic) -> bool {
        let Some(next) = self.next().filter(|next| *next <= until) else { return false };
        self.now = self.now.max(next);
        while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (end, bytes) = entry.remove();
            let (message, from) = (codec::parse(&bytes).unwrap(), self.flow(end));
            self.act(end, |end, now, out| end.receive(now, message, from, out));
        }
        for end in [CALLER, CALLED] {
            self.act(end, |end, now, out| end.tick(now, out));
        }
        true
    }

    fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        while self.step(until) {}
        self.now = until;
    }

    fn run_ms(&mut self, span_ms: u64) {
        self.run_for(Duration::from_millis(span_ms));
    }

    fn send(&mut self, method: Method) -> ClientId {
        let (request, to) = (request(method), self.flow(CALLER));
        self.act(CALLER, |end, now, out| end.request(now, request, to, out)).unwrap()
    }

    /// Answers the request that came in first.
    fn respond(&mut self, status: u16) {
        let (id, request) = self.requests().into_iter().next().expect("a request came in");
        let response = Response::reply_to(&request, status, "", Some("called"));
        self.act(CALLED, |end, now, out| end.respond(now, id, response, out));
    }

    /// The requests the called end was told of.
    fn requests(&self) -> Vec<(ServerId, Request)> {
        let request = |news: &Output| match news {
            Output::Request { id, request, .. } => Some((*id, request.clone())),
            _ => None,
        };
        self.news[CALLED].iter().filter_map(request).collect()
    }

    /// The news of one end, in short.
    fn heard(&self, end: usize) -> Vec<String> {
        self.news[end].iter().map(short).collect()
    }

    /// What was sent since the last call.
    fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    fn assert_idle(&self) {
        for end in &self.ends {
            let counts = end.counts();
            assert_eq!((counts.clients, counts.servers, end.deadlines.len()), (0, 0, 0));
        }
    }
}

fn name(bytes: &[u8]) -> String {
    match codec::parse(bytes).unwrap() {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => {
            let cseq = response.headers.first("CSeq").unwrap().to_owned();
            format!("{} {}", response.status, cseq.split(' ').next_back().unwrap())
        }
    }
}

fn short(news: &Output) -> String {
    match news {
        Output::Send { .. } => "send".into(),
        Output::Request { request, .. } => request.method.to_string(),
        Output::Ack { .. } => "ACK".into(),
        Output::Cancelled { .. } => "cancelled".into(),
        Output::Response { response, .. } => response.status.to_string(),
        Output::TimedOut { .. } => "timed out".into(),
        Output::Failed { .. } => "failed".into(),
        Output::ClientEnded { .. } => "ended".into(),
        Output::ServerEnded { acked: true, .. } => "ended".into(),
        Output::ServerEnded { acked: false, .. } => "ended open".into(),
    }
}

fn request(method: Method) -> Request {
    let mut headers = Headers::new();
    headers.push("Max-Forwards", "70");
    headers.push("Route", "<sip:proxy.example;lr>");
    headers.push("From", "<sip:caller@example.org>;tag=caller");
    headers.push("To", "<sip:called@example.org>");
    headers.push("Call-ID", "call-1");
    headers.push("CSeq", format!("7 {method}"));
    Request { method, uri: "sip:called@example.org".into(), headers, body: b"v=0".to_vec() }
}
