//! Masking for tenants: the policy that each has in force, the vault of what placeholders stand for, and the work on texts.

mod draft;
mod error;
mod policies;
mod schema;
mod store;
mod sweep;
mod texts;
mod vault;

pub use draft::{PolicySample, SampleFailure, TestOutcome};
pub use error::MaskingError;
pub use policies::{PolicyInForce, PolicyProposed, PolicyRead, PolicyVersion, SamplePreview, VERSIONS_MAX};
pub use sweep::{SWEEP, sweep};
pub use texts::{Form, Found};
pub use vault::{MaskRequest, MaskedAnswer, UnmaskRequest, UnmaskedAnswer};

use crate::crm::Crm;
use crate::keys::TenantKeys;
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_core::{Classified as _, Ctx, CustomerId};
use bearingwall_pii::{Engine, Floor, Masker, Policy, PolicyDraft, TenantKey};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Policies that one process keeps compiled.
const COMPILED_MAX: u64 = 256;
/// How long it does: the key of a tenant is part of what is kept.
const COMPILED_FOR: Duration = Duration::from_secs(300);
/// How long a conversation may last; the database refuses more.
const CONVERSATION_MAX: Duration = Duration::from_secs(30 * 86_400);
/// How old a policy may be that is taken to be in force.
const POLICY_CACHE_MAX: Duration = Duration::from_secs(60);
/// The longest text of one request; the engine's own limit for documents is above it.
const TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A conversation cannot be shorter.
const CONVERSATION_MIN: Duration = Duration::from_secs(60);

/// How much masking may take, and for how long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskingOptions {
    /// How long the policy in force is taken for granted before the database is asked again; at most 60 seconds.
    pub policy_cache: Duration,
    /// Bytes of one text; at most 8 MiB.
    pub text_bytes: usize,
    /// Texts that are worked on at the same time.
    pub concurrent: usize,
    /// How long a request waits for its turn.
    pub patience: Duration,
    /// How long a conversation lasts that asks for nothing else.
    pub conversation: Duration,
    /// How long one may last; at most 30 days.
    pub conversation_max: Duration,
}

impl Default for MaskingOptions {
    fn default() -> Self {
        Self {
            policy_cache: Duration::from_secs(5),
            text_bytes: 256 * 1024,
            concurrent: 2,
            patience: Duration::from_secs(2),
            conversation: Duration::from_secs(86_400),
            conversation_max: Duration::from_secs(7 * 86_400),
        }
    }
}

impl MaskingOptions {
    fn check(&self) -> Result<(), MaskingError> {
        let rules = [
            ("policy_cache", self.policy_cache <= POLICY_CACHE_MAX),
            ("text_bytes", (1..=TEXT_BYTES_MAX).contains(&self.text_bytes)),
            ("concurrent", (1..=1_024).contains(&self.concurrent)),
            (
                "conversation_max",
                (CONVERSATION_MIN..=CONVERSATION_MAX).contains(&self.conversation_max),
            ),
            (
                "conversation",
                (CONVERSATION_MIN..=self.conversation_max).contains(&self.conversation),
            ),
        ];
        match rules.into_iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(MaskingError::Setting { name }),
            None => Ok(()),
        }
    }
}

/// Masking of all tenants. Cloning shares it.
#[derive(Clone)]
pub struct Masking {
    inner: Arc<Inner>,
}

struct Inner {
    crm: Crm,
    options: MaskingOptions,
    in_force: moka::sync::Cache<CustomerId, InForce>,
    compiled: moka::sync::Cache<Compiled, Arc<Masker>>,
    turns: Arc<Semaphore>,
}

/// What a compiled policy was made of: tenant, version, digest, and the year that tells an age.
type Compiled = (CustomerId, i32, Vec<u8>, u16);

/// A tenant's policy at work.
#[derive(Clone)]
pub(crate) struct InForce {
    pub(crate) version: i32,
    pub(crate) masker: Arc<Masker>,
}

/// What a text needs before it is looked at.
pub(crate) struct Ready {
    pub(crate) policy: InForce,
    pub(crate) keys: TenantKeys,
    pub(crate) turn: OwnedSemaphorePermit,
}

impl Masking {
    /// Masking over the floor of the CRM. Rules and models are loaded now.
    ///
    /// # Errors
    /// [`MaskingError::Setting`]; [`MaskingError::Engine`] if a shipped model is damaged.
    pub fn new(crm: Crm, options: MaskingOptions) -> Result<Self, MaskingError> {
        options.check()?;
        // Both taggers are asked once, so that a damaged model stops the start and no request waits for one.
        for text in ["Ada called from Lisbon.", "Ada llamó desde Lisboa y no dijo nada."] {
            Engine::default()
                .detect(text)
                .map_err(bearingwall_pii::error::MaskError::from)?;
        }
        Ok(Self {
            inner: Arc::new(Inner {
                crm,
                options,
                in_force: moka::sync::Cache::builder()
                    .max_capacity(COMPILED_MAX)
                    .time_to_live(options.policy_cache)
                    .build(),
                compiled: moka::sync::Cache::builder()
                    .max_capacity(COMPILED_MAX)
                    .time_to_live(COMPILED_FOR)
                    .build(),
                turns: Arc::new(Semaphore::new(options.concurrent)),
            }),
        })
    }

