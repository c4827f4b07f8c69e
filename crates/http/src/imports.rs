//! Bulk loads: a CSV body is worked on while it arrives, and the answer is told line by line while the work goes on.

use crate::edge::{self, Edge};
use crate::routes::{Content, JSON_LINES};
use crate::{HttpError, Problem};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, ResponseError};
use bearingwall_core::RequestId;
use bearingwall_domain::{ImportEvent, ImportSummary};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tracing::{Instrument, Span};
use utoipa::ToSchema;

/// The media type of the body.
pub(crate) const CSV: &str = "text/csv";

/// Counts of an import so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// Rows that were read.
    pub(crate) rows: u64,
    /// Rows that became something new.
    pub(crate) created: u64,
    /// Rows that were there already, unchanged.
    pub(crate) unchanged: u64,
    /// Rows whose id is there with other content; not applied.
    pub(crate) conflicts: u64,
    /// Rows that are not acceptable; not applied.
    pub(crate) invalid: u64,
}

/// What became of a row that was not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowOutcome {
    /// It is not acceptable.
    Invalid,
    /// Its id is there with other content.
    Conflict,
}

/// One line of the answer. The last is a summary, or an error; without either the answer was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ImportLine {
    /// A row was not applied.
    Row {
        /// The line of the body at which the row begins, from 1.
        line: u64,
        /// What became of it.
        outcome: RowOutcome,
        /// Why, in fixed words.
        reason: &'static str,
    },
    /// The work goes on.
    Progress(Counts),
    /// All rows were worked on.
    Summary {
        /// The counts.
        #[serde(flatten)]
        counts: Counts,
        /// Always true.
        complete: bool,
    },
    /// The import stopped; rows before this point stay, and repeating the whole import is safe.
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

/// What takes the bytes of one import, and tells what became of them.
pub(crate) trait Importer: 'static {
    /// Takes the next bytes.
    async fn push(&mut self, bytes: &[u8]) -> Result<Vec<ImportLine>, Problem>;

    /// Takes the end of the body; the last line is the summary.
    async fn finish(self) -> Result<Vec<ImportLine>, Problem>;
}

/// What one import works with.
pub(crate) struct Run<I> {
    importer: Option<I>,
    body: Payload,
    received: u64,
    limit: u64,
    idle: Duration,
    request: RequestId,
    started: Instant,
}

impl<I: Importer> Run<I> {
    pub(crate) fn new(importer: I, body: Payload, edge: &Edge, request: RequestId) -> Self {
        let limits = edge.limits();
        Self {
            importer: Some(importer),
            body,
            received: 0,
            limit: limits.import_bytes,
            idle: limits.deadline,
            request,
            started: Instant::now(),
        }
    }

