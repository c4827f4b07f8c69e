//! The configuration: one TOML file, unknown keys refused, secrets by reference only.

mod access;
mod error;
mod isolation;
mod keys;
mod login;
mod masking;
mod profile;
mod rates;
mod webhooks;

pub use access::AccessSettings;
pub use bearingwall_vaults::{
    AwsIdentity, AwsSettings, AzureIdentity, AzureSettings, CacheSettings, ClientCertificate, LoginKind, VaultSettings,
};
pub use error::ConfigError;
pub use isolation::IsolationProfile;
pub use keys::{KeySettings, KeyWorkerSettings};
pub use login::LoginSettings;
pub use masking::MaskingSettings;
pub use profile::Profile;
use rates::RateSettings;
pub use webhooks::WebhookSettings;

use bearingwall_authn::{AuthnOptions, IssuerConfig};
use bearingwall_core::CustomerId;
use bearingwall_secrets::{SecretRef, document};
use bearingwall_telemetry::TelemetryConfig;
use bearingwall_tenancy::{DatabaseAddress, Pooler};
use bearingwall_vaults::DatabaseLogin;
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The version of the file's format.
const VERSION: u32 = 1;

/// The longest life of a token that may be configured, in seconds: for as long a revocation is remembered.
const TOKEN_LIFETIME_MAX_S: u64 = 86_400;

/// How old the list of ended sessions may be, in seconds: it is read every second, and a sign-out is to work soon.
const REVOCATION_LIMITS_S: std::ops::RangeInclusive<u64> = 3..=60;

/// The longest time between two probes of isolation, in seconds: what is not looked at for longer is not watched.
const CANARY_INTERVAL_MAX_S: u64 = 3_600;

/// Everything that an operator decides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The version of the file's format: 1.
    pub version: u32,
    /// What is refused beyond what is always refused.
    pub profile: Profile,
    /// The listening socket and the limits of requests.
    #[serde(default)]
    pub server: ServerSettings,
    /// The database.
    pub database: DatabaseSettings,
    /// Whose proof opens a tenant, and how isolation is watched.
    #[serde(default)]
    pub isolation: IsolationSettings,
    /// The key that signs entries into tenants, with the profile that has one.
    #[serde(default)]
    pub tenancy: TenancySettings,
    /// The key-encryption key, and when tenants' keys turn.
    pub keys: KeySettings,
    /// The vaults that references point to.
    #[serde(default)]
    pub vaults: VaultSettings,
    /// How often somebody may ask.
    #[serde(default)]
    pub rates: RateSettings,
    /// Limits of token verification.
    #[serde(default)]
    pub authn: AuthnSettings,
    /// What a tenant gives its own people.
    #[serde(default)]
    pub access: AccessSettings,
    /// Masking: limits, and how long conversations last.
    #[serde(default)]
    pub masking: MaskingSettings,
    /// The issuers whose tokens are accepted.
    pub issuers: Vec<IssuerConfig>,
    /// The sign-in of people in browsers; without it there is none.
    #[serde(default)]
    pub login: Option<LoginSettings>,
    /// Endpoints for webhooks; without it there are none.
    #[serde(default)]
    pub webhooks: Option<WebhookSettings>,
    /// Logs and traces.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// `[server]`: the listening socket and the limits of requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that serve requests; as many as the machine has processors by default.
    pub workers: Option<usize>,
    /// How long a request may take that is not a stream, in seconds.
    pub request_timeout_s: u64,
    /// How long running requests may take to end when the server stops, in seconds.
    pub shutdown_timeout_s: u64,
    /// That a proxy on a trusted network ends TLS in front of this server.
    pub tls_terminated_upstream: bool,
    /// The networks of the proxies in front of this server, whose `X-Forwarded-For` is taken for where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// Where metrics are scraped; port 0 takes a free one, and without it there are none.
    pub metrics_listen: Option<SocketAddr>,
    /// That only the monitoring system reaches the metrics' address, although it is not this machine's own.
    pub metrics_on_trusted_network: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            workers: None,
            request_timeout_s: 30,
            shutdown_timeout_s: 30,
            tls_terminated_upstream: false,
            trusted_proxies: Vec::new(),
            metrics_listen: None,
            metrics_on_trusted_network: false,
        }
    }
}

