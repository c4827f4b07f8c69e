//! A site: a migrated database with two tenants, an issuer, a secret store, a configuration, and the server as a process.

use bearingwall_connectors::arrivals::{Arrivals, Looked};
use bearingwall_core::{CustomerId, Role, Sensitive};
use bearingwall_domain::CrmArrivals;
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_sealing::{Sealer, SealerOptions, SealingKey, log_origin};
use bearingwall_secrets::{CacheOptions, FileKeyStore, FileStore, KeyStores};
use bearingwall_tenancy::PoolConfig;
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_testkit::database::{Login, TestDatabase};
use bearingwall_testkit::issuer::{DevIssuer, IssuerOptions, TokenRequest};
use bearingwall_tlog::note::VerifierKey;
use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;
use zeroize::Zeroizing;

pub(crate) const AUDIENCE: &str = "bearingwall";
/// Our application, as the issuer knows it.
const CLIENT: &str = "console";
const REGION: &str = "us-east";
const PATIENCE: Duration = Duration::from_secs(60);

static SHARED: Mutex<Weak<(Site, Server)>> = Mutex::new(Weak::new());

/// What stands before the tenant in the names of a site's logs.
const LOGS: &str = "audit.example.net";

/// The tenants of a site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenants {
    pub(crate) juniper: CustomerId,
    pub(crate) saltmarsh: CustomerId,
}

pub(crate) struct Site {
    pub(crate) database: TestDatabase,
    pub(crate) issuer: DevIssuer,
    pub(crate) tenants: Tenants,
    scratch: TempDir,
    /// Where the issuer lives, and what waits for the database.
    runtime: Runtime,
}

/// The site and the server that the tests of this program share; the last of them stops it.
pub(crate) fn shared() -> Arc<(Site, Server)> {
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let site = Site::new();
    let server = site.serve(&site.config());
    let running = Arc::new((site, server));
    *shared = Arc::downgrade(&running);
    running
}

impl Site {
    pub(crate) fn new() -> Self {
        let (site, store, enter_key) = Self::build();
        store.put("enter-key-1", &enter_key).unwrap();
        site
    }

    /// A site whose database verifies the callers' tokens itself, and whose secret store has no key for entries.
    pub(crate) fn in_split_key() -> Self {
        let (site, _, _) = Self::build();
        site.execute_as_admin(&site.issuer_installation());
        site.execute_as_admin("SELECT tenancy.use_profile('split-key')");
        site
    }

    fn build() -> (Self, FileStore, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let tenants = Tenants {
            juniper: CustomerId::from_uuid(Uuid::now_v7()),
            saltmarsh: CustomerId::from_uuid(Uuid::now_v7()),
        };
        let enter_key: Vec<u8> = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let (database, issuer) = runtime.block_on(async {
            let database = TestDatabase::create().await;
            let mut admin = database.admin_client().await;
            serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
            install_enter_key(&mut admin, 1, &Sensitive::new(enter_key.clone()))
                .await
                .unwrap();
            for (id, slug) in [(tenants.juniper, "juniper"), (tenants.saltmarsh, "saltmarsh")] {
                let tenant = NewTenant {
                    id,
                    slug: slug.to_owned(),
                    name: slug.to_owned(),
                    region: REGION.to_owned(),
                };
                tenant_create(&mut admin, &tenant).await.unwrap();
            }
            let options = IssuerOptions {
                audience: AUDIENCE.to_owned(),
                port: None,
                lifetime_s: 600,
            };
            (database, DevIssuer::start(options).await.unwrap())
        });
        let scratch = tempfile::tempdir().unwrap();
        let site = Self {
            database,
            issuer,
            tenants,
            scratch,
            runtime,
        };
        let store = FileStore::create(site.secrets()).unwrap();
        store
            .put("app", site.database.app_password().expose().as_bytes())
            .unwrap();
        FileKeyStore::open_or_create(store.clone(), "kek").unwrap();
        (site, store, enter_key)
    }

