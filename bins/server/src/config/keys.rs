//! `[keys]`: what wraps the tenants' keys, and when these turn.

use super::{DatabaseSettings, from_text};
use bearingwall_secrets::SecretRef;
use bearingwall_tenancy::DatabaseAddress;
use bearingwall_vaults::{ClientCertificate, DatabaseLogin, LoginKind};
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
    /// What is shown to be let in; what `[database]` says, if nothing is said.
    #[serde(default)]
    pub login: Option<LoginKind>,
    /// Where the password is.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// The files of its certificate.
    #[serde(default)]
    pub certificate: Option<ClientCertificate>,
    /// How often it is looked for what is due, in seconds.
    #[serde(default = "default_interval_s")]
    pub interval_s: u64,
}

impl KeyWorkerSettings {
    /// The login that turns keys, at the same database as the one that serves requests.
    pub(crate) fn login(&self, database: &DatabaseSettings) -> DatabaseLogin {
        let kind = self.login.or(database.login);
        DatabaseLogin {
            url: self.url.clone(),
            kind,
            password: self.password.clone(),
            certificate: self.certificate.clone(),
            region: database.region.clone().filter(|_| kind == Some(LoginKind::RdsIam)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(database: &str, worker: &str) -> Option<&'static str> {
        let at = "url = \"postgres://x@db.internal/db\"";
        let database: DatabaseSettings =
            bearingwall_secrets::document::parse(&format!("{at}\nregions = [\"us-east\"]\n{database}")).unwrap();
        let worker: KeyWorkerSettings = bearingwall_secrets::document::parse(&format!("{at}\n{worker}")).unwrap();
        let vaults = "aws = { identity = \"machine\" }\nazure = { identity = \"managed\" }";
        worker
            .login(&database)
            .refused(&bearingwall_secrets::document::parse(vaults).unwrap())
    }

    const PASSWORD: &str = "password = \"azure-kv://spa/worker\"";

    #[test]
    fn sec_6_who_turns_keys_shows_what_the_database_says_or_something_of_its_own() {
        let rds = "login = \"rds-iam\"\nregion = \"eu-central-1\"";
        assert_eq!(refused(rds, ""), None);
        assert_eq!(refused("login = \"entra\"", ""), None);
        assert!(refused("login = \"entra\"", PASSWORD).is_some());
        for database in [rds, "login = \"entra\""] {
            assert_eq!(refused(database, &format!("login = \"password\"\n{PASSWORD}")), None);
        }
        assert!(refused("", "login = \"certificate\"").is_some());
    }
}
