//! Those who show no password, and those who guess: how long there is patience, and that nobody is harmed in their name.

use crate::bench::{Bench, settings, udp};
use crate::peer::{Dialler, Phone};
use holdfast::sip::bouncer::BouncerRules;
use holdfast::sip::codec;
use holdfast::sip::flow::Flow;
use holdfast::sip::message::{Message, Method, Request, Response};
use holdfast::sip::overload::Newcomer;
use holdfast::sip::settings::SipSettings;
use holdfast::sip::source::Source;
use std::time::Duration;

const THIEF: &str = "198.51.100.66:5060";

fn bench() -> Bench {
    let rules = BouncerRules { strangers_per_second: 2, failures: 3, ..BouncerRules::default() };
    Bench::with(SipSettings { bouncer: rules, ..settings() })
}

/// One REGISTER with a password, after the challenge for it; what came of it, if it was answered at all.
fn guess(bench: &mut Bench, name: &str, remote: &str, password: &str, number: u32) -> Option<u16> {
    let mut phone = Phone::new(name, remote);
    phone.account.call_id = format!("{name}-{remote}-{number}");
    let mut request = phone.register_request(600);
    bench.request(phone.flow, &request);
    let challenge = status(bench)?;
    phone.account.cseq += 1;
    request.headers.set("CSeq", format!("{} REGISTER", phone.account.cseq));
    phone.authorize(&mut request, &challenge, password);
    bench.request(phone.flow, &request);
    status(bench).map(|response| response.status)
}

fn status(bench: &mut Bench) -> Option<Response> {
    match bench.wire.pop_front()? {
        (_, Message::Response(response)) => Some(response),
        (_, Message::Request(request)) => panic!("unexpected: {request:#?}"),
    }
}

fn banned(bench: &Bench) -> Vec<String> {
    bench.core.bans().map(|ban| ban.source.to_string()).collect()
}

#[test]
fn who_guesses_passwords_is_banned_even_if_he_guesses_right_in_the_end() {
    let mut bench = bench();
    for number in 0..3 {
        assert_eq!(guess(&mut bench, "anna", THIEF, "guess", number), Some(403));
    }
    assert_eq!(banned(&bench), ["198.51.100.66"]);
    assert_eq!(bench.shut_out, Some(vec![Source::of(udp(THIEF).remote.ip())]));
    let told = bench.notes.last().unwrap().to_string();
    assert!(told.contains("198.51.100.66: for 60 minutes nothing is taken"), "{told}");
    // The transport drops what comes next unread; what was read already is refused without a look at it.
    assert_eq!(guess(&mut bench, "anna", THIEF, "anna-secret", 9), Some(403));
    assert_eq!(bench.core.counts().refused.password, 4);
    // Nobody else pays for it.
    assert_eq!(guess(&mut bench, "anna", "198.51.100.1:5070", "anna-secret", 9), Some(200));
    bench.after(Duration::from_secs(3600));
    assert_eq!((banned(&bench).len(), bench.shut_out.clone()), (0, Some(vec![])));
    assert_eq!(guess(&mut bench, "anna", THIEF, "anna-secret", 10), Some(200));
}

