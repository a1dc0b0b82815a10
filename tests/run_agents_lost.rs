//! An agent's phone dies as if its cable were pulled: while it rings, in a conversation, on hold, in after-call work, while
//! its caller is being passed on. Whatever state it is in, the caller stays, hears something, and is served by another; and
//! he has one record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "here a panic is a verdict")]

#[path = "support/phone.rs"]
mod phones;
#[path = "support/site.rs"]
mod site;
mod support;

use holdfast::phone::{Call, CallState, Phone, Sound};
use phones::{until, within};
use serde_json::{Value, json};
use site::{AGENT, CALLER, LET_GO, Site, agent, answers, hears, number, queue, rung};

const NUMBER: &str = "+4930111";

/// anna and ben serve sales, carla is there to be asked. Silence is noticed soon, and so is a phone that answers no OPTIONS.
async fn site() -> Site {
    let soon = |config: String| {
        let config = config.replacen("[media]\n", "[media]\nsilence = \"1s\"\n", 1);
        config.replacen("options_every = \"0s\"", "options_every = \"1s\"", 1)
    };
    Site::start_changed(
        &[
            queue("sales", "wrap_up = \"1s\"\nring_timeout = \"6s\""),
            queue("none", ""),
            number("4001", "sales", ""),
            agent("anna", "\"sales\"", ""),
            agent("ben", "\"sales\"", ""),
            agent("carla", "\"none\"", ""),
        ],
        soon,
    )
    .await
}

/// A caller who talks to anna.
async fn talk(site: &Site) -> (Phone, Call, Call) {
    let anna = site.agent("anna").await;
    let caller = site.caller("4001", NUMBER).await;
    let talking = answers(&anna).await;
    talking.say(Sound::Tone(AGENT));
    until("they talk", || hears(&caller, AGENT) && hears(&talking, CALLER)).await;
    (anna, caller, talking)
}

/// He is still there, and there is sound: not that of the phone that died.
async fn stays(caller: &Call) {
    assert_eq!(caller.state(), CallState::Answered);
    caller.forget_sound();
    until("the caller hears music", || caller.heard().loudness() > 50.0 && !hears(caller, AGENT)).await;
}

/// Her cable is pulled: the caller stays, and is ben's as soon as he comes.
async fn is_bens_when_dies(site: &Site, anna: Phone, caller: Call) -> Value {
    drop(anna);
    stays(&caller).await;
    let ben = site.agent_phone("ben").await;
    is_served_by(site, &ben, caller).await
}

/// Whose phone rings next has the caller; his record is one of a call that was answered.
async fn is_served_by(site: &Site, phone: &Phone, caller: Call) -> Value {
    let incoming = rung(phone).await;
    assert_eq!(incoming.number(), NUMBER);
    is_ended_by(site, incoming.answer(), caller).await
}

async fn is_ended_by(site: &Site, talking: Call, caller: Call) -> Value {
    within(talking.answered()).await.unwrap();
    talking.say(Sound::Tone(AGENT));
    until("they talk", || hears(&caller, AGENT) && hears(&talking, CALLER)).await;
    assert_eq!(caller.state(), CallState::Answered);
    talking.hang_up();
    assert_eq!(within(caller.ended()).await, LET_GO);
    let record = site.record(NUMBER).await;
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("answered"), &json!("agent")), "{record}");
    let all = site.get("/v1/records").await;
    let his = all.as_array().unwrap().iter().filter(|record| record["caller_number"] == NUMBER);
    assert_eq!(his.count(), 1, "one record");
    site.empty().await;
    record
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_dies_while_it_rings() {
    let site = site().await;
    let anna = site.agent("anna").await;
    let caller = site.caller("4001", NUMBER).await;
    let ringing = rung(&anna).await;
    ringing.ring();
    let record = is_bens_when_dies(&site, anna, caller).await;
    assert_eq!((&record["agent"], &record["offers"]), (&json!("ben"), &json!(2)), "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_dies_in_a_conversation() {
    let site = site().await;
    let (anna, caller, _talking) = talk(&site).await;
    is_bens_when_dies(&site, anna, caller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_dies_that_holds_the_caller() {
    let site = site().await;
    let (anna, caller, talking) = talk(&site).await;
    talking.hold(true);
    site.agent_is("anna", "on_hold").await;
    is_bens_when_dies(&site, anna, caller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_dies_in_after_call_work() {
    let site = site().await;
    let anna = site.agent("anna").await;
    let before = site.caller("4001", "+4930999").await;
    let talking = answers(&anna).await;
    before.hang_up();
    within(talking.ended()).await;
    site.agent_is("anna", "wrap_up").await;
    drop(anna);
    // It is not known yet that her phone is dead: she may be asked, in vain.
    let caller = site.caller("4001", NUMBER).await;
    stays(&caller).await;
    let ben = site.agent_phone("ben").await;
    let record = is_served_by(&site, &ben, caller).await;
    assert_eq!(record["agent"], "ben", "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_dies_while_its_caller_is_passed_on_and_the_colleague_has_him() {
    let site = site().await;
    let carla = site.agent("carla").await;
    let (anna, caller, _talking) = talk(&site).await;
    passed_to_carla(&site).await;
    let ringing = rung(&carla).await;
    drop(anna);
    stays(&caller).await;
    let record = is_ended_by(&site, ringing.answer(), caller).await;
    assert_eq!(record["transfers"][0]["to"], "agent carla", "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_dies_while_its_caller_is_passed_on_and_the_colleague_does_not_take_him() {
    let site = site().await;
    let carla = site.agent("carla").await;
    let (anna, caller, _talking) = talk(&site).await;
    passed_to_carla(&site).await;
    let ringing = rung(&carla).await;
    drop(anna);
    ringing.decline(603);
    let ben = site.agent_phone("ben").await;
    let record = is_served_by(&site, &ben, caller).await;
    assert_eq!(record["transfers"][0]["done"], false, "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_dies_to_which_a_caller_is_passed_on() {
    let site = site().await;
    let carla = site.agent("carla").await;
    let (_anna, caller, talking) = talk(&site).await;
    passed_to_carla(&site).await;
    let ringing = rung(&carla).await;
    ringing.ring();
    drop(carla);
    stays(&caller).await;
    until("they talk again", || hears(&caller, AGENT)).await;
    let record = is_ended_by(&site, talking, caller).await;
    assert_eq!(record["transfers"][0]["done"], false, "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_dies_while_its_agent_asks_a_colleague() {
    let site = site().await;
    let carla = site.agent("carla").await;
    let (anna, caller, _talking) = talk(&site).await;
    let id = site.talks(NUMBER).await;
    assert_eq!(site.post(&format!("/v1/calls/{id}/consult"), json!({ "agent": "carla" })).await, 200);
    let asked = answers(&carla).await;
    drop(anna);
    stays(&caller).await;
    // As with one who hangs up while he asks somebody: whoever was asked has the caller.
    is_ended_by(&site, asked, caller).await;
}

async fn passed_to_carla(site: &Site) {
    let id = site.talks(NUMBER).await;
    assert_eq!(site.post(&format!("/v1/calls/{id}/transfer"), json!({ "agent": "carla" })).await, 200);
}
