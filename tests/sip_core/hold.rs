//! Hold: each side may put us on hold and come back, in every way the field does it, and the engine is told of each
//! change once.

use crate::bench::{ANNA, Bench, PATIENCE, agent_leg, caller_leg};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::id::{CallId, OfferId};
use holdfast::engine::{Command, Event};
use holdfast::media::Direction;
use holdfast::sip::message::{Message, Method, Request};

fn caller_held(held: bool) -> Event {
    Event::LegHeld { leg: caller_leg(), held }
}

fn agent_held(held: bool) -> Event {
    Event::LegHeld { leg: agent_leg(), held }
}

/// The hold of RFC 2543: an address to which nothing can be sent.
fn nowhere(port: u16) -> Vec<u8> {
    String::from_utf8(sdp(port, 0, "sendrecv"))
        .unwrap()
        .replace("c=IN IP4 198.51.100.1", "c=IN IP4 0.0.0.0")
        .into_bytes()
}

/// Sends a re-INVITE with this description and acknowledges the answer; what we answered.
fn reinvite(bench: &mut Bench, caller: &mut Dialler, body: Vec<u8>) -> String {
    caller.send(bench, Method::Invite, body);
    bench.expect_response(100);
    let answer = bench.expect_response(200);
    caller.send(bench, Method::Ack, Vec::new());
    String::from_utf8(answer.body).unwrap()
}

/// Anna talks to the caller.
fn talking(bench: &mut Bench) -> (Dialler, Phone, Request) {
    let caller = Dialler::established(bench);
    let phone = Phone::registered(bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    phone.says(bench, &invite, 200);
    bench.expect_request(Method::Ack);
    bench.expect_event(Event::OfferAnswered { offer: OfferId(1) });
    bench.expect_no_event();
    (caller, phone, invite)
}

/// What we answer to each of these descriptions of the agent's phone.
fn agent_says(bench: &mut Bench, phone: &Phone, invite: &Request, number: u32, body: Vec<u8>) -> String {
    bench.request(phone.flow, &phone.request(invite, Method::Invite, number, body));
    bench.expect_response(100);
    let answer = bench.expect_response(200);
    bench.request(phone.flow, &phone.request(invite, Method::Ack, number, Vec::new()));
    String::from_utf8(answer.body).unwrap()
}

#[test]
fn an_agent_holds_and_resumes_and_the_engine_hears_of_each_once() {
    let mut bench = Bench::new();
    let (_, phone, invite) = talking(&mut bench);
    let answer = agent_says(&mut bench, &phone, &invite, 1, sdp(50_000, 8, "sendonly"));
    assert!(answer.contains("a=recvonly"), "{answer}");
    bench.expect_event(agent_held(true));
    assert_eq!(bench.media.open[&agent_leg()].unwrap().direction, Direction::RecvOnly);
    // A refresh while he holds, and another way to say the same.
    agent_says(&mut bench, &phone, &invite, 2, sdp(50_000, 8, "sendonly"));
    agent_says(&mut bench, &phone, &invite, 3, sdp(50_000, 8, "inactive"));
    bench.expect_no_event();
    let answer = agent_says(&mut bench, &phone, &invite, 4, sdp(50_000, 8, "sendrecv"));
    assert!(answer.contains("a=sendrecv"), "{answer}");
    bench.expect_event(agent_held(false));
    bench.expect_no_event();
    assert_eq!(bench.media.open[&agent_leg()].unwrap().direction, Direction::SendRecv);
}

#[test]
fn every_way_to_hold_is_understood() {
    for (held, answered) in [
        (sdp(40_000, 0, "sendonly"), "a=recvonly"),
        (sdp(40_000, 0, "inactive"), "a=inactive"),
        (nowhere(40_000), "a=recvonly"),
    ] {
        let mut bench = Bench::new();
        let mut caller = Dialler::established(&mut bench);
        let answer = reinvite(&mut bench, &mut caller, held);
        assert!(answer.contains(answered), "{answer}");
        bench.expect_event(caller_held(true));
        reinvite(&mut bench, &mut caller, sdp(40_000, 0, "sendrecv"));
        bench.expect_event(caller_held(false));
        bench.expect_no_event();
    }
}

#[test]
fn who_only_listens_does_not_hold_us() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    let answer = reinvite(&mut bench, &mut caller, sdp(40_000, 0, "recvonly"));
    assert!(answer.contains("a=sendonly"), "{answer}");
    bench.expect_no_event();
}

