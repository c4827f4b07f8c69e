//! Two tenants with a client each, whose record and digest exist in tables of the PHI class.

use bearingwall_audit::{Access, AuditError, AuditLog, Command, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, Role, Sensitive, SubjectId};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenancyError, TenantPool, TenantTx};
use bearingwall_testkit::database::{Login, TestDatabase};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const RECORDS: &str = "crm.client_records";
pub(crate) const DIGESTS: &str = "crm.client_digests";

#[derive(QueryableByName, Debug)]
pub(crate) struct Answer {
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) answer: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Failure {
    Audit(AuditError),
    Query(#[allow(dead_code, reason = "shown when a test fails")] diesel::result::Error),
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        Self::Audit(error)
    }
}

impl From<TenancyError> for Failure {
    fn from(error: TenancyError) -> Self {
        Self::Audit(error.into())
    }
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Query(error)
    }
}

pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) pool: TenantPool,
    pub(crate) log: AuditLog,
    pub(crate) a: CustomerId,
    pub(crate) b: CustomerId,
    pub(crate) client: ClientId,
    pub(crate) other: ClientId,
    pub(crate) foreign: ClientId,
}

impl Fixture {
    pub(crate) async fn create() -> Self {
        let database = TestDatabase::create().await;
        let mut admin = database.admin_client().await;
        serve_regions(&admin, &["eu-west-1".to_owned()]).await.unwrap();
        let secret = Sensitive::new(Uuid::new_v4().as_bytes().repeat(2));
        install_enter_key(&mut admin, 1, &secret).await.unwrap();
        let (a, b) = (
            CustomerId::from_uuid(Uuid::now_v7()),
            CustomerId::from_uuid(Uuid::now_v7()),
        );
        for (id, slug) in [(a, "juniper"), (b, "saltmarsh")] {
            let tenant = NewTenant {
                id,
                slug: slug.to_owned(),
                name: slug.to_owned(),
                region: "eu-west-1".to_owned(),
            };
            tenant_create(&mut admin, &tenant).await.unwrap();
        }
        let address = database.url(Login::App).parse().unwrap();
        let config = PoolConfig::new(address, Some(database.app_password()), vec!["eu-west-1".to_owned()]);
        let pool = TenantPool::connect(config, EnterKey::new(1, &secret).unwrap())
            .await
            .unwrap();
        let log = AuditLog::new(pool.clone());
        let id = || ClientId::from_uuid(Uuid::now_v7());
        let fixture = Self {
            database,
            pool,
            log,
            a,
            b,
            client: id(),
            other: id(),
            foreign: id(),
        };
        for (tenant, client) in [(a, fixture.client), (a, fixture.other), (b, fixture.foreign)] {
            fixture.create_client(tenant, client).await.unwrap();
        }
        fixture
    }

    async fn create_client(&self, tenant: CustomerId, client: ClientId) -> Result<(), Failure> {
        let access = Access::to(EventType::ClientCreated, [client])
            .covering(RECORDS, &[Command::Insert])
            .covering(DIGESTS, &[Command::Insert]);
        self.log
            .with_access(&ctx(tenant), access, async |tx: &mut PhiTx<'_, '_>| {
                for sql in [
                    format!("INSERT INTO crm.clients (id) VALUES ('{client}')"),
                    format!("INSERT INTO {RECORDS} (client_id, payload) VALUES ('{client}', '\\x01')"),
                    format!("INSERT INTO {DIGESTS} (kind, digest, client_id) VALUES (1, decode(md5('x'), 'hex'), '{client}')"),
                ] {
                    diesel::sql_query(sql).execute(tx).await?;
                }
                Ok(())
            })
            .await
    }

    /// Runs statements in one undeclared transaction and answers with the last one's text.
    pub(crate) async fn undeclared(&self, context: &Ctx, statements: &[&str]) -> Result<Option<String>, Failure> {
        self.pool
            .run(context, async |tx: &mut TenantTx<'_>| last(tx, statements).await)
            .await
    }

    /// Runs statements under an access and answers with the last one's text.
    pub(crate) async fn declared(
        &self,
        context: &Ctx,
        access: Access,
        statements: &[&str],
    ) -> Result<Option<String>, Failure> {
        self.log
            .with_access(context, access, async |tx: &mut PhiTx<'_, '_>| {
                last(tx.tenant(), statements).await
            })
            .await
    }

    pub(crate) async fn count(&self, condition: &str) -> i64 {
        let superuser = self.database.superuser_client().await;
        superuser
            .query_one(&format!("SELECT count(*) FROM audit.events WHERE {condition}"), &[])
            .await
            .unwrap()
            .get(0)
    }
}

async fn last(tx: &mut TenantTx<'_>, statements: &[&str]) -> Result<Option<String>, Failure> {
    let (last, first) = statements.split_last().unwrap();
    for sql in first {
        diesel::sql_query(*sql).execute(tx).await?;
    }
    let answer: Answer = diesel::sql_query(*last).get_result(tx).await?;
    Ok(answer.answer)
}

pub(crate) fn read(client: ClientId) -> Access {
    Access::to(EventType::ClientRead, [client]).covering(RECORDS, &[Command::Select])
}

pub(crate) fn ctx(customer: CustomerId) -> Ctx {
    context(
        customer,
        SubjectId::from_uuid(Uuid::now_v7()),
        RequestId::from_uuid(Uuid::now_v7()),
    )
}

pub(crate) fn context(customer: CustomerId, subject: SubjectId, request: RequestId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject,
        customer,
        roles: [Role::Authenticated].into_iter().collect(),
        request,
        purpose: PurposeOfUse::Treatment,
        expires_at: OffsetDateTime::now_utc() + time::Duration::minutes(5),
        route: Some("GET /v1/clients/{id}"),
    })
}
