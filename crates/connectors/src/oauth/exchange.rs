//! What is asked of a provider directly: tokens for a code, new ones for old ones, and the end of them.

use super::provider::is_scope;
use super::{Code, OauthError, Provider, Refusal};
use crate::egress::{Answer, Method, Outgoing};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bearingwall_core::Sensitive;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::time::Duration;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

/// The longest token that is taken from a provider, in bytes.
const TOKEN_BYTES: usize = 16 * 1024;

/// The longest life of an access token that is believed, in seconds; what is longer is taken for that.
const LIFE_MAX_S: u64 = 365 * 86_400;

/// What a provider hands out. It prints without its content.
#[derive(Debug)]
pub struct Tokens {
    /// What opens the account.
    pub access: Sensitive<String>,
    /// What it is renewed with; in an answer to a refresh, `None` where the one before stays good (RFC 6749, 6).
    pub refresh: Option<Sensitive<String>>,
    /// What was granted, which may be less than was asked for.
    pub scopes: Vec<String>,
    /// How long the access token is good, if the provider says so.
    pub expires_in: Option<Duration>,
}

/// A token that is to end.
#[derive(Clone, Copy, Debug)]
pub enum Token<'a> {
    /// What opens the account.
    Access(&'a Sensitive<String>),
    /// What it is renewed with; with it a provider ends whatever was made of it (RFC 7009, 2.1).
    Refresh(&'a Sensitive<String>),
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(deserialize_with = "wiped")]
    access_token: Zeroizing<String>,
    token_type: String,
    #[serde(default, deserialize_with = "wiped_if_any")]
    refresh_token: Option<Zeroizing<String>>,
    expires_in: Option<u64>,
    scope: Option<String>,
}

fn wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

fn wiped_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|token| token.map(Zeroizing::new))
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

impl Provider {
    /// Trades a code for tokens, with the verifier of its own attempt.
    ///
    /// # Errors
    /// [`OauthError::Refused`], [`OauthError::Answer`], [`OauthError::Egress`]; [`OauthError::Callback`] for another provider's.
    // CONTROL: CON-15
    #[expect(
        clippy::disallowed_methods,
        reason = "code and verifier go to the provider that they are for"
    )]
    pub async fn exchange(&self, code: Code) -> Result<Tokens, OauthError> {
        if code.provider != self.settings.name {
            let what = "it was begun at another provider";
            return Err(OauthError::Callback { what });
        }
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.code.expose().as_str()),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", code.verifier.expose().as_str()),
        ];
        let answer = self.post(&self.settings.token_endpoint, &form).await?;
        tokens(&answer, &code.scopes)
    }

    /// New tokens for a refresh token, of the scopes that were granted. The old one may be good no more from then on, whatever
    /// becomes of the answer: [`OauthError::is_certain`] tells.
    ///
    /// # Errors
    /// [`Refusal::InvalidGrant`] in [`OauthError::Refused`] where the account must be connected anew; otherwise as
    /// [`Provider::exchange`].
    #[expect(clippy::disallowed_methods, reason = "the token goes to the provider that made it")]
    pub async fn refresh(&self, refresh: &Sensitive<String>, granted: &[String]) -> Result<Tokens, OauthError> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose().as_str()),
        ];
        let answer = self.post(&self.settings.token_endpoint, &form).await?;
        tokens(&answer, granted)
    }

    /// Ends a token at the provider (RFC 7009). One that it does not know has ended, too. `false` where the provider has no
    /// such place: there nothing was ended.
    ///
    /// # Errors
    /// As [`Provider::exchange`].
    #[expect(clippy::disallowed_methods, reason = "the token goes to the provider that made it")]
    pub async fn revoke(&self, token: Token<'_>) -> Result<bool, OauthError> {
        let Some(endpoint) = &self.settings.revocation_endpoint else {
            return Ok(false);
        };
        let (token, hint) = match token {
            Token::Access(token) => (token, "access_token"),
            Token::Refresh(token) => (token, "refresh_token"),
        };
        let form = [("token", token.expose().as_str()), ("token_type_hint", hint)];
        let answer = self.post(endpoint, &form).await?;
        match answer.status() {
            200 => Ok(true),
            _ => Err(refused(&answer)),
        }
    }

    /// SECURITY: id and secret are encoded before they are joined (RFC 6749, 2.3.1), so that a colon in one moves nothing into
    /// the other. They stand in a header, which is in nobody's log of bodies or addresses.
    // CONTROL: CON-16
    async fn post(&self, endpoint: &Url, form: &[(&str, &str)]) -> Result<Answer, OauthError> {
        let secret = self.secrets.fetch(&self.settings.client_secret).await?;
        let encoded = |text: &str| Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
        let (id, secret) = (encoded(&self.settings.client_id), encoded(secret.utf8()?));
        let pair = Zeroizing::new(format!("{}:{}", *id, *secret));
        let basic = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = Outgoing::new(Method::Post, endpoint.clone(), body.into_bytes())
            .header("authorization", &basic)?
            .header("content-type", "application/x-www-form-urlencoded")?
            .header("accept", "application/json")?;
        Ok(self.egress.send(&self.allowed, request).await?)
    }
}

