//! What we say to trunks outside of calls: OPTIONS to their servers, REGISTER, and what their answers lead to.

use super::{Note, Purpose, SipCore, SipOutputs, Turn};
use crate::engine::settings::Settings;
use crate::engine::time::Now;
use crate::media::Sessions;
use crate::sip::cause;
use crate::sip::flow::{Flow, Transport, TrunkId};
use crate::sip::message::{Method, Request, Response};
use crate::sip::name_addr::NameAddr;
use crate::sip::settings::{Listener, SipSettings, Trunk};
use crate::sip::trunk::locate::Server;
use crate::sip::trunk::order::Rank;
use crate::sip::trunk::registration::Ask;
use crate::sip::trunk::{Errand, Found, News, TrunkPicture, Way};
use crate::sip::uri::{Params, Uri};
use std::net::SocketAddr;

impl SipCore {
    /// A trunk's name has been resolved: these are its servers from now on. Those that no listener reaches are left out.
    pub fn servers_found(&mut self, now: Now, trunk: TrunkId, servers: &[Server]) {
        let listeners = &self.settings.listeners;
        let found: Vec<_> = servers.iter().filter_map(|server| way_to(server, trunk, listeners)).collect();
        self.gate.found(trunk, found.iter().map(|one| one.flow.remote.ip()).collect());
        self.trunks.found(now.mono, trunk, &found);
    }

    /// We are about to stop: trunks are told that nobody is to be called here any more.
    pub fn leave(&mut self, now: Now, rules: &Settings, media: &mut dyn Sessions, out: &mut SipOutputs) {
        let turn = &mut Turn { now, rules, media, out };
        for errand in self.trunks.leave(now.mono) {
            self.run(turn, errand);
        }
        self.settle(turn);
    }

    /// How each trunk stands, by its name.
    pub fn trunk_pictures(&self, now: Now) -> Vec<(String, TrunkPicture)> {
        let names = self.settings.trunks.iter().map(|trunk| trunk.name.clone());
        names.zip(self.trunks.pictures(now.mono)).collect()
    }

    /// Does what is due with trunks, and tells what became of them.
    pub(super) fn attend_to_trunks(&mut self, turn: &mut Turn<'_>) {
        for errand in self.trunks.tick(turn.now.mono) {
            self.run(turn, errand);
        }
        self.settle(turn);
        for (trunk, news) in self.trunks.news() {
            let trunk = self.trunk(Some(trunk)).map(|trunk| trunk.name.clone()).unwrap_or_default();
            turn.out.notes.push(match news {
                News::Up(up) => Note::TrunkUp { trunk, up },
                News::Registered => Note::Registered { trunk },
                News::NotRegistered(why) => Note::NotRegistered { trunk, why },
            });
        }
    }

    pub(super) fn trunk(&self, trunk: Option<TrunkId>) -> Option<&Trunk> {
        self.settings.trunks.get(trunk?.0)
    }

    fn run(&mut self, turn: &mut Turn<'_>, errand: Errand) {
        match errand {
            Errand::Probe(way) => self.probe_gateway(turn, way),
            Errand::Register(way, ask) => self.send_register(turn, way, ask),
        }
    }

    fn probe_gateway(&mut self, turn: &mut Turn<'_>, way: Way) {
        let Some(route) = self.trunk(Some(way.trunk)).and_then(|trunk| trunk.route.clone()) else { return };
        let uri = route.uri(None);
        // Host to host, with nobody at either: some carriers insist on it.
        let us = Uri { user: None, ..self.contact_uri_at(Some(way.trunk), &way.flow) };
        let from = Uri { params: Params::new(), ..us.clone() };
        let from = NameAddr::new(from).with_tag(&self.tokens.next_token()).to_string();
        let to = NameAddr::new(uri.clone()).to_string();
        let mut headers = self.opening(Method::Options, &from, &to, &way.flow, "70");
        headers.set("Contact", NameAddr::new(us).to_string());
        let options = Request { method: Method::Options, uri: uri.to_string(), headers, body: Vec::new() };
        match self.request(turn, options, way.flow) {
            Some(id) => drop(self.sent.insert(id, Purpose::Gateway(way))),
            None => self.trunks.unreachable(turn.now.mono, &way),
        }
    }

    pub(super) fn gateway_answered(&mut self, turn: &Turn<'_>, way: &Way, response: &Response) {
        if !response.is_provisional() {
            let retry_after = cause::retry_after(response.headers.first("Retry-After"));
            self.trunks.heard(turn.now.mono, way, response.status, retry_after);
        }
    }

    pub(super) fn gateway_unreachable(&mut self, turn: &Turn<'_>, way: &Way) {
        // One that was silent is known for that long before its transaction ends.
        if self.trunks.is_up(way) {
            self.trunks.unreachable(turn.now.mono, way);
        }
    }

    fn send_register(&mut self, turn: &mut Turn<'_>, way: Way, ask: Ask) {
        let trunk = self.trunk(Some(way.trunk)).and_then(|trunk| trunk.route.as_ref());
        let Some((host, login)) = trunk.and_then(|route| Some((route.host.clone(), route.login.clone()?)))
        else {
            return;
        };
        let us = NameAddr::new(Uri::sip(Some(&login.username), host.clone(), None));
        let from = us.clone().with_tag(&ask.tag).to_string();
        let mut headers = self.opening(Method::Register, &from, &us.to_string(), &way.flow, "70");
        headers.set("Call-ID", ask.call_id);
        headers.set("CSeq", format!("{} REGISTER", ask.cseq));
        headers.set("Contact", self.contact_at(way.trunk, &way.flow));
        headers.set("Expires", ask.expires.as_secs().to_string());
        if let Some((name, value)) = ask.authorization {
            headers.push(name, value);
        }
        let uri = Uri::sip(None, host, None).to_string();
        let register = Request { method: Method::Register, uri, headers, body: Vec::new() };
        match self.request(turn, register, way.flow) {
            Some(id) => drop(self.sent.insert(id, Purpose::Register(way.trunk, ask.cseq))),
            None => self.register_unanswered(turn, way.trunk, ask.cseq),
        }
    }

    pub(super) fn register_answered(
        &mut self,
        turn: &mut Turn<'_>,
        trunk: TrunkId,
        cseq: u32,
        response: &Response,
    ) {
        if response.is_provisional() {
            return;
        }
        if let Some(errand) = self.trunks.register_answered(turn.now.mono, trunk, cseq, response) {
            self.run(turn, errand);
        }
    }

    pub(super) fn register_unanswered(&mut self, turn: &mut Turn<'_>, trunk: TrunkId, cseq: u32) {
        if let Some(errand) = self.trunks.register_unanswered(turn.now.mono, trunk, cseq) {
            self.run(turn, errand);
        }
    }
}

/// The servers of trunks that the configuration names by their address.
pub(super) fn known_servers(settings: &SipSettings) -> impl Iterator<Item = (TrunkId, Server)> + '_ {
    settings.trunks.iter().enumerate().filter_map(|(at, trunk)| {
        let route = trunk.route.as_ref()?;
        let transport = route.transport.unwrap_or(Transport::Udp);
        let port = route.port.unwrap_or(transport.default_port());
        let address = SocketAddr::new(route.host.ip()?, port);
        Some((TrunkId(at), Server { transport, address, rank: Rank::default() }))
    })
}

fn way_to(server: &Server, trunk: TrunkId, listeners: &[Listener]) -> Option<Found> {
    let flow: Flow = super::start::flow_to(server.transport, server.address, listeners)?;
    Some(Found { flow: flow.to_trunk(trunk), rank: server.rank })
}
