//! The bytes of a message made fit for the codec crate: lines ended, unfolded and in UTF-8, the start line read, the
//! body measured. Knows nothing of what a header means, but for Content-Length.

use super::codec::{HEADER_LENGTH_MAX_BYTES, HEADER_LINES_MAX, MESSAGE_SIZE_MAX_BYTES};
use super::fault::Fault;
use super::message::Method;
use super::params::is_token;
use super::uri::Uri;
use std::borrow::Cow;

/// The first line of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum StartLine {
    /// `METHOD URI SIP/2.0`
    Request { method: Method, uri: String },
    /// `SIP/2.0 STATUS REASON`
    Response { status: u16, reason: String },
}

/// A message in parts.
pub(super) struct Parts<'a> {
    pub start: StartLine,
    /// Header lines `Name: value`, each ended by CRLF, without Content-Length.
    pub head: String,
    pub body: &'a [u8],
    /// The first thing found wrong; what could be read is still there, for an answer.
    pub fault: Option<Fault>,
}

/// Takes a message apart. Extra bytes after the body are dropped (RFC 3261 §18.3).
pub(super) fn take_apart(bytes: &[u8]) -> Result<Parts<'_>, Fault> {
    // RFC 3261 §7.5: line ends before the start line are passed over.
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).ok_or(Fault::Empty)?;
    let mut faults = First(None);
    if bytes.len() > MESSAGE_SIZE_MAX_BYTES {
        return Err(Fault::TooLarge);
    }
    let mut lines = Lines { rest: &bytes[start..], ended: false };
    let start = read_start_line(&text(lines.next().ok_or(Fault::StartLine)?), &mut faults)?;
    let mut head = Head { text: String::with_capacity(bytes.len() + 64), lengths: Vec::new(), lines: 0 };
    for line in lines.by_ref() {
        head.add(line, &mut faults);
    }
    if !lines.ended {
        faults.note(Fault::NoEndOfHeaders);
    }
    head.end(&mut faults);
    let body = measure(lines.rest, &head.lengths, &mut faults);
    Ok(Parts { start, head: head.text, body, fault: faults.0 })
}

/// What a stream's framing must know of a head, and what is wrong with it: exactly what [`take_apart`] will find, for two
/// readings of one Content-Length are a hole.
pub(super) fn content_length(head: &[u8]) -> Result<usize, Fault> {
    let mut faults = First(None);
    let mut lines = Lines { rest: head, ended: false };
    lines.next();
    let mut head = Head { text: String::new(), lengths: Vec::new(), lines: 0 };
    for line in lines {
        head.add(line, &mut faults);
    }
    head.end(&mut faults);
    match head.lengths.as_slice() {
        // RFC 3261 §18.3: a stream has no other way to tell where the message ends.
        [] => Err(Fault::Missing("Content-Length")),
        [Some(length)] => Ok(*length),
        [None] => Err(Fault::Invalid("Content-Length")),
        [_, _, ..] => Err(Fault::Repeated("Content-Length")),
    }
}

/// Keeps the first fault.
struct First(Option<Fault>);

impl First {
    fn note(&mut self, fault: Fault) {
        self.0.get_or_insert(fault);
    }
}

/// Lines up to the empty one, ended by CRLF or a bare LF.
struct Lines<'a> {
    rest: &'a [u8],
    ended: bool,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.ended || self.rest.is_empty() {
            return None;
        }
        let (line, rest) = match self.rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &self.rest[self.rest.len()..]),
        };
        self.rest = rest;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.ended = line.is_empty();
        (!self.ended).then_some(line)
    }
}

/// A line as text: what is not UTF-8 is replaced, and nothing is left that could start a line of its own.
fn text(line: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(line);
    if text.bytes().any(|byte| matches!(byte, b'\r' | 0)) {
        return Cow::Owned(text.replace(['\r', '\0'], " "));
    }
    text
}

