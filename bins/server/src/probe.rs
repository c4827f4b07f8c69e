//! Whether the server can do its work: the database answers, the record can take an event, the keys are there.

use bearingwall_authn::BoxFuture;
use bearingwall_core::CustomerId;
use bearingwall_http::{Check, Readiness};
use bearingwall_secrets::{DataKey, KeyStore};
use bearingwall_tenancy::TenantPool;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use std::sync::Arc;

/// The dependencies that are looked at.
pub(crate) struct Probe {
    pub(crate) pool: TenantPool,
    pub(crate) keys: Arc<dyn KeyStore>,
    /// Wrapped at each look and thrown away: it opens nothing.
    pub(crate) sample: DataKey,
}

impl Readiness for Probe {
    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async {
            let database = self.pool.ping().await.is_ok();
            // Without the month's partition no access can be recorded, and so nothing could be read.
            let record = database && matches!(self.pool.run_outside(RecordReady).await, Ok(1));
            let keys = self.keys.wrap(CustomerId::PLATFORM, &self.sample).await.is_ok();
            vec![
                Check { name: "database", passed: database },
                Check { name: "record", passed: record },
                Check { name: "keys", passed: keys },
            ]
        })
    }
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
