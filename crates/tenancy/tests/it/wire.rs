//! What travels: BEGIN, the entry and the first query leave in one flush.

use crate::fixture::{Failure, Fixture, clients, ctx};
use bearingwall_tenancy::{TenantPool, TenantTx};
use bearingwall_testkit::database::Login;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel_async::RunQueryDsl;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

type Bursts = Arc<Mutex<Vec<Vec<u8>>>>;

/// Relays connections to the database and keeps each burst of bytes that the client sends between two answers.
fn tap(upstream: (String, u16)) -> (u16, Bursts) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bursts = Bursts::default();
    let record = Arc::clone(&bursts);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (
                client.unwrap(),
                TcpStream::connect((upstream.0.as_str(), upstream.1)).unwrap(),
            );
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || relay(back_from, back_to, |_| {}));
            let record = Arc::clone(&record);
            std::thread::spawn(move || relay(client, server, move |bytes| record.lock().unwrap().push(bytes.to_vec())));
        }
    });
    (port, bursts)
}

fn relay(mut from: TcpStream, mut to: TcpStream, mut seen: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
        seen(&buffer[..count]);
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

fn holds(burst: &[u8], needle: &[u8]) -> bool {
    burst.windows(needle.len()).any(|window| window == needle)
}

/// A pool of one connection, and what it sends.
async fn tapped(fixture: &Fixture) -> (TenantPool, Bursts) {
    let mut config = fixture.config(1);
    let direct: tokio_postgres::Config = fixture.database.url(Login::App).parse().unwrap();
    let (port, bursts) = tap(("127.0.0.1".to_owned(), direct.get_ports()[0]));
    config.address = format!(
        "postgres://bearingwall_app@127.0.0.1:{port}/{}",
        fixture.database.name()
    )
    .parse()
    .unwrap();
    let pool = TenantPool::connect(config, fixture.key.clone()).await.unwrap();
    (pool, bursts)
}

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

/// What an injected context would look like from inside: how many transactions have written so far.
async fn read_recorded(
    pool: &TenantPool,
    context: &bearingwall_core::Ctx,
    record: Uuid,
    id: Uuid,
) -> (Vec<Uuid>, bool) {
    let rows: Result<(Vec<Uuid>, bool), Failure> = pool
        .run_recorded(context, Record(record), async |tx: &mut TenantTx<'_>| {
            let rows = clients::table.filter(clients::id.eq(id)).select(clients::id).load(tx).await?;
            let earlier: crate::fixture::Answer = diesel::sql_query(format!(
                "SELECT (xid IS DISTINCT FROM pg_current_xact_id_if_assigned())::text AS answer FROM audit.events WHERE event_id = '{record}'"
            ))
            .get_result(tx)
            .await?;
            Ok((rows, earlier.answer.as_deref() == Some("true")))
        })
        .await;
    rows.unwrap()
}

async fn read(pool: &TenantPool, context: &bearingwall_core::Ctx, id: Uuid) -> Vec<Uuid> {
    let rows: Result<Vec<Uuid>, Failure> = pool
        .run(context, async |tx: &mut TenantTx<'_>| {
            Ok(clients::table
                .filter(clients::id.eq(id))
                .select(clients::id)
                .load(tx)
                .await?)
        })
        .await;
    rows.unwrap()
}

#[tokio::test]
async fn ten_3_begin_entry_and_first_query_leave_in_one_flush() {
    let fixture = Fixture::create().await;
    let (pool, bursts) = tapped(&fixture).await;
    // The first use prepares the query; the second is what every later request does.
    read(&pool, &ctx(fixture.a), fixture.client_a).await;
    pool.ping().await.unwrap();
    let context = ctx(fixture.a);
    bursts.lock().unwrap().clear();
    assert_eq!(read(&pool, &context, fixture.client_a).await, [fixture.client_a]);
    let bursts = bursts.lock().unwrap();
    let together = bursts.iter().filter(|burst| {
        holds(burst, b"BEGIN\0")
            && holds(burst, context.request().as_uuid().as_bytes())
            && holds(burst, fixture.client_a.as_bytes())
    });
    assert_eq!(together.count(), 1, "{} bursts", bursts.len());
    let commit = bursts
        .iter()
        .position(|burst| holds(burst, b"COMMIT\0"))
        .expect("a commit");
    let begin = bursts
        .iter()
        .position(|burst| holds(burst, b"BEGIN\0"))
        .expect("a begin");
    assert_eq!(commit, begin + 1, "nothing goes between the one flush and the commit");
}

