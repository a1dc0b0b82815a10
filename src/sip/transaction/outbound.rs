//! Requests of ours: sending, repeating, cancelling, matching the responses (RFC 3261 §17.1).

use super::client::Client;
use super::invite_client::InviteClient;
use super::key::ClientKey;
use super::output::{ClientId, Full, Output};
use super::settings::Timing;
use super::timers::{Acts, Owner};
use super::{Transactions, route};
use crate::engine::time::Monotonic;
use crate::sip::codec;
use crate::sip::flow::Flow;
use crate::sip::message::{Headers, Method, Request, Response};
use crate::sip::uri::{CSeq, Via};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
enum Machine {
    Invite(InviteClient),
    Other(Client),
}

#[derive(Debug)]
struct Entry {
    key: ClientKey,
    machine: Machine,
    timing: Timing,
    to: Flow,
    via: Via,
    bytes: Arc<[u8]>,
    /// The request without its body: what ACK and CANCEL of an INVITE are made from.
    invite: Option<Request>,
    /// False for a CANCEL of our own making: nobody waits for its response.
    has_user: bool,
    deadline: Option<Monotonic>,
}

impl Entry {
    fn next_moment(&self) -> Option<Monotonic> {
        match &self.machine {
            Machine::Invite(machine) => machine.timers.deadline(),
            Machine::Other(machine) => machine.timers.deadline(),
        }
    }

    fn is_pending(&self) -> bool {
        match &self.machine {
            Machine::Invite(machine) => machine.is_pending(),
            Machine::Other(machine) => machine.is_pending(),
        }
    }
}

/// The client transactions. Iterated by id only, so that the order is always the same.
#[derive(Debug, Default)]
pub(super) struct Clients {
    by_id: BTreeMap<u64, Entry>,
    by_key: BTreeMap<ClientKey, u64>,
    last: u64,
}

impl Clients {
    pub fn len(&self) -> usize {
        self.by_id.len()
    }
}

impl Transactions {
    /// Sends a request to `to` and watches over it. Our Via is added here; all other headers are the caller's. Not for
    /// ACK ([`send_ack`](Self::send_ack)) and CANCEL ([`cancel`](Self::cancel)).
    pub fn request(
        &mut self,
        now: Monotonic,
        request: Request,
        to: Flow,
        out: &mut Vec<Output>,
    ) -> Result<ClientId, Full> {
        // Calls that stand may always be ended and refreshed, new ones are held back first.
        let max = self.settings.clients_max;
        let reserve = if request.to_tag().is_some() { max / 8 } else { 0 };
        if self.clients.len() >= max.saturating_add(reserve) {
            return Err(Full);
        }
        let via = route::our_via(&to, &self.settings.listeners, &self.tokens.next_token());
        Ok(ClientId(self.start_client(now, request, via, to, true, out)))
    }

    /// The INVITE of a transaction as it was sent, without its body.
    pub fn invite(&self, id: ClientId) -> Option<&Request> {
        self.clients.by_id.get(&id.0)?.invite.as_ref()
    }

    /// Goes on with the transaction of an INVITE that was sent before a restart, with the Via it was sent with: it can be
    /// cancelled, and its responses are ours. `None` when it has no Via that can be read, or there are too many.
    pub fn revive(&mut self, now: Monotonic, mut invite: Request, to: Flow) -> Option<ClientId> {
        if invite.method != Method::Invite || self.clients.len() >= self.settings.clients_max {
            return None;
        }
        let via: Via = invite.headers.first("Via")?.parse().ok()?;
        invite.headers.remove("Via");
        // It is out already: it is not sent again.
        let id = self.start_client(now, invite, via, to, true, &mut Vec::new());
        if let Some(Entry { machine: Machine::Invite(machine), timing, .. }) = self.clients.by_id.get_mut(&id)
        {
            machine.response(now, 180, timing);
        }
        self.settle_client(id, Acts::NONE, &mut Vec::new());
        Some(ClientId(id))
    }

