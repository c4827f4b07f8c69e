//! Rows of a chart-note file, applied by the chunk: one look-up of clients and keys, one insert for spine and records.

use crate::client::store as clients;
use crate::crm::Crm;
use crate::error::DomainError;
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::import::header::{Cells, Header};
use crate::import::{Sheet, Tally};
use crate::keys::{ClientKey, StoredKey, TenantKeys};
use crate::note::store::{self, NewNote};
use crate::note::{NoteInput, ValidNote};
use bearingwall_audit::{Access, Command, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx, NoteId, Phi};
use bearingwall_tenancy::TenantTx;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use time::Date;

/// The columns of a chart-note file, and the rows without an id of their own that it had so far.
pub(crate) struct NoteSheet {
    cells: usize,
    client_external_id: usize,
    noted_on: usize,
    author: usize,
    service: usize,
    body: usize,
    external_id: Option<usize>,
    occurrences: HashMap<Fingerprint, u64>,
}

pub(crate) struct NoteRow {
    client: Phi<String>,
    note: ValidNote,
}

/// A row by its digests, before it is known whether it is on record.
struct Prepared {
    line: u64,
    client: Fingerprint,
    import_key: Fingerprint,
    note: ValidNote,
}

/// What the database says about a chunk: clients by external id, and notes by import key.
struct OnRecord {
    clients: HashMap<Vec<u8>, (ClientId, StoredKey)>,
    notes: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

/// What came from a line, to be compared if another import was faster.
struct Came {
    line: u64,
    id: NoteId,
    import_key: Fingerprint,
    content: Fingerprint,
}

impl Sheet for NoteSheet {
    type Row = NoteRow;
    const CHUNK_ROWS: usize = 200;

    fn open(header: Vec<String>) -> Result<Self, DomainError> {
        let cells = header.len();
        let mut header = Header::new(header)?;
        let sheet = Self {
            cells,
            client_external_id: header.required("client_external_id")?,
            noted_on: header.required("noted_on")?,
            author: header.required("author")?,
            service: header.required("service")?,
            body: header.required("body")?,
            external_id: header.optional("external_id"),
            occurrences: HashMap::new(),
        };
        // A note has no place for more, and dropping part of a medical record in silence is worse than refusing it.
        if !header.rest().is_empty() {
            return Err(DomainError::Header {
                reason: "the file has a column that chart notes do not have",
            });
        }
        Ok(sheet)
    }

    fn row(&self, cells: Vec<String>, _: Date) -> Result<NoteRow, &'static str> {
        if cells.len() != self.cells {
            return Err("the row has another number of cells than the header");
        }
        let mut cells = Cells(cells);
        let client = cells.take(self.client_external_id);
        if client.trim().is_empty() {
            return Err("client_external_id is missing");
        }
        let input = NoteInput {
            external_id: cells.take_optional(self.external_id).map(Phi::new),
            noted_on: Phi::new(cells.take(self.noted_on)),
            author: Phi::new(cells.take(self.author)),
            service: Phi::new(cells.take(self.service)),
            body: Phi::new(cells.take(self.body)),
        };
        let note = ValidNote::new(&input).map_err(|invalid| invalid.reason)?;
        Ok(NoteRow {
            client: Phi::new(client.trim().to_owned()),
            note,
        })
    }

