//! `[keys]`: what wraps the tenants' keys, and when these turn.

use super::{DatabaseSettings, from_text};
use bearingwall_secrets::SecretRef;
use bearingwall_tenancy::DatabaseAddress;
use bearingwall_vaults::DatabaseLogin;
use serde::Deserialize;

/// `[keys]`: what wraps the tenants' keys, and when these turn.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The key-encryption key.
    pub kek: SecretRef,
    /// The age in days at which a tenant's key gets a new version; 0 is never by itself.
    #[serde(default = "default_rotate_after_days")]
    pub rotate_after_days: u32,
    /// Who turns keys; without it this server does not, and another one or the operator's tool must.
    #[serde(default)]
    pub worker: Option<KeyWorkerSettings>,
}

/// `[keys.worker]`: the login that turns keys, which is not the one that serves requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyWorkerSettings {
    /// `postgres://bearingwall_worker@host:5432/database`, without a password.
    #[serde(deserialize_with = "from_text")]
    pub url: DatabaseAddress,
    /// Where the password is, where that is what `[database]` shows, too.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// How often it is looked for what is due, in seconds.
    #[serde(default = "default_interval_s")]
    pub interval_s: u64,
}

impl KeyWorkerSettings {
    /// The login that turns keys: at the same database, and shown in the same way, as the one that serves requests.
    pub(crate) fn login(&self, database: &DatabaseSettings) -> DatabaseLogin {
        DatabaseLogin {
            url: self.url.clone(),
            password: self.password.clone(),
            ..database.login()
        }
    }
}

const fn default_rotate_after_days() -> u32 {
    90
}

const fn default_interval_s() -> u64 {
    300
}

/// The longest time between two looks, in seconds.
const INTERVAL_MAX_S: u64 = 86_400;

impl KeySettings {
    /// Whether the worker's interval is one.
    pub(super) fn is_usable(&self) -> bool {
        let worker = self.worker.as_ref();
        worker.is_none_or(|worker| (1..=INTERVAL_MAX_S).contains(&worker.interval_s))
    }
}
