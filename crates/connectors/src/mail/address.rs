//! Mail addresses, as strict as what is sent to needs them.

use super::{DisplayName, MailError};
use std::fmt;

/// Octets of a path (RFC 5321, section 4.5.3.1.3), less the angle brackets.
const ADDRESS_MAX: usize = 254;

/// Octets of a local part (RFC 5321, section 4.5.3.1.1).
const LOCAL_MAX: usize = 64;

/// Octets of a domain name in text form (RFC 1035, section 2.3.4).
const DOMAIN_MAX: usize = 253;

/// A mail address: a dot-atom of ASCII, `@`, and a domain name.
///
/// An international domain name is taken in Unicode and kept as its A-labels (UTS 46, strict), as Amazon SES demands. A local
/// part outside of ASCII needs SMTPUTF8 (RFC 6531) on every hop, which SES does not speak: it is refused. So are quoted local
/// parts, address literals, comments and routes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    text: String,
    at: usize,
}

impl Address {
    /// Takes an address, without a name and without angle brackets.
    ///
    /// # Errors
    ///
    /// [`MailError::Address`], which never repeats the address.
    pub fn parse(text: &str) -> Result<Self, MailError> {
        let refuse = |reason| MailError::Address { reason };
        let (local, domain) = text.rsplit_once('@').ok_or(refuse("it has no domain"))?;
        check_local(local)?;
        let domain = if domain.is_ascii() {
            domain.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii_strict(domain).map_err(|_| refuse("its domain is no international domain name"))?
        };
        check_domain(&domain)?;
        let whole = format!("{local}@{domain}");
        if whole.len() > ADDRESS_MAX {
            return Err(refuse("it is too long"));
        }
        Ok(Self {
            at: local.len(),
            text: whole,
        })
    }

    /// The address as it goes on the wire. It is personal data: not for logs.
    #[must_use]
    pub fn wire(&self) -> &str {
        &self.text
    }

    /// Its domain, in A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at.saturating_add(1)..).unwrap_or_default()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// A dot-atom (RFC 5322, section 3.2.3).
fn check_local(local: &str) -> Result<(), MailError> {
    let refuse = |reason| Err(MailError::Address { reason });
    if local.is_empty() || local.len() > LOCAL_MAX {
        return refuse("what stands before `@` is empty or too long");
    }
    if !local.is_ascii() {
        return refuse("what stands before `@` is not ASCII, which needs SMTPUTF8");
    }
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    if local.split('.').all(|part| !part.is_empty() && part.chars().all(atom)) && !local.contains("=?") {
        Ok(())
    } else {
        refuse("what stands before `@` is no dot-atom")
    }
}

/// At least two labels of lower-case letters, digits and hyphens (RFC 1123, section 2.1); the last one is no number.
pub(super) fn check_domain(domain: &str) -> Result<(), MailError> {
    let refuse = |reason| Err(MailError::Address { reason });
    if domain.len() > DOMAIN_MAX {
        return refuse("its domain is too long");
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    if domain.contains('.') && domain.split('.').all(label) && !last.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        refuse("its domain is no domain name")
    }
}

/// To whom a message goes: always one, so that no recipient learns of another.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    pub(super) address: Address,
    pub(super) name: Option<DisplayName>,
}

impl Recipient {
    /// Somebody by address alone.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self { address, name: None }
    }

    /// With a name beside it.
    #[must_use]
    pub fn named(mut self, name: DisplayName) -> Self {
        self.name = Some(name);
        self
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient(…)")
    }
}

/// From whom messages come, out of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub(super) address: Address,
    pub(super) name: DisplayName,
    pub(super) reply_to: Option<Address>,
}

impl Sender {
    /// The sender that recipients see, which is the envelope's as well.
    #[must_use]
    pub const fn new(address: Address, name: DisplayName) -> Self {
        Self {
            address,
            name,
            reply_to: None,
        }
    }

    /// Where answers go, if elsewhere.
    #[must_use]
    pub fn replies_to(mut self, address: Address) -> Self {
        self.reply_to = Some(address);
        self
    }
}
