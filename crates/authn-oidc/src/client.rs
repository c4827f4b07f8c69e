//! The application's side of OpenID Connect: authorization code with PKCE, refresh, and logout at the provider.

use crate::error::OidcError;
use crate::http::{ExchangeError, client, exchange};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearingwall_authn::Algorithm;
use bearingwall_core::Sensitive;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGrantType, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AuthenticationContextClass, AuthorizationCode, ClientId,
    ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, StandardErrorResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use url::Url;

/// What is configured about the provider at which people sign in.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// Its `iss`, which is also where its discovery document is.
    pub issuer: String,
    /// The application, as the provider knows it.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: Sensitive<String>,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    /// What an ID token may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// How people have to sign in (`acr_values`); the provider's own choice where there is none.
    pub acr_values: Vec<String>,
    /// How long the provider may take to answer.
    pub timeout: Duration,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Extra {
    end_session_endpoint: Option<Url>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Extra {}

type Metadata = ProviderMetadata<
    Extra,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A sign-in that has begun, for the browser that began it: kept there, encrypted, until it comes back.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    state: String,
    nonce: String,
    verifier: String,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending(…)")
    }
}

/// What the provider's redirect carries.
#[derive(Clone, Default, Deserialize)]
pub struct Callback {
    /// The code.
    pub code: Option<String>,
    /// What came with the request.
    pub state: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback(…)")
    }
}

/// What a provider hands out.
#[derive(Clone, Serialize, Deserialize)]
pub struct Tokens {
    /// The access token, for our own API.
    pub access: String,
    /// What it is renewed with.
    pub refresh: Option<String>,
    /// Who signed in; shown to the provider at the sign-out.
    pub id_token: Option<String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// A sign-in that came to a good end.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What the provider handed out.
    pub tokens: Tokens,
    /// The `sub` of the ID token.
    pub subject: String,
    /// Its `sid`: the provider's session, as its logout tokens name it.
    pub session: Option<String>,
}

/// The application at one provider.
pub struct OidcClient {
    http: reqwest::Client,
    client: Client,
    metadata: Metadata,
    config: OidcConfig,
}

impl fmt::Debug for OidcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcClient")
            .field("issuer", &self.config.issuer)
            .finish_non_exhaustive()
    }
}

