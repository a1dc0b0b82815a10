//! The running summary: what the API says and what the ledger says, a few lines every few seconds.

use super::DemoSettings;
use super::api::{Agent, Api, Queue};
use super::dice::Dice;
use super::ledger::Ledger;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Shows it until aborted.
pub(super) async fn show(settings: Arc<DemoSettings>, ledger: Arc<Ledger>) {
    let api = Api::new(&settings);
    let ours: HashSet<&str> = settings.agents.iter().map(|agent| agent.name.as_str()).collect();
    let mut dice = Dice::new(settings.seed.unwrap_or(1));
    let began = Instant::now();
    let mut next = began + settings.summary_every;
    let mut every_second = interval(Duration::from_secs(1));
    every_second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        every_second.tick().await;
        let agents = api.agents().await.unwrap_or_default();
        if agents.iter().any(|agent| agent.state == "talking" && !ours.contains(agent.name.as_str())) {
            introduce(&api, &ours, &ledger, &mut dice).await;
        }
        if Instant::now() >= next {
            next += settings.summary_every;
            let queues = api.queues().await.unwrap_or_default();
            let you = settings.you.as_ref().map(|you| you.name.as_str());
            println!("{}", text(began.elapsed(), &queues, &agents, you, &ledger.line()));
        }
    }
}

/// Callers who talk to a person would otherwise not know it, and run out of patience in mid-sentence.
async fn introduce(api: &Api, ours: &HashSet<&str>, ledger: &Ledger, dice: &mut Dice) {
    let calls = api.calls().await.unwrap_or_default();
    let with_a_person = calls.iter().filter(|call| {
        call.stage == "talking" && call.agents.iter().any(|agent| !ours.contains(agent.as_str()))
    });
    for call in with_a_person {
        ledger.meet_person(&call.caller_number, &call.caller_name, dice);
    }
}

/// `you` is the agent that waits for a person: without one he is not to look like a failure.
fn text(elapsed: Duration, queues: &[Queue], agents: &[Agent], you: Option<&str>, ledger: &str) -> String {
    let seconds = elapsed.as_secs();
    let mut text = format!("── {:02}:{:02} ", seconds / 60, seconds % 60);
    text.push_str(&"─".repeat(72));
    if queues.is_empty() {
        text.push_str("\n  the engine's API gives no figures");
    }
    for queue in queues {
        let today = &queue.today;
        let level =
            today.service_level.map_or("   –".to_owned(), |level| format!("{:3.0} %", level * 100.0));
        let _ = write!(
            text,
            "\n  {:<10} {:>3} waiting, longest {:>3} s │ answered {:>4}, abandoned {:>3} │ service level {level} (target {:.0} %)",
            queue.name,
            queue.waiting,
            queue.longest_wait_ms / 1000,
            today.answered,
            today.abandoned,
            queue.service_level_target * 100.0
        );
    }
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    let nobody = |agent: &&Agent| you == Some(agent.name.as_str()) && agent.state == "unreachable";
    for agent in agents.iter().filter(|agent| !nobody(agent)) {
        *states.entry(agent.state.as_str()).or_default() += 1;
    }
    let mut states: Vec<String> =
        states.iter().map(|(state, count)| format!("{count} {}", state.replace('_', " "))).collect();
    if states.is_empty() {
        states.push("nobody is registered".into());
    }
    let _ = write!(text, "\n  agents     {}\n  phones     {ledger}", states.join(", "));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_the_api_says() {
        let queues: Vec<Queue> = serde_json::from_str(
            r#"[{"name":"sales","waiting":3,"longest_wait_ms":12400,"service_level_target":0.8,"more":1,
                 "today":{"offered":9,"answered":5,"abandoned":1,"service_level":0.857}}]"#,
        )
        .unwrap();
        let agents: Vec<Agent> = serde_json::from_str(
            r#"[{"name":"anna","state":"wrap_up"},{"name":"ben","state":"talking"},{"name":"cy","state":"talking"},
                {"name":"you","state":"unreachable"}]"#,
        )
        .unwrap();
        let text = text(Duration::from_secs(65), &queues, &agents, Some("you"), "9 placed");
        for part in ["01:05", "3 waiting, longest  12 s", "86 %", "2 talking, 1 wrap up\n", "9 placed"] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }
}
