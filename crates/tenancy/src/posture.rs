//! What must be true of role, server and schema before the first request, each reason named.

use crate::danger;
use crate::error::TenancyError;
use crate::floor;
use crate::pooler::{Pooler, way};
use bearingwall_core::Sensitive;
use std::fmt;
use tokio_postgres::Client;

/// One thing that is not as the design demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// A stable word for machines.
    pub check: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.found, self.check)
    }
}

/// Each row is one excess of power of the login role; no rows is what must be.
// CONTROL: TEN-5
const EXCESS_POWER: &str = "
    SELECT 'role-attributes', 'the role has ' || a.attribute
      FROM pg_roles r, LATERAL (VALUES (r.rolsuper, 'SUPERUSER'), (r.rolbypassrls, 'BYPASSRLS'), (r.rolcreaterole, 'CREATEROLE'),
           (r.rolcreatedb, 'CREATEDB'), (r.rolreplication, 'REPLICATION'), (r.rolinherit, 'INHERIT')) AS a (held, attribute)
     WHERE r.rolname = session_user AND a.held
    UNION ALL SELECT 'role-membership', 'the role is a member of ' || m.roleid::regrole::text
      FROM pg_auth_members m WHERE m.member = session_user::regrole
    UNION ALL SELECT 'role-settings', 'settings are stored on the role'
      FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase
     WHERE s.setrole = session_user::regrole AND (s.setdatabase = 0 OR d.datname = current_database())
    UNION ALL SELECT 'parameter-privileges', 'the role may set ' || p.parname FROM pg_parameter_acl p
     WHERE has_parameter_privilege(session_user, p.parname, 'SET, ALTER SYSTEM')
    UNION ALL SELECT 'role-identity', 'the current role is not the session role' WHERE current_user <> session_user
    UNION ALL (SELECT 'ownership', 'the role owns ' || c.oid::regclass::text FROM pg_class c WHERE c.relowner = session_user::regrole LIMIT 5)
    UNION ALL (SELECT 'ownership', 'the role owns the routine ' || p.oid::regprocedure::text FROM pg_proc p WHERE p.proowner = session_user::regrole LIMIT 5)
    UNION ALL SELECT 'ownership', 'the role owns the schema ' || n.nspname FROM pg_namespace n WHERE n.nspowner = session_user::regrole
    UNION ALL SELECT 'ownership', 'the role owns the database' FROM pg_database d
     WHERE d.datname = current_database() AND d.datdba = session_user::regrole
    UNION ALL SELECT 'database-privileges', 'the role may ' || p || ' in the database' FROM unnest(ARRAY['CREATE', 'TEMPORARY']) p
     WHERE has_database_privilege(session_user, current_database(), p)
    UNION ALL SELECT 'schema-privileges', 'the role may create in the schema ' || n.nspname FROM pg_namespace n
     WHERE has_schema_privilege(session_user, n.oid, 'CREATE')
    UNION ALL (SELECT 'table-privileges', 'the role may ' || p || ' on ' || c.oid::regclass::text
      FROM pg_class c, unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) p
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
       AND has_table_privilege(session_user, c.oid, p) LIMIT 5)
    UNION ALL (SELECT 'row-security', 'row security is not forced on ' || c.oid::regclass::text || ', which the role may use'
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id'
     WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
       AND (has_table_privilege(session_user, c.oid, 'SELECT, INSERT, UPDATE, DELETE') OR has_any_column_privilege(session_user, c.oid, 'SELECT, INSERT, UPDATE')) LIMIT 5)
    UNION ALL (SELECT 'tenant-policy', 'the tenant policy is missing or altered on ' || c.oid::regclass::text || ', which the role may use'
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id' AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND c.relnamespace::regnamespace::text <> 'audit'
       AND (has_table_privilege(session_user, c.oid, 'SELECT, INSERT, UPDATE, DELETE') OR has_any_column_privilege(session_user, c.oid, 'SELECT, INSERT, UPDATE'))
       AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant_isolation'
           AND NOT p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'
           AND pg_get_expr(p.polqual, p.polrelid) = '(customer_id = ( SELECT tenancy.current_customer_id() AS current_customer_id))'
           AND pg_get_expr(p.polwithcheck, p.polrelid) = '(customer_id = ( SELECT tenancy.current_customer_id() AS current_customer_id))') LIMIT 5)
    UNION ALL (SELECT 'audit-privileges', 'the role may ' || p || ' on ' || c.oid::regclass::text
      FROM pg_class c, unnest(ARRAY['UPDATE', 'DELETE']) p WHERE c.relnamespace::regnamespace::text = 'audit' AND c.relkind IN ('r', 'p')
       AND has_table_privilege(session_user, c.oid, p) LIMIT 5)
    UNION ALL (SELECT 'key-privileges', 'the role may read ' || c.oid::regclass::text
      FROM pg_class c WHERE c.oid::regclass::text IN ('tenancy.enter_keys', 'tenancy.seal_key')
       AND (has_table_privilege(session_user, c.oid, 'SELECT') OR has_any_column_privilege(session_user, c.oid, 'SELECT')))";

