//! Who is asked when lots are drawn: chance, but the seed's.

use super::*;

/// How many of so many calls, each answered at once and ended before the next, came to each agent.
fn shares(strategy: StrategyName, calls: u64, seed: u64) -> Vec<u64> {
    let settings = centre(|rules| {
        rules.queues[0].strategy = strategy;
        rules.queues[0].wrap_up = Duration::ZERO;
        rules.agents[1].weight = 3;
    });
    let mut scene = Scene { engine: Engine::new(settings, 1, seed), story: String::new(), requests: 0 };
    scene.play("0 up anna\n0 up ben");
    for call in 1..=calls {
        scene.play(&format!("{call} call {call} 100\n{call} answer {call}\n{call} caller-gone {call}"));
    }
    scene.engine.snapshot(now(Monotonic(0))).agents.iter().map(|agent| agent.answered).collect()
}

#[test]
fn random_asks_everybody_about_as_often() {
    let shares = shares(StrategyName::Random, 400, 1);
    assert!((160..=240).contains(&shares[0]), "half of 400, four deviations: {shares:?}");
    assert_eq!(shares[0] + shares[1], 400);
}

#[test]
fn weighted_random_asks_who_weighs_three_times_as_much_three_times_as_often() {
    let shares = shares(StrategyName::WeightedRandom, 400, 1);
    assert!((65..=135).contains(&shares[0]), "a quarter of 400, four deviations: {shares:?}");
}

#[test]
fn the_same_seed_draws_the_same_lots_and_another_seed_others() {
    let drawn = |seed| shares(StrategyName::Random, 100, seed);
    assert_eq!(drawn(1), drawn(1));
    assert!((2..10).any(|seed| drawn(seed) != drawn(1)));
}

#[test]
fn nobody_who_is_not_free_or_not_qualified_is_drawn() {
    let settings = centre(|rules| rules.queues[0].strategy = StrategyName::WeightedRandom);
    let (_, story) =
        play(settings, "0 up anna\n0 up ben\n0 up carla\n1 pause carla break\n2 call 1 101\n3 call 2 101");
    let offers: Vec<_> = story.lines().filter(|line| line.contains("> offer")).collect();
    assert_eq!(offers, ["  > offer 1: 1 (5551) to ben from sales"], "{story}");
}
