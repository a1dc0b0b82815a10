//! How an agent who serves several queues is shared among them, and that none starves.

use super::*;
use crate::engine::settings::QueueOrder;

/// carla serves sales and support; the others are not there.
fn carla_serves_both(order: QueueOrder, change: impl FnOnce(&mut [Queue])) -> Settings {
    centre(|rules| {
        rules.order = order;
        rules.queues.iter_mut().for_each(|queue| queue.wrap_up = Duration::ZERO);
        change(&mut rules.queues);
    })
}

/// Which calls carla takes, one after the other, each for ten seconds.
fn served(settings: Settings, arrivals: &str, from: u64, calls: u64) -> Vec<u64> {
    let mut scene = Scene::new(settings);
    scene.play(arrivals);
    scene.play(&format!("{from} up carla"));
    for offer in 1..=calls {
        let at = from + offer * 10;
        scene.play(&format!("{} answer {offer}\n{at} agent-gone {offer}", at - 9));
    }
    let offers = scene.story.lines().filter(|line| line.contains("> offer"));
    offers.filter_map(|line| line.split_whitespace().nth(3)?.parse().ok()).collect()
}

#[test]
fn by_priority_a_queues_credit_counts_like_a_longer_wait() {
    let settings = carla_serves_both(QueueOrder::Priority, |queues| queues[1].priority = secs(30));
    // Support at 25 s counts as -5 s, support at 40 s as 10 s.
    assert_eq!(
        served(settings, "0 call 1 100\n25 call 2 200\n40 call 3 200\n41 call 4 100", 50, 4),
        [2, 1, 3, 4]
    );
}

#[test]
fn a_very_important_caller_goes_ahead_by_his_credit_and_no_further() {
    let settings = carla_serves_both(QueueOrder::Priority, |_| ());
    // The number 102 has a credit of 60 s; a header asks for 20 s instead.
    let arrivals = "0 call 1 100\n10 call 2 100\n65 call 3 102\n66 call 4 102 priority=20";
    assert_eq!(served(settings, arrivals, 70, 4), [1, 3, 2, 4]);
}

#[test]
fn by_deadline_the_queue_with_the_tighter_target_goes_first() {
    let settings = carla_serves_both(QueueOrder::Deadline, |queues| {
        queues[0].service_level_threshold = secs(60);
        queues[1].service_level_threshold = secs(10);
    });
    // Due at 60, 30, 70 and 80 s.
    assert_eq!(
        served(settings, "0 call 1 100\n10 call 3 100\n20 call 2 200\n20.5 call 4 100", 25, 4),
        [2, 1, 3, 4]
    );
}

#[test]
fn by_weighted_wait_a_second_counts_as_its_queue_says() {
    let settings = carla_serves_both(QueueOrder::WeightedWait, |queues| queues[1].weight = 300);
    // At 40 s: 40, 3 x 10 = 30, 35; at 50 s: 3 x 20 = 60 against 45.
    assert_eq!(served(settings, "0 call 1 100\n5 call 2 100\n30 call 3 200", 40, 3), [1, 3, 2]);
}

#[test]
fn in_no_order_does_anybody_starve_behind_a_stream_of_better_calls() {
    for (name, order) in QueueOrder::TABLE {
        let mut scene = Scene::new(carla_serves_both(order, |queues| {
            queues[1].priority = secs(40);
            queues[1].weight = 300;
            queues[0].service_level_threshold = secs(60);
        }));
        scene.play("0 call 1 100\n0 call 2 200\n0 call 3 200\n1 up carla");
        // Whenever she is free a call of support has waited for ten seconds at least, without end.
        for turn in 1..=40 {
            let at = turn * 10;
            scene.play(&format!(
                "{} answer {turn}\n{at} call {} 200\n{at} agent-gone {turn}",
                at - 5,
                turn + 3
            ));
        }
        let served = scene.story.lines().position(|line| line.contains("> offer") && line.contains(": 1 ("));
        assert!(served.is_some(), "{name}: {}", scene.story);
    }
}

#[test]
fn one_queues_calls_keep_their_order_whatever_the_order_across_queues() {
    for (name, order) in QueueOrder::TABLE {
        let settings = carla_serves_both(order, |queues| queues[1].weight = 300);
        let served =
            served(settings, "0 call 1 100\n1 call 2 200\n2 call 3 100\n3 call 4 200\n4 call 5 100", 30, 5);
        let of = |queue: &[u64]| -> Vec<u64> {
            served.iter().copied().filter(|call| queue.contains(call)).collect()
        };
        assert_eq!((of(&[1, 3, 5]), of(&[2, 4])), (vec![1, 3, 5], vec![2, 4]), "{name}");
    }
}
