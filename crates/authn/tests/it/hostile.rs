//! The attack matrix: every token here must be refused, each for the reason that stands beside it.

mod claims;
mod forms;

use crate::fixture::{
    Idp, KEYS, ManualClock, NOW_S, OTHER_TENANT, TENANT, base64url, es256, header, hmac_sha256, options, outcome,
    rs256, token, verifier,
};
use aws_lc_rs::signature;
use bearingwall_authn::{AuthnOptions, BearerVerifier, EndedSessions, IdentityProvider};
use bearingwall_core::{Classified, ErrorKind};
use serde_json::{Value, json};

struct Attack {
    name: String,
    code: &'static str,
    token: String,
}

fn attack(name: impl Into<String>, code: &'static str, token: String) -> Attack {
    Attack {
        name: name.into(),
        code,
        token,
    }
}

const SHAPE: &str = "AUT-001";
const ALGORITHM: &str = "AUT-002";
const KEY: &str = "AUT-003";
const SIGNATURE: &str = "AUT-004";
const TYPE: &str = "AUT-006";
const CLAIMS: &str = "AUT-007";
const CLAIM: &str = "AUT-008";

/// A token whose header is changed and whose signature, by the issuer's own key, is right.
fn with_header(idp: &Idp, change: impl Fn(&mut Value)) -> String {
    let mut header = header("ES256", "ec-1");
    change(&mut header);
    es256(&header, &idp.claims())
}

/// A token whose claims are changed and whose signature, by the issuer's own key, is right.
fn with_claims(idp: &Idp, change: impl Fn(&mut Value)) -> String {
    let mut claims = idp.claims();
    change(&mut claims);
    es256(&header("ES256", "ec-1"), &claims)
}

fn algorithm_attacks(idp: &Idp) -> Vec<Attack> {
    let claims = idp.claims().to_string();
    let mut all = Vec::new();
    for spelling in ["none", "None", "NONE", "nOnE"] {
        let head = header(spelling, "ec-1").to_string();
        all.push(attack(
            format!("alg {spelling}, no signature"),
            ALGORITHM,
            token(&head, &claims, |_| vec![]),
        ));
        all.push(attack(
            format!("alg {spelling}, a good signature"),
            ALGORITHM,
            token(&head, &claims, |m| KEYS.ec.sign(m)),
        ));
    }
    let secrets: [(&str, Vec<u8>); 5] = [
        ("the EC point", KEYS.ec.point().to_vec()),
        ("the RSA modulus", KEYS.modulus()),
        ("the RSA key in DER", KEYS.rsa_spki_der()),
        ("the JWK text", KEYS.rsa_jwk("rsa-1").to_string().into_bytes()),
        ("nothing", vec![]),
    ];
    for (name, secret) in &secrets {
        for alg in ["HS256", "HS384"] {
            let forged = token(&header(alg, "rsa-1").to_string(), &claims, |m| hmac_sha256(secret, m));
            all.push(attack(format!("{alg} keyed with {name}"), ALGORITHM, forged));
        }
        let posing = token(&header("RS256", "rsa-1").to_string(), &claims, |m| {
            hmac_sha256(secret, m)
        });
        all.push(attack(format!("RS256 that is an HMAC under {name}"), SIGNATURE, posing));
    }
    let rsa = |encoding: &'static dyn signature::RsaEncoding, head: Value| {
        token(&head.to_string(), &claims, |m| KEYS.sign_rsa(encoding, m))
    };
    all.push(attack(
        "PS256",
        ALGORITHM,
        rsa(&signature::RSA_PSS_SHA256, header("PS256", "rsa-1")),
    ));
    all.push(attack(
        "PSS under RS256",
        SIGNATURE,
        rsa(&signature::RSA_PSS_SHA256, header("RS256", "rsa-1")),
    ));
    all.push(attack(
        "RS384",
        ALGORITHM,
        rsa(&signature::RSA_PKCS1_SHA384, header("RS384", "rsa-1")),
    ));
    all.push(attack(
        "SHA-384 under RS256",
        SIGNATURE,
        rsa(&signature::RSA_PKCS1_SHA384, header("RS256", "rsa-1")),
    ));
    all.push(attack(
        "RS512",
        ALGORITHM,
        rsa(&signature::RSA_PKCS1_SHA512, header("RS512", "rsa-1")),
    ));
    for alg in [
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
        "es256",
        "ES256 ",
        "",
        "RSA-OAEP",
        "dir",
        "PBES2-HS256+A128KW",
    ] {
        all.push(attack(
            format!("alg `{alg}`"),
            ALGORITHM,
            with_header(idp, |h| h["alg"] = json!(alg)),
        ));
    }
    all.push(attack(
        "alg missing",
        SHAPE,
        with_header(idp, |h| drop(h.as_object_mut().unwrap().remove("alg"))),
    ));
    for alg in [
        json!(["ES256"]),
        json!(null),
        json!(256),
        json!({"ES256": 1}),
        json!(true),
    ] {
        all.push(attack(
            format!("alg {alg}"),
            SHAPE,
            with_header(idp, |h| h["alg"] = alg.clone()),
        ));
    }
    all.push(attack(
        "RS256 naming the EC key",
        ALGORITHM,
        rs256(&header("RS256", "ec-1"), &idp.claims()),
    ));
    all.push(attack(
        "ES256 naming the RSA key",
        ALGORITHM,
        es256(&header("ES256", "rsa-1"), &idp.claims()),
    ));
    all
}

