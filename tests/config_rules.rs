//! The rules of queues, agents and opening hours as they are written in the file: what they become, and what is told
//! of those that cannot work.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic here is a failed assertion"
)]

use holdfast::config::{Config, DEFAULT_TEXT};
use holdfast::engine::fact::AgentState;
use holdfast::engine::hours::Day;
use holdfast::engine::id::{AgentId, QueueId, SkillId};
use holdfast::engine::settings::{
    ClosingPolicy, Destination, MissedRules, OverflowWhen, PhoneOrder, QueueOrder, Settings, WrapUpMode,
};
use holdfast::engine::strategy::StrategyName;
use holdfast::engine::time::Wall;
use holdfast::sip::presets::{PhoneMake, Tone};
use std::path::Path;
use std::time::Duration;

/// Two queues with an agent each.
const GOOD: &str = r#"skills = ["english", "spanish", "sales"]
[[queue]]
name = "sales"
requires = "sales"
[[queue]]
name = "support"
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
password = "x"
skills = { english = 5, sales = 3 }
queues = ["sales"]
[[agent]]
name = "carla"
password = "x"
skills = { spanish = 2, sales = 1 }
queues = ["sales", "support"]
"#;

/// Where lines can be put.
#[derive(Clone, Copy)]
enum At {
    Site,
    Sales,
    Support,
    Number,
    Anna,
}

fn with(lines: &[(At, &str)]) -> String {
    lines.iter().fold(GOOD.to_owned(), |text, (at, line)| {
        let mark = match at {
            At::Site => return format!("{line}\n{text}"),
            At::Sales => "requires = \"sales\"",
            At::Support => "name = \"support\"",
            At::Number => "dialled = \"4001\"",
            At::Anna => "name = \"anna\"",
        };
        text.replacen(mark, &format!("{mark}\n{line}"), 1)
    })
}

