//! Two tenants in one migrated database, each with a client on the spine.

use bearingwall_core::{Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, Role, Sensitive, SubjectId};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenancyError, TenantPool, TenantTx};
use bearingwall_testkit::database::{Login, TestDatabase};
use diesel::prelude::*;
use diesel::sql_types::Text;
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

/// One number from an arbitrary query.
#[derive(QueryableByName, Debug)]
pub(crate) struct Answer {
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    pub(crate) answer: Option<String>,
}

/// A failure inside the work of a transaction.
#[derive(Debug)]
pub(crate) enum Failure {
    Tenancy(TenancyError),
    Query(#[allow(dead_code, reason = "shown when a test fails")] diesel::result::Error),
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

pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) key: EnterKey,
    pub(crate) a: CustomerId,
    pub(crate) b: CustomerId,
    pub(crate) client_a: Uuid,
    pub(crate) client_b: Uuid,
}

pub(crate) const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

impl Fixture {
    pub(crate) async fn create() -> Self {
        Self::fill(TestDatabase::create().await).await
    }

    /// As a managed service has it: the context under the seal, no event triggers.
    pub(crate) async fn create_without_platform() -> Self {
        Self::fill(TestDatabase::create_without_platform().await).await
    }

    async fn fill(database: TestDatabase) -> Self {
        let mut admin = database.admin_client().await;
        serve_regions(&admin, &REGIONS.map(str::to_owned)).await.unwrap();
        let secret = Sensitive::new(Uuid::new_v4().as_bytes().repeat(2));
        install_enter_key(&mut admin, 1, &secret).await.unwrap();
        let (a, b) = (
            CustomerId::from_uuid(Uuid::now_v7()),
            CustomerId::from_uuid(Uuid::now_v7()),
        );
        for (id, slug, region) in [(a, "juniper", REGIONS[0]), (b, "saltmarsh", REGIONS[1])] {
            let tenant = NewTenant {
                id,
                slug: slug.to_owned(),
                name: slug.to_owned(),
                region: region.to_owned(),
            };
            tenant_create(&mut admin, &tenant).await.unwrap();
        }
        let key = EnterKey::new(1, &secret).unwrap();
        let fixture = Self {
            database,
            key,
            a,
            b,
            client_a: Uuid::now_v7(),
            client_b: Uuid::now_v7(),
        };
        let pool = fixture.pool(2).await;
        for (tenant, client) in [(a, fixture.client_a), (b, fixture.client_b)] {
            let inserted: Result<(), Failure> = pool
                .run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
                    diesel::insert_into(clients::table)
                        .values(clients::id.eq(client))
                        .execute(tx)
                        .await?;
                    Ok(())
                })
                .await;
            inserted.unwrap();
        }
        fixture
    }

    pub(crate) fn config(&self, max_connections: usize) -> PoolConfig {
        let address = self.database.url(Login::App).parse().unwrap();
        let mut config = PoolConfig::new(
            address,
            Some(self.database.app_password()),
            REGIONS.map(str::to_owned).to_vec(),
        );
        config.max_connections = max_connections;
        config
    }

    pub(crate) async fn pool(&self, max_connections: usize) -> TenantPool {
        TenantPool::connect(self.config(max_connections), self.key.clone())
            .await
            .unwrap()
    }
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

/// Runs one hostile statement and then asks whether the other tenant's rows are within reach.
pub(crate) async fn attack(
    pool: &TenantPool,
    attacker: CustomerId,
    sql: &str,
    probe: &str,
) -> Result<Option<String>, Failure> {
    pool.run(&ctx(attacker), async |tx: &mut TenantTx<'_>| {
        diesel::sql_query(sql).execute(tx).await?;
        let answer: Answer = diesel::sql_query(probe).get_result(tx).await?;
        Ok(answer.answer)
    })
    .await
}

/// The ids of clients that a tenant sees.
pub(crate) async fn visible(pool: &TenantPool, tenant: CustomerId) -> Result<Vec<Uuid>, Failure> {
    pool.run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
        Ok(clients::table
            .select(clients::id)
            .order(clients::id)
            .load::<Uuid>(tx)
            .await?)
    })
    .await
}
