//! Signatures that are none: degenerate numbers, other encodings, changed bits, and another message's.

use super::fixture::{KEYS, OTHER_TENANT, base64url, header, token};
use super::{ALGORITHM, SIGNATURE, Variants};
use aws_lc_rs::signature;
use serde_json::json;

/// The order n of P-256 (SEC 2 section 2.4.2).
pub(crate) const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

pub(super) fn signature(all: &mut Variants<'_>) {
    let idp = all.idp;
    let head = header("ES256", "ec-1").to_string();
    let rsa_head = header("RS256", "rsa-1").to_string();
    let payload = idp.claims().to_string();
    let zero = [0_u8; 32];
    let mut one = zero;
    one[31] = 1;
    let max = [0xff_u8; 32];
    let numbers = [("0", zero), ("1", one), ("n", ORDER), ("max", max)];
    for (r_name, r) in numbers {
        for (s_name, s) in numbers {
            let forged = token(&head, &payload, |_| [r, s].concat());
            all.push(format!("r = {r_name}, s = {s_name}"), SIGNATURE, forged);
        }
    }
    let es = |change: &dyn Fn(Vec<u8>) -> Vec<u8>| token(&head, &payload, |m| change(KEYS.ec.sign(m)));
    let rs = |change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        token(&rsa_head, &payload, |m| {
            change(KEYS.sign_rsa(&signature::RSA_PKCS1_SHA256, m))
        })
    };
    all.push(
        "ES256 in DER",
        SIGNATURE,
        token(&head, &payload, |m| KEYS.ec.sign_der(m)),
    );
    all.push(
        "ES256 by another key",
        SIGNATURE,
        token(&head, &payload, |m| KEYS.stranger.sign(m)),
    );
    all.push(
        "ES256 over another message",
        SIGNATURE,
        token(&head, &payload, |_| KEYS.ec.sign(b"other")),
    );
    for (name, code, change) in [
        ("empty", SIGNATURE, (|_| vec![]) as fn(Vec<u8>) -> Vec<u8>),
        ("cut", SIGNATURE, |mut s| {
            s.pop();
            s
        }),
        ("longer", SIGNATURE, |mut s| {
            s.push(0);
            s
        }),
        ("zero before", SIGNATURE, |mut s| {
            s.insert(0, 0);
            s
        }),
        ("first bit", SIGNATURE, |mut s| {
            s[0] ^= 0x80;
            s
        }),
        ("last bit", SIGNATURE, |mut s| {
            *s.last_mut().unwrap() ^= 1;
            s
        }),
        ("all zero", SIGNATURE, |s| vec![0; s.len()]),
        ("all ones", SIGNATURE, |s| vec![0xff; s.len()]),
        ("doubled", SIGNATURE, |s| [s.clone(), s].concat()),
    ] {
        all.push(format!("ES256 signature: {name}"), code, es(&change));
        all.push(format!("RS256 signature: {name}"), code, rs(&change));
    }
    let good = idp.good();
    let (_, good_signature) = good.rsplit_once('.').unwrap();
    let mut claims = idp.claims();
    claims["customer_id"] = json!(OTHER_TENANT);
    let swapped = format!(
        "{}.{}.{good_signature}",
        base64url(&head),
        base64url(claims.to_string())
    );
    all.push("another payload under a good signature", SIGNATURE, swapped);
    let spaced = format!(
        "{}.{}.{good_signature}",
        base64url(format!("{head} ")),
        base64url(&payload)
    );
    all.push("another header under a good signature", SIGNATURE, spaced);
    // A point of small order and the number 0: for such a key, a signature of every message.
    let small_order = [[1_u8].as_slice(), &[0; 63]].concat();
    all.push(
        "EdDSA, a point of small order",
        ALGORITHM,
        token(&header("EdDSA", "ec-1").to_string(), &payload, |_| small_order.clone()),
    );
}
