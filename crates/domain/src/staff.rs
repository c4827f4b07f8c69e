//! What the tenant's staff are called, as digests beside those of the clients, and the review that compares them.
#![expect(
    clippy::disallowed_methods,
    reason = "a name is read here to be known again without being kept"
)]

use crate::client::DIGESTS;
use crate::crm::Crm;
use crate::error::DomainError;
use crate::keys::TenantKeys;
use crate::lookup::Kind;
use crate::statement::{Column, Insert, StaffDigests};
use bearingwall_audit::{ActivityQuery, ActorActivity, Kinship};
use bearingwall_core::{Ctx, CustomerId, DirectoryNames, Phi, SubjectId};
use bearingwall_tenancy::TenantTx;
use diesel_async::RunQueryDsl as _;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// How many people this process remembers: some 10 MB at the most.
const REMEMBERED_MAX: u64 = 50_000;

/// How long it does, so that digests which a restored backup lacks come back by themselves.
const REMEMBERED_FOR: Duration = Duration::from_secs(12 * 3_600);

/// Where staff and clients are compared. A client who has the actor's address or full name is likely the actor.
const KINSHIP: Kinship = Kinship {
    staff: "crm.staff_digests",
    clients: DIGESTS,
    same_person: &[Kind::Email.number(), Kind::FullName.number()],
    same_family: &[Kind::FamilyName.number()],
};

/// Whose digests this process has put on file. No name is kept.
pub(crate) struct StaffSeen {
    seen: moka::sync::Cache<(CustomerId, SubjectId, u64), ()>,
    /// Under a key of this process alone: nobody can look for a name that passes for another.
    hasher: RandomState,
}

impl StaffSeen {
    fn hash(&self, names: &DirectoryNames) -> u64 {
        let texts = [&names.given, &names.family, &names.email].map(|name| name.as_ref().map(Phi::disclose));
        self.hasher.hash_one(texts)
    }
}

impl Default for StaffSeen {
    fn default() -> Self {
        Self {
            seen: moka::sync::Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(REMEMBERED_FOR)
                .build(),
            hasher: RandomState::new(),
        }
    }
}

impl fmt::Debug for StaffSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaffSeen").finish_non_exhaustive()
    }
}

impl Crm {
    /// Puts what the actor is called on file, committed before the actor gets any further; once a process.
    ///
    /// A name is added and none is taken away: who changed it has still done under the old one what the record says.
    // CONTROL: DOM-4
    pub(crate) async fn staff_seen(&self, ctx: &Ctx, keys: &TenantKeys) -> Result<(), DomainError> {
        let Some(names) = ctx.names() else {
            return Ok(());
        };
        let staff = self.staff();
        let known = (ctx.customer(), ctx.subject(), staff.hash(names));
        if staff.seen.get(&known).is_some() {
            return Ok(());
        }
        let (kinds, digests): (Vec<_>, Vec<_>) = keys.lookup().staff(names).into_iter().unzip();
        if !digests.is_empty() {
            let rows: Insert<StaffDigests> = Insert::new(vec![Column::Kinds(kinds), Column::Bytes(digests)]);
            self.audit()
                .pool()
                .run(ctx, async |tx: &mut TenantTx<'_>| {
                    rows.execute(tx).await.map_err(DomainError::ActorUnrecorded)
                })
                .await?;
        }
        // SECURITY: not before it is committed; what was rolled back is tried again.
        staff.seen.insert(known, ());
        Ok(())
    }

    /// What each actor did in a period, and what of it to clients who are likely the actor or of the actor's family name.
    ///
    /// # Errors
    /// As [`AuditLog::activity`](bearingwall_audit::AuditLog::activity).
    pub async fn activity(&self, ctx: &Ctx, query: ActivityQuery) -> Result<Vec<ActorActivity>, DomainError> {
        Ok(self.audit().activity(ctx, query, Some(KINSHIP)).await?)
    }
}
