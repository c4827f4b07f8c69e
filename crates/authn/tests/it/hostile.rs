//! What the verifier says to the attacks, and to issuers that claim more than is theirs.

use crate::attacks::{self, ALGORITHM, Attack, SIGNATURE, with_claims};
use crate::fixture::{
    Idp, KEYS, ManualClock, NOW_S, OTHER_TENANT, TENANT, header, options, outcome, rs256, token, verifier,
};
use bearingwall_authn::{AuthnOptions, BearerVerifier, EndedSessions, IdentityProvider};
use bearingwall_core::{Classified, ErrorKind};
use serde_json::json;

#[tokio::test]
async fn aut_1_every_hostile_token_is_refused_for_its_own_reason() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let attacks = attacks::all(&idp);
    let verifier = verifier(&idp, &clock).await;
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    let mut wrong = Vec::new();
    for Attack {
        family,
        name,
        code,
        token,
    } in &attacks
    {
        match verifier.verify(token).await {
            Ok(_) => wrong.push(format!("{family}, {name}: accepted")),
            Err(error) if error.code() != *code => {
                wrong.push(format!("{family}, {name}: {} instead of {code}", error.code()));
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{family}, {name}"),
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
