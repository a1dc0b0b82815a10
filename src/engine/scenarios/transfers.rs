//! Conversations that are passed on: blindly, after somebody was asked, by the phone, by request, by keys.

use super::super::settings::{Direct, TalkKeys};
use super::*;

/// anna talks to caller 1 from second 2 on; ben and carla are there, who do not serve callers just now.
const TALK: &str =
    "0 up anna\n0 up ben\n0 up carla\n0 pause ben break\n0 pause carla break\n1 call 1 100\n2 answer 1\n";

/// What was done and told from second 10 on, without the agents' states.
#[track_caller]
fn check_from_ten(settings: Settings, script: &str, expected: Expect) {
    let (engine, story) = play(settings, &format!("{TALK}{script}"));
    let from = story.find("\n10.0 ").map_or(0, |at| at + 1);
    let of_agents = |line: &str| {
        ["anna ", "ben ", "carla "].iter().any(|name| line.trim_start_matches("  · ").starts_with(name))
    };
    let told: String =
        story[from..].lines().filter(|line| !of_agents(line)).map(|line| format!("{line}\n")).collect();
    expected.assert_eq(&told);
    assert!(engine.guests.is_empty(), "nobody is left behind");
}

fn with_keys() -> Settings {
    centre(|settings| {
        settings.talk_keys = TalkKeys {
            transfer: Some("*2".into()),
            consult: Some("*3".into()),
            conference: Some("*4".into()),
            complete: Some("*5".into()),
            back: Some("*6".into()),
            ..TalkKeys::default()
        };
        let direct = Some(Direct { agent: AgentId(1), wait: secs(10) });
        settings.numbers.push(Number { dialled: "4711".into(), direct, ..Number::default() });
    })
}

#[test]
fn a_phone_passes_its_caller_to_a_colleague_and_leaves_when_he_answers() {
    check_from_ten(
        small_centre(),
        "10 refer agent:1 ben\n13 answer 2\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 refer agent:1 ben
              > tell agent/1 Trying
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
            13.0 answer 2
              > tell agent/1 Done
              > hang up agent/1
              > bridge 1 with 2
              · 1: Transferred { by: AgentId(0), to: Agent(AgentId(1)) }
            18.0 (time)
            20.0 caller-gone 1
              > hang up agent/2
              · 1 ended by caller, talked 18.0 s, 3.0 s on hold
        "#]],
    );
}

#[test]
fn a_caller_whom_the_colleague_does_not_take_is_back_with_his_agent() {
    check_from_ten(
        small_centre(),
        "10 refer agent:1 ben\n14 fail 2 declined\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 refer agent:1 ben
              > tell agent/1 Trying
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
            14.0 fail 2 declined
              > tell agent/1 Failed(Declined)
              > bridge 1 with 1
              · 1: TransferFailed { by: AgentId(0), to: Agent(AgentId(1)) }
            20.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 18.0 s, 4.0 s on hold
        "#]],
    );
}

#[test]
fn a_caller_whom_nobody_takes_hears_music_until_his_agents_phone_takes_him_back() {
    check_from_ten(
        small_centre(),
        "10 hold 1\n11 refer agent:1 ben\n14 fail 2 busy\n17 resume 1\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 hold 1
              > play caller/1 [] en Music(["tide"])
            11.0 refer agent:1 ben
              > tell agent/1 Trying
              > offer 2: 1 (5551) to ben from sales
            14.0 fail 2 busy
              > tell agent/1 Failed(Busy)
              · 1: TransferFailed { by: AgentId(0), to: Agent(AgentId(1)) }
            17.0 resume 1
              > bridge 1 with 1
            20.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 18.0 s, 7.0 s on hold
        "#]],
    );
}

#[test]
fn a_caller_is_passed_on_again_by_whom_he_was_passed_on_to() {
    check_from_ten(
        small_centre(),
        "10 refer agent:1 ben\n12 answer 2\n14 refer agent:2 carla\n16 answer 3\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 refer agent:1 ben
              > tell agent/1 Trying
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
            12.0 answer 2
              > tell agent/1 Done
              > hang up agent/1
              > bridge 1 with 2
              · 1: Transferred { by: AgentId(0), to: Agent(AgentId(1)) }
            14.0 refer agent:2 carla
              > tell agent/2 Trying
              > offer 3: 1 (5551) to carla from sales
              > play caller/1 [] en Music(["tide"])
            16.0 answer 3
              > tell agent/2 Done
              > hang up agent/2
              > bridge 1 with 3
              · 1: Transferred { by: AgentId(1), to: Agent(AgentId(2)) }
            17.0 (time)
            20.0 caller-gone 1
              > hang up agent/3
              · 1 ended by caller, talked 18.0 s, 4.0 s on hold
        "#]],
    );
}

