//! One GET of the API over one connection, bounded in size and time: what the demo and the command line look by. It knows
//! nothing of what it fetches.

use crate::secret::Secret;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A response is no longer than this.
const RESPONSE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// And takes no longer than this.
const RESPONSE_TIME_MAX: Duration = Duration::from_secs(3);

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// 200, if all is well.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Fetches a path from `authority`, a host and a port with a colon between them.
///
/// # Errors
/// When nobody answers there in time, or the answer is not HTTP.
pub async fn get(authority: &str, path: &str, token: &Secret) -> std::io::Result<Fetched> {
    let response = timeout(RESPONSE_TIME_MAX, exchange(authority, path, token)).await;
    let response = response.map_err(|_| Error::from(ErrorKind::TimedOut))??;
    read(&response).ok_or_else(|| Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))
}

async fn exchange(authority: &str, path: &str, token: &Secret) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        token.expose()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.take(RESPONSE_BYTES_MAX).read_to_end(&mut response).await?;
    Ok(response)
}

/// Status and body of a response (RFC 9112 §6, §7.1).
fn read(response: &[u8]) -> Option<Fetched> {
    let end = response.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, rest) = (std::str::from_utf8(response.get(..end)?).ok()?, response.get(end + 4..)?);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let headers: BTreeMap<String, &str> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    if headers.get("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return Some(Fetched { status, body: chunks(rest)? });
    }
    let body = match headers.get("content-length") {
        Some(length) => rest.get(..length.parse().ok()?)?.to_vec(),
        None => rest.to_vec(),
    };
    Some(Fetched { status, body })
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

    #[track_caller]
    fn check(response: &[u8], status: u16, body: &str) {
        assert_eq!(read(response), Some(Fetched { status, body: body.into() }));
    }

    #[test]
    fn bodies_are_read_by_length_and_by_chunks() {
        check(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]rest", 200, "[]");
        check(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n",
            200,
            "abcde",
        );
        check(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}", 401, "{}");
    }

    #[test]
    fn rubbish_has_no_body() {
        let short = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}";
        let huge = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx";
        for response in [&short[..], huge, b"", b"hello\r\n\r\n"] {
            assert_eq!(read(response), None);
        }
    }
}
