//! Which conversations are recorded, and when nothing is kept of one.

use super::*;
use crate::engine::settings::{RecordingMode, RecordingRules, TalkKeys};

fn recorded(mode: RecordingMode) -> Settings {
    centre(|settings| {
        let consent = Some("recorded".into());
        settings.queues[0].recording = RecordingRules { mode, consent, ..RecordingRules::default() };
        settings.talk_keys = TalkKeys { record: Some("*7".into()), ..TalkKeys::default() };
    })
}

fn recording(settings: Settings, script: &str) -> Vec<String> {
    let (_, story) = play(settings, script);
    let told = |line: &str| {
        let line = line.trim();
        (line.starts_with("> record") || line.starts_with("> reply")).then(|| line.to_owned())
    };
    story.lines().filter_map(told).collect()
}

#[test]
fn callers_are_told_before_they_are_recorded_and_not_where_nothing_is() {
    let told =
        |mode| play(recorded(mode), "0 up anna\n1 call 1 100").1.contains("[\"welcome\", \"recorded\"]");
    let modes = [RecordingMode::Off, RecordingMode::OnRequest, RecordingMode::Always];
    assert_eq!(modes.map(told), [false, true, true]);
}

#[test]
fn a_queue_that_is_recorded_is_from_the_answer_on_and_not_while_the_caller_is_on_hold() {
    let script = "0 up anna\n1 call 1 100\n2 answer 1\n5 hold 1\n9 resume 1\n12 caller-gone 1";
    assert_eq!(
        recording(recorded(RecordingMode::Always), script),
        ["> record 1: Start by Rule", "> record 1: Pause by Rule", "> record 1: Resume by Rule"]
    );
}

#[test]
fn a_pause_that_was_asked_for_outlasts_a_hold() {
    let script =
        "0 up anna\n1 call 1 100\n2 answer 1\n3 record 1 pause\n5 hold 1\n9 resume 1\n11 record 1 resume";
    let told = recording(recorded(RecordingMode::Always), script);
    let changes: Vec<_> = told.iter().filter(|line| line.contains("record")).map(String::as_str).collect();
    assert_eq!(
        changes,
        ["> record 1: Start by Rule", "> record 1: Pause by Request", "> record 1: Resume by Request"]
    );
}

#[test]
fn the_agent_s_keys_start_pause_and_resume_it() {
    let script = "0 up anna\n1 call 1 100\n2 answer 1\n3 key 1 *\n3 key 1 7\n5 key 1 *\n9 key 1 7\n10 key 1 *\n11 key 1 7";
    assert_eq!(
        recording(recorded(RecordingMode::OnRequest), script),
        ["> record 1: Start by Agent(AgentId(0))", "> record 1: Pause by Agent(AgentId(0))"],
        "keys that are far apart do not belong together"
    );
}

#[test]
fn nobody_records_where_the_rules_say_no_and_nothing_is_changed_twice() {
    let script =
        "0 up anna\n1 call 1 100\n1 record 1 start\n2 answer 1\n3 record 1 start\n4 key 1 *\n4 key 1 7";
    assert_eq!(
        recording(recorded(RecordingMode::Off), script),
        ["> reply 1 Err(NotTalking)", "> reply 2 Err(NotRecorded)"]
    );
    let script = "0 up anna\n1 call 1 100\n2 answer 1\n3 record 1 start\n4 record 1 resume";
    assert_eq!(
        recording(recorded(RecordingMode::Always), script),
        ["> record 1: Start by Rule", "> reply 1 Err(NothingToRecord)", "> reply 2 Err(NothingToRecord)"]
    );
}

#[test]
fn a_recording_that_is_begun_on_hold_keeps_nothing_before_the_caller_is_back() {
    let script = "0 up anna\n1 call 1 100\n2 answer 1\n5 hold 1\n6 record 1 start\n9 resume 1";
    let told = recording(recorded(RecordingMode::OnRequest), script);
    let changes: Vec<_> = told.iter().filter(|line| line.contains("record")).map(String::as_str).collect();
    assert_eq!(
        changes,
        ["> record 1: Start by Request", "> record 1: Pause by Rule", "> record 1: Resume by Rule"]
    );
}

#[test]
fn what_is_recorded_can_be_paused_though_the_rules_forbid_it_by_now() {
    let mut scene = Scene::new(recorded(RecordingMode::Always));
    scene.play("0 up anna\n1 call 1 100\n2 answer 1");
    let off = Event::Reconfigured { settings: Box::new(recorded(RecordingMode::Off)) };
    scene.happen(secs(3), off, "off");
    scene.play("4 key 1 *\n4 key 1 7\n5 record 1 stop\n6 record 1 start");
    let after = scene.story.split("3.0 off").nth(1).expect("it happened");
    assert!(after.contains("> record 1: Pause by Agent(AgentId(0))"), "{after}");
    assert!(after.contains("> record 1: Stop by Request") && after.contains("Err(NotRecorded)"), "{after}");
}
