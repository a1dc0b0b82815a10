//! What must hold whatever happens: random worlds, in random order, with a ledger of the facts.

use super::*;
use crate::engine::settings::{
    Borrow, ClosingPolicy, Direct, Fatigue, LastAgent, MissedRules, Overflow, OverflowWhen, RecordingMode,
    RecordingRules, Relaxation, WrapUpMode, WrapUpRules,
};
use crate::engine::talk::{GuestRole, RecordingChange, TransferTo};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// One thing that happens, `after` a while. Identities are taken modulo what there is, so that late,
/// repeated and impossible messages occur as often as fitting ones.
#[derive(Clone, Debug)]
struct Happening {
    after_ms: u64,
    what: u8,
    which: u64,
}

/// The happening that is a restart of the process.
const RESTART: u8 = 52;

fn happening() -> impl Strategy<Value = Happening> {
    (0..8_000_u64, 0..=RESTART, any::<u64>()).prop_map(|(after_ms, what, which)| Happening {
        after_ms,
        what,
        which,
    })
}

/// Where a call is, as the facts have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    InQueue,
    Elsewhere,
    Ended,
}

/// What the facts so far say, checked as they come.
#[derive(Default)]
struct Ledger {
    told: BTreeMap<CallId, Told>,
    offers: BTreeMap<OfferId, (AgentId, bool)>,
    requests: u64,
    replies: u64,
    calls: u64,
}

impl Ledger {
    fn record(&mut self, fact: &Fact) {
        match fact {
            Fact::CallQueued { call, .. } => {
                let before = self.told.insert(*call, Told::InQueue);
                assert!(before.is_none_or(|told| told == Told::Elsewhere), "{call} queued while {before:?}");
            }
            Fact::CallTurnedAway { call, .. } => {
                assert_eq!(self.told.insert(*call, Told::Elsewhere), None, "{call} turned away when it came");
            }
            Fact::CallLeftQueue { call, .. } => {
                assert_eq!(
                    self.told.insert(*call, Told::Elsewhere),
                    Some(Told::InQueue),
                    "{call} left its queue"
                );
            }
            Fact::CallEnded { call, .. } => {
                assert_eq!(self.told.insert(*call, Told::Ended), Some(Told::Elsewhere), "{call} ended");
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
            Fact::CallRefused { .. }
            | Fact::CallWidened { .. }
            | Fact::CallDisposed { .. }
            | Fact::InTalk { .. }
            | Fact::QueueClosed { .. }
            | Fact::CallResumed { .. }
            | Fact::CallInterrupted { .. }
            | Fact::QueueReopened { .. }
            | Fact::Reconfigured
            | Fact::AgentStateChanged { .. }
            | Fact::WrapUpEnded { .. } => {}
        }
    }
}

/// The legs that stand, as somebody sees it who knows only what was reported and what was commanded.
#[derive(Default)]
struct Legs {
    callers: BTreeSet<CallId>,
    ringing: BTreeSet<OfferId>,
    up: BTreeSet<OfferId>,
}

impl Legs {
    fn report(&mut self, event: &Event) {
        match event {
            Event::CallArrived { call, .. } => drop(self.callers.insert(*call)),
            Event::LegEnded { leg: LegId::Caller(call) } => drop(self.callers.remove(call)),
            Event::OfferAnswered { offer } => {
                self.ringing.remove(offer);
                self.up.insert(*offer);
            }
            Event::OfferFailed { offer, .. } => drop(self.ringing.remove(offer)),
            Event::LegEnded { leg: LegId::Agent(offer) } => {
                self.ringing.remove(offer);
                self.up.remove(offer);
            }
            Event::LegLost { leg: LegId::Caller(call) } => drop(self.callers.remove(call)),
            Event::LegLost { leg: LegId::Agent(offer) } => drop(self.up.remove(offer)),
            Event::Restarted { standing, .. } => {
                self.ringing.clear();
                self.callers.retain(|call| standing.contains(&LegId::Caller(*call)));
                self.up.retain(|offer| standing.contains(&LegId::Agent(*offer)));
            }
            Event::OfferRinging { .. }
            | Event::LegResumed { .. }
            | Event::AudioStopped { .. }
            | Event::AudioResumed { .. }
            | Event::LegHeld { .. }
            | Event::PromptFinished { .. }
            | Event::TransferAsked { .. }
            | Event::DigitPressed { .. }
            | Event::AgentReachable { .. }
            | Event::Requested { .. }
            | Event::Reconfigured { .. }
            | Event::DrainStarted
            | Event::DrainOver
            | Event::Tick => {}
        }
    }

