//! Request, decide, use: each step in a transaction of the caller's, under rules that the database holds.

use crate::canonical::Canonical;
use crate::cipher::PayloadCipher;
use crate::error::GateError;
use crate::operation::{Approved, Digest, Gated, Operation};
use crate::rows::{GateContent, GateState, GateSummary, Requested};
use crate::statements;
use bearingwall_core::{Ctx, GateId, Phi, SubjectId};
use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel::data_types::PgInterval;
use diesel_async::RunQueryDsl as _;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// The longest reason, in characters.
pub const REASON_CHARS: usize = 500;

/// Entries of a page at the most.
pub const PAGE_MAX: u16 = 100;

/// What somebody says about a request.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Whether it may happen.
    pub approve: bool,
    /// The digest of what they saw.
    pub seen: Digest,
    /// Why, at most 500 characters without control characters; no personal data.
    pub reason: Option<String>,
}

/// Asks for an approval of exactly this operation. Who asks, how many must approve and until when is the database's to say.
///
/// # Errors
/// [`GateError::Canonical`]; [`GateError::NotInCatalogue`]; [`GateError::Key`]; when the database is away.
// CONTROL: GAT-1
pub async fn gate_request<Op: Operation<Recourse = Gated>>(
    tx: &mut TenantTx<'_>,
    cipher: &dyn PayloadCipher,
    gate: GateId,
    operation: &Op,
) -> Result<Requested, GateError> {
    let content = operation.canonical()?;
    let request = statements::Request {
        gate: gate.as_uuid(),
        kind: Op::KIND,
        destination: operation.destination().as_str().to_owned(),
        aggregate: operation.aggregate(),
        payload: if Op::SEALED {
            cipher.seal(gate.as_uuid(), content.as_bytes())?
        } else {
            content.as_bytes().to_vec()
        },
        content_mac: Op::SEALED.then(|| cipher.digest(Op::KIND, content.as_bytes()).to_vec()),
        key_version: Op::SEALED.then(|| cipher.version()),
    };
    let (digest, expires_at): (Vec<u8>, OffsetDateTime) =
        request.get_result(tx).await.map_err(GateError::from_refusal)?;
    Ok(Requested {
        gate,
        digest: digest.try_into()?,
        expires_at,
    })
}

/// The transaction's subject says what it thinks of what it saw, once. Answers the state afterwards: `Requested` where more
/// approvals are needed.
///
/// # Errors
/// [`GateError::OwnRequest`], [`GateError::NotAPerson`], [`GateError::OtherContent`], [`GateError::NotOpen`],
/// [`GateError::Expired`], [`GateError::NoSuch`], [`GateError::Invalid`]; when the database is away.
// CONTROL: GAT-2
pub async fn gate_decide(tx: &mut TenantTx<'_>, gate: GateId, decision: Decision) -> Result<GateState, GateError> {
    let refused = |reason| GateError::Invalid {
        field: "reason",
        reason,
    };
    if let Some(reason) = &decision.reason {
        if reason.chars().count() > REASON_CHARS {
            return Err(refused("has more than 500 characters"));
        }
        if reason.chars().any(char::is_control) {
            return Err(refused("holds control characters"));
        }
    }
    let decide = statements::Decide {
        gate: gate.as_uuid(),
        approve: decision.approve,
        seen_digest: decision.seen.as_bytes().to_vec(),
        reason: decision.reason,
    };
    let state: String = decide.get_result(tx).await.map_err(GateError::from_refusal)?;
    GateState::from_word(&state)
}

/// Takes a request or an unused approval back: who asked, for whom it was asked, or who approved it.
///
/// # Errors
/// [`GateError::NoSuch`] where there is nothing that this subject could take back; when the database is away.
pub async fn gate_cancel(tx: &mut TenantTx<'_>, gate: GateId) -> Result<(), GateError> {
    let cancel = statements::Cancel { gate: gate.as_uuid() };
    if cancel.get_result(tx).await.map_err(GateError::from_refusal)? {
        Ok(())
    } else {
        Err(GateError::NoSuch)
    }
}

/// Ends what was not decided or not used in time; false for what has ended otherwise. For a worker, at the time that the queue says.
///
/// # Errors
/// When its time is not over, so that the job waits on; when the database is away.
pub async fn gate_expire(tx: &mut TenantTx<'_>, gate: GateId) -> Result<bool, GateError> {
    let expire = statements::Expire { gate: gate.as_uuid() };
    expire.get_result(tx).await.map_err(GateError::from_refusal)
}

/// What waits for a decision in the tenant, newest first, older than `before`; `limit` of 1 to [`PAGE_MAX`], and whether there is
/// more.
///
/// # Errors
/// [`GateError::Invalid`]; when the database is away.
pub async fn gate_pending(
    tx: &mut TenantTx<'_>,
    before: Option<GateId>,
    limit: u16,
) -> Result<(Vec<GateSummary>, bool), GateError> {
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(GateError::Invalid {
            field: "limit",
            reason: "is not between 1 and 100",
        });
    }
    let list = statements::List {
        before: before.map(GateId::as_uuid),
        limit: i32::from(limit) + 1,
    };
    let rows: Vec<Listed> = list.get_results(tx).await.map_err(GateError::from_refusal)?;
    let more = rows.len() > usize::from(limit);
    let rows = rows.into_iter().take(usize::from(limit)).map(summary);
    Ok((rows.collect::<Result<_, _>>()?, more))
}

