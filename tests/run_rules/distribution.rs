//! Strategies and capacity as phones notice them.

use crate::phones::within;
use crate::site::{Site, agent, answers, is_from, number, queue, rung};
use holdfast::phone::{Ended, Side};

fn site_of(rules: &str, agents: &[(&str, &str)]) -> Vec<String> {
    let mut text = vec![queue("sales", rules), number("4001", "sales", "")];
    text.extend(agents.iter().map(|(name, rules)| agent(name, "\"sales\"", rules)));
    text
}

/// A phone whose offer is called off hears CANCEL, and answers 487.
const CALLED_OFF: Ended = Ended { by: Side::There, status: Some(487) };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_phones_ring_at_once_and_the_first_to_answer_has_the_call() {
    let site = Site::start(&site_of("strategy = \"ring-all\"", &[("anna", ""), ("ben", "")])).await;
    let (anna, ben) = (site.agent("anna").await, site.agent("ben").await);
    let _caller = site.caller("4001", "+4930111").await;
    let (at_anna, at_ben) = (rung(&anna).await, rung(&ben).await);
    at_anna.ring();
    let _talking = is_from(at_ben, "+4930111");
    assert_eq!(within(at_anna.withdrawn()).await, CALLED_OFF);
    site.agent_is("ben", "talking").await;
    site.agent_is("anna", "ready").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_phone_rings_beside_the_first_after_its_step_and_the_loser_is_called_off() {
    let rules = "strategy = \"ring-progressively\"\nring_step = \"1s\"\nring_timeout = \"60s\"";
    let site = Site::start(&site_of(rules, &[("anna", ""), ("ben", "")])).await;
    let (anna, ben) = (site.agent("anna").await, site.agent("ben").await);
    let _caller = site.caller("4001", "+4930111").await;
    // Whoever is asked first lets it ring; both ring, for nobody has answered or declined.
    let (at_anna, at_ben) = tokio::join!(rung(&anna), rung(&ben));
    at_anna.ring();
    at_ben.ring();
    let _talking = is_from(at_anna, "+4930111");
    assert_eq!(within(at_ben.withdrawn()).await, CALLED_OFF);
    site.agent_is("ben", "ready").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_calls_go_round_three_agents() {
    let rules = "strategy = \"round-robin\"\nwrap_up = \"0s\"";
    let site = Site::start(&site_of(rules, &[("anna", ""), ("ben", ""), ("carla", "")])).await;
    let phones = [site.agent("anna").await, site.agent("ben").await, site.agent("carla").await];
    for round in 0..2 {
        for phone in &phones {
            let caller = site.caller("4001", &format!("+493011{round}")).await;
            answers(phone).await.hang_up();
            within(caller.ended()).await;
            // All are ready again, so that it is the turn and not the lack of others that decides.
            site.empty().await;
        }
    }
    for name in ["anna", "ben", "carla"] {
        site.shown("/v1/agents", |agent| agent["name"] == name && agent["answered"] == 2).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_capacity_two_has_two_calls_at_once_and_the_third_waits() {
    let site = Site::start(&site_of("wrap_up = \"0s\"", &[("anna", "capacity = 2")])).await;
    let anna = site.agent("anna").await;
    let _first = site.caller("4001", "+4930111").await;
    let talking = answers(&anna).await;
    let _second = site.caller("4001", "+4930222").await;
    let _another = answers(&anna).await;
    let _third = site.waiting("sales", "4001", "+4930333").await;
    site.shown("/v1/queues", |queue| queue["waiting"] == 1).await;
    talking.hang_up();
    is_from(rung(&anna).await, "+4930333");
}
