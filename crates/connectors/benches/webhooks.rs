//! What it costs to settle who sent a webhook, scheme by scheme, beside the MAC or the signature alone over the same bytes.
//!
//! One thread does everything, variants take turns, and figures are its processor time.
//! `cargo bench -p bearingwall-connectors --bench webhooks`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot be set up has nothing to report"
)]

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bearingwall_connectors::webhooks::Delivery;
use bearingwall_connectors::webhooks::github::{self, GitHub};
use bearingwall_connectors::webhooks::standard::{self, Signer, Standard};
use bearingwall_connectors::webhooks::stripe::{self, Stripe};
use bearingwall_connectors::webhooks::twilio::{self, Algorithm, Twilio};
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use nix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use time::OffsetDateTime;

/// Turns of each variant, interleaved.
const TURNS: usize = 15;
/// Verifications of a turn.
const COUNT: u32 = 5_000;
/// Bytes of a body, about what an event of a payment has.
const BODY_BYTES: usize = 4_096;

const NOW: i64 = 1_700_000_000;
const SECRET: &[u8] = b"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const URL: &str = "https://hooks.example.org/webhooks/twilio/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// A scheme: the verification, and what of it nobody can leave out.
struct Variant {
    name: &'static str,
    verify: Box<dyn Fn()>,
    alone: Box<dyn Fn()>,
}

fn main() {
    let variants = variants();
    let mut figures: Vec<(Vec<f64>, Vec<f64>)> = variants.iter().map(|_| Default::default()).collect();
    for _ in 0..TURNS {
        for (variant, (whole, alone)) in variants.iter().zip(&mut figures) {
            whole.push(turn(&variant.verify));
            alone.push(turn(&variant.alone));
        }
    }
    println!("body of {BODY_BYTES} bytes, median of {TURNS} turns of {COUNT}");
    for (variant, (whole, alone)) in variants.iter().zip(figures) {
        let (whole, alone) = (median(whole), median(alone));
        let per_s = 1e9 / whole;
        println!(
            "{:<28} {whole:>9.0} ns {per_s:>9.0}/s   alone {alone:>9.0} ns   ratio {:.2}",
            variant.name,
            whole / alone
        );
    }
}

/// Processor time of one call, in nanoseconds.
fn turn(call: &dyn Fn()) -> f64 {
    let before = processor_ns();
    for _ in 0..COUNT {
        call();
    }
    (processor_ns() - before) / f64::from(COUNT)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds of a process that runs for seconds"
)]
fn processor_ns() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn mac_alone(algorithm: hmac::Algorithm, bytes: Vec<u8>) -> Box<dyn Fn()> {
    let key = hmac::Key::new(algorithm, SECRET);
    let tag = hmac::sign(&key, &bytes);
    Box::new(move || hmac::verify(&key, black_box(&bytes), tag.as_ref()).unwrap())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn variants() -> Vec<Variant> {
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    let time = NOW.to_string();
    let text = "x".repeat(BODY_BYTES - 40);
    let json = format!(r#"{{"id":"evt_1","object":"event","t":"{text}"}}"#).into_bytes();
    let form = format!("MessageSid=SM1&SmsStatus=received&Body={text}").into_bytes();
    let key = hmac::Key::new(HMAC_SHA256, SECRET);
    let stripe_signed = [time.as_bytes(), b".", &json].concat();
    let stripe_header = format!("t={time},v1={}", hexadecimal(hmac::sign(&key, &stripe_signed).as_ref()));
    let github_header = format!("sha256={}", hexadecimal(hmac::sign(&key, &json).as_ref()));
    let standard_signed = [b"msg_1.", time.as_bytes(), b".", &json].concat();
    let standard_header = Signer::new([SECRET]).unwrap().sign("msg_1", now, &json).unwrap();
    let pair = SigningKey::from_bytes(&[7; 32]);
    let public_header = format!("v1a,{}", BASE64.encode(pair.sign(&standard_signed).to_bytes()));
    let public = format!("whpk_{}", BASE64.encode(pair.verifying_key().as_bytes()));
    let twilio_signed = format!("{URL}Body{text}MessageSidSM1SmsStatusreceived").into_bytes();
    let twilio = |algorithm| {
        let tag = hmac::sign(&hmac::Key::new(algorithm, SECRET), &twilio_signed);
        BASE64.encode(tag)
    };

    let (by_stripe, by_github, by_standard) = (
        Stripe::new([SECRET]).unwrap(),
        GitHub::new([SECRET]).unwrap(),
        Standard::new([SECRET]).unwrap(),
    );
    let by_public = Standard::new([public.as_bytes()]).unwrap();
    let by_twilio = |algorithm| Twilio::new([(algorithm, SECRET)]).unwrap();
    let verify =
        |headers: Vec<(&'static str, String)>, body: &[u8], check: Box<dyn Fn(&Delivery<'_>)>| -> Box<dyn Fn()> {
            let body = body.to_vec();
            Box::new(move || {
                let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
                check(&Delivery::new(URL, &headers, black_box(&body)));
            })
        };
    let of_standard = |signature: String| {
        let id = (standard::ID_HEADER, "msg_1".to_owned());
        vec![
            id,
            (standard::TIMESTAMP_HEADER, NOW.to_string()),
            (standard::SIGNATURE_HEADER, signature),
        ]
    };
    let of_twilio = |signature: String| {
        vec![
            (twilio::HEADER, signature),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ]
    };
    let (token, shared) = (by_twilio(Algorithm::AuthToken), by_twilio(Algorithm::SharedKey));
    let signature: Signature = pair.sign(&standard_signed);
    let (verifying, signed) = (pair.verifying_key(), standard_signed.clone());
    vec![
        Variant {
            name: "Stripe",
            verify: verify(
                vec![(stripe::HEADER, stripe_header)],
                &json,
                Box::new(move |d| drop(by_stripe.verify(d, now).unwrap())),
            ),
            alone: mac_alone(HMAC_SHA256, stripe_signed),
        },
        Variant {
            name: "GitHub",
            verify: verify(
                vec![(github::HEADER, github_header)],
                &json,
                Box::new(move |d| drop(by_github.verify(d).unwrap())),
            ),
            alone: mac_alone(HMAC_SHA256, json.clone()),
        },
        Variant {
            name: "Standard Webhooks, v1",
            verify: verify(
                of_standard(standard_header),
                &json,
                Box::new(move |d| drop(by_standard.verify(d, now).unwrap())),
            ),
            alone: mac_alone(HMAC_SHA256, standard_signed),
        },
        Variant {
            name: "Standard Webhooks, v1a",
            verify: verify(
                of_standard(public_header),
                &json,
                Box::new(move |d| drop(by_public.verify(d, now).unwrap())),
            ),
            alone: Box::new(move || verifying.verify_strict(black_box(&signed), &signature).unwrap()),
        },
        Variant {
            name: "Twilio, token (SHA-1)",
            verify: verify(
                of_twilio(twilio(HMAC_SHA1_FOR_LEGACY_USE_ONLY)),
                &form,
                Box::new(move |d| drop(token.verify(d).unwrap())),
            ),
            alone: mac_alone(HMAC_SHA1_FOR_LEGACY_USE_ONLY, twilio_signed.clone()),
        },
        Variant {
            name: "Twilio, shared key (SHA-256)",
            verify: verify(
                of_twilio(twilio(HMAC_SHA256)),
                &form,
                Box::new(move |d| drop(shared.verify(d).unwrap())),
            ),
            alone: mac_alone(HMAC_SHA256, twilio_signed.clone()),
        },
    ]
}
