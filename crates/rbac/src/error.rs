//! What can go wrong: a refusal at run time, or a policy that must not be served at start.

use crate::PermissionId;
use bearingwall_core::{Classified, ErrorKind, Role};

/// A policy engine could not answer, or its policy is not acceptable.
///
/// The engine's own error is the source; an engine that cannot answer is never read as a yes.
#[derive(Debug, thiserror::Error)]
#[error("the policy engine gave no answer")]
pub struct PolicyError {
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl PolicyError {
    /// Wraps the engine's own error.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}

impl Classified for PolicyError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    fn code(&self) -> &'static str {
        "RBC-007"
    }
}

/// Why a permit was refused, or why a policy was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RbacError {
    /// None of the actor's roles grants the permission.
    #[error("no role of the actor grants `{permission}`")]
    Denied {
        /// What was asked for.
        permission: PermissionId,
    },
    /// The policy engine failed on a question that it must be able to answer.
    #[error("the policy has no answer for `{role}` and `{permission}`")]
    Engine {
        /// The role of the question.
        role: Role,
        /// The permission of the question.
        permission: PermissionId,
        /// The engine's error.
        #[source]
        source: PolicyError,
    },
    /// A permission exists that nobody holds: a route would be dead, or the policy is incomplete.
    #[error("`{permission}` is granted to nobody")]
    Unassigned {
        /// The permission.
        permission: PermissionId,
    },
    /// The permission is about one tenant's data and the token names no tenant.
    #[error("`{permission}` needs a tenant, and the actor has none")]
    NoTenant {
        /// What was asked for.
        permission: PermissionId,
    },
    /// A tenant names a role set that holds what no role set may: no permission, the platform's, or one's own identity's.
    #[error("`{name}` is no permission that a role set may hold")]
    NotAssignable {
        /// What was named.
        name: String,
    },
    /// Two roles grant the same tenant permission, so one would begin to contain the other.
    #[error("`{permission}` is granted to more than one role")]
    Shared {
        /// The permission.
        permission: PermissionId,
    },
    /// A permission of the platform is granted to somebody else than its staff.
    #[error("`{permission}` is granted to another role than `internal_admin`")]
    Misplaced {
        /// The permission.
        permission: PermissionId,
    },
    /// The policy lets the internal administrator into every tenant.
    #[error("`{permission}` may not be granted to `internal_admin`")]
    Unbounded {
        /// The permission.
        permission: PermissionId,
    },
}

impl Classified for RbacError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Denied { .. } | Self::NoTenant { .. } => ErrorKind::Forbidden,
            Self::NotAssignable { .. } => ErrorKind::Invalid,
            Self::Engine { .. }
            | Self::Unassigned { .. }
            | Self::Shared { .. }
            | Self::Misplaced { .. }
            | Self::Unbounded { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "RBC-001",
            Self::Engine { .. } => "RBC-002",
            Self::Unassigned { .. } => "RBC-003",
            Self::NoTenant { .. } => "RBC-004",
            Self::Shared { .. } => "RBC-005",
            Self::Unbounded { .. } => "RBC-006",
            Self::Misplaced { .. } => "RBC-008",
            Self::NotAssignable { .. } => "RBC-009",
        }
    }
}
