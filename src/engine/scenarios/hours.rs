//! When queues are open, and what happens when they are not.

use super::*;
use crate::engine::hours::{Day, Hours, Span, TimeZone};
use crate::engine::settings::{ClosingPolicy, Overflow, OverflowWhen};
use expect_test::expect;

const HOUR: u64 = 3600;

fn span(from: u64, to: u64) -> Span {
    Span { from: secs(from * HOUR), to: secs(to * HOUR) }
}

/// Sales is open from nine to five, Monday to Friday. Scripts begin on Thursday, 1 January 1970, in UTC.
fn office(change: impl FnOnce(&mut Settings)) -> Settings {
    centre(|rules| {
        let mut week: [Vec<Span>; 7] = Default::default();
        week[..5].fill(vec![span(9, 17)]);
        rules.queues[0].hours =
            Some(Hours { name: "office".into(), week, days: std::collections::BTreeMap::new() });
        change(rules);
    })
}

/// Whether a call at that second is let in.
fn is_let_in(settings: &Settings, at: u64) -> bool {
    let (_, story) = play(settings.clone(), &format!("{at} call 1 100"));
    match (story.contains("> answer 1"), story.contains("> refuse 1 480")) {
        (true, false) => true,
        (false, true) => false,
        (_, _) => panic!("{story}"),
    }
}

const DAY: u64 = 24 * HOUR;

#[test]
fn callers_are_let_in_from_the_first_moment_of_the_opening_hours_to_the_last() {
    let office = office(|_| ());
    assert!(!is_let_in(&office, 9 * HOUR - 1));
    assert!(is_let_in(&office, 9 * HOUR));
    assert!(is_let_in(&office, 17 * HOUR - 1));
    assert!(!is_let_in(&office, 17 * HOUR));
    assert!(is_let_in(&office, DAY + 12 * HOUR), "Friday");
    assert!(!is_let_in(&office, 2 * DAY + 12 * HOUR), "Saturday");
}

#[test]
fn nine_oclock_is_nine_oclock_by_the_clock_on_the_wall_before_and_after_it_changes() {
    // An hour ahead of UTC; two from Friday on, 01:00 UTC.
    let change = i64::try_from((DAY + HOUR) * 1000).expect("small");
    let office = office(|rules| {
        rules.time_zone = TimeZone { first: 3600, changes: vec![(Wall(change), 7200)] };
    });
    assert!(!is_let_in(&office, 8 * HOUR - 1), "Thursday, 8:59");
    assert!(is_let_in(&office, 8 * HOUR), "Thursday, 9:00");
    assert!(!is_let_in(&office, DAY + 7 * HOUR - 1), "Friday, 8:59");
    assert!(is_let_in(&office, DAY + 7 * HOUR), "Friday, 9:00");
    assert!(!is_let_in(&office, DAY + 15 * HOUR), "Friday, 17:00");
}

#[test]
fn a_special_day_replaces_the_usual_one() {
    let office = office(|rules| {
        let days = &mut rules.queues[0].hours.as_mut().expect("has hours").days;
        days.insert(Day(1), Vec::new());
        days.insert(Day(2), vec![span(10, 12)]);
    });
    assert!(!is_let_in(&office, DAY + 12 * HOUR - 1), "a Friday that is a holiday");
    assert!(is_let_in(&office, 2 * DAY + 11 * HOUR), "a Saturday that is not");
    assert!(!is_let_in(&office, 2 * DAY + 13 * HOUR));
}

