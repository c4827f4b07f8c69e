//! The three platform roles: disjoint grants, not a ladder.

use std::fmt;

/// A platform role, as it stands in a verified token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads in its own tenant.
    Authenticated,
    /// Writes in its own tenant.
    CustomerAdmin,
    /// Performs cross-tenant operations; sees no tenant's data by itself.
    InternalAdmin,
}

impl Role {
    /// Every role, in the order of the permission matrix.
    pub const ALL: [Self; 3] = [Self::Authenticated, Self::CustomerAdmin, Self::InternalAdmin];

    /// The name in tokens, in the policy and in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::CustomerAdmin => "customer_admin",
            Self::InternalAdmin => "internal_admin",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Authenticated => 1,
            Self::CustomerAdmin => 2,
            Self::InternalAdmin => 4,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text names none of the three roles.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a platform role")]
pub struct UnknownRole;

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

/// The roles that a token carries: a set, because they are disjoint grants.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RoleSet(u8);

impl RoleSet {
    /// No role at all: nothing is permitted.
    pub const EMPTY: Self = Self(0);

    /// Whether the set holds `role`.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// The same set with `role` in it.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// Whether no role is held.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set as an index below 8, for a compiled matrix.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The roles held, in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for RoleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Role::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_contains_another() {
        for one in Role::ALL {
            for other in Role::ALL {
                assert_eq!(
                    RoleSet::EMPTY.with(one).contains(other),
                    one == other,
                    "{one} / {other}"
                );
            }
        }
    }

    #[test]
    fn names_round_trip_and_unknown_names_are_refused() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("admin".parse::<Role>(), Err(UnknownRole));
        assert_eq!("Authenticated".parse::<Role>(), Err(UnknownRole));
    }
}