/// `[database]`: where it is and how much of it to use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `postgres://bearingwall_app@host:5432/database`, without a password.
    #[serde(deserialize_with = "from_text")]
    pub url: DatabaseAddress,
    /// What the server shows to be let in; without it the password, and without that whatever the database knows it by.
    #[serde(default)]
    pub login: Option<LoginKind>,
    /// Where the password is.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// The files of a login by certificate.
    #[serde(default)]
    pub certificate: Option<ClientCertificate>,
    /// The region of the database, for a login by an IAM token.
    #[serde(default)]
    pub region: Option<String>,
    /// PEM file with the certificate authorities of the database's server, instead of the machine's own.
    #[serde(default)]
    pub root_file: Option<PathBuf>,
    /// Connections at the most.
    #[serde(default = "default_connections")]
    pub max_connections: usize,
    /// The age at which a connection is not used again, in seconds.
    #[serde(default = "default_max_lifetime_s")]
    pub max_lifetime_s: u64,
    /// The regions whose tenants this server serves.
    pub regions: Vec<String>,
    /// How long a statement may run, in milliseconds.
    #[serde(default = "default_statement_timeout_ms")]
    pub statement_timeout_ms: u64,
    /// A PostgreSQL version below the security floor that the operator accepts by name.
    #[serde(default)]
    pub accept_version: Option<String>,
    /// What stands between this server and the database.
    #[serde(default)]
    pub pooler: PoolerSetting,
}

impl DatabaseSettings {
    pub(crate) fn login(&self) -> DatabaseLogin {
        DatabaseLogin {
            url: self.url.clone(),
            kind: self.login,
            password: self.password.clone(),
            certificate: self.certificate.clone(),
            region: self.region.clone(),
            root_file: self.root_file.clone(),
            max_lifetime_s: self.max_lifetime_s,
        }
    }
}

/// What stands between the server and the database; tried at the start, which is refused if it is something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolerSetting {
    /// Nothing.
    #[default]
    None,
    /// A pooler in transaction mode that carries named statements, as PgBouncer 1.21 or newer can.
    Transaction,
    /// A pooler in transaction mode that does not; the statement cache is off.
    TransactionUnnamed,
}

impl From<PoolerSetting> for Pooler {
    fn from(setting: PoolerSetting) -> Self {
        match setting {
            PoolerSetting::None => Self::None,
            PoolerSetting::Transaction => Self::Transaction { named_statements: true },
            PoolerSetting::TransactionUnnamed => Self::Transaction {
                named_statements: false,
            },
        }
    }
}

const fn default_connections() -> usize {
    16
}

const fn default_max_lifetime_s() -> u64 {
    1_800
}

const fn default_statement_timeout_ms() -> u64 {
    15_000
}

/// `[tenancy]`: the key of the profile `enter-key`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenancySettings {
    /// The key that signs entries.
    pub enter_key: Option<SecretRef>,
    /// The id under which the database knows that key.
    pub enter_kid: Option<i16>,
}

/// `[isolation]`: whose proof opens a tenant, and how isolation is watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IsolationSettings {
    /// Whose proof opens a tenant; the database must be set to the same.
    pub profile: IsolationProfile,
    /// How often the canary tries to look into another tenant, in seconds.
    pub canary_interval_s: u64,
}

impl Default for IsolationSettings {
    fn default() -> Self {
        Self {
            profile: IsolationProfile::default(),
            canary_interval_s: 30,
        }
    }
}

/// `[authn]`: limits of token verification.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthnSettings {
    /// How many verified tokens are remembered; 0 remembers none.
    pub cache_entries: u64,
    /// How long a verified token is remembered at most, in seconds.
    pub cache_ttl_s: u64,
    /// The shortest time between two attempts to fetch an issuer's keys, in seconds.
    pub min_refetch_s: u64,
    /// The age at which keys are fetched anew, in seconds.
    pub refresh_after_s: u64,
    /// The age above which keys that cannot be fetched anew are not used any more, in seconds.
    pub stale_limit_s: u64,
    /// How long fetching one document may take, in milliseconds.
    pub fetch_timeout_ms: u64,
    /// The longest time from `iat` to `exp`, whoever issued the token, in seconds.
    pub max_lifetime_s: u64,
    /// The age above which the list of ended sessions is not trusted any more, in seconds: nobody is let in then.
    pub revocation_limit_s: u64,
    /// Whether personal data is open to strong sign-ins only: those that an issuer's `strong_acr` or `strong_amr` names.
    pub strong_for_phi: bool,
    /// Tenants whose tokens end before their `exp`.
    pub tenants: Vec<TenantTokens>,
}

