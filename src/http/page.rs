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
<tr><td>POST /v1/agents/NAME/login</td><td>also logout, ready, and pause with {"reason": "break"}</td></tr>
<tr><td>POST /v1/calls/ID/hangup</td><td>ends a call</td></tr>
</table>
<p>Everything under /v1 needs a token of [[http.token]], or the one in the file that is named at the start: <code>curl -H "Authorization: Bearer TOKEN" http://HOST:PORT/v1/queues</code></p>
</body>
</html>
"#;
