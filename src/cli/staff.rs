//! `holdfast staff`: how many agents a load needs, by Erlang C and, with a patience, Erlang A. It asks no engine.

use super::{StaffArgs, exit};
use crate::config::duration;
use crate::stats::erlang::{Goal, Load, Performance, fewest_agents, with_patience, without_abandonment};
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// A planner sees so many agents fewer and more than needed.
const FEWER: u32 = 2;
const MORE: u32 = 3;

/// The word of `--target`: `80/20` is 80 % within 20 s.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Target {
    /// 0 to 1.
    share: f64,
    threshold: Duration,
}

/// One model's answer.
#[derive(Debug, Serialize)]
struct Staffing {
    #[serde(flatten)]
    needed: Choice,
    /// The neighbours of `agents`, and itself.
    choices: Vec<Choice>,
}

/// What so many agents bring. Without figures the line would grow without end.
#[derive(Clone, Copy, Debug, Serialize)]
struct Choice {
    agents: u32,
    service_level: Option<f64>,
    asa_seconds: Option<f64>,
    occupancy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    abandonment: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_wait_seconds: Option<f64>,
}

/// The whole answer, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Answer {
    /// The model whose figures stand at the top: `erlang_a` when a patience is given.
    model: &'static str,
    erlangs: f64,
    #[serde(flatten)]
    needed: Choice,
    erlang_c: Staffing,
    erlang_a: Option<Staffing>,
}

/// Says how many agents are needed. Returns the exit code.
pub fn staff(args: &StaffArgs) -> u8 {
    let Some(answer) = answer(args) else {
        eprintln!(
            "holdfast staff: not even a million agents reach this target; lower --target, or raise its seconds or --max-occupancy"
        );
        return exit::RUNTIME;
    };
    if args.json {
        match serde_json::to_string(&answer) {
            Ok(json) => println!("{json}"),
            Err(error) => {
                eprintln!("holdfast staff: {error}");
                return exit::RUNTIME;
            }
        }
    } else {
        print!("{}", text(args, &answer));
    }
    exit::OK
}

fn answer(args: &StaffArgs) -> Option<Answer> {
    let load = Load { calls_per_s: args.calls / args.per.as_secs_f64(), handling_s: args.aht.as_secs_f64() };
    let goal = Goal {
        threshold_s: args.target.threshold.as_secs_f64(),
        service_level: args.target.share,
        occupancy_max: args.max_occupancy.map(|percent| percent / 100.0),
    };
    let endless = |agents| without_abandonment(load, agents, goal.threshold_s);
    let erlang_c = staffing(&goal, endless, Choice::of_erlang_c)?;
    let erlang_a = match args.patience {
        Some(patience) => {
            let model = |agents| Some(with_patience(load, patience.as_secs_f64(), agents, goal.threshold_s));
            Some(staffing(&goal, model, Choice::of_erlang_a)?)
        }
        None => None,
    };
    Some(Answer {
        model: if erlang_a.is_some() { "erlang_a" } else { "erlang_c" },
        erlangs: load.erlangs(),
        needed: erlang_a.as_ref().unwrap_or(&erlang_c).needed,
        erlang_c,
        erlang_a,
    })
}

fn staffing(
    goal: &Goal,
    model: impl Fn(u32) -> Option<Performance>,
    shown: impl Fn(u32, Option<Performance>) -> Choice,
) -> Option<Staffing> {
    let needed = fewest_agents(goal, &model)?;
    let around = needed.agents.saturating_sub(FEWER).max(1)..=needed.agents.saturating_add(MORE);
    Some(Staffing {
        needed: shown(needed.agents, Some(needed)),
        choices: around.map(|agents| shown(agents, model(agents))).collect(),
    })
}

impl Choice {
    fn of_erlang_c(agents: u32, figures: Option<Performance>) -> Self {
        Self {
            agents,
            service_level: figures.map(|it| it.service_level),
            asa_seconds: figures.map(|it| it.asa_s),
            occupancy: figures.map(|it| it.occupancy),
            abandonment: None,
            mean_wait_seconds: None,
        }
    }

    fn of_erlang_a(agents: u32, figures: Option<Performance>) -> Self {
        Self {
            abandonment: figures.map(|it| it.abandonment),
            mean_wait_seconds: figures.map(|it| it.mean_wait_s),
            ..Self::of_erlang_c(agents, figures)
        }
    }
}

