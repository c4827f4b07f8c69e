//! Keys that change, floods of key ids, and issuers that go away.

use crate::fixture::{DISCOVERY, Idp, JWKS, KEYS, ManualClock, es256, header, options, outcome, token, verifier};
use bearingwall_authn::{AuthnOptions, BearerVerifier, EndedSessions, IdentityProvider};
use bearingwall_core::{Classified, ErrorKind};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn by_new_key(idp: &Idp) -> String {
    token(&header("ES256", "ec-2").to_string(), &idp.claims().to_string(), |m| {
        KEYS.stranger.sign(m)
    })
}

fn numbered(idp: &Idp, number: usize) -> String {
    let mut claims = idp.claims();
    claims["jti"] = json!(number.to_string());
    es256(&header("ES256", "ec-1"), &claims)
}

/// Lets a fetch in the background finish.
async fn settle(idp: &Idp, fetches: usize) {
    for _ in 0..200 {
        if idp.hits(JWKS) >= fetches {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(idp.hits(JWKS), fetches);
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn aut_2_a_new_key_is_found_at_once_and_old_tokens_stay_good() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    idp.serves(JWKS, &json!({"keys": [KEYS.stranger.jwk("ec-2"), KEYS.ec.jwk("ec-1")]}));
    assert!(outcome(&verifier, &by_new_key(&idp)).await.is_ok());
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    assert_eq!(idp.hits(JWKS), 2);
}

#[tokio::test]
async fn aut_2_a_thousand_unknown_key_ids_cost_one_fetch() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = Arc::new(verifier(&idp, &clock).await);
    idp.delays(Duration::from_millis(100));
    let mut attempts = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let token = es256(&header("ES256", &format!("made-up-{number}")), &idp.claims());
        let verifier = Arc::clone(&verifier);
        attempts.spawn(async move { outcome(&verifier, &token).await.unwrap_err() });
    }
    assert!(attempts.join_all().await.iter().all(|code| *code == "AUT-003"));
    assert_eq!(idp.hits(JWKS), 2, "one at start, one for the thousand");
    // One more after the interval, whatever the number.
    clock.advance_s(31);
    for number in 0..50 {
        let token = es256(&header("ES256", &format!("made-up-{number}")), &idp.claims());
        assert_eq!(outcome(&verifier, &token).await.unwrap_err(), "AUT-003");
    }
    assert_eq!(idp.hits(JWKS), 3);
}

#[tokio::test]
async fn those_who_waited_for_a_fetch_do_not_fetch_again() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let eager = AuthnOptions {
        min_refetch: Duration::ZERO,
        ..options(&clock)
    };
    let verifier = Arc::new(
        BearerVerifier::start(vec![idp.config()], EndedSessions::NotListed, eager)
            .await
            .unwrap(),
    );
    idp.delays(Duration::from_millis(100));
    let mut attempts = tokio::task::JoinSet::new();
    for number in 0..50 {
        let token = es256(&header("ES256", &format!("made-up-{number}")), &idp.claims());
        let verifier = Arc::clone(&verifier);
        attempts.spawn(async move { outcome(&verifier, &token).await.unwrap_err() });
    }
    assert!(attempts.join_all().await.iter().all(|code| *code == "AUT-003"));
    assert_eq!(idp.hits(JWKS), 2);
}

#[tokio::test]
async fn a_flood_does_not_hide_a_rotation_for_longer_than_the_interval() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let made_up = es256(&header("ES256", "made-up"), &idp.claims());
    assert!(outcome(&verifier, &made_up).await.is_err());
    idp.serves(JWKS, &json!({"keys": [KEYS.stranger.jwk("ec-2"), KEYS.ec.jwk("ec-1")]}));
    clock.advance_s(29);
    assert_eq!(outcome(&verifier, &by_new_key(&idp)).await.unwrap_err(), "AUT-003");
    clock.advance_s(1);
    assert!(outcome(&verifier, &by_new_key(&idp)).await.is_ok());
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_abort_the_fetch() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    idp.serves(JWKS, &json!({"keys": [KEYS.stranger.jwk("ec-2"), KEYS.ec.jwk("ec-1")]}));
    idp.delays(Duration::from_millis(100));
    let token = by_new_key(&idp);
    let hung_up = tokio::time::timeout(Duration::from_millis(30), verifier.verify(&token)).await;
    assert!(hung_up.is_err());
    assert!(outcome(&verifier, &token).await.is_ok());
    assert_eq!(idp.hits(JWKS), 2);
}