fn config(lines: &[(At, &str)]) -> Config {
    let text = with(lines);
    Config::from_str("site.toml", &text).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn settings(lines: &[(At, &str)]) -> Settings {
    config(lines).settings
}

/// The errors, without file and place.
fn errors(lines: &[(At, &str)]) -> Vec<String> {
    let errors = Config::from_str("site.toml", &with(lines)).expect_err("there should be an error");
    errors.problems.into_iter().map(|problem| problem.message).collect()
}

fn warnings(lines: &[(At, &str)]) -> Vec<String> {
    config(lines).warnings.into_iter().map(|problem| problem.message).collect()
}

#[track_caller]
fn is_wrong(at: At, line: &str, expected: &str) {
    let errors = errors(&[(at, line)]);
    assert!(errors.iter().any(|error| error.contains(expected)), "{errors:#?}");
}

#[track_caller]
fn is_doubtful(lines: &[(At, &str)], expected: &str) {
    let warnings = warnings(lines);
    assert!(warnings.iter().any(|warning| warning.contains(expected)), "{warnings:#?}");
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn every_strategy_of_the_engine_has_its_name() {
    for (name, strategy) in StrategyName::TABLE {
        let settings = settings(&[(At::Sales, &format!("strategy = {name:?}"))]);
        assert_eq!(settings.queues[0].strategy, strategy);
    }
}

#[test]
fn the_site_says_how_agents_are_shared() {
    let plain = settings(&[]);
    assert_eq!((plain.order, plain.primary_first, plain.fatigue), (QueueOrder::Priority, secs(600), None));
    let text = "order = \"weighted-wait\"\nprimary_first = \"0s\"\ndispositions = [\"sale\"]";
    let shared = settings(&[(At::Site, text), (At::Sales, "weight = 2.5")]);
    assert_eq!((shared.order, shared.primary_first), (QueueOrder::WeightedWait, secs(0)));
    assert_eq!(shared.queues.iter().map(|queue| queue.weight).collect::<Vec<_>>(), [250, 100]);
    assert_eq!(shared.dispositions, ["sale"]);
    is_wrong(At::Site, "order = \"dedline\"", "unknown order \"dedline\"; did you mean \"deadline\"?");
    is_wrong(At::Sales, "weight = 0", "weight: expected a number from 0.01 to 1000, got the number 0");
    is_doubtful(&[(At::Sales, "weight = 2")], "weight counts only under order = \"weighted-wait\"");
}

#[test]
fn the_guard_against_exhaustion_is_off_unless_written() {
    let text = GOOD.replacen("[[queue]]", "[fatigue]\noccupancy_max = 0.85\nrest = \"2m\"\n[[queue]]", 1);
    let fatigue = Config::from_str("site.toml", &text).unwrap().settings.fatigue.unwrap();
    assert_eq!((fatigue.occupancy_max, fatigue.over, fatigue.rest), (0.85, secs(1800), secs(120)));
    let text = text.replace("occupancy_max = 0.85\n", "");
    let errors = Config::from_str("site.toml", &text).unwrap_err().to_string();
    assert!(errors.contains("[fatigue]: occupancy_max is missing"), "{errors}");
}

#[test]
fn steps_of_relaxation_are_read_in_the_order_of_time() {
    let line = "relax = [{ after = \"10s\", requires = \"english >= 2\" }, { after = \"20s\", requires = \"anybody\" }]";
    let queue = &settings(&[(At::Sales, line)]).queues[0];
    let steps: Vec<_> = queue.relaxation.iter().map(|step| step.after.as_secs()).collect();
    assert_eq!(steps, [10, 20]);
    assert!(queue.relaxation[1].requirement.is_met_by(&Default::default()));
    let backwards = line.replace("20s", "5s");
    is_wrong(
        At::Sales,
        &backwards,
        "queue \"sales\": relax: after: expected more than that of the step before it",
    );
    is_wrong(At::Number, "relax = [{ requires = \"english\" }]", "number \"4001\": relax: after is missing");
    is_wrong(At::Sales, "relax = [{ after = \"10s\", requires = \"slaes\" }]", "did you mean \"sales\"?");
    is_wrong(At::Sales, "relax = { after = \"10s\" }", "relax: expected a list of tables such as [{ after");
}

#[test]
fn an_overflow_chain_names_when_and_where_to() {
    let line = "refuse_when_all = [\"logged_out\", \"paused\"]\noverflow = [\n{ after = \"60s\", queue = \"support\" },\n\
        { when = \"full\", number = \"+49301\" },\n{ when = \"no-agents\", message = \"all-busy\" },\n\
        { when = \"closed\", message = \"closed\" }]";
    let queue = &settings(&[(At::Sales, line)]).queues[0];
    let chain: Vec<_> = queue.overflow.iter().map(|rule| (rule.when, rule.to.clone())).collect();
    assert_eq!(
        chain,
        [
            (OverflowWhen::Waited(secs(60)), Destination::Queue(QueueId(1))),
            (OverflowWhen::Full, Destination::Number("+49301".into())),
            (OverflowWhen::NoAgents, Destination::Message("all-busy".into())),
            (OverflowWhen::Closed, Destination::Message("closed".into())),
        ]
    );
    assert_eq!(queue.refuse_when_all, [AgentState::LoggedOut, AgentState::Paused]);
}

#[test]
fn an_overflow_that_cannot_be_meant_is_an_error() {
    let wrong = |rule: &str, expected: &str| is_wrong(At::Sales, &format!("overflow = [{rule}]"), expected);
    wrong(
        "{ after = \"60s\", queue = \"suport\" }",
        "queue: unknown queue \"suport\"; did you mean \"support\"?",
    );
    wrong("{ after = \"60s\", queue = \"sales\" }", "queue: this is the queue itself");
    wrong(
        "{ queue = \"support\" }",
        "expected either after = \"60s\" or when = \"…\" (known: full, no-agents, closed)",
    );
    wrong("{ after = \"1s\", when = \"full\", queue = \"support\" }", "expected either after");
    wrong("{ when = \"ful\", queue = \"support\" }", "unknown when \"ful\"; did you mean \"full\"?");
    wrong("{ when = \"full\" }", "expected one place to go to");
    wrong("{ when = \"full\", queue = \"support\", number = \"1\" }", "expected one place to go to");
    wrong("{ when = \"full\", message = \"../closed\" }", "message: expected the name of a prompt");
    wrong("{ when = \"full\", number = \"a b\" }", "number: expected what is dialled outside");
    wrong("{ when = \"full\", mesage = \"closed\" }", "unknown key \"mesage\"; did you mean message?");
}

#[test]
fn conditions_on_agents_states_never_name_ready() {
    is_wrong(At::Sales, "refuse_when_all = [\"ready\"]", "refuse_when_all: \"ready\" cannot be one of them");
    is_wrong(At::Sales, "leave_when_all = [\"ready\"]", "leave_when_all: \"ready\" cannot be one of them");
    is_wrong(
        At::Sales,
        "leave_when_all = [\"logged-out\"]",
        "unknown state \"logged-out\"; did you mean \"logged_out\"?",
    );
    is_wrong(At::Sales, "leave_when_all = [\"paused\", \"paused\"]", "is there twice");
}

#[test]
fn agents_are_borrowed_from_another_queue_under_conditions() {
    let line = "borrow = [{ from = \"sales\", after = \"15s\", while_wait_below = \"10s\", while_service_level_above = 0.8 }]";
    let borrow = &settings(&[(At::Support, line)]).queues[1].borrow[0];
    assert_eq!((borrow.from, borrow.after), (QueueId(0), secs(15)));
    assert_eq!((borrow.lender_wait_max, borrow.lender_service_level_min), (Some(secs(10)), Some(0.8)));
    is_wrong(
        At::Support,
        "borrow = [{ from = \"support\" }]",
        "from: this is the queue itself; its agents serve it already",
    );
    is_wrong(At::Support, "borrow = [{ from = \"sles\" }]", "did you mean \"sales\"?");
    is_wrong(At::Support, "borrow = [{ after = \"1s\" }]", "borrow: from is missing");
    is_wrong(
        At::Support,
        "borrow = [{ from = \"sales\" }, { from = \"sales\" }]",
        "lends its agents already",
    );
    is_doubtful(
        &[(At::Sales, "borrow = [{ from = \"support\" }]")],
        "queue \"support\" has no agents who do not serve this one",
    );
}

#[test]
fn after_call_work_and_missed_calls_have_their_rules() {
    let line = "wrap_up_mode = \"mandatory\"\nwrap_up_extension_max = \"2m\"\ndisposition_required = true\n\
        rest_after_miss = \"8s\"\nmissed = { declined = \"3s\", rest_max = \"1m\", pause_after = 3 }";
    let site = (At::Site, "dispositions = [\"sale\"]");
    let queue = &settings(&[site, (At::Sales, line)]).queues[0];
    let rules = queue.wrap_up_rules;
    assert_eq!((rules.mode, rules.extension_max), (WrapUpMode::Mandatory, secs(120)));
    assert!(rules.disposition_required);
    let own = settings(&[site, (At::Anna, "wrap_up_mode = \"optional\"\ndisposition_required = false")])
        .agents[0]
        .wrap_up_rules;
    assert_eq!((own.mode, own.extension_max), (Some(WrapUpMode::Optional), None));
    assert!(!rules.of(own).disposition_required, "what an agent has otherwise replaces the queue's");
    assert_eq!(rules.of(own).extension_max, secs(120), "and what he has not stays as the queue has it");
    is_wrong(
        At::Anna,
        "disposition_required = true",
        "disposition_required: there is nothing to choose from",
    );
    let expected = MissedRules {
        declined: secs(3),
        rest_max: secs(60),
        pause_after: Some(3),
        ..MissedRules::same(secs(8))
    };
    assert_eq!(queue.missed, expected);
    is_wrong(
        At::Sales,
        "disposition_required = true",
        "disposition_required: there is nothing to choose from",
    );
    is_wrong(At::Sales, "disposition_required = \"yes\"", "expected true or false, got \"yes\"");
    is_wrong(
        At::Sales,
        "missed = { pause_after = 0 }",
        "missed: pause_after: expected a whole number from 1 to 100",
    );
    is_doubtful(
        &[(At::Sales, "missed = { declined = \"1m\", rest_max = \"5s\" }")],
        "rest_max is less than one of the rests",
    );
}

#[test]
fn a_caller_s_own_agent_and_his_old_place_are_kept_for_him() {
    let line = "last_agent = { within = \"8h\" }\nresume_within = \"90s\"\nsecondary_after = \"15s\"\npriority = \"30s\"";
    let queue = &settings(&[(At::Sales, line)]).queues[0];
    let last = queue.last_agent.unwrap();
    assert_eq!((last.within, last.wait), (secs(8 * 3600), secs(20)));
    assert_eq!((queue.resume_within, queue.secondary_after), (Some(secs(90)), secs(15)));
    assert_eq!(queue.priority, secs(30));
    let number = &settings(&[(At::Number, "direct = { agent = \"carla\", wait = \"30s\" }")]).numbers[0];
    let direct = number.direct.unwrap();
    assert_eq!((direct.agent, direct.wait), (AgentId(1), secs(30)));
    is_wrong(
        At::Number,
        "direct = { agent = \"karla\" }",
        "unknown agent \"karla\"; did you mean \"carla\"?",
    );
    is_wrong(At::Number, "direct = { wait = \"5s\" }", "number \"4001\": direct: agent is missing");
}

#[test]
fn an_agent_has_secondary_skills_phones_capacity_and_weight() {
    let plain = &settings(&[]).agents[0];
    assert_eq!((plain.capacity, plain.weight, plain.phones), (1, 1, PhoneOrder::Together));
    let line = "secondary = [\"sales\"]\ncapacity = 2\nweight = 3\nphones = \"in-order\"";
    let anna = &settings(&[(At::Anna, line)]).agents[0];
    assert_eq!((anna.capacity, anna.weight, anna.phones), (2, 3, PhoneOrder::InOrder));
    assert_eq!(anna.secondary, [SkillId(2)]);
    is_wrong(
        At::Anna,
        "secondary = [\"spanish\"]",
        "unknown skill of this agent \"spanish\" (known: english, sales)",
    );
    is_wrong(At::Anna, "capacity = 0", "capacity: expected a whole number from 1 to 100");
    is_wrong(At::Anna, "phones = \"in order\"", "did you mean \"in-order\"?");
}

const OFFICE: &str = "[[hours]]\nname = \"office\"\nweek = { mon-thu = \"9:00-17:00\", fri = [\"9:00-12:00\", \"13:00-16:00\"] }\n\
    closed = [\"12-25\", \"2026-12-28..2026-12-31\"]\nspecial = { \"2026-12-30\" = \"10:00-11:00\" }\n[[queue]]";

fn with_hours(hours: &str) -> String {
    let line = "hours = \"office\"\nat_closing = \"leave\"\noverflow = [{ when = \"closed\", message = \"closed\" }]";
    let text = with(&[(At::Site, "time_zone = \"Europe/Berlin\""), (At::Sales, line)]);
    text.replacen("[[queue]]", hours, 1)
}

#[test]
fn a_queue_is_open_by_its_hours_in_the_site_s_time_zone() {
    let config = Config::from_str("site.toml", &with_hours(OFFICE)).unwrap();
    assert_eq!(config.warnings, []);
    let settings = config.settings;
    let queue = &settings.queues[0];
    assert_eq!(queue.closing, ClosingPolicy::Leave);
    let hours = queue.hours.as_ref().unwrap();
    let is_open = |utc: &str| {
        let at: jiff::Timestamp = utc.parse().unwrap();
        hours.is_open(&settings.time_zone, Wall(at.as_millisecond()))
    };
    assert!(is_open("2026-11-20T08:00:00Z"), "Friday at nine, in winter");
    assert!(!is_open("2026-11-20T11:30:00Z"), "their lunch");
    assert!(is_open("2026-07-03T07:00:00Z"), "Friday at nine, in summer");
    assert!(!is_open("2026-11-21T10:00:00Z"), "Saturday");
    assert!(!is_open("2028-12-25T10:00:00Z"), "Christmas, in any year");
    assert!(!is_open("2026-12-29T10:00:00Z"), "between the years");
    assert!(is_open("2026-12-30T09:30:00Z"), "but for an hour");
    assert!(hours.days.contains_key(&Day::of_date(2040, 12, 25)));
}

#[test]
fn hours_that_make_no_sense_are_pointed_at() {
    let wrong = |old: &str, new: &str, expected: &str| {
        let text = with_hours(&OFFICE.replacen(old, new, 1));
        let errors = Config::from_str("site.toml", &text).unwrap_err().to_string();
        assert!(errors.contains(expected), "{errors}");
    };
    wrong(
        "mon-thu",
        "mon-thx",
        "hours \"office\": week: expected a day or days such as \"sat\" or \"mon-fri\", got \"mon-thx\"",
    );
    wrong("mon-thu", "mon-fri", "week: fri is there twice; remove one");
    wrong("9:00-17:00", "9-17", "\"9-17\": expected times such as \"9:00-17:30\"");
    wrong("9:00-17:00", "22:00-6:00", "past midnight it is the next day's");
    wrong("13:00-16:00", "11:00-16:00", "begins before the one in front of it ends");
    wrong("12-25", "25.12.", "closed: expected a date such as \"2026-12-25\"");
    wrong("2026-12-31", "2026-11-31", "got \"2026-12-28..2026-11-31\"");
    wrong("2026-12-31", "2029-12-31", "is more than 366 days");
    wrong("name = \"office\"", "name = \"offic\"", "unknown hours \"office\"; did you mean \"offic\"?");
    wrong(
        "week = { mon-thu = \"9:00-17:00\", fri = [\"9:00-12:00\", \"13:00-16:00\"] }",
        "",
        "week is missing",
    );
    is_wrong(
        At::Site,
        "time_zone = \"Europe/Berln\"",
        "unknown time zone \"Europe/Berln\"; did you mean \"Europe/Berlin\"?",
    );
    is_wrong(At::Site, "time_zone = \"CET/Mitteleuropa\"", "expected a name of the IANA database");
}

#[test]
fn hours_without_a_time_zone_or_a_place_to_go_to_are_doubtful() {
    let text = with_hours(OFFICE).replace("time_zone = \"Europe/Berlin\"\n", "");
    let told = |text: &str| {
        let config = Config::from_str("site.toml", text).unwrap();
        config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(told(&text).contains("no time_zone: they are read as UTC"), "{}", told(&text));
    let text = with_hours(OFFICE).replace("overflow = [{ when = \"closed\", message = \"closed\" }]", "");
    assert!(
        told(&text).contains("queue \"sales\": it has hours, but callers have no place to go to then"),
        "{}",
        told(&text)
    );
}

#[test]
fn rules_that_never_apply_are_doubtful() {
    let chain = "wait_max = \"1m\"\noverflow = [{ after = \"2m\", queue = \"support\" }]";
    is_doubtful(&[(At::Sales, chain)], "this rule never applies: wait_max ends every wait after 1m");
    let chain = "overflow = [{ when = \"no-agents\", message = \"all-busy\" }]";
    is_doubtful(&[(At::Sales, chain)], "never applies: neither refuse_when_all nor leave_when_all");
    is_doubtful(
        &[(At::Sales, "leave_when_all = [\"paused\"]")],
        "it has leave_when_all, but callers have no place",
    );
    is_doubtful(&[(At::Sales, "ring_step = \"3s\"")], "ring_step counts only under");
    let never = "strategy = \"ring-progressively\"\nring_step = \"20s\"\nring_timeout = \"20s\"";
    is_doubtful(&[(At::Sales, never)], "never is a second agent rung");
}

#[test]
fn callers_sent_round_and_round_are_told_once() {
    let there = (At::Sales, "overflow = [{ after = \"1m\", queue = \"support\" }]");
    let back = (At::Support, "overflow = [{ after = \"1m\", queue = \"sales\" }]");
    let found = warnings(&[there, back]);
    assert_eq!(
        found,
        ["queue \"sales\": overflow: callers are sent round and round: sales → support → sales"]
    );
    assert_eq!(warnings(&[there]), [""; 0]);
    let only_when_full = (At::Support, "overflow = [{ when = \"full\", queue = \"sales\" }]");
    assert_eq!(warnings(&[there, only_when_full]), [""; 0]);
}

#[test]
fn what_nobody_can_ever_meet_is_told_with_what_is_lacking() {
    let asks = |requires: &str| warnings(&[(At::Number, &format!("requires = {requires:?}"))]);
    assert_eq!(
        asks("spanish >= 3"),
        ["number \"4001\": no agent of queue \"sales\" has sales and spanish >= 3; nobody has spanish >= 3; the best is carla with 2"]
            .map(|text| text.replace("sales and spanish >= 3;", "spanish >= 3 and sales;"))
    );
    let both = asks("english and spanish");
    assert!(both[0].ends_with("; each part is met, but by no one agent: anna lacks spanish"), "{both:?}");
    assert_eq!(asks("spanish >= 2"), [""; 0]);
    let queue = warnings(&[(At::Support, "requires = \"english\"")]);
    assert_eq!(
        queue,
        ["queue \"support\": no agent of queue \"support\" has english; nobody has the skill at all"]
    );
}

#[test]
fn borrowed_agents_count_among_those_who_can_take_a_call() {
    let line = "requires = \"english\"\nborrow = [{ from = \"sales\", after = \"15s\" }]";
    assert_eq!(warnings(&[(At::Support, line)]), [""; 0]);
}

#[test]
fn a_step_of_relaxation_must_bring_somebody() {
    let nobody = "relax = [{ after = \"10s\", requires = \"spanish >= 3\" }]";
    is_doubtful(
        &[(At::Sales, nobody)],
        "queue \"sales\": relax: no agent of queue \"sales\" has spanish >= 3; the best is carla with 2",
    );
    let no_more = "relax = [{ after = \"10s\", requires = \"english\" }]";
    is_doubtful(
        &[(At::Sales, no_more)],
        "relax: english adds nobody: everybody who meets it could take the call already",
    );
    let of_number =
        (At::Number, "requires = \"english\"\nrelax = [{ after = \"10s\", requires = \"spanish >= 9\" }]");
    is_doubtful(&[of_number], "number \"4001\": relax: no agent of queue \"sales\" has spanish >= 9");
    let more = (At::Number, "requires = \"english\"\nrelax = [{ after = \"10s\", requires = \"spanish\" }]");
    assert_eq!(warnings(&[more]), [""; 0]);
}

#[test]
fn messages_of_overflow_must_be_there_as_prompts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.toml");
    let told = |message: &str| {
        let text =
            with(&[(At::Sales, &format!("overflow = [{{ when = \"full\", message = {message:?} }}]"))]);
        // Paths are seen from the package's root, in which tests run.
        std::fs::write(&path, text).unwrap();
        Config::load(&path).map_or_else(|errors| errors.to_string(), |_| "no error".into())
    };
    assert_eq!(told("closed"), "no error");
    assert!(
        told("colsed").contains("overflow: message: unknown clip \"colsed\"; did you mean \"closed\"?"),
        "{}",
        told("colsed")
    );
}

#[test]
fn the_example_of_a_whole_contact_centre_loads_without_a_warning() {
    let config = Config::load(Path::new("config/examples/contact-centre.toml")).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    let queues = &config.settings.queues;
    assert!(
        queues.iter().any(|queue| !queue.borrow.is_empty())
            && queues.iter().all(|queue| queue.hours.is_some())
    );
}

/// A file with an unknown key in every table there is.
const EVERY_TABLE: &str = r#"x = 1
fatigue = { x = 1 }
sip = { x = 1, strangers = { x = 1 }, ban = { x = 1 }, tls = { x = 1, more = [{ x = 1 }] }, trace = { x = 1 }, hep = { x = 1 } }
trunk = [{ x = 1 }]
dial = { x = 1 }
media = { x = 1 }
recording = { x = 1 }
talk = { x = 1 }
metrics = { x = 1 }
sounds = { x = 1 }
http = { x = 1, token = [{ x = 1 }] }
store = { x = 1 }
limits = { x = 1 }
log = { x = 1 }
hours = [{ x = 1 }]
number = [{ x = 1, direct = { x = 1 }, relax = [{ x = 1 }] }]
feature_code = [{ x = 1 }]
agent = [{ x = 1 }]
account = [{ x = 1 }]
[[queue]]
x = 1
service_level = { x = 1 }
relax = [{ x = 1 }]
overflow = [{ x = 1 }]
borrow = [{ x = 1 }]
last_agent = { x = 1 }
missed = { x = 1 }
"#;

#[test]
fn every_table_of_the_shipped_configuration_is_among_those_whose_keys_are_compared() {
    let heads = DEFAULT_TEXT.lines().map(|line| line.strip_prefix("# ").unwrap_or(line));
    let heads: Vec<_> = heads
        .filter(|head| head.starts_with('[') && head.ends_with(']'))
        .map(|head| head.trim_matches(['[', ']']))
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '.')))
        .collect();
    assert!(heads.contains(&"sip.hep") && heads.contains(&"talk"), "{heads:?}");
    let every: toml::Table = toml::from_str(EVERY_TABLE).unwrap();
    for name in heads {
        let mut at = Some(&every);
        for part in name.split('.') {
            let inner = at.and_then(|table| table.get(part));
            at = inner.and_then(|one| one.as_table().or_else(|| one.as_array()?.first()?.as_table()));
        }
        assert!(at.is_some(), "[{name}] is missing in EVERY_TABLE");
    }
}

