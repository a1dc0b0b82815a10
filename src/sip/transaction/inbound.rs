//! Requests of others: matching, absorbing repetitions, answering (RFC 3261 §17.2), CANCEL (§9.2) and too many at once.

use super::invite_server::InviteServer;
use super::key::ServerKey;
use super::output::{Output, ServerId};
use super::server::Server;
use super::settings::Timing;
use super::timers::{Acts, Owner};
use super::{Transactions, route};
use crate::engine::time::Monotonic;
use crate::sip::codec;
use crate::sip::fault::Malformed;
use crate::sip::flow::Flow;
use crate::sip::message::{Method, Request, Response};
use crate::sip::uri::Via;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
enum Machine {
    Invite(InviteServer),
    Other(Server),
}

#[derive(Debug)]
struct Entry {
    key: ServerKey,
    machine: Machine,
    timing: Timing,
    reply: Flow,
    /// The response to repeat.
    last: Option<Arc<[u8]>>,
    /// The tag of our responses, once one had it.
    to_tag: Option<String>,
    /// The 100 Trying, and when it is sent if its user says nothing before.
    trying: Option<(Monotonic, Arc<[u8]>)>,
    deadline: Option<Monotonic>,
}

impl Entry {
    fn next_moment(&self) -> Option<Monotonic> {
        let machine = match &self.machine {
            Machine::Invite(machine) => machine.timers.deadline(),
            Machine::Other(machine) => machine.timers.deadline(),
        };
        match (machine, self.trying.as_ref().map(|(at, _)| *at)) {
            (Some(machine), Some(trying)) => Some(machine.min(trying)),
            (machine, trying) => machine.or(trying),
        }
    }

    fn is_pending(&self) -> bool {
        match &self.machine {
            Machine::Invite(machine) => machine.is_pending(),
            Machine::Other(machine) => machine.is_pending(),
        }
    }

    fn repeat(&self, out: &mut Vec<Output>) {
        if let Some(bytes) = &self.last {
            out.push(Output::Send { to: self.reply, bytes: bytes.clone() });
        }
    }
}

/// The server transactions. Iterated by id only, so that the order is always the same.
#[derive(Debug, Default)]
pub(super) struct Servers {
    by_id: BTreeMap<u64, Entry>,
    by_key: BTreeMap<ServerKey, u64>,
    last: u64,
}

impl Servers {
    pub fn len(&self) -> usize {
        self.by_id.len()
    }
}

impl Transactions {
    /// Answers a request, provisionally or for good. What comes too late (after a final response, or after the request
    /// is over) is dropped; only a 2xx may follow a 2xx, which is how a dialog repeats it (RFC 6026 §7.1).
    pub fn respond(&mut self, now: Monotonic, id: ServerId, response: Response, out: &mut Vec<Output>) {
        let Some(entry) = self.servers.by_id.get_mut(&id.0) else { return };
        if response.status == 100 && entry.last.is_some() {
            return; // ours is already out
        }
        let (may, ended) = match &mut entry.machine {
            Machine::Invite(machine) => (machine.respond(now, response.status, &entry.timing), false),
            Machine::Other(machine) => machine.respond(now, response.status, &entry.timing),
        };
        if may {
            entry.trying = None;
            entry.to_tag = entry.to_tag.take().or_else(|| response.to_tag());
            entry.last = Some(codec::print_response(&response).into());
            entry.repeat(out);
        }
        self.settle_server(id.0, Acts { ended, ..Acts::NONE }, out);
    }

    pub(super) fn receive_request(
        &mut self,
        now: Monotonic,
        mut request: Request,
        from: Flow,
        out: &mut Vec<Output>,
    ) {
        let Some(via) = route::top_via(&request.headers) else { return };
        route::note_source(&mut request, &via, &from);
        if request.method == Method::Ack {
            return self.receive_ack(now, request, &via, from, out);
        }
        if request.method == Method::Cancel {
            return self.receive_cancel(request, &via, from, out);
        }
        let key = ServerKey::new(&request, &via, false);
        if let Some(entry) = self.servers.by_key.get(&key).and_then(|id| self.servers.by_id.get(id)) {
            self.counts.retransmissions_received += 1;
            let acts = match &entry.machine {
                Machine::Invite(machine) => machine.request_again(),
                Machine::Other(_) => Acts::AGAIN,
            };
            if acts.again {
                entry.repeat(out);
            }
        } else if self.has_room_for(&request) {
            self.start_server(now, key, request, &via, from, out);
        } else {
            self.refuse(&request, &via, from, out);
        }
    }

