//! The personal data of an export in the clear, in files of its own: the tenant is owed its data in a form that can be read.

use super::export::{Folder, PAGE_ROWS};
use super::manifest::FileEntry;
use super::sweep::Sweep;
use super::tables::TenantTable;
use crate::arguments::AdminArguments;
use crate::keys::KEK_NAME;
use anyhow::Context as _;
use bearingwall_core::{ClientId, InvoiceId, MessageId, NoteId};
use bearingwall_domain::{DomainError, TenantOpener};
use bearingwall_secrets::{FileKeyStore, WrappedKey};
use std::str;
use tokio_postgres::Row;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Opens the sealed content of one row, with the id that names it.
type Open = fn(&TenantOpener, Uuid, &Row) -> anyhow::Result<Zeroizing<Vec<u8>>>;

/// A table with sealed content: `id` names the row, `$1` is the tenant and `$2` the place to go on from.
struct SealedTable {
    table: &'static str,
    id: &'static str,
    /// The column with the person under whose key it is; without one, it is under the tenant's.
    client: Option<&'static str>,
    open: Open,
}

const SEALED: [SealedTable; 5] = [
    SealedTable {
        table: "crm.chart_note_records",
        id: "note_id",
        client: Some("client_id"),
        open: |opener, id, row| {
            let client = ClientId::from_uuid(row.try_get(1)?);
            let opened = opener.client(client, row.try_get(2)?, row.try_get(3)?)?;
            Ok(opened.note(NoteId::from_uuid(id), row.try_get(4)?)?)
        },
    },
    SealedTable {
        table: "crm.client_records",
        id: "client_id",
        client: Some("client_id"),
        open: |opener, id, row| {
            let opened = opener.client(ClientId::from_uuid(id), row.try_get(2)?, row.try_get(3)?)?;
            Ok(opened.record(row.try_get(4)?)?)
        },
    },
    SealedTable {
        table: "crm.invoice_records",
        id: "invoice_id",
        client: Some("client_id"),
        open: |opener, id, row| {
            let client = ClientId::from_uuid(row.try_get(1)?);
            let opened = opener.client(client, row.try_get(2)?, row.try_get(3)?)?;
            Ok(opened.invoice(InvoiceId::from_uuid(id), row.try_get(4)?)?)
        },
    },
    SealedTable {
        table: "crm.messages",
        id: "id",
        client: Some("client_id"),
        open: |opener, id, row| {
            let client = ClientId::from_uuid(row.try_get(1)?);
            let opened = opener.client(client, row.try_get(2)?, row.try_get(3)?)?;
            Ok(opened.message(MessageId::from_uuid(id), row.try_get(4)?)?)
        },
    },
    SealedTable {
        table: "crm.unmatched_messages",
        id: "id",
        client: None,
        open: |opener, id, row| Ok(opener.unmatched(MessageId::from_uuid(id), row.try_get(4)?)?),
    },
];

/// The key-encryption key of the store that was named.
pub(super) fn key_store(admin: &AdminArguments) -> anyhow::Result<FileKeyStore> {
    let store = admin.store()?.context("`--decrypt` needs `--secrets`")?;
    FileKeyStore::open(store, KEK_NAME).context("the key-encryption key")
}

/// Writes the content of every sealed table; `crm.client_records` goes to `crm.client_records.clear.jsonl`.
pub(super) async fn export(
    sweep: &mut Sweep,
    folder: &Folder,
    tables: &[TenantTable],
    key_store: &FileKeyStore,
) -> anyhow::Result<Vec<FileEntry>> {
    let opener = opener(sweep, key_store).await?;
    let mut files = Vec::new();
    for sealed in &SEALED {
        let known = tables.iter().find(|table| table.name == sealed.table);
        let table = known.with_context(|| format!("`{}` is missing", sealed.table))?;
        let mut file = folder.file(&format!("{}.clear.jsonl", sealed.table))?;
        let sql = format!(
            "SELECT r.{id}, {client}, k.tenant_version, k.wrapped, r.payload FROM {table} r
               LEFT JOIN crm.client_keys k ON k.customer_id = r.customer_id AND k.client_id = {client}
              WHERE r.customer_id = $1 AND r.{id} > $2 ORDER BY r.{id} LIMIT {PAGE_ROWS}",
            id = sealed.id,
            client = sealed
                .client
                .map_or("NULL::uuid".to_owned(), |column| format!("r.{column}")),
            table = sealed.table
        );
        let mut after = Uuid::nil();
        loop {
            let page = sweep.read(table, &sql, after).await?;
            for row in &page {
                let id: Uuid = row.try_get(0)?;
                let line = line(sweep, sealed, opener.as_ref(), id, row)?;
                file.line(&line)?;
                after = id;
            }
            if page.len() < PAGE_ROWS {
                break;
            }
        }
        files.push(file.finish(sealed.table)?);
    }
    Ok(files)
}

/// One row. Whoever's key was destroyed is erased, and that is what the line says: `"content":null`.
fn line(
    sweep: &Sweep,
    sealed: &SealedTable,
    opener: Option<&TenantOpener>,
    id: Uuid,
    row: &Row,
) -> anyhow::Result<Zeroizing<String>> {
    let key: Option<i32> = row.try_get(2)?;
    let text = match (opener, key) {
        (Some(opener), key) if key.is_some() || sealed.client.is_none() => {
            let opened = (sealed.open)(opener, id, row);
            opened.with_context(|| format!("opening row `{id}` of `{}`", sealed.table))?
        }
        _ => Zeroizing::new(b"null".to_vec()),
    };
    let content = str::from_utf8(&text).map_err(|_| DomainError::Unreadable)?;
    Ok(Zeroizing::new(format!(
        r#"{{"customer_id":"{}","{}":"{id}","content":{content}}}"#,
        sweep.customer(),
        sealed.id
    )))
}

/// The tenant's keys; a tenant that never stored anything has none.
async fn opener(sweep: &mut Sweep, key_store: &FileKeyStore) -> anyhow::Result<Option<TenantOpener>> {
    let customer = sweep.customer();
    let transaction = sweep.enter().await?;
    let sql = "SELECT version, kek_version, wrapped FROM crm.tenant_keys WHERE customer_id = $1 ORDER BY version";
    let rows = transaction
        .query(sql, &[&customer.as_uuid()])
        .await
        .context("reading the tenant's keys")?;
    let sql = "SELECT version, tenant_version, wrapped FROM crm.index_keys WHERE customer_id = $1 ORDER BY version DESC LIMIT 1";
    let index = transaction
        .query_opt(sql, &[&customer.as_uuid()])
        .await
        .context("reading the key of the blind indexes")?;
    transaction.commit().await.context("committing")?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut wrapped = Vec::with_capacity(rows.len());
    for row in rows {
        let key = WrappedKey {
            kek_version: row.try_get(1)?,
            bytes: row.try_get(2)?,
        };
        wrapped.push((row.try_get(0)?, key));
    }
    let index = match index {
        Some(row) => Some((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)),
        None => None,
    };
    let opener = TenantOpener::new(customer, key_store, &wrapped, index.as_ref()).await;
    Ok(Some(opener.context("opening the tenant's keys")?))
}
