//! Connection reuse under attack and accident: cancelled, panicking and stolen requests, injected transaction control,
//! statements under the driver's names, and a pool without a free connection.

use crate::fixture::{Answer, Failure, Fixture, clients, ctx, visible};
use bearingwall_core::CustomerId;
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel_async::RunQueryDsl;
use futures_util::{FutureExt as _, StreamExt as _};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::Barrier;
use uuid::Uuid;

/// A record, as the audit crate writes it.
struct Record(Uuid);

impl QueryId for Record {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Record {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO audit.events (event_id, event_type, phase, outcome) VALUES (");
        out.push_bind_param::<diesel::sql_types::Uuid, _>(&self.0)?;
        out.push_sql(", 'client.read', 'intended', 'success')");
        Ok(())
    }
}

async fn insert(tx: &mut TenantTx<'_>, id: Uuid) -> QueryResult<usize> {
    diesel::insert_into(clients::table)
        .values(clients::id.eq(id))
        .execute(tx)
        .await
}

/// A pair of rows that belong together, so that half a transaction would show.
async fn insert_pair(tx: &mut TenantTx<'_>, [one, other]: [Uuid; 2]) -> Result<(), Failure> {
    insert(tx, one).await?;
    insert(tx, other).await?;
    Ok(())
}

async fn ask(pool: &TenantPool, tenant: CustomerId, sql: &str) -> Option<String> {
    let answer: Result<Answer, Failure> = pool
        .run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
            Ok(diesel::sql_query(sql).get_result(tx).await?)
        })
        .await;
    answer.unwrap_or_else(|error| panic!("{sql}: {error:?}")).answer
}

async fn backend(pool: &TenantPool, tenant: CustomerId) -> String {
    ask(pool, tenant, "SELECT pg_backend_pid()::text AS answer")
        .await
        .unwrap()
}

/// Polls a future so many times and drops it; `None` if it had not finished by then.
async fn polled<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let polled = future.as_mut().poll(context).map(Some);
        if polled.is_pending() && left == 0 {
            return Poll::Ready(None);
        }
        polled
    })
    .await
}

/// Drops one kind of request after 0, 1, 2, … polls, and after more and more time, and looks at what is left each time.
async fn cancel_everywhere(fixture: &Fixture, recorded: bool) {
    let pool = fixture.pool(1).await;
    let mut pairs = Vec::new();
    let (mut finished, mut cancelled) = (0, 0);
    for step in 0..44_usize {
        let pair = [Uuid::now_v7(), Uuid::now_v7()];
        let record = Uuid::now_v7();
        let context = ctx(fixture.a);
        let request = async {
            let work = async |tx: &mut TenantTx<'_>| insert_pair(tx, pair).await;
            if recorded {
                pool.run_recorded(&context, Record(record), work).await
            } else {
                pool.run(&context, work).await
            }
        };
        let outcome = if step % 2 == 0 {
            polled(request, step / 2).await
        } else {
            let limit = Duration::from_micros(150 * step as u64);
            tokio::time::timeout(limit, request).await.ok()
        };
        match &outcome {
            Some(answer) => {
                answer.as_ref().unwrap();
                finished += 1;
            }
            None => cancelled += 1,
        }
        pairs.push((pair, record, outcome.is_some()));
        assert_eq!(
            visible(&pool, fixture.b).await.unwrap(),
            [fixture.client_b],
            "step {step}"
        );
    }
    assert!(
        finished > 0 && cancelled > 5,
        "{finished} finished, {cancelled} cancelled"
    );
    all_or_nothing(fixture, &pool, &pairs, recorded).await;
    no_transaction_stays_open(fixture).await;
}

/// Both rows of a pair or none, all that were reported, and no row without its record.
async fn all_or_nothing(fixture: &Fixture, pool: &TenantPool, pairs: &[([Uuid; 2], Uuid, bool)], recorded: bool) {
    let rows: BTreeSet<Uuid> = visible(pool, fixture.a).await.unwrap().into_iter().collect();
    let events = "SELECT string_agg(event_id::text, ',') AS answer FROM audit.events";
    let events = ask(pool, fixture.a, events).await.unwrap_or_default();
    for ([one, other], record, reported) in pairs {
        assert_eq!(rows.contains(one), rows.contains(other), "half a transaction");
        assert!(rows.contains(one) || !reported, "reported and not there");
        assert!(
            !recorded || !rows.contains(one) || events.contains(&record.to_string()),
            "a change without its record"
        );
    }
}

