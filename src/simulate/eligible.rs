//! Who may take a call, and from when on: worked out from the settings alone, and not as the engine does it, so
//! that the one can be held against the other.

use crate::engine::settings::{Agent, Relaxation, Settings};
use crate::engine::skill::Requirement;
use std::time::Duration;

/// From when on, counted from joining the queue, an agent may take a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Since {
    /// The earliest moment at which he may.
    pub may: Option<Duration>,
    /// From when on he must not stand idle while it waits.
    pub must: Option<Duration>,
}

/// For each agent, from when on he may take a call to this number.
pub(super) fn agents(settings: &Settings, number: usize) -> Vec<Since> {
    settings.agents.iter().map(|agent| since(settings, number, agent).unwrap_or_default()).collect()
}

fn since(settings: &Settings, number: usize, agent: &Agent) -> Option<Since> {
    let number = settings.numbers.get(number)?;
    let queue = settings.queue(number.queue)?;
    if agent.retired {
        return None;
    }
    let mut skilled: Option<Duration> = None;
    // Who is lent helps with all his skills from the first moment on.
    let mut able: Option<Duration> = None;
    let earlier = |known: &mut Option<Duration>, after: Duration| {
        *known = Some(known.map_or(after, |known| known.min(after)));
    };
    for (of_queue, required) in steps(&queue.requirement, &queue.relaxation) {
        for (of_number, besides) in steps(&number.requirement, &number.relaxation) {
            let whole = required.clone().and(besides.clone());
            let after = of_queue.max(of_number);
            if whole.is_met_by(&agent.skills) {
                let is_primary = whole.is_met_by(&agent.primary_skills());
                earlier(&mut able, after);
                earlier(&mut skilled, if is_primary { after } else { after.max(queue.secondary_after) });
            }
        }
    }
    let (skilled, able) = (skilled?, able?);
    let own = agent.queues.contains(&number.queue).then_some(skilled);
    let lent = queue.borrow.iter().filter(|borrow| agent.queues.contains(&borrow.from));
    let lent = lent.map(|borrow| able.max(borrow.after)).min();
    // Whether a lender's agents must help depends on how the lender stands.
    Some(Since { may: own.into_iter().chain(lent).min(), must: own })
}

/// A requirement and what will do instead of it, each with the wait it takes.
fn steps<'r>(
    requirement: &'r Requirement,
    relaxation: &'r [Relaxation],
) -> impl Iterator<Item = (Duration, &'r Requirement)> {
    std::iter::once((Duration::ZERO, requirement))
        .chain(relaxation.iter().map(|step| (step.after, &step.requirement)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::id::{QueueId, SkillId};
    use crate::engine::settings::{Borrow, Number, Queue};
    use crate::engine::skill::SkillSet;

    const SPANISH: SkillId = SkillId(0);

    fn spanish(min: u8) -> Requirement {
        Requirement::Skill { skill: SPANISH, min }
    }

    fn agent(level: u8, queue: u32) -> Agent {
        Agent { skills: SkillSet::new([(SPANISH, level)]), queues: vec![QueueId(queue)], ..Agent::default() }
    }

    fn seconds(since: Since) -> (Option<u64>, Option<u64>) {
        (since.may.map(|span| span.as_secs()), since.must.map(|span| span.as_secs()))
    }

    #[test]
    fn each_agent_may_take_a_call_from_the_step_on_that_he_meets() {
        let step = Relaxation { after: Duration::from_secs(10), requirement: spanish(2) };
        let borrow = Borrow {
            from: QueueId(1),
            after: Duration::from_secs(30),
            lender_wait_max: None,
            lender_service_level_min: None,
        };
        let queue = Queue {
            requirement: spanish(3),
            relaxation: vec![step],
            secondary_after: Duration::from_secs(15),
            borrow: vec![borrow],
            ..Queue::default()
        };
        let secondary = Agent { secondary: vec![SPANISH], ..agent(5, 0) };
        let settings = Settings {
            queues: vec![queue, Queue::default()],
            numbers: vec![Number::default()],
            agents: vec![agent(3, 0), agent(2, 0), agent(1, 0), secondary, agent(3, 1)],
            ..Settings::default()
        };
        let told: Vec<_> = agents(&settings, 0).into_iter().map(seconds).collect();
        assert_eq!(
            told,
            [(Some(0), Some(0)), (Some(10), Some(10)), (None, None), (Some(15), Some(15)), (Some(30), None)]
        );
    }
}
