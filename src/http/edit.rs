//! Editing an agent while it runs: skills, queues, after-call work. What is not said stays as it is, and nothing is
//! written to the configuration file: the next start, or reload, has what that says.

use super::error::ApiError;
use super::steer::queue_in_body;
use super::write::{Done, agent, ask, body};
use super::{From, Sources};
use crate::engine::event::Request;
use crate::engine::id::SkillId;
use crate::engine::settings::{Agent, Settings};
use crate::engine::skill::{PROFICIENCY_MAX, SkillSet};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most calls at once, and the greatest weight.
const FEW_MAX: u8 = 100;
/// The longest after-call work, in seconds.
const WRAP_UP_MAX: u64 = 3600;

const HINT: &str = "such as {\"skills\": {\"spanish\": 3}, \"secondary\": [\"billing\"], \"queues\": [\"sales\"], \
     \"wrap_up_s\": 15, \"capacity\": 1, \"weight\": 1, \"title\": \"Anna\"}, each of them optional; wrap_up_s null is the queue's own";

/// What is to change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    title: Option<String>,
    skills: Option<BTreeMap<String, u8>>,
    secondary: Option<Vec<String>>,
    queues: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    wrap_up_s: Option<Option<u64>>,
    capacity: Option<u8>,
    weight: Option<u8>,
}

/// Tells `null`, which is a value, from nothing said.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(from).map(Some)
}

pub(super) async fn agent_edited(State(sources): From, Path(name): Path<String>, bytes: Bytes) -> Done {
    let id = agent(&sources, &name)?;
    let edit: Edit = body(&bytes, HINT)?;
    let settings = Box::new(edited(&sources, &name, edit)?);
    ask(&sources, Request::EditAgent { agent: id, settings }).await
}

fn edited(sources: &Sources, name: &str, edit: Edit) -> Result<Agent, ApiError> {
    let rules = sources.rules();
    let old = rules.agents.iter().find(|agent| agent.name == name && !agent.retired);
    let mut agent = old.cloned().ok_or_else(|| ApiError::unknown("agent", name, std::iter::empty()))?;
    if let Some(title) = edit.title {
        agent.title = title;
    }
    if let Some(skills) = edit.skills {
        let levels =
            skills.iter().map(|(name, level)| Ok((skill(&rules, name)?, proficiency(name, *level)?)));
        agent.skills = SkillSet::new(levels.collect::<Result<Vec<_>, ApiError>>()?);
        // A secondary skill that he no longer has is none.
        agent.secondary.retain(|skill| agent.skills.proficiency(*skill) > 0);
    }
    if let Some(secondary) = edit.secondary {
        agent.secondary =
            secondary.iter().map(|name| lent(&rules, &agent, name)).collect::<Result<_, _>>()?;
    }
    if let Some(queues) = edit.queues {
        agent.queues = queues.iter().map(|name| queue_in_body(&rules, name)).collect::<Result<_, _>>()?;
        agent.queues.sort_unstable();
        agent.queues.dedup();
    }
    if let Some(wrap_up) = edit.wrap_up_s {
        if wrap_up.is_some_and(|seconds| seconds > WRAP_UP_MAX) {
            return Err(unusable("wrap_up_s is out of range", format!("from 0 to {WRAP_UP_MAX}")));
        }
        agent.wrap_up = wrap_up.map(Duration::from_secs);
    }
    agent.capacity = few("capacity", edit.capacity, agent.capacity)?;
    agent.weight = few("weight", edit.weight, agent.weight)?;
    Ok(agent)
}

fn skill(rules: &Settings, name: &str) -> Result<SkillId, ApiError> {
    let at = rules.skills.iter().position(|skill| skill == name).and_then(|at| u32::try_from(at).ok());
    let known = rules.skills.iter().map(String::as_str);
    at.map(SkillId).ok_or_else(|| ApiError::unknown_in_body("skill", name, known))
}

fn proficiency(name: &str, level: u8) -> Result<u8, ApiError> {
    if (1..=PROFICIENCY_MAX).contains(&level) {
        return Ok(level);
    }
    Err(unusable(
        format!("{name}: {level} is no proficiency"),
        format!("from 1 to {PROFICIENCY_MAX}; leave the skill out to take it away"),
    ))
}

/// A skill he has, to lend a hand with.
fn lent(rules: &Settings, agent: &Agent, name: &str) -> Result<SkillId, ApiError> {
    let skill = skill(rules, name)?;
    if agent.skills.proficiency(skill) > 0 {
        return Ok(skill);
    }
    Err(unusable(format!("secondary: {name} is none of the agent's skills"), "name it under skills too"))
}

fn few(what: &str, wanted: Option<u8>, before: u8) -> Result<u8, ApiError> {
    match wanted {
        Some(count) if !(1..=FEW_MAX).contains(&count) => {
            Err(unusable(format!("{what} is out of range"), format!("from 1 to {FEW_MAX}")))
        }
        other => Ok(other.unwrap_or(before)),
    }
}

fn unusable(error: impl Into<String>, hint: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error, hint)
}
