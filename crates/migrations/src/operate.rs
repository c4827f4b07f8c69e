//! The operator's calls that need the admin credential: tenants, regions, the enter key.

use crate::error::MigrationError;
use bearingwall_core::{CustomerId, Sensitive, SubjectId};
use std::time::Duration;
use tokio_postgres::Client;
use uuid::Uuid;

/// A tenant to be created.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its id.
    pub id: CustomerId,
    /// Lower-case letters, digits and hyphens; unique.
    pub slug: String,
    /// Its name, for people.
    pub name: String,
    /// One of the regions that the database serves.
    pub region: String,
}

/// A tenant as the registry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRow {
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
}

/// Creates a tenant and puts that on the record, in one transaction.
///
/// # Errors
/// When the slug is taken or the region is not served by this database.
pub async fn tenant_create(admin: &mut Client, tenant: &NewTenant) -> Result<(), MigrationError> {
    let failed = MigrationError::statement;
    let transaction = admin.transaction().await.map_err(failed("begin"))?;
    transaction
        .execute(
            "SELECT tenancy.create_tenant($1, $2, $3, $4)",
            &[&tenant.id.as_uuid(), &tenant.slug, &tenant.name, &tenant.region],
        )
        .await
        .map_err(failed("create the tenant"))?;
    transaction
        .execute(
            "SELECT audit.record_operation('tenant.created', NULL, $1)",
            &[&tenant.id.as_uuid()],
        )
        .await
        .map_err(failed("record the tenant's creation"))?;
    transaction.commit().await.map_err(failed("commit"))
}

/// The registry, without the platform's own tenant.
///
/// # Errors
/// When the database refuses.
pub async fn tenant_list(admin: &Client) -> Result<Vec<TenantRow>, MigrationError> {
    let rows = admin
        .query(
            "SELECT customer_id, slug, name, region, status FROM tenancy.tenants() ORDER BY slug",
            &[],
        )
        .await
        .map_err(MigrationError::statement("list the tenants"))?;
    Ok(rows
        .iter()
        .map(|row| TenantRow {
            id: CustomerId::from_uuid(row.get(0)),
            slug: row.get(1),
            name: row.get(2),
            region: row.get(3),
            status: row.get(4),
        })
        .collect())
}

/// Names the regions whose tenants may live in this database.
///
/// # Errors
/// When the database refuses.
pub async fn serve_regions(admin: &Client, regions: &[String]) -> Result<(), MigrationError> {
    admin
        .execute("SELECT tenancy.serve_regions($1)", &[&regions])
        .await
        .map(drop)
        .map_err(MigrationError::statement("set the regions"))
}

/// Says whether an entry must name its backend: always, but behind a connection pooler in transaction mode.
///
/// # Errors
/// When the database refuses.
pub async fn entries_name_backend(admin: &Client, required: bool) -> Result<(), MigrationError> {
    admin
        .execute("SELECT tenancy.require_pid($1)", &[&required])
        .await
        .map(drop)
        .map_err(MigrationError::statement("set what an entry must name"))
}

/// Installs the key with which the server signs its entries, under a key id.
///
/// # Errors
/// When the key has fewer than 32 bytes.
#[expect(
    clippy::disallowed_methods,
    reason = "the key goes to the database, as a bind parameter and not as text"
)]
pub async fn install_enter_key(admin: &mut Client, kid: i16, key: &Sensitive<Vec<u8>>) -> Result<(), MigrationError> {
    let failed = MigrationError::statement;
    let transaction = admin.transaction().await.map_err(failed("begin"))?;
    transaction
        .execute("SELECT tenancy.install_enter_key($1, $2)", &[&kid, key.expose()])
        .await
        .map_err(failed("install the enter key"))?;
    transaction
        .execute("SELECT audit.record_operation('key.installed', 'enter-key', NULL)", &[])
        .await
        .map_err(failed("record the key's installation"))?;
    transaction.commit().await.map_err(failed("commit"))
}

/// Whose tokens an operator ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedOut {
    /// Those of one session, by its key.
    Session(Uuid),
    /// Those of a person that were issued at this second (Unix time) or before.
    Subject(SubjectId, i64),
}

/// Ends tokens before their time and puts that on the record, in one transaction: servers refuse them within seconds.
///
/// # Errors
/// When the database refuses.
pub async fn sign_out(admin: &Client, whose: SignedOut, lasting: Duration) -> Result<(), MigrationError> {
    let (kind, key, not_before_s) = match whose {
        SignedOut::Session(key) => ("session", key, None),
        SignedOut::Subject(subject, not_before_s) => ("subject", subject.as_uuid(), Some(not_before_s)),
    };
    let seconds = i32::try_from(lasting.as_secs()).unwrap_or(i32::MAX);
    admin
        .execute(
            "SELECT tenancy.revoke($1, $2, $3, $4, NULL, NULL, $5, gen_random_uuid(), 'session.revoked', NULL)",
            &[&kind, &key, &not_before_s, &seconds, &SubjectId::OPERATOR.as_uuid()],
        )
        .await
        .map(drop)
        .map_err(MigrationError::statement("end the tokens"))
}