    /// Cancels an INVITE of ours: now, if a provisional response has come, else as soon as one comes (RFC 3261 §9.1).
    /// Its final response, usually 487, still comes; a 2xx may win.
    pub fn cancel(&mut self, now: Monotonic, id: ClientId, out: &mut Vec<Output>) {
        if let Some(Entry { machine: Machine::Invite(machine), .. }) = self.clients.by_id.get_mut(&id.0) {
            machine.want_cancel();
            self.send_cancel_if_due(now, id.0, out);
            self.settle_client(id.0, Acts::NONE, out);
        }
    }

    /// The same, with a `Reason` for the phone (RFC 3326).
    pub fn cancel_with_reason(&mut self, now: Monotonic, id: ClientId, reason: &str, out: &mut Vec<Output>) {
        if let Some(invite) = self.clients.by_id.get_mut(&id.0).and_then(|entry| entry.invite.as_mut()) {
            invite.headers.set("Reason", reason);
        }
        self.cancel(now, id, out);
    }

    fn start_client(
        &mut self,
        now: Monotonic,
        mut request: Request,
        via: Via,
        to: Flow,
        has_user: bool,
        out: &mut Vec<Output>,
    ) -> u64 {
        request.headers.push_front("Via", via.to_string());
        let bytes: Arc<[u8]> = codec::print_request(&request).into();
        let key =
            ClientKey { branch: via.branch().unwrap_or_default().into(), method: request.method.clone() };
        let timing = self.settings.timing(to.transport.is_reliable());
        let (machine, invite) = if request.method == Method::Invite {
            request.body = Vec::new();
            (Machine::Invite(InviteClient::new(now, &timing)), Some(request))
        } else {
            (Machine::Other(Client::new(now, &timing)), None)
        };
        self.clients.last += 1;
        let id = self.clients.last;
        self.clients.by_key.insert(key.clone(), id);
        out.push(Output::Send { to, bytes: bytes.clone() });
        let entry = Entry { key, machine, timing, to, via, bytes, invite, has_user, deadline: None };
        self.clients.by_id.insert(id, entry);
        self.settle_client(id, Acts::NONE, out);
        id
    }

    pub(super) fn receive_response(
        &mut self,
        now: Monotonic,
        response: Response,
        from: Flow,
        out: &mut Vec<Output>,
    ) {
        let Some(id) = self.client_of(&response) else {
            self.counts.strays += 1;
            return;
        };
        let Some(entry) = self.clients.by_id.get_mut(&id) else { return };
        let acts = match &mut entry.machine {
            Machine::Invite(machine) => machine.response(now, response.status, &entry.timing),
            Machine::Other(machine) => machine.response(now, response.status, &entry.timing),
        };
        if let (true, Some(invite)) = (acts.ack, &entry.invite) {
            let ack = make_ack(invite, &response);
            out.push(Output::Send { to: entry.to, bytes: codec::print_request(&ack).into() });
        }
        if acts.tell && entry.has_user {
            out.push(Output::Response { id: ClientId(id), response, from });
        }
        self.send_cancel_if_due(now, id, out);
        self.settle_client(id, acts, out);
    }

    /// RFC 3261 §17.1.3: branch and method; §18.1.2: the sent-by must be ours; §8.1.3.3: no Via may be left below ours.
    fn client_of(&self, response: &Response) -> Option<u64> {
        let mut vias = response.headers.values("Via");
        let (via, None) = (vias.next()?.parse::<Via>().ok()?, vias.next()) else { return None };
        let method = response.headers.first("CSeq")?.parse::<CSeq>().ok()?.method;
        let key = ClientKey { branch: via.branch()?.into(), method };
        let id = *self.clients.by_key.get(&key)?;
        let ours = &self.clients.by_id.get(&id)?.via;
        (ours.host == via.host && ours.port == via.port).then_some(id)
    }

