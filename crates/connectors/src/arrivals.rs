//! What has arrived is worked on: once, by a worker, in the transaction that says so.

mod error;
mod prune;
mod review;
mod schema;

pub use error::ArrivalError;
pub use prune::{PRUNE, RETENTION, RETENTION_MIN, prune};
pub use review::{ArrivalState, ReviewedArrival, arrival_replay, arrivals_page};

use crate::inbox::Sender;
use bearingwall_core::{Classified, CustomerId, ErrorKind, Phi};
use bearingwall_secrets::{Aad, KeyStore, WrappedKey};
use bearingwall_tenancy::jobs::{Job, JobPool};
use bearingwall_tenancy::{TenancyError, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use schema::{endpoints, events};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// The kind of job that every event leaves, in the transaction that takes it in.
pub const PROCESS: &str = "webhook.process";

/// After as many attempts an event that cannot be worked on waits for a person: an hour and eight minutes after the first.
pub const ATTEMPTS_MAX: u32 = 12;

/// After as many attempts it waits for a person whatever the reason: something away for half a day, or a worker that it ends.
pub const ATTEMPTS_END: u32 = 24;

/// How long an event may take before another worker takes it.
const LEASE: Duration = Duration::from_secs(60);

/// An event as it was taken in.
pub struct Arrived {
    /// Its row.
    pub id: Uuid,
    /// Whose it is.
    pub customer: CustomerId,
    /// Who sent it.
    pub sender: Sender,
    /// When it was taken in, by the database's clock.
    pub received_at: OffsetDateTime,
    /// The bytes that were signed. They may describe a person.
    pub body: Phi<Vec<u8>>,
}

/// What becomes of an event. Codes are of `a-z`, `0-9` and `-`: they stand on the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What it tells of has been done, by this event or by an earlier one about the same.
    Done,
    /// Nothing is to be done with it.
    Ignored(&'static str),
    /// A person has to look at it.
    Parked(&'static str),
}

impl Verdict {
    const fn state(self) -> ArrivalState {
        match self {
            Self::Done => ArrivalState::Done,
            Self::Ignored(_) => ArrivalState::Ignored,
            Self::Parked(_) => ArrivalState::Dead,
        }
    }

    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Done => None,
            Self::Ignored(code) | Self::Parked(code) => Some(code),
        }
    }
}

/// Proof that an event was settled: only [`Work::settle`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Settled(Verdict);

impl Settled {
    /// How.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.0
    }
}

/// What does what events tell of. One that ends without settling its event is tried again.
pub trait Handler {
    /// Why it could not.
    type Error: Error + Classified;

    /// Does what the event tells of, and settles it in the same transaction. Senders keep no order and repeat themselves: what
    /// several events leave behind must not depend on which came first, or how often.
    #[expect(async_fn_in_trait, reason = "a worker runs it where it is, on one thread")]
    async fn handle(&self, work: &Work<'_>) -> Result<Settled, Self::Error>;
}

/// One event, leased: the transactions inside its tenant.
pub struct Work<'a> {
    pool: &'a JobPool,
    job: &'a Job,
    arrived: Arrived,
}

impl Work<'_> {
    /// The event.
    #[must_use]
    pub const fn arrived(&self) -> &Arrived {
        &self.arrived
    }

    /// A transaction ahead of the one that settles the event: to find out what to do, and to put an access on record before it
    /// happens. What it commits stays if the event is tried again.
    ///
    /// # Errors
    /// What `work` returns, or why the tenant could not be entered.
    pub async fn ahead<T, E, W>(&self, work: W) -> Result<T, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        self.pool.ahead(self.job, work).await
    }

    /// The transaction that does what the event tells of, and settles it: neither is there without the other. `kind` is what the
    /// sender calls this sort of event; one that is no code is left out.
    ///
    /// # Errors
    /// What `work` returns; [`TenancyError::LeaseEnded`] when another worker may have the event meanwhile, and nothing is done.
    // CONTROL: CON-12
    pub async fn settle<E, W>(&self, kind: &str, work: W) -> Result<Settled, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<Verdict, E>,
    {
        let id = self.arrived.id;
        let kind = is_kind(kind).then(|| kind.to_owned());
        let verdict = self
            .pool
            .finish(self.job, async |tx: &mut TenantTx<'_>| {
                let verdict = work(tx).await?;
                settle(tx, id, verdict.state(), kind, verdict.code().map(ToOwned::to_owned)).await?;
                Ok::<_, E>(verdict)
            })
            .await?;
        Ok(Settled(verdict))
    }
}

impl fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work({})", self.arrived.id)
    }
}

/// What came of a look for an event to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// There is none.
    Nothing,
    /// One was settled.
    Settled(Verdict),
    /// One could not be worked on, and waits to be tried again.
    Again,
    /// One could not be worked on, and waits for a person.
    GivenUp,
}

/// Works on what has arrived, with the key store that wraps the keys of endpoints.
#[derive(Clone)]
pub struct Arrivals {
    pool: JobPool,
    keys: Arc<dyn KeyStore>,
}

impl Arrivals {
    /// In the tenants of this pool's jobs.
    #[must_use]
    pub const fn new(pool: JobPool, keys: Arc<dyn KeyStore>) -> Self {
        Self { pool, keys }
    }

