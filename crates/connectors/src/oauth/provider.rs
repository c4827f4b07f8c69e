//! The providers that the operator names, and what each of them may be asked.

use super::OauthError;
use crate::egress::{Allowed, Destination, Egress, Method};
use bearingwall_secrets::{SecretRef, SecretStore};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use url::{Host, Url};

/// `[[oauth.providers]]`: a provider at which tenants may have accounts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// What it is called here: `a-z`, `0-9` and `-`, 32 at the most. It is a part of the address that the browser comes back to.
    pub name: String,
    /// Its issuer identifier (RFC 8414), if it has one.
    #[serde(default)]
    pub issuer: Option<String>,
    /// That it always says who answers (RFC 9207): an answer without `iss` is then refused.
    #[serde(default)]
    pub issuer_required: bool,
    /// Where the browser goes.
    pub authorization_endpoint: Url,
    /// Where a code becomes tokens.
    pub token_endpoint: Url,
    /// Where a token is ended (RFC 7009), if there is such a place.
    #[serde(default)]
    pub revocation_endpoint: Option<Url>,
    /// As whom we are known there.
    pub client_id: String,
    /// Where the secret is that is shown there (`client_secret_basic`).
    pub client_secret: SecretRef,
    /// The scopes that a tenant may ask for.
    pub scopes: Vec<String>,
}

/// A provider that can be asked.
#[derive(Clone)]
pub struct Provider {
    pub(super) settings: Arc<ProviderSettings>,
    pub(super) redirect_uri: Arc<str>,
    pub(super) allowed: Allowed,
    pub(super) egress: Egress,
    pub(super) secrets: Arc<dyn SecretStore>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.settings.name)
    }
}

/// Every provider that the operator names.
#[derive(Clone, Debug, Default)]
pub struct Providers(BTreeMap<String, Provider>);

impl Providers {
    /// Checks what is configured. Nothing is connected and no secret read. `base` is scheme, host and port of our own pages.
    ///
    /// Each provider has a redirect address of its own, so that an answer of one is never taken to another although neither
    /// says who it is (RFC 9700, 4.4.2.2).
    ///
    /// # Errors
    /// [`OauthError::Config`].
    // CONTROL: CON-15
    pub fn new(
        settings: Vec<ProviderSettings>,
        base: &Url,
        egress: &Egress,
        secrets: &Arc<dyn SecretStore>,
    ) -> Result<Self, OauthError> {
        let refuse = |what| OauthError::Config { what };
        if !is_safe(base) || format!("{}/", base.origin().ascii_serialization()) != base.as_str() {
            return Err(refuse("has no `https://`, a host and perhaps a port to come back to"));
        }
        let mut providers = BTreeMap::new();
        for one in settings {
            let name = one.name.clone();
            let allowed = checked(&one)?;
            let provider = Provider {
                redirect_uri: format!("{base}connect/callback/{name}").into(),
                settings: Arc::new(one),
                allowed,
                egress: egress.clone(),
                secrets: Arc::clone(secrets),
            };
            if providers.insert(name, provider).is_some() {
                return Err(refuse("names one provider twice"));
            }
        }
        Ok(Self(providers))
    }

    /// The provider of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }
}

impl Provider {
    /// What it is called here.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Where the browser comes back to.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }
}

/// What may be reached at a provider: its own endpoints, with the one method that they have.
fn checked(settings: &ProviderSettings) -> Result<Allowed, OauthError> {
    let refuse = |what| OauthError::Config { what };
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=32).contains(&settings.name.len()) || !settings.name.bytes().all(is_name) {
        return Err(refuse("has a `name` of other characters than `a-z`, `0-9` and `-`"));
    }
    if settings.client_id.is_empty() {
        return Err(refuse("has no `client_id`"));
    }
    if settings.issuer_required && settings.issuer.is_none() {
        return Err(refuse("requires an `issuer` that it does not name"));
    }
    if settings.scopes.is_empty() || !settings.scopes.iter().all(|scope| is_scope(scope)) {
        return Err(refuse("has no `scopes`, or one that is none (RFC 6749, 3.3)"));
    }
    let asked = [Some(&settings.token_endpoint), settings.revocation_endpoint.as_ref()];
    let all = asked.into_iter().flatten().chain([&settings.authorization_endpoint]);
    for endpoint in all {
        let is_plain = endpoint.fragment().is_none() && endpoint.username().is_empty() && endpoint.password().is_none();
        if !is_safe(endpoint) || !is_plain {
            return Err(refuse("has an endpoint that is no plain `https://` address"));
        }
    }
    let destination = |endpoint: &Url| {
        let host = endpoint.host_str().unwrap_or_default();
        let port = endpoint.port_or_known_default().unwrap_or_default();
        Destination::new(host, port, [Method::Post]).map_err(|_| refuse("has an endpoint without a plain host"))
    };
    let named: Result<Vec<_>, _> = asked.into_iter().flatten().map(destination).collect();
    Ok(Allowed::by_operator(named?))
}

/// TLS, or an address of this machine itself.
fn is_safe(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}

/// RFC 6749, 3.3: `scope-token`.
pub(super) fn is_scope(text: &str) -> bool {
    let is_part = |byte: u8| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~');
    (1..=256).contains(&text.len()) && text.bytes().all(is_part)
}
