//! Import of CSV files, pushed in piece by piece: bad rows are reported, good rows are stored, a repeat changes nothing.

mod clients;
mod csv;
mod header;
mod notes;

use crate::crm::Crm;
use crate::error::DomainError;
use bearingwall_core::Ctx;
use clients::ClientSheet;
use csv::Splitter;
use notes::NoteSheet;
use time::Date;

/// What was wrong with a row that was not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// It breaks a rule.
    Invalid,
    /// Its id is on record with other content.
    Conflict,
}

/// What an import reports while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportEvent {
    /// A row was not applied.
    Row {
        /// The physical line on which the row begins, from 1; the header counts.
        line: u64,
        /// In which sense.
        outcome: RowOutcome,
        /// Why. It names the field and never a value.
        reason: &'static str,
    },
    /// A chunk is committed; everything so far.
    Progress(ImportSummary),
}

/// How many rows came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Rows seen, without the header and blank lines.
    pub rows: u64,
    /// Rows stored.
    pub created: u64,
    /// Rows that were on record already, with the same content.
    pub unchanged: u64,
    /// Rows whose id is on record with other content; not applied.
    pub conflicts: u64,
    /// Rows that break a rule; not applied.
    pub invalid: u64,
}

/// What became of the rows of one chunk.
#[derive(Default)]
pub(crate) struct Tally {
    summary: ImportSummary,
    reported: Vec<(u64, RowOutcome, &'static str)>,
}

impl Tally {
    pub(crate) fn created(&mut self, rows: usize) {
        self.summary.created += rows as u64;
    }

    pub(crate) fn unchanged(&mut self) {
        self.summary.unchanged += 1;
    }

    pub(crate) fn conflict(&mut self, line: u64) {
        self.summary.conflicts += 1;
        self.reported.push((
            line,
            RowOutcome::Conflict,
            "the external id is on record with other content",
        ));
    }

    pub(crate) fn invalid(&mut self, line: u64, reason: &'static str) {
        self.summary.invalid += 1;
        self.reported.push((line, RowOutcome::Invalid, reason));
    }

    /// Compares what the row says with what is on record under its id.
    pub(crate) fn compare(&mut self, line: u64, content: &[u8], on_record: Option<&[u8]>) {
        if on_record == Some(content) {
            self.unchanged();
        } else {
            self.conflict(line);
        }
    }
}

/// One kind of file: its columns, its rows, and how a chunk of them is stored.
pub(crate) trait Sheet: Sized {
    type Row;
    /// Rows that are applied under one access.
    const CHUNK_ROWS: usize;

    fn open(header: Vec<String>) -> Result<Self, DomainError>;
    fn row(&self, cells: Vec<String>, latest_today: Date) -> Result<Self::Row, &'static str>;
    /// Stores rows; what the database refuses ends the import, what a row gets wrong goes to the tally.
    async fn apply(
        &mut self,
        crm: &Crm,
        ctx: &Ctx,
        rows: Vec<(u64, Self::Row)>,
        tally: &mut Tally,
    ) -> Result<(), DomainError>;
}

/// The part that both kinds of import share.
struct Import<S: Sheet> {
    crm: Crm,
    ctx: Ctx,
    splitter: Splitter,
    sheet: Option<S>,
    pending: Vec<(u64, S::Row)>,
    pending_invalid: usize,
    tally: Tally,
    failed: bool,
}

impl<S: Sheet> Import<S> {
    fn new(crm: Crm, ctx: Ctx) -> Self {
        Self {
            crm,
            ctx,
            splitter: Splitter::new(),
            sheet: None,
            pending: Vec::new(),
            pending_invalid: 0,
            tally: Tally::default(),
            failed: false,
        }
    }

    async fn push(&mut self, bytes: &[u8]) -> Result<Vec<ImportEvent>, DomainError> {
        if self.failed {
            return Err(DomainError::ImportEnded);
        }
        // Until the end of this call is reached, the import counts as failed: dropping the future half-way leaves
        // rows behind of which nobody knows whether they were stored.
        self.failed = true;
        self.splitter.push(bytes);
        let mut events = Vec::new();
        self.read(false, &mut events).await?;
        self.failed = false;
        Ok(events)
    }

