//! No row of personal data without an earlier, committed, fitting access event.

use crate::fixture::{DIGESTS, Failure, Fixture, RECORDS, context, ctx, read};
use bearingwall_audit::{Access, AuditError, Command, EventType, PhiTx};
use bearingwall_core::{Classified, ErrorKind, RequestId, SubjectId};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

const SEEN: &str = "SELECT string_agg(client_id::text, ',' ORDER BY client_id) AS answer FROM crm.client_records";

fn insert_event(fixture: &Fixture) -> String {
    format!(
        "INSERT INTO audit.events (event_id, event_type, phase, outcome, subject_id, resource, commands)
         VALUES (gen_random_uuid(), 'client.read', 'intended', 'success', '{}', '{RECORDS}', '{{SELECT,UPDATE,DELETE}}')",
        fixture.client
    )
}

#[tokio::test]
async fn aud_1_a_declared_access_shows_exactly_the_declared_person() {
    let fixture = Fixture::create().await;
    let seen = fixture
        .declared(&ctx(fixture.a), read(fixture.client), &[SEEN])
        .await
        .unwrap();
    assert_eq!(seen, Some(fixture.client.to_string()));
    let both =
        Access::to(EventType::ClientListed, [fixture.client, fixture.other]).covering(RECORDS, &[Command::Select]);
    let seen = fixture.declared(&ctx(fixture.a), both, &[SEEN]).await.unwrap().unwrap();
    assert_eq!(seen, format!("{},{}", fixture.client, fixture.other));
    assert_eq!(
        fixture
            .count("event_type = 'client.listed' AND phase = 'intended'")
            .await,
        2
    );
}

#[tokio::test]
async fn aud_1_undeclared_reads_and_blind_writes_touch_nothing() {
    let fixture = Fixture::create().await;
    assert_eq!(fixture.undeclared(&ctx(fixture.a), &[SEEN]).await.unwrap(), None);
    for sql in [
        "WITH x AS (UPDATE crm.client_records SET payload = '\\x02' RETURNING 1) SELECT count(*)::text AS answer FROM x",
        "WITH x AS (DELETE FROM crm.client_records RETURNING 1) SELECT count(*)::text AS answer FROM x",
        "WITH x AS (MERGE INTO crm.client_records r USING crm.clients c ON r.client_id = c.id WHEN MATCHED THEN DELETE) SELECT '0' AS answer",
        "SELECT count(*)::text AS answer FROM crm.client_digests",
        "SELECT count(*)::text AS answer FROM crm.chart_note_records",
    ] {
        match fixture.undeclared(&ctx(fixture.a), &[sql]).await {
            Ok(answer) => assert_eq!(answer.as_deref(), Some("0"), "{sql}"),
            Err(Failure::Query(_)) => {}
            Err(other) => panic!("{sql}: {other:?}"),
        }
    }
    // Without WHERE and RETURNING no SELECT policy applies: the commands have policies of their own.
    for blind in [
        "UPDATE crm.client_records SET payload = '\\x02'",
        "DELETE FROM crm.client_records",
    ] {
        let _ = fixture
            .undeclared(&ctx(fixture.a), &[blind, "SELECT NULL AS answer"])
            .await;
    }
    let untouched = fixture.database.superuser_client().await;
    let row = untouched
        .query_one("SELECT count(*) FROM crm.client_records WHERE payload = '\\x01'", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 3);
}

#[tokio::test]
async fn aud_1_an_access_covers_no_other_command() {
    let fixture = Fixture::create().await;
    for blind in [
        "UPDATE crm.client_records SET payload = '\\x02'",
        "DELETE FROM crm.client_records",
    ] {
        fixture
            .declared(&ctx(fixture.a), read(fixture.client), &[blind, "SELECT NULL AS answer"])
            .await
            .unwrap();
    }
    let insert = format!(
        "INSERT INTO crm.client_records (client_id, payload) VALUES ('{}', '\\x03')",
        fixture.client
    );
    let inserted = fixture
        .declared(
            &ctx(fixture.a),
            read(fixture.client),
            &[&insert, "SELECT NULL AS answer"],
        )
        .await;
    assert!(matches!(inserted, Err(Failure::Query(_))), "{inserted:?}");
    let untouched = fixture.database.superuser_client().await;
    let row = untouched
        .query_one("SELECT count(*) FROM crm.client_records WHERE payload = '\\x01'", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 3);
}

