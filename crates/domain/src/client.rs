//! Clients: what is said about a person, and how a person is looked up.

mod cases;
mod payload;
pub(crate) mod store;
mod validation;

use bearingwall_core::{ClientId, Phi};
use std::collections::BTreeMap;
use time::OffsetDateTime;

pub(crate) use cases::DIGESTS;
pub(crate) use payload::encode;
pub(crate) use validation::{LABELS_MAX, ValidClient, label_name};

/// What is said about a client. Blank texts count as absent, and texts are stored trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInput {
    /// The client's id in another system, unique in the tenant; at most 128 characters.
    pub external_id: Option<Phi<String>>,
    /// At most 100 characters, with a letter.
    pub first_name: Phi<String>,
    /// At most 100 characters, with a letter.
    pub last_name: Phi<String>,
    /// `YYYY-MM-DD`, not in the future.
    pub date_of_birth: Phi<String>,
    /// 7 to 15 digits with the usual punctuation.
    pub phone: Option<Phi<String>>,
    /// At most 254 characters.
    pub email: Option<Phi<String>>,
    /// Where the client lives.
    pub address: Address,
    /// At most 4,000 characters.
    pub allergies: Option<Phi<String>>,
    /// At most 4,000 characters.
    pub conditions: Option<Phi<String>>,
    /// Whether the client wants to hear of offers.
    pub marketing_opt_in: bool,
    /// What else another system says about the client: at most 32, names of at most 64 characters, values of at most 2,000.
    pub labels: Phi<BTreeMap<String, String>>,
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// At most 200 characters.
    pub street: Option<Phi<String>>,
    /// At most 100 characters.
    pub city: Option<Phi<String>>,
    /// At most 50 characters.
    pub state: Option<Phi<String>>,
    /// At most 20 characters.
    pub postal_code: Option<Phi<String>>,
}

impl ClientInput {
    /// The least that is said about a client.
    #[must_use]
    pub fn new(first_name: Phi<String>, last_name: Phi<String>, date_of_birth: Phi<String>) -> Self {
        Self {
            external_id: None,
            first_name,
            last_name,
            date_of_birth,
            phone: None,
            email: None,
            address: Address::default(),
            allergies: None,
            conditions: None,
            marketing_opt_in: false,
            labels: Phi::new(BTreeMap::new()),
        }
    }
}

/// A client as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRecord {
    /// The pseudonymous id.
    pub id: ClientId,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When the client was created, by the database's clock.
    pub created_at: OffsetDateTime,
    /// When the client was last changed.
    pub updated_at: OffsetDateTime,
    /// What is said about the client.
    pub details: ClientInput,
}

/// What a write answers: no representation, which only a recorded read may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientWritten {
    /// The client.
    pub id: ClientId,
    /// Its version now.
    pub version: i64,
}

impl ClientInput {
    /// The names of the fields in which two contents differ, for the record.
    pub(crate) fn differing(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("external_id", self.external_id == other.external_id),
            ("first_name", self.first_name == other.first_name),
            ("last_name", self.last_name == other.last_name),
            ("date_of_birth", self.date_of_birth == other.date_of_birth),
            ("phone", self.phone == other.phone),
            ("email", self.email == other.email),
            ("street", self.address.street == other.address.street),
            ("city", self.address.city == other.address.city),
            ("state", self.address.state == other.address.state),
            ("postal_code", self.address.postal_code == other.address.postal_code),
            ("allergies", self.allergies == other.allergies),
            ("conditions", self.conditions == other.conditions),
            ("marketing_opt_in", self.marketing_opt_in == other.marketing_opt_in),
            ("labels", self.labels == other.labels),
        ];
        fields
            .into_iter()
            .filter(|(_, same)| !same)
            .map(|(name, _)| name)
            .collect()
    }
}

/// How a client is looked up; always within the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientQuery {
    /// The beginning of the first or last name, at least 2 letters, or one of them whole and the beginning of the
    /// other; case, accents and punctuation do not count.
    Name(Phi<String>),
    /// The telephone number, in any spelling.
    Phone(Phi<String>),
    /// The e-mail address, in any case.
    Email(Phi<String>),
}
