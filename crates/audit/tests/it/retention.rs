//! Months come in time, and leave when nothing and nobody needs them, under the word of two persons.

use crate::fixture::{Fixture, ctx, read};
use crate::staff::Staff;
use bearingwall_core::CustomerId;
use bearingwall_testkit::database::Login;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

const PLATFORM: &str = "00000000-0000-8000-8000-000000000001";
const MANIFEST: [u8; 32] = [7; 32];

async fn call(client: &Client, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<(), String> {
    client.execute(sql, parameters).await.map(drop).map_err(|error| {
        let error = error.as_db_error().unwrap();
        format!("{} {}", error.code().code(), error.message())
    })
}

fn refused(outcome: Result<(), String>, expected: &str) {
    let refusal = outcome.expect_err(expected);
    assert!(refusal.starts_with(expected), "{refusal}, not {expected}");
}

async fn text(client: &Client, sql: &str) -> String {
    client
        .query_one(sql, &[])
        .await
        .unwrap()
        .get::<_, Option<String>>(0)
        .unwrap_or_default()
}

#[tokio::test]
async fn aud_7_a_month_is_made_beside_writers_who_do_not_notice() {
    let fixture = Fixture::create().await;
    let (sealer, superuser) = (
        fixture.database.client(Login::Sealer).await.unwrap(),
        fixture.database.superuser_client().await,
    );
    let writer = fixture.database.admin_client().await;
    let write = "SELECT audit.record_operation('tenant.resumed', NULL, NULL)";
    writer
        .batch_execute(&format!("SET lock_timeout = '2s'; BEGIN; {write}"))
        .await
        .unwrap();
    // One that writes is under way; making a month waits for nobody, and nobody waits for it.
    sealer
        .batch_execute("SET lock_timeout = '2s'; BEGIN; SELECT audit.create_partition('2019-01-01')")
        .await
        .unwrap();
    writer.batch_execute(write).await.unwrap();
    let context = ctx(fixture.a);
    let written = fixture.declared(&context, read(fixture.client), &["SELECT NULL AS answer"]);
    tokio::time::timeout(Duration::from_secs(2), written)
        .await
        .expect("a writer waits")
        .unwrap();
    sealer.batch_execute("COMMIT").await.unwrap();
    writer.batch_execute("COMMIT").await.unwrap();
    let partitions = "SELECT count(*)::text FROM pg_inherits WHERE inhparent = 'audit.events'::regclass AND inhrelid = to_regclass('audit.events_201901')";
    assert_eq!(text(&superuser, partitions).await, "1");
    assert_eq!(
        text(&sealer, "SELECT audit.create_partition('2019-01-31')").await,
        "events_201901",
        "once"
    );

    for login in [Login::App, Login::Worker, Login::Auditor, Login::Backup] {
        let client = fixture.database.client(login).await.unwrap();
        refused(
            call(&client, "SELECT audit.create_partition('2018-01-01')", &[]).await,
            "42501",
        );
    }
    // The sealer owns no month and does with it what it does with any: nothing.
    for sql in [
        "DROP TABLE audit.events_201901",
        "ALTER TABLE audit.events_201901 DISABLE TRIGGER ALL",
        "TABLE audit.events_201901",
        "DELETE FROM audit.events_201901",
    ] {
        refused(call(&sealer, sql, &[]).await, "42501");
    }
}

/// Looks after every DDL statement whether a table takes events without being guarded.
const WATCH: &str = "
    CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS $f$
    BEGIN
        IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'audit.events'::regclass AND NOT (c.relrowsecurity AND c.relforcerowsecurity
              AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'append_only' AND t.tgenabled = 'A')
              AND NOT EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner)))
        THEN RAISE EXCEPTION 'an unguarded table is part of the record'; END IF;
    END $f$;
    CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.watch()";

