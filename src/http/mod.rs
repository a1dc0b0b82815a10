//! One HTTP port: health checks, metrics, and the JSON API with bearer tokens.
//!
//! Reads come from published pictures, writes go to the engine as requests over a bounded channel. It
//! never holds a lock on anything that handles calls, and never decides about one.

mod auth;
mod bans;
mod edit;
mod error;
mod expected;
mod listener;
mod page;
mod read;
mod reload;
mod steer;
mod talk;
mod token_file;
mod trace;
mod why;
mod write;

pub use auth::{Role, Token, Tokens};
pub use bans::{Ban, BansAsked};
pub use error::HttpError;
pub use reload::{ReloadAsked, Reloaded};
pub use token_file::{TokenFileError, token_file};
pub use trace::TraceAsked;

use crate::engine::command::{Answer, Refusal};
use crate::engine::event::Request;
use crate::engine::settings::Settings;
use crate::engine::snapshot::Snapshot;
use crate::stats::{Cdr, CdrFilter, Expected, QueueToday};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use error::ApiError;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

/// A whole request takes no longer than this.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// The engine answers a request within this, or the client is told to try again.
const REPLY_TIME_MAX: Duration = Duration::from_secs(2);
/// Bodies are small JSON objects.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// A request to the engine, and where its answer goes.
pub type Asked = (Request, oneshot::Sender<Result<Answer, Refusal>>);
/// Reads call records; the error is for the log, not for the client.
pub type Records =
    Arc<dyn Fn(CdrFilter) -> Pin<Box<dyn Future<Output = Result<Vec<Cdr>, String>> + Send>> + Send + Sync>;

/// Where the API takes its answers from.
#[derive(Clone)]
pub struct Sources {
    /// Names of queues, agents and skills, as the engine works by them now.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// The engine, as it was last published.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Each queue's figures, in the order of the settings, as last published.
    pub today: watch::Receiver<Arc<Vec<QueueToday>>>,
    /// The names of the prompts a caller can be sent to, in any language.
    pub prompts: Arc<BTreeSet<String>>,
    /// What calls have to expect, as last published.
    pub expected: watch::Receiver<Arc<Expected>>,
    /// The engine's ear. Bounded: when it is full, clients get 503.
    pub requests: mpsc::Sender<Asked>,
    /// Where it is asked that the configuration be read anew.
    pub reload: mpsc::Sender<ReloadAsked>,
    /// Who keeps what was said about the last calls.
    pub traces: mpsc::Sender<TraceAsked>,
    /// Where bans are asked about.
    pub bans: mpsc::Sender<BansAsked>,
    /// The call records.
    pub records: Records,
    /// The metrics in the text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Sources {
    /// The rules as they are now; they may be others a moment later, but the names keep their indices.
    fn rules(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.borrow())
    }
}

/// What every handler gets.
#[derive(Clone)]
struct Api {
    sources: Sources,
    tokens: Arc<Tokens>,
}

/// Binds the port.
///
/// # Errors
/// When it is taken or may not be used; the message names the address and the remedy.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener, HttpError> {
    TcpListener::bind(listen).await.map_err(|error| HttpError::bind(listen, error))
}

/// Serves until `shutdown` completes, then finishes the requests in progress.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    tokens: Tokens,
    sources: Sources,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), HttpError> {
    let router = router(Api { sources, tokens: Arc::new(tokens) });
    let served = axum::serve(listener::Bounded::new(listener), router).with_graceful_shutdown(shutdown);
    served.await.map_err(HttpError::Serve)
}

fn router(api: Api) -> Router {
    // Looking, and yet not for everybody who may look at a wallboard.
    let confidential = Router::new()
        .route("/calls/{id}/trace", get(trace::trace))
        .route("/traces", get(trace::traces))
        .layer(middleware::from_fn_with_state(api.clone(), auth::require_operator));
    let v1 = Router::new()
        .merge(confidential)
        .route("/queues", get(read::queues))
        .route("/agents", get(read::agents))
        .route("/calls", get(read::calls))
        .route("/records", get(read::records))
        .route("/agents/{name}/login", post(write::login))
        .route("/agents/{name}/logout", post(write::logout))
        .route("/agents/{name}/ready", post(write::ready))
        .route("/agents/{name}/pause", post(write::pause))
        .route("/agents/{name}/release", post(write::release))
        .route("/agents/{name}/disposition", post(write::dispose))
        .route("/agents/{name}/wrap-up/extend", post(write::extend_wrap_up))
        .route("/agents/{name}", put(edit::agent_edited))
        .route("/calls/{id}/why", get(steer::why))
        .route("/calls/{id}/hangup", post(steer::hang_up))
        .route("/calls/{id}/priority", post(steer::priority))
        .route("/calls/{id}/requirement", post(steer::requirement))
        .route("/calls/{id}/move", post(steer::move_to))
        .route("/calls/{id}/pull", post(steer::pull))
        .route("/calls/{id}/withdraw", post(steer::withdraw))
        .route("/calls/{id}/join", post(talk::join))
        .route("/calls/{id}/send-out", post(talk::send_out))
        .route("/calls/{id}/take-over", post(talk::take_over))
        .route("/calls/{id}/transfer", post(talk::transfer))
        .route("/calls/{id}/consult", post(talk::consult))
        .route("/calls/{id}/conference", post(talk::conference))
        .route("/calls/{id}/complete", post(talk::complete))
        .route("/calls/{id}/return", post(talk::back))
        .route("/calls/{id}/recording", post(talk::recording))
        .route("/queues/{name}/close", post(steer::close))
        .route("/queues/{name}/reopen", post(steer::reopen))
        .route("/bans", get(bans::list))
        .route("/bans/{address}", delete(bans::lift))
        .route("/reload", post(reload::reload))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(api.clone(), auth::require));
    Router::new()
        .route("/", get(page::index))
        .route("/health/live", get(|| async { "ok\n" }))
        .route("/health/ready", get(read::ready))
        .route("/metrics", get(read::metrics))
        .nest("/v1", v1)
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(guard))
        .with_state(api)
}

async fn no_such_path() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "there is nothing here", "GET / lists what there is")
}

async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path takes another method",
        "GET / lists what there is",
    )
}

/// Ends requests that take too long, and sets the headers that every response carries.
async fn guard(request: axum::extract::Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let answered = tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| {
        let hint = "try again; if it stays slow, look at the log";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "this took too long", hint).into_response()
    });
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

impl axum::extract::FromRef<Api> for Sources {
    fn from_ref(api: &Api) -> Self {
        api.sources.clone()
    }
}

/// What handlers take.
type From = State<Sources>;
