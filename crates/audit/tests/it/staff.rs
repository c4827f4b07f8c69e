//! Persons of the platform's staff, with tokens of an issuer whose key the database knows.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use tokio_postgres::Client;

const ISSUER: &str = "https://id.example.org/realms/spa";

pub(crate) struct Staff(RsaKeyPair);

impl Staff {
    /// Makes a key and has the operator install it.
    pub(crate) async fn install(admin: &Client) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        // RSAPublicKey in DER: the header of a sequence and of an integer with a leading zero, then 256 octets.
        let modulus = key.public_key().as_ref()[9..265].to_vec();
        let issuer = "SELECT tenancy.set_issuer($1, 'bearingwall', NULL, '{realm_access,roles}', 30, 900, false)";
        admin.execute(issuer, &[&ISSUER]).await.unwrap();
        let installed = "SELECT tenancy.install_issuer_key($1, 'key-1', $2)";
        admin.execute(installed, &[&ISSUER, &modulus]).await.unwrap();
        Self(key)
    }

    /// A good token of this person.
    pub(crate) fn token(&self, person: &str) -> String {
        self.token_with(person, "internal_admin", "")
    }

    /// A token of another role, that says something more.
    pub(crate) fn token_with(&self, person: &str, role: &str, more: &str) -> String {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let header = r#"{"alg":"RS256","typ":"at+jwt","kid":"key-1"}"#;
        let claims = format!(
            r#"{{"iss":"{ISSUER}","aud":"bearingwall","sub":"{person}","iat":{now},"exp":{},"realm_access":{{"roles":["{role}"]}}{more}}}"#,
            now + 300
        );
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
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
