//! What tenants give their own people, as the database says, remembered for a few seconds.

use bearingwall_authn::BoxFuture;
use bearingwall_core::{AssignmentId, Ctx, CustomerId, RoleSet, SubjectId};
use bearingwall_http::{Assigned, Assignments};
use bearingwall_rbac::PermissionSet;
use bearingwall_tenancy::roles::AssignedRole;
use bearingwall_tenancy::{TenancyError, TenantPool};
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// People who are remembered at the most.
const PEOPLE_MAX: u64 = 100_000;

/// Roles of the token included: that somebody is seen with others is not forgotten behind an answer for the ones before.
type Key = (CustomerId, SubjectId, RoleSet);

/// The database behind a memory.
pub(crate) struct KnownAssignments {
    pool: TenantPool,
    known: Option<Cache<Key, Arc<[Known]>>>,
}

#[derive(Clone, Copy)]
struct Known {
    assigned: Assigned,
    ends_at: Option<OffsetDateTime>,
}

impl KnownAssignments {
    /// Remembers an answer for so long; not at all where it is zero.
    pub(crate) fn new(pool: TenantPool, remembered: Duration) -> Self {
        let known = (!remembered.is_zero()).then(|| {
            let cache = Cache::builder().max_capacity(PEOPLE_MAX);
            cache.time_to_live(remembered).build()
        });
        Self { pool, known }
    }

    // CONTROL: RBC-5
    async fn look(&self, ctx: &Ctx) -> Result<Arc<[Assigned]>, TenancyError> {
        let key = (ctx.customer(), ctx.subject(), ctx.roles());
        let known = self.known.as_ref().and_then(|cache| cache.get(&key));
        let known = match known {
            Some(known) => known,
            None => {
                let found = self.pool.roles_resolve(ctx).await?;
                let found: Arc<[Known]> = found.iter().map(Known::of).collect();
                if let Some(cache) = &self.known {
                    cache.insert(key, Arc::clone(&found));
                }
                found
            }
        };
        let now = OffsetDateTime::now_utc();
        // What has ended by itself has ended, whatever is remembered.
        let current = known.iter().filter(|known| known.ends_at.is_none_or(|end| end > now));
        Ok(current.map(|known| known.assigned).collect())
    }

    async fn note(&self, ctx: &Ctx, used: &[AssignmentId]) -> Result<(), TenancyError> {
        self.pool.roles_used(ctx, used).await?;
        let key = (ctx.customer(), ctx.subject(), ctx.roles());
        if let Some(cache) = &self.known {
            // Looked up anew by the next request, which finds that it is noted.
            cache.invalidate(&key);
        }
        Ok(())
    }
}

impl Known {
    fn of(role: &AssignedRole) -> Self {
        Self {
            assigned: Assigned {
                id: AssignmentId::from_uuid(role.id),
                permissions: PermissionSet::of_names(&role.permissions),
                unnoted: !role.used_lately,
            },
            ends_at: role.ends_at,
        }
    }
}

impl Assignments for KnownAssignments {
    fn current<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Arc<[Assigned]>, TenancyError>> {
        Box::pin(self.look(ctx))
    }

    fn used<'a>(&'a self, ctx: &'a Ctx, assignments: &'a [AssignmentId]) -> BoxFuture<'a, Result<(), TenancyError>> {
        Box::pin(self.note(ctx, assignments))
    }
}
