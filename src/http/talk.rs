//! Changing conversations: who joins one, who takes it over, whether it is recorded.

use super::From;
use super::error::ApiError;
use super::steer::{agent_in_body, call};
use super::write::{Done, ask, body};
use crate::engine::event::Request;
use crate::engine::talk::{GuestRole, RecordingChange};
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Joins {
    agent: String,
    role: GuestRole,
}

/// Rings an agent's phone so that he joins; one who has joined takes part otherwise.
pub(super) async fn join(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let hint = "the body is {\"agent\": \"carla\", \"role\": \"listen\"}; roles are listen, whisper, barge and third";
    let Joins { agent, role } = body(&bytes, hint)?;
    let agent = agent_in_body(&sources.rules(), &agent)?;
    ask(&sources, Request::Join { call, agent, role }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whom {
    agent: String,
}

fn whom(bytes: &Bytes) -> Result<String, ApiError> {
    body(bytes, "the body is {\"agent\": \"carla\"}").map(|Whom { agent }| agent)
}

pub(super) async fn send_out(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let agent = agent_in_body(&sources.rules(), &whom(&bytes)?)?;
    ask(&sources, Request::SendOut { call, agent }).await
}

pub(super) async fn take_over(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let agent = agent_in_body(&sources.rules(), &whom(&bytes)?)?;
    ask(&sources, Request::TakeOver { call, agent }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    change: RecordingChange,
}

pub(super) async fn recording(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let hint = "the body is {\"change\": \"pause\"}; changes are start, pause, resume and stop";
    let Recording { change } = body(&bytes, hint)?;
    ask(&sources, Request::Record { call, change }).await
}
