//! Signature verification of compact JWS (RFC 7515) with public JWKs (RFC 7517), as strict as RFC 8725 asks.
//!
//! It knows RS256 and ES256 and nothing else.
//! The algorithm is the key's: the token only has to agree.
//! The protected header may hold `alg`, `typ` and `kid`; any other member (`jku`, `jwk`, `x5u`, `x5c`, `crit`,
//! `b64`, `zip`, `enc` among them) refuses the token.

mod key;
mod weakness;

pub use key::{KeySet, PublicKey};

use crate::json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearingwall_core::{Classified, ErrorKind};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The longest key id that is looked up, in bytes.
pub(crate) const MAX_KID_BYTES: usize = 128;

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 to 4096 bits.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

impl Algorithm {
    /// Every algorithm that is known here.
    pub const ALL: [Self; 2] = [Self::Rs256, Self::Es256];

    /// The name in a JOSE header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a signed token or a key set was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwsError {
    /// It has not the shape of a compact JWS.
    #[error("the token is malformed: {what}")]
    Malformed {
        /// The first rule that it breaks.
        what: &'static str,
    },
    /// Its algorithm is unknown here, or is not the key's.
    #[error("the token's algorithm is not the one of the key")]
    Algorithm,
    /// No usable key has its key id.
    #[error("no key with the token's key id")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the token's signature does not verify")]
    Signature,
    /// The key set is not a JSON object with a list of keys.
    #[error("the key set is malformed")]
    KeySet,
}

impl Classified for JwsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed { .. } | Self::Algorithm | Self::UnknownKey | Self::Signature => ErrorKind::Unauthenticated,
            Self::KeySet => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "AUT-001",
            Self::Algorithm => "AUT-002",
            Self::UnknownKey => "AUT-003",
            Self::Signature => "AUT-004",
            Self::KeySet => "AUT-005",
        }
    }
}

/// Verifies a compact JWS against a key set and returns the payload.
///
/// # Errors
/// [`JwsError`], always before anything of the payload is handed out.
///
/// # Example
/// ```
/// use bearingwall_authn::jws::{self, JwsError, KeySet};
///
/// let keys = KeySet::from_json(br#"{"keys":[]}"#)?;
/// assert!(matches!(jws::verify("not a token", &keys), Err(JwsError::Malformed { .. })));
/// # Ok::<(), JwsError>(())
/// ```
pub fn verify(token: &str, keys: &KeySet) -> Result<Vec<u8>, JwsError> {
    let parsed = CompactJws::parse(token)?;
    let key = keys.key(&parsed.kid).ok_or(JwsError::UnknownKey)?;
    parsed.check(key)?;
    Ok(parsed.payload)
}

/// A compact JWS whose shape is right and whose signature is not checked yet.
pub(crate) struct CompactJws<'a> {
    algorithm: Algorithm,
    typ: Option<String>,
    kid: String,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> CompactJws<'a> {
    // CONTROL: AUT-1
    pub(crate) fn parse(token: &'a str) -> Result<Self, JwsError> {
        // Cheap checks first: junk costs microseconds, never a signature check.
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwsError::Malformed {
                what: "longer than 16 KiB",
            });
        }
        if !token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        {
            return Err(JwsError::Malformed {
                what: "a character outside base64url",
            });
        }
        if token.bytes().filter(|byte| *byte == b'.').count() != 2 {
            return Err(JwsError::Malformed {
                what: "not three parts",
            });
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed {
            what: "not three parts",
        })?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed {
            what: "not three parts",
        })?;

        let header = json::object(&canonical_base64url(header)?).ok_or(JwsError::Malformed {
            what: "the header is no plain JSON object",
        })?;
        // SECURITY: every member beyond these three either names a key of the attacker's choice or changes
        // what the signature means (RFC 8725 section 3.10), so none is skipped over.
        if header
            .keys()
            .any(|name| !matches!(name.as_str(), "alg" | "typ" | "kid"))
        {
            return Err(JwsError::Malformed {
                what: "a header member besides alg, typ and kid",
            });
        }
        let member = |name: &str, what: &'static str| match header.get(name) {
            None => Ok(None),
            Some(value) => value
                .text()
                .map(|text| Some(text.to_owned()))
                .ok_or(JwsError::Malformed { what }),
        };
        let algorithm = member("alg", "alg is no string")?.ok_or(JwsError::Malformed { what: "no alg" })?;
        let typ = member("typ", "typ is no string")?;
        let kid = member("kid", "kid is no string")?
            .filter(|kid| is_key_id(kid))
            .ok_or(JwsError::Malformed {
                what: "no kid of 1 to 128 printable characters",
            })?;
        Ok(Self {
            algorithm: Algorithm::from_name(&algorithm).ok_or(JwsError::Algorithm)?,
            typ,
            kid,
            signed,
            payload: canonical_base64url(payload)?,
            signature: canonical_base64url(signature)?,
        })
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The payload before its signature was checked: good for choosing whose keys to try, for nothing else.
    pub(crate) fn danger_unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    pub(crate) fn check(&self, key: &PublicKey) -> Result<(), JwsError> {
        // SECURITY: the key decides (RFC 8725 section 3.1); a token that asks for another algorithm is refused.
        if key.algorithm() != self.algorithm {
            return Err(JwsError::Algorithm);
        }
        key.verify(self.signed.as_bytes(), &self.signature)
    }
}

pub(crate) fn is_key_id(text: &str) -> bool {
    (1..=MAX_KID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Unpadded base64url with exactly one spelling per value: otherwise one token has many texts, and anything
/// that is keyed by the text (a cache, a replay list) can be walked around.
pub(crate) fn canonical_base64url(text: &str) -> Result<Vec<u8>, JwsError> {
    let what = "not canonical base64url";
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::Malformed { what })?;
    if URL_SAFE_NO_PAD.encode(&bytes) == text {
        Ok(bytes)
    } else {
        Err(JwsError::Malformed { what })
    }
}
