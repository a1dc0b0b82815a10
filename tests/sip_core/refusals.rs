//! What is not for us, not allowed, or not SIP at all.

use crate::bench::{Bench, caller_leg, settings, udp};
use crate::peer::{Dialler, sdp};
use holdfast::engine::Command;
use holdfast::engine::id::CallId;
use holdfast::sip::auth::Algorithm;
use holdfast::sip::codec;
use holdfast::sip::message::{Method, Request, Response};
use holdfast::sip::settings::SipSettings;

/// One INVITE, changed; the status it is refused with.
#[track_caller]
fn check(change: impl FnOnce(&mut Request), status: u16) -> Option<String> {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    change(&mut invite);
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    let refused = bench.expect_response(status);
    bench.expect_no_event();
    bench.expect_nothing_left();
    ["Unsupported", "Accept", "Retry-After", "Warning"]
        .iter()
        .find_map(|name| refused.headers.first(name).map(str::to_owned))
}

#[test]
fn invites_that_cannot_be_taken_are_refused_with_their_reason() {
    check(|invite| invite.uri = "mailto:sales@holdfast.example".into(), 416);
    check(|invite| invite.headers.set("Max-Forwards", "0"), 483);
    let unsupported = check(|invite| invite.headers.push("Require", "timer, precondition"), 420);
    assert_eq!(unsupported.as_deref(), Some("precondition"));
    let accept = check(|invite| invite.headers.set("Content-Type", "text/plain"), 415);
    assert_eq!(accept.as_deref(), Some("application/sdp"));
    check(|invite| invite.body = sdp(40_000, 18, "sendrecv"), 488);
    check(|invite| invite.body = b"nonsense".to_vec(), 400);
    check(|invite| invite.headers.remove("Contact"), 400);
    let accept = check(|invite| invite.headers.push("Accept", "text/plain, application/isup"), 406);
    assert_eq!(accept.as_deref(), Some("application/sdp"));
}

#[test]
fn whoever_accepts_our_descriptions_among_others_is_called_through() {
    for accept in ["application/sdp;level=1", "text/plain, application/SDP", "application/*;q=0.2", "*/*"] {
        let mut bench = Bench::new();
        let mut caller = Dialler::new();
        let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
        invite.headers.push("Accept", accept);
        bench.request(caller.flow, &invite);
        bench.expect_response(100);
        assert!(bench.events.pop_front().is_some(), "{accept}");
    }
}

#[test]
fn a_caller_of_rfc_2543_with_neither_tag_nor_contact_is_called_through_and_hung_up() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    let mut invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    invite.headers.set("From", "<sip:+13035551111@carrier.example;user=phone>");
    invite.headers.remove("Contact");
    bench.request(caller.flow, &invite);
    bench.expect_response(100);
    assert!(bench.events.pop_front().is_some());
    bench.command(Command::Answer { call: CallId(100) });
    let ok = bench.expect_response(200);
    let mut ack = caller.make(Method::Ack, Vec::new());
    for name in ["From", "To"] {
        ack.headers.set(name, ok.headers.first(name).unwrap());
    }
    bench.request(caller.flow, &ack);
    bench.command(Command::Hangup { leg: caller_leg() });
    let (_, bye) = bench.expect_request(Method::Bye);
    assert_eq!(bye.uri, "sip:+13035551111@carrier.example;user=phone");
    assert_eq!(bye.headers.first("To"), Some("<sip:+13035551111@carrier.example;user=phone>"));
    bench.response(caller.flow, &Response::reply_to(&bye, 200, "", None));
    bench.expect_nothing_left();
}

#[test]
fn options_for_a_scheme_that_is_not_ours_say_so() {
    for (uri, status) in
        [("soap.beep://192.0.2.103:3002", 416), ("nobodyKnowsThisScheme:x", 416), ("tel:+44", 200)]
    {
        let mut bench = Bench::new();
        let mut caller = Dialler::new();
        let mut options = caller.make(Method::Options, Vec::new());
        options.uri = uri.into();
        bench.request(caller.flow, &options);
        bench.expect_response(status);
    }
}

#[test]
fn without_ports_new_calls_are_told_to_come_back() {
    let mut bench = Bench::new();
    bench.media.ports_left = Some(0);
    let mut caller = Dialler::new();
    caller.invite(&mut bench);
    bench.expect_response(100);
    assert_eq!(bench.expect_response(503).headers.first("Retry-After"), Some("5"));
    bench.expect_no_event();
    bench.expect_nothing_left();
}

#[test]
fn requests_without_their_dialog_and_methods_we_lack_are_refused_politely() {
    let cases = [
        (Method::Bye, 481),
        (Method::Update, 481),
        (Method::Info, 481),
        (Method::Notify, 481),
        (Method::Message, 405),
        (Method::Subscribe, 489),
        (Method::Publish, 489),
        (Method::Refer, 603),
        (Method::Other("FROBNICATE".into()), 501),
        (Method::Options, 200),
    ];
    for (method, status) in cases {
        let mut bench = Bench::new();
        let mut stranger = Dialler::at("198.51.100.66:5060", "stranger");
        stranger.send(&mut bench, method, Vec::new());
        let refusal = bench.expect_response(status);
        // RFC 6665 §8.4: it may not be empty.
        let events = refusal.headers.first("Allow-Events");
        assert_eq!(events, (status == 489).then_some("refer"));
        bench.expect_nothing_left();
    }
}

#[test]
fn a_dialog_that_is_not_ours_does_not_exist() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    let to = caller.to.clone();
    caller.to = "<sip:4001@192.0.2.9>;tag=guessed".into();
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(481);
    (caller.to, caller.tag) = (to, "somebody-else".into());
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(481);
    assert_eq!(bench.core.counts().legs, 1);
    bench.expect_no_event();
}