#[tokio::test]
async fn aud_7_a_month_is_guarded_before_it_is_part_of_the_record() {
    let fixture = Fixture::create().await;
    let (sealer, superuser) = (
        fixture.database.client(Login::Sealer).await.unwrap(),
        fixture.database.superuser_client().await,
    );
    superuser.batch_execute(WATCH).await.unwrap();
    sealer
        .batch_execute("SELECT audit.create_partition('2019-01-01')")
        .await
        .unwrap();
    let rows = "SELECT string_agg(t.tgname || t.tgenabled::text, ',' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = 'audit.events_201901'::regclass";
    assert_eq!(text(&superuser, rows).await, "append_onlyA,append_only_rowA");
    let statistics = "SELECT count(*)::text FROM pg_attribute WHERE attrelid = 'audit.events_201901'::regclass AND attnum > 0 AND attstattarget <> 0";
    assert_eq!(text(&superuser, statistics).await, "0");
    // Seen red: the same function with the guard behind the attachment.
    let source = text(
        &superuser,
        "SELECT pg_get_functiondef('audit.create_partition(date)'::regprocedure)",
    )
    .await;
    let guard = "        CALL audit.guard(('audit.' || v_name)::regclass, true);\n";
    let end = "        EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER append_only_row', v_name);\n";
    let late = source.replace(guard, "").replace(end, &format!("{guard}{end}"));
    assert!(source.contains(guard) && late.find(guard) > source.find(guard));
    superuser
        .batch_execute(&format!("SET bearingwall.audit_ddl = on; {late}"))
        .await
        .unwrap();
    refused(
        call(&sealer, "SELECT audit.create_partition('2019-02-01')", &[]).await,
        "P0001 an unguarded table",
    );
}

#[tokio::test]
async fn aud_7_the_months_ahead_are_counted_to_the_first_gap() {
    let fixture = Fixture::create().await;
    let (sealer, superuser) = (
        fixture.database.client(Login::Sealer).await.unwrap(),
        fixture.database.superuser_client().await,
    );
    let month = |ahead: u32| format!("to_char((now() AT TIME ZONE 'UTC') + interval '{ahead} months', 'YYYYMM')");
    let ahead = async || text(&sealer, "SELECT audit.months_ahead()::text").await;
    assert_eq!(ahead().await, "12");
    for (gap, expected) in [(12, "11"), (7, "6"), (1, "0"), (0, "-1")] {
        let name = text(&superuser, &format!("SELECT {}", month(gap))).await;
        superuser
            .batch_execute(&format!(
                "SET bearingwall.audit_ddl = on; DROP TABLE audit.events_{name}"
            ))
            .await
            .unwrap();
        assert_eq!(ahead().await, expected, "without the month {gap} ahead");
    }
    for (closed, expected) in [(1, "-1"), (0, "6"), (7, "11"), (12, "12"), (13, "13")] {
        let create =
            format!("SELECT audit.create_partition(((now() AT TIME ZONE 'UTC') + interval '{closed} months')::date)");
        text(&sealer, &create).await;
        assert_eq!(ahead().await, expected, "with the month {closed} ahead");
    }
}

/// January 2019 with three events of one tenant, two of the other and one of the platform, all sealed; and two persons.
struct Archive {
    fixture: Fixture,
    staff: Staff,
    admin: Client,
    superuser: Client,
}

impl Archive {
    async fn create() -> Self {
        let fixture = Fixture::create().await;
        let (admin, superuser) = (
            fixture.database.admin_client().await,
            fixture.database.superuser_client().await,
        );
        let staff = Staff::install(&admin).await;
        let archive = Self {
            fixture,
            staff,
            admin,
            superuser,
        };
        archive.fill("2019-01-01", "2019-01-31 23:59:59.999999+00").await;
        archive.seal().await;
        archive
    }

    /// Makes the month and puts the events into it.
    async fn fill(&self, month: &str, at: &str) {
        let sealer = self.fixture.database.client(Login::Sealer).await.unwrap();
        sealer
            .batch_execute(&format!("SELECT audit.create_partition('{month}')"))
            .await
            .unwrap();
        let (a, b) = (self.fixture.a, self.fixture.b);
        let fill = format!(
            "INSERT INTO audit.events (customer_id, recorded_at, actor_id, request_id, event_id, event_type, phase, outcome)
             SELECT c::uuid, '{at}', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'completed', 'success'
               FROM unnest(ARRAY['{a}', '{a}', '{a}', '{b}', '{b}', '{PLATFORM}']) c"
        );
        self.superuser.batch_execute(&fill).await.unwrap();
    }

    /// Gives every old event its leaf.
    async fn seal(&self) {
        let seal = "INSERT INTO audit.leaves (customer_id, leaf_index, event_id, recorded_at, hash)
            SELECT customer_id, row_number() OVER (PARTITION BY customer_id ORDER BY event_id) - 1
                   + (SELECT count(*) FROM audit.leaves l WHERE l.customer_id = e.customer_id), event_id, recorded_at, sha256('x')
              FROM audit.events e WHERE recorded_at < now() - interval '1 year'
               AND NOT EXISTS (SELECT FROM audit.leaves l WHERE l.customer_id = e.customer_id AND l.event_id = e.event_id AND l.recorded_at = e.recorded_at)";
        self.superuser.batch_execute(seal).await.unwrap();
    }

