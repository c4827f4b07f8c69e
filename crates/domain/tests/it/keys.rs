//! Keys that turn, while everything that is under them stays readable.

use crate::spas::{Spas, benjamin, phi, request};
use bearingwall_core::{ClientId, CustomerId};
use bearingwall_domain::{ClientQuery, Crm, DomainError, KeyTurner, KeyWork, TurnOptions, Turned};
use bearingwall_secrets::{FileKeyStore, FileStore, KeyStores, Scheme, SealedFileKeys};
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_testkit::database::Login;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Client;

const AT_ONCE: TurnOptions = TurnOptions {
    rotate_after: None,
    activate_after: Duration::ZERO,
    destroy_after: Duration::ZERO,
    batch: 2,
};

fn stores() -> KeyStores {
    KeyStores::new().with(Scheme::SealedFile, Arc::new(SealedFileKeys))
}

fn turner(spas: &Spas, options: TurnOptions) -> KeyTurner {
    KeyTurner::new(spas.keys.clone(), stores(), options)
}

async fn enqueue(spas: &Spas, work: KeyWork, customer: CustomerId) {
    let admin = spas.database.admin_client().await;
    let sql = "SELECT tenancy.keys_enqueue($1, $2)";
    admin.execute(sql, &[&work.kind(), &customer.as_uuid()]).await.unwrap();
}

/// The work, and whatever follows on it.
async fn done(spas: &Spas, queue: &JobPool, turner: &KeyTurner, work: KeyWork, customer: CustomerId) -> Vec<Turned> {
    enqueue(spas, work, customer).await;
    let mut all = Vec::new();
    while let Some(turned) = turner.next(queue, &[work, KeyWork::Turn]).await.unwrap() {
        assert_eq!(turned.customer, customer);
        all.push(turned);
    }
    all
}

async fn client(crm: &Crm, customer: CustomerId, number: usize) -> ClientId {
    let mut input = benjamin();
    input.external_id = Some(phi(&format!("juniper-{number:05}")));
    crm.client_create(&request(customer), &input).await.unwrap().id
}

async fn opens(crm: &Crm, customer: CustomerId, id: ClientId) {
    let read = crm.client_read(&request(customer), id).await.unwrap();
    assert_eq!(read.details.first_name.disclose(), "Benjamin");
}

async fn found(crm: &Crm, customer: CustomerId) -> usize {
    let query = ClientQuery::Name(phi("hamil"));
    crm.client_search(&request(customer), &query, 50).await.unwrap().len()
}

