//! The configuration: one TOML file, unknown keys refused, secrets by reference only.

use crate::destinations::EgressSettings;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_secrets::SecretRef;
use bearingwall_secrets::document::{self, DocumentError};
use bearingwall_telemetry::TelemetryConfig;
use bearingwall_vaults::{DatabaseSettings, VaultSettings};
use serde::Deserialize;
use std::path::Path;

/// The version of the file's format.
const VERSION: u32 = 1;

/// Why the configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read, is malformed, or holds a credential.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A value is not one that may stand there.
    #[error("the configuration is refused: `{field}` {reason}")]
    Refused {
        /// Which value.
        field: &'static str,
        /// Why.
        reason: &'static str,
    },
}

impl Classified for ConfigError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Document(error) => error.code(),
            Self::Refused { .. } => "WRK-001",
        }
    }
}

/// Everything that an operator decides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The version of the file's format: 1.
    pub version: u32,
    /// The database.
    pub database: DatabaseSettings,
    /// The keys.
    pub keys: KeySettings,
    /// The vaults that references point to.
    #[serde(default)]
    pub vaults: VaultSettings,
    /// How much at once.
    #[serde(default)]
    pub work: WorkSettings,
    /// What may leave, and how. Without it, nothing that a tenant names is reached.
    pub egress: Option<EgressSettings>,
    /// What has arrived.
    #[serde(default)]
    pub arrivals: ArrivalSettings,
    /// Logs and traces.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// `[keys]`: what unwraps the tenants' keys of payloads.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The key-encryption key, as in the server's configuration.
    pub kek: SecretRef,
}

/// `[work]`: how much at once.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkSettings {
    /// Effects under way at once: 1 to 100.
    pub concurrency: u16,
    /// How long a lease lasts, in seconds: 10 to 900.
    pub lease_s: u64,
    /// The pause after a look that brought nothing, in milliseconds: 20 to 10000.
    pub poll_ms: u64,
}

/// `[arrivals]`: what has arrived by webhooks.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArrivalSettings {
    /// How long the content of an event is kept after it was settled, in days: 5 to 3650. Its id stays.
    pub retention_days: u16,
}

impl Default for ArrivalSettings {
    fn default() -> Self {
        Self { retention_days: 30 }
    }
}

impl Default for WorkSettings {
    fn default() -> Self {
        Self {
            concurrency: 16,
            lease_s: 60,
            poll_ms: 250,
        }
    }
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`ConfigError`]: nothing is guessed, and nothing is left out.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::checked(document::load(path)?)
    }

    /// Checks a file's text.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::checked(document::parse(text)?)
    }

    /// Every reference to a secret, with the setting that holds it.
    pub(crate) fn references(&self) -> impl Iterator<Item = (&'static str, &SecretRef)> {
        let password = self.database.password.iter();
        password.map(|reference| ("database.password", reference))
    }

    fn checked(config: Self) -> Result<Self, ConfigError> {
        let refused = |field, reason| Err(ConfigError::Refused { field, reason });
        if config.version != VERSION {
            return refused("version", "is not 1");
        }
        if config.database.regions.is_empty() {
            return refused("database.regions", "names no region");
        }
        if let Some(reason) = config.database.login().refused(&config.vaults) {
            return refused("database", reason);
        }
        if !config.vaults.cache.is_usable() {
            return refused(
                "vaults.cache",
                "holds a secret for more than an hour, or for more than six in an outage, or reads it too early",
            );
        }
        if !(1..=100).contains(&config.work.concurrency) {
            return refused("work.concurrency", "is not between 1 and 100");
        }
        if !(10..=900).contains(&config.work.lease_s) {
            return refused("work.lease_s", "is not between 10 and 900");
        }
        if !(20..=10_000).contains(&config.work.poll_ms) {
            return refused("work.poll_ms", "is not between 20 and 10000");
        }
        if !(5..=3650).contains(&config.arrivals.retention_days) {
            return refused("arrivals.retention_days", "is not between 5 and 3650");
        }
        Ok(config)
    }
}
