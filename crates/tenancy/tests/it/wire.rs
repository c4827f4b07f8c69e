//! What travels: BEGIN, the entry and the first query leave in one flush.

use crate::fixture::{Failure, Fixture, clients, ctx};
use bearingwall_tenancy::{TenantPool, TenantTx};
use bearingwall_testkit::database::Login;
use diesel::prelude::*;
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
            let (client, server) = (client.unwrap(), TcpStream::connect((upstream.0.as_str(), upstream.1)).unwrap());
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

async fn read(pool: &TenantPool, context: &bearingwall_core::Ctx, id: Uuid) -> Vec<Uuid> {
    let rows: Result<Vec<Uuid>, Failure> = pool
        .run(context, async |tx: &mut TenantTx<'_>| {
            Ok(clients::table.filter(clients::id.eq(id)).select(clients::id).load(tx).await?)
        })
        .await;
    rows.unwrap()
}

#[tokio::test]
async fn ten_3_begin_entry_and_first_query_leave_in_one_flush() {
    let fixture = Fixture::create().await;
    let mut config = fixture.config(1);
    let direct: tokio_postgres::Config = fixture.database.url(Login::App).parse().unwrap();
    let (port, bursts) = tap(("127.0.0.1".to_owned(), direct.get_ports()[0]));
    config.address = format!("postgres://bearingwall_app@127.0.0.1:{port}/{}", fixture.database.name()).parse().unwrap();
    let pool = TenantPool::connect(config, fixture.key.clone()).await.unwrap();
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
    let commit = bursts.iter().position(|burst| holds(burst, b"COMMIT\0")).expect("a commit");
    let begin = bursts.iter().position(|burst| holds(burst, b"BEGIN\0")).expect("a begin");
    assert_eq!(commit, begin + 1, "nothing goes between the one flush and the commit");
}
