//! The configuration: one TOML file, unknown keys refused, secrets by reference only.

use bearingwall_core::{Classified, ErrorKind};
use bearingwall_secrets::SecretRef;
use bearingwall_secrets::document::{self, DocumentError};
use bearingwall_telemetry::TelemetryConfig;
use bearingwall_tenancy::DatabaseAddress;
use bearingwall_tlog::note::{KeyKind, VerifierKey};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use url::{Host, Url};

/// The version of the file's format.
const VERSION: u32 = 1;

/// Between two seals an event may still be changed unseen: longer than this is no tamper evidence.
const INTERVAL_MAX_MS: u64 = 1_500;

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
            Self::Refused { .. } => "SLR-003",
        }
    }
}

/// Everything that an operator decides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The version of the file's format: 1.
    pub version: u32,
    /// What stands before `/<tenant>` in the name of each log. It can never change.
    pub origin: String,
    /// The database.
    pub database: DatabaseSettings,
    /// The signing key.
    pub key: KeySettings,
    /// How often.
    #[serde(default)]
    pub schedule: Schedule,
    /// Where checkpoints are left.
    #[serde(default)]
    pub witnesses: Vec<WitnessSettings>,
    /// Logs and traces.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// `[database]`: where it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `postgres://bearingwall_sealer@host:5432/database`, without a password, and not through a pooler.
    #[serde(deserialize_with = "from_text")]
    pub url: DatabaseAddress,
    /// Where the password is; without it the server must know the login otherwise.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// PEM file with the certificate authorities of the database's server, instead of the machine's own.
    #[serde(default)]
    pub root_file: Option<PathBuf>,
}

/// `[key]`: where the 32 bytes of the Ed25519 private key are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The key that signs.
    pub current: SecretRef,
    /// The key that hands over to it: needed once, after a change of keys.
    #[serde(default)]
    pub previous: Option<SecretRef>,
}

/// `[schedule]`: how often.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// The pause between two seals, in milliseconds.
    pub interval_ms: u64,
    /// How long it may be quiet before a sign of life is written, in seconds.
    pub heartbeat_s: u64,
    /// The pause between two rounds to the witnesses, in seconds.
    pub witness_interval_s: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            interval_ms: 500,
            heartbeat_s: 60,
            witness_interval_s: 60,
        }
    }
}

/// `[[witnesses]]`: a directory with a name, or the URL of a C2SP tlog-witness with its key.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum WitnessSettings {
    /// A directory of another machine or medium.
    Directory {
        /// What it is called on record.
        name: String,
        /// Where it is mounted.
        directory: PathBuf,
    },
    /// A server that cosigns.
    Https {
        /// Its submission prefix, before `/add-checkpoint`.
        #[serde(deserialize_with = "from_text")]
        url: Url,
        /// Its public key, whose name is what it is called on record.
        #[serde(deserialize_with = "witness_key")]
        key: Box<VerifierKey>,
    },
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

    fn checked(config: Self) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refused = |field, reason| Err(ConfigError::Refused { field, reason });
        if self.version != VERSION {
            return refused("version", "is not 1");
        }
        let of_origin = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "./_-".contains(c);
        // With `/` and a UUID behind it, it must fit the column.
        if self.origin.is_empty()
            || self.origin.len() > 200
            || !self.origin.chars().all(of_origin)
            || !self.origin.starts_with(|c: char| c.is_ascii_alphanumeric())
            || self.origin.ends_with('/')
        {
            return refused("origin", "is not a lower-case name like audit.example.com");
        }
        if !(50..=INTERVAL_MAX_MS).contains(&self.schedule.interval_ms) {
            return refused("schedule.interval_ms", "is not between 50 and 1500");
        }
        if !(1..=3_600).contains(&self.schedule.heartbeat_s)
            || !(1..=86_400).contains(&self.schedule.witness_interval_s)
        {
            return refused(
                "schedule",
                "has a heartbeat beyond an hour or a witness interval beyond a day, or 0",
            );
        }
        for witness in &self.witnesses {
            match witness {
                WitnessSettings::Directory { name, directory } => {
                    if name.is_empty() || name.len() > 64 || !name.chars().all(of_origin) {
                        return refused("witnesses.name", "is not a lower-case name");
                    }
                    if !directory.is_absolute() {
                        return refused("witnesses.directory", "is not an absolute directory");
                    }
                }
                WitnessSettings::Https { url, key } => {
                    let is_local = matches!(url.host(), Some(Host::Ipv4(address)) if address.is_loopback());
                    if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
                        return refused("witnesses.url", "is not https");
                    }
                    if key.kind() == KeyKind::Ed25519 || !key.name().chars().all(of_origin) {
                        return refused(
                            "witnesses.key",
                            "is not a key of a witness (type 0x04) with a lower-case name",
                        );
                    }
                }
            }
        }
        Ok(())
    }
}

fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err: std::fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn witness_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<VerifierKey>, D::Error> {
    VerifierKey::parse(&String::deserialize(deserializer)?)
        .map(Box::new)
        .map_err(D::Error::custom)
}
