//! `[database]`: where the database is, and what a program shows it to be let in.

use bearingwall_secrets::SecretRef;
use bearingwall_tenancy::DatabaseAddress;
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
    /// The authorities of the database's server.
    pub root_file: Option<PathBuf>,
    /// The age at which a connection is not used again, in seconds.
    pub max_lifetime_s: u64,
}

impl DatabaseLogin {
    /// Where the database is, with the authorities that are trusted there.
    #[must_use]
    pub fn address(&self) -> DatabaseAddress {
        match &self.root_file {
            Some(file) => self.url.clone().with_root_file(file.clone()),
            None => self.url.clone(),
        }
    }

    /// Why these settings are no login; `None` when they are one.
    #[must_use]
    pub fn refused(&self) -> Option<&'static str> {
        if !(1..=86_400).contains(&self.max_lifetime_s) {
            return Some("has a `max_lifetime_s` that is not between 1 and 86400");
        }
        let is_password = matches!(self.kind, None | Some(LoginKind::Password));
        match self.kind {
            _ if !is_password && self.password.is_some() => Some("has a `password`, and a `login` that shows none"),
            Some(LoginKind::Password) if self.password.is_none() => Some("has no `password` to show"),
            Some(LoginKind::Peer) if !self.url.is_socket() => {
                Some("is reached over the network: `peer` is for sockets")
            }
            _ => None,
        }
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
