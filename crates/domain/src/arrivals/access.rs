//! What a handler touches, on record before it does. The functions of the database admit what handlers do and nothing else.

use crate::error::DomainError;
use bearingwall_audit::EventType;
use bearingwall_core::ClientId;
use bearingwall_tenancy::TenantTx;
use diesel::sql_types::{Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

/// An access on record.
#[derive(Clone, Copy)]
pub(super) struct Declared(Uuid);

/// Puts an access to tables (`schema.name`) on record, for the transactions after this one. Without a subject it is a search.
// CONTROL: CON-13
pub(super) async fn declare(
    tx: &mut TenantTx<'_>,
    event: EventType,
    resources: &[&'static str],
    subject: Option<Uuid>,
) -> Result<Declared, DomainError> {
    let access = Uuid::now_v7();
    for resource in resources {
        diesel::select(arrival_declare(access, event.as_str(), *resource, subject))
            .execute(tx)
            .await
            .map_err(DomainError::Statement)?;
    }
    Ok(Declared(access))
}

/// To a client's rows.
pub(super) async fn declare_client(
    tx: &mut TenantTx<'_>,
    event: EventType,
    resources: &[&'static str],
    client: ClientId,
) -> Result<Declared, DomainError> {
    declare(tx, event, resources, Some(client.as_uuid())).await
}

impl Declared {
    /// Puts on record how it ended, with what it did.
    pub(super) async fn ended(self, tx: &mut TenantTx<'_>, found: usize) -> Result<(), DomainError> {
        let found = i32::try_from(found).unwrap_or(i32::MAX);
        diesel::select(arrival_ended(self.0, found))
            .execute(tx)
            .await
            .map(drop)
            .map_err(DomainError::Statement)
    }
}

diesel::define_sql_function! {
    #[sql_name = "tenancy.arrival_declare"]
    fn arrival_declare(access: SqlUuid, event_type: Text, resource: Text, subject: Nullable<SqlUuid>) -> Text;
}
diesel::define_sql_function! {
    #[sql_name = "tenancy.arrival_ended"]
    fn arrival_ended(access: SqlUuid, found: Integer) -> Text;
}
