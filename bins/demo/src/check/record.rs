//! The audit record: nobody who can log in changes it, and everything that was read or refused stands in it.

use super::Report;
use super::bench::Bench;
use super::statements::refusal;
use crate::console::thousands;
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_postgres::Client;
use uuid::Uuid;

/// What nobody may do; `{table}` is the record or one of its partitions.
const ON_TABLES: [&str; 8] = [
    "UPDATE {table} SET outcome = 'success'",
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE false",
    "TRUNCATE {table}",
    "DROP TABLE {table} CASCADE",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "DROP TRIGGER append_only ON {table}",
];
const ELSEWHERE: [&str; 4] = [
    "DROP SCHEMA audit CASCADE",
    "ALTER TABLE audit.events DETACH PARTITION {partition}",
    "DROP FUNCTION audit.reject_mutation() CASCADE",
    "SET session_replication_role = replica",
];
const REFUSED: &str = "42501";

pub(crate) async fn prove_append_only(bench: &Bench<'_>, report: &mut Report<'_>) {
    for (who, role, becomes) in [
        ("bearingwall_app", "app", None),
        ("bearingwall_admin", "admin", None),
        (
            "bearingwall_admin after SET ROLE bearingwall_owner",
            "admin",
            Some("bearingwall_owner"),
        ),
    ] {
        let tried = format!("UPDATE, DELETE, TRUNCATE and DDL on the audit record as {who}");
        report.prove(&tried, append_only(bench, role, becomes)).await;
    }
}

async fn append_only(bench: &Bench<'_>, role: &str, becomes: Option<&str>) -> anyhow::Result<String> {
    let superuser = bench.stage.as_superuser().await?;
    let partition: String = superuser
        .query_one("SELECT tableoid::regclass::text FROM audit.events LIMIT 1", &[])
        .await
        .context("the record is empty")?
        .get(0);
    let before = digest(&superuser, None).await?;
    let client = bench.stage.as_role(role).await?;
    if let Some(role) = becomes {
        client.batch_execute(&format!("SET ROLE {role}")).await?;
    }
    let tables = ["audit.events", partition.as_str()];
    let statements: Vec<String> = tables
        .iter()
        .flat_map(|table| {
            ON_TABLES
                .iter()
                .map(move |statement| statement.replace("{table}", table))
        })
        .chain(
            ELSEWHERE
                .iter()
                .map(|statement| statement.replace("{partition}", &partition)),
        )
        .collect();
    for statement in &statements {
        let code = refusal(client.batch_execute(statement).await).with_context(|| format!("`{statement}`"))?;
        anyhow::ensure!(code == REFUSED, "`{statement}` fails with {code} instead of {REFUSED}");
    }
    anyhow::ensure!(
        digest(&superuser, Some(before.1)).await?.0 == before.0,
        "the record is not what it was"
    );
    Ok(format!(
        "{} statements, SQLSTATE {REFUSED} each; all {} events as before",
        statements.len(),
        thousands(before.1)
    ))
}

/// A digest of the record and its length, or of its first rows.
async fn digest(client: &Client, rows: Option<u64>) -> anyhow::Result<(String, u64)> {
    let limit = rows.map(|rows| format!("LIMIT {rows}")).unwrap_or_default();
    let query = format!(
        "SELECT md5(string_agg(t.text, '')), count(*) FROM
            (SELECT e::text FROM audit.events e ORDER BY recorded_at, event_id {limit}) t (text)"
    );
    let row = client.query_one(&query, &[]).await?;
    Ok((row.get(0), u64::try_from(row.get::<_, i64>(1))?))
}

/// One declared access, as the auditor sees it.
struct Declared {
    subjects: BTreeSet<Uuid>,
    actors: BTreeSet<Uuid>,
    /// Microseconds since 1970.
    first_us: i64,
}

pub(crate) async fn prove_events(bench: &Bench<'_>, report: &mut Report<'_>) {
    report
        .prove(
            "the record of every read above, as the auditor sees it",
            reads_recorded(bench),
        )
        .await;
    report
        .prove("the record of every refusal above", refusals_recorded(bench))
        .await;
}

