//! The use-cases on a tenant's policies: propose, test, put into force, go back, look at, and try on samples.

use super::draft::{PolicySample, Stored, TestOutcome, require_floor, require_samples, run_test};
use super::error::MaskingError;
use super::store::{self, Active};
use super::texts::{Form, Found, found, masked};
use super::{Masking, work};
use crate::error::{DomainError, Invalid};
use crate::keys::TenantKeys;
use bearingwall_audit::{Details, EventType};
use bearingwall_core::{Ctx, Phi};
use bearingwall_pii::{Conversation, MaskedText, Masker, PolicyDraft};
use bearingwall_tenancy::TenantTx;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// Versions of a list at the most.
pub const VERSIONS_MAX: usize = 200;
/// Texts of one preview at the most.
const PREVIEWS_MAX: usize = 32;

const POLICIES: &str = "pii.policies";
const TESTS: &str = "pii.policy_tests";
const ACTIVE: &str = "pii.active_policies";

/// The policy in force.
#[derive(Clone, Debug)]
pub struct PolicyInForce {
    /// The version; 0 where the tenant has none of its own.
    pub version: i32,
    /// Counts the activations; 0 where there was none. A change names it.
    pub revision: i64,
    /// SHA-256 of the version as it is stored.
    pub digest: Option<[u8; 32]>,
    /// Who put it into force, and when.
    pub activated: Option<(Uuid, OffsetDateTime)>,
    /// What it says.
    pub draft: PolicyDraft,
}

/// A version by itself.
#[derive(Clone, Debug)]
pub struct PolicyRead {
    /// The version.
    pub version: i32,
    /// SHA-256 of the version as it is stored.
    pub digest: Option<[u8; 32]>,
    /// What it says.
    pub draft: PolicyDraft,
}

/// A version that was proposed.
#[derive(Clone, Debug)]
pub struct PolicyProposed {
    /// The version.
    pub version: i32,
    /// SHA-256 of the version as it is stored, samples included.
    pub digest: [u8; 32],
    /// How it fared with its samples.
    pub test: TestOutcome,
}

/// What is told of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// The version.
    pub version: i32,
    /// SHA-256 of the version as it is stored.
    pub digest: Vec<u8>,
    /// Who proposed it.
    pub proposed_by: Uuid,
    /// When.
    pub proposed_at: OffsetDateTime,
    /// Whether it has passed its test over the present floor; `None` if it was not tested over it.
    pub passed: Option<bool>,
    /// Whether it is in force.
    pub active: bool,
}

/// What would become of one text.
#[derive(Clone, Debug)]
pub struct SamplePreview {
    /// The text as the policy in force masks it.
    pub before: MaskedText,
    /// The text as the other one would.
    pub after: MaskedText,
    /// What the other one would find and the one in force does not.
    pub gained: Vec<Found>,
    /// What the one in force finds and the other one would not.
    pub lost: Vec<Found>,
    /// What both find and treat in two ways: as the one in force does, and as the other one would.
    pub changed: Vec<(Found, Found)>,
}

impl Masking {
    /// The policy in force, as the database has it at this moment.
    ///
    /// # Errors
    /// [`MaskingError::PolicyDamaged`]; when the key or the database is away.
    pub async fn policy(&self, ctx: &Ctx) -> Result<PolicyInForce, MaskingError> {
        let keys = self.crm().tenant_keys(ctx).await?;
        let Some(active) = self.active(ctx).await? else {
            return Ok(PolicyInForce {
                version: 0,
                revision: 0,
                digest: None,
                activated: None,
                draft: PolicyDraft {
                    version: 0,
                    ..PolicyDraft::default()
                },
            });
        };
        let stored = self.stored(ctx, active.version).await?;
        Ok(PolicyInForce {
            version: active.version,
            revision: active.revision,
            digest: stored.digest(),
            activated: Some((active.activated_by, active.activated_at)),
            draft: stored.in_force(&keys, &active.digest, self.floor())?,
        })
    }

    /// One version.
    ///
    /// # Errors
    /// [`DomainError::NotFound`]; as [`Masking::policy`].
    pub async fn policy_version(&self, ctx: &Ctx, version: i32) -> Result<PolicyRead, MaskingError> {
        let keys = self.crm().tenant_keys(ctx).await?;
        let stored = self.stored(ctx, version).await?;
        Ok(PolicyRead {
            version,
            digest: stored.digest(),
            draft: stored.open(&keys, self.floor())?,
        })
    }