type Listed = (
    Uuid,
    String,
    String,
    Uuid,
    String,
    Option<Uuid>,
    i32,
    i64,
    OffsetDateTime,
    OffsetDateTime,
    Vec<u8>,
);

fn summary(row: Listed) -> Result<GateSummary, GateError> {
    Ok(GateSummary {
        gate: GateId::from_uuid(row.0),
        kind: row.1,
        destination: row.2,
        requested_by: row.3,
        requested_kind: row.4,
        principal: row.5,
        quorum: row.6,
        approvals: row.7,
        requested_at: row.8,
        expires_at: row.9,
        digest: row.10.try_into()?,
    })
}

type Shown = (
    Uuid,
    String,
    String,
    Option<Uuid>,
    Vec<u8>,
    Option<i32>,
    Vec<u8>,
    Uuid,
    String,
    Option<Uuid>,
    i32,
    i64,
    OffsetDateTime,
    OffsetDateTime,
    String,
    Option<OffsetDateTime>,
);

/// What exactly a request would do. That it is read is put on record in a transaction of its own first; the database shows it to
/// nobody whose reading is not.
///
/// # Errors
/// [`GateError::NoSuch`]; [`GateError::Key`]; when the database is away or refuses the context.
// CONTROL: GAT-6
pub async fn gate_show(
    pool: &TenantPool,
    ctx: &Ctx,
    cipher: &dyn PayloadCipher,
    gate: GateId,
) -> Result<GateContent, GateError> {
    let open = statements::Open { gate: gate.as_uuid() };
    let access: Uuid = pool
        .run(ctx, async |tx: &mut TenantTx<'_>| {
            open.get_result(tx).await.map_err(GateError::from_refusal)
        })
        .await?;
    let show = statements::Show {
        gate: gate.as_uuid(),
        access,
    };
    let rows: Vec<Shown> = pool
        .run(ctx, async |tx: &mut TenantTx<'_>| {
            show.get_results(tx).await.map_err(GateError::from_refusal)
        })
        .await?;
    let row = rows.into_iter().next().ok_or(GateError::NoSuch)?;
    let content = match row.5 {
        Some(_) => Canonical::checked(&cipher.open(gate.as_uuid(), &row.4)?)?,
        None => Canonical::checked(&row.4)?,
    };
    let summary = summary((
        row.0, row.1, row.2, row.7, row.8, row.9, row.10, row.11, row.12, row.13, row.6,
    ))?;
    Ok(GateContent {
        summary,
        aggregate: row.3,
        state: GateState::from_word(&row.14)?,
        decided_at: row.15,
        content: Phi::new(content),
    })
}

/// The proof that this request was approved, has not been used and is not too old. Its content is not opened: the outbox sends
/// the bytes that were approved.
///
/// # Errors
/// [`GateError::NotApproved`]; when the database is away.
// CONTROL: GAT-4
pub async fn gate_take<Op: Operation<Recourse = Gated>>(
    tx: &mut TenantTx<'_>,
    gate: GateId,
) -> Result<Approved<Op>, GateError> {
    let take = statements::Take {
        gate: gate.as_uuid(),
        kind: Op::KIND,
    };
    let rows: Vec<Vec<u8>> = take.get_results(tx).await.map_err(GateError::from_refusal)?;
    let digest = rows.into_iter().next().ok_or(GateError::NotApproved)?;
    Ok(Approved::new(gate, digest.try_into()?))
}

/// From now on this subject is an agent of `principal`'s or, without one, a service: it may ask, and decides nothing, for good.
///
/// # Errors
/// [`GateError::NotAPerson`] where a machine would register one, or act for one; [`GateError::NotOpen`] where it is registered; when the
/// database is away.
// CONTROL: GAT-2
pub async fn machine_register(
    tx: &mut TenantTx<'_>,
    subject: SubjectId,
    principal: Option<SubjectId>,
) -> Result<(), GateError> {
    let register = statements::Register {
        subject: subject.as_uuid(),
        kind: if principal.is_some() { "agent" } else { "service" },
        principal: principal.map(SubjectId::as_uuid),
    };
    let _: bool = register.get_result(tx).await.map_err(GateError::from_refusal)?;
    Ok(())
}

/// Asks for more approvals, or quicker ones, than the catalogue: `quorum` of at most 5 persons, `within` of at least a minute.
///
/// # Errors
/// [`GateError::Loosens`]; [`GateError::NotAPerson`]; when the database is away.
// CONTROL: GAT-5
pub async fn policy_tighten(tx: &mut TenantTx<'_>, kind: &str, quorum: u8, within: Duration) -> Result<(), GateError> {
    let tighten = statements::Tighten {
        kind: kind.to_owned(),
        quorum: i32::from(quorum),
        within: PgInterval::from_microseconds(i64::try_from(within.as_micros()).unwrap_or(i64::MAX)),
    };
    let _: bool = tighten.get_result(tx).await.map_err(GateError::from_refusal)?;
    Ok(())
}
