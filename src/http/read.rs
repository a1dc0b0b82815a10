//! Looking: everything that changes nothing, from what was last published.

use super::error::ApiError;
use super::expected::{self, WaitShown};
use super::{From, Sources};
use crate::engine::explain::OfferedBecause;
use crate::engine::fact::{AgentState, Outcome};
use crate::engine::id::{AgentId, CallId, QueueId};
use crate::engine::settings::Settings;
use crate::engine::snapshot::{AgentView, CallStage, CallView, QueueView};
use crate::metrics::CONTENT_TYPE;
use crate::stats::{Cdr, CdrFilter, Estimate, QueueToday};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Records given when no limit is asked for.
const RECORDS_DEFAULT: u32 = 100;

pub(super) async fn ready(State(sources): From) -> Result<&'static str, ApiError> {
    if sources.snapshots.borrow().draining {
        let hint = "calls in progress are finished; send new ones elsewhere";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "about to stop", hint));
    }
    Ok("ready\n")
}

pub(super) async fn metrics(State(sources): From) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], (sources.metrics)())
}

/// A queue as the API shows it.
#[derive(Serialize)]
pub(super) struct QueueShown {
    name: String,
    title: String,
    waiting: usize,
    longest_wait_ms: u64,
    oldest_queued_at_ms: Option<i64>,
    open: bool,
    closed_by_hand: bool,
    agents: BTreeMap<&'static str, usize>,
    service_level_threshold_ms: u64,
    service_level_target: f64,
    estimated_wait: Option<WaitShown>,
    today: QueueToday,
}

pub(super) async fn queues(State(sources): From) -> Json<Vec<QueueShown>> {
    let snapshot = sources.snapshots.borrow().clone();
    let today = sources.today.borrow().clone();
    let expected = sources.expected.borrow().clone();
    let rules = sources.rules();
    let shown = snapshot.queues.iter().filter_map(|view| queue(&rules, &today, &expected.queues, view));
    Json(shown.collect())
}

fn queue(
    settings: &Settings,
    today: &[QueueToday],
    estimates: &[Option<Estimate>],
    view: &QueueView,
) -> Option<QueueShown> {
    // Who still waits in a queue that is no longer configured must be seen.
    let rules = settings.queue(view.queue).filter(|rules| !rules.retired || view.waiting > 0)?;
    let estimate = estimates.get(view.queue.0 as usize).copied().flatten();
    Some(QueueShown {
        name: rules.name.clone(),
        title: rules.title.clone(),
        waiting: view.waiting,
        longest_wait_ms: millis(view.longest_wait),
        oldest_queued_at_ms: view.oldest.map(|wall| wall.0),
        open: view.open,
        closed_by_hand: view.closed_by_hand,
        agents: AgentState::ALL.iter().map(|state| state.as_str()).zip(view.agents).collect(),
        service_level_threshold_ms: millis(rules.service_level_threshold),
        service_level_target: rules.service_level_target,
        estimated_wait: estimate.map(WaitShown::from),
        today: today.get(view.queue.0 as usize).cloned().unwrap_or_default(),
    })
}

/// An agent as the API shows him.
#[derive(Serialize)]
pub(super) struct AgentShown {
    name: String,
    title: String,
    state: AgentState,
    state_for_ms: u64,
    reason: Option<String>,
    call: Option<String>,
    answered: u64,
    talk_ms: u64,
    occupancy: Option<f64>,
    capacity: u8,
    weight: u8,
    wrap_up_s: Option<u64>,
    queues: Vec<String>,
    skills: BTreeMap<String, u8>,
    secondary: Vec<String>,
}

pub(super) async fn agents(State(sources): From) -> Json<Vec<AgentShown>> {
    let snapshot = sources.snapshots.borrow().clone();
    let rules = sources.rules();
    Json(snapshot.agents.iter().filter_map(|view| agent(&rules, view)).collect())
}

fn agent(settings: &Settings, view: &AgentView) -> Option<AgentShown> {
    let known = settings.agent(view.agent).filter(|known| !known.retired || view.call.is_some())?;
    let named = |skill: crate::engine::id::SkillId| settings.skills.get(skill.0 as usize).cloned();
    let skill = |(skill, level): (crate::engine::id::SkillId, u8)| Some((named(skill)?, level));
    Some(AgentShown {
        name: known.name.clone(),
        title: known.title.clone(),
        state: view.state,
        state_for_ms: millis(view.lasted),
        reason: view.reason.clone(),
        call: view.call.as_ref().map(CallId::to_string),
        answered: view.answered,
        talk_ms: millis(view.talk),
        occupancy: view.occupancy,
        capacity: known.capacity,
        weight: known.weight,
        wrap_up_s: known.wrap_up.map(|span| span.as_secs()),
        queues: known.queues.iter().map(|id| queue_name(settings, *id)).collect(),
        skills: known.skills.iter().filter_map(skill).collect(),
        secondary: known.secondary.iter().filter_map(|skill| named(*skill)).collect(),
    })
}

