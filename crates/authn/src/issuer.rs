//! What is configured about an issuer, and the rules that a configuration must keep.

use crate::document;
use crate::error::AuthnError;
use crate::jws::Algorithm;
use bearingwall_core::CustomerId;
use serde::{Deserialize, Serialize};
use url::Url;

const MAX_LEEWAY_S: u32 = 120;

/// An issuer whose tokens are accepted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The `iss` of its tokens, compared byte by byte. https, or http on a loopback host.
    pub issuer: String,
    /// What must stand in `aud`.
    pub audience: String,
    /// Where its keys are; `None` asks its discovery document, whose key set must be on the issuer's own origin.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// The algorithms that it may sign with.
    #[serde(default = "all_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// How far its clock may be from ours, in seconds: 120 at most.
    #[serde(default = "default_leeway_s")]
    pub leeway_s: u32,
    /// The longest time from `iat` to `exp` that is accepted, in seconds.
    #[serde(default)]
    pub max_lifetime_s: Option<u32>,
    /// The one tenant that this issuer may speak for; `None` for the platform's own issuer.
    #[serde(default)]
    pub customer: Option<CustomerId>,
    /// Also accepts the header type `JWT`, then with a claim `typ` of `Bearer`: for Keycloak before 26.2.
    #[serde(default)]
    pub allow_typ_jwt: bool,
    /// The path of the claim that lists the roles.
    #[serde(default = "default_roles_claim")]
    pub roles_claim: Vec<String>,
    /// The `aud` of its logout tokens: the client id under which it knows the application. Without it they are refused.
    #[serde(default)]
    pub logout_audience: Option<String>,
    /// The values of `acr` that mean a strong sign-in.
    #[serde(default)]
    pub strong_acr: Vec<String>,
    /// The members of `amr` of which one means a strong sign-in.
    #[serde(default)]
    pub strong_amr: Vec<String>,
}

fn all_algorithms() -> Vec<Algorithm> {
    Algorithm::ALL.to_vec()
}

const fn default_leeway_s() -> u32 {
    30
}

fn default_roles_claim() -> Vec<String> {
    vec!["realm_access".to_owned(), "roles".to_owned()]
}

impl IssuerConfig {
    /// An issuer with every default: discovery, RS256 and ES256, 30 s of leeway, roles in `realm_access.roles`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            jwks_uri: None,
            algorithms: all_algorithms(),
            leeway_s: default_leeway_s(),
            max_lifetime_s: None,
            customer: None,
            allow_typ_jwt: false,
            roles_claim: default_roles_claim(),
            logout_audience: None,
            strong_acr: Vec::new(),
            strong_amr: Vec::new(),
        }
    }

    /// Checks the configuration and returns the issuer's and the key set's addresses.
    pub(crate) fn locations(&self) -> Result<(Url, Option<Url>), AuthnError> {
        let refuse = |what| AuthnError::Config {
            issuer: self.issuer.clone(),
            what,
        };
        if self.audience.is_empty() {
            return Err(refuse("the audience is empty"));
        }
        if self.logout_audience.as_deref() == Some("") {
            return Err(refuse("the audience of logout tokens is empty"));
        }
        if self.algorithms.is_empty() {
            return Err(refuse("no algorithm is allowed"));
        }
        if self.leeway_s > MAX_LEEWAY_S {
            return Err(refuse("the leeway is above 120 seconds"));
        }
        if self.max_lifetime_s == Some(0) {
            return Err(refuse("the longest lifetime is zero"));
        }
        if self.roles_claim.is_empty() || self.roles_claim.iter().any(String::is_empty) {
            return Err(refuse("the path of the roles claim is empty"));
        }
        if self
            .customer
            .is_some_and(|customer| customer.is_platform() || customer.as_uuid().is_nil())
        {
            return Err(refuse("it is bound to a reserved tenant"));
        }
        let issuer = document::location(&self.issuer)
            .ok_or_else(|| refuse("the issuer is no https address (http only on a loopback host)"))?;
        let jwks = self
            .jwks_uri
            .as_deref()
            .map(|uri| document::location(uri).ok_or_else(|| refuse("the key set is not at an https address")))
            .transpose()?;
        Ok((issuer, jwks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut IssuerConfig)) -> bool {
        let mut config = IssuerConfig::new("https://id.example.org/realms/spa", "bearingwall");
        change(&mut config);
        matches!(config.locations(), Err(AuthnError::Config { .. }))
    }

    #[test]
    fn a_plain_configuration_is_accepted() {
        assert!(!refused(|_| ()));
        assert!(!refused(
            |config| config.issuer = "http://127.0.0.1:8081/realms/spa".to_owned()
        ));
        assert!(!refused(|config| config.issuer = "http://[::1]:8081".to_owned()));
    }

    #[test]
    fn unusable_configurations_are_refused() {
        for issuer in [
            "",
            "id.example.org",
            "http://id.example.org",
            "http://127.0.0.1.example.org",
            "ftp://id.example.org",
            "https://user:word@id.example.org",
            "https://id.example.org/?realm=spa",
            "https://id.example.org/#spa",
            "file:///etc/keys",
        ] {
            assert!(refused(|config| config.issuer = issuer.to_owned()), "{issuer}");
            assert!(
                refused(|config| config.jwks_uri = Some(issuer.to_owned())) || issuer.contains('?'),
                "{issuer}"
            );
        }
        assert!(refused(|config| config.audience.clear()));
        assert!(refused(|config| config.logout_audience = Some(String::new())));
        assert!(refused(|config| config.algorithms.clear()));
        assert!(refused(|config| config.leeway_s = 121));
        assert!(refused(|config| config.max_lifetime_s = Some(0)));
        assert!(refused(|config| config.roles_claim.clear()));
        assert!(refused(|config| config.customer = Some(CustomerId::PLATFORM)));
    }

    #[test]
    fn unknown_settings_are_refused_and_defaults_are_strict() {
        let read: IssuerConfig =
            serde_json::from_str(r#"{"issuer":"https://id.example.org","audience":"bearingwall"}"#).unwrap();
        assert_eq!((read.leeway_s, read.allow_typ_jwt), (30, false));
        let unknown = r#"{"issuer":"https://id.example.org","audience":"bearingwall","algorithm":"none"}"#;
        assert!(serde_json::from_str::<IssuerConfig>(unknown).is_err());
        let symmetric = r#"{"issuer":"https://id.example.org","audience":"bearingwall","algorithms":["HS256"]}"#;
        assert!(serde_json::from_str::<IssuerConfig>(symmetric).is_err());
    }
}
