//! Scripted user agents: a caller and a phone that say exactly what the test tells them to.

use crate::bench::{Bench, udp};
use holdfast::engine::Event;
use holdfast::engine::event::Caller;
use holdfast::engine::id::CallId;
use holdfast::secret::Secret;
use holdfast::sip::auth::{Answerer, Login};
use holdfast::sip::flow::Flow;
use holdfast::sip::message::{Headers, Method, Request, Response};

pub fn sdp(port: u16, format: u8, direction: &str) -> Vec<u8> {
    format!(
        "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {format}\r\na={direction}\r\n"
    )
    .into_bytes()
}

/// Somebody who calls us.
pub struct Dialler {
    pub flow: Flow,
    pub call_id: String,
    pub tag: String,
    pub user: String,
    /// The To header, with our tag once it is known.
    pub to: String,
    pub cseq: u32,
    pub branch: u32,
    pub contact: String,
}

impl Dialler {
    /// A caller behind the trunk.
    pub fn new() -> Self {
        Self::at("203.0.113.7:5060", "030123")
    }

    pub fn at(remote: &str, user: &str) -> Self {
        Self {
            flow: udp(remote),
            call_id: format!("call-{user}"),
            tag: format!("tag-{user}"),
            user: user.into(),
            to: "<sip:4001@192.0.2.9>".into(),
            cseq: 0,
            branch: 0,
            contact: format!("<sip:{user}@{remote}>"),
        }
    }

    /// The next request, in a transaction of its own.
    pub fn make(&mut self, method: Method, body: Vec<u8>) -> Request {
        self.branch += 1;
        if method != Method::Ack && method != Method::Cancel {
            self.cseq += 1;
        }
        let mut headers = Headers::new();
        let branch = format!("z9hG4bK{}-{}", self.call_id, self.branch);
        headers.push("Via", format!("SIP/2.0/UDP {};rport;branch={branch}", self.flow.remote));
        headers.push("Max-Forwards", "70");
        headers.push("From", format!("\"Jane\" <sip:{}@carrier.example>;tag={}", self.user, self.tag));
        headers.push("To", self.to.clone());
        headers.push("Call-ID", self.call_id.clone());
        headers.push("CSeq", format!("{} {method}", self.cseq));
        headers.push("Contact", self.contact.clone());
        if !body.is_empty() {
            headers.push("Content-Type", "application/sdp");
        }
        Request { method, uri: "sip:4001@192.0.2.9".into(), headers, body }
    }

    pub fn send(&mut self, bench: &mut Bench, method: Method, body: Vec<u8>) -> Request {
        let request = self.make(method, body);
        bench.request(self.flow, &request);
        request
    }

    pub fn invite(&mut self, bench: &mut Bench) -> Request {
        self.send(bench, Method::Invite, sdp(40_000, 0, "sendrecv"))
    }

    pub fn learn(&mut self, response: &Response) {
        self.to = response.headers.first("To").unwrap().into();
    }

    /// Calls, is answered and acknowledges: an established call with number 100.
    pub fn established(bench: &mut Bench) -> Self {
        let mut caller = Self::new();
        caller.invite(bench);
        bench.expect_response(100);
        assert!(matches!(bench.events.pop_front(), Some(Event::CallArrived { .. })));
        bench.command(holdfast::engine::Command::Answer { call: CallId(100) });
        let ok = bench.expect_response(200);
        caller.learn(&ok);
        caller.send(bench, Method::Ack, Vec::new());
        bench.expect_silence();
        caller
    }

    /// What its INVITE becomes for the engine.
    pub fn arrived(&self, call: u64) -> Event {
        Event::CallArrived {
            call: CallId(call),
            dialled: "4001".into(),
            caller: Caller { number: self.user.clone(), name: "Jane".into(), ..Caller::default() },
            agent: None,
            sip_call_id: self.call_id.clone(),
            wishes: None,
        }
    }
}

/// The phone of an agent.
pub struct Phone {
    pub flow: Flow,
    pub account: Dialler,
    pub name: String,
    /// What its REGISTERs say besides the usual.
    pub more: Vec<(&'static str, String)>,
}

impl Phone {
    pub fn new(name: &str, remote: &str) -> Self {
        let mut account = Dialler::at(remote, name);
        account.call_id = format!("register-{name}-{remote}");
        account.to = format!("<sip:{name}@192.0.2.9>");
        Self { flow: udp(remote), account, name: name.into(), more: Vec::new() }
    }

