//! What single calls cost inside the server, in loops of one session, with the empty loop taken off.

use crate::client::Entry;
use crate::stage::{Stage, customer};
use crate::token::Issuer;
use std::fmt::Write as _;
use std::time::Instant;
use tokio_postgres::Client;
use uuid::Uuid;

/// Loops of each kind; the cheapest counts, for whatever disturbs only adds.
const REPEATS: usize = 5;

const TAKE_BACK: &str =
    "v := set_config('backtrace_functions', '', true); v := set_config('app.tenant_seal', '', true);";

pub(crate) async fn report(stage: &Stage) {
    println!("\nMicroseconds a call, inside the server (cheapest of {REPEATS} loops, the empty loop taken off)");
    let client = &stage.superuser;
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let take_back = per_call(client, "", TAKE_BACK, 2_000).await;
    for (name, guarded, ticket) in [
        ("enter, sealed", false, false),
        ("enter, guarded", true, false),
        ("enter with a ticket, sealed", false, true),
        ("enter with a ticket, guarded", true, true),
    ] {
        store(client, guarded).await;
        let entry = if ticket {
            Entry::ticket(&stage.ticket_key, customer(7))
        } else {
            Entry::signed(&stage.enter_key, customer(7), pid)
        };
        let call = format!("v := {}; {TAKE_BACK}", literal(&entry));
        line(name, per_call(client, "", &call, 2_000).await - take_back);
    }
    for (name, guarded) in [
        ("current_customer_id, sealed", false),
        ("current_customer_id, guarded", true),
    ] {
        store(client, guarded).await;
        let entry = literal(&Entry::signed(&stage.enter_key, customer(7), pid));
        let call = "u := tenancy.current_customer_id();";
        line(name, per_call(client, &format!("v := {entry};"), call, 2_000).await);
    }
    let setting = "v := current_setting('app.current_customer_id', true);";
    line("current_setting", per_call(client, "", setting, 2_000).await);
    let setting = "v := set_config('app.tenant', '10000000-0000-8000-8000-000000000007', true);";
    line("set_config", per_call(client, "", setting, 2_000).await);
    for bits in [2048, 3072, 4096] {
        let issuer = Issuer::generate(bits);
        issuer.install(client).await;
        let call = format!(
            "SELECT mac INTO b FROM tenancy.login('{}', '{}');",
            issuer.token(customer(7)),
            customer(7)
        );
        line(&format!("login, RSA-{bits}"), per_call(client, "", &call, 50).await);
    }
}

fn line(name: &str, us: f64) {
    println!("{name:<40} {us:>9.2}");
}

async fn store(client: &Client, guarded: bool) {
    client
        .execute("UPDATE tenancy.config SET guarded = $1", &[&guarded])
        .await
        .unwrap();
}

/// The call as it stands in an expression.
pub(crate) fn literal(entry: &Entry) -> String {
    let mac = entry.mac.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let quoted = |id: &Uuid| format!("'{id}'::uuid");
    format!(
        "tenancy.enter({}, {}, {}, {}, {}, {}::smallint, '{{{}}}'::text[], '\\x{mac}'::bytea)",
        quoted(&entry.customer),
        quoted(&entry.subject),
        quoted(&entry.request),
        entry.expiry_ms,
        quoted(&entry.nonce),
        entry.kid,
        crate::client::REGION
    )
}

async fn per_call(client: &Client, before: &str, call: &str, calls: u32) -> f64 {
    let mut cheapest = f64::INFINITY;
    for _ in 0..REPEATS {
        let empty = timed(client, before, "v := v;", calls).await;
        cheapest = cheapest.min(timed(client, before, call, calls).await - empty);
    }
    cheapest / f64::from(calls)
}

/// Microseconds of processor time that the backend spends on the loop; of time, where there is no such account.
async fn timed(client: &Client, before: &str, call: &str, calls: u32) -> f64 {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let block = format!(
        "DO $bench$ DECLARE v text; u uuid; b bytea; BEGIN {before} FOR i IN 1..{calls} LOOP {call} END LOOP; END $bench$"
    );
    let (begun, spent) = (Instant::now(), cpu_ns(pid));
    client.batch_execute(&block).await.unwrap();
    match (spent, cpu_ns(pid)) {
        (Some(before), Some(after)) => (after - before) as f64 / 1_000.0,
        _ => begun.elapsed().as_secs_f64() * 1e6,
    }
}

/// Processor time of a process since its start; Linux keeps such an account.
pub(crate) fn cpu_ns(pid: i32) -> Option<u64> {
    let account = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    account.split_whitespace().next()?.parse().ok()
}
