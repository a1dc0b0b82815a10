//! The process is killed and another one takes over what was written down: dialogs go on, phones are known, what rang
//! is called off.

use crate::bench::{Bench, PATIENCE, agent_leg, caller_leg, carrier, settings};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::id::LegId;
use holdfast::engine::{Command, Event};
use holdfast::secret::Secret;
use holdfast::sip::auth::Login;
use holdfast::sip::message::{Message, Method, Request, Response};
use holdfast::sip::settings::{Route, SipSettings, Trunk};
use holdfast::sip::uri::Host;
use std::time::Duration;

const ASKED_FOR: Duration = Duration::from_secs(5);

fn resume(bench: &mut Bench, leg: LegId, near: Option<LegId>) -> Request {
    bench.command(Command::Resume { leg, near });
    bench.tick();
    bench.expect_request(Method::Invite).1
}

fn reply(bench: &mut Bench, caller: &Dialler, invite: &Request, status: u16) {
    let mut response = Response::reply_to(invite, status, "", None);
    response.headers.push("Contact", caller.contact.clone());
    if status == 200 {
        response.headers.push("Content-Type", "application/sdp");
        response.body = sdp(40_002, 0, "sendrecv");
    }
    bench.response(caller.flow, &response);
}

#[test]
fn caller_is_asked_in_his_dialog_with_a_higher_number_and_has_sound_again() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    let restored = bench.killed();
    assert_eq!(restored.legs, [caller_leg()]);
    let invite = resume(&mut bench, caller_leg(), None);
    assert_eq!(invite.headers.first("From").map(str::to_owned), Some(caller.to.clone()));
    assert_eq!(invite.headers.first("Call-ID"), Some("call-030123"));
    assert!(invite.headers.first("CSeq").unwrap().split(' ').next().unwrap().parse::<u32>().unwrap() > 1);
    let offer = String::from_utf8(invite.body.clone()).unwrap();
    assert!(
        offer.contains("m=audio") && offer.contains(" 0 ") && offer.contains(" 8"),
        "all we speak: {offer}"
    );
    reply(&mut bench, &caller, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::LegResumed { leg: caller_leg() });
    let stream = bench.media.open[&caller_leg()].expect("connected");
    assert_eq!(stream.remote.port(), 40_002);
    // What he asks from now on is answered as ever, and so is his BYE.
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(200);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.expect_nothing_left();
}

#[test]
fn killed_twice_it_asks_with_a_number_that_was_never_used() {
    let mut bench = Bench::new();
    Dialler::established(&mut bench);
    let number = |invite: &Request| -> u32 {
        invite.headers.first("CSeq").unwrap().split(' ').next().unwrap().parse().unwrap()
    };
    bench.killed();
    let first = resume(&mut bench, caller_leg(), None);
    bench.killed();
    let second = resume(&mut bench, caller_leg(), None);
    assert!(number(&second) > number(&first));
}

#[test]
fn who_knows_of_no_call_or_says_nothing_is_lost_and_told_goodbye() {
    for answered in [true, false] {
        let mut bench = Bench::new();
        let caller = Dialler::established(&mut bench);
        bench.killed();
        let invite = resume(&mut bench, caller_leg(), None);
        if answered {
            reply(&mut bench, &caller, &invite, 481);
            bench.expect_request(Method::Ack);
        } else {
            bench.after(ASKED_FOR);
            bench.wire.retain(|(_, message)| !format!("{message:?}").contains("Invite"));
        }
        bench.expect_request(Method::Bye);
        bench.expect_event(Event::LegLost { leg: caller_leg() });
        bench.expect_no_event();
        bench.wire.clear();
        bench.expect_nothing_left();
    }
}

#[test]
fn bye_that_was_repeated_while_nobody_was_there_is_answered_before_anybody_is_asked() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    bench.killed();
    bench.command(Command::Resume { leg: caller_leg(), near: None });
    caller.send(&mut bench, Method::Bye, Vec::new());
    bench.expect_response(200);
    bench.expect_event(Event::LegEnded { leg: caller_leg() });
    bench.tick();
    bench.expect_silence();
    bench.expect_nothing_left();
}

