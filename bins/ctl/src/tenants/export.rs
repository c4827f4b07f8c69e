//! `tenant export`: everything of a tenant, as JSON Lines with a manifest.

use super::clear;
use super::error::TenantError;
use super::manifest::{FILE_NAME, FileEntry, Manifest, file_name, hex};
use super::sweep::Sweep;
use super::tables::{self, TenantTable};
use anyhow::Context as _;
use bearingwall_core::CustomerId;
use bearingwall_migrations::{TenantState, tenant_state};
use bearingwall_secrets::FileKeyStore;
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tokio_postgres::Client;
use uuid::Uuid;

/// Rows that are in memory at once.
pub(super) const PAGE_ROWS: usize = 500;

/// Exports a tenant into an empty folder, and answers the SHA-256 of the manifest, in hex.
pub(super) async fn export(
    client: Client,
    tenant: &TenantState,
    out: &Path,
    key_store: Option<&FileKeyStore>,
    progress: &dyn Fn(&str),
) -> anyhow::Result<String> {
    let folder = Folder::create(out)?;
    let tables = tables::load(&client).await?;
    let mut sweep = Sweep::begin(client, tenant.id, "tenant.exported", &["SELECT"]).await?;
    let started_at = now(sweep.client()).await?;
    let mut files = Vec::new();
    for table in &tables {
        let written = rows(&mut sweep, &folder, table).await?;
        progress(&format!("{}: {} rows", written.table, written.rows));
        files.push(written);
    }
    for written in holdings(&mut sweep, &folder).await? {
        progress(&format!("{}: {} rows", written.table, written.rows));
        files.push(written);
    }
    if let Some(key_store) = key_store {
        for written in clear::export(&mut sweep, &folder, &tables, key_store).await? {
            progress(&format!("{} in the clear: {} rows", written.table, written.rows));
            files.push(written);
        }
    }
    let written = record(&mut sweep, &folder, &started_at).await?;
    progress(&format!("{}: {} rows", written.table, written.rows));
    files.push(written);
    let suspended_at = still_suspended(sweep.client(), tenant).await?;
    let finished_at = now(sweep.client()).await?;
    let manifest = Manifest::new(
        tenant.clone(),
        suspended_at,
        started_at,
        finished_at,
        key_store.is_some(),
        files,
    );
    let sha256 = folder.write_manifest(&manifest)?;
    sweep
        .client()
        .execute(
            "SELECT audit.record_operation('tenant.exported', $1, $2)",
            &[&sha256, &tenant.id.as_uuid()],
        )
        .await
        .context("recording the export")?;
    Ok(sha256)
}

/// The suspension, if it is the one that was in force when the export began.
async fn still_suspended(client: &Client, before: &TenantState) -> anyhow::Result<Option<String>> {
    let after = tenant_state(client, before.id).await?;
    let after = after.and_then(|state| state.suspended_at);
    Ok(before
        .suspended_at
        .clone()
        .filter(|since| after.as_ref() == Some(since)))
}

async fn now(client: &Client) -> anyhow::Result<String> {
    let sql = r#"SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#;
    let row = client
        .query_one(sql, &[])
        .await
        .context("asking the database for the time")?;
    Ok(row.try_get(0)?)
}

/// The rows of a table, in a file of their own.
async fn rows(sweep: &mut Sweep, folder: &Folder, table: &TenantTable) -> anyhow::Result<FileEntry> {
    let mut file = folder.file(&file_name(&table.name))?;
    lines(sweep, table, &mut |text| file.line(text)).await?;
    file.finish(&table.name)
}

/// The rows of a table, in the order of its key.
async fn lines(
    sweep: &mut Sweep,
    table: &TenantTable,
    line: &mut dyn FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut place: Option<Vec<String>> = None;
    loop {
        let page = sweep.page(table, place.as_deref(), PAGE_ROWS).await?;
        for row in &page {
            line(row.try_get(0)?)?;
        }
        match page.last() {
            // Without a key behind the tenant there is one row.
            Some(last) if page.len() == PAGE_ROWS && !table.key.is_empty() => place = Some(last.try_get(1)?),
            _ => return Ok(()),
        }
    }
}

/// What a file of an export would hold if it were written now.
#[derive(Default)]
pub(super) struct Digest {
    pub(super) rows: u64,
    hash: Sha256,
}

impl Digest {
    /// Of the rows of a table.
    pub(super) async fn of_table(sweep: &mut Sweep, table: &TenantTable) -> anyhow::Result<Self> {
        let mut digest = Self::default();
        lines(sweep, table, &mut |text| {
            digest.line(text);
            Ok(())
        })
        .await?;
        Ok(digest)
    }

    /// Of what the platform keeps about the tenant in one table of its own.
    pub(super) async fn of_holding(sweep: &mut Sweep, relation: &str) -> anyhow::Result<Self> {
        let mut digest = Self::default();
        let transaction = sweep.enter().await?;
        let rows = transaction
            .query("SELECT relation, content FROM tenancy.tenant_holdings()", &[])
            .await
            .context("reading what the platform keeps about the tenant")?;
        transaction.commit().await.context("committing")?;
        for row in &rows {
            if row.try_get::<_, &str>(0)? == relation {
                digest.line(row.try_get(1)?);
            }
        }
        Ok(digest)
    }

    fn line(&mut self, text: &str) {
        self.hash.update(text.as_bytes());
        self.hash.update(b"\n");
        self.rows += 1;
    }

    pub(super) fn sha256(self) -> String {
        hex(&self.hash.finalize())
    }
}

