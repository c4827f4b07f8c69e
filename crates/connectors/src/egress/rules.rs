//! Which destinations were named: by the operator's catalogue, and more narrowly by the tenant.

use super::{EgressError, Method};
use std::collections::BTreeSet;
use url::Url;

/// A destination cannot be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// It is no host name in the form in which an address holds it.
    #[error("the host is not a plain host name")]
    Host,
    /// It is no name of a method.
    #[error("the method is unknown")]
    Method,
}

/// A host that may be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// Exactly this one, in lower case; an international name in its ASCII form.
    Named(String),
    /// Any that the tenant has named: the operator cannot know them.
    ByTenant,
}

/// A destination: a host, a port and the methods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    host: Host,
    port: u16,
    methods: BTreeSet<Method>,
}

impl Destination {
    /// A host by its name or address.
    ///
    /// # Errors
    /// [`RuleError::Host`] if it is not written as an address holds it: one host has one spelling.
    pub fn new(host: &str, port: u16, methods: impl IntoIterator<Item = Method>) -> Result<Self, RuleError> {
        let url = Url::parse(&format!("https://{host}/")).map_err(|_| RuleError::Host)?;
        if url.host_str() != Some(host) || host.ends_with('.') {
            return Err(RuleError::Host);
        }
        Ok(Self {
            host: Host::Named(host.to_owned()),
            port,
            methods: methods.into_iter().collect(),
        })
    }

    /// Any host that the tenant names.
    #[must_use]
    pub fn by_tenant(port: u16, methods: impl IntoIterator<Item = Method>) -> Self {
        Self {
            host: Host::ByTenant,
            port,
            methods: methods.into_iter().collect(),
        }
    }

    fn covers(&self, method: Method, host: &str, port: u16) -> bool {
        let is_host = match &self.host {
            Host::Named(name) => name == host,
            Host::ByTenant => true,
        };
        is_host && self.port == port && self.methods.contains(&method)
    }
}

/// What one tenant may reach through one connector.
///
/// Both lists must name a destination. A tenant that has named none has what the operator named, and nothing of what the
/// operator left to the tenant.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    operator: Vec<Destination>,
    tenant: Option<Vec<Destination>>,
}

impl Allowed {
    /// What the operator's catalogue names.
    #[must_use]
    pub const fn by_operator(destinations: Vec<Destination>) -> Self {
        Self {
            operator: destinations,
            tenant: None,
        }
    }

    /// The same, narrowed to what the tenant names as well.
    #[must_use]
    pub fn narrowed(self, destinations: Vec<Destination>) -> Self {
        Self {
            tenant: Some(destinations),
            ..self
        }
    }

    /// Whether the tenant has named anything.
    pub(crate) const fn is_narrowed(&self) -> bool {
        self.tenant.is_some()
    }

    /// Whether a request may go there.
    ///
    /// # Errors
    /// [`EgressError::NotAllowed`]; [`EgressError::Insecure`] for an address with a user, a password or a fragment.
    // CONTROL: CON-2
    pub fn check(&self, method: Method, url: &Url) -> Result<(), EgressError> {
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(EgressError::Insecure);
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(EgressError::NotAllowed);
        };
        let covers = |destination: &&Destination| destination.covers(method, host, port);
        let by_tenant = self
            .tenant
            .as_ref()
            .map(|list| list.iter().any(|destination| covers(&destination)));
        let is_allowed = self
            .operator
            .iter()
            .filter(covers)
            .any(|destination| match (&destination.host, by_tenant) {
                (_, Some(named)) => named,
                (Host::Named(_), None) => true,
                (Host::ByTenant, None) => false,
            });
        if is_allowed {
            Ok(())
        } else {
            Err(EgressError::NotAllowed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn api() -> Destination {
        Destination::new("api.example.org", 443, [Method::Get, Method::Post]).unwrap()
    }

    #[test]
    fn con_2_only_the_named_host_port_and_method_is_allowed() {
        let allowed = Allowed::by_operator(vec![api()]);
        assert!(
            allowed
                .check(Method::Get, &url("https://api.example.org/v1?a=b"))
                .is_ok()
        );
        assert!(allowed.check(Method::Get, &url("https://API.EXAMPLE.ORG:443/")).is_ok());
        for (method, text) in [
            (Method::Put, "https://api.example.org/"),
            (Method::Get, "https://api.example.org:8443/"),
            (Method::Get, "http://api.example.org/"),
            (Method::Get, "https://api.example.org./"),
            (Method::Get, "https://example.org/"),
            (Method::Get, "https://api.example.org.evil.example/"),
            (Method::Get, "https://evil.example\\@api.example.org/"),
            (Method::Get, "https://api.example.org@evil.example/"),
        ] {
            assert!(allowed.check(method, &url(text)).is_err(), "{text}");
        }
        for text in [
            "https://user@api.example.org/",
            "https://:word@api.example.org/",
            "https://api.example.org/#a",
        ] {
            assert!(matches!(
                allowed.check(Method::Get, &url(text)),
                Err(EgressError::Insecure)
            ));
        }
        assert!(
            Allowed::default()
                .check(Method::Get, &url("https://api.example.org/"))
                .is_err()
        );
    }

    #[test]
    fn con_2_a_tenant_narrows_and_never_widens() {
        let other = Destination::new("other.example.org", 443, Method::ALL).unwrap();
        let only_get = Destination::new("api.example.org", 443, [Method::Get]).unwrap();
        let narrowed = Allowed::by_operator(vec![api()]).narrowed(vec![only_get, other]);
        assert!(narrowed.check(Method::Get, &url("https://api.example.org/")).is_ok());
        assert!(narrowed.check(Method::Post, &url("https://api.example.org/")).is_err());
        assert!(narrowed.check(Method::Get, &url("https://other.example.org/")).is_err());
        let nothing = Allowed::by_operator(vec![api()]).narrowed(vec![]);
        assert!(nothing.check(Method::Get, &url("https://api.example.org/")).is_err());
    }

    #[test]
    fn con_2_what_is_left_to_the_tenant_is_what_the_tenant_has_named() {
        let open = Allowed::by_operator(vec![Destination::by_tenant(443, [Method::Post])]);
        assert!(open.check(Method::Post, &url("https://hooks.example.org/")).is_err());
        let hook = Destination::new("hooks.example.org", 443, Method::ALL).unwrap();
        let named = open.narrowed(vec![hook]);
        assert!(named.check(Method::Post, &url("https://hooks.example.org/")).is_ok());
        assert!(named.check(Method::Get, &url("https://hooks.example.org/")).is_err());
        assert!(named.check(Method::Post, &url("https://others.example.org/")).is_err());
    }

    #[test]
    fn a_host_has_one_spelling() {
        for host in [
            "API.example.org",
            "api.example.org.",
            "api.example.org:443",
            "a/b",
            "a@b",
            "",
            "0x7f.1",
            "127.1",
            "bücher.example",
            "a b",
        ] {
            assert_eq!(
                Destination::new(host, 443, [Method::Get]),
                Err(RuleError::Host),
                "{host}"
            );
        }
        for host in ["xn--bcher-kva.example", "127.0.0.1", "[::1]"] {
            assert!(Destination::new(host, 443, [Method::Get]).is_ok(), "{host}");
        }
    }
}
