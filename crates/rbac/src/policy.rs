//! The port to whatever holds the policy; it is asked at start only, never by a request.

use crate::{PermissionId, PolicyError};
use bearingwall_core::Role;

/// The source of truth about which role grants which permission.
pub trait PolicyEngine {
    /// Whether `role` alone grants `permission`.
    ///
    /// # Errors
    /// When the engine cannot answer; the start is then refused.
    fn allows(&self, role: Role, permission: PermissionId) -> Result<bool, PolicyError>;
}
