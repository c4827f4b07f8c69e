//! The configuration: one TOML file, unknown keys refused, secrets by reference only.

use bearingwall_core::{Classified, ErrorKind};
use bearingwall_secrets::SecretRef;
use bearingwall_secrets::document::{self, DocumentError};
use bearingwall_telemetry::TelemetryConfig;
use bearingwall_tlog::note::{KeyKind, VerifierKey};
use bearingwall_vaults::{DatabaseSettings, VaultSettings};
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
    /// The vaults that references point to.
    #[serde(default)]
    pub vaults: VaultSettings,
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

/// `[[witnesses]]`: a directory with a name, a bucket with object lock, or the URL of a C2SP tlog-witness with its key.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "WitnessTable")]
pub enum WitnessSettings {
    /// A bucket of S3, or of a store that speaks its protocol.
    Bucket(Box<BucketSettings>),
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
        url: Url,
        /// Its public key, whose name is what it is called on record.
        key: Box<VerifierKey>,
    },
}

/// A bucket whose objects nobody can change or remove before their time.
#[derive(Clone, Debug)]
pub struct BucketSettings {
    /// What it is called on record.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// What stands before the names of the logs.
    pub prefix: String,
    /// Another address than the provider's own.
    pub endpoint: Option<Url>,
    /// For how many days a checkpoint is locked: 1 to 36,500, seven years if absent.
    pub retain_days: u32,
    /// Where the access key's id is; with neither, the machine's own identity is used.
    pub access_key_id: Option<SecretRef>,
    /// Where its secret is.
    pub secret_access_key: Option<SecretRef>,
}

/// All that may stand in the table of a witness; which kind it is, is told by what is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WitnessTable {
    name: Option<String>,
    directory: Option<PathBuf>,
    #[serde(default, deserialize_with = "maybe_from_text")]
    url: Option<Url>,
    #[serde(default, deserialize_with = "witness_key")]
    key: Option<Box<VerifierKey>>,
    bucket: Option<String>,
    region: Option<String>,
    prefix: Option<String>,
    #[serde(default, deserialize_with = "maybe_from_text")]
    endpoint: Option<Url>,
    retain_days: Option<u32>,
    access_key_id: Option<SecretRef>,
    secret_access_key: Option<SecretRef>,
}

impl TryFrom<WitnessTable> for WitnessSettings {
    type Error = &'static str;

    fn try_from(table: WitnessTable) -> Result<Self, Self::Error> {
        let of_bucket = table.region.is_some()
            || table.prefix.is_some()
            || table.endpoint.is_some()
            || table.retain_days.is_some()
            || table.access_key_id.is_some()
            || table.secret_access_key.is_some();
        match (table.directory, table.url, table.bucket) {
            (Some(directory), None, None) if table.key.is_none() && !of_bucket => Ok(Self::Directory {
                name: table.name.ok_or("a witness in a directory has no `name`")?,
                directory,
            }),
            (None, Some(url), None) if table.name.is_none() && !of_bucket => Ok(Self::Https {
                url,
                key: table.key.ok_or("a witness with a `url` has no `key`")?,
            }),
            (None, None, Some(bucket)) if table.key.is_none() => Ok(Self::Bucket(Box::new(BucketSettings {
                name: table.name.ok_or("a witness in a bucket has no `name`")?,
                bucket,
                region: table.region.ok_or("a witness in a bucket has no `region`")?,
                prefix: table.prefix.unwrap_or_default(),
                endpoint: table.endpoint,
                retain_days: table.retain_days.unwrap_or_else(retain_days),
                access_key_id: table.access_key_id,
                secret_access_key: table.secret_access_key,
            }))),
            _ => Err("a witness has one of `directory`, `bucket` and `url`, and only what belongs to it"),
        }
    }
}

/// Seven years, leap days included: a year more than a record must be kept.
const fn retain_days() -> u32 {
    2_557
}

impl BucketSettings {
    fn check(&self) -> Result<(), ConfigError> {
        let refused = |field, reason| Err(ConfigError::Refused { field, reason });
        // What S3 takes as a bucket's name, and what a path takes without escapes.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        if self.bucket.len() < 3 || self.bucket.len() > 63 || !self.bucket.chars().all(plain) {
            return refused("witnesses.bucket", "is not the name of a bucket");
        }
        if self.region.is_empty() || !self.region.chars().all(plain) {
            return refused("witnesses.region", "is not the name of a region");
        }
        if self.prefix.len() > 200 || !self.prefix.chars().all(|c| plain(c) || c == '/' || c == '_') {
            return refused("witnesses.prefix", "is not a lower-case path");
        }
        if !(1..=36_500).contains(&self.retain_days) {
            return refused("witnesses.retain_days", "is not between 1 and 36500");
        }
        if self.access_key_id.is_some() != self.secret_access_key.is_some() {
            return refused(
                "witnesses.access_key_id",
                "and `secret_access_key` are given together, or neither",
            );
        }
        match &self.endpoint {
            Some(endpoint) if !is_private(endpoint) => refused("witnesses.endpoint", "is not https"),
            Some(_) | None => Ok(()),
        }
    }
}

/// TLS, or this machine.
fn is_private(url: &Url) -> bool {
    let is_local = matches!(url.host(), Some(Host::Ipv4(address)) if address.is_loopback());
    url.scheme() == "https" || (url.scheme() == "http" && is_local)
}

fn of_origin(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || "./_-".contains(c)
}

fn check_name(name: &str) -> Result<(), ConfigError> {
    if name.is_empty() || name.len() > 64 || !name.chars().all(of_origin) {
        return Err(ConfigError::Refused {
            field: "witnesses.name",
            reason: "is not a lower-case name",
        });
    }
    Ok(())
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
        let keys = std::iter::once(("key.current", &self.key.current));
        let previous = self.key.previous.iter();
        let buckets = self.witnesses.iter().flat_map(|witness| match witness {
            WitnessSettings::Bucket(bucket) => [
                (bucket.access_key_id.as_ref()).map(|reference| ("witnesses.access_key_id", reference)),
                (bucket.secret_access_key.as_ref()).map(|reference| ("witnesses.secret_access_key", reference)),
            ],
            WitnessSettings::Directory { .. } | WitnessSettings::Https { .. } => [None, None],
        });
        password
            .map(|reference| ("database.password", reference))
            .chain(keys)
            .chain(previous.map(|reference| ("key.previous", reference)))
            .chain(buckets.flatten())
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
        if !self.database.regions.is_empty() {
            return refused("database.regions", "is not for the sealer, which serves every tenant");
        }
        if let Some(reason) = self.database.login().refused(&self.vaults) {
            return refused("database", reason);
        }
        if !self.vaults.cache.is_usable() {
            return refused(
                "vaults.cache",
                "holds a secret for more than an hour, or for more than six in an outage, or reads it too early",
            );
        }
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
                WitnessSettings::Bucket(bucket) => {
                    check_name(&bucket.name)?;
                    bucket.check()?;
                }
                WitnessSettings::Directory { name, directory } => {
                    check_name(name)?;
                    if !directory.is_absolute() {
                        return refused("witnesses.directory", "is not an absolute directory");
                    }
                }
                WitnessSettings::Https { url, key } => {
                    if !is_private(url) {
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

fn maybe_from_text<'de, D: Deserializer<'de>, T: FromStr<Err: std::fmt::Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    from_text(deserializer).map(Some)
}

fn witness_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<VerifierKey>>, D::Error> {
    VerifierKey::parse(&String::deserialize(deserializer)?)
        .map(|key| Some(Box::new(key)))
        .map_err(D::Error::custom)
}
