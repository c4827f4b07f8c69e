//! `[database]`: where the database is, and what a program shows it to be let in.

use crate::settings::VaultSettings;
use bearingwall_secrets::SecretRef;
use bearingwall_tenancy::{ClientCertificate, DatabaseAddress};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;

/// `[database]` of a program that has no more to say about it than how to reach it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `postgres://role@host:5432/database`, without a password.
    #[serde(deserialize_with = "address_from_text")]
    pub url: DatabaseAddress,
    /// What the program shows to be let in; without it the password, and without that whatever the server knows it by.
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
    /// The age at which a connection is not used again, in seconds: 1,800 if nothing is said.
    #[serde(default = "default_max_lifetime_s")]
    pub max_lifetime_s: u64,
    /// The regions whose tenants this program serves.
    #[serde(default)]
    pub regions: Vec<String>,
}

impl DatabaseSettings {
    /// What is shown to be let in.
    #[must_use]
    pub fn login(&self) -> DatabaseLogin {
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

/// What a program shows the database to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginKind {
    /// A password out of a vault.
    Password,
    /// The account that the program runs as, over a socket of this machine.
    Peer,
    /// A certificate and its key out of files, over TLS 1.3.
    Certificate,
    /// A token that the identity of `[vaults.aws]` signs itself, for 15 minutes and one role (RDS IAM authentication).
    RdsIam,
    /// A token that Entra gives the identity of `[vaults.azure]` (Azure Database for PostgreSQL).
    Entra,
}

/// Where a database is and what is shown there: what [`Vaults`](crate::Vaults) makes a login of.
#[derive(Clone, Debug)]
pub struct DatabaseLogin {
    /// Where it is, and as whom.
    pub url: DatabaseAddress,
    /// What is shown.
    pub kind: Option<LoginKind>,
    /// Where the password is.
    pub password: Option<SecretRef>,
    /// The files of a login by certificate.
    pub certificate: Option<ClientCertificate>,
    /// The region of the database, for a login by an IAM token.
    pub region: Option<String>,
    /// The authorities of the database's server.
    pub root_file: Option<PathBuf>,
    /// The age at which a connection is not used again, in seconds.
    pub max_lifetime_s: u64,
}

impl DatabaseLogin {
    /// Where the database is, with the authorities that are trusted there and the certificate that is shown.
    ///
    /// Whatever is no password of SCRAM's is shown over TLS with a verified name only, and over a socket.
    // CONTROL: SEC-6
    #[must_use]
    pub fn address(&self) -> DatabaseAddress {
        let address = match &self.root_file {
            Some(file) => self.url.clone().with_root_file(file.clone()),
            None => self.url.clone(),
        };
        match (self.kind, &self.certificate) {
            (Some(LoginKind::Certificate), Some(files)) => address.with_client_certificate(files.clone()),
            (Some(LoginKind::Certificate | LoginKind::RdsIam | LoginKind::Entra), _) => address.demanding_tls(),
            (None | Some(LoginKind::Password | LoginKind::Peer), _) => address,
        }
    }

    /// Whether what is shown stays the same until somebody changes it.
    #[must_use]
    pub const fn is_static(&self) -> bool {
        self.password.is_some()
    }

    /// Why these settings are no login; `None` when they are one. `vaults` are those of the same program.
    #[must_use]
    pub fn refused(&self, vaults: &VaultSettings) -> Option<&'static str> {
        if !(1..=86_400).contains(&self.max_lifetime_s) {
            return Some("has a `max_lifetime_s` that is not between 1 and 86400");
        }
        let kind = self.kind;
        let over_network = self.url.host_and_port().is_some();
        let rules = [
            (
                self.password.is_some() && !matches!(kind, None | Some(LoginKind::Password)),
                "has a `password`, and a `login` that shows none",
            ),
            (
                self.certificate.is_some() && kind != Some(LoginKind::Certificate),
                "has a `certificate`, and a `login` that shows none",
            ),
            (
                self.region.is_some() && kind != Some(LoginKind::RdsIam),
                "has a `region`, and a `login` that needs none",
            ),
            (
                kind == Some(LoginKind::Password) && self.password.is_none(),
                "has no `password` to show",
            ),
            (
                kind == Some(LoginKind::Certificate) && self.certificate.is_none(),
                "has no `certificate` to show",
            ),
            (
                kind == Some(LoginKind::Peer) && !self.url.is_socket(),
                "is reached over the network: `peer` is for sockets",
            ),
            (
                matches!(
                    kind,
                    Some(LoginKind::Certificate | LoginKind::RdsIam | LoginKind::Entra)
                ) && !over_network,
                "has a `login` that is for one host over the network",
            ),
            (
                kind == Some(LoginKind::RdsIam) && (self.region.is_none() || vaults.aws.is_none()),
                "has a `login` that needs `region` and the identity of `[vaults.aws]`",
            ),
            (
                kind == Some(LoginKind::Entra) && vaults.azure.is_none(),
                "has a `login` that needs the identity of `[vaults.azure]`",
            ),
        ];
        rules.into_iter().find(|(broken, _)| *broken).map(|(_, reason)| reason)
    }
}