async fn reads_recorded(bench: &Bench<'_>) -> anyhow::Result<String> {
    let auditor = bench.stage.as_role("auditor").await?;
    let rows = auditor
        .query(
            "SELECT request_id, customer_id, event_type, array_agg(DISTINCT actor_id), array_agg(DISTINCT subject_id),
                    (extract(epoch FROM min(recorded_at)) * 1000000)::bigint
               FROM audit.events WHERE phase = 'intended' AND outcome = 'success' GROUP BY 1, 2, 3",
            &[],
        )
        .await?;
    let mut declared: BTreeMap<(Uuid, Uuid, String), Declared> = BTreeMap::new();
    for row in rows {
        let subjects: Vec<Option<Uuid>> = row.get(4);
        let access = Declared {
            subjects: subjects.into_iter().flatten().collect(),
            actors: row.get::<_, Vec<Uuid>>(3).into_iter().collect(),
            first_us: row.get(5),
        };
        declared.insert((row.get(0), row.get(1), row.get(2)), access);
    }
    let reads = bench.reads();
    anyhow::ensure!(reads.len() > 1_000, "only {} reads were made", reads.len());
    let mut persons = 0;
    for read in reads.iter() {
        let name = || format!("{}, request {}", read.what, read.correlation);
        let key = (read.correlation, read.customer.as_uuid(), read.event.to_owned());
        let found = declared
            .get(&key)
            .with_context(|| format!("nothing is on record of {}", name()))?;
        anyhow::ensure!(
            found.actors == BTreeSet::from([read.actor]),
            "another actor is on record for {}",
            name()
        );
        anyhow::ensure!(
            found.subjects == read.subjects,
            "{} persons on record, {} in the answer to {}",
            found.subjects.len(),
            read.subjects.len(),
            name()
        );
        let answered_us = i64::try_from(read.at.unix_timestamp_nanos() / 1_000)?;
        anyhow::ensure!(found.first_us <= answered_us, "recorded after the answer to {}", name());
        persons += read.subjects.len();
    }
    Ok(format!(
        "{} reads, each with its own event before the answer: the actor, the tenant and exactly the persons read ({} in all)",
        thousands(u64::try_from(reads.len())?),
        thousands(u64::try_from(persons)?)
    ))
}

async fn refusals_recorded(bench: &Bench<'_>) -> anyhow::Result<String> {
    let auditor = bench.stage.as_role("auditor").await?;
    let expected = bench.refusals().len();
    anyhow::ensure!(expected > 20, "only {expected} refusals were seen");
    // Refusals are written behind the answer, through a queue.
    for last in [false, false, false, false, true] {
        let rows = auditor
            .query(
                "SELECT request_id, event_type, coalesce(outcome_code, '') FROM audit.events WHERE outcome = 'denied'",
                &[],
            )
            .await?;
        let recorded: BTreeMap<Uuid, (String, String)> =
            rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
        match missing(bench, &recorded) {
            None => return Ok(format!("{expected} refusals, each with the code of what was wrong")),
            Some(what) if last => anyhow::bail!("{what}"),
            Some(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
    anyhow::bail!("the record was not looked at")
}

/// What is not on record as it should be, if anything.
fn missing(bench: &Bench<'_>, recorded: &BTreeMap<Uuid, (String, String)>) -> Option<String> {
    bench
        .refusals()
        .iter()
        .find_map(|refusal| match recorded.get(&refusal.correlation) {
            None => Some(format!("nothing is on record of {}", refusal.what)),
            Some((event, _)) if event != refusal.event => Some(format!("{} is recorded as {event}", refusal.what)),
            Some((_, code)) => match refusal.code {
                Some(expected) if code != expected => {
                    Some(format!("{} is recorded as {code}, not {expected}", refusal.what))
                }
                Some(_) | None => None,
            },
        })
}