fn header_attacks(idp: &Idp) -> Vec<Attack> {
    let mut all = Vec::new();
    let stranger = KEYS.stranger.jwk("ec-1");
    let chain = json!([base64url(b"certificate")]);
    let members = [
        ("jwk", stranger.clone()),
        ("jku", json!("https://attacker.example/jwks")),
        ("jku", json!(format!("{}/jwks", idp.issuer))),
        ("x5u", json!("https://attacker.example/cert")),
        ("x5c", chain),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("enc", json!("A256GCM")),
        ("epk", stranger.clone()),
        ("p2c", json!(2_000_000_000)),
        ("iss", json!("somebody")),
        ("KID", json!("ec-1")),
        ("", json!("")),
    ];
    for (name, value) in members {
        let own = with_header(idp, |h| h[name] = value.clone());
        all.push(attack(format!("header member `{name}`, good signature"), SHAPE, own));
    }
    let mut head = header("ES256", "ec-1");
    head["jwk"] = stranger;
    let forged = token(&head.to_string(), &idp.claims().to_string(), |m| KEYS.stranger.sign(m));
    all.push(attack("signed with the key in its own header", SHAPE, forged));
    let kids = [
        ("ec-2", KEY),
        ("EC-1", KEY),
        ("../../../dev/null", KEY),
        ("file:///dev/null", KEY),
        ("https://attacker.example/key", KEY),
        ("'OR'1'='1", KEY),
        ("ec-1 ", SHAPE),
        ("", SHAPE),
        ("ec-1\u{0}", SHAPE),
        ("ec-1\r\nx:y", SHAPE),
        ("ключ", SHAPE),
    ];
    for (kid, code) in kids {
        all.push(attack(
            format!("kid `{}`", kid.escape_debug()),
            code,
            with_header(idp, |h| h["kid"] = json!(kid)),
        ));
    }
    all.push(attack(
        "kid of 129 bytes",
        SHAPE,
        with_header(idp, |h| h["kid"] = json!("k".repeat(129))),
    ));
    all.push(attack(
        "kid of 4 KiB",
        SHAPE,
        with_header(idp, |h| h["kid"] = json!("k".repeat(4096))),
    ));
    all.push(attack(
        "kid missing",
        SHAPE,
        with_header(idp, |h| drop(h.as_object_mut().unwrap().remove("kid"))),
    ));
    for kid in [json!(1), json!(null), json!(["ec-1"]), json!({"kid": "ec-1"})] {
        all.push(attack(
            format!("kid {kid}"),
            SHAPE,
            with_header(idp, |h| h["kid"] = kid.clone()),
        ));
    }
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
        all.push(attack(
            format!("typ `{typ}`"),
            TYPE,
            with_header(idp, |h| h["typ"] = json!(typ)),
        ));
    }
    all.push(attack(
        "typ missing",
        TYPE,
        with_header(idp, |h| drop(h.as_object_mut().unwrap().remove("typ"))),
    ));
    all.push(attack(
        "typ a list",
        SHAPE,
        with_header(idp, |h| h["typ"] = json!(["at+jwt"])),
    ));
    all
}

#[tokio::test]
async fn aut_1_every_hostile_token_is_refused_for_its_own_reason() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let mut attacks = algorithm_attacks(&idp);
    attacks.extend(header_attacks(&idp));
    attacks.extend(forms::form_attacks(&idp));
    attacks.extend(forms::signature_attacks(&idp));
    attacks.extend(claims::claim_attacks(&idp));
    attacks.extend(claims::tenant_attacks(&idp));
    assert!(attacks.len() >= 250, "{}", attacks.len());
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    let mut wrong = Vec::new();
    for Attack { name, code, token } in &attacks {
        match verifier.verify(token).await {
            Ok(_) => wrong.push(format!("{name}: accepted")),
            Err(error) if error.code() != *code => wrong.push(format!("{name}: {} instead of {code}", error.code())),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{name}"),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        attacks.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn aut_1_unsigned_tokens_are_refused() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let unsigned = token(
        &header("none", "ec-1").to_string(),
        &idp.claims().to_string(),
        |_| vec![],
    );
    assert_eq!(outcome(&verifier, &unsigned).await.unwrap_err(), ALGORITHM);
}

#[tokio::test]
async fn a_refusal_says_nothing_of_what_the_token_said() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    for claim in ["sub", "iss", "aud", "customer_id", "typ"] {
        let token = with_claims(&idp, |c| c[claim] = json!("CANARY-1\u{7}"));
        let error = verifier.verify(&token).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{claim}");
    }
    let error = verifier.verify("CANARY.CANARY.CANARY").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY"));
}

