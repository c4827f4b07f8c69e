//! What isolation costs: one row and 1,000 rows of 1,000,000, read without row security, with a tutorial's, and with ours.
//!
//! All variants read the same pages of one table, with the same statements and the same client, in short turns one after the
//! other, so that the ratios mean something although the absolute figures depend on the machine. Processor time is Linux's
//! account of the backends; elsewhere that column stays empty.
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

mod client;
mod micro;
mod stage;
mod token;
mod turn;

use client::Work;
use stage::{Protection, Stage};
use std::sync::Arc;
use std::time::Duration;
use turn::{Connections, Figures, Opening};

/// Turns of each variant, interleaved.
const TURNS: usize = 3;
/// How long a turn lasts, and how long it is warmed up for, because a change of policies throws away every plan.
const TURN: Duration = Duration::from_millis(1_000);
const WARM_UP: Duration = Duration::from_millis(150);
/// Connections that each run one transaction after the other.
const LOOPS: [usize; 2] = [1, 8];

struct Variant {
    name: &'static str,
    protection: Protection,
    opening: Opening,
    scans: bool,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stage = Stage::set_up().await;
        let variants = variants(&stage).await;
        plans(&stage).await;
        let connections = connections(&stage, &variants).await;
        micro::report(&stage).await;
        for work in [Work::Point, Work::Scan] {
            for loops in LOOPS {
                measure(&stage, &variants, &connections, work, loops).await;
            }
        }
        drop((variants, connections));
        stage.tear_down().await;
    });
}

async fn variants(stage: &Stage) -> Vec<Variant> {
    let issuer = token::Issuer::generate(2048);
    issuer.install(&stage.superuser).await;
    let variant = |name, protection, opening| Variant {
        name,
        protection,
        scans: !matches!(opening, Opening::Login(_)),
        opening,
    };
    let key = || Opening::Key(stage.enter_key.clone().into());
    let ticket = || Opening::Ticket(stage.ticket_key.clone().into());
    let (sealed, guarded) = (
        Protection::Verified { guarded: false },
        Protection::Verified { guarded: true },
    );
    let pool = || async { Opening::Pool(stage.pool(16).await) };
    vec![
        variant(
            "plain row security, InitPlan",
            Protection::SettingOnce,
            Opening::Setting,
        ),
        variant("plain row security, per row", Protection::Setting, Opening::Setting),
        variant("no row security", Protection::Nothing, Opening::None),
        variant("sealed", sealed, key()),
        variant("guarded", guarded, key()),
        variant("split key, ticket, sealed", sealed, ticket()),
        variant("split key, ticket, guarded", guarded, ticket()),
        variant(
            "split key, login each time, guarded",
            guarded,
            Opening::Login(Arc::new(issuer)),
        ),
        variant("TenantPool, sealed", sealed, pool().await),
        variant("TenantPool, guarded", guarded, pool().await),
        variant(
            "TenantPool, free text, guarded",
            guarded,
            Opening::PoolFreeText(stage.pool(16).await),
        ),
    ]
}

/// As many connections as the widest measurement needs, with every statement prepared.
async fn connections(stage: &Stage, variants: &[Variant]) -> Connections {
    let mut open = Vec::new();
    for _ in 0..LOOPS.into_iter().max().unwrap_or(1) {
        let (connection, pid) = stage.connection().await;
        let customer = stage::customer(0);
        for work in [Work::Point, Work::Scan] {
            for names_tenant in [true, false] {
                client::prepare(&connection, client::query(work, names_tenant, customer, customer)).await;
            }
        }
        client::prepare(&connection, client::set_tenant(customer)).await;
        client::prepare(
            &connection,
            client::Entry::signed(&stage.enter_key, customer, pid).statement(),
        )
        .await;
        client::prepare(&connection, client::login("none", customer)).await;
        open.push((Arc::new(connection), pid));
    }
    assert!(!variants.is_empty());
    Connections { open }
}

/// Every protected variant goes through the index that begins with the tenant, or its figures mean nothing.
async fn plans(stage: &Stage) {
    println!("\nPlans of the 1,000-row scan");
    let setting = format!("SELECT set_config('app.tenant', '{}', true)", stage::customer(7));
    for (protection, opening) in [
        (Protection::Setting, setting.as_str()),
        (Protection::SettingOnce, setting.as_str()),
        (Protection::Verified { guarded: false }, "SELECT {entry}"),
        (Protection::Verified { guarded: true }, "SELECT {entry}"),
    ] {
        stage.protect(protection).await;
        for work in [Work::Point, Work::Scan] {
            let plan = stage.plan(opening, work).await;
            assert!(
                plan.contains("things_pkey") && plan.contains("customer_id = ") && !plan.contains("Seq Scan"),
                "{protection:?} does not use the tenant-first index:\n{plan}"
            );
            if work == Work::Scan {
                println!("{protection:?}\n{plan}");
            }
        }
    }
}

async fn measure(stage: &Stage, variants: &[Variant], connections: &Connections, work: Work, loops: usize) {
    let picked: Vec<&Variant> = variants
        .iter()
        .filter(|variant| work == Work::Point || variant.scans)
        .collect();
    let mut figures: Vec<Figures> = picked.iter().map(|_| Figures::default()).collect();
    for _ in 0..TURNS {
        for (variant, figures) in picked.iter().zip(&mut figures) {
            stage.protect(variant.protection).await;
            turn::run(stage, connections, &variant.opening, work, loops, WARM_UP).await;
            figures.add(turn::run(stage, connections, &variant.opening, work, loops, TURN).await);
        }
    }
    println!(
        "\n{work:?}, {loops} connection(s); {TURNS} turns of {} ms each, interleaved; fsync on",
        TURN.as_millis()
    );
    println!(
        "{:<38} {:>9} {:>8} {:>8} {:>9}   {:>6} {:>6} {:>6}",
        "", "tx/s", "p50 µs", "p99 µs", "CPU µs/tx", "tx/s", "p50", "CPU"
    );
    let summaries: Vec<_> = figures.iter_mut().map(Figures::summary).collect();
    let base = &summaries[0];
    for (variant, summary) in picked.iter().zip(&summaries) {
        let cpu = summary.cpu_us.map_or_else(String::new, |us| format!("{us:.1}"));
        let ratio = summary
            .cpu_us
            .zip(base.cpu_us)
            .map_or_else(String::new, |(us, base)| format!("{:.2}x", us / base));
        println!(
            "{:<38} {:>9.0} {:>8.0} {:>8.0} {cpu:>9}   {:>5.2}x {:>5.2}x {ratio:>6}",
            variant.name,
            summary.per_s,
            summary.p50_us,
            summary.p99_us,
            summary.per_s / base.per_s,
            summary.p50_us / base.p50_us,
        );
    }
}