#[test]
fn callers_of_a_closed_queue_go_where_the_chain_says() {
    check_plot(
        office(|rules| {
            rules.queues[0].overflow = vec![Overflow {
                when: OverflowWhen::Closed,
                to: Destination::Message("we-are-closed".into()),
            }]
        }),
        "0 call 1 100\n4 heard 1",
        expect![[r#"
        0.0 call 1 100
          > play caller/1 ["we-are-closed"] en Silence
          · 1 turned away from sales: closed → Message("we-are-closed")
        4.0 heard 1
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn those_who_wait_at_closing_time_are_served() {
    check_plot(
        office(|_| ()),
        "61190 call 1 100\n61205 tick\n61230 up anna",
        expect![[r#"
        61190.0 call 1 100
          · 1 queued in sales (1 waiting)
        61205.0 tick
        61230.0 up anna
          > offer 1: 1 (5551) to anna from sales
    "#]],
    );
}

#[test]
fn those_who_wait_at_closing_time_leave_if_the_queue_says_so() {
    check_plot(
        office(|rules| rules.queues[0].closing = ClosingPolicy::Leave),
        "61198 call 1 100\n61202 tick\n61205 heard 1",
        expect![[r#"
        61198.0 call 1 100
          · 1 queued in sales (1 waiting)
        61199.0 (time)
        61200.0 (time)
          > play caller/1 ["closed"] en Silence
          · 1 closed after 2.0 s
        61202.0 tick
        61205.0 heard 1
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
    "#]],
    );
}

#[test]
fn those_who_leave_at_closing_time_go_where_callers_of_a_closed_queue_go() {
    check_plot(
        office(|rules| {
            rules.queues[0].closing = ClosingPolicy::Leave;
            rules.queues[0].overflow = vec![Overflow {
                when: OverflowWhen::Closed,
                to: Destination::Message("we-are-closed".into()),
            }];
        }),
        "61198 call 1 100\n61202 tick",
        expect![[r#"
        61198.0 call 1 100
          · 1 queued in sales (1 waiting)
        61199.0 (time)
        61200.0 (time)
          > play caller/1 ["we-are-closed"] en Silence
          · 1 overflow after 2.0 s → Message("we-are-closed")
        61202.0 tick
    "#]],
    );
}

#[test]
fn whoever_is_being_rung_at_closing_time_may_still_answer() {
    check_plot(
        office(|rules| rules.queues[0].closing = ClosingPolicy::Leave),
        "61195 up anna\n61198 call 1 100\n61198 call 2 100\n61203 answer 1\n61204 tick",
        expect![[r#"
        61195.0 up anna
        61198.0 call 1 100
          > offer 1: 1 (5551) to anna from sales
          · 1 queued in sales (1 waiting)
        61198.0 call 2 100
          · 2 queued in sales (2 waiting)
        61199.0 (time)
        61200.0 (time)
          > play caller/2 ["closed"] en Silence
          · 2 closed after 2.0 s
        61201.0 (time)
        61202.0 (time)
        61203.0 answer 1
          > bridge 1 with 1
          · offer 1 answered after 5.0 s
          · 1 answered after 5.0 s, in time
          · anna talking
        61204.0 tick
    "#]],
    );
}

#[test]
fn a_queue_closed_by_hand_takes_nobody_until_it_is_reopened() {
    check_plot(
        small_centre(),
        "0 close sales\n1 call 1 100\n2 call 2 200\n3 reopen sales\n4 call 3 100",
        expect![[r#"
        0.0 close sales
          > reply 1 Ok(())
          · sales closed by hand
        1.0 call 1 100
          > refuse 1 480
          · 1 refused NobodyThere
        2.0 call 2 200
          · 2 queued in support (1 waiting)
        3.0 reopen sales
          > reply 2 Ok(())
          · sales reopened
        4.0 call 3 100
          · 3 queued in sales (1 waiting)
    "#]],
    );
}

#[test]
fn a_closing_by_hand_ends_in_its_time() {
    check_plot(
        small_centre(),
        "0 close sales 60\n59 call 1 100\n61 call 2 100",
        expect![[r#"
        0.0 close sales 60
          > reply 1 Ok(())
          · sales closed by hand
        59.0 call 1 100
          > refuse 1 480
          · 1 refused NobodyThere
        60.0 (time)
          · sales reopened
        61.0 call 2 100
          · 2 queued in sales (1 waiting)
    "#]],
    );
}

#[test]
fn closing_by_hand_again_moves_the_end() {
    check_plot(
        small_centre(),
        "0 close sales 60\n10 close sales 120\n61 call 1 100\n121 call 2 100",
        expect![[r#"
        0.0 close sales 60
          > reply 1 Ok(())
          · sales closed by hand
        10.0 close sales 120
          > reply 2 Ok(())
          · sales closed by hand
        61.0 call 1 100
          > refuse 1 480
          · 1 refused NobodyThere
        120.0 (time)
          · sales reopened
        121.0 call 2 100
          · 2 queued in sales (1 waiting)
    "#]],
    );
}

#[test]
fn an_emergency_sends_those_who_wait_away_where_the_queue_says_so() {
    check_plot(
        centre(|rules| rules.queues[0].closing = ClosingPolicy::Leave),
        "0 call 1 100\n5 close sales\n8 heard 1\n20 tick",
        expect![[r#"
        0.0 call 1 100
          · 1 queued in sales (1 waiting)
        1.0 (time)
        2.0 (time)
        3.0 (time)
        4.0 (time)
        5.0 close sales
          > reply 1 Ok(())
          · sales closed by hand
        6.0 (time)
          > play caller/1 ["closed"] en Silence
          · 1 closed after 6.0 s
        8.0 heard 1
          > hang up caller/1
          · 1 ended by system, talked 0.0 s
        20.0 tick
    "#]],
    );
}

#[test]
fn a_crowd_leaves_at_closing_time_to_the_last_and_leaves_no_timer_behind() {
    let settings = office(|rules| rules.queues[0].closing = ClosingPolicy::Leave);
    let mut scene = Scene::new(settings);
    for call in 1..=300 {
        scene.play(&format!("{} call {call} 100", 17 * HOUR - 1));
    }
    scene.play(&format!("{} tick", 17 * HOUR + 60));
    let left = scene.story.lines().filter(|line| line.contains(" closed after")).count();
    assert_eq!((left, scene.engine.next_deadline()), (300, None));
}
