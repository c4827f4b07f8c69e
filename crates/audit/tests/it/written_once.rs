//! The tables of the trees and of retention: written once by whom they belong to, and read by a tenant as far as they are its own.

use crate::raw::{Arena, Ids, TABLES};
use bearingwall_testkit::database::Login;
use tokio_postgres::Client;

/// A table, the columns that the sealer may fill with a row's values, and one that only the database fills.
struct Written {
    name: &'static str,
    columns: &'static str,
    values: &'static str,
    supplied: Option<&'static str>,
    by_sealer: bool,
    by_tenant: bool,
}

const fn tree(
    name: &'static str,
    columns: &'static str,
    values: &'static str,
    supplied: Option<&'static str>,
    by_tenant: bool,
) -> Written {
    Written {
        name,
        columns,
        values,
        supplied,
        by_sealer: true,
        by_tenant,
    }
}

const fn kept(name: &'static str, columns: &'static str, values: &'static str) -> Written {
    Written {
        name,
        columns,
        values,
        supplied: None,
        by_sealer: false,
        by_tenant: false,
    }
}

const HASH: &str = "sha256('x')";

/// Those that take no change at all.
const GUARDED: [Written; 8] = [
    tree(
        "logs",
        "customer_id, origin",
        "{tenant}, 'example.org/' || {tenant}",
        Some("created_at"),
        true,
    ),
    tree(
        "seals",
        "seal_id, system_id, snapshot, events",
        "{number}, 1, pg_current_snapshot(), 0",
        Some("sealed_at"),
        false,
    ),
    tree(
        "leaves",
        "customer_id, leaf_index, event_id, recorded_at, hash",
        "{tenant}, {number}, gen_random_uuid(), now(), {hash}",
        None,
        true,
    ),
    tree(
        "nodes",
        "customer_id, level, node_index, hash",
        "{tenant}, 1, {number}, {hash}",
        None,
        true,
    ),
    tree(
        "checkpoints",
        "customer_id, tree_size, seal_id, root, frontier, note",
        "{tenant}, {number}, 1, {hash}, '', 'n'",
        Some("sealed_at"),
        true,
    ),
    tree(
        "witnessed",
        "customer_id, tree_size, witness, cosignature",
        "{tenant}, {number}, 'w', NULL",
        Some("at"),
        true,
    ),
    tree(
        "log_keys",
        "customer_id, position, from_size, vkey, rotation",
        "{tenant}, {number}, {number}, 'v', 'r'",
        Some("added_at"),
        true,
    ),
    kept("orphan_sweeps", "seal_id, completed", "{number}, 0"),
];

/// Those whose rows go forward, and never back.
const FORWARD: [(Written, &str); 3] = [
    (kept("retention", "customer_id, years", "{tenant}, 10"), "years = 6"),
    (
        kept(
            "legal_holds",
            "hold_id, customer_id, reference",
            "gen_random_uuid(), {tenant}, 'A-1'",
        ),
        "reference = 'B'",
    ),
    (
        kept(
            "retirements",
            "retirement_id, month, manifest_sha256, requested_by",
            "gen_random_uuid(), '2019-01-01', {hash}, gen_random_uuid()",
        ),
        "requested_by = gen_random_uuid()",
    ),
];

impl Written {
    fn insert(&self, tenant: impl std::fmt::Display, number: u32, more: Option<&str>) -> String {
        let values = self
            .values
            .replace("{tenant}", &format!("'{tenant}'"))
            .replace("{number}", &number.to_string())
            .replace("{hash}", HASH);
        let (columns, values) = match more {
            Some(column) => (format!("{}, {column}", self.columns), format!("{values}, '2020-01-01'")),
            None => (self.columns.to_owned(), values),
        };
        format!("INSERT INTO audit.{} ({columns}) SELECT {values}", self.name)
    }
}

fn all() -> impl Iterator<Item = (&'static Written, Option<&'static str>)> {
    let guarded = GUARDED.iter().map(|table| (table, None));
    guarded.chain(FORWARD.iter().map(|(table, back)| (table, Some(*back))))
}

/// An arena with a row of each tenant in every table.
async fn filled() -> Arena {
    let arena = Arena::create().await;
    for (table, _) in all() {
        for (number, tenant) in [(1, arena.fixture.a), (2, arena.fixture.b)] {
            arena
                .superuser
                .batch_execute(&table.insert(tenant.as_uuid().hyphenated(), number, None))
                .await
                .unwrap();
        }
    }
    arena
}

async fn content(superuser: &Client) -> Vec<String> {
    let mut content = Vec::new();
    for (table, _) in all() {
        let sql = format!(
            "SELECT string_agg(t::text, ',' ORDER BY t::text) FROM audit.{} t",
            table.name
        );
        content.push(superuser.query_one(&sql, &[]).await.unwrap().get(0));
    }
    content
}

async fn refused(client: &Client, sql: &str, who: &str) {
    let error = client.batch_execute(sql).await.expect_err(sql);
    assert_eq!(error.code().unwrap().code(), "42501", "{who}: {sql}: {error:?}");
}

const LOGINS: [Login; 6] = [
    Login::App,
    Login::Sealer,
    Login::Worker,
    Login::Auditor,
    Login::Backup,
    Login::Admin,
];

