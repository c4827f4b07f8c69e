//! Keyset pages: newest first, continued at an id, so that a page costs the same at any depth.

use crate::routes::RouteSpec;
use bearingwall_domain::Page;
use serde::Deserialize;
use uuid::Uuid;

/// The part of a list that a caller asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    before: Option<Uuid>,
    limit: Option<u16>,
}

impl PageQuery {
    /// Declares both parameters.
    pub(crate) fn declare(spec: RouteSpec) -> RouteSpec {
        spec.query(
            "before",
            "string",
            "Only what is older than this id; the `next` of the page before.",
        )
        .query("limit", "integer", "Entries at the most: 1 to 100, 50 if absent.")
    }

    /// The page of a list of clients or notes.
    pub(crate) fn page<Id: FromUuid>(&self) -> Page<Id> {
        Page {
            before: self.before.map(Id::from_uuid),
            limit: self.limit(),
        }
    }

    /// Where the page before ended.
    pub(crate) const fn before(&self) -> Option<Uuid> {
        self.before
    }

    /// Entries at the most; the use-case checks the bounds.
    pub(crate) fn limit(&self) -> u16 {
        self.limit.unwrap_or(Page::<Uuid>::LIMIT_DEFAULT)
    }
}

/// A typed id that a page can continue at.
pub(crate) trait FromUuid {
    /// The id.
    fn from_uuid(id: Uuid) -> Self;
}

impl FromUuid for bearingwall_core::ClientId {
    fn from_uuid(id: Uuid) -> Self {
        Self::from_uuid(id)
    }
}

impl FromUuid for bearingwall_core::InvoiceId {
    fn from_uuid(id: Uuid) -> Self {
        Self::from_uuid(id)
    }
}

impl FromUuid for bearingwall_core::MessageId {
    fn from_uuid(id: Uuid) -> Self {
        Self::from_uuid(id)
    }
}

impl FromUuid for bearingwall_core::NoteId {
    fn from_uuid(id: Uuid) -> Self {
        Self::from_uuid(id)
    }
}
