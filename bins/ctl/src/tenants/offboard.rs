//! `tenant offboard`: asked for by one person, approved by another, then carried out to the last row.

use super::certificate::Certificate;
use super::error::TenantError;
use super::export::Digest;
use super::manifest::{Manifest, ReadManifest, hex};
use super::sweep::Sweep;
use super::tables::{self, TenantTable, erasing_order};
use crate::arguments::{ApproveArguments, ExecuteArguments, RequestArguments};
use crate::outcome::Outcome;
use crate::{input, output};
use anyhow::Context as _;
use bearingwall_migrations::{
    Offboarding, offboard_approve, offboard_begin, offboard_finish, offboard_request, offboarding,
};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};
use tokio_postgres::Client;
use uuid::Uuid;

/// Rows that one transaction erases: few enough that it holds its locks for a moment only.
const BATCH_ROWS: usize = 1_000;

/// Tables of the platform's own whose rows about a tenant end with it.
const EMPTIED: [&str; 3] = ["tenancy.issuers", "tenancy.jobs", "tenancy.locators"];

/// How long an erasure waits for transactions that were writing when it began.
const SETTLING: Duration = Duration::from_secs(10);

pub(super) async fn request(arguments: RequestArguments) -> anyhow::Result<Outcome> {
    let manifest = whole(&arguments.manifest)?;
    if manifest.content.tenant != arguments.id {
        return Err(TenantError::OtherManifest.into());
    }
    let suspended_at = manifest.content.suspended_at.as_deref().ok_or(TenantError::Moving)?;
    let token = input::secret_line("access token")?;
    let client = arguments.admin.login().await?.dial().await?;
    let id = Uuid::now_v7();
    offboard_request(&client, id, arguments.id, &manifest.sha256, suspended_at, &token).await?;
    output::line(&id.to_string())?;
    Ok(Outcome::Done)
}

pub(super) async fn approve(arguments: ApproveArguments) -> anyhow::Result<Outcome> {
    let manifest = whole(&arguments.manifest)?;
    let token = input::secret_line("access token")?;
    let client = arguments.admin.login().await?.dial().await?;
    offboard_approve(&client, arguments.offboarding, &manifest.sha256, &token).await?;
    output::line("approved")?;
    Ok(Outcome::Done)
}

/// A manifest whose files are all there, as they were written.
fn whole(path: &std::path::Path) -> anyhow::Result<ReadManifest> {
    let manifest = ReadManifest::read(path)?;
    manifest.verify_files()?;
    Ok(manifest)
}

pub(super) async fn execute(arguments: ExecuteArguments) -> anyhow::Result<Outcome> {
    let manifest = ReadManifest::read(&arguments.manifest)?;
    let client = arguments.admin.login().await?.dial().await?;
    let record = known(&client, arguments.offboarding).await?;
    if record.customer != manifest.content.tenant || record.manifest_sha256 != manifest.sha256 {
        return Err(TenantError::OtherManifest.into());
    }
    let tables = erasing_order(tables::load(&client).await?)?;
    let mut sweep = Sweep::begin(client, record.customer, "tenant.erased", &["SELECT", "DELETE"]).await?;
    if record.executed_at.is_none() {
        if record.begun_at.is_none() {
            manifest.verify_files()?;
            settled(sweep.client()).await?;
            unchanged(&mut sweep, &tables, &manifest.content).await?;
            confirm(&manifest.content, arguments.yes)?;
        }
        erase(&mut sweep, &tables, &record).await?;
    } else {
        // A transaction that was inside before the suspension may have committed a row after the end was written down.
        empty(&mut sweep, &tables).await?;
    }
    // What was erased by an earlier call is proven again: the certificate is about the database as it is now.
    let record = known(sweep.client(), arguments.offboarding).await?;
    let remaining = prove(&mut sweep, &tables).await?;
    let certificate = Certificate::new(
        &record,
        &manifest.content,
        &tables,
        remaining,
        arguments.backup_retention_days,
    )?;
    deliver(&certificate, arguments.out.as_deref())?;
    Ok(Outcome::Done)
}

async fn known(client: &Client, id: Uuid) -> anyhow::Result<Offboarding> {
    let record = offboarding(client, id).await?;
    record.ok_or_else(|| TenantError::NoOffboarding { id }.into())
}

