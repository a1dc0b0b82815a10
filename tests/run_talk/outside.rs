//! A caller is passed on to a number outside, through a trunk, as the dial policy allows.

use crate::phones::{self, until, within};
use crate::site::{AGENT, CALLER, GUEST, hears, rung};
use crate::talk::{Talk, done, failed, rules};
use holdfast::phone::Phone;
use serde_json::json;
use std::time::Duration;

/// As an agent keys it: a phone has no plus.
const OUTSIDE: &str = "0049893";

/// Somebody outside, and the trunk that leads to him; `policy` is what `[dial]` says.
async fn outside(policy: &str) -> (Phone, String) {
    let phone = phones::phone("outside").await;
    let trunk = format!(
        "[[trunk]]\nname = \"outside\"\naddresses = [\"127.0.0.1\"]\ndial = \"{}\"\n{policy}",
        phone.address()
    );
    (phone, trunk)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_passed_to_a_number_outside_that_the_dial_policy_allows_by_api_and_by_keys() {
    for by_keys in [false, true] {
        let (phone, trunk) = outside("[dial]\nallow = [\"0049*\"]\n").await;
        let talk = Talk::begin(&rules(&trunk)).await;
        if by_keys {
            talk.talking.press(&format!("*2{OUTSIDE}#"));
        } else {
            assert_eq!(talk.asks("transfer", json!({ "number": OUTSIDE })).await, 200);
        }
        let guest = talk.answered_by(&phone).await;
        talk.is_handed_to(&guest).await;
        assert_eq!(talk.ends_by(guest).await, done(&format!("number {OUTSIDE}")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_outside_is_asked_and_has_the_caller_when_the_agent_hangs_up() {
    let (phone, trunk) = outside("[dial]\nallow = [\"0049*\"]\n").await;
    let talk = Talk::begin(&rules(&trunk)).await;
    talk.talking.press(&format!("*3{OUTSIDE}#"));
    let guest = talk.answered_by(&phone).await;
    until("the two talk", || hears(&talk.talking, GUEST) && hears(&guest, AGENT)).await;
    talk.caller_hears_music().await;
    talk.talking.hang_up();
    within(talk.talking.ended()).await;
    until("the caller talks to him", || hears(&talk.caller, GUEST) && hears(&guest, CALLER)).await;
    assert_eq!(talk.ends_by(guest).await, done(&format!("number {OUTSIDE}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_number_outside_is_called_unless_the_dial_policy_says_so_and_the_caller_is_back() {
    for policy in ["", "[dial]\nallow = [\"0049*\"]\ndeny = [\"004989*\"]\n"] {
        let (phone, trunk) = outside(policy).await;
        let talk = Talk::begin(&rules(&trunk)).await;
        assert_eq!(talk.asks("transfer", json!({ "number": OUTSIDE })).await, 200);
        // What is keyed afterwards shows that what was keyed before has been read.
        talk.talking.press(&format!("*2{OUTSIDE}#*34711#"));
        rung(&talk.carla).await.decline(603);
        talk.are_together().await;
        talk.caller.hang_up();
        within(talk.talking.ended()).await;
        let to_outside = failed(&format!("number {OUTSIDE}")).remove(0);
        assert_eq!(talk.recorded().await, [to_outside.clone(), to_outside]);
        let called = tokio::time::timeout(Duration::ZERO, phone.incoming()).await;
        assert!(called.is_err(), "nobody outside is rung");
    }
}
