//! Which keys of a published set may verify, and which are left out.

use crate::fixture::{KEYS, base64url, header, token};
use bearingwall_authn::jws::{self, JwsError, KeySet};
use serde_json::{Value, json};

type Change = fn(&mut Value);

fn usable(jwk: &Value) -> bool {
    KeySet::from_json(json!({ "keys": [jwk] }).to_string().as_bytes())
        .unwrap()
        .len()
        == 1
}

fn changed(mut jwk: Value, change: impl Fn(&mut Value)) -> Value {
    change(&mut jwk);
    jwk
}

#[test]
fn plain_keys_are_usable_with_and_without_optional_members() {
    for jwk in [KEYS.ec.jwk("a"), KEYS.rsa_jwk("a")] {
        assert!(usable(&jwk));
        for member in ["use", "alg"] {
            assert!(
                usable(&changed(jwk.clone(), |j| drop(
                    j.as_object_mut().unwrap().remove(member)
                ))),
                "{member}"
            );
        }
        assert!(usable(&changed(jwk.clone(), |j| j["key_ops"] = json!(["verify"]))));
        assert!(usable(&changed(jwk.clone(), |j| j["x5c"] = json!(["AAAA"]))));
    }
}

#[test]
fn aut_1_keys_that_may_not_verify_are_left_out() {
    let cases: [(&str, Change); 16] = [
        ("key_ops empty", |j| j["key_ops"] = json!([])),
        ("use enc", |j| j["use"] = json!("enc")),
        ("use a list", |j| j["use"] = json!(["sig"])),
        ("key_ops encrypt", |j| j["key_ops"] = json!(["encrypt"])),
        ("key_ops verify and sign", |j| j["key_ops"] = json!(["verify", "sign"])),
        ("key_ops no list", |j| j["key_ops"] = json!("verify")),
        ("alg of another type", |j| j["alg"] = json!("PS256")),
        ("alg ES512", |j| j["alg"] = json!("ES512")),
        ("alg null", |j| j["alg"] = json!(null)),
        ("kty oct", |j| j["kty"] = json!("oct")),
        ("kty OKP", |j| j["kty"] = json!("OKP")),
        ("kty missing", |j| drop(j.as_object_mut().unwrap().remove("kty"))),
        ("a private member", |j| j["d"] = json!("AAAA")),
        ("kid missing", |j| drop(j.as_object_mut().unwrap().remove("kid"))),
        ("kid empty", |j| j["kid"] = json!("")),
        ("kid a number", |j| j["kid"] = json!(1)),
    ];
    for (name, change) in cases {
        assert!(!usable(&changed(KEYS.ec.jwk("a"), change)), "EC: {name}");
        assert!(!usable(&changed(KEYS.rsa_jwk("a"), change)), "RSA: {name}");
    }
}

#[test]
fn weak_and_broken_rsa_keys_are_left_out() {
    let with = |n: Vec<u8>, e: &[u8]| {
        changed(KEYS.rsa_jwk("a"), |j| {
            j["n"] = json!(base64url(&n));
            j["e"] = json!(base64url(e));
        })
    };
    let modulus = KEYS.modulus();
    let aqab = &[1, 0, 1][..];
    assert!(usable(&with(modulus.clone(), aqab)));
    let even = {
        let mut n = modulus.clone();
        n[255] &= 0xfe;
        n
    };
    let bits_2047 = {
        let mut n = modulus.clone();
        n[0] = 0x7f;
        n
    };
    let bits_4104 = [&modulus[..], &modulus[..], &modulus[255..]].concat();
    let zero_before = [&[0], &modulus[..]].concat();
    for (name, n) in [
        ("1024 bits", modulus[128..].to_vec()),
        ("2047 bits", bits_2047),
        ("4104 bits", bits_4104),
        ("even", even),
        ("leading zero", zero_before),
        ("empty", vec![]),
    ] {
        assert!(!usable(&with(n, aqab)), "{name}");
    }
    for e in [
        &[1][..],
        &[3],
        &[1, 0],
        &[1, 0, 0],
        &[0, 1, 0, 1],
        &[1, 0, 0, 0, 1],
        &[],
    ] {
        assert!(!usable(&with(modulus.clone(), e)), "{e:?}");
    }
    // A power of 65537 modulo every small prime, as the ROCA generator leaves it: 65537^128 has 2049 bits.
    let roca = power_of_65537(128);
    assert!(!usable(&with(roca.clone(), aqab)));
    let unmarked = {
        let mut n = roca;
        *n.last_mut().unwrap() ^= 2;
        n
    };
    assert!(usable(&with(unmarked, aqab)));
}

