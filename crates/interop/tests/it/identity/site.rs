//! The real server over a real database of two tenants, trusting one provider.

use super::browser::{Answer, Browser};
use super::provider::{AUDIENCE, CLIENT_ID, Person, Provider};
use bearingwall_core::{CustomerId, Role, Sensitive};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_secrets::{FileKeyStore, FileStore};
use bearingwall_server::Config;
use bearingwall_testkit::database::{Login, TestDatabase};
use serde_json::Value;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use uuid::Uuid;

const REGION: &str = "us-east";
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, its database, and the provider that it trusts.
pub(crate) struct Site<P> {
    pub(crate) provider: P,
    pub(crate) origin: String,
    pub(crate) alice: Person,
    pub(crate) bob: Person,
    pub(crate) staff: Person,
    database: TestDatabase,
    scratch: TempDir,
    runtime: Runtime,
    serving: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl<P> Drop for Site<P> {
    fn drop(&mut self) {
        if let Some((stop, serving)) = self.serving.take() {
            drop(stop);
            let _ = serving.join();
        }
    }
}

impl<P: Provider> Site<P> {
    /// Nothing where the provider is not installed.
    pub(crate) fn new() -> Option<Self> {
        Self::with(|config| config)
    }

    /// One whose server is configured otherwise.
    pub(crate) fn with(change: impl FnOnce(String) -> String) -> Option<Self> {
        let port = super::free_port();
        let origin = format!("http://127.0.0.1:{port}");
        let provider = P::start(&origin)?;
        let tenants = [(); 2].map(|()| CustomerId::from_uuid(Uuid::now_v7()));
        let alice = Person::new("alice", Some(tenants[0]), &[Role::Authenticated, Role::CustomerAdmin]);
        let bob = Person::new("bob", Some(tenants[1]), &[Role::Authenticated]);
        let staff = Person::new("root", None, &[Role::InternalAdmin]);
        for person in [&alice, &bob, &staff] {
            provider.enrol(person);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let enter_key: Vec<u8> = Uuid::new_v4().as_bytes().repeat(2);
        let database = runtime.block_on(database(tenants, &enter_key));
        let mut site = Self {
            provider,
            origin,
            alice,
            bob,
            staff,
            database,
            scratch: tempfile::tempdir().unwrap(),
            runtime,
            serving: None,
        };
        let config = change(site.config(port, &enter_key));
        site.serve(&config);
        Some(site)
    }

    fn config(&self, port: u16, enter_key: &[u8]) -> String {
        let folder = self.scratch.path().join("secrets");
        let secrets = FileStore::create(folder.clone()).unwrap();
        let password = self.database.app_password();
        secrets.put("app", password.expose().as_bytes()).unwrap();
        secrets.put("enter-key-1", enter_key).unwrap();
        secrets.put("client", self.provider.client_secret().as_bytes()).unwrap();
        let seal_key = Uuid::new_v4().as_bytes().repeat(2);
        secrets.put("session", &seal_key).unwrap();
        FileKeyStore::open_or_create(secrets, "kek").unwrap();
        let store = format!("file+sealed://{}", folder.display());
        format!(
            r#"version = 1
profile = "development"
[server]
listen = "127.0.0.1:{port}"
workers = 2
shutdown_timeout_s = 5
[database]
url = "{url}"
password = "{store}#app"
regions = ["{REGION}"]
max_connections = 6
[tenancy]
enter_key = "{store}#enter-key-1"
enter_kid = 1
[keys]
kek = "{store}#kek"
[authn]
min_refetch_s = 1
refresh_after_s = 2
[login]
issuer = "{issuer}"
client_id = "{CLIENT_ID}"
client_secret = "{store}#client"
seal_key = "{store}#session"
origin = "{origin}"
acr_values = ["mfa"]
[[issuers]]
issuer = "{issuer}"
audience = "{AUDIENCE}"
leeway_s = 1
logout_audience = "{CLIENT_ID}"
"#,
            url = self.database.url(Login::App),
            issuer = self.provider.issuer(),
            origin = self.origin,
        )
    }

    /// Runs the server as its program does, on a thread of its own.
    fn serve(&mut self, config: &str) {
        let config = Config::parse(config).unwrap();
        let (stop, stopped) = oneshot::channel();
        let (ready, waiting) = mpsc::channel();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            let stopped = async {
                let _ = stopped.await;
            };
            let served = runtime.block_on(bearingwall_server::run(config, stopped, |_| ready.send(()).unwrap()));
            served.unwrap_or_else(|error| panic!("the server: {error:#}"));
        });
        waiting.recv_timeout(PATIENCE).expect("the server does not start");
        self.serving = Some((stop, serving));
    }

    /// Asks the API.
    pub(crate) fn ask(&self, path: &str, bearer: &str) -> Answer {
        Browser::new().send("GET", &format!("{}{path}", self.origin), |request| {
            request.bearer_auth(bearer)
        })
    }

    pub(crate) fn post(&self, path: &str, bearer: &str, body: &Value) -> Answer {
        Browser::new().send("POST", &format!("{}{path}", self.origin), |request| {
            request.bearer_auth(bearer).json(body)
        })
    }

    /// How long it takes until a token is refused.
    pub(crate) fn refused_after(&self, bearer: &str, at_most: Duration) -> Duration {
        let began = Instant::now();
        while self.ask("/v1/me", bearer).status != 401 {
            assert!(began.elapsed() < at_most, "still accepted after {at_most:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        began.elapsed()
    }

    /// Waits until a query answers with at least one row, and answers the first column of all, as the superuser sees it.
    pub(crate) fn wait_for(&self, query: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows: Vec<String> = self.runtime.block_on(async {
                let rows = self.database.superuser_client().await.query(query, &[]).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            });
            if !rows.is_empty() {
                return rows;
            }
            assert!(Instant::now() < deadline, "no rows: {query}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

async fn database(tenants: [CustomerId; 2], enter_key: &[u8]) -> TestDatabase {
    let database = TestDatabase::create().await;
    let mut admin = database.admin_client().await;
    serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
    let key = Sensitive::new(enter_key.to_vec());
    install_enter_key(&mut admin, 1, &key).await.unwrap();
    for (id, slug) in tenants.into_iter().zip(["juniper", "saltmarsh"]) {
        let tenant = NewTenant {
            id,
            slug: slug.to_owned(),
            name: slug.to_owned(),
            region: REGION.to_owned(),
        };
        tenant_create(&mut admin, &tenant).await.unwrap();
    }
    database
}
