//! Supervisors at work: a running engine is steered through its API while callers wait and agents talk, with our own
//! phones over real sockets; and the records say afterwards what was done.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]

#[path = "support/phone.rs"]
mod phones;
mod support;

use holdfast::phone::{Call, Dial, Ended, Phone, PhoneSettings, Side, Sound};
use phones::{until, within};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use support::engine::{Holdfast, TOKEN};

const RULES: &str = r#"
skills = ["english", "spanish"]
pause_reasons = ["break"]
dispositions = ["sale", "complaint"]
[[queue]]
name = "sales"
title = "Sales"
music = ["morning-harbour"]
requires = "english"
wrap_up = "0s"
[[queue]]
name = "support"
title = "Support"
music = ["morning-harbour"]
requires = "spanish >= 3"
wrap_up = "2s"
wrap_up_extension_max = "1h"
overflow = [{ when = "closed", message = "closed" }]
[[number]]
dialled = "4001"
queue = "sales"
[[number]]
dialled = "4002"
queue = "support"
[[agent]]
name = "anna"
title = "Anna"
password = "anna's own"
skills = { english = 5 }
queues = ["sales"]
login = "automatic"
[[agent]]
name = "ben"
title = "Ben"
password = "ben's own"
skills = { spanish = 1 }
queues = ["support"]
login = "automatic"
[[agent]]
name = "carla"
title = "Carla"
password = "carla's own"
skills = { spanish = 5 }
queues = ["support"]
login = "automatic"
"#;

/// A running engine and its trunk.
struct Site {
    engine: Arc<Holdfast>,
    trunk: Phone,
}

impl Site {
    async fn start() -> Self {
        let engine = tokio::task::spawn_blocking(|| Holdfast::start(RULES)).await.unwrap();
        let trunk = phone(&engine, "trunk").await;
        Self { engine: Arc::new(engine), trunk }
    }

    /// An agent's phone, registered.
    async fn agent(&self, account: &str) -> Phone {
        let phone = phone(&self.engine, account).await;
        within(phone.register()).await.unwrap();
        phone
    }

    /// A caller with this number, who waits; and his call's identity.
    async fn caller(&self, dialled: &str, number: &str) -> (Call, String) {
        let dial = Dial {
            target: dialled.into(),
            number: Some(number.into()),
            display: None,
            sound: Sound::Tone(440.0),
        };
        let call = self.trunk.dial(dial).await.unwrap();
        within(call.answered()).await.unwrap();
        // Readers see pictures, and a picture is up to 0.2 s old.
        let shown = self.shown("/v1/calls", |shown| shown["caller_number"] == number).await;
        (call, shown["id"].as_str().unwrap().to_owned())
    }

    async fn get(&self, path: &str) -> Value {
        let (engine, path) = (Arc::clone(&self.engine), path.to_owned());
        tokio::task::spawn_blocking(move || engine.api(&path)).await.unwrap()
    }

    /// A request that changes something; the status and the answer.
    async fn change(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.engine.http);
        let method = method.to_owned();
        let asked = move || {
            let bearer = format!("Bearer {TOKEN}");
            let request = match method.as_str() {
                "PUT" => ureq::put(url),
                _ => ureq::post(url),
            };
            let request = request.config().http_status_as_error(false).build();
            let mut answer = request.header("Authorization", &bearer).send_json(body).unwrap();
            (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
        };
        tokio::task::spawn_blocking(asked).await.unwrap()
    }

