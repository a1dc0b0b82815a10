//! Changing: each request becomes one `Request` to the engine and waits for its one answer. Here: the states of agents.

use super::error::ApiError;
use super::{From, REPLY_TIME_MAX, Sources};
use crate::engine::command::Answer;
use crate::engine::event::Request;
use crate::engine::id::AgentId;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::oneshot;

/// Longer spans are mistakes of whoever typed them.
pub(super) const SECONDS_MAX: u64 = 7 * 24 * 3600;

pub(super) type Done = Result<Json<Value>, ApiError>;

pub(super) async fn login(State(sources): From, Path(name): Path<String>) -> Done {
    ask(&sources, Request::Login { agent: agent(&sources, &name)? }).await
}

pub(super) async fn logout(State(sources): From, Path(name): Path<String>) -> Done {
    ask(&sources, Request::Logout { agent: agent(&sources, &name)? }).await
}

pub(super) async fn ready(State(sources): From, Path(name): Path<String>) -> Done {
    ask(&sources, Request::Ready { agent: agent(&sources, &name)? }).await
}

pub(super) async fn release(State(sources): From, Path(name): Path<String>) -> Done {
    ask(&sources, Request::Release { agent: agent(&sources, &name)? }).await
}

/// The body of a pause.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    reason: String,
}

pub(super) async fn pause(State(sources): From, Path(name): Path<String>, bytes: Bytes) -> Done {
    let agent = agent(&sources, &name)?;
    let Pause { reason } =
        body(&bytes, "the body is {\"reason\": \"…\"}, one of the configured pause_reasons")?;
    one_of("pause reason", &reason, &sources.rules().pause_reasons)?;
    ask(&sources, Request::Pause { agent, reason }).await
}

/// The body of a disposition.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dispose {
    disposition: String,
}

pub(super) async fn dispose(State(sources): From, Path(name): Path<String>, bytes: Bytes) -> Done {
    let agent = agent(&sources, &name)?;
    let Dispose { disposition } =
        body(&bytes, "the body is {\"disposition\": \"…\"}, one of the configured dispositions")?;
    one_of("disposition", &disposition, &sources.rules().dispositions)?;
    ask(&sources, Request::Dispose { agent, disposition }).await
}

/// A body that is a span of time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    seconds: u64,
}

/// A span of time out of a body.
pub(super) fn span(bytes: &Bytes, least: u64) -> Result<Duration, ApiError> {
    let hint = "the body is {\"seconds\": 60}, a whole number";
    let Span { seconds } = body(bytes, hint)?;
    if !(least..=SECONDS_MAX).contains(&seconds) {
        return Err(ApiError::bad_request(
            "seconds is out of range",
            format!("from {least} to {SECONDS_MAX}"),
        ));
    }
    Ok(Duration::from_secs(seconds))
}

pub(super) async fn extend_wrap_up(State(sources): From, Path(name): Path<String>, bytes: Bytes) -> Done {
    let agent = agent(&sources, &name)?;
    ask(&sources, Request::ExtendWrapUp { agent, by: span(&bytes, 1)? }).await
}

/// The body's object; the hint says what was expected.
pub(super) fn body<T: DeserializeOwned>(bytes: &Bytes, hint: &str) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| ApiError::bad_request(error.to_string(), hint))
}

fn one_of(what: &str, given: &str, known: &[String]) -> Result<(), ApiError> {
    if known.iter().any(|known| known == given) {
        return Ok(());
    }
    let hint = format!("known: {}", known.join(", "));
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, format!("this {what} is not configured"), hint))
}

pub(super) fn agent(sources: &Sources, name: &str) -> Result<AgentId, ApiError> {
    let rules = sources.rules();
    rules.agent_named(name).ok_or_else(|| {
        let known = rules.agents.iter().filter(|agent| !agent.retired).map(|agent| agent.name.as_str());
        ApiError::unknown("agent", name, known)
    })
}

/// Puts a request to the engine, for an answer that tells nothing but that it is done.
pub(super) async fn ask(sources: &Sources, request: Request) -> Done {
    match put(sources, request).await? {
        Answer::Done | Answer::Waiting(_) => Ok(Json(json!({ "done": true }))),
    }
}

/// Puts a request to the engine. Neither a full channel nor a silent engine keeps the client waiting for long.
pub(super) async fn put(sources: &Sources, request: Request) -> Result<Answer, ApiError> {
    let busy = |error: &str| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error, "try again in a moment");
    let (reply, answer) = oneshot::channel();
    sources.requests.try_send((request, reply)).map_err(|_| busy("the engine is busy or about to stop"))?;
    match tokio::time::timeout(REPLY_TIME_MAX, answer).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(refusal))) => Err(refusal.into()),
        Ok(Err(_)) | Err(_) => Err(busy("the engine did not answer; the request may still be carried out")),
    }
}
