//! Callers in processes of their own, so that no one of them is the limit, and what they cost is known.

use super::held_callers::own_cpu;
use super::load::{Load, Plan, Tally, due_after};
use super::process::{self, Process};
use super::{BenchError, post};
use std::thread::sleep;
use std::time::Duration;

/// The command whose process calls.
const NAME: &str = "callers";
/// From now until the first call is due: by then the processes have started.
const START: Duration = Duration::from_millis(500);
/// After the last call was placed: hold, BYE, and whatever is still on its way.
const LAST_CALL: Duration = Duration::from_secs(35);

/// The callers of one run.
pub(super) struct Generators {
    /// When the first call is due, since 1970.
    pub begin: Duration,
    /// Until when all are over, however they do.
    deadline: Duration,
    who: Who,
}

enum Who {
    Here(Load),
    Processes(Vec<Process>),
}

impl Generators {
    /// Shares the plan's calls out among so many processes; 0: a thread of this one.
    pub fn start(plan: Plan, processes: usize) -> Result<Generators, BenchError> {
        let begin = post::now() + START;
        let last_due = begin + due_after(plan.count, plan.per_second);
        let deadline = last_due + plan.hold.unwrap_or_default() + LAST_CALL;
        let plan = Plan { begin: Some(begin), ..plan };
        let who = if processes == 0 {
            Who::Here(Load::start(plan)?)
        } else {
            let share = |number| Plan {
                count: (plan.count + processes - 1 - number) / processes,
                number,
                of: processes,
                ..plan.clone()
            };
            Who::Processes((0..processes).map(|n| Process::start(NAME, &share(n))).collect::<Result<_, _>>()?)
        };
        Ok(Generators { begin, deadline, who })
    }

    /// Waits until all calls are over, or had time enough. About ten times a second the time is told meanwhile.
    pub fn finish(self, mut meanwhile: impl FnMut(Duration)) -> Result<Tally, BenchError> {
        while !self.who.is_finished() && post::now() < self.deadline {
            sleep(Duration::from_millis(100));
            meanwhile(post::now());
        }
        match self.who {
            Who::Here(load) => {
                load.stop();
                Ok(load.finish()?)
            }
            Who::Processes(processes) => {
                let mut whole = Tally::default();
                for process in processes {
                    whole.merge(&process.finish::<Tally>()?);
                }
                Ok(whole)
            }
        }
    }
}

impl Who {
    fn is_finished(&self) -> bool {
        match self {
            Who::Here(load) => load.is_finished(),
            Who::Processes(all) => all.iter().all(Process::is_finished),
        }
    }
}

/// What such a process does: a plan is read, carried out, and its tally printed.
///
/// # Errors
/// See [`BenchError`].
pub fn callers() -> Result<(), BenchError> {
    let plan: Plan = process::told()?;
    let last_due = plan.begin.unwrap_or_else(post::now) + due_after(plan.count * plan.of, plan.per_second);
    // A little before whoever started us stops waiting.
    let deadline = last_due + plan.hold.unwrap_or_default() + LAST_CALL - Duration::from_secs(1);
    let load = Load::start(plan)?;
    while !load.is_finished() && post::now() < deadline {
        sleep(Duration::from_millis(20));
    }
    load.stop();
    process::tell(&Tally { cpu: own_cpu()?, ..load.finish()? })
}
