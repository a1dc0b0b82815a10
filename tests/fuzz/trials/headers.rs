//! Any text as each of the headers we read ourselves: what is read and written again is read the same, and starts no line.

use holdfast::sip::cause;
use holdfast::sip::dialling::{DialPolicy, Dialable, Pattern};
use holdfast::sip::dialog::SessionTimer;
use holdfast::sip::host::Host;
use holdfast::sip::message::{Headers, split_commas};
use holdfast::sip::params::{quote, unquote};
use holdfast::sip::uri::{CSeq, NameAddr, Params, Uri, Via};
use std::fmt::{Debug, Display};
use std::str::FromStr;

#[track_caller]
fn check<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let written = value.to_string();
    assert!(!written.contains(['\r', '\n', '\0']), "{text:?} became {written:?}");
    assert_eq!(written.parse::<T>().ok().as_ref(), Some(&value), "{text:?} was written as {written:?}");
}

pub fn trial(bytes: &[u8]) {
    // As the wire hands it on: no line end and no NUL is left in a value.
    let text = String::from_utf8_lossy(bytes).replace(['\r', '\n', '\0'], " ");
    let text = text.trim();
    check::<Uri>(text);
    check::<NameAddr>(text);
    check::<Via>(text);
    check::<CSeq>(text);
    let _ = (Params::parse(text), Host::parse_with_port(text), cause::retry_after(Some(text)));
    assert_eq!(unquote(&quote(text)), text.replace(char::is_control, " "));
    assert!(split_commas(text).all(|piece| !piece.is_empty() && piece.trim() == piece));
    let mut headers = Headers::new();
    for name in ["Session-Expires", "Min-SE", "P-Asserted-Identity", "Privacy", "Record-Route", "RAck"] {
        headers.push(name, text);
    }
    let _ = SessionTimer::asked(&headers);
    if let Some(number) = Dialable::parse(text) {
        assert!(number.as_str().bytes().all(|byte| byte.is_ascii_digit() || b"+*#".contains(&byte)));
    }
    if let Some(pattern) = Pattern::parse(text) {
        let policy = DialPolicy { allow: vec![pattern], deny: Vec::new() };
        assert!(policy.check("evil@example.org").is_err() && policy.check("").is_err());
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        "\"A \\\"quoted\\\" name\" <sip:user%40x;p=1:pw@[2001:db8::1]:5060;transport=tcp;lr?Subject=a%20b&x=y>;tag=1;q=0.7",
        "SIP / 2.0 / UDP 192.0.2.1:5060;rport;branch=z9hG4bKabc;received=192.0.2.2;maddr=x",
        "314159 INVITE",
        "tel:+49-30-1234;phone-context=example.com;isub=1",
        "1800;refresher=uas;x=\"a;b\"",
        "120 (in a meeting);duration=30",
        "+49*",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
