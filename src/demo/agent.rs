//! One simulated agent: rings, answers like a human, declines or misses a call now and then, talks, hangs up.

use super::dice::Dice;
use super::ledger::{Conversation, Ledger};
use super::{Account, DemoSettings};
use crate::phone::{Call, IncomingCall, Phone, Sound};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often an agent has no hand free.
const DECLINES: f64 = 0.04;
/// How often he is not at his desk.
const MISSES: f64 = 0.04;
/// From the first ring to the answer.
const REACTION: (Duration, Duration) = (Duration::from_millis(600), Duration::from_millis(3_500));

/// Works until aborted.
pub(super) async fn work(
    _account: Account,
    phone: Arc<Phone>,
    settings: Arc<DemoSettings>,
    ledger: Arc<Ledger>,
    mut dice: Dice,
) {
    while let Some(incoming) = phone.incoming().await {
        incoming.ring();
        if dice.happens(MISSES) {
            ledger.miss();
            // It rings until the engine has enough of it.
            let _ = timeout(Duration::from_secs(120), incoming.withdrawn()).await;
            continue;
        }
        let reaction = dice.skewed(REACTION);
        if timeout(reaction, incoming.withdrawn()).await.is_ok() {
            continue;
        }
        if dice.happens(DECLINES) {
            ledger.decline();
            incoming.decline(if dice.happens(0.5) { 486 } else { 603 }).ended().await;
            continue;
        }
        talk(incoming, &settings, &ledger, &mut dice).await;
    }
}

async fn talk(incoming: IncomingCall, settings: &DemoSettings, ledger: &Ledger, dice: &mut Dice) {
    let (number, name) = (incoming.number().to_owned(), incoming.name().to_owned());
    let call = incoming.answer();
    if call.answered().await.is_err() {
        return;
    }
    call.say(Sound::Speech((dice.share() * 1e6) as u32));
    let lasts = dice.skewed(settings.talk);
    let caller_hangs_up = dice.happens(0.5);
    ledger.meet(&number, &name, Conversation { lasts, caller_hangs_up });
    let patience = if caller_hangs_up { lasts + Duration::from_secs(60) } else { lasts };
    let ended_by_caller = timeout(patience, call.ended()).await.is_ok();
    check_sound(&call, ledger);
    if !ended_by_caller {
        if caller_hangs_up {
            ledger.fail("agent left in a call whose caller is gone");
        }
        call.hang_up();
        if timeout(Duration::from_secs(10), call.ended()).await.is_err() {
            ledger.fail("agent's BYE was not answered");
        }
    }
    // A breath before the next call can ring.
    sleep(Duration::from_millis(50)).await;
}

fn check_sound(call: &Call, ledger: &Ledger) {
    if call.heard().packets == 0 {
        ledger.fail("agent heard nothing");
    }
}
