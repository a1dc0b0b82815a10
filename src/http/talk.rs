//! Changing conversations: who joins one, who takes it over, whether it is recorded.

use super::From;
use super::error::ApiError;
use super::steer::{agent_in_body, call, queue_in_body};
use super::write::{Done, ask, body};
use crate::engine::event::Request;
use crate::engine::talk::{GuestRole, RecordingChange, TransferTo};
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

/// Whom a body names: an agent, a queue, or a number outside.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum To {
    Agent(String),
    Queue(String),
    Number(String),
}

fn to(sources: &super::Sources, bytes: &Bytes) -> Result<TransferTo, ApiError> {
    let hint = "the body is {\"agent\": \"carla\"}, {\"queue\": \"support\"} or {\"number\": \"+4930123\"}";
    Ok(match body(bytes, hint)? {
        To::Agent(name) => TransferTo::Agent(agent_in_body(&sources.rules(), &name)?),
        To::Queue(name) => TransferTo::Queue(queue_in_body(&sources.rules(), &name)?),
        To::Number(number) => TransferTo::Number(number),
    })
}

/// Passes the caller on.
pub(super) async fn transfer(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let to = to(&sources, &bytes)?;
    ask(&sources, Request::Transfer { call, to }).await
}

/// Rings somebody to be asked while the caller hears music.
pub(super) async fn consult(State(sources): From, Path(id): Path<String>, bytes: Bytes) -> Done {
    let call = call(&id)?;
    let to = to(&sources, &bytes)?;
    ask(&sources, Request::Consult { call, to }).await
}

/// Brings caller, agent and who was asked together.
pub(super) async fn conference(State(sources): From, Path(id): Path<String>) -> Done {
    ask(&sources, Request::Conference { call: call(&id)? }).await
}

/// Leaves the caller to who was asked.
pub(super) async fn complete(State(sources): From, Path(id): Path<String>) -> Done {
    ask(&sources, Request::Complete { call: call(&id)? }).await
}

/// Lets go who was asked or rung; agent and caller talk again.
pub(super) async fn back(State(sources): From, Path(id): Path<String>) -> Done {
    ask(&sources, Request::Return { call: call(&id)? }).await
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
