//! The operator's calls on the life of a tenant: suspend, resume, and the two-person record of an offboarding.

use crate::error::MigrationError;
use bearingwall_core::{CustomerId, Sensitive};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// A tenant in the registry, with what its life cycle depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantState {
    /// Its id.
    pub id: CustomerId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// `active`, `suspended` or `offboarded`.
    pub status: String,
    /// Since when it is suspended without a break: RFC 3339 in UTC with microseconds.
    pub suspended_at: Option<String>,
}

/// The two-person record of one offboarding. Times are RFC 3339 in UTC with microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offboarding {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub customer: CustomerId,
    /// SHA-256 of the export's manifest.
    pub manifest_sha256: Vec<u8>,
    /// Who asked, as the subject of their token.
    pub requested_by: Uuid,
    /// When.
    pub requested_at: String,
    /// When the request ends, unless the erasure has begun.
    pub expires_at: String,
    /// Who agreed.
    pub approved_by: Option<Uuid>,
    /// When.
    pub approved_at: Option<String>,
    /// When the erasure began.
    pub begun_at: Option<String>,
    /// When it was complete.
    pub executed_at: Option<String>,
}

/// Suspends a tenant and puts that on the record; false if it was suspended already.
///
/// # Errors
/// [`MigrationError::Refused`] when there is no such tenant, or it is offboarded.
pub async fn tenant_suspend(admin: &mut Client, tenant: CustomerId) -> Result<bool, MigrationError> {
    change(
        admin,
        tenant,
        "SELECT tenancy.suspend_tenant($1)",
        "SELECT audit.record_operation('tenant.suspended', NULL, $1)",
    )
    .await
}

/// Takes a suspension back and puts that on the record; false if the tenant was active already.
///
/// # Errors
/// [`MigrationError::Refused`] when there is no such tenant, it is offboarded, or its erasure has begun.
pub async fn tenant_resume(admin: &mut Client, tenant: CustomerId) -> Result<bool, MigrationError> {
    change(
        admin,
        tenant,
        "SELECT tenancy.resume_tenant($1)",
        "SELECT audit.record_operation('tenant.resumed', NULL, $1)",
    )
    .await
}

async fn change(admin: &mut Client, tenant: CustomerId, statement: &str, record: &str) -> Result<bool, MigrationError> {
    let failed = MigrationError::statement;
    let transaction = admin.transaction().await.map_err(failed("begin"))?;
    let changed: bool = transaction
        .query_one(statement, &[&tenant.as_uuid()])
        .await
        .map_err(MigrationError::refused("change the tenant's status"))?
        .get(0);
    if changed {
        transaction
            .execute(record, &[&tenant.as_uuid()])
            .await
            .map_err(failed("record the change of status"))?;
    }
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(changed)
}

/// The registry's row of a tenant, or `None`. The platform's own tenants are none.
///
/// # Errors
/// When the database fails.
pub async fn tenant_state(admin: &Client, tenant: CustomerId) -> Result<Option<TenantState>, MigrationError> {
    let sql = format!(
        "SELECT customer_id, slug, name, region, status, {} FROM tenancy.tenant($1)",
        utc("suspended_at")
    );
    let row = admin
        .query_opt(&sql, &[&tenant.as_uuid()])
        .await
        .map_err(MigrationError::statement("look the tenant up"))?;
    Ok(row.map(|row| TenantState {
        id: CustomerId::from_uuid(row.get(0)),
        slug: row.get(1),
        name: row.get(2),
        region: row.get(3),
        status: row.get(4),
        suspended_at: row.get(5),
    }))
}

