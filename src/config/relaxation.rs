//! `requires` and `relax`: what a queue or a number asks of an agent, at first and after a while.

use super::problem::unknown;
use super::section::Section;
use super::words::Words;
use crate::engine::requirement::{self, ExpressionError};
use crate::engine::settings::Relaxation;
use crate::engine::skill::Requirement;
use std::ops::Range;
use std::time::Duration;

/// More steps than this are a mistake.
const STEPS_MAX: usize = 16;
const AFTER: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

/// What is asked, and where it is written.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) requirement: Requirement,
    pub(super) relaxation: Vec<Relaxation>,
    pub(super) place: Range<usize>,
    pub(super) steps: Vec<Range<usize>>,
}

pub(super) fn read(section: &Section<'_>, words: &Words) -> Asked {
    let place = section.text("requires").map_or(section.span.clone(), |text| text.span);
    let mut asked = Asked { requirement: requires(section, words), place, ..Asked::default() };
    let steps = section.rules("relax", "{ after = \"10s\", requires = \"english\" }");
    if steps.len() > STEPS_MAX {
        section
            .error(&section.span, format!("relax: expected at most {STEPS_MAX} steps, got {}", steps.len()));
    }
    for step in steps {
        step.require("after");
        step.require("requires");
        let requirement = requires(&step, words);
        if let Some(after) = step.duration("after", AFTER) {
            if asked.relaxation.last().is_some_and(|before| before.after >= after) {
                step.error(&step.span, "after: expected more than that of the step before it");
            }
            asked.relaxation.push(Relaxation { after, requirement });
            asked.steps.push(step.span.clone());
        }
        step.finish();
    }
    asked
}

/// The expression under `requires`; nothing there asks for nothing.
fn requires(section: &Section<'_>, words: &Words) -> Requirement {
    let Some(text) = section.text("requires") else { return Requirement::ANYBODY };
    requirement::parse(text.value, &words.skills).unwrap_or_else(|error| {
        // One for the opening quotation mark.
        let place = text.span.start + 1 + error.at().start;
        let message = match &error {
            ExpressionError::UnknownSkill { name, .. } => unknown("skill", name, &words.skills()),
            ExpressionError::Unexpected { .. }
            | ExpressionError::TooDeep { .. }
            | ExpressionError::TooLong { .. } => error.to_string(),
        };
        section.error(&(place..place), format!("requires: {message}"));
        Requirement::ANYBODY
    })
}
