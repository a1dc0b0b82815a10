//! Changing calls and queues: ending, crediting, moving, giving away, taking out; closing and reopening.

use super::error::ApiError;
use super::write::{Done, ask, body, put, span};
use super::{From, Sources, why};
use crate::engine::command::Answer;
use crate::engine::event::Request;
use crate::engine::id::{AgentId, CallId, QueueId};
use crate::engine::requirement::{self, ExpressionError};
use crate::engine::settings::{Destination, Settings};
use crate::engine::skill::Requirement;
use crate::engine::time::Wall;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

/// A closing by hand for longer than this is none.
const CLOSED_MS_MAX: i64 = 366 * 24 * 3_600_000;

pub(super) async fn hang_up(State(sources): From, Path(id): Path<String>) -> Done {
    ask(&sources, Request::HangUp { call: call(&id)? }).await
}

/// Credits the call with this much wait besides what it has waited.
pub(super) async fn priority(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    ask(&sources, Request::Reprioritise { call: call(&id)?, priority: span(&bytes, 0)? }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requires {
    requires: String,
}

pub(super) async fn requirement(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let Requires { requires } = body(&bytes, "the body is {\"requires\": \"spanish >= 3 and billing\"}")?;
    let requirement = expression(&requires, &sources.rules())?;
    ask(&sources, Request::Require { call, requirement }).await
}

fn expression(text: &str, rules: &Settings) -> Result<Requirement, ApiError> {
    requirement::parse(text, &rules.skills).map_err(|error| {
        let hint = match &error {
            ExpressionError::UnknownSkill { name, .. } => {
                return ApiError::unknown_in_body("skill", name, rules.skills.iter().map(String::as_str));
            }
            ExpressionError::Unexpected { at, .. }
            | ExpressionError::TooDeep { at }
            | ExpressionError::TooLong { at } => format!("at byte {} of the expression", at.start),
        };
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string(), hint)
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToQueue {
    queue: String,
}

pub(super) async fn move_to(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let ToQueue { queue } = body(&bytes, "the body is {\"queue\": \"sales\"}")?;
    let queue = queue_in_body(&sources.rules(), &queue)?;
    ask(&sources, Request::Move { call, queue }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToAgent {
    agent: String,
}

pub(super) async fn pull(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let ToAgent { agent } = body(&bytes, "the body is {\"agent\": \"anna\"}")?;
    let agent = agent_in_body(&sources.rules(), &agent)?;
    ask(&sources, Request::Pull { call, agent }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdraw {
    to: To,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum To {
    Queue(String),
    Number(String),
    Message(String),
}

pub(super) async fn withdraw(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let hint = "the body is {\"to\": {\"queue\": \"sales\"}}, or {\"number\": \"+4930…\"}, or {\"message\": \"all-busy\"}";
    let Withdraw { to } = body(&bytes, hint)?;
    let to = match to {
        To::Queue(name) => Destination::Queue(queue_in_body(&sources.rules(), &name)?),
        To::Number(number) if is_dialled(&number) => Destination::Number(number),
        To::Number(_) => {
            let hint = "digits, *, # and a leading +, 32 at most";
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "this is no number to call", hint));
        }
        To::Message(prompt) if sources.prompts.contains(&prompt) => Destination::Message(prompt),
        To::Message(prompt) => {
            let known = sources.prompts.iter().map(String::as_str);
            return Err(ApiError::unknown_in_body("prompt", &prompt, known));
        }
    };
    ask(&sources, Request::Withdraw { call, to }).await
}

/// What goes into the user part of a URI towards the trunk, and nothing else.
fn is_dialled(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number);
    (1..=32).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit() || c == b'*' || c == b'#')
}

pub(super) async fn why(
    State(sources): From,
    Path(id): Path<String>,
) -> Result<Json<why::Waiting>, ApiError> {
    let id = call(&id)?;
    match put(&sources, Request::Explain { call: id }).await? {
        Answer::Waiting(because) => {
            let seen = sources.snapshots.borrow().clone();
            Ok(Json(why::Waiting::new(id, &because, &sources.rules(), &seen)))
        }
        Answer::Done => Err(ApiError::new(
            StatusCode::CONFLICT,
            "the engine gave no reason",
            "GET /v1/calls shows where each call stands",
        )),
    }
}

/// How long a queue stays closed: nothing said means until it is reopened.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    until_ms: Option<i64>,
    r#for: Option<String>,
}

pub(super) async fn close(State(sources): From, Path(name): Path<String>, bytes: Bytes) -> Done {
    let queue = queue(&sources, &name)?;
    let hint = "no body: until it is reopened; or {\"for\": \"2h\"}; or {\"until_ms\": 1795000000000}";
    let closing = if bytes.is_empty() { Closing::default() } else { body(&bytes, hint)? };
    let now = sources.snapshots.borrow().at.wall;
    let until = match (closing.until_ms, closing.r#for) {
        (None, None) => None,
        (Some(until), None) => Some(Wall(until)),
        (None, Some(text)) => {
            let span = text.parse::<jiff::SignedDuration>().ok();
            let span = span.and_then(|span| i64::try_from(span.as_millis()).ok()).filter(|ms| *ms > 0);
            let span = span.ok_or_else(|| {
                ApiError::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "for is no span of time",
                    "such as \"2h\", \"90m\" or \"1h 30m\"",
                )
            })?;
            Some(Wall(now.0.saturating_add(span)))
        }
        (Some(_), Some(_)) => return Err(ApiError::bad_request("both until_ms and for are given", hint)),
    };
    if until.is_some_and(|until| until <= now || until.0 > now.0.saturating_add(CLOSED_MS_MAX)) {
        let error = "the time to reopen is past, or more than a year ahead";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error, hint));
    }
    ask(&sources, Request::Close { queue, until }).await
}

pub(super) async fn reopen(State(sources): From, Path(name): Path<String>) -> Done {
    ask(&sources, Request::Reopen { queue: queue(&sources, &name)? }).await
}

pub(super) fn agent_in_body(rules: &Settings, name: &str) -> Result<AgentId, ApiError> {
    let known = rules.agents.iter().filter(|agent| !agent.retired).map(|agent| agent.name.as_str());
    rules.agent_named(name).ok_or_else(|| ApiError::unknown_in_body("agent", name, known))
}

pub(super) fn call(id: &str) -> Result<CallId, ApiError> {
    id.parse().map(CallId).map_err(|_| {
        ApiError::bad_request("a call's id is a whole number", "GET /v1/calls lists those that go on")
    })
}

fn queue_names(rules: &Settings) -> impl Iterator<Item = &str> {
    rules.queues.iter().filter(|queue| !queue.retired).map(|queue| queue.name.as_str())
}

fn queue(sources: &Sources, name: &str) -> Result<QueueId, ApiError> {
    let rules = sources.rules();
    rules.queue_named(name).ok_or_else(|| ApiError::unknown("queue", name, queue_names(&rules)))
}

pub(super) fn queue_in_body(rules: &Settings, name: &str) -> Result<QueueId, ApiError> {
    rules.queue_named(name).ok_or_else(|| ApiError::unknown_in_body("queue", name, queue_names(rules)))
}
