//! One vault's data plane over HTTPS: the challenge is answered, the answer read within bounds, and its meaning told.

use crate::challenge;
use crate::identity::Tokens;
use crate::{Azure, Inner};
use bearingwall_secrets::SecretError;
use reqwest::header::WWW_AUTHENTICATE;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;
use zeroize::Zeroizing;

/// The version of the data plane's protocol that every vault speaks.
const API_VERSION: &str = "7.4";

/// A secret has 25 kilobytes at the most.
const ANSWER_MAX_BYTES: usize = 131_072;

/// Where the vaults of a cloud are.
#[derive(Clone, Debug)]
pub struct AzureOptions {
    /// What follows on a vault's name, as `vault.azure.net`.
    pub suffix: String,
    /// The port; 443 anywhere but in a test.
    pub port: u16,
    /// The certificates (PEM) that may sign for vaults and the authority instead of those that the machine trusts.
    pub roots_pem: Option<Vec<u8>>,
    /// Addresses of hosts that the machine's name service does not know, such as private endpoints.
    pub addresses: BTreeMap<String, SocketAddr>,
}

impl Default for AzureOptions {
    /// The public cloud.
    fn default() -> Self {
        Self {
            suffix: "vault.azure.net".to_owned(),
            port: 443,
            roots_pem: None,
            addresses: BTreeMap::new(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "hosts are the configured vaults and the configured authority; limits and no redirects are set here"
)]
pub(crate) fn client(options: &AzureOptions) -> Result<Client, SecretError> {
    let mut builder = Client::builder()
        .https_only(true)
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(10));
    if let Some(pem) = &options.roots_pem {
        let roots = Certificate::from_pem_bundle(pem).map_err(|_| SecretError::Setting {
            what: "its root certificates cannot be read",
        })?;
        builder = builder.tls_certs_only(roots);
    }
    for (host, address) in &options.addresses {
        builder = builder.resolve(host, *address);
    }
    built(builder)
}

/// For the machine's own metadata service.
#[expect(
    clippy::disallowed_methods,
    reason = "the one host is link-local, which is checked where it is configured; limits and no redirects are set here"
)]
pub(crate) fn metadata_client() -> Result<Client, SecretError> {
    built(
        Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(10)),
    )
}

fn built(builder: reqwest::ClientBuilder) -> Result<Client, SecretError> {
    builder.build().map_err(|_| SecretError::Setting {
        what: "no connection can be made with its certificates",
    })
}

/// What came back. The body may hold a secret, and is wiped.
pub(crate) struct Answer {
    status: StatusCode,
    challenge: Option<String>,
    body: Zeroizing<Vec<u8>>,
}

impl Answer {
    pub(crate) fn into_parts(self) -> (StatusCode, Zeroizing<Vec<u8>>) {
        (self.status, self.body)
    }
}

