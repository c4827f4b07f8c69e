//! Sets of permissions over a tenant's data: what a tenant may give its own people.

use crate::{PermissionId, Scope};
use std::fmt;

/// Permissions over one tenant's data. What is about the platform or about one's own identity is never in it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PermissionSet(u128);

impl PermissionSet {
    /// Nothing.
    pub const EMPTY: Self = Self(0);

    /// Every permission over a tenant's data.
    const TENANT: u128 = {
        let (mut mask, mut at) = (0, 0);
        while at < PermissionId::ALL.len() {
            #[expect(clippy::indexing_slicing, reason = "computed when it is compiled, below the length")]
            let permission = PermissionId::ALL[at];
            if matches!(permission.scope(), Scope::Tenant) {
                mask |= permission.bit();
            }
            at += 1;
        }
        mask
    };

    /// The part of a mask that is about a tenant's data.
    // INVARIANT: every set is made here.
    pub(crate) const fn of_mask(mask: u128) -> Self {
        Self(mask & Self::TENANT)
    }

    /// What names mean today: a name that this release does not know, or not as a tenant's permission, means nothing.
    pub fn of_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let known = names
            .into_iter()
            .filter_map(|name| name.as_ref().parse::<PermissionId>().ok());
        known.fold(Self::EMPTY, |set, permission| {
            set.union(Self::of_mask(permission.bit()))
        })
    }

    /// Whether `permission` is in it.
    #[must_use]
    pub const fn contains(self, permission: PermissionId) -> bool {
        self.0 & permission.bit() != 0
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in it, in the order of the matrix.
    pub fn iter(self) -> impl Iterator<Item = PermissionId> {
        PermissionId::ALL
            .iter()
            .copied()
            .filter(move |permission| self.contains(*permission))
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(PermissionId::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rbc_5_only_a_tenants_permissions_are_ever_in_a_set() {
        let everything = PermissionSet::of_names(PermissionId::ALL.iter().map(|permission| permission.as_str()));
        for &permission in PermissionId::ALL {
            assert_eq!(
                everything.contains(permission),
                permission.scope() == Scope::Tenant,
                "{permission}"
            );
        }
        assert_eq!(everything, PermissionSet::of_mask(u128::MAX));
        assert!(PermissionSet::of_names(["break_glass:manage", "me:read", "client:*", "root", ""]).is_empty());
    }
}
