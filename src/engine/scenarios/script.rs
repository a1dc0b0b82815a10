//! The words of scripts: one event a line.

use super::*;

/// What a line of a script stands for.
pub(super) fn parse(words: &str, settings: &Settings, requests: &mut u64) -> Event {
    let words: Vec<_> = words.split_whitespace().collect();
    let id = |at: usize| words[at].parse::<u64>().expect("an identity");
    let agent = |at: usize| settings.agent_named(words[at]).expect("a known agent");
    let mut request = |request| {
        *requests += 1;
        Event::Requested { id: RequestId(*requests), request }
    };
    match words[0] {
        "call" => Event::CallArrived {
            call: CallId(id(1)),
            dialled: words[2].into(),
            caller: Caller {
                number: option(&words, "from").map_or_else(|| format!("555{}", words[1]), str::to_owned),
                ..Caller::default()
            },
            agent: words.get(3).filter(|word| !word.contains('=')).map(|_| agent(3)),
            sip_call_id: format!("sip-{}", words[1]),
            wishes: wishes(&words, settings),
        },
        "ringing" => Event::OfferRinging { offer: OfferId(id(1)) },
        "answer" => Event::OfferAnswered { offer: OfferId(id(1)) },
        "fail" => Event::OfferFailed {
            offer: OfferId(id(1)),
            failure: match words[2] {
                "busy" => OfferFailure::Busy,
                "declined" => OfferFailure::Declined,
                "no-answer" => OfferFailure::NoAnswer,
                "unreachable" => OfferFailure::Unreachable,
                other => panic!("no such failure: {other}"),
            },
            retry_after: words.get(3).map(|secs| Duration::from_secs(secs.parse().expect("seconds"))),
        },
        "caller-gone" => Event::LegEnded { leg: LegId::Caller(CallId(id(1))) },
        "agent-gone" => Event::LegEnded { leg: LegId::Agent(OfferId(id(1))) },
        "heard" => Event::PromptFinished { leg: LegId::Caller(CallId(id(1))) },
        "up" => Event::AgentReachable { agent: agent(1), reachable: true },
        "down" => Event::AgentReachable { agent: agent(1), reachable: false },
        "login" => request(Request::Login { agent: agent(1) }),
        "logout" => request(Request::Logout { agent: agent(1) }),
        "ready" => request(Request::Ready { agent: agent(1) }),
        "pause" => request(Request::Pause { agent: agent(1), reason: words[2].into() }),
        "hold" => Event::LegHeld { leg: LegId::Agent(OfferId(id(1))), held: true },
        "resume" => Event::LegHeld { leg: LegId::Agent(OfferId(id(1))), held: false },
        "prioritise" => request(Request::Reprioritise { call: CallId(id(1)), priority: seconds(words[2]) }),
        "require" => request(Request::Require {
            call: CallId(id(1)),
            requirement: skill(words[2], words[3], settings),
        }),
        "move" => request(Request::Move { call: CallId(id(1)), queue: queue(words[2], settings) }),
        "pull" => request(Request::Pull { call: CallId(id(1)), agent: agent(2) }),
        "withdraw" => request(Request::Withdraw { call: CallId(id(1)), to: destination(words[2], settings) }),
        "why" => request(Request::Explain { call: CallId(id(1)) }),
        "close" => {
            let until = words.get(2).map(|at| Wall(at.parse::<i64>().expect("seconds") * 1000));
            request(Request::Close { queue: queue(words[1], settings), until })
        }
        "reopen" => request(Request::Reopen { queue: queue(words[1], settings) }),
        "extend" => request(Request::ExtendWrapUp { agent: agent(1), by: seconds(words[2]) }),
        "dispose" => request(Request::Dispose { agent: agent(1), disposition: words[2].into() }),
        "release" => request(Request::Release { agent: agent(1) }),
        "teach" => {
            let mut new = settings.agent(agent(1)).expect("a known agent").clone();
            let Requirement::Skill { skill, min } = skill(words[2], words[3], settings) else {
                unreachable!()
            };
            new.skills = SkillSet::new(new.skills.iter().chain([(skill, min)]));
            request(Request::EditAgent { agent: agent(1), settings: Box::new(new) })
        }
        "join" => {
            let role = super::super::talk::GuestRole::TABLE.iter().find(|(name, _)| *name == words[3]);
            request(Request::Join { call: CallId(id(1)), agent: agent(2), role: role.expect("a role").1 })
        }
        "send-out" => request(Request::SendOut { call: CallId(id(1)), agent: agent(2) }),
        "take-over" => request(Request::TakeOver { call: CallId(id(1)), agent: agent(2) }),
        "transfer" => {
            let to = settings.whom(words[2]).expect("somebody");
            request(Request::Transfer { call: CallId(id(1)), to })
        }
        "consult" => {
            let to = settings.whom(words[2]).expect("somebody");
            request(Request::Consult { call: CallId(id(1)), to })
        }
        "conference" => request(Request::Conference { call: CallId(id(1)) }),
        "complete" => request(Request::Complete { call: CallId(id(1)) }),
        "return" => request(Request::Return { call: CallId(id(1)) }),
        "refer" => Event::TransferAsked {
            leg: leg(words[1]),
            to: words[2].into(),
            replaces: option(&words, "replaces").map(leg),
        },
        "record" => {
            let change =
                super::super::talk::RecordingChange::TABLE.iter().find(|(name, _)| *name == words[2]);
            request(Request::Record { call: CallId(id(1)), change: change.expect("a change").1 })
        }
        "silent" => Event::AudioStopped { leg: leg(words[1]) },
        "heard-again" => Event::AudioResumed { leg: leg(words[1]) },
        "key" => Event::DigitPressed {
            leg: LegId::Agent(OfferId(id(1))),
            digit: words[2].chars().next().expect("a key"),
        },
        "hangup" => request(Request::HangUp { call: CallId(id(1)) }),
        "restart" => Event::Restarted {
            standing: words[1..].iter().filter(|word| word.contains(':')).map(|word| leg(word)).collect(),
            reachable: words[1..]
                .iter()
                .filter(|word| !word.contains(':'))
                .map(|name| settings.agent_named(name).expect("a known agent"))
                .collect(),
        },
        "there" => Event::LegResumed { leg: leg(words[1]) },
        "lost" => Event::LegLost { leg: leg(words[1]) },
        "drain" => Event::DrainStarted,
        "drain-over" => Event::DrainOver,
        "tick" => Event::Tick,
        other => panic!("no such event: {other}"),
    }
}

