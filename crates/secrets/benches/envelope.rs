//! What it costs to open one sealed field, beside AES-256-GCM of aws-lc on the same bytes in the same run; and what a person's
//! key costs before it: unwrapped under the tenant's, with its cipher set up.
//!
//! Processor time of one thread. `cargo bench -p bearingwall-secrets`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that cannot be set up has nothing to report"
)]

use aws_lc_rs::aead::{AES_256_GCM, Aad as LcAad, LessSafeKey, Nonce, UnboundKey};
use bearingwall_core::CustomerId;
use bearingwall_secrets::{Aad, DataKey};
use nix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use uuid::Uuid;

/// Turns of each variant, interleaved.
const TURNS: usize = 15;
/// Fields opened in one turn.
const FIELDS: usize = 20_000;

fn main() {
    let place = Aad {
        table: "crm.client_records",
        column: "payload",
        customer: CustomerId::from_uuid(Uuid::from_u128(1)),
        row: Uuid::from_u128(2),
    };
    println!(
        "{:>8}  {:>12}  {:>12}  {:>6}",
        "bytes", "ours, ns", "aws-lc, ns", "ratio"
    );
    for length in [64, 1_024, 16_384] {
        let key = DataKey::generate().unwrap();
        let text = vec![7_u8; length];
        let sealed = key.seal(&place, &text).unwrap();
        let raw = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.bytes()).unwrap());
        // As many bytes of associated data as the place has.
        let associated = [0_u8; 148];
        let mut ciphertext = text.clone();
        raw.seal_in_place_append_tag(
            Nonce::assume_unique_for_key([1; 12]),
            LcAad::from(&associated),
            &mut ciphertext,
        )
        .unwrap();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            ours.push(turn(|| {
                black_box(key.open(&place, black_box(&sealed)).unwrap());
            }));
            theirs.push(turn(|| {
                let mut buffer = black_box(&ciphertext).clone();
                let nonce = Nonce::assume_unique_for_key([1; 12]);
                black_box(raw.open_in_place(nonce, LcAad::from(&associated), &mut buffer).unwrap());
            }));
        }
        let (ours, theirs) = (median(&mut ours), median(&mut theirs));
        println!("{length:>8}  {ours:>12.0}  {theirs:>12.0}  {:>6.2}", ours / theirs);
    }
    let tenant = DataKey::generate().unwrap();
    let wrapped = tenant.wrap(&DataKey::generate().unwrap(), &place).unwrap();
    let mut unwrapped: Vec<f64> = (0..TURNS)
        .map(|_| {
            turn(|| {
                black_box(tenant.unwrap(black_box(&wrapped), &place).unwrap());
            })
        })
        .collect();
    println!("a person's key unwrapped: {:.0} ns", median(&mut unwrapped));
}

/// Nanoseconds of processor time for one call.
fn turn(mut work: impl FnMut()) -> f64 {
    let began = now_ns();
    for _ in 0..FIELDS {
        work();
    }
    (now_ns() - began) / FIELDS as f64
}

fn now_ns() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