#[test]
fn every_key_there_is_stands_in_the_shipped_configuration() {
    let errors = Config::from_str("every.toml", EVERY_TABLE).unwrap_err();
    let lists: Vec<_> = errors
        .problems
        .iter()
        .filter_map(|problem| problem.message.strip_suffix(')')?.split_once("unknown key \"x\" (known: "))
        .collect();
    assert_eq!(lists.len(), EVERY_TABLE.matches("x = 1").count(), "{errors}");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: Vec<_> = DEFAULT_TEXT.split(|c| !is_part(c)).collect();
    for (table, keys) in lists {
        for key in keys.split(", ") {
            assert!(words.contains(&key), "{table}{key} is not explained in config/holdfast.toml");
        }
    }
}

#[test]
fn what_agents_phones_are_told_is_read_for_site_queue_and_agent() {
    let text = with(&[
        (At::Anna, "phone = \"snom\"\nauto_answer = true\nring = \"internal\""),
        (At::Sales, "ring = \"urgent\"\nheaders = { \"X-Queue\" = \"{queue}\" }\nuser_to_user = \"{call}\""),
    ]);
    let site = "[sip]\nproxies = [\"192.0.2.0/28\"]\nheaders = { \"X-Who\" = \"{caller_name}, {wait} s\" }\n";
    let config =
        Config::from_str("site.toml", &format!("{text}{site}")).unwrap_or_else(|errors| panic!("{errors}"));
    let preset = config.sip.accounts[0].preset.as_ref().unwrap();
    assert_eq!((preset.make, preset.auto_answer), (PhoneMake::Snom, true));
    assert_eq!(config.sip.accounts[1].preset, None);
    let sales = &config.sip.queues["sales"];
    assert_eq!(sales.tone, Tone::parse("urgent"));
    assert_eq!((sales.headers.len(), sales.user_to_user.is_some()), (1, true));
    assert_eq!(config.sip.presentation.headers[0].0.as_str(), "X-Who");
    assert!(config.sip.proxies[0].contains("192.0.2.15".parse().unwrap()));
}