async fn versions(superuser: &Client, customer: CustomerId) -> Vec<(i32, i64)> {
    let sql = "SELECT k.version, (SELECT count(*) FROM crm.client_keys c WHERE c.customer_id = k.customer_id AND c.tenant_version = k.version)
                 FROM crm.tenant_keys k WHERE k.customer_id = $1 ORDER BY 1";
    let rows = superuser.query(sql, &[&customer.as_uuid()]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn recorded(superuser: &Client, customer: CustomerId) -> Vec<(String, Option<i64>)> {
    let sql = "SELECT event_type, resource_version FROM audit.events WHERE customer_id = $1 AND event_type LIKE 'key.%' ORDER BY recorded_at";
    let rows = superuser.query(sql, &[&customer.as_uuid()]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn sec_5_a_tenants_key_turns_and_everything_opens_before_during_and_after() {
    let spas = Spas::open().await;
    let (queue, superuser, tenant) = (spas.worker().await, spas.superuser().await, spas.juniper);
    let turner = turner(&spas, AT_ONCE);
    // Nothing stored, no key, nothing to do.
    assert_eq!(
        done(&spas, &queue, &turner, KeyWork::Rotate, tenant).await[0].made,
        None
    );
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(client(&spas.crm, tenant, number).await);
    }
    let other = client(&spas.crm, spas.saltmarsh, 0).await;
    assert_eq!(versions(&superuser, tenant).await, [(1, 5)]);

    let turns = done(&spas, &queue, &turner, KeyWork::Rotate, tenant).await;
    assert_eq!(turns[0].made, Some(2));
    assert_eq!(
        turns.iter().map(|turned| turned.rewrapped).collect::<Vec<_>>(),
        [2, 2, 1]
    );
    assert_eq!(turns.last().unwrap().destroyed, [1]);
    assert_eq!(versions(&superuser, tenant).await, [(2, 5)]);
    // A server that has just started, with a look-up by blind index and an import's external id.
    let fresh = spas.another_process();
    for id in &ids {
        opens(&fresh, tenant, *id).await;
    }
    assert_eq!(found(&fresh, tenant).await, 5);
    let mut known = benjamin();
    known.external_id = Some(phi("juniper-00003"));
    let taken = fresh.client_create(&request(tenant), &known).await;
    assert!(matches!(taken, Err(DomainError::ExternalIdTaken)), "{taken:?}");
    client(&fresh, tenant, 9).await;
    assert_eq!(versions(&superuser, tenant).await, [(2, 6)]);
    // And once more: the key of the blind indexes moves with it.
    done(&spas, &queue, &turner, KeyWork::Rotate, tenant).await;
    assert_eq!(versions(&superuser, tenant).await, [(3, 6)]);
    let fresh = spas.another_process();
    opens(&fresh, tenant, ids[0]).await;
    assert_eq!(found(&fresh, tenant).await, 6);

    let event = |kind: &str, version| (kind.to_owned(), Some(version));
    assert_eq!(
        recorded(&superuser, tenant).await,
        [
            event("key.rotated", 2),
            event("key.destroyed", 1),
            event("key.rotated", 3),
            event("key.destroyed", 2)
        ]
    );
    let verified = done(&spas, &queue, &turner, KeyWork::Verify, tenant).await;
    assert_eq!(
        (verified[0].opened, verified[0].refused, verified[0].left),
        (6 + 2, 0, 0)
    );
    // The neighbour's is as it was.
    assert_eq!(versions(&superuser, spas.saltmarsh).await, [(1, 1)]);
    opens(&fresh, spas.saltmarsh, other).await;
}

#[tokio::test]
async fn sec_5_a_version_is_put_to_use_once_every_server_has_heard_of_it() {
    let spas = Spas::open().await;
    let (queue, superuser, tenant) = (spas.worker().await, spas.superuser().await, spas.juniper);
    let id = client(&spas.crm, tenant, 0).await;
    let later = TurnOptions {
        activate_after: Duration::from_secs(2),
        ..AT_ONCE
    };
    // This server remembers for less than it takes until the version is used.
    let server = spas.process(stores(), Duration::from_secs(1));
    opens(&server, tenant, id).await;
    let turner = turner(&spas, later);
    let turns = done(&spas, &queue, &turner, KeyWork::Rotate, tenant).await;
    assert_eq!((turns[0].made, turns[0].rewrapped, turns[0].left), (Some(2), 0, 0));
    client(&server, tenant, 1).await;
    assert_eq!(versions(&superuser, tenant).await, [(1, 2), (2, 0)]);
    // Nor is a third made on top of it, or the first destroyed.
    let turns = done(&spas, &queue, &turner, KeyWork::Rotate, tenant).await;
    assert_eq!((turns[0].made, turns[0].destroyed.len()), (None, 0));
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    done(&spas, &queue, &turner, KeyWork::Turn, tenant).await;
    assert_eq!(versions(&superuser, tenant).await, [(2, 2)]);
    opens(&server, tenant, id).await;
    client(&server, tenant, 2).await;
    assert_eq!(versions(&superuser, tenant).await, [(2, 3)]);
}

#[tokio::test]
async fn sec_5_a_key_turns_by_itself_at_its_age() {
    let spas = Spas::open().await;
    let (queue, tenant) = (spas.worker().await, spas.juniper);
    client(&spas.crm, tenant, 0).await;
    let young = TurnOptions {
        rotate_after: Some(Duration::from_secs(3_600)),
        ..AT_ONCE
    };
    assert_eq!(
        done(&spas, &queue, &turner(&spas, young), KeyWork::Turn, tenant).await[0].made,
        None
    );
    let old = TurnOptions {
        rotate_after: Some(Duration::ZERO),
        ..AT_ONCE
    };
    enqueue(&spas, KeyWork::Turn, tenant).await;
    let turned = turner(&spas, old)
        .next(&queue, &[KeyWork::Turn])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(turned.made, Some(2));
}

#[tokio::test]
async fn sec_5_tenant_keys_follow_the_key_encryption_key_and_its_old_versions_can_go() {
    let spas = Spas::open().await;
    let (queue, superuser, tenant) = (spas.worker().await, spas.superuser().await, spas.juniper);
    let id = client(&spas.crm, tenant, 0).await;
    spas.keys.rotate().unwrap();
    let turner = turner(&spas, AT_ONCE);
    let turns = done(&spas, &queue, &turner, KeyWork::Turn, tenant).await;
    assert_eq!(turns[0].moved, 1);
    assert_eq!(done(&spas, &queue, &turner, KeyWork::Turn, tenant).await[0].moved, 0);
    assert_eq!(
        recorded(&superuser, tenant).await,
        [("key.rewrapped".to_owned(), Some(1))]
    );
    spas.keys.destroy_old().unwrap();
    opens(&spas.another_process(), tenant, id).await;
}

#[tokio::test]
async fn sec_5_a_tenant_keeps_a_key_of_its_own_and_with_that_gone_nothing_of_it_opens() {
    let spas = Spas::open().await;
    let (queue, superuser, tenant) = (spas.worker().await, spas.superuser().await, spas.juniper);
    let id = client(&spas.crm, tenant, 0).await;
    let other = client(&spas.crm, spas.saltmarsh, 0).await;
    let theirs = FileStore::create(spas.secrets.path().join("theirs")).unwrap();
    let kek = FileKeyStore::open_or_create(theirs.clone(), "kek").unwrap();
    let reference = theirs.reference("kek").unwrap().to_string();
    superuser
        .execute(
            "INSERT INTO crm.key_stores (customer_id, kek) VALUES ($1, $2)",
            &[&tenant.as_uuid(), &reference],
        )
        .await
        .unwrap();
    let turner = turner(&spas, AT_ONCE);
    let turns = done(&spas, &queue, &turner, KeyWork::Turn, tenant).await;
    assert_eq!(turns[0].moved, 1);
    let server = spas.process(stores(), Duration::from_secs(60));
    opens(&server, tenant, id).await;
    // A server without such a store does not open it under another one instead.
    assert!(spas.another_process().client_read(&request(tenant), id).await.is_err());
    // The tenant's new key-encryption key version, and the old one destroyed by the tenant.
    kek.rotate().unwrap();
    done(&spas, &queue, &turner, KeyWork::Turn, tenant).await;
    kek.destroy_old().unwrap();
    opens(&spas.process(stores(), Duration::ZERO), tenant, id).await;
    // All of it gone: what is left is ciphertext, of this tenant's and of nobody else's.
    kek.rotate().unwrap();
    kek.destroy_old().unwrap();
    let server = spas.process(stores(), Duration::ZERO);
    let gone = server.client_read(&request(tenant), id).await;
    assert!(matches!(gone, Err(DomainError::Key(_))), "{gone:?}");
    enqueue(&spas, KeyWork::Verify, tenant).await;
    assert!(turner.next(&queue, &[KeyWork::Verify]).await.is_err());
    opens(&server, spas.saltmarsh, other).await;
}

/// Statements inside the tenant, each in a transaction of its own; the text of what refused them.
async fn tried(login: &Client, enter: &str, statement: &str) -> String {
    let answer = login.batch_execute(&format!("BEGIN; {enter}; {statement}")).await;
    login.batch_execute("ROLLBACK").await.unwrap();
    match answer {
        Ok(()) => "done".to_owned(),
        Err(error) => error.as_db_error().unwrap().message().to_owned(),
    }
}

#[tokio::test]
async fn sec_5_the_database_lets_nobody_break_a_key() {
    let spas = Spas::open().await;
    let (superuser, tenant) = (spas.superuser().await, spas.juniper);
    client(&spas.crm, tenant, 0).await;
    let queue = spas.worker().await;
    done(
        &spas,
        &queue,
        &turner(
            &spas,
            TurnOptions {
                destroy_after: Duration::from_secs(60),
                ..AT_ONCE
            },
        ),
        KeyWork::Rotate,
        tenant,
    )
    .await;
    assert_eq!(versions(&superuser, tenant).await, [(1, 0), (2, 1)]);

    // The worker, inside the tenant of a job that it has leased.
    enqueue(&spas, KeyWork::Turn, tenant).await;
    let worker = spas.database.client(Login::Worker).await.unwrap();
    let row = worker
        .query_one(
            "SELECT job, lease FROM tenancy.job_lease('{keys.turn}', '{us-east-1,eu-west-1}', 300)",
            &[],
        )
        .await
        .unwrap();
    let (job, lease): (uuid::Uuid, uuid::Uuid) = (row.get(0), row.get(1));
    let enter = format!("SELECT tenancy.enter_job('{job}', '{lease}', '{{us-east-1,eu-west-1}}')");
    for (statement, refusal) in [
        (
            "DELETE FROM crm.tenant_keys WHERE version = 2",
            "the version of the tenant's key that is in use is not destroyed",
        ),
        ("UPDATE crm.tenant_keys SET version = 9", "permission denied"),
        ("UPDATE crm.tenant_keys SET active_from = now()", "permission denied"),
        (
            "INSERT INTO crm.tenant_keys (version, kek_version, wrapped) VALUES (7, '1', 'x')",
            "versions of a tenant's key follow on each other",
        ),
        (
            "UPDATE crm.client_keys SET tenant_version = 1, wrapped = 'x'",
            "of a wrapped key only the wrapping changes",
        ),
        (
            "UPDATE crm.client_keys SET wrapped = 'x'",
            "of a wrapped key only the wrapping changes",
        ),
        (
            "UPDATE crm.client_keys SET tenant_version = 3",
            "of a wrapped key only the wrapping changes",
        ),
        ("DELETE FROM crm.client_keys", "permission denied"),
        ("DELETE FROM crm.index_keys", "permission denied"),
        ("SELECT payload FROM crm.client_records", "permission denied"),
        (
            "INSERT INTO crm.key_stores (kek) VALUES ('azure-kv://evil/kek')",
            "permission denied",
        ),
    ] {
        let told = tried(&worker, &enter, statement).await;
        assert!(told.starts_with(refusal), "{statement}: {told}");
    }
    // A version that something is under: the foreign key refuses, though the next one is in use.
    let third = "INSERT INTO crm.tenant_keys (version, kek_version, wrapped) VALUES (3, '1', 'x'); DELETE FROM crm.tenant_keys WHERE version = 2";
    let told = tried(&worker, &enter, third).await;
    assert!(told.contains("violates foreign key constraint"), "{told}");
    assert_eq!(
        tried(&worker, &enter, "DELETE FROM crm.tenant_keys WHERE version = 1").await,
        "done"
    );

    // Without the key of the blind indexes on its own, its origin stays.
    superuser.batch_execute("DELETE FROM crm.index_keys").await.unwrap();
    let told = tried(&worker, &enter, "DELETE FROM crm.tenant_keys WHERE version = 1").await;
    assert!(told.starts_with("the key of the blind indexes"), "{told}");
}

#[tokio::test]
async fn sec_5_the_application_adds_and_changes_no_key() {
    use bearingwall_tenancy::TenantTx;
    use diesel_async::RunQueryDsl as _;
    let spas = Spas::open().await;
    client(&spas.crm, spas.juniper, 0).await;
    for (statement, refusal) in [
        (
            "INSERT INTO crm.tenant_keys (version, kek_version, wrapped) VALUES (2, '1', 'x')",
            "the application makes no second version",
        ),
        ("UPDATE crm.tenant_keys SET wrapped = 'x'", "permission denied"),
        ("DELETE FROM crm.tenant_keys", "permission denied"),
        ("UPDATE crm.client_keys SET wrapped = 'x'", "permission denied"),
        (
            "INSERT INTO crm.index_keys (version, tenant_version, wrapped) VALUES (1, 1, 'x')",
            "permission denied",
        ),
        (
            "INSERT INTO crm.key_stores (kek) VALUES ('azure-kv://evil/kek')",
            "permission denied",
        ),
        ("SELECT tenancy.keys_enqueue('keys.rotate', NULL)", "permission denied"),
    ] {
        let told: Result<usize, DomainError> = spas
            .audit
            .pool()
            .run(&request(spas.juniper), async |tx: &mut TenantTx<'_>| {
                diesel::sql_query(statement)
                    .execute(tx)
                    .await
                    .map_err(DomainError::Statement)
            })
            .await;
        let Err(DomainError::Statement(error)) = told else {
            panic!("{statement}: {told:?}");
        };
        assert!(error.to_string().starts_with(refusal), "{statement}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_5_no_request_fails_while_tenant_keys_and_the_key_encryption_key_turn() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    let spas = Arc::new(Spas::open().await);
    let (queue, superuser, tenant) = (spas.worker().await, spas.superuser().await, spas.juniper);
    let id = client(&spas.crm, tenant, 0).await;
    let (ending, requests, numbers) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(1)),
    );
    // Three servers that remember keys for less than a version waits before it is used, and each for another time.
    let servers: Vec<_> = [50, 200, 400]
        .into_iter()
        .map(|remembers| {
            let crm = spas.process(stores(), Duration::from_millis(remembers));
            let (ending, requests, numbers) = (ending.clone(), requests.clone(), numbers.clone());
            tokio::spawn(async move {
                while !ending.load(Ordering::Relaxed) {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    let made = client(&crm, tenant, usize::try_from(number).unwrap()).await;
                    opens(&crm, tenant, made).await;
                    opens(&crm, tenant, id).await;
                    assert!(found(&crm, tenant).await > 0);
                    requests.fetch_add(4, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let options = TurnOptions {
        rotate_after: None,
        activate_after: Duration::from_millis(800),
        destroy_after: Duration::from_millis(800),
        batch: 7,
    };
    let turner = turner(&spas, options);
    for round in 1..=2 {
        spas.keys.rotate().unwrap();
        done(&spas, &queue, &turner, KeyWork::Rotate, tenant).await;
        let before = requests.load(Ordering::Relaxed);
        while versions(&superuser, tenant).await.len() > 1 {
            assert!(servers.iter().all(|server| !server.is_finished()), "a request failed");
            tokio::time::sleep(Duration::from_millis(100)).await;
            done(&spas, &queue, &turner, KeyWork::Turn, tenant).await;
        }
        assert_eq!(versions(&superuser, tenant).await[0].0, round + 1);
        assert!(requests.load(Ordering::Relaxed) > before, "requests went on meanwhile");
        spas.keys.destroy_old().unwrap();
    }
    ending.store(true, Ordering::Relaxed);
    for server in servers {
        server.await.unwrap();
    }
    let verified = done(&spas, &queue, &turner, KeyWork::Verify, tenant).await;
    assert_eq!((verified[0].refused, verified[0].left), (0, 0));
}