fn text(args: &StaffArgs, answer: &Answer) -> String {
    let Target { share, threshold } = args.target;
    let mut text = format!(
        "{} calls in {}, {} each: {:.1} erlang. Target: {} % answered within {}",
        args.calls,
        spoken(args.per),
        spoken(args.aht),
        answer.erlangs,
        share * 100.0,
        spoken(threshold)
    );
    if let Some(most) = args.max_occupancy {
        let _ = write!(text, ", agents busy at most {most} % of the time");
    }
    text.push_str(".\n");
    table(&mut text, "Erlang C: callers wait for ever", &answer.erlang_c);
    if let (Some(staffing), Some(patience)) = (&answer.erlang_a, args.patience) {
        let title = format!("Erlang A: callers give up after {} on average", spoken(patience));
        table(&mut text, &title, staffing);
    }
    text
}

fn table(text: &mut String, title: &str, staffing: &Staffing) {
    let abandons = staffing.needed.abandonment.is_some();
    let last = if abandons { "  ABANDONED" } else { "" };
    let _ = writeln!(text, "\n{title}\n    AGENTS  SERVICE LEVEL        ASA  OCCUPANCY{last}");
    for choice in &staffing.choices {
        let mark = if choice.agents == staffing.needed.agents { '>' } else { ' ' };
        let _ = write!(text, "  {mark} {:>6}", choice.agents);
        let (Some(level), Some(asa), Some(busy)) =
            (choice.service_level, choice.asa_seconds, choice.occupancy)
        else {
            text.push_str("  too few: the line grows without end\n");
            continue;
        };
        let _ = write!(text, "  {:>11.1} %  {asa:>7.1} s  {:>7.1} %", level * 100.0, busy * 100.0);
        if let Some(abandoned) = choice.abandonment {
            let _ = write!(text, "  {:>7.1} %", abandoned * 100.0);
        }
        text.push('\n');
    }
}

fn spoken(span: Duration) -> String {
    match span.as_secs() {
        whole if span.subsec_millis() != 0 => format!("{}.{:03} s", whole, span.subsec_millis()),
        whole if whole >= 60 && whole % 60 == 0 => format!("{} min", whole / 60),
        whole => format!("{whole} s"),
    }
}

/// A span of time: seconds without a unit (`180`, `92.5`), or as in the configuration (`3m`, `1h30m`).
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let bare = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let span = bare.or_else(|| duration(text)).filter(|span| *span <= Duration::from_secs(7 * 86_400));
    span.filter(|span| !span.is_zero())
        .ok_or_else(|| "expected a time above 0 and up to 7 days: 180 (seconds), 3m or 1h30m".into())
}

/// `80/20`: a percentage and a wait.
pub(super) fn target(text: &str) -> Result<Target, String> {
    let wanted = "expected a percentage and a wait, as 80/20: 80 % within 20 s";
    let (percent, wait) = text.split_once('/').ok_or(wanted)?;
    let percent = percent.trim().trim_end_matches('%').trim().parse::<f64>().map_err(|_| wanted)?;
    if !(percent > 0.0 && percent < 100.0) {
        return Err(format!("{wanted}; the percentage lies between 0 and 100, both excluded"));
    }
    let threshold = if wait.trim() == "0" { Duration::ZERO } else { span(wait.trim())? };
    Ok(Target { share: percent / 100.0, threshold })
}

/// The number of calls.
pub(super) fn calls(text: &str) -> Result<f64, String> {
    let calls = text.parse::<f64>().ok().filter(|calls| *calls > 0.0 && *calls <= 1e7);
    calls.ok_or_else(|| "expected a number of calls, above 0 and up to 10 million".into())
}

/// A percentage above 0 and up to 100.
pub(super) fn percentage(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse::<f64>().ok().filter(|it| *it > 0.0 && *it <= 100.0);
    percent.ok_or_else(|| "expected a percentage above 0 and up to 100, as 85".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_seconds_unless_they_say_otherwise() {
        assert_eq!(span("180"), Ok(Duration::from_secs(180)));
        assert_eq!(span("92.5"), Ok(Duration::from_millis(92_500)));
        assert_eq!(span("3m"), Ok(Duration::from_secs(180)));
        assert_eq!(span("1h30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "0", "-5", "three", "NaN", "inf", "1e99", "8d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_target_is_a_percentage_and_a_wait() {
        let within = |share, secs| Ok(Target { share, threshold: Duration::from_secs(secs) });
        assert_eq!(target("80/20"), within(0.8, 20));
        assert_eq!(target("95%/3m"), within(0.95, 180));
        assert_eq!(target("50/0"), within(0.5, 0));
        for wrong in ["80", "80/", "/20", "100/20", "0/20", "NaN/20", "80/x"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }
}
