//! A configuration that is read anew beside the one that runs: names keep their places, and nothing else is promised.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is a failed assertion"
)]

use holdfast::config::{Config, reconcile};
use holdfast::engine::id::{AgentId, QueueId};
use holdfast::engine::requirement;
use holdfast::engine::settings::{Agent, Destination, Queue};
use proptest::prelude::*;

const RUNNING: &str = r#"skills = ["english", "spanish", "sales"]
[[queue]]
name = "sales"
requires = "sales and english"
[[queue]]
name = "support"
overflow = [{ after = "1m", queue = "sales" }]
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
password = "a"
skills = { english = 5, sales = 3 }
queues = ["sales", "support"]
[[agent]]
name = "ben"
password = "b"
skills = { english = 5, sales = 2 }
queues = ["support"]
[[account]]
name = "guest"
password = "g"
"#;

/// The same site with everything in another order, one of each gone and one of each new.
const CHANGED: &str = r#"skills = ["billing", "sales", "english"]
[[queue]]
name = "billing"
requires = "billing and english"
overflow = [{ after = "1m", queue = "sales" }]
[[queue]]
name = "sales"
requires = "sales and english"
borrow = [{ from = "billing" }]
[[number]]
dialled = "4001"
queue = "sales"
direct = { agent = "ben" }
[[agent]]
name = "carla"
password = "c"
skills = { billing = 9, english = 1 }
queues = ["billing"]
[[agent]]
name = "ben"
password = "b"
skills = { english = 5, sales = 2 }
queues = ["sales", "billing"]
[[account]]
name = "lobby"
password = "l"
"#;

fn config(text: &str) -> Config {
    Config::from_str("site.toml", text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn reloaded() -> (Config, Config) {
    let running = config(RUNNING);
    let new = reconcile(&running, config(CHANGED));
    (running, new)
}

fn queue<'c>(config: &'c Config, name: &str) -> &'c Queue {
    config.settings.queues.iter().find(|queue| queue.name == name).unwrap()
}

fn agent<'c>(config: &'c Config, name: &str) -> &'c Agent {
    config.settings.agents.iter().find(|agent| agent.name == name).unwrap()
}

#[test]
fn names_keep_their_places_and_new_ones_come_behind() {
    let (_, new) = reloaded();
    let queues: Vec<_> =
        new.settings.queues.iter().map(|queue| (queue.name.as_str(), queue.retired)).collect();
    assert_eq!(queues, [("sales", false), ("support", true), ("billing", false)]);
    let agents: Vec<_> =
        new.settings.agents.iter().map(|agent| (agent.name.as_str(), agent.retired)).collect();
    assert_eq!(agents, [("anna", true), ("ben", false), ("carla", false)]);
    assert_eq!(new.settings.skills, ["english", "spanish", "sales", "billing"]);
}

#[test]
fn everything_that_names_another_still_means_the_same() {
    let (running, new) = reloaded();
    let read = |text: &str| requirement::parse(text, &new.settings.skills).unwrap();
    assert_eq!(queue(&new, "sales").requirement, queue(&running, "sales").requirement);
    assert_eq!(queue(&new, "billing").requirement, read("billing and english"));
    assert_eq!(queue(&new, "billing").overflow[0].to, Destination::Queue(QueueId(0)));
    assert_eq!(queue(&new, "sales").borrow[0].from, QueueId(2));
    let number = &new.settings.numbers[0];
    assert_eq!((number.queue, number.direct.unwrap().agent), (QueueId(0), AgentId(1)));
    assert!(read("billing >= 9 and english").is_met_by(&agent(&new, "carla").skills));
    assert_eq!(agent(&new, "ben").skills, agent(&running, "ben").skills);
}

#[test]
fn who_waits_in_a_queue_that_is_gone_is_served_by_those_who_served_it() {
    let (_, new) = reloaded();
    assert_eq!(agent(&new, "ben").queues, [QueueId(0), QueueId(1), QueueId(2)]);
    assert_eq!(agent(&new, "carla").queues, [QueueId(2)]);
    assert_eq!(new.settings.queue_named("support"), None, "and nobody new is sent there");
}

#[test]
fn accounts_keep_their_places_and_one_that_is_gone_opens_nothing() {
    let (_, new) = reloaded();
    let accounts: Vec<_> = new
        .sip
        .accounts
        .iter()
        .map(|account| (account.name.as_str(), account.password.is_some(), account.agent))
        .collect();
    let expected = [
        ("", false, Some(AgentId(0))),
        ("ben", true, Some(AgentId(1))),
        ("", false, None),
        ("carla", true, Some(AgentId(2))),
        ("lobby", true, None),
    ];
    assert_eq!(accounts, expected);
}

#[test]
fn who_comes_back_has_the_old_place() {
    let (running, changed) = reloaded();
    let back = reconcile(&changed, config(RUNNING));
    let names =
        |config: &Config| config.settings.agents.iter().map(|agent| agent.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&back), ["anna", "ben", "carla"]);
    assert!(!agent(&back, "anna").retired && agent(&back, "carla").retired);
    assert_eq!(agent(&back, "anna").queues, agent(&running, "anna").queues);
    assert_eq!((back.sip.accounts[0].name.as_str(), back.sip.accounts[0].agent), ("anna", Some(AgentId(0))));
    let guests = back.sip.accounts.iter().filter(|account| account.name == "guest").count();
    assert_eq!(guests, 1);
}

