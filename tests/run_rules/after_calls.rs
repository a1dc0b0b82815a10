//! What follows for agents: from calls they had, and from calls they missed.

use crate::site::{Site, agent, answers, number, queue, rung};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mandatory_after_call_work_lasts_until_what_the_call_was_about_is_noted() {
    let site = Site::start(&[
        "dispositions = [\"sale\"]".into(),
        queue("sales", "wrap_up = \"1s\"\nwrap_up_mode = \"mandatory\"\ndisposition_required = true"),
        number("4001", "sales", ""),
        agent("anna", "\"sales\"", ""),
    ])
    .await;
    let anna = site.agent("anna").await;
    let _caller = site.caller("4001", "+4930111").await;
    answers(&anna).await.hang_up();
    site.agent_is("anna", "wrap_up").await;
    // Its time is over, and it goes on: nothing was noted yet.
    site.shown("/v1/agents", |agent| {
        agent["state"] == "wrap_up" && agent["state_for_ms"].as_u64() > Some(1_500)
    })
    .await;
    assert_eq!(site.post("/v1/agents/anna/disposition", json!({ "disposition": "sale" })).await, 200);
    site.agent_is("anna", "ready").await;
    site.shown("/v1/records", |record| record["disposition"] == "sale").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_declines_twice_in_a_row_is_paused_and_says_himself_when_he_is_back() {
    let site = Site::start(&[
        queue("sales", "rest_after_miss = \"1s\"\nmissed = { pause_after = 2 }"),
        number("4001", "sales", ""),
        agent("anna", "\"sales\"", ""),
    ])
    .await;
    let anna = site.agent("anna").await;
    let _caller = site.caller("4001", "+4930111").await;
    rung(&anna).await.decline(603);
    rung(&anna).await.decline(603);
    let shown = site.agent_is("anna", "paused").await;
    assert_eq!(shown["reason"], "missed-calls");
    assert_eq!(site.post("/v1/agents/anna/ready", json!({})).await, 200);
    answers(&anna).await;
}
