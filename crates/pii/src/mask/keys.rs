//! A tenant's key and what is derived from it: one subkey for each purpose and kind.

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

const BLOCK: usize = 64;

/// A tenant's secret key, from which every keyed action derives its own. Wiped when dropped, shown nowhere.
pub struct TenantKey {
    tenant: String,
    key: [u8; 32],
}

impl TenantKey {
    /// The key of `tenant`. It must be random and this tenant's alone.
    #[must_use]
    pub fn new(tenant: &str, key: [u8; 32]) -> Self {
        Self {
            tenant: tenant.to_owned(),
            key,
        }
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The subkey of a purpose and a kind: two purposes never share one.
    pub(crate) fn derive(&self, purpose: &str, kind: &str) -> [u8; 32] {
        hmac_sha256(
            &self.key,
            &[b"bearingwall-pii/1", &[0], purpose.as_bytes(), &[0], kind.as_bytes()],
        )
    }

    /// The keyed hash of a value for a purpose and a kind.
    pub(crate) fn digest(&self, purpose: &str, kind: &str, value: &[u8]) -> [u8; 32] {
        let mut key = self.derive(purpose, kind);
        let digest = hmac_sha256(&key, &[value]);
        key.zeroize();
        digest
    }
}

impl Drop for TenantKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl std::fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TenantKey")
    }
}

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut inner = [0x36_u8; BLOCK];
    let mut outer = [0x5c_u8; BLOCK];
    for (byte, (inner, outer)) in key.iter().zip(inner.iter_mut().zip(outer.iter_mut())) {
        *inner ^= byte;
        *outer ^= byte;
    }
    let mut hash = Sha256::new();
    hash.update(inner);
    for part in parts {
        hash.update(part);
    }
    let first = hash.finalize();
    let mut hash = Sha256::new();
    hash.update(outer);
    hash.update(first);
    inner.zeroize();
    outer.zeroize();
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::hex;

    #[test]
    fn the_vectors_of_rfc_4231_hold() {
        // RFC 2104 fills a short key with zeros.
        let filled = |short: &[u8]| {
            let mut key = [0; 32];
            key[..short.len()].copy_from_slice(short);
            key
        };
        assert_eq!(
            hex(&hmac_sha256(&filled(&[0x0b; 20]), &[b"Hi There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(&hmac_sha256(&filled(b"Jefe"), &[b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    /// Compiles only while the ciphers' features that wipe are on.
    #[test]
    fn what_is_made_of_a_key_is_wiped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        wiped::<aes::Aes256>();
        wiped::<Sha256>();
    }

    #[test]
    fn purposes_and_kinds_do_not_share_a_key() {
        let key = TenantKey::new("t", [7; 32]);
        assert_ne!(key.derive("hash", "EMAIL"), key.derive("hash", "PHONE"));
        assert_ne!(key.derive("hash", "EMAIL"), key.derive("pseudonym", "EMAIL"));
        assert_ne!(
            key.derive("hash", "EMAIL"),
            TenantKey::new("t", [8; 32]).derive("hash", "EMAIL")
        );
        assert_eq!(format!("{key:?}"), "TenantKey");
    }
}
