//! The shipped presets against the messages of their providers: how each writes an INVITE, asks for a password, and answers
//! OPTIONS.

use crate::bench::{Bench, settings};
use holdfast::config::Config;
use holdfast::engine::event::Caller;
use holdfast::engine::id::{CallId, OfferId};
use holdfast::engine::{Command, Event};
use holdfast::sip::flow::{Flow, Transport, TrunkId};
use holdfast::sip::message::{Message, Method, Request, Response};
use holdfast::sip::settings::{Listener, SipSettings};
use holdfast::sip::trunk::locate::Server;
use holdfast::sip::trunk::order::Rank;
use holdfast::sip::uri::Host;
use std::net::SocketAddr;

const SDP: &str = "v=0\r\no=root 1 1 IN IP4 198.18.0.7\r\ns=-\r\nc=IN IP4 198.18.0.7\r\nt=0 0\r\n\
    m=audio 16000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

/// The shipped file, once the operator has put his own passwords in place of the placeholders: without, it is refused.
fn preset(name: &str) -> Config {
    let path = format!("{}/config/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let refused = Config::from_str(name, &text).unwrap_err();
    assert!(refused.problems.iter().all(|it| it.message.contains("is still \"change-me\"")), "{refused}");
    let config =
        Config::from_str(name, &text.replace("change-me", "s3cret")).unwrap_or_else(|it| panic!("{it}"));
    assert!(config.warnings.is_empty(), "{:#?}", config.warnings);
    config
}

/// The signalling of a preset; nothing is due yet.
fn bench(config: &Config) -> Bench {
    let (trunks, dial) = (config.sip.trunks.clone(), config.sip.dial.clone());
    Bench::with(SipSettings { trunks, dial, ..settings() })
}

fn flow(transport: Transport, remote: &str) -> Flow {
    Flow::new(transport, "192.0.2.9:5060".parse().unwrap(), remote.parse().unwrap())
}

/// What DNS says of a trunk.
fn found(bench: &mut Bench, trunk: usize, transport: Transport, addresses: &[&str]) {
    let server = |(priority, address): (u16, &&str)| Server {
        transport,
        address: address.parse::<SocketAddr>().unwrap(),
        rank: Rank { priority, weight: 0 },
    };
    let servers: Vec<_> = (0..).zip(addresses).map(server).collect();
    bench.core.servers_found(bench.now, TrunkId(trunk), &servers);
    bench.tick();
}

/// A message as it stands on the wire, its body added.
fn invite(head: &str) -> Vec<u8> {
    let head = head.trim().lines().map(str::trim).collect::<Vec<_>>().join("\r\n");
    format!("{head}\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len())
        .into_bytes()
}

#[track_caller]
fn arrives(bench: &mut Bench, from: Flow, message: &[u8]) -> (String, Caller) {
    bench.wire.clear();
    bench.bytes(from, message);
    bench.expect_response(100);
    match bench.events.pop_front() {
        Some(Event::CallArrived { dialled, caller, agent: None, .. }) => (dialled, caller),
        other => panic!("{other:#?}"),
    }
}

fn answers(bench: &mut Bench, flow: Flow, request: &Request, status: u16, headers: &[(&str, &str)]) {
    let mut response = Response::reply_to(request, status, "", Some("provider"));
    for (name, value) in headers {
        response.headers.push(name, *value);
    }
    bench.response(flow, &response);
}

fn dial(bench: &mut Bench, number: &str) {
    let caller = Caller { number: "+4915550123".into(), name: "Jane".into(), ..Caller::default() };
    bench.command(Command::Dial { offer: OfferId(1), call: CallId(1), number: number.into(), caller });
}

#[track_caller]
fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.first(name).unwrap_or_else(|| panic!("no {name}: {request:#?}"))
}

/// Every OPTIONS that went out is answered so.
fn options(bench: &mut Bench, status: u16) -> Vec<Request> {
    let mut asked = Vec::new();
    while let Some((flow, message)) = bench.wire.pop_front() {
        let Message::Request(request) = message else { panic!("{message:?}") };
        assert_eq!(request.method, Method::Options);
        answers(bench, flow, &request, status, &[]);
        asked.push(request);
    }
    asked
}

#[test]
fn twilio_calls_from_its_networks_in_e164_and_is_called_with_our_account() {
    let mut bench = bench(&preset("twilio"));
    let message = invite(
        "INVITE sip:+12125550100@203.0.113.5:5060;transport=udp SIP/2.0
         Record-Route: <sip:54.172.60.1:5060;lr;ftag=86013518>
         Via: SIP/2.0/UDP 54.172.60.1:5060;branch=z9hG4bKf2c1.1;cgw=sip
         Via: SIP/2.0/UDP 172.18.1.23:5060;received=172.18.1.23;branch=z9hG4bK0a;rport=5060
         Max-Forwards: 66
         From: <sip:+14155550123@acme.pstn.twilio.com>;tag=86013518_6772d868
         To: <sip:+12125550100@203.0.113.5:5060;transport=udp>
         CSeq: 7 INVITE
         Call-ID: 2f0f8bb2d1e2e1bd@0.0.0.0
         P-Asserted-Identity: <sip:+14155550123@206.147.72.31:5060>
         Diversion: <sip:+12125550100@public-vip.us1.twilio.com>;reason=unconditional
         Contact: <sip:+14155550123@172.18.1.23:5060;transport=udp>
         User-Agent: Twilio Gateway
         X-Twilio-AccountSid: AC0000
         X-Twilio-CallSid: CA0000
         Allow: INVITE,ACK,CANCEL,OPTIONS,BYE",
    );
    let udp = |remote| flow(Transport::Udp, remote);
    let (dialled, caller) = arrives(&mut bench, udp("54.172.60.1:5060"), &message);
    assert_eq!((dialled.as_str(), caller.number.as_str()), ("+12125550100", "+14155550123"));
    // The same from beside its network is a stranger's.
    let stranger =
        String::from_utf8(message).unwrap().replace("2f0f8bb2", "beef").replace("f2c1.1", "f2c1.2");
    bench.bytes(udp("54.172.60.4:5060"), stranger.as_bytes());
    bench.expect_response(401);
    found(&mut bench, 0, Transport::Udp, &["54.172.60.0:5060", "54.172.60.1:5060"]);
    assert_eq!(options(&mut bench, 200).len(), 2);
    dial(&mut bench, "+1 646 555 0199");
    let (to, first) = bench.expect_request(Method::Invite);
    assert_eq!((to, first.uri.as_str()), (udp("54.172.60.0:5060"), "sip:+16465550199@acme.pstn.twilio.com"));
    assert!(header(&first, "From").contains("<sip:+12125550100@"), "only a number of ours may be shown");
    let challenge = "Digest realm=\"sip.twilio.com\",qop=\"auth\",nonce=\"ZFx3\",opaque=\"ab1\"";
    answers(&mut bench, to, &first, 407, &[("Proxy-Authenticate", challenge)]);
    bench.expect_request(Method::Ack);
    let (_, second) = bench.expect_request(Method::Invite);
    let answer = header(&second, "Proxy-Authorization");
    assert!(answer.contains("username=\"acme\"") && answer.contains("opaque=\"ab1\""), "{answer}");
    dial(&mut bench, "+1 900 555 0199");
    bench.expect_silence();
}

#[test]
fn telnyx_is_registered_at_and_calls_the_registered_contact() {
    let mut bench = bench(&preset("telnyx"));
    let servers = ["192.76.120.10:5060", "64.16.250.10:5060"];
    found(&mut bench, 0, Transport::Udp, &servers);
    let is_register = |message: &(Flow, Message)| matches!(&message.1, Message::Request(it) if it.method == Method::Register);
    let at = bench.wire.iter().position(is_register).unwrap();
    let (to, Message::Request(first)) = bench.wire.remove(at).unwrap() else { panic!() };
    assert_eq!(options(&mut bench, 200).len(), 2, "one for each server");
    assert_eq!((to.remote.to_string().as_str(), first.uri.as_str()), (servers[0], "sip:sip.telnyx.com"));
    let challenge = "Digest realm=\"sip.telnyx.com\", nonce=\"Zz5\", qop=\"auth\"";
    answers(&mut bench, to, &first, 401, &[("WWW-Authenticate", challenge)]);
    let (_, second) = bench.expect_request(Method::Register);
    let contact = header(&second, "Contact").to_owned();
    let granted = format!("{contact};expires=600");
    answers(&mut bench, to, &second, 200, &[("Contact", &granted)]);
    assert_eq!(bench.core.trunk_pictures(bench.now)[0].1.registered, Some(true));
    // Either server of the region calls the contact; the number is in To.
    let contact = contact.trim_matches(['<', '>']);
    let message = invite(&format!(
        "INVITE {contact} SIP/2.0
         Record-Route: <sip:10.13.0.5;r2=on;lr;ftag=a>, <sip:64.16.250.10;r2=on;lr;ftag=a>
         Via: SIP/2.0/UDP 64.16.250.10;branch=z9hG4bK5c.0
         Max-Forwards: 61
         From: \"14155550123\" <sip:+14155550123@sip.telnyx.com>;tag=a
         To: <sip:+12125550100@sip.telnyx.com>
         Call-ID: 7f0c
         CSeq: 1 INVITE
         Contact: <sip:+14155550123@10.13.0.7:6000>
         P-Asserted-Identity: <sip:+14155550123@sip.telnyx.com>"
    ));
    let (dialled, caller) = arrives(&mut bench, flow(Transport::Udp, servers[1]), &message);
    assert_eq!((dialled.as_str(), caller.number.as_str()), ("+12125550100", "+14155550123"));
}

#[test]
fn a_plain_carrier_writes_numbers_as_people_dial_them_and_another_helps_out() {
    let mut bench = bench(&preset("carrier"));
    let message = |to: &str, more: &str| {
        let head = format!(
            "INVITE sip:{to}@203.0.113.5;user=phone SIP/2.0
             Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{to}{0}
             Max-Forwards: 70
             From: <sip:anonymous@anonymous.invalid>;tag=1
             To: <tel:{to}>
             Call-ID: {to}{0}
             CSeq: 1 INVITE
             Contact: <sip:198.51.100.7:5060>
             {more}",
            more.len()
        );
        invite(&head)
    };
    let from = flow(Transport::Udp, "198.51.100.7:5060");
    let asserted =
        "P-Asserted-Identity: \"Weiser\" <sip:004317654321@carrier.example;user=phone>, <tel:+4317654321>";
    let (dialled, caller) = arrives(&mut bench, from, &message("0305550100", asserted));
    assert_eq!(dialled, "+49305550100");
    assert_eq!(caller, Caller { number: "+4317654321".into(), name: "Weiser".into(), ..Caller::default() });
    let withheld = format!("{asserted}\nPrivacy: id");
    let (_, caller) = arrives(&mut bench, from, &message("0305550100", &withheld));
    assert_eq!(caller, Caller::default(), "who wants to stay unknown does");
    let diverted = "Diversion: <sip:0305550100@carrier.example>;reason=no-answer;counter=1, <sip:0405550199@carrier.example>;reason=unconditional";
    let (dialled, caller) = arrives(&mut bench, from, &message("0305550100", diverted));
    assert_eq!(dialled, "+49405550199", "the number he dialled first, in Hamburg");
    assert_eq!(caller.diverted_from.as_deref(), Some("+49405550199"));
    // The first carrier's name leads nowhere yet: the second helps out, in its own way of writing.
    bench.tick();
    options(&mut bench, 404);
    dial(&mut bench, "+49 89 5550111");
    let (to, invite) = bench.expect_request(Method::Invite);
    assert_eq!(
        (to.remote.to_string().as_str(), invite.uri.as_str()),
        ("203.0.113.65:5060", "sip:49895550111@203.0.113.65")
    );
    bench.command(Command::CancelOffer { offer: OfferId(1), answered_elsewhere: false });
    found(&mut bench, 0, Transport::Udp, &["198.51.100.20:5060"]);
    options(&mut bench, 200);
    dial(&mut bench, "+43 1 5550111");
    let (_, invite) = bench.expect_request(Method::Invite);
    assert_eq!(invite.uri, "sip:004315550111@sip.carrier.example");
}

#[test]
fn teams_is_asked_first_by_name_over_tls_and_calls_with_a_tel_identity_and_encrypted_audio() {
    let config = preset("teams");
    let name = Some(Host::parse("sbc.example.com").unwrap());
    let here: SocketAddr = "192.0.2.9:5061".parse().unwrap();
    let listener = Listener { transport: Transport::Tls, bound: here, advertised: here, name };
    let listeners = settings().listeners.into_iter().chain([listener]).collect();
    let (trunks, dial_policy) = (config.sip.trunks.clone(), config.sip.dial.clone());
    let mut bench = Bench::with(SipSettings { trunks, dial: dial_policy, listeners, ..settings() });
    for (trunk, address) in
        ["52.114.148.0:5061", "52.114.132.46:5061", "52.114.75.24:5061"].iter().enumerate()
    {
        found(&mut bench, trunk, Transport::Tls, &[address]);
    }
    let asked = options(&mut bench, 200);
    let first = &asked[0];
    assert_eq!((asked.len(), first.uri.as_str()), (3, "sip:sip.pstnhub.microsoft.com:5061;transport=tls"));
    assert_eq!(header(first, "Contact"), "<sip:sbc.example.com:5061;transport=tls>");
    assert!(
        header(first, "From").starts_with("<sip:sbc.example.com:5061>;tag="),
        "{}",
        header(first, "From")
    );
    let from = Flow { local: here, ..flow(Transport::Tls, "52.114.148.0:5061") };
    let offer = SDP.replace("RTP/AVP", "RTP/SAVP")
        + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^31\r\n";
    let message = invite(
        "INVITE sip:+12125550100@sbc.example.com:5061;user=phone;transport=tls SIP/2.0
         Via: SIP/2.0/TLS 52.114.148.0:5061;branch=z9hG4bKe8d6
         Record-Route: <sip:sip-du-a-us.pstnhub.microsoft.com:5061;transport=tls;lr>
         Max-Forwards: 70
         From: \"Alice\" <sip:+14255550123@sip.pstnhub.microsoft.com:5061;user=phone>;tag=c70d
         To: <sip:+12125550100@sbc.example.com:5061;user=phone>
         Call-ID: 14e5d5f3
         CSeq: 1 INVITE
         Contact: <sip:api-du-a-usea.pstnhub.microsoft.com:443;x-i=14e5>
         P-Asserted-Identity: <tel:+14255550123>, <sip:alice@contoso.example>
         Supported: timer
         Session-Expires: 1800;refresher=uac
         Min-SE: 300",
    );
    let message = String::from_utf8(message).unwrap().replace(SDP, &offer);
    let message = message
        .replace(&format!("Content-Length: {}", SDP.len()), &format!("Content-Length: {}", offer.len()));
    let (dialled, caller) = arrives(&mut bench, from, message.as_bytes());
    assert_eq!((dialled.as_str(), caller.number.as_str()), ("+12125550100", "+14255550123"));
    bench.command(Command::Answer { call: CallId(100) });
    let ok = bench.expect_response(200);
    assert_eq!(ok.headers.first("Contact"), Some("<sip:holdfast@sbc.example.com:5061;transport=tls>"));
    assert!(String::from_utf8(ok.body).unwrap().contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"));
    dial(&mut bench, "+1 212 555 0142");
    let (to, call) = bench.expect_request(Method::Invite);
    assert_eq!(to.transport, Transport::Tls);
    assert_eq!(to.trunk, Some(TrunkId(0)), "whose name the certificate must bear");
    assert_eq!(header(&call, "Contact"), "<sip:holdfast@sbc.example.com:5061;transport=tls>");
    assert!(!format!("{call:?}").contains("sips:") && call.headers.first("Replaces").is_none());
    assert!(!call.headers.has_token("Supported", "replaces"));
}