    /// Works on the event that has waited longest, if one is due.
    ///
    /// # Errors
    /// When the queue cannot be asked, or an event could not be put where it belongs: it is tried again when its lease ends.
    pub async fn next(&self, handler: &impl Handler) -> Result<Looked, ArrivalError> {
        let Some(job) = self.pool.lease(&[PROCESS], LEASE).await? else {
            return Ok(Looked::Nothing);
        };
        if job.attempts() > ATTEMPTS_END {
            return self.give_up(&job, "worker-ended").await;
        }
        let (kind, code) = match Box::pin(self.work(&job, handler)).await {
            Ok(Some(settled)) => return Ok(Looked::Settled(settled.verdict())),
            Ok(None) => return Ok(Looked::Nothing),
            Err(failed) => failed,
        };
        // Something that is away for a while is no reason to bother a person: the event waits as long as it takes.
        if kind != ErrorKind::Unavailable && job.attempts() >= ATTEMPTS_MAX {
            return self
                .give_up(&job, &format!("failed-{}", code.to_ascii_lowercase()))
                .await;
        }
        self.pool.give_back(&job).await;
        Ok(Looked::Again)
    }

    /// A job without an event is nothing to do: the row went with its tenant.
    async fn work(&self, job: &Job, handler: &impl Handler) -> Result<Option<Settled>, (ErrorKind, &'static str)> {
        let opened = self.open(job).await.map_err(|error| failed(job, &error))?;
        let Some(arrived) = opened else {
            let none = async |_: &mut TenantTx<'_>| Ok::<_, ArrivalError>(());
            self.pool.finish(job, none).await.map_err(|error| failed(job, &error))?;
            return Ok(None);
        };
        let pool = &self.pool;
        let work = Work { pool, job, arrived };
        let settled = handler.handle(&work).await.map_err(|error| failed(job, &error))?;
        Ok(Some(settled))
    }

    async fn open(&self, job: &Job) -> Result<Option<Arrived>, ArrivalError> {
        let id = job.id();
        let row: Option<Stored> = self
            .pool
            .ahead(job, async |tx: &mut TenantTx<'_>| {
                events::table
                    .inner_join(endpoints::table.on(endpoints::id.eq(events::endpoint_id)))
                    .filter(events::id.eq(id))
                    .filter(events::state.eq(ArrivalState::Waiting.as_str()))
                    .select((
                        events::customer_id,
                        endpoints::connector,
                        endpoints::kek_version,
                        endpoints::wrapped,
                        events::sealed,
                        events::received_at,
                    ))
                    .first(tx)
                    .await
                    .optional()
                    .map_err(ArrivalError::Statement)
            })
            .await?;
        let Some(row) = row else { return Ok(None) };
        let customer = CustomerId::from_uuid(row.customer);
        let (Some(sender), Some(sealed)) = (Sender::from_word(&row.connector), row.sealed) else {
            return Ok(None);
        };
        let wrapped = WrappedKey {
            kek_version: row.kek_version,
            bytes: row.wrapped,
        };
        let place = Aad {
            table: "connectors.events",
            column: "sealed",
            customer,
            row: id,
        };
        let key = self.keys.unwrap(customer, &wrapped).await?;
        let body = key.open(&place, &sealed)?;
        Ok(Some(Arrived {
            id,
            customer,
            sender,
            received_at: row.received_at,
            body: Phi::new(body.to_vec()),
        }))
    }

    async fn give_up(&self, job: &Job, code: &str) -> Result<Looked, ArrivalError> {
        let (id, code) = (job.id(), code.to_owned());
        self.pool
            .finish(job, async |tx: &mut TenantTx<'_>| {
                settle(tx, id, ArrivalState::Dead, None, Some(code)).await
            })
            .await
            .map_err(ArrivalError::Tenancy)?;
        Ok(Looked::GivenUp)
    }
}

impl fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arrivals")
    }
}

#[derive(Queryable)]
struct Stored {
    customer: Uuid,
    connector: String,
    kek_version: String,
    wrapped: Vec<u8>,
    sealed: Option<Vec<u8>>,
    received_at: OffsetDateTime,
}

/// An event that is settled already has no job; should it have one, nothing is done a second time.
async fn settle(
    tx: &mut TenantTx<'_>,
    id: Uuid,
    state: ArrivalState,
    kind: Option<String>,
    code: Option<String>,
) -> Result<(), TenancyError> {
    let waiting = events::table
        .filter(events::id.eq(id))
        .filter(events::state.eq(ArrivalState::Waiting.as_str()));
    let settled = diesel::update(waiting)
        .set((
            events::state.eq(state.as_str()),
            events::kind.eq(kind),
            events::code.eq(code),
        ))
        .execute(tx)
        .await
        .map_err(TenancyError::Statement)?;
    if settled == 1 {
        Ok(())
    } else {
        Err(TenancyError::LeaseEnded)
    }
}

/// What failed, in the log and without its content; errors repeat none.
fn failed(job: &Job, error: &impl Classified) -> (ErrorKind, &'static str) {
    let mut causes = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        causes.push_str(": ");
        causes.push_str(&next.to_string());
        cause = next.source();
    }
    let code = error.code();
    tracing::warn!(event = %job.id(), attempts = job.attempts(), code, error = causes, "an event could not be worked on");
    (error.kind(), code)
}

/// As the database has it: a code, for a sender's word stands on the record.
fn is_kind(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_are_kinds() {
        for kind in ["payment_intent.succeeded", "checkout.session.completed", "m1"] {
            assert!(is_kind(kind), "{kind}");
        }
        for other in ["", "a", "Invoice", "ada@example.org", "a b", &"x".repeat(65), "é.a"] {
            assert!(!is_kind(other), "{other}");
        }
    }
}
