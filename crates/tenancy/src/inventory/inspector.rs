//! Runs the checks: one statement, prepared once on a connection, so that what they share is looked up once.

use super::release::{self, Fact};
use super::{Check, Finding, InventoryError, InventoryOptions};
use crate::floor;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

const PRELUDE: &str = include_str!("sql/prelude.sql");
const APPLICATION_ROLES: &str = include_str!("sql/application-roles.sql");

/// How a definition is written down depends on these, and what a name means on the first.
/// The queries are large and quick: compiling them takes longer than running them, and so does planning them anew.
const PINNED: &str = "SELECT v.name, pg_catalog.current_setting(v.name), pg_catalog.set_config(v.name, v.value, false) FROM (VALUES
    ('search_path', 'pg_catalog, pg_temp'), ('quote_all_identifiers', 'off'), ('standard_conforming_strings', 'on'),
    ('IntervalStyle', 'postgres'), ('DateStyle', 'ISO, MDY'), ('TimeZone', 'UTC'), ('bytea_output', 'hex'), ('extra_float_digits', '1'),
    ('jit', 'off'), ('plan_cache_mode', 'force_generic_plan')) AS v (name, value)";

/// The inventory of one connection.
#[derive(Clone)]
pub struct Inspector {
    options: InventoryOptions,
    checks: Vec<Check>,
    queries: Option<Statement>,
    facts: Option<Statement>,
    register: Option<Statement>,
}

impl std::fmt::Debug for Inspector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspector")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Inspector {
    /// Prepares every check on this connection, on which alone the inspector can be used.
    ///
    /// # Errors
    /// [`InventoryError`] when the catalog cannot be read or an option is no name.
    pub async fn prepare(client: &Client, options: InventoryOptions) -> Result<Self, InventoryError> {
        Self::prepare_checks(client, options, &Check::ALL).await
    }

    /// Prepares these checks alone.
    ///
    /// # Errors
    /// As [`Inspector::prepare`].
    pub async fn prepare_checks(
        client: &Client,
        options: InventoryOptions,
        checks: &[Check],
    ) -> Result<Self, InventoryError> {
        let before = pin(client).await?;
        let prepared = Self::prepare_pinned(client, options, checks).await;
        // After a failure inside a transaction, its end takes the settings back.
        let unpinned = unpin(client, before).await;
        let prepared = prepared?;
        unpinned?;
        Ok(prepared)
    }

    async fn prepare_pinned(
        client: &Client,
        mut options: InventoryOptions,
        checks: &[Check],
    ) -> Result<Self, InventoryError> {
        if options.application_roles.is_empty() {
            options.application_roles = application_roles(client, &options).await?;
        }
        let register = match options.register()? {
            Some((schema, table)) => register(client, schema, table).await?,
            None => None,
        };
        let parts: Vec<String> = checks.iter().filter_map(|check| part(*check)).collect();
        let queries = match parts.as_slice() {
            [] => None,
            parts => Some(prepare(client, &format!("{PRELUDE}{}", parts.join(" UNION ALL "))).await?),
        };
        let facts = if checks.contains(&Check::ReleaseDrift) && !options.release_schemas.is_empty() {
            Some(prepare(client, release::FACTS).await?)
        } else {
            None
        };
        Ok(Self {
            options,
            checks: checks.to_vec(),
            queries,
            facts,
            register,
        })
    }

    /// What the database is compared with, the application's roles included.
    pub fn options(&self) -> &InventoryOptions {
        &self.options
    }

    /// Examines the database as it is now, inside the connection's transaction if there is one.
    ///
    /// # Errors
    /// [`InventoryError`] when the catalog cannot be read.
    pub async fn findings(&self, client: &Client) -> Result<Vec<Finding>, InventoryError> {
        let before = pin(client).await?;
        let found = self.examine(client).await;
        // After a failure inside a transaction, its end takes the settings back.
        let unpinned = unpin(client, before).await;
        let found = found?;
        unpinned?;
        Ok(found)
    }

    async fn examine(&self, client: &Client) -> Result<Vec<Finding>, InventoryError> {
        let mut findings = Vec::new();
        if self.checks.contains(&Check::ServerVersion) {
            findings.extend(self.server_version(client).await?);
        }
        findings.extend(self.release_drift(client).await?);
        if let Some(queries) = &self.queries {
            let parameters = Parameters::new(&self.options, self.phi_tables(client).await?);
            let rows = client.query(queries, &parameters.values()).await;
            let rows = rows.map_err(InventoryError::unreadable("checks"))?;
            let mut checked: Vec<Finding> = rows.iter().filter_map(finding).collect();
            checked.sort();
            findings.extend(checked);
        }
        Ok(findings)
    }

    async fn phi_tables(&self, client: &Client) -> Result<Vec<PhiTable>, InventoryError> {
        let Some(register) = &self.register else {
            return Ok(Vec::new());
        };
        let rows = client.query(register, &[]).await;
        let rows = rows.map_err(InventoryError::unreadable("phi-register"))?;
        Ok(rows
            .iter()
            .map(|row| PhiTable {
                relation: row.get(0),
                subject_column: row.get(1),
                searchable: row.get(2),
            })
            .collect())
    }

    async fn release_drift(&self, client: &Client) -> Result<Vec<Finding>, InventoryError> {
        let Some(statement) = &self.facts else {
            return Ok(Vec::new());
        };
        let rows = client.query(statement, &[&self.options.release_schemas]).await;
        let rows = rows.map_err(InventoryError::unreadable(Check::ReleaseDrift.word()))?;
        let found: Vec<Fact> = rows.iter().map(Fact::of_row).collect();
        Ok(release::drift(&self.options.release_schemas, &found))
    }

    async fn server_version(&self, client: &Client) -> Result<Option<Finding>, InventoryError> {
        let asked =
            "SELECT current_setting('server_version_num')::int, split_part(current_setting('server_version'), ' ', 1)";
        let row = client.query_one(asked, &[]).await;
        let row = row.map_err(InventoryError::unreadable(Check::ServerVersion.word()))?;
        let (number, name): (i32, String) = (row.get(0), row.get(1));
        let below = floor::check(u32::try_from(number).unwrap_or(0)).err();
        Ok(below
            .filter(|_| self.options.accepted_version.as_deref() != Some(name.as_str()))
            .map(|below| Finding {
                check: Check::ServerVersion,
                object: format!("PostgreSQL {name}"),
                found: below.to_string(),
                fix: format!("-- upgrade the server to {} or newer", below.needed),
            }))
    }
}

