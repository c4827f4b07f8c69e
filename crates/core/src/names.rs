//! What an identity provider calls a person.

use crate::Phi;

/// The names of a principal, as its token gave them. They are compared as keyed digests and stored and shown nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryNames {
    /// `given_name` (OpenID Connect Core 1.0, section 5.1).
    pub given: Option<Phi<String>>,
    /// `family_name`.
    pub family: Option<Phi<String>>,
    /// `email`.
    pub email: Option<Phi<String>>,
}

impl DirectoryNames {
    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.given.is_none() && self.family.is_none() && self.email.is_none()
    }
}
