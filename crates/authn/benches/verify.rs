//! What one verification costs: a token that was not seen before, by algorithm, and one that is remembered.
//!
//! The baselines are what no verifier can leave out: the signature alone, under a key that is parsed already, and for a
//! remembered token the digest that finds it. One thread does everything. `cargo bench -p bearingwall-authn`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement that cannot be set up has nothing to report"
)]

#[allow(dead_code, unused_imports, reason = "the tests use the rest of it")]
#[path = "../tests/attacks/fixture.rs"]
mod fixture;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearingwall_authn::{AuthnOptions, BearerVerifier, EndedSessions, IdentityProvider, Revocations};
use bearingwall_core::{Clock, SystemClock};
use fixture::{Idp, KEYS, es256, header, rs256};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Turns of each variant, interleaved.
const TURNS: usize = 15;
/// Different tokens of each algorithm, each verified once in a turn.
const TOKENS: usize = 3_000;
/// How often a turn reads what is remembered, so that it lasts long enough to be measured.
const PASSES: usize = 20;

/// The tokens of one algorithm, and the key that signed them.
struct Signed {
    name: &'static str,
    tokens: Vec<String>,
    key: ParsedPublicKey,
}

/// Processor time of one verification, in nanoseconds, a figure for each turn.
#[derive(Default)]
struct Figures {
    signature: Vec<f64>,
    cold: Vec<f64>,
    digest: Vec<f64>,
    remembered: Vec<f64>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let idp = runtime.block_on(Idp::start());
    let modulus = KEYS.modulus();
    let rsa = RsaPublicKeyComponents {
        n: modulus.as_slice(),
        e: &[1_u8, 0, 1],
    };
    let sets = [
        Signed {
            name: "RS256",
            tokens: tokens(&idp, |claims| rs256(&header("RS256", "rsa-1"), claims)),
            key: rsa.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).unwrap(),
        },
        Signed {
            name: "ES256",
            tokens: tokens(&idp, |claims| es256(&header("ES256", "ec-1"), claims)),
            key: ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, KEYS.ec.point()).unwrap(),
        },
    ];
    let mut figures = [Figures::default(), Figures::default()];
    for _ in 0..TURNS {
        for (set, figures) in sets.iter().zip(&mut figures) {
            turn(&runtime, &idp, set, figures);
        }
    }
    report(&sets, &mut figures);
}

/// As long as a provider's tokens are: with names, a session and lists that nobody here reads.
fn tokens(idp: &Idp, sign: impl Fn(&Value) -> String) -> Vec<String> {
    let now_s = SystemClock.unix_ms() / 1000;
    let token = |at: usize| {
        let mut claims = idp.claims();
        claims["iat"] = json!(now_s);
        claims["exp"] = json!(now_s + 3_000);
        claims["jti"] = json!(format!("0190d6f0-0000-7000-8000-{at:012}"));
        claims["sid"] = json!(format!("0190d6f0-0000-7000-9000-{at:012}"));
        claims["given_name"] = json!("Ada");
        claims["family_name"] = json!("Lovelace");
        claims["email"] = json!("ada.lovelace@example.org");
        claims["acr"] = json!("1");
        claims["allowed-origins"] = json!(["https://console.bearingwall.example"]);
        claims["resource_access"] = json!({"account": {"roles": ["manage-account", "view-profile"]}});
        sign(&claims)
    };
    (0..TOKENS).map(token).collect()
}

/// A verifier that starts empty, as the server has it: with a list of ended sessions that it looks at.
fn verifier(runtime: &Runtime, idp: &Idp) -> BearerVerifier {
    let list = Arc::new(Revocations::new(Arc::new(SystemClock), Duration::from_secs(3_600)));
    list.refreshed(SystemClock.unix_ms(), &[], true);
    let start = BearerVerifier::start(vec![idp.config()], EndedSessions::Listed(list), AuthnOptions::default());
    runtime.block_on(start).unwrap()
}

fn turn(runtime: &Runtime, idp: &Idp, set: &Signed, figures: &mut Figures) {
    let parts: Vec<(&str, Vec<u8>)> = set
        .tokens
        .iter()
        .map(|token| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            (signed, URL_SAFE_NO_PAD.decode(signature).unwrap())
        })
        .collect();
    let verifier = verifier(runtime, idp);
    let verify = |passes: usize| {
        runtime.block_on(async {
            for token in set.tokens.iter().cycle().take(TOKENS * passes) {
                black_box(verifier.verify(token).await.unwrap());
            }
        });
    };
    figures.signature.push(ns_each(TOKENS, || {
        for (signed, signature) in &parts {
            set.key.verify_sig(signed.as_bytes(), signature).unwrap();
        }
    }));
    figures.cold.push(ns_each(TOKENS, || verify(1)));
    figures.digest.push(ns_each(TOKENS * PASSES, || {
        for token in set.tokens.iter().cycle().take(TOKENS * PASSES) {
            black_box(digest::digest(&digest::SHA256, token.as_bytes()));
        }
    }));
    figures.remembered.push(ns_each(TOKENS * PASSES, || verify(PASSES)));
}

/// The processor time of this thread: what else the machine does, does not count.
fn ns_each(count: usize, work: impl FnOnce()) -> f64 {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let start = now();
    work();
    (now() - start).as_secs_f64() * 1e9 / count as f64
}

fn report(sets: &[Signed], figures: &mut [Figures]) {
    for (set, figures) in sets.iter().zip(figures) {
        println!("{}, tokens of {} bytes", set.name, set.tokens[0].len());
        let signature = median(&mut figures.signature);
        let lines = [
            ("  the signature alone", &mut figures.signature),
            ("  not seen before", &mut figures.cold),
            ("  SHA-256 of the token", &mut figures.digest),
            ("  remembered", &mut figures.remembered),
        ];
        for (name, ns) in lines {
            let median = median(ns);
            let (least, most) = (ns[0], ns[ns.len() - 1]);
            println!(
                "{name:<24} {median:>9.0} ns ({least:.0} to {most:.0})  {:>6.3}",
                median / signature
            );
        }
    }
}

/// Of figures that are sorted by it.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
