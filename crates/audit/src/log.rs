//! The record's front: accesses that go ahead of what they permit.

use crate::access::{Access, Details, PhiTx};
use crate::error::AuditError;
use crate::record::{Common, Completion, Intended, Phase, Single};
use crate::sink::AuditSink;
use bearingwall_core::{Ctx, IdGen, Outcome, SystemIds};
use bearingwall_events::EventType;
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};
use diesel::pg::Pg;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel_async::AsyncConnectionCore;
use std::sync::Arc;
use tracing::Instrument as _;
use uuid::Uuid;

/// The record. Cloning shares it.
#[derive(Clone)]
pub struct AuditLog {
    pool: TenantPool,
    ids: Arc<dyn IdGen>,
    service: Option<&'static str>,
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
            service: None,
        }
    }

    /// The pool, for work on tables that hold no personal data.
    #[must_use]
    pub const fn pool(&self) -> &TenantPool {
        &self.pool
    }

    /// Puts the access on record, durably, and then runs `work` under it.
    ///
    /// How it ended is recorded too: in the same transaction if it was done, in one of its own if it failed or was dropped
    /// half-way, and by the sealer's sweep if the server died.
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
        let common = self.common(ctx, access.event, Some(self.ids.v7()));
        let intended = Intended::new(common.clone(), &access, self.ids.as_ref());
        self.two_phases(ctx, common, intended, work).await
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
        let common = self.common(ctx, event, Some(self.ids.v7()));
        let search = Single::search(common.clone(), digests, self.ids.as_ref());
        self.two_phases(ctx, common, search, work).await
    }

    /// Runs `work` on tables that hold no personal data, and puts what it did on record in the same transaction: neither is
    /// there without the other.
    ///
    /// # Errors
    /// What `work` returns; when the database or the record is away.
    pub async fn with_event<T, E, W>(
        &self,
        ctx: &Ctx,
        event: EventType,
        resource: &'static str,
        work: W,
    ) -> Result<T, E>
    where
        E: From<AuditError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<(T, Details), E>,
    {
        let single = self.single(ctx, event, Phase::Completed, Outcome::Success).of(resource);
        let outcome = self
            .pool
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                let (value, details) = work(tx).await.map_err(Step::Work)?;
                let written = tx.execute_returning_count(single.with(details)).await;
                written.map_err(|error| Step::Audit(AuditError::Unwritten(error)))?;
                Ok::<T, Step<E>>(value)
            })
            .await;
        outcome.map_err(Step::into_error)
    }

    /// Puts on record that something was refused or failed, with the stable code of why.
    ///
    /// # Errors
    /// When the database or the record is away.
    pub async fn record_failure(&self, ctx: &Ctx, event: EventType, code: &'static str) -> Result<(), AuditError> {
        let single = self.single(ctx, event, Phase::Failed, Outcome::Failure).because(code);
        self.pool
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                let written = tx.execute_returning_count(single).await;
                written.map(drop).map_err(AuditError::Unwritten)
            })
            .await
    }

    /// The announcement, the work, and how it ended: with the effect, or in a transaction of its own.
    // CONTROL: AUD-6
    async fn two_phases<T, E, R, W>(&self, ctx: &Ctx, common: Common, announcement: R, work: W) -> Result<T, E>
    where
        E: From<AuditError>,
        R: QueryFragment<Pg> + QueryId + Send + 'static,
        W: AsyncFnOnce(&mut PhiTx<'_, '_>) -> Result<T, E>,
    {
        let mut unfinished = Unfinished::default();
        let outcome = self
            .pool
            .run_recorded(ctx, announcement, async |tx: &mut TenantTx<'_>| {
                // From here on there is something to end: the announcement is on record.
                unfinished.arm(self, ctx, &common);
                let mut phi = PhiTx::new(tx);
                let value = work(&mut phi).await.map_err(Step::Work)?;
                let (found, details) = phi.into_account();
                let completed = Single::new(common.clone(), Phase::Completed, Outcome::Success, self.ids.as_ref())
                    .counting(found)
                    .with(details);
                let written = tx.execute_returning_count(Completion(completed)).await;
                written.map_err(|error| Step::Audit(AuditError::Unwritten(error)))?;
                Ok::<T, Step<E>>(value)
            })
            .await;
        unfinished.disarm();
        let step = match outcome {
            Ok(value) => return Ok(value),
            Err(step) => step,
        };
        match step {
            // Where the announcement itself failed there is nothing to end.
            Step::Tenancy(_) => {}
            // The work had been done, and what it read may have been seen; only its effect is undone.
            Step::Audit(_) => self.record_end(ctx, common, Phase::Failed, Outcome::Unknown).await,
            Step::Work(_) => self.record_end(ctx, common, Phase::Failed, Outcome::Failure).await,
        }
        Err(step.into_error())
    }

    /// A port for refusals, and the task that writes them.
    #[must_use]
    pub fn sink(&self) -> AuditSink {
        AuditSink::start(self.clone())
    }

    /// Names the program in every event, as `bearingwall-server/0.1.0`.
    #[must_use]
    pub const fn with_service(mut self, service: &'static str) -> Self {
        self.service = Some(service);
        self
    }

    pub(crate) fn common(&self, ctx: &Ctx, event: EventType, access_id: Option<Uuid>) -> Common {
        Common::new(ctx, event, access_id, self.service)
    }

    pub(crate) fn single(&self, ctx: &Ctx, event: EventType, phase: Phase, outcome: Outcome) -> Single {
        Single::new(self.common(ctx, event, None), phase, outcome, self.ids.as_ref())
    }

    pub(crate) fn ids(&self) -> &dyn IdGen {
        self.ids.as_ref()
    }

    /// The effect has been rolled back; that it was tried stays on record even if this line cannot be added.
    async fn record_end(&self, ctx: &Ctx, common: Common, phase: Phase, outcome: Outcome) {
        let event = common.event_type();
        let end = Single::new(common, phase, outcome, self.ids.as_ref());
        let written: Result<(), AuditError> = self
            .pool
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                tx.execute_returning_count(end)
                    .await
                    .map(drop)
                    .map_err(AuditError::Unwritten)
            })
            .await;
        if let Err(error) = written {
            tracing::error!(error = %error, event, "the end of an access could not be recorded");
        }
    }
}

/// An access whose future may be dropped half-way, by a deadline or a caller who went away: then it says so itself.
#[derive(Default)]
struct Unfinished {
    parts: Option<(AuditLog, Ctx, Common)>,
}

impl Unfinished {
    fn arm(&mut self, log: &AuditLog, ctx: &Ctx, common: &Common) {
        self.parts = Some((log.clone(), ctx.clone(), common.clone()));
    }

    fn disarm(mut self) {
        self.parts = None;
    }
}

impl Drop for Unfinished {
    #[expect(
        clippy::disallowed_methods,
        reason = "the line about a request that was cut off outlives the request, within its span; it ends when it is written"
    )]
    fn drop(&mut self) {
        let Some((log, ctx, common)) = self.parts.take() else {
            return;
        };
        // Without a runtime the process is ending; the sweep for accesses without an end finds it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let end = async move {
                log.record_end(&ctx, common, Phase::TimedOut, Outcome::Unknown).await;
            };
            runtime.spawn(end.instrument(tracing::Span::current()));
        }
    }
}
