//! A phone registers, answers the challenge, and comes again at half time.

use super::{Asked, Peer, Plan};
use crate::engine::time::Monotonic;
use crate::sip::auth::{Answerer, Login};
use crate::sip::message::{Method, Request, Response};
use std::time::Duration;

/// What it asks for.
const EXPIRES: Duration = Duration::from_secs(120);

impl Peer {
    pub(in super::super) fn register(&mut self, now: Monotonic) {
        self.send_register(now, None);
    }

    fn send_register(&mut self, now: Monotonic, challenge: Option<&Response>) {
        let Some(password) = self.password.clone().filter(|_| !self.is_closing) else { return };
        self.registrations += 1;
        let call_id = format!("register-{}-{}", self.address, self.lives);
        let mut headers = self.opening(&Method::Register, &self.name, &call_id, "r");
        headers.set("CSeq", format!("{} REGISTER", self.registrations));
        headers.push("Expires", EXPIRES.as_secs().to_string());
        let uri = "sip:192.0.2.9".to_owned();
        if let Some(challenge) = challenge {
            let login = Login { username: self.name.clone(), realm: "holdfast".into(), password };
            let mut answerer = Answerer::new(login);
            let challenges = challenge.headers.all("WWW-Authenticate");
            let Ok(value) = answerer.answer(challenges, "REGISTER", &uri, "cnonce") else { return };
            headers.push("Authorization", value);
        }
        let request = Request { method: Method::Register, uri, headers, body: Vec::new() };
        self.ask(now, request, Asked::Register);
    }

    pub(super) fn register_answered(&mut self, now: Monotonic, response: &Response) {
        match response.status {
            0..200 => {}
            200..300 => self.plan(now + EXPIRES / 2, Plan::Register),
            401 => self.send_register(now, Some(response)),
            _ => self.plan(now + Duration::from_secs(5), Plan::Register),
        }
    }
}
