//! What a tenant narrows a connector to, in its own rows.

use crate::egress::{Allowed, Destination, Method, RuleError};
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::RunQueryDsl;
use schema::destinations;
use uuid::Uuid;

/// Something about a tenant's destinations failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// It cannot be named.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The tenant has named it already.
    #[error("the destination is named already")]
    Taken,
    /// A statement failed.
    #[error("a statement on destinations failed")]
    Statement(#[source] Error),
}

impl Classified for DestinationError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Rule(_) => ErrorKind::Invalid,
            Self::Taken => ErrorKind::Conflict,
            Self::Statement(_) => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Rule(_) => "CON-025",
            Self::Taken => "CON-037",
            Self::Statement(_) => "CON-026",
        }
    }
}

/// Names a destination for one of the tenant's connectors. What the operator does not name is not reached all the same.
///
/// # Errors
/// [`DestinationError::Rule`] for a host that is not written as an address holds it; [`DestinationError::Taken`] for one that is
/// named already; [`DestinationError::Statement`].
pub async fn destination_add(
    tx: &mut TenantTx<'_>,
    id: Uuid,
    connector: &str,
    (host, port): (&str, u16),
    methods: &[Method],
) -> Result<(), DestinationError> {
    // The longest name of a host (RFC 1035, 2.3.4).
    if host.len() > 253 {
        return Err(RuleError::Host.into());
    }
    let mut methods = methods.to_vec();
    methods.sort_unstable();
    methods.dedup();
    if methods.is_empty() {
        return Err(RuleError::Method.into());
    }
    Destination::new(host, port, methods.iter().copied())?;
    let methods: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    diesel::insert_into(destinations::table)
        .values((
            destinations::id.eq(id),
            destinations::connector.eq(connector),
            destinations::host.eq(host),
            destinations::port.eq(i32::from(port)),
            destinations::methods.eq(methods),
        ))
        .execute(tx)
        .await
        .map(drop)
        .map_err(|error| match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => DestinationError::Taken,
            error => DestinationError::Statement(error),
        })
}

/// A destination that the tenant has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedDestination {
    /// Its id.
    pub id: Uuid,
    /// The host, as an address holds it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The methods.
    pub methods: Vec<String>,
}

/// What the tenant has named for one of its connectors, the newest first, 200 at the most.
///
/// # Errors
/// [`DestinationError::Statement`].
pub async fn destination_list(
    tx: &mut TenantTx<'_>,
    connector: &str,
) -> Result<Vec<NamedDestination>, DestinationError> {
    let rows: Vec<(Uuid, String, i32, Vec<String>)> = destinations::table
        .filter(destinations::connector.eq(connector))
        .select((
            destinations::id,
            destinations::host,
            destinations::port,
            destinations::methods,
        ))
        .order(destinations::id.desc())
        .limit(200)
        .load(tx)
        .await
        .map_err(DestinationError::Statement)?;
    let read = |(id, host, port, methods)| NamedDestination {
        id,
        host,
        port: u16::try_from(port).unwrap_or(0),
        methods,
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Takes a destination back; answers whether there was one.
///
/// # Errors
/// [`DestinationError::Statement`].
pub async fn destination_remove(tx: &mut TenantTx<'_>, id: Uuid) -> Result<bool, DestinationError> {
    diesel::delete(destinations::table.filter(destinations::id.eq(id)))
        .execute(tx)
        .await
        .map(|rows| rows > 0)
        .map_err(DestinationError::Statement)
}

/// What the tenant may reach through a connector: what the operator's catalogue names, narrowed to the tenant's own rows where
/// it has any.
///
/// # Errors
/// [`DestinationError::Statement`]; [`DestinationError::Rule`] for a row that this program cannot read, so that nothing is
/// reached.
// CONTROL: CON-2
pub async fn allowed(
    tx: &mut TenantTx<'_>,
    connector: &str,
    operator: Vec<Destination>,
) -> Result<Allowed, DestinationError> {
    let rows: Vec<(String, i32, Vec<String>)> = destinations::table
        .filter(destinations::connector.eq(connector))
        .select((destinations::host, destinations::port, destinations::methods))
        .load(tx)
        .await
        .map_err(DestinationError::Statement)?;
    let allowed = Allowed::by_operator(operator);
    if rows.is_empty() {
        return Ok(allowed);
    }
    let read = |(host, port, methods): (String, i32, Vec<String>)| {
        let method = |word: &String| Method::ALL.into_iter().find(|method| method.as_str() == word);
        let methods: Option<Vec<_>> = methods.iter().map(method).collect();
        let port = u16::try_from(port).map_err(|_| RuleError::Host)?;
        Destination::new(&host, port, methods.ok_or(RuleError::Method)?)
    };
    let own = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(allowed.narrowed(own))
}

mod schema {
    //! The table as diesel sees it; the migrations are the truth.

    diesel::table! {
        connectors.destinations (customer_id, id) {
            customer_id -> Uuid,
            id -> Uuid,
            connector -> Text,
            host -> Text,
            port -> Integer,
            methods -> Array<Text>,
        }
    }
}