    fn obey(&mut self, command: &Command) {
        match command {
            Command::OfferAgent { offer, .. }
            | Command::CallAgent { offer, .. }
            | Command::Dial { offer, .. } => {
                assert!(self.ringing.insert(*offer), "{offer} rings already");
            }
            Command::CancelOffer { offer, .. } => drop(self.ringing.remove(offer)),
            Command::Refuse { call, .. } | Command::Hangup { leg: LegId::Caller(call) } => {
                self.callers.remove(call);
            }
            Command::Hangup { leg: LegId::Agent(offer) } => drop(self.up.remove(offer)),
            Command::Bridge { call, offer } => {
                assert!(self.callers.contains(call) && self.up.contains(offer), "{call} with {offer}");
            }
            Command::Join { call, offer, .. } => {
                assert!(self.callers.contains(call) && self.up.contains(offer), "{offer} joins {call}");
            }
            Command::Record { call, .. } => assert!(self.callers.contains(call), "{call} is recorded"),
            Command::Answer { .. }
            | Command::Progress { .. }
            | Command::Ring { .. }
            | Command::TransferTold { .. }
            | Command::Resume { .. }
            | Command::Play { .. }
            | Command::Reply { .. } => {}
        }
    }

    fn all(&self) -> impl Iterator<Item = LegId> {
        let callers = self.callers.iter().copied().map(LegId::Caller);
        callers.chain(self.up.iter().copied().map(LegId::Agent))
    }

