//! A development issuer on loopback: real RS256 and ES256 tokens, discovery and key set, for tests and the demo.
//!
//! Its private keys live in this process and nowhere else. It proves nothing about anybody and is never linked
//! into the server.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearingwall_authn::{Algorithm, IssuerConfig};
use bearingwall_core::{Classified, CustomerId, ErrorKind, Role};
use serde_json::{Value, json};
use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use uuid::Uuid;

const MAX_REQUEST_BYTES: usize = 8 * 1024;
const MAX_CONNECTIONS: usize = 64;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What [`DevIssuer::start`] needs to know.
#[derive(Clone, Debug)]
pub struct IssuerOptions {
    /// The `aud` of the tokens.
    pub audience: String,
    /// The loopback port; `None` takes a free one.
    pub port: Option<u16>,
    /// How long a token lives that says nothing else, in seconds.
    pub lifetime_s: i64,
}

/// What a token shall say.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The `sub`.
    pub subject: String,
    /// The `customer_id`; `None` for platform staff.
    pub customer: Option<CustomerId>,
    /// The roles, in `realm_access.roles`.
    pub roles: Vec<Role>,
    /// The signature's algorithm.
    pub alg: Algorithm,
    /// Its lifetime in seconds; `None` takes the issuer's.
    pub expires_in_s: Option<i64>,
}

/// Why the development issuer could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The loopback address is taken or refused.
    #[error("the development issuer cannot listen on port {port}")]
    Listen {
        /// The port asked for; 0 for any.
        port: u16,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Making a key or a signature failed.
    #[error("the development issuer's cryptography failed while {doing}")]
    Crypto {
        /// What was being done.
        doing: &'static str,
    },
}

impl Classified for IssuerError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Listen { .. } => ErrorKind::Unavailable,
            Self::Crypto { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "TKI-001",
            Self::Crypto { .. } => "TKI-002",
        }
    }
}

/// One generation of signing keys.
struct Signers {
    rsa: RsaKeyPair,
    rsa_kid: String,
    ec: EcdsaKeyPair,
    ec_kid: String,
}

impl Signers {
    fn generate() -> Result<Self, IssuerError> {
        let failed = |_| IssuerError::Crypto { doing: "making keys" };
        let name = Uuid::new_v4().simple();
        Ok(Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?,
            rsa_kid: format!("rsa-{name}"),
            ec: EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?,
            ec_kid: format!("ec-{name}"),
        })
    }

    fn jwks(&self) -> Result<Vec<Value>, IssuerError> {
        let failed = IssuerError::Crypto {
            doing: "publishing keys",
        };
        let Some((modulus, exponent)) = rsa_components(self.rsa.public_key().as_ref()) else {
            return Err(failed);
        };
        // An uncompressed point: 0x04, x, y.
        let Some((x, y)) = self
            .ec
            .public_key()
            .as_ref()
            .get(1..)
            .and_then(|point| point.split_at_checked(32))
        else {
            return Err(failed);
        };
        Ok(vec![
            json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.rsa_kid,
                   "n": base64url(modulus), "e": base64url(exponent)}),
            json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.ec_kid,
                   "x": base64url(x), "y": base64url(y)}),
        ])
    }

    fn kid(&self, alg: Algorithm) -> &str {
        match alg {
            Algorithm::Rs256 => &self.rsa_kid,
            Algorithm::Es256 => &self.ec_kid,
        }
    }

    fn sign(&self, alg: Algorithm, message: &[u8]) -> Result<Vec<u8>, IssuerError> {
        let failed = |_| IssuerError::Crypto {
            doing: "signing a token",
        };
        let random = SystemRandom::new();
        match alg {
            Algorithm::Rs256 => {
                let mut bytes = vec![0; self.rsa.public_modulus_len()];
                self.rsa
                    .sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut bytes)
                    .map_err(failed)?;
                Ok(bytes)
            }
            Algorithm::Es256 => self
                .ec
                .sign(&random, message)
                .map(|s| s.as_ref().to_vec())
                .map_err(failed),
        }
    }
}

/// What the issuer signs with and what it publishes.
struct State {
    signers: Signers,
    /// Public keys of earlier generations that are still published.
    overlapping: Vec<Value>,
    jwks: String,
}

impl State {
    fn publish(&mut self) -> Result<(), IssuerError> {
        let mut keys = self.signers.jwks()?;
        keys.extend(self.overlapping.iter().cloned());
        self.jwks = json!({ "keys": keys }).to_string();
        Ok(())
    }
}

