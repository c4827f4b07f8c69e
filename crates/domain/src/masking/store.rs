//! The statements of masking: versions, tests, the one in force; conversations and their vault.

use super::draft::{Stored, TestOutcome};
use super::error::MaskingError;
use super::schema::{active_policies, conversations, policies, policy_tests, vault};
use crate::error::DomainError;
use crate::statement::{Column, Insert, VaultValues};
use bearingwall_audit::PhiTx;
use bearingwall_core::{ConversationId, SubjectId};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

/// The policy in force.
#[derive(Clone, Debug, Queryable)]
pub(super) struct Active {
    pub(super) revision: i64,
    pub(super) version: i32,
    pub(super) digest: Vec<u8>,
    pub(super) activated_by: Uuid,
    pub(super) activated_at: OffsetDateTime,
}

fn statement(error: Error) -> MaskingError {
    DomainError::Statement(error).into()
}

/// What the database says of a change that somebody else was quicker with, or that it does not admit.
fn refused(error: Error) -> MaskingError {
    match &error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => DomainError::Conflict.into(),
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => MaskingError::Untested,
        // Row security: over another floor than the platform's present one.
        Error::DatabaseError(_, information) if information.message().contains("row-level security") => {
            MaskingError::Untested
        }
        _ => statement(error),
    }
}

pub(super) async fn active(tx: &mut TenantTx<'_>) -> Result<Option<Active>, MaskingError> {
    active_policies::table
        .select((
            active_policies::revision,
            active_policies::version,
            active_policies::digest,
            active_policies::activated_by,
            active_policies::activated_at,
        ))
        .first::<Active>(tx)
        .await
        .optional()
        .map_err(statement)
}

pub(super) async fn stored(tx: &mut TenantTx<'_>, version: i32) -> Result<Stored, MaskingError> {
    type Row = (i32, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>);
    let row: Option<Row> = policies::table
        .filter(policies::version.eq(version))
        .select((
            policies::version,
            policies::content,
            policies::lists,
            policies::samples,
            policies::digest,
        ))
        .first(tx)
        .await
        .optional()
        .map_err(statement)?;
    let (version, content, lists, samples, digest) = row.ok_or(DomainError::NotFound)?;
    Ok(Stored {
        version,
        content,
        lists,
        samples,
        digest,
    })
}

pub(super) async fn newest(tx: &mut TenantTx<'_>) -> Result<i32, MaskingError> {
    policies::table
        .select(diesel::dsl::max(policies::version))
        .first::<Option<i32>>(tx)
        .await
        .map(Option::unwrap_or_default)
        .map_err(statement)
}

pub(super) async fn propose(tx: &mut TenantTx<'_>, new: &Stored) -> Result<(), MaskingError> {
    diesel::insert_into(policies::table)
        .values((
            policies::version.eq(new.version),
            policies::content.eq(&new.content),
            policies::lists.eq(&new.lists),
            policies::samples.eq(&new.samples),
            policies::digest.eq(&new.digest),
        ))
        .execute(tx)
        .await
        .map(drop)
        .map_err(refused)
}

pub(super) async fn record_test(
    tx: &mut TenantTx<'_>,
    (version, digest): (i32, &[u8]),
    floor: &[u8],
    outcome: &TestOutcome,
) -> Result<(), MaskingError> {
    let count = |many: usize| i32::try_from(many).unwrap_or(i32::MAX);
    diesel::insert_into(policy_tests::table)
        .values((
            policy_tests::version.eq(version),
            policy_tests::digest.eq(digest),
            policy_tests::floor.eq(floor),
            policy_tests::passed.eq(outcome.passed()),
            policy_tests::samples.eq(count(outcome.samples)),
            policy_tests::failures.eq(count(outcome.failures.len())),
        ))
        // The same result again says nothing new.
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map(drop)
        .map_err(refused)
}

/// Puts a version into force, if the one in force is still of the expected revision; 0 means that there is none.
// CONTROL: PII-7
pub(super) async fn activate(
    tx: &mut TenantTx<'_>,
    (version, digest): (i32, &[u8]),
    floor: &[u8],
    expected: i64,
    by: SubjectId,
) -> Result<(), MaskingError> {
    let row = (
        active_policies::revision.eq(expected + 1),
        active_policies::version.eq(version),
        active_policies::digest.eq(digest),
        active_policies::floor.eq(floor),
        active_policies::activated_by.eq(by.as_uuid()),
    );
    let changed = if expected == 0 {
        diesel::insert_into(active_policies::table)
            .values(row)
            .execute(tx)
            .await
            .map_err(refused)?
    } else {
        let seen = active_policies::table.filter(active_policies::revision.eq(expected));
        diesel::update(seen)
            .set((row, active_policies::activated_at.eq(diesel::dsl::now)))
            .execute(tx)
            .await
            .map_err(refused)?
    };
    if changed == 1 {
        Ok(())
    } else {
        Err(DomainError::Conflict.into())
    }
}