fn read_start_line(line: &str, faults: &mut First) -> Result<StartLine, Fault> {
    if line.get(..4).is_some_and(|version| version.eq_ignore_ascii_case("SIP/")) {
        return read_status_line(line);
    }
    // More than one space between the words and spaces at the end are let pass (RFC 4475 §3.1.2.8, §3.1.2.9).
    let mut words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (Some(version), true) = (words.pop(), words.len() >= 2) else { return Err(Fault::StartLine) };
    let method = words[0];
    if !method.bytes().all(is_token) || method.len() > 64 {
        return Err(Fault::StartLine);
    }
    let uri = words[1];
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        let is_sip = version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("SIP/"));
        faults.note(if is_sip { Fault::Version } else { Fault::StartLine });
    } else if words.len() > 2 || !uri.parse::<Uri>().is_ok_and(|uri| uri.headers.is_empty()) {
        faults.note(Fault::RequestUri);
    }
    Ok(StartLine::Request { method: Method::from_token(method), uri: uri.to_owned() })
}

fn read_status_line(line: &str) -> Result<StartLine, Fault> {
    let (version, rest) = line.split_once(' ').ok_or(Fault::StartLine)?;
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err(Fault::Version);
    }
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::StartLine);
    }
    let status = code.parse().ok().filter(|status| (100..700).contains(status)).ok_or(Fault::StartLine)?;
    let reason = reason.replace(|c: char| c.is_ascii_control(), " ");
    Ok(StartLine::Response { status, reason: reason.trim().to_owned() })
}

/// The header lines, as they are put together again.
struct Head {
    text: String,
    lengths: Vec<Option<usize>>,
    lines: usize,
}

impl Head {
    fn add(&mut self, line: &[u8], faults: &mut First) {
        self.lines += 1;
        if self.lines > HEADER_LINES_MAX {
            return faults.note(Fault::TooManyHeaders);
        }
        let line = text(line);
        if line.starts_with([' ', '\t']) {
            return self.continue_with(line.trim(), faults);
        }
        self.end(faults);
        let Some((name, value)) = line.split_once(':') else { return faults.note(Fault::HeaderLine) };
        // White space before the colon is allowed (RFC 3261 §25.1: HCOLON), anything else but a token smuggles.
        let name = name.trim_end_matches([' ', '\t']);
        if name.is_empty() || !name.bytes().all(is_token) {
            return faults.note(Fault::HeaderLine);
        }
        self.text.push_str(name);
        self.text.push_str(": ");
        self.text.push_str(value.trim());
    }

    fn continue_with(&mut self, more: &str, faults: &mut First) {
        if self.text.is_empty() || self.text.ends_with('\n') {
            return faults.note(Fault::HeaderLine);
        }
        if !more.is_empty() {
            self.text.push(' ');
            self.text.push_str(more);
        }
    }

    /// Ends the open line; a Content-Length is taken out, for the codec writes its own.
    fn end(&mut self, faults: &mut First) {
        let start = self.text.rfind('\n').map_or(0, |at| at + 1);
        let line = &self.text[start..];
        if line.is_empty() {
            return;
        }
        if line.len() > HEADER_LENGTH_MAX_BYTES {
            faults.note(Fault::LongHeader);
        }
        let Some((name, value)) = line.split_once(':') else { return };
        if !name.eq_ignore_ascii_case("Content-Length") && !name.eq_ignore_ascii_case("l") {
            return self.text.push_str("\r\n");
        }
        let value = value.trim();
        let length = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten();
        if length.is_none() {
            faults.note(Fault::Invalid("Content-Length"));
        }
        self.lengths.push(length);
        self.text.truncate(start);
    }
}

fn measure<'a>(rest: &'a [u8], lengths: &[Option<usize>], faults: &mut First) -> &'a [u8] {
    match lengths {
        // RFC 3261 §18.3: a datagram's body reaches to its end.
        [] => rest,
        [None] => &[],
        [Some(length)] if *length <= rest.len() => &rest[..*length],
        [Some(_)] => {
            faults.note(Fault::BodyCut);
            rest
        }
        // Two lengths are the oldest trick to hide a message in a message.
        [_, _, ..] => {
            faults.note(Fault::Repeated("Content-Length"));
            &[]
        }
    }
}