#[tokio::test]
async fn ten_3_the_record_its_commit_and_the_first_query_leave_in_one_flush() {
    let fixture = Fixture::create().await;
    let (pool, bursts) = tapped(&fixture).await;
    // Cold: nothing is prepared, and the query must not overtake the commit of the record.
    let cold = read_recorded(&pool, &ctx(fixture.a), Uuid::now_v7(), fixture.client_a).await;
    assert_eq!(cold, (vec![fixture.client_a], true));
    pool.ping().await.unwrap();
    bursts.lock().unwrap().clear();
    let record = Uuid::now_v7();
    let warm = read_recorded(&pool, &ctx(fixture.a), record, fixture.client_a).await;
    assert_eq!(warm, (vec![fixture.client_a], true));
    let bursts = bursts.lock().unwrap();
    let flush = bursts
        .iter()
        .find(|burst| holds(burst, record.as_bytes()))
        .expect("the record");
    let at = |needle: &[u8]| flush.windows(needle.len()).position(|window| window == needle);
    let (record, commit, query) = (
        at(record.as_bytes()),
        at(b"COMMIT; BEGIN\0"),
        at(fixture.client_a.as_bytes()),
    );
    assert!(
        record.is_some() && record < commit && commit < query,
        "{record:?} {commit:?} {query:?}"
    );
}

#[tokio::test]
async fn ten_4_a_session_is_cleaned_after_free_text_and_only_then() {
    let fixture = Fixture::create().await;
    let (pool, bursts) = tapped(&fixture).await;
    let cleanings = || {
        let bursts = bursts.lock().unwrap();
        bursts.iter().filter(|burst| holds(burst, b"DISCARD TEMP")).count()
    };
    for _ in 0..3 {
        read(&pool, &ctx(fixture.a), fixture.client_a).await;
        pool.ping().await.unwrap();
    }
    assert_eq!(cleanings(), 0, "the query builder's own text leaves nothing behind");
    let free: Result<usize, Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            Ok(diesel::sql_query("SELECT 1").execute(tx).await?)
        })
        .await;
    free.unwrap();
    pool.ping().await.unwrap();
    assert_eq!(cleanings(), 1);
    // One statement of free text among typed ones, whichever comes first, and text inside a typed query.
    for position in 0..3 {
        let mixed: Result<(), Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                for step in 0..2 {
                    if step == position {
                        diesel::sql_query("SELECT 1").execute(tx).await?;
                    } else {
                        clients::table.select(clients::id).load::<Uuid>(tx).await?;
                    }
                }
                let text = diesel::dsl::sql::<diesel::sql_types::Bool>("true");
                if position == 2 {
                    clients::table.select(clients::id).filter(text).load::<Uuid>(tx).await?;
                }
                Ok(())
            })
            .await;
        mixed.unwrap();
        pool.ping().await.unwrap();
        assert_eq!(cleanings(), 2 + position, "{position}");
    }
}

#[tokio::test]
async fn ten_3_a_task_that_has_used_up_its_budget_keeps_the_order_of_the_flush() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    read_recorded(&pool, &ctx(fixture.a), Uuid::now_v7(), fixture.client_a).await;
    // tokio lets a task take 128 locks in a row and then makes it wait at a free one.
    for used in 112..128 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        for _ in 0..used {
            tokio::task::coop::consume_budget().await;
        }
        let recorded = read_recorded(&pool, &ctx(fixture.a), Uuid::now_v7(), fixture.client_a).await;
        assert_eq!(recorded, (vec![fixture.client_a], true), "{used}");
    }
}