#[test]
fn unknown_users_and_wrong_passwords_look_the_same_and_count_the_same() {
    let mut answers = Vec::new();
    for name in ["anna", "nobody-of-that-name"] {
        let mut bench = bench();
        let mut phone = Phone::new(name, THIEF);
        phone.account.call_id = "same".into();
        let mut request = phone.register_request(600);
        bench.request(phone.flow, &request);
        let challenge = status(&mut bench).unwrap();
        phone.authorize(&mut request, &challenge, "guess");
        bench.request(phone.flow, &request);
        let text = String::from_utf8(codec::print_response(&status(&mut bench).unwrap())).unwrap();
        answers.push(text.replace(name, "NAME"));
        assert_eq!(bench.core.counts().refused.password, 1, "{name}");
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn nobody_is_banned_in_a_phones_name_by_who_cannot_read_what_is_sent_there() {
    let mut bench = bench();
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    let remembered = bench.core.counts().transactions.servers;
    // The thief has a challenge of his own, and answers it, wrongly, from the phone's address.
    let mut forged = Phone::new("anna", THIEF);
    for number in 0..20 {
        forged.account.call_id = format!("forged-{number}");
        let mut request = forged.register_request(600);
        bench.request(udp(THIEF), &request);
        let Some(challenge) = status(&mut bench) else { continue };
        forged.authorize(&mut request, &challenge, "guess");
        bench.request(phone.flow, &request);
        let again = status(&mut bench).unwrap();
        assert_eq!(again.status, 401);
        assert!(again.headers.first("WWW-Authenticate").unwrap().contains("stale=true"));
    }
    assert_eq!((banned(&bench).len(), bench.core.counts().refused.password), (0, 0));
    assert_eq!(bench.core.counts().transactions.servers, remembered, "and nothing more is remembered");
}

#[test]
fn a_flood_in_a_registered_phones_name_does_not_silence_it() {
    let mut bench = bench();
    Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    let mut forged = Dialler::at("198.51.100.1:9999", "mallory");
    for number in 0..500 {
        forged.call_id = format!("forged-{number}");
        forged.invite(&mut bench);
    }
    bench.wire.clear();
    assert_eq!(guess(&mut bench, "anna", "198.51.100.1:5070", "anna-secret", 1), Some(200));
}

#[test]
fn a_stranger_is_answered_at_his_rate_whatever_he_sends() {
    for method in [Method::Options, Method::Invite, Method::Register, Method::Cancel, Method::Bye] {
        let mut bench = bench();
        let mut stranger = Dialler::at(THIEF, "mallory");
        for number in 0..200 {
            stranger.call_id = format!("call-{number}");
            stranger.send(&mut bench, method.clone(), Vec::new());
        }
        assert_eq!(bench.wire.len(), 20, "{method}");
        assert_eq!(bench.core.counts().refused.too_many, 180, "{method}");
        bench.wire.clear();
        bench.after(Duration::from_secs(1));
        for number in 0..200 {
            stranger.call_id = format!("more-{number}");
            stranger.send(&mut bench, method.clone(), Vec::new());
        }
        assert_eq!(bench.wire.len(), 2, "{method}");
    }
}

#[test]
fn a_nonce_is_no_pass_for_what_is_not_judged_by_a_password() {
    let mut bench = bench();
    let phone = Phone::new("anna", THIEF);
    let mut register = Phone::new("anna", THIEF).register_request(600);
    bench.request(phone.flow, &register);
    let challenge = status(&mut bench).unwrap();
    phone.authorize(&mut register, &challenge, "guess");
    let pass = register.headers.first("Authorization").unwrap().to_owned();
    let mut stranger = Dialler::at(THIEF, "mallory");
    for number in 0..200 {
        stranger.call_id = format!("call-{number}");
        let mut options = stranger.make(Method::Options, Vec::new());
        options.headers.push("Authorization", pass.clone());
        assert_eq!(bench.core.newcomer(&options, &stranger.flow), Newcomer::Stranger);
        bench.request(stranger.flow, &options);
    }
    assert_eq!(bench.wire.len(), 19, "the challenge was the twentieth answer");
    assert_eq!(bench.core.counts().transactions.servers, 0, "and nothing is remembered");
}

#[test]
fn who_answers_by_a_hash_that_was_not_offered_guesses() {
    let mut bench = bench();
    for number in 0..3 {
        let mut phone = Phone::new("anna", THIEF);
        phone.account.call_id = format!("call-{number}");
        let mut register = phone.register_request(600);
        bench.request(phone.flow, &register);
        let challenge = status(&mut bench).unwrap();
        phone.account.cseq += 1;
        register.headers.set("CSeq", format!("{} REGISTER", phone.account.cseq));
        phone.authorize(&mut register, &challenge, "anna-secret");
        let other = register.headers.first("Authorization").unwrap().replace("=MD5", "=SHA-256");
        register.headers.set("Authorization", other);
        bench.request(phone.flow, &register);
        assert_eq!(status(&mut bench).unwrap().status, 403);
    }
    assert_eq!(banned(&bench), ["198.51.100.66"]);
}

#[test]
fn a_trunk_is_not_limited_and_a_thief_in_its_network_gets_no_password_looked_at_while_its_calls_go_on() {
    let mut bench = bench();
    for number in 0..3 {
        assert_eq!(guess(&mut bench, "anna", "203.0.113.7:5062", "guess", number), Some(403));
    }
    assert_eq!((banned(&bench).len(), bench.shut_out.clone()), (1, Some(vec![])));
    assert_eq!(guess(&mut bench, "anna", "203.0.113.7:5062", "anna-secret", 9), Some(403));
    for number in 0..100 {
        let mut caller = Dialler::new();
        caller.call_id = format!("call-{number}");
        caller.invite(&mut bench);
        bench.expect_response(100);
        assert!(bench.events.pop_front().is_some());
    }
}

#[test]
fn a_ban_is_lifted_by_hand() {
    let mut bench = bench();
    for number in 0..3 {
        guess(&mut bench, "anna", THIEF, "guess", number);
    }
    assert!(bench.core.lift_ban(Source::of(udp(THIEF).remote.ip())));
    bench.tick();
    assert_eq!(bench.shut_out, Some(vec![]));
    assert_eq!(guess(&mut bench, "anna", THIEF, "anna-secret", 9), Some(200));
}

/// The bytes of a request in its shortest form, as only somebody would write it who wants a long answer for it.
fn terse(method: &str, more: &str) -> Vec<u8> {
    format!("{method} sip:h SIP/2.0\nv:SIP/2.0/UDP h;branch=z9hG4bK1\nf:<sip:a@b>;tag=1\nt:<sip:c@d>\ni:1\nCSeq:1 {method}\n{more}\n")
        .into_bytes()
}

#[test]
fn no_stranger_gets_an_answer_more_than_half_as_large_again_as_what_he_sent() {
    let bytes = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/torture-rfc4475");
        std::fs::read(format!("{folder}/{name}.dat")).unwrap()
    };
    let mut all = vec![
        terse("OPTIONS", ""),
        terse("INVITE", ""),
        terse("REGISTER", ""),
        terse("NONSENSE", ""),
        terse("BYE", ""),
        terse("CANCEL", ""),
        b"X sip:h SIP/2.0\nv:SIP/2.0/UDP h\n\n".to_vec(),
        b"X sip:h SIP/3.0\nv:SIP/2.0/UDP h\n\n".to_vec(),
        // What is no UTF-8 takes three times the room once it is read.
        [terse("OPTIONS", "")[..70].to_vec(), vec![0xff; 900], b"\n\n".to_vec()].concat(),
        terse("MESSAGE", &format!("b:{}\n", "x".repeat(400))),
    ];
    let torture =
        ["badinv01", "wsinv", "longreq", "ncl", "scalar02", "badvers", "mismatch01", "intmeth", "trws"];
    all.extend(torture.map(bytes));
    for sent in all {
        let mut bench = bench();
        bench.bytes(udp(THIEF), &sent);
        for (_, size) in bench.sizes.drain(..) {
            assert!(
                size * 2 <= sent.len() * 3,
                "{size} bytes for {}:\n{}",
                sent.len(),
                String::from_utf8_lossy(&sent)
            );
        }
    }
}

#[test]
fn a_request_of_usual_size_is_challenged_in_full() {
    let mut bench = bench();
    let mut stranger = Dialler::at(THIEF, "mallory");
    stranger.invite(&mut bench);
    bench.expect_response(401);
    // By a stream nobody else can be meant, so the shortest request is answered.
    let tcp = Flow {
        connection: Some(holdfast::sip::flow::ConnectionId(1)),
        ..Flow::tcp(udp(THIEF).local, udp(THIEF).remote)
    };
    bench.bytes(tcp, &terse("REGISTER", "l:0\n"));
    bench.expect_response(401);
}

/// The other methods that would have an effect: without a dialog and without a password they have none.
#[test]
fn nothing_a_stranger_sends_has_an_effect() {
    let methods = "INVITE REGISTER REFER SUBSCRIBE PUBLISH MESSAGE INFO UPDATE NOTIFY PRACK BYE CANCEL ACK OPTIONS FROB";
    for method in methods.split(' ').map(Method::from_token) {
        let mut bench = Bench::new();
        let mut stranger = Dialler::at(THIEF, "anna");
        let mut request: Request = stranger.make(method.clone(), Vec::new());
        request.headers.push("Refer-To", "<sip:+49301@192.0.2.9>");
        request.headers.push("Event", "refer");
        bench.request(stranger.flow, &request);
        bench.expect_no_event();
        let answered: Vec<_> =
            std::mem::take(&mut bench.wire).into_iter().map(|(_, message)| message).collect();
        assert!(
            answered.iter().all(|message| matches!(message, Message::Response(_))),
            "{method}: {answered:?}"
        );
        let counts = bench.core.counts();
        assert_eq!((counts.legs, counts.contacts, counts.transactions.servers), (0, 0, 0), "{method}");
    }
}
