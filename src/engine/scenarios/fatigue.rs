//! The guard against exhaustion.

use super::*;
use crate::engine::settings::Fatigue;
use expect_test::expect;

/// Above 60 % of ten minutes: a break of thirty seconds.
fn guarded() -> Settings {
    centre(|rules| rules.fatigue = Some(Fatigue { occupancy_max: 0.6, over: secs(600), rest: secs(30) }))
}

#[test]
fn who_has_had_too_little_of_a_pause_gets_a_short_one_after_his_work() {
    check_plot(
        guarded(),
        "0 up anna\n1 call 1 100\n2 answer 1\n1800 caller-gone 1\n1801 call 2 100\n1900 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        1800.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 1798.0 s
          · anna wrap_up
        1801.0 call 2 100
          · 2 queued in sales (1 waiting)
        1805.0 (time)
          · anna wrapped up in 5.0 s
          · anna resting
        1835.0 (time)
          > offer 2: 2 (5552) to anna from sales
        1855.0 (time)
          > cancel 2
          · offer 2 no_answer after 20.0 s
          · anna resting
        1865.0 (time)
          > offer 3: 2 (5552) to anna from sales
        1885.0 (time)
          > cancel 3
          · offer 3 no_answer after 20.0 s
          · anna resting
        1895.0 (time)
          > offer 4: 2 (5552) to anna from sales
        1900.0 tick
    "#]],
    );
}

#[test]
fn who_had_time_between_his_calls_gets_none() {
    check_plot(
        guarded(),
        "0 up anna\n1 call 1 100\n2 answer 1\n300 caller-gone 1\n310 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        300.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 298.0 s
          · anna wrap_up
        305.0 (time)
          · anna wrapped up in 5.0 s
        310.0 tick
    "#]],
    );
}

#[test]
fn no_two_breaks_begin_within_the_stretch_that_is_looked_at() {
    check_plot(
        guarded(),
        "0 up anna\n1 call 1 100\n2 answer 1\n1800 caller-gone 1\n1840 call 2 100\n1841 answer 2\n2300 caller-gone 2\n2310 call 3 100\n2311 answer 3\n3000 caller-gone 3\n3100 tick",
        expect![[r#"
        0.0 up anna
        1.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        2.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 1.0 s
          · 1 answered after 1.0 s, in time
          · anna talking
        1800.0 caller-gone 1
          > hang up agent/1
          · 1 ended by caller, talked 1798.0 s
          · anna wrap_up
        1805.0 (time)
          · anna wrapped up in 5.0 s
          · anna resting
        1835.0 (time)
        1840.0 call 2 100
          > offer 2: 2 (5552) to anna from sales
          · 2 queued in sales (1 waiting)
        1841.0 answer 2
          > bridge 2 with 2
          · offer 2 answered after 1.0 s
          · 2 answered after 1.0 s, in time
          · anna talking
        2300.0 caller-gone 2
          > hang up agent/2
          · 2 ended by caller, talked 459.0 s
          · anna wrap_up
        2305.0 (time)
          · anna wrapped up in 5.0 s
        2310.0 call 3 100
          > offer 3: 3 (5553) to anna from sales
          · 3 queued in sales (1 waiting)
        2311.0 answer 3
          > bridge 3 with 3
          · offer 3 answered after 1.0 s
          · 3 answered after 1.0 s, in time
          · anna talking
        3000.0 caller-gone 3
          > hang up agent/3
          · 3 ended by caller, talked 689.0 s
          · anna wrap_up
        3005.0 (time)
          · anna wrapped up in 5.0 s
          · anna resting
        3035.0 (time)
        3100.0 tick
    "#]],
    );
}

#[test]
fn the_guard_takes_nothing_from_how_long_a_state_is_told_to_have_lasted() {
    let mut engine = Engine::new(guarded(), 1, 1);
    let mut lasted = Vec::new();
    let mut requests = 0;
    for (at, words) in
        [(0, "up anna"), (1, "call 1 100"), (2, "answer 1"), (1800, "caller-gone 1"), (1805, "tick")]
    {
        let mut out = Commands::new();
        let event = parse(words, engine.settings(), &mut requests);
        engine.handle(now(Monotonic(at * 1_000_000)), event, &mut out);
        for stamped in out.take_facts() {
            if let Fact::AgentStateChanged { from, lasted: so_long, .. } = stamped.fact {
                lasted.push((from.as_str(), so_long.as_secs()));
            }
        }
        drop(out.take_commands());
    }
    assert_eq!(lasted, [("unreachable", 0), ("ready", 1), ("offered", 1), ("talking", 1798), ("wrap_up", 5)]);
}
