//! An address that a tenant names: HTTPS, a host by its name, and what follows.

use crate::outgoing::OutgoingError;
use std::fmt;
use url::{Host, Url};

/// The longest path with its query, in bytes.
const PATH_BYTES: usize = 1024;

/// An address of a tenant's own system. It names its host: an address of a network is none that a tenant may choose, in whatever
/// spelling, and where the name leads is checked at each request ([`Egress`](crate::egress::Egress)).
// CONTROL: CON-7
#[derive(Clone, PartialEq, Eq)]
pub struct HttpsAddress {
    host: String,
    port: u16,
    path: String,
}

impl HttpsAddress {
    /// Reads an address as `https://hooks.example.org/in?team=1`.
    ///
    /// # Errors
    /// [`OutgoingError::Invalid`] for anything but HTTPS to a host with a name, for a user, a password or a fragment, and for a path
    /// with its query of more than 1024 bytes.
    pub fn parse(text: &str) -> Result<Self, OutgoingError> {
        let refused = |reason| OutgoingError::Invalid { field: "url", reason };
        // SECURITY: the parser drops line ends and tabs; what was written must be what is kept.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(refused("`url` holds a blank or a control character"));
        }
        let Some(rest) = text.strip_prefix("https://") else {
            return Err(refused("`url` does not begin with https://"));
        };
        if rest.starts_with('/') || rest.contains('\\') {
            return Err(refused("`url` has no host after https://, or a backslash"));
        }
        let url = Url::parse(text).map_err(|_| refused("`url` is no address"))?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(refused("`url` holds a user, a password or a fragment"));
        }
        let Some(Host::Domain(host)) = url.host() else {
            return Err(refused("`url` has an address in place of a host's name"));
        };
        let path = match url.query() {
            None => url.path().to_owned(),
            Some(query) => format!("{}?{query}", url.path()),
        };
        if path.len() > PATH_BYTES {
            return Err(refused("the path of `url` is longer than 1024 bytes"));
        }
        Self::of_parts(host.to_owned(), url.port_or_known_default(), path)
            .ok_or_else(|| refused("the host of `url` is not a plain name"))
    }

    /// Puts together what is on file.
    pub(crate) fn of_row(host: String, port: i32, path: String) -> Option<Self> {
        Self::of_parts(host, u16::try_from(port).ok(), path)
    }

    fn of_parts(host: String, port: Option<u16>, path: String) -> Option<Self> {
        let is_label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let is_name = host.len() <= 253 && host.split('.').all(is_label);
        let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let address = Self {
            host,
            port: port?,
            path,
        };
        // One address has one spelling: what is kept is read back as it is.
        let is_itself = address
            .url()
            .is_some_and(|url| url.host_str() == Some(&address.host) && matches!(url.host(), Some(Host::Domain(_))));
        (is_name && is_path && is_itself).then_some(address)
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path with its query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn url(&self) -> Option<Url> {
        Url::parse(&self.to_string()).ok()
    }
}

impl fmt::Display for HttpsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            443 => write!(f, "https://{}{}", self.host, self.path),
            port => write!(f, "https://{}:{port}{}", self.host, self.path),
        }
    }
}

/// Without the path, by which a receiver may know its sender.
impl fmt::Debug for HttpsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpsAddress({}:{})", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn con_7_only_https_to_a_host_with_a_name_is_an_address() {
        for good in [
            "https://hooks.example.org/",
            "https://hooks.example.org:8443/in?team=1",
            "https://xn--bcher-kva.example/%C3%A4",
            "https://localhost:8443/in",
        ] {
            assert_eq!(HttpsAddress::parse(good).unwrap().to_string(), good);
        }
        let written = "https://HOOKS.example.org:443";
        assert_eq!(
            HttpsAddress::parse(written).unwrap().to_string(),
            "https://hooks.example.org/"
        );
        for bad in [
            "http://hooks.example.org/",
            "ftp://hooks.example.org/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://user@hooks.example.org/",
            "https://user:word@hooks.example.org/",
            "https://hooks.example.org/#part",
            "https://hooks.example.org./",
            "https://hooks_1.example.org/",
            "https://hooks.example.org/a\r\nx-evil: 1",
            "https://hooks.example.org/a\n",
            " https://hooks.example.org/",
            "https://hooks.exa\tmple.org/",
            "https:///in",
            "https:hooks.example.org",
            "https://hooks.example.org\\@evil.example/",
            "https://",
            "hooks.example.org",
            "",
        ] {
            assert!(HttpsAddress::parse(bad).is_err(), "{bad:?}");
        }
        let long = format!("https://hooks.example.org/{}", "a".repeat(1024));
        assert!(HttpsAddress::parse(&long).is_err());
    }

    proptest! {
        #[test]
        fn con_7_what_is_taken_is_kept_and_read_back_as_it_is(text in "https://[a-z0-9.:@/?#%\\[\\]\\\\ -]{0,40}") {
            if let Ok(address) = HttpsAddress::parse(&text) {
                let port = i32::from(address.port());
                let again = HttpsAddress::of_row(address.host().to_owned(), port, address.path().to_owned());
                prop_assert_eq!(again.as_ref(), Some(&address));
                prop_assert_eq!(HttpsAddress::parse(&address.to_string()).ok(), Some(address));
            }
        }
    }
}
