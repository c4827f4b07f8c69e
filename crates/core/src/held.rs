//! What somebody holds in a tenant, as a value that a store can demand of whoever hands on a part of it.

use crate::{CustomerId, SubjectId};

/// Proof of the tenant permissions that somebody holds at this moment.
///
/// Neither `Clone` nor `Default`: it is made from the policy table for one request, and not kept.
#[derive(Debug)]
pub struct Held {
    subject: SubjectId,
    customer: CustomerId,
    permissions: Vec<&'static str>,
}

impl Held {
    /// Makes the proof from what the caller has looked up.
    ///
    /// Banned by `clippy.toml` outside `rbac`, whose table alone knows.
    #[must_use]
    pub const fn danger_assume_held(subject: SubjectId, customer: CustomerId, permissions: Vec<&'static str>) -> Self {
        Self {
            subject,
            customer,
            permissions,
        }
    }

    /// Who holds them.
    #[must_use]
    pub const fn subject(&self) -> SubjectId {
        self.subject
    }

    /// In which tenant.
    #[must_use]
    pub const fn customer(&self) -> CustomerId {
        self.customer
    }

    /// Their names, as `client:read`.
    #[must_use]
    pub fn permissions(&self) -> &[&'static str] {
        &self.permissions
    }
}
