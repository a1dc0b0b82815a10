//! `POST /v1/reload`: asks that the configuration be read anew, and says what came of it.

use super::error::ApiError;
use super::{From, Sources};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::oneshot;

/// What a reload led to: what looks doubtful in the new configuration, or why the old one stays in force.
pub type Reloaded = Result<Vec<String>, Vec<String>>;
/// Where the answer to a reload goes.
pub type ReloadAsked = oneshot::Sender<Reloaded>;

pub(super) async fn reload(State(Sources { reload, .. }): From) -> Result<Response, ApiError> {
    let busy = |hint: &str| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the configuration cannot be read anew now", hint)
    };
    let (reply, answer) = oneshot::channel();
    reload
        .try_send(reply)
        .map_err(|_| busy("a reload is under way already, or Holdfast is about to stop"))?;
    match answer.await.map_err(|_| busy("Holdfast is about to stop"))? {
        Ok(warnings) => Ok(Json(json!({ "done": true, "warnings": warnings })).into_response()),
        Err(problems) => {
            let body = json!({
                "error": "the new configuration cannot be used; the old one stays in force",
                "hint": "holdfast check-config shows the same",
                "problems": problems,
            });
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response())
        }
    }
}
