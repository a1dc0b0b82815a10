//! REFER inside a call: who may ask for a call to be passed on, what the engine is asked, what the phone is told.

use crate::bench::{ANNA, Bench, agent_leg, caller_leg};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::event::OfferFailure;
use holdfast::engine::id::{AgentId, CallId, LegId, OfferId};
use holdfast::engine::talk::TransferStep;
use holdfast::engine::{Command, Event};
use holdfast::sip::message::{Method, Request};

/// Anna's phone is in a call with the caller.
fn talking() -> (Bench, Dialler, Phone, Request) {
    let mut bench = Bench::new();
    let caller = Dialler::established(&mut bench);
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    phone.says(&mut bench, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OfferId(1) });
    (bench, caller, phone, invite)
}

fn refer(phone: &Phone, invite: &Request, number: u32, to: &str) -> Request {
    let mut request = phone.request(invite, Method::Refer, number, Vec::new());
    request.headers.push("Refer-To", to);
    request
}

fn asked(to: &str) -> Event {
    Event::TransferAsked { leg: agent_leg(), to: to.into(), replaces: None }
}

/// What the phone is told next, and whether that is the last word.
#[track_caller]
fn told(bench: &mut Bench, phone: &Phone) -> (String, bool) {
    let (flow, notify) = bench.expect_request(Method::Notify);
    assert_eq!(flow, phone.flow);
    assert_eq!(notify.headers.first("Event"), Some("refer;id=7"));
    assert_eq!(notify.headers.first("Content-Type"), Some("message/sipfrag;version=2.0"));
    phone.says(bench, &notify, 202);
    let last = notify.headers.first("Subscription-State").unwrap().starts_with("terminated");
    (String::from_utf8(notify.body).unwrap(), last)
}

fn step(bench: &mut Bench, step: TransferStep) {
    bench.command(Command::TransferTold { leg: agent_leg(), step });
}

#[test]
fn an_agents_phone_is_told_how_its_transfer_goes_until_its_end() {
    let (mut bench, _, phone, invite) = talking();
    bench.request(phone.flow, &refer(&phone, &invite, 7, "<sip:bert@192.0.2.9>"));
    assert!(bench.expect_response(202).headers.first("Contact").is_some());
    bench.expect_event(asked("bert"));
    step(&mut bench, TransferStep::Trying);
    assert_eq!(told(&mut bench, &phone), ("SIP/2.0 100 Trying\r\n".into(), false));
    step(&mut bench, TransferStep::Failed(OfferFailure::Busy));
    assert_eq!(told(&mut bench, &phone), ("SIP/2.0 486 Busy Here\r\n".into(), true));
    step(&mut bench, TransferStep::Done);
    bench.expect_silence();
}

#[test]
fn a_phone_that_does_not_care_is_not_told() {
    let (mut bench, _, phone, invite) = talking();
    let mut request = refer(&phone, &invite, 7, "<tel:+49-30-123>");
    request.headers.push("Refer-Sub", "false");
    bench.request(phone.flow, &request);
    assert_eq!(bench.expect_response(202).headers.first("Refer-Sub"), Some("false"));
    bench.expect_event(asked("+4930123"));
    step(&mut bench, TransferStep::Trying);
    step(&mut bench, TransferStep::Done);
    bench.expect_silence();
}

#[test]
fn a_caller_from_a_trunk_may_not_pass_himself_on() {
    let (mut bench, mut caller, ..) = talking();
    let mut request = caller.make(Method::Refer, Vec::new());
    request.headers.push("Refer-To", "<sip:+900123@192.0.2.9>");
    bench.request(caller.flow, &request);
    bench.expect_response(403);
    bench.expect_no_event();
    assert!(bench.notes.iter().any(|note| note.to_string().contains("only phones of our own")));
}

#[test]
fn whoever_is_named_elsewhere_or_not_at_all_is_not_called() {
    for (to, status) in [
        ("<sip:bert@203.0.113.99>", 403),
        ("<http://example.com>", 416),
        ("<sip:bert@192.0.2.9;method=BYE>", 416),
        ("<sip:bert@192.0.2.9>, <sip:anna@192.0.2.9>", 400),
        ("<sip:bert@192.0.2.9?Replaces=nothing>", 400),
        ("<<", 400),
    ] {
        let (mut bench, _, phone, invite) = talking();
        bench.request(phone.flow, &refer(&phone, &invite, 7, to));
        bench.expect_response(status);
        bench.expect_no_event();
    }
    let (mut bench, _, phone, invite) = talking();
    bench.request(phone.flow, &phone.request(&invite, Method::Refer, 7, Vec::new()));
    bench.expect_response(400);
}

