//! How a peer's messages leave: through its transactions, in the order in which they were decided.

use super::{Asked, Peer};
use crate::engine::time::Monotonic;
use crate::simulate::signalling::site;
use crate::sip::message::{Headers, Method, Request, Response};
use crate::sip::transaction::{ClientId, Output, ServerId};

impl Peer {
    /// Sends a request of ours.
    pub(super) fn ask(&mut self, now: Monotonic, request: Request, asked: Asked) -> Option<ClientId> {
        let mut out = Vec::new();
        let id = self.transactions.request(now, request, self.flow, &mut out).ok();
        if let Some(id) = id {
            self.asked.insert(id, asked);
        }
        self.news.extend(out);
        self.flush();
        id
    }

    pub(super) fn send_ack(&mut self, ack: Request) {
        let mut out = Vec::new();
        self.transactions.send_ack(ack, self.flow, &mut out);
        self.news.extend(out);
        self.flush();
    }

    pub(super) fn respond(&mut self, now: Monotonic, id: ServerId, response: Response) {
        let mut out = Vec::new();
        self.transactions.respond(now, id, response, &mut out);
        self.news.extend(out);
        self.flush();
    }

    /// A response that says no more than its status.
    pub(super) fn reply(&mut self, now: Monotonic, id: ServerId, request: &Request, status: u16) {
        let response = Response::reply_to(request, status, "", Some("stray"));
        self.respond(now, id, response);
    }

    /// What is to be sent leaves in the order in which it was decided.
    pub(super) fn flush(&mut self) {
        let news = std::mem::take(&mut self.news);
        for output in news {
            match output {
                Output::Send { bytes, .. } => self.sends.push(bytes),
                other @ (Output::Request { .. }
                | Output::Ack { .. }
                | Output::Cancelled { .. }
                | Output::Response { .. }
                | Output::TimedOut { .. }
                | Output::Failed { .. }
                | Output::ClientEnded { .. }
                | Output::ServerEnded { .. }) => self.news.push_back(other),
            }
        }
    }

    pub(super) fn cancel(&mut self, now: Monotonic, client: ClientId) {
        let mut out = Vec::new();
        self.transactions.cancel(now, client, &mut out);
        self.news.extend(out);
        self.flush();
    }

    /// The headers of a request that begins something.
    pub(super) fn opening(&self, method: &Method, to: &str, call_id: &str, tag: &str) -> Headers {
        let mut headers = Headers::new();
        headers.push("Max-Forwards", "70");
        headers.push("From", format!("<sip:{}@{}>;tag={tag}", self.name, self.address.ip()));
        headers.push("To", format!("<sip:{to}@{}>", site::here().ip()));
        headers.push("Call-ID", call_id);
        headers.push("CSeq", format!("1 {method}"));
        headers.push("Contact", self.contact());
        headers
    }
}
