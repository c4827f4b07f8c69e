//! Configuration sets: one for each class of messages.

use crate::SesError;
use bearingwall_connectors::mail::Class;
use std::fmt;

/// The name of a configuration set: letters, digits, `_` and `-`, at most 64 of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetName(String);

impl SetName {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// [`SesError::Name`].
    pub fn parse(text: &str) -> Result<Self, SesError> {
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(fit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SesError::Name)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The set of each class. A class without one is not sent.
#[derive(Clone, Debug)]
pub struct ConfigurationSets {
    /// For messages with health information: the set must require TLS.
    pub phi: Option<SetName>,
    /// For messages without it.
    pub plain: Option<SetName>,
    /// For advertising.
    pub marketing: Option<SetName>,
}

impl ConfigurationSets {
    pub(crate) const fn of(&self, class: Class) -> Option<&SetName> {
        match class {
            Class::Phi => self.phi.as_ref(),
            Class::Plain => self.plain.as_ref(),
            Class::Marketing => self.marketing.as_ref(),
        }
    }
}
