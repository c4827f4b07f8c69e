//! Where a request comes from, as far as that can be told behind proxies.

use actix_web::http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Hops that are looked at, from the nearest on.
const HOPS_MAX: usize = 16;

/// The proxies in front of the server whose word about where a request comes from is taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Proxies with addresses in these networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The nearest party that is no proxy of ours: the peer, or, where that is one, the last entry of `X-Forwarded-For` that
    /// none of them wrote about another of them. What stands before it is what that party says, and is not looked at.
    /// A header that one of ours cannot have written leaves the nearest hop that is known.
    // CONTROL: HTP-4
    pub(crate) fn visitor(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<Visitor> {
        let mut nearest = peer?.to_canonical();
        let hops = headers
            .get_all(&FORWARDED_FOR)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
        for hop in hops.take(HOPS_MAX) {
            if !self.contains(nearest) {
                break;
            }
            let Some(before) = address(hop.trim()) else {
                break;
            };
            nearest = before;
        }
        Some(Visitor(nearest))
    }
}

/// The address from which a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visitor(pub(crate) IpAddr);

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn address(hop: &str) -> Option<IpAddr> {
    let address = hop
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<std::net::SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn seen(proxies: &[&str], peer: &str, headers: &[&str]) -> String {
        let networks: Vec<IpNet> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(FORWARDED_FOR, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let visitor = TrustedProxies::new(&networks).visitor(Some(peer.parse().unwrap()), &map);
        visitor.unwrap().0.to_string()
    }

    #[test]
    fn htp_4_only_a_proxy_of_ours_says_where_a_request_comes_from() {
        let ours = ["10.0.0.0/8", "fd00::/8"];
        // Nobody is trusted: whoever connects is who it is.
        assert_eq!(seen(&[], "10.0.0.1", &["203.0.113.9"]), "10.0.0.1");
        assert_eq!(seen(&ours, "198.51.100.1", &["203.0.113.9"]), "198.51.100.1");
        assert_eq!(seen(&ours, "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen(&ours, "::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen(&ours, "fd00::1", &["[2001:db8::7]:443"]), "2001:db8::7");
        assert_eq!(seen(&ours, "10.0.0.1", &["203.0.113.9:1234"]), "203.0.113.9");
        // What the client has written stands before what our proxy adds, in one header or in several.
        assert_eq!(seen(&ours, "10.0.0.1", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen(&ours, "10.0.0.1", &["1.1.1.1", "203.0.113.9"]), "203.0.113.9");
        // Through two of ours.
        assert_eq!(
            seen(&ours, "10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.9.9.9"]),
            "203.0.113.9"
        );
        assert_eq!(seen(&ours, "10.0.0.1", &["10.1.1.1"]), "10.1.1.1");
        // Nothing, or nothing that can be read: the nearest hop that is known.
        assert_eq!(seen(&ours, "10.0.0.1", &[]), "10.0.0.1");
        for unreadable in [
            "",
            "unknown",
            "_hidden",
            "203.0.113.9 ,",
            "203.0.113",
            "203.0.113.9:99999",
            "\u{e9}",
        ] {
            assert_eq!(seen(&ours, "10.0.0.1", &[unreadable]), "10.0.0.1", "{unreadable}");
        }
        assert_eq!(seen(&ours, "10.0.0.1", &["1.1.1.1, unknown, 10.9.9.9"]), "10.9.9.9");
        // A chain without an end is not followed for ever.
        let long = vec!["10.0.0.2"; 100].join(",");
        assert_eq!(seen(&ours, "10.0.0.1", &[&format!("203.0.113.9,{long}")]), "10.0.0.2");
    }
}
