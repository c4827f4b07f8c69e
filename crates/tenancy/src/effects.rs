//! The worker's way to effects: it claims some out of a queue that holds ids and codes, and enters the tenant of each.
//!
//! As with [jobs](crate::jobs), the worker has a login of its own and no key: it names an effect and a lease, never a tenant.

use crate::entry::EffectEntry;
use crate::error::TenancyError;
use crate::login;
use crate::pool::PoolConfig;
use crate::posture::{self, Expected};
use crate::session::Door;
use crate::sessions::{Ahead, Sessions};
use crate::statement::statement;
use crate::tx::{self, TenantTx};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Effects of one claim at the most.
pub const CLAIM_MAX: u16 = 100;

/// An effect that this worker has leased. It says where it goes, and not for whom.
#[derive(Clone, PartialEq, Eq)]
pub struct EffectLease {
    effect: Uuid,
    lease: Uuid,
    number: i64,
    destination: String,
}

impl EffectLease {
    /// The effect.
    #[must_use]
    pub const fn effect(&self) -> Uuid {
        self.effect
    }

    /// The lease, which the functions of the schema ask for; it opens a tenant.
    #[must_use]
    pub const fn lease(&self) -> Uuid {
        self.lease
    }

    /// Rises with every lease of the effect.
    #[must_use]
    pub const fn number(&self) -> i64 {
        self.number
    }

    /// Where it goes.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.destination
    }
}

impl fmt::Debug for EffectLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The lease opens a tenant.
        f.debug_struct("EffectLease")
            .field("effect", &self.effect)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

struct Inner {
    sessions: Sessions,
    regions: Arc<[String]>,
}

/// The worker's sessions for effects. Cloning shares it.
#[derive(Clone)]
pub struct EffectPool {
    inner: Arc<Inner>,
}

impl fmt::Debug for EffectPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EffectPool")
            .field("regions", &self.inner.regions)
            .finish_non_exhaustive()
    }
}

impl EffectPool {
    /// Connects as the worker's login, under the same start-up checks as the server's.
    ///
    /// # Errors
    /// As [`TenantPool::connect`](crate::TenantPool::connect).
    pub async fn connect(config: PoolConfig) -> Result<Self, TenancyError> {
        let expected = Expected {
            schema_version: config.schema_version.as_deref(),
            accepted_version: config.accepted_version.as_deref(),
            profile: None,
        };
        let password = login::secret(&config).await?;
        posture::require(&config.address, password.as_ref(), &expected, config.pooler).await?;
        let pool = Self {
            inner: Arc::new(Inner {
                regions: config.regions.clone().into(),
                sessions: Sessions::new(config, Door::Effects)?,
            }),
        };
        pool.inner.sessions.lease().await?.release_as_it_is();
        Ok(pool)
    }

    /// Leases up to `limit` effects (1 to [`CLAIM_MAX`]) for these destinations, for `lasting`: from 1 to 900 seconds. Which ones is
    /// the database's to say: tenants in turn, each within its limits, and nothing that waits behind something else.
    ///
    /// # Errors
    /// [`TenancyError::Statement`] for other numbers or when the database fails.
    // CONTROL: OUT-2
    pub async fn claim(
        &self,
        destinations: &[String],
        limit: u16,
        lasting: Duration,
    ) -> Result<Vec<EffectLease>, TenancyError> {
        let claim = Claim {
            destinations: destinations.to_vec(),
            regions: self.inner.regions.to_vec(),
            limit: i32::from(limit),
            seconds: i32::try_from(lasting.as_secs()).unwrap_or(i32::MAX),
        };
        let rows: Vec<(Uuid, Uuid, i64, String)> = self
            .outside(async |c: &mut &AsyncPgConnection| claim.get_results(c).await)
            .await?;
        let leases = rows
            .into_iter()
            .map(|(effect, lease, number, destination)| EffectLease {
                effect,
                lease,
                number,
                destination,
            });
        Ok(leases.collect())
    }

    /// Runs `work` in a transaction inside the tenant of the effect: commits on `Ok`, rolls back on `Err`.
    ///
    /// # Errors
    /// What `work` returns; [`TenancyError::LeaseEnded`] when somebody else may have the effect meanwhile.
    // CONTROL: TEN-7
    pub async fn run<T, E, W>(&self, lease: &EffectLease, work: W) -> Result<T, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        let entry = EffectEntry {
            effect: lease.effect,
            lease: lease.lease,
            regions: self.inner.regions.to_vec(),
        };
        let session = self.inner.sessions.lease().await?;
        session
            .conclude(|session| tx::begin(session, entry), work, Ahead::Nothing, None)
            .await
    }

    /// Gives back an effect of which no attempt was begun.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn give_back(&self, lease: &EffectLease) -> Result<bool, TenancyError> {
        let give_back = GiveBack {
            effect: lease.effect,
            lease: lease.lease,
        };
        self.outside(async |c: &mut &AsyncPgConnection| give_back.get_result(c).await)
            .await
    }

    /// Something on the queue itself, outside of any tenant.
    async fn outside<T>(
        &self,
        ask: impl AsyncFnOnce(&mut &AsyncPgConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, TenancyError> {
        let lease = self.inner.sessions.lease().await?;
        let answer = lease.session().ok_or(TenancyError::Busy)?.outside(ask).await;
        lease.release_as_it_is();
        answer
    }
}

statement!(Claim {
    destinations: Vec<String> => Array<Text>,
    regions: Vec<String> => Array<Text>,
    limit: i32 => Integer,
    seconds: i32 => Integer,
} "effect, lease, lease_no, destination FROM tenancy.effect_claim" -> (SqlUuid, SqlUuid, BigInt, Text));
statement!(GiveBack { effect: Uuid => SqlUuid, lease: Uuid => SqlUuid } "tenancy.effect_return" -> Bool);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_lease_does_not_show_what_opens_the_tenant() {
        let lease = EffectLease {
            effect: Uuid::nil(),
            lease: Uuid::max(),
            number: 1,
            destination: "mail.ses".to_owned(),
        };
        assert!(!format!("{lease:?}").contains("ffff"));
    }
}