#[tokio::test]
async fn an_issuer_that_is_bound_to_a_tenant_speaks_for_nobody_else() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut config = idp.config();
    config.customer = Some(TENANT.parse().unwrap());
    let verifier = BearerVerifier::start(vec![config], EndedSessions::NotListed, options(&clock))
        .await
        .unwrap();
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    let other = with_claims(&idp, |c| c["customer_id"] = json!(OTHER_TENANT));
    assert_eq!(outcome(&verifier, &other).await.unwrap_err(), "AUT-016");
    let staff = with_claims(&idp, |c| c["realm_access"]["roles"] = json!(["internal_admin"]));
    assert_eq!(outcome(&verifier, &staff).await.unwrap_err(), "AUT-016");
    let silent = with_claims(&idp, |c| drop(c.as_object_mut().unwrap().remove("customer_id")));
    assert_eq!(outcome(&verifier, &silent).await.unwrap_err(), "AUT-015");
}

#[tokio::test]
async fn one_issuers_key_never_signs_for_another() {
    let (first, second, clock) = (Idp::start().await, Idp::start().await, ManualClock::new());
    second.serves("/jwks", &json!({"keys": [KEYS.stranger.jwk("ec-1")]}));
    let verifier = BearerVerifier::start(
        vec![first.config(), second.config()],
        EndedSessions::NotListed,
        options(&clock),
    )
    .await
    .unwrap();
    let sign = |message: &[u8]| KEYS.stranger.sign(message);
    let head = header("ES256", "ec-1").to_string();
    let own = token(&head, &second.claims().to_string(), sign);
    assert!(outcome(&verifier, &own).await.is_ok());
    let posing = token(&head, &first.claims().to_string(), sign);
    assert_eq!(outcome(&verifier, &posing).await.unwrap_err(), SIGNATURE);
}

#[tokio::test]
async fn limits_of_the_issuer_are_kept() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut config = idp.config();
    config.max_lifetime_s = Some(300);
    config.leeway_s = 0;
    config.algorithms = vec![bearingwall_authn::Algorithm::Es256];
    let verifier = BearerVerifier::start(vec![config], EndedSessions::NotListed, options(&clock))
        .await
        .unwrap();
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    let long = with_claims(&idp, |c| c["exp"] = json!(NOW_S + 291));
    assert_eq!(outcome(&verifier, &long).await.unwrap_err(), "AUT-013");
    let now = with_claims(&idp, |c| c["exp"] = json!(NOW_S));
    assert_eq!(outcome(&verifier, &now).await.unwrap_err(), "AUT-011");
    let rsa = rs256(&header("RS256", "rsa-1"), &idp.claims());
    assert_eq!(outcome(&verifier, &rsa).await.unwrap_err(), ALGORITHM);
}

#[tokio::test]
async fn aut_3_no_issuer_outlives_the_longest_lifetime_of_the_deployment() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let long = with_claims(&idp, |c| c["exp"] = json!(NOW_S + 3591));
    let hour = with_claims(&idp, |c| c["exp"] = json!(NOW_S + 3590));
    // Nothing is said of lifetimes, and an issuer that allows a day is still held to the hour.
    for of_issuer in [None, Some(86_400)] {
        let mut config = idp.config();
        config.max_lifetime_s = of_issuer;
        let options = AuthnOptions {
            max_lifetime: AuthnOptions::default().max_lifetime,
            ..options(&clock)
        };
        let verifier = BearerVerifier::start(vec![config], EndedSessions::NotListed, options)
            .await
            .unwrap();
        assert!(outcome(&verifier, &hour).await.is_ok());
        assert_eq!(outcome(&verifier, &long).await.unwrap_err(), "AUT-013");
    }
}

#[tokio::test]
async fn aut_3_a_tenant_ends_its_tokens_before_their_expiry() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut options = options(&clock);
    let tenant = bearingwall_core::CustomerId::from_uuid(TENANT.parse().unwrap());
    options.max_age_of_tenants = [(tenant, std::time::Duration::from_secs(60))].into();
    let verifier = BearerVerifier::start(vec![idp.config()], EndedSessions::NotListed, options)
        .await
        .unwrap();
    let (own, other) = (
        idp.good(),
        with_claims(&idp, |c| c["customer_id"] = json!(OTHER_TENANT)),
    );
    let proven = outcome(&verifier, &own).await.unwrap();
    assert_eq!(proven.expires_at.unix_timestamp(), NOW_S + 50);
    // Issued ten seconds before now: it is remembered until it is a minute old, and no longer.
    clock.advance_s(49);
    assert!(outcome(&verifier, &own).await.is_ok());
    clock.advance_s(1);
    assert_eq!(outcome(&verifier, &own).await.unwrap_err(), "AUT-011");
    assert!(outcome(&verifier, &other).await.is_ok());
}
