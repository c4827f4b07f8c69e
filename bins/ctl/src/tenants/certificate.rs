//! What is handed out when a tenant is gone: what was erased, on whose word, what is kept and why.

use super::manifest::{Manifest, hex};
use super::tables::TenantTable;
use anyhow::Context as _;
use bearingwall_core::CustomerId;
use bearingwall_migrations::Offboarding;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Tables whose rows about the tenant stay, and why.
const KEPT: [(&str, &str); 16] = [
    (
        "audit.events",
        "the record of accesses: ids and codes, no personal data; append-only, kept for six years at the least (45 CFR 164.316(b)(2)(i))",
    ),
    (
        "tenancy.break_glass",
        "who of the platform's staff was in the tenant, and why: part of the record",
    ),
    (
        "tenancy.customers",
        "the id, which the record refers to; name and slug are replaced",
    ),
    (
        "tenancy.effect_aggregates",
        "how many effects there were about each thing, by id",
    ),
    (
        "tenancy.effect_attempts",
        "each call to another system, in codes: part of the record",
    ),
    (
        "tenancy.effect_ends",
        "what became of each effect, and who said so: part of the record",
    ),
    (
        "tenancy.effects",
        "what left the system, where to and on whose word: part of the record; the payloads are noise without their key, which is erased",
    ),
    (
        "tenancy.gate_decisions",
        "who approved or rejected what: part of the record",
    ),
    (
        "tenancy.gate_policies",
        "which approvals the tenant asked for: part of the record",
    ),
    (
        "tenancy.gate_requests",
        "what was asked for, by whom, and what became of it: part of the record; the payloads are noise without their key, which is erased",
    ),
    (
        "tenancy.machines",
        "which subjects were no persons, by id: part of the record",
    ),
    (
        "tenancy.offboardings",
        "the two-person record under which the rows were erased",
    ),
    (
        "tenancy.people",
        "which roles were seen in the tenant, by id: part of the record",
    ),
    (
        "tenancy.role_assignments",
        "who had which roles, by id, from whom and until when: part of the record",
    ),
    (
        "tenancy.role_changes",
        "who asked for roles and who agreed, and why: part of the record",
    ),
    ("tenancy.role_sets", "what the roles allowed: part of the record"),
];

#[derive(Serialize)]
pub(super) struct Certificate {
    certificate: &'static str,
    version: u16,
    tenant: CustomerId,
    offboarding: Uuid,
    manifest_sha256: String,
    exported_at: String,
    requested_by: Uuid,
    requested_at: String,
    approved_by: Option<Uuid>,
    approved_at: Option<String>,
    begun_at: Option<String>,
    executed_at: Option<String>,
    proven_at: String,
    /// In the order of erasing.
    tables: Vec<Erased>,
    emptied: Vec<Counted>,
    kept: Vec<Kept>,
    keys: &'static str,
    backups: String,
    #[serde(skip)]
    manifest: Vec<u8>,
}

#[derive(Serialize)]
struct Erased {
    table: String,
    rows_exported: u64,
    rows_remaining: u64,
}

#[derive(Serialize)]
struct Counted {
    table: String,
    rows_remaining: u64,
}

#[derive(Serialize)]
struct Kept {
    table: String,
    rows: u64,
    why: &'static str,
}

impl Certificate {
    /// `tables` have no rows of the tenant any more, and `holdings` what the platform's own tables have.
    pub(super) fn new(
        record: &Offboarding,
        manifest: &Manifest,
        tables: &[TenantTable],
        holdings: Vec<(String, u64)>,
        backup_retention_days: Option<u16>,
    ) -> anyhow::Result<Self> {
        let erased = tables.iter().map(|table| Erased {
            table: table.name.clone(),
            rows_exported: manifest.rows(&table.name),
            rows_remaining: 0,
        });
        let (mut kept, mut emptied) = (Vec::new(), Vec::new());
        for (table, rows) in holdings {
            match why_kept(&table) {
                Some(why) => kept.push(Kept { table, rows, why }),
                None => emptied.push(Counted {
                    table,
                    rows_remaining: rows,
                }),
            }
        }
        Ok(Self {
            certificate: "bearingwall tenant offboarding",
            version: 1,
            tenant: record.customer,
            offboarding: record.id,
            manifest_sha256: hex(&record.manifest_sha256),
            exported_at: manifest.started_at.clone(),
            requested_by: record.requested_by,
            requested_at: record.requested_at.clone(),
            approved_by: record.approved_by,
            approved_at: record.approved_at.clone(),
            begun_at: record.begun_at.clone(),
            executed_at: record.executed_at.clone(),
            proven_at: OffsetDateTime::now_utc().format(&Rfc3339)?,
            tables: erased.collect(),
            emptied,
            kept,
            keys: "the keys of the tenant's persons and of the tenant were erased first; the file key store holds nothing of \
                   one tenant, and the key-encryption key, which serves all tenants, stays: a backup of the rows that also \
                   has the wrapped keys can be read with it until the backup is gone",
            backups: backups(record.executed_at.as_deref(), backup_retention_days)?,
            manifest: record.manifest_sha256.clone(),
        })
    }

    pub(super) fn is_kept(table: &str) -> bool {
        why_kept(table).is_some()
    }

    pub(super) fn manifest(&self) -> Vec<u8> {
        self.manifest.clone()
    }
}

fn why_kept(table: &str) -> Option<&'static str> {
    KEPT.iter().find(|(kept, _)| *kept == table).map(|(_, why)| *why)
}

fn backups(executed_at: Option<&str>, days: Option<u16>) -> anyhow::Result<String> {
    let Some(days) = days else {
        return Ok(
            "not stated: backups from before the erasure hold the tenant's rows until the operator lets them expire"
                .to_owned(),
        );
    };
    let executed_at = executed_at.context("the erasure has no end")?;
    let executed_at = OffsetDateTime::parse(executed_at, &Rfc3339).context("reading the time of the erasure")?;
    let last = executed_at
        .checked_add(Duration::days(i64::from(days)))
        .context("the retention of backups ends beyond the calendar")?;
    Ok(format!(
        "as the operator states, the last backup with the tenant's rows is gone by {}",
        last.format(&Rfc3339)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_9_the_certificate_says_when_the_last_backup_is_gone() {
        let stated = backups(Some("2026-11-25T23:00:00.123456Z"), Some(30)).unwrap();
        assert!(stated.ends_with("2026-12-25T23:00:00.123456Z"), "{stated}");
        assert!(backups(Some("x"), None).unwrap().starts_with("not stated"));
        assert!(backups(None, Some(1)).is_err());
    }
}
