//! Platform staff in one tenant: opened with a reason, agreed to by a second person, ended within the hour, and judged by the
//! tenant.
//!
//! The database holds every rule; what is checked here is checked for a clear answer. Sessions are managed in the platform's
//! own tenant, and the tenant that was entered sees its own.

use crate::error::TenancyError;
use crate::pool::TenantPool;
use crate::tx::TenantTx;
use bearingwall_core::{BreakGlassId, Classified, Ctx, CustomerId, ErrorKind, SubjectId};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::result::Error as DieselError;
use diesel::sql_types::{Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// The longest session, in minutes.
pub const MINUTES_MAX: u8 = 60;

/// The length of a reason, in characters.
pub const REASON_CHARS: std::ops::RangeInclusive<usize> = 10..=500;

/// Sessions of one list at the most.
pub const LIST_MAX: u16 = 200;

/// Why a session was not opened, agreed to, ended or judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BreakGlassError {
    /// The transaction failed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// What was asked for breaks a rule.
    #[error("{field} {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        reason: &'static str,
    },
    /// There is no session of that id with which this can be done: not there, another's, one's own where it takes a second
    /// person, or past it.
    #[error("there is no session of that id with which this can be done")]
    NoSession,
}

impl Classified for BreakGlassError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Tenancy(error) => error.kind(),
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::NoSession => ErrorKind::NotFound,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Tenancy(error) => error.code(),
            Self::Invalid { .. } => "TEN-040",
            Self::NoSession => "TEN-041",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct BreakGlassRequest {
    /// The tenant to enter.
    pub customer: CustomerId,
    /// Why, 10 to 500 characters; the tenant reads it.
    pub reason: String,
    /// The ticket of the case, as `OPS-17`: letters, digits and `._/#-`, 64 at the most.
    pub ticket: String,
    /// For how long, 1 to 60 minutes from now, the wait for the second person included.
    pub minutes: u8,
}

impl BreakGlassRequest {
    fn checked(&self) -> Result<(), BreakGlassError> {
        let refused = |field, reason| Err(BreakGlassError::Invalid { field, reason });
        let reason = self.reason.chars().count();
        if !REASON_CHARS.contains(&reason) || self.reason.trim().chars().count() < *REASON_CHARS.start() {
            return refused("reason", "is not of 10 to 500 characters");
        }
        if self.reason.chars().any(char::is_control) {
            return refused("reason", "holds control characters");
        }
        let of_ticket = |byte: u8| byte.is_ascii_alphanumeric() || b"._/#-".contains(&byte);
        if !(1..=64).contains(&self.ticket.len()) || !self.ticket.bytes().all(of_ticket) {
            return refused("ticket", "is not 1 to 64 letters, digits or any of . _ / # -");
        }
        if !(1..=MINUTES_MAX).contains(&self.minutes) {
            return refused("minutes", "is not between 1 and 60");
        }
        Ok(())
    }
}

/// The tenant's judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was called for.
    Accepted,
    /// It was not, and somebody will have to answer for it.
    Disputed,
}

impl Verdict {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Disputed => "disputed",
        }
    }
}

/// A session, open or over.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct BreakGlassSession {
    /// Its id.
    #[diesel(sql_type = SqlUuid)]
    pub session_id: Uuid,
    /// The tenant.
    #[diesel(sql_type = SqlUuid)]
    pub customer_id: Uuid,
    /// Who asked for it.
    #[diesel(sql_type = SqlUuid)]
    pub subject_id: Uuid,
    /// Why.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// The ticket.
    #[diesel(sql_type = Text)]
    pub ticket: String,
    /// When it was asked for.
    #[diesel(sql_type = Timestamptz)]
    pub opened_at: OffsetDateTime,
    /// When it ends by itself.
    #[diesel(sql_type = Timestamptz)]
    pub expires_at: OffsetDateTime,
    /// The second person.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub approved_by: Option<Uuid>,
    /// When that person agreed: before, nothing opens.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub approved_at: Option<OffsetDateTime>,
    /// When it was ended before its time.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub closed_at: Option<OffsetDateTime>,
    /// Who judged it for the tenant.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub reviewed_by: Option<Uuid>,
    /// When.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub reviewed_at: Option<OffsetDateTime>,
    /// `accepted` or `disputed`.
    #[diesel(sql_type = Nullable<Text>)]
    pub verdict: Option<String>,
}

/// Where the verified subject may be at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// The tenant.
    pub customer: CustomerId,
    /// Until when.
    pub expires_at: OffsetDateTime,
}

#[derive(QueryableByName)]
struct Current {
    #[diesel(sql_type = SqlUuid)]
    customer: Uuid,
    #[diesel(sql_type = Timestamptz)]
    until_at: OffsetDateTime,
}

/// One step of a session: the statement that makes it.
type Step = BoxedSqlQuery<'static, Pg, SqlQuery>;