/// `[[authn.tenants]]`: what a tenant wants of the tokens that speak for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantTokens {
    /// The tenant.
    pub customer: CustomerId,
    /// The age at which its tokens end, in seconds.
    pub max_age_s: u64,
}

impl Default for AuthnSettings {
    fn default() -> Self {
        let options = AuthnOptions::default();
        Self {
            cache_entries: options.cache_entries,
            cache_ttl_s: options.cache_ttl.as_secs(),
            min_refetch_s: options.min_refetch.as_secs(),
            refresh_after_s: options.refresh_after.as_secs(),
            stale_limit_s: options.stale_limit.as_secs(),
            fetch_timeout_ms: u64::try_from(options.fetch_timeout.as_millis()).unwrap_or(u64::MAX),
            max_lifetime_s: options.max_lifetime.as_secs(),
            revocation_limit_s: 10,
            strong_for_phi: false,
            tenants: Vec::new(),
        }
    }
}

impl AuthnSettings {
    pub(crate) const fn revocation_limit(&self) -> Duration {
        Duration::from_secs(self.revocation_limit_s)
    }

    /// For how long a token may be accepted after it was made, both clocks off as far as they may be.
    pub(crate) const fn longest_life(&self) -> Duration {
        Duration::from_secs(self.max_lifetime_s.saturating_add(300))
    }

