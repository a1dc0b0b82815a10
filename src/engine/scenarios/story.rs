//! How commands and facts are told in stories: by names, a line each.

use super::*;

pub(super) fn told(command: &Command, settings: &Settings) -> String {
    match command {
        Command::Answer { call } => format!("answer {call}"),
        Command::Progress { call } => format!("progress {call}"),
        Command::Refuse { call, because } => format!("refuse {call} {}", because.status()),
        Command::Play { leg, program: Program { prompts, language, then, .. } } => {
            format!("play {leg} {prompts:?} {language} {then:?}")
        }
        Command::OfferAgent { offer, call, agent, queue, caller } => format!(
            "offer {offer}: {call} ({}) to {} from {}",
            caller.number, settings.agents[agent.0 as usize].name, settings.queues[queue.0 as usize].name
        ),
        Command::CallAgent { offer, call, agent, caller } => {
            format!(
                "call {offer}: {call} from {} to {}",
                caller.number, settings.agents[agent.0 as usize].name
            )
        }
        Command::Ring { call } => format!("ring {call}"),
        Command::TransferTold { leg, step } => format!("tell {leg} {step:?}"),
        Command::Dial { offer, call, number, .. } => format!("dial {offer}: {number} for {call}"),
        Command::CancelOffer { offer, answered_elsewhere: false } => format!("cancel {offer}"),
        Command::CancelOffer { offer, answered_elsewhere: true } => format!("cancel {offer} (elsewhere)"),
        Command::Join { call, offer, role } => format!("join {offer} to {call} as {role:?}"),
        Command::Record { call, change, by, .. } => format!("record {call}: {change:?} by {by:?}"),
        Command::Bridge { call, offer } => format!("bridge {call} with {offer}"),
        Command::Resume { leg, .. } => format!("ask for {leg}"),
        Command::Hangup { leg } => format!("hang up {leg}"),
        Command::Reply { id, result: Ok(Answer::Done) } => format!("reply {id} Ok(())"),
        Command::Reply { id, result: Ok(Answer::Waiting(why)) } => {
            format!("reply {id} {}", explained(why, settings))
        }
        Command::Reply { id, result: Err(refusal) } => format!("reply {id} Err({refusal:?})"),
    }
}

fn explained(why: &WaitingBecause, settings: &Settings) -> String {
    let states = AgentState::ALL.iter().zip(why.qualified).filter(|(_, count)| *count > 0);
    let states: Vec<_> = states.map(|(state, count)| format!("{count} {}", state.as_str())).collect();
    let next = why.next_step.map_or("none".into(), |next| format!("{:.0} s", next.as_secs_f64()));
    let waits_for = why
        .waits_for
        .map_or(String::new(), |it| format!(", for {} alone", settings.agents[it.0 as usize].name));
    let names = |what: &str, names: Vec<&str>| {
        if names.is_empty() { String::new() } else { format!(", {what} {}", names.join(" and ")) }
    };
    let busy = why.lenders_busy.iter().map(|it| settings.queues[it.0 as usize].name.as_str()).collect();
    let busy = names("no help from", busy);
    let rung =
        names("rings", why.rung.iter().map(|it| settings.agents[it.0 as usize].name.as_str()).collect());
    format!(
        "waits {:.0} s behind {}: qualified [{}], {} not, level {} of {}, next step in {next}{waits_for}{busy}{rung}",
        why.waited.as_secs_f64(),
        why.ahead,
        states.join(", "),
        why.unqualified,
        why.level.0,
        why.level.1
    )
}

pub(super) fn remembered(fact: &Fact, settings: &Settings) -> Option<String> {
    let agent_name = |agent: &AgentId| settings.agents[agent.0 as usize].name.as_str();
    let queue_name = |queue: &QueueId| settings.queues[queue.0 as usize].name.as_str();
    Some(match fact {
        Fact::CallRefused { call, because } => format!("{call} refused {because:?}"),
        Fact::CallQueued { call, queue, waiting, entered, .. } => {
            let entered = match entered {
                Entered::Arrived => String::new(),
                Entered::Resumed => ", resumed".into(),
                Entered::Returned => ", returned".into(),
                Entered::Transferred(by) => format!(", transferred by {}", agent_name(by)),
                Entered::Overflowed(from) => format!(", overflowed from {}", queue_name(from)),
                Entered::Moved(from) => format!(", moved from {}", queue_name(from)),
            };
            format!("{call} queued in {} ({waiting} waiting){entered}", queue_name(queue))
        }
        Fact::CallTurnedAway { call, queue, because, to, .. } => {
            format!("{call} turned away from {}: {} → {to:?}", queue_name(queue), because.as_str())
        }
        Fact::CallWidened { call, level, .. } => format!("{call} widened to level {level}"),
        Fact::CallDisposed { call, agent, disposition } => {
            format!("{} notes {disposition} of {call}", agent_name(agent))
        }
        Fact::QueueClosed { queue } => format!("{} closed by hand", queue_name(queue)),
        Fact::QueueReopened { queue } => format!("{} reopened", queue_name(queue)),
        Fact::Reconfigured => "reconfigured".into(),
        Fact::OfferMade { offer, because, .. } => match because {
            OfferedBecause::Strategy { level: 0, secondary: false, .. } => return None,
            OfferedBecause::Strategy { level, secondary, .. } => {
                let secondary = if *secondary { ", secondary" } else { "" };
                format!("offer {offer} at level {level}{secondary}")
            }
            OfferedBecause::LastAgent => format!("offer {offer} to whom he talked to last"),
            OfferedBecause::Dialled => format!("offer {offer} to whom he asked for"),
            OfferedBecause::Pulled => format!("offer {offer} as a supervisor said"),
        },
        Fact::OfferEnded { offer, outcome, ring, .. } => {
            format!("offer {offer} {} after {:.1} s", outcome.as_str(), ring.as_secs_f64())
        }
        Fact::CallLeftQueue { call, outcome, wait, answered_in_threshold, to, .. } => format!(
            "{call} {} after {:.1} s{}{}",
            outcome.as_str(),
            wait.as_secs_f64(),
            if *answered_in_threshold { ", in time" } else { "" },
            to.as_ref().map(|to| format!(" → {to:?}")).unwrap_or_default()
        ),
        Fact::CallEnded { call, ended_by, talk, hold, .. } => {
            let hold =
                if hold.is_zero() { String::new() } else { format!(", {:.1} s on hold", hold.as_secs_f64()) };
            format!("{call} ended by {}, talked {:.1} s{hold}", ended_by.as_str(), talk.as_secs_f64())
        }
        Fact::CallResumed { call } => format!("{call} goes on"),
        Fact::CallInterrupted { call } => format!("{call} interrupted"),
        Fact::InTalk { call, what } => format!("{call}: {what:?}"),
        Fact::AgentStateChanged { agent, to, reason, .. } => {
            let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{} {}{reason}", agent_name(agent), to.as_str())
        }
        Fact::WrapUpEnded { agent, lasted, .. } => {
            format!("{} wrapped up in {:.1} s", agent_name(agent), lasted.as_secs_f64())
        }
    })
}
