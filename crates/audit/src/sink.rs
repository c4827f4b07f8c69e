//! Refusals reach the record through a bounded queue: reporting never blocks, and a loss is counted and loud.

use crate::error::AuditError;
use crate::log::AuditLog;
use crate::record::{Phase, Refusal, VaultRead};
use bearingwall_core::{
    Ctx, CtxParts, CustomerId, EventSink, IdGen, Origin, PurposeOfUse, RoleSet, SecretRead, SecurityEvent, SubjectId,
    SystemIds,
};
use bearingwall_events::EventType;
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_tenancy::{TenancyError, TenantTx};
use diesel_async::AsyncConnectionCore;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};

/// Refusals that may wait to be written.
const QUEUE: usize = 1_024;

enum Message {
    Event(SecurityEvent),
    Flush(oneshot::Sender<()>),
}

/// Takes refusals for the record. Cloning shares the queue.
#[derive(Clone)]
pub struct AuditSink {
    queue: mpsc::Sender<Message>,
    lost: Arc<AtomicU64>,
}

/// As whom events are written.
enum Writer {
    Log(AuditLog),
    Worker(JobPool),
}

impl Writer {
    async fn write(&self, event: &SecurityEvent) -> Result<(), AuditError> {
        match self {
            Self::Log(log) => log.write_refusal(event).await,
            Self::Worker(pool) => {
                let Some(secret) = &event.secret else {
                    return Err(AuditError::from(TenancyError::NoProof));
                };
                let read = vault_read(&SystemIds, event, secret);
                pool.run_outside(read).await.map(drop).map_err(AuditError::from)
            }
        }
    }
}

impl AuditSink {
    /// For a program that enters tenants by their jobs: takes reads of a vault. Anything else is counted as lost, for it belongs
    /// under somebody whom this program does not know.
    // CONTROL: SEC-4
    #[must_use]
    pub fn of_worker(pool: JobPool) -> Self {
        Self::write_with(Writer::Worker(pool))
    }

    pub(crate) fn start(log: AuditLog) -> Self {
        Self::write_with(Writer::Log(log))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the writer outlives the requests whose refusals it writes"
    )]
    fn write_with(writer: Writer) -> Self {
        let (queue, mut messages) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let losses = Arc::clone(&lost);
        tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                match message {
                    Message::Event(event) => {
                        if let Err(error) = writer.write(&event).await {
                            count_loss(&losses, event.event_type, &error.to_string());
                        }
                    }
                    Message::Flush(done) => drop(done.send(())),
                }
            }
        });
        Self { queue, lost }
    }

    /// Refusals that did not reach the record since the start. Not zero is an alarm.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything reported so far is written.
    pub async fn flush(&self) {
        let (done, finished) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            drop(finished.await);
        }
    }
}

fn vault_read(ids: &dyn IdGen, event: &SecurityEvent, secret: &SecretRead) -> VaultRead {
    VaultRead {
        event_id: ids.v7(),
        event_type: event.event_type,
        outcome: event.outcome.as_str(),
        reason: event.reason,
        request: event.request.as_uuid(),
        reference: secret.reference.clone(),
        version: secret.version.clone(),
    }
}

fn count_loss(lost: &AtomicU64, event: &'static str, why: &str) {
    let count = lost.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    tracing::error!(event, error = why, count, "a refusal did not reach the audit record");
}

// CONTROL: AUD-3
impl EventSink for AuditSink {
    fn report(&self, event: SecurityEvent) {
        let event_type = event.event_type;
        if self.queue.try_send(Message::Event(event)).is_err() {
            count_loss(&self.lost, event_type, "the queue is full");
        }
    }
}

impl AuditLog {
    /// Under the tenant where one was proven, else under the platform. No identity is invented.
    async fn write_refusal(&self, event: &SecurityEvent) -> Result<(), AuditError> {
        if let Some(secret) = &event.secret {
            return self.write_read(event, secret).await;
        }
        let (Some(customer), Some(subject)) = (event.customer, event.subject) else {
            return self.write_anonymous(event).await;
        };
        match self.write_denial(event, customer, subject).await {
            // The database lets nobody into the tenant, or takes the token for no proof. That is often why the request was
            // refused, and that it was must stand somewhere.
            Err(AuditError::Tenancy(
                TenancyError::NotActive
                | TenancyError::RegionNotServed
                | TenancyError::ProofRejected
                | TenancyError::NoProof
                | TenancyError::ForeignProof,
            )) => self.write_anonymous(event).await,
            written => written,
        }
    }

    async fn write_read(&self, event: &SecurityEvent, secret: &SecretRead) -> Result<(), AuditError> {
        let read = vault_read(self.ids(), event, secret);
        self.pool().run_outside(read).await.map(drop).map_err(AuditError::from)
    }

    async fn write_anonymous(&self, event: &SecurityEvent) -> Result<(), AuditError> {
        let refusal = Refusal {
            event_id: self.ids().v7(),
            event_type: event.event_type,
            reason: event.reason,
            request: event.request.as_uuid(),
            route: event.route,
            source_ip: event.source_ip.map(|address| address.to_string()),
        };
        self.pool()
            .run_outside(refusal)
            .await
            .map(drop)
            .map_err(AuditError::from)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the refusal names a principal that a token proved"
    )]
    async fn write_denial(
        &self,
        event: &SecurityEvent,
        customer: CustomerId,
        subject: SubjectId,
    ) -> Result<(), AuditError> {
        let ctx = Ctx::danger_assume_verified(CtxParts {
            subject,
            customer,
            roles: RoleSet::EMPTY,
            request: event.request,
            purpose: PurposeOfUse::default(),
            expires_at: OffsetDateTime::now_utc() + time::Duration::seconds(30),
            route: event.route,
        });
        let ctx = match &event.proof {
            Some(proof) => ctx.with_proof(proof.clone()),
            None => ctx,
        };
        let ctx = ctx.with_origin(Origin {
            source_ip: event.source_ip,
            trace: None,
        });
        let denied = self
            .single(&ctx, EventType::RequestDenied, Phase::Completed, event.outcome)
            .because(event.reason);
        self.pool()
            .run(&ctx, async |tx: &mut TenantTx<'_>| {
                tx.execute_returning_count(denied)
                    .await
                    .map(drop)
                    .map_err(AuditError::Unwritten)
            })
            .await
    }
}