    pub(crate) fn options(&self) -> AuthnOptions {
        AuthnOptions {
            cache_entries: self.cache_entries,
            cache_ttl: Duration::from_secs(self.cache_ttl_s),
            min_refetch: Duration::from_secs(self.min_refetch_s),
            refresh_after: Duration::from_secs(self.refresh_after_s),
            stale_limit: Duration::from_secs(self.stale_limit_s),
            fetch_timeout: Duration::from_millis(self.fetch_timeout_ms),
            max_lifetime: Duration::from_secs(self.max_lifetime_s),
            max_age_of_tenants: (self.tenants.iter())
                .map(|tenant| (tenant.customer, Duration::from_secs(tenant.max_age_s)))
                .collect(),
            ..AuthnOptions::default()
        }
    }
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`]; no value of the file is ever part of it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::checked(document::load(path)?)
    }

    /// Reads and checks a text.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::checked(document::parse(text)?)
    }

    fn checked(config: Self) -> Result<Self, ConfigError> {
        if config.version != VERSION {
            return Err(ConfigError::Version { found: config.version });
        }
        let mut refusals = config.unusable();
        refusals.extend(config.refused_logins());
        if let Some(login) = &config.login {
            refusals.extend(login.unusable(&config.issuers));
        }
        if let Some(webhooks) = &config.webhooks {
            refusals.extend(webhooks.unusable());
        }
        refusals.extend(config.refused_by_isolation());
        refusals.extend(config.refused_by_profile());
        if refusals.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Refused { refusals })
        }
    }

    /// Every reference to a secret, with the setting that holds it.
    pub(crate) fn references(&self) -> Vec<(&'static str, &SecretRef)> {
        let password = self
            .database
            .password
            .iter()
            .map(|reference| ("database.password", reference));
        let enter_key = self
            .tenancy
            .enter_key
            .iter()
            .map(|reference| ("tenancy.enter_key", reference));
        let worker = self.keys.worker.iter().filter_map(|worker| worker.password.as_ref());
        let login = self.login.iter().flat_map(|login| {
            [
                ("login.client_secret", &login.client_secret),
                ("login.seal_key", &login.seal_key),
            ]
        });
        password
            .chain(enter_key)
            .chain(login)
            .chain(worker.map(|reference| ("keys.worker.password", reference)))
            .collect()
    }

    /// What is no login to a database.
    fn refused_logins(&self) -> Vec<String> {
        let worker = self.keys.worker.as_ref().map(|worker| worker.login(&self.database));
        [("database", Some(self.database.login())), ("keys.worker", worker)]
            .into_iter()
            .filter_map(|(section, login)| Some((section, login?.refused(&self.vaults)?)))
            .map(|(section, reason)| format!("`{section}` {reason}"))
            .collect()
    }

    /// What no profile can work with.
    fn unusable(&self) -> Vec<String> {
        let rules = [
            (self.issuers.is_empty(), "`issuers` is empty: nobody could sign in"),
            (
                self.database.regions.is_empty(),
                "`database.regions` is empty: no tenant could be served",
            ),
            (self.database.max_connections == 0, "`database.max_connections` is 0"),
            (
                self.database.statement_timeout_ms == 0,
                "`database.statement_timeout_ms` is 0, which would mean no limit",
            ),
            (self.server.workers == Some(0), "`server.workers` is 0"),
            (self.server.request_timeout_s == 0, "`server.request_timeout_s` is 0"),
            (
                self.server
                    .trusted_proxies
                    .iter()
                    .any(|network| network.prefix_len() == 0),
                "`server.trusted_proxies` trusts everybody's word about where a request comes from",
            ),
            (
                !(1..=TOKEN_LIFETIME_MAX_S).contains(&self.authn.max_lifetime_s),
                "`authn.max_lifetime_s` is not between 1 and 86400",
            ),
            (
                !(REVOCATION_LIMITS_S).contains(&self.authn.revocation_limit_s),
                "`authn.revocation_limit_s` is not between 3 and 60",
            ),
            (
                !self.access.is_usable(),
                "`access.cache_s` is more than 60: what was taken from somebody must be gone sooner",
            ),
            (
                !self.masking.is_usable(),
                "`masking` has a value out of its bounds: `docs/server.example.toml` names them",
            ),
            (
                self.authn.strong_for_phi && !self.issuers.iter().any(names_strong),
                "`authn.strong_for_phi` is set, and no issuer has a `strong_acr` or `strong_amr`: nobody could work",
            ),
            (
                self.authn.tenants.iter().any(|tenant| tenant.max_age_s == 0),
                "`max_age_s` of a tenant is 0: nobody there could work",
            ),
            (
                !self.keys.is_usable(),
                "`keys.worker.interval_s` is not between 1 and 86400",
            ),
            (
                !self.vaults.cache.is_usable(),
                "`vaults.cache` holds a secret for more than an hour, or for more than six in an outage, or reads it too early",
            ),
            (
                !(1..=CANARY_INTERVAL_MAX_S).contains(&self.isolation.canary_interval_s),
                "`isolation.canary_interval_s` is not between 1 and 3600",
            ),
        ];
        rules
            .into_iter()
            .filter(|(broken, _)| *broken)
            .map(|(_, refusal)| refusal.to_owned())
            .collect()
    }
}

const fn names_strong(issuer: &IssuerConfig) -> bool {
    !issuer.strong_acr.is_empty() || !issuer.strong_amr.is_empty()
}

fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_core::Classified;
    use bearingwall_secrets::document::DocumentError;

    const MINIMAL: &str = r#"
        version = 1
        profile = "development"
        [database]
        url = "postgres://bearingwall_app@127.0.0.1:5432/bearingwall"
        regions = ["us-east"]
        [tenancy]
        enter_key = "file+sealed:///var/lib/bearingwall/secrets#enter-key-1"
        enter_kid = 1
        [keys]
        kek = "file+sealed:///var/lib/bearingwall/secrets#kek"
        [[issuers]]
        issuer = "https://id.example.org/realms/spa"
        audience = "bearingwall"
    "#;

    fn refused(from: &str, to: &str) -> ConfigError {
        assert!(MINIMAL.contains(from), "{from}");
        Config::parse(&MINIMAL.replacen(from, to, 1)).unwrap_err()
    }

    #[test]
    fn a_minimal_configuration_has_safe_defaults() {
        let config = Config::parse(MINIMAL).unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(
            (config.database.max_connections, config.database.statement_timeout_ms),
            (16, 15_000)
        );
        assert_eq!(config.authn.options().min_refetch, Duration::from_secs(30));
        assert!(config.database.password.is_none());
        assert_eq!(config.database.pooler, PoolerSetting::None);
        assert_eq!(config.isolation.canary_interval_s, 30);
        assert_eq!(config.server.metrics_listen, None);
    }

    #[test]
    fn the_commented_example_is_accepted_and_names_every_setting() {
        let example = include_str!("../../../docs/server.example.toml");
        let config = Config::parse(example).unwrap();
        assert_eq!(config.profile, Profile::Development);
        // With every comment that holds a setting taken as one, all settings there are exist.
        let all: String = example
            .lines()
            .map(|line| match line.strip_prefix("#: ") {
                Some(setting) => format!("{setting}\n"),
                None => format!("{line}\n"),
            })
            .collect();
        Config::parse(&all).unwrap();
        assert_ne!(all.lines().collect::<Vec<_>>(), example.lines().collect::<Vec<_>>());
    }

    #[test]
    fn a_pooler_is_named_in_one_of_three_ways() {
        let with = |pooler: &str| MINIMAL.replacen("[tenancy]", &format!("pooler = \"{pooler}\"\n[tenancy]"), 1);
        for (pooler, meant) in [
            ("none", Pooler::None),
            ("transaction", Pooler::Transaction { named_statements: true }),
            (
                "transaction-unnamed",
                Pooler::Transaction {
                    named_statements: false,
                },
            ),
        ] {
            let config = Config::parse(&with(pooler)).unwrap();
            assert_eq!(Pooler::from(config.database.pooler), meant);
        }
        assert_eq!(Config::parse(&with("session")).unwrap_err().code(), "CFG-002");
    }

    #[test]
    fn unknown_keys_are_refused_in_every_section() {
        for section in ["[database]", "[tenancy]", "[keys]", "[[issuers]]"] {
            let error = refused(section, &format!("{section}\nsurprise = true"));
            assert_eq!(error.code(), "CFG-002");
            assert!(error.to_string().contains("unknown field `surprise`"), "{error}");
        }
        for section in [
            "[server]",
            "[isolation]",
            "[authn]",
            "[access]",
            "[masking]",
            "[telemetry]",
        ] {
            let error = refused("[keys]", &format!("{section}\nsurprise = true\n[keys]"));
            assert!(error.to_string().contains("unknown field `surprise`"), "{error}");
        }
        let error = refused("version = 1", "version = 1\nsurprise = true");
        assert!(error.to_string().contains("line 3"), "{error}");
    }

    #[test]
    fn sec_1_no_error_repeats_a_value() {
        for (from, to) in [
            ("enter_kid = 1", "enter_kid = \"hunter\""),
            ("\"development\"", "\"hunter\""),
            ("\"file+sealed:///var/lib/bearingwall/secrets#kek\"", "\"hunter\""),
            ("regions = [\"us-east\"]", "regions = \"hunter\""),
            (
                "\"postgres://bearingwall_app@127.0.0.1:5432/bearingwall\"",
                "\"hunter\"",
            ),
        ] {
            let error = refused(from, to);
            assert!(!format!("{error} {error:?}").contains("hunter"), "{error:?}");
            assert!(error.to_string().contains("line "), "{error}");
        }
    }

    #[test]
    fn sec_1_credentials_in_the_file_are_refused_by_their_place() {
        for (from, to, place) in [
            ("@127.0.0.1", ":hunter2hunter2@127.0.0.1", "`database.url`"),
            (
                "[tenancy]",
                "password = \"correct horse battery\"\n[tenancy]",
                "`database.password`",
            ),
            ("version = 1", "version = 1\n# was: AKIAIOSFODNN7EXAMPLE", "line 3"),
        ] {
            let error = refused(from, to);
            assert!(
                matches!(error, ConfigError::Document(DocumentError::Credentials(_))),
                "{error:?}"
            );
            let text = format!("{error} {}", std::error::Error::source(&error).unwrap());
            assert!(text.contains(place), "{text}");
            assert!(
                !text.contains("hunter2") && !text.contains("horse") && !text.contains("AKIA"),
                "{text}"
            );
        }
    }

    #[test]
    fn another_version_is_refused() {
        assert_eq!(refused("version = 1", "version = 2").code(), "CFG-003");
    }

    #[test]
    fn a_configuration_that_could_serve_nobody_is_refused() {
        for (from, to) in [
            ("[tenancy]", "[access]\ncache_s = 61\n[tenancy]"),
            ("[tenancy]", "[masking]\npolicy_cache_s = 61\n[tenancy]"),
            ("[tenancy]", "[masking]\ntext_bytes = 1000000\n[tenancy]"),
            ("[tenancy]", "[masking]\nconcurrent = 0\n[tenancy]"),
            ("[tenancy]", "[masking]\nconversation_s = 864000\n[tenancy]"),
            ("[tenancy]", "[masking]\nconversation_max_s = 2592001\n[tenancy]"),
            ("regions = [\"us-east\"]", "regions = []"),
            ("regions", "max_connections = 0\nregions"),
            ("regions", "statement_timeout_ms = 0\nregions"),
            (
                "[database]",
                "[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"::/0\"]\n[database]",
            ),
            ("[keys]", "[isolation]\ncanary_interval_s = 0\n[keys]"),
            ("[keys]", "[isolation]\ncanary_interval_s = 3601\n[keys]"),
        ] {
            assert_eq!(refused(from, to).code(), "CFG-004", "{to}");
        }
    }
}
