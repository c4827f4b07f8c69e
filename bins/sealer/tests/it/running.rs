//! The sealer at work.

use bearingwall_sealer::{Config, EXIT_REFUSED, exit_code, run};
use bearingwall_secrets::FileStore;
use bearingwall_testkit::database::{Login, TestDatabase};
use bearingwall_tlog::note::{CosigningKey, SigningKey, VerifierKey};
use bearingwall_tlog::witness::{MemoryStore, Witness};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio_postgres::Client;
use uuid::Uuid;

const ORIGIN: &str = "audit.example.com";
const SPRUCE: Uuid = Uuid::from_u128(5);
const SEED: [u8; 32] = [3; 32];

struct Place {
    database: TestDatabase,
    superuser: Client,
    folder: tempfile::TempDir,
}

impl Place {
    async fn open() -> Self {
        let database = TestDatabase::create().await;
        let superuser = database.superuser_client().await;
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::create(folder.path().join("secrets")).unwrap();
        store
            .put("sealer", database.password(Login::Sealer).expose().as_bytes())
            .unwrap();
        store.put("seal-key", &SEED).unwrap();
        store.put("other-key", &[4; 32]).unwrap();
        std::fs::create_dir(folder.path().join("vault")).unwrap();
        Self {
            database,
            superuser,
            folder,
        }
    }

    fn config(&self, key: &str, more: &str) -> Config {
        let (url, folder) = (self.database.url(Login::Sealer), self.folder.path().display());
        Config::parse(&format!(
            "version = 1\norigin = \"{ORIGIN}\"\n[database]\nurl = \"{url}\"\npassword = \"file+sealed://{folder}/secrets#sealer\"\n\
             [key]\ncurrent = \"file+sealed://{folder}/secrets#{key}\"\n[schedule]\ninterval_ms = 50\nwitness_interval_s = 1\n{more}"
        ))
        .unwrap()
    }

    async fn write(&self, count: i32) {
        self.superuser
            .execute(
                "INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome)
                 SELECT $1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'completed', 'success' FROM generate_series(1, $2)",
                &[&SPRUCE, &count],
            )
            .await
            .unwrap();
    }

    async fn until(&self, query: &str) {
        let started = Instant::now();
        while !self.superuser.query_one(query, &[]).await.unwrap().get::<_, bool>(0) {
            assert!(started.elapsed() < Duration::from_secs(20), "never: {query}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    async fn leaves(&self, count: i64) {
        self.until(&format!(
            "SELECT count(*) = {count} FROM audit.leaves WHERE customer_id = '{SPRUCE}'"
        ))
        .await;
    }
}

/// Runs until it is told to stop.
fn start(config: Config) -> (oneshot::Sender<()>, tokio::task::JoinHandle<anyhow::Result<()>>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        run(&config, async {
            let _ = stopped.await;
        })
        .await
    });
    (stop, task)
}

/// A witness over HTTP on this machine, which can be told to be silent or to answer with a stranger's signature.
struct Server {
    url: String,
    key: VerifierKey,
    answers_late: Arc<AtomicBool>,
    forges: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
}

