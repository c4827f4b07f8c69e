//! People in browsers: the provider's tokens, sealed in the database; a random number in the browser.

use crate::cookie::Cookies;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearingwall_authn::{AuthnError, BearerVerifier, BoxFuture, IdentityProvider as _, session_key, subject_id};
use bearingwall_authn_oidc::{Callback, OidcClient, OidcError, Pending, Tokens};
use bearingwall_core::{
    Classified, Clock as _, CustomerId, ErrorKind, IdGen as _, RequestId, SubjectId, SystemClock, SystemIds,
};
use bearingwall_http::{OpenSession, OwnPageCookie, Problem, Sessions, SignInAnswer, SignInBegun, SignInFinished};
use bearingwall_secrets::{Aad, DataKey, KeyError};
use bearingwall_tenancy::TenantPool;
use bearingwall_tenancy::browser_sessions::{KeptSession, NewSession, SessionId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;
use uuid::Uuid;

/// How long a sign-in may take, in milliseconds.
const LOGIN_MS: i64 = 600_000;

/// A token that ends sooner than this is renewed, in seconds.
const RENEW_BEFORE_S: i64 = 30;

/// How often, and with which pause, a request looks whether another one has renewed the token.
const WAITS: usize = 100;
const WAIT: Duration = Duration::from_millis(100);

/// Why a session is not opened, or a sign-in not taken to its end.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    /// There is none, it rested for too long, or it is over.
    #[error("there is no such session")]
    Unknown,
    /// What the browser kept of the sign-in is not what it was given, or is too old.
    #[error("the sign-in that the browser brings back is not one that has begun here")]
    Login,
    /// The access token speaks for somebody else than the ID token, or than the one before.
    #[error("the tokens speak for different people")]
    Mixed,
    /// What is kept cannot be opened: it was sealed under another key, or changed.
    #[error("what is kept of the session cannot be opened")]
    Sealed(#[source] Option<KeyError>),
    /// Another request renews the token and does not come to an end.
    #[error("the session is being renewed")]
    Renewing,
}

impl Classified for SessionError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown | Self::Login | Self::Mixed | Self::Sealed(_) => ErrorKind::Unauthenticated,
            Self::Renewing => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "SRV-003",
            Self::Login => "SRV-004",
            Self::Mixed => "SRV-005",
            Self::Sealed(_) => "SRV-006",
            Self::Renewing => "SRV-007",
        }
    }
}

/// What a browser keeps of a sign-in that has begun, sealed.
#[derive(Serialize, Deserialize)]
struct Login {
    pending: Pending,
    return_to: String,
    until_ms: i64,
}

/// What is kept of a session, sealed.
#[derive(Serialize, Deserialize)]
struct Inside {
    tokens: Tokens,
    subject: Uuid,
}

struct Parts {
    oidc: OidcClient,
    issuer: String,
    origin: String,
    verifier: Arc<BearerVerifier>,
    pool: TenantPool,
    key: DataKey,
    cookies: Cookies,
    idle: Duration,
    absolute: Duration,
}

/// What [`BrowserSessions::new`] needs.
pub(crate) struct Setup {
    pub(crate) oidc: OidcClient,
    pub(crate) issuer: String,
    pub(crate) origin: String,
    pub(crate) verifier: Arc<BearerVerifier>,
    pub(crate) pool: TenantPool,
    pub(crate) key: DataKey,
    pub(crate) idle: Duration,
    pub(crate) absolute: Duration,
}

/// The sessions of one application.
#[derive(Clone)]
pub(crate) struct BrowserSessions(Arc<Parts>);

impl BrowserSessions {
    pub(crate) fn new(setup: Setup) -> Self {
        let cookies = Cookies::new(&setup.key);
        Self(Arc::new(Parts {
            oidc: setup.oidc,
            issuer: setup.issuer,
            origin: setup.origin,
            verifier: setup.verifier,
            pool: setup.pool,
            key: setup.key,
            cookies,
            idle: setup.idle,
            absolute: setup.absolute,
        }))
    }
}

impl Parts {
    fn seal_login(&self, login: &Login) -> Result<String, Problem> {
        let text = serde_json::to_vec(login).map_err(|_| SessionError::Login)?;
        Ok(URL_SAFE_NO_PAD.encode(self.key.seal(&LOGIN_PLACE, &text)?))
    }