#[test]
fn when_both_ask_at_once_it_is_asked_again_in_a_moment() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    bench.killed();
    let invite = resume(&mut bench, caller_leg(), None);
    // RFC 3261 §14.2: we have an offer out.
    caller.send(&mut bench, Method::Invite, sdp(40_004, 0, "sendrecv"));
    bench.expect_response(100);
    bench.expect_response(491);
    caller.send(&mut bench, Method::Ack, Vec::new());
    reply(&mut bench, &caller, &invite, 491);
    bench.expect_request(Method::Ack);
    bench.after(Duration::from_millis(2_010));
    // Our 491 is repeated meanwhile.
    bench.wire.retain(|(_, message)| matches!(message, Message::Request(_)));
    let (_, again) = bench.expect_request(Method::Invite);
    bench.wire.clear();
    reply(&mut bench, &caller, &again, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::LegResumed { leg: caller_leg() });
}

#[test]
fn leg_that_nobody_wants_is_hung_up() {
    for told in [true, false] {
        let mut bench = Bench::new();
        Dialler::established(&mut bench);
        bench.killed();
        if told {
            bench.command(Command::Hangup { leg: caller_leg() });
        } else {
            bench.end_unclaimed();
        }
        bench.expect_request(Method::Bye);
        bench.expect_no_event();
        bench.wire.clear();
        bench.expect_nothing_left();
    }
}

#[test]
fn phone_that_rang_is_called_off_and_hung_up_if_it_was_answered_meanwhile() {
    for answered in [true, false] {
        let mut bench = Bench::new();
        let phone = Phone::registered(&mut bench, "anna", "198.51.100.7:5060");
        bench.offer(1, crate::bench::ANNA);
        let (_, invite) = bench.expect_request(Method::Invite);
        phone.says(&mut bench, &invite, 180);
        let restored = bench.killed();
        assert_eq!((restored.legs.len(), &restored.reachable[..]), (0, &[crate::bench::ANNA][..]));
        let (_, cancel) = bench.expect_request(Method::Cancel);
        assert_eq!(cancel.headers.first("Via"), invite.headers.first("Via"), "RFC 3261 §9.1");
        assert_eq!(cancel.headers.first("CSeq"), Some("1 CANCEL"));
        phone.says(&mut bench, &invite, if answered { 200 } else { 487 });
        bench.expect_request(Method::Ack);
        if answered {
            bench.expect_request(Method::Bye);
        }
        bench.expect_silence();
        assert!(bench.events.iter().all(|event| matches!(event, Event::AgentReachable { .. })));
    }
}

