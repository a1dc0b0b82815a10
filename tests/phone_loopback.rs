//! Our own phones, calling each other: what they do wrong here they would blame on the engine later.

#[path = "support/phone.rs"]
mod support;

use holdfast::media::codec::g711::Law;
use holdfast::phone::{CallState, Ended, Phone, RegisterError, Side, Sound};
use std::net::UdpSocket;
use std::time::Duration;
use support::{connect, phone, ring, settings, until, within};

#[tokio::test]
async fn two_phones_hear_each_others_tone() {
    let (bob, anna) = (phone("bob").await, phone("anna").await);
    let (caller, callee) = connect(&bob, &anna).await;
    caller.say(Sound::Tone(440.0));
    callee.say(Sound::Tone(1_000.0));
    until("the callee hears 440 Hz", || callee.heard().tone_share(440.0) > 0.9).await;
    until("the caller hears 1000 Hz", || caller.heard().tone_share(1_000.0) > 0.9).await;
    assert!(callee.heard().tone_share(1_000.0) < 0.1, "no echo of one's own voice");
    assert_eq!((callee.heard().lost, callee.heard().late, callee.heard().strange), (0, 0, 0));
    until("a sender report came", || callee.heard().reports > 0).await;
    assert!(!callee.recording().is_empty());
}

#[tokio::test]
async fn phones_with_one_codec_each_agree_on_it_or_refuse() {
    let alaw = |account: &str| holdfast::phone::PhoneSettings { codecs: vec![Law::A], ..settings(account) };
    let (bob, anna) = (phone("bob").await, Phone::bind(alaw("anna")).await.unwrap());
    let (caller, callee) = connect(&bob, &anna).await;
    caller.say(Sound::Tone(440.0));
    until("A-law is understood", || callee.heard().tone_share(440.0) > 0.9).await;

    let ulaw = holdfast::phone::PhoneSettings { codecs: vec![Law::Mu], ..settings("carl") };
    let carl = Phone::bind(ulaw).await.unwrap();
    let refused = carl.call(&format!("sip:anna@{}", anna.address())).await.unwrap();
    let ended = within(refused.ended()).await;
    assert_eq!(ended, Ended { by: Side::There, status: Some(488) });
}

#[tokio::test]
async fn keys_arrive_in_order_each_once() {
    let (bob, anna) = (phone("bob").await, phone("anna").await);
    let (caller, callee) = connect(&bob, &anna).await;
    assert_eq!(caller.press("*1155#"), 6);
    until("all keys came", || callee.heard().digits.len() >= 6).await;
    assert_eq!(callee.heard().digits, "*1155#");
}

#[tokio::test]
async fn caller_and_callee_can_both_hang_up() {
    let (bob, anna) = (phone("bob").await, phone("anna").await);
    let (caller, callee) = connect(&bob, &anna).await;
    caller.hang_up();
    assert_eq!(within(callee.ended()).await, Ended { by: Side::There, status: None });
    assert_eq!(within(caller.ended()).await, Ended { by: Side::Here, status: None });

    let (caller, callee) = connect(&bob, &anna).await;
    drop(callee);
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: None });
}

#[tokio::test]
async fn a_ringing_call_can_be_cancelled() {
    let (bob, anna) = (phone("bob").await, phone("anna").await);
    let (caller, incoming) = ring(&bob, &anna).await;
    incoming.ring();
    let ringing = within(caller.until(|state| *state == CallState::Ringing)).await;
    assert_eq!(ringing, CallState::Ringing);
    caller.hang_up();
    assert_eq!(within(incoming.withdrawn()).await, Ended { by: Side::There, status: Some(487) });
    assert_eq!(within(caller.ended()).await, Ended { by: Side::Here, status: Some(487) });
}

#[tokio::test]
async fn a_declined_or_forgotten_call_ends_with_its_status() {
    let (bob, anna) = (phone("bob").await, phone("anna").await);
    let (caller, incoming) = ring(&bob, &anna).await;
    let declined = incoming.decline(486);
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: Some(486) });
    assert_eq!(within(declined.ended()).await, Ended { by: Side::Here, status: Some(486) });

    let (caller, incoming) = ring(&bob, &anna).await;
    drop(incoming);
    assert_eq!(within(caller.ended()).await, Ended { by: Side::There, status: Some(480) });
}

#[tokio::test]
async fn the_number_and_name_shown_are_the_callers() {
    let (trunk, anna) = (phone("trunk").await, phone("anna").await);
    let dial = holdfast::phone::Dial {
        target: format!("sip:anna@{}", anna.address()),
        number: Some("+49301234".into()),
        display: Some("Grete \"G\" Weiser".into()),
        sound: Sound::Silence,
    };
    let _call = trunk.dial(dial).await.unwrap();
    let incoming = within(anna.incoming()).await.unwrap();
    assert_eq!((incoming.number(), incoming.name()), ("+49301234", "Grete \"G\" Weiser"));
}

