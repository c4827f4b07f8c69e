//! What leaves the system, as a type: an operation says whether a person must approve it, and nobody else does.

use crate::canonical::{Canonical, CanonicalError};
use bearingwall_core::GateId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use uuid::Uuid;

mod sealed {
    /// Closes [`super::Recourse`]: there is no third way.
    pub trait Sealed {}
}

/// Whether an operation waits for a person: [`Gated`] or [`Ungated`].
pub trait Recourse: sealed::Sealed + 'static {
    /// Whether it waits, for whoever lists operations.
    const GATED: bool;
}

/// A person other than who asked must approve it.
#[derive(Debug)]
pub enum Gated {}

/// It needs no approval. The catalogue in the database must say the same, or its effect is refused.
#[derive(Debug)]
pub enum Ungated {}

impl sealed::Sealed for Gated {}
impl sealed::Sealed for Ungated {}
impl Recourse for Gated {
    const GATED: bool = true;
}
impl Recourse for Ungated {
    const GATED: bool = false;
}

/// Something that is to happen outside. Its fields are what a person is shown, what is stored, and what is sent.
///
/// Numbers are integers of at most 2^53 - 1; money and foreign ids are texts ([`Canonical`]).
pub trait Operation: Serialize + DeserializeOwned + Send + 'static {
    /// Whether a person must approve it.
    type Recourse: Recourse;

    /// Its kind in the catalogue of the database, `tenancy.action_kinds`.
    const KIND: &'static str;

    /// Whether its content may hold personal data and is stored as ciphertext. The catalogue must say the same.
    const SEALED: bool;

    /// Where it goes.
    fn destination(&self) -> DestinationName;

    /// What it is about, where the order of effects matters: they leave one after the other.
    fn aggregate(&self) -> Option<Uuid>;

    /// The bytes that are shown, approved and sent.
    ///
    /// # Errors
    /// [`CanonicalError`].
    fn canonical(&self) -> Result<Canonical, CanonicalError> {
        Canonical::of(self)
    }
}

/// A text names no destination.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not the name of a destination")]
pub struct DestinationNameError;

/// Where an effect goes, as `mail.ses` or `webhook.0190d6f0-0000-7000-8000-000000000001`: a lower-case letter, and then letters,
/// digits, `_`, `.` and `-`, 64 at the most.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DestinationName(String);

impl DestinationName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DestinationName {
    type Err = DestinationNameError;

    fn from_str(text: &str) -> Result<Self, DestinationNameError> {
        let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
        let fits = (2..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(rest);
        fits.then(|| Self(text.to_owned())).ok_or(DestinationNameError)
    }
}

impl fmt::Display for DestinationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 over everything that an approval is of: tenant, number, kind, destination, aggregate and the stored payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Takes 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for Digest {
    type Error = crate::GateError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        let bytes = bytes.try_into();
        bytes
            .map(Self)
            .map_err(|_| crate::GateError::Malformed { what: "digest" })
    }
}

/// 64 lower-case hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A text is no digest.
impl FromStr for Digest {
    type Err = crate::GateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || crate::GateError::Invalid {
            field: "seen_digest",
            reason: "is not 64 lower-case hexadecimal digits",
        };
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(refused());
        }
        for (to, [high, low]) in bytes.iter_mut().zip(pairs) {
            *to = nibble(*high).ok_or_else(refused)? << 4 | nibble(*low).ok_or_else(refused)?;
        }
        Ok(Self(bytes))
    }
}

/// Proof that an operation of this type is approved and has not been used. It holds the approval's number and digest; the content
/// stays in the database, and the outbox sends the bytes that were approved.
///
/// Its fields are private, and it is neither `Clone` nor `Deserialize` nor made from anything: [`gate_take`](crate::gate_take)
/// makes it from the row that was decided on, and the outbox takes it for good. The database looks once more when it does.
// CONTROL: GAT-4
pub struct Approved<Op: Operation<Recourse = Gated>> {
    gate: GateId,
    digest: Digest,
    operation: PhantomData<fn() -> Op>,
}

impl<Op: Operation<Recourse = Gated>> Approved<Op> {
    pub(crate) const fn new(gate: GateId, digest: Digest) -> Self {
        Self {
            gate,
            digest,
            operation: PhantomData,
        }
    }

    /// Which approval it is.
    #[must_use]
    pub const fn gate(&self) -> GateId {
        self.gate
    }

    /// What was approved.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

impl<Op: Operation<Recourse = Gated>> fmt::Debug for Approved<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approved")
            .field("kind", &Op::KIND)
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_codes() {
        for good in ["mail.ses", "webhook.0190d6f0-0000-7000-8000-000000000001", "a1"] {
            assert_eq!(good.parse::<DestinationName>().unwrap().to_string(), good);
        }
        for bad in ["", "a", "1a", "Mail", "mail ses", "mail/ses", "ä.b", &"a".repeat(65)] {
            assert_eq!(bad.parse::<DestinationName>(), Err(DestinationNameError), "{bad}");
        }
    }

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = Digest::from_bytes(std::array::from_fn(|at| u8::try_from(at * 7).unwrap()));
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        let text = digest.to_string();
        for bad in [
            text.get(1..).unwrap(),
            &text.to_uppercase(),
            &format!("{text}00"),
            "",
            &format!("g{}", text.get(1..).unwrap()),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