/// Asks for an offboarding, in the name of the person whose access token this is.
///
/// # Errors
/// [`MigrationError::Refused`] when the token is not one of the platform's staff, or the tenant is not suspended since
/// exactly `suspended_at`.
#[expect(
    clippy::disallowed_methods,
    reason = "the token goes to the database, which verifies it, as a bind parameter and not as text"
)]
pub async fn offboard_request(
    admin: &Client,
    id: Uuid,
    tenant: CustomerId,
    manifest_sha256: &[u8],
    suspended_at: &str,
    token: &Sensitive<String>,
) -> Result<(), MigrationError> {
    let parameters: [&(dyn ToSql + Sync); 5] =
        [&id, &tenant.as_uuid(), &manifest_sha256, &suspended_at, token.expose()];
    let sql = "SELECT tenancy.offboard_request($1, $2, $3, $4::text::timestamptz, $5)";
    call(admin, sql, &parameters, "take the request for an offboarding").await
}

/// Approves an offboarding, in the name of the person whose access token this is.
///
/// # Errors
/// [`MigrationError::Refused`] when it is the person who asked, another manifest, or too late.
#[expect(
    clippy::disallowed_methods,
    reason = "the token goes to the database, which verifies it, as a bind parameter and not as text"
)]
pub async fn offboard_approve(
    admin: &Client,
    id: Uuid,
    manifest_sha256: &[u8],
    token: &Sensitive<String>,
) -> Result<(), MigrationError> {
    let sql = "SELECT tenancy.offboard_approve($1, $2, $3)";
    call(
        admin,
        sql,
        &[&id, &manifest_sha256, token.expose()],
        "approve the offboarding",
    )
    .await
}

/// Opens the erasure, or goes on with one that was broken off.
///
/// # Errors
/// [`MigrationError::Refused`] unless it is approved, in time and with this manifest, and the tenant suspended ever since.
pub async fn offboard_begin(admin: &Client, id: Uuid, manifest_sha256: &[u8]) -> Result<(), MigrationError> {
    let sql = "SELECT tenancy.offboard_begin($1, $2)";
    call(admin, sql, &[&id, &manifest_sha256], "begin the erasure").await
}

/// Ends the erasure: the platform's own rows go, and the registry forgets the tenant's names.
///
/// # Errors
/// [`MigrationError::Refused`] unless it has begun.
pub async fn offboard_finish(admin: &Client, id: Uuid, manifest_sha256: &[u8]) -> Result<(), MigrationError> {
    let sql = "SELECT tenancy.offboard_finish($1, $2)";
    call(admin, sql, &[&id, &manifest_sha256], "end the erasure").await
}

async fn call(
    admin: &Client,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
    what: &'static str,
) -> Result<(), MigrationError> {
    admin
        .execute(sql, parameters)
        .await
        .map(drop)
        .map_err(MigrationError::refused(what))
}

/// The record of one offboarding, or `None`.
///
/// # Errors
/// When the database fails.
pub async fn offboarding(admin: &Client, id: Uuid) -> Result<Option<Offboarding>, MigrationError> {
    let sql = format!(
        "SELECT offboarding_id, customer_id, manifest_sha256, requested_by, approved_by, {}, {}, {}, {}, {}
           FROM tenancy.offboarding_list() WHERE offboarding_id = $1",
        utc("requested_at"),
        utc("expires_at"),
        utc("approved_at"),
        utc("begun_at"),
        utc("executed_at")
    );
    let row = admin
        .query_opt(&sql, &[&id])
        .await
        .map_err(MigrationError::statement("look the offboarding up"))?;
    Ok(row.as_ref().map(from_row))
}

fn from_row(row: &Row) -> Offboarding {
    Offboarding {
        id: row.get(0),
        customer: CustomerId::from_uuid(row.get(1)),
        manifest_sha256: row.get(2),
        requested_by: row.get(3),
        approved_by: row.get(4),
        requested_at: row.get(5),
        expires_at: row.get(6),
        approved_at: row.get(7),
        begun_at: row.get(8),
        executed_at: row.get(9),
    }
}

/// A time as text that keeps every microsecond and depends on no setting.
fn utc(column: &str) -> String {
    format!(r#"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#)
}