/// A call as the API shows it.
#[derive(Serialize)]
pub(super) struct CallShown {
    id: String,
    queue: String,
    caller_number: String,
    caller_name: String,
    /// The number the caller called first, when somebody else sent him on to us.
    diverted_from: Option<Box<str>>,
    stage: CallStage,
    queued_at_ms: i64,
    wait_ms: u64,
    priority_ms: u64,
    agents: Vec<String>,
    /// Why he was asked.
    because: Option<OfferedBecause>,
    /// How much longer a waiting call will wait.
    expected_wait: Option<WaitShown>,
}

pub(super) async fn calls(State(sources): From) -> Json<Vec<CallShown>> {
    let snapshot = sources.snapshots.borrow().clone();
    let rules = sources.rules();
    let expected = sources.expected.borrow().clone();
    let waits = expected::waits(&snapshot, &expected);
    Json(snapshot.calls.iter().zip(waits).map(|(view, wait)| call(&rules, view, wait)).collect())
}

fn call(settings: &Settings, view: &CallView, wait: Option<Estimate>) -> CallShown {
    let agent_name = |id: &AgentId| settings.agent(*id).map(|agent| agent.name.clone());
    CallShown {
        id: view.call.to_string(),
        queue: queue_name(settings, view.queue),
        caller_number: view.caller.number.clone(),
        caller_name: view.caller.name.clone(),
        diverted_from: view.caller.diverted_from.clone(),
        stage: view.stage,
        queued_at_ms: view.queued_at.0,
        wait_ms: millis(view.wait),
        priority_ms: millis(view.priority),
        agents: view.agents.iter().filter_map(agent_name).collect(),
        because: view.because,
        expected_wait: wait.map(WaitShown::from),
    }
}

/// What can be asked of the records.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordsAsked {
    queue: Option<String>,
    outcome: Option<String>,
    since: Option<i64>,
    limit: Option<u32>,
}

pub(super) async fn records(
    State(sources): From,
    asked: Result<Query<RecordsAsked>, QueryRejection>,
) -> Result<Json<Vec<Cdr>>, ApiError> {
    let hint = "?queue=sales&outcome=answered&since=1700000000000&limit=100, each of them optional; since is milliseconds since 1970";
    let Query(asked) = asked.map_err(|error| ApiError::bad_request(error.body_text(), hint))?;
    let filter = filter(&sources, asked)?;
    (sources.records)(filter).await.map(Json).map_err(|error| {
        tracing::error!(%error, "call records cannot be read");
        let hint = "the log says why; calls go on";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the call records cannot be read now", hint)
    })
}

fn filter(sources: &Sources, asked: RecordsAsked) -> Result<CdrFilter, ApiError> {
    // An empty parameter, as a form sends it, asks for nothing.
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let queue = given(asked.queue);
    let rules = sources.rules();
    // A queue that is no longer configured still has its records.
    if let Some(queue) = &queue
        && !rules.queues.iter().any(|known| known.name == *queue)
    {
        let known = rules.queues.iter().map(|queue| queue.name.as_str());
        return Err(ApiError::unknown("queue", queue, known));
    }
    let outcome = match given(asked.outcome) {
        Some(word) => match Outcome::ALL.iter().find(|outcome| outcome.as_str() == word) {
            Some(outcome) => Some(*outcome),
            None => {
                let known = Outcome::ALL.map(Outcome::as_str).join(", ");
                return Err(ApiError::bad_request("there is no such outcome", format!("known: {known}")));
            }
        },
        None => None,
    };
    let limit = asked.limit.unwrap_or(RECORDS_DEFAULT);
    if !(1..=CdrFilter::LIMIT_MAX).contains(&limit) {
        let most = CdrFilter::LIMIT_MAX;
        return Err(ApiError::bad_request("limit is out of range", format!("from 1 to {most}")));
    }
    Ok(CdrFilter { queue, outcome, since_ms: asked.since, limit })
}

fn queue_name(settings: &Settings, queue: QueueId) -> String {
    settings.queue(queue).map(|queue| queue.name.clone()).unwrap_or_default()
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