#[test]
fn what_phones_cannot_be_told_is_explained() {
    for (at, line, expected) in [
        (
            At::Anna,
            "ring = \"a\"",
            "ring needs phone = \"…\": every make is told in another way (known: yealink, polycom, grandstream, snom, linphone)",
        ),
        (
            At::Anna,
            "phone = \"yeelink\"",
            "unknown phone \"yeelink\"; did you mean \"yealink\"? (known: yealink, polycom, grandstream, snom, linphone)",
        ),
        (
            At::Sales,
            "ring = \"a b\"",
            "ring: expected the name of a tone as the phones' settings have it: 1 to 32 letters, digits, '-', '_' and '.', got \"a b\"",
        ),
        (
            At::Sales,
            "headers = { Via = \"x\" }",
            "headers: expected a name that begins with \"X-\", and not with \"X-Holdfast-\", which is ours, got \"Via\"",
        ),
        (
            At::Sales,
            "headers = { X-Q = \"{queu}\" }",
            "headers: {queu} stands for nothing; did you mean {queue}? (known: {queue}, {title}, {call}, {caller}, {caller_name}, {dialled}, {diverted}, {wait}, {language}, {agent})",
        ),
        (At::Sales, "headers = { X-Q = \"1\", x-q = \"2\" }", "headers: \"x-q\" is there twice; remove one"),
        (
            At::Sales,
            "user_to_user = \"{call\"",
            "user_to_user: a brace stands alone; names stand in braces, such as {queue}",
        ),
    ] {
        let whole = errors(&[(at, line)]);
        assert!(whole.len() == 1 && whole[0].ends_with(expected), "{line}: {whole:#?}");
    }
    let text = format!("{GOOD}[sip]\nproxies = [\"192.0.2.1/28\"]\n");
    let told = Config::from_str("site.toml", &text).expect_err("host bits").to_string();
    assert!(told.contains("proxies: the address has bits beyond the prefix"), "{told}");
    let linphone = config(&[(At::Anna, "phone = \"linphone\"\nring = \"a\"")]);
    assert!(linphone.warnings.iter().any(|it| it.message.contains("cannot be told by what tone to ring")));
}

/// The shipped file with every rule switched on that stands there behind a `#`.
#[test]
fn the_rules_that_are_commented_out_are_right_as_they_stand() {
    let switched_on: String = DEFAULT_TEXT
        .lines()
        .map(|line| {
            let rule = line.strip_prefix("# ").filter(|rule| {
                let first = rule.trim_start();
                let is_key = first
                    .split_once(" = ")
                    .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
                is_key
                    || first.starts_with("[[")
                    || first.starts_with("{ ")
                    || first == "]"
                    || ["[fatigue]", "[dial]", "[sip.tls]", "[sip.hep]"].contains(&first)
            });
            format!(
                "{}\n",
                rule.filter(|rule| !rule.starts_with("  ") || rule.trim_start().starts_with('{'))
                    .unwrap_or(line)
            )
        })
        .collect();
    assert!(
        switched_on.contains("\ntime_zone = ") && switched_on.contains("\noverflow = ["),
        "{switched_on}"
    );
    let config =
        Config::from_str("config/holdfast.toml", &switched_on).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.settings.queues[0].overflow.len(), 4);
    assert_eq!(config.settings.queues[0].hours.as_ref().unwrap().name, "office");
}
