//! A loopback issuer, a clock that stands still, and signatures of every kind that an attacker can make.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, RsaEncoding, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearingwall_authn::{AuthnError, AuthnOptions, BearerVerifier, EndedSessions, IdentityProvider, IssuerConfig};
use bearingwall_core::{Classified, Clock, Principal};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) const NOW_S: i64 = 1_795_420_800;
pub(crate) const AUDIENCE: &str = "https://api.bearingwall.example";
pub(crate) const TENANT: &str = "0190d6f0-0000-7000-8000-00000000000a";
pub(crate) const OTHER_TENANT: &str = "0190d6f0-0000-7000-8000-00000000000b";

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A P-256 key that can sign in the fixed form of JWS and in DER.
pub(crate) struct EcKey {
    pkcs8: Vec<u8>,
    point: Vec<u8>,
}

impl EcKey {
    pub(crate) fn new() -> Self {
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let pkcs8 = document.as_ref().to_vec();
        let point = EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8)
            .unwrap()
            .public_key()
            .as_ref()
            .to_vec();
        Self { pkcs8, point }
    }

    fn sign_with(&self, algorithm: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Vec<u8> {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.pkcs8).unwrap();
        pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_with(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, message)
    }

    pub(crate) fn sign_der(&self, message: &[u8]) -> Vec<u8> {
        self.sign_with(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, message)
    }

    pub(crate) fn point(&self) -> &[u8] {
        &self.point
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
               "x": base64url(&self.point[1..33]), "y": base64url(&self.point[33..])})
    }
}

pub(crate) struct Keys {
    pub(crate) ec: EcKey,
    pub(crate) stranger: EcKey,
    pub(crate) rsa: RsaKeyPair,
}

pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    ec: EcKey::new(),
    stranger: EcKey::new(),
    rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
});

impl Keys {
    pub(crate) fn sign_rsa(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; self.rsa.public_modulus_len()];
        self.rsa
            .sign(encoding, &SystemRandom::new(), message, &mut bytes)
            .unwrap();
        bytes
    }

    /// The modulus: the first INTEGER of the RSAPublicKey (RFC 8017) of a 2048-bit key.
    pub(crate) fn modulus(&self) -> Vec<u8> {
        let der = self.rsa.public_key().as_ref();
        // 30 82 LL LL 02 82 01 01 00 | 256 bytes | 02 03 01 00 01
        assert_eq!(&der[4..9], [2, 0x82, 1, 1, 0]);
        der[9..265].to_vec()
    }

    pub(crate) fn rsa_jwk(&self, kid: &str) -> Value {
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": base64url(self.modulus()), "e": "AQAB"})
    }

    pub(crate) fn rsa_spki_der(&self) -> Vec<u8> {
        self.rsa.public_key().as_der().unwrap().as_ref().to_vec()
    }

    pub(crate) fn rsa_spki_pem(&self) -> String {
        let text = base64::engine::general_purpose::STANDARD.encode(self.rsa_spki_der());
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        )
    }

    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": [self.ec.jwk("ec-1"), self.rsa_jwk("rsa-1")]})
    }

    /// A secret that the issuer publishes by mistake.
    pub(crate) fn secret(&self) -> &[u8] {
        b"a secret of more than 32 bytes, and everybody knows it"
    }

    /// The same two keys, and beside them keys that may not verify anything: under each stands one that could.
    pub(crate) fn jwks_with_traps(&self) -> Value {
        let mut for_encryption = self.ec.jwk("enc-1");
        for_encryption["use"] = json!("enc");
        let mut of_pss = self.rsa_jwk("pss-1");
        of_pss["alg"] = json!("PS256");
        let mut private = self.ec.jwk("private-1");
        private["d"] = json!("AA");
        let shared = json!({"kty": "oct", "use": "sig", "kid": "oct-1", "k": base64url(self.secret())});
        json!({"keys": [self.ec.jwk("ec-1"), self.rsa_jwk("rsa-1"), for_encryption, of_pss, private, shared]})
    }
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
        .as_ref()
        .to_vec()
}

pub(crate) fn header(alg: &str, kid: &str) -> Value {
    json!({"alg": alg, "typ": "at+jwt", "kid": kid})
}

pub(crate) fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": AUDIENCE, "sub": "3f8a", "client_id": "console", "jti": "1", "scope": "openid",
        "iat": NOW_S - 10, "exp": NOW_S + 290, "customer_id": TENANT,
        "realm_access": {"roles": ["authenticated", "customer_admin", "offline_access"]},
    })
}

