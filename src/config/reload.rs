//! A configuration read anew while the old one runs: names keep their places, who is gone stays in his, retired.
//!
//! Indices are identities: calls, facts and registrations of the running engine hold them. It starts and stops nothing.

use super::{Config, Problem, SipConfig};
use crate::engine::id::{AgentId, QueueId, SkillId};
use crate::engine::settings::{Agent, Destination, Queue, Settings};
use crate::engine::skill::{Requirement, SkillSet};
use crate::sip::settings::{Account, Trunk};

/// The new configuration as it can follow the one that runs. What only a start can change stays as it is, with a warning.
pub fn reconcile(running: &Config, mut new: Config) -> Config {
    let places = Places::new(&running.settings, &new.settings);
    new.settings = places.settings(&running.settings, new.settings);
    new.sip.accounts = accounts(&running.sip.accounts, new.sip.accounts, &places);
    keep_what_only_a_start_can_change(running, &mut new);
    new
}

/// The configuration as it can follow rules by which an engine was left that goes on now. Nothing else runs, so nothing
/// else has to stay as it is.
pub fn follow(left: &Settings, mut new: Config) -> Config {
    let places = Places::new(left, &new.settings);
    new.settings = places.settings(left, new.settings);
    for account in &mut new.sip.accounts {
        account.agent = account.agent.map(|agent| places.agent(agent));
    }
    new
}

/// Where everything of the new settings comes to stand.
struct Places {
    skills: Vec<u32>,
    queues: Vec<u32>,
    agents: Vec<u32>,
}

impl Places {
    fn new(old: &Settings, new: &Settings) -> Self {
        Self {
            skills: places(&old.skills, &new.skills, |name| name),
            queues: places(&old.queues, &new.queues, |queue| &queue.name),
            agents: places(&old.agents, &new.agents, |agent| &agent.name),
        }
    }

    fn skill(&self, id: SkillId) -> SkillId {
        SkillId(self.skills.get(id.0 as usize).copied().unwrap_or(id.0))
    }

    fn queue(&self, id: QueueId) -> QueueId {
        QueueId(self.queues.get(id.0 as usize).copied().unwrap_or(id.0))
    }

    fn agent(&self, id: AgentId) -> AgentId {
        AgentId(self.agents.get(id.0 as usize).copied().unwrap_or(id.0))
    }

    fn requirement(&self, requirement: &Requirement) -> Requirement {
        let all = |parts: &[Requirement]| {
            let mut parts: Vec<_> = parts.iter().map(|part| self.requirement(part)).collect();
            // The order of skills may be another: the same requirement must stay the same class.
            parts.sort();
            parts
        };
        match requirement {
            Requirement::Skill { skill, min } => Requirement::Skill { skill: self.skill(*skill), min: *min },
            Requirement::All(parts) => Requirement::All(all(parts)),
            Requirement::Any(parts) => Requirement::Any(all(parts)),
        }
    }

    fn settings(&self, old: &Settings, new: Settings) -> Settings {
        let mut skills = old.skills.clone();
        // A skill that is gone keeps its place: nobody has it, and nothing requires it.
        for name in new.skills {
            if !skills.contains(&name) {
                skills.push(name);
            }
        }
        let queues: Vec<_> = new.queues.into_iter().map(|queue| self.of_queue(queue)).collect();
        let queues = put(&self.queues, &old.queues, queues, retired_queue);
        let agents = new.agents.into_iter().map(|agent| self.of_agent(agent)).collect();
        let mut agents = put(&self.agents, &old.agents, agents, retired_agent);
        for (agent, before) in agents.iter_mut().zip(&old.agents) {
            // Who waits in a queue that is gone is served by those who served it.
            let gone =
                |queue: &&QueueId| queues.get(queue.0 as usize).is_some_and(|queue: &Queue| queue.retired);
            let left: Vec<_> = before.queues.iter().filter(gone).copied().collect();
            agent.queues.extend(left);
            agent.queues.sort_unstable();
            agent.queues.dedup();
        }
        let mut numbers = new.numbers;
        for number in &mut numbers {
            number.queue = self.queue(number.queue);
            number.requirement = self.requirement(&number.requirement);
            for step in &mut number.relaxation {
                step.requirement = self.requirement(&step.requirement);
            }
            if let Some(direct) = &mut number.direct {
                direct.agent = self.agent(direct.agent);
            }
        }
        Settings { skills, queues, agents, numbers, ..new }
    }

