//! Remembered tokens: only as long as they would be verified again.

use crate::fixture::{Idp, JWKS, KEYS, ManualClock, NOW_S, es256, header, options, outcome, verifier};
use bearingwall_authn::{AuthnOptions, BearerVerifier, EndedSessions};
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn a_remembered_token_answers_the_same_principal() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let first = outcome(&verifier, &idp.good()).await.unwrap();
    let token = idp.good();
    let second = outcome(&verifier, &token).await.unwrap();
    assert!(
        !Arc::ptr_eq(&first, &second),
        "ES256 signatures differ, so this was another token"
    );
    assert!(Arc::ptr_eq(&second, &outcome(&verifier, &token).await.unwrap()));
}

#[tokio::test]
async fn aut_1_an_expired_token_is_refused_though_remembered() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let mut claims = idp.claims();
    claims["exp"] = json!(NOW_S + 60);
    let token = es256(&header("ES256", "ec-1"), &claims);
    let first = outcome(&verifier, &token).await.unwrap();
    clock.advance_s(89);
    assert!(Arc::ptr_eq(&first, &outcome(&verifier, &token).await.unwrap()));
    clock.advance_s(1);
    assert_eq!(outcome(&verifier, &token).await.unwrap_err(), "AUT-011");
    assert_eq!(outcome(&verifier, &token).await.unwrap_err(), "AUT-011");
}

#[tokio::test]
async fn aut_2_withdrawing_a_key_forgets_the_tokens_that_it_signed() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let token = idp.good();
    assert!(outcome(&verifier, &token).await.is_ok());
    idp.serves(JWKS, &json!({"keys": [KEYS.rsa_jwk("rsa-1")]}));
    let made_up = es256(&header("ES256", "made-up"), &idp.claims());
    assert_eq!(outcome(&verifier, &made_up).await.unwrap_err(), "AUT-003");
    assert_eq!(outcome(&verifier, &token).await.unwrap_err(), "AUT-003");
}

#[tokio::test]
async fn a_key_that_is_replaced_under_its_id_forgets_the_tokens_too() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let token = idp.good();
    assert!(outcome(&verifier, &token).await.is_ok());
    idp.serves(
        JWKS,
        &json!({"keys": [KEYS.stranger.jwk("ec-1"), KEYS.rsa_jwk("rsa-1")]}),
    );
    let made_up = es256(&header("ES256", "made-up"), &idp.claims());
    assert_eq!(outcome(&verifier, &made_up).await.unwrap_err(), "AUT-003");
    assert_eq!(outcome(&verifier, &token).await.unwrap_err(), "AUT-004");
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let mut claims = idp.claims();
    claims["nbf"] = json!(NOW_S + 60);
    let early = es256(&header("ES256", "ec-1"), &claims);
    assert_eq!(outcome(&verifier, &early).await.unwrap_err(), "AUT-012");
    clock.advance_s(40);
    assert!(outcome(&verifier, &early).await.is_ok());
}

#[tokio::test]
async fn without_a_cache_every_token_is_verified_anew() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let none = AuthnOptions {
        cache_entries: 0,
        ..options(&clock)
    };
    let verifier = BearerVerifier::start(vec![idp.config()], EndedSessions::NotListed, none)
        .await
        .unwrap();
    let token = idp.good();
    let first = outcome(&verifier, &token).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &outcome(&verifier, &token).await.unwrap()));
}