#[test]
fn one_transfer_at_a_time() {
    let (mut bench, _, phone, invite) = talking();
    bench.request(phone.flow, &refer(&phone, &invite, 7, "<sip:bert@192.0.2.9>"));
    bench.expect_response(202);
    bench.request(phone.flow, &refer(&phone, &invite, 8, "<sip:bert@192.0.2.9>"));
    bench.expect_response(491);
}

/// Anna calls somebody herself, on her second line.
fn second_line(bench: &mut Bench, user: &str, remote: &str) -> Dialler {
    let mut line = Dialler::at(remote, user);
    line.call_id = format!("own call of {user}@{remote}").replace(' ', "-");
    line.tag = "second".into();
    let invite = line.invite(bench);
    let challenge = bench.expect_response(401);
    let mut again = invite;
    line.cseq += 1;
    again.headers.set("CSeq", format!("{} INVITE", line.cseq));
    Phone::new(user, remote).authorize(&mut again, &challenge, &format!("{user}-secret"));
    bench.request(line.flow, &again);
    bench.expect_response(100);
    assert!(matches!(bench.events.pop_front(), Some(Event::CallArrived { agent: Some(_), .. })));
    bench.command(Command::Ring { call: CallId(101) });
    let ringing = bench.expect_response(180);
    assert!(ringing.body.is_empty());
    bench.command(Command::CallAgent {
        offer: OfferId(9),
        call: CallId(101),
        agent: AgentId(1),
        caller: holdfast::engine::event::Caller {
            number: user.into(),
            name: "Anna".into(),
            ..holdfast::engine::event::Caller::default()
        },
    });
    assert!(matches!(bench.events.pop_front(), Some(Event::OfferFailed { .. })), "bert has no phone here");
    bench.command(Command::Answer { call: CallId(101) });
    line.learn(&bench.expect_response(200));
    line.send(bench, Method::Ack, Vec::new());
    line
}

fn replaces(line: &Dialler, swapped: bool) -> String {
    let ours = line.to.split("tag=").nth(1).unwrap();
    let (to, from) = if swapped { (line.tag.as_str(), ours) } else { (ours, line.tag.as_str()) };
    let call_id = line.call_id.replace('@', "%40");
    format!("<sip:bert@192.0.2.9?Replaces={call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}>")
}

#[test]
fn a_phone_joins_two_of_its_calls_whichever_way_it_writes_the_tags() {
    for swapped in [false, true] {
        let (mut bench, _, phone, invite) = talking();
        let line = second_line(&mut bench, "anna", "198.51.100.1:5070");
        bench.request(phone.flow, &refer(&phone, &invite, 7, &replaces(&line, swapped)));
        bench.expect_response(202);
        bench.expect_event(Event::TransferAsked {
            leg: agent_leg(),
            to: String::new(),
            replaces: Some(LegId::Caller(CallId(101))),
        });
    }
}

#[test]
fn nobody_joins_calls_of_somebody_else() {
    let (mut bench, caller, phone, invite) = talking();
    // The caller's own dialog with us.
    bench.request(phone.flow, &refer(&phone, &invite, 7, &replaces(&caller, false)));
    bench.expect_response(202);
    assert_eq!(told(&mut bench, &phone), ("SIP/2.0 403 Forbidden\r\n".into(), true));
    bench.expect_no_event();
    // And no INVITE takes a call away by naming it.
    let mut thief = Dialler::at("203.0.113.8:5060", "mallory");
    let mut request = thief.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    let ours = caller.to.split("tag=").nth(1).unwrap();
    let header = format!("{};to-tag={ours};from-tag={}", caller.call_id, caller.tag);
    request.headers.push("Replaces", header);
    bench.request(thief.flow, &request);
    bench.expect_response(100);
    bench.expect_response(603);
    assert!(bench.media.open.contains_key(&caller_leg()));
}
