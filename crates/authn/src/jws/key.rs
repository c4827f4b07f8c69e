//! Public keys from a JWK set: parsed once, each with the one algorithm that it may verify.

use super::{Algorithm, JwsError, canonical_base64url, is_key_id, weakness};
use crate::json::{self, Json, Object};
use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

const P256_COORDINATE_BYTES: usize = 32;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// FIPS 186-5 section 5.1 asks for 65537 at least; larger than 32 bits serves nobody and costs time.
const RSA_EXPONENT: std::ops::RangeInclusive<u64> = 65_537..=0xffff_ffff;

/// A verification key, bound to its algorithm.
pub struct PublicKey {
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
    fingerprint: [u8; 32],
    /// Of an RSA key with the exponent 65537.
    modulus: Option<Box<[u8]>>,
}

impl PublicKey {
    /// The one algorithm that this key verifies.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The modulus of an RSA key with the exponent 65537, big-endian, for a verifier elsewhere that takes only such keys.
    #[must_use]
    pub fn rs256_modulus(&self) -> Option<&[u8]> {
        self.modulus.as_deref()
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), JwsError> {
        // The fixed-size form is asked for, so a DER or over-long ES256 signature does not verify.
        self.parsed
            .verify_sig(message, signature)
            .map_err(|_| JwsError::Signature)
    }

    /// The key of a JWK, or nothing when it is not one that may verify here.
    fn from_jwk(jwk: &Object) -> Option<Self> {
        let is_for_verifying = match jwk.get("use") {
            None => true,
            Some(usage) => usage.text() == Some("sig"),
        } && match jwk.get("key_ops") {
            None => true,
            Some(operations) => matches!(operations.list()?, [only] if only.text() == Some("verify")),
        };
        // A published private key is nobody's proof of anything.
        if !is_for_verifying || ["d", "p", "q", "k"].iter().any(|member| jwk.contains_key(*member)) {
            return None;
        }
        let key = match jwk.get("kty")?.text()? {
            "RSA" => Self::rsa(jwk)?,
            "EC" => Self::p256(jwk)?,
            _ => return None,
        };
        match jwk.get("alg") {
            None => Some(key),
            Some(name) if name.text() == Some(key.algorithm.as_str()) => Some(key),
            Some(_) => None,
        }
    }

    fn rsa(jwk: &Object) -> Option<Self> {
        let modulus = bytes_of(jwk, "n")?;
        let exponent = bytes_of(jwk, "e")?;
        if exponent.len() > 4 || exponent.first() == Some(&0) {
            return None;
        }
        let exponent_value = exponent
            .iter()
            .fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
        let bits = (modulus.len() * 8).checked_sub(modulus.first()?.leading_zeros() as usize)?;
        let odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte & 1 == 1);
        if modulus.first() == Some(&0)
            || !RSA_BITS.contains(&bits)
            || !RSA_EXPONENT.contains(&exponent_value)
            || !odd(&modulus)
            || !odd(&exponent)
            || weakness::is_roca(&modulus)
        {
            return None;
        }
        let parsed = RsaPublicKeyComponents {
            n: modulus.as_slice(),
            e: exponent.as_slice(),
        }
        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .ok()?;
        Some(Self {
            algorithm: Algorithm::Rs256,
            parsed,
            fingerprint: fingerprint(&[&modulus, &exponent]),
            modulus: (exponent_value == 65_537).then(|| modulus.into_boxed_slice()),
        })
    }

    fn p256(jwk: &Object) -> Option<Self> {
        if jwk.get("crv")?.text()? != "P-256" {
            return None;
        }
        let (x, y) = (bytes_of(jwk, "x")?, bytes_of(jwk, "y")?);
        if x.len() != P256_COORDINATE_BYTES || y.len() != P256_COORDINATE_BYTES {
            return None;
        }
        let point = [&[4_u8], x.as_slice(), y.as_slice()].concat();
        // Parsing checks that the point lies on the curve.
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).ok()?;
        Some(Self {
            algorithm: Algorithm::Es256,
            parsed,
            fingerprint: fingerprint(&[&point]),
            modulus: None,
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The usable keys of a JWK set, by key id.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: HashMap<Box<str>, Arc<PublicKey>>,
}

impl KeySet {
    /// Reads a JWK set.
    ///
    /// Keys that may not verify here are left out: other types and curves, `use` or `key_ops` for something else,
    /// an `alg` that is not the key's, RSA outside 2048 to 4096 bits or with an exponent below 65537, keys of the
    /// ROCA family (CVE-2017-15361), points off the curve, private and symmetric keys, keys without a key id, and
    /// every key whose key id stands twice among the usable ones.
    ///
    /// # Errors
    /// [`JwsError::KeySet`] when it is not a JSON object with a list `keys`.
    pub fn from_json(json: &[u8]) -> Result<Self, JwsError> {
        let set = json::object(json).ok_or(JwsError::KeySet)?;
        let jwks = set.get("keys").and_then(Json::list).ok_or(JwsError::KeySet)?;
        let mut keys: HashMap<Box<str>, Option<Arc<PublicKey>>> = HashMap::new();
        for jwk in jwks.iter().filter_map(Json::object) {
            let Some(kid) = jwk.get("kid").and_then(Json::text).filter(|kid| is_key_id(kid)) else {
                continue;
            };
            let Some(key) = PublicKey::from_jwk(jwk) else { continue };
            keys.entry(kid.into())
                .and_modify(|twice| *twice = None)
                .or_insert_with(|| Some(Arc::new(key)));
        }
        Ok(Self {
            keys: keys
                .into_iter()
                .filter_map(|(kid, key)| key.map(|key| (kid, key)))
                .collect(),
        })
    }

    /// The key with this id.
    #[must_use]
    pub fn key(&self, kid: &str) -> Option<&Arc<PublicKey>> {
        self.keys.get(kid)
    }

    /// Every usable key with its id, in the order of the ids.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&str, &PublicKey)> {
        let mut keys: Vec<(&str, &PublicKey)> = self.keys.iter().map(|(kid, key)| (&**kid, &**key)).collect();
        keys.sort_unstable_by_key(|(kid, _)| *kid);
        keys
    }

    /// How many usable keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no usable key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether every key of `earlier` is still here, unchanged.
    pub(crate) fn keeps(&self, earlier: &Self) -> bool {
        earlier.keys.iter().all(|(kid, key)| {
            self.keys
                .get(kid)
                .is_some_and(|now| now.algorithm == key.algorithm && now.fingerprint == key.fingerprint)
        })
    }
}

fn bytes_of(jwk: &Object, member: &str) -> Option<Vec<u8>> {
    canonical_base64url(jwk.get(member)?.text()?).ok()
}

fn fingerprint(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}
