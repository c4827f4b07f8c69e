//! Everything turns while requests run, and none of them fails: keys, webhooks' secrets, database logins, secrets of a vault.

use crate::moto::Moto;
use crate::programs::{PATIENCE, Site, answer, browser, person};
use aws_credential_types::Credentials;
use bearingwall_connectors::webhooks::standard::Signer;
use bearingwall_testkit::database::Login;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use time::OffsetDateTime;

/// How long answers may take to come on a machine that has much else to do. Nothing but a failure waits for it.
const LIMIT: Duration = Duration::from_secs(240);

const REGION: &str = "eu-central-1";

/// Requests that go on until they are told to end.
struct Load {
    ends: Arc<AtomicBool>,
    /// Under which of its secrets a webhook's sender signs.
    signs: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
    clients: Vec<JoinHandle<()>>,
    began: Instant,
}

/// Where a webhook goes, and the secrets that its sender has had, in order.
#[derive(Clone)]
struct Hook {
    path: String,
    secrets: [String; 2],
}

impl Load {
    /// Eight clients; each does one request after the other, at each of these servers in turn.
    fn start(site: &Site, servers: &[String], hook: Option<&Hook>) -> Self {
        let load = Self {
            ends: Arc::default(),
            signs: Arc::default(),
            answered: Arc::default(),
            failed: Arc::default(),
            clients: Vec::new(),
            began: Instant::now(),
        };
        let made = answer(
            browser()
                .post(format!("{}/v1/clients", servers[0]))
                .bearer_auth(site.token())
                .json(&person("Ada")),
        );
        assert_eq!(made.0, 201, "{made:?}");
        let made: Value = serde_json::from_str(&made.1).unwrap();
        let known = made["id"].as_str().unwrap().to_owned();
        let clients = (0..8)
            .map(|number| {
                let (ends, signs) = (Arc::clone(&load.ends), Arc::clone(&load.signs));
                let (answered, failed) = (Arc::clone(&load.answered), Arc::clone(&load.failed));
                let (servers, token, known, hook) = (servers.to_vec(), site.token(), known.clone(), hook.cloned());
                std::thread::spawn(move || {
                    let browser = browser();
                    let mut turn = number;
                    while !ends.load(Ordering::Acquire) {
                        let server = &servers[turn % servers.len()];
                        let (status, text) = match (turn / servers.len()) % 4 {
                            0 => answer(browser.get(format!("{server}/v1/me")).bearer_auth(&token)),
                            1 => answer(
                                browser
                                    .post(format!("{server}/v1/clients"))
                                    .bearer_auth(&token)
                                    .json(&person("Grace")),
                            ),
                            2 if hook.is_some() => {
                                let hook = hook.as_ref().unwrap();
                                let secret = &hook.secrets[signs.load(Ordering::Acquire)];
                                let signer = Signer::new([secret.as_bytes()]).unwrap();
                                let (id, body) = (format!("msg_{number}_{turn}"), "{\"type\":\"x\"}");
                                let now = OffsetDateTime::now_utc();
                                answer(
                                    browser
                                        .post(format!("{}{}", servers[0], hook.path))
                                        .header("webhook-id", &id)
                                        .header("webhook-timestamp", now.unix_timestamp())
                                        .header("webhook-signature", signer.sign(&id, now, body.as_bytes()).unwrap())
                                        .body(body),
                                )
                            }
                            _ => {
                                let (status, text) =
                                    answer(browser.get(format!("{server}/v1/clients/{known}")).bearer_auth(&token));
                                // Opened, and not merely answered.
                                if status == 200 && !text.contains("Watersmouth") {
                                    (599, text)
                                } else {
                                    (status, text)
                                }
                            }
                        };
                        if !(200..300).contains(&status) {
                            failed.lock().unwrap().push(format!("{server} {turn}: {status} {text}"));
                        }
                        answered.fetch_add(1, Ordering::AcqRel);
                        turn += 1;
                    }
                })
            })
            .collect();
        Self { clients, ..load }
    }