#[test]
fn a_hold_by_update_and_one_by_our_own_offer_count_too() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    caller.send(&mut bench, Method::Update, sdp(40_000, 0, "sendonly"));
    bench.expect_response(200);
    bench.expect_event(caller_held(true));
    // An INVITE without a description asks for ours; the answer to it comes with the ACK.
    caller.send(&mut bench, Method::Invite, Vec::new());
    bench.expect_response(100);
    let offer = bench.expect_response(200);
    assert!(String::from_utf8_lossy(&offer.body).contains("a=sendrecv"), "we hold nobody");
    bench.expect_no_event();
    caller.send(&mut bench, Method::Ack, sdp(40_000, 0, "sendrecv"));
    bench.expect_event(caller_held(false));
}

#[test]
fn a_hold_we_cannot_take_changes_nothing() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    caller.send(&mut bench, Method::Invite, sdp(40_000, 18, "sendonly"));
    bench.expect_response(100);
    bench.expect_response(488);
    bench.expect_no_event();
    assert_eq!(bench.media.open[&caller_leg()].unwrap().direction, Direction::SendRecv);
}

#[test]
fn a_call_that_comes_in_held_is_told_of_once_it_is_answered() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    caller.send(&mut bench, Method::Invite, sdp(40_000, 0, "inactive"));
    bench.expect_response(100);
    bench.expect_event(caller.arrived(100));
    bench.expect_no_event();
    bench.command(Command::Answer { call: CallId(100) });
    bench.expect_response(200);
    bench.expect_event(caller_held(true));
}

#[test]
fn a_phone_that_answers_on_hold_has_answered_first() {
    let mut bench = Bench::new();
    Dialler::established(&mut bench);
    let phone = Phone::registered(&mut bench, "anna", "198.51.100.1:5070");
    bench.offer(1, ANNA);
    let (_, invite) = bench.expect_request(Method::Invite);
    let response = phone.reply(&invite, 200, sdp(50_000, 8, "inactive"));
    bench.response(phone.flow, &response);
    bench.expect_event(Event::OfferAnswered { offer: OfferId(1) });
    bench.expect_event(agent_held(true));
}

#[test]
fn who_hangs_up_while_he_holds_ends_the_call_as_ever() {
    let mut bench = Bench::new();
    let (_, phone, invite) = talking(&mut bench);
    agent_says(&mut bench, &phone, &invite, 1, sdp(50_000, 8, "sendonly"));
    bench.expect_event(agent_held(true));
    bench.request(phone.flow, &phone.request(&invite, Method::Bye, 2, Vec::new()));
    bench.expect_response(200);
    bench.expect_event(Event::LegEnded { leg: agent_leg() });
    bench.command(Command::Hangup { leg: caller_leg() });
    bench.expect_request(Method::Bye);
    bench.wire.retain(|(_, message)| matches!(message, Message::Request(_)));
    bench.expect_nothing_left();
    bench.expect_no_event();
}

#[test]
fn an_agents_phone_that_dies_while_it_holds_is_lost_and_has_not_hung_up() {
    let mut bench = Bench::new();
    let (_, phone, invite) = talking(&mut bench);
    bench.request(phone.flow, &phone.request(&invite, Method::Invite, 2, sdp(41_000, 0, "sendonly")));
    bench.expect_response(100);
    bench.expect_response(200);
    // Its ACK never comes (RFC 3261 §13.3.1.4).
    bench.after(PATIENCE * 2);
    let told: Vec<_> = bench.events.drain(..).filter(|event| *event != agent_held(true)).collect();
    assert_eq!(told, [Event::LegLost { leg: agent_leg() }]);
    let bye =
        |message: &Message| matches!(message, Message::Request(request) if request.method == Method::Bye);
    assert!(bench.wire.iter().any(|(_, message)| bye(message)), "in case it hears it after all");
}