/// What is told of a version: number, digest, who proposed it, when, and how its test over a floor went.
pub(super) type VersionRow = (i32, Vec<u8>, Uuid, OffsetDateTime, Option<bool>);

/// The newest versions, newest first.
pub(super) async fn versions(tx: &mut TenantTx<'_>, floor: &[u8], limit: i64) -> Result<Vec<VersionRow>, MaskingError> {
    let test = policy_tests::table.on(policy_tests::version
        .eq(policies::version)
        .and(policy_tests::digest.eq(policies::digest))
        .and(policy_tests::floor.eq(floor.to_vec())));
    policies::table
        .left_join(test)
        .select((
            policies::version,
            policies::digest,
            policies::proposed_by,
            policies::proposed_at,
            policy_tests::passed.nullable(),
        ))
        .order((policies::version.desc(), policy_tests::passed.desc()))
        .limit(limit)
        .load(tx)
        .await
        .map_err(statement)
}

/// A conversation as it is stored.
pub(super) struct Begun {
    pub(super) wrapped: Vec<u8>,
    pub(super) issued: i32,
    pub(super) expires_at: OffsetDateTime,
}

pub(super) async fn begin(
    tx: &mut TenantTx<'_>,
    id: ConversationId,
    wrapped: &[u8],
    expires_at: OffsetDateTime,
) -> Result<(), MaskingError> {
    diesel::insert_into(conversations::table)
        .values((
            conversations::id.eq(id.as_uuid()),
            conversations::wrapped.eq(wrapped),
            conversations::expires_at.eq(expires_at),
        ))
        .execute(tx)
        .await
        .map(drop)
        .map_err(statement)
}

/// A conversation that has not expired; another tenant's and none are the same. `locked`: nobody else adds to it meanwhile.
pub(super) async fn conversation(
    tx: &mut TenantTx<'_>,
    id: ConversationId,
    locked: bool,
) -> Result<Begun, MaskingError> {
    type Row = (Vec<u8>, i32, OffsetDateTime);
    let query = conversations::table.filter(conversations::id.eq(id.as_uuid())).select((
        conversations::wrapped,
        conversations::issued,
        conversations::expires_at,
    ));
    let row: Option<Row> = if locked {
        query.for_update().first(tx).await.optional()
    } else {
        query.first(tx).await.optional()
    }
    .map_err(statement)?;
    let (wrapped, issued, expires_at) = row.ok_or(DomainError::NotFound)?;
    Ok(Begun {
        wrapped,
        issued,
        expires_at,
    })
}

/// What the vault holds of a conversation, in the order in which it was issued.
pub(super) async fn values(tx: &mut PhiTx<'_, '_>, id: ConversationId) -> Result<Vec<(Uuid, Vec<u8>)>, MaskingError> {
    vault::table
        .filter(vault::conversation_id.eq(id.as_uuid()))
        .select((vault::id, vault::payload))
        .order(vault::position.asc())
        .load(tx)
        .await
        .map_err(statement)
}

/// A value that is ready to be kept.
pub(super) struct Value {
    pub(super) row: Uuid,
    pub(super) position: i32,
    pub(super) spelling: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// Keeps new values, and says how many there are now.
pub(super) async fn keep(
    tx: &mut PhiTx<'_, '_>,
    id: ConversationId,
    expires_at: OffsetDateTime,
    new: Vec<Value>,
) -> Result<(), MaskingError> {
    let Some(last) = new.last() else {
        return Ok(());
    };
    let issued = last.position;
    let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for value in new {
        columns.0.push(value.row);
        columns.1.push(value.position);
        columns.2.push(value.spelling);
        columns.3.push(value.payload);
    }
    let many = columns.0.len();
    let rows: Insert<VaultValues> = Insert::new(vec![
        Column::Ids(columns.0),
        Column::Ids(vec![id.as_uuid(); many]),
        Column::Numbers(columns.1),
        Column::Bytes(columns.2),
        Column::Bytes(columns.3),
        Column::Instants(vec![expires_at; many]),
    ]);
    rows.execute(tx).await.map_err(statement)?;
    diesel::update(conversations::table.filter(conversations::id.eq(id.as_uuid())))
        .set(conversations::issued.eq(issued))
        .execute(tx.tenant())
        .await
        .map(drop)
        .map_err(statement)
}

/// Takes away what has expired: the sweeper sees nothing else.
pub(super) async fn sweep(tx: &mut TenantTx<'_>) -> Result<usize, MaskingError> {
    diesel::delete(conversations::table)
        .execute(tx)
        .await
        .map_err(statement)
}
