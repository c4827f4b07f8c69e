//! What must be let in: strictness that refuses good tokens would be switched off.

use crate::fixture::{
    AUDIENCE, Idp, KEYS, ManualClock, NOW_S, TENANT, es256, header, options, outcome, rs256, token, verifier,
};
use bearingwall_authn::{BearerVerifier, EndedSessions, subject_id};
use bearingwall_core::{DirectoryNames, Phi, Role, RoleSet};
use serde_json::{Value, json};

#[tokio::test]
async fn aut_1_a_good_token_proves_subject_tenant_and_roles() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let principal = outcome(&verifier, &idp.good()).await.unwrap();
    assert_eq!(principal.subject, subject_id(&idp.issuer, "3f8a"));
    assert_eq!(principal.customer.unwrap().to_string(), TENANT);
    assert_eq!(
        principal.roles,
        [Role::Authenticated, Role::CustomerAdmin]
            .into_iter()
            .collect::<RoleSet>()
    );
    assert_eq!(principal.expires_at.unix_timestamp(), NOW_S + 290 + 30);
    assert_eq!(principal.names, None);
}

#[tokio::test]
async fn dom_4_names_are_taken_from_the_token_and_shown_to_nobody() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let mut claims = idp.claims();
    claims["given_name"] = json!(" Marigold ");
    claims["family_name"] = json!("Abernathy");
    claims["email"] = json!("marigold@example.org");
    let principal = outcome(&verifier, &es256(&header("ES256", "ec-1"), &claims))
        .await
        .unwrap();
    let text = |text: &str| Some(Phi::new(text.to_owned()));
    let names = DirectoryNames {
        given: text("Marigold"),
        family: text("Abernathy"),
        email: text("marigold@example.org"),
    };
    assert_eq!(principal.names.as_deref(), Some(&names));
    let shown = format!("{principal:?} {verifier:?}").to_lowercase();
    for name in ["marigold", "abernathy", "example.org"] {
        assert!(!shown.contains(name), "{shown}");
    }
}

#[tokio::test]
async fn what_is_no_name_is_no_reason_to_refuse() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    for wrong in [
        json!(null),
        json!(7),
        json!(["Abernathy"]),
        json!({"name": "Abernathy"}),
        json!(""),
        json!(" \t"),
        json!("Aber\u{0}nathy"),
        json!("x".repeat(255)),
    ] {
        let mut claims = idp.claims();
        for claim in ["given_name", "family_name", "email"] {
            claims[claim] = wrong.clone();
        }
        let principal = outcome(&verifier, &es256(&header("ES256", "ec-1"), &claims)).await;
        assert_eq!(principal.unwrap().names, None, "{wrong}");
    }
    let mut claims = idp.claims();
    claims["family_name"] = json!("é".repeat(254));
    claims["email"] = json!(false);
    let principal = outcome(&verifier, &es256(&header("ES256", "ec-1"), &claims)).await;
    let names = principal.unwrap().names.clone().unwrap();
    assert!(names.family.is_some() && names.email.is_none() && names.given.is_none());
}

#[tokio::test]
async fn good_tokens_of_every_shape_are_accepted() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut claims = idp.claims();
        change(&mut claims);
        es256(&header("ES256", "ec-1"), &claims)
    };
    let spaced = format!(
        " {{ \"typ\":\"at+jwt\",\n \"kid\":\"{}\", \"alg\":\"ES256\" }}\t",
        "ec-1"
    );
    let tokens = [
        ("RS256", rs256(&header("RS256", "rsa-1"), &idp.claims())),
        (
            "application/at+jwt",
            es256(
                &json!({"alg": "ES256", "typ": "application/at+jwt", "kid": "ec-1"}),
                &idp.claims(),
            ),
        ),
        (
            "white space in the header",
            token(&spaced, &idp.claims().to_string(), |m| KEYS.ec.sign(m)),
        ),
        (
            "several audiences",
            changed(&|c| c["aud"] = json!(["account", AUDIENCE])),
        ),
        ("claim typ Bearer", changed(&|c| c["typ"] = json!("Bearer"))),
        ("nbf now", changed(&|c| c["nbf"] = json!(NOW_S))),
        ("nbf within the leeway", changed(&|c| c["nbf"] = json!(NOW_S + 30))),
        ("iat within the leeway", changed(&|c| c["iat"] = json!(NOW_S + 30))),
        ("exp within the leeway", changed(&|c| c["exp"] = json!(NOW_S - 5))),
        ("no roles", changed(&|c| c["realm_access"] = json!({"roles": []}))),
        (
            "no roles claim",
            changed(&|c| drop(c.as_object_mut().unwrap().remove("realm_access"))),
        ),
        (
            "unknown roles only",
            changed(&|c| c["realm_access"]["roles"] = json!(["root", "CUSTOMER_ADMIN", ""])),
        ),
        (
            "staff without a tenant",
            changed(&|c| {
                c["realm_access"]["roles"] = json!(["internal_admin"]);
                c.as_object_mut().unwrap().remove("customer_id");
            }),
        ),
        (
            "claims that nobody knows",
            changed(&|c| c["organization"] = json!({"spa": {"id": [1, 2.5, null]}})),
        ),
        ("longest subject", changed(&|c| c["sub"] = json!("s".repeat(255)))),
    ];
    for (name, token) in tokens {
        assert!(
            outcome(&verifier, &token).await.is_ok(),
            "{name}: {:?}",
            outcome(&verifier, &token).await
        );
    }
}