/// The running issuer; dropping it stops the server.
pub struct DevIssuer {
    options: IssuerOptions,
    issuer: String,
    state: Arc<RwLock<State>>,
    /// Keys that are published nowhere, for forgeries.
    stranger: Signers,
    server: JoinHandle<()>,
}

impl fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevIssuer")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Drop for DevIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl DevIssuer {
    /// Makes keys and serves discovery and key set on 127.0.0.1.
    ///
    /// # Errors
    /// [`IssuerError`] when the port is taken or a key cannot be made.
    #[expect(
        clippy::disallowed_methods,
        reason = "the server belongs to no request; dropping the issuer aborts it"
    )]
    pub async fn start(options: IssuerOptions) -> Result<Self, IssuerError> {
        let mut state = State {
            signers: Signers::generate()?,
            overlapping: Vec::new(),
            jwks: String::new(),
        };
        state.publish()?;
        let state = Arc::new(RwLock::new(state));
        let port = options.port.unwrap_or(0);
        let listen = |source| IssuerError::Listen { port, source };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(listen)?;
        let issuer = format!("http://{}", listener.local_addr().map_err(listen)?);
        let server = tokio::spawn(serve(listener, issuer.clone(), Arc::clone(&state)));
        Ok(Self {
            options,
            issuer,
            state,
            stranger: Signers::generate()?,
            server,
        })
    }

    /// The `iss` of the tokens, which is also the address of the server.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the key set is.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        format!("{}/jwks", self.issuer)
    }

    /// Key id and modulus (big-endian) of the RSA key that signs now; the exponent is 65537.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when the key cannot be published.
    pub fn rsa_key(&self) -> Result<(String, Vec<u8>), IssuerError> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = rsa_components(state.signers.rsa.public_key().as_ref());
        let (modulus, _) = key.ok_or(IssuerError::Crypto {
            doing: "publishing keys",
        })?;
        Ok((state.signers.rsa_kid.clone(), modulus.to_vec()))
    }

    /// What a verifier needs to know about this issuer.
    #[must_use]
    pub fn issuer_config(&self, audience: &str) -> IssuerConfig {
        IssuerConfig::new(self.issuer.clone(), audience)
    }

    /// A good token.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when signing fails.
    pub fn token(&self, request: &TokenRequest) -> Result<String, IssuerError> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kid = state.signers.kid(request.alg);
        signed(&state.signers, request.alg, kid, &self.claims(request, now_s()))
    }

    /// A good token that says more, or other things: the members of `claims`, as `given_name`.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when signing fails.
    pub fn token_with(&self, request: &TokenRequest, claims: &Value) -> Result<String, IssuerError> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all = self.claims(request, now_s());
        if let (Some(all), Some(more)) = (all.as_object_mut(), claims.as_object()) {
            all.extend(more.clone());
        }
        signed(&state.signers, request.alg, state.signers.kid(request.alg), &all)
    }

    /// A good token of a session: the claim `sid`.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when signing fails.
    pub fn session_token(&self, request: &TokenRequest, session: &str) -> Result<String, IssuerError> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut claims = self.claims(request, now_s());
        if let Some(members) = claims.as_object_mut() {
            members.insert("sid".to_owned(), json!(session));
        }
        signed(&state.signers, request.alg, state.signers.kid(request.alg), &claims)
    }

    /// A good logout token of OpenID Connect Back-Channel Logout 1.0, for the application that the issuer knows as `client`;
    /// without a session it is all sessions of the subject that have ended.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when signing fails.
    pub fn logout_token(&self, client: &str, subject: &str, session: Option<&str>) -> Result<String, IssuerError> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (alg, issued_s) = (Algorithm::Rs256, now_s());
        let header = json!({"alg": alg.as_str(), "typ": "logout+jwt", "kid": state.signers.kid(alg)});
        let mut claims = json!({
            "iss": self.issuer, "aud": client, "sub": subject, "jti": Uuid::new_v4(), "iat": issued_s, "exp": issued_s + 120,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        if let (Some(session), Some(members)) = (session, claims.as_object_mut()) {
            members.insert("sid".to_owned(), json!(session));
        }
        let input = signing_input(&header, &claims);
        let signature = base64url(&state.signers.sign(alg, input.as_bytes())?);
        Ok(format!("{input}.{signature}"))
    }

    /// A token that was good and whose time is over.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when signing fails.
    pub fn expired_token(&self, request: &TokenRequest) -> Result<String, IssuerError> {
        let lifetime_s = request.expires_in_s.unwrap_or(self.options.lifetime_s);
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        // An hour past its end: beyond every leeway that a verifier may allow.
        let claims = self.claims(request, now_s() - lifetime_s - 3600);
        signed(&state.signers, request.alg, state.signers.kid(request.alg), &claims)
    }

    /// A token in this issuer's name and under its key id, signed with a key that is not its own.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when signing fails.
    pub fn forged_token(&self, request: &TokenRequest) -> Result<String, IssuerError> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        signed(
            &self.stranger,
            request.alg,
            state.signers.kid(request.alg),
            &self.claims(request, now_s()),
        )
    }

    /// A token of another issuer, signed with that issuer's key.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when signing fails.
    pub fn foreign_token(&self, request: &TokenRequest) -> Result<String, IssuerError> {
        let mut claims = self.claims(request, now_s());
        if let Some(issuer) = claims.get_mut("iss") {
            *issuer = json!("https://issuer.example");
        }
        signed(&self.stranger, request.alg, self.stranger.kid(request.alg), &claims)
    }

    /// A token with `alg` `none` and no signature.
    #[must_use]
    pub fn unsigned_token(&self, request: &TokenRequest) -> String {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let header = json!({"alg": "none", "typ": "at+jwt", "kid": state.signers.kid(request.alg)});
        format!("{}.", signing_input(&header, &self.claims(request, now_s())))
    }

    /// Signs with new keys from now on. The old ones stay published, so that tokens in use stay good.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when a key cannot be made.
    pub fn rotate(&self) -> Result<(), IssuerError> {
        let fresh = Signers::generate()?;
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut old = state.signers.jwks()?;
        old.append(&mut state.overlapping);
        state.overlapping = old;
        state.signers = fresh;
        state.publish()
    }

    /// Publishes no key but the current ones any more: tokens of earlier keys are to be refused.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when the keys cannot be published.
    pub fn withdraw_old_keys(&self) -> Result<(), IssuerError> {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.overlapping.clear();
        state.publish()
    }

    fn claims(&self, request: &TokenRequest, issued_s: i64) -> Value {
        let mut claims = json!({
            "iss": self.issuer,
            "aud": self.options.audience,
            "sub": request.subject,
            "client_id": "development",
            "jti": Uuid::new_v4(),
            "iat": issued_s,
            "auth_time": issued_s,
            "exp": issued_s + request.expires_in_s.unwrap_or(self.options.lifetime_s),
            "realm_access": {"roles": request.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>()},
        });
        if let (Some(customer), Some(members)) = (request.customer, claims.as_object_mut()) {
            members.insert("customer_id".to_owned(), json!(customer));
        }
        claims
    }
}

