//! The export: each client's access is on record before anything of the client is seen, and what leaves is masked.

use crate::client::ClientRecord;
use crate::client::store as clients;
use crate::crm::{Crm, cut};
use crate::deidentified::Deidentified;
use crate::deidentified::harbor::Harbor;
use crate::error::DomainError;
use crate::keys::TenantKeys;
use crate::note::{NoteRecord, store as notes};
use bearingwall_audit::{Access, Command, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx, NoteId};
use bearingwall_pii::Floor;
use bearingwall_tenancy::TenantTx;
use std::collections::BTreeMap;
use time::Date;
use uuid::Uuid;

const RECORDS: &str = "crm.client_records";
const NOTES: &str = "crm.chart_note_records";

/// Clients whose ids are fetched at once, and whose order is lost.
const CLIENTS: u16 = 500;

/// Notes that are held at once.
const NOTES_MAX: u16 = 100;

/// An export on its way. Every call of [`Deidentification::next`] gives some more of it.
#[derive(Debug)]
pub struct Deidentification {
    crm: Crm,
    ctx: Ctx,
    /// The clients that come next, by the code of each: in an order that says nothing of when they came.
    coming: BTreeMap<Uuid, ClientId>,
    before: Option<ClientId>,
    is_last: bool,
    /// The client of whom there are more notes.
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    client: ClientId,
    record: Uuid,
    before: Option<NoteId>,
}

/// What was read of one client under one access.
struct Read {
    client: ClientRecord,
    notes: Vec<NoteRecord>,
    next: Option<NoteId>,
}

impl Crm {
    /// Begins a Safe Harbor export of all clients of the tenant and their chart notes.
    #[must_use]
    pub fn deidentification(&self, ctx: &Ctx) -> Deidentification {
        Deidentification {
            crm: self.clone(),
            ctx: ctx.clone(),
            coming: BTreeMap::new(),
            before: None,
            is_last: false,
            current: None,
        }
    }
}

impl Deidentification {
    /// Some more of the export: a client with its newest notes, or more notes of the one before. Nothing when all is told.
    ///
    /// Clients that come while it goes on are not in it. After an error the call may be repeated; it goes on where it was.
    ///
    /// # Errors
    /// When the record, the database or the keys are away; [`DomainError::Deidentify`] when a text cannot be masked.
    pub async fn next(&mut self) -> Result<Option<Vec<Deidentified>>, DomainError> {
        let (current, is_new) = match self.current.take() {
            Some(current) => (current, false),
            None => match self.next_client().await? {
                Some((record, client)) => (
                    Current {
                        client,
                        record,
                        before: None,
                    },
                    true,
                ),
                None => return Ok(None),
            },
        };
        let read = match self.read(&current).await {
            Ok(read) => read,
            Err(error) => {
                self.put_back(current, is_new);
                return Err(error);
            }
        };
        let Some(read) = read else {
            // Erased in the meantime.
            return Ok(Some(Vec::new()));
        };
        let (record, today) = (current.record, self.crm.latest_today());
        let next = read.next;
        let floor = self.crm.floor().clone();
        // Masking a page of notes takes milliseconds, which no other request of this worker should wait for.
        let told = tokio::task::spawn_blocking(move || tell(&read, record, is_new, (today, &floor)))
            .await
            .map_err(|_| DomainError::Interrupted)
            .and_then(|told| told);
        match told {
            Ok(told) => {
                self.current = next.map(|next| Current {
                    before: Some(next),
                    ..current
                });
                Ok(Some(told))
            }
            Err(error) => {
                self.put_back(current, is_new);
                Err(error)
            }
        }
    }

    fn put_back(&mut self, current: Current, is_new: bool) {
        if is_new {
            self.coming.insert(current.record, current.client);
        } else {
            self.current = Some(current);
        }
    }

    async fn next_client(&mut self) -> Result<Option<(Uuid, ClientId)>, DomainError> {
        if self.coming.is_empty() && !self.is_last {
            let before = self.before;
            let mut ids = self
                .crm
                .audit()
                .pool()
                .run(&self.ctx, async |tx: &mut TenantTx<'_>| {
                    clients::page(tx, before, i64::from(CLIENTS) + 1).await
                })
                .await?;
            self.before = cut(&mut ids, CLIENTS, |id| ClientId::from_uuid(*id));
            self.is_last = self.before.is_none();
            self.coming = ids
                .into_iter()
                .map(|id| (Uuid::new_v4(), ClientId::from_uuid(id)))
                .collect();
        }
        Ok(self.coming.pop_first())
    }

    // CONTROL: DOM-5
    async fn read(&self, current: &Current) -> Result<Option<Read>, DomainError> {
        let keys = self.crm.tenant_keys(&self.ctx).await?;
        let (client, before) = (current.client, current.before);
        let access = Access::to(EventType::ClientDeidentified, [client])
            .covering(RECORDS, &[Command::Select])
            .covering(NOTES, &[Command::Select]);
        let rows = self
            .crm
            .audit()
            .with_access(&self.ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let Some(record) = clients::read(tx, vec![client.as_uuid()]).await?.pop() else {
                    tx.found(0);
                    return Ok(None);
                };
                let notes = notes::page(tx, client, before, i64::from(NOTES_MAX) + 1).await?;
                tx.found(1 + notes.len().min(usize::from(NOTES_MAX)));
                Ok::<_, DomainError>(Some((record, notes)))
            })
            .await?;
        let Some((record, mut notes)) = rows else {
            return Ok(None);
        };
        let next = cut(&mut notes, NOTES_MAX, |row| NoteId::from_uuid(row.id));
        Ok(Some(Read {
            client: record.open(&keys)?,
            notes: open(notes, &keys)?,
            next,
        }))
    }
}

fn open(rows: Vec<notes::Sealed>, keys: &TenantKeys) -> Result<Vec<NoteRecord>, DomainError> {
    rows.into_iter().map(|row| row.open(keys)).collect()
}

fn tell(
    read: &Read,
    record: Uuid,
    is_new: bool,
    (today, floor): (Date, &Floor),
) -> Result<Vec<Deidentified>, DomainError> {
    let mut harbor = Harbor::of(&read.client, record, today, floor)?;
    let mut told = Vec::with_capacity(1 + read.notes.len());
    if is_new {
        told.push(Deidentified::Client(harbor.client(&read.client, today)?));
    }
    for note in &read.notes {
        told.push(Deidentified::Note(harbor.note(note)?));
    }
    Ok(told)
}