    /// The same, which must be done.
    async fn done(&self, method: &str, path: &str, body: Value) {
        let (status, answer) = self.change(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
    }

    /// The record that is as wanted.
    async fn record(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.shown("/v1/records", wanted).await
    }

    /// One of what is listed there, once it is as wanted.
    async fn shown(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..800 {
            let listed = self.get(path).await;
            if let Some(found) = listed.as_array().unwrap().iter().find(|one| wanted(one)) {
                return found.clone();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("none is as wanted among {}", self.get(path).await);
    }
}

async fn phone(engine: &Holdfast, account: &str) -> Phone {
    let settings = PhoneSettings::new(engine.sip, account, &format!("{account}'s own"));
    Phone::bind(settings).await.unwrap()
}

/// The agent answers, and is heard by the caller.
async fn answered(agent: &Phone, caller: &Call) -> Call {
    let talking = within(agent.incoming()).await.unwrap().answer();
    within(talking.answered()).await.unwrap();
    talking.say(Sound::Tone(1_000.0));
    until("the caller hears the agent", || caller.heard().tone_share(1_000.0) > 0.9).await;
    talking
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whom_nobody_could_serve_is_served_once_an_agent_is_taught_the_skill() {
    let site = Site::start().await;
    let ben = site.agent("ben").await;
    let (caller, id) = site.caller("4002", "+4930111").await;
    let why = site.get(&format!("/v1/calls/{id}/why")).await;
    assert_eq!((&why["queue"], &why["requirement"]), (&json!("support"), &json!("spanish >= 3")));
    assert_eq!((&why["qualified"]["unreachable"], &why["unqualified"]), (&json!(1), &json!(1)));
    assert_eq!(why["sentence"], "needs spanish ≥ 3; of 1 agent who has it 1 is unreachable");
    site.done("PUT", "/v1/agents/ben", json!({"skills": {"spanish": 4}})).await;
    let talking = answered(&ben, &caller).await;
    let agents = site.get("/v1/agents").await;
    let shown = agents.as_array().unwrap().iter().find(|agent| agent["name"] == "ben").unwrap();
    assert_eq!(shown["skills"], json!({"spanish": 4}), "whoever looks sees what he has now");
    let (status, answer) =
        site.change("POST", &format!("/v1/calls/{id}/move"), json!({"queue": "sales"})).await;
    assert_eq!(status, 409, "a call with an agent waits no more: {answer}");
    talking.hang_up();
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_caller_is_served_there_and_the_record_tells_of_both_queues() {
    let site = Site::start().await;
    let anna = site.agent("anna").await;
    let (caller, id) = site.caller("4002", "+4930111").await;
    site.done("POST", &format!("/v1/calls/{id}/move"), json!({"queue": "sales"})).await;
    let talking = answered(&anna, &caller).await;
    talking.hang_up();
    let record = site.record(|record| record["call"] == id.as_str()).await;
    assert_eq!((&record["queue"], &record["outcome"]), (&json!("sales"), &json!("answered")));
    let visits = record["visits"].as_array().unwrap();
    assert_eq!(visits.len(), 1);
    assert_eq!((&visits[0]["queue"], &visits[0]["outcome"]), (&json!("support"), &json!("withdrawn")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_given_to_an_agent_is_his_whatever_his_skills() {
    let site = Site::start().await;
    let anna = site.agent("anna").await;
    let (caller, id) = site.caller("4002", "+4930111").await;
    site.done("POST", &format!("/v1/calls/{id}/pull"), json!({"agent": "anna"})).await;
    answered(&anna, &caller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawn_caller_hears_the_message_and_is_let_go() {
    let site = Site::start().await;
    let (caller, id) = site.caller("4002", "+4930111").await;
    site.done("POST", &format!("/v1/calls/{id}/withdraw"), json!({"to": {"message": "all-busy"}})).await;
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
    let record = site.record(|record| record["call"] == id.as_str()).await;
    assert_eq!((&record["outcome"], &record["sent_to"]), (&json!("withdrawn"), &json!("message all-busy")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_with_more_credit_goes_before_one_who_has_waited_longer() {
    let site = Site::start().await;
    let (_first, _) = site.caller("4001", "+4930111").await;
    let (second, id) = site.caller("4001", "+4930222").await;
    site.done("POST", &format!("/v1/calls/{id}/priority"), json!({"seconds": 600})).await;
    let calls = site.get("/v1/calls").await;
    assert!(
        calls
            .as_array()
            .unwrap()
            .iter()
            .any(|call| call["id"] == id.as_str() && call["priority_ms"] == 600_000)
    );
    let anna = site.agent("anna").await;
    let incoming = within(anna.incoming()).await.unwrap();
    assert_eq!(incoming.number(), "+4930222");
    within(incoming.answer().answered()).await.unwrap();
    until("the second is in a call", || second.heard().packets > 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_made_to_require_more_waits_for_whoever_has_it() {
    let site = Site::start().await;
    let ben = site.agent("ben").await;
    site.done("PUT", "/v1/agents/ben", json!({"skills": {"spanish": 4}})).await;
    site.done("POST", "/v1/agents/ben/pause", json!({"reason": "break"})).await;
    let (_caller, id) = site.caller("4002", "+4930111").await;
    let requires = json!({"requires": "spanish >= 5"});
    site.done("POST", &format!("/v1/calls/{id}/requirement"), requires).await;
    site.done("POST", "/v1/agents/ben/ready", json!({})).await;
    let why = site.get(&format!("/v1/calls/{id}/why")).await;
    let sentence = why["sentence"].as_str().unwrap();
    assert!(sentence.contains("spanish ≥ 5; of 1 agent who has it 1 is unreachable"), "{sentence}");
    let carla = site.agent("carla").await;
    within(carla.incoming()).await.unwrap();
    drop(ben);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_queue_sends_callers_away_and_takes_them_again_once_it_is_reopened() {
    let site = Site::start().await;
    let ben = site.agent("carla").await;
    site.done("POST", "/v1/queues/support/close", json!({"for": "2h"})).await;
    let queues = site.get("/v1/queues").await;
    assert_eq!((&queues[1]["open"], &queues[1]["closed_by_hand"]), (&json!(false), &json!(true)));
    let turned_away = site.trunk.call("4002").await.unwrap();
    assert_eq!(within(turned_away.ended()).await, Ended { by: Side::There, status: None });
    let record = site.record(|record| record["turned_away"] == "closed").await;
    assert_eq!((&record["queue"], &record["outcome"]), (&json!("support"), &json!("closed")));
    assert_eq!(record["sent_to"], "message closed");
    site.done("POST", "/v1/queues/support/reopen", json!({})).await;
    let (caller, _) = site.caller("4002", "+4930111").await;
    answered(&ben, &caller).await;
    site.shown("/v1/queues", |queue| {
        queue["name"] == "support"
            && (&queue["today"]["offered"], &queue["today"]["turned_away"]["closed"])
                == (&json!(1), &json!(1))
    })
    .await;
    let count = |name: &str| {
        format!("holdfast_queue_calls_turned_away_total{{because=\"{name}\",queue=\"support\"}}")
    };
    let engine = Arc::clone(&site.engine);
    let metric = tokio::task::spawn_blocking(move || engine.metric(&count("closed"))).await.unwrap();
    assert_eq!(metric, 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_call_work_is_extended_ended_by_release_and_its_disposition_reaches_the_record() {
    let site = Site::start().await;
    let carla = site.agent("carla").await;
    let (caller, id) = site.caller("4002", "+4930111").await;
    let talking = answered(&carla, &caller).await;
    let (status, _) = site.change("POST", "/v1/agents/carla/wrap-up/extend", json!({"seconds": 60})).await;
    assert_eq!(status, 409, "there is nothing to extend yet");
    talking.hang_up();
    site.record(|record| record["call"] == id.as_str() && record["disposition"].is_null()).await;
    site.done("POST", "/v1/agents/carla/wrap-up/extend", json!({"seconds": 600})).await;
    site.done("POST", "/v1/agents/carla/disposition", json!({"disposition": "sale"})).await;
    site.record(|record| record["call"] == id.as_str() && record["disposition"] == "sale").await;
    let (status, _) =
        site.change("POST", "/v1/agents/carla/disposition", json!({"disposition": "sale"})).await;
    assert_eq!(status, 409, "a call is disposed of once");
    let state = |agents: &Value| agents[2]["state"].as_str().unwrap().to_owned();
    assert_eq!(state(&site.get("/v1/agents").await), "wrap_up");
    site.done("POST", "/v1/agents/carla/release", json!({})).await;
    assert_eq!(state(&site.get("/v1/agents").await), "ready");
}
