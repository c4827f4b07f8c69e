//! A real worker process is killed at a hundred random points; at the vendor's everything has happened once, and in order.

use crate::fixture::{Fixture, REGION, keys, options};
use crate::vendor::{Line, Vendor};
use bearingwall_core::{EffectId, Sensitive};
use bearingwall_outbox::{Destination, EffectState, Idempotency, Worker, WorkerOptions};
use bearingwall_tenancy::PoolConfig;
use bearingwall_tenancy::effects::EffectPool;
use bearingwall_testkit::database::Login;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use uuid::Uuid;

const SETTINGS: &str = "BEARINGWALL_OUTBOX_TEST_WORKER";
const KILLS: u32 = 100;

/// The process that is killed: this test, run alone by the next one with settings in the environment. Without them it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_process_of_the_crash_test() {
    let Ok(settings) = std::env::var(SETTINGS) else {
        return;
    };
    let mut settings = settings.lines();
    let mut next = || settings.next().unwrap().to_owned();
    let (url, password, kek, vendor) = (next(), next(), next(), next());
    let mut config = PoolConfig::new(
        url.parse().unwrap(),
        Some(Sensitive::new(password)),
        vec![REGION.to_owned()],
    );
    config.max_connections = 4;
    let pool = EffectPool::connect(config).await.unwrap();
    let kek: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&kek[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    let address = vendor.parse().unwrap();
    let lines = [("key.*", Idempotency::Native), ("once.*", Idempotency::None)].map(|(serves, idempotency)| {
        Arc::new(Line {
            serves,
            idempotency,
            address,
        }) as Arc<dyn Destination>
    });
    let options = WorkerOptions {
        lease: Duration::from_secs(1),
        margin: Duration::from_millis(300),
        ..options()
    };
    let worker = Worker::new(pool, keys(&kek), lines.into(), options).unwrap();
    worker.run(std::future::pending()).await;
}

fn spawn(fixture: &Fixture, vendor: &Vendor) -> Child {
    let password = fixture.database.password(Login::Worker);
    let kek: String = fixture.kek.iter().map(|byte| format!("{byte:02x}")).collect();
    let settings = [
        fixture.database.url(Login::Worker),
        password.expose().clone(),
        kek,
        vendor.address.to_string(),
    ]
    .join("\n");
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::worker_process_of_the_crash_test", "--nocapture"])
        .env(SETTINGS, settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn random(below: u64) -> u64 {
    let bytes = *Uuid::new_v4().as_bytes();
    u64::from(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])) % below
}

fn field<'a>(content: &'a str, name: &str) -> &'a str {
    let (_, rest) = content.split_once(&format!("\"{name}\":")).unwrap();
    rest.split([',', '}']).next().unwrap().trim_matches('"')
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_3_killed_a_hundred_times_a_worker_loses_and_repeats_nothing() {
    let fixture = Fixture::create(3).await;
    fixture.configure(1000, 10_000, 10_000, 50, 10).await;
    let vendor = Vendor::start(20, 20).await;
    let things: Vec<Uuid> = (1..=12).map(Uuid::from_u128).collect();
    let mut keyed: Vec<(usize, EffectId)> = Vec::new();
    let mut once: Vec<(usize, EffectId)> = Vec::new();
    let mut number = 0;
    let mut kills = 0;
    while kills < KILLS {
        for _ in 0..3 {
            let tenant = usize::try_from(random(3)).unwrap();
            let customer = fixture.tenants[tenant];
            let thing = things[usize::try_from(random(4)).unwrap() * 3 + tenant];
            let sent = fixture.send(customer, "key.pay", Some(thing), [number]).await;
            keyed.extend(sent.into_iter().map(|effect| (tenant, effect)));
            let sent = fixture.send(customer, "once.mail", None, [number + 1_000_000]).await;
            once.extend(sent.into_iter().map(|effect| (tenant, effect)));
            number += 1;
        }
        let before = vendor.ledger.lock().unwrap().deliveries.values().sum::<usize>();
        let mut worker = spawn(&fixture, &vendor);
        // Killed at any point after its first call: a process that has not come so far tells nothing.
        let started = Instant::now();
        while vendor.ledger.lock().unwrap().deliveries.values().sum::<usize>() == before
            && started.elapsed() < Duration::from_secs(4)
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_micros(random(100_000))).await;
        worker.kill().await.unwrap();
        kills += 1;
    }
    let lost_in_calls = fixture
        .number("SELECT count(*) FROM tenancy.effect_attempts WHERE ended_at IS NULL")
        .await;
    let last = spawn(&fixture, &vendor);
    let rest = "SELECT count(*) FROM tenancy.effect_queue WHERE parked_at IS NULL";
    let started = Instant::now();
    while fixture.number(rest).await > 0 {
        assert!(
            started.elapsed() < Duration::from_secs(90),
            "{} effects do not get done",
            fixture.number(rest).await
        );
        // No need to wait out what the failures have earned.
        fixture.now().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(last);
    // Nobody calls any more.
    let ledger = std::mem::take(&mut *vendor.ledger.lock().unwrap());
    let attempts = fixture.number("SELECT count(*) FROM tenancy.effect_attempts").await;
    // With a key: all of them, each once, whatever came twice.
    let done: Vec<&String> = ledger
        .done
        .iter()
        .filter(|content| content.contains("key.pay"))
        .collect();
    let different: BTreeSet<&str> = done.iter().map(|content| field(content, "number")).collect();
    assert_eq!(
        (done.len(), different.len()),
        (keyed.len(), keyed.len()),
        "each keyed effect once, none lost"
    );
    for (tenant, effect) in &keyed {
        assert_eq!(
            fixture.state(fixture.tenants[*tenant], *effect).await,
            EffectState::Delivered
        );
    }
    for thing in &things {
        let of_thing = done
            .iter()
            .filter(|content| field(content, "about") == thing.to_string());
        let numbers: Vec<u32> = of_thing
            .map(|content| field(content, "number").parse().unwrap())
            .collect();
        assert!(numbers.is_sorted(), "{thing}: {numbers:?}");
    }
    // Without one: none twice, and what did not certainly arrive waits for a person.
    let mut unknown = 0;
    for (tenant, effect) in &once {
        let came = ledger.deliveries.get(&format!("bw1-{effect}")).copied().unwrap_or(0);
        assert!(came <= 1, "{effect} came {came} times");
        match fixture.state(fixture.tenants[*tenant], *effect).await {
            EffectState::Delivered => assert_eq!(came, 1, "{effect}"),
            EffectState::Unknown => unknown += 1,
            other => panic!("{effect} is {other:?}"),
        }
    }
    let repeated = ledger.deliveries.values().filter(|came| **came > 1).count();
    eprintln!(
        "{kills} kills, {} effects, {attempts} attempts, {lost_in_calls} of them without an end at the last kill; {repeated} keys came more than once, {unknown} are for a person",
        keyed.len() + once.len()
    );
    assert!(repeated > 0 && unknown > 0, "the kills hit nothing");
}
