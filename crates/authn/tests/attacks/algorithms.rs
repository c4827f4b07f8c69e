//! Another algorithm than the key's: none at all, a secret that everybody knows, or a sibling.

use super::fixture::{KEYS, es256, header, hmac_sha256, rs256, token};
use super::{ALGORITHM, KEY, SHAPE, SIGNATURE, Variants};
use aws_lc_rs::signature::{self, RsaEncoding};
use serde_json::{Value, json};

pub(super) fn algorithm(all: &mut Variants<'_>) {
    let claims = all.idp.claims().to_string();
    for spelling in ["none", "None", "NONE", "nOnE"] {
        let head = header(spelling, "ec-1").to_string();
        all.push(
            format!("{spelling}, no signature"),
            ALGORITHM,
            token(&head, &claims, |_| vec![]),
        );
        all.push(
            format!("{spelling}, a good signature"),
            ALGORITHM,
            token(&head, &claims, |m| KEYS.ec.sign(m)),
        );
    }
    for alg in [
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
        "Ed25519",
        "es256",
        "ES256 ",
        "",
        "RSA-OAEP",
        "dir",
        "PBES2-HS256+A128KW",
    ] {
        all.header(format!("`{alg}`"), ALGORITHM, |h| h["alg"] = json!(alg));
    }
    all.header("missing", SHAPE, |h| drop(h.as_object_mut().unwrap().remove("alg")));
    for alg in [
        json!(["ES256"]),
        json!(null),
        json!(256),
        json!({"ES256": 1}),
        json!(true),
    ] {
        all.header(alg.to_string(), SHAPE, |h| h["alg"] = alg.clone());
    }
}

pub(super) fn confusion(all: &mut Variants<'_>) {
    let claims = all.idp.claims().to_string();
    let secrets: [(&str, Vec<u8>); 7] = [
        ("the EC point", KEYS.ec.point().to_vec()),
        ("the RSA modulus", KEYS.modulus()),
        ("the RSA key in DER", KEYS.rsa_spki_der()),
        ("the RSA key in PEM", KEYS.rsa_spki_pem().into_bytes()),
        ("the JWK text", KEYS.rsa_jwk("rsa-1").to_string().into_bytes()),
        ("the key set", KEYS.jwks().to_string().into_bytes()),
        ("nothing", vec![]),
    ];
    for (name, secret) in &secrets {
        let mac = |head: Value| token(&head.to_string(), &claims, |m| hmac_sha256(secret, m));
        for alg in ["HS256", "HS384"] {
            all.push(format!("{alg} keyed with {name}"), ALGORITHM, mac(header(alg, "rsa-1")));
        }
        let posing = mac(header("RS256", "rsa-1"));
        all.push(format!("RS256 that is an HMAC under {name}"), SIGNATURE, posing);
    }
    let shared = |alg| {
        token(&header(alg, "oct-1").to_string(), &claims, |m| {
            hmac_sha256(KEYS.secret(), m)
        })
    };
    all.push("HS256 with a published secret", ALGORITHM, shared("HS256"));
    all.push("RS256 naming a published secret", KEY, shared("RS256"));
    let rsa = |encoding: &'static dyn RsaEncoding, head: Value| {
        token(&head.to_string(), &claims, |m| KEYS.sign_rsa(encoding, m))
    };
    for (name, code, encoding, alg) in [
        (
            "PS256",
            ALGORITHM,
            &signature::RSA_PSS_SHA256 as &dyn RsaEncoding,
            "PS256",
        ),
        ("PSS under RS256", SIGNATURE, &signature::RSA_PSS_SHA256, "RS256"),
        ("RS384", ALGORITHM, &signature::RSA_PKCS1_SHA384, "RS384"),
        ("SHA-384 under RS256", SIGNATURE, &signature::RSA_PKCS1_SHA384, "RS256"),
        ("RS512", ALGORITHM, &signature::RSA_PKCS1_SHA512, "RS512"),
        ("SHA-512 under RS256", SIGNATURE, &signature::RSA_PKCS1_SHA512, "RS256"),
    ] {
        all.push(name, code, rsa(encoding, header(alg, "rsa-1")));
    }
    let own = all.idp.claims();
    all.push(
        "RS256 naming the EC key",
        ALGORITHM,
        rs256(&header("RS256", "ec-1"), &own),
    );
    all.push(
        "ES256 naming the RSA key",
        ALGORITHM,
        es256(&header("ES256", "rsa-1"), &own),
    );
    all.push(
        "ES256 naming a key for encryption",
        KEY,
        es256(&header("ES256", "enc-1"), &own),
    );
    all.push(
        "RS256 naming a key of PS256",
        KEY,
        rs256(&header("RS256", "pss-1"), &own),
    );
    all.push(
        "ES256 naming a published private key",
        KEY,
        es256(&header("ES256", "private-1"), &own),
    );
}
