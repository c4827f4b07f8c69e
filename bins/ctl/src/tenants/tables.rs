//! Which tables hold a tenant's rows, as the catalogue says, and in which order they can be emptied.

use super::error::TenantError;
use anyhow::Context as _;
use std::collections::BTreeSet;
use tokio_postgres::Client;

/// Tables of the platform's own that functions of the schema read and empty, or whose rows are kept.
const PLATFORM: [&str; 32] = [
    "audit.checkpoints",
    "audit.events",
    "audit.leaves",
    "audit.legal_holds",
    "audit.log_keys",
    "audit.logs",
    "audit.nodes",
    "audit.retention",
    "audit.witnessed",
    "tenancy.break_glass",
    "tenancy.canaries",
    "tenancy.customers",
    "tenancy.effect_aggregates",
    "tenancy.effect_attempts",
    "tenancy.effect_breakers",
    "tenancy.effect_ends",
    "tenancy.effect_keys",
    "tenancy.effect_queue",
    "tenancy.effect_turns",
    "tenancy.effects",
    "tenancy.gate_decisions",
    "tenancy.gate_policies",
    "tenancy.gate_requests",
    "tenancy.issuers",
    "tenancy.jobs",
    "tenancy.locators",
    "tenancy.machines",
    "tenancy.offboardings",
    "tenancy.people",
    "tenancy.role_assignments",
    "tenancy.role_changes",
    "tenancy.role_sets",
];

/// Tables whose rows are keys: they go first, so that whatever is left behind after a failure is ciphertext for ever.
const KEYS: [&str; 3] = ["crm.client_keys", "crm.index_keys", "crm.tenant_keys"];