fn power_of_65537(exponent: usize) -> Vec<u8> {
    let mut little_endian = vec![1_u8];
    for _ in 0..exponent {
        let mut carry = 0_u32;
        for byte in &mut little_endian {
            let value = u32::from(*byte) * 65_537 + carry;
            *byte = (value & 0xff) as u8;
            carry = value >> 8;
        }
        while carry > 0 {
            little_endian.push((carry & 0xff) as u8);
            carry >>= 8;
        }
    }
    little_endian.reverse();
    little_endian
}

#[test]
fn points_off_the_curve_and_other_curves_are_left_out() {
    let jwk = KEYS.ec.jwk("a");
    let y = KEYS.ec.point()[33..].to_vec();
    let off = {
        let mut y = y.clone();
        y[31] ^= 1;
        y
    };
    assert!(!usable(&changed(jwk.clone(), |j| j["y"] = json!(base64url(&off)))));
    assert!(!usable(&changed(jwk.clone(), |j| j["y"] = json!(base64url(&y[1..])))));
    assert!(!usable(
        &changed(jwk.clone(), |j| j["y"] = json!(base64url([&[0], &y[..]].concat())))
    ));
    assert!(!usable(
        &changed(jwk.clone(), |j| j["y"] = json!(format!("{}=", base64url(&y))))
    ));
    assert!(!usable(&changed(jwk.clone(), |j| j["crv"] = json!("P-384"))));
    assert!(!usable(&changed(jwk.clone(), |j| j["crv"] = json!("secp256k1"))));
    assert!(!usable(&changed(jwk, |j| drop(
        j.as_object_mut().unwrap().remove("crv")
    ))));
}

#[test]
fn a_key_id_that_stands_twice_names_no_key() {
    let set = |keys: Value| KeySet::from_json(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    let (ours, theirs) = (KEYS.ec.jwk("a"), KEYS.stranger.jwk("a"));
    assert!(set(json!([ours, theirs])).is_empty());
    assert!(set(json!([ours, theirs, ours])).is_empty());
    assert!(set(json!([ours, theirs, KEYS.rsa_jwk("b")])).key("b").is_some());
    // A key that may not verify anyway takes no id away, as where one id serves signing and encryption.
    let for_encryption = changed(KEYS.rsa_jwk("a"), |j| j["use"] = json!("enc"));
    assert!(set(json!([for_encryption, ours])).key("a").is_some());
}

#[test]
fn a_set_that_is_none_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":null}"#,
        "<html>",
    ] {
        assert_eq!(
            KeySet::from_json(text.as_bytes()).unwrap_err(),
            JwsError::KeySet,
            "{text}"
        );
    }
}

#[test]
fn the_payload_comes_out_only_under_a_good_signature() {
    let keys = KeySet::from_json(KEYS.jwks().to_string().as_bytes()).unwrap();
    let head = header("ES256", "ec-1").to_string();
    let good = token(&head, "any payload", |m| KEYS.ec.sign(m));
    assert_eq!(jws::verify(&good, &keys).unwrap(), b"any payload");
    let forged = token(&head, "any payload", |m| KEYS.stranger.sign(m));
    assert_eq!(jws::verify(&forged, &keys).unwrap_err(), JwsError::Signature);
}

#[test]
fn a_token_beyond_16_kib_is_not_looked_at() {
    let keys = KeySet::from_json(KEYS.jwks().to_string().as_bytes()).unwrap();
    let head = header("ES256", "ec-1").to_string();
    let sized = |bytes: usize| token(&head, &"x".repeat(bytes), |m| KEYS.ec.sign(m));
    assert!(jws::verify(&sized(12_000), &keys).is_ok());
    let what = "longer than 16 KiB";
    assert_eq!(
        jws::verify(&sized(16_000), &keys).unwrap_err(),
        JwsError::Malformed { what }
    );
}