#[test]
fn agent_goes_on_beside_his_caller_and_his_phone_can_be_rung() {
    let mut bench = Bench::new();
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.7:5060");
    let caller = Dialler::established(&mut bench);
    bench.offer(1, crate::bench::ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    phone.says(&mut bench, &invite, 200);
    bench.wire.clear();
    bench.events.clear();
    let restored = bench.killed();
    assert_eq!(restored.legs, [caller_leg(), agent_leg()]);
    let asked = resume(&mut bench, caller_leg(), None);
    reply(&mut bench, &caller, &asked, 200);
    bench.wire.clear();
    let asked = resume(&mut bench, agent_leg(), Some(caller_leg()));
    assert_eq!(bench.media.near.last(), Some(&Some(caller_leg())));
    phone.says(&mut bench, &asked, 200);
    bench.expect_request(Method::Ack);
    assert!(bench.events.contains(&Event::LegResumed { leg: agent_leg() }));
    bench.offer(2, crate::bench::ANNA);
    let (flow, _) = bench.expect_request(Method::Invite);
    assert_eq!(flow, phone.flow, "by the way it had registered");
}

#[test]
fn registration_that_ended_meanwhile_is_not_restored() {
    let mut bench = Bench::new();
    Phone::registered(&mut bench, "anna", "198.51.100.7:5060");
    let standing = bench.core.standing();
    bench.now.mono = bench.now.mono + Duration::from_secs(601);
    let restored = bench.take_over(standing);
    assert!(restored.reachable.is_empty());
    assert_eq!(bench.core.counts().contacts, 0);
}

#[test]
fn several_hundred_are_asked_within_moments_and_in_order() {
    let mut bench = Bench::new();
    let mut standing = holdfast::sip::standing::Standing::default();
    Dialler::established(&mut bench);
    let one = bench.core.standing().legs.remove(0);
    for call in 0..800 {
        let mut leg = one.clone();
        leg.leg = LegId::Caller(holdfast::engine::id::CallId(1000 + call));
        leg.dialog.call_id = format!("call-{call}");
        standing.legs.push(leg);
    }
    let restored = bench.take_over(standing);
    for leg in restored.legs.iter().rev() {
        bench.command(Command::Resume { leg: *leg, near: None });
    }
    bench.after(Duration::from_millis(1_100));
    let mut asked = Vec::new();
    for (_, message) in bench.wire.drain(..) {
        let holdfast::sip::message::Message::Request(request) = message else { continue };
        let call_id = request.headers.first("Call-ID").unwrap().to_owned();
        if !asked.contains(&call_id) {
            asked.push(call_id);
        }
    }
    let wanted: Vec<_> = (0..800).rev().map(|call| format!("call-{call}")).collect();
    assert_eq!(asked, wanted);
    bench.after(PATIENCE);
    assert_eq!(bench.events.iter().filter(|event| matches!(event, Event::LegLost { .. })).count(), 800);
}

#[test]
fn what_changes_is_told_once_to_whoever_writes_it_down() {
    use holdfast::sip::standing::Change;
    let mut bench = Bench::new();
    bench.core.watch();
    Phone::registered(&mut bench, "anna", "198.51.100.7:5060");
    assert!(matches!(&bench.core.take_changes()[..], [Change::Contacts(one)] if one.contacts.len() == 1));
    let mut caller = Dialler::established(&mut bench);
    assert!(matches!(&bench.core.take_changes()[..], [Change::Leg(leg)] if leg.leg == caller_leg()));
    assert!(bench.core.take_changes().is_empty());
    caller.send(&mut bench, Method::Bye, Vec::new());
    assert_eq!(bench.core.take_changes(), [Change::LegGone(caller_leg())]);
}

/// The carrier wants us called by a name, and asks for our password.
fn particular() -> SipSettings {
    let login = Login {
        username: "acme".into(),
        realm: "carrier.example".into(),
        password: Secret::new("s3cret".to_owned()),
    };
    let route = Route {
        contact_host: Some(Host::parse("sbc.example.com").unwrap()),
        login: Some(login),
        ..Route::to(Host::parse("203.0.113.200").unwrap())
    };
    SipSettings { trunks: vec![Trunk { route: Some(route), ..carrier() }], ..settings() }
}

#[test]
fn a_trunk_is_asked_under_the_name_it_knows_us_by_and_told_who_asks() {
    let mut bench = Bench::with(particular());
    let caller = Dialler::established(&mut bench);
    bench.killed();
    let invite = resume(&mut bench, caller_leg(), None);
    assert_eq!(invite.headers.first("Contact"), Some("<sip:holdfast@sbc.example.com:5060>"));
    let mut asks = Response::reply_to(&invite, 407, "", None);
    asks.headers.push("Proxy-Authenticate", "Digest realm=\"carrier.example\", nonce=\"1\"");
    bench.response(caller.flow, &asks);
    bench.expect_request(Method::Ack);
    let (_, again) = bench.expect_request(Method::Invite);
    assert!(again.headers.first("Proxy-Authorization").unwrap().contains("username=\"acme\""));
    reply(&mut bench, &caller, &again, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::LegResumed { leg: caller_leg() });
    bench.expect_no_event();
}
