//! Chart notes: create, read, list, change, import.

use crate::edge::Edge;
use crate::imports::{self, Counts, ImportLine, Importer, Run};
use crate::paging::PageQuery;
use crate::precondition::{self, IfMatch, etag};
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use bearingwall_audit::EventType;
use bearingwall_core::{ClientId, NoteId, Phi};
use bearingwall_domain::{Crm, NoteImport, NoteInput, NoteRecord};
use bearingwall_rbac::{ImportChartNote, ReadChartNote, WriteChartNote};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// What a chart note says.
// No Debug: everything in it identifies or describes a person.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChartNoteBody {
    /// The note's id in another system, unique in the tenant; at most 128 characters.
    #[serde(default)]
    external_id: Option<String>,
    /// `YYYY-MM-DD`.
    #[schema(format = Date)]
    noted_on: String,
    /// Who wrote it; at most 200 characters.
    author: String,
    /// What was done; at most 100 characters.
    service: String,
    /// The text, kept as it is; at most 65,536 bytes.
    body: String,
}

/// A chart note as stored.
#[derive(Serialize, ToSchema)]
struct ChartNote {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: NoteId,
    /// The client that it is about.
    #[schema(value_type = uuid::Uuid)]
    client_id: ClientId,
    /// Counts the changes, from 1; the entity tag is made of it.
    version: i64,
    /// When it was stored (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// When it was last changed (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: OffsetDateTime,
    #[serde(flatten)]
    note: ChartNoteBody,
}

/// A page of a client's chart notes, newest first.
#[derive(Serialize, ToSchema)]
struct ChartNotePage {
    /// The notes.
    items: Vec<ChartNote>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    next: Option<NoteId>,
}

/// What a write answers: no representation, which only a recorded read may give.
#[derive(Serialize, ToSchema)]
struct ChartNoteWritten {
    /// The note.
    #[schema(value_type = uuid::Uuid)]
    id: NoteId,
    /// Its version now.
    version: i64,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let of_client = "POST /v1/clients/{client_id}/chart-notes";
    let create = RouteSpec::new(of_client, "chart_note_create", "Writes a chart note about a client.")
        .phi(&[EventType::NoteCreated])
        .rate(RateClass::Write)
        .takes(Content::json::<ChartNoteBody>())
        .answers(201, "The note exists.", Some(Content::json::<ChartNoteWritten>()));
    let of_client = "GET /v1/clients/{client_id}/chart-notes";
    let list = PageQuery::declare(RouteSpec::new(
        of_client,
        "chart_note_list",
        "The chart notes of a client, newest first.",
    ))
    .phi(&[EventType::NoteListed])
    .rate(RateClass::Read)
    .answers(200, "A page.", Some(Content::json::<ChartNotePage>()));
    let read = RouteSpec::new("GET /v1/chart-notes/{note_id}", "chart_note_read", "One chart note.")
        .phi(&[EventType::NoteRead])
        .rate(RateClass::Read)
        .answers(
            200,
            "The note; the entity tag is its version.",
            Some(Content::json::<ChartNote>()),
        );
    let change = RouteSpec::new(
        "PUT /v1/chart-notes/{note_id}",
        "chart_note_change",
        "Replaces what a note says.",
    )
    .phi(&[EventType::NoteChanged])
    .rate(RateClass::Write)
    .header(precondition::NAME, "The entity tag of the version that was read.")
    .takes(Content::json::<ChartNoteBody>())
    .answers(
        200,
        "The note is at the version that is answered.",
        Some(Content::json::<ChartNoteWritten>()),
    );
    let import = RouteSpec::new(
        "POST /v1/chart-notes:import",
        "chart_note_import",
        "Loads chart notes from CSV.",
    )
    .phi(&[EventType::NoteImported])
    .rate(RateClass::Bulk)
    .streamed()
    .takes(Content::text(imports::CSV))
    .answers(
        200,
        "What became of the rows, told while they are worked on.",
        Some(imports::answer()),
    );
    table
        .secured::<WriteChartNote, _, _>(create, note_create)
        .secured::<ReadChartNote, _, _>(list, note_list)
        .secured::<ReadChartNote, _, _>(read, note_read)
        .secured::<WriteChartNote, _, _>(change, note_change)
        .secured::<ImportChartNote, _, _>(import, note_import)
}

