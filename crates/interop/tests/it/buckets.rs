//! Checkpoints in a bucket under a lock: moto answers as S3 does.

use crate::moto::Moto;
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Region};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use bearingwall_core::Sensitive;
use bearingwall_sealer::{Config, run};
use bearingwall_sealing::{FileWitness, Left, Offer};
use bearingwall_secrets::FileStore;
use bearingwall_testkit::database::{Login, TestDatabase};
use bearingwall_tlog::checkpoint::SignedCheckpoint;
use bearingwall_tlog::note::SigningKey;
use bearingwall_witness_s3::{AccessKey, Bucket, Identity, S3Witness};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const BUCKET: &str = "checkpoints-example";
const UNLOCKED: &str = "no-lock-example";
const REGION: &str = "us-east-1";
const ORIGIN: &str = "audit.example.com";

/// moto with two buckets, one of them without a lock.
struct Buckets {
    moto: Moto,
    client: Client,
}

impl Buckets {
    async fn start() -> Option<Self> {
        let moto = Moto::start().await?;
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(&moto.url)
            .force_path_style(true)
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .build();
        let client = Client::from_conf(config);
        for (bucket, locked) in [(BUCKET, true), (UNLOCKED, false)] {
            let made = client
                .create_bucket()
                .bucket(bucket)
                .object_lock_enabled_for_bucket(locked);
            made.send().await.unwrap();
        }
        Some(Self { moto, client })
    }

    fn witness(&self, bucket: &str) -> S3Witness {
        let bucket = Bucket {
            name: bucket.to_owned(),
            region: REGION.to_owned(),
            prefix: "spa/logs".to_owned(),
            endpoint: Some(self.moto.url.parse().unwrap()),
            retain_days: 30,
        };
        let identity = Identity::Key(Arc::new(|| {
            Box::pin(async {
                Ok(AccessKey {
                    id: Sensitive::new("test".to_owned()),
                    secret: Sensitive::new("test".to_owned()),
                })
            })
        }));
        S3Witness::new("s3", bucket, identity)
    }

    /// The keys of all objects, and the content of each.
    async fn objects(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        let listed = self
            .client
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(prefix)
            .send()
            .await
            .unwrap();
        let mut objects = Vec::new();
        for object in listed.contents() {
            let key = object.key().unwrap().to_owned();
            let got = self.client.get_object().bucket(BUCKET).key(&key).send().await.unwrap();
            objects.push((key, got.body.collect().await.unwrap().to_vec()));
        }
        objects
    }
}