    /// What may be taken.
    #[must_use]
    pub fn options(&self) -> &MaskingOptions {
        &self.inner.options
    }

    pub(crate) fn crm(&self) -> &Crm {
        &self.inner.crm
    }

    pub(crate) fn audit(&self) -> &AuditLog {
        self.inner.crm.audit()
    }

    pub(crate) fn floor(&self) -> &Floor {
        self.inner.crm.floor()
    }

    /// The policy in force, the tenant's key and a turn; whoever is refused here stands on the record.
    // CONTROL: PII-9
    pub(crate) async fn ready(&self, ctx: &Ctx, text: &str) -> Result<Ready, MaskingError> {
        if text.len() > self.inner.options.text_bytes {
            return Err(MaskingError::TooLong);
        }
        let ready = async {
            let keys = self.inner.crm.tenant_keys(ctx).await?;
            let policy = self.in_force(ctx, &keys).await?;
            Ok((policy, keys))
        };
        match ready.await {
            Ok((policy, keys)) => Ok(Ready {
                policy,
                keys,
                turn: self.turn().await?,
            }),
            Err(error) => Err(self.refused(ctx, error).await),
        }
    }

    /// Puts on record that a text was not looked at. It is refused in any case.
    pub(crate) async fn refused(&self, ctx: &Ctx, error: MaskingError) -> MaskingError {
        let recorded = self
            .audit()
            .record_failure(ctx, EventType::PiiRefused, error.code())
            .await;
        if let Err(failure) = recorded {
            tracing::error!(error = %failure, code = error.code(), "a refused text could not be recorded");
        }
        error
    }

    /// As [`Masking::refused`] where it was the engine or the work on the text that failed, and nobody's input.
    pub(crate) async fn engine_refused(&self, ctx: &Ctx, error: MaskingError) -> MaskingError {
        let is_ours = matches!(
            error,
            MaskingError::Engine(_)
                | MaskingError::Stopped
                | MaskingError::Document(bearingwall_pii::error::StructuredError::Mask(_))
        );
        if is_ours { self.refused(ctx, error).await } else { error }
    }

    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, MaskingError> {
        let turn = Arc::clone(&self.inner.turns).acquire_owned();
        match tokio::time::timeout(self.inner.options.patience, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(MaskingError::Busy),
        }
    }

    /// The policy in force: not older than the options say, and compiled once.
    async fn in_force(&self, ctx: &Ctx, keys: &TenantKeys) -> Result<InForce, MaskingError> {
        let customer = ctx.customer();
        if let Some(known) = self.inner.in_force.get(&customer) {
            return Ok(known);
        }
        let active = self.active(ctx).await?;
        let (version, digest) = active.map_or((0, Vec::new()), |active| (active.version, active.digest));
        let compiled = (customer, version, digest, self.inner.crm.this_year());
        let masker = match self.inner.compiled.get(&compiled) {
            Some(masker) => masker,
            None => {
                let draft = if version == 0 {
                    PolicyDraft::default()
                } else {
                    self.stored(ctx, version)
                        .await?
                        .in_force(keys, &compiled.2, self.floor())?
                };
                let masker = self.masker(self.turn().await?, draft, keys).await?;
                self.inner.compiled.insert(compiled, Arc::clone(&masker));
                masker
            }
        };
        let known = InForce { version, masker };
        if !self.inner.options.policy_cache.is_zero() {
            self.inner.in_force.insert(customer, known.clone());
        }
        Ok(known)
    }

    pub(crate) fn forget(&self, customer: CustomerId) {
        self.inner.in_force.invalidate(&customer);
    }

    /// A draft at work, over the floor and under the tenant's key. Patterns and long lists take a while, so that this is work of
    /// its own.
    pub(crate) async fn masker(
        &self,
        turn: OwnedSemaphorePermit,
        draft: PolicyDraft,
        keys: &TenantKeys,
    ) -> Result<Arc<Masker>, MaskingError> {
        let (floor, year) = (self.floor().clone(), self.inner.crm.this_year());
        let key = TenantKey::new(&keys.customer().to_string(), keys.masking());
        work(turn, move || {
            let policy = Policy::compile(&draft, &floor)?;
            Ok(Arc::new(Masker::new(policy, key, year, Vec::new())?))
        })
        .await?
    }
}

impl fmt::Debug for Masking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masking")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

/// Work on a text, away from the threads that serve requests. The turn ends with the work, whoever has stopped waiting for it.
pub(crate) async fn work<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, MaskingError> {
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    })
    .await
    .map_err(|_| MaskingError::Stopped)
}