    fn open_login(&self, kept: &str) -> Result<Login, SessionError> {
        let sealed = URL_SAFE_NO_PAD.decode(kept).map_err(|_| SessionError::Login)?;
        let text = self.key.open(&LOGIN_PLACE, &sealed).map_err(|_| SessionError::Login)?;
        let login: Login = serde_json::from_slice(&text).map_err(|_| SessionError::Login)?;
        if SystemClock.unix_ms() >= login.until_ms {
            return Err(SessionError::Login);
        }
        Ok(login)
    }

    fn seal(&self, id: &SessionId, inside: &Inside) -> Result<Vec<u8>, Problem> {
        let text = serde_json::to_vec(inside).map_err(|_| SessionError::Sealed(None))?;
        Ok(self.key.seal(&place(id), &text)?)
    }

    fn unseal(&self, id: &SessionId, kept: &KeptSession) -> Result<Inside, SessionError> {
        let text = self.key.open(&place(id), &kept.sealed);
        let text = text.map_err(|error| SessionError::Sealed(Some(error)))?;
        serde_json::from_slice(&text).map_err(|_| SessionError::Sealed(None))
    }

    fn id_of(&self, cookie: &str) -> Result<SessionId, SessionError> {
        self.cookies.id_of(cookie).ok_or(SessionError::Unknown)
    }

    /// The access token of a session, good for a while yet.
    async fn bearer(self: &Arc<Self>, cookie: &str) -> Result<String, Problem> {
        let id = self.id_of(cookie)?;
        for _ in 0..WAITS {
            let kept = self.pool.session_use(&id).await?.ok_or(SessionError::Unknown)?;
            let inside = self.unseal(&id, &kept)?;
            let is_good = match self.verifier.verify(&inside.tokens.access).await {
                Ok(principal) => {
                    let now_s = SystemClock.unix_ms().div_euclid(1000);
                    if principal.expires_at.unix_timestamp().saturating_sub(now_s) > RENEW_BEFORE_S {
                        return Ok(inside.tokens.access);
                    }
                    true
                }
                Err(AuthnError::Expired) => false,
                Err(error) => return Err(error.into()),
            };
            // CONTROL: AUT-5
            if self.pool.session_claim(&id, kept.version).await? {
                return self.renew_to_the_end(id, kept.version, inside, is_good).await;
            }
            if is_good {
                return Ok(inside.tokens.access);
            }
            tokio::time::sleep(WAIT).await;
        }
        Err(SessionError::Renewing.into())
    }

