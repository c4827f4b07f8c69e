//! The sixteen labels of the tagger: one row of weights is one 16-byte vector.

use crate::entity::Entity;

/// How many labels there are, and so how wide a row of weights is.
pub(crate) const LABELS: usize = 16;

/// What one token is part of; inside or outside only, since neighbours of one kind are one value when masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Label {
    Outside,
    Person,
    Location,
    Organization,
    DateTime,
    Age,
    Title,
    Nrp,
    Phone,
    Mrn,
    HealthPlan,
    Npi,
    Ssn,
    Card,
    IdOther,
    Email,
}

impl Label {
    /// Every label in the order of the weights.
    pub(crate) const ALL: [Self; LABELS] = [
        Self::Outside,
        Self::Person,
        Self::Location,
        Self::Organization,
        Self::DateTime,
        Self::Age,
        Self::Title,
        Self::Nrp,
        Self::Phone,
        Self::Mrn,
        Self::HealthPlan,
        Self::Npi,
        Self::Ssn,
        Self::Card,
        Self::IdOther,
        Self::Email,
    ];

    /// The entity that a run of this label is.
    pub(crate) const fn entity(self) -> Option<Entity> {
        Some(match self {
            Self::Outside => return None,
            Self::Person => Entity::Person,
            Self::Location => Entity::Location,
            Self::Organization => Entity::Organization,
            Self::DateTime => Entity::DateTime,
            Self::Age => Entity::Age,
            Self::Title => Entity::Title,
            Self::Nrp => Entity::Nrp,
            Self::Phone => Entity::Phone,
            Self::Mrn => Entity::Mrn,
            Self::HealthPlan => Entity::HealthPlan,
            Self::Npi => Entity::UsNpi,
            Self::Ssn => Entity::UsSsn,
            Self::Card => Entity::CreditCard,
            Self::IdOther => Entity::IdOther,
            Self::Email => Entity::Email,
        })
    }
}
