//! The HTTP port over real sockets: who may do what, what is shown, and what is said when it goes wrong.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // a panic here is a failed assertion

use holdfast::engine::command::Refusal;
use holdfast::engine::event::{Caller, Request};
use holdfast::engine::fact::AgentState;
use holdfast::engine::id::{AgentId, CallId, QueueId};
use holdfast::engine::settings::{Agent, Queue, Settings};
use holdfast::engine::snapshot::{AgentView, CallStage, CallView, QueueView, Snapshot};
use holdfast::engine::time::Wall;
use holdfast::http::{self, Role, Sources, Token, Tokens};
use holdfast::stats::{CdrFilter, Estimate, QueueToday};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

const HOSTILE: &str = "<script>alert(1)</script>\"\r\nX: y";

fn settings() -> Settings {
    let queue = Queue { name: "sales".into(), title: "Sales".into(), ..Queue::default() };
    let agent = |name: &str| Agent { name: name.into(), queues: vec![QueueId(0)], ..Agent::default() };
    Settings {
        queues: vec![queue],
        agents: vec![agent("anna"), agent("ben")],
        pause_reasons: vec!["break".into(), "lunch".into()],
        ..Settings::default()
    }
}

fn snapshot() -> Snapshot {
    let mut agents = [0; AgentState::ALL.len()];
    agents[AgentState::Ready as usize] = 1;
    let queue = QueueView {
        queue: QueueId(0),
        waiting: 2,
        oldest: Some(Wall(1_700_000_000_000)),
        longest_wait: Duration::from_secs(7),
        agents,
    };
    let agent = AgentView {
        agent: AgentId(0),
        state: AgentState::Paused,
        lasted: Duration::from_secs(3),
        reason: Some("break".into()),
        call: None,
        answered: 5,
        talk: Duration::from_secs(60),
    };
    let call = CallView {
        call: CallId(u64::MAX),
        queue: QueueId(0),
        caller: Caller { number: "+49".into(), name: HOSTILE.into() },
        stage: CallStage::Waiting,
        queued_at: Wall(1_700_000_000_000),
        wait: Duration::from_secs(7),
        agents: vec![],
    };
    Snapshot { queues: vec![queue], agents: vec![agent], calls: vec![call], ..Snapshot::default() }
}

/// What a fake engine answers: nothing at all for `None`.
type Answer = Option<Result<(), Refusal>>;

struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Request>>>,
    filters: Arc<Mutex<Vec<CdrFilter>>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start(answer: Answer) -> Self {
        let (asked, filters) =
            (Arc::<Mutex<Vec<Request>>>::default(), Arc::<Mutex<Vec<CdrFilter>>>::default());
        let (snapshots, seen) = watch::channel(Arc::new(snapshot()));
        let (stop, stopped) = oneshot::channel();
        let (tell, address) = std::sync::mpsc::channel();
        let (log, wanted) = (Arc::clone(&asked), Arc::clone(&filters));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let (requests, mut ear) = mpsc::channel::<http::Asked>(4);
                tokio::spawn(async move {
                    let mut unanswered = Vec::new();
                    while let Some((request, reply)) = ear.recv().await {
                        log.lock().unwrap().push(request);
                        match answer {
                            Some(answer) => reply.send(answer).unwrap(),
                            None => unanswered.push(reply),
                        }
                    }
                });
                let (_today, today) =
                    watch::channel(Arc::new(vec![QueueToday { offered: 9, ..Default::default() }]));
                let [mean, p50, p90] = [40, 30, 95].map(Duration::from_secs);
                let (_estimates, estimates) =
                    watch::channel(Arc::new(vec![Some(Estimate { mean, p50, p90 })]));
                let records: http::Records = Arc::new(move |filter| {
                    let wanted = Arc::clone(&wanted);
                    Box::pin(async move {
                        let broken = filter.since_ms == Some(13);
                        wanted.lock().unwrap().push(filter);
                        if broken { Err("secret detail".into()) } else { Ok(Vec::new()) }
                    })
                });
                let sources = Sources {
                    settings: Arc::new(settings()),
                    snapshots: seen,
                    today,
                    estimates,
                    requests,
                    records,
                    metrics: Arc::new(|| "holdfast_up 1\n".into()),
                };
                let tokens = Tokens::new([
                    Token::new("wall", "r-token", Role::Read),
                    Token::new("boss", "o-token", Role::Operator),
                ]);
                http::serve(listener, tokens, sources, async { drop(stopped.await) }).await.unwrap();
            });
        });
        let address = address.recv().unwrap();
        Self { address, asked, filters, snapshots, stop: Some(stop), thread: Some(thread) }
    }

    /// One request; the status, the whole head and the body.
    fn send(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, String, String) {
        let authorization =
            if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}");
        self.raw(&format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
    }

    fn raw(&self, request: &str) -> (u16, String, String) {
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A reset after the answer, because the body was not read to its end, is no failure.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.send("GET", path, "r-token", "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The status and the error of what must not succeed; it always comes with a hint.
    fn error(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, String, String) {
        let (status, _, body) = self.send(method, path, token, body);
        let json: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{status}: {body}"));
        (status, json["error"].as_str().unwrap().into(), json["hint"].as_str().unwrap().into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let joined = thread.join();
            if !std::thread::panicking() {
                joined.unwrap();
            }
        }
    }
}

#[test]
fn health_metrics_and_the_front_page_need_no_token() {
    let server = Server::start(Some(Ok(())));
    assert_eq!(server.send("GET", "/health/live", "", "").0, 200);
    assert_eq!(server.send("GET", "/health/ready", "", "").0, 200);
    let (status, head, body) = server.send("GET", "/metrics", "", "");
    assert_eq!((status, body.as_str()), (200, "holdfast_up 1\n"));
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    let (status, head, body) = server.send("GET", "/", "", "");
    assert_eq!(status, 200);
    assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    assert!(body.contains("/v1/queues") && !body.contains("<script"));
}

#[test]
fn a_draining_engine_is_alive_but_not_ready() {
    let server = Server::start(Some(Ok(())));
    server.snapshots.send_replace(Arc::new(Snapshot { draining: true, ..snapshot() }));
    assert_eq!(server.send("GET", "/health/ready", "", "").0, 503);
    assert_eq!(server.send("GET", "/health/live", "", "").0, 200);
}

#[test]
fn nobody_gets_in_without_a_token_and_a_reader_changes_nothing() {
    let server = Server::start(Some(Ok(())));
    let none = server.error("GET", "/v1/queues", "", "");
    let wrong = server.error("GET", "/v1/queues", "r-tokem", "");
    let reader = server.error("POST", "/v1/agents/anna/login", "r-token", "");
    assert_eq!((none.0, wrong.0, reader.0), (401, 401, 403));
    assert_eq!((&none.1, &none.2), (&wrong.1, &wrong.2));
    assert_eq!((&none.1, &none.2), (&reader.1, &reader.2), "the wording tells nothing");
    assert_eq!(server.error("GET", "/v1/no/such/path", "", "").0, 401, "not even what exists");
    assert!(server.send("GET", "/v1/queues", "", "").1.contains("www-authenticate: bearer"));
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn queues_agents_and_calls_are_shown_by_name() {
    let server = Server::start(Some(Ok(())));
    let queues = server.get("/v1/queues");
    assert_eq!(queues[0]["name"], "sales");
    assert_eq!((&queues[0]["waiting"], &queues[0]["longest_wait_ms"]), (&2.into(), &7000.into()));
    assert_eq!(queues[0]["agents"]["ready"], 1);
    assert_eq!(queues[0]["today"]["offered"], 9);
    assert_eq!(queues[0]["estimated_wait"], serde_json::json!({ "p50_ms": 30_000, "p90_ms": 95_000 }));
    let agents = server.get("/v1/agents");
    assert_eq!(
        (&agents[0]["name"], &agents[0]["state"], &agents[0]["reason"]),
        (&"anna".into(), &"paused".into(), &"break".into())
    );
    let calls = server.get("/v1/calls");
    assert_eq!(calls[0]["id"], u64::MAX.to_string(), "a text, or browsers would round it");
    assert_eq!(calls[0]["caller_name"], HOSTILE, "hostile names stay data");
}

#[test]
fn an_operator_s_requests_reach_the_engine() {
    let server = Server::start(Some(Ok(())));
    for path in
        ["/v1/agents/anna/login", "/v1/agents/ben/ready", "/v1/agents/ben/logout", "/v1/calls/17/hangup"]
    {
        assert_eq!(server.send("POST", path, "o-token", "").0, 200, "{path}");
    }
    assert_eq!(server.send("POST", "/v1/agents/anna/pause", "o-token", "{\"reason\":\"lunch\"}").0, 200);
    let expected = [
        Request::Login { agent: AgentId(0) },
        Request::Ready { agent: AgentId(1) },
        Request::Logout { agent: AgentId(1) },
        Request::HangUp { call: CallId(17) },
        Request::Pause { agent: AgentId(0), reason: "lunch".into() },
    ];
    assert_eq!(*server.asked.lock().unwrap(), expected);
}

#[test]
fn what_is_wrong_with_a_request_is_said_with_a_hint() {
    let server = Server::start(Some(Ok(())));
    let post = |path: &str, body: &str| server.error("POST", path, "o-token", body);
    let (status, _, hint) = post("/v1/agents/ana/login", "");
    assert_eq!((status, hint.as_str()), (404, "did you mean \"anna\"?"));
    let (status, _, hint) = post("/v1/agents/anna/pause", "{\"reason\":\"coffee\"}");
    assert_eq!((status, hint.as_str()), (422, "known: break, lunch"));
    assert_eq!(post("/v1/agents/anna/pause", "{").0, 400);
    assert_eq!(post("/v1/agents/anna/pause", "{\"reason\":\"break\",\"x\":1}").0, 400);
    assert_eq!(post("/v1/calls/abc/hangup", "").0, 400);
    assert_eq!(post("/v1/nothing", "").0, 404);
    assert_eq!(server.error("GET", "/v1/agents/anna/login", "o-token", "").0, 405);
    assert_eq!(server.error("DELETE", "/metrics", "", "").0, 405);
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn the_engine_s_refusals_have_a_status_of_their_own() {
    for (refusal, status) in [
        (Refusal::NotLoggedIn, 409),
        (Refusal::UnknownCall, 404),
        (Refusal::UnknownAgent, 404),
        (Refusal::UnknownReason, 422),
    ] {
        let server = Server::start(Some(Err(refusal)));
        let (got, error, _) = server.error("POST", "/v1/agents/anna/ready", "o-token", "");
        assert_eq!((got, error), (status, refusal.to_string()));
    }
}

#[test]
fn a_silent_engine_keeps_nobody_waiting() {
    let server = Server::start(None);
    let (status, head, body) = server.send("POST", "/v1/agents/anna/ready", "o-token", "");
    assert_eq!(status, 503, "{body}");
    assert!(head.contains("retry-after: 1"), "{head}");
}

#[test]
fn records_are_filtered_and_wrong_filters_explained() {
    let server = Server::start(Some(Ok(())));
    assert_eq!(server.get("/v1/records?queue=sales&outcome=answered&since=5&limit=7"), Value::Array(vec![]));
    server.get("/v1/records?queue=&outcome=");
    let expected = CdrFilter {
        queue: Some("sales".into()),
        outcome: Some(holdfast::engine::fact::Outcome::Answered),
        since_ms: Some(5),
        limit: 7,
    };
    let default = CdrFilter { limit: 100, ..CdrFilter::default() };
    assert_eq!(*server.filters.lock().unwrap(), [expected, default]);
    let get = |query: &str| server.error("GET", &format!("/v1/records?{query}"), "r-token", "");
    assert_eq!((get("queue=slaes").0, get("queue=slaes").2.as_str()), (404, "did you mean \"sales\"?"));
    assert!(get("outcome=won").2.contains("short_abandon"));
    assert_eq!(get("limit=0").0, 400);
    assert_eq!(get("limits=5").0, 400);
    let (status, error, hint) = get("since=13");
    assert_eq!(status, 503);
    assert!(!format!("{error}{hint}").contains("secret detail"));
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let server = Server::start(Some(Ok(())));
    let (status, _, _) = server.send("POST", "/v1/agents/anna/pause", "o-token", &"x".repeat(20_000));
    assert_eq!(status, 413);
    assert_eq!(server.send("GET", "/health/live", "", "").0, 200, "and others are served");
}

#[test]
fn a_port_in_use_is_named_with_the_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(http::bind(address)).unwrap_err().to_string();
    assert!(
        error.contains(&address.to_string()) && error.contains("in use") && error.contains("[http] listen"),
        "{error}"
    );
}
