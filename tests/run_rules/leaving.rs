//! Calls a queue cannot have or keep: where they go, and what those hear who have nowhere to go.

use crate::phones::{until, within};
use crate::site::{LET_GO, Site, agent, answers, number, queue};
use holdfast::phone::{Phone, PhoneSettings, Sound};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

/// Hours of a queue that is closed today and the days around it, whichever day it is.
fn closed_today() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
    // The first of January 1970 was a Thursday; three days from now is neither today nor tomorrow.
    let day = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"][((days + 3) % 7) as usize];
    format!("time_zone = \"UTC\"\n[[hours]]\nname = \"rarely\"\nweek = {{ {day} = \"9:00-17:00\" }}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_waited_too_long_is_served_in_the_next_queue_and_his_record_tells_of_both() {
    let site = Site::start(&[
        queue("sales", "overflow = [{ after = \"1s\", queue = \"support\" }]"),
        queue("support", "wrap_up = \"0s\""),
        number("4001", "sales", ""),
        agent("ben", "\"support\"", ""),
    ])
    .await;
    let ben = site.agent("ben").await;
    let caller = site.caller("4001", "+4930111").await;
    answers(&ben).await.hang_up();
    assert_eq!(within(caller.ended()).await, LET_GO);
    let record = site.record("+4930111").await;
    assert_eq!((&record["queue"], &record["outcome"]), (&json!("support"), &json!("answered")));
    assert_eq!(record["visits"][0]["queue"], "sales");
    assert!(record["visits"][0]["wait_ms"].as_u64().unwrap() >= 1_000, "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_waited_too_long_hears_the_message_and_is_let_go() {
    let site = Site::start(&[
        queue("sales", "overflow = [{ after = \"1s\", message = \"all-busy\" }]"),
        number("4001", "sales", ""),
    ])
    .await;
    let caller = site.caller("4001", "+4930111").await;
    until("something is heard", || caller.heard().loudness() > 100.0).await;
    assert_eq!(within(caller.ended()).await, LET_GO);
    let record = site.record("+4930111").await;
    assert_eq!((&record["sent_to"], &record["outcome"]), (&json!("message all-busy"), &json!("overflow")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_waited_too_long_is_passed_on_to_a_number_outside_and_the_two_talk() {
    let nobody = "127.0.0.1:9".parse().unwrap();
    let outside = Phone::bind(PhoneSettings::new(nobody, "outside", "none")).await.unwrap();
    let site = Site::start(&[
        format!(
            "[dial]\nallow = [\"+49*\"]\n[[trunk]]\nname = \"outside\"\naddresses = [\"127.0.0.1\"]\ndial = \"{}\"\n",
            outside.address()
        ),
        queue("sales", "overflow = [{ after = \"1s\", number = \"+4989555\" }]"),
        number("4001", "sales", ""),
    ])
    .await;
    let caller = site.caller("4001", "+4930111").await;
    let talking = answers(&outside).await;
    talking.say(Sound::Tone(1_000.0));
    until("the caller hears him", || caller.heard().tone_share(1_000.0) > 0.9).await;
    talking.hang_up();
    assert_eq!(within(caller.ended()).await, LET_GO);
    assert_eq!(site.record("+4930111").await["sent_to"], "number +4989555");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_its_hours_a_queue_plays_its_message_or_refuses_with_480() {
    let site = Site::start(&[
        closed_today(),
        queue("sales", "hours = \"rarely\"\noverflow = [{ when = \"closed\", message = \"closed\" }]"),
        queue("support", "hours = \"rarely\""),
        number("4001", "sales", ""),
        number("4002", "support", ""),
    ])
    .await;
    assert_eq!(site.refusal("4002", "+4930222").await, Some(480));
    let caller = site.caller("4001", "+4930111").await;
    until("something is heard", || caller.heard().loudness() > 100.0).await;
    assert_eq!(within(caller.ended()).await, LET_GO);
    let record = site.record("+4930111").await;
    assert_eq!((&record["turned_away"], &record["sent_to"]), (&json!("closed"), &json!("message closed")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_busy_unless_another_takes_its_calls() {
    let site = Site::start(&[
        queue("sales", "waiting_max = 1"),
        queue("support", "waiting_max = 1\noverflow = [{ when = \"full\", queue = \"front-desk\" }]"),
        queue("front-desk", ""),
        number("4001", "sales", ""),
        number("4002", "support", ""),
    ])
    .await;
    let _one = site.waiting("sales", "4001", "+4930111").await;
    assert_eq!(site.refusal("4001", "+4930222").await, Some(486));
    let _other = site.waiting("support", "4002", "+4930333").await;
    let _third = site.waiting("front-desk", "4002", "+4930444").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_taken_where_nobody_is_logged_in_and_who_waits_leaves_with_the_last_agent() {
    let site = Site::start(&[
        queue(
            "sales",
            "refuse_when_all = [\"logged_out\", \"unreachable\"]\nleave_when_all = [\"logged_out\"]",
        ),
        number("4001", "sales", ""),
        agent("anna", "\"sales\"", ""),
    ])
    .await;
    assert_eq!(site.refusal("4001", "+4930111").await, Some(480), "her phone is not there yet");
    let anna = site.agent("anna").await;
    let _talking_caller = site.caller("4001", "+4930222").await;
    let talking = answers(&anna).await;
    let waiting = site.waiting("sales", "4001", "+4930333").await;
    talking.hang_up();
    assert_eq!(site.post("/v1/agents/anna/logout", json!({})).await, 200);
    assert_eq!(within(waiting.ended()).await, LET_GO);
    assert_eq!(site.record("+4930333").await["answered_at_ms"], json!(null));
    assert_eq!(site.refusal("4001", "+4930444").await, Some(480));
}
