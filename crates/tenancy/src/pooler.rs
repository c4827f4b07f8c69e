//! Whether a connection pooler stands before the database, what it can do, and how the pool behaves behind one.

use crate::address::DatabaseAddress;
use crate::danger;
use crate::error::TenancyError;
use crate::posture::Violation;
use bearingwall_core::Sensitive;
use std::time::Duration;
use tokio_postgres::{Client, SimpleQueryMessage};

/// What stands between the pool and the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pooler {
    /// Nothing: a connection is one backend for as long as it lives.
    #[default]
    None,
    /// PgBouncer, or another one that does the same, in transaction mode: every transaction runs on whichever backend is
    /// free, and the pooler cleans that backend afterwards.
    Transaction {
        /// Whether it carries the driver's named statements (PgBouncer 1.21 or newer with `max_prepared_statements`).
        /// Without, every statement is prepared anew in its transaction, which costs a round trip each.
        named_statements: bool,
    },
}

/// How the beginning of a transaction is written, and what may be kept between two.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    pub(crate) pooler: Pooler,
    /// BEGIN, and what must hold in the transaction that could not be said when the connection was opened.
    pub(crate) begin: String,
    /// The end of the record's transaction and the beginning of the next, in one message.
    pub(crate) commit_and_begin: String,
}

impl Manner {
    pub(crate) fn new(pooler: Pooler, statement_timeout: Duration) -> Self {
        let ms = statement_timeout.as_millis();
        let begin = match pooler {
            Pooler::None => "BEGIN".to_owned(),
            // SECURITY: a pooler passes no start-up options on, so what they say elsewhere is said in every transaction.
            Pooler::Transaction { .. } => format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path = pg_catalog; SET LOCAL row_security = on; \
                 SET LOCAL statement_timeout = {ms}; SET LOCAL idle_in_transaction_session_timeout = {ms}; \
                 SET LOCAL TimeZone = 'UTC'; SET LOCAL enable_bitmapscan = off; SET LOCAL synchronous_commit = on"
            ),
        };
        let commit_and_begin = format!("{}; {begin}", crate::tx::COMMIT);
        Self {
            pooler,
            begin,
            commit_and_begin,
        }
    }

    /// Whether a statement that was prepared once is there in the next transaction.
    pub(crate) fn keeps_statements(&self) -> bool {
        matches!(
            self.pooler,
            Pooler::None | Pooler::Transaction { named_statements: true }
        )
    }
}

/// The way to the database, as one connection found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// A pooler stands in it: the server never saw the start-up options of this connection.
    pub pooled: bool,
    /// A statement prepared in one transaction is there in the next.
    pub carries_named_statements: bool,
    /// What one transaction leaves on a backend is gone before the next; of a direct connection the pool sees to that.
    pub cleaned: bool,
    /// An entry must name its backend (`tenancy.config.require_pid`).
    pub names_backend: bool,
}

/// Tried on one backend only, and another one may be given each time.
const CLEANING_TRIES: usize = 100;
/// Sent when a connection opens; the server then says that the setting came from the client.
const MARK: &str = "-c row_security=on";

/// Follows the way to the database and tries what it can do.
///
/// # Errors
/// [`TenancyError::Dial`] when there is no connection, or an answer that no database gives.
pub async fn way(address: &DatabaseAddress, password: Option<&Sensitive<String>>) -> Result<Way, TenancyError> {
    let (client, pooled) = match danger::dial_with(address, password, Some(MARK)).await {
        Ok(client) => {
            let source = one(
                &client,
                "SELECT source FROM pg_catalog.pg_settings WHERE name = 'row_security'",
            )
            .await?;
            (client, source.as_deref() != Some("client"))
        }
        // PgBouncer refuses start-up options unless told to ignore them; PostgreSQL knows this one.
        Err(TenancyError::Dial(error)) if speaks_of_options(error.as_ref()) => {
            (danger::dial(address, password).await?, true)
        }
        Err(error) => return Err(error),
    };
    // Before the statements are tried: a backend that is not cleaned would answer for them.
    let cleaned = !pooled || is_cleaned(&client).await?;
    let names_backend = one(&client, "SELECT require_pid FROM tenancy.entry_rules()").await?;
    Ok(Way {
        pooled,
        cleaned,
        carries_named_statements: !pooled || carries_named_statements(&client).await,
        names_backend: names_backend.as_deref() == Some("t"),
    })
}

