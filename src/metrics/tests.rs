//! Facts in, text format out.

use super::*;
use crate::engine::event::Caller;
use crate::engine::id::{AgentId, CallId, OfferId};
use crate::engine::settings::Queue;
use crate::engine::snapshot::QueueView;
use crate::engine::time::{Now, Wall};
use crate::stats::{Basis, Estimate, Judged};

fn settings() -> Settings {
    let queue = |name: &str, threshold| Queue {
        name: name.into(),
        service_level_threshold: Duration::from_secs(threshold),
        ..Queue::default()
    };
    Settings { queues: vec![queue("sales", 17), queue("support", 60)], ..Settings::default() }
}

fn metrics() -> Metrics {
    Metrics::new(&settings()).unwrap()
}

fn observe(metrics: &Metrics, fact: Fact) {
    metrics.observe(&Stamped { at: Now::default(), fact });
}

fn left(outcome: Outcome, wait_secs: u64, answered_in_threshold: bool) -> Fact {
    Fact::CallLeftQueue {
        call: CallId(1),
        queue: QueueId(0),
        outcome,
        wait: Duration::from_secs(wait_secs),
        answered_in_threshold,
        agent: None,
        to: None,
        waiting: 3,
    }
}

#[track_caller]
fn check(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|found| found == line), "no line {line:?} in:\n{text}");
}

#[test]
fn every_series_is_there_before_the_first_call() {
    let metrics = metrics();
    check(&metrics, "holdfast_queue_calls_offered_total{queue=\"sales\"} 0");
    check(&metrics, "holdfast_queue_oldest_call_enqueued_timestamp_seconds{queue=\"support\"} 0");
    check(&metrics, "holdfast_queue_service_level_threshold_seconds{queue=\"sales\"} 17");
    check(&metrics, "holdfast_queue_service_level_target_ratio{queue=\"sales\"} 0.8");
    check(&metrics, "holdfast_engine_decision_seconds_count 0");
    for outcome in Outcome::ALL {
        let outcome = outcome.as_str();
        check(
            &metrics,
            &format!("holdfast_queue_calls_ended_total{{outcome=\"{outcome}\",queue=\"support\"}} 0"),
        );
    }
    for state in AgentState::ALL {
        check(&metrics, &format!("holdfast_queue_agents{{queue=\"sales\",state=\"{}\"}} 0", state.as_str()));
    }
    for cause in RefusedBecause::ALL {
        check(&metrics, &format!("holdfast_calls_refused_total{{cause=\"{}\"}} 0", cause.as_str()));
    }
}

#[test]
fn each_outcome_state_and_cause_counts_under_its_own_label() {
    // The folds index by discriminant; this holds them to the order of ALL.
    assert!(Outcome::ALL.iter().enumerate().all(|(at, it)| *it as usize == at));
    assert!(OfferOutcome::ALL.iter().enumerate().all(|(at, it)| *it as usize == at));
    assert!(RefusedBecause::ALL.iter().enumerate().all(|(at, it)| *it as usize == at));
}

#[test]
fn an_answer_in_time_counts_exactly_and_in_the_bucket_of_its_threshold() {
    let metrics = metrics();
    observe(&metrics, left(Outcome::Answered, 17, true));
    observe(&metrics, left(Outcome::Answered, 18, false));
    observe(&metrics, left(Outcome::Abandoned, 4, false));
    check(&metrics, "holdfast_queue_calls_answered_in_threshold_total{queue=\"sales\"} 1");
    check(&metrics, "holdfast_queue_wait_seconds_bucket{outcome=\"answered\",queue=\"sales\",le=\"17\"} 1");
    check(&metrics, "holdfast_queue_wait_seconds_sum{outcome=\"answered\",queue=\"sales\"} 35");
    check(&metrics, "holdfast_queue_calls_ended_total{outcome=\"answered\",queue=\"sales\"} 2");
    check(&metrics, "holdfast_queue_calls_ended_total{outcome=\"abandoned\",queue=\"sales\"} 1");
    check(&metrics, "holdfast_queue_calls_waiting{queue=\"sales\"} 3");
    check(&metrics, "holdfast_queue_calls_answered_in_threshold_total{queue=\"support\"} 0");
}

