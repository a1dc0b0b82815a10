//! Who may take a call widens with its wait: steps of relaxation, secondary skills, agents of another queue.

use crate::site::{Site, agent, answers, number, queue};

const SALES: &str = "\"sales\"";

/// The only agent there is takes the call, and not before a second of wait.
async fn taken_after_a_second(rules: &[String]) {
    let site = Site::start(rules).await;
    let ben = site.agent("ben").await;
    let caller = site.caller("4001", "+4930111").await;
    answers(&ben).await.hang_up();
    crate::phones::within(caller.ended()).await;
    let record = site.record("+4930111").await;
    assert_eq!((&record["outcome"], &record["agent"]), (&"answered".into(), &"ben".into()));
    assert!(record["wait_ms"].as_u64().unwrap() >= 1_000, "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_relaxation_brings_an_agent_who_did_not_do_before() {
    taken_after_a_second(&[
        "skills = [\"spanish\"]".into(),
        queue("sales", "requires = \"spanish >= 5\"\nrelax = [{ after = \"1s\", requires = \"spanish\" }]"),
        number("4001", "sales", ""),
        agent("ben", SALES, "skills = { spanish = 2 }"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_s_own_requirement_is_relaxed_by_its_own_steps() {
    taken_after_a_second(&[
        "skills = [\"spanish\"]".into(),
        queue("sales", ""),
        number(
            "4001",
            "sales",
            "requires = \"spanish >= 5\"\nrelax = [{ after = \"1s\", requires = \"anybody\" }]",
        ),
        agent("ben", SALES, ""),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_with_the_skill_only_as_a_secondary_one_is_kept_back_for_a_while() {
    taken_after_a_second(&[
        "skills = [\"spanish\"]".into(),
        queue("sales", "requires = \"spanish\"\nsecondary_after = \"1s\""),
        number("4001", "sales", ""),
        agent("ben", SALES, "skills = { spanish = 9 }\nsecondary = [\"spanish\"]"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_another_queue_helps_out_after_its_time() {
    taken_after_a_second(&[
        queue("sales", "borrow = [{ from = \"support\", after = \"1s\", while_wait_below = \"10s\" }]"),
        queue("support", ""),
        number("4001", "sales", ""),
        agent("anna", SALES, ""),
        agent("ben", "\"support\"", ""),
    ])
    .await;
}