/// Waits for the transactions that were writing when it was asked.
///
/// SECURITY: one that was inside before the suspension and has not committed would slip between the comparison and the
/// erasure. Snapshots are what every role may look at; they know the writers of all databases of the cluster.
async fn settled(client: &Client) -> anyhow::Result<()> {
    let asking = "asking for the transactions that write";
    let row = client
        .query_one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text", &[])
        .await
        .context(asking)?;
    let next: String = row.try_get(0)?;
    let began = Instant::now();
    loop {
        let row = client
            .query_one(
                "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8",
                &[&next],
            )
            .await
            .context(asking)?;
        if row.try_get(0)? {
            return Ok(());
        }
        if began.elapsed() > SETTLING {
            return Err(TenantError::Unsettled.into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Nothing is erased that was not handed out: the tenant's rows are those of its export, byte by byte, table by table.
///
/// SECURITY: a number of rows does not tell that a transaction which ended after the export has changed one.
async fn unchanged(sweep: &mut Sweep, tables: &[TenantTable], manifest: &Manifest) -> anyhow::Result<()> {
    for table in tables {
        let found = Digest::of_table(sweep, table).await?;
        same(&table.name, found, manifest)?;
    }
    for relation in EMPTIED {
        let found = Digest::of_holding(sweep, relation).await?;
        same(relation, found, manifest)?;
    }
    Ok(())
}

fn same(table: &str, found: Digest, manifest: &Manifest) -> Result<(), TenantError> {
    let (rows, exported) = (found.rows, manifest.rows(table));
    let sha256 = found.sha256();
    if rows == exported && manifest.entry(table).is_none_or(|entry| entry.sha256 == sha256) {
        return Ok(());
    }
    Err(TenantError::Changed {
        table: table.to_owned(),
        exported,
        found: rows,
    })
}

fn confirm(manifest: &Manifest, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    output::note(&format!(
        "`{}` ({}) is about to be erased, and there is no way back.\nType its slug to go on:",
        manifest.slug, manifest.tenant
    ));
    if input::line()?.trim() == manifest.slug {
        Ok(())
    } else {
        Err(TenantError::NotConfirmed.into())
    }
}

/// Empties every table, keys first. Each batch is a transaction, so that a call that was broken off is simply repeated.
async fn erase(sweep: &mut Sweep, tables: &[TenantTable], record: &Offboarding) -> anyhow::Result<()> {
    offboard_begin(sweep.client(), record.id, &record.manifest_sha256).await?;
    empty(sweep, tables).await?;
    // Before the end is written down, not after.
    none_remain(sweep, tables).await?;
    offboard_finish(sweep.client(), record.id, &record.manifest_sha256).await?;
    Ok(())
}

async fn empty(sweep: &mut Sweep, tables: &[TenantTable]) -> anyhow::Result<()> {
    for table in tables {
        let mut erased = 0;
        loop {
            let rows = sweep.delete(table, BATCH_ROWS).await?;
            if rows == 0 {
                break;
            }
            erased += rows;
        }
        output::note(&format!("{}: {erased} rows erased", table.name));
    }
    Ok(())
}

async fn none_remain(sweep: &mut Sweep, tables: &[TenantTable]) -> anyhow::Result<()> {
    for table in tables {
        let count = sweep.count(table).await?;
        if count > 0 {
            let table = table.name.clone();
            return Err(TenantError::Remaining { table, count }.into());
        }
    }
    Ok(())
}

/// Asks every table once more, and answers how many rows there are in those of the platform itself.
async fn prove(sweep: &mut Sweep, tables: &[TenantTable]) -> anyhow::Result<Vec<(String, u64)>> {
    none_remain(sweep, tables).await?;
    let transaction = sweep.enter().await?;
    let rows = transaction
        .query(
            "SELECT relation, entries FROM tenancy.tenant_holdings_count() ORDER BY relation",
            &[],
        )
        .await
        .context("counting what the platform keeps")?;
    transaction.commit().await.context("committing")?;
    let mut holdings = Vec::with_capacity(rows.len());
    for row in &rows {
        let (table, count): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let count = u64::try_from(count).context("a count is not negative")?;
        if count > 0 && !Certificate::is_kept(&table) {
            return Err(TenantError::Remaining { table, count }.into());
        }
        holdings.push((table, count));
    }
    Ok(holdings)
}

fn deliver(certificate: &Certificate, out: Option<&std::path::Path>) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(certificate)?;
    let Some(path) = out else {
        return output::line(&text);
    };
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| {
        writeln!(file, "{text}")?;
        file.sync_all()
    });
    written.with_context(|| {
        format!(
            "the tenant is erased, but `{}` could not be written: run the command again with another `--out`",
            path.display()
        )
    })?;
    output::note(&format!("manifest sha256 {}", hex(&certificate.manifest())));
    Ok(())
}
