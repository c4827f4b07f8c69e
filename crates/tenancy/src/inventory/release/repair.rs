//! The statement that makes a fact of the release true again, where the fact itself holds enough to write it.

use super::Aspects;
use std::collections::BTreeSet;

/// For an object that is not there.
pub(super) fn missing(kind: &str, object: &str, aspects: &Aspects<'_>) -> String {
    let expected = |aspect: &str| aspects.get(aspect).and_then(|(_, expected)| *expected);
    let definition = expected("definition");
    match (kind, definition, object.split_once(" on ")) {
        ("policy" | "constraint", Some(definition), Some(_)) => {
            aspect(kind, object, "definition", None, Some(definition))
        }
        ("trigger", Some(definition), Some((name, table))) => {
            format!(
                "{definition}; {}",
                enabling(name, table, expected("enabled").unwrap_or("origin"))
            )
        }
        ("index", Some(definition), _) => format!("{definition};"),
        _ => unknown(kind, object),
    }
}

/// For an object that the release does not have.
pub(super) fn surplus(kind: &str, object: &str, aspects: &Aspects<'_>) -> String {
    let relation = aspects
        .get("kind")
        .and_then(|(found, _)| found.and_then(|kind| kind.chars().next()));
    match (kind, object.split_once(" on ")) {
        ("table", _) => {
            let word = match relation {
                Some('v') => "VIEW",
                Some('m') => "MATERIALIZED VIEW",
                Some('f') => "FOREIGN TABLE",
                Some('S') => "SEQUENCE",
                _ => "TABLE",
            };
            format!("DROP {word} {object};")
        }
        ("constraint", Some((name, table))) => format!("ALTER TABLE {table} DROP CONSTRAINT {name};"),
        ("schema", _) => format!("DROP SCHEMA {object} CASCADE;"),
        _ => format!("DROP {} {object};", keyword(kind)),
    }
}

/// For one aspect of an object that is there.
pub(super) fn aspect(kind: &str, object: &str, aspect: &str, found: Option<&str>, expected: Option<&str>) -> String {
    match (aspect, expected) {
        ("privileges", _) => privileges(kind, object, found.unwrap_or("none"), expected.unwrap_or("none")),
        ("owner", Some(owner)) => {
            let owner = if owner == "(superuser)" { "CURRENT_USER" } else { owner };
            format!("ALTER {} {object} OWNER TO {owner};", keyword(kind))
        }
        ("row security", Some(flags)) => {
            let switch = |on: bool| if on { "" } else { "NO " };
            let enabled = if flags.starts_with("enabled") {
                "ENABLE"
            } else {
                "DISABLE"
            };
            format!(
                "ALTER TABLE {object} {enabled} ROW LEVEL SECURITY; ALTER TABLE {object} {}FORCE ROW LEVEL SECURITY;",
                switch(flags.ends_with("forced"))
            )
        }
        ("definition", Some(definition)) => redefined(kind, object, found, definition),
        ("statistics", _) => match object.rsplit_once('.') {
            Some((table, column)) => {
                let target = if expected.is_some() { 0 } else { -1 };
                format!("ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {target};")
            }
            None => unknown(kind, object),
        },
        ("definition", None) if kind == "column" => match object.rsplit_once('.') {
            Some((table, column)) => format!("ALTER TABLE {table} DROP COLUMN {column};"),
            None => unknown(kind, object),
        },
        ("enabled", Some(state)) => match object.split_once(" on ") {
            Some((name, table)) => enabling(name, table, state),
            None => unknown(kind, object),
        },
        ("security", Some(value)) => format!("ALTER {} {object} SECURITY {value};", keyword(kind)),
        ("parallel", Some(value)) => format!("ALTER FUNCTION {object} PARALLEL {value};"),
        ("volatility" | "null input" | "leakproof", Some(value)) => format!("ALTER FUNCTION {object} {value};"),
        ("settings", Some(value)) => settings(kind, object, value),
        _ => unknown(kind, object),
    }
}

fn redefined(kind: &str, object: &str, found: Option<&str>, definition: &str) -> String {
    match (kind, object.split_once(" on "), object.rsplit_once('.')) {
        ("policy", Some((name, table)), _) => {
            format!("DROP POLICY IF EXISTS {name} ON {table}; CREATE POLICY {name} ON {table} {definition};")
        }
        ("trigger", Some((name, table)), _) => {
            format!("DROP TRIGGER {name} ON {table}; {definition}; ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};")
        }
        ("constraint", Some((name, table)), _) => {
            format!(
                "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}; ALTER TABLE {table} ADD CONSTRAINT {name} {definition};"
            )
        }
        ("index", _, _) => format!("DROP INDEX {object}; {definition};"),
        ("column", _, Some((table, column))) => column_defined(table, column, found.unwrap_or_default(), definition),
        _ => unknown(kind, object),
    }
}

