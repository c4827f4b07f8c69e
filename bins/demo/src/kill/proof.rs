//! What must hold after all kills: the record of what was sent, the writes, the seals, and the accesses without an end.

use super::load::{Answered, Load, Victim, differs};
use crate::api::{Api, Call};
use crate::check::Report;
use crate::check::evidence::all_sealed;
use crate::console::thousands;
use crate::running::Running;
use crate::sealer;
use crate::stage::Stage;
use anyhow::Context as _;
use bearingwall_sealing::{Examination, Scope, VerifyOptions, list_logs, unsealed_events, verify_log};
use bearingwall_tlog::note::VerifierKey;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use tokio_postgres::Client;
use uuid::Uuid;

/// An event that is older has had its chance to be sealed: a sealer works every 250 ms here.
const SEALED_WITHIN_S: f64 = 5.0;

/// Announced accesses of which nothing says how they ended.
const WITHOUT_END: &str = "SELECT e.customer_id, e.request_id, e.access_id FROM audit.events e
     WHERE e.phase = 'intended' AND e.access_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM audit.events d WHERE d.customer_id = e.customer_id AND d.request_id = e.request_id
                          AND d.access_id = e.access_id AND d.phase <> 'intended')
     GROUP BY 1, 2, 3";
/// Accesses that the sweep ended.
const SWEPT: &str = "SELECT e.customer_id, e.request_id, e.access_id FROM audit.events e
     WHERE e.outcome = 'unknown' AND e.outcome_code = 'no-end-recorded'";
/// Accesses with two ends, or with an end and no beginning.
const UNSOUND: &str = "SELECT count(*) FROM (SELECT FROM audit.events e WHERE e.access_id IS NOT NULL
     GROUP BY e.customer_id, e.request_id, e.access_id
     HAVING count(*) FILTER (WHERE e.phase <> 'intended') > 1 OR count(*) FILTER (WHERE e.phase = 'intended') = 0) a";
/// The seals, as if they were ten minutes older. The guards are back when it commits.
const AGED: &str = "BEGIN; SET LOCAL bearingwall.audit_ddl = 'on';
     ALTER TABLE audit.seals DISABLE TRIGGER append_only; ALTER TABLE audit.seals DISABLE TRIGGER append_only_row;
     UPDATE audit.seals SET sealed_at = sealed_at - interval '10 minutes';
     ALTER TABLE audit.seals ENABLE ALWAYS TRIGGER append_only; ALTER TABLE audit.seals ENABLE ALWAYS TRIGGER append_only_row;
     COMMIT";

/// Tenant, request and access.
type Access = (Uuid, Uuid, Uuid);

pub(crate) async fn prove(stage: &Stage, load: &Load<'_>, api: &Api, running: &mut Running, report: &mut Report<'_>) {
    report.prove("the answers themselves", async { sound(load, api) }).await;
    report
        .prove(
            "every answer, whole or cut off, against the record as the auditor sees it",
            recorded(stage, load),
        )
        .await;
    report
        .prove("every acknowledged write, over HTTP", stored(load, api))
        .await;
    let Some(key) = running.sealer.as_ref().map(|sealer| sealer.key.clone()) else {
        report
            .prove("the sealer", async { anyhow::bail!("it is not running") })
            .await;
        return;
    };
    report
        .prove("the seals and the logs of all tenants", sealed(stage, &key))
        .await;
    report
        .prove(
            "accesses without an end, after the seals were made ten minutes older",
            swept(stage, load, running),
        )
        .await;
    report.prove("the logs after the sweep", verified(stage, &key)).await;
}

/// Nothing was answered that should not have been, and no error repeats what is stored.
fn sound(load: &Load<'_>, api: &Api) -> anyhow::Result<String> {
    let tally = load.tally();
    if let Some(first) = tally.faults.first() {
        anyhow::bail!("{} were not as they should be, the first: {first}", tally.faults.len());
    }
    let errors = api.errors();
    let leaks = errors.iter().filter(|text| text.contains("CANARY")).count();
    anyhow::ensure!(leaks == 0, "{leaks} errors repeat personal data");
    Ok(format!(
        "{} requests, {} answered in full, {} cut off, {} without an answer, {} told that the service is away",
        thousands(tally.asked),
        thousands(tally.whole),
        tally.part,
        tally.silent,
        tally.unavailable
    ))
}

/// What the record says about one request.
struct Declared {
    customers: BTreeSet<Uuid>,
    actors: BTreeSet<Uuid>,
    events: BTreeSet<String>,
    subjects: BTreeSet<Uuid>,
    /// Microseconds since 1970, of the last of its announcements.
    last_us: i64,
}

