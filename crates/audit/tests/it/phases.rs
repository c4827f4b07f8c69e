//! Every access has one end, and where its server died before it could say so, the sweep says that nobody knows.

use crate::fixture::{Answer, DIGESTS, Failure, Fixture, RECORDS, ctx, read};
use crate::raw::{Arena, Ids, TABLES};
use bearingwall_audit::{Access, Command, EventType, PhiTx};
use bearingwall_core::Ctx;
use bearingwall_testkit::database::Login;
use diesel_async::RunQueryDsl;
use std::time::Duration;
use tokio_postgres::Client;
use uuid::Uuid;

const SEEN: &str = "SELECT count(*)::text AS answer FROM crm.client_records";

/// The rows of a request that are no announcements, with how many announcements share their access.
const ENDS: &str = "SELECT string_agg(e.phase || ' ' || e.outcome || coalesce(' ' || e.outcome_code, '') || coalesce(' ' || e.result_count, '') || ' of '
        || (SELECT count(*) FROM audit.events i WHERE i.access_id = e.access_id AND i.phase = 'intended' AND i.actor_id = e.actor_id
             AND i.request_id = e.request_id AND i.customer_id = e.customer_id AND i.recorded_at <= e.recorded_at), ', ' ORDER BY e.recorded_at)
      FROM audit.events e WHERE e.phase <> 'intended' AND e.request_id = $1";