/// The tokens of an answer (RFC 6749, 5.1). Everything that does not look like one is refused and not repeated.
// CONTROL: CON-16
fn tokens(answer: &Answer, asked: &[String]) -> Result<Tokens, OauthError> {
    let refuse = |what| OauthError::Answer { what };
    if answer.status() != 200 {
        return Err(refused(answer));
    }
    if !is_json(answer) {
        return Err(refuse("it is no JSON"));
    }
    // The parser's own words repeat what it read.
    let read: TokenAnswer = serde_json::from_slice(answer.body()).map_err(|_| refuse("it holds no tokens"))?;
    if !read.token_type.eq_ignore_ascii_case("bearer") {
        return Err(refuse("its token is no bearer token"));
    }
    let scopes = match read.scope {
        // RFC 6749, 5.1: as it was asked for.
        None => asked.to_vec(),
        Some(scope) => scope
            .split(' ')
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect(),
    };
    let known: BTreeSet<&String> = asked.iter().collect();
    if !scopes.iter().all(|scope| is_scope(scope) && known.contains(scope)) {
        return Err(refuse("it grants what was not asked for"));
    }
    let refresh = read.refresh_token.map(taken).transpose()?;
    Ok(Tokens {
        access: taken(read.access_token)?,
        refresh,
        scopes,
        expires_in: read
            .expires_in
            .map(|seconds| Duration::from_secs(seconds.min(LIFE_MAX_S))),
    })
}

/// A token as it can stand in a header (RFC 6750, 2.1, and a little more: vendors' tokens have other characters).
fn taken(mut token: Zeroizing<String>) -> Result<Sensitive<String>, OauthError> {
    let is_token = (1..=TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token {
        let what = "its token is none";
        return Err(OauthError::Answer { what });
    }
    Ok(Sensitive::new(std::mem::take(&mut *token)))
}

/// Why the provider says no (RFC 6749, 5.2): its word, if it is one of those that are known, and nothing else of the answer.
fn refused(answer: &Answer) -> OauthError {
    let said = match answer.status() {
        400 | 401 | 403 if is_json(answer) => serde_json::from_slice::<ErrorAnswer>(answer.body()).ok(),
        429 | 503 => {
            let refusal = Refusal::Unavailable;
            return OauthError::Refused { refusal };
        }
        _ => None,
    };
    match said {
        Some(said) => OauthError::Refused {
            refusal: Refusal::of(&said.error),
        },
        None => OauthError::Answer {
            what: "its status is none that was expected",
        },
    }
}

fn is_json(answer: &Answer) -> bool {
    let media = answer.header("content-type").and_then(|value| value.split(';').next());
    media.is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}