async fn recorded(stage: &Stage, load: &Load<'_>) -> anyhow::Result<String> {
    let auditor = stage.as_role("auditor").await?;
    let rows = auditor
        .query(
            "SELECT request_id, array_agg(DISTINCT customer_id), array_agg(DISTINCT actor_id),
                    array_agg(DISTINCT event_type), array_agg(DISTINCT subject_id),
                    (extract(epoch FROM max(recorded_at)) * 1000000)::bigint, count(*)
               FROM audit.events WHERE phase = 'intended' AND outcome = 'success' GROUP BY 1",
            &[],
        )
        .await?;
    let mut declared = BTreeMap::new();
    for row in rows {
        let request: Uuid = row.get(0);
        let access = Declared {
            customers: row.get::<_, Vec<Uuid>>(1).into_iter().collect(),
            actors: row.get::<_, Vec<Uuid>>(2).into_iter().collect(),
            events: row.get::<_, Vec<String>>(3).into_iter().collect(),
            subjects: row.get::<_, Vec<Option<Uuid>>>(4).into_iter().flatten().collect(),
            last_us: row.get(5),
        };
        declared.insert(request, access);
    }
    let (mut answers, mut persons, mut wrong) = (BTreeMap::new(), 0, Vec::new());
    for answer in load.answered() {
        *answers
            .entry((answer.victim == Victim::Database, answer.writes))
            .or_insert(0_u64) += 1;
        persons += answer.persons.len();
        if let Some(what) = unlike(answer, declared.get(&answer.correlation))? {
            wrong.push(format!("{what}, {} of request {}", answer.event, answer.correlation));
        }
    }
    if let Some(first) = wrong.first() {
        anyhow::bail!(
            "{} answers were sent without their event, the first: {first}",
            wrong.len()
        );
    }
    let count = |database, writes| answers.get(&(database, writes)).copied().unwrap_or(0);
    let (reads, writes) = (
        count(false, false) + count(true, false),
        count(false, true) + count(true, true),
    );
    anyhow::ensure!(
        count(false, false) > 0 && count(true, false) > 0 && writes > 0,
        "only {reads} reads and {writes} writes were answered"
    );
    Ok(format!(
        "{} answers with personal data ({} around PostgreSQL's kills) and {} acknowledgements, each with its committed event: \
         request, actor, tenant and the persons ({} in all), recorded before the first byte",
        thousands(reads),
        thousands(count(true, false)),
        thousands(writes),
        thousands(u64::try_from(persons)?)
    ))
}

/// What is wrong with the record of an answer, if anything.
fn unlike(answer: &Answered, declared: Option<&Declared>) -> anyhow::Result<Option<String>> {
    let Some(declared) = declared else {
        return Ok(Some("nothing is on record".to_owned()));
    };
    let answered_us = i64::try_from(answer.at.unix_timestamp_nanos() / 1_000)?;
    let persons = if answer.whole {
        declared.subjects == answer.persons
    } else {
        declared.subjects.is_superset(&answer.persons)
    };
    Ok([
        (
            declared.customers == BTreeSet::from([answer.customer.as_uuid()]),
            "another tenant is on record",
        ),
        (
            declared.actors == BTreeSet::from([answer.actor]),
            "another actor is on record",
        ),
        (
            declared.events == BTreeSet::from([answer.event.to_owned()]),
            "another event is on record",
        ),
        (persons, "other persons are on record"),
        (declared.last_us <= answered_us, "it was recorded after the answer"),
    ]
    .iter()
    .find_map(|(holds, what)| (!holds).then(|| (*what).to_owned())))
}

async fn stored(load: &Load<'_>, api: &Api) -> anyhow::Result<String> {
    let (mut kept, mut unsure, mut lost) = (0_u64, 0_u64, Vec::new());
    for caller in &load.callers {
        for written in &caller.written {
            let call = Call::get(written.path()).bearer(&caller.tenant.reader.token);
            let answer = api.send(call).await?;
            let found: Value = if answer.status == 404 {
                Value::Null
            } else {
                answer.expect(200)?
            };
            let is = |sent: &Value, version: i64| {
                differs(sent, &found).is_none() && found.get("version").and_then(Value::as_i64) == Some(version)
            };
            unsure += u64::from(written.unsure.is_some());
            let changed = written
                .unsure
                .as_ref()
                .is_some_and(|sent| is(sent, written.version + 1));
            if is(&written.sent, written.version) || changed {
                kept += 1;
            } else {
                lost.push(format!("{} at version {}", written.path(), written.version));
            }
        }
    }
    if let Some(first) = lost.first() {
        anyhow::bail!("{} are not stored as acknowledged, the first: {first}", lost.len());
    }
    anyhow::ensure!(kept > 0, "nothing was written");
    Ok(format!(
        "{} clients and notes, each as last acknowledged; of {unsure} a later change had no answer",
        thousands(kept)
    ))
}

