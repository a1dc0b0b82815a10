//! The demo against a running engine, over sockets: everybody talks, and the two ledgers agree.
#![allow(clippy::unwrap_used, clippy::expect_used)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod support;

use holdfast::config::{ApiToken, Config, Trunk};
use holdfast::demo::{self, Account, Agreement, CallersCome, DemoSettings, Number};
use holdfast::engine::settings::MissedRules;
use holdfast::http::Role;
use holdfast::runtime;
use holdfast::secret::Secret;
use holdfast::sip::flow::Transport;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// An address of the loopback that only the demo's callers come from.
const TRUNK: [u8; 4] = [127, 0, 0, 2];

/// The shipped demo on free ports, its records in a folder of their own, wrap-up and rest short.
fn config(folder: &std::path::Path, password: &Secret, trunk: bool) -> Config {
    let mut config = Config::demo().unwrap();
    config.replace_passwords(password);
    config.listen_for_sip_on("127.0.0.1:0".parse().unwrap());
    config.sip.listen.retain(|listen| listen.transport == Transport::Udp);
    config.http.listen = "127.0.0.1:0".parse().unwrap();
    config.http.tokens = vec![ApiToken { name: "demo".into(), token: password.clone(), role: Role::Read }];
    config.store.path = folder.join("demo.sqlite");
    if trunk {
        let addresses = vec!["127.0.0.2/32".parse().unwrap()];
        config.sip.trunks = vec![Trunk { name: "demo".into(), addresses, ..Trunk::default() }];
    }
    for queue in &mut config.settings.queues {
        queue.wrap_up = Duration::from_millis(200);
        queue.missed = MissedRules::same(Duration::from_millis(500));
    }
    config
}

async fn run_demo(trunk: bool) -> demo::Summary {
    let folder = tempfile::tempdir().unwrap();
    let password = Secret::new("a demo of its own");
    let config = config(folder.path(), &password, trunk);
    let account = |name: &str| Account { name: name.into(), title: name.into(), password: password.clone() };
    let agents = config.settings.agents.iter().filter(|agent| agent.name != "you");
    let agents = agents.map(|agent| account(&agent.name)).collect();
    let numbers = config.settings.numbers.iter();
    let numbers = numbers.map(|number| Number { dialled: number.dialled.clone(), title: "a queue".into() });
    let numbers = numbers.collect();
    let running = runtime::start(config).await.unwrap();
    let sip: SocketAddr = running.sip[0].address;
    let callers = if trunk {
        CallersCome::OverTrunk(IpAddr::from(TRUNK))
    } else {
        CallersCome::WithAccount(account("guest"))
    };
    let settings = DemoSettings {
        agents,
        callers,
        numbers,
        calls_per_minute: 300,
        seconds: Some(8),
        seed: Some(11),
        talk: (Duration::from_millis(500), Duration::from_millis(1_500)),
        patience: (Duration::from_secs(3), Duration::from_secs(8)),
        ..DemoSettings::new(sip, running.http, password)
    };
    let summary = tokio::time::timeout(Duration::from_secs(60), demo::run(settings, std::future::pending()));
    let summary = summary.await.expect("the demo did not end").unwrap();
    running.drain();
    summary
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_over_the_trunk_reach_agents_and_the_counters_agree() {
    let summary = run_demo(true).await;
    assert!(summary.demo.answered > 0, "{summary}");
    assert_eq!(summary.agreement, Agreement::Agree, "{summary}");
    assert!(summary.failures.is_empty() && summary.refused.is_empty(), "{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_with_an_account_reach_agents_and_the_counters_agree() {
    let summary = run_demo(false).await;
    assert!(summary.demo.answered > 0, "{summary}");
    assert_eq!(summary.agreement, Agreement::Agree, "{summary}");
    assert!(summary.failures.is_empty() && summary.refused.is_empty(), "{summary}");
}