async fn note_create(
    granted: Granted<WriteChartNote>,
    crm: web::Data<Crm>,
    client: web::Path<ClientId>,
    body: web::Json<ChartNoteBody>,
) -> Result<HttpResponse, Problem> {
    let input = body.into_inner().into_input();
    let written = crm.note_create(granted.ctx(), client.into_inner(), &input).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/v1/chart-notes/{}", written.id)))
        .insert_header(etag(written.version))
        .json(ChartNoteWritten {
            id: written.id,
            version: written.version,
        }))
}

async fn note_list(
    granted: Granted<ReadChartNote>,
    crm: web::Data<Crm>,
    client: web::Path<ClientId>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<ChartNotePage>, Problem> {
    let listing = crm.note_list(granted.ctx(), client.into_inner(), query.page()).await?;
    Ok(web::Json(ChartNotePage {
        items: listing.items.into_iter().map(ChartNote::from).collect(),
        next: listing.next,
    }))
}

async fn note_read(
    granted: Granted<ReadChartNote>,
    crm: web::Data<Crm>,
    id: web::Path<NoteId>,
) -> Result<HttpResponse, Problem> {
    let record = crm.note_read(granted.ctx(), id.into_inner()).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(record.version))
        .json(ChartNote::from(record)))
}

async fn note_change(
    granted: Granted<WriteChartNote>,
    crm: web::Data<Crm>,
    id: web::Path<NoteId>,
    expected: IfMatch,
    body: web::Json<ChartNoteBody>,
) -> Result<HttpResponse, Problem> {
    let input = body.into_inner().into_input();
    let written = crm
        .note_change(granted.ctx(), id.into_inner(), expected.0, &input)
        .await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(written.version))
        .json(ChartNoteWritten {
            id: written.id,
            version: written.version,
        }))
}

async fn note_import(
    granted: Granted<ImportChartNote>,
    crm: web::Data<Crm>,
    edge: web::Data<Edge>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    imports::require_csv(request.headers())?;
    let ctx = granted.ctx();
    Run::new(crm.note_import(ctx), body, &edge, ctx.request())
        .respond()
        .await
}

impl Importer for NoteImport {
    async fn push(&mut self, bytes: &[u8]) -> Result<Vec<ImportLine>, Problem> {
        Ok(imports::lines(Self::push(self, bytes).await?))
    }

    async fn finish(self) -> Result<Vec<ImportLine>, Problem> {
        let (events, summary) = Self::finish(self).await?;
        Ok(imports::last_lines(events, Counts::from(summary)))
    }
}

impl ChartNoteBody {
    fn into_input(self) -> NoteInput {
        NoteInput {
            external_id: self.external_id.map(Phi::new),
            noted_on: Phi::new(self.noted_on),
            author: Phi::new(self.author),
            service: Phi::new(self.service),
            body: Phi::new(self.body),
        }
    }
}

impl From<NoteRecord> for ChartNote {
    #[expect(
        clippy::disallowed_methods,
        reason = "the answer to a request that was permitted and put on record"
    )]
    fn from(record: NoteRecord) -> Self {
        let note = record.note;
        Self {
            id: record.id,
            client_id: record.client,
            version: record.version,
            created_at: record.created_at,
            updated_at: record.updated_at,
            note: ChartNoteBody {
                external_id: note.external_id.map(Phi::into_disclosed),
                noted_on: note.noted_on.into_disclosed(),
                author: note.author.into_disclosed(),
                service: note.service.into_disclosed(),
                body: note.body.into_disclosed(),
            },
        }
    }
}
