//! Nobody who can log in edits the record; only a superuser could, and not by accident.

use crate::fixture::{Fixture, ctx, read};
use bearingwall_testkit::database::Login;

const EDITS: &[&str] = &[
    "UPDATE audit.events SET route = 'x'",
    "UPDATE audit.events SET route = 'x' WHERE false",
    "DELETE FROM audit.events",
    "DELETE FROM audit.events WHERE false",
    "TRUNCATE audit.events",
    "UPDATE {partition} SET route = 'x'",
    "DELETE FROM {partition}",
    "DELETE FROM {partition} WHERE false",
    "TRUNCATE {partition}",
    "MERGE INTO audit.events e USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "INSERT INTO audit.events (event_id, event_type, phase, outcome) SELECT event_id, event_type, phase, outcome FROM audit.events ON CONFLICT DO NOTHING; UPDATE audit.events SET phase = 'failed'",
];

const REDEFINITIONS: &[&str] = &[
    "DROP TABLE audit.events",
    "DROP TABLE {partition}",
    "DROP SCHEMA audit CASCADE",
    "ALTER TABLE audit.events DETACH PARTITION {partition}",
    "ALTER TABLE audit.events DISABLE TRIGGER append_only",
    "ALTER TABLE {partition} DISABLE TRIGGER ALL",
    "DROP TRIGGER append_only ON audit.events",
    "ALTER TABLE audit.events DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE audit.events NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY all_of_it ON audit.events USING (true)",
    "DROP POLICY app_isolation ON audit.events",
    "ALTER TABLE audit.events ALTER COLUMN route TYPE varchar(10) USING 'mallory'",
    "ALTER TABLE audit.events ADD COLUMN x text DEFAULT 'mallory'",
    "CREATE RULE swallow AS ON INSERT TO audit.events DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION audit.reject_mutation() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "CREATE OR REPLACE FUNCTION audit.declared_subjects(p_resource text, p_command text) RETURNS uuid[] LANGUAGE sql AS $$ SELECT '{}'::uuid[] $$",
    "ALTER TABLE audit.events RENAME TO old_events",
    "SET session_replication_role = replica",
];

/// What an owner could do beside the objects themselves: rename, move, hand out.
const DETOURS: &[&str] = &[
    "ALTER SCHEMA audit RENAME TO old",
    "ALTER SCHEMA audit OWNER TO bearingwall_admin",
    "ALTER TABLE audit.events SET SCHEMA tenancy",
    "ALTER FUNCTION audit.declared_subjects(text, text) SET SCHEMA tenancy",
    "GRANT UPDATE, DELETE ON audit.events TO bearingwall_app",
    "GRANT INSERT (xid, recorded_at, actor_id) ON audit.events TO bearingwall_app",
    "GRANT SELECT ON ALL TABLES IN SCHEMA audit TO bearingwall_worker",
    "GRANT EXECUTE ON FUNCTION audit.record_operation(text, text, uuid) TO bearingwall_app",
    "GRANT CREATE ON SCHEMA audit TO bearingwall_app",
    "REVOKE INSERT (event_id) ON audit.events FROM bearingwall_app",
];

#[tokio::test]
async fn aud_2_the_owner_cannot_rename_move_or_hand_out_the_record() {
    let fixture = Fixture::create().await;
    let admin = fixture.database.admin_client().await;
    admin.batch_execute("SET ROLE bearingwall_owner").await.unwrap();
    for detour in DETOURS {
        assert!(admin.batch_execute(detour).await.is_err(), "{detour}");
    }
    // Another schema's grants are none of the guard's business.
    admin
        .batch_execute("RESET ROLE; CREATE TABLE crm.extra (id int); GRANT SELECT ON crm.extra TO bearingwall_app; DROP TABLE crm.extra")
        .await
        .unwrap();
}

#[tokio::test]
async fn aud_2_update_delete_and_truncate_fail_for_every_login_and_for_the_owner() {
    let fixture = Fixture::create().await;
    fixture
        .declared(&ctx(fixture.a), read(fixture.client), &["SELECT NULL AS answer"])
        .await
        .unwrap();
    let superuser = fixture.database.superuser_client().await;
    let partition: String = superuser
        .query_one(
            "SELECT 'audit.events_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let before = fixture.count("true").await;
    assert!(before > 0);
    for (login, role) in [
        (Login::App, None),
        (Login::Sealer, None),
        (Login::Worker, None),
        (Login::Auditor, None),
        (Login::Backup, None),
        (Login::Admin, None),
        (Login::Admin, Some("SET ROLE bearingwall_owner")),
    ] {
        let client = fixture.database.client(login).await.unwrap();
        if let Some(role) = role {
            client.batch_execute(role).await.unwrap();
        }
        for edit in EDITS.iter().chain(REDEFINITIONS) {
            let edit = edit.replace("{partition}", &partition);
            let outcome = client.batch_execute(&edit).await;
            assert!(outcome.is_err(), "{login:?} {role:?}: {edit}");
            client.batch_execute("ROLLBACK").await.unwrap();
        }
    }
    assert_eq!(fixture.count("true").await, before);
    assert_eq!(fixture.count("route = 'x'").await, 0);
}

#[tokio::test]
async fn aud_2_the_triggers_fire_even_for_a_superuser_in_replica_mode() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("SET session_replication_role = replica")
        .await
        .unwrap();
    for edit in [
        "UPDATE audit.events SET route = 'x'",
        "DELETE FROM audit.events WHERE false",
        "TRUNCATE audit.events",
    ] {
        assert!(superuser.batch_execute(edit).await.is_err(), "{edit}");
    }
}

#[tokio::test]
async fn aud_2_every_partition_is_guarded_forced_and_without_grants() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    let unguarded = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'audit.events'::regclass AND NOT (c.relrowsecurity AND c.relforcerowsecurity
          AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname IN ('append_only', 'append_only_row') AND t.tgenabled = 'A') = 2
          AND NOT EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner))";
    assert!(superuser.query(unguarded, &[]).await.unwrap().is_empty());
    let months: i64 = superuser
        .query_one(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit.events'::regclass",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!(months >= 12, "{months}");
}

#[tokio::test]
async fn aud_2_a_tenant_reads_only_its_own_events() {
    let fixture = Fixture::create().await;
    fixture
        .declared(&ctx(fixture.b), read(fixture.foreign), &["SELECT NULL AS answer"])
        .await
        .unwrap();
    let foreign = format!(
        "SELECT count(*)::text AS answer FROM audit.events WHERE customer_id <> '{}'",
        fixture.a
    );
    let seen = fixture.undeclared(&ctx(fixture.a), &[&foreign]).await.unwrap();
    assert_eq!(seen.as_deref(), Some("0"));
}
