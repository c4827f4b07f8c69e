//! Where the record takes no event, nothing is read and nothing is done, and the failure says so.

use crate::fixture::{Answer, DIGESTS, Failure, Fixture, RECORDS, ctx, read};
use bearingwall_audit::{Access, Command, EventPage, EventType, PhiTx};
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_testkit::cluster::Cluster;
use diesel_async::RunQueryDsl;
use std::path::PathBuf;
use tokio_postgres::Client;
use uuid::Uuid;

const READ: &str = "SELECT encode(payload, 'hex') AS answer FROM crm.client_records";
const CHANGE: &str = "UPDATE crm.client_records SET payload = '\\x02'";

fn code<T>(outcome: &Result<T, Failure>) -> (ErrorKind, &'static str) {
    match outcome {
        Err(Failure::Audit(error)) => (error.kind(), error.code()),
        Err(Failure::Query(error)) => panic!("{error}"),
        Ok(_) => panic!("never an answer"),
    }
}

fn write(fixture: &Fixture) -> Access {
    Access::to(EventType::ClientChanged, [fixture.client]).covering(RECORDS, &[Command::Select, Command::Update])
}

/// Nothing is seen by the work, nothing is answered, nothing is changed.
async fn is_closed(fixture: &Fixture, superuser: &Client) {
    for (access, sql) in [(read(fixture.client), READ), (write(fixture), CHANGE)] {
        let mut seen = None;
        let outcome: Result<(), Failure> = fixture
            .log
            .with_access(&ctx(fixture.a), access, async |tx: &mut PhiTx<'_, '_>| {
                // Work that takes every failure for an empty answer.
                seen = diesel::sql_query(READ)
                    .get_result::<Answer>(tx)
                    .await
                    .ok()
                    .and_then(|row| row.answer);
                let _ = diesel::sql_query(sql).execute(tx).await;
                Ok(())
            })
            .await;
        assert_eq!(code(&outcome), (ErrorKind::Unavailable, "TEN-007"));
        assert_eq!(seen, None);
    }
    let found = fixture
        .log
        .with_search::<_, Failure, _>(
            &ctx(fixture.a),
            EventType::ClientSearched,
            DIGESTS,
            async |tx: &mut PhiTx<'_, '_>| {
                let found = diesel::sql_query("SELECT count(*)::text AS answer FROM crm.client_digests")
                    .get_result::<Answer>(tx)
                    .await;
                assert!(found.is_err(), "{found:?}");
                Ok(())
            },
        )
        .await;
    assert_eq!(code(&found), (ErrorKind::Unavailable, "TEN-007"));
    let page = EventPage { before: None, limit: 1 };
    let told = fixture
        .log
        .access_log(&ctx(fixture.a), fixture.client, page)
        .await
        .unwrap_err();
    assert_eq!(
        (told.kind(), told.code()),
        (ErrorKind::Unavailable, "AUD-001"),
        "who has looked is not told off the record"
    );
    assert_eq!(untouched(superuser).await, 3);
}

async fn untouched(superuser: &Client) -> i64 {
    let sql = "SELECT count(*) FROM crm.client_records WHERE payload = '\\x01'";
    superuser.query_one(sql, &[]).await.unwrap().get(0)
}

/// The control: the same accesses, once the cause is gone.
async fn is_open(fixture: &Fixture, superuser: &Client) {
    let seen = fixture
        .declared(&ctx(fixture.a), read(fixture.client), &[READ])
        .await
        .unwrap();
    assert_eq!(seen.as_deref(), Some("01"));
    let changed = fixture
        .declared(&ctx(fixture.a), write(fixture), &[CHANGE, READ])
        .await
        .unwrap();
    assert_eq!(changed.as_deref(), Some("02"));
    assert_eq!(untouched(superuser).await, 2);
}

async fn month(superuser: &Client) -> String {
    let sql = "SELECT 'events_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')";
    superuser.query_one(sql, &[]).await.unwrap().get(0)
}

async fn ready(fixture: &Fixture) -> (bool, i32) {
    let row = fixture
        .database
        .app_client()
        .await
        .query_one("SELECT audit.ready(), audit.months_ahead()", &[])
        .await
        .unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn aud_1_without_the_months_partition_nothing_is_read_or_done() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    let month = month(&superuser).await;
    let owner = fixture.database.admin_client().await;
    owner
        .batch_execute("SET ROLE bearingwall_owner; SET bearingwall.audit_ddl = on")
        .await
        .unwrap();
    assert_eq!(ready(&fixture).await, (true, 12));
    owner
        .batch_execute(&format!("ALTER TABLE audit.events DETACH PARTITION audit.{month}"))
        .await
        .unwrap();
    is_closed(&fixture, &superuser).await;
    assert_eq!(
        ready(&fixture).await,
        (false, -1),
        "a table beside the record takes no events"
    );
    let (from, to) = ("date_trunc('month', now() AT TIME ZONE 'UTC')", "interval '1 month'");
    let attach = format!(
        "SELECT format('ALTER TABLE audit.events ATTACH PARTITION audit.{month} FOR VALUES FROM (%L) TO (%L)',
                       {from} || '+00', ({from} + {to}) || '+00')"
    );
    let attach: String = owner.query_one(&attach, &[]).await.unwrap().get(0);
    owner.batch_execute(&attach).await.unwrap();
    assert_eq!(ready(&fixture).await, (true, 12));
    is_open(&fixture, &superuser).await;
}

