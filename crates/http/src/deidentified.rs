//! The Safe Harbor export: clients and notes without what tells who they are, line by line while they are masked.

use crate::edge;
use crate::routes::{Content, JSON_LINES, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, ResponseError};
use bearingwall_audit::EventType;
use bearingwall_core::RequestId;
use bearingwall_domain::{Crm, Deidentification, Deidentified, DeidentifiedText};
use bearingwall_rbac::DeidentifyClient;
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use std::convert::Infallible;
use tracing::{Instrument, Span};
use utoipa::ToSchema;
use uuid::Uuid;

/// Clients between two lines of progress.
const PROGRESS_EVERY: u64 = 100;

/// One line of the export. The last is a summary, or an error; without either the answer was cut off.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum DeidentifiedLine {
    /// A client.
    Client {
        /// A random code of this export alone; the client's notes carry it too.
        record: Uuid,
        /// The year of birth; absent where it would tell an age over 89.
        #[serde(skip_serializing_if = "Option::is_none")]
        birth_year: Option<u16>,
        /// Whether the client is 90 or older.
        ninety_or_older: bool,
        /// The state of the United States, two letters.
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<&'static str>,
        /// The first three digits of the ZIP; `000` where at most 20,000 people live.
        #[serde(skip_serializing_if = "Option::is_none")]
        zip3: Option<String>,
        /// Allergies, masked.
        #[serde(skip_serializing_if = "Option::is_none")]
        allergies: Option<FreeText>,
        /// Conditions, masked.
        #[serde(skip_serializing_if = "Option::is_none")]
        conditions: Option<FreeText>,
        /// Whether the client wants to hear of offers.
        marketing_opt_in: bool,
    },
    /// A chart note about the client of that code.
    ChartNote {
        /// The client's code.
        record: Uuid,
        /// The year.
        #[serde(skip_serializing_if = "Option::is_none")]
        year: Option<u16>,
        /// What was done, masked.
        service: FreeText,
        /// The text, masked.
        body: FreeText,
    },
    /// The work goes on.
    Progress(DeidentifiedCounts),
    /// All is told.
    Summary {
        /// The counts.
        #[serde(flatten)]
        counts: DeidentifiedCounts,
        /// Always true.
        complete: bool,
    },
    /// The export stopped.
    Error {
        /// The stable code.
        code: &'static str,
        /// What happened, in fixed words.
        title: &'static str,
        /// The id of this request.
        correlation_id: String,
        /// Always false.
        complete: bool,
    },
}

/// A free text: masked, or null where something of the client would have been left.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
struct FreeText(Option<String>);

/// Counts of an export so far.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
struct DeidentifiedCounts {
    /// Clients that were told.
    clients: u64,
    /// Notes that were told.
    chart_notes: u64,
    /// Texts that are null.
    withheld: u64,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let export = RouteSpec::new(
        "POST /v1/clients:deidentify",
        "client_deidentify",
        "Exports all clients and chart notes as Safe Harbor leaves them (45 CFR 164.514(b)(2)).",
    )
    .phi(&[EventType::ClientDeidentified])
    .rate(RateClass::Bulk)
    .streamed()
    .answers(
        200,
        "Clients, each before its notes, told while they are worked on.",
        Some(Content::json_lines::<DeidentifiedLine>()),
    );
    table.secured::<DeidentifyClient, _, _>(export, client_deidentify)
}

async fn client_deidentify(granted: Granted<DeidentifyClient>, crm: web::Data<Crm>) -> Result<HttpResponse, Problem> {
    let ctx = granted.ctx();
    let run = Run {
        export: Some(crm.deidentification(ctx)),
        counts: DeidentifiedCounts::default(),
        told: 0,
        request: ctx.request(),
    };
    run.respond().await
}

/// An export that is being answered.
struct Run {
    export: Option<Deidentification>,
    counts: DeidentifiedCounts,
    told: u64,
    request: RequestId,
}

impl Run {
    /// What fails before the first line is an ordinary error with its own status.
    async fn respond(mut self) -> Result<HttpResponse, Problem> {
        let first = self.next_lines().await?;
        // The stream is read after the handler has returned; without the span its log lines had no correlation id.
        let span = Span::current();
        let rest = stream::unfold(self, move |mut run| {
            let span = span.clone();
            async move {
                run.export.as_ref()?;
                let lines = run
                    .next_lines()
                    .await
                    .unwrap_or_else(|problem| vec![run.broken_off(&problem)]);
                Some((lines, run))
            }
            .instrument(span)
        });
        let lines = stream::once(async move { first }).chain(rest);
        let body = lines.map(|lines| Ok::<Bytes, Infallible>(render(&lines)));
        Ok(HttpResponse::Ok().content_type(JSON_LINES).streaming(Box::pin(body)))
    }

    /// The next lines; after the last the export is gone.
    async fn next_lines(&mut self) -> Result<Vec<DeidentifiedLine>, Problem> {
        let Some(export) = self.export.as_mut() else {
            return Ok(Vec::new());
        };
        let Some(told) = export.next().await? else {
            self.export = None;
            let counts = self.counts;
            return Ok(vec![DeidentifiedLine::Summary { counts, complete: true }]);
        };
        let mut lines: Vec<DeidentifiedLine> = told.into_iter().map(|one| self.line(one)).collect();
        if self.counts.clients >= self.told + PROGRESS_EVERY {
            self.told = self.counts.clients;
            lines.push(DeidentifiedLine::Progress(self.counts));
        }
        Ok(lines)
    }

    fn line(&mut self, one: Deidentified) -> DeidentifiedLine {
        match one {
            Deidentified::Client(client) => {
                self.counts.clients += 1;
                DeidentifiedLine::Client {
                    record: client.record,
                    birth_year: client.birth_year,
                    ninety_or_older: client.ninety_or_older,
                    state: client.state,
                    zip3: client.zip3,
                    allergies: client.allergies.map(|text| self.text(text)),
                    conditions: client.conditions.map(|text| self.text(text)),
                    marketing_opt_in: client.marketing_opt_in,
                }
            }
            Deidentified::Note(note) => {
                self.counts.chart_notes += 1;
                DeidentifiedLine::ChartNote {
                    record: note.record,
                    year: note.year,
                    service: self.text(note.service),
                    body: self.text(note.body),
                }
            }
        }
    }

    fn text(&mut self, text: DeidentifiedText) -> FreeText {
        match text {
            DeidentifiedText::Masked(masked) => FreeText(Some(masked.into_string())),
            DeidentifiedText::Withheld => {
                self.counts.withheld += 1;
                FreeText(None)
            }
        }
    }

    fn broken_off(&mut self, problem: &Problem) -> DeidentifiedLine {
        self.export = None;
        edge::log(problem, problem.status_code());
        let body = problem.body(self.request);
        DeidentifiedLine::Error {
            code: body.code,
            title: body.title,
            correlation_id: body.correlation_id,
            complete: false,
        }
    }
}

fn render(lines: &[DeidentifiedLine]) -> Bytes {
    let mut text = Vec::new();
    for line in lines {
        // Plain numbers and texts always serialise.
        text.extend(serde_json::to_vec(line).unwrap_or_default());
        text.push(b'\n');
    }
    text.into()
}