    /// Whether a request belongs to a transaction, so that it is a repetition.
    pub fn knows(&self, request: &Request) -> bool {
        route::top_via(&request.headers)
            .is_some_and(|via| self.servers.by_key.contains_key(&ServerKey::new(request, &via, false)))
    }

    /// Whether a CANCEL is for a request that is still remembered.
    pub fn would_cancel(&self, cancel: &Request) -> bool {
        route::top_via(&cancel.headers)
            .is_some_and(|via| self.servers.by_key.contains_key(&ServerKey::new(cancel, &via, true)))
    }

    /// A request that is to be answered without being remembered (RFC 3261 §8.2.7): with its source noted in its Via,
    /// and where the answer goes.
    pub fn traced(&self, mut request: Request, from: Flow) -> (Request, Flow) {
        let Some(via) = route::top_via(&request.headers) else { return (request, from) };
        route::note_source(&mut request, &via, &from);
        let to = route::reply_flow(&via, &from);
        (request, to)
    }

    /// The refusal of what is no proper request, if it says enough to be refused: one answer, nothing remembered.
    pub fn refusal_of(&self, mut malformed: Malformed, from: Flow, to_tag: &str) -> Option<(Flow, Response)> {
        let request = malformed.request.as_deref_mut()?;
        let via = route::top_via(&request.headers);
        if let Some(via) = &via {
            route::note_source(request, via, &from);
        }
        let to = via.map_or(from, |via| route::reply_flow(&via, &from));
        malformed.reply(to_tag).map(|response| (to, response))
    }

    /// Calls that stand may always be ended and changed, new ones are refused first.
    fn has_room_for(&self, request: &Request) -> bool {
        let max = self.settings.servers_max;
        let reserve = if request.to_tag().is_some() { max / 8 } else { 0 };
        self.servers.len() < max.saturating_add(reserve)
    }

    fn refuse(&mut self, request: &Request, via: &Via, from: Flow, out: &mut Vec<Output>) {
        self.counts.refused += 1;
        let mut response = self.stateless(request, 503);
        response.headers.push("Retry-After", self.settings.retry_after.as_secs().to_string());
        out.push(Output::Send {
            to: route::reply_flow(via, &from),
            bytes: codec::print_response(&response).into(),
        });
    }

    /// An answer nothing is remembered of: the tag is the same each time (RFC 3261 §8.2.7).
    fn stateless(&self, request: &Request, status: u16) -> Response {
        let tag = self.tokens.token_for(request.headers.first("Call-ID").unwrap_or_default());
        Response::reply_to(request, status, "", Some(&tag))
    }

    fn start_server(
        &mut self,
        now: Monotonic,
        key: ServerKey,
        request: Request,
        via: &Via,
        from: Flow,
        out: &mut Vec<Output>,
    ) {
        let timing = self.settings.timing(from.transport.is_reliable());
        let is_invite = request.method == Method::Invite;
        let machine = if is_invite {
            Machine::Invite(InviteServer::new())
        } else {
            Machine::Other(Server::new(now, &timing))
        };
        let trying = is_invite.then(|| {
            let bytes = codec::print_response(&Response::reply_to(&request, 100, "", None));
            (now + self.settings.trying_after, bytes.into())
        });
        self.servers.last += 1;
        let id = self.servers.last;
        self.servers.by_key.insert(key.clone(), id);
        let reply = route::reply_flow(via, &from);
        let mut entry =
            Entry { key, machine, timing, reply, last: None, to_tag: None, trying, deadline: None };
        try_now(now, &mut entry, out);
        self.servers.by_id.insert(id, entry);
        self.settle_server(id, Acts::NONE, out);
        out.push(Output::Request { id: ServerId(id), request, from });
    }

