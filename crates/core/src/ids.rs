//! Typed identifiers: a client id can never be passed where a tenant id is meant.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// A text is not a UUID of the kind that was asked for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{what}` is not a valid identifier")]
pub struct IdError {
    /// The kind of identifier that was expected.
    pub what: &'static str,
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is already known to name this kind of thing.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself, for a database bind or a signature.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($what, "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError { what: $what })
            }
        }
    };
}

typed_id!(
    /// A tenant. The word *customer* is fixed by the `customer_id` column, claim and setting.
    CustomerId, "customer"
);
typed_id!(
    /// Who acts: a UUIDv8 made from the token's issuer and subject, so that issuers cannot collide.
    SubjectId, "subject"
);
typed_id!(
    /// One request, made at the edge of the system (UUIDv7); the correlation id of every record about it.
    RequestId, "request"
);
typed_id!(
    /// A break-glass session: platform staff in one tenant, with a reason and an end.
    BreakGlassId, "break-glass session"
);
typed_id!(
    /// A set of permissions that a tenant has named.
    RoleSetId, "role set"
);
typed_id!(
    /// A change of somebody's roles, which takes two persons.
    RoleChangeId, "change of roles"
);
typed_id!(
    /// A role set that somebody has.
    AssignmentId, "assignment"
);
typed_id!(
    /// One row of the audit record (UUIDv7).
    EventId, "event"
);
typed_id!(
    /// A client of a medical spa: the pseudonymous spine id that stands for a person.
    ClientId, "client"
);
typed_id!(
    /// A chart note.
    NoteId, "chart note"
);

typed_id!(
    /// An invoice: what a payment names.
    InvoiceId, "invoice"
);
typed_id!(
    /// A message of a client, or of somebody unknown; the id of the event that brought it.
    MessageId, "message"
);
typed_id!(
    /// A conversation whose placeholders are kept.
    ConversationId, "conversation"
);
typed_id!(
    /// An operation that a person must approve, from the request on (UUIDv7). The effect that comes of it bears the same number.
    GateId, "gate"
);
typed_id!(
    /// An effect on the outside world that is written down before it happens (UUIDv7).
    EffectId, "effect"
);

impl CustomerId {
    /// The reserved tenant of the platform itself: events that belong to no customer, and the registry's own view.
    pub const PLATFORM: Self = Self(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0001));

    /// Whether this is the platform's own tenant.
    #[must_use]
    pub fn is_platform(self) -> bool {
        self == Self::PLATFORM
    }
}

impl SubjectId {
    /// Actions of the operator's own tool, which presents no token.
    pub const OPERATOR: Self = Self(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0002));
    /// The subject of an event whose actor proved no identity.
    pub const ANONYMOUS: Self = Self(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0003));
    /// The canary probe, which looks for rows that it must not see.
    pub const PROBE: Self = Self(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0004));
    /// Background work on a leased job.
    pub const WORKER: Self = Self(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0005));
    /// Another system that reached a tenant by a key that leads there, as a sender of webhooks does.
    pub const CONNECTOR: Self = Self(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0006));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_through_text_and_refuse_anything_else() {
        let id: ClientId = "0190d6f0-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(id.to_string(), "0190d6f0-0000-7000-8000-000000000001");
        assert_eq!("client".parse::<ClientId>(), Err(IdError { what: "client" }));
    }

    #[test]
    fn reserved_ids_differ() {
        assert_ne!(SubjectId::OPERATOR, SubjectId::ANONYMOUS);
        assert!(CustomerId::PLATFORM.is_platform());
    }
}
