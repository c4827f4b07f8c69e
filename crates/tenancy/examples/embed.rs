//! From an empty database to rows that no other tenant sees: see the section Embedding of the README.
#![allow(missing_docs, clippy::disallowed_methods, reason = "it verifies no tokens")]
use bearingwall_core::{Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, RoleSet, Sensitive, SubjectId};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool, TenantTx, sql};
use bearingwall_testkit::database::{Login, TestDatabase};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::io::Write as _;
use uuid::Uuid;

diesel::table! { app.things (customer_id, id) { customer_id -> Uuid, id -> Uuid, } }
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
const THINGS: &str = "CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO bearingwall_app;
    CREATE TABLE app.things (customer_id uuid NOT NULL DEFAULT tenancy.claimed_customer_id(), id uuid NOT NULL,
        PRIMARY KEY (customer_id, id));
    CALL tenancy.protect('app.things')";
const TENANTS: &str = "SELECT tenancy.serve_regions('{eu-1}'), tenancy.install_enter_key(1::smallint, $1),
    tenancy.create_tenant($2, 'juniper', 'Juniper', 'eu-1'), tenancy.create_tenant($3, 'saltmarsh', 'Saltmarsh', 'eu-1')";

#[tokio::main]
pub(crate) async fn main() -> Outcome<()> {
    let database = TestDatabase::create_empty().await;
    let superuser = database.superuser_client().await;
    let bootstrap = [sql::ROLES, sql::DATABASE, sql::PLATFORM].concat();
    superuser.batch_execute(&bootstrap).await?;
    let admin = database.admin_client().await;
    for text in sql::MIGRATIONS.iter().map(|migration| migration.sql).chain([THINGS]) {
        admin.batch_execute(&format!("BEGIN; {text}; COMMIT")).await?;
    }
    let (secret, one, other) = (Uuid::new_v4().as_bytes().repeat(2), Uuid::now_v7(), Uuid::now_v7());
    admin.query_one(TENANTS, &[&secret, &one, &other]).await?;
    let (address, password) = (database.url(Login::App).parse()?, database.app_password());
    let mut config = PoolConfig::new(address, Some(password), vec!["eu-1".to_owned()]);
    config.schema_version = None; // the history of migrations is the embedder's own
    let key = EnterKey::new(1, &Sensitive::new(secret)).ok_or("32 bytes or more")?;
    let pool = TenantPool::connect(config, key).await?;
    let count = async |tx: &mut TenantTx<'_>| -> Outcome<i64> { Ok(things::table.count().get_result(tx).await?) };
    let insert = async |tx: &mut TenantTx<'_>| -> Outcome<i64> {
        let insert = diesel::insert_into(things::table).values(things::id.eq(Uuid::now_v7()));
        insert.execute(tx).await?;
        count(tx).await
    };
    let (own, foreign) = (pool.run(&ctx(one), insert).await?, pool.run(&ctx(other), count).await?);
    let answer = format!("the tenant that inserted a thing sees {own}, the other tenant sees {foreign}");
    assert_eq!((own, foreign), (1, 0), "{answer}");
    Ok(writeln!(std::io::stdout(), "{answer}")?)
}

fn ctx(customer: Uuid) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::now_v7()),
        customer: CustomerId::from_uuid(customer),
        roles: RoleSet::EMPTY,
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Operations,
        expires_at: time::OffsetDateTime::now_utc() + time::Duration::MINUTE,
        route: None,
    })
}
