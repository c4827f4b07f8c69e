//! Whether the server can do its work: the database answers, the record can take an event, the keys are there, and the
//! canary has found isolation to hold.

use crate::canary::Isolation;
use crate::config::IsolationProfile;
use crate::record::RecordHealth;
use bearingwall_authn::BoxFuture;
use bearingwall_core::{Ctx, CtxParts, CustomerId, IdGen as _, PurposeOfUse, RequestId, RoleSet, SubjectId, SystemIds};
use bearingwall_http::{Check, Readiness};
use bearingwall_secrets::{DataKey, KeyStore};
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Text;
use diesel_async::AsyncConnectionCore as _;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// The dependencies that are looked at.
pub(crate) struct Probe {
    pub(crate) pool: TenantPool,
    pub(crate) keys: Arc<dyn KeyStore>,
    /// Wrapped at each look and thrown away: it opens nothing.
    pub(crate) sample: DataKey,
    pub(crate) isolation: Arc<Isolation>,
    pub(crate) record: Arc<RecordHealth>,
    pub(crate) profile: IsolationProfile,
}

impl Readiness for Probe {
    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async {
            let database = self.pool.ping().await.is_ok();
            let record = database && matches!(record_ready(&self.pool, self.profile).await, Ok(true));
            let keys = self.keys.wrap(CustomerId::PLATFORM, &self.sample).await.is_ok();
            vec![
                Check::new("database", database),
                Check::new("record", record).warned(self.record.is_short_of_months()),
                Check::new("keys", keys),
                Check::new("isolation", self.isolation.is_proven()),
            ]
        })
    }
}

/// Whether the record can take an event: without the month's partition no access can be recorded, and so nothing could
/// be read.
///
/// With an enter key it is asked from inside the platform's own tenant, which is entered as every request enters its
/// tenant. With the split key only a caller's token opens a tenant, and there is no caller here.
pub(crate) async fn record_ready(pool: &TenantPool, profile: IsolationProfile) -> Result<bool, TenancyError> {
    let rows = match profile {
        IsolationProfile::EnterKey => record_ready_inside(pool).await?,
        IsolationProfile::SplitKey => pool.run_outside(RecordReady).await?,
    };
    Ok(rows == 1)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the platform's own tenant is entered to see that it can be; nothing is read there"
)]
async fn record_ready_inside(pool: &TenantPool) -> Result<usize, TenancyError> {
    let ctx = Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::OPERATOR,
        customer: CustomerId::PLATFORM,
        roles: RoleSet::EMPTY,
        request: RequestId::from_uuid(SystemIds.v7()),
        purpose: PurposeOfUse::SystemAdministration,
        expires_at: OffsetDateTime::now_utc() + Duration::seconds(30),
        route: None,
    });
    pool.run(&ctx, async |tx: &mut TenantTx<'_>| {
        tx.execute_returning_count(RecordReady)
            .await
            .map_err(TenancyError::Statement)
    })
    .await
}

/// Whether the database would accept this issuer's tokens (the split-key profile).
pub(crate) async fn issuer_ready(pool: &TenantPool, issuer: String, audience: String) -> Result<bool, TenancyError> {
    let rows = pool.run_outside(IssuerReady { issuer, audience }).await?;
    Ok(rows == 1)
}

/// One row if the record can take an event now, else none.
struct RecordReady;

impl QueryId for RecordReady {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for RecordReady {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT FROM audit.ready() AS r (ready) WHERE r.ready");
        Ok(())
    }
}

/// One row if the database has this issuer with this audience and a key that is good now, else none.
struct IssuerReady {
    issuer: String,
    audience: String,
}

impl QueryId for IssuerReady {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for IssuerReady {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT FROM tenancy.issuer_ready(");
        out.push_bind_param::<Text, _>(&self.issuer)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.audience)?;
        out.push_sql(") AS r (ready) WHERE r.ready");
        Ok(())
    }
}
