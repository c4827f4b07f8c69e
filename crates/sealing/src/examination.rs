//! Whoever examines the record is on it first: what reads it takes a value that only the announcement makes.

use crate::error::SealingError;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

/// What is examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The logs of all tenants, to be verified or compared.
    AllLogs,
    /// One tenant's log, to be verified.
    LogOf(Uuid),
    /// One tenant's events, to be handed out.
    ExportOf(Uuid),
}

/// An examination that stands on the record, as `bearingwall_auditor` or `bearingwall_admin`.
///
/// It is committed before it is answered, and there is no other way to verify, compare or export.
// CONTROL: AUD-8
#[derive(Clone, Copy)]
pub struct Examination<'c> {
    client: &'c Client,
    scope: Scope,
}

impl<'c> Examination<'c> {
    /// Announces it: in the log of the one tenant that it is about, or in the platform's.
    ///
    /// # Errors
    /// [`SealingError::NotFound`] when that tenant has no log; [`SealingError::Unwritten`] when the record does not take it:
    /// nothing is examined then.
    pub async fn begin(client: &'c Client, scope: Scope) -> Result<Self, SealingError> {
        let (event, customer) = match scope {
            Scope::AllLogs => ("audit.read", None),
            Scope::LogOf(customer) => ("audit.read", Some(customer)),
            Scope::ExportOf(customer) => ("audit.exported", Some(customer)),
        };
        record(client, event, true, customer).await?;
        Ok(Self { client, scope })
    }

    /// Puts on the record what a verification has found.
    ///
    /// # Errors
    /// [`SealingError::Unwritten`] when the record does not take it.
    pub async fn conclude(self, is_verified: bool) -> Result<(), SealingError> {
        let customer = match self.scope {
            Scope::AllLogs => None,
            Scope::LogOf(customer) | Scope::ExportOf(customer) => Some(customer),
        };
        record(self.client, "audit.verified", is_verified, customer).await
    }

    pub(crate) const fn client(&self) -> &'c Client {
        self.client
    }

    /// Whether this tenant's log may be looked at under it.
    pub(crate) fn covers(&self, customer: Uuid) -> bool {
        match self.scope {
            Scope::AllLogs => true,
            Scope::LogOf(one) | Scope::ExportOf(one) => one == customer,
        }
    }

    /// Whether it is this tenant's events that were announced to be handed out.
    pub(crate) fn is_export_of(&self, customer: Uuid) -> bool {
        self.scope == Scope::ExportOf(customer)
    }
}

async fn record(client: &Client, event: &str, succeeded: bool, customer: Option<Uuid>) -> Result<(), SealingError> {
    let outcome = if succeeded { "success" } else { "failure" };
    client
        .execute(
            "SELECT audit.record_examination($1, $2, $3)",
            &[&event, &outcome, &customer],
        )
        .await
        .map(drop)
        .map_err(|error| match error.code() {
            Some(&SqlState::NO_DATA) => SealingError::NotFound {
                what: "log of that tenant",
            },
            _ => SealingError::Unwritten(error),
        })
}
