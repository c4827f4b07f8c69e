//! The keys of notes: Ed25519 signatures (type `0x01`) and timestamped cosignatures (type `0x04`).

use super::{NoteError, NoteSignature, malformed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// What a key's signatures mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Type `0x01`: Ed25519 over the text (C2SP signed-note).
    Ed25519,
    /// Type `0x04`: Ed25519 over `cosignature/v1`, a time and the text (C2SP tlog-cosignature).
    CosignatureV1,
}

impl KeyKind {
    /// The signature type's identifier byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::CosignatureV1),
            _ => None,
        }
    }
}

const fn bad_key(reason: &'static str) -> NoteError {
    NoteError::Key { reason }
}

/// Not empty, no Unicode space, no plus, no control character.
pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// SHA-256(name ‖ newline ‖ type ‖ public key), the first four bytes.
fn key_id(name: &str, kind: KeyKind, public: &[u8; 32]) -> u32 {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', kind.byte()]);
    hasher.update(public);
    let digest: [u8; 32] = hasher.finalize().into();
    digest.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first))
}

/// A public key with its name: `<name>+<id>+<base64 of type and key>`.
///
/// `Display` writes that form.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: u32,
    public: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// From its parts.
    ///
    /// # Errors
    /// [`NoteError::Key`] for a name that no key may have, or bytes that are no canonical point, or one of low order.
    pub fn new(name: &str, kind: KeyKind, public: &[u8; 32]) -> Result<Self, NoteError> {
        if !is_key_name(name) {
            return Err(bad_key(
                "its name is empty or holds a space, a plus or a control character",
            ));
        }
        // SECURITY: RFC 8032 §5.1.3 refuses y at or above p; the curve library decodes it.
        if !is_canonical(public) {
            return Err(bad_key("the public key is not in its canonical form"));
        }
        let point = ed25519_dalek::VerifyingKey::from_bytes(public)
            .map_err(|_| bad_key("the public key is no point of the curve"))?;
        if point.is_weak() {
            return Err(bad_key("the public key is of low order"));
        }
        Ok(Self {
            name: name.to_owned(),
            kind,
            id: key_id(name, kind, public),
            public: point,
        })
    }

    /// Parses `<name>+<id in 8 hexadecimal digits>+<base64 of type and key>`.
    ///
    /// # Errors
    /// [`NoteError::Key`] for another form, another type than `0x01` and `0x04`, or an id that is not the key's.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let form = bad_key("it is not `<name>+<id>+<key>`");
        let (name, rest) = text.split_once('+').ok_or(form.clone())?;
        let (id, encoded) = rest.split_once('+').ok_or(form)?;
        let (kind, public) = decode_typed(encoded)?;
        let key = Self::new(name, kind, &public)?;
        if format!("{:08x}", key.id) != id {
            return Err(bad_key("its id is not the key's"));
        }
        Ok(key)
    }

    /// The key's name; of a log, its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its signatures mean.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The 32 bytes of the public key (RFC 8032).
    #[must_use]
    pub fn public_bytes(&self) -> &[u8; 32] {
        self.public.as_bytes()
    }

    /// Verifies a signature over the text, without the key id, and answers the time of a cosignature.
    pub(super) fn verify(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, NoteError> {
        let bad = || NoteError::BadSignature {
            name: self.name.clone(),
        };
        let (time_s, raw, message) = match self.kind {
            KeyKind::Ed25519 => (None, signature, text.to_owned()),
            KeyKind::CosignatureV1 => {
                let (time, raw) = signature.split_first_chunk::<8>().ok_or_else(bad)?;
                let time_s = u64::from_be_bytes(*time);
                (Some(time_s), raw, cosigned(text, time_s).map_err(|_| bad())?)
            }
        };
        self.verify_ed25519(message.as_bytes(), raw)?;
        Ok(time_s)
    }

    /// Verifies a plain Ed25519 signature over bytes, without a note around it (RFC 8032 §5.1.7, the form without the
    /// cofactor).
    ///
    /// It is stricter than the RFC: `R` of low order is refused, as are keys of low order before. What has a component
    /// of low order besides is accepted if the equation holds. `cargo xtask vectors` holds it to that.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`].
    pub fn verify_ed25519(&self, message: &[u8], signature: &[u8]) -> Result<(), NoteError> {
        let bad = |_| NoteError::BadSignature {
            name: self.name.clone(),
        };
        let signature = ed25519_dalek::Signature::from_slice(signature).map_err(bad)?;
        // SECURITY: the strict form refuses signatures that fit every message.
        self.public.verify_strict(message, &signature).map_err(bad)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+", self.name, self.id)?;
        f.write_str(&STANDARD.encode(typed(self.kind, self.public.as_bytes()).as_slice()))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl std::str::FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A secret key with its name. It is wiped when it is dropped, and its `Debug` shows nothing.
struct Secret {
    name: String,
    kind: KeyKind,
    id: u32,
    key: ed25519_dalek::SigningKey,
}

impl Secret {
    fn new(name: &str, kind: KeyKind, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, kind, key.verifying_key().as_bytes())?;
        Ok(Self {
            name: public.name,
            kind,
            id: public.id,
            key,
        })
    }

    fn parse(text: &str, kind: KeyKind) -> Result<Self, NoteError> {
        let form = bad_key("it is not `PRIVATE+KEY+<name>+<id>+<key>`");
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(form.clone())?;
        let (name, rest) = rest.split_once('+').ok_or(form.clone())?;
        let (id, encoded) = rest.split_once('+').ok_or(form)?;
        let (found, seed) = decode_typed(encoded)?;
        if found != kind {
            return Err(bad_key("it is for another kind of signature"));
        }
        let secret = Self::new(name, kind, &seed)?;
        if format!("{:08x}", secret.id) != id {
            return Err(bad_key("its id is not the key's"));
        }
        Ok(secret)
    }

    fn encode(&self) -> Zeroizing<String> {
        let bytes = typed(self.kind, self.key.as_bytes());
        let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        Zeroizing::new(format!("PRIVATE+KEY+{}+{:08x}+{}", self.name, self.id, *encoded))
    }

    fn verifier(&self) -> VerifierKey {
        VerifierKey {
            name: self.name.clone(),
            kind: self.kind,
            id: self.id,
            public: self.key.verifying_key(),
        }
    }

    fn line(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature {
            name: self.name.clone(),
            id: self.id,
            signature,
        }
    }
}

/// A secret key that signs notes (type `0x01`).
pub struct SigningKey(Secret);

impl SigningKey {
    /// From a name and the 32 secret bytes of RFC 8032, which must be random.
    ///
    /// # Errors
    /// [`NoteError::Key`] for a name that no key may have.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        Secret::new(name, KeyKind::Ed25519, seed).map(Self)
    }

    /// Parses `PRIVATE+KEY+<name>+<id>+<base64 of type and secret>`.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        Secret::parse(text, KeyKind::Ed25519).map(Self)
    }

    /// The form that [`SigningKey::parse`] reads: a secret.
    #[must_use]
    pub fn danger_encode(&self) -> Zeroizing<String> {
        self.0.encode()
    }

    /// The public key.
    #[must_use]
    pub fn verifier(&self) -> VerifierKey {
        self.0.verifier()
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn sign(&self, text: &str) -> NoteSignature {
        self.0.line(self.0.key.sign(text.as_bytes()).to_bytes().to_vec())
    }
}

