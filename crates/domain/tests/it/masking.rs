//! Masking on a real PostgreSQL: the policy in force and the vault, and what SQL on the server's own connection does to them.

mod policies;
mod refusals;
mod vault;

use crate::spas::{Spas, phi};
use bearingwall_core::{ConversationId, Ctx};
use bearingwall_domain::masking::{Form, MaskRequest, PolicySample, UnmaskRequest};
use bearingwall_domain::{DomainError, Masking, MaskingError};
use bearingwall_pii::{Action, PolicyDraft};
use bearingwall_tenancy::TenantTx;
use diesel_async::RunQueryDsl;

pub(crate) fn text(text: &str, conversation: Option<ConversationId>) -> MaskRequest {
    MaskRequest {
        text: phi(text),
        form: Form::Text,
        conversation,
        subject: None,
        lasting: None,
    }
}

pub(crate) fn back(text: &str, conversation: ConversationId) -> UnmaskRequest {
    UnmaskRequest {
        conversation,
        text: phi(text),
        json: false,
    }
}

/// What a masked text comes back as, and how many placeholders that were.
pub(crate) async fn unmasked(masking: &Masking, ctx: &Ctx, masked: &str, id: ConversationId) -> (String, usize) {
    let answer = masking.unmask(ctx, back(masked, id)).await.unwrap();
    (answer.text.into_disclosed(), answer.restored)
}

pub(crate) fn redacting() -> PolicyDraft {
    PolicyDraft {
        default: Action::Redact,
        ..PolicyDraft::default()
    }
}

pub(crate) fn sample(text: &str, hides: &[&str], keeps: &[&str]) -> PolicySample {
    let list = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
    PolicySample {
        text: text.to_owned(),
        hides: list(hides),
        keeps: list(keeps),
    }
}

/// One that every sensible policy passes.
pub(crate) fn passing() -> Vec<PolicySample> {
    vec![sample(
        "write to ada@example.org today",
        &["ada@example.org"],
        &["write to"],
    )]
}

/// A statement on the server's own connection, inside the tenant of the context: how many rows it touched, or the SQLSTATE-like
/// words of what the database said.
pub(crate) async fn sql(spas: &Spas, ctx: &Ctx, statement: &str) -> Result<usize, String> {
    spas.audit
        .pool()
        .run(ctx, async |tx: &mut TenantTx<'_>| {
            diesel::sql_query(statement)
                .execute(tx)
                .await
                .map_err(DomainError::Statement)
        })
        .await
        .map_err(|error| match error {
            DomainError::Statement(cause) => cause.to_string(),
            error => error.to_string(),
        })
}

/// One number that the superuser reads.
pub(crate) async fn count(spas: &Spas, query: &str) -> i64 {
    spas.superuser().await.query_one(query, &[]).await.unwrap().get(0)
}

/// The refusals on record of a request, as `code`.
pub(crate) async fn refusals(spas: &Spas, ctx: &Ctx) -> Vec<String> {
    let rows = spas
        .superuser()
        .await
        .query(
            "SELECT outcome_code FROM audit.events WHERE request_id = $1 AND event_type = 'pii.refused' ORDER BY recorded_at",
            &[&ctx.request().as_uuid()],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

pub(crate) fn is_not_found(error: &MaskingError) -> bool {
    matches!(error, MaskingError::Domain(DomainError::NotFound))
}

pub(crate) fn is_conflict(error: &MaskingError) -> bool {
    matches!(error, MaskingError::Domain(DomainError::Conflict))
}
