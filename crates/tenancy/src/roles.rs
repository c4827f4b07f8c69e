//! A tenant's own roles: sets of permissions that it names, changes that take two persons, what people have by them, and the
//! review of that.
//!
//! The database holds the rules; what is checked here is checked for a clear answer. What somebody may hand on is a value,
//! [`Held`], that the policy table alone makes.

mod error;
mod review;
mod rows;
mod statements;

pub use error::RoleError;
pub use review::{AccessGrant, AccessReview};
pub use rows::{AssignedRole, Assignment, RoleChange, TenantRoleSet};

use crate::error::TenancyError;
use crate::pool::TenantPool;
use crate::tx::TenantTx;
use bearingwall_core::{AssignmentId, Ctx, Held, Role, RoleChangeId, RoleSetId, SubjectId};
use diesel_async::RunQueryDsl as _;
use error::refusal;
use time::OffsetDateTime;
use uuid::Uuid;

/// The length of a reason, in characters.
pub const REASON_CHARS: std::ops::RangeInclusive<usize> = 10..=500;

/// The length of a role set's name, in characters.
pub const NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=64;

/// Permissions of one role set at the most.
pub const PERMISSIONS_MAX: usize = 64;

/// Changes or assignments of one list at the most.
pub const LIST_MAX: usize = 200;

/// Role sets of one list at the most.
pub const SETS_MAX: usize = 1000;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct RoleRequest {
    /// Who is to have it; somebody else than who asks.
    pub subject: SubjectId,
    /// What.
    pub role_set: RoleSetId,
    /// Until when; for good where it says nothing.
    pub ends_at: Option<OffsetDateTime>,
    /// Why, 10 to 500 characters.
    pub reason: String,
}

/// What the second person says.
#[derive(Debug)]
pub enum Decision<'a> {
    /// It is given, at once: what that person holds, and the id of what is given.
    Approve(&'a Held, AssignmentId),
    /// It is not.
    Decline,
}

