//! What one event costs the engine, with few and with very many callers in line. That the figures grow so little is
//! the point: nothing scans those who wait, nor those who are free.
//!
//! `cargo bench --bench engine` prints a table of percentiles for each event and size, then criterion's measurements.
#![allow(missing_docs, clippy::unwrap_used)]

mod centre;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use centre::{Centre, Kind, Size, scatter};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use holdfast::engine::time::Now;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// 200 queues, 10,000 agents with 64 skills each, requirement expressions and relaxation.
const LARGE: Size = Size { agents: 10_000, queues: 200, skills: 64, served: 5, waiting: 100_000 };

/// Events of one cycle: the call's end, the agent ready, his answer, the next caller.
const EVENTS: u64 = 4;

#[expect(clippy::print_stdout, reason = "a table for whoever runs the benchmark")]
fn percentiles() {
    println!(
        "{:>9} {:>15} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "waiting", "event", "count", "p50 µs", "p99 µs", "p99.9 µs", "max µs"
    );
    // The largest first: memory given back to the allocator would be counted as none.
    for waiting in [100_000, 10_000, 1_000] {
        let mut centre = Centre::busy(Size { waiting: 0, ..LARGE });
        let before = resident_bytes();
        centre.fill(waiting);
        let per_call = resident_bytes().saturating_sub(before) / waiting;
        for _ in 0..50_000 {
            centre.cycle();
        }
        centre.timings.clear();
        let began = Instant::now();
        for round in 0..200_000 {
            centre.cycle();
            if round % 4 == 0 {
                centre.give_up();
            }
        }
        let lasted = began.elapsed();
        for kind in Kind::ALL {
            let mut timings: Vec<_> =
                centre.timings.iter().filter(|(of, _)| *of == kind).map(|&(_, took)| took).collect();
            print_line(waiting, kind.name(), &mut timings);
        }
        let events = centre.timings.len() as f64;
        let inside: Duration = centre.timings.iter().map(|&(_, took)| took).sum();
        println!(
            "{waiting:>9} {:>15} {:.0} events/s in handle, {:.0} with the load around it; {per_call} B per waiting call",
            "",
            events / inside.as_secs_f64(),
            events / lasted.as_secs_f64(),
        );
        yardstick(waiting);
    }
}

/// The machine's own share in the growth: a plain B-tree of as many entries, each of a waiting call's size, from which
/// one at random is taken, read and given back. What grows here beyond log n is caches and page tables, not algorithm.
fn yardstick(waiting: u64) {
    let mut tree: BTreeMap<u64, Box<[u64; 64]>> =
        (0..waiting).map(|key| (key, Box::new([key; 64]))).collect();
    let mut timings: Vec<_> = (0..200_000)
        .map(|round| {
            let key = scatter(round) % waiting;
            let began = Instant::now();
            let entry = tree.remove(&key).unwrap();
            black_box(entry.iter().sum::<u64>());
            drop(entry);
            let took = began.elapsed();
            tree.insert(key, Box::new([key; 64]));
            took
        })
        .collect();
    print_line(waiting, "(plain B-tree)", &mut timings);
}

#[expect(clippy::print_stdout, reason = "a table for whoever runs the benchmark")]
fn print_line(waiting: u64, name: &str, timings: &mut [Duration]) {
    timings.sort_unstable();
    let at = |share: f64| timings.get((timings.len() as f64 * share) as usize).copied().unwrap_or_default();
    let us = |span: Duration| span.as_nanos() as f64 / 1000.0;
    println!(
        "{waiting:>9} {name:>15} {:>9} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
        timings.len(),
        us(at(0.5)),
        us(at(0.99)),
        us(at(0.999)),
        us(timings.last().copied().unwrap_or_default())
    );
}

/// This process' memory, by the kernel's count.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

fn cycle(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine/cycle");
    group.throughput(Throughput::Elements(EVENTS));
    for waiting in [10, 1_000, 100_000] {
        let mut centre = Centre::busy(Size { waiting, ..LARGE });
        group.bench_function(BenchmarkId::new("waiting", waiting), |b| {
            b.iter(|| {
                centre.cycle();
                centre.timings.clear();
            });
        });
    }
    group.finish();
}

fn picture(c: &mut Criterion) {
    for waiting in [100, 10_000] {
        let centre = Centre::busy(Size { agents: 500, queues: 10, waiting, ..LARGE });
        c.bench_function(&format!("engine/picture/{waiting}"), |b| {
            b.iter(|| centre.engine.snapshot(Now::default()));
        });
    }
}

criterion_group!(benches, cycle, picture);

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    if std::env::args().any(|arg| arg == "--bench") {
        percentiles();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
