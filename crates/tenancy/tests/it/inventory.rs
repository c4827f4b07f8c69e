//! The schema inventory: silent on what the migrations made, loud on everything else, and its repairs work.

use bearingwall_migrations::migrate;
use bearingwall_tenancy::inventory::{Check, Finding, InventoryOptions, Severity, inspect, release_facts};
use bearingwall_testkit::database::{Login, TestDatabase, undisturbed};
use std::path::Path;
use tokio_postgres::Client;

const TUTORIAL: [&str; 2] = [
    include_str!("../testdata/tutorial.sql"),
    include_str!("../testdata/tutorial_more.sql"),
];

async fn findings(client: &Client) -> Vec<Finding> {
    inspect(client, &InventoryOptions::bearingwall()).await.unwrap()
}

/// The words of the checks that found something.
fn words(findings: &[Finding]) -> Vec<&'static str> {
    let mut words: Vec<_> = findings.iter().map(|finding| finding.check.word()).collect();
    words.dedup();
    words
}

/// `UPDATE_GOLDEN=1 cargo test -p bearingwall-tenancy ten_6_the_release` writes the file anew; the difference is for a reviewer.
#[tokio::test]
async fn ten_6_the_release_facts_are_those_of_the_migrated_database() {
    let database = TestDatabase::create().await;
    let superuser = database.superuser_client().await;
    let schemas = InventoryOptions::bearingwall().release_schemas;
    let facts = release_facts(&superuser, &schemas).await.unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/inventory/release.facts");
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &facts).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let different: Vec<&str> = facts
        .lines()
        .filter(|line| !kept.lines().any(|known| known == *line))
        .chain(kept.lines().filter(|line| !facts.lines().any(|known| known == *line)))
        .collect();
    assert!(
        different.is_empty() && facts == kept,
        "the migrations make something else than crates/tenancy/src/inventory/release.facts says; run \
         `UPDATE_GOLDEN=1 cargo test -p bearingwall-tenancy ten_6_the_release` and review the change: {different:#?}"
    );
}

#[tokio::test]
async fn ten_6_a_migrated_database_has_no_findings() {
    let database = TestDatabase::create().await;
    for login in [Login::Superuser, Login::Auditor, Login::Admin] {
        let client = database.client(login).await.unwrap();
        assert_eq!(findings(&client).await, [], "{login:?}");
    }
}

#[tokio::test]
async fn ten_6_without_the_platform_hardening_that_is_all_there_is_to_say() {
    let database = TestDatabase::create_without_platform().await;
    for login in [Login::Superuser, Login::Auditor] {
        let client = database.client(login).await.unwrap();
        let found = findings(&client).await;
        assert_eq!(words(&found), ["platform-hardening"], "{login:?}: {found:?}");
        assert_eq!(found[0].severity(), Severity::Notice);
    }
}

#[tokio::test]
async fn ten_6_the_readers_settings_change_nothing_and_are_put_back() {
    let database = TestDatabase::create().await;
    let superuser = database.superuser_client().await;
    superuser
        .batch_execute(
            "SET search_path = crm, tenancy, audit; SET quote_all_identifiers = on; SET IntervalStyle = iso_8601;
             SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'",
        )
        .await
        .unwrap();
    assert_eq!(findings(&superuser).await, []);
    let row = superuser
        .query_one(
            "SELECT current_setting('search_path'), current_setting('TimeZone')",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get(0), row.get(1)), ("crm, tenancy, audit", "Asia/Kathmandu"));
}

async fn tutorial() -> TestDatabase {
    let database = TestDatabase::create_empty().await;
    let superuser = database.superuser_client().await;
    for sql in TUTORIAL {
        undisturbed(&superuser, sql).await.unwrap();
    }
    database
}