    fn of_queue(&self, mut queue: Queue) -> Queue {
        queue.requirement = self.requirement(&queue.requirement);
        for step in &mut queue.relaxation {
            step.requirement = self.requirement(&step.requirement);
        }
        for rule in &mut queue.borrow {
            rule.from = self.queue(rule.from);
        }
        for rule in &mut queue.overflow {
            match &mut rule.to {
                Destination::Queue(to) => *to = self.queue(*to),
                Destination::Number(_) | Destination::Message(_) => {}
            }
        }
        queue
    }

    fn of_agent(&self, mut agent: Agent) -> Agent {
        agent.skills = SkillSet::new(agent.skills.iter().map(|(skill, level)| (self.skill(skill), level)));
        agent.secondary = agent.secondary.iter().map(|skill| self.skill(*skill)).collect();
        agent.secondary.sort_unstable();
        agent.queues = agent.queues.iter().map(|queue| self.queue(*queue)).collect();
        agent.queues.sort_unstable();
        agent
    }
}

/// The place of each new one: that of the old one of its name, or behind all.
fn places<T>(old: &[T], new: &[T], name: impl Fn(&T) -> &String) -> Vec<u32> {
    let mut behind = old.len();
    let place = |one: &T| {
        let known = old.iter().position(|known| name(known) == name(one));
        let at = known.unwrap_or_else(|| {
            behind += 1;
            behind - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    };
    new.iter().map(place).collect()
}

/// Each new one in its place, the old ones that are gone in theirs.
fn put<T: Clone>(places: &[u32], old: &[T], new: Vec<T>, retired: impl Fn(&T) -> T) -> Vec<T> {
    let mut all: Vec<T> = old.iter().map(retired).collect();
    for (at, one) in places.iter().zip(new) {
        match all.get_mut(*at as usize) {
            Some(place) => *place = one,
            // Those behind come in the order of their places.
            None => all.push(one),
        }
    }
    all
}

/// Who waits in it is served by its old rules; nobody is sent there or helped from there any more.
fn retired_queue(queue: &Queue) -> Queue {
    Queue { retired: true, ..queue.clone() }
}

/// He serves nobody any more; his name stays for the records.
fn retired_agent(agent: &Agent) -> Agent {
    Agent { retired: true, ..agent.clone() }
}

/// Accounts keep their places too: registrations hold them. One that is gone has neither name nor password.
fn accounts(old: &[Account], new: Vec<Account>, places: &Places) -> Vec<Account> {
    let gone = |account: &Account| Account { agent: account.agent, ..Account::default() };
    let mut all: Vec<Account> = old.iter().map(gone).collect();
    for mut account in new {
        account.agent = account.agent.map(|agent| places.agent(agent));
        let named = old.iter().position(|known| known.name == account.name);
        // An agent who comes back takes the place he left.
        let left = || {
            all.iter().position(|place| {
                place.agent.is_some() && place.agent == account.agent && place.name.is_empty()
            })
        };
        match named.or_else(left).and_then(|at| all.get_mut(at)) {
            Some(place) => *place = account,
            None => all.push(account),
        }
    }
    all
}

fn keep_what_only_a_start_can_change(running: &Config, new: &mut Config) {
    let mut kept: Vec<&'static str> = Vec::new();
    let mut keep = |key: &'static str, is_changed: bool| {
        if is_changed {
            kept.push(key);
        }
    };
    keep_transports(&running.sip, &mut new.sip, &mut keep);
    let (SipConfig { realm, digests, options_every, name_servers, trunks, .. }, sip) =
        (&running.sip, &mut new.sip);
    keep("[sip] realm", sip.realm != *realm);
    keep("[sip] digest", sip.digests != *digests);
    keep("[sip] options_every", sip.options_every != *options_every);
    keep("[sip] name_servers", sip.name_servers != *name_servers);
    sip.name_servers.clone_from(name_servers);
    let is_led_elsewhere = !keeps_routes(trunks, &sip.trunks);
    keep("[[trunk]] names, their order, or their servers and our registrations there", is_led_elsewhere);
    if is_led_elsewhere {
        sip.trunks.clone_from(trunks);
    }
    sip.realm.clone_from(realm);
    sip.digests.clone_from(digests);
    sip.options_every = *options_every;
    keep("[media]", is_another(&running.media, &new.media));
    keep("[sip.trace]", running.sip.trace != new.sip.trace);
    keep("[sip.hep]", running.sip.hep != new.sip.hep);
    keep("[sounds]", running.sounds != new.sounds);
    keep("[http] listen", running.http.listen != new.http.listen);
    keep("[metrics]", running.metrics != new.metrics);
    keep("[store]", running.store != new.store);
    keep("[log]", running.log != new.log);
    new.media = running.media.clone();
    new.sip.trace = running.sip.trace;
    new.sip.hep = running.sip.hep.clone();
    new.sounds = running.sounds.clone();
    new.http.listen = running.http.listen;
    new.metrics = running.metrics;
    new.store = running.store.clone();
    new.log = running.log.clone();
    let file = new.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    new.warnings.extend(kept.into_iter().map(|key| Problem {
        file: file.clone(),
        place: None,
        message: format!("{key} has changed: that takes effect at the next start"),
    }));
}

/// Sockets stay as they are, and so do the addresses and the name that calls in progress were told; certificates and pages
/// may be others.
fn keep_transports(running: &SipConfig, new: &mut SipConfig, keep: &mut impl FnMut(&'static str, bool)) {
    keep("[sip] listen", new.listen != running.listen);
    keep("[sip] advertise", new.advertise != running.advertise);
    keep("[sip] advertise6", new.advertise6 != running.advertise6);
    keep("[sip] connections_max and connections_per_source_max", new.limits != running.limits);
    new.listen.clone_from(&running.listen);
    (new.advertise, new.advertise6, new.limits) = (running.advertise, running.advertise6, running.limits);
    match (&running.tls, &mut new.tls) {
        (Some(old), Some(new)) => {
            keep("[sip.tls] name", new.name != old.name);
            new.name.clone_from(&old.name);
        }
        // The listeners that need it are still there.
        (old, new) => {
            keep("[sip.tls]", old != new);
            new.clone_from(old);
        }
    }
}

/// Whether calls to numbers outside go on by the same ways: calls that are being dialled know them by their places.
/// Networks and trust may change, and trunks that only bring calls may come behind.
fn keeps_routes(running: &[Trunk], new: &[Trunk]) -> bool {
    let mut more = new.iter().skip(running.len());
    new.len() >= running.len()
        && running.iter().zip(new).all(|(old, new)| old.name == new.name && old.route == new.route)
        && more.all(|trunk| trunk.route.is_none())
}

fn is_another(running: &crate::media::MediaSettings, new: &crate::media::MediaSettings) -> bool {
    (running.listen, running.advertise, running.workers, running.pin, running.realtime)
        != (new.listen, new.advertise, new.workers, new.pin, new.realtime)
        || running.ports != new.ports
        || (running.listen6, running.advertise6) != (new.listen6, new.advertise6)
        || (&running.codecs, running.prefer) != (&new.codecs, new.prefer)
}