    /// Works until there is something to tell, and answers with the stream of all that follows.
    ///
    /// What fails before the first line is an ordinary error with its own status.
    pub(crate) async fn respond(mut self) -> Result<HttpResponse, Problem> {
        let first = self.next_lines().await?;
        // The stream is read after the handler has returned; without the span its log lines had no correlation id.
        let span = Span::current();
        let rest = stream::unfold(self, move |mut run| {
            let span = span.clone();
            async move {
                run.importer.as_ref()?;
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

    /// The next lines, at least one; after the last the importer is gone.
    async fn next_lines(&mut self) -> Result<Vec<ImportLine>, Problem> {
        loop {
            // A sender that falls silent must not hold a worker's memory for ever.
            let chunk = tokio::time::timeout(self.idle, self.body.next())
                .await
                .map_err(|_| HttpError::ImportBody)?;
            match chunk {
                Some(chunk) => {
                    let bytes = chunk.map_err(|_| HttpError::ImportBody)?;
                    self.received = self
                        .received
                        .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                    if self.received > self.limit {
                        return Err(HttpError::ImportBody.into());
                    }
                    let importer = self.importer.as_mut().ok_or(HttpError::Framework)?;
                    let lines = importer.push(&bytes).await?;
                    if !lines.is_empty() {
                        return Ok(lines);
                    }
                }
                None => {
                    let importer = self.importer.take().ok_or(HttpError::Framework)?;
                    let lines = importer.finish().await?;
                    self.log_end(&lines);
                    return Ok(lines);
                }
            }
        }
    }

    fn broken_off(&mut self, problem: &Problem) -> ImportLine {
        self.importer = None;
        edge::log(problem, problem.status_code());
        let body = problem.body(self.request);
        ImportLine::Error {
            code: body.code,
            title: body.title,
            correlation_id: body.correlation_id,
            complete: false,
        }
    }

    fn log_end(&self, lines: &[ImportLine]) {
        let Some(ImportLine::Summary { counts, .. }) = lines.last() else {
            return;
        };
        let duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let failed = counts.conflicts + counts.invalid;
        tracing::info!(rows = counts.rows, failed, duration_ms, "import finished");
    }
}

/// The answer of an import, for its declaration.
pub(crate) fn answer() -> Content {
    Content::json_lines::<ImportLine>()
}

/// Refuses a body that does not say that it is CSV.
pub(crate) fn require_csv(headers: &HeaderMap) -> Result<(), HttpError> {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(CSV) {
        Ok(())
    } else {
        Err(HttpError::MediaType)
    }
}

/// The events of a use-case as lines of the answer.
pub(crate) fn lines(events: Vec<ImportEvent>) -> Vec<ImportLine> {
    events.into_iter().map(ImportLine::from).collect()
}

/// The last events and the summary.
pub(crate) fn last_lines(events: Vec<ImportEvent>, counts: Counts) -> Vec<ImportLine> {
    let mut lines = lines(events);
    lines.push(ImportLine::Summary { counts, complete: true });
    lines
}

impl From<ImportEvent> for ImportLine {
    fn from(event: ImportEvent) -> Self {
        match event {
            ImportEvent::Row { line, outcome, reason } => {
                let outcome = match outcome {
                    bearingwall_domain::RowOutcome::Invalid => RowOutcome::Invalid,
                    bearingwall_domain::RowOutcome::Conflict => RowOutcome::Conflict,
                };
                Self::Row { line, outcome, reason }
            }
            ImportEvent::Progress(summary) => Self::Progress(summary.into()),
        }
    }
}

impl From<ImportSummary> for Counts {
    fn from(summary: ImportSummary) -> Self {
        Self {
            rows: summary.rows,
            created: summary.created,
            unchanged: summary.unchanged,
            conflicts: summary.conflicts,
            invalid: summary.invalid,
        }
    }
}

fn render(lines: &[ImportLine]) -> Bytes {
    let mut text = Vec::new();
    for line in lines {
        // Plain numbers and fixed texts always serialise.
        text.extend(serde_json::to_vec(line).unwrap_or_default());
        text.push(b'\n');
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use actix_web::error::PayloadError;
    use actix_web::http::header::HeaderValue;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, web};
    use bearingwall_core::{Classified, ErrorKind};
    use uuid::Uuid;

    /// Counts bytes as rows, reports each `!` as an invalid row, and fails at an `x`.
    struct Bytewise(Counts);

    #[derive(Debug, thiserror::Error)]
    #[error("the store of ada lovelace is away")]
    struct AwayError;

    impl Classified for AwayError {
        fn kind(&self) -> ErrorKind {
            ErrorKind::Unavailable
        }

        fn code(&self) -> &'static str {
            "TEN-001"
        }
    }

    impl Importer for Bytewise {
        async fn push(&mut self, bytes: &[u8]) -> Result<Vec<ImportLine>, Problem> {
            let mut lines = Vec::new();
            for byte in bytes {
                self.0.rows += 1;
                match byte {
                    b'x' => return Err(AwayError.into()),
                    b'!' => {
                        self.0.invalid += 1;
                        let (line, outcome) = (self.0.rows, RowOutcome::Invalid);
                        lines.push(ImportLine::Row {
                            line,
                            outcome,
                            reason: "is not acceptable",
                        });
                    }
                    _ => {}
                }
            }
            Ok(lines)
        }

        async fn finish(self) -> Result<Vec<ImportLine>, Problem> {
            Ok(vec![ImportLine::Summary {
                counts: self.0,
                complete: true,
            }])
        }
    }

    async fn import(body: Payload) -> Result<HttpResponse, Problem> {
        let run = Run {
            importer: Some(Bytewise(Counts::default())),
            body,
            received: 0,
            limit: 100_000,
            idle: Duration::from_secs(1),
            request: RequestId::from_uuid(Uuid::nil()),
            started: Instant::now(),
        };
        run.respond().await
    }

    async fn answer(body: String) -> (u16, String) {
        let app = init_service(App::new().route("/", web::post().to(import))).await;
        let response = call_service(&app, TestRequest::post().set_payload(body).to_request()).await;
        (
            response.status().as_u16(),
            String::from_utf8(read_body(response).await.to_vec()).unwrap(),
        )
    }

    #[actix_web::test]
    async fn an_import_tells_rows_and_ends_with_a_summary() {
        let (status, body) = answer("ab!c".to_owned()).await;
        let expected = "{\"type\":\"row\",\"line\":3,\"outcome\":\"invalid\",\"reason\":\"is not acceptable\"}\n\
            {\"type\":\"summary\",\"rows\":4,\"created\":0,\"unchanged\":0,\"conflicts\":0,\"invalid\":1,\"complete\":true}\n";
        assert_eq!((status, body.as_str()), (200, expected));
    }

    #[actix_web::test]
    async fn what_fails_before_the_first_line_is_an_ordinary_error() {
        assert_eq!(answer("x".to_owned()).await.0, 503);
        assert_eq!(answer("a".repeat(100_001)).await.0, 400);
    }

    #[actix_web::test]
    async fn htp_1_an_import_that_breaks_off_ends_with_a_line_that_says_so_and_no_more() {
        let pieces = ["a!", "b!", "x", "c!"].map(|piece| Ok::<_, PayloadError>(Bytes::from_static(piece.as_bytes())));
        let mut request = TestRequest::default().to_srv_request();
        request.set_payload(actix_web::dev::Payload::Stream {
            payload: Box::pin(stream::iter(pieces)),
        });
        let response = import(request.extract::<Payload>().await.unwrap()).await.unwrap();
        let text = String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].contains("\"line\":4"), "{text}");
        assert!(
            lines[2].starts_with("{\"type\":\"error\",\"code\":\"HTP-011\",\"title\":\"Unavailable\""),
            "{text}"
        );
        assert!(
            lines[2].ends_with("\"complete\":false}") && !text.contains("lovelace"),
            "{text}"
        );
    }

    #[test]
    fn only_csv_is_taken() {
        let taken = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            require_csv(&headers).is_ok()
        };
        assert!(taken("text/csv") && taken("Text/CSV; charset=utf-8"));
        assert!(!taken("text/plain") && !taken("text/csvx") && !taken(""));
        assert!(require_csv(&HeaderMap::new()).is_err());
    }
}