fn signed(signers: &Signers, alg: Algorithm, kid: &str, claims: &Value) -> Result<String, IssuerError> {
    let input = signing_input(&json!({"alg": alg.as_str(), "typ": "at+jwt", "kid": kid}), claims);
    let signature = base64url(&signers.sign(alg, input.as_bytes())?);
    Ok(format!("{input}.{signature}"))
}

fn signing_input(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}",
        base64url(header.to_string().as_bytes()),
        base64url(claims.to_string().as_bytes())
    )
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn now_s() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// Modulus and exponent of an RSAPublicKey (RFC 8017 appendix A.1.1), without leading zeros.
fn rsa_components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, rest) = der_element(der, 0x30)?;
    let (modulus, sequence) = der_element(sequence, 0x02)?;
    let (exponent, sequence) = der_element(sequence, 0x02)?;
    let plain = |bytes: &'_ [u8]| bytes.iter().take_while(|byte| **byte == 0).count();
    let (modulus, exponent) = (modulus.get(plain(modulus)..)?, exponent.get(plain(exponent)..)?);
    (rest.is_empty() && sequence.is_empty()).then_some((modulus, exponent))
}

fn der_element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, bytes) = bytes.split_first()?;
    let (length, bytes) = bytes.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, bytes) = match *length {
        short @ 0..=0x7f => (usize::from(short), bytes),
        long => {
            let (digits, bytes) = bytes.split_at_checked(usize::from(long & 0x7f))?;
            (
                digits
                    .iter()
                    .fold(0_usize, |value, digit| (value << 8) | usize::from(*digit)),
                bytes,
            )
        }
    };
    bytes.split_at_checked(length)
}

