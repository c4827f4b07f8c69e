//! What the database answers about roles, row by row.

use diesel::Queryable;
use time::OffsetDateTime;
use uuid::Uuid;

/// A set of permissions that a tenant has named.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct TenantRoleSet {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it permits, sorted.
    pub permissions: Vec<String>,
    /// SHA-256 of its content, which a change of roles repeats.
    pub sha256: Vec<u8>,
    /// Who named it.
    pub defined_by: Uuid,
    /// When.
    pub defined_at: OffsetDateTime,
    /// Who retired it.
    pub retired_by: Option<Uuid>,
    /// When: since then it is given to nobody.
    pub retired_at: Option<OffsetDateTime>,
}

/// A change of somebody's roles, asked for or decided.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct RoleChange {
    /// Its id.
    pub id: Uuid,
    /// Who is to have it.
    pub subject_id: Uuid,
    /// The role set.
    pub role_set_id: Uuid,
    /// Until when it is to last.
    pub ends_at: Option<OffsetDateTime>,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub requested_by: Uuid,
    /// When.
    pub requested_at: OffsetDateTime,
    /// Until when it can be decided.
    pub expires_at: OffsetDateTime,
    /// SHA-256 of the content.
    pub sha256: Vec<u8>,
    /// The content: JSON in its canonical form (RFC 8785).
    pub content: String,
    /// Who decided.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: Option<OffsetDateTime>,
    /// `approved` or `declined`.
    pub verdict: Option<String>,
}

/// A role set that somebody has, or had.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Assignment {
    /// Its id.
    pub id: Uuid,
    /// The change that it comes from.
    pub change_id: Uuid,
    /// Who has it.
    pub subject_id: Uuid,
    /// The role set.
    pub role_set_id: Uuid,
    /// Since when.
    pub since: OffsetDateTime,
    /// When it ends by itself.
    pub ends_at: Option<OffsetDateTime>,
    /// Who asked for it.
    pub requested_by: Uuid,
    /// Who agreed.
    pub agreed_by: Uuid,
    /// When something was last done by it, to the hour.
    pub last_used_at: Option<OffsetDateTime>,
    /// Who ended it.
    pub ended_by: Option<Uuid>,
    /// When.
    pub ended_at: Option<OffsetDateTime>,
    /// Why.
    pub end_reason: Option<String>,
}

/// What somebody has at this moment by one assignment.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct AssignedRole {
    /// The assignment.
    pub id: Uuid,
    /// What it permits, by name.
    pub permissions: Vec<String>,
    /// Whether its use was noted within the hour.
    pub used_lately: bool,
    /// When it ends by itself.
    pub ends_at: Option<OffsetDateTime>,
}
