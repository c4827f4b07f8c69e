//! Writing an effect down, in the transaction of what brings it about.

use crate::error::OutboxError;
use crate::statements;
use bearingwall_core::{EffectId, GateId, Origin};
use bearingwall_gates::{
    Approved, Canonical, CanonicalError, DestinationName, Digest, GateError, Gated, Operation, PayloadCipher, Ungated,
};
use bearingwall_tenancy::TenantTx;
use diesel_async::RunQueryDsl as _;
use std::fmt;
use std::fmt::Write as _;
use uuid::Uuid;

enum Source {
    Approved {
        gate: GateId,
        digest: Digest,
    },
    Ungated {
        kind: &'static str,
        destination: DestinationName,
        aggregate: Option<Uuid>,
        content: Canonical,
        sealed: bool,
    },
}

/// Something that is to happen outside. It comes from an approval, or from an operation whose type says that it needs none; there
/// is no third way, and the database looks once more.
// CONTROL: OUT-1
pub struct Effect {
    id: EffectId,
    source: Source,
    traceparent: Option<String>,
}

impl Effect {
    /// The effect of an approved operation, whose approval is used up with it.
    #[must_use]
    pub fn approved<Op: Operation<Recourse = Gated>>(approved: Approved<Op>) -> Self {
        Self {
            id: EffectId::from_uuid(approved.gate().as_uuid()),
            source: Source::Approved {
                gate: approved.gate(),
                digest: approved.digest(),
            },
            traceparent: None,
        }
    }

    /// The effect of an operation that needs no approval.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn ungated<Op: Operation<Recourse = Ungated>>(id: EffectId, operation: Op) -> Result<Self, CanonicalError> {
        Ok(Self {
            id,
            source: Source::Ungated {
                kind: Op::KIND,
                destination: operation.destination(),
                aggregate: operation.aggregate(),
                content: operation.canonical()?,
                sealed: Op::SEALED,
            },
            traceparent: None,
        })
    }

    /// Names the trace that brought it about, which its attempts will belong to.
    #[must_use]
    pub fn traced(mut self, origin: Origin) -> Self {
        self.traceparent = origin.trace.map(|(trace, span)| {
            let mut text = String::with_capacity(55);
            text.push_str("00-");
            hex(&trace, &mut text);
            text.push('-');
            hex(&span, &mut text);
            text.push_str("-01");
            text
        });
        self
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> EffectId {
        self.id
    }
}

fn hex(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effect").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What has become of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EffectState {
    /// Behind another one about the same thing.
    Waiting,
    /// Waiting for a worker.
    Queued,
    /// A worker has it.
    Leased,
    /// Given up; a person decides.
    Dead,
    /// It may have arrived; a person decides.
    Unknown,
    /// Taken by its destination.
    Delivered,
    /// A person found that it had arrived.
    FoundDelivered,
    /// A person decided that it will not be sent.
    Abandoned,
}

impl EffectState {
    pub(crate) fn from_word(word: &str) -> Result<Self, GateError> {
        Ok(match word {
            "waiting" => Self::Waiting,
            "queued" => Self::Queued,
            "leased" => Self::Leased,
            "dead" => Self::Dead,
            "unknown" => Self::Unknown,
            "delivered" => Self::Delivered,
            "found_delivered" => Self::FoundDelivered,
            "abandoned" => Self::Abandoned,
            _ => return Err(GateError::Malformed { what: "state" }),
        })
    }
}

/// The outbox.
#[derive(Clone, Copy, Debug)]
pub enum Outbox {}

impl Outbox {
    /// Writes an effect down: it happens if this transaction commits, and not if it does not.
    ///
    /// Whatever was written earlier about the same thing is done first.
    ///
    /// # Errors
    /// [`GateError::NotApproved`], [`GateError::Expired`], [`GateError::NotInCatalogue`], [`GateError::NotOpen`] for a number that was used;
    /// [`GateError::Key`]; when the database is away.
    pub async fn enqueue(
        tx: &mut TenantTx<'_>,
        cipher: &dyn PayloadCipher,
        effect: Effect,
    ) -> Result<EffectId, OutboxError> {
        let id = effect.id;
        match effect.source {
            Source::Approved { gate, digest } => {
                let enqueue = statements::EnqueueApproved {
                    gate: gate.as_uuid(),
                    digest: digest.as_bytes().to_vec(),
                    traceparent: effect.traceparent,
                };
                let _: bool = enqueue.get_result(tx).await.map_err(GateError::from_refusal)?;
            }
            Source::Ungated {
                kind,
                destination,
                aggregate,
                content,
                sealed,
            } => {
                let clear = content.as_bytes();
                let payload = if sealed {
                    cipher.seal(id.as_uuid(), clear).map_err(GateError::Key)?
                } else {
                    clear.to_vec()
                };
                let enqueue = statements::Enqueue {
                    effect: id.as_uuid(),
                    kind,
                    destination: destination.as_str().to_owned(),
                    aggregate,
                    payload,
                    content_mac: sealed.then(|| cipher.digest(kind, clear).to_vec()),
                    key_version: sealed.then(|| cipher.version()),
                    traceparent: effect.traceparent,
                };
                let _: bool = enqueue.get_result(tx).await.map_err(GateError::from_refusal)?;
            }
        }
        Ok(id)
    }

    /// What has become of an effect of this tenant.
    ///
    /// # Errors
    /// [`GateError::NoSuch`]; when the database is away.
    pub async fn state(tx: &mut TenantTx<'_>, effect: EffectId) -> Result<EffectState, OutboxError> {
        let state = statements::State {
            effect: effect.as_uuid(),
        };
        let rows: Vec<String> = state.get_results(tx).await.map_err(GateError::from_refusal)?;
        let word = rows.into_iter().next().ok_or(GateError::NoSuch)?;
        Ok(EffectState::from_word(&word)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_is_written_as_the_standard_has_it() {
        let effect = Effect {
            id: EffectId::from_uuid(Uuid::nil()),
            source: Source::Approved {
                gate: GateId::from_uuid(Uuid::nil()),
                digest: Digest::from_bytes([0; 32]),
            },
            traceparent: None,
        };
        let origin = Origin {
            source_ip: None,
            trace: Some(([0xab; 16], [0x01; 8])),
        };
        let traced = effect.traced(origin).traceparent.unwrap();
        assert_eq!(traced, format!("00-{}-{}-01", "ab".repeat(16), "01".repeat(8)));
    }
}
