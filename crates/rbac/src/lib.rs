//! Permissions as types, permits that only the compiled table can make, and the port to a policy engine.
#![doc = include_str!("../README.md")]

mod error;
mod permission;
mod permission_set;
mod permit;
mod policy;
mod table;

pub use error::{PolicyError, RbacError};
pub use permission::{
    ActivatePiiPolicy, AssignMessage, CancelGate, DecideGate, DecideRole, DefineRole, DeidentifyClient, DetectPii,
    EndRole, ImportChartNote, ImportClient, ManageBreakGlass, MaskPii, Permission, PermissionId, PlatformPermission,
    ProveAudit, ReadAccessLog, ReadAudit, ReadChartNote, ReadClient, ReadConnector, ReadGate, ReadInvoice, ReadMessage,
    ReadOutbox, ReadPiiPolicy, ReadRole, ReadSelf, ReadSubscription, ReadWebhookEndpoint, ReadWebhookEvent,
    ReplayWebhookEvent, ReportAudit, RequestRole, ReviewAccess, ReviewBreakGlass, Scope, SearchClient, SettleOutbox,
    ShowGate, TenantPermission, UnknownPermission, UnmaskPii, WriteChartNote, WriteClient, WriteConnector,
    WriteHttpRequest, WriteInvoice, WritePiiPolicy, WriteSubscription, WriteWebhookEndpoint,
};
pub use permission_set::PermissionSet;
pub use permit::Permit;
pub use policy::PolicyEngine;
pub use table::{MatrixRow, PolicyTable};