/// A database's address out of a configuration.
///
/// # Errors
/// What is wrong with it, without repeating it.
pub fn address_from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DatabaseAddress, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

const fn default_max_lifetime_s() -> u64 {
    1_800
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a fragment, and no configuration of anybody's")]
mod tests {
    use super::*;

    fn refused(database: &str, vaults: &str) -> Option<&'static str> {
        let database: DatabaseSettings = toml::from_str(database).unwrap();
        let vaults: VaultSettings = toml::from_str(vaults).unwrap();
        database.login().refused(&vaults)
    }

    const HOST: &str = "url = \"postgres://app@db.internal/db\"\n";
    const SOCKET: &str = "url = \"postgres://app@%2Frun%2Fpostgresql/db\"\n";
    const AWS: &str = "aws = { identity = \"machine\" }";
    const AZURE: &str = "azure = { identity = \"managed\" }";
    const PASSWORD: &str = "password = \"azure-kv://spa/app\"\n";
    const FILES: &str = "certificate = { certificate_file = \"/c\", key_file = \"/k\" }\n";

    #[test]
    fn sec_6_a_login_has_what_it_shows_and_nothing_else() {
        for (database, vaults) in [
            (HOST.to_owned(), ""),
            (format!("{HOST}{PASSWORD}"), ""),
            (format!("{HOST}{PASSWORD}login = \"password\""), ""),
            (format!("{SOCKET}login = \"peer\""), ""),
            (format!("{HOST}{FILES}login = \"certificate\""), ""),
            (format!("{HOST}login = \"rds-iam\"\nregion = \"eu-central-1\""), AWS),
            (format!("{HOST}login = \"entra\""), AZURE),
        ] {
            assert_eq!(refused(&database, vaults), None, "{database}");
        }
        for (database, vaults) in [
            (format!("{HOST}login = \"password\""), ""),
            (format!("{HOST}login = \"peer\""), ""),
            (format!("{SOCKET}{PASSWORD}login = \"peer\""), ""),
            (format!("{HOST}login = \"certificate\""), ""),
            (format!("{HOST}{FILES}"), ""),
            (format!("{HOST}{FILES}{PASSWORD}login = \"certificate\""), ""),
            (format!("{SOCKET}{FILES}login = \"certificate\""), ""),
            (format!("{HOST}login = \"rds-iam\"\nregion = \"eu-central-1\""), AZURE),
            (format!("{HOST}login = \"rds-iam\""), AWS),
            (format!("{HOST}region = \"eu-central-1\""), AWS),
            (format!("{HOST}login = \"entra\""), AWS),
            (format!("{HOST}{PASSWORD}login = \"entra\""), AZURE),
            (format!("{HOST}max_lifetime_s = 0"), ""),
        ] {
            assert!(refused(&database, vaults).is_some(), "{database}");
        }
    }

    #[test]
    fn sec_6_what_is_shown_as_it_is_needs_tls_on_this_machine_too() {
        let here = "url = \"postgres://app@127.0.0.1/db\"\n";
        let needs = |more: &str| {
            let settings: DatabaseSettings = toml::from_str(&format!("{here}{more}")).unwrap();
            settings.login().address().needs_tls()
        };
        assert!(!needs("") && !needs(PASSWORD));
        assert!(needs("login = \"entra\""));
        assert!(needs("login = \"rds-iam\"\nregion = \"eu-central-1\""));
        assert!(needs(&format!("{FILES}login = \"certificate\"")));
    }
}
