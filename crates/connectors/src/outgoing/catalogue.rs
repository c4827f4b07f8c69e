//! What the operator lets one connector reach.

use crate::destinations::{self, DestinationError};
use crate::egress::{Allowed, Destination, Method, RuleError};
use crate::https::HttpsAddress;
use bearingwall_tenancy::TenantTx;

/// What the operator lets one connector reach. Nothing, if nothing is said.
///
/// Whatever it says, an address must be public or in one of the operator's networks at the time of each request
/// ([`Networks`](crate::egress::Networks)).
// CONTROL: CON-7
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    named: Vec<Destination>,
    by_tenant: Vec<Destination>,
}

impl Catalogue {
    /// Names hosts, as `hooks.example.org` or `hooks.example.org:8443`, and the ports at which any other host of a tenant's
    /// choosing may be reached.
    ///
    /// # Errors
    /// [`RuleError::Host`] for a host that is not written as an address holds it.
    pub fn new(hosts: &[String], public_ports: &[u16], methods: &[Method]) -> Result<Self, RuleError> {
        let named = |text: &String| {
            let (host, port) = match text.rsplit_once(':') {
                Some((host, port)) => (host, port.parse().map_err(|_| RuleError::Host)?),
                None => (text.as_str(), 443),
            };
            Destination::new(host, port, methods.iter().copied())
        };
        Ok(Self {
            named: hosts.iter().map(named).collect::<Result<_, _>>()?,
            by_tenant: public_ports
                .iter()
                .map(|port| Destination::by_tenant(*port, methods.iter().copied()))
                .collect(),
        })
    }

    /// What the entered tenant may reach through a connector, `own` being what it has named itself: its rows narrow both.
    ///
    /// # Errors
    /// [`DestinationError`].
    pub(crate) async fn allowed(
        &self,
        tx: &mut TenantTx<'_>,
        connector: &str,
        own: &HttpsAddress,
    ) -> Result<Allowed, DestinationError> {
        let operator: Vec<_> = self.named.iter().chain(&self.by_tenant).cloned().collect();
        let allowed = destinations::allowed(tx, connector, operator).await?;
        if allowed.is_narrowed() {
            return Ok(allowed);
        }
        Ok(allowed.narrowed(vec![Destination::new(own.host(), own.port(), Method::ALL)?]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn con_7_hosts_are_named_with_or_without_a_port() {
        let hosts = ["hooks.example.org", "other.example.org:8443"].map(str::to_owned);
        let catalogue = Catalogue::new(&hosts, &[443], &[Method::Post]).unwrap();
        assert_eq!((catalogue.named.len(), catalogue.by_tenant.len()), (2, 1));
        for bad in [
            "Hooks.example.org",
            "hooks.example.org:0x1",
            "hooks.example.org:",
            "a/b",
            "hooks.example.org:99999",
        ] {
            assert!(
                Catalogue::new(&[bad.to_owned()], &[], &[Method::Post]).is_err(),
                "{bad}"
            );
        }
    }
}
