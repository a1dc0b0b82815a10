//! What must hold whatever happens: random worlds, in random order, with a ledger of the facts.

use super::*;
use crate::engine::call::Stage;
use crate::engine::fact::AgentState;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One thing that happens, `after` a while. Identities are taken modulo what there is, so that late,
/// repeated and impossible messages occur as often as fitting ones.
#[derive(Clone, Debug)]
struct Happening {
    after_ms: u64,
    what: u8,
    which: u64,
}

fn happening() -> impl Strategy<Value = Happening> {
    (0..8_000_u64, 0..20_u8, any::<u64>()).prop_map(|(after_ms, what, which)| Happening {
        after_ms,
        what,
        which,
    })
}

/// What the facts so far say, checked as they come.
#[derive(Default)]
struct Ledger {
    queued: BTreeMap<CallId, (bool, bool)>,
    offers: BTreeMap<OfferId, (AgentId, bool)>,
    requests: u64,
    replies: u64,
    calls: u64,
}

impl Ledger {
    fn record(&mut self, fact: &Fact) {
        match fact {
            Fact::CallQueued { call, .. } => {
                assert!(self.queued.insert(*call, (false, false)).is_none(), "{call} queued twice");
            }
            Fact::CallLeftQueue { call, wait: _, .. } => {
                let (left, _) = self.queued.get_mut(call).expect("left a queue it had joined");
                assert!(!std::mem::replace(left, true), "{call} left twice");
            }
            Fact::CallEnded { call, .. } => {
                let (left, ended) = self.queued.get_mut(call).expect("ended after it was queued");
                assert!(*left, "{call} ended before it left its queue");
                assert!(!std::mem::replace(ended, true), "{call} ended twice");
            }
            Fact::OfferMade { offer, agent, .. } => {
                let busy = self.offers.values().any(|&(other, over)| other == *agent && !over);
                assert!(!busy, "agent {agent} is offered two calls at once");
                self.offers.insert(*offer, (*agent, false));
            }
            Fact::OfferEnded { offer, .. } => {
                let (_, over) = self.offers.get_mut(offer).expect("ended after it was made");
                assert!(!std::mem::replace(over, true), "offer {offer} ended twice");
            }
            Fact::CallRefused { .. } | Fact::AgentStateChanged { .. } | Fact::WrapUpEnded { .. } => {}
        }
    }
}

fn event(happening: &Happening, ledger: &mut Ledger) -> Event {
    let pick = |modulo: u64| happening.which % modulo.max(1);
    let agent = AgentId(u32::try_from(pick(3)).expect("small"));
    let offer = OfferId(1 + pick(ledger.offers.len() as u64 + 2));
    let call = CallId(1 + pick(ledger.calls + 2));
    let mut request = |request| {
        ledger.requests += 1;
        Event::Requested { id: RequestId(ledger.requests), request }
    };
    match happening.what {
        0..=4 => {
            ledger.calls += 1;
            let dialled = ["100", "101", "102", "200", "*11", "*13", "999"][pick(7) as usize].to_owned();
            Event::CallArrived {
                call: CallId(ledger.calls),
                dialled,
                caller: Caller::default(),
                agent: happening.which.is_multiple_of(2).then_some(agent),
                sip_call_id: String::new(),
            }
        }
        5 | 6 => Event::AgentReachable { agent, reachable: happening.what == 5 },
        7..=9 => Event::OfferAnswered { offer },
        10 => Event::OfferFailed { offer, failure: OfferFailure::Declined, retry_after: None },
        11 | 12 => Event::LegEnded { leg: LegId::Caller(call) },
        13 => Event::LegEnded { leg: LegId::Agent(offer) },
        14 => Event::PromptFinished { leg: LegId::Caller(call) },
        15 => request(Request::Login { agent }),
        16 => request(Request::Logout { agent }),
        17 => request(Request::Pause { agent, reason: "break".into() }),
        18 => request(Request::Ready { agent }),
        _ => request(Request::HangUp { call }),
    }
}

/// Nobody who waits in line could be taken by somebody who is free; who is free is in the pool.
fn nobody_waits_for_nothing(engine: &Engine) {
    for (id, call) in &engine.calls {
        if let Stage::Waiting { offers } = &call.stage {
            let free = !engine.floor.ready_for(call.place.class()).is_empty();
            assert!(!(offers.is_empty() && free), "{id} waits though somebody qualified is free");
        }
    }
    for (at, agent) in engine.agents.iter().enumerate() {
        assert_eq!(agent.seen, agent.state(), "agent {at} is seen as what he is");
        assert!(agent.seen != AgentState::Ready || agent.idle_since.is_some());
    }
}

fn settings(strategy: StrategyName) -> Settings {
    centre(|rules| {
        rules.queues[0].strategy = strategy;
        rules.queues[0].wait_max = Some(Duration::from_secs(90));
        rules.queues[1].waiting_max = 3;
    })
}

fn live(strategy: StrategyName, happenings: &[Happening]) {
    let mut engine = Engine::new(settings(strategy), 1);
    let mut ledger = Ledger::default();
    let mut at = Monotonic(0);
    let mut out = Commands::new();
    let mut step = |engine: &mut Engine, ledger: &mut Ledger, at: Monotonic, event: Event| {
        engine.handle(now(at), event, &mut out);
        ledger.replies += out.take_commands().filter(|it| matches!(it, Command::Reply { .. })).count() as u64;
        out.take_facts().for_each(|stamped| ledger.record(&stamped.fact));
        nobody_waits_for_nothing(engine);
    };
    for happening in happenings {
        at = at + Duration::from_millis(happening.after_ms);
        let event = event(happening, &mut ledger);
        step(&mut engine, &mut ledger, at, event);
    }
    // When it is over, it is over: draining ends everything and leaves nothing behind.
    step(&mut engine, &mut ledger, at, Event::DrainStarted);
    step(&mut engine, &mut ledger, at + Duration::from_secs(3600), Event::Tick);
    assert!(engine.is_idle() && engine.offers.is_empty() && engine.in_talk.is_empty());
    assert!(ledger.queued.values().all(|&(left, ended)| left && ended), "every call has its one end");
    assert!(ledger.offers.values().all(|&(_, over)| over), "every offer has its one outcome");
    assert_eq!(ledger.requests, ledger.replies, "every request has its one reply");
    step(&mut engine, &mut ledger, at + Duration::from_secs(7200), Event::Tick);
    assert_eq!(engine.next_deadline(), None, "no timer outlives what it was for");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_with_longest_idle(world in prop::collection::vec(happening(), 1..200)) {
        live(StrategyName::LongestIdle, &world);
    }

    #[test]
    fn laws_hold_with_best_skill(world in prop::collection::vec(happening(), 1..200)) {
        live(StrategyName::BestSkill, &world);
    }

    #[test]
    fn laws_hold_with_ring_all(world in prop::collection::vec(happening(), 1..200)) {
        live(StrategyName::RingAll, &world);
    }
}
