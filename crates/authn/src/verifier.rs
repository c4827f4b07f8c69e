//! From a bearer token to a principal: the port, its strict implementation and the cache of verified tokens.

use crate::claims::{self, Lifetimes, Proven};
use crate::document::Documents;
use crate::error::AuthnError;
use crate::issuer::IssuerConfig;
use crate::json::{self, Json, Object};
use crate::jws::{CompactJws, JwsError, MAX_TOKEN_BYTES};
use crate::keyring::{KeyRing, Source, Timing, millis};
use crate::logout::{self, Logout};
use crate::revocations::Revocations;
use aws_lc_rs::digest;
use bearingwall_core::{Clock, CustomerId, Principal, SystemClock};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A boxed future, so that the port can be used behind `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Proves who a bearer token speaks for.
pub trait IdentityProvider: Send + Sync {
    /// Verifies the token (what stands after `Bearer `) and answers the identity that it proves.
    ///
    /// # Errors
    /// [`AuthnError`]: unauthenticated for every token that is not good, unavailable where keys are missing.
    fn verify<'a>(&'a self, bearer: &'a str) -> BoxFuture<'a, Result<Arc<Principal>, AuthnError>>;
}

/// What a token proves, and of which session it is.
#[derive(Clone, Debug)]
pub struct LiveToken {
    /// Who.
    pub principal: Arc<Principal>,
    /// The key of its session, if it names one.
    pub session: Option<Uuid>,
    /// When it was issued (Unix time).
    pub issued_s: i64,
}

/// Limits of the verifier.
#[derive(Clone)]
pub struct AuthnOptions {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// How many verified tokens are remembered; 0 remembers none.
    pub cache_entries: u64,
    /// How long a verified token is remembered at most.
    pub cache_ttl: Duration,
    /// The shortest time between two attempts to fetch an issuer's keys.
    pub min_refetch: Duration,
    /// The age at which keys are fetched anew in the background; at twice this age a request waits for it.
    pub refresh_after: Duration,
    /// The age above which keys that cannot be fetched anew are not used any more.
    pub stale_limit: Duration,
    /// How long fetching one document may take.
    pub fetch_timeout: Duration,
    /// The longest time from `iat` to `exp`, whoever issued the token; an issuer may be held to less.
    pub max_lifetime: Duration,
    /// The age at which the tokens of a tenant end, where that is before their `exp`.
    pub max_age_of_tenants: HashMap<CustomerId, Duration>,
}

/// Whether sessions end before their tokens do. There is no default: a verifier that does not look would not be noticed.
#[derive(Clone, Debug)]
pub enum EndedSessions {
    /// On this list, which every verification looks at.
    Listed(Arc<Revocations>),
    /// Nobody keeps a list: a token is good until it expires.
    NotListed,
}

impl Default for AuthnOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            cache_entries: 100_000,
            cache_ttl: Duration::from_secs(300),
            min_refetch: Duration::from_secs(30),
            refresh_after: Duration::from_secs(600),
            stale_limit: Duration::from_secs(24 * 3600),
            fetch_timeout: Duration::from_secs(2),
            max_lifetime: Duration::from_secs(3600),
            max_age_of_tenants: HashMap::new(),
        }
    }
}

impl fmt::Debug for AuthnOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthnOptions")
            .field("cache_entries", &self.cache_entries)
            .field("cache_ttl", &self.cache_ttl)
            .field("min_refetch", &self.min_refetch)
            .field("refresh_after", &self.refresh_after)
            .field("stale_limit", &self.stale_limit)
            .field("fetch_timeout", &self.fetch_timeout)
            .field("max_lifetime", &self.max_lifetime)
            .finish_non_exhaustive()
    }
}

struct Issuer {
    config: IssuerConfig,
    ring: Arc<KeyRing>,
}

/// A token whose signature was checked, and nothing else.
struct Signed {
    typ: Option<String>,
    issuer: Arc<Issuer>,
    claims: Object,
    epoch: u64,
}

#[derive(Clone)]
struct Verified {
    proven: Proven,
    issuer: Arc<Issuer>,
    epoch: u64,
    until_ms: i64,
}

/// Verifies RFC 9068 access tokens of the configured issuers.
pub struct BearerVerifier {
    issuers: HashMap<String, Arc<Issuer>>,
    clock: Arc<dyn Clock>,
    cache_ttl_ms: i64,
    lifetimes: Lifetimes,
    ended: EndedSessions,
    /// By SHA-256 of the token, so that no token is kept; successes only.
    verified: moka::sync::Cache<[u8; 32], Verified>,
}

impl fmt::Debug for BearerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerVerifier")
            .field("issuers", &self.issuers.keys())
            .finish_non_exhaustive()
    }
}

impl BearerVerifier {
    /// Checks the configuration and fetches every issuer's keys.
    ///
    /// # Errors
    /// [`AuthnError::Config`] for a configuration that breaks a rule, [`AuthnError::KeysUnavailable`] when an issuer
    /// has no usable key to be fetched.
    pub async fn start(
        issuers: Vec<IssuerConfig>,
        ended: EndedSessions,
        options: AuthnOptions,
    ) -> Result<Self, AuthnError> {
        let refuse = |issuer: &str, what| AuthnError::Config {
            issuer: issuer.to_owned(),
            what,
        };
        if issuers.is_empty() {
            return Err(refuse("", "no issuer is configured"));
        }
        let lifetimes = Lifetimes {
            longest_s: millis(options.max_lifetime) / 1000,
            of_tenants_s: (options.max_age_of_tenants.iter())
                .map(|(customer, age)| (*customer, millis(*age) / 1000))
                .collect(),
        };
        let documents = Documents::new(options.fetch_timeout).map_err(|source| AuthnError::Client { source })?;
        let timing = Timing {
            min_refetch: options.min_refetch,
            refresh_after: options.refresh_after,
            stale_limit: options.stale_limit,
        };
        let mut by_name = HashMap::new();
        for config in issuers {
            let (location, jwks) = config.locations()?;
            if by_name.contains_key(&config.issuer) {
                return Err(refuse(&config.issuer, "it is configured twice"));
            }
            let source = Source {
                issuer: config.issuer.clone(),
                location,
                jwks,
            };
            let ring = KeyRing::preload(source, documents.clone(), Arc::clone(&options.clock), timing).await?;
            by_name.insert(config.issuer.clone(), Arc::new(Issuer { config, ring }));
        }
        Ok(Self {
            issuers: by_name,
            clock: options.clock,
            cache_ttl_ms: millis(options.cache_ttl),
            lifetimes,
            ended,
            verified: moka::sync::Cache::builder()
                .max_capacity(options.cache_entries)
                .time_to_live(options.cache_ttl)
                .build(),
        })
    }

    async fn principal(&self, bearer: &str) -> Result<Arc<Principal>, AuthnError> {
        Ok(self.live(bearer).await?.principal)
    }

    /// What the token proves, if its session goes on.
    // CONTROL: AUT-4
    async fn live(&self, bearer: &str) -> Result<Proven, AuthnError> {
        let proven = self.proven(bearer).await?;
        // Of remembered tokens too, and before anything else is answered.
        if let EndedSessions::Listed(revocations) = &self.ended {
            revocations.check(proven.principal.subject, proven.session, proven.issued_s)?;
        }
        Ok(proven)
    }

    async fn proven(&self, bearer: &str) -> Result<Proven, AuthnError> {
        // Before anything is computed over it.
        if bearer.len() > MAX_TOKEN_BYTES {
            return Err(JwsError::Malformed {
                what: "longer than 16 KiB",
            }
            .into());
        }
        let name = digest_of(bearer);
        if let Some(hit) = self.remembered(&name).await {
            return Ok(hit);
        }
        let is_type = |typ: Option<&str>, config: &IssuerConfig| claims::is_access_token_type(typ, config);
        let signed = self.signed(bearer, is_type).await?;
        let now_ms = self.clock.unix_ms();
        let proven = claims::principal(
            &signed.claims,
            signed.typ.as_deref(),
            &signed.issuer.config,
            &self.lifetimes,
            now_ms.div_euclid(1000),
        )?;
        let expires_ms = proven.principal.expires_at.unix_timestamp().saturating_mul(1000);
        let until_ms = expires_ms.min(now_ms.saturating_add(self.cache_ttl_ms));
        let entry = Verified {
            proven: proven.clone(),
            issuer: signed.issuer,
            epoch: signed.epoch,
            until_ms,
        };
        self.verified.insert(name, entry);
        Ok(proven)
    }

    /// As [`IdentityProvider::verify`], and the session of the token as the deny-list knows it.
    ///
    /// # Errors
    /// As [`IdentityProvider::verify`].
    pub async fn verify_with_session(&self, bearer: &str) -> Result<LiveToken, AuthnError> {
        let proven = self.live(bearer).await?;
        Ok(LiveToken {
            principal: proven.principal,
            session: proven.session,
            issued_s: proven.issued_s,
        })
    }

    /// What an issuer's logout token says (OpenID Connect Back-Channel Logout 1.0). Whether it was used before is for the
    /// caller to see.
    ///
    /// # Errors
    /// As [`IdentityProvider::verify`].
    pub async fn logout(&self, token: &str) -> Result<Logout, AuthnError> {
        let is_type = |typ: Option<&str>, _: &IssuerConfig| logout::is_logout_token_type(typ);
        let signed = self.signed(token, is_type).await?;
        let now_s = self.clock.unix_ms().div_euclid(1000);
        logout::logout(&signed.claims, &signed.issuer.config, now_s)
    }

    /// The claims of a token of this type whose signature is its issuer's.
    // CONTROL: AUT-1
    async fn signed(
        &self,
        token: &str,
        is_type: impl Fn(Option<&str>, &IssuerConfig) -> bool,
    ) -> Result<Signed, AuthnError> {
        let jws = CompactJws::parse(token)?;
        let claims = json::object(jws.danger_unverified_payload()).ok_or(AuthnError::Claims)?;
        // The issuer is read before the signature is checked, but only to choose whose keys may verify it:
        // issuers are configured, and one issuer's key never verifies another's token.
        let issuer = claims
            .get("iss")
            .and_then(Json::text)
            .ok_or(AuthnError::Claim { claim: "iss" })?;
        let issuer = self.issuers.get(issuer).ok_or(AuthnError::UnknownIssuer)?;
        if !is_type(jws.typ(), &issuer.config) {
            return Err(AuthnError::TokenType);
        }
        if !issuer.config.algorithms.contains(&jws.algorithm()) {
            return Err(JwsError::Algorithm.into());
        }
        let (key, epoch) = issuer.ring.key(jws.kid()).await?;
        jws.check(&key)?;
        Ok(Signed {
            typ: jws.typ().map(str::to_owned),
            issuer: Arc::clone(issuer),
            claims,
            epoch,
        })
    }

    /// What was verified before, if it would be verified again: in time, under keys that still stand.
    async fn remembered(&self, name: &[u8; 32]) -> Option<Proven> {
        let hit = self.verified.get(name)?;
        let keys = hit.issuer.ring.snapshot().await.ok();
        if self.clock.unix_ms() < hit.until_ms && keys.is_some_and(|keys| keys.epoch == hit.epoch) {
            return Some(hit.proven);
        }
        self.verified.invalidate(name);
        None
    }
}

impl IdentityProvider for BearerVerifier {
    fn verify<'a>(&'a self, bearer: &'a str) -> BoxFuture<'a, Result<Arc<Principal>, AuthnError>> {
        Box::pin(self.principal(bearer))
    }
}

fn digest_of(bearer: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, bearer.as_bytes()).as_ref());
    bytes
}
