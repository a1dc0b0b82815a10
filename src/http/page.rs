//! The front page: what this port offers. Static, without scripts.

use axum::response::Html;

pub(super) async fn index() -> Html<&'static str> {
    Html(PAGE)
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Holdfast</title></head>
<body>
<h1>Holdfast</h1>
<p>A call-centre queue engine. This port offers:</p>
<table>
<tr><td><a href="/metrics">GET /metrics</a></td><td>Prometheus metrics</td></tr>
<tr><td><a href="/health/live">GET /health/live</a></td><td>the process runs</td></tr>
<tr><td><a href="/health/ready">GET /health/ready</a></td><td>new calls are taken</td></tr>
<tr><td>GET /v1/queues</td><td>queues: calls that wait, the expected wait, agents by state, today's figures</td></tr>
<tr><td>GET /v1/agents</td><td>agents: state, since when, calls</td></tr>
<tr><td>GET /v1/calls</td><td>calls that go on</td></tr>
<tr><td>GET /v1/records?queue=&amp;outcome=&amp;since=&amp;limit=</td><td>call records, newest first</td></tr>
<tr><td>GET /v1/calls/ID/trace</td><td>the SIP messages of a call (operators only); GET /v1/traces lists the calls that are kept</td></tr>
<tr><td>GET /v1/calls/ID/why</td><td>why a call still waits, in figures and in a sentence</td></tr>
<tr><td>POST /v1/agents/NAME/login</td><td>also logout, ready, release (from whatever holds him), and pause with {"reason": "break"}</td></tr>
<tr><td>POST /v1/agents/NAME/wrap-up/extend</td><td>{"seconds": 30}: more time after the call</td></tr>
<tr><td>POST /v1/agents/NAME/disposition</td><td>{"disposition": "sale"}: what his last call was about</td></tr>
<tr><td>PUT /v1/agents/NAME</td><td>{"skills": {"spanish": 3}, "queues": ["sales"], …}: edits him; what is not said stays</td></tr>
<tr><td>POST /v1/calls/ID/hangup</td><td>ends a call</td></tr>
<tr><td>POST /v1/calls/ID/priority</td><td>{"seconds": 60}: credits a waiting call with so much wait</td></tr>
<tr><td>POST /v1/calls/ID/requirement</td><td>{"requires": "spanish >= 3"}: besides what its queue requires</td></tr>
<tr><td>POST /v1/calls/ID/move</td><td>{"queue": "sales"}: its wait goes with it</td></tr>
<tr><td>POST /v1/calls/ID/pull</td><td>{"agent": "anna"}: hers as soon as she is free</td></tr>
<tr><td>POST /v1/calls/ID/withdraw</td><td>{"to": {"queue": "sales"}}, {"number": "+4930…"} or {"message": "all-busy"}</td></tr>
<tr><td>POST /v1/calls/ID/join</td><td>{"agent": "carla", "role": "listen"}: her phone rings, she joins the conversation; also whisper, barge, third</td></tr>
<tr><td>POST /v1/calls/ID/take-over</td><td>{"agent": "carla"}: who has joined serves the caller from now on; also send-out</td></tr>
<tr><td>POST /v1/calls/ID/transfer</td><td>{"agent": "carla"}, {"queue": "support"} or {"number": "+4930…"}: passes the caller on</td></tr>
<tr><td>POST /v1/calls/ID/consult</td><td>{"agent": "carla"} or {"number": "+4930…"}: asks somebody while the caller hears music; then conference, complete or return</td></tr>
<tr><td>POST /v1/calls/ID/recording</td><td>{"change": "pause"}; also start, resume, stop</td></tr>
<tr><td>POST /v1/queues/NAME/close</td><td>until reopen, or {"for": "2h"}, or {"until_ms": …}</td></tr>
<tr><td>POST /v1/queues/NAME/reopen</td><td>its hours apply again</td></tr>
<tr><td>GET /v1/bans</td><td>who is banned for guessing passwords; DELETE /v1/bans/ADDRESS lets him in again</td></tr>
<tr><td>POST /v1/reload</td><td>reads the configuration anew; calls go on</td></tr>
</table>
<p>Everything under /v1 needs a token of [[http.token]], or the one in the file that is named at the start: <code>curl -H "Authorization: Bearer TOKEN" http://HOST:PORT/v1/queues</code></p>
</body>
</html>
"#;
