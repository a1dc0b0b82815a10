//! Transactions (RFC 3261 §17, RFC 6026): every message in and out passes here, is matched, repeated and timed.
//!
//! Pure: messages and the time come in, messages and news go out. No socket, no clock, no random number of its own.
//! The repetition of a 2xx and the wait for its ACK are the dialog's (RFC 6026 §7.1), and so are forks.

mod client;
mod inbound;
mod invite_client;
mod invite_server;
mod key;
mod outbound;
mod output;
mod route;
mod server;
mod settings;
mod timers;

#[cfg(test)]
mod tests;

pub use output::{ClientId, Counts, Full, Output, ServerId};
pub use settings::TransactionSettings;

use super::codec;
use super::flow::Flow;
use super::message::{Message, Request};
use super::tokens::Tokens;
use crate::engine::time::Monotonic;
use timers::{Deadlines, Owner};

/// All transactions of one endpoint. What is to be done is appended to `out`, in order.
#[derive(Debug)]
pub struct Transactions {
    settings: TransactionSettings,
    tokens: Tokens,
    deadlines: Deadlines,
    clients: outbound::Clients,
    servers: inbound::Servers,
    counts: Counts,
}

impl Transactions {
    /// No transaction yet. Branches are made from `seed`, which must be secret and another one after each start.
    pub fn new(settings: TransactionSettings, seed: u64) -> Self {
        Self {
            settings,
            tokens: Tokens::new(seed),
            deadlines: Deadlines::default(),
            clients: outbound::Clients::default(),
            servers: inbound::Servers::default(),
            counts: Counts::default(),
        }
    }

    /// A message came in, already parsed.
    pub fn receive(&mut self, now: Monotonic, message: Message, from: Flow, out: &mut Vec<Output>) {
        match message {
            Message::Request(request) => self.receive_request(now, request, from, out),
            Message::Response(response) => self.receive_response(now, response, from, out),
        }
    }

    /// Sends the ACK of a 2xx, which is no transaction (RFC 3261 §13.2.2.4). Our Via is added here.
    pub fn send_ack(&mut self, mut request: Request, to: Flow, out: &mut Vec<Output>) {
        let via = route::our_via(&to, &self.settings.listeners, &self.tokens.next_token());
        request.headers.push_front("Via", via.to_string());
        out.push(Output::Send { to, bytes: codec::print_request(&request).into() });
    }

    /// Nothing can be sent on `flow` any more, or what was sent last was lost (RFC 3261 §8.1.3.1, §17.1.4, §17.2.4).
    pub fn transport_failed(&mut self, flow: Flow, out: &mut Vec<Output>) {
        self.fail_clients(flow, out);
        self.fail_servers(flow, out);
    }

    /// When [`tick`](Self::tick) is wanted next.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.deadlines.first()
    }

    /// Does what is due. Each transaction acts once, however late the tick comes.
    pub fn tick(&mut self, now: Monotonic, out: &mut Vec<Output>) {
        while let Some(owner) = self.deadlines.due(now) {
            match owner {
                Owner::Client(id) => self.tick_client(now, id, out),
                Owner::Server(id) => self.tick_server(now, id, out),
            }
        }
    }

    /// What has happened so far, and how much is going on.
    pub fn counts(&self) -> Counts {
        Counts { clients: self.clients.len(), servers: self.servers.len(), ..self.counts }
    }
}
