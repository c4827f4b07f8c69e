//! The operator's sweep over a table of personal data: on record first, for one request, and never the application's.

use crate::fixture::{DIGESTS, Failure, Fixture, RECORDS, context, ctx, read};
use bearingwall_core::{CustomerId, RequestId, SubjectId};
use tokio_postgres::Client;
use uuid::Uuid;

const OPERATOR: &str = "00000000-0000-8000-8000-000000000002";

/// Statements of the operator in one transaction inside a tenant; answers the first column of the last one.
async fn operate(admin: &Client, tenant: CustomerId, request: Uuid, statements: &[&str], end: &str) -> Option<String> {
    let enter = format!("BEGIN; SELECT tenancy.enter_migration('{tenant}', '{request}')");
    admin.batch_execute(&enter).await.unwrap();
    let mut answer = None;
    for sql in statements {
        match admin.query(*sql, &[]).await {
            Ok(rows) => answer = rows.first().and_then(|row| row.try_get(0).ok()),
            Err(error) => answer = Some(error.code().unwrap().code().to_owned()),
        }
    }
    admin.batch_execute(end).await.unwrap();
    answer
}

fn sweep(table: &str, commands: &str) -> String {
    format!("SELECT audit.declare_sweep('tenant.exported', '{table}', '{commands}')")
}

const COUNT: &str = "SELECT count(*)::text FROM crm.client_records";

#[tokio::test]
async fn aud_1_a_sweep_shows_one_table_of_one_tenant_once_it_is_on_record() {
    let fixture = Fixture::create().await;
    let admin = fixture.database.admin_client().await;
    let request = Uuid::now_v7();
    let count = async |tenant, request| operate(&admin, tenant, request, &[COUNT], "COMMIT").await.unwrap();
    assert_eq!(
        count(fixture.a, request).await,
        "0",
        "the operator sees no more than anybody"
    );
    operate(&admin, fixture.a, request, &[&sweep(RECORDS, "{SELECT}")], "COMMIT").await;
    assert_eq!(
        count(fixture.a, request).await,
        "2",
        "two of the tenant's, none of the other's"
    );
    assert_eq!(count(fixture.a, Uuid::now_v7()).await, "0", "another request");
    assert_eq!(count(fixture.b, request).await, "0", "another tenant");
    let digests = "SELECT count(*)::text FROM crm.client_digests";
    let other = operate(&admin, fixture.a, request, &[digests], "COMMIT").await;
    assert_eq!(other.unwrap(), "0", "another table");
    for blind in [
        "WITH x AS (UPDATE crm.client_records SET payload = '\\x02' RETURNING 1) SELECT count(*)::text FROM x",
        "WITH x AS (DELETE FROM crm.client_records RETURNING 1) SELECT count(*)::text FROM x",
    ] {
        let touched = operate(&admin, fixture.a, request, &[blind], "COMMIT").await;
        assert_eq!(touched.unwrap(), "0", "another command: {blind}");
    }
    let stands = format!(
        "event_type = 'tenant.exported' AND phase = 'intended' AND subject_id IS NULL AND actor_id = '{OPERATOR}'
           AND db_role = 'bearingwall_admin' AND commands = '{{SELECT,SWEEP}}' AND customer_id = '{}'",
        fixture.a
    );
    assert_eq!(fixture.count(&stands).await, 1, "the tenant's own record tells it");
}

#[tokio::test]
async fn aud_1_a_sweep_erases_and_inserts_only_what_it_names() {
    let fixture = Fixture::create().await;
    let admin = fixture.database.admin_client().await;
    let request = Uuid::now_v7();
    let declare = sweep(RECORDS, "{SELECT,INSERT,UPDATE,DELETE}");
    operate(&admin, fixture.a, request, &[&declare], "COMMIT").await;
    let erase = "WITH x AS (DELETE FROM crm.client_records RETURNING 1) SELECT count(*)::text FROM x";
    assert_eq!(
        operate(&admin, fixture.a, request, &[erase], "ROLLBACK").await.unwrap(),
        "2"
    );
    let change = "WITH x AS (UPDATE crm.client_records SET payload = '\\x02' RETURNING 1) SELECT count(*)::text FROM x";
    assert_eq!(
        operate(&admin, fixture.a, request, &[change], "COMMIT").await.unwrap(),
        "2"
    );
    let superuser = fixture.database.superuser_client().await;
    let row = superuser
        .query_one("SELECT count(*) FROM crm.client_records WHERE payload = '\\x01'", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 1, "the other tenant's row is as it was");
}

#[tokio::test]
async fn aud_1_a_sweep_that_is_not_committed_or_has_expired_shows_nothing() {
    let fixture = Fixture::create().await;
    let admin = fixture.database.admin_client().await;
    let (declare, request) = (sweep(RECORDS, "{SELECT}"), Uuid::now_v7());
    let same = operate(&admin, fixture.a, request, &[&declare, COUNT], "ROLLBACK").await;
    assert_eq!(same.unwrap(), "0", "declared and read in one transaction");
    let after = operate(&admin, fixture.a, request, &[COUNT], "COMMIT").await;
    assert_eq!(after.unwrap(), "0", "declared and rolled back");

    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("UPDATE audit.config SET access_ttl = '1 second'")
        .await
        .unwrap();
    operate(&admin, fixture.a, request, &[&declare], "COMMIT").await;
    let sleep = "SELECT pg_sleep(1.2)::text";
    let late = operate(&admin, fixture.a, request, &[sleep, COUNT], "COMMIT").await;
    assert_eq!(late.unwrap(), "0", "expired by the wall clock");
}

