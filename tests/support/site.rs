//! A running engine with the rules of one case, and those who meet it: a trunk, agents' phones, a supervisor.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use crate::phones::{DEADLINE, within};
use crate::support::engine::{Holdfast, TOKEN};
use holdfast::phone::{Call, Dial, Ended, IncomingCall, Phone, PhoneSettings, Side, Sound};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A tone for everybody, so that it can be told who hears whom: the callers', the agents', whoever joins them.
pub const CALLER: f64 = 440.0;
pub const AGENT: f64 = 1_000.0;
pub const GUEST: f64 = 1_700.0;

/// How a call ends that the engine hangs up after an answer.
pub const LET_GO: Ended = Ended { by: Side::There, status: None };

/// A queue with these further rules.
pub fn queue(name: &str, rules: &str) -> String {
    format!("[[queue]]\nname = \"{name}\"\ntitle = \"{name}\"\nmusic = [\"morning-harbour\"]\n{rules}\n")
}

/// A number that leads to a queue.
pub fn number(dialled: &str, queue: &str, rules: &str) -> String {
    format!("[[number]]\ndialled = \"{dialled}\"\nqueue = \"{queue}\"\n{rules}\n")
}

/// An agent of these queues, logged in from the start.
pub fn agent(name: &str, queues: &str, rules: &str) -> String {
    format!(
        "[[agent]]\nname = \"{name}\"\ntitle = \"{name}\"\npassword = \"{name}'s own\"\nqueues = [{queues}]\n\
         login = \"automatic\"\n{rules}\n"
    )
}

/// A running engine and its trunk.
pub struct Site {
    engine: Arc<Holdfast>,
    trunk: Phone,
}

impl Site {
    pub async fn start(rules: &[String]) -> Self {
        Self::start_changed(rules, |config| config).await
    }

    /// The same, with the whole configuration changed at the last moment.
    pub async fn start_changed(rules: &[String], change: fn(String) -> String) -> Self {
        let rules = rules.join("\n");
        let start = move || Holdfast::start_changed(&rules, change);
        let engine = tokio::task::spawn_blocking(start).await.unwrap();
        let trunk = phone(&engine, "trunk").await;
        Self { engine: Arc::new(engine), trunk }
    }

    /// An agent's phone, registered; where callers wait, it rings at once.
    pub async fn agent_phone(&self, account: &str) -> Phone {
        let phone = phone(&self.engine, account).await;
        within(phone.register()).await.unwrap();
        phone
    }

    /// The same where nobody waits, with its agent seen ready.
    pub async fn agent(&self, account: &str) -> Phone {
        let phone = self.agent_phone(account).await;
        self.agent_is(account, "ready").await;
        phone
    }

    /// Waits until the agent is seen in this state.
    pub async fn agent_is(&self, name: &str, state: &str) -> Value {
        self.shown("/v1/agents", |agent| agent["name"] == name && agent["state"] == state).await
    }

    /// A call on its way.
    pub async fn dial(&self, dialled: &str, number: &str) -> Call {
        let sound = Sound::Tone(CALLER);
        let dial = Dial { target: dialled.into(), number: Some(number.into()), display: None, sound };
        self.trunk.dial(dial).await.unwrap()
    }

    /// A call that was let in.
    pub async fn caller(&self, dialled: &str, number: &str) -> Call {
        let call = self.dial(dialled, number).await;
        within(call.answered()).await.unwrap();
        call
    }

    /// A caller who is seen waiting in this queue.
    pub async fn waiting(&self, queue: &str, dialled: &str, number: &str) -> Call {
        let call = self.caller(dialled, number).await;
        self.shown("/v1/calls", |shown| shown["caller_number"] == number && shown["queue"] == queue).await;
        call
    }

    /// The identity of the call of the caller with this number, once he talks.
    pub async fn talks(&self, number: &str) -> String {
        let talks = |call: &Value| call["caller_number"] == number && call["stage"] == "talking";
        self.shown("/v1/calls", talks).await["id"].as_str().unwrap().to_owned()
    }

    /// The status with which a call is refused.
    pub async fn refusal(&self, dialled: &str, number: &str) -> Option<u16> {
        let call = self.dial(dialled, number).await;
        within(call.answered()).await.unwrap_err().status
    }

    /// Waits until nobody waits or talks.
    pub async fn empty(&self) {
        self.wait_for("/v1/calls", |calls| calls.as_array().is_some_and(Vec::is_empty).then_some(())).await;
    }

    pub async fn get(&self, path: &str) -> Value {
        let (engine, path) = (Arc::clone(&self.engine), path.to_owned());
        tokio::task::spawn_blocking(move || engine.api(&path)).await.unwrap()
    }

    /// What stands at a path, as text.
    pub async fn get_text(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.engine.http);
        let asked = move || {
            let bearer = format!("Bearer {TOKEN}");
            ureq::get(url)
                .header("Authorization", &bearer)
                .call()
                .unwrap()
                .body_mut()
                .read_to_string()
                .unwrap()
        };
        tokio::task::spawn_blocking(asked).await.unwrap()
    }

    /// A POST of the API; its status.
    pub async fn post(&self, path: &str, body: Value) -> u16 {
        let url = format!("http://{}{path}", self.engine.http);
        let asked = move || {
            let request = ureq::post(url).config().http_status_as_error(false).build();
            let answer = request.header("Authorization", &format!("Bearer {TOKEN}")).send_json(body);
            answer.unwrap().status().as_u16()
        };
        tokio::task::spawn_blocking(asked).await.unwrap()
    }

    /// The record of the caller with this number, once there is one.
    pub async fn record(&self, number: &str) -> Value {
        self.shown("/v1/records", |record| record["caller_number"] == number).await
    }

    /// One of what is listed there, once it is as wanted.
    pub async fn shown(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait_for(path, |listed| listed.as_array()?.iter().find(|one| wanted(one)).cloned()).await
    }

    async fn wait_for<T>(&self, path: &str, found: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let listed = self.get(path).await;
            if let Some(found) = found(&listed) {
                return found;
            }
            assert!(Instant::now() < deadline, "{path} did not become as wanted: {listed}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

async fn phone(engine: &Holdfast, account: &str) -> Phone {
    Phone::bind(PhoneSettings::new(engine.sip, account, &format!("{account}'s own"))).await.unwrap()
}

/// Whether the sound of the last moments is this tone, alone or with others.
pub fn hears(call: &Call, hz: f64) -> bool {
    call.heard().tone_share(hz) > 0.2
}

/// The next call at this phone.
pub async fn rung(agent: &Phone) -> IncomingCall {
    within(agent.incoming()).await.unwrap()
}

/// The agent answers the next call; both are in it.
pub async fn answers(agent: &Phone) -> Call {
    let talking = rung(agent).await.answer();
    within(talking.answered()).await.unwrap();
    talking
}

/// The next call at this phone is that caller's; it is answered.
#[track_caller]
pub fn is_from(incoming: IncomingCall, number: &str) -> Call {
    assert_eq!(incoming.number(), number);
    incoming.answer()
}