/// A secret key that cosigns checkpoints (type `0x04`).
pub struct CosigningKey(Secret);

impl CosigningKey {
    /// From a name and the 32 secret bytes of RFC 8032, which must be random and used for nothing else.
    ///
    /// # Errors
    /// [`NoteError::Key`] for a name that no key may have.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        Secret::new(name, KeyKind::CosignatureV1, seed).map(Self)
    }

    /// Parses `PRIVATE+KEY+<name>+<id>+<base64 of type and secret>`.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        Secret::parse(text, KeyKind::CosignatureV1).map(Self)
    }

    /// The form that [`CosigningKey::parse`] reads: a secret.
    #[must_use]
    pub fn danger_encode(&self) -> Zeroizing<String> {
        self.0.encode()
    }

    /// The public key.
    #[must_use]
    pub fn verifier(&self) -> VerifierKey {
        self.0.verifier()
    }

    /// Signs a checkpoint's text at a time in seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] for a time above 2^63 - 1.
    pub fn cosign(&self, text: &str, time_s: u64) -> Result<NoteSignature, NoteError> {
        let signature = self.0.key.sign(cosigned(text, time_s)?.as_bytes());
        let mut bytes = time_s.to_be_bytes().to_vec();
        bytes.extend_from_slice(&signature.to_bytes());
        Ok(self.0.line(bytes))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([hidden])")
    }
}

impl fmt::Debug for CosigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CosigningKey([hidden])")
    }
}

/// The message of a cosignature: header line, time line, the text.
fn cosigned(text: &str, time_s: u64) -> Result<String, NoteError> {
    if i64::try_from(time_s).is_err() {
        return Err(malformed("a cosignature's time is above 2^63 - 1"));
    }
    Ok(format!("cosignature/v1\ntime {time_s}\n{text}"))
}

fn typed(kind: KeyKind, key: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(33));
    bytes.push(kind.byte());
    bytes.extend_from_slice(key);
    bytes
}

fn decode_typed(encoded: &str) -> Result<(KeyKind, Zeroizing<[u8; 32]>), NoteError> {
    let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| bad_key("it is not base64"))?);
    let (kind, key) = bytes.split_first().ok_or(bad_key("it is empty"))?;
    let kind = KeyKind::from_byte(*kind).ok_or(bad_key("its type is not `0x01` or `0x04`"))?;
    let key: [u8; 32] = key.try_into().map_err(|_| bad_key("it is not 32 bytes long"))?;
    Ok((kind, Zeroizing::new(key)))
}

/// Whether y is below p = 2^255 - 19. A point with x = 0 and the sign bit is of low order and refused as such.
fn is_canonical(public: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = public;
    highest & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff) || *lowest < 0xed
}
