//! Draining, and what readers see.

use super::*;
use expect_test::expect;

#[test]
fn draining_refuses_new_calls_serves_those_inside_and_ends_the_rest_at_the_deadline() {
    let settings = centre(|rules| rules.limits.drain = Duration::from_secs(30));
    check(
        settings,
        "0 up anna\n0 call 1 100\n1 call 2 100\n2 drain\n3 answer 1\n4 call 3 100\n5 caller-gone 1\n10.5 answer 2\n32 tick",
        expect![[r#"
            0.0 up anna
              · anna ready
            0.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            1.0 call 2 100
              > answer 2
              > play caller/2 ["welcome"] en Music(["tide"])
              · 2 queued in sales (2 waiting)
            2.0 drain
            3.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 3.0 s
              · 1 answered after 3.0 s, in time
              · anna talking
            4.0 call 3 100
              > refuse 3 503
              · 3 refused Draining
            5.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 2.0 s
              · anna wrap_up
            10.0 (time)
              > offer 2: 2 (5552) to anna from sales
              · anna wrapped up in 5.0 s
              · anna ready
              · anna offered
            10.5 answer 2
              > bridge 2 with 2
              · offer 2 answered after 0.5 s
              · 2 answered after 9.5 s, in time
              · anna talking
            32.0 tick
              > hang up caller/2
              > hang up agent/2
              · 2 ended by system, talked 21.5 s
              · anna wrap_up
        "#]],
    );
}

#[test]
fn when_nobody_waits_for_the_drain_everything_ends_and_no_phone_rings_in_vain() {
    let settings = centre(|rules| rules.queues[0].wrap_up = Duration::ZERO);
    check(
        settings,
        "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n3 call 2 101\n4 call 3 100\n5 drain\n6 drain-over\n7 call 4 100\n400 tick",
        expect![[r#"
            0.0 up anna
              · anna ready
            0.0 up ben
              · ben ready
            1.0 call 1 100
              > answer 1
              > play caller/1 ["welcome"] en Music(["tide"])
              > offer 1: 1 (5551) to anna from sales
              · 1 queued in sales (1 waiting)
              · anna offered
            2.0 answer 1
              > bridge 1 with 1
              · offer 1 answered after 1.0 s
              · 1 answered after 1.0 s, in time
              · anna talking
            3.0 call 2 101
              > answer 2
              > play caller/2 ["welcome"] es Music(["tide"])
              > offer 2: 2 (5552) to ben from sales
              · 2 queued in sales (1 waiting)
              · ben offered
            4.0 call 3 100
              > answer 3
              > play caller/3 ["welcome"] en Music(["tide"])
              · 3 queued in sales (2 waiting)
            5.0 drain
            6.0 drain-over
              > hang up caller/3
              > hang up caller/2
              > cancel 2
              > hang up caller/1
              > hang up agent/1
              · 3 error after 2.0 s
              · 3 ended by system, talked 0.0 s
              · offer 2 caller_gone after 3.0 s
              · ben ready
              · 2 error after 3.0 s
              · 2 ended by system, talked 0.0 s
              · 1 ended by system, talked 4.0 s
              · anna wrapped up in 0.0 s
              · anna ready
            7.0 call 4 100
              > refuse 4 503
              · 4 refused Draining
            305.0 (time)
            400.0 tick
        "#]],
    );
}

#[test]
fn snapshot_shows_who_waits_who_rings_and_who_talks() {
    let (engine, _) = play(
        small_centre(),
        "0 up anna\n0 up ben\n1 call 1 100\n2 answer 1\n3 call 2 100\n4 call 3 101\n6 call 4 200",
    );
    let Snapshot { queues, agents, calls, .. } = engine.snapshot(now(Monotonic(10_000_000)));
    expect![[r#"
        (
            [
                QueueView {
                    queue: QueueId(
                        0,
                    ),
                    waiting: 2,
                    oldest: Some(
                        Wall(
                            3000,
                        ),
                    ),
                    longest_wait: 7s,
                    closed_by_hand: false,
                    open: true,
                    agents: [
                        0,
                        1,
                        0,
                        1,
                        1,
                        0,
                        0,
                        0,
                        0,
                    ],
                },
                QueueView {
                    queue: QueueId(
                        1,
                    ),
                    waiting: 1,
                    oldest: Some(
                        Wall(
                            6000,
                        ),
                    ),
                    longest_wait: 4s,
                    closed_by_hand: false,
                    open: true,
                    agents: [
                        0,
                        1,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                    ],
                },
            ],
            [
                AgentView {
                    agent: AgentId(
                        0,
                    ),
                    state: Talking,
                    lasted: 8s,
                    reason: None,
                    call: Some(
                        CallId(
                            1,
                        ),
                    ),
                    answered: 1,
                    talk: 0ns,
                    occupancy: Some(
                        0.888888,
                    ),
                },
                AgentView {
                    agent: AgentId(
                        1,
                    ),
                    state: Offered,
                    lasted: 7s,
                    reason: None,
                    call: Some(
                        CallId(
                            2,
                        ),
                    ),
                    answered: 0,
                    talk: 0ns,
                    occupancy: None,
                },
                AgentView {
                    agent: AgentId(
                        2,
                    ),
                    state: Unreachable,
                    lasted: 10s,
                    reason: None,
                    call: None,
                    answered: 0,
                    talk: 0ns,
                    occupancy: None,
                },
            ],
            [
                CallView {
                    call: CallId(
                        1,
                    ),
                    queue: QueueId(
                        0,
                    ),
                    caller: Caller {
                        number: "5551",
                        name: "",
                        diverted_from: None,
                    },
                    stage: Talking,
                    queued_at: Wall(
                        1000,
                    ),
                    wait: 1s,
                    priority: 0ns,
                    agents: [
                        AgentId(
                            0,
                        ),
                    ],
                    because: Some(
                        Strategy {
                            strategy: LongestIdle,
                            level: 0,
                            secondary: false,
                        },
                    ),
                },
                CallView {
                    call: CallId(
                        2,
                    ),
                    queue: QueueId(
                        0,
                    ),
                    caller: Caller {
                        number: "5552",
                        name: "",
                        diverted_from: None,
                    },
                    stage: Offered,
                    queued_at: Wall(
                        3000,
                    ),
                    wait: 7s,
                    priority: 0ns,
                    agents: [
                        AgentId(
                            1,
                        ),
                    ],
                    because: Some(
                        Strategy {
                            strategy: LongestIdle,
                            level: 0,
                            secondary: false,
                        },
                    ),
                },
                CallView {
                    call: CallId(
                        3,
                    ),
                    queue: QueueId(
                        0,
                    ),
                    caller: Caller {
                        number: "5553",
                        name: "",
                        diverted_from: None,
                    },
                    stage: Waiting,
                    queued_at: Wall(
                        4000,
                    ),
                    wait: 6s,
                    priority: 0ns,
                    agents: [],
                    because: None,
                },
                CallView {
                    call: CallId(
                        4,
                    ),
                    queue: QueueId(
                        1,
                    ),
                    caller: Caller {
                        number: "5554",
                        name: "",
                        diverted_from: None,
                    },
                    stage: Waiting,
                    queued_at: Wall(
                        6000,
                    ),
                    wait: 4s,
                    priority: 0ns,
                    agents: [],
                    because: None,
                },
            ],
        )
    "#]]
    .assert_debug_eq(&(queues, agents, calls));
}

#[test]
fn same_script_tells_the_same_story() {
    let script = "0 up anna\n0 up ben\n0 up carla\n1 call 1 100\n1 call 2 101\n2 answer 1\n3 call 3 200\n9 agent-gone 1\n40 tick";
    assert_eq!(play(small_centre(), script), play(small_centre(), script));
}