/// The query of a check as a part of the one statement.
fn part(check: Check) -> Option<String> {
    let sql = check.sql()?;
    Some(format!(
        "SELECT '{}', q.* FROM (\n{sql}) AS q (object, found, fix)",
        check.word()
    ))
}

fn finding(row: &Row) -> Option<Finding> {
    let word: &str = row.get(0);
    Some(Finding {
        check: Check::ALL.into_iter().find(|check| check.word() == word)?,
        object: row.get(1),
        found: row.get(2),
        fix: row.get(3),
    })
}

async fn prepare(client: &Client, sql: &str) -> Result<Statement, InventoryError> {
    client.prepare(sql).await.map_err(InventoryError::unreadable("checks"))
}

async fn application_roles(client: &Client, options: &InventoryOptions) -> Result<Vec<String>, InventoryError> {
    let rows = client.query(APPLICATION_ROLES, &[&options.tenant_column]).await;
    let rows = rows.map_err(InventoryError::unreadable("application-roles"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Without its table there is nothing to read, and the comparison with the release says so.
async fn register(client: &Client, schema: &str, table: &str) -> Result<Option<Statement>, InventoryError> {
    let asked =
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname::text = $1::text AND c.relname::text = $2::text AND c.relkind = 'r')";
    let exists = client.query_one(asked, &[&schema, &table]).await;
    if !exists
        .map_err(InventoryError::unreadable("phi-register"))?
        .get::<_, bool>(0)
    {
        return Ok(None);
    }
    let read = format!("SELECT relation, subject_column::text, searchable FROM {schema}.{table} ORDER BY relation");
    let prepared = client.prepare(&read).await;
    Ok(Some(prepared.map_err(InventoryError::unreadable("phi-register"))?))
}

/// The settings as they were.
pub(super) struct Pinned {
    names: Vec<String>,
    values: Vec<String>,
}

pub(super) async fn pin(client: &Client) -> Result<Pinned, InventoryError> {
    let rows = client.query(PINNED, &[]).await;
    let rows = rows.map_err(InventoryError::unreadable("settings"))?;
    Ok(Pinned {
        names: rows.iter().map(|row| row.get(0)).collect(),
        values: rows.iter().map(|row| row.get(1)).collect(),
    })
}

pub(super) async fn unpin(client: &Client, before: Pinned) -> Result<(), InventoryError> {
    let put_back =
        "SELECT pg_catalog.set_config(v.name, v.value, false) FROM unnest($1::text[], $2::text[]) AS v (name, value)";
    let done = client.query(put_back, &[&before.names, &before.values]).await;
    done.map(drop).map_err(InventoryError::unreadable("settings"))
}

struct PhiTable {
    relation: String,
    subject_column: String,
    searchable: bool,
}

/// The options in the order of the prelude's parameters.
struct Parameters<'a> {
    options: &'a InventoryOptions,
    release: bool,
    relations: Vec<String>,
    subject_columns: Vec<String>,
    searchable: Vec<bool>,
}

impl<'a> Parameters<'a> {
    fn new(options: &'a InventoryOptions, phi: Vec<PhiTable>) -> Self {
        Self {
            options,
            release: !options.release_schemas.is_empty(),
            searchable: phi.iter().map(|table| table.searchable).collect(),
            subject_columns: phi.iter().map(|table| table.subject_column.clone()).collect(),
            relations: phi.into_iter().map(|table| table.relation).collect(),
        }
    }

    fn values(&self) -> [&(dyn ToSql + Sync); 28] {
        let o = self.options;
        [
            &o.tenant_column,
            &o.tenant_type,
            &o.tenant_first,
            &o.application_roles,
            &o.schemas,
            &o.control_schemas,
            &o.isolation_policy,
            &o.base_policy,
            &o.context_function,
            &o.tenant_defaults,
            &o.definer_functions,
            &o.named_tables,
            &o.append_only_tables,
            &o.global_tables,
            &o.personal_columns,
            &o.every_column,
            &o.owner_role,
            &o.admin_roles,
            &o.service_roles,
            &o.admitted_powers,
            &o.admitted_members,
            &o.admitted_grants,
            &o.narrowed_tables,
            &self.release,
            &o.phi_register,
            &self.relations,
            &self.subject_columns,
            &self.searchable,
        ]
    }
}