/// A token over exactly these two texts.
pub(crate) fn token(header: &str, payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", base64url(header), base64url(payload));
    let signature = base64url(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

pub(crate) fn es256(header: &Value, claims: &Value) -> String {
    token(&header.to_string(), &claims.to_string(), |message| {
        KEYS.ec.sign(message)
    })
}

pub(crate) fn rs256(header: &Value, claims: &Value) -> String {
    token(&header.to_string(), &claims.to_string(), |message| {
        KEYS.sign_rsa(&signature::RSA_PKCS1_SHA256, message)
    })
}

pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(NOW_S)))
    }

    pub(crate) fn advance_s(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) headers: String,
    pub(crate) body: String,
}

struct Site {
    answers: HashMap<&'static str, Answer>,
    hits: HashMap<String, usize>,
    delay: Duration,
}

/// An issuer on loopback that answers what the test tells it to.
pub(crate) struct Idp {
    pub(crate) issuer: String,
    site: Arc<Mutex<Site>>,
}

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(crate) const JWKS: &str = "/jwks";

impl Idp {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let site = Site {
            answers: HashMap::new(),
            hits: HashMap::new(),
            delay: Duration::ZERO,
        };
        let site = Arc::new(Mutex::new(site));
        let served = Arc::clone(&site);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&served)));
            }
        });
        let idp = Self { issuer, site };
        idp.serves(
            DISCOVERY,
            &json!({"issuer": idp.issuer, "jwks_uri": format!("{}{JWKS}", idp.issuer)}),
        );
        idp.serves(JWKS, &KEYS.jwks());
        idp
    }

    pub(crate) fn serves(&self, path: &'static str, body: &Value) {
        self.answers(path, "200 OK", "", &body.to_string());
    }

    pub(crate) fn answers(&self, path: &'static str, status: &'static str, headers: &str, body: &str) {
        let answer = Answer {
            status,
            headers: headers.to_owned(),
            body: body.to_owned(),
        };
        self.site.lock().unwrap().answers.insert(path, answer);
    }

    pub(crate) fn is_down(&self) {
        self.answers(JWKS, "503 Service Unavailable", "", "");
    }

    pub(crate) fn delays(&self, delay: Duration) {
        self.site.lock().unwrap().delay = delay;
    }

    pub(crate) fn hits(&self, path: &str) -> usize {
        self.site.lock().unwrap().hits.get(path).copied().unwrap_or(0)
    }

    pub(crate) fn config(&self) -> IssuerConfig {
        IssuerConfig::new(self.issuer.clone(), AUDIENCE)
    }

    pub(crate) fn claims(&self) -> Value {
        claims(&self.issuer)
    }

    /// A token that is good in every respect.
    pub(crate) fn good(&self) -> String {
        es256(&header("ES256", "ec-1"), &self.claims())
    }
}

async fn answer(mut stream: tokio::net::TcpStream, site: Arc<Mutex<Site>>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let path = text.split(' ').nth(1).unwrap_or("").to_owned();
    let (response, delay) = {
        let mut site = site.lock().unwrap();
        *site.hits.entry(path.clone()).or_insert(0) += 1;
        let response = site.answers.get(path.as_str()).map_or_else(
            || "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
            |Answer { status, headers, body }| {
                let length = body.len();
                format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
            },
        );
        (response, site.delay)
    };
    tokio::time::sleep(delay).await;
    let _ = stream.write_all(response.as_bytes()).await;
}

pub(crate) fn options(clock: &Arc<ManualClock>) -> AuthnOptions {
    AuthnOptions {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        // Some tests let days pass under one token.
        max_lifetime: Duration::from_secs(30 * 86_400),
        ..AuthnOptions::default()
    }
}

pub(crate) async fn verifier(idp: &Idp, clock: &Arc<ManualClock>) -> BearerVerifier {
    BearerVerifier::start(vec![idp.config()], EndedSessions::NotListed, options(clock))
        .await
        .unwrap()
}

/// The code with which a token is refused, or the roles and the tenant that it proved.
pub(crate) async fn outcome(verifier: &BearerVerifier, token: &str) -> Result<Arc<Principal>, &'static str> {
    verifier.verify(token).await.map_err(|error: AuthnError| error.code())
}