#[tokio::test]
async fn ten_6_a_tutorial_schema_has_at_least_40_findings_of_many_kinds() {
    let database = tutorial().await;
    let superuser = database.superuser_client().await;
    let mut options = InventoryOptions::for_tenant_column("customer_id");
    options.application_roles = vec!["bearingwall_app".to_owned()];
    let found = inspect(&superuser, &options).await.unwrap();
    assert!(found.len() >= 40, "{found:#?}");
    let words = words(&found);
    for check in Check::ALL {
        // What only a release, a PHI register or the whole cluster can get wrong.
        let elsewhere = [
            Check::ServerVersion,
            Check::ReleaseDrift,
            Check::PhiPolicy,
            Check::PhiRegister,
            Check::ForeignTable,
            Check::AppendOnlyTrigger,
            Check::CatalogPrivileges,
            Check::RoleAttributes,
            Check::RoleMembership,
            Check::ParameterPrivileges,
            Check::ServerSettings,
            Check::Extension,
            Check::EventTrigger,
            Check::SideChannel,
            Check::PlatformHardening,
        ];
        assert_eq!(
            words.contains(&check.word()),
            !elsewhere.contains(&check),
            "{check}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn ten_6_the_roles_of_an_application_are_found_where_nobody_names_them() {
    let database = tutorial().await;
    let superuser = database.superuser_client().await;
    superuser
        .batch_execute("ALTER TABLE crm.attachments OWNER TO bearingwall_admin; REVOKE ALL ON ALL TABLES IN SCHEMA crm FROM PUBLIC")
        .await
        .unwrap();
    let options = InventoryOptions::for_tenant_column("customer_id");
    let inspector = bearingwall_tenancy::inventory::Inspector::prepare(&superuser, options)
        .await
        .unwrap();
    assert_eq!(inspector.options().application_roles, ["bearingwall_app"]);
    let found = inspector.findings(&superuser).await.unwrap();
    assert!(
        found.iter().any(|finding| finding.check == Check::TablePrivileges),
        "{found:#?}"
    );
}

/// Runs every repair in the order of the findings, and answers what the server refused.
async fn repair(client: &Client, findings: &[Finding]) -> Vec<String> {
    let mut refused = Vec::new();
    for finding in findings.iter().filter(|finding| finding.is_mechanical()) {
        if let Err(error) = client.batch_execute(&finding.fix).await {
            refused.push(format!("{finding}: {}", error.as_db_error().unwrap().message()));
        }
    }
    refused
}

#[tokio::test]
async fn ten_6_the_repairs_of_a_tutorial_schema_leave_nothing_to_find() {
    let database = tutorial().await;
    let superuser = database.superuser_client().await;
    // What the repaired policies compare with.
    superuser
        .batch_execute(
            "CREATE SCHEMA tenancy; CREATE FUNCTION tenancy.current_customer_id() RETURNS uuid LANGUAGE sql STABLE
             AS $f$ SELECT NULL::uuid $f$; REVOKE ALL ON FUNCTION tenancy.current_customer_id() FROM PUBLIC",
        )
        .await
        .unwrap();
    let mut options = InventoryOptions::for_tenant_column("customer_id");
    options.application_roles = vec!["bearingwall_app".to_owned()];
    let found = inspect(&superuser, &options).await.unwrap();
    let refused = repair(&superuser, &found).await;
    // The one repair that the data refuses is the proof of the damage: a row of one tenant that refers to another one's.
    assert!(
        refused
            .iter()
            .any(|line| line.contains("violates foreign key constraint \"appointments_service_id_fkey\"")),
        "{refused:#?}"
    );
    superuser.batch_execute("DELETE FROM crm.appointments").await.unwrap();
    // What a repair uncovers, and what the damage kept from being repaired.
    let left = inspect(&superuser, &options).await.unwrap();
    assert!(left.len() < 5, "{left:#?}");
    assert_eq!(repair(&superuser, &left).await, Vec::<String>::new());
    assert_eq!(inspect(&superuser, &options).await.unwrap(), []);
}

/// An embedder's own table, made with the helper, is as good as ours; made without it, it is found.
#[tokio::test]
async fn ten_6_a_migration_of_an_embedder_is_held_to_the_same_rules() {
    let database = TestDatabase::create().await;
    let admin = database.admin_client().await;
    let superuser = database.superuser_client().await;
    let shape =
        "(customer_id uuid NOT NULL DEFAULT tenancy.claimed_customer_id(), id uuid NOT NULL, client_id uuid NOT NULL,
        payload bytea NOT NULL, PRIMARY KEY (customer_id, id))";
    admin
        .batch_execute(&format!("CREATE SCHEMA shop; CREATE TABLE shop.bare {shape}"))
        .await
        .unwrap();
    let found = words(&findings(&superuser).await);
    assert_eq!(
        found,
        [
            "row-security",
            "forced-row-security",
            "tenant-policy",
            "phi-register",
            "column-statistics"
        ]
    );
    // Personal data that calls the helper of plain tenant tables.
    admin.batch_execute("CALL tenancy.protect('shop.bare')").await.unwrap();
    let found = findings(&superuser).await;
    assert_eq!(words(&found), ["phi-register"], "{found:?}");
    superuser.batch_execute(&found[0].fix).await.unwrap();
    assert_eq!(findings(&superuser).await, []);
}

#[tokio::test]
async fn ten_6_a_database_without_any_migration_lacks_everything_and_says_so() {
    let database = TestDatabase::create_empty().await;
    let superuser = database.superuser_client().await;
    let found = findings(&superuser).await;
    let missing = |what: &str| {
        found
            .iter()
            .any(|finding| finding.object == what && finding.found == "it is missing")
    };
    assert!(missing("schema tenancy") && missing("schema audit"), "{found:#?}");
    assert!(missing("table tenancy.seal_key"), "{found:#?}");
    migrate(database.admin_client().await, &|_| ()).await.unwrap();
    assert_eq!(words(&findings(&superuser).await), ["platform-hardening"]);
}