    fn send_cancel_if_due(&mut self, now: Monotonic, id: u64, out: &mut Vec<Output>) {
        let Some(entry) = self.clients.by_id.get_mut(&id) else { return };
        let (Machine::Invite(machine), Some(invite)) = (&mut entry.machine, &entry.invite) else { return };
        if !machine.take_cancel(now, &entry.timing) {
            return;
        }
        // RFC 3261 §9.1: the same Request-URI, To, From, Call-ID, Route, CSeq number and branch.
        let mut cancel = companion(invite, Method::Cancel, invite.headers.first("To"));
        if let Some(reason) = invite.headers.first("Reason") {
            cancel.headers.push("Reason", reason);
        }
        let (via, to) = (entry.via.clone(), entry.to);
        self.start_client(now, cancel, via, to, false, out);
    }

    pub(super) fn tick_client(&mut self, now: Monotonic, id: u64, out: &mut Vec<Output>) {
        let Some(entry) = self.clients.by_id.get_mut(&id) else { return };
        let acts = match &mut entry.machine {
            Machine::Invite(machine) => machine.tick(now, &entry.timing),
            Machine::Other(machine) => machine.tick(now, &entry.timing),
        };
        if acts.again {
            self.counts.retransmissions_sent += 1;
            out.push(Output::Send { to: entry.to, bytes: entry.bytes.clone() });
        }
        self.settle_client(id, acts, out);
    }

    /// Ends a transaction that is over, or notes its next moment.
    fn settle_client(&mut self, id: u64, acts: Acts, out: &mut Vec<Output>) {
        let Some(entry) = self.clients.by_id.get_mut(&id) else { return };
        if !acts.ended {
            let next = entry.next_moment();
            return self.deadlines.shift(Owner::Client(id), &mut entry.deadline, next);
        }
        let Some(entry) = self.remove_client(id) else { return };
        self.counts.timeouts += u64::from(acts.timed_out && entry.has_user);
        let id = ClientId(id);
        match (entry.has_user, acts.timed_out) {
            (true, true) => out.push(Output::TimedOut { id }),
            (true, false) => out.push(Output::ClientEnded { id }),
            (false, _) => {}
        }
    }

    fn remove_client(&mut self, id: u64) -> Option<Entry> {
        let mut entry = self.clients.by_id.remove(&id)?;
        self.clients.by_key.remove(&entry.key);
        self.deadlines.shift(Owner::Client(id), &mut entry.deadline, None);
        Some(entry)
    }

    pub(super) fn fail_clients(&mut self, flow: Flow, out: &mut Vec<Output>) {
        let lost = self.clients.by_id.iter().filter(|(_, entry)| entry.to == flow && entry.is_pending());
        for id in lost.map(|(id, _)| *id).collect::<Vec<_>>() {
            if self.remove_client(id).is_some_and(|entry| entry.has_user) {
                out.push(Output::Failed { id: ClientId(id) });
            }
        }
    }
}

/// The ACK of a refusal (RFC 3261 §17.1.1.3): To is the response's, all else the INVITE's.
fn make_ack(invite: &Request, response: &Response) -> Request {
    let mut ack = companion(invite, Method::Ack, response.headers.first("To"));
    if let Some(via) = invite.headers.first("Via") {
        ack.headers.push_front("Via", via);
    }
    ack
}

/// A request that goes the way of an INVITE and belongs to it; without Via.
fn companion(invite: &Request, method: Method, to: Option<&str>) -> Request {
    let mut headers = Headers::new();
    headers.push("Max-Forwards", "70");
    for route in invite.headers.all("Route") {
        headers.push("Route", route);
    }
    headers.push("From", invite.headers.first("From").unwrap_or_default());
    headers.push("To", to.unwrap_or_default());
    headers.push("Call-ID", invite.headers.first("Call-ID").unwrap_or_default());
    let number =
        invite.headers.first("CSeq").and_then(|cseq| cseq.parse::<CSeq>().ok()).map_or(0, |cseq| cseq.number);
    headers.push("CSeq", CSeq { number, method: method.clone() }.to_string());
    Request { method, uri: invite.uri.clone(), headers, body: Vec::new() }
}
