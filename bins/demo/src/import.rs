//! Bulk loads through the API: the CSV is streamed up, what becomes of it is streamed down.

use crate::api::{Api, Call};
use anyhow::Context as _;
use reqwest::Body;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// How long the server may be silent between two lines.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// Small enough that the rows arrive while earlier ones are worked on.
const CHUNK_BYTES: usize = 16 * 1024;

/// What is loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Clients,
    ChartNotes,
}

impl Kind {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Clients => "/v1/clients:import",
            Self::ChartNotes => "/v1/chart-notes:import",
        }
    }

    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::ChartNotes => "chart notes",
        }
    }
}

/// Counts of an import so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Counts {
    pub(crate) rows: u64,
    pub(crate) created: u64,
    pub(crate) unchanged: u64,
    pub(crate) conflicts: u64,
    pub(crate) invalid: u64,
}

/// A row that was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) line: u64,
    pub(crate) outcome: String,
    pub(crate) reason: String,
}

/// An import that reached its end.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) counts: Counts,
    pub(crate) refused: Vec<Refused>,
    pub(crate) took: Duration,
}

impl Imported {
    pub(crate) fn rows_per_s(&self) -> u64 {
        let rows = u32::try_from(self.counts.rows).unwrap_or(u32::MAX);
        (f64::from(rows) / self.took.as_secs_f64().max(0.001)).round() as u64
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Row {
        line: u64,
        outcome: String,
        reason: String,
    },
    Progress(Counts),
    Summary {
        #[serde(flatten)]
        counts: Counts,
        complete: bool,
    },
    Error {
        code: String,
        title: String,
    },
}

/// Sends `csv`, tells what has become of it, and answers when all rows were worked on.
pub(crate) async fn run(
    api: &Api,
    token: &str,
    kind: Kind,
    csv: &str,
    told: &mut (dyn FnMut(Counts) + Send),
) -> anyhow::Result<Imported> {
    let chunks: Vec<Result<Vec<u8>, std::io::Error>> = csv
        .as_bytes()
        .chunks(CHUNK_BYTES)
        .map(|chunk| Ok(chunk.to_vec()))
        .collect();
    let body = Body::wrap_stream(futures_util::stream::iter(chunks));
    send(api, token, kind, body, told)
        .await
        .with_context(|| format!("importing {}", kind.noun()))
}

/// As [`run`], with a body that the caller paces.
pub(crate) async fn send(
    api: &Api,
    token: &str,
    kind: Kind,
    body: Body,
    told: &mut (dyn FnMut(Counts) + Send),
) -> anyhow::Result<Imported> {
    let started = Instant::now();
    let call = Call::post(kind.path()).bearer(token).body("text/csv", body);
    let mut response = api.begin(call).await?;
    if !response.status().is_success() {
        let answer = api.finish(response).await?;
        answer.expect(200)?;
        anyhow::bail!("answered {} without rows", answer.status);
    }
    let mut refused = Vec::new();
    let mut pending = Vec::new();
    loop {
        let chunk = tokio::time::timeout(SILENCE_LIMIT, response.chunk())
            .await
            .with_context(|| format!("the server was silent for {SILENCE_LIMIT:?}"))??;
        let Some(chunk) = chunk else {
            anyhow::bail!("the answer was cut off before its summary")
        };
        pending.extend_from_slice(&chunk);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            match serde_json::from_slice(&line).context("a line of the answer is not as documented")? {
                Line::Row { line, outcome, reason } => {
                    // It is an error about one row, and may repeat nothing of it.
                    api.keep_error(reason.clone());
                    refused.push(Refused { line, outcome, reason });
                }
                Line::Progress(counts) => told(counts),
                Line::Summary { counts, complete } => {
                    anyhow::ensure!(complete, "the summary does not say that all rows were worked on");
                    let took = started.elapsed();
                    return Ok(Imported { counts, refused, took });
                }
                Line::Error { code, title } => anyhow::bail!("the server broke off: {code} {title}"),
            }
        }
    }
}
