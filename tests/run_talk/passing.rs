//! A caller is passed on blindly among ourselves, and comes back where nobody takes him.

use crate::phones::within;
use crate::site::{GUEST, LET_GO, rung};
use crate::talk::{NUMBER, Talk, done, failed, rules};
use holdfast::phone::Sound;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_passed_to_a_colleague_by_api_and_by_keys() {
    for by_keys in [false, true] {
        let talk = Talk::begin(&rules("")).await;
        if by_keys {
            talk.talking.press("*24711#");
        } else {
            assert_eq!(talk.asks("transfer", json!({ "agent": "carla" })).await, 200);
        }
        let ringing = rung(&talk.carla).await;
        assert_eq!(ringing.number(), NUMBER);
        talk.caller_hears_music().await;
        if !by_keys {
            assert_eq!(talk.asks("transfer", json!({ "agent": "dora" })).await, 409, "it is under way");
        }
        let guest = ringing.answer();
        within(guest.answered()).await.unwrap();
        guest.say(Sound::Tone(GUEST));
        talk.is_handed_to(&guest).await;
        assert_eq!(talk.ends_by(guest).await, done("agent carla"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_passed_to_a_queue_by_api_and_by_keys_and_one_that_is_closed_does_not_take_him() {
    for by_keys in [false, true] {
        let talk = Talk::begin(&rules("")).await;
        assert_eq!(talk.site.post("/v1/queues/support/close", json!({})).await, 200);
        assert_eq!(talk.asks("transfer", json!({ "queue": "support" })).await, 409);
        assert_eq!(talk.site.post("/v1/queues/support/reopen", json!({})).await, 200);
        talk.are_together().await;
        if by_keys {
            talk.talking.press("*24002#");
        } else {
            assert_eq!(talk.asks("transfer", json!({ "queue": "support" })).await, 200);
        }
        // The agent is free at once, whoever has the caller next and when.
        assert_eq!(within(talk.talking.ended()).await, LET_GO);
        talk.caller_hears_music().await;
        let dora = talk.site.agent_phone("dora").await;
        let guest = talk.answered_by(&dora).await;
        talk.is_handed_to(&guest).await;
        guest.hang_up();
        assert_eq!(within(talk.caller.ended()).await, LET_GO);
        let record = talk.site.record(NUMBER).await;
        assert_eq!((&record["queue"], &record["agent"]), (&json!("support"), &json!("dora")), "{record}");
        assert_eq!(record["visits"][0]["queue"], "sales", "{record}");
        assert_eq!(record["transfers"][0]["to"], "queue support", "{record}");
        assert_eq!(
            (&record["transfers"][0]["by"], &record["transfers"][0]["done"]),
            (&json!("anna"), &json!(true))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whom_nobody_takes_is_back_with_his_agent_by_api_and_by_keys() {
    let talk = Talk::begin(&rules("")).await;
    assert_eq!(talk.asks("transfer", json!({ "agent": "carla" })).await, 200);
    let ringing = rung(&talk.carla).await;
    talk.caller_hears_music().await;
    ringing.decline(603);
    talk.are_together().await;
    talk.talking.press("*24711#");
    let ringing = rung(&talk.carla).await;
    talk.caller_hears_music().await;
    // The agent himself calls it off.
    talk.talking.press("*6");
    within(ringing.withdrawn()).await;
    talk.are_together().await;
    talk.caller.hang_up();
    within(talk.talking.ended()).await;
    let to_carla = failed("agent carla").remove(0);
    assert_eq!(talk.recorded().await, [to_carla.clone(), to_carla]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whom_nobody_takes_and_whose_agent_has_gone_is_first_in_line() {
    let talk = Talk::begin(&rules("")).await;
    let behind = talk.site.waiting("sales", "4001", "+4930222").await;
    assert_eq!(talk.asks("transfer", json!({ "agent": "carla" })).await, 200);
    let ringing = rung(&talk.carla).await;
    talk.talking.hang_up();
    within(talk.talking.ended()).await;
    talk.site.agent_is("anna", "wrap_up").await;
    ringing.decline(486);
    talk.site.shown("/v1/calls", |call| call["caller_number"] == NUMBER && call["stage"] == "waiting").await;
    talk.caller_hears_music().await;
    assert_eq!(talk.site.post("/v1/agents/anna/ready", json!({})).await, 200);
    let again = rung(&talk.anna).await;
    assert_eq!(again.number(), NUMBER, "before whoever came after him");
    let again = again.answer();
    within(again.answered()).await.unwrap();
    again.hang_up();
    assert_eq!(within(talk.caller.ended()).await, LET_GO);
    assert_eq!(talk.recorded().await, failed("agent carla"));
    behind.hang_up();
}