#[tokio::test]
async fn aud_1_a_sweep_names_a_table_of_the_class_and_known_commands() {
    let fixture = Fixture::create().await;
    let admin = fixture.database.admin_client().await;
    for (table, commands) in [
        ("crm.clients", "{SELECT}"),
        ("crm.nothing", "{SELECT}"),
        (RECORDS, "{}"),
        (RECORDS, "{SEARCH}"),
        (RECORDS, "{SELECT,SWEEP}"),
    ] {
        let refused = operate(
            &admin,
            fixture.a,
            Uuid::now_v7(),
            &[&sweep(table, commands)],
            "ROLLBACK",
        )
        .await;
        assert_eq!(refused.unwrap(), "22023", "{table} {commands}");
    }
    let outside = admin.batch_execute(&sweep(RECORDS, "{SELECT}")).await.unwrap_err();
    assert_eq!(outside.code().unwrap().code(), "28000", "outside of every tenant");
}

#[tokio::test]
async fn aud_1_the_application_neither_makes_a_sweep_nor_uses_one() {
    let fixture = Fixture::create().await;
    let count = "SELECT count(*)::text AS answer FROM crm.client_records";
    let refused =
        |outcome: Result<Option<String>, Failure>| assert!(matches!(outcome, Err(Failure::Query(_))), "{outcome:?}");
    refused(
        fixture
            .undeclared(&ctx(fixture.a), &[&sweep(RECORDS, "{SELECT}"), count])
            .await,
    );
    for (subject, commands) in [
        ("NULL", "SELECT,SWEEP"),
        ("gen_random_uuid()", "SWEEP"),
        ("NULL", "SWEEP,DELETE,SEARCH"),
    ] {
        let event = format!(
            "INSERT INTO audit.events (event_id, event_type, phase, outcome, subject_id, resource, commands)
             VALUES (gen_random_uuid(), 'tenant.exported', 'intended', 'success', {subject}, '{RECORDS}', '{{{commands}}}')"
        );
        refused(
            fixture
                .undeclared(&ctx(fixture.a), &[&event, "SELECT NULL AS answer"])
                .await,
        );
    }

    // The same actor, request and tenant as a sweep that is good: what differs is who logged in.
    let admin = fixture.database.admin_client().await;
    let request = Uuid::now_v7();
    for table in [RECORDS, DIGESTS] {
        operate(
            &admin,
            fixture.a,
            request,
            &[&sweep(table, "{SELECT,UPDATE,DELETE}")],
            "COMMIT",
        )
        .await;
    }
    assert_eq!(
        operate(&admin, fixture.a, request, &[COUNT], "COMMIT").await.unwrap(),
        "2"
    );
    let disguised = context(
        fixture.a,
        SubjectId::from_uuid(OPERATOR.parse().unwrap()),
        RequestId::from_uuid(request),
    );
    for sql in [
        count,
        "SELECT count(*)::text AS answer FROM crm.client_digests",
        "SELECT (count(*) FILTER (WHERE audit.sweep_declared('crm.client_records', 'SELECT')))::text AS answer FROM crm.clients",
        "WITH x AS (UPDATE crm.client_records SET payload = '\\x02' RETURNING 1) SELECT count(*)::text AS answer FROM x",
        "WITH x AS (DELETE FROM crm.client_records RETURNING 1) SELECT count(*)::text AS answer FROM x",
    ] {
        assert_eq!(
            fixture.undeclared(&disguised, &[sql]).await.unwrap().as_deref(),
            Some("0"),
            "{sql}"
        );
    }
    for blind in [
        "UPDATE crm.client_records SET payload = '\\x02'",
        "DELETE FROM crm.client_records",
    ] {
        fixture
            .undeclared(&disguised, &[blind, "SELECT NULL AS answer"])
            .await
            .unwrap();
    }
    let superuser = fixture.database.superuser_client().await;
    let row = superuser
        .query_one("SELECT count(*) FROM crm.client_records WHERE payload = '\\x01'", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 3);
}

#[tokio::test]
async fn aud_1_declared_rows_cost_no_question_about_a_sweep() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute(
            "CREATE FUNCTION public.explained(q text) RETURNS text LANGUAGE plpgsql AS $$
             DECLARE line text; plan text := '';
             BEGIN
                 FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || q LOOP plan := plan || line || chr(10); END LOOP;
                 RETURN plan;
             END $$;
             GRANT EXECUTE ON FUNCTION public.explained(text) TO bearingwall_app",
        )
        .await
        .unwrap();
    let explain = |client| {
        format!("SELECT public.explained('SELECT payload FROM {RECORDS} WHERE client_id = ''{client}''') AS answer")
    };
    let asked = async |client: String| {
        let explain = explain(client);
        let plan = fixture
            .declared(&ctx(fixture.a), read(fixture.client), &[&explain])
            .await;
        let plan = plan.unwrap().unwrap();
        let lines: Vec<&str> = plan.lines().collect();
        let output = lines
            .iter()
            .position(|line| line.contains("Output:") && line.contains("audit.sweep_declared"))
            .expect(&plan);
        assert!(lines[output - 1].contains("Result"), "{plan}");
        !lines[output - 1].contains("never executed")
    };
    assert!(!asked(fixture.client.to_string()).await, "a declared row");
    assert!(
        asked(fixture.other.to_string()).await,
        "the control: a row that was not declared"
    );
}
