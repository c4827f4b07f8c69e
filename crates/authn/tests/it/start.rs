//! What stops the start: an issuer whose keys cannot be trusted is none.

use crate::fixture::{DISCOVERY, Idp, JWKS, KEYS, ManualClock, options, outcome};
use bearingwall_authn::{BearerVerifier, EndedSessions, IssuerConfig};
use bearingwall_core::Classified;
use serde_json::json;

async fn refusal(configs: Vec<IssuerConfig>) -> &'static str {
    BearerVerifier::start(configs, EndedSessions::NotListed, options(&ManualClock::new()))
        .await
        .unwrap_err()
        .code()
}

#[tokio::test]
async fn aut_2_an_issuer_without_keys_stops_the_start() {
    let idp = Idp::start().await;
    for keys in [
        json!({"keys": []}),
        json!({"keys": [{"kty": "oct", "k": "AAAA", "kid": "a"}]}),
        json!([]),
    ] {
        idp.serves(JWKS, &keys);
        assert_eq!(refusal(vec![idp.config()]).await, "AUT-017", "{keys}");
    }
    idp.is_down();
    assert_eq!(refusal(vec![idp.config()]).await, "AUT-017");
    let nobody = IssuerConfig::new("http://127.0.0.1:1", "bearingwall");
    assert_eq!(refusal(vec![nobody]).await, "AUT-017");
}

#[tokio::test]
async fn a_discovery_document_must_name_the_issuer_and_keep_its_origin() {
    let idp = Idp::start().await;
    let jwks = format!("{}/jwks", idp.issuer);
    let elsewhere = Idp::start().await;
    let documents = [
        json!({"issuer": "https://somebody.example", "jwks_uri": jwks}),
        json!({"issuer": format!("{}/", idp.issuer), "jwks_uri": jwks}),
        json!({"jwks_uri": jwks}),
        json!({"issuer": idp.issuer}),
        json!({"issuer": idp.issuer, "jwks_uri": format!("{}/jwks", elsewhere.issuer)}),
        json!({"issuer": idp.issuer, "jwks_uri": "http://attacker.example/jwks"}),
        json!({"issuer": idp.issuer, "jwks_uri": "/jwks"}),
        json!([]),
    ];
    for document in documents {
        idp.serves(DISCOVERY, &document);
        assert_eq!(refusal(vec![idp.config()]).await, "AUT-017", "{document}");
    }
    assert_eq!((idp.hits(JWKS), elsewhere.hits(JWKS)), (0, 0));
}

#[tokio::test]
async fn a_configured_key_set_needs_no_discovery() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut config = idp.config();
    config.jwks_uri = Some(format!("{}/jwks", idp.issuer));
    let verifier = BearerVerifier::start(vec![config], EndedSessions::NotListed, options(&clock))
        .await
        .unwrap();
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    assert_eq!(idp.hits(DISCOVERY), 0);
}

#[tokio::test]
async fn a_hanging_issuer_does_not_hang_the_start() {
    let idp = Idp::start().await;
    idp.serves(JWKS, &KEYS.jwks());
    idp.delays(std::time::Duration::from_secs(30));
    let mut options = options(&ManualClock::new());
    options.fetch_timeout = std::time::Duration::from_millis(100);
    assert_eq!(
        BearerVerifier::start(vec![idp.config()], EndedSessions::NotListed, options)
            .await
            .unwrap_err()
            .code(),
        "AUT-017"
    );
}

#[tokio::test]
async fn no_issuer_and_the_same_issuer_twice_stop_the_start() {
    let idp = Idp::start().await;
    assert_eq!(refusal(vec![]).await, "AUT-018");
    assert_eq!(refusal(vec![idp.config(), idp.config()]).await, "AUT-018");
}
