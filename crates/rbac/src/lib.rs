//! Permissions as types, permits that only the compiled table can make, and the port to a policy engine.
#![doc = include_str!("../README.md")]

mod error;
mod permission;
mod permit;
mod policy;
mod table;

pub use error::{PolicyError, RbacError};
pub use permission::{
    ImportChartNote, ImportClient, ManageBreakGlass, Permission, PermissionId, PlatformPermission, ProveAudit,
    ReadAccessLog, ReadAudit, ReadChartNote, ReadClient, ReadSelf, ReportAudit, ReviewBreakGlass, Scope, SearchClient,
    TenantPermission, UnknownPermission, WriteChartNote, WriteClient,
};
pub use permit::Permit;
pub use policy::PolicyEngine;
pub use table::{MatrixRow, PolicyTable};
