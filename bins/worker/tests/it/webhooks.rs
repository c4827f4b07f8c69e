//! The real program sends notices to a receiver on this machine, which verifies them, knows repetitions, and fails now and then.

use bearingwall_connectors::HttpsAddress;
use bearingwall_connectors::subscriptions::{
    DisabledReason, NewKey, NoticeDelivery, NoticeType, SignatureVersion, Subscriptions, SubscriptionsParts,
};
use bearingwall_connectors::webhooks::Delivery;
use bearingwall_connectors::webhooks::standard::Standard;
use bearingwall_core::{
    Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, RoleSet, Sensitive, SubjectId, SystemClock, SystemIds,
};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_secrets::{FileKeyStore, FileStore};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool};
use bearingwall_testkit::database::{Login, TestDatabase};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use time::OffsetDateTime;
use uuid::Uuid;

const REGION: &str = "us-east-1";

/// What a receiver has taken: how often each notice came, by its `webhook-id`, and how many were not signed.
#[derive(Default)]
struct Taken {
    by_id: BTreeMap<String, Vec<String>>,
    refused: usize,
}

struct Receiver {
    port: u16,
    authority: String,
    key: Arc<Mutex<String>>,
    answers: Arc<Mutex<VecDeque<&'static str>>>,
    taken: Arc<Mutex<Taken>>,
}

impl Receiver {
    fn start() -> Self {
        let mut parameters = CertificateParams::new(vec![]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let pair = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = certificate.signed_by(&pair, &authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(pair.serialize_der()).unwrap(),
            )
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            port: listener.local_addr().unwrap().port(),
            authority: authority.pem(),
            key: Arc::default(),
            answers: Arc::default(),
            taken: Arc::default(),
        };
        let (key, answers, taken) = (receiver.key.clone(), receiver.answers.clone(), receiver.taken.clone());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let mut connection = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut stream = rustls::Stream::<_, TcpStream>::new(&mut connection, &mut stream);
                let Some((headers, body)) = request(&mut stream) else {
                    continue;
                };
                let answer = judge(&headers, &body, &key.lock().unwrap(), &mut taken.lock().unwrap())
                    .unwrap_or_else(|| answers.lock().unwrap().pop_front().unwrap_or("204 Taken"));
                let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
                let _ = stream.flush();
            }
        });
        receiver
    }
}

/// Notes a notice that is signed, and refuses any other.
fn judge(headers: &[(String, String)], body: &str, key: &str, taken: &mut Taken) -> Option<&'static str> {
    let views: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let delivery = Delivery::new("", &views, body.as_bytes());
    match Standard::new([key.as_bytes()])
        .unwrap()
        .verify(&delivery, OffsetDateTime::now_utc())
    {
        Ok(event) => {
            taken
                .by_id
                .entry(event.get().id().to_owned())
                .or_default()
                .push(body.to_owned());
            None
        }
        Err(_) => {
            taken.refused += 1;
            Some("401 Refused")
        }
    }
}

fn request(stream: &mut impl Read) -> Option<(Vec<(String, String)>, String)> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(length) => seen.extend_from_slice(&buffer[..length]),
        }
        let text = std::str::from_utf8(&seen).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let headers: Vec<(String, String)> = head
            .split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length").unwrap();
        if body.len() >= length.1.parse().unwrap() {
            return Some((headers, body.to_owned()));
        }
    }
}

struct Site {
    database: TestDatabase,
    tenant: CustomerId,
    subscriptions: Subscriptions,
    folder: TempDir,
}

impl Site {
    async fn open() -> Self {
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
        let key = Sensitive::new(vec![42; 32]);
        install_enter_key(&mut admin, 1, &key).await.unwrap();
        let address = database.url(Login::App).parse().unwrap();
        let config = PoolConfig::new(address, Some(database.password(Login::App)), vec![REGION.to_owned()]);
        let pool = TenantPool::connect(config, EnterKey::new(1, &key).unwrap())
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::create(folder.path().join("secrets")).unwrap();
        FileKeyStore::open_or_create(store.clone(), "kek").unwrap();
        store
            .put("worker", database.password(Login::Worker).expose().as_bytes())
            .unwrap();
        let subscriptions = Subscriptions::new(SubscriptionsParts {
            pool,
            vault: Arc::new(store),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        });
        Self {
            database,
            tenant,
            subscriptions,
            folder,
        }
    }