#[test]
fn a_phone_that_hangs_up_at_once_leaves_the_caller_to_the_colleague() {
    check_from_ten(
        small_centre(),
        "10 refer agent:1 ben\n11 agent-gone 1\n14 answer 2\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 refer agent:1 ben
              > tell agent/1 Trying
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
            11.0 agent-gone 1
            14.0 answer 2
              > bridge 1 with 2
              · 1: Transferred { by: AgentId(0), to: Agent(AgentId(1)) }
            16.0 (time)
            20.0 caller-gone 1
              > hang up agent/2
              · 1 ended by caller, talked 15.0 s, 1.0 s on hold
        "#]],
    );
}

#[test]
fn a_caller_whom_nobody_takes_and_whose_agent_has_gone_is_first_in_line() {
    check_from_ten(
        small_centre(),
        "9 call 2 100\n10 refer agent:1 ben\n11 agent-gone 1\n14 fail 2 no-answer\n20 caller-gone 1\n20 caller-gone 2",
        expect_test::expect![[r#"
            10.0 refer agent:1 ben
              > tell agent/1 Trying
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
            11.0 agent-gone 1
            14.0 fail 2 no-answer
              > play caller/1 ["welcome"] en Music(["tide"])
              · 1: TransferFailed { by: AgentId(0), to: Agent(AgentId(1)) }
              · 1 queued in sales (2 waiting), returned
            16.0 (time)
              > offer 3: 1 (5551) to anna from sales
            20.0 caller-gone 1
              > cancel 3
              > offer 4: 2 (5552) to anna from sales
              · offer 3 caller_gone after 4.0 s
              · 1 abandoned after 6.0 s
              · 1 ended by caller, talked 0.0 s
            20.0 caller-gone 2
              > cancel 4
              · offer 4 caller_gone after 0.0 s
              · 2 abandoned after 11.0 s
              · 2 ended by caller, talked 0.0 s
        "#]],
    );
}

#[test]
fn to_a_queue_the_caller_brings_his_wait_along() {
    check_from_ten(
        small_centre(),
        "10 refer agent:1 200\n20 caller-gone 1",
        expect_test::expect![[r#"
        10.0 refer agent:1 200
          > tell agent/1 Trying
          > tell agent/1 Done
          > hang up agent/1
          > play caller/1 ["welcome"] en Music(["tide"])
          · 1: Transferred { by: AgentId(0), to: Queue(QueueId(1)) }
          · 1 queued in support (1 waiting), transferred by anna
        15.0 (time)
        20.0 caller-gone 1
          · 1 abandoned after 10.0 s
          · 1 ended by caller, talked 0.0 s
    "#]],
    );
}

#[test]
fn to_a_number_outside_the_agent_is_free_once_somebody_answers_there() {
    check_from_ten(
        small_centre(),
        "10 transfer 1 +4930123\n12 transfer 1 ben\n14 answer 2\n20 agent-gone 2",
        expect_test::expect![[r#"
            10.0 transfer 1 +4930123
              > dial 2: +4930123 for 1
              > play caller/1 [] en Music(["tide"])
              > reply 3 Ok(())
            12.0 transfer 1 ben
              > reply 4 Err(BeingTransferred)
            14.0 answer 2
              > hang up agent/1
              > bridge 1 with 2
              · 1: Transferred { by: AgentId(0), to: Number("+4930123") }
            19.0 (time)
            20.0 agent-gone 2
              > hang up caller/1
              · 1 ended by agent, talked 18.0 s
        "#]],
    );
}

#[test]
fn whom_nobody_knows_no_caller_is_passed_on_to() {
    check_from_ten(
        small_centre(),
        "10 refer agent:1 nobody\n20 caller-gone 1",
        expect_test::expect![[r#"
        10.0 refer agent:1 nobody
          > tell agent/1 Trying
          > tell agent/1 Refused
        20.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 18.0 s
    "#]],
    );
}

#[test]
fn a_caller_who_gives_up_meanwhile_lets_everybody_go() {
    check_from_ten(
        small_centre(),
        "10 refer agent:1 ben\n12 caller-gone 1",
        expect_test::expect![[r#"
        10.0 refer agent:1 ben
          > tell agent/1 Trying
          > offer 2: 1 (5551) to ben from sales
          > play caller/1 [] en Music(["tide"])
        12.0 caller-gone 1
          > cancel 2
          > hang up agent/1
          · 1 ended by caller, talked 10.0 s, 2.0 s on hold
    "#]],
    );
}

#[test]
fn whoever_is_asked_talks_to_the_agent_while_the_caller_hears_music_then_has_him() {
    check_from_ten(
        small_centre(),
        "10 consult 1 ben\n12 answer 2\n15 complete 1\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 consult 1 ben
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
              > reply 3 Ok(())
              · 1: Consulted { by: AgentId(0), to: Agent(AgentId(1)) }
            12.0 answer 2
              > join 2 to 1 as Third
              · 1: Joined { agent: AgentId(1), role: Third }
            15.0 complete 1
              > hang up agent/1
              > bridge 1 with 2
              > reply 4 Ok(())
              · 1: Transferred { by: AgentId(0), to: Agent(AgentId(1)) }
            20.0 caller-gone 1
              > hang up agent/2
              · 1 ended by caller, talked 18.0 s, 5.0 s on hold
        "#]],
    );
}

#[test]
fn three_talk_together_and_who_leaves_leaves_the_others_to_each_other() {
    check_from_ten(
        small_centre(),
        "10 consult 1 ben\n12 answer 2\n15 conference 1\n18 agent-gone 1\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 consult 1 ben
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
              > reply 3 Ok(())
              · 1: Consulted { by: AgentId(0), to: Agent(AgentId(1)) }
            12.0 answer 2
              > join 2 to 1 as Third
              · 1: Joined { agent: AgentId(1), role: Third }
            15.0 conference 1
              > bridge 1 with 1
              > reply 4 Ok(())
            18.0 agent-gone 1
              > hang up agent/1
              > bridge 1 with 2
              · 1: Transferred { by: AgentId(0), to: Agent(AgentId(1)) }
            20.0 caller-gone 1
              > hang up agent/2
              · 1 ended by caller, talked 18.0 s, 5.0 s on hold
        "#]],
    );
}

#[test]
fn whoever_was_asked_in_vain_is_let_go_and_the_caller_is_back() {
    check_from_ten(
        small_centre(),
        "10 consult 1 ben\n12 answer 2\n15 return 1\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 consult 1 ben
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
              > reply 3 Ok(())
              · 1: Consulted { by: AgentId(0), to: Agent(AgentId(1)) }
            12.0 answer 2
              > join 2 to 1 as Third
              · 1: Joined { agent: AgentId(1), role: Third }
            15.0 return 1
              > hang up agent/2
              > bridge 1 with 1
              > reply 4 Ok(())
              · 1: Left { agent: AgentId(1) }
            20.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 18.0 s, 5.0 s on hold
        "#]],
    );
}

#[test]
fn an_agent_who_calls_a_colleague_himself_joins_him_to_the_caller() {
    check_from_ten(
        small_centre(),
        "10 hold 1\n11 call 9 ben anna\n12 answer 2\n15 refer agent:1 - replaces=caller:9\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 hold 1
              > play caller/1 [] en Music(["tide"])
            11.0 call 9 ben anna
              > call 2: 9 from anna to ben
              > ring 9
              · 1: Consulted { by: AgentId(0), to: Agent(AgentId(1)) }
            12.0 answer 2
              > answer 9
              > bridge 9 with 2
            15.0 refer agent:1 - replaces=caller:9
              > tell agent/1 Trying
              > tell agent/1 Done
              > hang up agent/1
              > bridge 1 with 2
              > hang up caller/9
              · 1: Transferred { by: AgentId(0), to: Agent(AgentId(1)) }
            20.0 caller-gone 1
              > hang up agent/2
              · 1 ended by caller, talked 18.0 s, 5.0 s on hold
        "#]],
    );
}

#[test]
fn he_may_join_them_before_the_colleague_has_answered() {
    check_from_ten(
        small_centre(),
        "10 hold 1\n11 call 9 ben anna\n13 refer caller:9 - replaces=agent:1\n14 agent-gone 1\n15 answer 2\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 hold 1
              > play caller/1 [] en Music(["tide"])
            11.0 call 9 ben anna
              > call 2: 9 from anna to ben
              > ring 9
              · 1: Consulted { by: AgentId(0), to: Agent(AgentId(1)) }
            13.0 refer caller:9 - replaces=agent:1
              > tell caller/9 Trying
              > hang up caller/9
            14.0 agent-gone 1
            15.0 answer 2
              > bridge 1 with 2
              · 1: Transferred { by: AgentId(0), to: Agent(AgentId(1)) }
            19.0 (time)
            20.0 caller-gone 1
              > hang up agent/2
              · 1 ended by caller, talked 17.0 s, 4.0 s on hold
        "#]],
    );
}

#[test]
fn who_called_a_queue_himself_gives_its_agent_the_caller() {
    check_from_ten(
        small_centre(),
        "9 ready carla\n10 hold 1\n11 call 9 200 anna\n12 answer 2\n15 refer agent:1 - replaces=caller:9\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 hold 1
              > play caller/1 [] en Music(["tide"])
            11.0 call 9 200 anna
              > answer 9
              > play caller/9 ["welcome"] en Music(["tide"])
              > offer 2: 9 (5559) to carla from support
              · 9 queued in support (1 waiting)
            12.0 answer 2
              > bridge 9 with 2
              · offer 2 answered after 1.0 s
              · 9 answered after 1.0 s, in time
            15.0 refer agent:1 - replaces=caller:9
              > tell agent/1 Trying
              > tell agent/1 Done
              > hang up agent/1
              > bridge 1 with 2
              > hang up caller/9
              · 9 ended by caller, talked 3.0 s
              · 1: Transferred { by: AgentId(0), to: Agent(AgentId(2)) }
            20.0 caller-gone 1
              > hang up agent/2
              · 1 ended by caller, talked 18.0 s, 5.0 s on hold
        "#]],
    );
}

#[test]
fn a_colleague_who_is_busy_is_told_to_be() {
    check_from_ten(
        small_centre(),
        "10 call 9 ben anna\n11 call 8 ben carla\n12 fail 2 declined\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 call 9 ben anna
              > call 2: 9 from anna to ben
              > ring 9
            11.0 call 8 ben carla
              > refuse 8 486
              · 8 refused Busy
            12.0 fail 2 declined
              > refuse 9 486
            20.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 18.0 s
        "#]],
    );
}

#[test]
fn a_call_between_colleagues_ends_with_either_and_leaves_no_record() {
    check_from_ten(
        small_centre(),
        "10 call 9 ben carla\n12 answer 2\n13 caller-gone 9\n14 call 8 ben carla\n15 answer 3\n16 agent-gone 3\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 call 9 ben carla
              > call 2: 9 from carla to ben
              > ring 9
            12.0 answer 2
              > answer 9
              > bridge 9 with 2
            13.0 caller-gone 9
              > hang up agent/2
            14.0 call 8 ben carla
              > call 3: 8 from carla to ben
              > ring 8
            15.0 answer 3
              > answer 8
              > bridge 8 with 3
            16.0 agent-gone 3
              > hang up caller/8
            20.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 18.0 s
        "#]],
    );
}

#[test]
fn nobody_can_join_calls_that_are_not_his() {
    check_from_ten(
        small_centre(),
        "10 call 9 ben carla\n12 answer 2\n15 refer agent:1 - replaces=caller:9\n18 caller-gone 9\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 call 9 ben carla
              > call 2: 9 from carla to ben
              > ring 9
            12.0 answer 2
              > answer 9
              > bridge 9 with 2
            15.0 refer agent:1 - replaces=caller:9
              > tell agent/1 Trying
              > tell agent/1 Refused
            18.0 caller-gone 9
              > hang up agent/2
            20.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 18.0 s
        "#]],
    );
}

#[test]
fn keys_pass_a_caller_on() {
    check_from_ten(
        with_keys(),
        "10 key 1 *\n10 key 1 2\n10 key 1 4\n10 key 1 7\n10 key 1 1\n10 key 1 1\n10 key 1 #\n12 answer 2\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 key 1 *
            10.0 key 1 2
            10.0 key 1 4
            10.0 key 1 7
            10.0 key 1 1
            10.0 key 1 1
            10.0 key 1 #
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
            12.0 answer 2
              > hang up agent/1
              > bridge 1 with 2
              · 1: Transferred { by: AgentId(0), to: Agent(AgentId(1)) }
            17.0 (time)
            20.0 caller-gone 1
              > hang up agent/2
              · 1 ended by caller, talked 18.0 s, 2.0 s on hold
        "#]],
    );
}

#[test]
fn keys_ask_somebody_then_bring_all_together() {
    check_from_ten(
        with_keys(),
        "10 key 1 *\n10 key 1 3\n10 key 1 4\n10 key 1 7\n10 key 1 1\n10 key 1 1\n10 key 1 #\n12 answer 2\n13 key 1 *\n13 key 1 4\n14 key 1 *\n14 key 1 6\n20 caller-gone 1",
        expect_test::expect![[r#"
            10.0 key 1 *
            10.0 key 1 3
            10.0 key 1 4
            10.0 key 1 7
            10.0 key 1 1
            10.0 key 1 1
            10.0 key 1 #
              > offer 2: 1 (5551) to ben from sales
              > play caller/1 [] en Music(["tide"])
              · 1: Consulted { by: AgentId(0), to: Agent(AgentId(1)) }
            12.0 answer 2
              > join 2 to 1 as Third
              · 1: Joined { agent: AgentId(1), role: Third }
            13.0 key 1 *
            13.0 key 1 4
              > bridge 1 with 1
            14.0 key 1 *
            14.0 key 1 6
              > hang up agent/2
              · 1: Left { agent: AgentId(1) }
            20.0 caller-gone 1
              > hang up agent/1
              · 1 ended by caller, talked 18.0 s, 3.0 s on hold
        "#]],
    );
}
