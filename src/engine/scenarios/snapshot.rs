//! The whole state written down and read back: nothing is lost, and everything goes on as it would have.

use super::*;
use crate::engine::settings::{Direct, Fatigue, LastAgent, Relaxation};

/// Writes an engine down and reads it back.
pub(super) fn copy(engine: &Engine) -> Engine {
    let mut written = Vec::new();
    ciborium::into_writer(engine, &mut written).expect("can be written");
    ciborium::from_reader(written.as_slice()).expect("can be read back")
}

fn rich() -> Settings {
    centre(|rules| {
        rules.fatigue = Some(Fatigue { occupancy_max: 0.5, over: secs(300), rest: secs(10) });
        rules.agents[2].capacity = 2;
        rules.queues[0].strategy = StrategyName::WeightedRandom;
        rules.queues[0].last_agent = Some(LastAgent { within: secs(3600), wait: secs(10) });
        rules.queues[0].resume_within = Some(secs(60));
        rules.queues[0].relaxation = vec![Relaxation { after: secs(15), requirement: Requirement::ANYBODY }];
        rules.queues[1].strategy = StrategyName::RingProgressively;
        rules.numbers[2].direct = Some(Direct { agent: AgentId(0), wait: secs(30) });
        rules.dispositions = vec!["sale".into()];
    })
}

const STORY: &str = "0 up anna
    1 up carla
    2 call 1 100 from=7
    3 answer 1
    4 call 2 102
    5 call 3 200 requires=spanish
    6 call 4 101 priority=30
    7 hold 1
    8 resume 1
    9 caller-gone 4
    10 up ben
    11 call 5 101 from=5554
    12 caller-gone 1
    13 call 6 100 from=7
    14 close support 40
    15 pause ben break
    20 fail 2 declined 5
    21 call 7 200
    30 withdraw 2 number:+49
    31 ready ben
    35 dispose anna sale
    40 answer 3
    41 call 8 200
    45 prioritise 8 10
    50 fail 4 busy
    60 login ben
    70 answer 5
    80 caller-gone 6
    90 drain
    400 tick";

#[test]
fn an_engine_read_back_is_the_same_at_every_moment_and_tells_the_same_story_from_there() {
    let (whole, told) = play(rich(), STORY);
    for stop in 1..STORY.lines().count() {
        let lines: Vec<_> = STORY.lines().collect();
        let (before, after) = lines.split_at(stop);
        let mut scene = Scene::new(rich());
        scene.play(&before.join("\n"));
        let read_back = copy(&scene.engine);
        assert_eq!(read_back, scene.engine, "after {}", before.last().expect("something"));
        scene.engine = read_back;
        scene.play(&after.join("\n"));
        assert_eq!(scene.story, told, "read back after {}", before.last().expect("something"));
        assert_eq!(scene.engine, whole);
    }
}
