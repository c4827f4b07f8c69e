//! The crate as an embedder has it: with a table of its own, and no migration tool of ours.

use bearingwall_audit::sql;
use bearingwall_tenancy::sql as tenancy;
use bearingwall_testkit::database::TestDatabase;
use tokio_postgres::error::SqlState;

#[path = "../../examples/embed.rs"]
mod embed;

#[test]
fn the_example_of_the_readme_runs_and_shows_nothing_without_a_record() {
    embed::main().unwrap();
    let text = include_str!("../../examples/embed.rs");
    assert!(text.lines().count() < 80, "the example is to stay short");
}

/// Functions find what they call when they run: here the call that reaches furthest into the other schema.
#[tokio::test]
async fn the_embedded_schema_has_everything_that_its_functions_call() {
    let database = TestDatabase::create_empty().await;
    let superuser = database.superuser_client().await;
    superuser
        .batch_execute(&[tenancy::ROLES, tenancy::DATABASE, tenancy::PLATFORM].concat())
        .await
        .unwrap();
    let admin = database.admin_client().await;
    for migration in tenancy::MIGRATIONS.iter().chain(sql::MIGRATIONS) {
        admin
            .batch_execute(&format!("BEGIN; {}; COMMIT", migration.sql))
            .await
            .unwrap();
    }
    let asked = "SELECT audit.retire_request(gen_random_uuid(), '2018-01-01', sha256('x'), 'no.token.atall')";
    let refused = admin.batch_execute(asked).await.unwrap_err();
    assert_eq!(
        refused.code(),
        Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE),
        "{refused:?}"
    );
    let guards = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'tenancy.break_glass'::regclass AND NOT tgisinternal AND tgenabled = 'A'";
    assert!(admin.query_one(guards, &[]).await.unwrap().get::<_, i64>(0) >= 2);
}