#[tokio::test]
async fn aud_1_declaring_and_reading_in_one_transaction_shows_nothing() {
    let fixture = Fixture::create().await;
    let declare = insert_event(&fixture);
    // With ROLLBACK at the end this would be a read without a trace.
    let seen = fixture.undeclared(&ctx(fixture.a), &[&declare, SEEN]).await.unwrap();
    assert_eq!(seen, None);
    let seen = fixture
        .undeclared(&ctx(fixture.a), &["SAVEPOINT s", &declare, "RELEASE SAVEPOINT s", SEEN])
        .await
        .unwrap();
    assert_eq!(seen, None, "a subtransaction belongs to the same transaction");
}

#[tokio::test]
async fn aud_1_declaring_and_rolling_back_shows_nothing() {
    let fixture = Fixture::create().await;
    let context = ctx(fixture.a);
    let declare = insert_event(&fixture);
    let rolled_back: Result<(), Failure> = fixture
        .pool
        .run(&context, async |tx: &mut bearingwall_tenancy::TenantTx<'_>| {
            diesel::sql_query(declare.clone()).execute(tx).await?;
            Err(Failure::Query(diesel::result::Error::RollbackTransaction))
        })
        .await;
    assert!(rolled_back.is_err());
    assert_eq!(fixture.undeclared(&context, &[SEEN]).await.unwrap(), None);
    // The positive control: the same statement, committed, opens the row to the same request.
    fixture
        .undeclared(&context, &[&declare, "SELECT NULL AS answer"])
        .await
        .unwrap();
    assert_eq!(
        fixture.undeclared(&context, &[SEEN]).await.unwrap(),
        Some(fixture.client.to_string())
    );
}

#[tokio::test]
async fn aud_1_an_access_is_bound_to_actor_request_resource_and_tenant() {
    let fixture = Fixture::create().await;
    let (subject, request) = (
        SubjectId::from_uuid(Uuid::now_v7()),
        RequestId::from_uuid(Uuid::now_v7()),
    );
    let mine = context(fixture.a, subject, request);
    fixture.declared(&mine, read(fixture.client), &[SEEN]).await.unwrap();
    let other_actor = context(fixture.a, SubjectId::from_uuid(Uuid::now_v7()), request);
    assert_eq!(
        fixture.undeclared(&other_actor, &[SEEN]).await.unwrap(),
        None,
        "another actor"
    );
    let other_request = context(fixture.a, subject, RequestId::from_uuid(Uuid::now_v7()));
    assert_eq!(
        fixture.undeclared(&other_request, &[SEEN]).await.unwrap(),
        None,
        "another request"
    );
    let other_tenant = context(fixture.b, subject, request);
    assert_eq!(
        fixture.undeclared(&other_tenant, &[SEEN]).await.unwrap(),
        None,
        "another tenant"
    );
    let digests = "SELECT count(*)::text AS answer FROM crm.client_digests";
    assert_eq!(
        fixture.undeclared(&mine, &[digests]).await.unwrap().as_deref(),
        Some("0"),
        "another resource"
    );
    assert_eq!(
        fixture.undeclared(&mine, &[SEEN]).await.unwrap(),
        Some(fixture.client.to_string())
    );
    let foreign = fixture
        .declared(&ctx(fixture.a), read(fixture.foreign), &[SEEN])
        .await
        .unwrap();
    assert_eq!(foreign, None, "declaring another tenant's person shows nothing");
}

#[tokio::test]
async fn aud_1_an_access_expires_by_the_wall_clock() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("UPDATE audit.config SET access_ttl = '1 second'")
        .await
        .unwrap();
    let seen = fixture
        .declared(&ctx(fixture.a), read(fixture.client), &["SELECT pg_sleep(1.2)", SEEN])
        .await
        .unwrap();
    assert_eq!(seen, None, "transaction_timestamp would have stood still");
}