#[test]
fn garbage_harms_nobody() {
    let mut bench = Bench::new();
    let from = udp("198.51.100.66:5060");
    for bytes in [
        &b"\r\n\r\n"[..],
        b"\0\xff\xfe",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"INVITE sip:x SIP/2.0\r\n",
        b"ACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n",
    ] {
        bench.bytes(from, bytes);
    }
    bench.expect_silence();
    bench.bytes(
        udp("203.0.113.7:5060"),
        b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\
          Call-ID: x\r\nCSeq: 1 INVITE\r\nMax-Forwards: many\r\n\r\n",
    );
    bench.expect_response(400);
    assert_eq!(bench.core.counts().malformed, 7);
    bench.expect_no_event();
    bench.expect_nothing_left();
}

#[test]
fn an_ack_out_of_nowhere_is_ignored() {
    let mut bench = Bench::new();
    let mut stranger = Dialler::new();
    stranger.to = "<sip:4001@192.0.2.9>;tag=x".into();
    stranger.send(&mut bench, Method::Ack, Vec::new());
    bench.expect_silence();
    bench.expect_nothing_left();
}

#[test]
fn options_that_require_the_unknown_say_so() {
    let mut bench = Bench::new();
    let mut stranger = Dialler::new();
    let mut options = stranger.make(Method::Options, Vec::new());
    options.headers.push("Require", "nothingSupportsThis");
    bench.request(stranger.flow, &options);
    let refused = bench.expect_response(420);
    assert_eq!(refused.headers.first("Unsupported"), Some("nothingSupportsThis"));
}

/// Bytes of honest messages, mangled: nothing may panic, leak or answer without end.
#[test]
fn mangled_messages_harm_nobody() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    let methods =
        [Method::Invite, Method::Update, Method::Info, Method::Options, Method::Register, Method::Ack];
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    let mut roll = |bound: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % bound as u64).unwrap()
    };
    for round in 0..4_000 {
        let request = caller.make(methods[round % methods.len()].clone(), sdp(40_000, 0, "sendrecv"));
        let mut bytes = holdfast::sip::codec::print_request(&request);
        for _ in 0..=roll(4) {
            let at = roll(bytes.len());
            match roll(4) {
                0 => bytes[at] = u8::try_from(roll(256)).unwrap(),
                1 => bytes.truncate(at.max(1)),
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"\r\n;,<>\"@:= "[roll(11)]),
            }
            if bytes.len() < 2 {
                break;
            }
        }
        bench.bytes(caller.flow, &bytes);
        assert!(bench.wire.len() <= 3, "{:#?}", bench.wire);
        bench.wire.clear();
        bench.events.clear();
    }
    let calls: Vec<_> = bench.media.open.keys().copied().collect();
    for leg in calls {
        bench.command(holdfast::engine::Command::Hangup { leg });
    }
    bench.expect_nothing_left();
}

/// What a stranger gets for a datagram: every message, and the bytes of the datagram.
fn stranger_gets(bench: &mut Bench, remote: &str, method: Method, to: &str) -> (Vec<usize>, usize) {
    let mut stranger = Dialler::at(remote, "stranger");
    stranger.to = to.into();
    let request = stranger.make(method, Vec::new());
    bench.request(stranger.flow, &request);
    let sizes = bench.wire.drain(..).map(|(_, message)| codec::print(&message).len()).collect();
    (sizes, codec::print_request(&request).len())
}

#[test]
fn a_stranger_gets_one_answer_not_much_larger_than_what_he_sent_and_leaves_no_trace() {
    let mut bench = Bench::new();
    let (somebody, within) = ("<sip:4001@192.0.2.9>", "<sip:4001@192.0.2.9>;tag=guessed");
    for (method, to) in [
        (Method::Invite, somebody),
        (Method::Register, somebody),
        (Method::Options, somebody),
        (Method::Message, somebody),
        (Method::Invite, within),
        (Method::Bye, within),
    ] {
        let (answers, size) = stranger_gets(&mut bench, "198.51.100.66:5060", method.clone(), to);
        assert!(
            matches!(answers.as_slice(), [answer] if answer * 2 <= size * 3),
            "{method} {to}: {answers:?} for {size}"
        );
        let counts = bench.core.counts();
        assert_eq!((counts.transactions.servers, counts.legs), (0, 0), "{method} {to}");
    }
    assert_eq!(bench.core.next_deadline(), None, "nothing is sent again");
}

#[test]
fn a_flood_of_forged_calls_leaves_room_for_the_genuine_ones() {
    let mut bench = Bench::new();
    for at in 0..25_000 {
        let remote = format!("198.51.100.{}:{}", at % 250 + 1, 1_024 + at);
        Dialler::at(&remote, &format!("forged-{at}")).invite(&mut bench);
        bench.wire.clear();
    }
    bench.expect_no_event();
    Dialler::established(&mut bench);
}

#[test]
fn where_two_challenges_would_be_too_much_one_is_sent() {
    let digests = vec![Algorithm::Sha256, Algorithm::Md5];
    let mut bench = Bench::with(SipSettings { digests, ..settings() });
    let mut phone = Dialler::at("198.51.100.66:5060", "stranger");
    let mut register = phone.make(Method::Register, Vec::new());
    bench.request(phone.flow, &register);
    let challenges =
        bench.expect_response(401).headers.all("WWW-Authenticate").map(str::to_owned).collect::<Vec<_>>();
    assert!(matches!(challenges.as_slice(), [one] if !one.contains("SHA-256")), "{challenges:?}");
    register.headers.push("User-Agent", "x".repeat(300));
    bench.request(phone.flow, &register);
    assert_eq!(bench.expect_response(401).headers.all("WWW-Authenticate").count(), 2);
}