pub(crate) async fn send(request: RequestBuilder, max_bytes: usize) -> Result<Answer, SecretError> {
    let away = |error: reqwest::Error| SecretError::Unreachable(Box::new(error.without_url()));
    let mut response = request.send().await.map_err(away)?;
    let challenge = response.headers().get(WWW_AUTHENTICATE);
    let challenge = challenge.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status();
    // Room for all of it at once: growing would leave copies behind.
    let length = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok());
    let mut body = Zeroizing::new(Vec::with_capacity(length.unwrap_or(max_bytes).min(max_bytes)));
    while let Some(chunk) = response.chunk().await.map_err(away)? {
        if body.len().saturating_add(chunk.len()) > max_bytes {
            return Err(SecretError::Answer("it is too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        challenge,
        body,
    })
}

/// Whether somebody is there who cannot answer now.
pub(crate) fn is_away(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

/// A vault by its name.
pub(crate) struct Vault {
    base: Url,
    azure: Azure,
    scope: Mutex<Option<String>>,
}

impl Azure {
    pub(crate) fn vault(&self, name: &str) -> Result<Arc<Vault>, SecretError> {
        let Inner { options, vaults, .. } = self.inner.as_ref();
        let mut vaults = vaults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vault) = vaults.get(name) {
            return Ok(Arc::clone(vault));
        }
        let base = Url::parse(&format!("https://{name}.{}:{}/", options.suffix, options.port)).map_err(|_| {
            SecretError::Setting {
                what: "the vault's name and suffix make no address",
            }
        })?;
        let vault = Arc::new(Vault {
            base,
            azure: self.clone(),
            scope: Mutex::new(None),
        });
        vaults.insert(name.to_owned(), Arc::clone(&vault));
        Ok(vault)
    }
}

impl Vault {
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, name: &str) -> Result<T, SecretError> {
        self.call::<(), T>(Method::GET, path, None, name).await
    }

    pub(crate) async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        name: &str,
    ) -> Result<T, SecretError> {
        self.call(Method::POST, path, Some(body), name).await
    }

    /// Asks, and once more with a new token if the vault does not take the old one.
    async fn call<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
        name: &str,
    ) -> Result<T, SecretError> {
        let mut answer = None;
        for _ in 0..2 {
            let scope = self.scope().await?;
            let token = self.tokens().token(&scope).await?;
            let mut request = self.request(method.clone(), path)?;
            request = request.bearer_auth(token_text(&token));
            if let Some(body) = body {
                request = request.json(body);
            }
            let got = send(request, ANSWER_MAX_BYTES).await?;
            if got.status != StatusCode::UNAUTHORIZED {
                answer = Some(got);
                break;
            }
            self.tokens().forget(&scope);
            *self.known_scope() = None;
        }
        let answer = answer.ok_or_else(|| SecretError::Refused("its token is not taken".into()))?;
        meaning(&answer, name)?;
        serde_json::from_slice(&answer.body).map_err(|_| SecretError::Answer("it is not what was asked for".into()))
    }

    /// What a token must be for: the vault is asked without one first, and without anything to tell.
    async fn scope(&self) -> Result<String, SecretError> {
        if let Some(scope) = self.known_scope().clone() {
            return Ok(scope);
        }
        let answer = send(self.request(Method::GET, "secrets")?, ANSWER_MAX_BYTES).await?;
        if is_away(answer.status) {
            return Err(SecretError::Unreachable(format!("it answers {}", answer.status).into()));
        }
        let header = answer
            .challenge
            .ok_or(SecretError::ForeignChallenge { what: "nothing" })?;
        let challenge = challenge::verify(&header, &self.base, self.tokens().authority())?;
        *self.known_scope() = Some(challenge.scope.clone());
        Ok(challenge.scope)
    }

    fn known_scope(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tokens(&self) -> &Tokens {
        &self.azure.inner.tokens
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, SecretError> {
        let mut address = self.base.join(path).map_err(|_| SecretError::MalformedName)?;
        address.query_pairs_mut().append_pair("api-version", API_VERSION);
        Ok(self.azure.inner.client.request(method, address))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the token is handed to the vault"
)]
fn token_text(token: &bearingwall_core::Sensitive<String>) -> &str {
    token.expose()
}

/// The error's code is told, and no more of the body.
fn meaning(answer: &Answer, name: &str) -> Result<(), SecretError> {
    let told = || format!("it answers {}: {}", answer.status, code(&answer.body)).into();
    match answer.status {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_FOUND => Err(SecretError::Missing { name: name.to_owned() }),
        StatusCode::FORBIDDEN if disabled(&answer.body) => Err(SecretError::Disabled { name: name.to_owned() }),
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Err(SecretError::Refused(told())),
        status if is_away(status) => Err(SecretError::Unreachable(told())),
        _ => Err(SecretError::Answer(told())),
    }
}

fn disabled(body: &[u8]) -> bool {
    matches!(
        code(body).as_str(),
        "SecretDisabled" | "KeyDisabled" | "KeyNotYetValid" | "KeyExpired"
    )
}

/// The innermost code of an error: letters only, whatever stands there.
fn code(body: &[u8]) -> String {
    let parsed: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let outer = parsed.pointer("/error/code");
    let inner = parsed.pointer("/error/innererror/code");
    let text = inner.or(outer).and_then(serde_json::Value::as_str).unwrap_or_default();
    text.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}