fn offer(origin: &str, size: u64, note: &str) -> Offer {
    Offer {
        origin: origin.to_owned(),
        old_size: 0,
        size,
        proof: Vec::new(),
        note: note.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_5_a_locked_bucket_keeps_each_checkpoint_and_refuses_what_does_not_continue() {
    let Some(moto) = Buckets::start().await else { return };
    let witness = moto.witness(BUCKET);
    let log = format!("{ORIGIN}/one");
    for (origin, size, note, expected) in [
        (log.as_str(), 5, "five", Left::Kept(None)),
        (&log, 5, "five", Left::Kept(None)),
        (&log, 5, "another five", Left::Refused("forked")),
        (&log, 9, "nine", Left::Kept(None)),
        (&log, 7, "seven", Left::Refused("rewound")),
        (&log, 5, "five", Left::Refused("rewound")),
        ("audit.example.com/other", 2, "two", Left::Kept(None)),
        // A name that begins like another's is another log.
        ("audit.example.com/on", 1, "one", Left::Kept(None)),
    ] {
        let left = witness.leave(&offer(origin, size, note)).await.unwrap();
        assert_eq!(left, expected, "{origin} {size} {note}");
    }
    let kept = moto.objects("spa/logs/audit.example.com+one/").await;
    let expected = [(5, "five"), (9, "nine")].map(|(size, note)| {
        (
            format!("spa/logs/audit.example.com+one/{size:020}.checkpoint"),
            note.as_bytes().to_vec(),
        )
    });
    assert_eq!(kept, expected);

    // An object that somebody put there without a lock is not kept, whatever it says.
    let open = "spa/logs/audit.example.com+open/00000000000000000001.checkpoint";
    let put = moto
        .client
        .put_object()
        .bucket(BUCKET)
        .key(open)
        .body(b"one".to_vec().into());
    put.send().await.unwrap();
    let refused = witness.leave(&offer("audit.example.com/open", 1, "one")).await;
    assert!(refused.is_err(), "{refused:?}");

    // What is kept cannot be removed, by its owner either, or kept for a shorter time.
    let key = &kept[0].0;
    let versions = moto
        .client
        .list_object_versions()
        .bucket(BUCKET)
        .prefix(key)
        .send()
        .await
        .unwrap();
    let version = versions.versions()[0].version_id().unwrap().to_owned();
    let removed = moto
        .client
        .delete_object()
        .bucket(BUCKET)
        .key(key)
        .version_id(&version)
        .send()
        .await;
    assert_eq!(removed.unwrap_err().code(), Some("AccessDenied"));
    let head = moto.client.head_object().bucket(BUCKET).key(key).send().await.unwrap();
    let until = head.object_lock_retain_until_date().unwrap().secs();
    let days = (until - time::OffsetDateTime::now_utc().unix_timestamp()) / 86_400;
    assert!((29..=30).contains(&days), "{days}");
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_5_a_bucket_without_a_lock_is_no_witness() {
    let Some(moto) = Buckets::start().await else { return };
    for bucket in [UNLOCKED, "nobody-made-this"] {
        let refused = moto.witness(bucket).leave(&offer(ORIGIN, 1, "one")).await;
        assert!(refused.is_err(), "{bucket}: {refused:?}");
    }
    let mut moto = moto;
    moto.moto.end();
    let away = moto.witness(BUCKET).leave(&offer(ORIGIN, 1, "one")).await.unwrap_err();
    assert_eq!(away.name, "s3");
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_5_the_sealer_leaves_checkpoints_in_a_bucket_with_a_key_by_reference_and_a_copy_compares() {
    let Some(moto) = Buckets::start().await else { return };
    let database = TestDatabase::create().await;
    let superuser = database.superuser_client().await;
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::create(folder.path().join("secrets")).unwrap();
    let seed = [3; 32];
    store
        .put("sealer", database.password(Login::Sealer).expose().as_bytes())
        .unwrap();
    store.put("seal-key", &seed).unwrap();
    store.put("s3-id", b"test").unwrap();
    store.put("s3-secret", b"test").unwrap();
    let secret = |name: &str| format!("\"file+sealed://{}/secrets#{name}\"", folder.path().display());
    let config = Config::parse(&format!(
        "version = 1\norigin = \"{ORIGIN}\"\n[database]\nurl = \"{}\"\npassword = {}\n[key]\ncurrent = {}\n\
         [schedule]\ninterval_ms = 50\nwitness_interval_s = 1\n[[witnesses]]\nname = \"s3\"\nbucket = \"{BUCKET}\"\nregion = \"{REGION}\"\n\
         endpoint = \"{}\"\naccess_key_id = {}\nsecret_access_key = {}\n",
        database.url(Login::Sealer),
        secret("sealer"),
        secret("seal-key"),
        moto.moto.url,
        secret("s3-id"),
        secret("s3-secret"),
    ))
    .unwrap();
    let tenant = Uuid::now_v7();
    superuser
        .execute(
            "INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome)
             SELECT $1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'completed', 'success' FROM generate_series(1, 20)",
            &[&tenant],
        )
        .await
        .unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sealing = tokio::spawn(async move {
        run(&config, async {
            let _ = stopped.await;
        })
        .await
    });
    let prefix = format!("{ORIGIN}+{tenant}/");
    let deadline = Instant::now() + Duration::from_secs(60);
    while moto.objects(&prefix).await.is_empty() {
        assert!(
            Instant::now() < deadline,
            "no checkpoint arrives: {}",
            sealing.is_finished()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stop.send(()).unwrap();
    sealing.await.unwrap().unwrap();
    // The copy of a bucket is a witness's directory.
    let copy = tempfile::tempdir().unwrap();
    for (key, content) in moto.objects("").await {
        let file = copy.path().join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    let origin = format!("{ORIGIN}/{tenant}");
    let kept = FileWitness::new("copy", copy.path()).kept(&origin).unwrap();
    let key = SigningKey::from_seed(&origin, &seed).unwrap().verifier();
    let (size, note) = kept.last().unwrap();
    let checkpoint = SignedCheckpoint::open(note, &origin, &[key]).unwrap();
    assert_eq!((checkpoint.size(), *size), (20, 20));
}