impl OidcClient {
    /// Reads the provider's discovery document.
    ///
    /// # Errors
    /// [`OidcError`] when the configuration is unusable or the document cannot be had.
    #[expect(
        clippy::disallowed_methods,
        reason = "the provider is shown the application's secret"
    )]
    pub async fn discover(config: OidcConfig) -> Result<Self, OidcError> {
        let refuse = |what| OidcError::Config { what };
        if config.algorithms.is_empty() {
            return Err(refuse("no algorithm is allowed"));
        }
        let http = client(config.timeout).map_err(|error| OidcError::Unavailable(Some(error)))?;
        let issuer = IssuerUrl::new(config.issuer.clone()).map_err(|_| refuse("the issuer is no address"))?;
        let redirect =
            RedirectUrl::new(config.redirect_uri.clone()).map_err(|_| refuse("the redirect is no address"))?;
        let sender = |request: HttpRequest| exchange(http.clone(), request);
        let metadata = Metadata::discover_async(issuer, &sender)
            .await
            .map_err(|source| OidcError::Discovery {
                document: "discovery document",
                source: Box::new(source),
            })?;
        let secret = ClientSecret::new(config.client_secret.expose().clone());
        let client =
            CoreClient::from_provider_metadata(metadata.clone(), ClientId::new(config.client_id.clone()), Some(secret))
                .set_redirect_uri(redirect);
        Ok(Self {
            http,
            client,
            metadata,
            config,
        })
    }

    /// Where the browser goes to sign in, and what it has to bring back.
    #[must_use]
    pub fn begin(&self) -> (Url, Pending) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = self
            .client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        for scope in &self.config.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        for acr in &self.config.acr_values {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        let (location, state, nonce) = request.url();
        let pending = Pending {
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        };
        (location, pending)
    }

    /// Trades the code for tokens, and checks that the ID token is of this sign-in.
    ///
    /// # Errors
    /// [`OidcError`]; unauthenticated for everything that a browser could have made up.
    // CONTROL: AUT-5
    pub async fn finish(&self, pending: &Pending, callback: &Callback) -> Result<SignedIn, OidcError> {
        let refuse = |what| OidcError::Callback { what };
        if callback.state.as_deref() != Some(&pending.state) {
            return Err(refuse("its state is not the one of this sign-in"));
        }
        // RFC 9207: another provider's code must not be taken to this one.
        let announced = self
            .metadata
            .additional_metadata()
            .authorization_response_iss_parameter_supported;
        match &callback.iss {
            Some(issuer) if *issuer != self.config.issuer => return Err(refuse("another issuer answers")),
            None if announced => return Err(refuse("it does not say who answers")),
            _ => {}
        }
        if callback.error.is_some() {
            return Err(OidcError::Refused);
        }
        let code = callback.code.clone().ok_or_else(|| refuse("it carries no code"))?;
        let sender = |request: HttpRequest| exchange(self.http.clone(), request);
        let response = self
            .client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| OidcError::Answer)?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&sender)
            .await
            .map_err(refused)?;
        let id_token = response.id_token().ok_or(OidcError::IdToken {
            what: "there is none",
            source: None,
        })?;
        let subject = self
            .subject(id_token, response.access_token(), &Nonce::new(pending.nonce.clone()))
            .await?;
        Ok(SignedIn {
            subject,
            session: session_of(&id_token.to_string()),
            tokens: tokens(&response, None),
        })
    }

    /// The `sub` of an ID token that is good: signed by the provider with an allowed algorithm, for us, in time, of this
    /// sign-in and of this access token.
    async fn subject(&self, id_token: &CoreIdToken, access: &AccessToken, nonce: &Nonce) -> Result<String, OidcError> {
        let refuse = |what| OidcError::IdToken { what, source: None };
        // At every sign-in: they are rare, and keys rotate.
        let sender = |request: HttpRequest| exchange(self.http.clone(), request);
        let keys = CoreJsonWebKeySet::fetch_async(self.metadata.jwks_uri(), &sender)
            .await
            .map_err(|source| OidcError::Discovery {
                document: "key set",
                source: Box::new(source),
            })?;
        // SECURITY: the algorithms are ours to name. The library would take them from the discovery document, and
        // would verify HMAC with the application's secret: it is not given one here.
        let algorithms = self.config.algorithms.iter().map(|algorithm| match algorithm {
            Algorithm::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            Algorithm::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        });
        let verifier = CoreIdTokenVerifier::new_public_client(
            ClientId::new(self.config.client_id.clone()),
            self.metadata.issuer().clone(),
            keys,
        )
        .set_allowed_algs(algorithms);
        let claims = id_token.claims(&verifier, nonce).map_err(|source| OidcError::IdToken {
            what: "a claim or its signature is not good",
            source: Some(Box::new(source)),
        })?;
        if claims
            .authorized_party()
            .is_some_and(|party| party.as_str() != self.config.client_id)
        {
            return Err(refuse("it was made for another application"));
        }
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = id_token.signing_alg().map_err(|_| refuse("it is not signed"))?;
            let key = id_token
                .signing_key(&verifier)
                .map_err(|_| refuse("its key is unknown"))?;
            let actual = AccessTokenHash::from_token(access, algorithm, key)
                .map_err(|_| refuse("its `at_hash` cannot be checked"))?;
            if actual != *expected {
                return Err(refuse("it belongs to another access token"));
            }
        }
        Ok(claims.subject().to_string())
    }

    /// A fresh access token. The refresh token may have been traded for a new one: the old one is then good no more.
    ///
    /// # Errors
    /// [`OidcError::Refused`] when the session has ended at the provider, [`OidcError::Unavailable`] when that is not
    /// known.
    pub async fn refresh(&self, tokens_before: &Tokens) -> Result<Tokens, OidcError> {
        let refresh = tokens_before.refresh.clone().ok_or(OidcError::Refused)?;
        let sender = |request: HttpRequest| exchange(self.http.clone(), request);
        let response = self
            .client
            .exchange_refresh_token(&RefreshToken::new(refresh))
            .map_err(|_| OidcError::Answer)?
            .request_async(&sender)
            .await
            .map_err(refused)?;
        Ok(tokens(&response, Some(tokens_before)))
    }

    /// Where the browser goes to sign out at the provider too (OpenID Connect RP-Initiated Logout 1.0), if it has such a
    /// place.
    #[must_use]
    pub fn end_session(&self, id_token: Option<&str>, back: &str) -> Option<Url> {
        let mut location = self.metadata.additional_metadata().end_session_endpoint.clone()?;
        let mut pairs = location.query_pairs_mut();
        pairs.append_pair("client_id", &self.config.client_id);
        pairs.append_pair("post_logout_redirect_uri", back);
        if let Some(id_token) = id_token {
            pairs.append_pair("id_token_hint", id_token);
        }
        drop(pairs);
        Some(location)
    }
}

/// The `sid` of an ID token that was found to be good: OpenID Connect Back-Channel Logout 1.0 adds it to the claims that the
/// library knows.
fn session_of(id_token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        sid: Option<String>,
    }
    let payload = id_token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.sid
}

fn tokens(response: &CoreTokenResponse, before: Option<&Tokens>) -> Tokens {
    let refresh = response.refresh_token().map(|token| token.secret().clone());
    let id_token = response.id_token().map(ToString::to_string);
    Tokens {
        access: response.access_token().secret().clone(),
        refresh: refresh.or_else(|| before.and_then(|before| before.refresh.clone())),
        id_token: id_token.or_else(|| before.and_then(|before| before.id_token.clone())),
    }
}

type TokenError = RequestTokenError<ExchangeError, StandardErrorResponse<CoreErrorResponseType>>;

fn refused(error: TokenError) -> OidcError {
    match error {
        RequestTokenError::ServerResponse(answer) if matches!(answer.error(), CoreErrorResponseType::InvalidGrant) => {
            OidcError::Refused
        }
        RequestTokenError::Request(source) => OidcError::Unavailable(Some(source)),
        RequestTokenError::ServerResponse(_) | RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            OidcError::Answer
        }
    }
}
