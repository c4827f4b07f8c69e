//! Clients: create, read, list, change, look up, import.

use crate::edge::Edge;
use crate::imports::{self, Counts, ImportLine, Importer, Run};
use crate::paging::PageQuery;
use crate::precondition::{self, IfMatch, etag};
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use bearingwall_audit::EventType;
use bearingwall_core::{ClientId, Phi};
use bearingwall_domain::{Address, ClientImport, ClientInput, ClientQuery, ClientRecord, Crm};
use bearingwall_rbac::{ImportClient, ReadClient, SearchClient, WriteClient};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Entries of a look-up that names no number.
const SEARCH_LIMIT_DEFAULT: u16 = 20;

/// What is said about a client. Blank texts count as absent.
// No Debug: everything in it identifies or describes a person.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientBody {
    /// The client's id in another system, unique in the tenant. A change without one keeps the one on record.
    #[serde(default)]
    external_id: Option<String>,
    /// At most 100 characters.
    first_name: String,
    /// At most 100 characters.
    last_name: String,
    /// `YYYY-MM-DD`, not in the future.
    #[schema(format = Date)]
    date_of_birth: String,
    /// 7 to 15 digits with the usual punctuation.
    #[serde(default)]
    phone: Option<String>,
    /// At most 254 characters.
    #[serde(default)]
    email: Option<String>,
    /// Where the client lives.
    #[serde(default)]
    address: AddressBody,
    /// At most 4,000 characters.
    #[serde(default)]
    allergies: Option<String>,
    /// At most 4,000 characters.
    #[serde(default)]
    conditions: Option<String>,
    /// Whether the client wants to hear of offers.
    #[serde(default)]
    marketing_opt_in: bool,
    /// What else another system says about the client, by name: at most 32.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// A postal address.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AddressBody {
    /// At most 200 characters.
    street: Option<String>,
    /// At most 100 characters.
    city: Option<String>,
    /// At most 50 characters.
    state: Option<String>,
    /// At most 20 characters.
    postal_code: Option<String>,
}

/// A client as stored.
#[derive(Serialize, ToSchema)]
struct Client {
    /// The pseudonymous id.
    #[schema(value_type = uuid::Uuid)]
    id: ClientId,
    /// Counts the changes, from 1; the entity tag is made of it.
    version: i64,
    /// When the client was created (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// When the client was last changed (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: OffsetDateTime,
    #[serde(flatten)]
    details: ClientBody,
}

/// A page of clients, newest first.
#[derive(Serialize, ToSchema)]
struct ClientPage {
    /// The clients.
    items: Vec<Client>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    next: Option<ClientId>,
}

/// Clients that a look-up found, newest first.
#[derive(Serialize, ToSchema)]
struct ClientsFound {
    /// The clients.
    items: Vec<Client>,
}

/// What a write answers: no representation, which only a recorded read may give.
#[derive(Serialize, ToSchema)]
struct ClientWritten {
    /// The client.
    #[schema(value_type = uuid::Uuid)]
    id: ClientId,
    /// Its version now.
    version: i64,
}

/// How clients are looked up: exactly one of the three. It is a body, so that no name stands in an address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClientSearch {
    /// The beginning of the first or last name, at least 2 letters; or one of them whole and the beginning of the other.
    name_prefix: Option<String>,
    /// The telephone number, in any spelling.
    phone: Option<String>,
    /// The e-mail address, in any case.
    email: Option<String>,
    /// Entries at the most: 1 to 50, 20 if absent.
    limit: Option<u16>,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let create = RouteSpec::new("POST /v1/clients", "client_create", "Creates a client.")
        .phi(&[EventType::ClientCreated])
        .rate(RateClass::Write)
        .takes(Content::json::<ClientBody>())
        .answers(201, "The client exists.", Some(Content::json::<ClientWritten>()));
    let list = PageQuery::declare(RouteSpec::new(
        "GET /v1/clients",
        "client_list",
        "Clients, newest first.",
    ))
    .phi(&[EventType::ClientListed])
    .rate(RateClass::Read)
    .answers(200, "A page.", Some(Content::json::<ClientPage>()));
    let read = RouteSpec::new("GET /v1/clients/{client_id}", "client_read", "One client.")
        .phi(&[EventType::ClientRead])
        .rate(RateClass::Read)
        .answers(
            200,
            "The client; the entity tag is its version.",
            Some(Content::json::<Client>()),
        );
    let change = RouteSpec::new(
        "PUT /v1/clients/{client_id}",
        "client_change",
        "Replaces what is said about a client.",
    )
    .phi(&[EventType::ClientChanged])
    .rate(RateClass::Write)
    .header(precondition::NAME, "The entity tag of the version that was read.")
    .takes(Content::json::<ClientBody>())
    .answers(
        200,
        "The client is at the version that is answered.",
        Some(Content::json::<ClientWritten>()),
    );
    let search = RouteSpec::new(
        "POST /v1/clients:search",
        "client_search",
        "Looks clients up by name, phone or e-mail.",
    )
    .phi(&[EventType::ClientSearched])
    .rate(RateClass::Read)
    .takes(Content::json::<ClientSearch>())
    .answers(200, "Who was found.", Some(Content::json::<ClientsFound>()));
    let import = RouteSpec::new(
        "POST /v1/clients:import",
        "client_import",
        "Loads clients from CSV with a header row.",
    )
    .phi(&[EventType::ClientImported])
    .rate(RateClass::Bulk)
    .streamed()
    .takes(Content::text(imports::CSV))
    .answers(
        200,
        "What became of the rows, told while they are worked on.",
        Some(imports::answer()),
    );
    table
        .secured::<WriteClient, _, _>(create, client_create)
        .secured::<ReadClient, _, _>(list, client_list)
        .secured::<ReadClient, _, _>(read, client_read)
        .secured::<WriteClient, _, _>(change, client_change)
        .secured::<SearchClient, _, _>(search, client_search)
        .secured::<ImportClient, _, _>(import, client_import)
}