impl TenantPool {
    /// Names a set of permissions. It gives nobody anything.
    ///
    /// # Errors
    /// [`RoleError::Invalid`] for a permission that no set may hold, too; [`RoleError::Taken`] when a set of that name is in
    /// force; when the database is away or refuses the context.
    // CONTROL: RBC-5
    pub async fn role_set_define(
        &self,
        ctx: &Ctx,
        id: RoleSetId,
        name: &str,
        permissions: &[&'static str],
    ) -> Result<(), RoleError> {
        let length = name.chars().count();
        if !NAME_CHARS.contains(&length) || name.trim() != name || name.chars().any(char::is_control) {
            return Err(RoleError::Invalid {
                field: "name",
                reason: "is not of 1 to 64 characters without control characters and outer spaces",
            });
        }
        if !(1..=PERMISSIONS_MAX).contains(&permissions.len()) {
            return Err(RoleError::Invalid {
                field: "permissions",
                reason: "are not 1 to 64",
            });
        }
        let define = statements::Define {
            id: id.as_uuid(),
            name: name.to_owned(),
            permissions: permissions.to_vec(),
        };
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            define.get_result::<bool>(tx).await.map_err(refusal)
        })
        .await
        .map(drop)
    }

    /// Retires a set: it is given to nobody any more. Who has it keeps it.
    ///
    /// # Errors
    /// [`RoleError::NoSuch`]; when the database is away or refuses the context.
    pub async fn role_set_retire(&self, ctx: &Ctx, id: RoleSetId) -> Result<(), RoleError> {
        let retire = statements::Retire { id: id.as_uuid() };
        found(
            self.run(ctx, async |tx: &mut TenantTx<'_>| {
                retire.get_result(tx).await.map_err(refusal)
            })
            .await?,
        )
    }

    /// The newest sets, those that were retired included; [`SETS_MAX`] at the most.
    ///
    /// # Errors
    /// When the database is away or refuses the context.
    pub async fn role_sets(&self, ctx: &Ctx) -> Result<Vec<TenantRoleSet>, TenancyError> {
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            statements::Sets {}
                .get_results(tx)
                .await
                .map_err(TenancyError::Statement)
        })
        .await
    }

    /// Asks for a role set for somebody else, and answers the digest of what is to be decided on. It is good for 72 hours.
    ///
    /// # Errors
    /// [`RoleError::NotHeld`] for a set with anything in it that who asks does not hold; [`RoleError::OwnRole`];
    /// [`RoleError::NoSuch`] for a set that is not there or retired; [`RoleError::Invalid`]; when the database is away or
    /// refuses the context.
    // CONTROL: RBC-5
    pub async fn role_change_request(
        &self,
        ctx: &Ctx,
        change: RoleChangeId,
        request: &RoleRequest,
        held: &Held,
    ) -> Result<Vec<u8>, RoleError> {
        checked_reason(&request.reason)?;
        if request.ends_at.is_some_and(|end| end <= OffsetDateTime::now_utc()) {
            return Err(RoleError::Invalid {
                field: "ends_at",
                reason: "is past",
            });
        }
        let request = statements::Request {
            change: change.as_uuid(),
            subject: request.subject.as_uuid(),
            role_set: request.role_set.as_uuid(),
            ends_at: request.ends_at,
            reason: request.reason.clone(),
            held: held_by(ctx, held)?,
        };
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            request.get_result(tx).await.map_err(refusal)
        })
        .await
    }

    /// Decides on what somebody else asked for: on exactly the content whose digest this is, once, in time. What is approved is
    /// given in the same transaction.
    ///
    /// # Errors
    /// [`RoleError::NoSuch`] for a change that is not there, decided or past; [`RoleError::OwnRole`] where the decider asked
    /// for it or gains by it; [`RoleError::OtherContent`]; [`RoleError::NotHeld`]; [`RoleError::Taken`] where the person has the
    /// role already; when the database is away or refuses the context.
    // CONTROL: RBC-5
    pub async fn role_change_decide(
        &self,
        ctx: &Ctx,
        change: RoleChangeId,
        seen_sha256: &[u8],
        decision: &Decision<'_>,
    ) -> Result<(), RoleError> {
        let (assignment, held) = match decision {
            Decision::Approve(held, assignment) => (Some(assignment.as_uuid()), held_by(ctx, held)?),
            Decision::Decline => (None, Vec::new()),
        };
        let decide = statements::Decide {
            change: change.as_uuid(),
            sha256: seen_sha256.to_vec(),
            approve: assignment.is_some(),
            assignment,
            held,
        };
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            decide.get_result::<bool>(tx).await.map_err(refusal)
        })
        .await
        .map(drop)
    }

    /// The newest changes; [`LIST_MAX`] at the most.
    ///
    /// # Errors
    /// When the database is away or refuses the context.
    pub async fn role_changes(&self, ctx: &Ctx) -> Result<Vec<RoleChange>, TenancyError> {
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            statements::Changes {}
                .get_results(tx)
                .await
                .map_err(TenancyError::Statement)
        })
        .await
    }

    /// Takes a role set from somebody, at once.
    ///
    /// # Errors
    /// [`RoleError::NoSuch`] for one that is not there or has ended; [`RoleError::Invalid`]; when the database is away or
    /// refuses the context.
    pub async fn role_assignment_end(&self, ctx: &Ctx, id: AssignmentId, reason: &str) -> Result<(), RoleError> {
        checked_reason(reason)?;
        let end = statements::End {
            id: id.as_uuid(),
            reason: reason.to_owned(),
        };
        found(
            self.run(ctx, async |tx: &mut TenantTx<'_>| {
                end.get_result(tx).await.map_err(refusal)
            })
            .await?,
        )
    }

    /// The newest assignments, those that have ended included; [`LIST_MAX`] at the most.
    ///
    /// # Errors
    /// When the database is away or refuses the context.
    pub async fn role_assignments(&self, ctx: &Ctx) -> Result<Vec<Assignment>, TenancyError> {
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            statements::Assignments {}
                .get_results(tx)
                .await
                .map_err(TenancyError::Statement)
        })
        .await
    }

    /// What the context's subject has in its tenant at this moment. That it was seen, and with which roles, is noted.
    ///
    /// # Errors
    /// When the database is away or refuses the context.
    // CONTROL: RBC-5
    pub async fn roles_resolve(&self, ctx: &Ctx) -> Result<Vec<AssignedRole>, TenancyError> {
        let roles = ctx.roles().iter().map(Role::as_str).collect();
        let resolve = statements::Resolve { roles };
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            resolve.get_results(tx).await.map_err(TenancyError::Statement)
        })
        .await
    }

    /// Notes that the context's subject used these of its assignments.
    ///
    /// # Errors
    /// When the database is away or refuses the context.
    pub async fn roles_used(&self, ctx: &Ctx, assignments: &[AssignmentId]) -> Result<(), TenancyError> {
        let assignments: Vec<Uuid> = assignments.iter().map(|id| id.as_uuid()).collect();
        let used = statements::Used { assignments };
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            used.get_result::<bool>(tx).await.map_err(TenancyError::Statement)
        })
        .await
        .map(drop)
    }
}

/// Whether there was anything to do it with.
const fn found(done: bool) -> Result<(), RoleError> {
    if done { Ok(()) } else { Err(RoleError::NoSuch) }
}

/// What the context's own subject holds in its own tenant.
fn held_by(ctx: &Ctx, held: &Held) -> Result<Vec<&'static str>, RoleError> {
    if held.subject() == ctx.subject() && held.customer() == ctx.customer() {
        Ok(held.permissions().to_vec())
    } else {
        Err(RoleError::NotHeld)
    }
}

fn checked_reason(reason: &str) -> Result<(), RoleError> {
    let refused = |rule| RoleError::Invalid {
        field: "reason",
        reason: rule,
    };
    if !REASON_CHARS.contains(&reason.chars().count()) || reason.trim().chars().count() < *REASON_CHARS.start() {
        return Err(refused("is not of 10 to 500 characters"));
    }
    if reason.chars().any(char::is_control) {
        return Err(refused("holds control characters"));
    }
    Ok(())
}