    /// What the operator's tool does with the key set of an issuer.
    fn issuer_installation(&self) -> String {
        let issuer = self.issuer.issuer();
        let keys = send(client().get(self.issuer.jwks_uri())).json();
        let keys = keys["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["kty"] == "RSA").unwrap();
        let (kid, modulus) = (key["kid"].as_str().unwrap(), key["n"].as_str().unwrap());
        format!(
            "SELECT tenancy.set_issuer('{issuer}', '{AUDIENCE}', NULL, '{{realm_access,roles}}', 30, NULL, false);
             SELECT tenancy.install_issuer_key('{issuer}', '{kid}',
                 decode(rpad(translate('{modulus}', '-_', '+/'), (length('{modulus}') + 3) / 4 * 4, '='), 'base64'))"
        )
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.scratch.path().join("secrets")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A configuration that the server starts on.
    pub(crate) fn config(&self) -> String {
        let store = format!("file+sealed://{}", self.secrets().display());
        format!(
            r#"version = 1
profile = "development"
[server]
listen = "127.0.0.1:0"
workers = 2
shutdown_timeout_s = 10
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
[webhooks]
public_url = "https://hooks.example.org"
[[issuers]]
issuer = "{issuer}"
audience = "{AUDIENCE}"
logout_audience = "{CLIENT}"
"#,
            url = self.database.url(Login::App),
            issuer = self.issuer.issuer(),
        )
    }

    /// A configuration of the other profile, with a key in the store that no database knows.
    pub(crate) fn with_an_enter_key(&self) -> String {
        let store = FileStore::open(self.secrets()).unwrap();
        store.put("enter-key-1", &[7; 32]).unwrap();
        self.config()
    }

    /// A configuration with which the server holds no key and callers' tokens are proof.
    pub(crate) fn split_key_config(&self) -> String {
        let config = self.config();
        let (before, after) = config.split_once("[tenancy]").unwrap();
        let (_, after) = after.split_once("[keys]").unwrap();
        format!("{before}[isolation]\nprofile = \"split-key\"\n[keys]{after}algorithms = [\"RS256\"]\n")
    }

    fn command(&self, config: &str, name: &str) -> Command {
        let file = self.path(&format!("{name}.toml"));
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_bearingwall-server"));
        // What stands in this machine's environment must not decide whether the server starts.
        command.env_clear().arg("--config").arg(file).stdin(Stdio::null());
        command
    }

    /// Runs the server to its end and answers its exit code and what it said.
    pub(crate) fn refused_start(&self, config: &str, change: impl FnOnce(&mut Command)) -> (i32, String) {
        let name = format!("refused-{}", Uuid::new_v4());
        let log = self.path(&format!("{name}.log"));
        let output = File::create(&log).unwrap();
        let mut command = self.command(config, &name);
        command.stdout(output.try_clone().unwrap()).stderr(output);
        change(&mut command);
        // Its end is waited for with a limit, and a server that started all the same is killed.
        let mut server = Server {
            child: command.spawn().unwrap(),
            log,
            url: String::new(),
        };
        let code = server.wait().code().unwrap_or(-1);
        (code, server.log())
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&self, config: &str) -> Server {
        let name = format!("server-{}", Uuid::new_v4());
        let (log, ready) = (self.path(&format!("{name}.log")), self.path(&format!("{name}.url")));
        let output = File::create(&log).unwrap();
        let child = self
            .command(config, &name)
            .arg("--ready-file")
            .arg(&ready)
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut server = Server {
            child,
            log,
            url: String::new(),
        };
        let deadline = Instant::now() + PATIENCE;
        while !ready.exists() {
            assert!(
                server.child.try_wait().unwrap().is_none(),
                "the server ended: {}",
                server.log()
            );
            assert!(Instant::now() < deadline, "the server does not start: {}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        server.url = std::fs::read_to_string(ready).unwrap().trim().to_owned();
        server
    }

    /// What a token of this person says.
    pub(crate) fn claims(&self, subject: &str, customer: CustomerId, roles: &[Role]) -> TokenRequest {
        TokenRequest {
            subject: subject.to_owned(),
            customer: Some(customer),
            roles: roles.to_vec(),
            alg: bearingwall_authn::Algorithm::Es256,
            expires_in_s: None,
        }
    }

    pub(crate) fn token(&self, customer: CustomerId, roles: &[Role]) -> String {
        self.issuer.token(&self.claims("dana", customer, roles)).unwrap()
    }

    /// What the issuer posts when a session has ended, or all of a person's.
    pub(crate) fn logout_token(&self, subject: &str, session: Option<&str>) -> String {
        self.issuer.logout_token(CLIENT, subject, session).unwrap()
    }

    /// A token with which an administrator of a tenant normally works.
    pub(crate) fn administrator(&self, customer: CustomerId) -> String {
        self.token(customer, &[Role::Authenticated, Role::CustomerAdmin])
    }

    /// Runs statements as the role that migrates.
    pub(crate) fn execute_as_admin(&self, statements: &str) {
        self.runtime.block_on(async {
            self.database
                .admin_client()
                .await
                .batch_execute(statements)
                .await
                .unwrap();
        });
    }

    /// Runs statements as the superuser.
    pub(crate) fn execute(&self, statements: &str) {
        self.runtime.block_on(async {
            self.database
                .superuser_client()
                .await
                .batch_execute(statements)
                .await
                .unwrap();
        });
    }

    /// The first column of every row, as the superuser sees it.
    pub(crate) fn ask(&self, query: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let rows = self.database.superuser_client().await.query(query, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    /// Works on everything that has arrived, as the worker does.
    pub(crate) fn work_on_arrivals(&self) {
        let store = FileStore::open(self.secrets()).unwrap();
        let keys = Arc::new(FileKeyStore::open(store, "kek").unwrap());
        self.runtime.block_on(async {
            let address = self.database.url(Login::Worker).parse().unwrap();
            let password = Some(self.database.password(Login::Worker));
            let config = PoolConfig::new(address, password, vec![REGION.to_owned()]);
            let arrivals = Arrivals::new(JobPool::connect(config).await.unwrap(), keys.clone());
            let handler = CrmArrivals::new(keys, KeyStores::new(), CacheOptions::default());
            while !matches!(Box::pin(arrivals.next(&handler)).await.unwrap(), Looked::Nothing) {}
        });
    }

    /// Seals what has been committed, as the sealer does every few seconds.
    pub(crate) fn seal(&self) {
        let options = SealerOptions {
            origin: LOGS.to_owned(),
            previous: None,
            heartbeat: Duration::from_secs(3_600),
        };
        self.runtime.block_on(async {
            let client = self.database.client(Login::Sealer).await.unwrap();
            let taken = Sealer::take_over(client, sealing_key(), options).await.unwrap();
            let mut sealer = taken.unwrap_or_else(|_| panic!("another sealer is at work"));
            sealer.seal().await.unwrap();
        });
    }

    /// The name of a tenant's log, and the key that signs it.
    pub(crate) fn log_of(&self, customer: CustomerId) -> (String, VerifierKey) {
        let origin = log_origin(LOGS, customer.as_uuid());
        let key = sealing_key().verifier(&origin).unwrap();
        (origin, key)
    }

    /// Keeps everybody out of a table until [`Site::unlock`].
    pub(crate) fn lock(&self, table: &str) -> tokio_postgres::Client {
        self.runtime.block_on(async {
            let client = self.database.superuser_client().await;
            client
                .batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
                .await
                .unwrap();
            client
        })
    }

    pub(crate) fn unlock(&self, lock: tokio_postgres::Client) {
        self.runtime
            .block_on(async move { lock.batch_execute("ROLLBACK").await.unwrap() });
    }

    /// Waits until a query answers with at least one row; refusals are written behind the response.
    pub(crate) fn wait_for(&self, query: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.ask(query);
            if !rows.is_empty() {
                return rows;
            }
            assert!(Instant::now() < deadline, "no rows: {query}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn sealing_key() -> SealingKey {
    SealingKey::from_seed(Zeroizing::new([7; 32]))
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// What a monitoring system reads; the configuration must have a `metrics_listen`.
    pub(crate) fn metrics(&self) -> Answer {
        send(client().get(format!("http://{}/metrics", self.metrics_address())))
    }

    /// Waits until the metrics hold exactly this line.
    pub(crate) fn wait_for_metric(&self, line: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let metrics = self.metrics().body;
            if metrics.lines().any(|found| found == line) {
                return;
            }
            assert!(Instant::now() < deadline, "no {line}: {metrics}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn metrics_address(&self) -> String {
        let log = self.log();
        let line = log
            .lines()
            .find(|line| line.contains("metrics.listening"))
            .unwrap_or_else(|| panic!("{log}"));
        let line: Value = serde_json::from_str(line).unwrap();
        line["addr"].as_str().unwrap_or_else(|| panic!("{line}")).to_owned()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        send(client().get(format!("{}{path}", self.url)).bearer_auth(token))
    }

    pub(crate) fn get_anonymous(&self, path: &str) -> Answer {
        send(client().get(format!("{}{path}", self.url)))
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        send(self.request(reqwest::Method::POST, path, token).json(body))
    }

    pub(crate) fn put(&self, path: &str, token: &str, version: i64, body: &Value) -> Answer {
        send(
            self.request(reqwest::Method::PUT, path, token)
                .header("If-Match", format!("\"{version}\""))
                .json(body),
        )
    }

    /// Makes a client and answers its id.
    pub(crate) fn new_client(&self, token: &str, body: &Value) -> String {
        let created = self.post("/v1/clients", token, body);
        assert_eq!(created.status, 201, "{created:?}");
        created.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn request(&self, method: reqwest::Method, path: &str, token: &str) -> RequestBuilder {
        self.request_anonymous(method, path).bearer_auth(token)
    }

    pub(crate) fn request_anonymous(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        client().request(method, format!("{}{path}", self.url))
    }
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// As text; what is none is replaced.
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {self:?}"))
            .to_str()
            .unwrap()
    }

    /// Our id of the request.
    pub(crate) fn correlation_id(&self) -> Uuid {
        self.header("x-correlation-id").parse().unwrap()
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        (self.status.as_u16(), self.json()["code"].as_str().unwrap().to_owned())
    }
}

fn client() -> Client {
    Client::builder().timeout(PATIENCE).no_proxy().build().unwrap()
}

pub(crate) fn send(request: RequestBuilder) -> Answer {
    let response: Response = request.send().unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().unwrap().to_vec();
    Answer {
        status,
        headers,
        body: String::from_utf8_lossy(&bytes).into_owned(),
        bytes,
    }
}
