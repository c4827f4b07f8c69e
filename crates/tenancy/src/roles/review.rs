//! The review of access: who has what, since when, from whom, and whether it is still used.

use super::error::refusal;
use super::{RoleError, checked_reason, statements};
use crate::error::TenancyError;
use crate::pool::TenantPool;
use crate::tx::TenantTx;
use bearingwall_core::{AssignmentId, Ctx};
use diesel::Queryable;
use diesel_async::RunQueryDsl as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// A page of the review.
#[derive(Clone, Debug)]
pub struct AccessReview {
    /// The place of the last grant of the page before.
    pub after: Option<String>,
    /// Grants at the most, 1 to 1000.
    pub limit: u16,
    /// After how many days without use a grant is stale, and its giver gone.
    pub stale_days: u16,
    /// Whether it leaves the system as a file, which is another event on the record.
    pub exported: bool,
}

/// Something that somebody has: a role set by an assignment, or a role that the identity provider gave.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct AccessGrant {
    /// Its place in the order of the review.
    pub place: String,
    /// Who has it.
    pub subject_id: Uuid,
    /// The name of the role set, or of the token's role.
    pub role: String,
    /// The role set; none for a token's role.
    pub role_set_id: Option<Uuid>,
    /// The assignment; none for a token's role.
    pub assignment_id: Option<Uuid>,
    /// What the role set permits; empty for a token's role, of which the policy says it.
    pub permissions: Vec<String>,
    /// Since when; for a token's role, when the roles of that person's token were last seen to change.
    pub since: OffsetDateTime,
    /// When it ends by itself.
    pub ends_at: Option<OffsetDateTime>,
    /// Who asked for it; none for a token's role.
    pub requested_by: Option<Uuid>,
    /// Who agreed; none for a token's role.
    pub agreed_by: Option<Uuid>,
    /// When something was last done by it, to the hour; for a token's role, when its bearer was last seen.
    pub last_used_at: Option<OffsetDateTime>,
    /// When its holder was last seen, to the hour.
    pub last_seen_at: Option<OffsetDateTime>,
    /// Who last reviewed it.
    pub reviewed_by: Option<Uuid>,
    /// When.
    pub reviewed_at: Option<OffsetDateTime>,
    /// It was not used for the time of [`AccessReview::stale_days`].
    pub stale: bool,
    /// Why nobody answers for it any more: `set_retired`, `never_seen`, `requester_gone`, `approver_gone`.
    pub orphaned: Vec<String>,
}

impl TenantPool {
    /// A page of who has what at this moment. That it was read is on the record.
    ///
    /// # Errors
    /// When the database is away or refuses the context or the page.
    // CONTROL: RBC-6
    pub async fn access_review(&self, ctx: &Ctx, page: &AccessReview) -> Result<Vec<AccessGrant>, TenancyError> {
        let review = statements::Review {
            after: page.after.clone(),
            limit: i32::from(page.limit),
            stale_days: i32::from(page.stale_days),
            event_type: if page.exported {
                "access_review.exported"
            } else {
                "access_review.read"
            },
        };
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            review.get_results(tx).await.map_err(TenancyError::Statement)
        })
        .await
    }

    /// Keeps an assignment of somebody else, or ends it for a reason; who did is on the record.
    ///
    /// # Errors
    /// [`RoleError::NoSuch`] for one that is not there or has ended; [`RoleError::OwnRole`]; [`RoleError::Invalid`]; when the
    /// database is away or refuses the context.
    // CONTROL: RBC-6
    pub async fn role_assignment_review(
        &self,
        ctx: &Ctx,
        id: AssignmentId,
        end_reason: Option<&str>,
    ) -> Result<(), RoleError> {
        end_reason.map_or(Ok(()), checked_reason)?;
        let judge = statements::Judge {
            id: id.as_uuid(),
            end_reason: end_reason.map(str::to_owned),
        };
        let found: Result<bool, RoleError> = self
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                judge.get_result(tx).await.map_err(refusal)
            })
            .await;
        if found? { Ok(()) } else { Err(RoleError::NoSuch) }
    }
}
