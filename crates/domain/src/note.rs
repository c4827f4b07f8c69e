//! Chart notes: what somebody wrote about a client, sealed under that client's key.

mod cases;
mod payload;
pub(crate) mod store;
mod validation;

use bearingwall_core::{ClientId, NoteId, Phi};
use time::OffsetDateTime;

pub(crate) use payload::encode;
pub(crate) use validation::ValidNote;

/// What a chart note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteInput {
    /// The note's id in another system, unique in the tenant; at most 128 characters.
    pub external_id: Option<Phi<String>>,
    /// `YYYY-MM-DD`.
    pub noted_on: Phi<String>,
    /// Who wrote it; at most 200 characters.
    pub author: Phi<String>,
    /// What was done; at most 100 characters.
    pub service: Phi<String>,
    /// The text, kept as it is; at most 65,536 bytes.
    pub body: Phi<String>,
}

impl NoteInput {
    /// The names of the fields in which two contents differ, for the record.
    pub(crate) fn differing(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("external_id", self.external_id == other.external_id),
            ("noted_on", self.noted_on == other.noted_on),
            ("author", self.author == other.author),
            ("service", self.service == other.service),
            ("body", self.body == other.body),
        ];
        fields
            .into_iter()
            .filter(|(_, same)| !same)
            .map(|(name, _)| name)
            .collect()
    }
}

/// A chart note as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteRecord {
    /// Its id.
    pub id: NoteId,
    /// The client that it is about.
    pub client: ClientId,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was stored, by the database's clock.
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
    /// What it says.
    pub note: NoteInput,
}

/// What a write answers: no representation, which only a recorded read may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteWritten {
    /// The note.
    pub id: NoteId,
    /// Its version now.
    pub version: i64,
}