#[tokio::test]
async fn aud_1_without_the_right_to_record_nothing_is_read_or_done() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    let right = |grant: &str, to: &str| {
        format!("SET bearingwall.audit_ddl = on; {grant} INSERT (event_id) ON audit.events {to} bearingwall_app")
    };
    superuser.batch_execute(&right("REVOKE", "FROM")).await.unwrap();
    is_closed(&fixture, &superuser).await;
    superuser.batch_execute(&right("GRANT", "TO")).await.unwrap();
    is_open(&fixture, &superuser).await;
}

#[tokio::test]
async fn aud_1_what_cannot_be_completed_on_record_is_undone() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    // The announcement passes, the end does not.
    superuser
        .batch_execute("SET bearingwall.audit_ddl = on; ALTER TABLE audit.events ADD CONSTRAINT broken CHECK (phase <> 'completed' OR event_type <> 'client.changed') NOT VALID")
        .await
        .unwrap();
    let mut changed = 0;
    let outcome: Result<(), Failure> = fixture
        .log
        .with_access(&ctx(fixture.a), write(&fixture), async |tx: &mut PhiTx<'_, '_>| {
            changed = diesel::sql_query(CHANGE).execute(tx).await?;
            Ok(())
        })
        .await;
    assert_eq!(code(&outcome), (ErrorKind::Unavailable, "AUD-001"));
    assert_eq!(changed, 1, "the work was under way");
    assert_eq!(untouched(&superuser).await, 3);
    superuser
        .batch_execute("ALTER TABLE audit.events DROP CONSTRAINT broken")
        .await
        .unwrap();
    is_open(&fixture, &superuser).await;
}

/// A file system of a megabyte with a tablespace on it, and the database that uses it, which goes first.
struct SmallDisk {
    fixture: Option<Fixture>,
    folder: PathBuf,
    tablespace: String,
    cluster: &'static Cluster,
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = std::process::Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| error.to_string())?;
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

impl SmallDisk {
    fn mount(fixture: Fixture) -> Result<Self, String> {
        let tablespace = format!("small_{}", Uuid::now_v7().simple());
        let folder = std::env::temp_dir().join(&tablespace);
        let cluster = fixture.database.cluster();
        std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
        let path = folder.to_str().ok_or("a path that is no text")?;
        if let Err(error) = run("mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs", path]) {
            let _ = std::fs::remove_dir(&folder);
            return Err(error);
        }
        let disk = Self {
            fixture: Some(fixture),
            folder,
            tablespace,
            cluster,
        };
        cluster.give(&disk.folder).map_err(|error| error.to_string())?;
        Ok(disk)
    }

    fn path(&self) -> &str {
        self.folder.to_str().unwrap()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.fixture.take());
        let (config, sql) = (
            self.cluster.superuser_config("postgres"),
            format!("DROP TABLESPACE IF EXISTS {}", self.tablespace),
        );
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                client.batch_execute(&sql).await
            })
        });
        let _ = dropped.join();
        let _ = run("umount", &["-l", self.path()]);
        let _ = std::fs::remove_dir(&self.folder);
    }
}

#[tokio::test]
async fn aud_1_on_a_full_disk_nothing_is_read_or_done() {
    let disk = match SmallDisk::mount(Fixture::create().await) {
        Ok(disk) => disk,
        Err(why) => {
            // Loud, and a failure where nobody reads what passes.
            eprintln!("NOT TESTED: a full disk, for no small file system could be mounted here: {why}");
            assert!(
                std::env::var_os("CI").is_none(),
                "the full disk must be tested in CI: {why}"
            );
            return;
        }
    };
    let fixture = disk.fixture.as_ref().unwrap();
    let superuser = fixture.database.superuser_client().await;
    let month = month(&superuser).await;
    let (name, path) = (&disk.tablespace, disk.path());
    superuser
        .batch_execute(&format!("CREATE TABLESPACE {name} LOCATION '{path}'"))
        .await
        .unwrap();
    for sql in [
        "SET bearingwall.audit_ddl = on".to_owned(),
        format!("GRANT CREATE ON TABLESPACE {name} TO bearingwall_owner"),
        format!("ALTER TABLE audit.events DETACH PARTITION audit.{month}"),
        format!("ALTER TABLE audit.{month} RENAME TO before"),
        format!("SET default_tablespace = {name}"),
        "SELECT audit.create_partition((now() AT TIME ZONE 'UTC')::date)".to_owned(),
    ] {
        superuser.batch_execute(&sql).await.unwrap();
    }
    fixture
        .declared(&ctx(fixture.a), read(fixture.client), &[READ])
        .await
        .unwrap();
    let mut filled = Ok(());
    for rows in std::iter::repeat_n(500, 40).chain(std::iter::repeat_n(1, 500)) {
        let filler = format!(
            "INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, route)
             SELECT '{}', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'completed', 'success', 'GET /' || repeat('x', 100)
               FROM generate_series(1, {rows})",
            fixture.b
        );
        filled = superuser.batch_execute(&filler).await;
        if rows == 1 && filled.is_err() {
            break;
        }
    }
    assert_eq!(filled.unwrap_err().code().unwrap().code(), "53100", "the disk is full");
    is_closed(fixture, &superuser).await;
    run("mount", &["-o", "remount,size=16m", path]).unwrap();
    is_open(fixture, &superuser).await;
}