async fn serve(listener: TcpListener, issuer: String, state: Arc<RwLock<State>>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let issuer: Arc<str> = issuer.into();
    let mut connections = tokio::task::JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors or the like: give the system a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (issuer, state) = (Arc::clone(&issuer), Arc::clone(&state));
        // The set is dropped with this task, and its connections with it.
        connections.spawn(async move {
            let answered = tokio::time::timeout(REQUEST_TIMEOUT, answer(stream, &issuer, &state)).await;
            if !matches!(answered, Ok(Ok(()))) {
                tracing::debug!("a request to the development issuer was not finished");
            }
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, issuer: &str, state: &RwLock<State>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        if request.len() >= MAX_REQUEST_BYTES || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let target = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let (status, body) = match target {
        b"GET /.well-known/openid-configuration HTTP/1.1" => ("200 OK", discovery(issuer)),
        b"GET /jwks HTTP/1.1" => (
            "200 OK",
            state
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .jwks
                .clone(),
        ),
        _ => ("404 Not Found", "{}".to_owned()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

fn discovery(issuer: &str) -> String {
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        // Nobody signs in here: what comes to these two is refused.
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_authn::{AuthnOptions, BearerVerifier, EndedSessions, IdentityProvider};

    const AUDIENCE: &str = "bearingwall";

    async fn issuer() -> DevIssuer {
        let options = IssuerOptions {
            audience: AUDIENCE.to_owned(),
            port: None,
            lifetime_s: 300,
        };
        DevIssuer::start(options).await.unwrap()
    }

    fn request(alg: Algorithm) -> TokenRequest {
        TokenRequest {
            subject: "dana".to_owned(),
            customer: Some("0190d6f0-0000-7000-8000-00000000000a".parse().unwrap()),
            roles: vec![Role::Authenticated, Role::CustomerAdmin],
            alg,
            expires_in_s: None,
        }
    }

    async fn verifier(issuer: &DevIssuer) -> BearerVerifier {
        BearerVerifier::start(
            vec![issuer.issuer_config(AUDIENCE)],
            EndedSessions::NotListed,
            AuthnOptions::default(),
        )
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn its_tokens_are_accepted_by_the_real_verifier() {
        let issuer = issuer().await;
        let verifier = verifier(&issuer).await;
        for alg in Algorithm::ALL {
            let request = request(alg);
            let principal = verifier.verify(&issuer.token(&request).unwrap()).await.unwrap();
            assert_eq!(principal.customer, request.customer);
            assert_eq!(principal.roles, request.roles.into_iter().collect());
        }
        let staff = TokenRequest {
            customer: None,
            roles: vec![Role::InternalAdmin],
            ..request(Algorithm::Es256)
        };
        assert_eq!(
            verifier.verify(&issuer.token(&staff).unwrap()).await.unwrap().customer,
            None
        );
    }

    #[tokio::test]
    async fn its_hostile_tokens_are_refused_for_what_is_wrong_with_them() {
        let issuer = issuer().await;
        let verifier = verifier(&issuer).await;
        for alg in Algorithm::ALL {
            let request = request(alg);
            for (token, code) in [
                (issuer.expired_token(&request).unwrap(), "AUT-011"),
                (issuer.forged_token(&request).unwrap(), "AUT-004"),
                (issuer.foreign_token(&request).unwrap(), "AUT-009"),
                (issuer.unsigned_token(&request), "AUT-002"),
            ] {
                assert_eq!(verifier.verify(&token).await.unwrap_err().code(), code);
            }
        }
    }

    #[tokio::test]
    async fn a_rotation_overlaps_until_the_old_keys_are_withdrawn() {
        let issuer = issuer().await;
        let verifier = verifier(&issuer).await;
        let request = request(Algorithm::Es256);
        let before = issuer.token(&request).unwrap();
        issuer.rotate().unwrap();
        let after = issuer.token(&request).unwrap();
        assert!(verifier.verify(&after).await.is_ok());
        assert!(verifier.verify(&before).await.is_ok());
        issuer.withdraw_old_keys().unwrap();
        let late = self::verifier(&issuer).await;
        assert!(late.verify(&after).await.is_ok());
        assert_eq!(late.verify(&before).await.unwrap_err().code(), "AUT-003");
    }
}
