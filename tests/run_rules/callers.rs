//! Callers who are not all alike: who is known, who dialled somebody, who was cut off, who goes first.

use crate::phones::within;
use crate::site::{Site, agent, answers, is_from, number, queue, rung};

fn two_agents(rules: &str, direct: &str) -> Vec<String> {
    vec![
        queue("sales", &format!("wrap_up = \"0s\"\n{rules}")),
        number("4001", "sales", ""),
        number("4101", "sales", direct),
        agent("anna", "\"sales\"", ""),
        agent("ben", "\"sales\"", ""),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_comes_to_the_agent_he_talked_to_last_though_another_has_been_free_for_longer() {
    let rules = "last_agent = { within = \"1h\", wait = \"60s\" }";
    let site = Site::start(&two_agents(rules, "")).await;
    let anna = site.agent("anna").await;
    let caller = site.caller("4001", "+4930111").await;
    answers(&anna).await.hang_up();
    within(caller.ended()).await;
    // Before ben is there anna could have been nothing but first; now she is the one idle for less time.
    let ben = site.agent("ben").await;
    let stranger = site.caller("4001", "+4930999").await;
    answers(&anna).await.hang_up();
    within(stranger.ended()).await;
    site.empty().await;
    let _again = site.caller("4001", "+4930111").await;
    is_from(rung(&anna).await, "+4930111");
    let _another = site.caller("4001", "+4930222").await;
    is_from(rung(&ben).await, "+4930222");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_s_own_number_waits_for_that_agent_and_then_for_anybody() {
    let site = Site::start(&two_agents("", "direct = { agent = \"ben\", wait = \"1s\" }")).await;
    let (anna, ben) = (site.agent("anna").await, site.agent("ben").await);
    let _first = site.caller("4101", "+4930111").await;
    let _talking = is_from(rung(&ben).await, "+4930111");
    site.agent_is("ben", "talking").await;
    let second = site.caller("4101", "+4930222").await;
    is_from(rung(&anna).await, "+4930222").hang_up();
    within(second.ended()).await;
    let record = site.record("+4930222").await;
    assert!(record["wait_ms"].as_u64().unwrap() >= 1_000, "{record}");
}

/// One with this number drops out and calls again behind another; who is answered first?
async fn first_after_a_lost_connection(number_shown: &str) -> String {
    let rules = [
        queue("sales", "resume_within = \"1m\""),
        number("4001", "sales", ""),
        agent("anna", "\"sales\"", ""),
    ];
    let site = Site::start(&rules).await;
    let lost = site.caller("4001", number_shown).await;
    site.shown("/v1/queues", |queue| queue["waiting"] == 1).await;
    lost.hang_up();
    within(lost.ended()).await;
    site.empty().await;
    let _patient = site.waiting("sales", "4001", "+4930222").await;
    let _again = site.caller("4001", number_shown).await;
    site.shown("/v1/queues", |queue| queue["waiting"] == 2).await;
    let anna = site.agent_phone("anna").await;
    rung(&anna).await.number().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_the_connection_and_calls_again_has_his_old_place() {
    assert_eq!(first_after_a_lost_connection("+4930111").await, "+4930111");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hides_his_number_has_no_place_to_come_back_to() {
    assert_eq!(first_after_a_lost_connection("anonymous").await, "+4930222");
}

/// Two callers wait, the first at 4001; who is answered first?
async fn first_of_two(rules: &[String]) -> String {
    let site = Site::start(rules).await;
    let _first = site.caller("4001", "+4930111").await;
    site.shown("/v1/calls", |call| call["caller_number"] == "+4930111").await;
    let _second = site.caller("4002", "+4930222").await;
    site.shown("/v1/calls", |call| call["caller_number"] == "+4930222").await;
    let anna = site.agent_phone("anna").await;
    rung(&anna).await.number().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_dialled_the_number_with_a_head_start_goes_first() {
    let rules = |priority: &str| {
        [
            queue("sales", ""),
            number("4001", "sales", ""),
            number("4002", "sales", priority),
            agent("anna", "\"sales\"", ""),
        ]
    };
    assert_eq!(first_of_two(&rules("priority = \"10m\"")).await, "+4930222");
    assert_eq!(first_of_two(&rules("")).await, "+4930111");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_deadlines_the_call_goes_first_that_is_soonest_late() {
    let rules = |order: &str| {
        [
            format!("order = \"{order}\""),
            queue("sales", "service_level = { within = \"10m\", target = 0.8 }"),
            queue("support", "service_level = { within = \"10s\", target = 0.8 }"),
            number("4001", "sales", ""),
            number("4002", "support", ""),
            agent("anna", "\"sales\", \"support\"", ""),
        ]
    };
    assert_eq!(first_of_two(&rules("deadline")).await, "+4930222");
    assert_eq!(first_of_two(&rules("priority")).await, "+4930111");
}
