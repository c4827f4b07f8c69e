//! Names become addresses here, once, and what was checked is what is connected to.

use super::error::Unresolvable;
use super::{EgressError, Networks};
use futures_core::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Where the addresses of a name come from.
pub trait Resolver: Send + Sync {
    /// Every address of a name; none if there is no such name.
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Vec<IpAddr>>;
}

/// The system's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Vec<IpAddr>> {
        Box::pin(async move {
            match tokio::net::lookup_host((host, 0)).await {
                Ok(found) => found.map(|address| address.ip()).collect(),
                Err(_) => Vec::new(),
            }
        })
    }
}

/// A resolver whose answers the client may connect to.
///
/// The client connects to what this answers and looks nothing up by itself, so that a name that changes its address between a
/// check and a connection changes nothing.
pub(super) struct Checked {
    resolver: Arc<dyn Resolver>,
    // None for a proxy, which the operator has named.
    networks: Option<Networks>,
}

impl Checked {
    pub(super) fn new(resolver: Arc<dyn Resolver>, networks: Networks) -> Self {
        Self {
            resolver,
            networks: Some(networks),
        }
    }

    pub(super) const fn of_proxy(resolver: Arc<dyn Resolver>) -> Self {
        Self {
            resolver,
            networks: None,
        }
    }
}

impl Resolve for Checked {
    // CONTROL: CON-3
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.resolver);
        let networks = self.networks.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await;
            if addresses.is_empty() {
                return Err(Unresolvable::Unknown.into());
            }
            // SECURITY: one address that may not be reached refuses the name, whatever stands beside it.
            let may = |address: &IpAddr| networks.as_ref().is_none_or(|networks| networks.admit(*address));
            if !addresses.iter().all(may) {
                return Err(Unresolvable::Refused.into());
            }
            let found: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(found)
        })
    }
}

impl Networks {
    /// What of the addresses can be said before a name is resolved.
    pub(super) fn check_target(&self, url: &url::Url) -> Result<(), EgressError> {
        let address: Option<IpAddr> = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(address.into()),
            Some(url::Host::Ipv6(address)) => Some(address.into()),
            Some(url::Host::Domain(_)) => None,
            None => return Err(EgressError::Insecure),
        };
        // CONTROL: CON-3
        match address {
            Some(address) if !self.admit(address) => Err(EgressError::Address),
            // Without TLS only to this machine, and that by its address: a name might lead elsewhere.
            Some(address) if url.scheme() == "http" && address.is_loopback() => Ok(()),
            _ if url.scheme() == "https" => Ok(()),
            _ => Err(EgressError::Insecure),
        }
    }
}