fn column_defined(table: &str, column: &str, found: &str, definition: &str) -> String {
    let default = |text: &str| text.split_once(" DEFAULT ").map(|(_, default)| default.to_owned());
    let is_required = |text: &str| text.contains(" NOT NULL");
    let mut fixes = Vec::new();
    if is_required(found) != is_required(definition) {
        let word = if is_required(definition) { "SET" } else { "DROP" };
        fixes.push(format!("ALTER TABLE {table} ALTER COLUMN {column} {word} NOT NULL;"));
    }
    if default(found) != default(definition) {
        fixes.push(match default(definition) {
            Some(expression) => format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {expression};"),
            None => format!("ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT;"),
        });
    }
    if fixes.is_empty() {
        return unknown("column", &format!("{table}.{column}"));
    }
    fixes.join(" ")
}

fn enabling(name: &str, table: &str, state: &str) -> String {
    let word = match state {
        "always" => "ENABLE ALWAYS",
        "replica" => "ENABLE REPLICA",
        "no" => "DISABLE",
        _ => "ENABLE",
    };
    format!("ALTER TABLE {table} {word} TRIGGER {name};")
}

fn settings(kind: &str, object: &str, value: &str) -> String {
    let word = keyword(kind);
    let mut fix = format!("ALTER {word} {object} RESET ALL;");
    for entry in value.split("; ") {
        let Some((name, value)) = entry.split_once('=') else {
            continue;
        };
        // The search path is a list of names, everything else one value.
        let value = if name == "search_path" {
            value.to_owned()
        } else {
            format!("'{}'", value.replace('\'', "''"))
        };
        fix.push_str(&format!(" ALTER {word} {object} SET {name} = {value};"));
    }
    fix
}

fn privileges(kind: &str, object: &str, found: &str, expected: &str) -> String {
    let entries = |text: &str| -> BTreeSet<String> {
        text.split(' ')
            .filter(|entry| entry.contains('='))
            .map(ToOwned::to_owned)
            .collect()
    };
    let (found, expected) = (entries(found), entries(expected));
    let on = |privilege: &str| match (kind, object.rsplit_once('.')) {
        ("column", Some((table, column))) => format!("{privilege} ({column}) ON {table}"),
        ("table", _) => format!("{privilege} ON {object}"),
        _ => format!("{privilege} ON {} {object}", keyword(kind)),
    };
    let surplus = found.difference(&expected).filter_map(|entry| {
        let (role, privilege) = entry.split_once('=')?;
        Some(format!("REVOKE {} FROM {role};", on(privilege.trim_end_matches('*'))))
    });
    let missing = expected.difference(&found).filter_map(|entry| {
        let (role, privilege) = entry.split_once('=')?;
        let option = if privilege.ends_with('*') {
            " WITH GRANT OPTION"
        } else {
            ""
        };
        Some(format!(
            "GRANT {} TO {role}{option};",
            on(privilege.trim_end_matches('*'))
        ))
    });
    surplus.chain(missing).collect::<Vec<_>>().join(" ")
}

fn keyword(kind: &str) -> &'static str {
    match kind {
        "schema" => "SCHEMA",
        "sequence" => "SEQUENCE",
        "procedure" => "PROCEDURE",
        "function" | "aggregate" => "FUNCTION",
        "policy" => "POLICY",
        "trigger" => "TRIGGER",
        "rule" => "RULE",
        "index" => "INDEX",
        _ => "TABLE",
    }
}

fn unknown(kind: &str, object: &str) -> String {
    format!("-- run the statement that makes the {kind} {object} in this release's migrations again, as they say it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_that_came_is_revoked_and_one_that_went_is_granted() {
        let fix = privileges(
            "column",
            "tenancy.config.one",
            "PUBLIC=SELECT a=INSERT*",
            "a=INSERT b=UPDATE*",
        );
        assert_eq!(
            fix,
            "REVOKE SELECT (one) ON tenancy.config FROM PUBLIC; REVOKE INSERT (one) ON tenancy.config FROM a; \
             GRANT INSERT (one) ON tenancy.config TO a; GRANT UPDATE (one) ON tenancy.config TO b WITH GRANT OPTION;"
        );
    }

    #[test]
    fn settings_are_written_as_the_server_reads_them() {
        let fix = settings(
            "function",
            "audit.f()",
            "search_path=pg_catalog, pg_temp; plan_cache_mode=force_generic_plan",
        );
        assert_eq!(
            fix,
            "ALTER FUNCTION audit.f() RESET ALL; ALTER FUNCTION audit.f() SET search_path = pg_catalog, pg_temp; \
             ALTER FUNCTION audit.f() SET plan_cache_mode = 'force_generic_plan';"
        );
    }

    #[test]
    fn what_no_fact_can_rebuild_is_a_comment() {
        assert!(aspect("function", "tenancy.f()", "body", Some("a"), Some("b")).starts_with("--"));
    }
}