    fn receive_ack(
        &mut self,
        now: Monotonic,
        request: Request,
        via: &Via,
        from: Flow,
        out: &mut Vec<Output>,
    ) {
        let key = ServerKey::new(&request, via, true);
        let Some(id) = self.servers.by_key.get(&key).copied() else {
            return out.push(Output::Ack { request, from });
        };
        let Some(entry) = self.servers.by_id.get_mut(&id) else { return };
        let acts = match &mut entry.machine {
            Machine::Invite(machine) => machine.ack(now, &entry.timing),
            Machine::Other(_) => Acts::NONE,
        };
        if acts.tell {
            out.push(Output::Ack { request, from });
        }
        self.settle_server(id, acts, out);
    }

    /// Answered without a transaction of its own: a repeated CANCEL finds the same INVITE and gets the same answer.
    fn receive_cancel(&mut self, request: Request, via: &Via, from: Flow, out: &mut Vec<Output>) {
        let key = ServerKey::new(&request, via, true);
        let id = self.servers.by_key.get(&key).copied();
        let mut response = self.stateless(&request, if id.is_some() { 200 } else { 481 });
        let entry = id.and_then(|id| self.servers.by_id.get_mut(&id));
        // RFC 3261 §9.2: the tag should be that of the INVITE's responses.
        if let Some(tag) = entry.as_ref().and_then(|entry| entry.to_tag.as_deref()) {
            response = Response::reply_to(&request, response.status, "", Some(tag));
        }
        out.push(Output::Send {
            to: route::reply_flow(via, &from),
            bytes: codec::print_response(&response).into(),
        });
        let cancelled = entry.is_some_and(|entry| match &mut entry.machine {
            Machine::Invite(machine) => machine.cancel(),
            Machine::Other(_) => false,
        });
        if let (true, Some(id)) = (cancelled, id) {
            out.push(Output::Cancelled { id: ServerId(id) });
        }
    }

    pub(super) fn tick_server(&mut self, now: Monotonic, id: u64, out: &mut Vec<Output>) {
        let Some(entry) = self.servers.by_id.get_mut(&id) else { return };
        try_now(now, entry, out);
        let acts = match &mut entry.machine {
            Machine::Invite(machine) => machine.tick(now, &entry.timing),
            Machine::Other(machine) => machine.tick(now),
        };
        if acts.again {
            self.counts.retransmissions_sent += 1;
            entry.repeat(out);
        }
        self.settle_server(id, acts, out);
    }

    /// Ends a transaction that is over, or notes its next moment.
    fn settle_server(&mut self, id: u64, acts: Acts, out: &mut Vec<Output>) {
        let Some(entry) = self.servers.by_id.get_mut(&id) else { return };
        if acts.ended {
            self.remove_server(id);
            out.push(Output::ServerEnded { id: ServerId(id), acked: !acts.timed_out });
        } else {
            let next = entry.next_moment();
            self.deadlines.shift(Owner::Server(id), &mut entry.deadline, next);
        }
    }

    fn remove_server(&mut self, id: u64) {
        let Some(mut entry) = self.servers.by_id.remove(&id) else { return };
        self.servers.by_key.remove(&entry.key);
        self.deadlines.shift(Owner::Server(id), &mut entry.deadline, None);
    }

    pub(super) fn fail_servers(&mut self, flow: Flow, out: &mut Vec<Output>) {
        let lost = self.servers.by_id.iter().filter(|(_, entry)| entry.reply == flow && entry.is_pending());
        for id in lost.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove_server(id);
            out.push(Output::ServerEnded { id: ServerId(id), acked: false });
        }
    }
}

/// Sends the 100 Trying if its moment has come.
fn try_now(now: Monotonic, entry: &mut Entry, out: &mut Vec<Output>) {
    if let Some((_, bytes)) = entry.trying.take_if(|(at, _)| *at <= now) {
        entry.last = Some(bytes);
        entry.repeat(out);
    }
}
