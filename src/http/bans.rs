//! `GET /v1/bans`, `DELETE /v1/bans/ADDRESS`: who is banned for guessing passwords over SIP, and letting him in again.

use super::error::ApiError;
use super::{From, REPLY_TIME_MAX, Sources};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use tokio::sync::oneshot;

/// Somebody who is banned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Ban {
    /// His IPv4 address, or his network of IPv6.
    pub address: String,
    /// Until when, in milliseconds since 1970.
    pub until_ms: i64,
    /// For the how manieth time within a day.
    pub times: u32,
    /// Whether nothing at all is taken from there; if not, no password is.
    pub shuts_out: bool,
}

/// What is asked about bans, and where the answer goes.
#[derive(Debug)]
pub enum BansAsked {
    /// Who is banned.
    List(oneshot::Sender<Vec<Ban>>),
    /// Let him in again; whether he was banned.
    Lift(IpAddr, oneshot::Sender<bool>),
}

pub(super) async fn list(State(sources): From) -> Result<Json<Vec<Ban>>, ApiError> {
    ask(&sources, BansAsked::List).await.map(Json)
}

pub(super) async fn lift(State(sources): From, Path(address): Path<String>) -> Result<Json<Value>, ApiError> {
    let address: IpAddr = address.parse().map_err(|_| {
        ApiError::bad_request("this is no IP address", "of a network of IPv6, any address within it will do")
    })?;
    if ask(&sources, |reply| BansAsked::Lift(address, reply)).await? {
        return Ok(Json(json!({ "done": true })));
    }
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "this address is not banned",
        "GET /v1/bans lists those that are",
    ))
}

async fn ask<T>(
    sources: &Sources,
    question: impl FnOnce(oneshot::Sender<T>) -> BansAsked,
) -> Result<T, ApiError> {
    let busy = |_| {
        let hint = "try again in a moment";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the engine is busy or about to stop", hint)
    };
    let (reply, answer) = oneshot::channel();
    sources.bans.try_send(question(reply)).map_err(|_| busy(()))?;
    let answered = tokio::time::timeout(REPLY_TIME_MAX, answer).await;
    answered.map_err(|_| busy(()))?.map_err(|_| busy(()))
}