#[tokio::test]
async fn a_held_phone_hears_no_more_and_then_again() {
    let (bob, anna) = (phone("bob").await, phone("anna").await);
    let (caller, callee) = connect(&bob, &anna).await;
    callee.say(Sound::Tone(700.0));
    until("sound before", || caller.heard().tone_share(700.0) > 0.9).await;
    caller.hold(true);
    // The callee, told that nobody listens, stops sending: the count stands still for as long as ten packets take.
    let mut last = (caller.heard().packets, std::time::Instant::now());
    until("silence while held", || {
        let packets = caller.heard().packets;
        if packets != last.0 {
            last = (packets, std::time::Instant::now());
        }
        last.1.elapsed() > Duration::from_millis(200)
    })
    .await;
    caller.hold(false);
    until("sound after", || caller.heard().packets > last.0 + 10).await;
}

#[tokio::test]
async fn an_invite_nobody_answers_is_repeated_and_then_given_up() {
    let hole = UdpSocket::bind("127.0.0.1:0").unwrap();
    hole.set_read_timeout(Some(support::DEADLINE)).unwrap();
    let quick = holdfast::phone::PhoneSettings { t1: Duration::from_millis(10), ..settings("bob") };
    let bob = Phone::bind(quick).await.unwrap();
    let call = bob.call(&format!("sip:anna@{}", hole.local_addr().unwrap())).await.unwrap();
    assert_eq!(within(call.ended()).await, Ended { by: Side::Network, status: None });
    let mut datagram = [0; 4096];
    let mut invites = 0;
    hole.set_nonblocking(true).unwrap();
    while let Ok((length, _)) = hole.recv_from(&mut datagram) {
        assert!(datagram[..length].starts_with(b"INVITE sip:anna@"));
        invites += 1;
    }
    // RFC 3261 §17.1.1.2: at 0, 1, 3, 7, 15, 31 and 63 times T1, unless the machine slept through one.
    assert!((3..=7).contains(&invites), "{invites} transmissions");
}

#[tokio::test]
async fn a_200_is_repeated_until_its_ack() {
    let anna = phone("anna").await;
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.set_read_timeout(Some(support::DEADLINE)).unwrap();
    let local = caller.local_addr().unwrap();
    let head = |method: &str, to_tag: &str| {
        format!(
            "{method} sip:anna@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{method}\r\n\
             From: <sip:raw@{local}>;tag=1\r\nTo: <sip:anna@{to}>{to_tag}\r\nCall-ID: raw\r\n\
             CSeq: 1 {method}\r\nContact: <sip:raw@{local}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            to = anna.address()
        )
    };
    caller.send_to(head("INVITE", "").as_bytes(), anna.address()).unwrap();
    let call = within(anna.incoming()).await.unwrap().answer();
    let (ack, oks) = tokio::task::spawn_blocking({
        let caller = caller.try_clone().unwrap();
        let ack = head("ACK", ";tag=TAG");
        move || {
            let (mut oks, mut datagram) = (Vec::new(), [0; 4096]);
            while oks.len() < 3 {
                let length = caller.recv(&mut datagram).unwrap();
                let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
                oks.extend(text.starts_with("SIP/2.0 200").then_some(text));
            }
            let tag = oks[0].split("To: ").nth(1).unwrap().split("tag=").nth(1).unwrap();
            let tag = tag.split("\r\n").next().unwrap().to_owned();
            (ack.replace("TAG", &tag), oks)
        }
    })
    .await
    .unwrap();
    assert!(oks.iter().all(|ok| *ok == oks[0]), "a retransmission is the same message again");
    assert!(oks[0].contains("m=audio "), "an INVITE without an offer is answered with one");
    // With the ACK comes the answer to the offer; then the call may be ended with BYE.
    let answer = format!("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {} RTP/AVP 0\r\n", local.port());
    let ack = ack.replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()),
    );
    caller.send_to(ack.as_bytes(), anna.address()).unwrap();
    call.hang_up();
    let bye = tokio::task::spawn_blocking(move || {
        let mut datagram = [0; 4096];
        loop {
            let length = caller.recv(&mut datagram).unwrap();
            if datagram[..length].starts_with(b"BYE sip:raw@") {
                return true;
            }
        }
    });
    assert!(within(bye).await.unwrap());
}

#[tokio::test]
async fn a_registration_nobody_answers_fails_with_a_reason() {
    let hole = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut settings = settings("bob");
    (settings.server, settings.t1) = (hole.local_addr().unwrap(), Duration::from_millis(5));
    let bob = Phone::bind(settings).await.unwrap();
    let error = within(bob.register()).await.unwrap_err();
    assert!(matches!(error, RegisterError::Line(_)), "{error}");
    assert_eq!(error.to_string(), "no response");
}

#[tokio::test]
async fn rubbish_on_the_sip_port_disturbs_nobody() {
    let (bob, anna) = (phone("bob").await, phone("anna").await);
    let prankster = UdpSocket::bind("127.0.0.1:0").unwrap();
    for rubbish in [&b"\r\n\r\n"[..], b"", b"INVITE", b"SIP/2.0 200 OK\r\n\r\n", &[0xff; 1400]] {
        prankster.send_to(rubbish, anna.address()).unwrap();
    }
    let (_caller, _callee) = connect(&bob, &anna).await;
}