#[tokio::test]
async fn aut_2_keys_serve_through_an_outage_of_a_day_and_no_longer() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    idp.is_down();
    let mut claims = idp.claims();
    claims["exp"] = json!(crate::fixture::NOW_S + 3 * 86_400);
    let long_lived = es256(&header("ES256", "ec-1"), &claims);
    for _ in 0..23 {
        clock.advance_s(3600);
        assert!(outcome(&verifier, &long_lived).await.is_ok());
    }
    clock.advance_s(3601);
    let error = verifier.verify(&long_lived).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "AUT-017"));
    idp.serves(JWKS, &KEYS.jwks());
    clock.advance_s(31);
    assert!(outcome(&verifier, &long_lived).await.is_ok());
}

#[tokio::test]
async fn an_outage_is_asked_about_once_per_interval() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    idp.is_down();
    clock.advance_s(100);
    for number in 0..20 {
        let made_up = es256(&header("ES256", &format!("made-up-{number}")), &idp.claims());
        assert_eq!(outcome(&verifier, &made_up).await.unwrap_err(), "AUT-003");
        assert!(outcome(&verifier, &numbered(&idp, number)).await.is_ok());
    }
    assert_eq!(idp.hits(JWKS), 2);
}

#[tokio::test]
async fn keys_are_refreshed_in_the_background_while_the_old_ones_serve() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let mut claims = idp.claims();
    claims["exp"] = json!(crate::fixture::NOW_S + 7200);
    let token = es256(&header("ES256", "ec-1"), &claims);
    clock.advance_s(599);
    assert!(outcome(&verifier, &token).await.is_ok());
    settle(&idp, 1).await;
    clock.advance_s(2);
    idp.delays(Duration::from_millis(50));
    assert!(outcome(&verifier, &token).await.is_ok());
    settle(&idp, 2).await;
}

#[tokio::test]
async fn after_a_long_rest_a_withdrawn_key_is_not_served_even_once() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let mut claims = idp.claims();
    claims["exp"] = json!(crate::fixture::NOW_S + 7200);
    let token = es256(&header("ES256", "ec-1"), &claims);
    idp.serves(JWKS, &json!({"keys": [KEYS.stranger.jwk("ec-2")]}));
    clock.advance_s(1201);
    assert_eq!(outcome(&verifier, &token).await.unwrap_err(), "AUT-003");
}

#[tokio::test]
async fn an_issuer_that_withdraws_every_key_is_taken_at_its_word() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    idp.serves(JWKS, &json!({"keys": []}));
    let made_up = es256(&header("ES256", "made-up"), &idp.claims());
    assert!(outcome(&verifier, &made_up).await.is_err());
    assert_eq!(outcome(&verifier, &idp.good()).await.unwrap_err(), "AUT-003");
}

#[tokio::test]
async fn garbage_instead_of_keys_changes_nothing() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let huge = format!("{{\"keys\":[],\"pad\":\"{}\"}}", "x".repeat(300 * 1024));
    let elsewhere = format!("location: {}/elsewhere\r\n", idp.issuer);
    idp.serves("/elsewhere", &json!({"keys": [KEYS.stranger.jwk("ec-2")]}));
    let answers = [
        ("200 OK", "", "<html>"),
        ("200 OK", "", huge.as_str()),
        ("302 Found", elsewhere.as_str(), ""),
        ("204 No Content", "", ""),
    ];
    for (number, (status, headers, body)) in answers.into_iter().enumerate() {
        idp.answers(JWKS, status, headers, body);
        clock.advance_s(31);
        assert_eq!(outcome(&verifier, &by_new_key(&idp)).await.unwrap_err(), "AUT-003");
        assert!(outcome(&verifier, &numbered(&idp, number)).await.is_ok(), "{status}");
    }
    assert_eq!(idp.hits("/elsewhere"), 0, "redirects are not followed");
    assert_eq!(idp.hits(DISCOVERY), 5);
}
