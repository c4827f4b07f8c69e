//! Rows of a client file, applied by the chunk: spine, keys, records and digests in one statement each.

use crate::client::store::{self, NewClient};
use crate::client::{Address, ClientInput, ValidClient};
use crate::crm::Crm;
use crate::error::DomainError;
use crate::import::header::{Cells, Header};
use crate::import::{Sheet, Tally};
use bearingwall_audit::{Access, Command, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx, Phi};
use bearingwall_tenancy::TenantTx;
use std::collections::HashMap;
use time::Date;

/// The columns of a client file.
pub(crate) struct ClientSheet {
    cells: usize,
    external_id: usize,
    first_name: usize,
    last_name: usize,
    date_of_birth: usize,
    phone: Option<usize>,
    email: Option<usize>,
    street: Option<usize>,
    city: Option<usize>,
    state: Option<usize>,
    postal_code: Option<usize>,
    allergies: Option<usize>,
    conditions: Option<usize>,
    marketing_opt_in: Option<usize>,
    labels: Vec<(usize, String)>,
}

/// A client that is to be stored, with the line it came from.
struct Candidate {
    line: u64,
    new: NewClient,
}

impl Sheet for ClientSheet {
    type Row = ValidClient;
    const CHUNK_ROWS: usize = 100;

    fn open(header: Vec<String>) -> Result<Self, DomainError> {
        let cells = header.len();
        let mut header = Header::new(header)?;
        let sheet = Self {
            cells,
            external_id: header.required("external_id")?,
            first_name: header.required("first_name")?,
            last_name: header.required("last_name")?,
            date_of_birth: header.required("date_of_birth")?,
            phone: header.optional("phone"),
            email: header.optional("email"),
            street: header.optional("street"),
            city: header.optional("city"),
            state: header.optional("state"),
            postal_code: header.optional("postal_code"),
            allergies: header.optional("allergies"),
            conditions: header.optional("conditions"),
            marketing_opt_in: header.optional("marketing_opt_in"),
            labels: header.rest(),
        };
        let named = sheet
            .labels
            .iter()
            .all(|(_, name)| crate::client::label_name(name).is_ok());
        if !named || sheet.labels.len() > crate::client::LABELS_MAX {
            return Err(DomainError::Header {
                reason: "the file has more or longer further columns than labels may be",
            });
        }
        Ok(sheet)
    }

    fn row(&self, cells: Vec<String>, latest_today: Date) -> Result<ValidClient, &'static str> {
        if cells.len() != self.cells {
            return Err("the row has another number of cells than the header");
        }
        let mut cells = Cells(cells);
        let opted_in = cells.take_optional(self.marketing_opt_in);
        let mut optional = |position| cells.take_optional(position).map(Phi::new);
        let input = ClientInput {
            external_id: Some(optional(Some(self.external_id)).ok_or("external id is missing")?),
            phone: optional(self.phone),
            email: optional(self.email),
            address: Address {
                street: optional(self.street),
                city: optional(self.city),
                state: optional(self.state),
                postal_code: optional(self.postal_code),
            },
            allergies: optional(self.allergies),
            conditions: optional(self.conditions),
            marketing_opt_in: yes_or_no(opted_in.as_deref())?,
            first_name: Phi::new(cells.take(self.first_name)),
            last_name: Phi::new(cells.take(self.last_name)),
            date_of_birth: Phi::new(cells.take(self.date_of_birth)),
            labels: Phi::new(
                self.labels
                    .iter()
                    .map(|(at, name)| (name.clone(), cells.take(*at)))
                    .collect(),
            ),
        };
        ValidClient::new(&input, latest_today).map_err(|invalid| invalid.reason)
    }

    async fn apply(
        &mut self,
        crm: &Crm,
        ctx: &Ctx,
        rows: Vec<(u64, ValidClient)>,
        tally: &mut Tally,
    ) -> Result<(), DomainError> {
        let candidates = candidates(crm, ctx, rows, tally).await?;
        if candidates.is_empty() {
            return Ok(());
        }
        let access = Access::to(
            EventType::ClientImported,
            candidates.iter().map(|candidate| candidate.new.id),
        )
        .covering("crm.client_records", &[Command::Insert])
        .covering("crm.client_digests", &[Command::Insert]);
        let came: Vec<_> = candidates
            .iter()
            .map(|c| (c.line, c.new.id, c.new.external, c.new.content))
            .collect();
        let new = candidates.into_iter().map(|candidate| candidate.new).collect();
        let (inserted, raced) = crm
            .audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let inserted = store::insert(tx, new).await?;
                let missing = came.iter().filter(|(_, id, ..)| !inserted.contains(&id.as_uuid()));
                let missing: Vec<Vec<u8>> = missing
                    .filter_map(|(.., external, _)| external.map(Vec::from))
                    .collect();
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
        for (line, _, external, content) in came.iter().filter(|(_, id, ..)| !inserted.contains(&id.as_uuid())) {
            let on_record = external.and_then(|external| raced.get(external.as_slice())?.as_deref());
            tally.compare(*line, content, on_record);
        }
        Ok(())
    }
}

/// Leaves out what is on record, or stood further up in the same chunk.
async fn candidates(
    crm: &Crm,
    ctx: &Ctx,
    rows: Vec<(u64, ValidClient)>,
    tally: &mut Tally,
) -> Result<Vec<Candidate>, DomainError> {
    let keys = crm.tenant_keys(ctx).await?;
    let prints = keys.fingerprints();
    let mut prepared = Vec::with_capacity(rows.len());
    for (line, client) in rows {
        let Some(id) = &client.as_input().external_id else {
            continue;
        };
        let external = prints.client_external(id);
        prepared.push((line, external, prints.client_content(client.as_input()), client));
    }
    let externals = prepared.iter().map(|(_, external, ..)| Vec::from(*external)).collect();
    let mut known = crm
        .audit()
        .pool()
        .run(ctx, async |tx: &mut TenantTx<'_>| store::known(tx, externals).await)
        .await?;
    let mut candidates = Vec::new();
    for (line, external, content, client) in prepared {
        if let Some(on_record) = known.get(external.as_slice()) {
            tally.compare(line, &content, on_record.as_deref());
        } else {
            known.insert(Vec::from(external), Some(Vec::from(content)));
            let new = NewClient::seal(ClientId::from_uuid(crm.ids().v7()), &client, &keys)?;
            candidates.push(Candidate { line, new });
        }
    }
    Ok(candidates)
}

fn yes_or_no(text: Option<&str>) -> Result<bool, &'static str> {
    match text.map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        None | Some("false" | "no" | "n" | "0") => Ok(false),
        Some("true" | "yes" | "y" | "1") => Ok(true),
        Some(_) => Err("marketing_opt_in is neither true nor false"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_is_never_guessed() {
        assert_eq!(yes_or_no(None), Ok(false));
        assert_eq!(yes_or_no(Some(" TRUE ")), Ok(true));
        assert!(yes_or_no(Some("maybe")).is_err());
    }
}
