//! Whether the rules of queues fit together: overflow that goes round, rules that never apply, callers with nowhere to go.

use super::overflow::when_text;
use super::problem::Diagnostics;
use super::queues::QueuePlaces;
use crate::engine::id::QueueId;
use crate::engine::settings::{Destination, Overflow, OverflowWhen, Queue};

/// Warns of everything that can be used and is hardly meant.
pub(super) fn check(queues: &[Queue], places: &[QueuePlaces], diagnostics: &Diagnostics<'_>) {
    for (queue, place) in queues.iter().zip(places) {
        let warn =
            |span, message: String| diagnostics.warn(span, format!("queue {:?}: {message}", queue.name));
        for (rule, span) in queue.overflow.iter().zip(&place.overflow) {
            if let Some(why) = never_applies(queue, rule) {
                warn(span, format!("overflow: this rule never applies: {why}"));
            }
        }
        for message in dead_ends(queue) {
            warn(&place.queue, message);
        }
    }
    for (at, queue) in (0u32..).map(QueueId).zip(queues) {
        // Each circle is told once, at its first queue of the file.
        let Some(round) = circle(queues, at).filter(|round| round.iter().all(|other| *other >= at)) else {
            continue;
        };
        let names: Vec<_> =
            round.iter().filter_map(|id| queues.get(id.0 as usize)).map(|q| q.name.as_str()).collect();
        let message = format!(
            "queue {:?}: overflow: callers are sent round and round: {}",
            queue.name,
            names.join(" → ")
        );
        if let Some(place) = places.get(at.0 as usize) {
            diagnostics.warn(&place.queue, message);
        }
    }
}

fn never_applies(queue: &Queue, rule: &Overflow) -> Option<String> {
    match rule.when {
        OverflowWhen::Waited(after) => {
            let limit = queue.wait_max.filter(|limit| *limit <= after)?;
            Some(format!("wait_max ends every wait after {}", super::scalar::duration_text(limit)))
        }
        OverflowWhen::NoAgents if queue.refuse_when_all.is_empty() && queue.leave_when_all.is_empty() => {
            Some("neither refuse_when_all nor leave_when_all says when there are no agents".into())
        }
        OverflowWhen::Full | OverflowWhen::NoAgents | OverflowWhen::Closed => None,
    }
}

/// Callers who are told nothing but a busy tone.
fn dead_ends(queue: &Queue) -> Vec<String> {
    let has = |when: OverflowWhen| queue.overflow.iter().any(|rule| rule.when == when);
    let mut found = Vec::new();
    let mut tell = |cause: &str, when: OverflowWhen, prompt: &str| {
        let word = when_text(when);
        let remedy = format!("name one: overflow = [{{ when = {word:?}, message = {prompt:?} }}]");
        found.push(format!("{cause}, but callers have no place to go to then; {remedy}"));
    };
    if queue.hours.is_some() && !has(OverflowWhen::Closed) {
        tell("it has hours", OverflowWhen::Closed, "closed");
    }
    if !queue.leave_when_all.is_empty() && !has(OverflowWhen::NoAgents) {
        tell("it has leave_when_all", OverflowWhen::NoAgents, "all-busy");
    }
    found
}

/// The way from a queue back to itself, by the first place each queue sends those to who have waited.
fn circle(queues: &[Queue], start: QueueId) -> Option<Vec<QueueId>> {
    let next = |queue: QueueId| {
        let rules = &queues.get(queue.0 as usize)?.overflow;
        rules.iter().find_map(|rule| match (rule.when, &rule.to) {
            (OverflowWhen::Waited(_), Destination::Queue(to)) => Some(*to),
            (OverflowWhen::Waited(_), Destination::Number(_) | Destination::Message(_))
            | (OverflowWhen::Full | OverflowWhen::NoAgents | OverflowWhen::Closed, _) => None,
        })
    };
    let mut round = vec![start];
    for _ in queues {
        let to = next(*round.last()?)?;
        round.push(to);
        if to == start {
            return Some(round);
        }
    }
    None
}
