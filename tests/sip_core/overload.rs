//! Who is asked to come back later when there is too much to do, and what that costs.

use crate::bench::Bench;
use crate::peer::{Dialler, Phone, sdp};
use holdfast::sip::message::Method;
use holdfast::sip::overload::Newcomer;
use std::time::Duration;

#[test]
fn a_call_that_is_turned_away_gets_one_answer_and_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let mut caller = Dialler::new();
    let invite = caller.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    bench.turn_away(caller.flow, &invite, Duration::from_secs(3));
    let refused = bench.expect_response(503);
    assert_eq!(refused.headers.first("Retry-After"), Some("3"));
    assert!(refused.to_tag().is_some(), "a final answer has a tag (RFC 3261 §8.2.6.2)");
    assert!(refused.headers.first("Via").unwrap().contains("received=203.0.113.7"), "{refused:?}");
    caller.learn(&refused);
    // The same again, and the ACK: nothing is known of either.
    bench.turn_away(caller.flow, &invite, Duration::from_secs(3));
    assert_eq!(bench.expect_response(503).to_tag(), refused.to_tag());
    caller.send(&mut bench, Method::Ack, Vec::new());
    bench.expect_silence();
    bench.expect_no_event();
    assert_eq!(bench.core.next_deadline(), None, "no timer runs");
    bench.expect_nothing_left();
}

#[test]
fn what_belongs_to_a_call_or_can_prove_itself_is_ours_calls_are_the_trunk_s_and_all_else_is_anybody_s() {
    let mut bench = Bench::new();
    let mut caller = Dialler::established(&mut bench);
    for method in [Method::Bye, Method::Invite, Method::Ack, Method::Info] {
        let request = caller.make(method, Vec::new());
        assert_eq!(bench.core.newcomer(&request, &caller.flow), Newcomer::Ours);
    }
    // An INVITE that waits for its answer: repeated, or called off.
    let mut another = Dialler::at("203.0.113.8:5060", "030999");
    let invite = another.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    assert_eq!(bench.core.newcomer(&invite, &another.flow), Newcomer::Call);
    bench.request(another.flow, &invite);
    assert_eq!(bench.core.newcomer(&invite, &another.flow), Newcomer::Ours);
    let cancel = another.make(Method::Cancel, Vec::new());
    assert_eq!(bench.core.newcomer(&cancel, &another.flow), Newcomer::Ours);
    // A question of the trunk whether we live can wait, and so can whoever is nobody.
    let options = another.make(Method::Options, Vec::new());
    assert_eq!(bench.core.newcomer(&options, &another.flow), Newcomer::Stranger);
    let mut nobody = Dialler::at("198.51.100.66:5060", "030666");
    let invite = nobody.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
    assert_eq!(bench.core.newcomer(&invite, &nobody.flow), Newcomer::Stranger);
    // An agent's phone that knows our challenge.
    let mut phone = Phone::new("anna", "198.51.100.7:5060");
    let mut register = phone.register_request(600);
    assert_eq!(bench.core.newcomer(&register, &phone.flow), Newcomer::Stranger);
    bench.wire.clear();
    bench.request(phone.flow, &register);
    let challenge = bench.expect_response(401);
    phone.authorize(&mut register, &challenge, "anna-secret");
    assert_eq!(bench.core.newcomer(&register, &phone.flow), Newcomer::Ours);
}