#[test]
fn offers_talk_and_wrap_up_are_measured_for_their_queue() {
    let metrics = metrics();
    let (call, queue, agent, offer) = (CallId(1), QueueId(1), AgentId(0), OfferId(1));
    let ring = Duration::from_secs(4);
    let because = crate::engine::explain::OfferedBecause::LastAgent;
    observe(&metrics, Fact::OfferMade { offer, call, queue, agent, because });
    observe(&metrics, Fact::OfferEnded { offer, call, queue, agent, outcome: OfferOutcome::Declined, ring });
    let ended_by = crate::engine::fact::EndedBy::Caller;
    let hold = Duration::from_secs(20);
    observe(&metrics, Fact::CallEnded { call, queue, ended_by, talk: Duration::from_secs(90), hold });
    observe(&metrics, Fact::CallEnded { call, queue, ended_by, talk: Duration::ZERO, hold: Duration::ZERO });
    observe(&metrics, Fact::WrapUpEnded { agent, queue, lasted: Duration::from_secs(7) });
    check(&metrics, "holdfast_queue_offers_total{outcome=\"declined\",queue=\"support\"} 1");
    check(&metrics, "holdfast_queue_ring_seconds_sum{queue=\"support\"} 4");
    check(&metrics, "holdfast_queue_talk_seconds_count{queue=\"support\"} 1");
    check(&metrics, "holdfast_queue_hold_seconds_sum{queue=\"support\"} 20");
    check(&metrics, "holdfast_queue_hold_seconds_count{queue=\"support\"} 1");
    check(&metrics, "holdfast_queue_wrapup_seconds_sum{queue=\"support\"} 7");
}

#[test]
fn the_snapshot_sets_the_gauges() {
    let metrics = metrics();
    let mut view = QueueView {
        queue: QueueId(0),
        waiting: 2,
        oldest: Some(Wall(1_700_000_000_500)),
        longest_wait: Duration::ZERO,
        closed_by_hand: false,
        open: true,
        agents: [0; AgentState::ALL.len()],
    };
    view.agents[AgentState::Ready as usize] = 4;
    metrics.observe_snapshot(&Snapshot { queues: vec![view.clone()], draining: true, ..Snapshot::default() });
    check(&metrics, "holdfast_queue_calls_waiting{queue=\"sales\"} 2");
    check(&metrics, "holdfast_queue_oldest_call_enqueued_timestamp_seconds{queue=\"sales\"} 1700000000.5");
    check(&metrics, "holdfast_queue_agents{queue=\"sales\",state=\"ready\"} 4");
    check(&metrics, "holdfast_draining 1");
    view.oldest = None;
    metrics.observe_snapshot(&Snapshot { queues: vec![view], ..Snapshot::default() });
    check(&metrics, "holdfast_queue_oldest_call_enqueued_timestamp_seconds{queue=\"sales\"} 0");
}

#[test]
fn expected_waits_are_shown_and_judged_on_both_sides_of_zero() {
    let metrics = metrics();
    check(&metrics, "holdfast_queue_estimated_wait_seconds{quantile=\"0.5\",queue=\"sales\"} NaN");
    let [mean, p50, p90] = [30, 25, 70].map(Duration::from_secs);
    metrics.estimates.show(&[Some(Estimate { mean, p50, p90, by: Basis::Rollout }), None]);
    check(&metrics, "holdfast_queue_estimated_wait_seconds{quantile=\"0.5\",queue=\"sales\"} 25");
    check(&metrics, "holdfast_queue_estimated_wait_seconds{quantile=\"0.9\",queue=\"sales\"} 70");
    check(&metrics, "holdfast_queue_estimated_wait_seconds{quantile=\"0.9\",queue=\"support\"} NaN");
    for (error_s, within_p90) in [(Some(-20.0), true), (Some(90.0), false), (None, false)] {
        metrics.estimates.judged(&Judged { queue: QueueId(0), by: Basis::Formula, error_s, within_p90 });
    }
    check(
        &metrics,
        "holdfast_queue_wait_estimate_error_seconds_bucket{by=\"formula\",queue=\"sales\",le=\"-15\"} 1",
    );
    check(&metrics, "holdfast_queue_wait_estimate_error_seconds_count{by=\"formula\",queue=\"sales\"} 2");
    check(&metrics, "holdfast_queue_wait_estimate_error_seconds_sum{by=\"formula\",queue=\"sales\"} 70");
    check(
        &metrics,
        "holdfast_queue_wait_estimate_covered_total{by=\"formula\",queue=\"sales\",result=\"within_p90\"} 1",
    );
    check(
        &metrics,
        "holdfast_queue_wait_estimate_covered_total{by=\"formula\",queue=\"sales\",result=\"beyond_p90\"} 2",
    );
    check(
        &metrics,
        "holdfast_queue_wait_estimate_covered_total{by=\"formula\",queue=\"support\",result=\"beyond_p90\"} 0",
    );
}