    async fn request(&self, id: Uuid, month: &str, token: &str) -> Result<(), String> {
        let sql = "SELECT audit.retire_request($1, $2::text::date, $3, $4)";
        call(&self.admin, sql, &[&id, &month, &MANIFEST.as_slice(), &token]).await
    }

    async fn approve(&self, id: Uuid, manifest: &[u8], token: &str) -> Result<(), String> {
        call(
            &self.admin,
            "SELECT audit.retire_approve($1, $2, $3)",
            &[&id, &manifest, &token],
        )
        .await
    }

    async fn execute(&self, id: Uuid) -> Result<(), String> {
        call(&self.admin, "SELECT audit.retire_execute($1)", &[&id]).await
    }

    async fn approved(&self) -> Uuid {
        let id = Uuid::now_v7();
        self.request(id, "2019-01-01", &self.staff.token("ines")).await.unwrap();
        self.approve(id, &MANIFEST, &self.staff.token("omar")).await.unwrap();
        id
    }

    async fn obstacles(&self, month: &str) -> String {
        text(
            &self.admin,
            &format!("SELECT string_agg(o, ',') FROM audit.retirement_obstacles('{month}') o"),
        )
        .await
    }

    async fn ask(&self, sql: &str) -> String {
        text(&self.superuser, sql).await
    }
}

const OLD_EVENTS: &str = "SELECT count(*)::text FROM audit.events WHERE recorded_at < '2019-02-01'";

#[tokio::test]
async fn aud_7_a_month_stays_as_long_as_anything_needs_it() {
    let archive = Archive::create().await;
    let january = "2019-01-01";
    let id = archive.approved().await;
    // Each obstacle stands in the way of asking and of doing, and goes away again.
    let stands = async |obstacle: &str| {
        assert_eq!(archive.obstacles(january).await, obstacle);
        let expected = format!("55000 the month may not leave the record: {obstacle}");
        refused(
            archive
                .request(Uuid::now_v7(), january, &archive.staff.token("ines"))
                .await,
            &expected,
        );
        refused(archive.execute(id).await, &expected);
        assert_eq!(archive.ask(OLD_EVENTS).await, "6");
    };
    for held in [
        Some(archive.fixture.b),
        Some(CustomerId::from_uuid(PLATFORM.parse().unwrap())),
        None,
    ] {
        let (hold, tenant) = (Uuid::now_v7(), held.map(|tenant| tenant.as_uuid()));
        call(
            &archive.admin,
            "SELECT audit.open_hold($1, $2, 'A-17/2026')",
            &[&hold, &tenant],
        )
        .await
        .unwrap();
        stands("legal-hold").await;
        call(&archive.admin, "SELECT audit.close_hold($1)", &[&hold])
            .await
            .unwrap();
        assert_eq!(archive.obstacles(january).await, "");
    }
    archive.fill(january, "2019-01-01 00:00:00+00").await;
    assert_eq!(archive.ask(OLD_EVENTS).await, "12");
    assert_eq!(archive.obstacles(january).await, "unsealed-events");
    refused(
        archive.execute(id).await,
        "55000 the month may not leave the record: unsealed-events",
    );
    archive.seal().await;
    assert_eq!(archive.obstacles(january).await, "");
    // A tenant that has no events in the month keeps nobody waiting; one that has, does, for good.
    let nobody = archive.fixture.a.as_uuid();
    let others = "INSERT INTO tenancy.customers (customer_id, slug, name, region) VALUES ('0190d6f0-0000-7000-8000-00000000000f', 'heather', 'x', 'eu-west-1');
        SELECT audit.lengthen_retention('0190d6f0-0000-7000-8000-00000000000f', 100::smallint)";
    archive.superuser.batch_execute(others).await.unwrap();
    assert_eq!(archive.obstacles(january).await, "");
    call(
        &archive.admin,
        "SELECT audit.lengthen_retention($1, 20::smallint)",
        &[&nobody],
    )
    .await
    .unwrap();
    assert_eq!(archive.obstacles(january).await, "within-a-tenants-retention");
    refused(
        archive.execute(id).await,
        "55000 the month may not leave the record: within-a-tenants-retention",
    );
    assert_eq!(archive.ask(OLD_EVENTS).await, "12");
}

