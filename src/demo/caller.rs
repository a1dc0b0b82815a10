//! One simulated caller: calls, waits with finite patience, talks, hangs up or is hung up on.

use super::dice::Dice;
use super::ledger::{Conversation, Ledger};
use super::{CallersCome, DemoSettings};
use crate::phone::{Call, Dial, Ended, Phone, Side, Sound};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const FIRST: [&str; 12] = [
    "Ada", "Bruno", "Clara", "Dario", "Emma", "Felix", "Gloria", "Henrik", "Ines", "Jakob", "Lucia", "Marek",
];
const LAST: [&str; 12] = [
    "Adler", "Brandt", "Castro", "Dietrich", "Evans", "Fuentes", "Graham", "Hoffmann", "Iglesias", "Jones",
    "Kramer", "Lopez",
];

/// The whole call.
pub(super) async fn call(
    serial: u64,
    settings: Arc<DemoSettings>,
    phone: Arc<Phone>,
    ledger: Arc<Ledger>,
    mut dice: Dice,
) {
    let Some(dialled) = dice.choose(&settings.numbers).map(|number| number.dialled.clone()) else { return };
    let name = format!(
        "{} {}",
        dice.choose(&FIRST).copied().unwrap_or_default(),
        dice.choose(&LAST).copied().unwrap_or_default()
    );
    let (key, number, display) = match &settings.callers {
        CallersCome::OverTrunk(_) => {
            let number = format!("+49305550{serial:04}");
            (number.clone(), Some(number), name)
        }
        // One account for all: the serial number tells them apart.
        CallersCome::WithAccount(_) => {
            let display = format!("{name} {serial}");
            (display.clone(), None, display)
        }
    };
    let answered = ledger.place(&key);
    let sound = Sound::Speech((dice.share() * 1e6) as u32);
    let dial = Dial { target: dialled, number, display: Some(display), sound };
    let Ok(call) = phone.dial(dial).await else {
        return ledger.leave(&key, Ended { by: Side::Network, status: None });
    };
    if let Err(ended) = set_up(&call, &ledger).await {
        return ledger.leave(&key, ended);
    }
    ledger.hold();
    let patience = dice.skewed(settings.patience);
    tokio::select! {
        biased;
        conversation = answered => match conversation {
            Ok(conversation) => converse(&call, conversation, &ledger).await,
            Err(_) => ledger.fail("caller lost from the books"),
        },
        ended = call.ended() => ledger.leave(&key, ended),
        () = sleep(patience) => give_up(&call, &key, &ledger).await,
        () = ledger.closed() => give_up(&call, &key, &ledger).await,
    }
}

/// Until the engine has taken the call.
async fn set_up(call: &Call, ledger: &Ledger) -> Result<(), Ended> {
    match timeout(Duration::from_secs(40), call.answered()).await {
        Ok(result) => result,
        Err(_) => {
            ledger.fail("call neither taken nor refused");
            Err(Ended { by: Side::Network, status: None })
        }
    }
}

async fn give_up(call: &Call, key: &str, ledger: &Ledger) {
    ledger.leave(key, Ended { by: Side::Here, status: None });
    if call.heard().packets == 0 {
        ledger.fail("waiting caller heard nothing");
    }
    hang_up(call, ledger).await;
}

async fn hang_up(call: &Call, ledger: &Ledger) {
    call.hang_up();
    if timeout(Duration::from_secs(10), call.ended()).await.is_err() {
        ledger.fail("caller's BYE was not answered");
    }
}

async fn converse(call: &Call, conversation: Conversation, ledger: &Ledger) {
    if call.heard().packets == 0 {
        ledger.fail("waiting caller heard nothing");
    }
    // The agent's BYE has some time to come through.
    let grace = if conversation.caller_hangs_up { Duration::ZERO } else { Duration::from_secs(5) };
    tokio::select! {
        _ = call.ended() => {}
        () = sleep(conversation.lasts + grace) => {
            if !conversation.caller_hangs_up {
                ledger.fail("caller left in a call whose agent is gone");
            }
            hang_up(call, ledger).await;
        }
        () = ledger.closed() => hang_up(call, ledger).await,
    }
}
