//! Which addresses may be connected to.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Public addresses, and the networks beside them that the operator has named.
#[derive(Clone, Debug, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Public addresses and these networks.
    #[must_use]
    pub fn with(named: impl IntoIterator<Item = IpNet>) -> Self {
        Self(named.into_iter().collect())
    }

    /// Whether an address may be connected to.
    ///
    /// IPv4 inside of IPv6 (mapped, compatible, NAT64, 6to4, Teredo) is not looked into: none of it is public.
    #[must_use]
    pub fn admit(&self, address: IpAddr) -> bool {
        let is_named = self.0.iter().any(|network| network.contains(&address));
        is_named
            || match address {
                IpAddr::V4(address) => is_public_v4(address),
                IpAddr::V6(address) => is_public_v6(address),
            }
    }
}

/// IANA's registry of special-purpose IPv4 addresses (RFC 6890), multicast (RFC 5771), class E, and one address of a cloud that
/// lies among the public ones.
const SPECIAL_V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Azure's host agent, as its metadata are.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    let is_special = SPECIAL_V4
        .iter()
        .any(|(network, prefix)| bits >> (32 - prefix) == network.to_bits() >> (32 - prefix));
    // 224.0.0.0/4 is multicast, 240.0.0.0/4 reserved, and the broadcast address their last one.
    !is_special && address.octets()[0] < 224
}

/// What of global unicast, 2000::/3 (RFC 4291), is not the internet's (RFC 6890, RFC 9637).
const SPECIAL_V6: [(Ipv6Addr, u32); 5] = [
    // Teredo, ORCHID, benchmarking and the other assignments of the IETF.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let is_special = SPECIAL_V6
        .iter()
        .any(|(network, prefix)| bits >> (128 - prefix) == network.to_bits() >> (128 - prefix));
    bits >> 125 == 1 && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn con_3_what_is_not_public_is_refused_unless_it_is_named() {
        let refused = [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for text in refused {
            let address: IpAddr = text.parse().unwrap();
            assert!(!Networks::default().admit(address), "{text}");
            assert!(Networks::with([address.into()]).admit(address), "{text}");
        }
        // Naming IPv4 does not name what holds it.
        let named = Networks::with(["127.0.0.0/8".parse().unwrap()]);
        assert!(!named.admit("::ffff:127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn con_3_what_is_public_is_admitted() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "3ffe::1",
        ] {
            assert!(Networks::default().admit(text.parse().unwrap()), "{text}");
        }
    }

    proptest! {
        // The standard library's own view of what is private, link-local, loopback, multicast or embedded.
        #[test]
        fn con_3_the_standard_library_calls_nothing_private_that_is_admitted(v4: u32, v6: u128) {
            let v4 = Ipv4Addr::from_bits(v4);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_unspecified()
            {
                prop_assert!(!Networks::default().admit(v4.into()));
            }
            for address in [v4.to_ipv6_mapped(), v4.to_ipv6_compatible()] {
                prop_assert!(!Networks::default().admit(address.into()));
            }
            let v6 = Ipv6Addr::from_bits(v6);
            if v6.is_loopback() || v6.is_multicast() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.to_ipv4().is_some() {
                prop_assert!(!Networks::default().admit(v6.into()));
            }
        }
    }
}