    /// No phone rings and no leg stands that the engine has forgotten.
    fn are_known_to(&self, engine: &Engine) -> Result<(), String> {
        let call = |id: &&CallId| {
            !engine.calls.contains_key(id)
                && !engine.service_calls.contains_key(id)
                && !engine.internal.contains_key(id)
        };
        let talks = |id: &OfferId| engine.in_talk.contains_key(id) || engine.guests.contains_key(id);
        let rung = |id: &&OfferId| !engine.offers.contains_key(id) && !talks(id);
        if let Some(lost) = self.callers.iter().find(call) {
            return Err(format!("caller {lost} is left alone"));
        }
        if let Some(lost) = self.ringing.iter().find(rung) {
            return Err(format!("the phone of offer {lost} rings on"));
        }
        match self.up.iter().find(|id| !talks(id)) {
            Some(lost) => Err(format!("nobody hangs up the leg of offer {lost}")),
            None => Ok(()),
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
            let dialled = ["100", "101", "102", "200", "*11", "*13", "999", "ben", "carla"][pick(9) as usize]
                .to_owned();
            let number = ["", "1", "2", "anonymous"][pick(4) as usize].to_owned();
            let wishes = Wishes {
                requirement: pick(5).is_multiple_of(3).then(|| needs(SPANISH, 1 + pick(6) as u8)),
                priority: pick(9).is_multiple_of(4).then(|| Duration::from_secs(pick(60))),
                agent: pick(11).is_multiple_of(5).then_some(agent),
            };
            Event::CallArrived {
                call: CallId(ledger.calls),
                dialled,
                caller: Caller { number, ..Caller::default() },
                agent: happening.which.is_multiple_of(2).then_some(agent),
                sip_call_id: String::new(),
                wishes: (wishes != Wishes::default()).then(|| Box::new(wishes)),
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
        19 => request(Request::HangUp { call }),
        20 => request(Request::Reprioritise { call, priority: Duration::from_secs(pick(90)) }),
        21 => request(Request::Require { call, requirement: needs(SPANISH, 1 + pick(8) as u8) }),
        22 => request(Request::Move { call, queue: QueueId(pick(2) as u32) }),
        23 => request(Request::Pull { call, agent }),
        24 => request(Request::Withdraw { call, to: Destination::Number("+49".into()) }),
        25 => request(Request::Explain { call }),
        26 => {
            let until = pick(3).is_multiple_of(2).then(|| Wall(i64::from(pick(400) as u32) * 1000));
            request(Request::Close { queue: QueueId(pick(2) as u32), until })
        }
        27 => request(Request::Reopen { queue: QueueId(pick(2) as u32) }),
        28 => request(Request::ExtendWrapUp { agent, by: Duration::from_secs(5) }),
        29 => request(Request::Dispose { agent, disposition: "sale".into() }),
        30 => request(Request::Release { agent }),
        31 => {
            let mut new = settings(StrategyName::LongestIdle).agents[agent.0 as usize].clone();
            new.skills = SkillSet::new([(ENGLISH, pick(9) as u8 + 1), (SPANISH, pick(7) as u8 + 1)]);
            request(Request::EditAgent { agent, settings: Box::new(new) })
        }
        32 => {
            let strategy = StrategyName::TABLE[pick(12) as usize].1;
            Event::Reconfigured { settings: Box::new(settings(strategy)) }
        }
        33..=35 => {
            let role = GuestRole::TABLE[pick(4) as usize].1;
            request(Request::Join { call, agent, role })
        }
        36 => request(Request::SendOut { call, agent }),
        37 => request(Request::TakeOver { call, agent }),
        38 => request(Request::Record { call, change: RecordingChange::TABLE[pick(4) as usize].1 }),
        39 => Event::AudioStopped { leg: LegId::Agent(offer) },
        40 => Event::DigitPressed { leg: LegId::Agent(offer), digit: ['*', '7'][pick(2) as usize] },
        41..=43 => {
            let to = match pick(4) {
                0 => TransferTo::Queue(QueueId(pick(2) as u32)),
                1 => TransferTo::Number("+49".into()),
                _ => TransferTo::Agent(agent),
            };
            if happening.what == 41 {
                request(Request::Transfer { call, to })
            } else {
                request(Request::Consult { call, to })
            }
        }
        44 => request(Request::Conference { call }),
        45 => request(Request::Complete { call }),
        46 => request(Request::Return { call }),
        47..=49 => {
            let own = CallId(1 + (happening.which >> 8) % (ledger.calls + 2));
            let replaces = happening.which.is_multiple_of(3).then_some(LegId::Caller(own));
            let to = ["anna", "ben", "carla", "200", "+49", "nobody"][pick(6) as usize].into();
            Event::TransferAsked { leg: LegId::Agent(offer), to, replaces }
        }
        50 => Event::TransferAsked {
            leg: LegId::Caller(call),
            to: String::new(),
            replaces: Some(LegId::Agent(offer)),
        },
        _ => Event::LegHeld { leg: LegId::Agent(offer), held: pick(2) == 0 },
    }
}

/// Two queues with most rules switched on.
fn settings(strategy: StrategyName) -> Settings {
    let secs = Duration::from_secs;
    centre(|rules| {
        let anybody = Relaxation { after: secs(20), requirement: Requirement::ANYBODY };
        rules.dispositions = vec!["sale".into()];
        rules.primary_first = secs(30);
        rules.fatigue = Some(Fatigue { occupancy_max: 0.8, over: secs(600), rest: secs(15) });
        rules.agents[1].secondary = vec![ENGLISH];
        rules.agents[2].capacity = 2;
        rules.numbers[1].relaxation = vec![anybody.clone()];
        rules.numbers[2].direct = Some(Direct { agent: AgentId(0), wait: secs(12) });
        let [sales, support, ..] = &mut rules.queues[..] else { panic!("two queues") };
        sales.strategy = strategy;
        sales.recording = RecordingRules { mode: RecordingMode::Always, ..RecordingRules::default() };
        rules.talk_keys.record = Some("*7".into());
        sales.wait_max = Some(secs(90));
        sales.secondary_after = secs(10);
        sales.relaxation = vec![anybody];
        sales.last_agent = Some(LastAgent { within: secs(3600), wait: secs(15) });
        sales.resume_within = Some(secs(60));
        sales.missed = MissedRules { rest_max: secs(60), pause_after: Some(4), ..MissedRules::same(secs(5)) };
        support.strategy = strategy;
        support.waiting_max = 3;
        support.overflow = vec![
            Overflow { when: OverflowWhen::Waited(secs(25)), to: Destination::Queue(QueueId(0)) },
            Overflow { when: OverflowWhen::Full, to: Destination::Queue(QueueId(0)) },
            Overflow { when: OverflowWhen::Closed, to: Destination::Number("+49".into()) },
            Overflow { when: OverflowWhen::NoAgents, to: Destination::Message("all-busy".into()) },
            Overflow { when: OverflowWhen::Waited(secs(40)), to: Destination::Number("+49".into()) },
        ];
        support.borrow = vec![Borrow {
            from: QueueId(0),
            after: secs(8),
            lender_wait_max: Some(secs(5)),
            lender_service_level_min: Some(0.2),
        }];
        support.refuse_when_all = vec![AgentState::LoggedOut];
        support.leave_when_all = vec![AgentState::LoggedOut, AgentState::Paused];
        support.closing = ClosingPolicy::Leave;
        support.wrap_up_rules =
            WrapUpRules { mode: WrapUpMode::Mandatory, extension_max: secs(10), disposition_required: true };
    })
}

fn offer_of(event: &Event) -> Option<OfferId> {
    match event {
        Event::OfferAnswered { offer } | Event::OfferFailed { offer, .. } => Some(*offer),
        Event::LegEnded { leg: LegId::Agent(offer) } | Event::LegHeld { leg: LegId::Agent(offer), .. } => {
            Some(*offer)
        }
        Event::CallArrived { .. }
        | Event::AudioStopped { .. }
        | Event::AudioResumed { .. }
        | Event::OfferRinging { .. }
        | Event::Restarted { .. }
        | Event::LegResumed { .. }
        | Event::LegLost { .. }
        | Event::LegEnded { leg: LegId::Caller(_) }
        | Event::LegHeld { leg: LegId::Caller(_), .. }
        | Event::PromptFinished { .. }
        | Event::TransferAsked { .. }
        | Event::DigitPressed { .. }
        | Event::AgentReachable { .. }
        | Event::Requested { .. }
        | Event::Reconfigured { .. }
        | Event::DrainStarted
        | Event::DrainOver
        | Event::Tick => None,
    }
}

/// An engine with all who watch it.
struct World {
    engine: Engine,
    ledger: Ledger,
    legs: Legs,
    /// The engine as it was written down and read back at some moment, and has gone on since.
    twin: Option<Engine>,
    /// Legs that were to be asked for after a restart and have not answered.
    asked: Vec<LegId>,
}

impl World {
    fn step(&mut self, at: Monotonic, event: Event) {
        let told = format!("{event:?}");
        let mut out = Commands::new();
        self.engine.handle(now(at), event.clone(), &mut out);
        let commands: Vec<_> = out.take_commands().collect();
        let facts: Vec<_> = out.take_facts().collect();
        self.ledger.replies +=
            commands.iter().filter(|it| matches!(it, Command::Reply { .. })).count() as u64;
        facts.iter().for_each(|stamped| self.ledger.record(&stamped.fact));
        self.legs.report(&event);
        commands.iter().for_each(|command| self.legs.obey(command));
        for command in &commands {
            if let Command::Resume { leg, .. } = command {
                self.asked.push(*leg);
            }
        }
        let sound = self.engine.audit(now(at)).and_then(|()| self.legs.are_known_to(&self.engine));
        if let Err(wrong) = sound {
            panic!("after {told} at {at:?}: {wrong}");
        }
        if let Some(twin) = &mut self.twin {
            twin.handle(now(at), event, &mut out);
            assert_eq!(out.take_commands().collect::<Vec<_>>(), commands, "read back, then {told}");
            assert_eq!(out.take_facts().collect::<Vec<_>>(), facts, "read back, then {told}");
        }
    }

    /// The process is killed and begins anew; some legs are gone by then, and some phones.
    fn restart(&mut self, at: Monotonic, which: u64) {
        let bit = |number: u64| (which >> (number % 60)) & 3 != 0;
        let number = |leg: &LegId| match leg {
            LegId::Caller(CallId(id)) => *id,
            LegId::Agent(OfferId(id)) => *id + 7,
        };
        let standing: Vec<LegId> = self.legs.all().filter(|leg| bit(number(leg))).collect();
        let reachable = (0..3).map(AgentId).filter(|agent| bit(u64::from(agent.0) + 31)).collect();
        self.asked.clear();
        self.step(at, Event::Restarted { standing, reachable });
        let asked: BTreeSet<LegId> = self.asked.iter().copied().collect();
        assert_eq!(asked.len(), self.asked.len(), "nobody is asked for twice");
        let all: BTreeSet<LegId> = self.legs.all().collect();
        assert_eq!(asked, all, "who is neither hung up nor asked for is forgotten");
    }

    /// Of those who were asked for, one answers or is lost.
    fn somebody_answers(&mut self, at: Monotonic, which: u64) {
        if self.asked.is_empty() {
            return;
        }
        let leg = self.asked.swap_remove(usize::try_from(which % 5).unwrap() % self.asked.len());
        // He may have hung up before he could answer, or was hung up.
        if self.legs.all().any(|known| known == leg) {
            let there = which & 4 == 0;
            self.step(at, if there { Event::LegResumed { leg } } else { Event::LegLost { leg } });
        }
    }

    /// Writes the engine down and reads it back.
    fn write_down(&mut self) {
        let twin = super::snapshot::copy(&self.engine);
        assert_eq!(twin, self.engine);
        self.twin = Some(twin);
    }
}

fn live(strategy: StrategyName, happenings: &[Happening]) {
    let engine = Engine::new(settings(strategy), 1, 7);
    let mut world =
        World { engine, ledger: Ledger::default(), legs: Legs::default(), twin: None, asked: Vec::new() };
    let mut at = Monotonic(0);
    for happening in happenings {
        at = at + Duration::from_millis(happening.after_ms);
        world.somebody_answers(at, happening.which);
        if happening.what == RESTART {
            world.restart(at, happening.which);
            continue;
        }
        let event = event(happening, &mut world.ledger);
        // What is said of an offer that is yet to be made comes after what is due by then, or it would be of another; and
        // what was due before a leg ended may still have been about it.
        let too_early = offer_of(&event).is_some_and(|offer| !world.ledger.offers.contains_key(&offer));
        if too_early || matches!(event, Event::LegEnded { .. }) {
            world.step(at, Event::Tick);
        }
        world.step(at, event);
        if happening.which.is_multiple_of(32) {
            world.write_down();
        }
    }
    // When it is over, it is over: draining ends everything and leaves nothing behind.
    world.step(at, Event::DrainStarted);
    let much_later = at + Duration::from_secs(3600);
    world.step(much_later, Event::Tick);
    let World { engine, ledger, legs, .. } = &world;
    assert!(engine.is_idle() && engine.offers.is_empty() && engine.in_talk.is_empty());
    assert!(engine.away.is_empty(), "nobody is asked for who is gone");
    assert!(legs.callers.is_empty() && legs.ringing.is_empty() && legs.up.is_empty());
    assert!(ledger.told.values().all(|&told| told == Told::Ended), "every call has its one end");
    assert!(ledger.offers.values().all(|&(_, over)| over), "every offer has its one outcome");
    assert_eq!(ledger.requests, ledger.replies, "every request has its one reply");
    // What is still due comes to its end, and brings nothing new for ever.
    for _ in 0..20 {
        let Some(due) = world.engine.next_deadline() else { return };
        world.step(due.max(much_later), Event::Tick);
    }
    panic!("a timer outlives what it was for: {:?}", world.engine.next_deadline());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_with_every_strategy(
        strategy in 0..StrategyName::TABLE.len(),
        world in prop::collection::vec(happening(), 1..200),
    ) {
        live(StrategyName::TABLE[strategy].1, &world);
    }
}
