//! Statements of an attacker's choice on the application's own connection, inside a tenant it may enter.
#![expect(
    clippy::disallowed_methods,
    reason = "the attacker has the server's credentials and sends whatever SQL it likes"
)]

use crate::stage::Stage;
use anyhow::Context as _;
use bearingwall_core::{Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, Role, RoleSet, Sensitive, SubjectId};
use bearingwall_ctl::enter_key_name;
use bearingwall_tenancy::{EnterKey, PoolConfig, TenancyError, TenantPool, TenantTx};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text};
use diesel_async::RunQueryDsl as _;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const ENTER_KID: i16 = 1;

/// The application's login and its enter key: all that the server has.
pub(crate) struct Session {
    pool: TenantPool,
}

/// One request of one actor in one tenant.
#[derive(Clone, Copy)]
pub(crate) struct Actor {
    pub(crate) customer: CustomerId,
    pub(crate) subject: Uuid,
    pub(crate) request: Uuid,
}

impl Actor {
    pub(crate) fn of(customer: CustomerId) -> Self {
        Self {
            customer,
            subject: Uuid::now_v7(),
            request: Uuid::now_v7(),
        }
    }

    fn ctx(self) -> Ctx {
        Ctx::danger_assume_verified(CtxParts {
            subject: SubjectId::from_uuid(self.subject),
            customer: self.customer,
            roles: RoleSet::EMPTY.with(Role::Authenticated),
            request: RequestId::from_uuid(self.request),
            purpose: PurposeOfUse::Treatment,
            expires_at: OffsetDateTime::now_utc() + Duration::minutes(1),
            route: None,
        })
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The database refused, or the connection was taken away.
    Refused(String),
    /// The probe's one value; `None` for SQL's NULL.
    Answer(Option<String>),
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Commit,
    RollBack,
}

#[derive(QueryableByName)]
struct Probe {
    #[diesel(sql_type = Nullable<Text>)]
    answer: Option<String>,
}

enum Failure {
    Tenancy(TenancyError),
    Refused(diesel::result::Error),
    OnPurpose(Option<String>),
}

impl From<TenancyError> for Failure {
    fn from(error: TenancyError) -> Self {
        Self::Tenancy(error)
    }
}

impl Session {
    pub(crate) async fn open(stage: &Stage) -> anyhow::Result<Self> {
        let store = &stage.provisioned.store;
        let password = Sensitive::new(store.fetch("app")?.utf8()?.to_owned());
        let key = Sensitive::new(store.fetch(&enter_key_name(ENTER_KID))?.bytes().to_vec());
        let key = EnterKey::new(ENTER_KID, &key).context("the enter key is too short")?;
        let regions = stage.spas.iter().map(|spa| spa.region.clone()).collect();
        let mut config = PoolConfig::new(stage.provisioned.app.clone(), Some(password), regions);
        config.max_connections = 1;
        Ok(Self {
            pool: TenantPool::connect(config, key).await?,
        })
    }

    /// Runs the statements in one transaction and then `probe`, whose column `answer` is what was seen.
    pub(crate) async fn attempt(
        &self,
        actor: Actor,
        statements: &[String],
        probe: &str,
        end: End,
    ) -> anyhow::Result<Seen> {
        let outcome = self
            .pool
            .run(&actor.ctx(), async |tx: &mut TenantTx<'_>| {
                for statement in statements {
                    diesel::sql_query(statement)
                        .execute(tx)
                        .await
                        .map_err(Failure::Refused)?;
                }
                let probe: Probe = diesel::sql_query(probe)
                    .get_result(tx)
                    .await
                    .map_err(Failure::Refused)?;
                match end {
                    End::Commit => Ok(probe.answer),
                    End::RollBack => Err(Failure::OnPurpose(probe.answer)),
                }
            })
            .await;
        match outcome {
            Ok(answer) | Err(Failure::OnPurpose(answer)) => Ok(Seen::Answer(answer)),
            Err(Failure::Refused(error)) => Ok(Seen::Refused(error.to_string())),
            // The transaction never began: that is our own mistake, not a refusal.
            Err(Failure::Tenancy(error @ (TenancyError::Dial(_) | TenancyError::Busy))) => Err(error.into()),
            Err(Failure::Tenancy(error)) => Ok(Seen::Refused(error.to_string())),
        }
    }

    /// How many rows one statement touches; `None` if it is refused.
    pub(crate) async fn touched(&self, actor: Actor, statement: &str) -> anyhow::Result<Option<usize>> {
        let outcome = self
            .pool
            .run(&actor.ctx(), async |tx: &mut TenantTx<'_>| {
                diesel::sql_query(statement).execute(tx).await.map_err(Failure::Refused)
            })
            .await;
        match outcome {
            Ok(rows) => Ok(Some(rows)),
            Err(Failure::Refused(_) | Failure::OnPurpose(_)) => Ok(None),
            Err(Failure::Tenancy(error)) => Err(error.into()),
        }
    }
}
