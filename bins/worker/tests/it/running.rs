//! The real program ends approvals whose time is over, and stops in order.

use bearingwall_core::CustomerId;
use bearingwall_migrations::{NewTenant, serve_regions, tenant_create};
use bearingwall_secrets::{FileKeyStore, FileStore};
use bearingwall_testkit::database::{Login, TestDatabase};
use bearingwall_worker::{Config, run};
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

const REGION: &str = "us-east-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gat_3_a_request_that_nobody_decided_in_time_ends() {
    let database = TestDatabase::create().await;
    let mut admin = database.admin_client().await;
    serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
    let tenant = CustomerId::from_uuid(Uuid::now_v7());
    let new = NewTenant {
        id: tenant,
        slug: "juniper".to_owned(),
        name: "Juniper".to_owned(),
        region: REGION.to_owned(),
    };
    tenant_create(&mut admin, &new).await.unwrap();
    let [waits, late] = [(); 2].map(|()| Uuid::now_v7());
    for gate in [waits, late] {
        let ask = format!(
            "BEGIN; SELECT tenancy.enter_migration('{tenant}'); SET LOCAL ROLE bearingwall_owner;
             SELECT tenancy.gate_request('{gate}', 'system.change', 'ops.pager', NULL, convert_to('{{}}', 'UTF8'), NULL, NULL); COMMIT"
        );
        admin.batch_execute(&ask).await.unwrap();
    }
    let superuser = database.superuser_client().await;
    let age = format!(
        "ALTER TABLE tenancy.gate_requests DISABLE TRIGGER keep_row; ALTER TABLE tenancy.gate_requests DISABLE TRIGGER record_row;
         UPDATE tenancy.gate_requests SET requested_at = requested_at - interval '2 days', expires_at = expires_at - interval '2 days' WHERE gate_id = '{late}';
         ALTER TABLE tenancy.gate_requests ENABLE ALWAYS TRIGGER keep_row; ALTER TABLE tenancy.gate_requests ENABLE ALWAYS TRIGGER record_row;
         UPDATE tenancy.jobs SET available_at = now() - interval '1 second'"
    );
    superuser.batch_execute(&age).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let config = config(&database, folder.path());
    let state = async |gate: Uuid| -> String {
        let asked = "SELECT state FROM tenancy.gate_requests WHERE gate_id = $1";
        superuser.query_one(asked, &[&gate]).await.unwrap().get(0)
    };
    let ended = async {
        let started = Instant::now();
        while state(late).await != "expired" {
            assert!(started.elapsed() < Duration::from_secs(30), "it does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    run(&config, Vec::new(), ended).await.unwrap();
    assert_eq!(state(waits).await, "requested", "its time is not over");
    let kept = "SELECT count(*) FROM tenancy.jobs WHERE kind = 'gate.expire'";
    assert_eq!(
        superuser.query_one(kept, &[]).await.unwrap().get::<_, i64>(0),
        1,
        "and is looked at again"
    );
    let told = "SELECT count(*) FROM audit.events WHERE event_type = 'gate.expired' AND resource_id = $1";
    assert_eq!(superuser.query_one(told, &[&late]).await.unwrap().get::<_, i64>(0), 1);
}

/// A configuration over a store of sealed files in this folder.
fn config(database: &TestDatabase, folder: &Path) -> Config {
    let store = FileStore::create(folder.join("secrets")).unwrap();
    FileKeyStore::open_or_create(store.clone(), "kek").unwrap();
    store
        .put("worker", database.password(Login::Worker).expose().as_bytes())
        .unwrap();
    let at = folder.join("secrets");
    let at = at.display();
    let config = format!(
        "version = 1\n[database]\nurl = \"{}\"\npassword = \"file+sealed://{at}#worker\"\nregions = [\"{REGION}\"]\n[keys]\nkek = \"file+sealed://{at}#kek\"\n",
        database.url(Login::Worker)
    );
    Config::parse(&config).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_4_the_workers_reads_are_on_the_record() {
    let database = TestDatabase::create().await;
    let admin = database.admin_client().await;
    serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = config(&database, folder.path());
    let superuser = database.superuser_client().await;
    let reads = "SELECT substring(route from '#.*') || ' ' || outcome || ' ' || outcome_code || ' ' || db_role
                   FROM audit.events WHERE event_type = 'secret.read'";
    let recorded = async || -> Vec<String> {
        let rows = superuser.query(reads, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    let told = async {
        let started = Instant::now();
        while recorded().await.is_empty() {
            assert!(started.elapsed() < Duration::from_secs(30), "nothing is recorded");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    run(&config, Vec::new(), told).await.unwrap();
    assert_eq!(recorded().await, ["#worker success 1 bearingwall_worker"]);
    let all = "SELECT string_agg(e::text, ' ') FROM audit.events e";
    let whole: String = superuser.query_one(all, &[]).await.unwrap().get(0);
    assert!(!whole.contains(database.password(Login::Worker).expose().as_str()));
}
