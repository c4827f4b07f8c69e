//! A raw connection of the application's role that keeps everything the server said: rows, errors, notices, notifications.

use futures_util::{StreamExt, future};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, SimpleQueryMessage};

/// No statement of an attack takes as long; one that does is an attack on the suite.
const PATIENCE: Duration = Duration::from_secs(20);

/// Begins a line of the transcript that says where an error happened.
pub(crate) const PLACE: &str = "CONTEXT ";

/// Why the server would not: the SQLSTATE, or `closed` where the connection is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
    /// Where in the server it happened; positions in files stand here, which change from one run to the next.
    place: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: String) -> Self {
        Self {
            code: code.to_owned(),
            message,
            place: None,
        }
    }

    fn note(&self, transcript: &mut Vec<String>) {
        transcript.push(format!("ERROR {} {}", self.code, self.message));
        transcript.extend(self.place.iter().map(|place| format!("{PLACE}{place}")));
    }

    pub(crate) fn of(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) => Self {
                code: db.code().code().to_owned(),
                message: text_of(db),
                place: db.where_().map(str::to_owned),
            },
            None => Self {
                code: "closed".to_owned(),
                message: error.to_string(),
                place: None,
            },
        }
    }
}

pub(crate) struct Session {
    client: Client,
    pub(crate) pid: i32,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Session {
    pub(crate) async fn open(config: &Config) -> Self {
        let (client, mut connection) = config.connect(NoTls).await.unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Some(Ok(message)) = future::poll_fn(|cx| connection.poll_message(cx)).await {
                let line = match message {
                    AsyncMessage::Notice(notice) => format!("NOTICE {}", text_of(&notice)),
                    AsyncMessage::Notification(note) => format!("NOTIFICATION {} {}", note.channel(), note.payload()),
                    _ => continue,
                };
                ear.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let pid = client
            .query_one("SELECT pg_catalog.pg_backend_pid()", &[])
            .await
            .unwrap()
            .get(0);
        Self { client, pid, heard }
    }

    /// Sends the text as one message of the simple protocol and adds what comes back to the transcript.
    pub(crate) async fn run(&self, sql: &str, transcript: &mut Vec<String>) -> Result<(), Refusal> {
        let outcome = tokio::time::timeout(PATIENCE, self.simple(sql, transcript)).await;
        let outcome = outcome.unwrap_or_else(|_| panic!("no answer in time to: {sql}"));
        transcript.append(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(refusal) = &outcome {
            refusal.note(transcript);
        }
        outcome
    }

    async fn simple(&self, sql: &str, transcript: &mut Vec<String>) -> Result<(), Refusal> {
        let stream = self
            .client
            .simple_query_raw(sql)
            .await
            .map_err(|error| Refusal::of(&error))?;
        let mut stream = std::pin::pin!(stream);
        while let Some(message) = stream.next().await {
            match message.map_err(|error| Refusal::of(&error))? {
                SimpleQueryMessage::Row(row) => {
                    let cells = (0..row.len()).map(|i| row.get(i).unwrap_or("NULL"));
                    transcript.push(cells.collect::<Vec<_>>().join("|"));
                }
                SimpleQueryMessage::CommandComplete(count) => transcript.push(format!("({count})")),
                _ => {}
            }
        }
        Ok(())
    }

    /// The first column of every row.
    pub(crate) async fn column(&self, sql: &str) -> Result<Vec<String>, Refusal> {
        let rows = self
            .client
            .simple_query(sql)
            .await
            .map_err(|error| Refusal::of(&error))?;
        let first = |message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(first).collect())
    }

    /// What `COPY … TO STDOUT` hands out.
    pub(crate) async fn copy_out(&self, sql: &str, transcript: &mut Vec<String>) -> Result<(), Refusal> {
        let outcome = async {
            let stream = self.client.copy_out(sql).await?;
            let mut stream = std::pin::pin!(stream);
            while let Some(chunk) = stream.next().await {
                transcript.push(String::from_utf8_lossy(&chunk?).into_owned());
            }
            Ok(())
        };
        let outcome = outcome
            .await
            .map_err(|error: tokio_postgres::Error| Refusal::of(&error));
        if let Err(refusal) = &outcome {
            refusal.note(transcript);
        }
        outcome
    }

    /// One statement in the extended protocol, kept prepared: what a driver's statement cache does.
    pub(crate) async fn prepare(&self, sql: &str) -> tokio_postgres::Statement {
        self.client.prepare(sql).await.unwrap()
    }

    /// One statement with a bind parameter.
    pub(crate) async fn bound(&self, sql: &str, value: &str) -> Result<(), Refusal> {
        let sent = self.client.query(sql, &[&value]).await;
        sent.map(drop).map_err(|error| Refusal::of(&error))
    }

    pub(crate) async fn execute(&self, statement: &tokio_postgres::Statement) -> Result<u64, Refusal> {
        self.client
            .execute(statement, &[])
            .await
            .map_err(|error| Refusal::of(&error))
    }
}

/// Everything in an error or a notice that could carry a value.
fn text_of(error: &DbError) -> String {
    let parts = [Some(error.message()), error.detail(), error.hint()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" / ")
}