fn speaks_of_options(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("startup parameter") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Leaves a setting and a statement behind and looks for them in the next transaction, until both were on one backend.
async fn is_cleaned(client: &Client) -> Result<bool, TenancyError> {
    const LEAVE: &str = "PREPARE bearingwall_probe AS SELECT 1; \
        SELECT pg_catalog.set_config('bearingwall.probe', 'left', false); SELECT pg_catalog.pg_backend_pid()";
    const FIND: &str = "SELECT pg_catalog.pg_backend_pid(); SELECT 1 FROM pg_catalog.pg_prepared_statements WHERE name = 'bearingwall_probe' \
        UNION ALL SELECT 1 WHERE pg_catalog.current_setting('bearingwall.probe', true) = 'left'";
    for _ in 0..CLEANING_TRIES {
        let left = match client.simple_query(LEAVE).await {
            Ok(messages) => values(&messages),
            // The statement is there from an earlier try.
            Err(error) if error.code() == Some(&tokio_postgres::error::SqlState::DUPLICATE_PSTATEMENT) => {
                return Ok(false);
            }
            Err(error) => return Err(TenancyError::Dial(error.into())),
        };
        let found = client.simple_query(FIND).await.map_err(unreadable)?;
        let found = values(&found);
        if found.len() > 1 {
            return Ok(false);
        }
        if found.last() == left.last() {
            return Ok(true);
        }
    }
    // Never the same backend twice: not shown, so not assumed.
    Ok(false)
}

async fn carries_named_statements(client: &Client) -> bool {
    let Ok(statement) = client.prepare("SELECT 1").await else {
        return false;
    };
    client.query_one(&statement, &[]).await.is_ok() && client.query_one(&statement, &[]).await.is_ok()
}

async fn one(client: &Client, sql: &str) -> Result<Option<String>, TenancyError> {
    let messages = client.simple_query(sql).await.map_err(unreadable)?;
    Ok(values(&messages).pop())
}

/// The first column of every row.
fn values(messages: &[SimpleQueryMessage]) -> Vec<String> {
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect()
}

fn unreadable(error: tokio_postgres::Error) -> TenancyError {
    TenancyError::Dial(error.into())
}

impl Way {
    /// Whatever keeps a pool that was configured so from being safe on this way.
    #[must_use]
    pub fn violations(&self, configured: Pooler) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut violation = |check: &str, text: &str| {
            found.push(Violation {
                check: check.to_owned(),
                found: text.to_owned(),
            });
        };
        match (configured, self.pooled) {
            (Pooler::None, true) => violation(
                "pooler",
                "a connection pooler stands before the database and none is configured",
            ),
            (Pooler::Transaction { .. }, false) => {
                violation(
                    "pooler",
                    "a connection pooler is configured and none stands before the database",
                );
            }
            _ => {}
        }
        if !self.cleaned {
            violation(
                "pooler-cleaning",
                "the pooler does not clean a backend after every transaction; PgBouncer needs pool_mode = transaction, \
                 server_reset_query = DISCARD ALL and server_reset_query_always = 1",
            );
        }
        if configured == (Pooler::Transaction { named_statements: true }) && !self.carries_named_statements {
            violation(
                "pooler-statements",
                "the pooler does not carry named statements; PgBouncer needs 1.21 or newer with max_prepared_statements",
            );
        }
        match (configured, self.names_backend) {
            (Pooler::None, false) => violation(
                "pooler-entries",
                "the database takes entries that name no backend, which is for a pooler, and none is configured",
            ),
            (Pooler::Transaction { .. }, true) => violation(
                "pooler-entries",
                "the database demands entries that name their backend, which behind a pooler nobody knows",
            ),
            _ => {}
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECT: Way = Way {
        pooled: false,
        carries_named_statements: true,
        cleaned: true,
        names_backend: true,
    };
    const POOLED: Way = Way {
        pooled: true,
        carries_named_statements: true,
        cleaned: true,
        names_backend: false,
    };

    fn checks(way: Way, configured: Pooler) -> Vec<String> {
        way.violations(configured)
            .into_iter()
            .map(|violation| violation.check)
            .collect()
    }

    #[test]
    fn a_way_that_is_not_the_configured_one_is_refused_whichever_it_is() {
        let (named, unnamed) = (
            Pooler::Transaction { named_statements: true },
            Pooler::Transaction {
                named_statements: false,
            },
        );
        assert!(checks(DIRECT, Pooler::None).is_empty());
        assert!(checks(POOLED, named).is_empty() && checks(POOLED, unnamed).is_empty());
        assert_eq!(checks(POOLED, Pooler::None), ["pooler", "pooler-entries"]);
        assert_eq!(checks(DIRECT, unnamed), ["pooler", "pooler-entries"]);
        let dirty = Way {
            cleaned: false,
            ..POOLED
        };
        assert_eq!(checks(dirty, unnamed), ["pooler-cleaning"]);
        let forgetful = Way {
            carries_named_statements: false,
            ..POOLED
        };
        assert_eq!(checks(forgetful, named), ["pooler-statements"]);
        assert!(checks(forgetful, unnamed).is_empty());
    }

    #[test]
    fn behind_a_pooler_every_transaction_says_what_the_connection_could_not() {
        let second = Duration::from_secs(1);
        assert_eq!(Manner::new(Pooler::None, second).begin, "BEGIN");
        let manner = Manner::new(
            Pooler::Transaction {
                named_statements: false,
            },
            second,
        );
        for setting in [
            "search_path = pg_catalog",
            "row_security = on",
            "statement_timeout = 1000",
        ] {
            let set = format!("SET LOCAL {setting}");
            assert!(manner.begin.contains(&set), "{set}");
            assert!(manner.commit_and_begin.contains(&set), "{set}");
        }
        assert!(!manner.keeps_statements());
    }
}
