//! Who waits and who is free, grouped so that matching never scans all of either.
//!
//! Callers of one queue with one requirement form a *class*; agents with the same skills and queues form a
//! *group*. Which groups may serve which classes is worked out when the settings are read. An event then
//! costs in proportion to the classes or groups it touches, however many wait.

use super::id::{AgentId, CallId, QueueId};
use super::settings::{Number, Settings};
use super::skill::{Requirement, SkillSet};
use super::time::Monotonic;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A class of waiting calls.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct ClassId(usize);

/// A group of agents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct GroupId(usize);

/// A place in line. Ordered by the moment of joining less the wait the call is credited with: priority is a
/// head start, so that nobody starves behind it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    since_us: i128,
    call: CallId,
    class: ClassId,
}

impl Place {
    pub(super) fn new(joined: Monotonic, credit: Duration, call: CallId, class: ClassId) -> Self {
        let credit_us = i128::try_from(credit.as_micros()).unwrap_or(i128::MAX);
        Self { since_us: i128::from(joined.0).saturating_sub(credit_us), call, class }
    }

    pub(super) fn class(self) -> ClassId {
        self.class
    }

    pub(super) fn call(self) -> CallId {
        self.call
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Class {
    queue: QueueId,
    requirement: Requirement,
    groups: Vec<GroupId>,
    line: BTreeSet<Place>,
}

/// Agents who are interchangeable but for how long they have been free.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    pub skills: SkillSet,
    queues: Vec<QueueId>,
    classes: Vec<ClassId>,
    /// Those who are ready, longest free first.
    pub ready: BTreeSet<(Monotonic, AgentId)>,
}

/// All classes and groups.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Floor {
    classes: Vec<Class>,
    groups: Vec<Group>,
    /// A dialled number's place in the settings, and its class.
    by_number: BTreeMap<String, (usize, ClassId)>,
}

impl Floor {
    /// Works out classes, groups and who may serve whom. Also gives each agent's group.
    pub(super) fn new(settings: &Settings) -> (Self, Vec<GroupId>) {
        let mut floor = Self::default();
        let membership =
            settings.agents.iter().map(|agent| floor.group_of(&agent.skills, &agent.queues)).collect();
        for (at, number) in settings.numbers.iter().enumerate() {
            let class = floor.class_of(settings, number);
            floor.by_number.insert(number.dialled.clone(), (at, class));
        }
        (floor, membership)
    }

    fn group_of(&mut self, skills: &SkillSet, queues: &[QueueId]) -> GroupId {
        let known = self.groups.iter().position(|group| group.skills == *skills && group.queues == queues);
        GroupId(known.unwrap_or_else(|| {
            self.groups.push(Group {
                skills: skills.clone(),
                queues: queues.to_vec(),
                classes: Vec::new(),
                ready: BTreeSet::new(),
            });
            self.groups.len() - 1
        }))
    }

    fn class_of(&mut self, settings: &Settings, number: &Number) -> ClassId {
        let of_queue =
            settings.queue(number.queue).map(|queue| queue.requirement.clone()).unwrap_or_default();
        let requirement = of_queue.and(number.requirement.clone());
        let known = self
            .classes
            .iter()
            .position(|class| class.queue == number.queue && class.requirement == requirement);
        ClassId(known.unwrap_or_else(|| {
            let class = ClassId(self.classes.len());
            let mut groups = Vec::new();
            for (at, group) in self.groups.iter_mut().enumerate() {
                if group.queues.contains(&number.queue) && requirement.is_met_by(&group.skills) {
                    groups.push(GroupId(at));
                    group.classes.push(class);
                }
            }
            self.classes.push(Class { queue: number.queue, requirement, groups, line: BTreeSet::new() });
            class.0
        }))
    }

    /// A dialled number's place in the settings, and the class of calls to it. A site may have ten thousand.
    pub(super) fn number(&self, dialled: &str) -> Option<(usize, ClassId)> {
        self.by_number.get(dialled).copied()
    }

    /// Puts a call in line.
    pub(super) fn join(&mut self, place: Place) {
        if let Some(class) = self.classes.get_mut(place.class.0) {
            class.line.insert(place);
        }
    }

    /// Takes a call out of line.
    pub(super) fn leave(&mut self, place: Place) {
        if let Some(class) = self.classes.get_mut(place.class.0) {
            class.line.remove(&place);
        }
    }

    pub(super) fn add_ready(&mut self, group: GroupId, since: Monotonic, agent: AgentId) {
        if let Some(group) = self.groups.get_mut(group.0) {
            group.ready.insert((since, agent));
        }
    }

    pub(super) fn remove_ready(&mut self, group: GroupId, since: Monotonic, agent: AgentId) {
        if let Some(group) = self.groups.get_mut(group.0) {
            group.ready.remove(&(since, agent));
        }
    }

    /// Who is next among all that this group may serve, across its queues: the earliest place.
    pub(super) fn next_for(&self, group: GroupId) -> Option<Place> {
        let classes = &self.groups.get(group.0)?.classes;
        classes.iter().filter_map(|class| self.classes.get(class.0)?.line.first().copied()).min()
    }

    /// The free agents who may serve this class.
    pub(super) fn ready_for(&self, class: ClassId) -> Ready<'_> {
        let class = self.classes.get(class.0);
        let groups = class
            .into_iter()
            .flat_map(|class| &class.groups)
            .filter_map(|group| self.groups.get(group.0))
            .filter(|group| !group.ready.is_empty())
            .collect();
        Ready { requirement: class.map(|class| &class.requirement), groups }
    }
}

/// The free, qualified agents for a call: never an empty group among them.
pub(super) struct Ready<'a> {
    requirement: Option<&'a Requirement>,
    groups: Vec<&'a Group>,
}

impl Ready<'_> {
    /// Whether nobody is free.
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How well a group's agents master what the call requires.
    pub(super) fn score(&self, group: &Group) -> u32 {
        self.requirement.map_or(0, |requirement| requirement.score(&group.skills))
    }

    /// The groups with someone free.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().copied()
    }
}
