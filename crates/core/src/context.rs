//! Who acts, for which tenant, in which request: the value that every layer below takes.

use crate::{BearerProof, BreakGlassId, CustomerId, DirectoryNames, RequestId, RoleSet, SubjectId};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use time::OffsetDateTime;

/// An identity that a token proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who: derived from issuer and subject of the token.
    pub subject: SubjectId,
    /// The tenant that the token speaks for; an internal administrator has none.
    pub customer: Option<CustomerId>,
    /// The roles that the token carries.
    pub roles: RoleSet,
    /// When the proof ends.
    pub expires_at: OffsetDateTime,
    /// What the token calls its bearer, if it says so.
    pub names: Option<Arc<DirectoryNames>>,
    /// Whether the sign-in behind it showed what is configured to be strong, as a second factor.
    pub strong: bool,
    /// Whether a person signed in for it: it belongs to a session at the issuer or says when somebody signed in, and is about
    /// somebody else than the program that asked for it.
    pub signed_in: bool,
}

/// Why personal data is touched: a code of HL7 v3 ActReason, as FHIR's `purposeOfUse` uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PurposeOfUse {
    /// Treatment.
    #[default]
    Treatment,
    /// Health-care operations.
    Operations,
    /// Payment.
    Payment,
    /// At the person's own request.
    PatientRequest,
    /// Moving records in or out of the system.
    SystemAdministration,
}

impl PurposeOfUse {
    /// Every purpose that is accepted.
    pub const ALL: [Self; 5] = [
        Self::Treatment,
        Self::Operations,
        Self::Payment,
        Self::PatientRequest,
        Self::SystemAdministration,
    ];

    /// The ActReason code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Treatment => "TREAT",
            Self::Operations => "HOPERAT",
            Self::Payment => "HPAYMT",
            Self::PatientRequest => "PATRQT",
            Self::SystemAdministration => "SYSADMIN",
        }
    }
}

impl fmt::Display for PurposeOfUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is no purpose-of-use code that is accepted here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a purpose of use")]
pub struct UnknownPurpose;

impl FromStr for PurposeOfUse {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
            .ok_or(UnknownPurpose)
    }
}

/// What [`Ctx::danger_assume_verified`] takes.
#[derive(Clone, Debug)]
pub struct CtxParts {
    /// Who acts.
    pub subject: SubjectId,
    /// The tenant that is worked in.
    pub customer: CustomerId,
    /// The roles of the actor, for the record.
    pub roles: RoleSet,
    /// The request.
    pub request: RequestId,
    /// Why.
    pub purpose: PurposeOfUse,
    /// When the proof of identity ends; a database context never outlives it.
    pub expires_at: OffsetDateTime,
    /// The route's template, for the record.
    pub route: Option<&'static str>,
}

/// A verified request context. Every store, use-case and audit function takes one; none takes a bare tenant id.
///
/// There is one way to make it, and its name says what it assumes.
#[derive(Clone, Debug)]
pub struct Ctx {
    parts: CtxParts,
    proof: Option<BearerProof>,
    origin: Origin,
    break_glass: Option<BreakGlassId>,
    names: Option<Arc<DirectoryNames>>,
}

/// Where a request came from, for the record and for nothing else: nothing is decided by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address of the network peer, or what a trusted proxy says of it.
    pub source_ip: Option<IpAddr>,
    /// Trace and span (W3C Trace Context, sections 3.2.2.3 and 3.2.2.4).
    pub trace: Option<([u8; 16], [u8; 8])>,
}

impl Ctx {
    /// Makes a context from facts that the caller has verified.
    ///
    /// Banned by `clippy.toml` outside `http` (after token and permission) and the operator's own tools.
    #[must_use]
    pub const fn danger_assume_verified(parts: CtxParts) -> Self {
        Self {
            parts,
            proof: None,
            origin: Origin {
                source_ip: None,
                trace: None,
            },
            break_glass: None,
            names: None,
        }
    }

    /// Adds the token that proved the identity, for a database that verifies it itself (the split-key profile).
    #[must_use]
    pub fn with_proof(mut self, proof: BearerProof) -> Self {
        self.proof = Some(proof);
        self
    }

    /// Adds what the token calls its bearer, whom the record knows by an id alone.
    #[must_use]
    pub fn with_names(mut self, names: Option<Arc<DirectoryNames>>) -> Self {
        self.names = names;
        self
    }

    /// What the token calls its bearer, if it says so.
    #[must_use]
    pub const fn names(&self) -> Option<&Arc<DirectoryNames>> {
        self.names.as_ref()
    }

    /// Adds where the request came from.
    #[must_use]
    pub const fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Marks everything that is done as done under this break-glass session.
    #[must_use]
    pub const fn with_break_glass(mut self, session: BreakGlassId) -> Self {
        self.break_glass = Some(session);
        self
    }

    /// The break-glass session under which it is done.
    #[must_use]
    pub const fn break_glass(&self) -> Option<BreakGlassId> {
        self.break_glass
    }

    /// Where the request came from: the network peer, which is the proxy where one stands before the server.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// The token that proved the identity, where it is kept.
    #[must_use]
    pub const fn proof(&self) -> Option<&BearerProof> {
        self.proof.as_ref()
    }

    /// Who acts.
    #[must_use]
    pub const fn subject(&self) -> SubjectId {
        self.parts.subject
    }

    /// The tenant that is worked in.
    #[must_use]
    pub const fn customer(&self) -> CustomerId {
        self.parts.customer
    }

    /// The roles of the actor.
    #[must_use]
    pub const fn roles(&self) -> RoleSet {
        self.parts.roles
    }

    /// The request, which is the correlation id of everything recorded about it.
    #[must_use]
    pub const fn request(&self) -> RequestId {
        self.parts.request
    }

    /// Why personal data is touched.
    #[must_use]
    pub const fn purpose(&self) -> PurposeOfUse {
        self.parts.purpose
    }

    /// When the proof of identity ends.
    #[must_use]
    pub const fn expires_at(&self) -> OffsetDateTime {
        self.parts.expires_at
    }

    /// The route's template.
    #[must_use]
    pub const fn route(&self) -> Option<&'static str> {
        self.parts.route
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_the_actreason_codes() {
        for purpose in PurposeOfUse::ALL {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
        }
        assert_eq!("treat".parse::<PurposeOfUse>(), Err(UnknownPurpose));
    }
}
