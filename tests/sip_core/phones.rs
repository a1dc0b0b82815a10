//! An agent with several phones that are rung one after the other, by the preference they registered with.

use crate::bench::{ANNA, Bench, settings};
use crate::peer::Phone;
use holdfast::engine::event::OfferFailure;
use holdfast::engine::id::OfferId;
use holdfast::engine::settings::PhoneOrder;
use holdfast::engine::{Command, Event};
use holdfast::sip::flow::Flow;
use holdfast::sip::message::{Message, Method, Request};
use holdfast::sip::settings::SipSettings;
use std::time::Duration;

const OFFER: OfferId = OfferId(1);

fn failed(failure: OfferFailure) -> Event {
    Event::OfferFailed { offer: OFFER, failure, retry_after: None }
}

/// Anna's phones, in the order in which they should ring, and a queue that rings for half a minute.
fn in_order(phones: &[(&str, &str)]) -> (Bench, Vec<Phone>) {
    let mut bench = Bench::new();
    bench.engine.agents[0].phones = PhoneOrder::InOrder;
    bench.engine.queues[0].ring_timeout = Duration::from_secs(30);
    let mut registered = Vec::new();
    for (remote, q) in phones {
        let mut phone = Phone::new("anna", remote);
        phone.account.contact = format!("<sip:anna@{remote}>{q}");
        assert_eq!(phone.register(&mut bench, "anna-secret", 600).status, 200);
        registered.push(phone);
    }
    bench.events.clear();
    (bench, registered)
}

/// The desk phone, the mobile, the phone at home; they registered in another order.
fn three() -> (Bench, Vec<Phone>) {
    let (bench, mut phones) = in_order(&[
        ("198.51.100.3:5060", ";q=0.1"),
        ("198.51.100.1:5060", ";q=0.9"),
        ("198.51.100.2:5060", ";q=0.5"),
    ]);
    let home = phones.remove(0);
    phones.push(home);
    (bench, phones)
}

#[track_caller]
fn rung(bench: &mut Bench, phone: &Phone) -> Request {
    let (flow, invite): (Flow, Request) = bench.expect_request(Method::Invite);
    assert_eq!(flow, phone.flow);
    phone.says(bench, &invite, 180);
    invite
}

#[test]
fn the_preferred_phone_rings_alone_for_its_share_and_then_the_next() {
    let (mut bench, phones) = three();
    bench.offer(1, ANNA);
    let first = rung(&mut bench, &phones[0]);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    bench.expect_silence();
    bench.after(Duration::from_millis(9_999));
    bench.expect_silence();
    bench.after(Duration::from_millis(1));
    let (flow, cancel) = bench.expect_request(Method::Cancel);
    assert_eq!((flow, cancel.headers.first("Call-ID")), (phones[0].flow, first.headers.first("Call-ID")));
    rung(&mut bench, &phones[1]);
    bench.expect_silence();
    phones[0].says(&mut bench, &first, 487);
    bench.expect_request(Method::Ack);
    bench.expect_silence();
    bench.expect_no_event();
}

#[test]
fn a_phone_that_refuses_makes_way_at_once_and_its_time_is_the_others() {
    let (mut bench, phones) = three();
    bench.offer(1, ANNA);
    let first = rung(&mut bench, &phones[0]);
    phones[0].says(&mut bench, &first, 486);
    bench.expect_request(Method::Ack);
    rung(&mut bench, &phones[1]);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    bench.after(Duration::from_millis(14_999));
    bench.expect_silence();
    bench.after(Duration::from_millis(1));
    bench.expect_request(Method::Cancel);
    rung(&mut bench, &phones[2]);
    // The last rings until the engine has had enough; the CANCEL of the one before is repeated meanwhile.
    bench.after(Duration::from_secs(15));
    bench.wire.retain(|(flow, _)| *flow != phones[1].flow);
    bench.expect_silence();
    bench.cancel_offer(1, false);
    bench.expect_request(Method::Cancel);
    bench.wire.clear();
    bench.expect_nothing_left_but(3);
    bench.expect_no_event();
}

