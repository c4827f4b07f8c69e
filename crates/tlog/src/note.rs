//! Signed notes (C2SP signed-note): a text and signature lines below it.

mod key;

pub use key::{CosigningKey, KeyKind, SigningKey, VerifierKey};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bearingwall_core::{Classified, ErrorKind};
use std::fmt;

/// A note of more bytes than this is refused.
pub const NOTE_MAX_BYTES: usize = 1 << 20;
/// A note of more signatures than this is refused; the specification asks for at least 16.
pub const NOTE_MAX_SIGNATURES: usize = 64;

/// Why a note or a key was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is no text with signature lines in the exact form.
    #[error("the note is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A key is not in the exact form, its id is not its own, or it is no safe point of the curve.
    #[error("the key is malformed: {reason}")]
    Key {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A key that is known has signed something else than this text.
    #[error("the signature by `{name}` does not verify")]
    BadSignature {
        /// The name of the key.
        name: String,
    },
    /// Nobody who is known has signed.
    #[error("no known key has signed the note")]
    Unsigned,
}

impl Classified for NoteError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed { .. } | Self::Key { .. } => ErrorKind::Invalid,
            Self::BadSignature { .. } | Self::Unsigned => ErrorKind::Forbidden,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "TLG-010",
            Self::Key { .. } => "TLG-011",
            Self::BadSignature { .. } => "TLG-012",
            Self::Unsigned => "TLG-013",
        }
    }
}

const fn malformed(reason: &'static str) -> NoteError {
    NoteError::Malformed { reason }
}

/// One signature line: who says to have signed, and the bytes. Nothing of it is true before it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: u32,
    signature: Vec<u8>,
}

impl NoteSignature {
    /// Parses one line without its newline: `— <name> <base64 of id and signature>`.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let rest = line
            .strip_prefix("— ")
            .ok_or(malformed("a signature line does not start with an em dash and a space"))?;
        let (name, encoded) = rest
            .split_once(' ')
            .ok_or(malformed("a signature line lacks its signature"))?;
        if !key::is_key_name(name) {
            return Err(malformed("a signature line names no key"));
        }
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| malformed("a signature is not base64"))?;
        match bytes.split_first_chunk::<4>() {
            Some((id, signature)) if !signature.is_empty() => Ok(Self {
                name: name.to_owned(),
                id: u32::from_be_bytes(*id),
                signature: signature.to_vec(),
            }),
            _ => Err(malformed("a signature is too short")),
        }
    }

    /// The name that the line gives.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key id that the line gives.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The signature without the key id.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// The line without its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.signature);
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

/// A signature that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The known key that has signed.
    pub key: VerifierKey,
    /// When, in seconds since 1970-01-01T00:00:00Z as the signer says; cosignatures have it.
    pub time_s: Option<u64>,
}

/// A text and its signature lines, in the exact form; not verified.
///
/// `Display` writes the note's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A text that is not signed yet.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] unless the text ends in a newline and holds no other control character.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        check_text(&text)?;
        if !text.ends_with('\n') {
            return Err(malformed("the text does not end in a newline"));
        }
        Ok(Self {
            text,
            signatures: Vec::new(),
        })
    }

    /// Parses a note of at most [`NOTE_MAX_BYTES`] bytes and 1 to [`NOTE_MAX_SIGNATURES`] signatures.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_MAX_BYTES {
            return Err(malformed("it is too long"));
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        check_text(whole)?;
        // The last empty line separates; the text before it may hold others.
        let (text, lines) = whole
            .rsplit_once("\n\n")
            .ok_or(malformed("no empty line separates text and signatures"))?;
        let lines = lines
            .strip_suffix('\n')
            .ok_or(malformed("it does not end with a signature line"))?;
        let signatures = lines
            .split('\n')
            .take(NOTE_MAX_SIGNATURES + 1)
            .map(NoteSignature::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > NOTE_MAX_SIGNATURES {
            return Err(malformed("it has too many signatures"));
        }
        let mut note = Self::new(format!("{text}\n"))?;
        note.signatures = signatures;
        Ok(note)
    }

    /// The text that is signed, its final newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines in their order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds the signature of a key over the text (type `0x01`).
    pub fn sign(&mut self, key: &SigningKey) {
        self.signatures.push(key.sign(&self.text));
    }

    /// Adds a timestamped cosignature (type `0x04`, C2SP tlog-cosignature); the text should be a checkpoint's.
    /// The time is in seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] for a time above 2^63 - 1.
    pub fn cosign(&mut self, key: &CosigningKey, time_s: u64) -> Result<(), NoteError> {
        self.signatures.push(key.cosign(&self.text, time_s)?);
        Ok(())
    }

    /// Adds a signature line that somebody else has made.
    pub fn push(&mut self, signature: NoteSignature) {
        self.signatures.push(signature);
    }

    /// Verifies the signatures of known keys and answers who has signed, each key once.
    ///
    /// Signatures of unknown keys are passed over, also when they share the name or the id (not both) of a known one.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] as soon as one signature of a known key does not verify, [`NoteError::Unsigned`] when
    /// no known key has signed.
    pub fn verify(&self, known: &[VerifierKey]) -> Result<Vec<Signer>, NoteError> {
        let mut signers: Vec<Signer> = Vec::new();
        for signature in &self.signatures {
            for key in known
                .iter()
                .filter(|key| key.name() == signature.name && key.id() == signature.id)
            {
                let time_s = key.verify(&self.text, &signature.signature)?;
                if !signers.iter().any(|signer| signer.key == *key) {
                    signers.push(Signer {
                        key: key.clone(),
                        time_s,
                    });
                }
            }
        }
        if signers.is_empty() {
            return Err(NoteError::Unsigned);
        }
        Ok(signers)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(malformed("it holds a control character"));
    }
    Ok(())
}