    async fn apply(
        &mut self,
        crm: &Crm,
        ctx: &Ctx,
        rows: Vec<(u64, NoteRow)>,
        tally: &mut Tally,
    ) -> Result<(), DomainError> {
        let keys = crm.tenant_keys(ctx).await?;
        let prints = keys.fingerprints();
        let prepared: Vec<Prepared> = rows
            .into_iter()
            .map(|(line, row)| self.prepare(line, row, &prints))
            .collect();
        let on_record = look_up(crm, ctx, &prepared).await?;
        let (new, came) = Chunk {
            crm,
            keys: &keys,
            prints: &prints,
            on_record,
        }
        .select(prepared, tally)?;
        if new.is_empty() {
            return Ok(());
        }
        let subjects: BTreeSet<ClientId> = new.iter().map(|note| note.client).collect();
        let access =
            Access::to(EventType::NoteImported, subjects).covering("crm.chart_note_records", &[Command::Insert]);
        let (inserted, raced) = crm
            .audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let inserted = store::insert(tx, new).await?;
                let missing = came.iter().filter(|came| !inserted.contains(&came.id.as_uuid()));
                let missing: Vec<Vec<u8>> = missing.map(|came| Vec::from(came.import_key)).collect();
                // Another import was faster: what it stored is compared like anything on record.
                let raced = if missing.is_empty() {
                    HashMap::new()
                } else {
                    store::known(tx.tenant(), missing).await?
                };
                Ok::<_, DomainError>((inserted, raced))
            })
            .await?;
        tally.created(inserted.len());
        for came in came.iter().filter(|came| !inserted.contains(&came.id.as_uuid())) {
            let on_record = raced
                .get(came.import_key.as_slice())
                .and_then(|content| content.as_deref());
            tally.compare(came.line, &came.content, on_record);
        }
        Ok(())
    }
}

impl NoteSheet {
    /// A row without an id is known by its digest and how often it stood in this file before: identical rows are all
    /// kept, and repeating the file adds none.
    fn prepare(&mut self, line: u64, row: NoteRow, prints: &Fingerprints) -> Prepared {
        let input = row.note.as_input();
        let import_key = match &input.external_id {
            Some(id) => prints.note_external(id),
            None => {
                let digest = prints.note_row(&row.client, input);
                let occurrence = self.occurrences.entry(digest).or_default();
                let import_key = prints.note_occurrence(&digest, *occurrence);
                *occurrence += 1;
                import_key
            }
        };
        Prepared {
            line,
            client: prints.client_external(&row.client),
            import_key,
            note: row.note,
        }
    }
}

async fn look_up(crm: &Crm, ctx: &Ctx, prepared: &[Prepared]) -> Result<OnRecord, DomainError> {
    let externals: BTreeSet<Fingerprint> = prepared.iter().map(|row| row.client).collect();
    let externals = externals.into_iter().map(Vec::from).collect();
    let import_keys = prepared.iter().map(|row| Vec::from(row.import_key)).collect();
    crm.audit()
        .pool()
        .run(ctx, async |tx: &mut TenantTx<'_>| {
            let clients = clients::by_external(tx, externals).await?;
            Ok(OnRecord {
                clients,
                notes: store::known(tx, import_keys).await?,
            })
        })
        .await
}

/// A chunk at work.
struct Chunk<'a> {
    crm: &'a Crm,
    keys: &'a TenantKeys,
    prints: &'a Fingerprints<'a>,
    on_record: OnRecord,
}

impl Chunk<'_> {
    /// Leaves out rows of unknown clients, what is on record, and what stood further up in the same chunk.
    fn select(mut self, prepared: Vec<Prepared>, tally: &mut Tally) -> Result<(Vec<NewNote>, Vec<Came>), DomainError> {
        let (mut new, mut came) = (Vec::new(), Vec::new());
        let mut unwrapped: HashMap<ClientId, ClientKey> = HashMap::new();
        for row in prepared {
            let Some((client, stored)) = self.on_record.clients.get(row.client.as_slice()) else {
                tally.invalid(row.line, "no client has this client_external_id");
                continue;
            };
            let content = self.prints.note_content(*client, row.note.as_input());
            if let Some(on_record) = self.on_record.notes.get(row.import_key.as_slice()) {
                tally.compare(row.line, &content, on_record.as_deref());
                continue;
            }
            self.on_record
                .notes
                .insert(Vec::from(row.import_key), Some(Vec::from(content)));
            let key = match unwrapped.entry(*client) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.keys.unwrap(*client, stored)?),
            };
            let id = NoteId::from_uuid(self.crm.ids().v7());
            new.push(NewNote::seal(
                (id, *client),
                Some(row.import_key),
                content,
                &row.note,
                key,
            )?);
            came.push(Came {
                line: row.line,
                id,
                import_key: row.import_key,
                content,
            });
        }
        Ok((new, came))
    }
}