    fn ctx(&self) -> Ctx {
        Ctx::danger_assume_verified(CtxParts {
            subject: SubjectId::from_uuid(Uuid::from_u128(7)),
            customer: self.tenant,
            roles: RoleSet::EMPTY,
            request: RequestId::from_uuid(Uuid::now_v7()),
            purpose: PurposeOfUse::Operations,
            expires_at: OffsetDateTime::now_utc() + time::Duration::minutes(10),
            route: None,
        })
    }

    /// A client comes into being, and with it a notice.
    async fn client(&self) {
        let admin = self.database.admin_client().await;
        let insert = format!(
            "BEGIN; SELECT tenancy.enter_migration('{}'); INSERT INTO crm.clients (id) VALUES ('{}'); COMMIT",
            self.tenant,
            Uuid::now_v7()
        );
        admin.batch_execute(&insert).await.unwrap();
    }

    /// The newest notice, once it is in this state.
    async fn newest(&self, subscription: Uuid, is_so: impl Fn(&NoticeDelivery) -> bool) -> NoticeDelivery {
        let started = Instant::now();
        loop {
            let listed = self.subscriptions.deliveries(&self.ctx(), subscription, None, 1).await;
            let newest = listed.unwrap().0.remove(0);
            if is_so(&newest) {
                return newest;
            }
            assert!(started.elapsed() < Duration::from_secs(120), "{newest:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn worker(&self, receiver: &Receiver) -> Program {
        let folder = self.folder.path();
        std::fs::write(folder.join("ca.pem"), &receiver.authority).unwrap();
        let (at, ca) = (folder.join("secrets"), folder.join("ca.pem"));
        let (at, ca) = (at.display(), ca.display());
        let config = format!(
            "version = 1\n[database]\nurl = \"{}\"\npassword = \"file+sealed://{at}#worker\"\nregions = [\"{REGION}\"]\n\
             [keys]\nkek = \"file+sealed://{at}#kek\"\n[work]\npoll_ms = 50\n\
             [egress]\nnetworks = [\"127.0.0.0/8\", \"::1/128\"]\nauthorities = [\"{ca}\"]\n\
             [egress.webhook]\nhosts = [\"localhost:{}\"]\n",
            self.database.url(Login::Worker),
            receiver.port
        );
        let file = folder.join("worker.toml");
        std::fs::write(&file, config).unwrap();
        let program = Command::new(env!("CARGO_BIN_EXE_bearingwall-worker"))
            .arg("--config")
            .arg(file)
            .env_clear()
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Program(program)
    }
}

/// The program, which ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn con_10_the_program_tells_a_receiver_that_fails_and_ends_with_one_that_is_gone() {
    let site = Site::open().await;
    let receiver = Receiver::start();
    let address = HttpsAddress::parse(&format!("https://localhost:{}/in", receiver.port)).unwrap();
    let made = site
        .subscriptions
        .create(
            &site.ctx(),
            &address,
            &[NoticeType::ClientCreated],
            SignatureVersion::Shared,
        )
        .await;
    let (id, NewKey::Shared(secret)) = made.unwrap() else {
        panic!("a shared secret");
    };
    receiver.key.lock().unwrap().clone_from(secret.expose());
    receiver
        .answers
        .lock()
        .unwrap()
        .extend(["500 Failed", "429 Slow\r\nretry-after: 1", "204 Taken"]);
    let _program = site.worker(&receiver);
    site.client().await;
    let delivered = site.newest(id, |delivery| delivery.state == "delivered").await;
    assert_eq!(delivered.attempts, 3);
    {
        let taken = receiver.taken.lock().unwrap();
        assert_eq!((taken.by_id.len(), taken.refused), (1, 0));
        let bodies = &taken.by_id[&format!("bw1-{}", delivered.effect)];
        assert_eq!(bodies.len(), 3, "the receiver knows that they are one");
        assert!(bodies.iter().all(|body| *body == bodies[0]));
    }
    receiver.answers.lock().unwrap().push_back("410 Gone");
    site.client().await;
    site.newest(id, |delivery| delivery.state == "dead").await;
    let told = site.subscriptions.list(&site.ctx(), Some(id)).await.unwrap().remove(0);
    assert_eq!(told.disabled.unwrap().1, DisabledReason::Gone);
}