    /// The newest versions, newest first, at most [`VERSIONS_MAX`].
    ///
    /// # Errors
    /// When the database is away.
    pub async fn policy_versions(&self, ctx: &Ctx) -> Result<Vec<PolicyVersion>, MaskingError> {
        let floor = self.floor().digest();
        // A version may have failed and passed over one floor, by two releases: two rows.
        let limit = i64::try_from(VERSIONS_MAX * 2).unwrap_or(i64::MAX);
        let (rows, active) = self
            .audit()
            .pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                let rows = store::versions(tx, &floor, limit).await?;
                Ok::<_, MaskingError>((rows, store::active(tx).await?))
            })
            .await?;
        let mut versions: Vec<PolicyVersion> = rows
            .into_iter()
            .map(|(version, digest, proposed_by, proposed_at, passed)| PolicyVersion {
                version,
                digest,
                proposed_by,
                proposed_at,
                passed,
                active: active.as_ref().is_some_and(|active| active.version == version),
            })
            .collect();
        versions.dedup_by_key(|version| version.version);
        versions.truncate(VERSIONS_MAX);
        Ok(versions)
    }

    /// Stores a new version with its samples, and tests it. It is not in force.
    ///
    /// # Errors
    /// [`MaskingError::Policy`], [`MaskingError::BelowFloor`] or [`DomainError::Invalid`] for what cannot be kept;
    /// [`DomainError::Conflict`] if another version was proposed at the same time; when key, engine, record or database are away.
    // CONTROL: PII-7
    pub async fn policy_propose(
        &self,
        ctx: &Ctx,
        draft: &PolicyDraft,
        samples: Vec<PolicySample>,
    ) -> Result<PolicyProposed, MaskingError> {
        require_samples(&samples)?;
        require_floor(draft, self.floor())?;
        let keys = self.crm().tenant_keys(ctx).await?;
        let masker = self.masker(self.turn().await?, draft.clone(), &keys).await?;
        let stored = self
            .audit()
            .with_event(
                ctx,
                EventType::PiiPolicyProposed,
                POLICIES,
                async |tx: &mut TenantTx<'_>| {
                    let version = store::newest(tx).await? + 1;
                    let stored = Stored::seal(version, draft, &samples, &keys)?;
                    store::propose(tx, &stored).await?;
                    let details = details(&stored);
                    Ok::<_, MaskingError>((stored, details))
                },
            )
            .await?;
        let test = self.test(ctx, &stored, masker, samples, &keys).await?;
        let digest = stored.digest().ok_or(DomainError::Unreadable)?;
        Ok(PolicyProposed {
            version: stored.version,
            digest,
            test,
        })
    }

    /// Tests a version once more, over the present floor, and puts it into force if it passes and if the policy in force is still
    /// of the revision that was seen. An older version is gone back to in the same way. Answers the new revision.
    ///
    /// # Errors
    /// [`DomainError::NotFound`]; [`DomainError::Conflict`] for another revision; [`MaskingError::Untested`] if it does not pass;
    /// [`MaskingError::PolicyDamaged`]; when key, engine, record or database are away.
    // CONTROL: PII-7
    pub async fn policy_activate(&self, ctx: &Ctx, version: i32, expected: i64) -> Result<i64, MaskingError> {
        let keys = self.crm().tenant_keys(ctx).await?;
        let stored = self.stored(ctx, version).await?;
        let draft = stored.open(&keys, self.floor())?;
        let samples = stored.open_samples(&keys)?;
        let masker = self.masker(self.turn().await?, draft, &keys).await?;
        let test = self.test(ctx, &stored, masker, samples, &keys).await?;
        if !test.passed() {
            return Err(MaskingError::Untested);
        }
        let floor = self.floor().digest();
        self.audit()
            .with_event(
                ctx,
                EventType::PiiPolicyActivated,
                ACTIVE,
                async |tx: &mut TenantTx<'_>| {
                    let before = store::active(tx).await?;
                    let seen = (stored.version, stored.digest.as_slice());
                    store::activate(tx, seen, &floor, expected, ctx.subject()).await?;
                    let details = Details {
                        before_digest: before.and_then(|before| before.digest.as_slice().try_into().ok()),
                        ..details(&stored)
                    };
                    Ok::<_, MaskingError>(((), details))
                },
            )
            .await?;
        self.forget(ctx.customer());
        Ok(expected + 1)
    }

    /// What would become of texts under another policy than the one in force. Nothing is stored.
    ///
    /// # Errors
    /// As [`Masking::policy_propose`]; [`MaskingError::TooLong`] if the texts together are longer than one may be.
    pub async fn policy_preview(
        &self,
        ctx: &Ctx,
        draft: &PolicyDraft,
        texts: Vec<Phi<String>>,
    ) -> Result<Vec<SamplePreview>, MaskingError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the engine reads the texts; what comes back is masked"
        )]
        let texts: Vec<String> = texts.into_iter().map(Phi::into_disclosed).collect();
        if !(1..=PREVIEWS_MAX).contains(&texts.len()) {
            return Err(Invalid {
                field: "texts",
                reason: "between 1 and 32 texts make a preview",
            }
            .into());
        }
        require_floor(draft, self.floor())?;
        let keys = self.crm().tenant_keys(ctx).await?;
        let after = self.masker(self.turn().await?, draft.clone(), &keys).await?;
        let ready = self.ready(ctx, &texts.concat()).await?;
        let (tenant, key) = (ctx.customer().to_string(), keys.masking());
        let shown = work(ready.turn, move || {
            let compare = |text: &String| preview(&ready.policy.masker, &after, text, &tenant, key);
            texts.iter().map(compare).collect::<Result<Vec<_>, _>>()
        });
        match shown.await.and_then(|shown| shown) {
            Ok(shown) => Ok(shown),
            Err(error) => Err(self.engine_refused(ctx, error).await),
        }
    }

    pub(super) async fn active(&self, ctx: &Ctx) -> Result<Option<Active>, MaskingError> {
        self.audit()
            .pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| store::active(tx).await)
            .await
    }

    pub(super) async fn stored(&self, ctx: &Ctx, version: i32) -> Result<Stored, MaskingError> {
        self.audit()
            .pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| store::stored(tx, version).await)
            .await
    }

    /// Runs a version's own samples and puts the result on record, bound to the version's digest and to the floor.
    async fn test(
        &self,
        ctx: &Ctx,
        stored: &Stored,
        masker: Arc<Masker>,
        samples: Vec<PolicySample>,
        keys: &TenantKeys,
    ) -> Result<TestOutcome, MaskingError> {
        let (tenant, key) = (ctx.customer().to_string(), keys.masking());
        let ran = work(self.turn().await?, move || run_test(&masker, &tenant, key, &samples));
        let outcome = match ran.await.and_then(|outcome| outcome) {
            Ok(outcome) => outcome,
            Err(error) => return Err(self.engine_refused(ctx, error).await),
        };
        let floor = self.floor().digest();
        self.audit()
            .with_event(ctx, EventType::PiiPolicyTested, TESTS, async |tx: &mut TenantTx<'_>| {
                let seen = (stored.version, stored.digest.as_slice());
                store::record_test(tx, seen, &floor, &outcome).await?;
                let details = Details {
                    fields: vec![if outcome.passed() { "passed" } else { "failed" }],
                    ..details(stored)
                };
                Ok::<_, MaskingError>(((), details))
            })
            .await?;
        Ok(outcome)
    }
}

