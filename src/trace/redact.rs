//! Takes secrets out of a message: digest responses and other credentials (RFC 3261 §20.7, §20.28), and the keys of
//! SRTP in a session description (RFC 4568 §6.1, RFC 4567, and `k=` of RFC 8866 §5.12). All else stays as it is.

use super::wire::{head, lines, named};
use std::borrow::Cow;

/// What stands in place of a secret.
const HIDDEN: &[u8] = b"[redacted]";

/// The message without its secrets.
pub fn redact(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !may_hold_secrets(bytes) {
        return Cow::Borrowed(bytes);
    }
    let headers = head(bytes).count();
    let (mut clean, mut holds) = (Vec::with_capacity(bytes.len()), Holds::Nothing);
    let mut rest = bytes;
    for (number, line) in lines(bytes).enumerate() {
        let end = rest.get(line.len()..).unwrap_or_default();
        let end = &end[..end.iter().position(|byte| *byte == b'\n').map_or(end.len(), |at| at + 1)];
        rest = &rest[line.len() + end.len()..];
        if number < headers {
            // A folded line goes on with the header before it (RFC 3261 §7.3.1).
            if !matches!(line.first(), Some(b' ' | b'\t')) {
                holds = Holds::of(line);
            }
            match holds {
                Holds::Nothing => clean.extend_from_slice(line),
                Holds::Digest => without_response(line, &mut clean),
                Holds::Credentials => without_credentials(line, &mut clean),
            }
        } else {
            without_keys(line, &mut clean);
        }
        clean.extend_from_slice(end);
    }
    Cow::Owned(clean)
}

/// Whether it is worth looking closer: most messages hold none.
fn may_hold_secrets(bytes: &[u8]) -> bool {
    let is_there = |line: &[u8]| {
        named(line).is_some_and(|(name, _)| carries_credentials(name))
            || starts(line, b"a=crypto:")
            || starts(line, b"a=key-mgmt:")
            || starts(line, b"k=")
    };
    lines(bytes).any(is_there)
}

fn carries_credentials(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"Authorization") || name.eq_ignore_ascii_case(b"Proxy-Authorization")
}

fn starts(line: &[u8], with: &[u8]) -> bool {
    line.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// What a header line and those that go on with it hold.
#[derive(Clone, Copy)]
enum Holds {
    Nothing,
    /// A digest: all of it but the response may be seen, which could be tried against a list of passwords.
    Digest,
    /// Credentials of another scheme: none of it may be seen.
    Credentials,
}

impl Holds {
    fn of(line: &[u8]) -> Self {
        match named(line) {
            Some((name, value)) if carries_credentials(name) => {
                if starts(value, b"Digest ") {
                    Self::Digest
                } else {
                    Self::Credentials
                }
            }
            Some(_) | None => Self::Nothing,
        }
    }
}

fn without_credentials(line: &[u8], clean: &mut Vec<u8>) {
    if let Some((_, value)) = named(line).filter(|(name, _)| carries_credentials(name)) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        clean.extend_from_slice(&line[..=colon]);
        clean.push(b' ');
        if let Some(scheme) = value.iter().position(|byte| *byte == b' ') {
            clean.extend_from_slice(&value[..=scheme]);
        }
    } else {
        clean.push(b' ');
    }
    clean.extend_from_slice(HIDDEN);
}

fn without_response(line: &[u8], clean: &mut Vec<u8>) {
    let mut rest = line;
    while let Some(at) = find(rest, b"response") {
        let after = at + b"response".len();
        clean.extend_from_slice(&rest[..after]);
        rest = &rest[after..];
        let equals = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'=')).count();
        if !rest[..equals].contains(&b'=') {
            continue;
        }
        clean.extend_from_slice(&rest[..equals]);
        clean.extend_from_slice(HIDDEN);
        // To the next parameter, whatever the value looks like.
        rest = &rest[rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len())..];
    }
    clean.extend_from_slice(rest);
}

fn without_keys(line: &[u8], clean: &mut Vec<u8>) {
    if starts(line, b"a=crypto:")
        && let Some(at) = find(line, b"inline:")
    {
        clean.extend_from_slice(&line[..at + b"inline:".len()]);
        return clean.extend_from_slice(HIDDEN);
    }
    let kept = if starts(line, b"a=key-mgmt:") || starts(line, b"a=crypto:") {
        line.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1)
    } else if starts(line, b"k=") {
        2
    } else {
        return clean.extend_from_slice(line);
    };
    clean.extend_from_slice(&line[..kept]);
    clean.extend_from_slice(HIDDEN);
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window.eq_ignore_ascii_case(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&redact(message.as_bytes())), expected);
    }

    #[test]
    fn digest_responses_go_and_what_tells_how_it_went_stays() {
        check(
            "REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"anna\", response=\"canary\", nc=1\r\nTo: x\r\n\r\n",
            "REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"anna\", response=[redacted], nc=1\r\nTo: x\r\n\r\n",
        );
        check(
            "INVITE sip:a SIP/2.0\r\nproxy-authorization : DIGEST realm=\"response\",\r\n\tRESPONSE = canary\r\n\r\n",
            "INVITE sip:a SIP/2.0\r\nproxy-authorization : DIGEST realm=\"response\",\r\n\tRESPONSE = [redacted]\r\n\r\n",
        );
    }

    #[test]
    fn credentials_of_other_schemes_go_whole() {
        check(
            "REGISTER sip:a SIP/2.0\r\nAuthorization: Basic Y2FuYXJ5\r\n\r\n",
            "REGISTER sip:a SIP/2.0\r\nAuthorization: Basic [redacted]\r\n\r\n",
        );
        check("A b SIP/2.0\nAuthorization:canary\n\n", "A b SIP/2.0\nAuthorization: [redacted]\n\n");
        check(
            "A b SIP/2.0\r\nAuthorization: Basic\r\n canary\r\nTo: x\r\n\r\n",
            "A b SIP/2.0\r\nAuthorization: [redacted]\r\n [redacted]\r\nTo: x\r\n\r\n",
        );
    }

    #[test]
    fn keys_of_srtp_go_and_the_rest_of_the_description_stays() {
        check(
            "SIP/2.0 200 OK\r\nTo: x\r\n\r\nv=0\r\nk=clear:canary\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 \
             inline:canary|2^20|1:32;inline:canary\r\na=key-mgmt:mikey canary\r\na=sendrecv\r\n",
            "SIP/2.0 200 OK\r\nTo: x\r\n\r\nv=0\r\nk=[redacted]\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 \
             inline:[redacted]\r\na=key-mgmt:[redacted]\r\na=sendrecv\r\n",
        );
        check("A b SIP/2.0\r\n\r\na=crypto:odd canary", "A b SIP/2.0\r\n\r\na=crypto:[redacted]");
    }

    #[test]
    fn messages_without_secrets_are_not_even_copied() {
        let message = b"BYE sip:a@b SIP/2.0\r\nTo: <sip:a@b>;tag=1\r\n\r\n";
        assert!(matches!(redact(message), Cow::Borrowed(_)));
        for odd in [&b""[..], b"\n", b"\r\n\r\n", b"Authorization", b"\0\xff:\n\n"] {
            assert_eq!(&*redact(odd), odd);
        }
    }
}
