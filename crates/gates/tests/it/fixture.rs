//! Two tenants, their people, an agent and a service, and operations to ask for.

use bearingwall_core::{
    Ctx, CtxParts, CustomerId, GateId, PurposeOfUse, RequestId, Role, RoleSet, Sensitive, SubjectId,
};
use bearingwall_gates::{
    Decision, DestinationName, Digest, GateError, GateState, Gated, Operation, PayloadKeys, Requested, TenantCipher,
    Ungated, gate_decide, gate_request, gate_take, machine_register,
};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_secrets::{Aad, CacheOptions, DataKey, KeyError, KeyStore, WrappedKey};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenancyError, TenantPool, TenantTx};
use bearingwall_testkit::database::{Login, TestDatabase};
use diesel::result::{DatabaseErrorInformation, Error as DieselError};
use diesel_async::RunQueryDsl as _;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

pub(crate) const ANA: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0xa0));
pub(crate) const BO: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0xb0));
pub(crate) const CLEO: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0xc0));
pub(crate) const AGENT: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0xae));
pub(crate) const SERVICE: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0x5e));
pub(crate) const STAFF: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0x57aff));
pub(crate) const UNSEEN: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0x0f));

/// Takes two persons.
#[derive(Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) invoice: Uuid,
    pub(crate) amount: String,
}

impl Operation for Refund {
    type Recourse = Gated;
    const KIND: &'static str = "payment.refund";
    const SEALED: bool = true;

    fn destination(&self) -> DestinationName {
        "stripe.refunds".parse().unwrap()
    }

    fn aggregate(&self) -> Option<Uuid> {
        Some(self.invoice)
    }
}

/// Takes one person.
#[derive(Serialize, Deserialize)]
pub(crate) struct Email {
    pub(crate) to: String,
    pub(crate) text: String,
}

impl Operation for Email {
    type Recourse = Gated;
    const KIND: &'static str = "message.email";
    const SEALED: bool = true;

    fn destination(&self) -> DestinationName {
        "mail.ses".parse().unwrap()
    }

    fn aggregate(&self) -> Option<Uuid> {
        None
    }
}

/// The same person confirms it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Confirmation {
    pub(crate) text: String,
}

impl Operation for Confirmation {
    type Recourse = Gated;
    const KIND: &'static str = "message.confirm";
    const SEALED: bool = true;

    fn destination(&self) -> DestinationName {
        "mail.ses".parse().unwrap()
    }

    fn aggregate(&self) -> Option<Uuid> {
        None
    }
}

/// Says that it is gated where the catalogue says that it is not.
#[derive(Serialize, Deserialize)]
pub(crate) struct Mislabelled;

impl Operation for Mislabelled {
    type Recourse = Gated;
    const KIND: &'static str = "system.notify";
    const SEALED: bool = false;

    fn destination(&self) -> DestinationName {
        "ops.pager".parse().unwrap()
    }

    fn aggregate(&self) -> Option<Uuid> {
        None
    }
}

/// An ungated one, for the raw functions.
#[derive(Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) code: String,
}

impl Operation for Note {
    type Recourse = Ungated;
    const KIND: &'static str = "system.notify";
    const SEALED: bool = false;

    fn destination(&self) -> DestinationName {
        "ops.pager".parse().unwrap()
    }

    fn aggregate(&self) -> Option<Uuid> {
        None
    }
}

pub(crate) fn email() -> Email {
    Email {
        to: "client@example.org".to_owned(),
        text: "Your consent form".to_owned(),
    }
}

pub(crate) fn refund(amount: &str) -> Refund {
    Refund {
        invoice: Uuid::from_u128(7),
        amount: amount.to_owned(),
    }
}

/// Wraps under one key in memory.
struct Keys(DataKey);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyError>> + Send + 'a>>;

fn place(customer: CustomerId) -> Aad {
    Aad {
        table: "test",
        column: "kek",
        customer,
        row: Uuid::nil(),
    }
}

impl KeyStore for Keys {
    fn wrap<'a>(&'a self, customer: CustomerId, key: &'a DataKey) -> Boxed<'a, WrappedKey> {
        Box::pin(async move {
            Ok(WrappedKey {
                kek_version: "1".to_owned(),
                bytes: self.0.wrap(key, &place(customer))?,
            })
        })
    }

