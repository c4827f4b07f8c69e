//! Where the database is, without a password, and whether the way there must be encrypted.

use bearingwall_core::{Classified, ErrorKind};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use tokio_postgres::config::Host;

/// A database address: user, host, port and database name. It never holds a password.
#[derive(Clone)]
pub struct DatabaseAddress {
    config: tokio_postgres::Config,
    root_file: Option<PathBuf>,
    client: Option<ClientCertificate>,
    demands_tls: bool,
}

/// Files (PEM) that a login shows instead of a password. They are read for each new connection, so that whoever renews them
/// needs to tell nobody.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate, and what stands between it and the authority that the database trusts. Its common name is the role.
    pub certificate_file: PathBuf,
    /// Its private key. Nobody but its owner may read it; a group may, where the owner is root.
    pub key_file: PathBuf,
}

/// A text is no usable database address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not parse.
    #[error("the database url is malformed; expected postgres://user@host:port/database")]
    Malformed(#[source] tokio_postgres::Error),
    /// It holds a password, which belongs into a secret store.
    #[error("the database url holds a password; name a secret instead")]
    HoldsPassword,
    /// A part is missing.
    #[error("the database url names no {part}")]
    Missing {
        /// The missing part.
        part: &'static str,
    },
}

impl Classified for AddressError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "TEN-023",
            Self::HoldsPassword => "TEN-021",
            Self::Missing { .. } => "TEN-022",
        }
    }
}

impl FromStr for DatabaseAddress {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let config = tokio_postgres::Config::from_str(url).map_err(AddressError::Malformed)?;
        if config.get_password().is_some() {
            return Err(AddressError::HoldsPassword);
        }
        Self::from_config(config)
    }
}

impl DatabaseAddress {
    /// Takes a parsed configuration; a password in it is dropped.
    ///
    /// # Errors
    /// When user, host or database name is missing.
    pub fn from_config(config: tokio_postgres::Config) -> Result<Self, AddressError> {
        let mut bare = tokio_postgres::Config::new();
        bare.user(config.get_user().ok_or(AddressError::Missing { part: "user" })?);
        bare.dbname(config.get_dbname().ok_or(AddressError::Missing { part: "database" })?);
        for host in config.get_hosts() {
            match host {
                Host::Tcp(name) => bare.host(name),
                #[cfg(unix)]
                Host::Unix(path) => bare.host_path(path),
            };
        }
        if bare.get_hosts().is_empty() {
            return Err(AddressError::Missing { part: "host" });
        }
        for port in config.get_ports() {
            bare.port(*port);
        }
        bare.connect_timeout(std::time::Duration::from_secs(10));
        bare.keepalives_idle(std::time::Duration::from_secs(60));
        Ok(Self {
            config: bare,
            root_file: None,
            client: None,
            demands_tls: false,
        })
    }

    /// Trusts the certificate authorities in this PEM file instead of the machine's.
    #[must_use]
    pub fn with_root_file(mut self, file: PathBuf) -> Self {
        self.root_file = Some(file);
        self
    }

    /// Shows this certificate, over TLS 1.3, on whichever way.
    #[must_use]
    pub fn with_client_certificate(mut self, files: ClientCertificate) -> Self {
        self.client = Some(files);
        self.demanding_tls()
    }

    /// Demands TLS with a verified name on this machine, too: a token in the place of a password is sent as it is.
    #[must_use]
    pub const fn demanding_tls(mut self) -> Self {
        self.demands_tls = true;
        self
    }

    /// The same place, as another role.
    #[must_use]
    pub fn as_user(&self, user: &str) -> Self {
        let mut copy = self.clone();
        copy.config.user(user);
        copy
    }

    /// The same server and role, another database.
    #[must_use]
    pub fn in_database(&self, database: &str) -> Self {
        let mut copy = self.clone();
        copy.config.dbname(database);
        copy
    }

    /// Whether the connection leaves this machine, so that TLS with a verified name is required.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.config.get_hosts().iter().any(|host| match host {
            Host::Tcp(name) => name != "localhost" && !name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            #[cfg(unix)]
            Host::Unix(_) => false,
        })
    }

    /// Whether TLS with a verified name is required: where the connection leaves this machine, or where that was demanded.
    #[must_use]
    pub fn needs_tls(&self) -> bool {
        self.demands_tls || self.is_remote()
    }

    /// The one host and port, where there is one and it is no socket.
    #[must_use]
    pub fn host_and_port(&self) -> Option<(&str, u16)> {
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        match self.config.get_hosts() {
            [Host::Tcp(name)] => Some((name, port)),
            _ => None,
        }
    }

    pub(crate) const fn client(&self) -> Option<&ClientCertificate> {
        self.client.as_ref()
    }

    /// Whether every host is a socket of this machine.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.config.get_hosts().iter().all(|host| match host {
            Host::Tcp(_) => false,
            #[cfg(unix)]
            Host::Unix(_) => true,
        })
    }

    pub(crate) fn config(&self) -> &tokio_postgres::Config {
        &self.config
    }

    pub(crate) fn root_file(&self) -> Option<&PathBuf> {
        self.root_file.as_ref()
    }

    /// The role that the address names.
    #[must_use]
    pub fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseAddress")
            .field("user", &self.user())
            .field("hosts", &self.config.get_hosts())
            .field("ports", &self.config.get_ports())
            .field("database", &self.config.get_dbname())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_url_is_refused_without_repeating_it() {
        let error = "postgres://app:hunter2@localhost/db"
            .parse::<DatabaseAddress>()
            .unwrap_err();
        assert_eq!(error.code(), "TEN-021");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }

    #[test]
    fn only_loopback_and_sockets_go_without_tls() {
        let remote = |url: &str| url.parse::<DatabaseAddress>().unwrap().is_remote();
        assert!(!remote("postgres://app@127.0.0.1:5432/db"));
        assert!(!remote("postgres://app@%2Frun%2Fpostgresql/db"));
        assert!(!remote("postgres://app@[::1]/db"));
        assert!(remote("postgres://app@db.internal/db"));
        assert!(remote("postgres://app@10.0.0.7/db"));
    }
}
