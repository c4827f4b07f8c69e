//! The record's front: accesses that go ahead of what they permit.

use crate::access::{Access, PhiTx};
use crate::error::AuditError;
use crate::record::{Intended, Single};
use crate::sink::AuditSink;
use crate::vocabulary::EventType;
use bearingwall_core::{Ctx, IdGen, Outcome, SystemIds};
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};
use diesel_async::AsyncConnectionCore;
use std::sync::Arc;

/// The record. Cloning shares it.
#[derive(Clone)]
pub struct AuditLog {
    pool: TenantPool,
    ids: Arc<dyn IdGen>,
}

/// Keeps the work's own error apart from the transaction's while both pass through the pool.
enum Step<E> {
    Tenancy(TenancyError),
    Audit(AuditError),
    Work(E),
}

impl<E> From<TenancyError> for Step<E> {
    fn from(error: TenancyError) -> Self {
        Self::Tenancy(error)
    }
}

impl<E: From<AuditError>> Step<E> {
    fn into_error(self) -> E {
        match self {
            Self::Tenancy(error) => AuditError::from(error).into(),
            Self::Audit(error) => error.into(),
            Self::Work(error) => error,
        }
    }
}

impl AuditLog {
    /// A record over this pool.
    #[must_use]
    pub fn new(pool: TenantPool) -> Self {
        Self {
            pool,
            ids: Arc::new(SystemIds),
        }
    }

    /// The pool, for work on tables that hold no personal data.
    #[must_use]
    pub const fn pool(&self) -> &TenantPool {
        &self.pool
    }

    /// Puts the access on record, durably, and then runs `work` under it.
    ///
    /// Where the access writes, the completion is recorded in the same transaction as the effect; a failure is recorded
    /// in one of its own.
    ///
    /// # Errors
    /// What `work` returns; [`TenancyError::Unrecorded`] (unavailable) if the record could not be written, in which case
    /// `work` saw nothing and changed nothing; [`AuditError::TooMany`].
    // CONTROL: AUD-1
    pub async fn with_access<T, E, W>(&self, ctx: &Ctx, access: Access, work: W) -> Result<T, E>
    where
        E: From<AuditError>,
        W: AsyncFnOnce(&mut PhiTx<'_, '_>) -> Result<T, E>,
    {
        if access.subjects.len() > Access::SUBJECTS_MAX {
            return Err(AuditError::TooMany {
                limit: Access::SUBJECTS_MAX,
            }
            .into());
        }
        let intended = Intended::new(ctx, &access, self.ids.as_ref());
        let outcome = self
            .pool
            .run_recorded(ctx, intended, async |tx: &mut TenantTx<'_>| {
                let value = work(&mut PhiTx::new(tx)).await.map_err(Step::Work)?;
                if access.writes() {
                    let completed = self.single(ctx, access.event, "completed", Outcome::Success);
                    tx.execute_returning_count(completed.counting(access.subjects.len()))
                        .await
                        .map_err(|error| Step::Audit(AuditError::Unwritten(error)))?;
                }
                Ok::<T, Step<E>>(value)
            })
            .await;
        match outcome {
            Ok(value) => Ok(value),
            Err(step) => {
                if access.writes() && matches!(step, Step::Work(_)) {
                    self.record_failure(ctx, access.event).await;
                }
                Err(step.into_error())
            }
        }
    }

    /// Puts a search on record, durably, and then opens a table of digests to `work`.
    ///
    /// What is found is declared by the access that reads it.
    ///
    /// # Errors
    /// As [`AuditLog::with_access`].
    pub async fn with_search<T, E, W>(
        &self,
        ctx: &Ctx,
        event: EventType,
        digests: &'static str,
        work: W,
    ) -> Result<T, E>
    where
        E: From<AuditError>,
        W: AsyncFnOnce(&mut PhiTx<'_, '_>) -> Result<T, E>,
    {
        let search = Single::search(ctx, event, digests, self.ids.as_ref());
        self.pool
            .run_recorded(ctx, search, async |tx: &mut TenantTx<'_>| {
                work(&mut PhiTx::new(tx)).await.map_err(Step::Work)
            })
            .await
            .map_err(Step::into_error)
    }

    /// A port for refusals, and the task that writes them.
    #[must_use]
    pub fn sink(&self) -> AuditSink {
        AuditSink::start(self.clone())
    }

    pub(crate) fn single(&self, ctx: &Ctx, event: EventType, phase: &'static str, outcome: Outcome) -> Single {
        Single::new(ctx, event, phase, outcome, self.ids.as_ref())
    }

    pub(crate) fn ids(&self) -> &dyn IdGen {
        self.ids.as_ref()
    }

    /// The effect has been rolled back; that it was tried stays on record even if this line cannot be added.
    async fn record_failure(&self, ctx: &Ctx, event: EventType) {
        let failed = self.single(ctx, event, "failed", Outcome::Failure);
        let written: Result<(), AuditError> = self
            .pool
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                tx.execute_returning_count(failed)
                    .await
                    .map(drop)
                    .map_err(AuditError::Unwritten)
            })
            .await;
        if let Err(error) = written {
            tracing::error!(error = %error, event = event.as_str(), "the failure of an access could not be recorded");
        }
    }
}
