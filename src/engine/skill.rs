//! Skills, proficiencies, and what a call requires of an agent.

use super::id::SkillId;
use serde::{Deserialize, Serialize};

/// How well an agent masters a skill: 1 (just) to 10 (best). No skill at all is 0.
pub type Proficiency = u8;

/// The highest proficiency there is.
pub const PROFICIENCY_MAX: Proficiency = 10;

/// The skills one agent has, each once, ordered by skill.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SkillSet(Vec<(SkillId, Proficiency)>);

impl SkillSet {
    /// Collects skills; of a skill named twice the higher proficiency counts.
    pub fn new(skills: impl IntoIterator<Item = (SkillId, Proficiency)>) -> Self {
        let mut skills: Vec<_> = skills.into_iter().collect();
        skills.sort_by_key(|&(skill, proficiency)| (skill, std::cmp::Reverse(proficiency)));
        skills.dedup_by_key(|&mut (skill, _)| skill);
        Self(skills)
    }

    /// The proficiency in `skill`, 0 when the agent lacks it.
    pub fn proficiency(&self, skill: SkillId) -> Proficiency {
        self.0
            .binary_search_by_key(&skill, |&(skill, _)| skill)
            .ok()
            .and_then(|at| self.0.get(at))
            .map_or(0, |&(_, proficiency)| proficiency)
    }

    /// How many skills there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each skill with its proficiency, in the order of the skills.
    pub fn iter(&self) -> impl Iterator<Item = (SkillId, Proficiency)> + '_ {
        self.0.iter().copied()
    }
}

/// What a call requires of the agent who takes it: a boolean expression over skills.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Requirement {
    /// The skill, with at least this proficiency.
    Skill {
        /// Which skill.
        skill: SkillId,
        /// The least proficiency, 1 to [`PROFICIENCY_MAX`].
        min: Proficiency,
    },
    /// All of these. An empty list is met by everybody.
    All(Vec<Requirement>),
    /// At least one of these. An empty list is met by nobody.
    Any(Vec<Requirement>),
}

impl Default for Requirement {
    fn default() -> Self {
        Self::ANYBODY
    }
}

impl Requirement {
    /// Met by every agent.
    pub const ANYBODY: Requirement = Requirement::All(Vec::new());

    /// Whether an agent with these skills may take the call.
    pub fn is_met_by(&self, skills: &SkillSet) -> bool {
        match self {
            Self::Skill { skill, min } => skills.proficiency(*skill) >= *min,
            Self::All(parts) => parts.iter().all(|part| part.is_met_by(skills)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met_by(skills)),
        }
    }

    /// Both requirements together.
    pub fn and(self, other: Requirement) -> Requirement {
        let mut parts = Vec::new();
        for side in [self, other] {
            match side {
                Self::All(inner) => parts.extend(inner),
                side @ (Self::Skill { .. } | Self::Any(_)) => parts.push(side),
            }
        }
        parts.sort();
        parts.dedup();
        match <[Requirement; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => Self::All(parts),
        }
    }

    /// How good the agent is at what is asked: the sum of his proficiencies in the skills named.
    pub fn score(&self, skills: &SkillSet) -> u32 {
        match self {
            Self::Skill { skill, .. } => u32::from(skills.proficiency(*skill)),
            Self::All(parts) => parts.iter().map(|part| part.score(skills)).sum(),
            // Of alternatives only the best one that is met will be used on this call.
            Self::Any(parts) => parts
                .iter()
                .filter(|part| part.is_met_by(skills))
                .map(|part| part.score(skills))
                .max()
                .unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPANISH: SkillId = SkillId(0);
    const BILLING: SkillId = SkillId(1);
    const SALES: SkillId = SkillId(2);

    fn skill(skill: SkillId, min: Proficiency) -> Requirement {
        Requirement::Skill { skill, min }
    }

    #[test]
    fn a_requirement_is_met_only_with_the_proficiency_it_names() {
        let spanish = skill(SPANISH, 3);
        assert!(spanish.is_met_by(&SkillSet::new([(SPANISH, 3)])));
        assert!(!spanish.is_met_by(&SkillSet::new([(SPANISH, 2)])));
        assert!(!spanish.is_met_by(&SkillSet::default()));
    }

    #[test]
    fn alternatives_and_conjunctions_nest() {
        let wanted = skill(SPANISH, 3).and(Requirement::Any(vec![skill(BILLING, 1), skill(SALES, 2)]));
        assert!(wanted.is_met_by(&SkillSet::new([(SPANISH, 4), (SALES, 2)])));
        assert!(!wanted.is_met_by(&SkillSet::new([(SPANISH, 4), (SALES, 1)])));
        assert!(!wanted.is_met_by(&SkillSet::new([(BILLING, 9), (SALES, 9)])));
    }

    #[test]
    fn anybody_meets_the_empty_requirement_and_it_adds_nothing() {
        assert!(Requirement::ANYBODY.is_met_by(&SkillSet::default()));
        assert_eq!(Requirement::ANYBODY.and(skill(SALES, 1)), skill(SALES, 1));
    }

    #[test]
    fn the_same_requirement_in_any_order_is_one_class() {
        assert_eq!(skill(SALES, 1).and(skill(SPANISH, 2)), skill(SPANISH, 2).and(skill(SALES, 1)));
    }

    #[test]
    fn the_score_counts_only_what_was_asked_for() {
        let agent = SkillSet::new([(SPANISH, 5), (BILLING, 7), (SALES, 9)]);
        assert_eq!(skill(SPANISH, 1).score(&agent), 5);
        let either = Requirement::Any(vec![skill(BILLING, 8), skill(SPANISH, 1)]);
        assert_eq!(either.score(&agent), 5, "billing is below what was asked");
    }
}
