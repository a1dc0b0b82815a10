//! What was said about a call, for those who may also change it: messages show whom people call.

use super::error::ApiError;
use super::{From, Sources, steer};
use crate::engine::id::CallId;
use crate::trace::Trace;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use tokio::sync::{mpsc, oneshot};

/// What is asked of whoever keeps the messages.
#[derive(Debug)]
pub enum TraceAsked {
    /// A call, if it is kept.
    Show(CallId, oneshot::Sender<Option<Trace>>),
    /// The calls that are kept, the newest first.
    List(oneshot::Sender<Vec<CallId>>),
}

pub(super) async fn trace(State(sources): From, Path(id): Path<String>) -> Result<Json<Trace>, ApiError> {
    let call = steer::call(&id)?;
    let (reply, answer) = oneshot::channel();
    let trace = ask(&sources, TraceAsked::Show(call, reply), answer).await?;
    trace.map(Json).ok_or_else(|| {
        let hint =
            "GET /v1/traces lists the calls that are kept; [sip.trace] in the configuration says how many";
        ApiError::new(StatusCode::NOT_FOUND, "nothing is kept of this call", hint)
    })
}

pub(super) async fn traces(State(sources): From) -> Result<Json<Vec<String>>, ApiError> {
    let (reply, answer) = oneshot::channel();
    let calls = ask(&sources, TraceAsked::List(reply), answer).await?;
    Ok(Json(calls.iter().map(CallId::to_string).collect()))
}

async fn ask<T>(sources: &Sources, asked: TraceAsked, answer: oneshot::Receiver<T>) -> Result<T, ApiError> {
    let busy = || {
        let hint = "try again in a moment; with [sip.trace] calls = 0 nothing is kept";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "nobody shows messages now", hint)
    };
    match sources.traces.try_send(asked) {
        Ok(()) => answer.await.map_err(|_| busy()),
        Err(mpsc::error::TrySendError::Full(_) | mpsc::error::TrySendError::Closed(_)) => Err(busy()),
    }
}
