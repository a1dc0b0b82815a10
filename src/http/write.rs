//! Changing: each request becomes one `Request` to the engine and waits for its one answer.

use super::error::ApiError;
use super::{From, REPLY_TIME_MAX, Sources};
use crate::engine::command::Answer;
use crate::engine::event::Request;
use crate::engine::id::{AgentId, CallId};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

type Done = Result<Json<Value>, ApiError>;

pub(super) async fn login(State(sources): From, Path(name): Path<String>) -> Done {
    ask(&sources, Request::Login { agent: agent(&sources, &name)? }).await
}

pub(super) async fn logout(State(sources): From, Path(name): Path<String>) -> Done {
    ask(&sources, Request::Logout { agent: agent(&sources, &name)? }).await
}

pub(super) async fn ready(State(sources): From, Path(name): Path<String>) -> Done {
    ask(&sources, Request::Ready { agent: agent(&sources, &name)? }).await
}

/// The body of a pause.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    reason: String,
}

pub(super) async fn pause(State(sources): From, Path(name): Path<String>, body: Bytes) -> Done {
    let agent = agent(&sources, &name)?;
    let rules = sources.rules();
    let known = &rules.pause_reasons;
    let pause: Pause = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(
            error.to_string(),
            "the body is {\"reason\": \"…\"}, one of the configured reasons",
        )
    })?;
    if !known.contains(&pause.reason) {
        let hint = format!("known: {}", known.join(", "));
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "this pause reason is not configured",
            hint,
        ));
    }
    ask(&sources, Request::Pause { agent, reason: pause.reason }).await
}

pub(super) async fn hang_up(State(sources): From, Path(id): Path<String>) -> Done {
    let call = id.parse().map(CallId).map_err(|_| {
        ApiError::bad_request("a call's id is a whole number", "GET /v1/calls lists those that go on")
    })?;
    ask(&sources, Request::HangUp { call }).await
}

fn agent(sources: &Sources, name: &str) -> Result<AgentId, ApiError> {
    let rules = sources.rules();
    rules.agent_named(name).ok_or_else(|| {
        let known = rules.agents.iter().map(|agent| agent.name.as_str());
        ApiError::unknown("agent", name, known)
    })
}

/// Puts a request to the engine. Neither a full channel nor a silent engine keeps the client waiting for long.
async fn ask(sources: &Sources, request: Request) -> Done {
    let busy = |error: &str| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error, "try again in a moment");
    let (reply, answer) = oneshot::channel();
    sources.requests.try_send((request, reply)).map_err(|_| busy("the engine is busy or about to stop"))?;
    match tokio::time::timeout(REPLY_TIME_MAX, answer).await {
        Ok(Ok(Ok(Answer::Done | Answer::Waiting(_)))) => Ok(Json(json!({ "done": true }))),
        Ok(Ok(Err(refusal))) => Err(refusal.into()),
        Ok(Err(_)) | Err(_) => Err(busy("the engine did not answer; the request may still be carried out")),
    }
}