async fn ends(superuser: &Client, request: Uuid) -> String {
    let row = superuser.query_one(ENDS, &[&request]).await.unwrap();
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

/// Waits for a line that is written in the background.
async fn ends_soon(superuser: &Client, request: Uuid) -> String {
    for _ in 0..200 {
        let ends = ends(superuser, request).await;
        if !ends.is_empty() {
            return ends;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    String::new()
}

fn request(context: &Ctx) -> Uuid {
    context.request().as_uuid()
}

const READ: &str = "SELECT count(*)::text AS answer FROM crm.client_records";

#[tokio::test]
async fn aud_6_an_access_that_was_done_has_one_end_with_what_came_of_it() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    let reading = ctx(fixture.a);
    fixture.declared(&reading, read(fixture.client), &[READ]).await.unwrap();
    // A number that nobody has counted is none: the declared persons are on record as what they are.
    assert_eq!(ends(&superuser, request(&reading)).await, "completed success of 1");

    let counted = ctx(fixture.a);
    let both = Access::to(EventType::ClientListed, [fixture.client, fixture.other])
        .covering(RECORDS, &[Command::Select])
        .covering(DIGESTS, &[Command::Select]);
    fixture
        .log
        .with_access::<_, Failure, _>(&counted, both, async |tx: &mut PhiTx<'_, '_>| {
            diesel::sql_query(READ).get_result::<Answer>(tx).await?;
            tx.found(7);
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(ends(&superuser, request(&counted)).await, "completed success 7 of 4");

    let writing = ctx(fixture.a);
    let update =
        Access::to(EventType::ClientChanged, [fixture.client]).covering(RECORDS, &[Command::Select, Command::Update]);
    let change = "UPDATE crm.client_records SET payload = '\\x02'";
    fixture.declared(&writing, update, &[change, READ]).await.unwrap();
    assert_eq!(ends(&superuser, request(&writing)).await, "completed success of 1");
    let together =
        "SELECT count(*) FROM audit.events e JOIN crm.client_records r ON r.xmin::text::bigint = e.xid::text::bigint
        WHERE e.phase = 'completed' AND e.request_id = $1";
    let row = superuser.query_one(together, &[&request(&writing)]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1, "a write and its end are one transaction");

    let searching = ctx(fixture.a);
    fixture
        .log
        .with_search::<_, Failure, _>(
            &searching,
            EventType::ClientSearched,
            DIGESTS,
            async |tx: &mut PhiTx<'_, '_>| {
                diesel::sql_query("SELECT count(*)::text AS answer FROM crm.client_digests")
                    .get_result::<Answer>(tx)
                    .await?;
                tx.found(2);
                Ok(())
            },
        )
        .await
        .unwrap();
    assert_eq!(ends(&superuser, request(&searching)).await, "completed success 2 of 1");
}

#[tokio::test]
async fn aud_6_an_access_that_failed_says_so_and_did_nothing() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    let change = "UPDATE crm.client_records SET payload = '\\x02'";
    for (statements, own) in [
        (vec![change, "SELECT ('x'::int)::text AS answer"], false),
        (vec![change], true),
        (vec![], true),
    ] {
        let context = ctx(fixture.a);
        let update = Access::to(EventType::ClientChanged, [fixture.client])
            .covering(RECORDS, &[Command::Select, Command::Update]);
        let outcome: Result<(), Failure> = fixture
            .log
            .with_access(&context, update, async |tx: &mut PhiTx<'_, '_>| {
                for sql in &statements {
                    diesel::sql_query(*sql).execute(tx).await?;
                }
                if own {
                    Err(Failure::Query(diesel::result::Error::NotFound))
                } else {
                    Ok(())
                }
            })
            .await;
        assert!(outcome.is_err());
        assert_eq!(
            ends(&superuser, request(&context)).await,
            "failed failure of 1",
            "{statements:?}"
        );
    }
    let changed = superuser
        .query_one("SELECT count(*) FROM crm.client_records WHERE payload = '\\x02'", &[])
        .await
        .unwrap();
    assert_eq!(changed.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn aud_6_a_request_that_was_dropped_half_way_says_so() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    let context = ctx(fixture.a);
    let stalled =
        fixture
            .log
            .with_access::<(), Failure, _>(&context, read(fixture.client), async |tx: &mut PhiTx<'_, '_>| {
                diesel::sql_query(READ).get_result::<Answer>(tx).await?;
                std::future::pending().await
            });
    assert!(tokio::time::timeout(Duration::from_millis(500), stalled).await.is_err());
    assert_eq!(ends_soon(&superuser, request(&context)).await, "timed_out unknown of 1");

    // What was never begun was not announced either.
    let context = ctx(fixture.a);
    drop(fixture.declared(&context, read(fixture.client), &[READ]));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(ends(&superuser, request(&context)).await, "");
}

#[tokio::test]
async fn aud_6_a_transaction_that_was_ended_underneath_is_no_success() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    for ending in ["ROLLBACK", "COMMIT"] {
        let context = ctx(fixture.a);
        let outcome = fixture
            .declared(&context, read(fixture.client), &[ending, "SELECT NULL AS answer"])
            .await;
        assert!(outcome.is_err(), "{ending}");
        let ends = ends(&superuser, request(&context)).await;
        assert!(!ends.contains("success"), "{ending}: {ends}");
        let announced = format!("request_id = '{}' AND phase = 'intended'", request(&context));
        assert_eq!(
            fixture.count(&announced).await,
            1,
            "{ending}: the announcement stays, for the sweep to end"
        );
    }
}

/// What a commit waits for follows from what was written, and not from what was declared.
#[tokio::test]
async fn aud_6_only_an_access_that_wrote_nothing_is_ended_without_waiting_for_the_disk() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute(
            "SET bearingwall.audit_ddl = 'on';
             CREATE TABLE public.waited (request_id uuid, setting text);
             CREATE FUNCTION public.note_waiting() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $f$
             BEGIN INSERT INTO public.waited VALUES (NEW.request_id, current_setting('synchronous_commit')); RETURN NULL; END $f$;
             CREATE TRIGGER note_waiting AFTER INSERT ON audit.events FOR EACH ROW WHEN (NEW.phase = 'completed') EXECUTE FUNCTION public.note_waiting()",
        )
        .await
        .unwrap();
    let id = Uuid::now_v7();
    let insert = format!("INSERT INTO crm.clients (id) VALUES ('{id}')");
    for (statements, expected) in [
        (vec![SEEN], "off"),
        // Of no personal data, and therefore not declared.
        (vec![insert.as_str(), SEEN], "on"),
    ] {
        let context = ctx(fixture.a);
        fixture
            .declared(&context, read(fixture.client), &statements)
            .await
            .unwrap();
        let waited = "SELECT setting FROM public.waited WHERE request_id = $1";
        let row = superuser.query_one(waited, &[&request(&context)]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), expected, "{statements:?}");
    }
}

/// Seals as the sealer would, but long ago: the snapshots are those of now.
async fn seal(superuser: &Client, number: i64) {
    superuser
        .execute(
            "INSERT INTO audit.seals (seal_id, system_id, snapshot, events, sealed_at)
             VALUES ($1, 1, pg_current_snapshot(), 0, clock_timestamp() - interval '1 hour')",
            &[&number],
        )
        .await
        .unwrap();
}

async fn sweep(sealer: &Client, number: i64) -> Result<i32, String> {
    let swept = sealer.query_one("SELECT audit.complete_orphans($1)", &[&number]).await;
    swept
        .map(|row| row.get(0))
        .map_err(|error| error.as_db_error().unwrap().code().code().to_owned())
}

/// Announces as a server does that dies before it can say more.
async fn announce(app: &Client, arena: &Arena, ids: &Ids, access: Uuid, end: &str) {
    let row = "INSERT INTO audit.events (event_id, event_type, phase, outcome, access_id, subject_id, resource, commands, route)
         VALUES (gen_random_uuid(), 'client.read', 'intended', 'success', '{access}', '{client}', '{table}', '{SELECT}', 'GET /v1/clients/{id}')";
    let row = row.replace("{access}", &access.to_string());
    let statements = arena.fill(&format!("BEGIN; {{enter}}; {row}; {row}; {end}"), &TABLES[2], ids);
    app.batch_execute(&statements).await.unwrap();
}

async fn complete(app: &Client, arena: &Arena, entry: &str, ids: &Ids, access: Uuid) -> bool {
    let end = format!(
        "BEGIN; {entry}; INSERT INTO audit.events (event_id, event_type, phase, outcome, access_id)
         VALUES (gen_random_uuid(), 'client.read', 'completed', 'success', '{access}'); COMMIT"
    );
    let done = app.batch_execute(&arena.fill(&end, &TABLES[2], ids)).await;
    app.batch_execute("ROLLBACK").await.unwrap();
    done.is_ok()
}

const UNKNOWN: &str = "completed unknown no-end-recorded of 2";

#[tokio::test]
async fn aud_6_an_orphan_is_completed_once_and_by_the_seal_that_brought_it_in() {
    let arena = Arena::create().await;
    let (sealer, app, late) = (
        arena.client(Login::Sealer).await,
        arena.client(Login::App).await,
        arena.client(Login::App).await,
    );
    let superuser = &arena.superuser;
    let accesses: Vec<(Ids, Uuid)> = (0..5).map(|_| (Ids::fresh(), Uuid::now_v7())).collect();
    let [dead, done, overlapping, second, undone] = &accesses[..] else {
        panic!()
    };
    // One transaction is open while the first two seals are made, and commits before the third.
    announce(&late, &arena, &overlapping.0, overlapping.1, "SELECT 1").await;
    announce(&app, &arena, &dead.0, dead.1, "COMMIT").await;
    announce(&app, &arena, &done.0, done.1, "COMMIT").await;
    announce(&app, &arena, &undone.0, undone.1, "ROLLBACK").await;
    assert!(complete(&app, &arena, "{enter}", &done.0, done.1).await);
    seal(superuser, 1).await;
    announce(&app, &arena, &second.0, second.1, "COMMIT").await;
    seal(superuser, 2).await;
    late.batch_execute("COMMIT").await.unwrap();
    seal(superuser, 3).await;
    let left = async |of: &(Ids, Uuid)| ends(superuser, of.0.request).await;

    assert_eq!(sweep(&sealer, 2).await, Err("55000".to_owned()), "not the next");
    assert_eq!(sweep(&sealer, 1).await, Ok(1));
    assert_eq!(left(dead).await, UNKNOWN);
    assert_eq!(left(done).await, "completed success of 2", "left alone");
    assert_eq!(
        (left(second).await, left(overlapping).await),
        (String::new(), String::new()),
        "not its seal"
    );
    assert_eq!(sweep(&sealer, 1).await, Err("55000".to_owned()), "not twice");
    assert_eq!(sweep(&sealer, 2).await, Ok(1));
    assert_eq!(
        (left(second).await.as_str(), left(overlapping).await.as_str()),
        (UNKNOWN, "")
    );
    assert_eq!(sweep(&sealer, 3).await, Ok(1), "what was open under two seals");
    assert_eq!(left(overlapping).await, UNKNOWN);
    seal(superuser, 4).await;
    assert_eq!(sweep(&sealer, 4).await, Ok(0), "what a sweep wrote is no access");
    assert_eq!((left(dead).await.as_str(), left(undone).await.as_str()), (UNKNOWN, ""));
    let by = "SELECT DISTINCT db_role::text FROM audit.events WHERE outcome_code = 'no-end-recorded'";
    assert_eq!(
        superuser.query_one(by, &[]).await.unwrap().get::<_, &str>(0),
        "bearingwall_sealer"
    );
}

#[tokio::test]
async fn aud_6_a_seal_is_not_swept_before_every_access_under_it_is_over() {
    let arena = Arena::create().await;
    let (sealer, app) = (arena.client(Login::Sealer).await, arena.client(Login::App).await);
    let access = (Ids::fresh(), Uuid::now_v7());
    announce(&app, &arena, &access.0, access.1, "COMMIT").await;
    let own = "INSERT INTO audit.seals (seal_id, system_id, snapshot, events) VALUES (1, 1, pg_current_snapshot(), 2)";
    sealer.batch_execute(own).await.unwrap();
    let next = async || -> Option<i64> {
        sealer
            .query_one("SELECT audit.next_orphan_seal()", &[])
            .await
            .unwrap()
            .get(0)
    };
    assert_eq!(
        (next().await, sweep(&sealer, 1).await),
        (None, Err("55000".to_owned())),
        "too new"
    );
    assert!(sealer.batch_execute("INSERT INTO audit.seals (seal_id, system_id, snapshot, events, sealed_at) VALUES (2, 1, pg_current_snapshot(), 0, '2020-01-01')").await.is_err());
    // Twice the life of an access and a minute, whatever that life is.
    for (ttl, too_new, old_enough) in [("5 minutes", 655, 665), ("30 seconds", 115, 125)] {
        aged(&arena.superuser, ttl, too_new).await;
        assert_eq!(
            (next().await, sweep(&sealer, 1).await),
            (None, Err("55000".to_owned())),
            "{ttl}"
        );
        aged(&arena.superuser, ttl, old_enough).await;
        assert_eq!(next().await, Some(1), "{ttl}");
    }
    assert_eq!((sweep(&sealer, 1).await, next().await), (Ok(1), None));
}

/// Puts the first seal back in time, which only a superuser without triggers can.
async fn aged(superuser: &Client, ttl: &str, seconds: i32) {
    let statements = format!(
        "UPDATE audit.config SET access_ttl = '{ttl}'; SET bearingwall.audit_ddl = on;
         ALTER TABLE audit.seals DISABLE TRIGGER ALL;
         UPDATE audit.seals SET sealed_at = clock_timestamp() - interval '{seconds} seconds' WHERE seal_id = 1;
         ALTER TABLE audit.seals ENABLE ALWAYS TRIGGER append_only; ALTER TABLE audit.seals ENABLE ALWAYS TRIGGER append_only_row"
    );
    superuser.batch_execute(&statements).await.unwrap();
}

#[tokio::test]
async fn aud_6_nobody_ends_the_access_of_another_tenant_or_request() {
    let arena = Arena::create().await;
    let (sealer, app) = (arena.client(Login::Sealer).await, arena.client(Login::App).await);
    for (entry, forged) in [("{enter:tenant}", true), ("{enter:request}", true), ("{enter}", false)] {
        let access = (Ids::fresh(), Uuid::now_v7());
        announce(&app, &arena, &access.0, access.1, "COMMIT").await;
        assert!(complete(&app, &arena, entry, &access.0, access.1).await, "{entry}");
        let number: i64 = arena
            .superuser
            .query_one("SELECT count(*) + 1 FROM audit.seals", &[])
            .await
            .unwrap()
            .get(0);
        seal(&arena.superuser, number).await;
        assert_eq!(sweep(&sealer, number).await, Ok(i32::from(forged)), "{entry}");
    }
    // Not the columns that bind it, and not the function that writes an end for anybody.
    for sql in [
        "INSERT INTO audit.events (event_id, event_type, phase, outcome, request_id) VALUES (gen_random_uuid(), 'client.read', 'completed', 'success', gen_random_uuid())",
        "SELECT audit.complete_orphans(1)",
        "SELECT audit.next_orphan_seal()",
        "SELECT audit.record_sealing('sealing.started', 'success', NULL, NULL)",
    ] {
        let tried = arena
            .run(&TABLES[2], &Ids::fresh(), &["BEGIN; {enter}", sql, "COMMIT"])
            .await;
        assert_eq!(tried.errors, ["42501"], "{sql}");
    }
}

/// The query of the sweep, as it stands in the function.
async fn sweep_query(superuser: &Client, before: &str, after: &str) -> String {
    let sql = "SELECT p.prosrc FROM pg_proc p WHERE p.oid = 'audit.complete_orphans(bigint)'::regprocedure";
    let source: String = superuser.query_one(sql, &[]).await.unwrap().get(0);
    let (start, end) = (
        source.find("SELECT e.customer_id").unwrap(),
        source.find("GET DIAGNOSTICS").unwrap(),
    );
    source[start..end]
        .trim()
        .trim_end_matches(';')
        .replace("v_before", &format!("'{before}'::pg_snapshot"))
        .replace("v_after", &format!("'{after}'::pg_snapshot"))
}

#[tokio::test]
async fn aud_6_a_sweep_reads_what_its_seal_brought_in_and_not_the_record() {
    let arena = Arena::create().await;
    let superuser = &arena.superuser;
    let fill = |accesses: u32| {
        format!(
            "INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, access_id)
             SELECT '{}', gen_random_uuid(), r.id, gen_random_uuid(), 'client.read', p.phase, 'success', r.access
               FROM (SELECT gen_random_uuid() AS id, gen_random_uuid() AS access FROM generate_series(1, {accesses})) r,
                    unnest(ARRAY['intended', 'completed']) p (phase)",
            arena.fixture.a
        )
    };
    superuser.batch_execute(&fill(25_000)).await.unwrap();
    superuser.batch_execute("VACUUM ANALYZE audit.events").await.unwrap();
    let snapshot = async || -> String {
        superuser
            .query_one("SELECT pg_current_snapshot()::text", &[])
            .await
            .unwrap()
            .get(0)
    };
    // A transaction of another test that is older than the filling keeps it in every snapshot's reach.
    let is_behind = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > max(e.xid) FROM audit.events e";
    for _ in 0..600 {
        if superuser.query_one(is_behind, &[]).await.unwrap().get(0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let before = snapshot().await;
    superuser.batch_execute(&fill(50)).await.unwrap();
    let after = snapshot().await;
    let query = sweep_query(superuser, &before, &after).await;
    let explained = superuser
        .query(
            &format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {query}"),
            &[],
        )
        .await
        .unwrap();
    let plan: Vec<String> = explained.iter().map(|row| row.get(0)).collect();
    assert!(plan.iter().any(|line| line.contains("_xid_idx")), "{plan:#?}");
    let scanned =
        |line: &String| line.contains("Seq Scan") && !line.contains("rows=0") && !line.contains("never executed");
    assert!(!plan.iter().any(scanned), "{plan:#?}");
    // As the sealer runs it, with the plan that the function makes.
    superuser
        .execute(
            "INSERT INTO audit.seals (seal_id, system_id, snapshot, events, sealed_at)
             SELECT n, 1, s::pg_snapshot, 0, clock_timestamp() - interval '1 hour' FROM (VALUES (1, $1), (2, $2)) v (n, s)",
            &[&before, &after],
        )
        .await
        .unwrap();
    superuser
        .batch_execute("INSERT INTO audit.orphan_sweeps (seal_id, completed) VALUES (1, 0)")
        .await
        .unwrap();
    // In the function itself, where the snapshots are parameters: no table of events is read from end to end.
    superuser.batch_execute("BEGIN").await.unwrap();
    assert_eq!(sweep(superuser, 2).await, Ok(0));
    let read = "SELECT coalesce(sum(seq_tup_read), 0)::bigint, sum(idx_tup_fetch)::bigint FROM pg_stat_xact_all_tables
        WHERE schemaname = 'audit' AND relname LIKE 'events%'";
    let row = superuser.query_one(read, &[]).await.unwrap();
    let (sequentially, by_index): (i64, i64) = (row.get(0), row.get(1));
    superuser.batch_execute("COMMIT").await.unwrap();
    assert_eq!(sequentially, 0);
    assert!((100..1_000).contains(&by_index), "{by_index}");
}