#[tokio::test]
async fn aud_2_what_the_trees_and_retention_hold_is_changed_by_no_login_by_the_owner_nor_by_replication() {
    let arena = filled().await;
    let before = content(&arena.superuser).await;
    let mut attackers = Vec::new();
    for login in LOGINS {
        attackers.push((format!("{login:?}"), arena.client(login).await));
    }
    for (name, login, role) in [
        ("the owner", Login::Admin, "SET ROLE bearingwall_owner"),
        (
            "a superuser",
            Login::Superuser,
            "SET session_replication_role = replica",
        ),
    ] {
        let client = arena.client(login).await;
        client.batch_execute(role).await.unwrap();
        attackers.push((name.to_owned(), client));
    }
    for (who, client) in &attackers {
        let privileged = who.starts_with("the owner") || who.starts_with("a superuser");
        for (table, back) in all() {
            let name = table.name;
            let column = table.columns.split(',').next().unwrap();
            let change = back.map_or_else(|| format!("{column} = {column}"), str::to_owned);
            refused(client, &format!("UPDATE audit.{name} SET {change}"), who).await;
            refused(client, &format!("DELETE FROM audit.{name}"), who).await;
            refused(client, &format!("TRUNCATE audit.{name} CASCADE"), who).await;
            refused(
                client,
                &format!("MERGE INTO audit.{name} USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE"),
                who,
            )
            .await;
            let upsert = format!(
                "{} ON CONFLICT ({column}) DO UPDATE SET {change}",
                table.insert(arena.fixture.a.as_uuid().hyphenated(), 1, None)
            );
            assert!(
                client.batch_execute(&upsert).await.is_err() || back.is_some(),
                "{who}: {upsert}"
            );
            // A statement that finds no row is refused by a trigger of its own, where there is nothing that may go forward.
            if back.is_none() || !privileged {
                refused(client, &format!("UPDATE audit.{name} SET {change} WHERE false"), who).await;
                refused(client, &format!("DELETE FROM audit.{name} WHERE false"), who).await;
            }
        }
    }
    // What an upsert by owner or superuser added by the way is new, and nothing that was there is different.
    let after = content(&arena.superuser).await;
    for (before, after) in before.iter().zip(&after) {
        for row in before.split("),(") {
            assert!(after.contains(row.trim_matches(['(', ')'])), "{row} in {after}");
        }
    }
}

#[tokio::test]
async fn aud_2_the_sealer_adds_what_it_makes_and_the_times_are_the_databases() {
    let arena = filled().await;
    let tenant = arena.fixture.a.as_uuid();
    for login in LOGINS {
        let client = arena.client(login).await;
        for (table, _) in all() {
            // A tenant's log begins once.
            let of = if table.name == "logs" {
                uuid::Uuid::now_v7()
            } else {
                tenant
            };
            let insert = table.insert(of.hyphenated(), 7, None);
            if login == Login::Sealer && table.by_sealer {
                if let Some(supplied) = table.supplied {
                    refused(&client, &table.insert(of.hyphenated(), 8, Some(supplied)), "the sealer").await;
                }
                client.batch_execute(&insert).await.unwrap();
                assert!(client.batch_execute(&insert).await.is_err(), "twice: {insert}");
            } else {
                refused(&client, &insert, &format!("{login:?}")).await;
            }
        }
    }
    let columns = "SELECT DISTINCT table_name || '.' || column_name FROM information_schema.column_privileges
        WHERE table_schema = 'audit' AND grantee = 'bearingwall_sealer' AND privilege_type <> 'SELECT' ORDER BY 1";
    let granted: Vec<String> = arena
        .superuser
        .query(columns, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let mut expected: Vec<String> = GUARDED
        .iter()
        .filter(|table| table.by_sealer)
        .flat_map(|table| {
            table
                .columns
                .split(", ")
                .map(|column| format!("{}.{column}", table.name))
        })
        .collect();
    expected.sort();
    assert_eq!(granted, expected, "and nothing else, of any table");
}

#[tokio::test]
async fn aud_2_a_tenant_reads_its_own_tree_and_nothing_of_anothers() {
    let arena = filled().await;
    for (table, _) in all() {
        let count = format!(
            "SELECT 'rows ' || count(*) || ' foreign ' || count(*) FILTER (WHERE customer_id <> '{{a}}') FROM audit.{}",
            table.name
        );
        if table.by_tenant {
            let own = arena
                .run(&TABLES[0], &Ids::fresh(), &["BEGIN; {enter}", &count, "COMMIT"])
                .await;
            assert!(own.told.contains("rows 1 foreign 0"), "{}: {}", table.name, own.told);
            let outside = arena.run(&TABLES[0], &Ids::fresh(), &[&count]).await;
            assert_eq!(outside.errors, ["28000"], "{}", table.name);
        } else {
            let denied = arena
                .run(
                    &TABLES[0],
                    &Ids::fresh(),
                    &["BEGIN; {enter}", &format!("TABLE audit.{}", table.name), "COMMIT"],
                )
                .await;
            assert_eq!(denied.errors, ["42501"], "{}", table.name);
        }
        // The others who read it read it whole, and whoever has no business with it not at all.
        for (login, expected) in [
            (Login::Sealer, Some(2)),
            (Login::Auditor, Some(2)),
            (Login::Worker, None),
        ] {
            let client = arena.client(login).await;
            let rows = client
                .query(&format!("TABLE audit.{}", table.name), &[])
                .await
                .ok()
                .map(|rows| rows.len());
            assert_eq!(rows, expected, "{login:?} {}", table.name);
        }
    }
}

#[tokio::test]
async fn aud_2_every_table_of_the_record_is_among_those_that_are_attacked() {
    let arena = Arena::create().await;
    let sql = "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1";
    let tables: Vec<String> = arena
        .superuser
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let mut attacked: Vec<&str> = all().map(|(table, _)| table.name).collect();
    // What the migrations fill, and what has its own tests.
    attacked.extend(["config", "events", "phi_tables"]);
    attacked.sort_unstable();
    assert_eq!(tables, attacked);
}