    /// Renews in a task of its own: a browser that hangs up must not lose a refresh token that was just made.
    #[expect(
        clippy::disallowed_methods,
        reason = "it carries the request's span, and ends with the provider's time limit"
    )]
    async fn renew_to_the_end(
        self: &Arc<Self>,
        id: SessionId,
        version: i32,
        inside: Inside,
        is_good: bool,
    ) -> Result<String, Problem> {
        let parts = Arc::clone(self);
        let work = async move { parts.renew(&id, version, inside, is_good).await };
        match tokio::spawn(work.in_current_span()).await {
            Ok(renewed) => renewed,
            Err(_) => Err(SessionError::Renewing.into()),
        }
    }

    async fn renew(&self, id: &SessionId, version: i32, before: Inside, is_good: bool) -> Result<String, Problem> {
        let tokens = match self.oidc.refresh(&before.tokens).await {
            Ok(tokens) => tokens,
            Err(OidcError::Refused) => {
                // The provider's session has ended: so does ours.
                let request = RequestId::from_uuid(SystemIds.v7());
                self.pool.session_end(id, request, None).await?;
                return Err(SessionError::Unknown.into());
            }
            // Nobody knows; the token that we have says how long that may go on.
            Err(_) if is_good => return Ok(before.tokens.access),
            Err(error) => return Err(error.into()),
        };
        let principal = self.verifier.verify(&tokens.access).await?;
        if principal.subject.as_uuid() != before.subject {
            let request = RequestId::from_uuid(SystemIds.v7());
            self.pool.session_end(id, request, None).await?;
            return Err(SessionError::Mixed.into());
        }
        let bearer = tokens.access.clone();
        let inside = Inside { tokens, ..before };
        let sealed = self.seal(id, &inside)?;
        if !self.pool.session_renew(id, version, sealed).await? {
            return Err(SessionError::Unknown.into());
        }
        Ok(bearer)
    }

    // CONTROL: AUT-5
    async fn finish(
        &self,
        kept: &str,
        answer: SignInAnswer,
        before: Option<&str>,
        request: RequestId,
        route: Option<&'static str>,
    ) -> Result<SignInFinished, Problem> {
        let login = self.open_login(kept)?;
        let callback = Callback {
            code: answer.code,
            state: answer.state,
            iss: answer.iss,
            error: answer.error,
        };
        let signed_in = self.oidc.finish(&login.pending, &callback).await?;
        let live = self.verifier.verify_with_session(&signed_in.tokens.access).await?;
        let subject: SubjectId = live.principal.subject;
        if subject_id(&self.issuer, &signed_in.subject) != subject {
            return Err(SessionError::Mixed.into());
        }
        if let Some(before) = before.and_then(|before| self.id_of(before).ok()) {
            self.pool.session_end(&before, request, route).await?;
        }
        // The ID token's, for logout tokens name that; not every provider puts it into an access token.
        let named = signed_in.session.map(|session| session_key(&self.issuer, &session));
        let (cookie, id) = self.cookies.make()?;
        let inside = Inside {
            tokens: signed_in.tokens,
            subject: subject.as_uuid(),
        };
        let session = NewSession {
            id,
            subject,
            session_key: named.or(live.session),
            issued_s: live.issued_s,
            sealed: self.seal(&id, &inside)?,
            idle: self.idle,
            absolute: self.absolute,
            request,
            route,
        };
        // It may have ended since the token was looked at.
        if !self.pool.session_start(session).await? {
            return Err(SessionError::Unknown.into());
        }
        Ok(SignInFinished {
            cookie,
            return_to: login.return_to,
        })
    }

    async fn end(
        &self,
        cookie: &str,
        request: RequestId,
        route: Option<&'static str>,
    ) -> Result<Option<String>, Problem> {
        let id = self.id_of(cookie)?;
        let kept = self.pool.session_use(&id).await?;
        let inside = kept.and_then(|kept| self.unseal(&id, &kept).ok());
        self.pool.session_end(&id, request, route).await?;
        let id_token = inside.and_then(|inside| inside.tokens.id_token);
        let back = format!("{}/auth/session", self.origin);
        Ok(self.oidc.end_session(id_token.as_deref(), &back).map(String::from))
    }
}

impl Sessions for BrowserSessions {
    fn origin(&self) -> &str {
        &self.0.origin
    }

    fn begin(&self, return_to: &str) -> Result<SignInBegun, Problem> {
        let (location, pending) = self.0.oidc.begin();
        let kept = self.0.seal_login(&Login {
            pending,
            return_to: return_to.to_owned(),
            until_ms: SystemClock.unix_ms().saturating_add(LOGIN_MS),
        })?;
        let location = String::from(location);
        Ok(SignInBegun { location, kept })
    }

    fn finish<'a>(
        &'a self,
        kept: &'a str,
        answer: SignInAnswer,
        before: Option<&'a str>,
        request: RequestId,
        route: Option<&'static str>,
    ) -> BoxFuture<'a, Result<SignInFinished, Problem>> {
        Box::pin(self.0.finish(kept, answer, before, request, route))
    }

    fn open<'a>(&'a self, cookie: &'a OwnPageCookie) -> BoxFuture<'a, Result<OpenSession, Problem>> {
        Box::pin(async move {
            let bearer = self.0.bearer(cookie.as_str()).await?;
            let csrf = self.0.cookies.csrf_token(cookie.as_str());
            Ok(OpenSession { bearer, csrf })
        })
    }

    fn is_csrf_token(&self, cookie: &str, token: &str) -> bool {
        self.0.cookies.is_csrf_token(cookie, token)
    }

    fn end<'a>(
        &'a self,
        cookie: &'a OwnPageCookie,
        request: RequestId,
        route: Option<&'static str>,
    ) -> BoxFuture<'a, Result<Option<String>, Problem>> {
        Box::pin(self.0.end(cookie.as_str(), request, route))
    }
}

const LOGIN_PLACE: Aad = Aad {
    table: "browser",
    column: "login",
    customer: CustomerId::PLATFORM,
    row: Uuid::nil(),
};

/// Where a session's ciphertext belongs: to no other session.
fn place(id: &SessionId) -> Aad {
    let mut row = [0; 16];
    for (to, from) in row.iter_mut().zip(id) {
        *to = *from;
    }
    Aad {
        table: "tenancy.browser_sessions",
        column: "sealed",
        customer: CustomerId::PLATFORM,
        row: Uuid::from_bytes(row),
    }
}
