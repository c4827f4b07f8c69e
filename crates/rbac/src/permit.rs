//! The proof that somebody may do something: a value that nothing but the policy table can make.

use crate::{Permission, PermissionId};
use bearingwall_core::Principal;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// Proof that [`Permit::principal`] holds the permission `P`.
///
/// Its fields are private and it is neither `Clone` nor `Default`: the one way to get it is
/// [`crate::PolicyTable::permit`].
pub struct Permit<P: Permission> {
    principal: Arc<Principal>,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission> Permit<P> {
    pub(crate) const fn new(principal: Arc<Principal>) -> Self {
        Self {
            principal,
            permission: PhantomData,
        }
    }

    /// Who holds it.
    #[must_use]
    pub const fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// What it permits.
    #[must_use]
    pub const fn permission(&self) -> PermissionId {
        P::ID
    }
}

impl<P: Permission> fmt::Debug for Permit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("permission", &P::ID)
            .field("subject", &self.principal.subject)
            .finish()
    }
}