#[tokio::test]
async fn aud_1_what_the_database_supplies_cannot_be_supplied() {
    let fixture = Fixture::create().await;
    for column in ["xid", "recorded_at", "db_role", "actor_id", "request_id", "customer_id"] {
        let sql = format!(
            "INSERT INTO audit.events (event_id, event_type, phase, outcome, {column})
             SELECT gen_random_uuid(), 'client.read', 'intended', 'success', {column} FROM audit.events LIMIT 1"
        );
        let forged = fixture
            .undeclared(&ctx(fixture.a), &[&sql, "SELECT NULL AS answer"])
            .await;
        assert!(matches!(forged, Err(Failure::Query(_))), "{column}: {forged:?}");
    }
}

#[tokio::test]
async fn aud_1_the_record_takes_codes_and_no_free_text() {
    let fixture = Fixture::create().await;
    for (column, value) in [
        ("outcome_code", "'born 1970-01-01, called'"),
        ("route", "'GET /v1/clients?name=Jane Doe'"),
        ("route", "'Jane'"),
        ("purpose_of_use", "'Botox for Jane'"),
        ("resource", "'Jane Doe'"),
        ("actor_roles", "ARRAY['Jane Doe']"),
        ("actor_roles", "array_fill('authenticated'::text, ARRAY[10000])"),
        ("commands", "array_fill('SELECT'::text, ARRAY[10000])"),
        ("event_type", "repeat('a', 500) || '.b'"),
    ] {
        let columns = if column == "event_type" {
            "event_type"
        } else {
            &format!("event_type, {column}")
        };
        let values = if column == "event_type" {
            value
        } else {
            &format!("'client.read', {value}")
        };
        let sql = format!(
            "INSERT INTO audit.events (event_id, phase, outcome, {columns}) VALUES (gen_random_uuid(), 'completed', 'success', {values})"
        );
        let written = fixture
            .undeclared(&ctx(fixture.a), &[&sql, "SELECT NULL AS answer"])
            .await;
        assert!(
            matches!(written, Err(Failure::Query(_))),
            "{column} {value}: {written:?}"
        );
    }
}

#[tokio::test]
async fn aud_1_a_record_that_was_dropped_half_way_is_never_reported_as_success() {
    let fixture = Fixture::create().await;
    // Cold and warm: the record is written ahead by itself, then in one flush.
    for _ in 0..2 {
        let outcome: Result<(), Failure> = fixture
            .log
            .with_access(&ctx(fixture.a), read(fixture.client), async |tx: &mut PhiTx<'_, '_>| {
                let query = diesel::sql_query(SEEN).get_result::<crate::fixture::Answer>(tx);
                let _ = tokio::time::timeout(std::time::Duration::ZERO, query).await;
                Ok(())
            })
            .await;
        assert!(outcome.is_err());
        fixture
            .declared(&ctx(fixture.a), read(fixture.client), &[SEEN])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn aud_1_no_record_no_rows_and_the_failure_is_loud() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("SET bearingwall.audit_ddl = on; ALTER TABLE audit.events ADD CONSTRAINT broken CHECK (event_type <> 'client.read') NOT VALID")
        .await
        .unwrap();
    let outcome: Result<Option<String>, Failure> = fixture
        .log
        .with_access(&ctx(fixture.a), read(fixture.client), async |tx: &mut PhiTx<'_, '_>| {
            let rows = diesel::sql_query(SEEN).get_result::<crate::fixture::Answer>(tx).await;
            assert!(rows.is_err(), "the read must not have been answered");
            Ok(None)
        })
        .await;
    match outcome {
        Err(Failure::Audit(error)) => {
            assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "TEN-007"));
        }
        other => panic!("never an empty answer: {other:?}"),
    }
}