    /// A registered phone, whose registration left no trace in the bench.
    pub fn registered(bench: &mut Bench, name: &str, remote: &str) -> Self {
        let mut phone = Self::new(name, remote);
        let secret = format!("{name}-secret");
        let ok = phone.register(bench, &secret, 600);
        assert_eq!(ok.status, 200, "{ok:#?}");
        bench.events.clear();
        phone
    }

    /// REGISTER, challenged, answered; the last response.
    pub fn register(&mut self, bench: &mut Bench, password: &str, expires: u32) -> Response {
        let mut request = self.register_request(expires);
        bench.request(self.flow, &request);
        let challenge = bench.expect_response(401);
        self.account.branch += 1;
        self.account.cseq += 1;
        request.headers.set("CSeq", format!("{} REGISTER", self.account.cseq));
        self.authorize(&mut request, &challenge, password);
        bench.request(self.flow, &request);
        match bench.wire.pop_front() {
            Some((_, holdfast::sip::message::Message::Response(response))) => response,
            other => panic!("expected a response, got {other:?}"),
        }
    }

    pub fn register_request(&mut self, expires: u32) -> Request {
        let mut request = self.account.make(Method::Register, Vec::new());
        request.uri = "sip:192.0.2.9".into();
        request.headers.set("From", format!("<sip:{0}@192.0.2.9>;tag=r", self.name));
        request.headers.push("Expires", expires.to_string());
        for (name, value) in &self.more {
            request.headers.push(name, value.clone());
        }
        request
    }

    /// Answers a challenge for the request, in a new transaction.
    pub fn authorize(&self, request: &mut Request, challenge: &Response, password: &str) {
        let login =
            Login { username: self.name.clone(), realm: "holdfast".into(), password: Secret::new(password) };
        let value = Answerer::new(login)
            .answer(
                challenge.headers.all("WWW-Authenticate"),
                request.method.as_str(),
                &request.uri,
                "cnonce",
            )
            .unwrap();
        request.headers.set("Authorization", value);
        let via = request.headers.first("Via").unwrap().to_owned();
        request.headers.set("Via", format!("{via}-auth"));
    }

    /// A response to an INVITE of ours.
    pub fn reply(&self, invite: &Request, status: u16, body: Vec<u8>) -> Response {
        self.reply_with_tag(invite, status, &format!("phone-{}", self.flow.remote.port()), body)
    }

    pub fn reply_with_tag(&self, invite: &Request, status: u16, tag: &str, body: Vec<u8>) -> Response {
        let mut response = Response::reply_to(invite, status, "", Some(tag));
        response.headers.push("Contact", format!("<sip:{}@{}>", self.name, self.flow.remote));
        if !body.is_empty() {
            response.headers.push("Content-Type", "application/sdp");
        }
        response.body = body;
        response
    }

    pub fn says(&self, bench: &mut Bench, invite: &Request, status: u16) {
        let body = if status == 200 { sdp(50_000, 8, "sendrecv") } else { Vec::new() };
        let response = self.reply(invite, status, body);
        bench.response(self.flow, &response);
    }

    /// Hangs up, or asks something else, within the dialog of `invite`.
    pub fn request(&self, invite: &Request, method: Method, number: u32, body: Vec<u8>) -> Request {
        let mut headers = Headers::new();
        let branch = format!("z9hG4bK{}-{number}-{method}", self.flow.remote.port());
        headers.push("Via", format!("SIP/2.0/UDP {};rport;branch={branch}", self.flow.remote));
        headers.push("From", format!("<sip:x@y>;tag=phone-{}", self.flow.remote.port()));
        headers.push("To", invite.headers.first("From").unwrap());
        headers.push("Call-ID", invite.headers.first("Call-ID").unwrap());
        headers.push("CSeq", format!("{number} {method}"));
        headers.push("Contact", format!("<sip:{}@{}>", self.name, self.flow.remote));
        if !body.is_empty() {
            headers.push("Content-Type", "application/sdp");
        }
        Request { method, uri: "sip:holdfast@192.0.2.9".into(), headers, body }
    }
}
