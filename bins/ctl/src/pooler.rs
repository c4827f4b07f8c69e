//! What stands between the server and the database: told to the database, and seen by the doctor.

use crate::arguments::{AdminArguments, PoolerKind};
use crate::connection::LoginAddress;
use crate::doctor::Finding;
use crate::outcome::Outcome;
use crate::output;
use bearingwall_migrations::entries_name_backend;
use bearingwall_tenancy::Pooler;
use bearingwall_tenancy::pooler::way;

pub(crate) async fn set(admin: &AdminArguments, kind: PoolerKind) -> anyhow::Result<Outcome> {
    let client = admin.login().await?.dial().await?;
    entries_name_backend(&client, kind == PoolerKind::None).await?;
    output::line(match kind {
        PoolerKind::None => {
            "every entry names the backend that it is for; a server behind a pooler is refused at its start"
        }
        PoolerKind::Transaction => {
            "entries name no backend; a server whose `database.pooler` is \"none\" is refused at its start"
        }
    })?;
    Ok(Outcome::Done)
}

/// The line `pooler`, and how a pool must be set to work on this way.
pub(crate) async fn examine(login: &LoginAddress) -> (Vec<Finding>, Pooler) {
    let check = "pooler";
    let way = match way(&login.address, login.password.as_ref()).await {
        Ok(way) => way,
        // Why there is no connection has been said.
        Err(_) => return (Vec::new(), Pooler::None),
    };
    let pooler = if way.pooled {
        Pooler::Transaction {
            named_statements: way.carries_named_statements,
        }
    } else {
        Pooler::None
    };
    let violations = way.violations(pooler);
    let findings = if violations.is_empty() {
        let found = match pooler {
            Pooler::Transaction { named_statements: true } => {
                "a pooler that carries named statements: set database.pooler = \"transaction\""
            }
            Pooler::Transaction { .. } => {
                "a pooler that carries no named statements: set database.pooler = \"transaction-unnamed\", which turns the \
                 statement cache off"
            }
            _ => "none: every entry names its backend",
        };
        vec![Finding {
            check: check.to_owned(),
            passed: true,
            found: Some(found.to_owned()),
        }]
    } else {
        let said = |found: &str| match pooler {
            Pooler::None => format!("{found}; name the pooler's address with --app-url if there is one"),
            _ => found.to_owned(),
        };
        violations
            .iter()
            .map(|violation| Finding::failed(check, said(&violation.found)))
            .collect()
    };
    (findings, pooler)
}
