//! The HTTP port over real sockets: who may do what, what is shown, and what is said when it goes wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic in a test is a failed assertion")]

use holdfast::engine::command::{Answer as Given, Refusal};
use holdfast::engine::event::{Caller, Request};
use holdfast::engine::explain::{OfferedBecause, WaitingBecause};
use holdfast::engine::fact::AgentState;
use holdfast::engine::id::{AgentId, CallId, QueueId, SkillId};
use holdfast::engine::settings::{Agent, Destination, Queue, Settings};
use holdfast::engine::skill::{Requirement, SkillSet};
use holdfast::engine::snapshot::{AgentView, CallStage, CallView, QueueView, Snapshot};
use holdfast::engine::time::{Monotonic, Now, Wall};
use holdfast::http::{self, Role, Sources, Token, Tokens};
use holdfast::stats::{Basis, CdrFilter, Estimate, Expected, Foresight, QueueToday};
use holdfast::trace::{Step, Trace};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

const SPANISH: SkillId = SkillId(0);
const BILLING: SkillId = SkillId(1);
/// The engine's wall clock.
const NOW: Wall = Wall(1_795_000_000_000);
const HOSTILE: &str = "<script>alert(1)</script>\"\r\nX: y";

fn settings() -> Settings {
    let queue = |name: &str| Queue { name: name.into(), title: "Sales".into(), ..Queue::default() };
    let skills = SkillSet::new([(SPANISH, 3), (BILLING, 2)]);
    let agent = |name: &str| Agent {
        name: name.into(),
        queues: vec![QueueId(0)],
        skills: skills.clone(),
        secondary: vec![BILLING],
        wrap_up: Some(Duration::from_secs(7)),
        ..Agent::default()
    };
    let gone = Agent { retired: true, ..agent("carla") };
    Settings {
        skills: vec!["spanish".into(), "billing".into()],
        queues: vec![queue("sales"), queue("support"), Queue { retired: true, ..queue("old") }],
        agents: vec![agent("anna"), agent("ben"), gone],
        dispositions: vec!["sale".into(), "complaint".into()],
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
        closed_by_hand: true,
        open: false,
        agents,
    };
    let old = QueueView { queue: QueueId(2), waiting: 0, ..queue.clone() };
    let agent = AgentView {
        agent: AgentId(0),
        state: AgentState::Paused,
        lasted: Duration::from_secs(3),
        reason: Some("break".into()),
        call: None,
        answered: 5,
        talk: Duration::from_secs(60),
        occupancy: Some(0.75),
    };
    let gone = AgentView { agent: AgentId(2), ..agent.clone() };
    let call = CallView {
        because: Some(OfferedBecause::LastAgent),
        call: CallId(u64::MAX),
        queue: QueueId(0),
        caller: Caller { number: "+49".into(), name: HOSTILE.into(), ..Caller::default() },
        stage: CallStage::Waiting,
        queued_at: Wall(1_700_000_000_000),
        wait: Duration::from_secs(7),
        priority: Duration::from_secs(30),
        agents: vec![],
    };
    let at = Now { wall: NOW, ..Now::default() };
    Snapshot { at, queues: vec![queue, old], agents: vec![agent, gone], calls: vec![call], draining: false }
}

/// What a fake engine answers: nothing at all for `None`.
type Answer = Option<Result<Given, Refusal>>;

const DONE: Answer = Some(Ok(Given::Done));

struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Request>>>,
    filters: Arc<Mutex<Vec<CdrFilter>>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    rules: watch::Sender<Arc<Settings>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start(answer: Answer) -> Self {
        let (asked, filters) =
            (Arc::<Mutex<Vec<Request>>>::default(), Arc::<Mutex<Vec<CdrFilter>>>::default());
        let (rules, known) = watch::channel(Arc::new(settings()));
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
                        match &answer {
                            Some(answer) => reply.send(answer.clone()).unwrap(),
                            None => unanswered.push(reply),
                        }
                    }
                });
                let (_today, today) =
                    watch::channel(Arc::new(vec![QueueToday { offered: 9, ..Default::default() }]));
                let [mean, p50, p90] = [40, 30, 95].map(Duration::from_secs);
                let estimate = Estimate { mean, p50, p90, by: Basis::Formula };
                let (_expected, expected) = watch::channel(Arc::new(Expected {
                    queues: vec![Some(estimate)],
                    foresight: Arc::new(Foresight {
                        at: Monotonic(0),
                        calls: [(CallId(u64::MAX), Some(Estimate { by: Basis::Rollout, ..estimate }))].into(),
                        ..Foresight::default()
                    }),
                    ..Expected::default()
                }));
                let records: http::Records = Arc::new(move |filter| {
                    let wanted = Arc::clone(&wanted);
                    Box::pin(async move {
                        let broken = filter.since_ms == Some(13);
                        wanted.lock().unwrap().push(filter);
                        if broken { Err("secret detail".into()) } else { Ok(Vec::new()) }
                    })
                });
                let (reload, mut reloads) = mpsc::channel::<http::ReloadAsked>(1);
                tokio::spawn(async move {
                    let answers = [Err(vec!["site.toml:3:1: wrong".into()]), Ok(vec!["doubtful".into()])];
                    for answer in answers {
                        reloads.recv().await.unwrap().send(answer).unwrap();
                    }
                });
                let (traces, mut trace_asked) = mpsc::channel::<http::TraceAsked>(4);
                tokio::spawn(async move {
                    while let Some(asked) = trace_asked.recv().await {
                        match asked {
                            http::TraceAsked::Show(call, reply) => {
                                let trace = Trace {
                                    call: call.to_string(),
                                    began_at_ms: 5,
                                    peers: Vec::new(),
                                    steps: vec![Step::Decision { at_us: 7, what: "queued".into() }],
                                    left_out: 0,
                                };
                                reply.send((call == CallId(17)).then_some(trace)).unwrap();
                            }
                            http::TraceAsked::List(reply) => reply.send(vec![CallId(17)]).unwrap(),
                        }
                    }
                });
                let (bans, mut asked_of_bans) = mpsc::channel::<http::BansAsked>(4);
                tokio::spawn(async move {
                    while let Some(asked) = asked_of_bans.recv().await {
                        match asked {
                            http::BansAsked::List(reply) => reply.send(vec![banned()]).unwrap(),
                            http::BansAsked::Lift(address, reply) => {
                                reply.send(address == IpAddr::from([192, 0, 2, 66])).unwrap();
                            }
                        }
                    }
                });
                let sources = Sources {
                    bans,
                    settings: known,
                    prompts: Arc::new(BTreeSet::from(["all-busy".to_owned(), "closed".to_owned()])),
                    snapshots: seen,
                    today,
                    expected,
                    requests,
                    reload,
                    traces,
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
        Self { address, asked, filters, snapshots, rules, stop: Some(stop), thread: Some(thread) }
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
fn a_reload_is_the_operator_s_and_says_what_came_of_it() {
    let server = Server::start(DONE);
    assert_eq!(server.send("POST", "/v1/reload", "r-token", "").0, 403);
    let (status, _, body) = server.send("POST", "/v1/reload", "o-token", "");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["problems"][0]), (422, &Value::from("site.toml:3:1: wrong")));
    let (status, _, body) = server.send("POST", "/v1/reload", "o-token", "");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["warnings"][0]), (200, &Value::from("doubtful")));
    assert_eq!(server.send("POST", "/v1/reload", "o-token", "").0, 503, "nobody reads any more");
}

fn banned() -> http::Ban {
    http::Ban { address: "192.0.2.66".into(), until_ms: 1_795_000_000_000, times: 2, shuts_out: true }
}

#[test]
fn bans_are_shown_and_lifted_by_an_operator_alone() {
    let server = Server::start(DONE);
    let shown = server.get("/v1/bans");
    assert_eq!(shown[0]["address"], "192.0.2.66");
    assert_eq!((&shown[0]["times"], &shown[0]["shuts_out"]), (&Value::from(2), &Value::from(true)));
    assert_eq!(server.send("DELETE", "/v1/bans/192.0.2.66", "r-token", "").0, 403);
    assert_eq!(server.send("DELETE", "/v1/bans/192.0.2.66", "o-token", "").0, 200);
    let (status, error, _) = server.error("DELETE", "/v1/bans/192.0.2.67", "o-token", "");
    assert_eq!((status, error.as_str()), (404, "this address is not banned"));
    assert_eq!(server.error("DELETE", "/v1/bans/everybody", "o-token", "").0, 400);
}

#[test]
fn a_prompt_is_one_of_those_that_were_found_and_never_a_path() {
    let server = Server::start(DONE);
    for name in [
        "../../etc/passwd",
        "/etc/passwd",
        "closed/../closed",
        "closed.wav",
        "en/../closed",
        ".",
        "closed\\u0000",
    ] {
        let body = format!("{{\"to\":{{\"message\":\"{name}\"}}}}");
        assert_eq!(server.send("POST", "/v1/calls/17/withdraw", "o-token", &body).0, 422, "{name}");
    }
    assert!(server.asked.lock().unwrap().is_empty(), "no path reached the engine");
}