/// What the program was built for and configured to, to be compared with what is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'e> {
    /// The migration that the schema must stand at; `None` for an embedder with migrations of its own.
    pub schema_version: Option<&'e str>,
    /// A PostgreSQL below the security floor that the operator accepts by name, as `15.18`.
    pub accepted_version: Option<&'e str>,
    /// Whose proof opens a tenant: `enter-key` or `split-key`; `None` accepts either.
    pub profile: Option<&'e str>,
}

/// Refuses a database or a role that is not as expected.
pub(crate) async fn require(
    address: &crate::DatabaseAddress,
    password: Option<&Sensitive<String>>,
    expected: &Expected<'_>,
    pooler: Pooler,
) -> Result<(), TenancyError> {
    let mut violations = check(address, password, expected).await?;
    // What is not as expected has, perhaps, no rules of entry that could be read.
    if violations.is_empty() {
        violations.extend(way(address, password).await?.violations(pooler));
    }
    if violations.is_empty() {
        return Ok(());
    }
    Err(TenancyError::Posture { violations })
}

/// Connects once and lists everything that is not as the design demands; empty when all is well.
///
/// # Errors
/// [`TenancyError::Dial`] when there is no connection or the catalogue cannot be read.
pub async fn check(
    address: &crate::DatabaseAddress,
    password: Option<&Sensitive<String>>,
    expected: &Expected<'_>,
) -> Result<Vec<Violation>, TenancyError> {
    let client = danger::dial(address, password).await?;
    // One transaction: behind a pooler, what is prepared in one is not there in the next.
    client.batch_execute("BEGIN").await.map_err(unreadable)?;
    let mut violations = Vec::new();
    violations.extend(server_version(&client, expected.accepted_version).await?);
    for row in client.query(EXCESS_POWER, &[]).await.map_err(unreadable)? {
        violations.push(Violation {
            check: row.get(0),
            found: row.get(1),
        });
    }
    if let Some(version) = expected.schema_version {
        violations.extend(schema(&client, version).await?);
    }
    // Of another schema nothing can be asked; that it is another has been said.
    if violations.iter().all(|violation| violation.check != "schema-version") {
        violations.extend(profile(&client, expected.profile).await?);
    }
    Ok(violations)
}

// CONTROL: TEN-7
async fn profile(client: &Client, expected: Option<&str>) -> Result<Option<Violation>, TenancyError> {
    let Some(expected) = expected else { return Ok(None) };
    let found: String = client
        .query_one("SELECT profile FROM tenancy.entry_rules()", &[])
        .await
        .map_err(unreadable)?
        .get(0);
    Ok((found != expected).then(|| Violation {
        check: "isolation-profile".to_owned(),
        found: format!("the database's profile is {found}, this program is configured for {expected}"),
    }))
}

async fn server_version(client: &Client, accepted: Option<&str>) -> Result<Option<Violation>, TenancyError> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version_num')::int, split_part(current_setting('server_version'), ' ', 1)",
            &[],
        )
        .await
        .map_err(unreadable)?;
    let (number, name): (i32, String) = (row.get(0), row.get(1));
    Ok(match floor::check(u32::try_from(number).unwrap_or(0)) {
        Err(below) if accepted != Some(name.as_str()) => Some(Violation {
            check: "server-version".to_owned(),
            found: below.to_string(),
        }),
        _ => None,
    })
}

async fn schema(client: &Client, expected: &str) -> Result<Option<Violation>, TenancyError> {
    let violation = |found: String| {
        Some(Violation {
            check: "schema-version".to_owned(),
            found,
        })
    };
    let exists: bool = client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'public' AND c.relname = '__diesel_schema_migrations')",
            &[],
        )
        .await
        .map_err(unreadable)?
        .get(0);
    if !exists {
        return Ok(violation("the database has not been migrated".to_owned()));
    }
    let newest: Option<String> = match client
        .query_one("SELECT max(version)::text FROM public.__diesel_schema_migrations", &[])
        .await
    {
        Ok(row) => row.get(0),
        Err(error) if error.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE) => {
            return Ok(violation("the role may not read the schema's version".to_owned()));
        }
        Err(error) => return Err(unreadable(error)),
    };
    Ok(match newest {
        Some(version) if version == expected => None,
        Some(version) => violation(format!(
            "the schema stands at {version}, this program was built for {expected}"
        )),
        None => violation("the database has not been migrated".to_owned()),
    })
}

fn unreadable(error: tokio_postgres::Error) -> TenancyError {
    TenancyError::Dial(error.into())
}
