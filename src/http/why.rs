//! Why a call still waits, in figures for programs and in one sentence for people. It words what the engine explained,
//! and adds no reason of its own.

use super::read::millis;
use crate::engine::explain::WaitingBecause;
use crate::engine::fact::AgentState;
use crate::engine::id::{CallId, QueueId};
use crate::engine::requirement::written;
use crate::engine::settings::Settings;
use crate::engine::skill::Requirement;
use crate::engine::snapshot::Snapshot;
use serde::Serialize;
use std::collections::BTreeMap;

/// The answer of `GET /v1/calls/ID/why`.
#[derive(Serialize)]
pub(super) struct Waiting {
    call: String,
    queue: String,
    waited_ms: u64,
    ahead: usize,
    requirement: String,
    level: u8,
    levels: u8,
    next_step_ms: Option<u64>,
    waits_for: Option<String>,
    qualified: BTreeMap<&'static str, usize>,
    unqualified: usize,
    lenders_busy: Vec<String>,
    rung: Vec<String>,
    sentence: String,
}

impl Waiting {
    pub(super) fn new(call: CallId, why: &WaitingBecause, rules: &Settings, seen: &Snapshot) -> Self {
        let agent = |id| rules.agent(id).map(|agent| agent.name.clone()).unwrap_or_default();
        Self {
            call: call.to_string(),
            queue: queue_name(rules, why.queue),
            waited_ms: millis(why.waited),
            ahead: why.ahead,
            requirement: written(&why.requirement, &rules.skills),
            level: why.level.0,
            levels: why.level.1,
            next_step_ms: why.next_step.map(millis),
            waits_for: why.waits_for.map(agent),
            qualified: AgentState::ALL.iter().map(|state| state.as_str()).zip(why.qualified).collect(),
            unqualified: why.unqualified,
            lenders_busy: why.lenders_busy.iter().map(|queue| queue_name(rules, *queue)).collect(),
            rung: why.rung.iter().map(|id| agent(*id)).collect(),
            sentence: sentence(why, rules, seen),
        }
    }
}

fn queue_name(rules: &Settings, queue: QueueId) -> String {
    rules.queue(queue).map(|queue| queue.name.clone()).unwrap_or_default()
}

/// "needs spanish ≥ 3; of 4 agents who have it 2 are paused, 1 is talking, 1 is logged out; in 8 s spanish ≥ 2 will do"
fn sentence(why: &WaitingBecause, rules: &Settings, seen: &Snapshot) -> String {
    let mut parts = Vec::new();
    let name = |id: &_| rules.agent(*id).map(|agent| agent.name.clone()).unwrap_or_default();
    if let Some(agent) = &why.waits_for {
        let state = seen.agents.get(agent.0 as usize).map(|view| doing(view.state));
        parts.push(format!("waits for {} alone, who is {}", name(agent), state.unwrap_or("unknown")));
    } else {
        parts.push(if is_anybody(&why.requirement) {
            "any agent of the queue will do".into()
        } else {
            format!("needs {}", spoken(&why.requirement, rules))
        });
        parts.push(staff(why));
    }
    if !why.rung.is_empty() {
        let rung: Vec<_> = why.rung.iter().map(name).collect();
        parts.push(format!("{} being rung for it", are(rung.len(), &rung.join(" and "))));
    }
    if why.ahead > 0 {
        let calls = if why.ahead == 1 { "call stands" } else { "calls stand" };
        parts.push(format!("{} {calls} before it", why.ahead));
    }
    if !why.lenders_busy.is_empty() {
        let lenders: Vec<_> = why.lenders_busy.iter().map(|queue| queue_name(rules, *queue)).collect();
        let need =
            if lenders.len() == 1 { "needs its agents itself" } else { "need their agents themselves" };
        parts.push(format!("{} {need}", lenders.join(" and ")));
    }
    parts.extend(next_step(why, rules));
    parts.join("; ")
}

fn is_anybody(requirement: &Requirement) -> bool {
    *requirement == Requirement::ANYBODY
}

fn spoken(requirement: &Requirement, rules: &Settings) -> String {
    written(requirement, &rules.skills).replace(">=", "≥")
}

/// Whoever meets it, by what he is doing.
fn staff(why: &WaitingBecause) -> String {
    let total: usize = why.qualified.iter().sum();
    let has = if is_anybody(&why.requirement) { "" } else { " who have it" };
    if total == 0 {
        return match why.unqualified {
            0 => "the queue has no agents".into(),
            1 => "the queue's only agent does not have it".into(),
            others => format!("none of the queue's {others} agents has it"),
        };
    }
    let mut states: Vec<_> = AgentState::ALL.into_iter().zip(why.qualified).filter(|(_, n)| *n > 0).collect();
    // What holds most of them comes first.
    states.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let states: Vec<_> = states
        .iter()
        .map(|(state, count)| format!("{} {}", are(*count, &count.to_string()), doing(*state)))
        .collect();
    let who = match (total, has) {
        (1, "") => "of 1 agent".to_owned(),
        (1, _) => "of 1 agent who has it".to_owned(),
        (_, has) => format!("of {total} agents{has}"),
    };
    format!("{who} {}", states.join(", "))
}

/// "anna is", "2 are".
fn are(count: usize, who: &str) -> String {
    format!("{who} {}", if count == 1 { "is" } else { "are" })
}

fn doing(state: AgentState) -> &'static str {
    match state {
        AgentState::LoggedOut => "logged out",
        AgentState::Unreachable => "unreachable",
        AgentState::Ready => "ready",
        AgentState::Offered => "being rung",
        AgentState::Talking => "talking",
        AgentState::OnHold => "keeping a caller on hold",
        AgentState::WrapUp => "in after-call work",
        AgentState::Paused => "paused",
        AgentState::Resting => "resting after a missed call",
    }
}

/// What will change by itself, and when.
fn next_step(why: &WaitingBecause, rules: &Settings) -> Option<String> {
    let left = why.next_step?;
    // Whole seconds, and never sooner than true.
    let seconds = left.as_millis().div_ceil(1000);
    let queue = rules.queue(why.queue)?;
    // The engine tells when a step comes, not which: it can be named when only the queue's own steps are there.
    let numbers_ask = rules.numbers.iter().any(|number| {
        number.queue == why.queue && !(is_anybody(&number.requirement) && number.relaxation.is_empty())
    });
    let due = why.waited + left;
    let step =
        queue.relaxation.iter().find(|step| step.after == due && !numbers_ask && why.waits_for.is_none());
    Some(match step {
        Some(step) if is_anybody(&step.requirement) => {
            format!("in {seconds} s any agent of the queue will do")
        }
        Some(step) => format!("in {seconds} s {} will do", spoken(&step.requirement, rules)),
        None => format!("in {seconds} s more agents may take it"),
    })
}

#[cfg(test)]
mod tests;
