//! Tamper evidence: everything above is sealed, verifies, leaves the system with its proof, and a forgery is named.

use super::Report;
use super::bench::Bench;
use crate::console::thousands;
use crate::place::Place;
use crate::running::Running;
use crate::stage::Stage;
use bearingwall_sealing::{
    Compared, Examination, ExportOptions, FileWitness, Finding, Scope, VerifyOptions, compare, export, key_for_log,
    list_logs, verify_log,
};
use bearingwall_tlog::bundle;
use bearingwall_tlog::note::VerifierKey;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The sealer works every 250 ms here, and the machine may be busy.
const SEALED_LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn prove(bench: &Bench<'_>, place: &Place, running: &mut Running, report: &mut Report<'_>) {
    let Some(sealer) = &running.sealer else {
        report
            .prove("the sealer", async { anyhow::bail!("it is not running") })
            .await;
        return;
    };
    let key = sealer.key.clone();
    report
        .prove(
            "the trees of all tenants, as the auditor sees them",
            verified(bench, &key),
        )
        .await;
    report
        .prove(
            "an export of each spa's record, verified without the database",
            exported(bench, &key, place),
        )
        .await;
    report
        .prove(
            "the checkpoints in the witness's directory",
            witnessed(bench, &key, place),
        )
        .await;
    report
        .prove("one event changed, one removed, as the superuser", forged(bench, &key))
        .await;
}

/// Waits until no event waits for its seal.
pub(crate) async fn all_sealed(stage: &Stage) -> anyhow::Result<()> {
    let app = stage.as_role("app").await?;
    let started = Instant::now();
    loop {
        let waiting: f64 = app.query_one("SELECT audit.unsealed_seconds()", &[]).await?.get(0);
        if waiting < 0.001 {
            return Ok(());
        }
        anyhow::ensure!(
            started.elapsed() < SEALED_LIMIT,
            "an event has waited for {waiting:.1} s"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn verified(bench: &Bench<'_>, key: &VerifierKey) -> anyhow::Result<String> {
    all_sealed(bench.stage).await?;
    let auditor = bench.stage.as_role("auditor").await?;
    let options = VerifyOptions {
        trusted: Some(key.clone()),
    };
    let (mut leaves, mut checkpoints, mut logs) = (0, 0, 0);
    let examination = Examination::begin(&auditor, Scope::AllLogs).await?;
    for (customer, _) in list_logs(&examination).await? {
        let report = verify_log(&examination, customer, &options, &mut |_, _| {}).await?;
        anyhow::ensure!(report.findings.is_empty(), "{customer}: {:?}", report.findings);
        leaves += report.leaves;
        checkpoints += report.checkpoints;
        logs += 1;
    }
    let row = auditor.query_one("SELECT count(*) FROM audit.events", &[]).await?;
    let events = u64::try_from(row.get::<_, i64>(0))?;
    // The sealer's own events go on while this is counted.
    anyhow::ensure!(
        leaves > 1_000 && events - leaves < 100,
        "{events} events, {leaves} leaves"
    );
    Ok(format!(
        "{} events in {logs} logs, {checkpoints} signed checkpoints",
        thousands(leaves)
    ))
}

async fn exported(bench: &Bench<'_>, key: &VerifierKey, place: &Place) -> anyhow::Result<String> {
    let auditor = bench.stage.as_role("auditor").await?;
    let folder = place.exports();
    std::fs::create_dir_all(&folder)?;
    let mut events = 0;
    for spa in &bench.stage.spas {
        let customer = spa.id.as_uuid();
        let target = folder.join(&spa.slug);
        let examination = Examination::begin(&auditor, Scope::ExportOf(customer)).await?;
        let exported = export(
            &examination,
            customer,
            &target,
            &ExportOptions::default(),
            &mut |_, _| {},
        )
        .await?;
        let trusted = key_for_log(key, &exported.manifest.origin)?;
        let options = bundle::VerifyOptions::new(trusted);
        let report = bundle::verify(&target, &options, &mut |_| {})?;
        anyhow::ensure!(report.verified, "{report:?}");
        let lines = target.join("events.jsonl");
        let text = std::fs::read_to_string(&lines)?;
        std::fs::write(&lines, text.replacen("\"success\"", "\"failure\"", 1))?;
        let report = bundle::verify(&target, &options, &mut |_| {})?;
        anyhow::ensure!(!report.verified, "a changed export verifies");
        events += exported.manifest.count;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(format!(
        "{} events; with one word changed, neither verifies",
        thousands(events)
    ))
}

async fn witnessed(bench: &Bench<'_>, key: &VerifierKey, place: &Place) -> anyhow::Result<String> {
    let auditor = bench.stage.as_role("auditor").await?;
    let witness = FileWitness::new("directory", place.checkpoints());
    let options = VerifyOptions {
        trusted: Some(key.clone()),
    };
    let mut same = 0;
    let examination = Examination::begin(&auditor, Scope::AllLogs).await?;
    for (customer, origin) in list_logs(&examination).await? {
        for (size, note) in witness.kept(&origin)? {
            let found = compare(&examination, customer, &note, &options).await?;
            anyhow::ensure!(found == Compared::Same, "{origin} at {size}: {found:?}");
            same += 1;
        }
    }
    anyhow::ensure!(same > 2, "the witness keeps {same} checkpoints");
    Ok(format!("{same} are what the logs say"))
}

async fn forged(bench: &Bench<'_>, key: &VerifierKey) -> anyhow::Result<String> {
    let superuser = bench.stage.as_superuser().await?;
    let [spa, _] = &bench.stage.spas;
    let customer = spa.id.as_uuid();
    let rows = superuser
        .query(
            "SELECT event_id FROM audit.leaves WHERE customer_id = $1 ORDER BY leaf_index OFFSET 100 LIMIT 2",
            &[&customer],
        )
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    let [changed, removed] = ids.as_slice() else {
        anyhow::bail!("the log is too short");
    };
    // In a transaction that never ends well, so that the record stays what it is.
    superuser
        .batch_execute(&format!(
            "BEGIN; SET LOCAL bearingwall.audit_ddl = 'on';
             DO $d$ DECLARE v record; BEGIN FOR v IN SELECT t.tgrelid::regclass AS relation, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                 WHERE c.relnamespace = 'audit'::regnamespace AND t.tgname LIKE 'append_only%'
              LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', v.relation, v.tgname); END LOOP; END $d$;
             UPDATE audit.events SET outcome = 'denied' WHERE event_id = '{changed}';
             DELETE FROM audit.events WHERE event_id = '{removed}'"
        ))
        .await?;
    let options = VerifyOptions {
        trusted: Some(key.clone()),
    };
    let report = async {
        let examination = Examination::begin(&superuser, Scope::AllLogs).await?;
        verify_log(&examination, customer, &options, &mut |_, _| {}).await
    }
    .await;
    superuser.batch_execute("ROLLBACK").await?;
    let findings = report?.findings;
    anyhow::ensure!(
        matches!(findings.as_slice(), [Finding::Changed { event_id: one, .. }, Finding::Missing { event_id: other, .. }]
            if one == changed && other == removed),
        "{findings:?}"
    );
    Ok("both are named, and nothing else is".to_owned())
}