    async fn finish(mut self) -> Result<(Vec<ImportEvent>, ImportSummary), DomainError> {
        if self.failed {
            return Err(DomainError::ImportEnded);
        }
        let mut events = Vec::new();
        self.read(true, &mut events).await?;
        if self.sheet.is_none() {
            return Err(DomainError::Header {
                reason: "the file is empty",
            });
        }
        if !self.pending.is_empty() || self.pending_invalid > 0 {
            self.flush(&mut events).await?;
        }
        Ok((events, self.tally.summary))
    }

    async fn read(&mut self, at_end: bool, events: &mut Vec<ImportEvent>) -> Result<(), DomainError> {
        while let Some(row) = self.splitter.next_row(at_end) {
            let Some(sheet) = &self.sheet else {
                let header = row.cells.map_err(|reason| DomainError::Header {
                    reason: csv::of_header(reason),
                })?;
                self.splitter.expect_cells(header.len());
                self.sheet = Some(S::open(header)?);
                continue;
            };
            self.tally.summary.rows += 1;
            match row.cells.and_then(|cells| sheet.row(cells, self.crm.latest_today())) {
                Ok(parsed) => self.pending.push((row.line, parsed)),
                Err(reason) => {
                    self.pending_invalid += 1;
                    self.tally.invalid(row.line, reason);
                }
            }
            if self.pending.len() + self.pending_invalid >= S::CHUNK_ROWS {
                self.flush(events).await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, events: &mut Vec<ImportEvent>) -> Result<(), DomainError> {
        let rows = std::mem::take(&mut self.pending);
        self.pending_invalid = 0;
        if let Some(sheet) = self.sheet.as_mut().filter(|_| !rows.is_empty()) {
            sheet.apply(&self.crm, &self.ctx, rows, &mut self.tally).await?;
        }
        self.tally.reported.sort_unstable_by_key(|(line, ..)| *line);
        let reported = self.tally.reported.drain(..);
        events.extend(reported.map(|(line, outcome, reason)| ImportEvent::Row { line, outcome, reason }));
        events.push(ImportEvent::Progress(self.tally.summary));
        Ok(())
    }
}

/// An import of clients. Columns: `external_id`, `first_name`, `last_name`, `date_of_birth`; where present `phone`,
/// `email`, `street`, `city`, `state`, `postal_code`, `allergies`, `conditions`, `marketing_opt_in`; every other column
/// becomes a label.
pub struct ClientImport(Import<ClientSheet>);

/// An import of chart notes. Columns: `client_external_id`, `noted_on`, `author`, `service`, `body`; where present
/// `external_id`.
pub struct NoteImport(Import<NoteSheet>);

impl Crm {
    /// Begins an import of clients.
    #[must_use]
    pub fn client_import(&self, ctx: &Ctx) -> ClientImport {
        ClientImport(Import::new(self.clone(), ctx.clone()))
    }

    /// Begins an import of chart notes.
    #[must_use]
    pub fn note_import(&self, ctx: &Ctx) -> NoteImport {
        NoteImport(Import::new(self.clone(), ctx.clone()))
    }
}

impl ClientImport {
    /// Takes the next piece of the file, cut anywhere, and stores every full chunk of rows.
    ///
    /// # Errors
    /// When the header cannot be used, or when the record or the database is away. Chunks reported as progress stay;
    /// repeating the whole file is safe.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<Vec<ImportEvent>, DomainError> {
        self.0.push(bytes).await
    }

    /// Stores what is left.
    ///
    /// # Errors
    /// As [`ClientImport::push`].
    pub async fn finish(self) -> Result<(Vec<ImportEvent>, ImportSummary), DomainError> {
        self.0.finish().await
    }
}

impl NoteImport {
    /// Takes the next piece of the file, cut anywhere, and stores every full chunk of rows.
    ///
    /// # Errors
    /// As [`ClientImport::push`].
    pub async fn push(&mut self, bytes: &[u8]) -> Result<Vec<ImportEvent>, DomainError> {
        self.0.push(bytes).await
    }

    /// Stores what is left.
    ///
    /// # Errors
    /// As [`ClientImport::push`].
    pub async fn finish(self) -> Result<(Vec<ImportEvent>, ImportSummary), DomainError> {
        self.0.finish().await
    }
}