const RELATIONS: &str = "
    SELECT n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname), c.relkind IN ('r', 'p') AND n.nspname NOT IN ('tenancy', 'audit'),
           EXISTS (SELECT FROM audit.phi_tables p WHERE p.relation = n.nspname || '.' || c.relname),
           ARRAY(SELECT quote_ident(a.attname) FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                 WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname <> 'customer_id' ORDER BY k.place),
           ARRAY(SELECT format_type(a.atttypid, a.atttypmod) FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                 WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname <> 'customer_id' ORDER BY k.place),
           ARRAY(SELECT CASE WHEN a.atttypid = 'bytea'::regtype
                             THEN format('translate(encode(t.%1$I, ''base64''), chr(10), '''') AS %1$I', a.attname) ELSE format('t.%I', a.attname) END
                 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
           ARRAY(SELECT DISTINCT rn.nspname || '.' || r.relname FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid
                 JOIN pg_namespace rn ON rn.oid = r.relnamespace WHERE f.conrelid = c.oid AND f.contype = 'f')
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'customer_id' AND NOT t.attisdropped
     WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
     ORDER BY 1";

/// A table of tenants' rows.
#[derive(Clone, Debug)]
pub(super) struct TenantTable {
    /// Schema and name, as the record calls it.
    pub(super) name: String,
    /// The same, quoted for SQL.
    pub(super) quoted: String,
    /// Whether its rows are visible only under a declared access.
    pub(super) phi: bool,
    /// The columns of the primary key behind the tenant, quoted.
    pub(super) key: Vec<String>,
    /// Their types.
    key_types: Vec<String>,
    /// What a row consists of, bytes in base64.
    columns: Vec<String>,
    /// The tables that it refers to.
    refers_to: BTreeSet<String>,
}

/// The tables with tenants' rows, by name.
///
/// # Errors
/// [`TenantError::UnknownRelations`]: an export or an erasure that leaves something out is worse than none.
pub(super) async fn load(client: &Client) -> anyhow::Result<Vec<TenantTable>> {
    let rows = client
        .query(RELATIONS, &[])
        .await
        .context("looking for the tenant's tables")?;
    let mut tables = Vec::new();
    let mut relations = Vec::new();
    for row in &rows {
        let name: String = row.get(0);
        if row.get(2) {
            tables.push(TenantTable {
                name,
                quoted: row.get(1),
                phi: row.get(3),
                key: row.get(4),
                key_types: row.get(5),
                columns: row.get(6),
                refers_to: row.get::<_, Vec<String>>(7).into_iter().collect(),
            });
        } else if !PLATFORM.contains(&name.as_str()) {
            relations.push(name);
        }
    }
    if relations.is_empty() {
        Ok(tables)
    } else {
        Err(TenantError::UnknownRelations { relations }.into())
    }
}

impl TenantTable {
    /// One page of rows as JSON, each with its place: `$1` is the tenant, what follows the place to go on from.
    pub(super) fn page_sql(&self, resumed: bool, rows: usize) -> String {
        let keys = self.prefixed();
        let after = if resumed && !self.key.is_empty() {
            let values = self.key_types.iter().zip(2..);
            let values: Vec<String> = values.map(|(kind, place)| format!("${place}::text::{kind}")).collect();
            format!(" AND ({}) > ({})", keys.join(", "), values.join(", "))
        } else {
            String::new()
        };
        let texts: Vec<String> = keys.iter().map(|key| format!("{key}::text")).collect();
        format!(
            "SELECT (SELECT row_to_json(r)::text FROM (SELECT {}) r), ARRAY[{}]::text[] FROM {} t WHERE t.customer_id = $1{after}{} LIMIT {rows}",
            self.columns.join(", "),
            texts.join(", "),
            self.quoted,
            order(&keys)
        )
    }

    /// How many rows the tenant `$1` has.
    pub(super) fn count_sql(&self) -> String {
        format!("SELECT count(*) FROM {} t WHERE t.customer_id = $1", self.quoted)
    }

    /// Erases some rows of the tenant `$1`. A table that refers to itself is emptied at once: its references are checked
    /// at the end of a statement.
    pub(super) fn delete_sql(&self, rows: usize) -> String {
        if self.key.is_empty() || self.refers_to.contains(&self.name) {
            return format!("DELETE FROM {} t WHERE t.customer_id = $1", self.quoted);
        }
        let keys = self.prefixed().join(", ");
        format!(
            "DELETE FROM {table} t WHERE t.customer_id = $1 AND ({keys}) IN (SELECT {inner} FROM {table} t WHERE t.customer_id = $1{} LIMIT {rows})",
            order(&self.prefixed()),
            table = self.quoted,
            inner = keys
        )
    }

    fn prefixed(&self) -> Vec<String> {
        self.key.iter().map(|column| format!("t.{column}")).collect()
    }
}

fn order(keys: &[String]) -> String {
    if keys.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", keys.join(", "))
    }
}

/// The order of erasing: keys as early as they can go, and no table before those that refer to it.
pub(super) fn erasing_order(mut tables: Vec<TenantTable>) -> Result<Vec<TenantTable>, TenantError> {
    let mut ordered = Vec::with_capacity(tables.len());
    tables.sort_by_key(|table| (!KEYS.contains(&table.name.as_str()), table.name.clone()));
    while !tables.is_empty() {
        let free = tables.iter().position(|table| {
            let mut others = tables.iter().filter(|other| other.name != table.name);
            !others.any(|other| other.refers_to.contains(&table.name))
        });
        let Some(place) = free else {
            return Err(TenantError::Circle {
                tables: tables.into_iter().map(|table| table.name).collect(),
            });
        };
        ordered.push(tables.remove(place));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, refers_to: &[&str]) -> TenantTable {
        TenantTable {
            name: name.to_owned(),
            quoted: name.to_owned(),
            phi: false,
            key: vec!["id".to_owned()],
            key_types: vec!["uuid".to_owned()],
            columns: vec!["t.customer_id".to_owned(), "t.id".to_owned()],
            refers_to: refers_to.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn ten_9_keys_go_first_and_nothing_before_what_refers_to_it() {
        let tables = vec![
            table("crm.chart_notes", &["crm.clients"]),
            table("crm.client_keys", &["crm.clients", "crm.tenant_keys"]),
            table("crm.clients", &["tenancy.customers", "crm.clients"]),
            table("crm.tenant_keys", &["tenancy.customers"]),
        ];
        let ordered = erasing_order(tables).unwrap();
        let names: Vec<&str> = ordered.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(
            names,
            ["crm.client_keys", "crm.tenant_keys", "crm.chart_notes", "crm.clients"]
        );
    }

    #[test]
    fn ten_9_a_circle_is_refused_with_its_members() {
        let tables = vec![table("a.b", &["a.c"]), table("a.c", &["a.b"]), table("a.d", &[])];
        let refused = erasing_order(tables).unwrap_err();
        assert!(
            matches!(&refused, TenantError::Circle { tables } if tables == &["a.b", "a.c"]),
            "{refused:?}"
        );
    }
}