/// Every route under /v1 with the methods it takes, read off the source, so that none is forgotten here.
fn routes() -> Vec<(String, String)> {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/mod.rs")).unwrap();
    let v1 = source.split_once("let v1 = Router::new()").unwrap().1.split_once(".layer(").unwrap().0;
    let mut routes = Vec::new();
    for route in v1.split(".route(\"").skip(1) {
        let (path, handlers) = route.split_once('"').unwrap();
        let path = path.replace("{name}", "anna").replace("{id}", "7").replace("{address}", "192.0.2.66");
        for method in ["get", "post", "put", "delete", "patch"] {
            if handlers.contains(&format!("{method}(")) {
                routes.push((method.to_uppercase(), format!("/v1{path}")));
            }
        }
    }
    routes
}

#[test]
fn no_route_opens_without_a_token_and_none_that_changes_something_to_a_reader() {
    let server = Server::start(DONE);
    let routes = routes();
    assert!(routes.len() > 30, "{routes:?}");
    for (method, path) in routes {
        for token in ["", "wrong", "r-token\"", "R-TOKEN"] {
            assert_eq!(server.send(&method, &path, token, "{}").0, 401, "{method} {path} with {token:?}");
        }
        let status = server.send(&method, &path, "r-token", "{}").0;
        assert_eq!(status == 403, method != "GET", "{method} {path} by a reader: {status}");
    }
    let changes = |request: &Request| !matches!(request, Request::Explain { .. });
    assert!(!server.asked.lock().unwrap().iter().any(changes), "nothing but a question reached the engine");
    assert_eq!(server.send("HEAD", "/v1/agents/anna/login", "r-token", "").0, 405);
}

#[test]
fn health_metrics_and_the_front_page_need_no_token() {
    let server = Server::start(DONE);
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
    let server = Server::start(DONE);
    server.snapshots.send_replace(Arc::new(Snapshot { draining: true, ..snapshot() }));
    assert_eq!(server.send("GET", "/health/ready", "", "").0, 503);
    assert_eq!(server.send("GET", "/health/live", "", "").0, 200);
}

#[test]
fn nobody_gets_in_without_a_token_and_a_reader_changes_nothing() {
    let server = Server::start(DONE);
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
    let server = Server::start(DONE);
    let queues = server.get("/v1/queues");
    assert_eq!(queues.as_array().unwrap().len(), 1, "a retired queue where nobody waits is not shown");
    assert_eq!((&queues[0]["open"], &queues[0]["closed_by_hand"]), (&false.into(), &true.into()));
    assert_eq!(queues[0]["name"], "sales");
    assert_eq!((&queues[0]["waiting"], &queues[0]["longest_wait_ms"]), (&2.into(), &7000.into()));
    assert_eq!(queues[0]["agents"]["ready"], 1);
    assert_eq!(queues[0]["today"]["offered"], 9);
    assert_eq!(
        queues[0]["estimated_wait"],
        serde_json::json!({ "p50_ms": 30_000, "p90_ms": 95_000, "by": "formula" })
    );
    let agents = server.get("/v1/agents");
    assert_eq!(
        (&agents[0]["name"], &agents[0]["state"], &agents[0]["reason"]),
        (&"anna".into(), &"paused".into(), &"break".into())
    );
    assert_eq!(agents.as_array().unwrap().len(), 1, "nor is an agent who is no longer configured");
    assert_eq!((&agents[0]["occupancy"], &agents[0]["capacity"]), (&0.75.into(), &1.into()));
    assert_eq!(
        (&agents[0]["skills"], &agents[0]["secondary"], &agents[0]["wrap_up_s"]),
        (&json!({"spanish": 3, "billing": 2}), &json!(["billing"]), &7.into())
    );
    let calls = server.get("/v1/calls");
    assert_eq!(calls[0]["priority_ms"], 30_000);
    assert_eq!(calls[0]["because"], "last_agent", "why this agent has it");
    assert_eq!(calls[0]["expected_wait"], json!({ "p50_ms": 30_000, "p90_ms": 95_000, "by": "rollout" }));
    assert_eq!(calls[0]["id"], u64::MAX.to_string(), "a text, or browsers would round it");
    assert_eq!(calls[0]["caller_name"], HOSTILE, "hostile names stay data");
}

