//! Envelope encryption: AES-256-GCM whose associated data says where the ciphertext belongs, and keyed digests.

use crate::KeyError;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use bearingwall_core::CustomerId;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The length of a data key.
pub const KEY_BYTES: usize = 32;

/// How many bytes a ciphertext is longer than its text: version, nonce, tag.
pub const SEALED_OVERHEAD_BYTES: usize = 1 + NONCE_BYTES + 16;

const NONCE_BYTES: usize = 12;
const FORMAT_1: u8 = 1;

/// Where a ciphertext belongs. It opens at no other table, column, tenant or row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aad {
    /// The table, with its schema.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The tenant.
    pub customer: CustomerId,
    /// The row.
    pub row: Uuid,
}

/// What a ciphertext holds: a wrapped key never opens as a field, nor the reverse.
#[derive(Clone, Copy)]
enum Content {
    Field,
    Key,
    Index,
}

impl Aad {
    // CONTROL: SEC-2
    fn encode(&self, content: Content) -> Vec<u8> {
        let content: &[u8] = match content {
            Content::Field => b"field",
            Content::Key => b"key",
            Content::Index => b"index",
        };
        encode_parts(&[
            b"bearingwall/envelope/1",
            content,
            self.table.as_bytes(),
            self.column.as_bytes(),
            self.customer.as_uuid().as_bytes(),
            self.row.as_bytes(),
        ])
    }
}

fn tenant_key_place(customer: CustomerId, kek: &str) -> Vec<u8> {
    encode_parts(&[
        b"bearingwall/tenant-key/2",
        kek.as_bytes(),
        customer.as_uuid().as_bytes(),
    ])
}

/// Each part behind its length, so that no two lists of parts have the same encoding.
pub(crate) fn encode_parts(parts: &[&[u8]]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        encoded.extend_from_slice(&(part.len() as u64).to_be_bytes());
        encoded.extend_from_slice(part);
    }
    encoded
}

/// A 256-bit key for data or for other keys. Overwritten on drop, printed as nothing.
///
/// Nonces are random, so one key may seal at most 2^32 texts (NIST SP 800-38D, section 8.3): a subject key and a
/// tenant key stay far below.
pub struct DataKey {
    bytes: Box<Zeroizing<[u8; KEY_BYTES]>>,
    cipher: Box<Aes256Gcm>,
}

