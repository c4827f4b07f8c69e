//! From an empty database to a row that nobody sees before its access is on record: see the section Embedding of the README.
#![allow(missing_docs, clippy::disallowed_methods, reason = "it verifies no tokens")]
use bearingwall_audit::{Access, AuditLog, Command, EventType, PhiTx, sql};
use bearingwall_core::{ClientId, Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, RoleSet, Sensitive, SubjectId};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool, TenantTx, sql as tenancy};
use bearingwall_testkit::database::{Login, TestDatabase};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::io::Write as _;
use uuid::Uuid;

diesel::table! { app.diagnoses (customer_id, id) { customer_id -> Uuid, id -> Uuid, client_id -> Uuid, code -> Text, } }
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
const DIAGNOSES: &str = "CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO bearingwall_app;
    CREATE TABLE app.diagnoses (customer_id uuid NOT NULL DEFAULT tenancy.claimed_customer_id(), id uuid NOT NULL,
        client_id uuid NOT NULL, code text NOT NULL, PRIMARY KEY (customer_id, id));
    CALL audit.protect_phi('app.diagnoses', 'client_id')";
const TENANT: &str = "SELECT tenancy.serve_regions('{eu-1}'), tenancy.install_enter_key(1::smallint, $1),
    tenancy.create_tenant($2, 'juniper', 'Juniper', 'eu-1')";

#[tokio::main]
pub(crate) async fn main() -> Outcome<()> {
    let database = TestDatabase::create_empty().await;
    let superuser = database.superuser_client().await;
    let bootstrap = [tenancy::ROLES, tenancy::DATABASE, tenancy::PLATFORM].concat();
    superuser.batch_execute(&bootstrap).await?;
    let admin = database.admin_client().await;
    let migrations = tenancy::MIGRATIONS
        .iter()
        .chain(sql::MIGRATIONS)
        .map(|migration| migration.sql);
    for text in migrations.chain([DIAGNOSES]) {
        admin.batch_execute(&format!("BEGIN; {text}; COMMIT")).await?;
    }
    let (secret, tenant) = (Uuid::new_v4().as_bytes().repeat(2), Uuid::now_v7());
    admin.query_one(TENANT, &[&secret, &tenant]).await?;
    let (address, password) = (database.url(Login::App).parse()?, database.app_password());
    let mut config = PoolConfig::new(address, Some(password), vec!["eu-1".to_owned()]);
    config.schema_version = None; // the history of migrations is the embedder's own
    let key = EnterKey::new(1, &Sensitive::new(secret)).ok_or("32 bytes or more")?;
    let pool = TenantPool::connect(config, key).await?;
    let (log, client) = (AuditLog::new(pool.clone()), ClientId::from_uuid(Uuid::now_v7()));
    let write = Access::to(EventType::NoteCreated, [client]).covering("app.diagnoses", &[Command::Insert]);
    log.with_access(&ctx(tenant), write, async |tx: &mut PhiTx<'_, '_>| -> Outcome<()> {
        let values = (
            diagnoses::id.eq(Uuid::now_v7()),
            diagnoses::client_id.eq(client.as_uuid()),
            diagnoses::code.eq("L70.0"),
        );
        diesel::insert_into(diagnoses::table).values(values).execute(tx).await?;
        Ok(())
    })
    .await?;
    let undeclared =
        async |tx: &mut TenantTx<'_>| -> Outcome<i64> { Ok(diagnoses::table.count().get_result(tx).await?) };
    let undeclared = pool.run(&ctx(tenant), undeclared).await?;
    let read = Access::to(EventType::NoteRead, [client]).covering("app.diagnoses", &[Command::Select]);
    let declared =
        async |tx: &mut PhiTx<'_, '_>| -> Outcome<i64> { Ok(diagnoses::table.count().get_result(tx).await?) };
    let declared = log.with_access(&ctx(tenant), read, declared).await?;
    let recorded = "SELECT count(*) FROM audit.events WHERE subject_id = $1";
    let recorded: i64 = superuser.query_one(recorded, &[&client.as_uuid()]).await?.get(0);
    let answer = format!("without a record {undeclared} rows, with one {declared}; {recorded} accesses on record");
    assert_eq!((undeclared, declared, recorded), (0, 1, 2), "{answer}");
    Ok(writeln!(std::io::stdout(), "{answer}")?)
}

fn ctx(customer: Uuid) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::now_v7()),
        customer: CustomerId::from_uuid(customer),
        roles: RoleSet::EMPTY,
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Treatment,
        expires_at: time::OffsetDateTime::now_utc() + time::Duration::MINUTE,
        route: None,
    })
}
