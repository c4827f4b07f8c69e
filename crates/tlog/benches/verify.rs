//! What an auditor waits for: an export of 1,000,000 events, whole, damaged, and single proofs.
//!
//! One core does everything. `cargo bench -p bearingwall-tlog`; a number behind `--` is another number of events.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement that cannot be set up has nothing to report"
)]

use bearingwall_tlog::Hash;
use bearingwall_tlog::bundle::{BundleHeader, BundleWriter, Report, Selection, VerifyOptions, verify};
use bearingwall_tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use bearingwall_tlog::merkle::{
    Frontier, MemoryTree, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
use bearingwall_tlog::note::SigningKey;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

const ORIGIN: &str = "audit.example.org/bench";
const EVENTS: u64 = 1_000_000;
/// How often a proof is made and verified.
const PROOFS: u32 = 20_000;

fn main() {
    let picked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let count: u64 = picked.unwrap_or(EVENTS);
    let lines: Vec<String> = (0..count).map(event).collect();
    let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    println!("{count} events, {} bytes each on average", bytes as u64 / count.max(1));

    let (tree, taken) = timed(|| {
        lines
            .iter()
            .map(|line| Hash::leaf(line.as_bytes()))
            .collect::<MemoryTree>()
    });
    let mib = bytes as f64 / f64::from(1 << 20);
    println!(
        "hashing into a tree in memory: {}, {:.0} MiB/s",
        rate(count, taken),
        mib / taken.as_secs_f64()
    );
    let leaves: Vec<Hash> = lines.iter().map(|line| Hash::leaf(line.as_bytes())).collect();
    let (frontier, taken) = timed(|| {
        let mut frontier = Frontier::new();
        for leaf in &leaves {
            frontier.append(*leaf).unwrap();
        }
        frontier
    });
    assert_eq!(frontier.root(), tree.root());
    println!("appending leaf hashes to a frontier: {}", rate(count, taken));

    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export");
    let key = SigningKey::from_seed(ORIGIN, &[1; 32]).unwrap();
    let ((), taken) = timed(|| write(&export, &lines, &tree, &key));
    println!("writing the export: {}", rate(count, taken));
    let options = VerifyOptions::new(key.verifier());
    let run = || verify(&export, &options, &mut |_| ()).unwrap();
    let (report, taken) = timed(run);
    assert!(report.verified, "{:?}", report.findings);
    println!("verifying it: {}, {:.2} s", rate(count, taken), taken.as_secs_f64());
    damage(&export, &lines);
    let (report, taken) = timed(run);
    tell_damage(&report, count, taken);
    single_proofs(&tree, &leaves, count);
}

/// About the size of a real event.
fn event(index: u64) -> String {
    format!(
        r#"{{"action":"R","actor_id":"8c5f{index:028x}","actor_type":"user","correlation_id":"{}","customer_id":"{}","event_id":"{}","event_type":"phi.client.read","fields":["name","birth_date"],"occurred_at":"2026-11-26T08:00:00.{:06}Z","outcome":"success","patient_id":"{}","purpose_of_use":"TREAT","salt":"{index:032x}","schema_version":1}}"#,
        Uuid::from_u128(u128::from(index) << 20 | 1),
        Uuid::nil(),
        Uuid::from_u128(u128::from(index) << 40 | 7),
        index % 1_000_000,
        Uuid::from_u128(u128::from(index % 5000)),
    )
}

fn write(target: &Path, lines: &[String], tree: &MemoryTree, key: &SigningKey) {
    let note = Checkpoint::new(ORIGIN, tree.size(), tree.root())
        .unwrap()
        .sign(&[key])
        .unwrap();
    let signed = SignedCheckpoint::verify(note, ORIGIN, &[key.verifier()]).unwrap();
    let header = BundleHeader {
        customer_id: Uuid::nil(),
        selection: Selection::Range,
        first: 0,
    };
    let mut writer = BundleWriter::create(target, header, &signed).unwrap();
    for (index, line) in lines.iter().enumerate() {
        writer.event(index as u64, line.as_bytes()).unwrap();
    }
    writer.finish(tree, &[]).unwrap();
}

/// One line goes at the start and one is changed at the end: everything between has moved.
fn damage(export: &Path, lines: &[String]) {
    let mut content: Vec<String> = lines.iter().skip(1).cloned().collect();
    if let Some(last) = content.last_mut() {
        last.push(' ');
    }
    fs::write(export.join("events.jsonl"), format!("{}\n", content.join("\n"))).unwrap();
}

fn tell_damage(report: &Report, count: u64, taken: Duration) {
    assert!(!report.verified);
    println!(
        "verifying it damaged at both ends: {}, {:.2} s",
        rate(count, taken),
        taken.as_secs_f64()
    );
    for finding in &report.findings {
        println!("  {finding}");
    }
}

fn single_proofs(tree: &MemoryTree, leaves: &[Hash], size: u64) {
    let root = tree.root();
    let each = |taken: Duration| taken.as_nanos() as f64 / f64::from(PROOFS) / 1000.0;
    let index = |turn: u32| u64::from(turn).wrapping_mul(48_271) % size;
    let (proofs, taken) = timed(|| {
        let proofs = (0..PROOFS).map(|turn| inclusion_proof(tree, index(turn), size).unwrap());
        proofs.collect::<Vec<_>>()
    });
    println!("making an inclusion proof: {:.1} µs", each(taken));
    let ((), taken) = timed(|| {
        for (turn, proof) in (0..PROOFS).zip(&proofs) {
            let leaf = leaves.get(usize::try_from(index(turn)).unwrap()).unwrap();
            verify_inclusion(leaf, index(turn), size, proof, &root).unwrap();
        }
    });
    println!("verifying it: {:.1} µs", each(taken));
    let first = size / 3 + 1;
    let old = bearingwall_tlog::merkle::tree_root(tree, first).unwrap();
    let (proof, taken) = timed(|| {
        let mut proof = Vec::new();
        for _ in 0..PROOFS {
            proof = black_box(consistency_proof(tree, first, size).unwrap());
        }
        proof
    });
    println!("making a consistency proof: {:.1} µs", each(taken));
    let ((), taken) = timed(|| {
        for _ in 0..PROOFS {
            verify_consistency(first, &old, size, &root, black_box(&proof)).unwrap();
        }
    });
    println!("verifying it: {:.1} µs", each(taken));
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = work();
    (result, began.elapsed())
}

fn rate(count: u64, taken: Duration) -> String {
    format!("{:.0} events/s", count as f64 / taken.as_secs_f64())
}