async fn client_create(
    granted: Granted<WriteClient>,
    crm: web::Data<Crm>,
    body: web::Json<ClientBody>,
) -> Result<HttpResponse, Problem> {
    let written = crm
        .client_create(granted.ctx(), &body.into_inner().into_input())
        .await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/v1/clients/{}", written.id)))
        .insert_header(etag(written.version))
        .json(ClientWritten {
            id: written.id,
            version: written.version,
        }))
}

async fn client_list(
    granted: Granted<ReadClient>,
    crm: web::Data<Crm>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<ClientPage>, Problem> {
    let listing = crm.client_list(granted.ctx(), query.page()).await?;
    Ok(web::Json(ClientPage {
        items: listing.items.into_iter().map(Client::from).collect(),
        next: listing.next,
    }))
}

async fn client_read(
    granted: Granted<ReadClient>,
    crm: web::Data<Crm>,
    id: web::Path<ClientId>,
) -> Result<HttpResponse, Problem> {
    let record = crm.client_read(granted.ctx(), id.into_inner()).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(record.version))
        .json(Client::from(record)))
}

async fn client_change(
    granted: Granted<WriteClient>,
    crm: web::Data<Crm>,
    id: web::Path<ClientId>,
    expected: IfMatch,
    body: web::Json<ClientBody>,
) -> Result<HttpResponse, Problem> {
    let input = body.into_inner().into_input();
    let written = crm
        .client_change(granted.ctx(), id.into_inner(), expected.0, &input)
        .await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(written.version))
        .json(ClientWritten {
            id: written.id,
            version: written.version,
        }))
}

async fn client_search(
    granted: Granted<SearchClient>,
    crm: web::Data<Crm>,
    body: web::Json<ClientSearch>,
) -> Result<web::Json<ClientsFound>, Problem> {
    let limit = body.limit.unwrap_or(SEARCH_LIMIT_DEFAULT);
    let query = body.into_inner().into_query()?;
    let found = crm.client_search(granted.ctx(), &query, limit).await?;
    Ok(web::Json(ClientsFound {
        items: found.into_iter().map(Client::from).collect(),
    }))
}

async fn client_import(
    granted: Granted<ImportClient>,
    crm: web::Data<Crm>,
    edge: web::Data<Edge>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    imports::require_csv(request.headers())?;
    let ctx = granted.ctx();
    Run::new(crm.client_import(ctx), body, &edge, ctx.request())
        .respond()
        .await
}

impl Importer for ClientImport {
    async fn push(&mut self, bytes: &[u8]) -> Result<Vec<ImportLine>, Problem> {
        Ok(imports::lines(Self::push(self, bytes).await?))
    }

    async fn finish(self) -> Result<Vec<ImportLine>, Problem> {
        let (events, summary) = Self::finish(self).await?;
        Ok(imports::last_lines(events, Counts::from(summary)))
    }
}

impl ClientSearch {
    fn into_query(self) -> Result<ClientQuery, Problem> {
        match (self.name_prefix, self.phone, self.email) {
            (Some(name), None, None) => Ok(ClientQuery::Name(Phi::new(name))),
            (None, Some(phone), None) => Ok(ClientQuery::Phone(Phi::new(phone))),
            (None, None, Some(email)) => Ok(ClientQuery::Email(Phi::new(email))),
            _ => {
                let problem = Problem::from(HttpError::Body { line: 0, column: 0 });
                Err(problem.at("body", "names exactly one of name_prefix, phone and email"))
            }
        }
    }
}

impl ClientBody {
    fn into_input(self) -> ClientInput {
        let phi = |text: Option<String>| text.map(Phi::new);
        let mut input = ClientInput::new(
            Phi::new(self.first_name),
            Phi::new(self.last_name),
            Phi::new(self.date_of_birth),
        );
        input.external_id = phi(self.external_id);
        input.phone = phi(self.phone);
        input.email = phi(self.email);
        input.address = Address {
            street: phi(self.address.street),
            city: phi(self.address.city),
            state: phi(self.address.state),
            postal_code: phi(self.address.postal_code),
        };
        input.allergies = phi(self.allergies);
        input.conditions = phi(self.conditions);
        input.marketing_opt_in = self.marketing_opt_in;
        input.labels = Phi::new(self.labels);
        input
    }
}

impl From<ClientRecord> for Client {
    #[expect(
        clippy::disallowed_methods,
        reason = "the answer to a request that was permitted and put on record"
    )]
    fn from(record: ClientRecord) -> Self {
        let text = |value: Option<Phi<String>>| value.map(Phi::into_disclosed);
        let details = record.details;
        Self {
            id: record.id,
            version: record.version,
            created_at: record.created_at,
            updated_at: record.updated_at,
            details: ClientBody {
                external_id: text(details.external_id),
                first_name: details.first_name.into_disclosed(),
                last_name: details.last_name.into_disclosed(),
                date_of_birth: details.date_of_birth.into_disclosed(),
                phone: text(details.phone),
                email: text(details.email),
                address: AddressBody {
                    street: text(details.address.street),
                    city: text(details.address.city),
                    state: text(details.address.state),
                    postal_code: text(details.address.postal_code),
                },
                allergies: text(details.allergies),
                conditions: text(details.conditions),
                marketing_opt_in: details.marketing_opt_in,
                labels: details.labels.into_disclosed(),
            },
        }
    }
}