#[tokio::test]
async fn a_token_without_a_known_role_proves_an_identity_that_may_nothing() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let mut claims = idp.claims();
    claims["realm_access"]["roles"] = json!(["offline_access"]);
    let principal = outcome(&verifier, &es256(&header("ES256", "ec-1"), &claims))
        .await
        .unwrap();
    assert!(principal.roles.is_empty());
}

#[tokio::test]
async fn roles_are_read_from_the_configured_claim_only() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut config = idp.config();
    config.roles_claim = vec!["roles".to_owned()];
    let verifier = BearerVerifier::start(vec![config], EndedSessions::NotListed, options(&clock))
        .await
        .unwrap();
    let mut claims = idp.claims();
    claims["roles"] = json!(["authenticated"]);
    let principal = outcome(&verifier, &es256(&header("ES256", "ec-1"), &claims))
        .await
        .unwrap();
    assert_eq!(principal.roles, RoleSet::EMPTY.with(Role::Authenticated));
}

#[tokio::test]
async fn the_type_jwt_is_accepted_only_where_configured_and_only_with_the_bearer_claim() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut config = idp.config();
    config.allow_typ_jwt = true;
    let lenient = BearerVerifier::start(vec![config], EndedSessions::NotListed, options(&clock))
        .await
        .unwrap();
    let strict = verifier(&idp, &clock).await;
    let typ_jwt = json!({"alg": "ES256", "typ": "JWT", "kid": "ec-1"});
    let mut claims = idp.claims();
    assert_eq!(
        outcome(&lenient, &es256(&typ_jwt, &claims)).await.unwrap_err(),
        "AUT-006"
    );
    claims["typ"] = json!("ID");
    assert_eq!(
        outcome(&lenient, &es256(&typ_jwt, &claims)).await.unwrap_err(),
        "AUT-006"
    );
    claims["typ"] = json!("Bearer");
    assert!(outcome(&lenient, &es256(&typ_jwt, &claims)).await.is_ok());
    assert_eq!(
        outcome(&strict, &es256(&typ_jwt, &claims)).await.unwrap_err(),
        "AUT-006"
    );
}

#[tokio::test]
async fn aut_7_a_strong_sign_in_is_one_that_the_configuration_names() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut config = idp.config();
    config.strong_acr = vec!["mfa".to_owned()];
    config.strong_amr = vec!["otp".to_owned(), "hwk".to_owned()];
    let named = BearerVerifier::start(vec![config], EndedSessions::NotListed, options(&clock))
        .await
        .unwrap();
    let nothing_named = verifier(&idp, &clock).await;
    for (claim, value, strong) in [
        ("acr", json!("mfa"), true),
        ("acr", json!("password"), false),
        ("acr", json!("MFA"), false),
        ("amr", json!(["pwd", "otp"]), true),
        ("amr", json!(["pwd"]), false),
        ("amr", json!([]), false),
        ("other", json!("mfa"), false),
    ] {
        let mut claims = idp.claims();
        claims[claim] = value.clone();
        let token = es256(&header("ES256", "ec-1"), &claims);
        assert_eq!(outcome(&named, &token).await.unwrap().strong, strong, "{claim} {value}");
        assert!(!outcome(&nothing_named, &token).await.unwrap().strong);
    }
    for (claim, value) in [("acr", json!(["mfa"])), ("amr", json!("otp"))] {
        let mut claims = idp.claims();
        claims[claim] = value;
        let token = es256(&header("ES256", "ec-1"), &claims);
        assert_eq!(outcome(&named, &token).await.unwrap_err(), "AUT-008", "{claim}");
    }
}