async fn sealed(stage: &Stage, key: &VerifierKey) -> anyhow::Result<String> {
    all_sealed(stage).await?;
    verified(stage, key).await
}

/// Every log verifies, and each event is in exactly one leaf.
async fn verified(stage: &Stage, key: &VerifierKey) -> anyhow::Result<String> {
    let auditor = stage.as_role("auditor").await?;
    let options = VerifyOptions {
        trusted: Some(key.clone()),
    };
    let (mut leaves, mut checkpoints, mut logs) = (0, 0, 0);
    let examination = Examination::begin(&auditor, Scope::AllLogs).await?;
    for (customer, _) in list_logs(&examination).await? {
        let mut told = |read: u64, of: u64| stage.console.progress(&format!("verifying: {read} of {of} leaves"));
        let report = verify_log(&examination, customer, &options, &mut told).await?;
        // A leaf that repeats an event or has none is among the findings.
        anyhow::ensure!(report.findings.is_empty(), "{customer}: {:?}", report.findings);
        leaves += report.leaves;
        checkpoints += report.checkpoints;
        logs += 1;
    }
    let unsealed = unsealed_events(&examination, SEALED_WITHIN_S).await?;
    anyhow::ensure!(unsealed == 0, "{unsealed} events are in no tree");
    let row = auditor
        .query_one(
            "SELECT count(*), count(DISTINCT (customer_id, event_id)) FROM audit.leaves",
            &[],
        )
        .await?;
    let (all, distinct): (i64, i64) = (row.get(0), row.get(1));
    anyhow::ensure!(all == distinct, "{} events are sealed twice", all - distinct);
    Ok(format!(
        "{} events in {logs} logs, {} signed checkpoints, no finding, none sealed twice, none unsealed",
        thousands(leaves),
        thousands(checkpoints)
    ))
}

/// Exactly the accesses that have no end are given one, and it says that nobody knows.
async fn swept(stage: &Stage, load: &Load<'_>, running: &mut Running) -> anyhow::Result<String> {
    let stopped = running.sealer.take().context("the sealer is not running")?;
    stopped.stop().await.context("the sealer has given up")?;
    let auditor = stage.as_role("auditor").await?;
    let waiting = accesses(&auditor, WITHOUT_END).await?;
    let already = accesses(&auditor, SWEPT).await?;
    stage
        .as_superuser()
        .await?
        .batch_execute(AGED)
        .await
        .context("ageing the seals")?;
    let mut sealer = sealer::take_over(stage).await?;
    let (mut ended, started) = (0, Instant::now());
    loop {
        ended += sealer.maintain().await?;
        let next = sealer
            .client()
            .query_one("SELECT audit.next_orphan_seal()", &[])
            .await?;
        if next.get::<_, Option<i64>>(0).is_none() {
            break;
        }
    }
    let took = started.elapsed();
    sealer.seal().await?;
    let seals: i64 = auditor
        .query_one("SELECT count(*) FROM audit.orphan_sweeps", &[])
        .await?
        .get(0);
    let after = accesses(&auditor, SWEPT).await?;
    let newly: BTreeSet<Access> = after.difference(&already).copied().collect();
    anyhow::ensure!(
        newly == waiting && ended == u64::try_from(waiting.len())?,
        "{} had no end, {} were given one, {ended} by count",
        waiting.len(),
        newly.len()
    );
    let left = accesses(&auditor, WITHOUT_END).await?.len();
    let unsound: i64 = auditor.query_one(UNSOUND, &[]).await?.get(0);
    anyhow::ensure!(
        (left, unsound) == (0, 0),
        "{left} are left, {unsound} have two ends or no beginning"
    );
    // The end of a write stands and falls with the write; that of a read may be lost with PostgreSQL.
    let requests: BTreeSet<Uuid> = after.iter().map(|(_, request, _)| *request).collect();
    let unknown = |writes: bool| {
        let answers = load.answered().filter(|answer| answer.whole && answer.writes == writes);
        answers.filter(|answer| requests.contains(&answer.correlation)).count()
    };
    anyhow::ensure!(unknown(true) == 0, "{} of them were acknowledged writes", unknown(true));
    Ok(format!(
        "{} were waiting, {} were swept before: exactly these ended as unknown, and every access has one end; \
         {} of them had been answered; {seals} seals are swept, this pass took {} ms",
        waiting.len(),
        already.len(),
        unknown(false),
        took.as_millis()
    ))
}

async fn accesses(client: &Client, query: &str) -> anyhow::Result<BTreeSet<Access>> {
    let rows = client.query(query, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}