    fn unwrap<'a>(&'a self, customer: CustomerId, wrapped: &'a WrappedKey) -> Boxed<'a, DataKey> {
        Box::pin(async move { self.0.unwrap(&wrapped.bytes, &place(customer)) })
    }

    fn current_version(&self) -> Boxed<'_, String> {
        Box::pin(async { Ok("1".to_owned()) })
    }
}

/// What a statement was refused with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// SQLSTATE 42501 or another, and the detail.
    Detail(String),
    /// Anything else, by its message.
    Message(String),
}

#[derive(Debug)]
pub(crate) enum Failure {
    Tenancy(#[allow(dead_code, reason = "shown when a test fails")] TenancyError),
    Gate(GateError),
    Query(DieselError),
}

impl From<TenancyError> for Failure {
    fn from(error: TenancyError) -> Self {
        Self::Tenancy(error)
    }
}

impl From<GateError> for Failure {
    fn from(error: GateError) -> Self {
        Self::Gate(error)
    }
}

impl From<DieselError> for Failure {
    fn from(error: DieselError) -> Self {
        Self::Query(error)
    }
}

pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) pool: TenantPool,
    pub(crate) keys: PayloadKeys,
    pub(crate) a: CustomerId,
    pub(crate) b: CustomerId,
}

pub(crate) const REGION: &str = "us-east-1";

pub(crate) fn ctx(customer: CustomerId, subject: SubjectId) -> Ctx {
    let roles = if subject == STAFF {
        RoleSet::EMPTY.with(Role::InternalAdmin)
    } else {
        RoleSet::EMPTY.with(Role::CustomerAdmin)
    };
    Ctx::danger_assume_verified(CtxParts {
        subject,
        customer,
        roles,
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Operations,
        expires_at: OffsetDateTime::now_utc() + time::Duration::hours(1),
        route: None,
    })
}