/// `caller:1`, `agent:2`.
fn leg(word: &str) -> LegId {
    let (side, number) = word.split_once(':').expect("a side and an identity");
    let number = number.parse().expect("an identity");
    if side == "caller" { LegId::Caller(CallId(number)) } else { LegId::Agent(OfferId(number)) }
}

/// What stands behind `key=` among the words.
fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn wishes(words: &[&str], settings: &Settings) -> Option<Box<Wishes>> {
    let wishes = Wishes {
        requirement: option(words, "requires").map(|name| skill(name, "1", settings)),
        priority: option(words, "priority").map(seconds),
        agent: option(words, "agent").map(|name| settings.agent_named(name).expect("a known agent")),
    };
    (wishes != Wishes::default()).then(|| Box::new(wishes))
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.parse().expect("seconds"))
}

fn skill(name: &str, min: &str, settings: &Settings) -> Requirement {
    let at = settings.skills.iter().position(|skill| skill == name).expect("a known skill");
    needs(SkillId(u32::try_from(at).expect("few skills")), min.parse().expect("a proficiency"))
}

fn queue(name: &str, settings: &Settings) -> QueueId {
    settings.queue_named(name).expect("a known queue")
}

/// `queue:support`, `number:+49…`, `message:closed`.
fn destination(text: &str, settings: &Settings) -> Destination {
    match text.split_once(':').expect("a kind and a name") {
        ("queue", name) => Destination::Queue(queue(name, settings)),
        ("number", number) => Destination::Number(number.into()),
        ("message", prompt) => Destination::Message(prompt.into()),
        (other, _) => panic!("no such destination: {other}"),
    }
}
