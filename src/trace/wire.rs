//! The little of a SIP message that its bytes tell without being parsed: start line, Call-ID, CSeq. It trusts nothing.

/// The header lines of a message, its start line first; without their line ends.
pub(super) fn head(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(bytes).take_while(|line| !line.is_empty())
}

/// Every line, without its end.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The value of the first header of this name, long or short (RFC 3261 §7.3.3).
pub(super) fn header<'a>(bytes: &'a [u8], long: &str, short: &str) -> Option<&'a str> {
    head(bytes).skip(1).find_map(|line| {
        let (name, value) = named(line)?;
        let is_it = name.eq_ignore_ascii_case(long.as_bytes()) || name.eq_ignore_ascii_case(short.as_bytes());
        is_it.then(|| std::str::from_utf8(value).ok()).flatten()
    })
}

/// A header line's name and value.
pub(super) fn named(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(colon);
    Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
}

/// `INVITE`, `180 Ringing`, `200 OK (BYE)`: what stands at the arrow.
pub(super) fn label(bytes: &[u8]) -> String {
    let start = String::from_utf8_lossy(head(bytes).next().unwrap_or_default());
    let method =
        header(bytes, "CSeq", "").and_then(|cseq| cseq.split_ascii_whitespace().nth(1)).unwrap_or("");
    let has_sdp = header(bytes, "Content-Type", "c")
        .is_some_and(|kind| kind.trim_ascii_start().to_ascii_lowercase().starts_with("application/sdp"));
    let mut label = match start.strip_prefix("SIP/2.0 ") {
        Some(status) if method == "INVITE" || method.is_empty() => status.to_owned(),
        Some(status) => format!("{status} ({method})"),
        None => start.split(' ').next().unwrap_or_default().to_owned(),
    };
    if has_sdp {
        label.push_str(" SDP");
    }
    label.chars().take(60).collect()
}
