//! The CRM as Safe Harbor leaves it (45 CFR 164.514(b)(2)): clients and notes without what tells who they are.

mod cases;
mod harbor;
mod text;

pub use cases::Deidentification;

use bearingwall_pii::MaskedText;
use uuid::Uuid;

/// One thing of a de-identified export. Notes follow their client.
#[derive(Clone, Debug, PartialEq)]
pub enum Deidentified {
    /// A client.
    Client(DeidentifiedClient),
    /// A note about the client that came before it.
    Note(DeidentifiedNote),
}

/// A client without names, numbers, addresses, dates and labels.
#[derive(Clone, Debug, PartialEq)]
pub struct DeidentifiedClient {
    /// A random code of this export alone. It is made of nothing and kept nowhere (45 CFR 164.514(c)).
    pub record: Uuid,
    /// The year of birth, unless it tells an age over 89.
    pub birth_year: Option<u16>,
    /// Whether the client is 90 or older.
    pub ninety_or_older: bool,
    /// The state of the United States, as the postal service abbreviates it.
    pub state: Option<&'static str>,
    /// The first three digits of the ZIP, `000` where fewer than 20,001 people live; only with a state.
    pub zip3: Option<String>,
    /// What the client is said to be allergic to.
    pub allergies: Option<DeidentifiedText>,
    /// What the client is said to suffer from.
    pub conditions: Option<DeidentifiedText>,
    /// Whether the client wants to hear of offers.
    pub marketing_opt_in: bool,
}

/// A note without its author, its day and its ids.
#[derive(Clone, Debug, PartialEq)]
pub struct DeidentifiedNote {
    /// The code of the client that it is about.
    pub record: Uuid,
    /// The year.
    pub year: Option<u16>,
    /// What was done.
    pub service: DeidentifiedText,
    /// The text.
    pub body: DeidentifiedText,
}

/// A free text of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum DeidentifiedText {
    /// Without what the engine finds, and without what the record itself says about the client.
    Masked(MaskedText),
    /// Something that the record says about the client would have been left: nothing of it is given.
    Withheld,
}