/// What the record says of a version: its number and its digest.
fn details(stored: &Stored) -> Details {
    Details {
        resource_version: Some(i64::from(stored.version)),
        after_digest: stored.digest(),
        ..Details::default()
    }
}

fn preview(
    before: &Masker,
    after: &Masker,
    text: &str,
    tenant: &str,
    key: [u8; 32],
) -> Result<SamplePreview, MaskingError> {
    let look = |masker: &Masker| {
        let mut scratch = Conversation::new(tenant, "preview", key);
        let list = found(masker, text, Form::Text, &mut scratch)?;
        let done = masked(masker, text, Form::Text, &mut scratch, None)?;
        Ok::<_, MaskingError>((list, done.text))
    };
    let (old, before) = look(before)?;
    let (new, after) = look(after)?;
    let same = |one: &Found, other: &Found| one.bytes == other.bytes && one.entity == other.entity;
    let missing = |from: &[Found], list: &[Found]| {
        let is_missing = |one: &&Found| !from.iter().any(|other| same(one, other));
        list.iter().filter(is_missing).cloned().collect::<Vec<_>>()
    };
    let changed = old.iter().filter_map(|one| {
        let other = new.iter().find(|other| same(one, other))?;
        (one.action != other.action).then(|| (one.clone(), other.clone()))
    });
    Ok(SamplePreview {
        changed: changed.collect(),
        gained: missing(&old, &new),
        lost: missing(&new, &old),
        before,
        after,
    })
}
