//! Somebody is asked while the caller hears music; then all talk together, or he has the caller, or is let go.

use crate::phones::{until, within};
use crate::site::{AGENT, CALLER, GUEST, LET_GO, hears};
use crate::talk::{Talk, done, rules};
use holdfast::phone::Call;
use serde_json::json;

/// By either way; `asks` presses keys, or posts.
async fn consultation(talk: &Talk, consult: impl AsyncFnOnce(), conference: impl AsyncFnOnce()) -> Call {
    consult().await;
    let guest = talk.answered_by(&talk.carla).await;
    until("the two talk", || hears(&talk.talking, GUEST) && hears(&guest, AGENT)).await;
    talk.caller_hears_music().await;
    assert!(!hears(&guest, CALLER) && !hears(&talk.talking, CALLER), "the caller is not heard meanwhile");
    conference().await;
    until("each hears both others", || {
        let by_caller = hears(&talk.caller, AGENT) && hears(&talk.caller, GUEST);
        let by_agent = hears(&talk.talking, CALLER) && hears(&talk.talking, GUEST);
        by_caller && by_agent && hears(&guest, CALLER) && hears(&guest, AGENT)
    })
    .await;
    guest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_api_a_colleague_is_asked_then_all_three_talk_then_he_has_the_caller() {
    let talk = Talk::begin(&rules("")).await;
    assert_eq!(talk.asks("conference", json!({})).await, 409, "nobody is asked yet");
    assert_eq!(talk.asks("complete", json!({})).await, 409);
    let consult = async || assert_eq!(talk.asks("consult", json!({ "agent": "carla" })).await, 200);
    let conference = async || assert_eq!(talk.asks("conference", json!({})).await, 200);
    let guest = consultation(&talk, consult, conference).await;
    assert_eq!(talk.asks("complete", json!({})).await, 200);
    talk.is_handed_to(&guest).await;
    assert_eq!(talk.ends_by(guest).await, done("agent carla"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_keys_a_colleague_is_asked_then_all_three_talk_then_he_has_the_caller() {
    let talk = Talk::begin(&rules("")).await;
    let consult = async || assert_eq!(talk.talking.press("*34711#"), 7);
    let conference = async || assert_eq!(talk.talking.press("*4"), 2);
    let guest = consultation(&talk, consult, conference).await;
    talk.talking.press("*5");
    talk.is_handed_to(&guest).await;
    assert_eq!(talk.ends_by(guest).await, done("agent carla"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_asked_is_let_go_and_caller_and_agent_talk_on_by_api_and_by_keys() {
    let talk = Talk::begin(&rules("")).await;
    for by_keys in [false, true] {
        if by_keys {
            talk.talking.press("*34711#");
        } else {
            assert_eq!(talk.asks("consult", json!({ "agent": "carla" })).await, 200);
        }
        let guest = talk.answered_by(&talk.carla).await;
        until("the two talk", || hears(&talk.talking, GUEST)).await;
        talk.caller_hears_music().await;
        if by_keys {
            talk.talking.press("*6");
        } else {
            assert_eq!(talk.asks("return", json!({})).await, 200);
        }
        assert_eq!(within(guest.ended()).await, LET_GO);
        talk.are_together().await;
        talk.site.agent_is("carla", "ready").await;
    }
    talk.caller.hang_up();
    within(talk.talking.ended()).await;
    assert!(talk.recorded().await.is_empty(), "he was never passed on");
}