async fn no_transaction_stays_open(fixture: &Fixture) {
    let superuser = fixture.database.superuser_client().await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'bearingwall_app' AND datname = current_database() AND xact_start IS NOT NULL";
    let deadline = Instant::now() + Duration::from_secs(10);
    while superuser.query_one(open, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(Instant::now() < deadline, "a cancelled transaction stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_a_request_cancelled_anywhere_leaves_nothing_behind() {
    cancel_everywhere(&Fixture::create().await, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_a_recorded_request_cancelled_anywhere_leaves_at_most_its_record() {
    cancel_everywhere(&Fixture::create().await, true).await;
}

/// Statements that end the transaction, each followed by what an attacker would do next.
const TRANSACTION_CONTROL: &[&[&str]] = &[
    &["COMMIT"],
    &["ROLLBACK"],
    &["COMMIT", "BEGIN"],
    &["ROLLBACK", "BEGIN"],
    &["COMMIT AND CHAIN"],
    &["ROLLBACK AND CHAIN"],
    &["COMMIT", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"],
    &[
        "COMMIT",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "BEGIN",
    ],
    &["COMMIT AND CHAIN", "SAVEPOINT sound"],
    &["PREPARE TRANSACTION 'left'"],
];

/// What brings a context back, or would.
async fn re_enter(tx: &mut TenantTx<'_>, fixture: &Fixture, settings: &str) -> QueryResult<()> {
    let b = fixture.b;
    let [customer, subject, request, seal, guarded] = settings.split('|').collect::<Vec<_>>()[..] else {
        panic!("{settings}")
    };
    let enter = format!(
        "SELECT tenancy.enter('{b}', '{b}', '{b}', {}, '{b}', 1::smallint, ARRAY['eu-west-1'], decode(repeat('00', 32), 'hex'))",
        i64::MAX
    );
    for id in [customer.to_owned(), b.to_string()] {
        for (name, value) in [
            ("app.current_customer_id", id.as_str()),
            ("app.current_subject_id", subject),
            ("app.current_request_id", request),
            ("app.tenant_seal", seal),
            ("backtrace_functions", guarded),
        ] {
            let set = format!("SELECT set_config('{name}', '{value}', false)");
            let _ = diesel::sql_query(set).execute(tx).await;
        }
        let _ = diesel::sql_query(&enter).execute(tx).await;
    }
    Ok(())
}

const SETTINGS: &str = "SELECT concat_ws('|', current_setting('app.current_customer_id'), current_setting('app.current_subject_id'), \
    current_setting('app.current_request_id'), coalesce(current_setting('app.tenant_seal', true), ''), current_setting('backtrace_functions')) AS answer";

#[tokio::test]
async fn ten_4_injected_transaction_control_reaches_no_other_tenant_and_never_passes_for_success() {
    for fixture in [Fixture::create().await, Fixture::create_without_platform().await] {
        let pool = fixture.pool(1).await;
        for statements in TRANSACTION_CONTROL {
            let mut seen = None;
            let outcome: Result<(), Failure> = pool
                .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                    let settings: Answer = diesel::sql_query(SETTINGS).get_result(tx).await?;
                    insert(tx, Uuid::now_v7()).await?;
                    for statement in *statements {
                        let _ = diesel::sql_query(*statement).execute(tx).await;
                    }
                    re_enter(tx, &fixture, &settings.answer.unwrap()).await?;
                    seen = clients::table.select(clients::customer_id).load::<Uuid>(tx).await.ok();
                    Ok(())
                })
                .await;
            assert_eq!(seen, None, "{statements:?}: a context came back");
            assert!(
                matches!(outcome, Err(Failure::Tenancy(TenancyError::NotCommitted(_)))),
                "{statements:?}: {outcome:?}"
            );
            assert_eq!(
                visible(&pool, fixture.b).await.unwrap(),
                [fixture.client_b],
                "{statements:?}"
            );
            let written: Result<usize, Failure> = pool
                .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                    Ok(insert(tx, Uuid::now_v7()).await?)
                })
                .await;
            assert_eq!(written.unwrap(), 1, "{statements:?}");
        }
    }
}

#[tokio::test]
async fn ten_4_a_transaction_that_was_replaced_unnoticed_is_not_reported_as_committed() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    for statements in TRANSACTION_CONTROL
        .iter()
        .filter(|statements| statements[0] != "PREPARE TRANSACTION 'left'")
    {
        let lost = Uuid::now_v7();
        let outcome: Result<(), Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                insert(tx, lost).await?;
                for statement in *statements {
                    diesel::sql_query(*statement).execute(tx).await?;
                }
                Ok(())
            })
            .await;
        assert!(
            matches!(outcome, Err(Failure::Tenancy(TenancyError::NotCommitted(_)))),
            "{statements:?}: {outcome:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_a_panic_in_the_work_closes_its_connection_and_commits_nothing() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let before = backend(&pool, fixture.b).await;
    let (lost, tenant) = (Uuid::now_v7(), fixture.a);
    let panicking = pool.clone();
    let task = tokio::spawn(async move {
        let outcome: Result<(), Failure> = panicking
            .run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
                insert(tx, lost).await?;
                panic!("the work gives up in the middle");
            })
            .await;
        outcome
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_ne!(backend(&pool, fixture.b).await, before);
    assert_eq!(visible(&pool, fixture.b).await.unwrap(), [fixture.client_b]);
    assert!(!visible(&pool, fixture.a).await.unwrap().contains(&lost));
    // The same within one task, whose future goes on after the panic was caught.
    let before = backend(&pool, fixture.b).await;
    let context = ctx(fixture.a);
    let caught = std::panic::AssertUnwindSafe(pool.run(
        &context,
        async |tx: &mut TenantTx<'_>| -> Result<(), Failure> {
            insert(tx, lost).await?;
            panic!("the work gives up in the middle");
        },
    ));
    assert!(caught.catch_unwind().await.is_err());
    assert_ne!(backend(&pool, fixture.b).await, before);
    assert!(!visible(&pool, fixture.a).await.unwrap().contains(&lost));
    no_transaction_stays_open(&fixture).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_an_exhausted_pool_answers_in_time_and_gives_nobody_anothers_session() {
    let fixture = Fixture::create().await;
    let mut config = fixture.config(2);
    config.acquire_timeout = Duration::from_millis(400);
    let pool = TenantPool::connect(config, fixture.key.clone()).await.unwrap();
    let (held, go) = (Arc::new(Barrier::new(3)), Arc::new(Barrier::new(3)));
    let holders = [fixture.a, fixture.b].map(|tenant| {
        let (pool, held, go) = (pool.clone(), Arc::clone(&held), Arc::clone(&go));
        tokio::spawn(async move {
            let rows: Result<Vec<Uuid>, Failure> = pool
                .run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
                    diesel::sql_query("SELECT 1").execute(tx).await?;
                    held.wait().await;
                    go.wait().await;
                    Ok(clients::table.select(clients::id).load(tx).await?)
                })
                .await;
            rows.unwrap()
        })
    });
    held.wait().await;
    let mut ran = false;
    let began = Instant::now();
    let refused: Result<(), Failure> = pool
        .run(&ctx(fixture.b), async |_: &mut TenantTx<'_>| {
            ran = true;
            Ok(())
        })
        .await;
    assert!(
        matches!(refused, Err(Failure::Tenancy(TenancyError::Busy))),
        "{refused:?}"
    );
    assert!(!ran, "work ran without a session");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    go.wait().await;
    let [of_a, of_b] = holders;
    assert_eq!(
        (of_a.await.unwrap(), of_b.await.unwrap()),
        (vec![fixture.client_a], vec![fixture.client_b])
    );
    assert_eq!(visible(&pool, fixture.b).await.unwrap(), [fixture.client_b]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_many_tenants_requests_that_wait_for_one_connection_each_get_their_own_context() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let tasks = (0..40).map(|number| {
        let (tenant, client) = if number % 2 == 0 {
            (fixture.a, fixture.client_a)
        } else {
            (fixture.b, fixture.client_b)
        };
        let pool = pool.clone();
        tokio::spawn(async move { assert_eq!(visible(&pool, tenant).await.unwrap(), [client]) })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// Replaces the driver's statement whose text begins so, parameters and all, by one of the attacker's.
async fn substitute(pool: &TenantPool, tenant: CustomerId, beginning: &str) {
    let find = format!(
        "SELECT name || '(' || array_to_string(parameter_types, ',') || ')' AS answer FROM pg_catalog.pg_prepared_statements \
         WHERE starts_with(statement, '{beginning}') AND NOT from_sql"
    );
    let outcome: Result<(), Failure> = pool
        .run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
            let found: Answer = diesel::sql_query(find).get_result(tx).await?;
            let signature = found.answer.unwrap();
            let name = signature.split('(').next().unwrap();
            diesel::sql_query(format!("DEALLOCATE {name}")).execute(tx).await?;
            diesel::sql_query(format!("PREPARE {signature} AS SELECT 'hostile'"))
                .execute(tx)
                .await?;
            Ok(())
        })
        .await;
    outcome.unwrap_or_else(|error| panic!("{beginning}: {error:?}"));
}

#[tokio::test]
async fn ten_4_neither_the_entry_nor_the_record_can_be_replaced_under_the_drivers_name() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    for beginning in ["SELECT tenancy.enter(", "INSERT INTO audit.events"] {
        let read_recorded = async |tenant: CustomerId| {
            let record = Uuid::now_v7();
            let rows: Result<Vec<Uuid>, Failure> = pool
                .run_recorded(&ctx(tenant), Record(record), async |tx: &mut TenantTx<'_>| {
                    Ok(clients::table.select(clients::id).load(tx).await?)
                })
                .await;
            (record, rows.unwrap())
        };
        // Prepared by now, whichever connection it is.
        read_recorded(fixture.b).await;
        let before = backend(&pool, fixture.b).await;
        substitute(&pool, fixture.a, beginning).await;
        let (record, rows) = read_recorded(fixture.b).await;
        assert_eq!(rows, [fixture.client_b], "{beginning}");
        let stands = format!("SELECT count(*)::text AS answer FROM audit.events WHERE event_id = '{record}'");
        assert_eq!(
            ask(&pool, fixture.b, &stands).await.as_deref(),
            Some("1"),
            "{beginning}"
        );
        assert_ne!(
            backend(&pool, fixture.b).await,
            before,
            "a poisoned connection was kept"
        );
    }
}

