//! The schema inventory: reads the catalog and returns what breaks isolation as findings, each with the SQL that repairs it.
//!
//! It works on any database whose tenant column is named to it.
//! What it cannot see: `pg_statistic` is the superuser's, so leftover value statistics show only on columns that the reader
//! may read ([`Check::StoredStatistics`]); what a superuser hides in the catalog itself, it believes.

mod check;
mod inspector;
mod options;
mod release;

pub use check::{Check, Severity};
pub use inspector::Inspector;
pub use options::InventoryOptions;

use bearingwall_core::{Classified, ErrorKind};
use std::fmt;
use tokio_postgres::Client;

/// One thing in the catalog that is not as isolation needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Which check found it.
    pub check: Check,
    /// What it is about: a table, a function, a role.
    pub object: String,
    /// What was found.
    pub found: String,
    /// SQL that repairs it; a comment where no statement can know what was meant.
    pub fix: String,
}

impl Finding {
    /// Whether it breaks isolation or is only worth knowing.
    pub const fn severity(&self) -> Severity {
        self.check.severity()
    }

    /// Whether [`Finding::fix`] is a statement that can be run as it stands.
    pub fn is_mechanical(&self) -> bool {
        !self.fix.starts_with("--")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.check, self.object, self.found)
    }
}

/// The catalog could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// A query failed.
    #[error("the catalog cannot be read for the check `{what}`")]
    Unreadable {
        /// The word of the check, or the part of the inventory that comes before the checks.
        what: &'static str,
        /// Why.
        #[source]
        source: tokio_postgres::Error,
    },
    /// An option names a table that is no `schema.table` of plain names.
    #[error("`{name}` is not the name of a table with its schema")]
    BadName {
        /// What was given.
        name: String,
    },
}

impl InventoryError {
    fn unreadable(what: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Self {
        move |source| Self::Unreadable { what, source }
    }
}

impl Classified for InventoryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreadable { .. } => ErrorKind::Unavailable,
            Self::BadName { .. } => ErrorKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "TEN-030",
            Self::BadName { .. } => "TEN-031",
        }
    }
}

// CONTROL: TEN-6
/// Examines the database once, over a connection of any role that may read the catalog.
///
/// The connection's settings are pinned meanwhile and put back at the end; a caller that drops the future half-way drops
/// the connection with it.
///
/// # Errors
/// [`InventoryError`] when the catalog cannot be read; what is wrong in it is a finding.
pub async fn inspect(client: &Client, options: &InventoryOptions) -> Result<Vec<Finding>, InventoryError> {
    Inspector::prepare(client, options.clone())
        .await?
        .findings(client)
        .await
}

/// Everything that the release fixes about these schemas, one line a fact: what `release.facts` is made of.
///
/// # Errors
/// [`InventoryError`] when the catalog cannot be read.
pub async fn release_facts(client: &Client, schemas: &[String]) -> Result<String, InventoryError> {
    let before = inspector::pin(client).await?;
    let rows = client
        .query(release::FACTS, &[&schemas])
        .await
        .map_err(InventoryError::unreadable(Check::ReleaseDrift.word()))?;
    inspector::unpin(client, before).await?;
    Ok(rows
        .iter()
        .map(|row| release::Fact::of_row(row).line() + "\n")
        .collect())
}