#[test]
fn an_operator_s_requests_reach_the_engine() {
    let server = Server::start(DONE);
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
    let server = Server::start(DONE);
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
        (Refusal::UnknownQueue, 404),
        (Refusal::NotWaiting, 409),
        (Refusal::CannotTake, 409),
        (Refusal::WrapUpMandatory, 409),
        (Refusal::DispositionMissing, 409),
        (Refusal::UnknownDisposition, 422),
        (Refusal::NothingToExtend, 409),
        (Refusal::NothingToDispose, 409),
        (Refusal::TooManyRequirements, 503),
        (Refusal::NameChanged, 422),
    ] {
        let server = Server::start(Some(Err(refusal)));
        let (got, error, hint) = server.error("POST", "/v1/agents/anna/ready", "o-token", "");
        assert_eq!((got, error), (status, refusal.to_string()));
        assert!(!hint.is_empty(), "{refusal}");
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
    let server = Server::start(DONE);
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
fn steering_requests_reach_the_engine_with_names_resolved() {
    let server = Server::start(DONE);
    let post = |path: &str, body: &str| {
        let (status, _, answer) = server.send("POST", path, "o-token", body);
        assert_eq!((status, answer.as_str()), (200, "{\"done\":true}"), "{path} {body}");
    };
    post("/v1/calls/17/priority", "{\"seconds\":60}");
    post("/v1/calls/17/requirement", "{\"requires\":\"spanish >= 3 or billing\"}");
    post("/v1/calls/17/move", "{\"queue\":\"support\"}");
    post("/v1/calls/17/pull", "{\"agent\":\"ben\"}");
    post("/v1/calls/17/withdraw", "{\"to\":{\"queue\":\"support\"}}");
    post("/v1/calls/17/withdraw", "{\"to\":{\"number\":\"+4930123\"}}");
    post("/v1/calls/17/withdraw", "{\"to\":{\"message\":\"all-busy\"}}");
    post("/v1/agents/anna/release", "");
    post("/v1/agents/anna/disposition", "{\"disposition\":\"sale\"}");
    post("/v1/agents/anna/wrap-up/extend", "{\"seconds\":30}");
    let (call, agent) = (CallId(17), AgentId(0));
    let either = Requirement::Any(vec![
        Requirement::Skill { skill: SPANISH, min: 3 },
        Requirement::Skill { skill: BILLING, min: 1 },
    ]);
    let expected = [
        Request::Reprioritise { call, priority: Duration::from_secs(60) },
        Request::Require { call, requirement: either },
        Request::Move { call, queue: QueueId(1) },
        Request::Pull { call, agent: AgentId(1) },
        Request::Withdraw { call, to: Destination::Queue(QueueId(1)) },
        Request::Withdraw { call, to: Destination::Number("+4930123".into()) },
        Request::Withdraw { call, to: Destination::Message("all-busy".into()) },
        Request::Release { agent },
        Request::Dispose { agent, disposition: "sale".into() },
        Request::ExtendWrapUp { agent, by: Duration::from_secs(30) },
    ];
    assert_eq!(*server.asked.lock().unwrap(), expected);
}

#[test]
fn a_queue_is_closed_for_a_while_until_a_moment_or_until_it_is_reopened() {
    let server = Server::start(DONE);
    let later = NOW.0 + 5000;
    for (path, body) in [
        ("close", String::new()),
        ("close", "{}".into()),
        ("close", "{\"for\":\"1h 30m\"}".into()),
        ("close", format!("{{\"until_ms\":{later}}}")),
        ("reopen", String::new()),
    ] {
        let path = format!("/v1/queues/sales/{path}");
        assert_eq!(server.send("POST", &path, "o-token", &body).0, 200, "{path} {body}");
    }
    let queue = QueueId(0);
    let expected = [
        Request::Close { queue, until: None },
        Request::Close { queue, until: None },
        Request::Close { queue, until: Some(Wall(NOW.0 + 5_400_000)) },
        Request::Close { queue, until: Some(Wall(later)) },
        Request::Reopen { queue },
    ];
    assert_eq!(*server.asked.lock().unwrap(), expected);
}

#[test]
fn an_edit_changes_what_it_names_and_nothing_else() {
    let server = Server::start(DONE);
    let put =
        |body: &str| assert_eq!(server.send("PUT", "/v1/agents/anna", "o-token", body).0, 200, "{body}");
    put("{}");
    put("{\"skills\":{\"spanish\":9}}");
    put("{\"skills\":{\"spanish\":1,\"billing\":4},\"secondary\":[\"spanish\"],\"wrap_up_s\":null}");
    put(
        "{\"queues\":[\"support\",\"sales\",\"support\"],\"capacity\":2,\"weight\":3,\"wrap_up_s\":0,\"title\":\"A\"}",
    );
    let anna = settings().agents[0].clone();
    let expected = [
        anna.clone(),
        // What she cannot do at all she cannot lend a hand with.
        Agent { skills: SkillSet::new([(SPANISH, 9)]), secondary: vec![], ..anna.clone() },
        Agent {
            skills: SkillSet::new([(SPANISH, 1), (BILLING, 4)]),
            secondary: vec![SPANISH],
            wrap_up: None,
            ..anna.clone()
        },
        Agent {
            queues: vec![QueueId(0), QueueId(1)],
            capacity: 2,
            weight: 3,
            wrap_up: Some(Duration::ZERO),
            title: "A".into(),
            ..anna
        },
    ]
    .map(|settings| Request::EditAgent { agent: AgentId(0), settings: Box::new(settings) });
    assert_eq!(*server.asked.lock().unwrap(), expected);
}

#[test]
fn what_is_wrong_with_steering_is_said_with_a_hint() {
    let server = Server::start(DONE);
    for (method, path, body, status, hint) in [
        ("POST", "/v1/calls/x/priority", "{\"seconds\":60}", 400, "GET /v1/calls"),
        ("POST", "/v1/calls/17/priority", "", 400, "{\"seconds\": 60}"),
        ("POST", "/v1/calls/17/priority", "{\"seconds\":-1}", 400, "whole number"),
        ("POST", "/v1/calls/17/priority", "{\"seconds\":99999999}", 400, "from 0 to 604800"),
        ("POST", "/v1/calls/17/requirement", "{\"requires\":\"spanich\"}", 422, "did you mean \"spanish\"?"),
        ("POST", "/v1/calls/17/requirement", "{\"requires\":\"spanish >=\"}", 422, "at byte"),
        ("POST", "/v1/calls/17/move", "{\"queue\":\"suport\"}", 422, "did you mean \"support\"?"),
        ("POST", "/v1/calls/17/move", "{\"queue\":\"old\"}", 422, "known: sales, support"),
        ("POST", "/v1/calls/17/pull", "{\"agent\":\"carla\"}", 422, "known: anna, ben"),
        ("POST", "/v1/calls/17/withdraw", "{\"to\":{}}", 400, "\"message\""),
        ("POST", "/v1/calls/17/withdraw", "{\"to\":{\"number\":\"1@evil\"}}", 422, "digits"),
        ("POST", "/v1/calls/17/withdraw", "{\"to\":{\"message\":\"all-bussy\"}}", 422, "\"all-busy\""),
        ("POST", "/v1/queues/sale/close", "", 404, "did you mean \"sales\"?"),
        ("POST", "/v1/queues/sales/close", "{\"for\":\"soon\"}", 422, "\"2h\""),
        ("POST", "/v1/queues/sales/close", "{\"for\":\"9999h\"}", 422, "2h"),
        ("POST", "/v1/queues/sales/close", "{\"until_ms\":5}", 422, "2h"),
        ("POST", "/v1/queues/sales/close", "{\"for\":\"2h\",\"until_ms\":5}", 400, "2h"),
        ("POST", "/v1/agents/anna/disposition", "{\"disposition\":\"x\"}", 422, "known: sale, complaint"),
        ("POST", "/v1/agents/anna/wrap-up/extend", "{\"seconds\":0}", 400, "from 1"),
        ("PUT", "/v1/agents/ana", "{}", 404, "did you mean \"anna\"?"),
        ("PUT", "/v1/agents/carla", "{}", 404, "GET /v1/agents"),
        ("PUT", "/v1/agents/anna", "{\"skils\":{}}", 400, "each of them optional"),
        ("PUT", "/v1/agents/anna", "{\"skills\":{\"spanisch\":3}}", 422, "did you mean \"spanish\"?"),
        ("PUT", "/v1/agents/anna", "{\"skills\":{\"spanish\":0}}", 422, "from 1 to 10"),
        ("PUT", "/v1/agents/anna", "{\"skills\":{},\"secondary\":[\"billing\"]}", 422, "skills"),
        ("PUT", "/v1/agents/anna", "{\"queues\":[\"old\"]}", 422, "known: sales, support"),
        ("PUT", "/v1/agents/anna", "{\"capacity\":0}", 422, "from 1"),
        ("PUT", "/v1/agents/anna", "{\"wrap_up_s\":99999}", 422, "3600"),
    ] {
        let (got, error, said) = server.error(method, path, "o-token", body);
        assert_eq!(got, status, "{path} {body}: {error}");
        assert!(said.contains(hint), "{path} {body}: {said}");
    }
    for (method, path) in
        [("PUT", "/v1/agents/anna"), ("POST", "/v1/calls/17/pull"), ("POST", "/v1/queues/sales/close")]
    {
        assert_eq!(server.error(method, path, "r-token", "{}").0, 403, "{path}: a reader changes nothing");
    }
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn why_a_call_waits_is_told_in_figures_and_in_a_sentence() {
    let mut qualified = [0; AgentState::ALL.len()];
    qualified[AgentState::Paused as usize] = 2;
    let why = WaitingBecause {
        queue: QueueId(0),
        waited: Duration::from_millis(12_400),
        ahead: 3,
        requirement: Requirement::Skill { skill: SPANISH, min: 3 },
        level: (0, 1),
        next_step: Some(Duration::from_millis(7600)),
        waits_for: None,
        qualified,
        unqualified: 4,
        lenders_busy: vec![QueueId(1)],
        rung: vec![AgentId(1)],
    };
    let server = Server::start(Some(Ok(Given::Waiting(Box::new(why)))));
    let told = server.get("/v1/calls/17/why");
    assert_eq!(*server.asked.lock().unwrap(), [Request::Explain { call: CallId(17) }]);
    assert_eq!(
        (&told["call"], &told["queue"], &told["requirement"]),
        (&"17".into(), &"sales".into(), &"spanish >= 3".into())
    );
    assert_eq!(
        (&told["waited_ms"], &told["ahead"], &told["unqualified"]),
        (&12_400.into(), &3.into(), &4.into())
    );
    assert_eq!(
        (&told["level"], &told["levels"], &told["next_step_ms"]),
        (&0.into(), &1.into(), &7600.into())
    );
    assert_eq!((&told["qualified"]["paused"], &told["qualified"]["ready"]), (&2.into(), &0.into()));
    assert_eq!((&told["lenders_busy"], &told["rung"]), (&json!(["support"]), &json!(["ben"])));
    assert_eq!(told["waits_for"], Value::Null);
    assert_eq!(
        told["sentence"],
        "needs spanish ≥ 3; of 2 agents who have it 2 are paused; ben is being rung for it; 3 calls stand before it; \
         support needs its agents itself; in 8 s more agents may take it"
    );
    let gone = Server::start(Some(Err(Refusal::NotWaiting)));
    assert_eq!(gone.error("GET", "/v1/calls/17/why", "r-token", "").0, 409);
}

#[test]
fn names_follow_the_rules_while_it_runs() {
    let server = Server::start(DONE);
    let mut rules = settings();
    rules.agents[0].skills = SkillSet::new([(BILLING, 9)]);
    rules.queues.push(Queue { name: "night".into(), ..Queue::default() });
    server.rules.send_replace(Arc::new(rules));
    assert_eq!(server.get("/v1/agents")[0]["skills"], json!({"billing": 9}));
    assert_eq!(server.send("POST", "/v1/queues/night/close", "o-token", "").0, 200);
    server.get("/v1/records?queue=old");
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let server = Server::start(DONE);
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

#[test]
fn what_was_said_about_a_call_is_for_operators_only() {
    let server = Server::start(DONE);
    let (status, _, body) = server.send("GET", "/v1/calls/17/trace", "o-token", "");
    let expected = serde_json::json!({
        "call": "17", "began_at_ms": 5, "peers": [], "left_out": 0,
        "steps": [{ "kind": "decision", "at_us": 7, "what": "queued" }]
    });
    assert_eq!((status, serde_json::from_str::<serde_json::Value>(&body).unwrap()), (200, expected));
    assert_eq!(server.send("GET", "/v1/traces", "o-token", "").2, r#"["17"]"#);
    for path in ["/v1/calls/17/trace", "/v1/traces"] {
        assert_eq!(server.error("GET", path, "r-token", "").0, 403, "{path}");
        assert_eq!(server.error("GET", path, "", "").0, 401, "{path}");
    }
    assert_eq!(server.error("GET", "/v1/calls/18/trace", "o-token", "").0, 404);
    assert_eq!(server.error("GET", "/v1/calls/x/trace", "o-token", "").0, 400);
}