impl DataKey {
    /// A new key from the system's random source.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Box::new(Zeroizing::new([0; KEY_BYTES]));
        getrandom::fill(bytes.as_mut_slice()).map_err(KeyError::Random)?;
        Ok(Self::new(bytes))
    }

    /// The key that a key store has unwrapped.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| KeyError::Length)?;
        Ok(Self::new(Box::new(Zeroizing::new(bytes))))
    }

    fn new(bytes: Box<Zeroizing<[u8; KEY_BYTES]>>) -> Self {
        let cipher = Box::new(Aes256Gcm::new((&**bytes).into()));
        Self { bytes, cipher }
    }

    /// Encrypts `text` for the place that `aad` names: `version byte || nonce || ciphertext || tag`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`], [`KeyError::TooLong`].
    pub fn seal(&self, aad: &Aad, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.seal_at(&aad.encode(Content::Field), text)
    }

    /// Opens what [`DataKey::seal`] made for the same place.
    ///
    /// # Errors
    ///
    /// [`KeyError::Refused`] for another key, another place or changed bytes; [`KeyError::UnknownFormat`].
    pub fn open(&self, aad: &Aad, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.open_at(&aad.encode(Content::Field), sealed)
    }

    /// Encrypts another key under this one.
    ///
    /// # Errors
    ///
    /// As [`DataKey::seal`].
    pub fn wrap(&self, child: &Self, aad: &Aad) -> Result<Vec<u8>, KeyError> {
        self.seal_at(&aad.encode(Content::Key), child.bytes())
    }

    /// Opens what [`DataKey::wrap`] made for the same place.
    ///
    /// # Errors
    ///
    /// As [`DataKey::open`], and [`KeyError::Length`].
    pub fn unwrap(&self, wrapped: &[u8], aad: &Aad) -> Result<Self, KeyError> {
        Self::from_bytes(&self.open_at(&aad.encode(Content::Key), wrapped)?)
    }

    /// The key for blind-index digests named `label`: HKDF-SHA256 (RFC 5869), so that neither key tells the other.
    #[must_use]
    pub fn index_key(&self, label: &str) -> IndexKey {
        let mut key = Box::new(Zeroizing::new([0; KEY_BYTES]));
        key.copy_from_slice(&*hkdf_sha256(b"bearingwall/index/1", self.bytes(), label.as_bytes()));
        IndexKey { key }
    }

    /// Encrypts an index key under this one, as [`DataKey::wrap`] does a data key: so it outlives the key that it came from.
    ///
    /// # Errors
    ///
    /// As [`DataKey::seal`].
    pub fn wrap_index(&self, index: &IndexKey, aad: &Aad) -> Result<Vec<u8>, KeyError> {
        self.seal_at(&aad.encode(Content::Index), index.key.as_slice())
    }

    /// Opens what [`DataKey::wrap_index`] made for the same place.
    ///
    /// # Errors
    ///
    /// As [`DataKey::open`], and [`KeyError::Length`].
    pub fn unwrap_index(&self, wrapped: &[u8], aad: &Aad) -> Result<IndexKey, KeyError> {
        let opened = self.open_at(&aad.encode(Content::Index), wrapped)?;
        let bytes: [u8; KEY_BYTES] = opened.as_slice().try_into().map_err(|_| KeyError::Length)?;
        Ok(IndexKey {
            key: Box::new(Zeroizing::new(bytes)),
        })
    }

    /// Hands the key's bytes to the service that wraps it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Encrypts a tenant's key under this one, for a key store whose own service binds nothing to a tenant.
    ///
    /// # Errors
    ///
    /// As [`DataKey::seal`].
    // CONTROL: SEC-2
    pub fn wrap_tenant_key(&self, customer: CustomerId, kek: &str, key: &Self) -> Result<Vec<u8>, KeyError> {
        self.seal_at(&tenant_key_place(customer, kek), key.bytes())
    }

    /// Opens what [`DataKey::wrap_tenant_key`] made for the same tenant and key-encryption key.
    ///
    /// # Errors
    ///
    /// As [`DataKey::open`], and [`KeyError::Length`].
    pub fn unwrap_tenant_key(&self, customer: CustomerId, kek: &str, wrapped: &[u8]) -> Result<Self, KeyError> {
        Self::from_bytes(&self.open_at(&tenant_key_place(customer, kek), wrapped)?)
    }

    pub(crate) fn seal_at(&self, aad: &[u8], text: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(KeyError::Random)?;
        let payload = Payload { msg: text, aad };
        let ciphertext = self
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| KeyError::TooLong)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
        sealed.push(FORMAT_1);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    pub(crate) fn open_at(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (&format, rest) = sealed.split_first().ok_or(KeyError::UnknownFormat)?;
        if format != FORMAT_1 {
            return Err(KeyError::UnknownFormat);
        }
        let (&nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::UnknownFormat)?;
        let payload = Payload { msg: ciphertext, aad };
        self.cipher
            .decrypt(&Nonce::from(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| KeyError::Refused)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// A key for blind indexes: equal values have equal digests under it, and nothing else can be told without it.
pub struct IndexKey {
    key: Box<Zeroizing<[u8; KEY_BYTES]>>,
}

impl IndexKey {
    /// HMAC-SHA256 over the kind and the normalised value, each behind its length: a phone number never matches an
    /// e-mail address that happens to be written alike.
    #[must_use]
    pub fn digest(&self, kind: &str, value: &[u8]) -> [u8; 32] {
        let mut mac = hmac_sha256(self.key.as_slice());
        mac.update(&(kind.len() as u64).to_be_bytes());
        mac.update(kind.as_bytes());
        mac.update(&(value.len() as u64).to_be_bytes());
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(…)")
    }
}

/// HMAC-SHA256 under a key of at most one block. RFC 2104 pads such a key with zeros, so doing it here leaves no error
/// that would need a fallback.
fn hmac_sha256(key: &[u8]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    <Hmac<Sha256> as KeyInit>::new((&*block).into())
}

/// HKDF-SHA256 (RFC 5869) for one block of output.
fn hkdf_sha256(salt: &[u8], key: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut extract = hmac_sha256(salt);
    extract.update(key);
    let pseudorandom = Zeroizing::new(<[u8; 32]>::from(extract.finalize().into_bytes()));
    let mut expand = hmac_sha256(pseudorandom.as_slice());
    expand.update(info);
    expand.update(&[1]);
    Zeroizing::new(expand.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place() -> Aad {
        Aad {
            table: "crm.identities",
            column: "sealed",
            customer: CustomerId::from_uuid(Uuid::from_u128(1)),
            row: Uuid::from_u128(2),
        }
    }

    /// Every place that differs from `place()` in one part.
    fn other_places() -> [Aad; 6] {
        let here = place();
        [
            Aad {
                table: "crm.notes",
                ..here
            },
            Aad {
                column: "digest",
                ..here
            },
            Aad {
                customer: CustomerId::from_uuid(Uuid::from_u128(2)),
                ..here
            },
            Aad {
                row: Uuid::from_u128(1),
                ..here
            },
            // The same letters, split elsewhere.
            Aad {
                table: "crm.identitiess",
                column: "ealed",
                ..here
            },
            Aad {
                customer: CustomerId::from_uuid(here.row),
                row: here.customer.as_uuid(),
                ..here
            },
        ]
    }

    proptest! {
        #[test]
        fn sec_2_any_changed_byte_refuses_to_open(text: Vec<u8>, at: prop::sample::Index, flip in 1..=255_u8) {
            let key = DataKey::generate().unwrap();
            let mut sealed = key.seal(&place(), &text).unwrap();
            prop_assert_eq!(sealed.len(), text.len() + SEALED_OVERHEAD_BYTES);
            let opened = key.open(&place(), &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), text.as_slice());
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(key.open(&place(), &sealed).is_err());
        }

        #[test]
        fn sec_2_any_cut_or_added_byte_refuses_to_open(text: Vec<u8>, cut: prop::sample::Index, more: u8) {
            let key = DataKey::generate().unwrap();
            let mut sealed = key.seal(&place(), &text).unwrap();
            let cut = cut.index(sealed.len());
            prop_assert!(key.open(&place(), &sealed[..cut]).is_err());
            sealed.push(more);
            prop_assert!(key.open(&place(), &sealed).is_err());
        }

        #[test]
        fn different_parts_never_encode_alike(one: Vec<Vec<u8>>, other: Vec<Vec<u8>>) {
            let encode = |parts: &[Vec<u8>]| encode_parts(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(one == other, encode(&one) == encode(&other));
        }
    }

    #[test]
    fn sec_2_a_ciphertext_opens_at_its_own_place_only() {
        let key = DataKey::generate().unwrap();
        let sealed = key.seal(&place(), b"botox, 20 units").unwrap();
        let wrapped = key.wrap(&DataKey::generate().unwrap(), &place()).unwrap();
        for other in other_places() {
            assert!(matches!(key.open(&other, &sealed), Err(KeyError::Refused)), "{other:?}");
            assert!(
                matches!(key.unwrap(&wrapped, &other), Err(KeyError::Refused)),
                "{other:?}"
            );
        }
        let stranger = DataKey::generate().unwrap();
        assert!(matches!(stranger.open(&place(), &sealed), Err(KeyError::Refused)));
    }

    #[test]
    fn sec_2_a_wrapped_key_never_opens_as_a_field() {
        let key = DataKey::generate().unwrap();
        let wrapped = key.wrap(&DataKey::generate().unwrap(), &place()).unwrap();
        assert!(matches!(key.open(&place(), &wrapped), Err(KeyError::Refused)));
        let sealed = key.seal(&place(), &[7; KEY_BYTES]).unwrap();
        assert!(matches!(key.unwrap(&sealed, &place()), Err(KeyError::Refused)));
    }

    #[test]
    fn an_unwrapped_key_opens_what_the_original_sealed() {
        let parent = DataKey::generate().unwrap();
        let child = DataKey::generate().unwrap();
        let sealed = child.seal(&place(), b"text").unwrap();
        let unwrapped = parent
            .unwrap(&parent.wrap(&child, &place()).unwrap(), &place())
            .unwrap();
        assert_eq!(unwrapped.open(&place(), &sealed).unwrap().as_slice(), b"text");
    }

    #[test]
    fn the_same_text_is_never_sealed_alike() {
        let key = DataKey::generate().unwrap();
        assert_ne!(
            key.seal(&place(), b"text").unwrap(),
            key.seal(&place(), b"text").unwrap()
        );
    }

    #[test]
    fn digests_depend_on_key_label_kind_and_value() {
        let key = DataKey::from_bytes(&[3; KEY_BYTES]).unwrap();
        let index = key.index_key("clients/1");
        assert_eq!(
            index.digest("phone", b"15550100"),
            key.index_key("clients/1").digest("phone", b"15550100")
        );
        assert_ne!(index.digest("phone", b"15550100"), index.digest("email", b"15550100"));
        assert_ne!(index.digest("phone", b"15550100"), index.digest("phone1", b"5550100"));
        assert_ne!(
            index.digest("phone", b"15550100"),
            key.index_key("clients/2").digest("phone", b"15550100")
        );
    }

    #[test]
    fn derivation_is_hkdf_as_rfc_5869_appendix_a_1_has_it() {
        let salt: Vec<u8> = (0x00..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let okm = hkdf_sha256(&salt, &[0x0b; 22], &info);
        let hex: String = okm.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    }

    #[test]
    fn keys_print_nothing() {
        let key = DataKey::from_bytes(&[65; KEY_BYTES]).unwrap();
        assert_eq!(format!("{key:?} {:?}", key.index_key("x")), "DataKey(…) IndexKey(…)");
        assert!(matches!(DataKey::from_bytes(&[0; 31]), Err(KeyError::Length)));
    }
}
