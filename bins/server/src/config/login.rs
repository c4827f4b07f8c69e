//! `[login]`.

use bearingwall_authn::IssuerConfig;
use bearingwall_secrets::SecretRef;
use serde::Deserialize;
use url::Url;

/// `[login]`: the sign-in of people in browsers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginSettings {
    /// The provider: the `issuer` of one of `[[issuers]]`.
    pub issuer: String,
    /// The application, as the provider knows it.
    pub client_id: String,
    /// Where the application's secret is.
    pub client_secret: SecretRef,
    /// Where the key is that seals what is kept of a session: 32 bytes, the same for all servers of a deployment.
    pub seal_key: SecretRef,
    /// Scheme, host and port under which browsers reach this server.
    pub origin: String,
    /// How people have to sign in (`acr_values`); the provider's own choice where there is none.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// What is asked for beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// How long a session may rest, in seconds.
    #[serde(default = "default_idle_s")]
    pub idle_s: u64,
    /// How long a session lasts in all, in seconds.
    #[serde(default = "default_absolute_s")]
    pub absolute_s: u64,
}

const fn default_idle_s() -> u64 {
    900
}

const fn default_absolute_s() -> u64 {
    36_000
}

impl LoginSettings {
    /// What no profile can work with.
    pub(super) fn unusable(&self, issuers: &[IssuerConfig]) -> Vec<String> {
        let is_origin = Url::parse(&self.origin).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http") && url.origin().ascii_serialization() == self.origin
        });
        let rules = [
            (
                !is_origin,
                "`login.origin` is not a scheme, a host and perhaps a port, as a browser writes them",
            ),
            (
                !issuers.iter().any(|issuer| issuer.issuer == self.issuer),
                "`login.issuer` is none of `[[issuers]]`",
            ),
            (
                !(1..=43_200).contains(&self.idle_s) || !(self.idle_s..=86_400).contains(&self.absolute_s),
                "`login.idle_s` is above 12 hours or `login.absolute_s`, or that is above a day",
            ),
        ];
        let broken = rules.into_iter().filter(|(broken, _)| *broken);
        broken.map(|(_, refusal)| refusal.to_owned()).collect()
    }
}
