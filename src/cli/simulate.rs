//! `holdfast simulate`: random worlds against the checkers, an operator's scenario, the claims.

mod report;
mod signalling;

use super::{SimulateArgs, exit};
use crate::config::ScenarioFile;
use crate::engine::fact::Stamped;
use crate::simulate::claims::{self, Effort, Row};
use crate::simulate::measure::Figures;
use crate::simulate::{Run, Scenario, Violation, Watch, estimators, random, replay, rollout, run};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Says what a simulated world comes to. Returns the exit code.
pub fn simulate(args: &SimulateArgs) -> u8 {
    if args.claims {
        prove(args.json)
    } else if let Some(seeds) = args.seeds.filter(|_| args.signalling) {
        signalling::check(args.seed.unwrap_or(1), seeds, args.seconds.map(Duration::from_secs))
    } else if let Some(seeds) = args.seeds {
        check(args.seed.unwrap_or(1), seeds, args.seconds.map(Duration::from_secs))
    } else if let Some(path) = &args.scenario {
        compare(args, path)
    } else {
        eprintln!("holdfast simulate: name a scenario file, or use --seeds N or --claims (see --help)");
        exit::USAGE
    }
}

/// Does the work on every item, on all cores; the results are in the order of the items, whoever did them.
pub fn in_parallel<Item: Sync, Done: Send>(items: &[Item], work: impl Fn(&Item) -> Done + Sync) -> Vec<Done> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..cores.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let result = work(item);
                    if let Ok(mut done) = done.lock() {
                        done.push((at, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Every run of every scenario, each run with a seed of its own that all scenarios share: the same callers. The
/// results are in the order of the scenarios.
pub fn run_all(scenarios: &[(&Scenario, u64)], first_seed: u64) -> Result<Vec<Vec<Figures>>, Violation> {
    let jobs: Vec<(usize, u64)> = scenarios
        .iter()
        .enumerate()
        .flat_map(|(at, &(_, runs))| (0..runs).map(move |number| (at, first_seed.wrapping_add(number))))
        .collect();
    let mut measured = vec![Vec::new(); scenarios.len()];
    let done = in_parallel(&jobs, |&(at, seed)| {
        scenarios.get(at).map(|(scenario, _)| run(scenario, seed, Watch::Lightly, |_| {}))
    });
    for (&(at, _), result) in jobs.iter().zip(done) {
        if let (Some(Run { figures, .. }), Some(runs)) = (result.transpose()?, measured.get_mut(at)) {
            runs.push(figures);
        }
    }
    Ok(measured)
}

/// Random worlds against the checkers.
fn check(first: u64, count: u64, limit: Option<Duration>) -> u8 {
    let began = Instant::now();
    let (events, facts) = (AtomicU64::new(0), AtomicU64::new(0));
    let seeds: Vec<u64> = (first..first.saturating_add(count)).collect();
    let results = in_parallel(&seeds, |&seed| {
        if limit.is_some_and(|limit| began.elapsed() > limit) {
            return None;
        }
        let result = run(&random::scenario(seed), seed, Watch::Closely, |_| {});
        if let Ok(run) = &result {
            events.fetch_add(run.events, Ordering::Relaxed);
            facts.fetch_add(run.facts, Ordering::Relaxed);
        }
        Some(result)
    });
    let ran = results.iter().flatten().count();
    let violations: Vec<&Violation> =
        results.iter().flatten().filter_map(|result| result.as_ref().err()).collect();
    for violation in violations.iter().take(20) {
        println!("{violation}");
    }
    println!(
        "{ran} worlds, {} events, {} facts in {:.1} s: {}",
        events.into_inner(),
        facts.into_inner(),
        began.elapsed().as_secs_f64(),
        if violations.is_empty() {
            "no rule broken".into()
        } else {
            format!("{} broke a rule", violations.len())
        }
    );
    if violations.is_empty() { exit::OK } else { exit::RUNTIME }
}

/// The claims of a full effort, measured.
pub fn claim_rows(effort: Effort) -> Result<Vec<Row>, Violation> {
    let cases = claims::cases(effort);
    let scenarios: Vec<(&Scenario, u64)> = cases.iter().map(|case| (&case.scenario, case.runs)).collect();
    Ok(claims::judge(&cases, &run_all(&scenarios, 1)?))
}

#[derive(Serialize)]
struct RowJson<'r> {
    claim: &'r str,
    reference: &'r str,
    measured: &'r str,
    pass: bool,
}

/// The claims about the expected wait: of formulas, and of rolling the engine forward.
fn wait_rows() -> Result<Vec<Row>, Violation> {
    /// So long that chance moves the share of waits within the range by one point, and two are allowed.
    const HOURS: u32 = 1000;
    const POINTS: f64 = 2.0;
    let rows: Result<Vec<_>, _> = in_parallel(&[true, false], |rolled| match rolled {
        true => Ok(rollout::claims(HOURS, POINTS, 1)),
        false => estimators::claims(1),
    })
    .into_iter()
    .collect();
    Ok(rows?.concat())
}

fn prove(json: bool) -> u8 {
    let proved = claim_rows(Effort::FULL).and_then(|mut rows| {
        rows.extend(wait_rows()?);
        Ok(rows)
    });
    let rows = match proved {
        Ok(rows) => rows,
        Err(violation) => {
            // The world is a model's, not one of the random ones that a seed alone brings back.
            eprintln!(
                "holdfast simulate: a model broke a rule, {:?} after its beginning: {}",
                violation.at, violation.broken
            );
            return exit::RUNTIME;
        }
    };
    if json {
        let rows: Vec<_> = rows
            .iter()
            .map(|Row { claim, reference, measured, pass }| RowJson {
                claim,
                reference,
                measured,
                pass: *pass,
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows).unwrap_or_default());
    } else {
        let width = rows.iter().map(|row| row.claim.chars().count()).max().unwrap_or(0);
        println!("{:<width$}  {:<18} {:<18} PASS", "CLAIM", "REFERENCE", "MEASURED");
        for Row { claim, reference, measured, pass } in &rows {
            println!("{claim:<width$}  {reference:<18} {measured:<18} {}", if *pass { "yes" } else { "NO" });
        }
        let failed = rows.iter().filter(|row| !row.pass).count();
        println!("{} claims, {failed} failed", rows.len());
    }
    if rows.iter().all(|row| row.pass) { exit::OK } else { exit::RUNTIME }
}

/// An operator's scenario and its variants, side by side.
fn compare(args: &SimulateArgs, path: &Path) -> u8 {
    let mut file = match ScenarioFile::load(path) {
        Ok(file) => file,
        Err(errors) => {
            eprintln!("{errors}");
            return exit::CONFIG;
        }
    };
    for warning in &file.warnings {
        eprintln!("{warning} (warning)");
    }
    if let Some(calls) = &args.replay
        && let Err(error) = replay_in(&mut file, calls)
    {
        eprintln!("{}: {error:#}", calls.display());
        return exit::RUNTIME;
    }
    let runs = args.runs.unwrap_or(file.runs);
    let scenarios: Vec<(&Scenario, u64)> =
        file.variants.iter().map(|(_, scenario)| (scenario, runs)).collect();
    let measured = match run_all(&scenarios, args.seed.unwrap_or(file.seed)) {
        Ok(measured) => measured,
        Err(violation) => {
            // The world is the operator's, not one of the random ones.
            eprintln!("holdfast simulate: {}: {}", path.display(), violation.broken);
            return exit::RUNTIME;
        }
    };
    let report = report::Report::new(&file.variants, &measured, runs);
    if let Some(csv) = &args.csv
        && let Err(error) = std::fs::write(csv, report.csv())
    {
        eprintln!("holdfast simulate: {}: {error}", csv.display());
        return exit::RUNTIME;
    }
    if let Some(path) = &args.journal
        && let Err(error) = write_journal(path, &file, args.seed.unwrap_or(file.seed))
    {
        eprintln!("holdfast simulate: {}: {error:#}", path.display());
        return exit::RUNTIME;
    }
    if args.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    exit::OK
}

/// One line of a journal.
#[derive(Serialize)]
struct Line<'a> {
    variant: &'a str,
    #[serde(flatten)]
    stamped: &'a Stamped,
}

/// Writes down the facts of each variant's first run, by which it can be followed call by call why its figures are what
/// they are.
fn write_journal(path: &Path, file: &ScenarioFile, seed: u64) -> anyhow::Result<()> {
    let mut journal = BufWriter::new(File::create(path)?);
    for (variant, scenario) in &file.variants {
        let mut written = Ok(());
        let ended = run(scenario, seed, Watch::Lightly, |stamped| {
            if written.is_ok() {
                written = serde_json::to_writer(&mut journal, &Line { variant, stamped })
                    .map_err(anyhow::Error::from)
                    .and_then(|()| Ok(journal.write_all(b"\n")?));
            }
        });
        ended.map_err(|violation| anyhow::anyhow!("{}", violation.broken))?;
        written?;
    }
    Ok(journal.flush()?)
}

/// Puts real calls in the place of the scenario's arrivals. They last as long as they lasted.
fn replay_in(file: &mut ScenarioFile, path: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path)?;
    for (_, scenario) in &mut file.variants {
        scenario.recorded = replay::read(&text, &scenario.settings, file.unknown)?;
        scenario.sources.clear();
        scenario.warm_up = Duration::ZERO;
        let last = scenario.recorded.last().map_or(Duration::ZERO, |call| call.at);
        scenario.duration = last + Duration::from_secs(1);
    }
    Ok(())
}
