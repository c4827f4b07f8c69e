//! The real programs as processes, over a guarded database of one tenant with a store of sealed files and an issuer.

use crate::guarded::{DATABASE, Guarded};
use crate::standby::{dial, login};
use bearingwall_core::{CustomerId, Role, Sensitive};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_secrets::{FileKeyStore, FileStore};
use bearingwall_testkit::database::Login;
use bearingwall_testkit::issuer::{DevIssuer, IssuerOptions, TokenRequest};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const CLIENT: &str = "console";
const AUDIENCE: &str = "bearingwall";
const REGION: &str = "us-east";

/// What stands around the programs.
pub(crate) struct Site {
    pub(crate) guarded: Guarded,
    pub(crate) issuer: DevIssuer,
    pub(crate) tenant: CustomerId,
    pub(crate) store: FileStore,
    pub(crate) enter_key: Vec<u8>,
    scratch: TempDir,
    pub(crate) runtime: Runtime,
}

/// A running program, which is killed with this value.
pub(crate) struct Program {
    child: Child,
    pub(crate) log: PathBuf,
    /// Where it listens, if it does.
    pub(crate) url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn stop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let began = Instant::now();
        while self.runs() {
            assert!(began.elapsed() < PATIENCE, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let enter_key: Vec<u8> = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let tenant = CustomerId::from_uuid(Uuid::now_v7());
        let (guarded, issuer) = runtime.block_on(async {
            let guarded = Guarded::start().await;
            let mut admin = dial(&login(guarded.cluster(), Login::Admin, DATABASE)).await;
            serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
            let key = Sensitive::new(enter_key.clone());
            install_enter_key(&mut admin, 1, &key).await.unwrap();
            let new = NewTenant {
                id: tenant,
                slug: "juniper".to_owned(),
                name: "Juniper".to_owned(),
                region: REGION.to_owned(),
            };
            tenant_create(&mut admin, &new).await.unwrap();
            let options = IssuerOptions {
                audience: AUDIENCE.to_owned(),
                port: None,
                lifetime_s: 900,
            };
            (guarded, DevIssuer::start(options).await.unwrap())
        });
        let scratch = tempfile::tempdir().unwrap();
        let store = FileStore::create(scratch.path().join("secrets")).unwrap();
        store.put("enter-key-1", &enter_key).unwrap();
        for role in [Login::Admin, Login::App, Login::Sealer, Login::Worker] {
            let name = role.role().strip_prefix("bearingwall_").unwrap();
            let password = guarded.cluster().role_password(role.role()).unwrap();
            store.put(name, password.expose().as_bytes()).unwrap();
        }
        FileKeyStore::open_or_create(store.clone(), "kek").unwrap();
        Self {
            guarded,
            issuer,
            tenant,
            store,
            enter_key,
            scratch,
            runtime,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub(crate) fn reference(&self, name: &str) -> String {
        self.store.reference(name).unwrap().to_string()
    }

    /// `version`, `[server]`, `[rates]` and `[[issuers]]` of a server; the rest is the test's.
    pub(crate) fn server_config(&self, more: &str) -> String {
        format!(
            r#"version = 1
profile = "development"
[server]
listen = "127.0.0.1:0"
workers = 2
request_timeout_s = 120
shutdown_timeout_s = 10
[rates]
light_per_minute = 0
read_per_minute = 0
write_per_minute = 0
webhook_per_minute = 0
{more}
[[issuers]]
issuer = "{issuer}"
audience = "{AUDIENCE}"
algorithms = ["ES256"]
"#,
            issuer = self.issuer.issuer(),
        )
    }

    pub(crate) fn database(&self, role: Login, more: &str) -> String {
        format!("[database]\nurl = \"{}\"\n{more}\n", self.guarded.url(role))
    }

    pub(crate) fn in_region(&self) -> String {
        format!("regions = [\"{REGION}\"]\n")
    }

    pub(crate) fn command(program: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bearingwall-interop"));
        command.env_clear().arg(program).stdin(Stdio::null());
        command
    }

    /// Starts a program on this configuration, and a server until it listens.
    pub(crate) fn start(&self, program: &str, name: &str, config: &str) -> Program {
        let [file, log, ready] = ["toml", "log", "url"].map(|kind| self.path(&format!("{name}.{kind}")));
        std::fs::write(&file, config).unwrap();
        let output = File::create(&log).unwrap();
        let mut command = Self::command(program);
        command.arg("--config").arg(file);
        let serves = program == "bearingwall-server";
        if serves {
            command.arg("--ready-file").arg(&ready);
        }
        let child = command
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut started = Program {
            child,
            log,
            url: String::new(),
        };
        let began = Instant::now();
        while serves && !ready.exists() {
            assert!(started.runs(), "{program} ended: {}", started.said());
            assert!(
                began.elapsed() < PATIENCE,
                "{program} does not start: {}",
                started.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        if serves {
            started.url = std::fs::read_to_string(ready).unwrap().trim().to_owned();
        }
        started
    }

    /// Runs the operator's tool to its end and answers what it said.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> String {
        let output = Self::command("bearingwall-ctl").args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    /// The options with which it reaches the database.
    pub(crate) fn admin(&self) -> [String; 2] {
        let store = self.store.reference("admin").unwrap();
        [
            format!("--admin-url={}", self.guarded.url(Login::Admin)),
            format!("--secrets=file+sealed://{}", store.store()),
        ]
    }

    pub(crate) fn token(&self) -> String {
        let claims = TokenRequest {
            subject: "dana".to_owned(),
            customer: Some(self.tenant),
            roles: vec![Role::Authenticated, Role::CustomerAdmin],
            alg: bearingwall_authn::Algorithm::Es256,
            expires_in_s: None,
        };
        self.issuer.token(&claims).unwrap()
    }

    /// Statements as the superuser.
    pub(crate) fn execute(&self, statements: &str) {
        self.runtime.block_on(async {
            self.guarded.superuser().await.batch_execute(statements).await.unwrap();
        });
    }

    /// The first column of every row, as the superuser sees it.
    pub(crate) fn ask(&self, query: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let rows = self.guarded.superuser().await.query(query, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    /// Waits until the rows are these.
    pub(crate) fn until(&self, query: &str, expected: impl Fn(&[String]) -> bool) {
        let began = Instant::now();
        loop {
            let rows = self.ask(query);
            if expected(&rows) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{query}: {rows:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

pub(crate) fn browser() -> Client {
    Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

/// Status and text of an answer; a connection that breaks is one, too.
pub(crate) fn answer(request: RequestBuilder) -> (u16, String) {
    match request.send() {
        Ok(response) => (response.status().as_u16(), response.text().unwrap_or_default()),
        Err(error) => (0, format!("{error:?}")),
    }
}

pub(crate) fn person(first: &str) -> Value {
    json!({
        "first_name": first, "last_name": "Example", "date_of_birth": "1984-02-29", "phone": "(415) 555-0119",
        "email": "ada@example.net", "allergies": "none", "conditions": "none", "marketing_opt_in": false,
        "address": {"street": "1 Main Street", "city": "Watersmouth", "state": "OR", "postal_code": "59900"},
    })
}