#[tokio::test]
async fn aud_7_six_years_are_kept_to_the_day() {
    let archive = Archive::create().await;
    let edge = archive
        .ask("SELECT date_trunc('month', now() AT TIME ZONE 'UTC' - interval '6 years')::date::text")
        .await;
    let before = archive
        .ask(&format!("SELECT ('{edge}'::date - interval '1 month')::date::text"))
        .await;
    for month in [&edge, &before] {
        archive.fill(month, &format!("{month} 00:00:00+00")).await;
    }
    archive.seal().await;
    assert_eq!(
        archive.obstacles(&edge).await,
        "within-six-years",
        "its last days are younger"
    );
    assert_eq!(archive.obstacles(&before).await, "");
    let recent = archive
        .ask("SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date::text")
        .await;
    assert!(archive.obstacles(&recent).await.contains("within-six-years"));
    for month in [&edge, &recent] {
        let asked = archive
            .request(Uuid::now_v7(), month, &archive.staff.token("ines"))
            .await;
        refused(asked, "55000 the month may not leave the record: within-six-years");
    }
    for month in ["2017-01-01", "2019-01-02"] {
        assert_eq!(archive.obstacles(month).await, "no-such-month");
    }
}

#[tokio::test]
async fn aud_7_two_verified_persons_agree_on_one_manifest() {
    let archive = Archive::create().await;
    let (january, id) = ("2019-01-01", Uuid::now_v7());
    let token = |person| archive.staff.token(person);
    refused(archive.request(id, january, "not a token").await, "28000");
    let claim = format!(r#","customer_id":"{}""#, archive.fixture.b);
    let member = archive.staff.token_with("ines", "customer_admin", &claim);
    refused(
        archive.request(id, january, &member).await,
        "42501 the token is not one of the platform's staff",
    );
    refused(archive.execute(id).await, "42501 no approved retirement");
    archive.request(id, january, &token("ines")).await.unwrap();
    refused(archive.execute(id).await, "42501 no approved retirement");
    let cannot = "42501 no such retirement with that manifest that this person could approve";
    refused(archive.approve(id, &MANIFEST, &token("ines")).await, cannot);
    refused(archive.approve(id, &[8; 32], &token("omar")).await, cannot);
    refused(archive.approve(Uuid::now_v7(), &MANIFEST, &token("omar")).await, cannot);
    refused(archive.execute(id).await, "42501 no approved retirement");
    archive.approve(id, &MANIFEST, &token("omar")).await.unwrap();
    refused(archive.approve(id, &MANIFEST, &token("lena")).await, cannot);
    let people =
        format!("SELECT (requested_by <> approved_by)::text FROM audit.retirements WHERE retirement_id = '{id}'");
    assert_eq!(archive.ask(&people).await, "true");
    // The rows behind it are nobody's to write; the functions are the operator's alone.
    for (login, sql) in [
        (
            Login::Admin,
            "UPDATE audit.retirements SET approved_at = now()".to_owned(),
        ),
        (Login::App, format!("SELECT audit.retire_execute('{id}')")),
        (Login::Sealer, format!("SELECT audit.retire_execute('{id}')")),
        (Login::Worker, format!("SELECT audit.retire_execute('{id}')")),
        (Login::Auditor, format!("SELECT audit.retire_execute('{id}')")),
        (
            Login::Sealer,
            "SELECT audit.open_hold(gen_random_uuid(), NULL, 'x')".to_owned(),
        ),
        (Login::Sealer, "SELECT audit.close_hold(gen_random_uuid())".to_owned()),
    ] {
        let client = archive.fixture.database.client(login).await.unwrap();
        refused(call(&client, &sql, &[]).await, "42501");
    }
    let owner = archive.fixture.database.admin_client().await;
    owner.batch_execute("SET ROLE bearingwall_owner").await.unwrap();
    for sql in [
        "UPDATE audit.retirements SET approved_by = requested_by",
        "UPDATE audit.retirements SET approved_by = gen_random_uuid()",
        "UPDATE audit.retirements SET manifest_sha256 = sha256('x')",
        "UPDATE audit.retirements SET month = '2019-02-01'",
        "DELETE FROM audit.retirements",
    ] {
        refused(call(&owner, sql, &[]).await, "42501");
    }
    assert_eq!(archive.ask(OLD_EVENTS).await, "6");
}

#[tokio::test]
async fn aud_7_a_month_that_left_is_accounted_for_in_every_tenants_log() {
    let archive = Archive::create().await;
    let (id, other) = (archive.approved().await, archive.approved().await);
    let leaves = "SELECT count(*)::text || ' ' || max(recorded_at) FROM audit.leaves";
    let before = archive.ask(leaves).await;
    let went = archive
        .admin
        .query_one("SELECT audit.retire_execute($1)", &[&id])
        .await
        .unwrap();
    assert_eq!(went.get::<_, i64>(0), 6);
    assert_eq!(archive.ask(OLD_EVENTS).await, "0");
    assert_eq!(
        archive
            .ask("SELECT coalesce(to_regclass('audit.events_201901')::text, 'gone')")
            .await,
        "gone"
    );
    assert_eq!(
        archive.ask(leaves).await,
        before,
        "the leaves stay, and with them every proof"
    );
    let (a, b) = (archive.fixture.a, archive.fixture.b);
    for (tenant, count) in [(a.to_string(), 3), (b.to_string(), 2), (PLATFORM.to_owned(), 1)] {
        let told = format!(
            "SELECT string_agg(e.outcome_code || ' ' || e.result_count || ' ' || e.resource_id || ' ' || (e.actor_id = r.approved_by), ',')
               FROM audit.events e JOIN audit.retirements r ON r.retirement_id = e.request_id
              WHERE e.event_type = 'retirement.executed' AND e.customer_id = '{tenant}' AND e.result_count IS NOT NULL"
        );
        assert_eq!(
            archive.ask(&told).await,
            format!("201901 {count} {id} true"),
            "{tenant}"
        );
    }
    let operations = "SELECT string_agg(event_type, ',' ORDER BY recorded_at) FROM audit.events
        WHERE customer_id = '00000000-0000-8000-8000-000000000001' AND event_type LIKE 'retirement.%' AND result_count IS NULL";
    let asked = "retirement.requested,retirement.approved";
    assert_eq!(
        archive.ask(operations).await,
        format!("{asked},{asked},retirement.executed")
    );
    refused(archive.execute(id).await, "42501 no approved retirement");
    refused(
        archive.execute(other).await,
        "55000 the month may not leave the record: no-such-month",
    );
    assert_eq!(
        archive
            .ask("SELECT current_setting('bearingwall.audit_ddl', true)")
            .await,
        ""
    );
    refused(
        call(&archive.admin, "DROP TABLE audit.events_202001", &[]).await,
        "42P01",
    );
    // The record goes on.
    archive
        .fixture
        .declared(&ctx(a), read(archive.fixture.client), &["SELECT NULL AS answer"])
        .await
        .unwrap();
}

#[tokio::test]
async fn aud_7_retention_only_gets_longer_and_a_hold_closes_once() {
    let archive = Archive::create().await;
    let tenant = archive.fixture.a.as_uuid();
    let lengthen = async |years: i16| {
        call(
            &archive.admin,
            "SELECT audit.lengthen_retention($1, $2)",
            &[&tenant, &years],
        )
        .await
    };
    refused(lengthen(5).await, "23514");
    lengthen(10).await.unwrap();
    for years in [10, 9, 6] {
        refused(
            lengthen(years).await,
            "42501 what is kept about retention only goes forward",
        );
    }
    lengthen(12).await.unwrap();
    let hold = Uuid::now_v7();
    let open = "SELECT audit.open_hold($1, $2, 'A-17')";
    call(&archive.admin, open, &[&hold, &Some(tenant)]).await.unwrap();
    refused(call(&archive.admin, open, &[&hold, &Some(tenant)]).await, "23505");
    let close = async || -> bool {
        archive
            .admin
            .query_one("SELECT audit.close_hold($1)", &[&hold])
            .await
            .unwrap()
            .get(0)
    };
    assert!(close().await);
    let closed = archive.ask("SELECT closed_at::text FROM audit.legal_holds").await;
    assert!(!close().await, "there is nothing left to close");
    let owner = archive.fixture.database.admin_client().await;
    owner.batch_execute("SET ROLE bearingwall_owner").await.unwrap();
    for sql in [
        "UPDATE audit.legal_holds SET closed_at = NULL",
        "UPDATE audit.legal_holds SET closed_at = now()",
        "UPDATE audit.legal_holds SET customer_id = NULL, closed_at = now()",
        "UPDATE audit.retention SET years = 6",
        "UPDATE audit.retention SET customer_id = gen_random_uuid(), years = 99",
        "DELETE FROM audit.legal_holds",
        "DELETE FROM audit.retention",
        "TRUNCATE audit.retention, audit.legal_holds",
    ] {
        refused(call(&owner, sql, &[]).await, "42501");
    }
    assert_eq!(
        archive.ask("SELECT closed_at::text FROM audit.legal_holds").await,
        closed
    );
    assert_eq!(archive.ask("SELECT years::text FROM audit.retention").await, "12");
    let told = "SELECT string_agg(event_type || ' ' || coalesce(outcome_code, '-'), ',' ORDER BY recorded_at) FROM audit.events
        WHERE event_type LIKE 'retention.%' OR event_type LIKE 'legal_hold.%'";
    assert_eq!(
        archive.ask(told).await,
        "retention.lengthened 10,retention.lengthened 12,legal_hold.opened -,legal_hold.closed -"
    );
}
