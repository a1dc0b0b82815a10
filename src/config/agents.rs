//! `[[agent]]` and `[[account]]`: who answers, with what skills, and who else has a SIP account.

use super::audio;
use super::presenting;
use super::problem::unknown;
use super::queues::{name, wrap_up_rules};
use super::section::Section;
use super::words::Words;
use crate::engine::id::{AgentId, QueueId, SkillId};
use crate::engine::settings::{Agent, Login, PhoneOrder, Queue};
use crate::engine::skill::{PROFICIENCY_MAX, Proficiency, SkillSet};
use crate::secret::Secret;
use crate::sip::settings::Account;
use std::ops::Range;
use std::time::Duration;

/// An account, and where its name and its password stand.
pub(super) struct PlacedAccount {
    pub(super) account: Account,
    pub(super) name_span: Range<usize>,
    pub(super) password_span: Range<usize>,
}

/// The agents, and their accounts in the same order.
pub(super) fn read(root: &Section<'_>, words: &Words, queues: &[Queue]) -> (Vec<Agent>, Vec<PlacedAccount>) {
    let (mut agents, mut accounts) = (Vec::new(), Vec::new());
    for (id, section) in (0u32..).map(AgentId).zip(root.tables("agent")) {
        let account = account(&section, Some(id));
        refuse_duplicate(&section, &accounts, &account);
        agents.push(read_one(&section, words, queues, &account));
        accounts.push(account);
        section.finish();
    }
    (agents, accounts)
}

/// The accounts of those who are no agents, added to the agents' own.
pub(super) fn read_accounts(root: &Section<'_>, accounts: &mut Vec<PlacedAccount>) {
    for section in root.tables("account") {
        let account = account(&section, None);
        refuse_duplicate(&section, accounts, &account);
        accounts.push(account);
        section.finish();
    }
}

fn refuse_duplicate(section: &Section<'_>, known: &[PlacedAccount], new: &PlacedAccount) {
    let name = &new.account.name;
    if !name.is_empty() && known.iter().any(|other| other.account.name == *name) {
        section.error(&new.name_span, "another agent or account has this name already; give each its own");
    }
}

fn account(section: &Section<'_>, agent: Option<AgentId>) -> PlacedAccount {
    let (name, name_span) = name(section);
    let contact = match agent {
        Some(_) => section.parsed("contact", "a SIP URI such as \"sip:anna@192.0.2.10:5060\"", sip_uri),
        None => None,
    };
    let password = section.secret("password");
    if password.is_none() && contact.is_none() && !section.has("password") {
        let remedy = if agent.is_some() { ", or contact, if the phone has a fixed address" } else { "" };
        section.error(&section.span, format!("password is missing{remedy}"));
    }
    let (password, password_span) = match password {
        Some((password, span)) => (Some(password), span),
        None => (None, section.span.clone()),
    };
    let media = audio::wishes(section);
    let preset = agent.and_then(|_| presenting::preset(section));
    let account = Account { name, password, agent, contact, media, preset };
    PlacedAccount { account, name_span, password_span }
}

fn sip_uri(text: &str) -> Option<String> {
    let rest = text.strip_prefix("sip:").or_else(|| text.strip_prefix("sips:"))?;
    let host = rest.rsplit('@').next().unwrap_or_default();
    let plain =
        text.len() <= 256 && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"'));
    (plain && !host.is_empty()).then(|| text.to_owned())
}

fn read_one(section: &Section<'_>, words: &Words, queues: &[Queue], account: &PlacedAccount) -> Agent {
    let name = account.account.name.clone();
    let own_queues = own_queues(section, queues, &account.name_span);
    let hour = Duration::from_secs(3600);
    let skills = skills(section, words);
    let few = |key| section.count(key, 1..=100).and_then(|count| u8::try_from(count).ok()).unwrap_or(1);
    Agent {
        title: section.text("title").map_or_else(|| name.clone(), |title| title.value.to_owned()),
        secondary: secondary(section, &skills, words),
        skills,
        queues: own_queues,
        wrap_up: section.duration("wrap_up", Duration::ZERO..=hour),
        wrap_up_rules: wrap_up_rules(section, words),
        login: section
            .choice("login", &[("manual", Login::Manual), ("automatic", Login::Automatic)])
            .unwrap_or_default(),
        capacity: few("capacity"),
        weight: few("weight"),
        phones: section
            .choice("phones", &[("together", PhoneOrder::Together), ("in-order", PhoneOrder::InOrder)])
            .unwrap_or_default(),
        retired: false,
        name,
    }
}

/// Those of his skills that come second.
fn secondary(section: &Section<'_>, skills: &SkillSet, words: &Words) -> Vec<SkillId> {
    let named = |skill: SkillId| words.skills.get(skill.0 as usize).map(String::as_str);
    let own: Vec<_> = skills.iter().filter_map(|(skill, _)| Some((skill, named(skill)?))).collect();
    let mut secondary = Vec::new();
    for text in section.texts("secondary").unwrap_or_default() {
        match own.iter().find(|(_, name)| *name == text.value) {
            Some((skill, _)) => secondary.push(*skill),
            None => {
                let known: Vec<_> = own.iter().map(|(_, name)| *name).collect();
                let message = unknown("skill of this agent", text.value, &known);
                section.error(&text.span, format!("secondary: {message}"));
            }
        }
    }
    secondary.sort_unstable();
    secondary.dedup();
    secondary
}

fn skills(section: &Section<'_>, words: &Words) -> SkillSet {
    let mut skills: Vec<(SkillId, Proficiency)> = Vec::new();
    for (name, level) in section.levels("skills", 1..=i64::from(PROFICIENCY_MAX)) {
        let at = words.skills.iter().position(|skill| skill == name.value);
        match (at.and_then(|at| u32::try_from(at).ok()), u8::try_from(level)) {
            (Some(at), Ok(level)) => skills.push((SkillId(at), level)),
            _ => section
                .error(&name.span, format!("skills: {}", unknown("skill", name.value, &words.skills()))),
        }
    }
    SkillSet::new(skills)
}

fn own_queues(section: &Section<'_>, queues: &[Queue], name_span: &Range<usize>) -> Vec<QueueId> {
    let names: Vec<_> = queues.iter().map(|queue| queue.name.as_str()).collect();
    let mut own = Vec::new();
    for text in section.texts("queues").unwrap_or_default() {
        match queue_named(queues, text.value) {
            Some(queue) => own.push(queue),
            None => section.error(&text.span, format!("queues: {}", unknown("queue", text.value, &names))),
        }
    }
    own.sort_unstable();
    own.dedup();
    if own.is_empty() {
        section.warn(name_span, "serves no queue and will never be offered a call");
    }
    own
}

/// The queue of that name.
pub(super) fn queue_named(queues: &[Queue], name: &str) -> Option<QueueId> {
    let at = queues.iter().position(|queue| queue.name == name)?;
    u32::try_from(at).ok().map(QueueId)
}

impl PlacedAccount {
    /// Whether the password is the one everybody knows.
    pub(super) fn has_placeholder(&self) -> bool {
        self.account.password.as_ref().is_some_and(Secret::is_placeholder)
    }
}
