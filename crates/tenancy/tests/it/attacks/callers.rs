//! Callers' own access tokens, good and bad, for the profile in which the database verifies them.

use super::arena::{A, B};
use crate::split_key::install;
use crate::split_key::signer::{ISSUER, Signer, encode};
use bearingwall_core::CustomerId;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::LazyLock;
use tokio_postgres::Client;

pub(crate) struct Callers {
    signer: Signer,
    other: Signer,
}

/// Making RSA keys takes longer than most attacks.
static CALLERS: LazyLock<Callers> = LazyLock::new(|| Callers {
    signer: Signer::generate("key-1"),
    other: Signer::generate("key-1"),
});

impl Callers {
    /// Makes the database accept the tokens of their issuer.
    pub(crate) async fn install(admin: &Client) -> &'static Self {
        install(admin, ISSUER, None, &CALLERS.signer).await;
        &CALLERS
    }

    pub(crate) fn tokens(&self) -> Vec<(&'static str, String)> {
        let signer = &self.signer;
        let claims = |customer| Signer::claims("mara", CustomerId::from_uuid(customer));
        let b = claims(B);
        let with = |claim: &str, value: Value| {
            let mut claims = b.clone();
            claims[claim] = value;
            signer.token(&claims)
        };
        let without = |claim: &str| {
            let mut claims = b.clone();
            claims.as_object_mut().unwrap().remove(claim);
            signer.token(&claims)
        };
        let own = signer.token(&claims(A));
        let own_signature = own.rsplit('.').next().unwrap();
        let unsigned = format!("{}.{}", encode(signer.header().to_string()), encode(b.to_string()));
        let bare = |alg: &str| {
            let header = json!({ "alg": alg, "typ": "at+jwt", "kid": signer.kid });
            format!("{}.{}", encode(header.to_string()), encode(b.to_string()))
        };
        vec![
            ("{jwt_a}", own.clone()),
            ("{jwt_b}", signer.token(&b)),
            (
                "{jwt_b_expired}",
                with("exp", json!(b["iat"].as_i64().unwrap() - 3_600)),
            ),
            ("{jwt_b_endless}", without("exp")),
            ("{jwt_b_audience}", with("aud", json!("somebody-else"))),
            (
                "{jwt_b_issuer}",
                with("iss", json!("https://id.example.net/realms/spa")),
            ),
            ("{jwt_b_early}", with("nbf", json!(b["exp"]))),
            (
                "{jwt_b_id_token}",
                signer.token_with(&json!({ "alg": "RS256", "typ": "JWT", "kid": signer.kid }), &b),
            ),
            (
                "{jwt_b_kid}",
                signer.token_with(&json!({ "alg": "RS256", "typ": "at+jwt", "kid": "key-9" }), &b),
            ),
            (
                "{jwt_b_no_kid}",
                signer.token_with(&json!({ "alg": "RS256", "typ": "at+jwt" }), &b),
            ),
            ("{jwt_b_other_key}", self.other.token(&b)),
            ("{jwt_b_swapped}", format!("{unsigned}.{own_signature}")),
            ("{jwt_b_none}", format!("{}.", bare("none"))),
            ("{jwt_b_hmac}", hmac_signed(&bare("HS256"), &signer.modulus)),
            ("{jwt_nobody}", without("customer_id")),
            ("{jwt_staff}", signer.token(&Signer::staff("staff"))),
        ]
    }
}

/// The public key for an HMAC's secret: what a verifier falls for that lets the token choose the algorithm.
fn hmac_signed(signed: &str, public_key: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(public_key).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", encode(mac.finalize().into_bytes()))
}