#[tokio::test]
async fn ten_4_a_result_read_half_way_and_a_copy_leave_the_connection_in_step_or_closed() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let half_read: Result<Option<i32>, Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            let many = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>(
                "generate_series(1, 200000)",
            ));
            let mut rows = many.load_stream::<i32>(tx).await?;
            Ok(rows.next().await.transpose()?)
        })
        .await;
    assert_eq!(half_read.unwrap(), Some(1));
    assert_eq!(visible(&pool, fixture.b).await.unwrap(), [fixture.client_b]);
    for copy in [
        "COPY (SELECT id FROM crm.clients) TO STDOUT",
        "COPY (SELECT generate_series(1, 100000)) TO STDOUT",
        "COPY crm.clients (id) FROM STDIN",
    ] {
        let copied: Result<usize, Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                Ok(diesel::sql_query(copy).execute(tx).await?)
            })
            .await;
        assert!(copied.is_err(), "{copy}: {copied:?}");
        assert_eq!(visible(&pool, fixture.b).await.unwrap(), [fixture.client_b], "{copy}");
        assert_eq!(visible(&pool, fixture.b).await.unwrap(), [fixture.client_b], "{copy}");
    }
}

#[tokio::test]
async fn ten_4_an_aborted_transaction_is_over_for_the_next_tenant() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    for swallowed in [true, false] {
        let aborted: Result<(), Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                insert(tx, Uuid::now_v7()).await?;
                let failed = diesel::sql_query("SELECT 1 / 0").execute(tx).await;
                if !swallowed {
                    failed?;
                }
                Ok(())
            })
            .await;
        assert!(aborted.is_err());
        assert_eq!(visible(&pool, fixture.b).await.unwrap(), [fixture.client_b]);
    }
}

#[tokio::test]
async fn ten_4_a_canary_entered_in_place_of_the_tenant_is_not_committed_as_the_tenants_work() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let lost = Uuid::now_v7();
    let outcome: Result<(), Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            insert(tx, lost).await?;
            for statement in ["ROLLBACK AND CHAIN", "SELECT tenancy.enter_canary()"] {
                diesel::sql_query(statement).execute(tx).await?;
            }
            Ok(())
        })
        .await;
    assert!(
        matches!(outcome, Err(Failure::Tenancy(TenancyError::NotCommitted(_)))),
        "{outcome:?}"
    );
    assert!(!visible(&pool, fixture.a).await.unwrap().contains(&lost));
}