    /// Waits for this many more answers: what has turned is used by then.
    fn goes_on(&self, more: usize) {
        let until = self.answered.load(Ordering::Acquire) + more;
        while self.answered.load(Ordering::Acquire) < until {
            assert!(self.began.elapsed() < LIMIT + PATIENCE, "the requests stand still");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(mut self) {
        self.ends.store(true, Ordering::Release);
        for client in self.clients.drain(..) {
            client.join().unwrap();
        }
        let failed = self.failed.lock().unwrap();
        let answered = self.answered.load(Ordering::Acquire);
        assert!(
            failed.is_empty(),
            "{} of {answered} failed: {:#?}",
            failed.len(),
            &failed[..failed.len().min(5)]
        );
        assert!(answered >= 100, "only {answered} requests");
    }
}

/// Sessions of a role that began after this moment, with TLS or without.
fn sessions_since(moment: &str, ssl: bool) -> String {
    format!(
        "SELECT a.pid::text FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
          WHERE a.usename = 'bearingwall_app' AND s.ssl = {ssl} AND a.backend_start > '{moment}'::timestamptz"
    )
}

fn now(site: &Site) -> String {
    site.ask("SELECT clock_timestamp()::text").remove(0)
}

#[test]
fn sec_5_keys_secrets_and_logins_turn_under_load_and_no_request_fails() {
    let site = Site::new();
    site.runtime
        .block_on(site.guarded.authenticate(&[Login::App, Login::Worker], "cert"));
    let folder = site.guarded.folder().to_owned();
    let role = Login::App.role();
    let (certificate, key) = site.guarded.authority.issue_to(&folder, role, 21);
    let [regions, kek, enter_key, app, worker] = [
        site.in_region(),
        site.reference("kek"),
        site.reference("enter-key-1"),
        site.reference("app"),
        site.reference("worker"),
    ];
    let keys = format!("[tenancy]\nenter_key = \"{enter_key}\"\nenter_kid = 1\n[keys]\nkek = \"{kek}\"\n");
    // One shows a password, which turns in the vault and in the database; and turns keys, too. The other shows a certificate.
    let by_password = site.server_config(&format!(
        "{}{regions}password = \"{app}\"\nmax_connections = 10\nmax_lifetime_s = 1\n{keys}
         [keys.worker]\nurl = \"{}\"\npassword = \"{worker}\"\ninterval_s = 1
         [webhooks]\npublic_url = \"https://hooks.example.org\"",
        site.database(Login::App, ""),
        site.guarded.url(Login::Worker),
    ));
    let by_certificate = site.server_config(&format!(
        "{}{regions}login = \"certificate\"\nroot_file = \"{}\"\nmax_connections = 10\nmax_lifetime_s = 1
         certificate = {{ certificate_file = \"{}\", key_file = \"{}\" }}\n{keys}",
        site.database(Login::App, ""),
        site.guarded.root_file().display(),
        certificate.display(),
        key.display(),
    ));
    let first = site.start("bearingwall-server", "by-password", &by_password);
    let second = site.start("bearingwall-server", "by-certificate", &by_certificate);

    let secrets = [7_u8, 8].map(|byte| {
        use base64::Engine as _;
        format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode([byte; 32]))
    });
    let endpoint = |path: &str, body: &Value| {
        let made = answer(
            browser()
                .post(format!("{}{path}", first.url))
                .bearer_auth(site.token())
                .json(body),
        );
        assert!((200..300).contains(&made.0), "{made:?}");
        made.1
    };
    let made = endpoint(
        "/v1/webhook-endpoints",
        &json!({"connector": "standard", "secret": secrets[0]}),
    );
    let made: Value = serde_json::from_str(&made).unwrap();
    let hook = Hook {
        path: made["url"].as_str().unwrap().replace("https://hooks.example.org", ""),
        secrets: secrets.clone(),
    };
    let load = Load::start(&site, &[first.url.clone(), second.url.clone()], Some(&hook));
    load.goes_on(40);

    // The key-encryption key: a new version, and every tenant's key under it.
    let [url, store] = site.admin();
    site.ctl(&["keys", "rotate-kek", &store]);
    site.until("SELECT kek_version FROM crm.tenant_keys", |found| found == ["2"]);
    load.goes_on(40);
    // A tenant's key: a new version, which is used once every server has heard of it.
    site.ctl(&["keys", "rotate", "--tenant", &site.tenant.to_string(), &url, &store]);
    site.until("SELECT version::text FROM crm.tenant_keys ORDER BY 1", |found| {
        found == ["1", "2"]
    });
    load.goes_on(40);

    // A webhook's secret: whoever sends signs under the old one, and then under the new one.
    let id = made["id"].as_str().unwrap();
    endpoint(
        &format!("/v1/webhook-endpoints/{id}/secrets"),
        &json!({"secret": secrets[1], "overlap_s": 300}),
    );
    load.goes_on(40);
    load.signs.store(1, Ordering::Release);
    let taken = site.ask("SELECT count(*)::text FROM audit.events WHERE event_type = 'webhook.received'");
    let taken: u64 = taken[0].parse().unwrap();
    site.until(
        "SELECT count(*)::text FROM audit.events WHERE event_type = 'webhook.received'",
        |found| found[0].parse::<u64>().unwrap() > taken + 8,
    );

    // The database's password: in the vault, and then in the database. Sessions that began after that know the new one.
    site.store.put("app", b"turned-while-they-asked").unwrap();
    site.execute("ALTER ROLE bearingwall_app PASSWORD 'turned-while-they-asked'");
    let moment = now(&site);
    site.until(&sessions_since(&moment, false), |found| !found.is_empty());
    load.goes_on(40);

    // The certificate: of another serial, and all that showed the old one are gone.
    site.guarded.authority.issue_to(&folder, role, 22);
    site.until(
        "SELECT DISTINCT s.client_serial::text FROM pg_stat_ssl s WHERE s.client_dn = '/CN=bearingwall_app'",
        |found| found == ["22"],
    );
    load.goes_on(40);
    load.end();
    drop((first, second));
}

fn outside<B>(moto: &Moto, config: impl FnOnce(&str, Credentials) -> B) -> B {
    config(&moto.url, Credentials::new("test", "test", None, None, "test"))
}

#[test]
fn sec_5_a_key_of_kms_and_a_password_of_secrets_manager_turn_under_load_and_no_request_fails() {
    let site = Site::new();
    let Some(moto) = site.runtime.block_on(Moto::start()) else {
        return;
    };
    let secrets = outside(&moto, |url, credentials| {
        let config = aws_sdk_secretsmanager::config::Builder::new()
            .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
            .region(aws_sdk_secretsmanager::config::Region::new(REGION))
            .endpoint_url(url)
            .credentials_provider(credentials);
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    });
    let kms = outside(&moto, |url, credentials| {
        let config = aws_sdk_kms::config::Builder::new()
            .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
            .region(aws_sdk_kms::config::Region::new(REGION))
            .endpoint_url(url)
            .credentials_provider(credentials);
        aws_sdk_kms::Client::from_conf(config.build())
    });
    let password = |login: Login| site.guarded.cluster().role_password(login.role()).unwrap();
    let arns = site.runtime.block_on(async {
        for (name, value) in [
            ("prod/app", password(Login::App).expose().as_bytes().to_vec()),
            ("prod/worker", password(Login::Worker).expose().as_bytes().to_vec()),
            ("prod/enter", site.enter_key.clone()),
        ] {
            let made = secrets.create_secret().name(name).secret_binary(value.into());
            made.send().await.unwrap();
        }
        let mut arns = Vec::new();
        for _ in 0..2 {
            let made = kms.create_key().send().await.unwrap().key_metadata.unwrap();
            arns.push(made.arn.unwrap());
        }
        let alias = kms
            .create_alias()
            .alias_name("alias/bearingwall")
            .target_key_id(&arns[0]);
        alias.send().await.unwrap();
        arns
    });
    let token_file = site.path("token");
    std::fs::write(&token_file, "header.claims.signature").unwrap();
    let config = site.server_config(&format!(
        r#"{database}{regions}password = "aws-sm://{REGION}/prod/app"
max_connections = 10
max_lifetime_s = 1
[tenancy]
enter_key = "aws-sm://{REGION}/prod/enter"
enter_kid = 1
[keys]
kek = "aws-kms://{REGION}/alias/bearingwall"
[keys.worker]
url = "{worker}"
password = "aws-sm://{REGION}/prod/worker"
interval_s = 1
[vaults.aws]
identity = "web-identity"
role_arn = "arn:aws:iam::123456789012:role/bearingwall"
token_file = "{token_file}"
endpoint = "{endpoint}""#,
        database = site.database(Login::App, ""),
        regions = site.in_region(),
        worker = site.guarded.url(Login::Worker),
        token_file = token_file.display(),
        endpoint = moto.url,
    ));
    let server = site.start("bearingwall-server", "on-aws", &config);
    let load = Load::start(&site, std::slice::from_ref(&server.url), None);
    load.goes_on(40);
    site.until("SELECT DISTINCT kek_version FROM crm.tenant_keys", |found| {
        found == [arns[0].as_str()]
    });

    // KMS turns what is behind the key, and nobody has to do anything.
    let turned = site.runtime.block_on(async {
        kms.rotate_key_on_demand().key_id(&arns[0]).send().await.unwrap();
        kms.list_key_rotations().key_id(&arns[0]).send().await
    });
    assert!(!turned.unwrap().rotations().is_empty(), "the key has turned");
    load.goes_on(40);
    // Another key is behind the name: tenants' keys follow.
    site.runtime.block_on(async {
        let alias = kms
            .update_alias()
            .alias_name("alias/bearingwall")
            .target_key_id(&arns[1]);
        alias.send().await.unwrap();
    });
    site.until("SELECT DISTINCT kek_version FROM crm.tenant_keys", |found| {
        found == [arns[1].as_str()]
    });
    load.goes_on(40);

    // The password: a new version in the vault, which the record of reads names.
    let put = site.runtime.block_on(async {
        let put = secrets
            .put_secret_value()
            .secret_id("prod/app")
            .secret_string("turned-in-the-vault");
        put.send().await.unwrap()
    });
    site.execute("ALTER ROLE bearingwall_app PASSWORD 'turned-in-the-vault'");
    let moment = now(&site);
    site.until(&sessions_since(&moment, false), |found| !found.is_empty());
    let version = put.version_id.unwrap();
    site.until(
        "SELECT outcome_code FROM audit.events WHERE event_type = 'secret.read' AND route LIKE '%prod/app'",
        |found| found.contains(&version),
    );
    load.goes_on(40);
    load.end();
    drop(server);
}
