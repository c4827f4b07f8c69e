//! Several tenants in one migrated database, and what a test asks of them.

use bearingwall_core::{Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, Role, Sensitive, SubjectId};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_tenancy::{DatabaseAddress, EnterKey, PoolConfig, TenancyError, TenantPool, TenantTx};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Nullable, Text};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

diesel::table! {
    crm.clients (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        version -> BigInt,
    }
}

/// One text from an arbitrary query.
#[derive(QueryableByName, Debug)]
pub(crate) struct Answer {
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) answer: Option<String>,
}

/// A failure inside the work of a transaction.
#[derive(Debug)]
pub(crate) enum Failure {
    Tenancy(TenancyError),
    Query(diesel::result::Error),
}

impl From<TenancyError> for Failure {
    fn from(error: TenancyError) -> Self {
        Self::Tenancy(error)
    }
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Query(error)
    }
}

/// A record, as the audit crate writes it.
pub(crate) struct Record(pub(crate) Uuid);

impl QueryId for Record {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Record {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO audit.events (event_id, event_type, phase, outcome) VALUES (");
        out.push_bind_param::<diesel::sql_types::Uuid, _>(&self.0)?;
        out.push_sql(", 'client.read', 'intended', 'success')");
        Ok(())
    }
}

const REGION: &str = "eu-west-1";

/// Tenants, and the key that opens them.
pub(crate) struct Spas {
    pub(crate) key: EnterKey,
    pub(crate) tenants: Vec<CustomerId>,
}

impl Spas {
    /// Makes `count` tenants through the admin's connection.
    pub(crate) async fn create(admin: &mut tokio_postgres::Client, count: usize) -> Self {
        serve_regions(admin, &[REGION.to_owned()]).await.unwrap();
        let secret = Sensitive::new(Uuid::new_v4().as_bytes().repeat(2));
        install_enter_key(admin, 1, &secret).await.unwrap();
        let mut tenants = Vec::new();
        for number in 0..count {
            let tenant = NewTenant {
                id: CustomerId::from_uuid(Uuid::now_v7()),
                slug: format!("spa-{number}"),
                name: format!("Spa {number}"),
                region: REGION.to_owned(),
            };
            tenant_create(admin, &tenant).await.unwrap();
            tenants.push(tenant.id);
        }
        let key = EnterKey::new(1, &secret).unwrap();
        Self { key, tenants }
    }

    pub(crate) async fn connect(&self, config: PoolConfig) -> Result<TenantPool, TenancyError> {
        TenantPool::connect(config, self.key.clone()).await
    }
}

pub(crate) fn config(url: &str, password: Sensitive<String>, max_connections: usize) -> PoolConfig {
    let address: DatabaseAddress = url.parse().unwrap();
    let mut config = PoolConfig::new(address, Some(password), vec![REGION.to_owned()]);
    config.max_connections = max_connections;
    config
}

pub(crate) fn ctx(customer: CustomerId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::now_v7()),
        customer,
        roles: [Role::Authenticated].into_iter().collect(),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Treatment,
        expires_at: OffsetDateTime::now_utc() + time::Duration::minutes(5),
        route: None,
    })
}

pub(crate) async fn insert(tx: &mut TenantTx<'_>, id: Uuid) -> QueryResult<usize> {
    diesel::insert_into(clients::table)
        .values(clients::id.eq(id))
        .execute(tx)
        .await
}

/// The owner and the id of every client that this transaction sees, whoever's it is.
pub(crate) async fn seen(tx: &mut TenantTx<'_>) -> QueryResult<Vec<(Uuid, Uuid)>> {
    clients::table
        .select((clients::customer_id, clients::id))
        .order(clients::id)
        .load(tx)
        .await
}

/// The ids of the clients that a tenant sees.
pub(crate) async fn visible(pool: &TenantPool, tenant: CustomerId) -> Result<Vec<Uuid>, Failure> {
    pool.run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
        Ok(seen(tx).await?.into_iter().map(|(_, id)| id).collect())
    })
    .await
}

/// Runs one arbitrary statement in a tenant's transaction.
pub(crate) async fn execute(pool: &TenantPool, tenant: CustomerId, sql: &str) -> Result<usize, Failure> {
    pool.run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
        Ok(diesel::sql_query(sql).execute(tx).await?)
    })
    .await
}

/// Asks one arbitrary question, named `answer`, in a tenant's transaction.
pub(crate) async fn ask(pool: &TenantPool, tenant: CustomerId, sql: &str) -> Option<String> {
    let answer: Result<Answer, Failure> = pool
        .run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
            Ok(diesel::sql_query(sql).get_result(tx).await?)
        })
        .await;
    answer.unwrap_or_else(|error| panic!("{sql}: {error:?}")).answer
}