#[test]
fn the_same_file_changes_nothing() {
    let running = config(RUNNING);
    let again = reconcile(&running, config(RUNNING));
    assert_eq!(again.settings, running.settings);
    assert_eq!(again.warnings, []);
}

#[test]
fn what_only_a_start_can_change_stays_and_is_told() {
    let running = config(RUNNING);
    let text = RUNNING.replacen(
        "[[queue]]",
        "[sip]\nlisten = [\"udp:127.0.0.1:5099\"]\n[http]\nlisten = \"127.0.0.1:9999\"\n[media]\nports = \"30000-30099\"\n\
         [store]\npath = \"other.sqlite\"\n[[queue]]",
        1,
    );
    let new = reconcile(&running, config(&text));
    assert_eq!(new.sip.listen, running.sip.listen);
    assert_eq!((new.http.listen, &new.store), (running.http.listen, &running.store));
    assert_eq!(new.media.ports, running.media.ports);
    let told: Vec<_> = new.warnings.iter().map(|problem| problem.message.as_str()).collect();
    let expected = ["[sip] listen", "[media]", "[http] listen", "[store]"];
    assert_eq!(told, expected.map(|key| format!("{key} has changed: that takes effect at the next start")));
}

#[test]
fn a_carrier_s_networks_follow_and_its_name_does_not() {
    let trunks = |names: &str| format!("{RUNNING}{names}");
    let one = "[[trunk]]\nname = \"carrier\"\naddresses = [\"192.0.2.0/24\"]\n";
    let running = config(&trunks(one));
    let wider = reconcile(&running, config(&trunks(&one.replace("/24", "/25"))));
    assert_eq!(wider.warnings, []);
    assert_ne!(wider.sip.trunks, running.sip.trunks);
    let renamed = reconcile(&running, config(&trunks(&one.replace("carrier", "other"))));
    assert_eq!(renamed.sip.trunks, running.sip.trunks);
    assert!(renamed.warnings[0].message.starts_with("[[trunk]] names"), "{:?}", renamed.warnings);
}

/// A site with some of six queues, agents and skills, each in some order.
fn site() -> impl Strategy<Value = String> {
    let some = || proptest::sample::subsequence((0..6).collect::<Vec<u32>>(), 1..=6).prop_shuffle();
    (some(), some(), some()).prop_map(|(skills, queues, agents)| {
        let skill_names: Vec<_> = skills.iter().map(|skill| format!("\"s{skill}\"")).collect();
        let mut text = format!("skills = [{}]\n", skill_names.join(", "));
        for queue in &queues {
            let skill = skills[*queue as usize % skills.len()];
            text.push_str(&format!("[[queue]]\nname = \"q{queue}\"\nrequires = \"s{skill} >= 2\"\n"));
        }
        for agent in &agents {
            let (skill, queue) = (skills[*agent as usize % skills.len()], queues[*agent as usize % queues.len()]);
            text.push_str(&format!(
                "[[agent]]\nname = \"a{agent}\"\npassword = \"p\"\nskills = {{ s{skill} = 3 }}\nqueues = [\"q{queue}\"]\n"
            ));
        }
        text
    })
}

/// What a site says, in names instead of places.
fn said(config: &Config) -> Vec<String> {
    let settings = &config.settings;
    let written = |queue: &Queue| requirement::written(&queue.requirement, &settings.skills);
    let queues = settings.queues.iter().filter(|queue| !queue.retired);
    let queues = queues.map(|queue| format!("queue {} requires {}", queue.name, written(queue)));
    let agents = settings.agents.iter().filter(|agent| !agent.retired).map(|agent| {
        let serves = agent.queues.iter().filter_map(|queue| settings.queue(*queue));
        let serves: Vec<_> = serves.filter(|queue| !queue.retired).map(|queue| queue.name.as_str()).collect();
        let skills: Vec<_> =
            agent.skills.iter().map(|(skill, level)| (&settings.skills[skill.0 as usize], level)).collect();
        format!("agent {} serves {serves:?} with {skills:?}", agent.name)
    });
    let mut all: Vec<_> = queues.chain(agents).collect();
    all.sort();
    all
}

proptest! {
    #[test]
    fn whatever_is_read_in_whatever_order_means_what_its_file_says(sites in proptest::collection::vec(site(), 2..6)) {
        let mut running = config(&sites[0]);
        for text in &sites[1..] {
            let file = config(text);
            let new = reconcile(&running, file.clone());
            prop_assert_eq!(said(&new), said(&file));
            for (before, after) in running.settings.agents.iter().zip(&new.settings.agents) {
                prop_assert_eq!(&before.name, &after.name);
            }
            for (before, after) in running.settings.queues.iter().zip(&new.settings.queues) {
                prop_assert_eq!(&before.name, &after.name);
            }
            prop_assert!(new.settings.skills.starts_with(&running.settings.skills));
            let of_agents = |account: &&holdfast::sip::settings::Account| !account.name.is_empty();
            for account in new.sip.accounts.iter().filter(of_agents) {
                let agent = new.settings.agent(account.agent.unwrap()).unwrap();
                prop_assert_eq!(&agent.name, &account.name);
            }
            running = new;
        }
    }
}
