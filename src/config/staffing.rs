//! Whether anybody can ever meet what queues and numbers require, and what the agents lack if not.

use super::numbers::NumberPlaces;
use super::problem::Diagnostics;
use super::queues::QueuePlaces;
use crate::engine::id::{QueueId, SkillId};
use crate::engine::requirement::written;
use crate::engine::settings::{Agent, Number, Queue, Relaxation};
use crate::engine::skill::Requirement;
use std::ops::Range;

/// All that the checks look at.
pub(super) struct Staffing<'a> {
    pub(super) queues: &'a [Queue],
    pub(super) agents: &'a [Agent],
    pub(super) skills: &'a [String],
    pub(super) diagnostics: &'a Diagnostics<'a>,
}

impl Staffing<'_> {
    /// Warns of queues that nobody serves, or whose requirement or one of its steps nobody ever meets.
    pub(super) fn check_queues(&self, places: &[QueuePlaces]) {
        for ((id, queue), place) in (0u32..).map(QueueId).zip(self.queues).zip(places) {
            let label = format!("queue {:?}", queue.name);
            let own = self.staff_of(id);
            if own.is_empty() {
                self.diagnostics.warn(&place.queue, format!("{label}: no agent serves it"));
            }
            for (rule, span) in queue.borrow.iter().zip(&place.borrow) {
                if self.staff_of(rule.from).iter().all(|agent| agent.queues.contains(&id)) {
                    let lender = self.name_of(rule.from);
                    let message = format!(
                        "{label}: borrow: queue {lender:?} has no agents who do not serve this one anyway"
                    );
                    self.diagnostics.warn(span, message);
                }
            }
            let staff = self.staff_of_all(queue, own);
            if staff.is_empty() {
                continue;
            }
            if let Some(lack) = self.lack(&queue.requirement, &staff, &queue.name) {
                self.diagnostics.warn(&place.requires, format!("{label}: {lack}"));
            }
            self.check_steps(&label, queue, &queue.requirement, &queue.relaxation, &place.steps, &staff);
        }
    }

    /// Warns of numbers whose calls nobody could ever take, though somebody could take the queue's.
    pub(super) fn check_numbers(&self, numbers: &[Number], places: &[NumberPlaces]) {
        for (number, place) in numbers.iter().zip(places) {
            let Some(queue) = self.queues.get(number.queue.0 as usize) else { continue };
            let staff = self.staff_of_all(queue, self.staff_of(number.queue));
            // Where the queue alone cannot be served, the queue's own warning says so.
            let of_queue = alternatives(&queue.requirement, &queue.relaxation);
            let staff: Vec<_> = staff.into_iter().filter(|agent| of_queue.is_met_by(&agent.skills)).collect();
            if staff.is_empty() {
                continue;
            }
            let label = format!("number {:?}", number.dialled);
            let whole = of_queue.and(number.requirement.clone());
            if let Some(lack) = self.lack(&whole, &staff, &queue.name) {
                self.diagnostics.warn(&place.number, format!("{label}: {lack}"));
            }
            self.check_steps(&label, queue, &number.requirement, &number.relaxation, &place.steps, &staff);
        }
    }

    /// Each step must bring somebody who could not take the call before.
    fn check_steps(
        &self,
        label: &str,
        queue: &Queue,
        first: &Requirement,
        steps: &[Relaxation],
        places: &[Range<usize>],
        staff: &[&Agent],
    ) {
        for (at, (step, span)) in steps.iter().zip(places).enumerate() {
            let before = alternatives(first, steps.get(..at).unwrap_or_default());
            let mut met = staff.iter().filter(|agent| step.requirement.is_met_by(&agent.skills)).peekable();
            if met.peek().is_none() {
                let lack = self.lack(&step.requirement, staff, &queue.name).unwrap_or_default();
                self.diagnostics.warn(span, format!("{label}: relax: {lack}"));
            } else if met.all(|agent| before.is_met_by(&agent.skills)) {
                let wanted = written(&step.requirement, self.skills);
                let message = "everybody who meets it could take the call already";
                self.diagnostics.warn(span, format!("{label}: relax: {wanted} adds nobody: {message}"));
            }
        }
    }

    fn staff_of(&self, queue: QueueId) -> Vec<&Agent> {
        self.agents.iter().filter(|agent| agent.queues.contains(&queue)).collect()
    }

    /// The queue's own agents, and those it may borrow.
    fn staff_of_all<'s>(&'s self, queue: &Queue, own: Vec<&'s Agent>) -> Vec<&'s Agent> {
        let lent = queue.borrow.iter().flat_map(|rule| self.staff_of(rule.from));
        own.into_iter().chain(lent).collect()
    }

    fn name_of(&self, queue: QueueId) -> &str {
        self.queues.get(queue.0 as usize).map_or("", |queue| queue.name.as_str())
    }

    /// What is lacking, when none of these agents meets the requirement.
    fn lack(&self, wanted: &Requirement, staff: &[&Agent], queue: &str) -> Option<String> {
        if staff.iter().any(|agent| wanted.is_met_by(&agent.skills)) {
            return None;
        }
        let part = self.lacking(wanted, staff);
        let (whole, lacking) = (written(wanted, self.skills), written(part, self.skills));
        let mut text = format!("no agent of queue {queue:?} has {whole}");
        if part != wanted {
            text.push_str(&format!("; nobody has {lacking}"));
        }
        match part {
            Requirement::Skill { skill, .. } => match best_at(*skill, staff) {
                Some((agent, level)) => text.push_str(&format!("; the best is {} with {level}", agent.name)),
                None => text.push_str("; nobody has the skill at all"),
            },
            Requirement::All(parts) => {
                let met = |agent: &&&Agent| parts.iter().filter(|part| part.is_met_by(&agent.skills)).count();
                if let Some(nearest) = staff.iter().rev().max_by_key(met) {
                    let missing: Vec<_> =
                        parts.iter().filter(|part| !part.is_met_by(&nearest.skills)).cloned().collect();
                    let missing = written(&Requirement::All(missing), self.skills);
                    text.push_str(&format!(
                        "; each part is met, but by no one agent: {} lacks {missing}",
                        nearest.name
                    ));
                }
            }
            Requirement::Any(_) => {}
        }
        Some(text)
    }

    /// The part of a conjunction that nobody meets; the whole when each part has somebody.
    fn lacking<'r>(&self, wanted: &'r Requirement, staff: &[&Agent]) -> &'r Requirement {
        match wanted {
            Requirement::All(parts) => {
                let unmet = |part: &&Requirement| !staff.iter().any(|agent| part.is_met_by(&agent.skills));
                parts.iter().find(unmet).unwrap_or(wanted)
            }
            Requirement::Skill { .. } | Requirement::Any(_) => wanted,
        }
    }
}

/// All that will do once these steps have been taken.
fn alternatives(first: &Requirement, steps: &[Relaxation]) -> Requirement {
    if steps.is_empty() {
        return first.clone();
    }
    Requirement::Any(
        std::iter::once(first.clone()).chain(steps.iter().map(|step| step.requirement.clone())).collect(),
    )
}

fn best_at<'s>(skill: SkillId, staff: &[&'s Agent]) -> Option<(&'s Agent, u8)> {
    let levels = staff.iter().rev().map(|agent| (*agent, agent.skills.proficiency(skill)));
    levels.filter(|(_, level)| *level > 0).max_by_key(|(_, level)| *level)
}
