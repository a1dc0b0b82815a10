//! The engine's API as the demo reads it: one GET over one connection, bounded in size and time.

use super::DemoSettings;
use super::ledger::Figures;
use crate::secret::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A response is no longer than this.
const RESPONSE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// And takes no longer than this.
const RESPONSE_TIME_MAX: Duration = Duration::from_secs(3);

/// One queue, as `GET /v1/queues` has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Queue {
    pub name: String,
    pub waiting: u64,
    pub longest_wait_ms: u64,
    #[serde(default)]
    pub service_level_target: f64,
    #[serde(default)]
    pub today: Today,
}

/// One queue's figures.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Today {
    pub offered: u64,
    pub answered: u64,
    pub abandoned: u64,
    pub service_level: Option<f64>,
}

/// One agent, as `GET /v1/agents` has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Agent {
    pub name: String,
    pub state: String,
}

/// One call, as `GET /v1/calls` has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Call {
    pub caller_number: String,
    pub caller_name: String,
    pub stage: String,
    pub agents: Vec<String>,
}

pub(super) struct Api {
    address: SocketAddr,
    token: Secret,
}

impl Api {
    pub fn new(settings: &DemoSettings) -> Self {
        Self { address: settings.http, token: settings.token.clone() }
    }

    pub async fn queues(&self) -> Option<Vec<Queue>> {
        self.fetch("/v1/queues").await
    }

    pub async fn agents(&self) -> Option<Vec<Agent>> {
        self.fetch("/v1/agents").await
    }

    pub async fn calls(&self) -> Option<Vec<Call>> {
        self.fetch("/v1/calls").await
    }

    /// All queues' figures together.
    pub async fn figures(&self) -> Option<Figures> {
        let queues = self.queues().await?;
        let sum = |figure: fn(&Today) -> u64| queues.iter().map(|queue| figure(&queue.today)).sum();
        Some(Figures {
            placed: sum(|today| today.offered),
            answered: sum(|today| today.answered),
            abandoned: sum(|today| today.abandoned),
        })
    }

    /// `None` whatever went wrong: the board shows that there is nothing to show.
    async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let response = timeout(RESPONSE_TIME_MAX, self.exchange(path)).await.ok()?.ok()?;
        serde_json::from_slice(&body(&response)?).ok()
    }

    async fn exchange(&self, path: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            self.address,
            self.token.expose()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut response = Vec::new();
        stream.take(RESPONSE_BYTES_MAX).read_to_end(&mut response).await?;
        Ok(response)
    }
}

/// The body of a 200 (RFC 9112 §6, §7.1).
fn body(response: &[u8]) -> Option<Vec<u8>> {
    let end = response.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, rest) = (std::str::from_utf8(response.get(..end)?).ok()?, response.get(end + 4..)?);
    let mut lines = head.split("\r\n");
    if !lines.next()?.starts_with("HTTP/1.1 200") {
        return None;
    }
    let headers: BTreeMap<String, &str> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    if headers.get("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return chunks(rest);
    }
    match headers.get("content-length") {
        Some(length) => rest.get(..length.parse().ok()?).map(<[u8]>::to_vec),
        None => Some(rest.to_vec()),
    }
}

fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..end)?).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let from = end + 2;
        body.extend_from_slice(rest.get(from..from.checked_add(size)?)?);
        rest = rest.get(from.checked_add(size)?.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_by_length_and_by_chunks() {
        let by_length = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]rest";
        assert_eq!(body(by_length), Some(b"[]".to_vec()));
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        assert_eq!(body(chunked), Some(b"abcde".to_vec()));
    }

    #[test]
    fn refusals_and_rubbish_have_no_body() {
        let refused = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}";
        let short = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}";
        let huge = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx";
        for response in [&refused[..], short, huge, b"", b"hello\r\n\r\n"] {
            assert_eq!(body(response), None);
        }
    }
}
