//! The load generators and the demo, against a phone that answers everything: what they count must be what happened.
#![allow(clippy::unwrap_used, clippy::expect_used)] // here a panic is a verdict

#[path = "support/phone.rs"]
mod support;

use holdfast::bench::{self, CallRateSettings, HeldCallersSettings, Target};
use holdfast::demo::{self, Agreement, DemoSettings, Number};
use holdfast::phone::{Phone, PhoneSettings, Sound};
use holdfast::secret::Secret;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers every call with a tone, or declines every third; returns where, and how many it answered.
async fn answering_machine(decline_every_third: bool) -> (SocketAddr, Arc<AtomicU64>) {
    let settings =
        PhoneSettings { calls_max: 500, record_max: Duration::ZERO, ..support::settings("machine") };
    let phone = Phone::bind(settings).await.unwrap();
    let (address, answered) = (phone.address(), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&answered);
    tokio::spawn(async move {
        for serial in 1_u64.. {
            let Some(incoming) = phone.incoming().await else { return };
            if decline_every_third && serial.is_multiple_of(3) {
                tokio::spawn(async move { incoming.decline(486).ended().await });
                continue;
            }
            count.fetch_add(1, Ordering::SeqCst);
            let call = incoming.answer();
            call.say(Sound::Tone(500.0));
            tokio::spawn(async move { call.ended().await });
        }
    });
    (address, answered)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_callers_are_counted_with_every_packet() {
    let (machine, answered) = answering_machine(false).await;
    let settings = HeldCallersSettings {
        callers: 20,
        seconds: 1,
        ramp_per_second: 200,
        target: Target::Running(machine),
        json: true,
        ..HeldCallersSettings::default()
    };
    let measured = tokio::task::spawn_blocking(move || bench::held_callers(&settings));
    let report = within(measured).await.unwrap().unwrap();
    assert_eq!((report.held_callers, report.refused, answered.load(Ordering::SeqCst)), (20, 0, 20));
    // 20 callers × 50 packets a second, give or take what a busy machine delays beyond the window.
    assert!((700.0..1_300.0).contains(&report.packets_per_second), "{report}");
    assert!(report.loss_share < 0.01 && report.jitter_ms_p50.is_some(), "{report}");
    assert!(report.raw_us_per_packet > 0.0 && report.cpu_us_per_packet.is_none(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_rate_tells_successes_from_refusals() {
    let (machine, answered) = answering_machine(true).await;
    let settings = CallRateSettings {
        rate: 30,
        seconds: 1,
        hold: Duration::from_millis(100),
        processes: 0,
        target: Target::Running(machine),
        ..CallRateSettings::default()
    };
    let measured = tokio::task::spawn_blocking(move || bench::call_rate(&settings));
    let report = within(measured).await.unwrap().unwrap();
    assert_eq!((report.attempted, report.succeeded), (30, 20), "{report}");
    assert_eq!(report.succeeded, answered.load(Ordering::SeqCst));
    assert_eq!(report.failed.get("486"), Some(&10), "{report}");
    assert!(report.answer_ms_p50.is_some() && report.first_response_ms_p99.is_some(), "{report}");
}

/// An API that says of its one queue what the machine has answered, and that all gave up.
async fn api(answered: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answered = answered.load(Ordering::SeqCst);
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let length = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                assert!(request.contains("Authorization: Bearer t0ken\r\n"));
                let body = if request.starts_with("GET /v1/queues ") {
                    format!(
                        r#"[{{"name":"sales","waiting":0,"longest_wait_ms":0,
                            "today":{{"offered":{answered},"answered":0,"abandoned":{answered},"service_level":null}}}}]"#
                    )
                } else {
                    "[]".to_owned()
                };
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demo_callers_wait_and_give_up_and_both_ledgers_agree() {
    let (machine, answered) = answering_machine(false).await;
    let short = (Duration::from_millis(300), Duration::from_millis(800));
    let settings = DemoSettings {
        numbers: vec![Number { dialled: "4001".into(), title: "Sales".into() }],
        calls_per_minute: 1_200,
        seconds: Some(2),
        seed: Some(5),
        summary_every: Duration::from_secs(1),
        patience: short,
        ..DemoSettings::new(machine, api(Arc::clone(&answered)).await, Secret::new("t0ken"))
    };
    let summary = within(demo::run(settings, std::future::pending())).await.unwrap();
    assert!(summary.demo.placed > 10, "{summary}");
    assert_eq!(
        (summary.demo.abandoned, summary.demo.answered),
        (answered.load(Ordering::SeqCst), 0),
        "{summary}"
    );
    assert_eq!(summary.agreement, Agreement::Agree, "{summary}");
    assert!(summary.failures.is_empty() && summary.refused.is_empty(), "{summary}");
}

#[tokio::test]
async fn a_demo_whose_agents_cannot_register_says_who_and_why() {
    let (machine, _) = answering_machine(false).await;
    let agent = demo::Account { name: "anna".into(), title: "Anna".into(), password: Secret::new("x") };
    let settings = DemoSettings {
        agents: vec![agent],
        calls_per_minute: 0,
        ..DemoSettings::new(machine, machine, Secret::new("t"))
    };
    let error = within(demo::run(settings, std::future::pending())).await.unwrap_err().to_string();
    // A phone is no registrar.
    assert!(error.contains("anna") && error.contains("501"), "{error}");
}