impl Fixture {
    pub(crate) async fn create() -> Self {
        let database = TestDatabase::create().await;
        crate::mutants::weaken(&database).await;
        let mut admin = database.admin_client().await;
        serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
        let secret = Sensitive::new(Uuid::new_v4().as_bytes().repeat(2));
        install_enter_key(&mut admin, 1, &secret).await.unwrap();
        let [a, b] = [(); 2].map(|()| CustomerId::from_uuid(Uuid::now_v7()));
        for (id, slug) in [(a, "juniper"), (b, "saltmarsh")] {
            let tenant = NewTenant {
                id,
                slug: slug.to_owned(),
                name: slug.to_owned(),
                region: REGION.to_owned(),
            };
            tenant_create(&mut admin, &tenant).await.unwrap();
        }
        let mut config = PoolConfig::new(
            database.url(Login::App).parse().unwrap(),
            Some(database.password(Login::App)),
            vec![REGION.to_owned()],
        );
        config.max_connections = 24;
        let pool = TenantPool::connect(config, EnterKey::new(1, &secret).unwrap())
            .await
            .unwrap();
        let keys = PayloadKeys::new(Arc::new(Keys(DataKey::generate().unwrap())), CacheOptions::default());
        let fixture = Self {
            database,
            pool,
            keys,
            a,
            b,
        };
        for (customer, subject) in [
            (a, ANA),
            (a, BO),
            (a, CLEO),
            (a, AGENT),
            (a, SERVICE),
            (a, STAFF),
            (b, BO),
            (b, CLEO),
        ] {
            fixture.pool.roles_resolve(&ctx(customer, subject)).await.unwrap();
        }
        for (subject, principal) in [(AGENT, Some(ANA)), (SERVICE, None)] {
            let registered: Result<(), Failure> = fixture
                .pool
                .run(&ctx(a, BO), async |tx: &mut TenantTx<'_>| {
                    Ok(machine_register(tx, subject, principal).await?)
                })
                .await;
            registered.unwrap();
        }
        fixture
    }

    pub(crate) async fn cipher(&self, customer: CustomerId) -> TenantCipher {
        self.keys.cipher(&self.pool, &ctx(customer, ANA)).await.unwrap()
    }

    pub(crate) async fn try_request<Op: Operation<Recourse = Gated>>(
        &self,
        subject: SubjectId,
        operation: &Op,
    ) -> Result<Requested, Failure> {
        let cipher = self.cipher(self.a).await;
        let gate = GateId::from_uuid(Uuid::now_v7());
        self.pool
            .run(&ctx(self.a, subject), async |tx: &mut TenantTx<'_>| {
                Ok(gate_request(tx, &cipher, gate, operation).await?)
            })
            .await
    }

    pub(crate) async fn request<Op: Operation<Recourse = Gated>>(
        &self,
        subject: SubjectId,
        operation: &Op,
    ) -> Requested {
        self.try_request(subject, operation).await.unwrap()
    }

    pub(crate) async fn say(
        &self,
        who: (CustomerId, SubjectId),
        gate: GateId,
        approve: bool,
        seen: Digest,
    ) -> Result<GateState, GateError> {
        let decided: Result<GateState, Failure> = self
            .pool
            .run(&ctx(who.0, who.1), async |tx: &mut TenantTx<'_>| {
                let decision = Decision {
                    approve,
                    seen,
                    reason: None,
                };
                Ok(gate_decide(tx, gate, decision).await?)
            })
            .await;
        decided.map_err(|failure| match failure {
            Failure::Gate(error) => error,
            other => panic!("{other:?}"),
        })
    }

    pub(crate) async fn approve(&self, subject: SubjectId, requested: &Requested) -> Result<GateState, GateError> {
        self.say((self.a, subject), requested.gate, true, requested.digest)
            .await
    }

    /// What the server's role may try with SQL of its own, in a person's session.
    pub(crate) async fn sql(&self, who: (CustomerId, SubjectId), sql: &str) -> Result<usize, Refusal> {
        let done: Result<usize, Failure> = self
            .pool
            .run(&ctx(who.0, who.1), async |tx: &mut TenantTx<'_>| {
                Ok(diesel::sql_query(sql).execute(tx).await?)
            })
            .await;
        done.map_err(|failure| match failure {
            Failure::Query(DieselError::DatabaseError(_, information)) => refusal(information.as_ref()),
            other => panic!("{other:?}"),
        })
    }

    /// Uses an approval as the outbox does.
    pub(crate) async fn enqueue<Op: Operation<Recourse = Gated>>(
        &self,
        subject: SubjectId,
        gate: GateId,
    ) -> Result<(), GateError> {
        let done: Result<(), Failure> = self
            .pool
            .run(&ctx(self.a, subject), async |tx: &mut TenantTx<'_>| {
                let approved = gate_take::<Op>(tx, gate).await?;
                let sql = format!(
                    "SELECT tenancy.effect_enqueue_approved('{}', '\\x{}', NULL)",
                    approved.gate(),
                    approved.digest()
                );
                diesel::sql_query(sql)
                    .execute(tx)
                    .await
                    .map_err(GateError::from_refusal)?;
                Ok(())
            })
            .await;
        done.map_err(|failure| match failure {
            Failure::Gate(error) => error,
            other => panic!("{other:?}"),
        })
    }

    pub(crate) async fn state(&self, gate: GateId) -> String {
        let superuser = self.database.superuser_client().await;
        let sql = "SELECT state FROM tenancy.gate_requests WHERE gate_id = $1";
        superuser.query_one(sql, &[&gate.as_uuid()]).await.unwrap().get(0)
    }

    /// The owner of the tables, inside tenant A, in an open transaction.
    pub(crate) async fn owner(&self) -> Client {
        let admin = self.database.admin_client().await;
        let enter = format!(
            "BEGIN; SELECT tenancy.enter_migration('{}'); SET LOCAL ROLE bearingwall_owner",
            self.a
        );
        admin.batch_execute(&enter).await.unwrap();
        admin
    }
}

fn refusal(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> Refusal {
    match information.details() {
        Some(detail) if !detail.contains(' ') => Refusal::Detail(detail.to_owned()),
        _ => Refusal::Message(information.message().to_owned()),
    }
}

/// What a plain client was refused with: SQLSTATE and message.
pub(crate) async fn refused(client: &Client, sql: &str) -> (String, String) {
    client.batch_execute("SAVEPOINT here").await.ok();
    let error = match client.batch_execute(sql).await {
        Ok(()) => panic!("not refused: {sql}"),
        Err(error) => error,
    };
    let error = error.as_db_error().unwrap();
    client.batch_execute("ROLLBACK TO here").await.ok();
    (error.code().code().to_owned(), error.message().to_owned())
}
