//! What a client reads when something is wrong: JSON with an error and a hint.

use crate::engine::command::Refusal;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;

/// Why the port is not served.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Another process has the port.
    #[error(
        "HTTP cannot listen on {0}: the port is in use; stop the other process (`ss -ltnp`), or set another one under [http] listen"
    )]
    PortInUse(SocketAddr),
    /// A port below 1024.
    #[error(
        "HTTP cannot listen on {0}: not permitted; choose a port above 1023 under [http] listen, or grant CAP_NET_BIND_SERVICE"
    )]
    NotPermitted(SocketAddr),
    /// Not an address of this machine, or something rarer.
    #[error("HTTP cannot listen on {0}: {1}; is this an address of this machine? [http] listen names it")]
    Bind(SocketAddr, std::io::Error),
    /// The listener failed for good.
    #[error("HTTP stopped: {0}")]
    Serve(std::io::Error),
}

impl HttpError {
    pub(super) fn bind(listen: SocketAddr, error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::AddrInUse => Self::PortInUse(listen),
            std::io::ErrorKind::PermissionDenied => Self::NotPermitted(listen),
            _ => Self::Bind(listen, error),
        }
    }
}

/// An error response.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    error: String,
    hint: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, error: error.into(), hint: hint.into() }
    }

    /// The parameters or the body are not understood.
    pub(super) fn bad_request(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, hint)
    }

    /// A name within a body that is not known, with the nearest that is.
    pub(super) fn unknown_in_body<'k>(what: &str, given: &str, known: impl Iterator<Item = &'k str>) -> Self {
        let known: Vec<_> = known.collect();
        let near = Self::unknown(what, given, known.iter().copied());
        // A list of many is no hint.
        let list = || format!("known: {}", known.iter().take(20).copied().collect::<Vec<_>>().join(", "));
        let hint = if near.hint.starts_with("did you mean") { near.hint } else { list() };
        let error = format!("there is no such {what}: {given:?}");
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, error, hint }
    }

    /// A name that is not known, with the nearest that is.
    pub(super) fn unknown<'k>(what: &str, given: &str, known: impl Iterator<Item = &'k str>) -> Self {
        let far = |name: &str| strsim::damerau_levenshtein(given, name);
        let allowed = (given.chars().count() / 3).max(1);
        let nearest = known.map(|name| (far(name), name)).filter(|(far, _)| *far <= allowed).min();
        let hint = match nearest {
            Some((_, name)) => format!("did you mean {name:?}?"),
            None => format!("GET /v1/{what}s lists them"),
        };
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"), hint)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, hint) = match refusal {
            Refusal::UnknownAgent => (StatusCode::NOT_FOUND, "GET /v1/agents lists them"),
            Refusal::UnknownCall => (StatusCode::NOT_FOUND, "GET /v1/calls lists those that go on"),
            Refusal::UnknownReason => {
                (StatusCode::UNPROCESSABLE_ENTITY, "the configuration's pause_reasons lists them")
            }
            Refusal::UnknownQueue => (StatusCode::NOT_FOUND, "GET /v1/queues lists them"),
            Refusal::NotWaiting
            | Refusal::CannotTake
            | Refusal::NotTalking
            | Refusal::NotInTheCall
            | Refusal::BeingTransferred
            | Refusal::NobodyAsked
            | Refusal::TooManyGuests => (StatusCode::CONFLICT, "GET /v1/calls shows where each call stands"),
            Refusal::WrapUpMandatory | Refusal::NothingToExtend => {
                (StatusCode::CONFLICT, "the queue's wrap_up rules say so")
            }
            Refusal::DispositionMissing | Refusal::NothingToDispose => {
                (StatusCode::CONFLICT, "POST /v1/agents/NAME/disposition notes one, once, after a call")
            }
            Refusal::UnknownDisposition => {
                (StatusCode::UNPROCESSABLE_ENTITY, "dispositions are listed in the configuration")
            }
            Refusal::TooManyRequirements => (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment"),
            Refusal::NameChanged => (StatusCode::UNPROCESSABLE_ENTITY, "the name is the identity"),
            Refusal::NotRecorded | Refusal::NothingToRecord => {
                (StatusCode::CONFLICT, "the queue's recording rules are in the configuration")
            }
            Refusal::NotAtWork | Refusal::NotFree => {
                (StatusCode::CONFLICT, "GET /v1/agents shows what each agent is doing")
            }
            Refusal::NotLoggedIn => (StatusCode::CONFLICT, "POST /v1/agents/NAME/login first"),
        };
        Self::new(status, refusal.to_string(), hint)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.error, "hint": self.hint });
        let mut response = (self.status, axum::Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"holdfast\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