impl TenantPool {
    /// Asks for a session. It opens nothing before a second person has agreed. The context is in the platform's own tenant.
    ///
    /// # Errors
    /// [`BreakGlassError::Invalid`]; when the database is away or refuses the context.
    // CONTROL: TEN-7
    pub async fn break_glass_open(
        &self,
        ctx: &Ctx,
        session: BreakGlassId,
        request: &BreakGlassRequest,
    ) -> Result<(), BreakGlassError> {
        request.checked()?;
        let step = step("SELECT tenancy.break_glass_open($1, $2, $3, $4, $5)")
            .bind::<SqlUuid, _>(session.as_uuid())
            .bind::<SqlUuid, _>(request.customer.as_uuid())
            .bind::<Text, _>(request.reason.clone())
            .bind::<Text, _>(request.ticket.clone())
            .bind::<Integer, _>(i32::from(request.minutes));
        self.take(ctx, step).await
    }

    /// Agrees to somebody else's session.
    ///
    /// # Errors
    /// [`BreakGlassError::NoSession`] for one's own, too; when the database is away or refuses the context.
    pub async fn break_glass_approve(&self, ctx: &Ctx, session: BreakGlassId) -> Result<(), BreakGlassError> {
        let step = step("SELECT tenancy.break_glass_approve($1)").bind::<SqlUuid, _>(session.as_uuid());
        self.take(ctx, step).await
    }

    /// Ends a session before its time; any member of staff may.
    ///
    /// # Errors
    /// [`BreakGlassError::NoSession`]; when the database is away or refuses the context.
    pub async fn break_glass_close(&self, ctx: &Ctx, session: BreakGlassId) -> Result<(), BreakGlassError> {
        let step = step("SELECT tenancy.break_glass_close($1)").bind::<SqlUuid, _>(session.as_uuid());
        self.take(ctx, step).await
    }

    /// The tenant's judgement of a session into it that has ended, once.
    ///
    /// # Errors
    /// [`BreakGlassError::NoSession`] for one that is still open, was judged, or is another tenant's; when the database is
    /// away or refuses the context.
    pub async fn break_glass_review(
        &self,
        ctx: &Ctx,
        session: BreakGlassId,
        verdict: Verdict,
    ) -> Result<(), BreakGlassError> {
        let step = step("SELECT tenancy.break_glass_review($1, $2)")
            .bind::<SqlUuid, _>(session.as_uuid())
            .bind::<Text, _>(verdict.as_str());
        self.take(ctx, step).await
    }

    /// The newest sessions: in a tenant its own, in the platform's own tenant all; [`LIST_MAX`] at the most.
    ///
    /// # Errors
    /// When the database is away or refuses the context.
    pub async fn break_glass_list(&self, ctx: &Ctx) -> Result<Vec<BreakGlassSession>, TenancyError> {
        let query = step("SELECT * FROM tenancy.break_glass_sessions() ORDER BY opened_at DESC, session_id LIMIT $1")
            .bind::<Integer, _>(i32::from(LIST_MAX));
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            query.load(tx).await.map_err(TenancyError::Statement)
        })
        .await
    }

    /// The tenant that this session of the context's own subject opens at this moment; none for any other session.
    ///
    /// # Errors
    /// When the database is away or refuses the context.
    // CONTROL: TEN-7
    pub async fn break_glass_current(
        &self,
        ctx: &Ctx,
        session: BreakGlassId,
    ) -> Result<Option<OpenSession>, TenancyError> {
        let query = step("SELECT customer, until_at FROM tenancy.break_glass_current($1)")
            .bind::<SqlUuid, _>(session.as_uuid());
        let found: Vec<Current> = self
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                query.load(tx).await.map_err(TenancyError::Statement)
            })
            .await?;
        Ok(found.into_iter().next().map(|current| OpenSession {
            customer: CustomerId::from_uuid(current.customer),
            expires_at: current.until_at,
        }))
    }

    async fn take(&self, ctx: &Ctx, step: Step) -> Result<(), BreakGlassError> {
        self.run(ctx, async |tx: &mut TenantTx<'_>| {
            step.execute(tx).await.map(drop).map_err(refusal)
        })
        .await
    }
}

impl BreakGlassSession {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> BreakGlassId {
        BreakGlassId::from_uuid(self.session_id)
    }

    /// Who asked for it.
    #[must_use]
    pub const fn subject(&self) -> SubjectId {
        SubjectId::from_uuid(self.subject_id)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the store of break-glass sessions; the text is fixed and every value a bind parameter"
)]
fn step(text: &'static str) -> Step {
    diesel::sql_query(text).into_boxed()
}

/// What the database's refusal means to the caller.
fn refusal(error: DieselError) -> BreakGlassError {
    let detail = match &error {
        DieselError::DatabaseError(_, information) => information.details().map(str::to_owned),
        _ => None,
    };
    match detail.as_deref() {
        Some("no-such-session") => BreakGlassError::NoSession,
        Some("no-such-tenant") => BreakGlassError::Invalid {
            field: "customer_id",
            reason: "names no tenant",
        },
        _ => TenancyError::Statement(error).into(),
    }
}