#[test]
fn a_queue_that_is_new_after_a_reload_has_its_expected_wait_shown_and_judged() {
    let metrics = metrics();
    let mut settings = settings();
    settings.queues.push(Queue { name: "night".into(), ..Queue::default() });
    metrics.follow(&settings).unwrap();
    check(&metrics, "holdfast_queue_estimated_wait_seconds{quantile=\"0.5\",queue=\"night\"} NaN");
    let [mean, p50, p90] = [30, 25, 70].map(Duration::from_secs);
    let estimates: Vec<_> = settings
        .queues
        .iter()
        .map(|queue| (queue.name == "night").then_some(Estimate { mean, p50, p90, by: Basis::Rollout }))
        .collect();
    metrics.estimates.show(&estimates);
    check(&metrics, "holdfast_queue_estimated_wait_seconds{quantile=\"0.9\",queue=\"night\"} 70");
    let night = settings.queue_named("night").unwrap();
    metrics.estimates.judged(&Judged {
        queue: night,
        by: Basis::Rollout,
        error_s: Some(4.0),
        within_p90: true,
    });
    check(&metrics, "holdfast_queue_wait_estimate_error_seconds_sum{by=\"rollout\",queue=\"night\"} 4");
}

#[test]
fn a_method_nobody_knows_makes_no_new_series() {
    let metrics = metrics();
    metrics.sip.request(Direction::Received, "INVITE");
    metrics.sip.request(Direction::Received, "X\"} 1\nfake");
    metrics.sip.response(Direction::Sent, 486);
    metrics.sip.response(Direction::Sent, 999);
    check(&metrics, "holdfast_sip_requests_total{direction=\"received\",method=\"INVITE\"} 1");
    check(&metrics, "holdfast_sip_requests_total{direction=\"received\",method=\"other\"} 1");
    check(&metrics, "holdfast_sip_responses_total{class=\"4xx\",direction=\"sent\"} 1");
    assert!(!metrics.render().contains("fake"));
}

#[test]
fn no_caller_appears_in_a_label() {
    let metrics = metrics();
    let caller = Caller { number: "+4912345".into(), name: "Canary".into(), ..Caller::default() };
    observe(
        &metrics,
        Fact::CallQueued {
            call: CallId(1),
            queue: QueueId(0),
            dialled: "4001".into(),
            caller,
            sip_call_id: "canary@host".into(),
            language: "en".into(),
            priority: Duration::ZERO,
            waiting: 1,
            entered: crate::engine::fact::Entered::Arrived,
        },
    );
    let text = metrics.render();
    assert!(text.contains("holdfast_queue_calls_offered_total{queue=\"sales\"} 1"));
    assert!(!text.to_lowercase().contains("canary") && !text.contains("12345"));
}

#[test]
fn totals_kept_elsewhere_only_move_forward() {
    let metrics = metrics();
    advance(&metrics.media.packets_sent, 10);
    advance(&metrics.media.packets_sent, 7);
    advance(&metrics.media.packets_sent, 12);
    assert_eq!(metrics.media.packets_sent.get(), 12);
}

#[test]
fn callers_turned_away_count_by_cause_and_are_not_offered() {
    assert!(TurnedAwayBecause::ALL.iter().enumerate().all(|(at, it)| *it as usize == at));
    let metrics = metrics();
    for because in TurnedAwayBecause::ALL {
        let because_text = because.as_str();
        check(
            &metrics,
            &format!(
                "holdfast_queue_calls_turned_away_total{{because=\"{because_text}\",queue=\"sales\"}} 0"
            ),
        );
        let to = crate::engine::settings::Destination::Message("closed".into());
        let (dialled, sip_call_id) = (String::new(), String::new());
        let (call, queue, caller) = (CallId(1), QueueId(0), Caller::default());
        observe(&metrics, Fact::CallTurnedAway { call, queue, dialled, caller, sip_call_id, because, to });
        check(
            &metrics,
            &format!(
                "holdfast_queue_calls_turned_away_total{{because=\"{because_text}\",queue=\"sales\"}} 1"
            ),
        );
    }
    check(&metrics, "holdfast_queue_calls_offered_total{queue=\"sales\"} 0");
}

