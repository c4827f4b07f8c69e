//! What a tenant gives its own people beside the roles of their tokens: the port that is asked for each request.

use bearingwall_authn::BoxFuture;
use bearingwall_core::{AssignmentId, Ctx};
use bearingwall_rbac::{PermissionId, PermissionSet};
use bearingwall_tenancy::TenancyError;
use std::sync::Arc;

/// What somebody has by one assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The assignment.
    pub id: AssignmentId,
    /// What it permits.
    pub permissions: PermissionSet,
    /// Whether its use was noted a while ago only, or never: it is to be noted then.
    pub unnoted: bool,
}

/// What tenants give their own people.
pub trait Assignments: Send + Sync {
    /// What the context's subject has in its tenant, no older than is configured. It is asked for every request of somebody
    /// with a tenant, and told by it who is seen there with which roles.
    ///
    /// # Errors
    /// When the answer cannot be had; the request is then refused.
    fn current<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Arc<[Assigned]>, TenancyError>>;

    /// Notes that a request was permitted by these assignments of the context's subject alone.
    ///
    /// # Errors
    /// When it cannot be noted; the answer stands all the same.
    fn used<'a>(&'a self, ctx: &'a Ctx, assignments: &'a [AssignmentId]) -> BoxFuture<'a, Result<(), TenancyError>>;
}

/// What all of them permit together.
pub(crate) fn union(assigned: &[Assigned]) -> PermissionSet {
    assigned
        .iter()
        .fold(PermissionSet::EMPTY, |all, one| all.union(one.permissions))
}

/// Those whose use is to be noted when they alone permit `permission`.
pub(crate) fn to_note(assigned: &[Assigned], permission: PermissionId) -> Vec<AssignmentId> {
    assigned
        .iter()
        .filter(|one| one.unnoted && one.permissions.contains(permission))
        .map(|one| one.id)
        .collect()
}