#[test]
fn an_answer_that_crosses_the_end_of_its_share_is_taken_and_the_next_phone_falls_silent() {
    let (mut bench, phones) = three();
    bench.offer(1, ANNA);
    let first = rung(&mut bench, &phones[0]);
    bench.after(Duration::from_secs(10));
    bench.expect_request(Method::Cancel);
    let second = rung(&mut bench, &phones[1]);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    phones[0].says(&mut bench, &first, 200);
    bench.expect_request(Method::Ack);
    let (flow, _) = bench.expect_request(Method::Cancel);
    assert_eq!(flow, phones[1].flow);
    bench.expect_event(Event::OfferAnswered { offer: OFFER });
    phones[1].says(&mut bench, &second, 200);
    bench.expect_request(Method::Ack);
    let (flow, _) = bench.expect_request(Method::Bye);
    assert_eq!(flow, phones[1].flow, "the second answer is one too many");
    assert_eq!((bench.core.counts().legs, bench.media.open.len()), (1, 1));
    bench.command(Command::Hangup { leg: crate::bench::agent_leg() });
    bench.expect_request(Method::Bye);
    bench.wire.clear();
    bench.expect_nothing_left_but(3);
    bench.expect_no_event();
}

#[test]
fn a_decline_for_all_phones_ends_the_row() {
    let (mut bench, phones) = three();
    bench.offer(1, ANNA);
    let first = rung(&mut bench, &phones[0]);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    phones[0].says(&mut bench, &first, 603);
    bench.expect_request(Method::Ack);
    bench.expect_event(failed(OfferFailure::Declined));
    bench.expect_silence();
    bench.expect_nothing_left_but(3);
}

#[test]
fn when_all_have_failed_the_most_telling_refusal_is_told_once() {
    let (mut bench, phones) = three();
    bench.offer(1, ANNA);
    let first = rung(&mut bench, &phones[0]);
    phones[0].says(&mut bench, &first, 486);
    bench.expect_request(Method::Ack);
    rung(&mut bench, &phones[1]);
    bench.after(Duration::from_secs(15));
    bench.expect_request(Method::Cancel);
    let third = rung(&mut bench, &phones[2]);
    phones[2].says(&mut bench, &third, 404);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    bench.expect_event(failed(OfferFailure::Busy));
    bench.wire.clear();
    bench.expect_nothing_left_but(3);
    bench.expect_no_event();
}

#[test]
fn a_dead_phone_costs_only_its_six_seconds_of_silence() {
    let (mut bench, phones) = three();
    bench.offer(1, ANNA);
    bench.expect_request(Method::Invite);
    bench.after(Duration::from_secs(6));
    bench.wire.retain(|(flow, _)| *flow != phones[0].flow);
    rung(&mut bench, &phones[1]);
    bench.expect_event(Event::OfferRinging { offer: OFFER });
    bench.expect_no_event();
}

#[test]
fn phones_that_name_no_preference_ring_in_the_order_in_which_they_registered() {
    let (mut bench, phones) = in_order(&[("198.51.100.7:5060", ""), ("198.51.100.6:5060", "")]);
    bench.offer(1, ANNA);
    let first = rung(&mut bench, &phones[0]);
    phones[0].says(&mut bench, &first, 480);
    bench.expect_request(Method::Ack);
    rung(&mut bench, &phones[1]);
}

#[test]
fn rung_together_the_preference_does_not_matter() {
    let (mut bench, _) = three();
    bench.engine.agents[0].phones = PhoneOrder::Together;
    bench.offer(1, ANNA);
    let invites = bench.wire.iter().filter(|(_, message)| match message {
        Message::Request(request) => request.method == Method::Invite,
        Message::Response(_) => false,
    });
    assert_eq!(invites.count(), 3);
}

#[test]
fn a_phone_has_as_long_to_give_a_sign_as_the_configuration_says() {
    for phone_silence in [Duration::from_secs(1), Duration::from_secs(20)] {
        let mut bench = Bench::with(SipSettings { phone_silence, ..settings() });
        Phone::registered(&mut bench, "anna", "198.51.100.1:5060");
        bench.offer(1, ANNA);
        bench.after(phone_silence - Duration::from_millis(1));
        bench.expect_no_event();
        bench.after(Duration::from_millis(1));
        bench.expect_event(failed(OfferFailure::Unreachable));
    }
}
