//! The attack suite: every family of attacks by SQL, on three databases, each with the verdict that is written down.

mod arena;
mod around;
mod attack;
mod callers;
mod constraints;
mod doors;
mod forge;
mod global;
mod old_server;
mod pooled;
mod residuals;
mod residue;
mod row_security;
mod run;
mod session;
mod statistics;
mod table;
mod write;

use arena::{Arena, Schema};
use attack::Attack;
use residuals::RESIDUALS;
use run::Verdict;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use table::Row;

const LISTS: &[&[Attack]] = &[
    forge::SETTING,
    forge::GUARDED,
    forge::TOKEN,
    forge::SHADOW,
    forge::KEYS,
    row_security::SESSION,
    row_security::DDL,
    row_security::ROLES,
    row_security::CATALOG,
    around::OBJECTS,
    around::READING,
    write::ATTACKS,
    constraints::ATTACKS,
    statistics::ESTIMATES,
    statistics::COUNTERS,
    statistics::AHEAD.as_flattened(),
    statistics::CHEAP,
    statistics::TABLES,
    global::ACTIVITY,
    global::MESSAGES,
    global::POWER,
    residue::ATTACKS,
    old_server::ATTACKS,
    doors::LOGIN,
    doors::BREAK_GLASS,
    doors::BACKGROUND,
];

/// `BEARINGWALL_UPDATE=1` writes the table instead of comparing with it.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/controls/tenancy-attacks.md");

fn attacks() -> impl Iterator<Item = &'static Attack> {
    LISTS.iter().copied().flatten()
}

/// One column: every attack in its turn, on a fresh database whenever one has left a trace.
async fn column(schema: Schema) -> Vec<Verdict> {
    let mut arena = Arena::create(schema).await;
    let mut truth = arena.truth().await;
    let mut verdicts = Vec::new();
    for attack in attacks() {
        let (verdict, touched) = run::run(&arena, attack, &mut truth).await;
        verdicts.push(verdict);
        if touched {
            arena = arena.restore().await;
            truth = arena.truth().await;
        }
    }
    verdicts
}

#[test]
fn ten_1_every_attack_has_the_verdict_that_is_written_down() {
    // A runtime for each column: dropping a database waits for it, and must not hold up the connections of the others.
    let columns = Schema::ALL.map(|schema| {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(column(schema))
        })
    });
    let mut results = columns.map(|thread| thread.join().unwrap().into_iter());
    let rows: Vec<Row> = attacks()
        .map(|attack| Row {
            attack,
            verdicts: std::array::from_fn(|column| results[column].next().unwrap()),
        })
        .collect();
    // Past the test harness's capture: the counts are part of what the run shows.
    let _ = writeln!(std::io::stderr(), "{}", table::summary(&rows));

    let unsound: Vec<String> = rows
        .iter()
        .flat_map(|row| {
            Schema::ALL
                .into_iter()
                .zip(&row.verdicts)
                .map(move |(schema, verdict)| (row.attack.id, schema, verdict))
        })
        .filter(|(_, _, verdict)| matches!(verdict, Verdict::Unsound(_)))
        .map(|(id, schema, verdict)| format!("{id} ({}): {verdict}", schema.title()))
        .collect();
    assert!(
        unsound.is_empty(),
        "attacks that failed by a slip of their own show nothing:\n{}",
        unsound.join("\n")
    );

    let fresh = table::document(&rows);
    if std::env::var_os("BEARINGWALL_UPDATE").is_some() {
        std::fs::write(TABLE, &fresh).unwrap();
    }
    let written = std::fs::read_to_string(Path::new(TABLE)).unwrap_or_default();
    let differences = table::difference(&written, &fresh);
    assert!(
        differences.is_empty(),
        "docs/controls/tenancy-attacks.md says otherwise (- written, + found):\n{}\nIf the change is meant, write it: \
         BEARINGWALL_UPDATE=1 cargo test -p bearingwall-tenancy ten_1_every_attack",
        differences.join("\n")
    );
    let breached = |column: usize| {
        rows.iter()
            .filter(move |row| matches!(row.verdicts[column], Verdict::Breach(_)))
    };
    for column in [1, 2] {
        let ids: Vec<&str> = breached(column).map(|row| row.attack.id).collect();
        assert_eq!(ids, Vec::<&str>::new(), "breaches {}", Schema::ALL[column].title());
    }
    // The negative control: where nothing succeeds, the attacks would show nothing.
    assert!(breached(0).count() >= 39, "the tutorial's schema withstands too much");
}

#[test]
fn ten_1_the_suite_is_complete() {
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ids: Vec<&str> = Vec::new();
    for attack in attacks() {
        *families.entry(attack.family()).or_default() += 1;
        ids.push(attack.id);
        if let Some(key) = attack.residual {
            assert!(
                RESIDUALS.iter().any(|residual| residual.key == key),
                "{}: `{key}` is not explained",
                attack.id
            );
        }
    }
    assert!(ids.len() >= 120, "{} attacks", ids.len());
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "an id stands twice");
    for (family, count) in families {
        assert!(count >= 3, "{family} has {count} variants");
    }
    for residual in RESIDUALS {
        let named = attacks().any(|attack| attack.residual == Some(residual.key));
        assert!(named, "no attack leaves `{}`", residual.key);
    }
}
