//! An issuer of the split-key profile: an RSA key, installed in the database, and tokens under it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

const ISSUER: &str = "https://id.example.org/realms/bench";
const AUDIENCE: &str = "bench";

pub(crate) struct Issuer {
    bits: usize,
    kid: String,
    key: RsaKeyPair,
}

impl Issuer {
    pub(crate) fn generate(bits: usize) -> Self {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            other => panic!("no RSA key of {other} bits"),
        };
        Self {
            bits,
            kid: Uuid::new_v4().to_string(),
            key: RsaKeyPair::generate(size).unwrap(),
        }
    }

    pub(crate) async fn install(&self, client: &Client) {
        // RSAPublicKey in DER: the headers of a sequence and of an integer and a leading zero, nine octets, then the modulus.
        let modulus = &self.key.public_key().as_ref()[9..9 + self.bits / 8];
        client
            .execute(
                "SELECT tenancy.set_issuer($1, $2, NULL, '{roles}', 30, NULL, false)",
                &[&ISSUER, &AUDIENCE],
            )
            .await
            .unwrap();
        client
            .execute(
                "SELECT tenancy.install_issuer_key($1, $2, $3)",
                &[&ISSUER, &self.kid, &modulus],
            )
            .await
            .unwrap();
    }

    /// Good for an hour.
    pub(crate) fn token(&self, customer: Uuid) -> String {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": self.kid });
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "bench", "customer_id": customer.to_string(), "iat": now, "exp": now + 3600,
            "roles": ["authenticated"],
        });
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
