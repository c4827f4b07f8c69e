//! An issuer's key, and tokens that say whatever a test wants them to say.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearingwall_core::CustomerId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const ISSUER: &str = "https://id.example.org/realms/spa";
pub(crate) const AUDIENCE: &str = "bearingwall";

pub(crate) struct Signer {
    pub(crate) kid: String,
    pub(crate) modulus: Vec<u8>,
    key: RsaKeyPair,
}

impl Signer {
    pub(crate) fn generate(kid: &str) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        assert_eq!(
            key.public_key().as_ref()[265..],
            [2, 3, 1, 0, 1],
            "the exponent is 65537"
        );
        Self {
            kid: kid.to_owned(),
            // RSAPublicKey in DER: the header of a sequence and of an integer with a leading zero, then 256 octets.
            modulus: key.public_key().as_ref()[9..265].to_vec(),
            key,
        }
    }

    /// Claims of a good token.
    pub(crate) fn claims(person: &str, customer: CustomerId) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": person, "customer_id": customer.to_string(), "iat": now, "exp": now + 300,
            "realm_access": { "roles": ["authenticated"] },
        })
    }

    /// Claims of a good token of platform staff.
    pub(crate) fn staff(person: &str) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": person, "iat": now, "exp": now + 300,
            "realm_access": { "roles": ["internal_admin"] },
        })
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "RS256", "typ": "at+jwt", "kid": self.kid })
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.sign(&format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        ))
    }

    pub(crate) fn sign(&self, signed: &str) -> String {
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.signature(signed.as_bytes())))
    }

    pub(crate) fn signature(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .unwrap();
        signature
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// UUIDv8 of the first 128 bits of SHA-256(issuer, 0x00, subject), computed here on its own.
pub(crate) fn subject(issuer: &str, person: &str) -> Uuid {
    digest_of(&[issuer, person])
}

/// The same of any texts, with a zero byte between them.
pub(crate) fn digest_of(texts: &[&str]) -> Uuid {
    let digest = Sha256::digest(texts.join("\0"));
    Uuid::new_v8(digest[..16].try_into().unwrap())
}