#[tokio::test]
async fn aud_1_an_unrecorded_access_stops_work_that_sends_nothing() {
    let fixture = Fixture::create().await;
    fixture
        .log
        .with_access::<_, Failure, _>(&ctx(fixture.a), read(fixture.client), async |_: &mut PhiTx<'_, '_>| {
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(
        fixture.count("event_type = 'client.read' AND phase = 'intended'").await,
        1,
        "declared although nothing was read"
    );
    assert_eq!(
        fixture
            .count("event_type = 'client.read' AND phase = 'completed' AND result_count IS NULL")
            .await,
        1,
        "ended, and without a number that nobody counted"
    );
}

#[tokio::test]
async fn aud_1_too_many_persons_at_once_are_refused() {
    let fixture = Fixture::create().await;
    let many = (0..=Access::SUBJECTS_MAX).map(|_| fixture.client);
    let access = Access::to(EventType::ClientListed, many).covering(RECORDS, &[Command::Select]);
    let refused = fixture.declared(&ctx(fixture.a), access, &[SEEN]).await;
    assert!(matches!(refused, Err(Failure::Audit(AuditError::TooMany { .. }))));
}

#[tokio::test]
async fn aud_1_every_table_of_the_phi_class_has_its_four_policies() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    let missing = "SELECT t.relation || ' ' || c.command FROM audit.phi_tables t, unnest(ARRAY['select', 'insert', 'update', 'delete']) c (command)
        WHERE NOT EXISTS (SELECT FROM pg_policies p WHERE p.schemaname || '.' || p.tablename = t.relation AND p.policyname = 'phi_' || c.command
              AND p.permissive = 'RESTRICTIVE' AND p.roles = '{public}' AND lower(p.cmd) = c.command
              AND coalesce(p.qual, p.with_check) LIKE '%' || t.subject_column || ' = ANY (( SELECT audit.declared_subjects(''' || t.relation || '''%')
        UNION ALL SELECT 'unregistered ' || c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'payload'
        WHERE c.relkind = 'r' AND c.oid::regclass::text NOT IN (SELECT relation FROM audit.phi_tables)
          -- What no login reads is read through functions alone, which announce it (GAT-6).
          AND EXISTS (SELECT FROM pg_roles l WHERE l.rolcanlogin AND NOT l.rolsuper AND l.rolname LIKE 'bearingwall%' AND l.rolname <> 'bearingwall_backup'
                      AND has_any_column_privilege(l.oid, c.oid, 'SELECT'))";
    let found = |rows: Vec<tokio_postgres::Row>| rows.iter().map(|row| row.get(0)).collect::<Vec<String>>();
    assert_eq!(
        found(superuser.query(missing, &[]).await.unwrap()),
        Vec::<String>::new()
    );
    for table in [RECORDS, DIGESTS, "crm.chart_note_records"] {
        for command in ["select", "insert", "update", "delete"] {
            superuser
                .batch_execute(&format!("BEGIN; DROP POLICY phi_{command} ON {table}"))
                .await
                .unwrap();
            assert_eq!(
                found(superuser.query(missing, &[]).await.unwrap()),
                [format!("{table} {command}")]
            );
            superuser.batch_execute("ROLLBACK").await.unwrap();
        }
    }
}

#[tokio::test]
async fn aud_1_an_event_cannot_be_laid_at_another_actors_door() {
    let fixture = Fixture::create().await;
    let (context, other) = (ctx(fixture.a), SubjectId::from_uuid(Uuid::now_v7()));
    // The claim is flipped ahead; the column default reads it, a later column flips it back, and then the policy looks.
    let flip = format!("SELECT set_config('app.current_subject_id', '{other}', true)");
    let forge = format!(
        "INSERT INTO audit.events (event_id, event_type, phase, outcome)
         VALUES (CASE WHEN set_config('app.current_subject_id', '{}', true) IS NOT NULL THEN gen_random_uuid() END,
                 'client.read', 'completed', 'success')",
        context.subject()
    );
    let forged = fixture
        .undeclared(&context, &[&flip, &forge, "SELECT NULL AS answer"])
        .await;
    assert!(matches!(forged, Err(Failure::Query(_))), "{forged:?}");
    assert_eq!(fixture.count(&format!("actor_id = '{other}'")).await, 0);
}