/// What the platform keeps about the tenant in tables of its own.
async fn holdings(sweep: &mut Sweep, folder: &Folder) -> anyhow::Result<Vec<FileEntry>> {
    let failed = "reading what the platform keeps about the tenant";
    let transaction = sweep.enter().await?;
    let query = "SELECT relation, content FROM tenancy.tenant_holdings()";
    let portal = transaction.bind(query, &[]).await.context(failed)?;
    let mut open: Option<(String, HashedFile)> = None;
    let mut files = Vec::new();
    loop {
        let page = transaction
            .query_portal(&portal, i32::try_from(PAGE_ROWS)?)
            .await
            .context(failed)?;
        for row in &page {
            let relation: String = row.try_get(0)?;
            if open.as_ref().is_none_or(|(current, _)| *current != relation) {
                if let Some((current, file)) = open.take() {
                    files.push(file.finish(&current)?);
                }
                let file = folder.file(&file_name(&relation))?;
                open = Some((relation, file));
            }
            if let Some((_, file)) = &mut open {
                file.line(row.try_get(1)?)?;
            }
        }
        if page.len() < PAGE_ROWS {
            break;
        }
    }
    if let Some((current, file)) = open {
        files.push(file.finish(&current)?);
    }
    transaction.commit().await.context("committing")?;
    Ok(files)
}

/// The tenant's part of the record, as far as it stood when the export began.
async fn record(sweep: &mut Sweep, folder: &Folder, until: &str) -> anyhow::Result<FileEntry> {
    let mut file = folder.file(&file_name("audit.events"))?;
    let (mut at, mut id) = ("-infinity".to_owned(), Uuid::nil());
    let limit = i32::try_from(PAGE_ROWS)?;
    loop {
        let transaction = sweep.enter().await?;
        let page = transaction
            .query(
                "SELECT recorded_at, event_id, content
                   FROM audit.tenant_events($1::text::timestamptz, $2, $3::text::timestamptz, $4)",
                &[&at, &id, &until, &limit],
            )
            .await
            .context("reading the tenant's part of the record")?;
        transaction.commit().await.context("committing")?;
        for row in &page {
            file.line(row.try_get(2)?)?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE_ROWS => (at, id) = (last.try_get(0)?, last.try_get(1)?),
            _ => return file.finish("audit.events"),
        }
    }
}

/// The folder of an export: nobody but its owner looks into it.
pub(super) struct Folder(PathBuf);

impl Folder {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let failed = || format!("making the folder `{}`", path.display());
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let empty = path.is_dir() && std::fs::read_dir(path).with_context(failed)?.next().is_none();
                if !empty {
                    return Err(TenantError::NotEmpty { path: path.to_owned() }.into());
                }
                std::fs::set_permissions(path, Permissions::from_mode(0o700)).with_context(failed)?;
            }
            Err(error) => return Err(error).with_context(failed),
        }
        Ok(Self(path.to_owned()))
    }

    pub(super) fn file(&self, name: &str) -> anyhow::Result<HashedFile> {
        let path = self.0.join(name);
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = opened.with_context(|| format!("making `{}`", path.display()))?;
        Ok(HashedFile {
            name: name.to_owned(),
            out: BufWriter::new(file),
            hash: Sha256::new(),
            rows: 0,
            bytes: 0,
        })
    }

    /// Written last: an export without its manifest is none.
    fn write_manifest(&self, manifest: &Manifest) -> anyhow::Result<String> {
        let mut file = self.file(FILE_NAME)?;
        file.line(&serde_json::to_string_pretty(manifest)?)?;
        let written = file.finish(FILE_NAME)?;
        let synced = File::open(&self.0).and_then(|folder| folder.sync_all());
        synced.with_context(|| format!("writing `{}`", self.0.display()))?;
        Ok(written.sha256)
    }
}

/// A file that is hashed while it is written.
pub(super) struct HashedFile {
    name: String,
    out: BufWriter<File>,
    hash: Sha256,
    rows: u64,
    bytes: u64,
}

impl HashedFile {
    pub(super) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        for part in [text.as_bytes(), b"\n"] {
            self.hash.update(part);
            self.bytes += part.len() as u64;
            self.out
                .write_all(part)
                .with_context(|| format!("writing `{}`", self.name))?;
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn finish(self, table: &str) -> anyhow::Result<FileEntry> {
        let file = self.out.into_inner().map_err(std::io::IntoInnerError::into_error);
        let synced = file.and_then(|file| file.sync_all());
        synced.with_context(|| format!("writing `{}`", self.name))?;
        Ok(FileEntry {
            file: self.name,
            table: table.to_owned(),
            rows: self.rows,
            bytes: self.bytes,
            sha256: hex(&self.hash.finalize()),
        })
    }
}

/// The tenant of this name, which must exist.
pub(super) async fn find(client: &Client, id: Option<CustomerId>, slug: Option<&str>) -> anyhow::Result<TenantState> {
    let id = match (id, slug) {
        (Some(id), _) => Some(id),
        (None, Some(slug)) => {
            let tenants = bearingwall_migrations::tenant_list(client).await?;
            let known = tenants.into_iter().find(|tenant| tenant.slug == slug);
            known.map(|tenant| tenant.id)
        }
        (None, None) => None,
    };
    let state = match id {
        Some(id) => tenant_state(client, id).await?,
        None => None,
    };
    let name = || id.map_or_else(|| slug.unwrap_or_default().to_owned(), |id| id.to_string());
    state.ok_or_else(|| TenantError::NoTenant { name: name() }.into())
}