#[test]
fn calls_widened_are_counted_for_their_queue() {
    let metrics = metrics();
    observe(&metrics, Fact::CallWidened { call: CallId(1), queue: QueueId(1), level: 2 });
    check(&metrics, "holdfast_queue_calls_widened_total{queue=\"support\"} 1");
    check(&metrics, "holdfast_queue_calls_widened_total{queue=\"sales\"} 0");
}

/// A picture of two queues with one agent each, taken `millis` after the engine's start.
fn picture(millis: u64, state: AgentState, open: bool) -> Snapshot {
    let view = |queue: u32, state: AgentState| {
        let mut agents = [0; AgentState::ALL.len()];
        agents[state as usize] = 1;
        let (waiting, oldest, longest_wait, closed_by_hand) = (0, None, Duration::ZERO, false);
        QueueView { queue: QueueId(queue), waiting, oldest, longest_wait, closed_by_hand, open, agents }
    };
    let agent = crate::engine::snapshot::AgentView {
        agent: AgentId(0),
        state,
        lasted: Duration::ZERO,
        reason: None,
        call: None,
        answered: 0,
        talk: Duration::ZERO,
        occupancy: None,
    };
    Snapshot {
        at: Now { mono: crate::engine::time::Monotonic(millis * 1000), wall: Wall(0) },
        queues: vec![view(0, state), view(1, AgentState::LoggedOut)],
        agents: vec![agent],
        ..Snapshot::default()
    }
}

#[test]
fn agents_seconds_add_up_by_state_between_pictures() {
    let metrics = metrics();
    for (millis, state) in [
        (5_000, AgentState::Ready),
        (5_500, AgentState::Ready),
        (6_000, AgentState::Talking),
        (8_000, AgentState::OnHold),
        (9_000_000, AgentState::OnHold), // nobody knows what was in between
    ] {
        metrics.observe_snapshot(&picture(millis, state, true));
    }
    check(&metrics, "holdfast_queue_agent_seconds_total{queue=\"sales\",state=\"ready\"} 0.5");
    check(&metrics, "holdfast_queue_agent_seconds_total{queue=\"sales\",state=\"talking\"} 0.5");
    check(&metrics, "holdfast_queue_agent_seconds_total{queue=\"sales\",state=\"on_hold\"} 2");
    check(&metrics, "holdfast_queue_agent_seconds_total{queue=\"support\",state=\"logged_out\"} 3");
    check(&metrics, "holdfast_queue_agents{queue=\"sales\",state=\"on_hold\"} 1");
}

#[test]
fn a_closed_queue_is_shown_as_closed() {
    let metrics = metrics();
    metrics.observe_snapshot(&picture(0, AgentState::Ready, true));
    check(&metrics, "holdfast_queue_open{queue=\"sales\"} 1");
    metrics.observe_snapshot(&picture(200, AgentState::Ready, false));
    check(&metrics, "holdfast_queue_open{queue=\"sales\"} 0");
}

#[test]
fn each_agents_state_is_shown_only_when_it_is_asked_for() {
    let named = |name: &str| crate::engine::settings::Agent { name: name.into(), ..Default::default() };
    let settings = Settings { agents: vec![named("anna"), named("ben")], ..settings() };
    let mut metrics = Metrics::new(&settings).unwrap();
    metrics.observe_snapshot(&picture(0, AgentState::Talking, true));
    assert!(!metrics.render().contains("holdfast_agent_state"), "it is a series for each agent and state");
    metrics.show_each_agent(&settings).unwrap();
    metrics.observe_snapshot(&picture(200, AgentState::Talking, true));
    check(&metrics, "holdfast_agent_state{agent=\"anna\",state=\"talking\"} 1");
    check(&metrics, "holdfast_agent_state{agent=\"anna\",state=\"ready\"} 0");
    check(&metrics, "holdfast_agent_state{agent=\"ben\",state=\"talking\"} 0");
}

mod recount;
