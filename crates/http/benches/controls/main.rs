//! What the controls cost: `GET /v1/clients/{id}` as served, against the same read on bare actix and diesel-async.
//!
//! All servers run in this process and share one durable PostgreSQL, one load generator and the same cores, in short
//! turns one after the other, so that the ratios mean something although the absolute figures depend on the machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement that cannot be set up has nothing to report"
)]

mod bare;
mod full;
mod identity;
mod load;

use load::Figures;
use std::time::Duration;

/// Turns of each server, interleaved.
const TURNS: usize = 5;
/// How long a turn lasts.
const TURN: Duration = Duration::from_secs(3);
/// Connections that each send one request after the other.
const CONNECTIONS: [usize; 2] = [1, 16];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let stage = runtime.block_on(full::Stage::set_up());
    // Words of the command line pick targets by name, for a profiler; ratios then refer to the first one picked.
    // The word `identity` measures the share of token and permission, and nothing else.
    let picked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let mut targets = vec![
        ("bare: actix + diesel-async, one SELECT", stage.bare_target("/bare")),
        (
            "bare + one durable INSERT before the SELECT",
            stage.bare_target("/bare-recorded"),
        ),
        ("bearingwall: all controls", stage.full_target()),
    ];
    targets.retain(|(name, _)| picked.is_empty() || picked.iter().any(|word| name.contains(word.as_str())));
    if picked.iter().any(|word| word == "identity") {
        identity::run(&stage);
        runtime.block_on(stage.tear_down());
        return;
    }
    println!(
        "GET one client; {TURNS} turns of {} s each, interleaved; fsync on",
        TURN.as_secs()
    );
    for connections in CONNECTIONS {
        let mut figures: Vec<Figures> = targets.iter().map(|_| Figures::default()).collect();
        for (_, target) in &targets {
            runtime.block_on(load::run(target, connections, Duration::from_secs(1)));
        }
        for _ in 0..TURNS {
            for ((_, target), figures) in targets.iter().zip(&mut figures) {
                figures.add(runtime.block_on(load::run(target, connections, TURN)));
            }
        }
        let names: Vec<&str> = targets.iter().map(|(name, _)| *name).collect();
        report(connections, &names, &mut figures);
    }
    runtime.block_on(stage.tear_down());
}

fn report(connections: usize, names: &[&str], figures: &mut [Figures]) {
    println!("\n{connections} connection(s)");
    println!(
        "{:<46} {:>9} {:>9} {:>9}   {:>6} {:>6} {:>6}",
        "", "req/s", "p50 µs", "p99 µs", "req/s", "p50", "p99"
    );
    let summaries: Vec<_> = figures.iter_mut().map(Figures::summary).collect();
    for (name, summary) in names.iter().zip(&summaries) {
        let base = &summaries[0];
        println!(
            "{name:<46} {:>9.0} {:>9.0} {:>9.0}   {:>5.2}x {:>5.2}x {:>5.2}x",
            summary.per_s,
            summary.p50_us,
            summary.p99_us,
            summary.per_s / base.per_s,
            summary.p50_us / base.p50_us,
            summary.p99_us / base.p99_us
        );
    }
}