fn serve(log_origin: &str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let cosigner = CosigningKey::from_seed("witness.example.net", &[8; 32]).unwrap();
    let key = cosigner.verifier();
    let log = SigningKey::from_seed(log_origin, &SEED).unwrap().verifier();
    let witness = Witness::new(
        cosigner,
        BTreeMap::from([(log_origin.to_owned(), vec![log])]),
        MemoryStore::default(),
    );
    let (answers_late, forges, asked) = (
        Arc::<AtomicBool>::default(),
        Arc::<AtomicBool>::default(),
        Arc::<AtomicU32>::default(),
    );
    let (late, forging, count) = (Arc::clone(&answers_late), Arc::clone(&forges), Arc::clone(&asked));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            while late.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let answer = witness.add_checkpoint(&body, 1_790_000_000).unwrap();
            let text = if forging.load(Ordering::Relaxed) {
                "— witness.example.net AAAAAAAAAAAAAAAAAAAA\n".to_owned()
            } else {
                answer.body()
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                answer.status(),
                text.len()
            );
        }
    });
    Server {
        url,
        key,
        answers_late,
        forges,
        asked,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_5_checkpoints_are_left_with_both_kinds_of_witnesses_and_their_signatures_are_kept() {
    let place = Place::open().await;
    let server = serve(&format!("{ORIGIN}/{SPRUCE}"));
    let vault = place.folder.path().join("vault");
    let witnesses = format!(
        "[[witnesses]]\nname = \"vault\"\ndirectory = \"{}\"\n[[witnesses]]\nurl = \"{}\"\nkey = \"{}\"\n",
        vault.display(),
        server.url,
        server.key
    );
    let (stop, task) = start(place.config("seal-key", &witnesses));
    for count in [10, 20] {
        place.write(count).await;
        place
            .until(&format!(
                "SELECT count(*) = 2 FROM (SELECT witness FROM audit.witnessed WHERE customer_id = '{SPRUCE}' AND tree_size =
                    (SELECT count(*) FROM audit.events WHERE customer_id = '{SPRUCE}') GROUP BY witness) w"
            ))
            .await;
    }
    place
        .until("SELECT bool_and((cosignature IS NOT NULL) = (witness = 'witness.example.net')) FROM audit.witnessed WHERE customer_id = '00000000-0000-0000-0000-000000000005'")
        .await;
    // A signature that is not the witness's is kept by nobody, and a witness that hangs holds up no seal.
    server.forges.store(true, Ordering::Relaxed);
    place.write(1).await;
    place
        .until("SELECT count(*) > 0 FROM audit.events WHERE event_type = 'witness.unreachable'")
        .await;
    server.answers_late.store(true, Ordering::Relaxed);
    let asked = server.asked.load(Ordering::Relaxed);
    while server.asked.load(Ordering::Relaxed) == asked {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begun = Instant::now();
    place.write(5).await;
    place.leaves(36).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    server.answers_late.store(false, Ordering::Relaxed);
    assert_eq!(
        place
            .superuser
            .query_one(
                "SELECT max(tree_size) FROM audit.witnessed WHERE witness = 'witness.example.net'",
                &[]
            )
            .await
            .unwrap()
            .get::<_, i64>(0),
        30
    );
    drop(stop);
    task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_5_a_lost_connection_is_made_again_and_a_second_sealer_waits() {
    let place = Place::open().await;
    let (stop, task) = start(place.config("seal-key", ""));
    place.write(10).await;
    place.leaves(10).await;
    let (second_stop, second) = start(place.config("seal-key", ""));
    for round in 1..=3_i64 {
        place
            .superuser
            .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bearingwall_sealer' AND datname = current_database()", &[])
            .await
            .unwrap();
        place.write(10).await;
        place.leaves(10 + 10 * round).await;
    }
    let twice = "SELECT count(*) = 0 FROM (SELECT event_id FROM audit.leaves GROUP BY event_id HAVING count(*) > 1) x";
    place.until(twice).await;
    drop((stop, second_stop));
    task.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_5_a_foreign_key_ends_the_program_instead_of_signing() {
    let place = Place::open().await;
    let (stop, task) = start(place.config("seal-key", ""));
    place.write(10).await;
    place.leaves(10).await;
    drop(stop);
    task.await.unwrap().unwrap();
    place.write(10).await;
    let (_stop, task) = start(place.config("other-key", ""));
    let refused = tokio::time::timeout(Duration::from_secs(20), task)
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert_eq!(exit_code(&refused), EXIT_REFUSED, "{refused:?}");
    place.leaves(10).await;
    let missing = run(&place.config("no-such-key", ""), std::future::pending())
        .await
        .unwrap_err();
    assert_eq!(exit_code(&missing), bearingwall_sealer::EXIT_CONFIGURATION);
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_4_the_sealers_reads_are_on_the_record() {
    let place = Place::open().await;
    let (stop, sealing) = start(place.config("seal-key", ""));
    let reads =
        "SELECT coalesce(string_agg(DISTINCT substring(route from '#.*') || ' ' || outcome || ' ' || db_role, ';'), '')
                      = '#seal-key success bearingwall_sealer;#sealer success bearingwall_sealer'
                   FROM audit.events WHERE event_type = 'secret.read'";
    place.until(reads).await;
    drop(stop);
    sealing.await.unwrap().unwrap();
}
