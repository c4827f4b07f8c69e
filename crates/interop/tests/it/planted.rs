//! Secrets that can be told from everything else are planted wherever a secret may be, the programs do their work with them,
//! and then everything that they leave behind is searched.

use crate::guarded::DATABASE;
use crate::programs::{CLIENT, PATIENCE, Program, Site, answer, browser, person};
use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bearingwall_connectors::webhooks::standard::Signer;
use bearingwall_secrets::{FileKeyStore, KeyStore as _, WrappedKey};
use bearingwall_testkit::database::Login;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

/// The forms in which a secret may stand somewhere, each with the secret's name.
struct Needles {
    names: Vec<String>,
    automaton: AhoCorasick,
}

impl Needles {
    fn of(secrets: &[(&str, Vec<u8>)]) -> Self {
        let (mut names, mut forms) = (Vec::new(), Vec::new());
        for (name, secret) in secrets {
            assert!(secret.len() >= 12, "{name} could stand somewhere by chance");
            let mut of_one: BTreeSet<Vec<u8>> = BTreeSet::new();
            of_one.insert(secret.clone());
            of_one.insert(hex(secret).into_bytes());
            of_one.insert(hex(secret).to_uppercase().into_bytes());
            of_one.insert(url_encoded(secret).into_bytes());
            of_one.insert(url_encoded(secret).to_lowercase().into_bytes());
            // Wherever it stands in what was encoded: what depends on its neighbours is cut off.
            for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
                for before in 0..3 {
                    let text = engine.encode([vec![0; before], secret.clone()].concat());
                    let text = text.trim_end_matches('=').as_bytes();
                    let first = (before * 8).div_ceil(6);
                    of_one.insert(text[first..text.len() - 1].to_vec());
                }
            }
            for form in of_one {
                names.push((*name).to_owned());
                forms.push(form);
            }
        }
        Self {
            names,
            automaton: AhoCorasick::new(forms).unwrap(),
        }
    }

    /// Whose secrets stand here; never the secrets.
    fn found(&self, text: &[u8]) -> BTreeSet<String> {
        self.automaton
            .find_overlapping_iter(text)
            .map(|found| self.names[found.pattern().as_usize()].clone())
            .collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn url_encoded(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Takes whatever is sent to it as a receiver of traces, and keeps it.
struct Receiver {
    url: String,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let keeps = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, keeps) = (stream.unwrap(), Arc::clone(&keeps));
                std::thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
                    let (mut whole, mut part) = (Vec::new(), [0; 16_384]);
                    while let Ok(read @ 1..) = stream.read(&mut part) {
                        whole.extend_from_slice(&part[..read]);
                        keeps.lock().unwrap().extend_from_slice(&part[..read]);
                        if is_whole(&whole) {
                            let answer =
                                "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                            let _ = stream.write_all(answer.as_bytes());
                            whole.clear();
                        }
                    }
                });
            }
        });
        Self { url, taken }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some(head) = text
        .split("\r\n\r\n")
        .next()
        .filter(|head| head.len() + 4 <= request.len())
    else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length:")
            .map(|rest| rest.trim().to_owned())
    });
    let body: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    request.len() >= head.len() + 4 + body
}

/// The programs at work, and what is to be found nowhere.
struct Planted {
    site: Site,
    receiver: Receiver,
    server: Program,
    worker: Program,
    sealer: Program,
    /// Errors and results that somebody was told.
    told: Vec<u8>,
    needles: Needles,
}

/// Random bytes: of a secret that stands nowhere by chance.
fn random() -> Vec<u8> {
    [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat()
}

/// A word that nobody else uses.
fn word() -> String {
    format!("planted{}", Uuid::new_v4().simple())
}

fn configured(site: &Site, receiver: &Receiver) -> [String; 3] {
    let telemetry = format!("[telemetry]\nlevel = \"debug\"\notlp_endpoint = \"{}\"\n", receiver.url);
    let of = |name: &str| site.reference(name);
    let (regions, kek) = (site.in_region(), of("kek"));
    let server = site.server_config(&format!(
        "{}{regions}password = \"{}\"\n[tenancy]\nenter_key = \"{}\"\nenter_kid = 1\n[keys]\nkek = \"{kek}\"
         [keys.worker]\nurl = \"{}\"\npassword = \"{}\"\ninterval_s = 1
         [webhooks]\npublic_url = \"https://hooks.example.org\"
         [login]\nissuer = \"{}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{}\"\nseal_key = \"{}\"\norigin = \"http://127.0.0.1:1\"
         {telemetry}",
        site.database(Login::App, ""),
        of("app"),
        of("enter-key-1"),
        site.guarded.url(Login::Worker),
        of("worker"),
        site.issuer.issuer(),
        of("client"),
        of("session"),
    ));
    let worker = format!(
        "version = 1\n{}{regions}password = \"{}\"\n[keys]\nkek = \"{kek}\"\n{telemetry}",
        site.database(Login::Worker, ""),
        of("worker")
    );
    // A witness that is away: whoever complains about it has its keys in hand.
    let sealer = format!(
        "version = 1\norigin = \"audit.example.net\"\n{}password = \"{}\"\n[key]\ncurrent = \"{}\"\n[schedule]\nwitness_interval_s = 1
         [[witnesses]]\nname = \"s3\"\nbucket = \"checkpoints\"\nregion = \"eu-central-1\"\nendpoint = \"http://127.0.0.1:1\"
         access_key_id = \"{}\"\nsecret_access_key = \"{}\"\n{telemetry}",
        site.database(Login::Sealer, ""),
        of("sealer"),
        of("seal"),
        of("s3-id"),
        of("s3-key")
    );
    [server, worker, sealer]
}

impl Planted {
    fn new() -> Self {
        let site = Site::new();
        // Every statement stands in the log of the database from now on, as it would in `pg_stat_statements`.
        // What the cluster was started with gives way to a database's own settings only.
        site.execute(&format!("ALTER DATABASE {DATABASE} SET log_statement = 'all'"));
        site.execute(&format!(
            "ALTER DATABASE {DATABASE} SET log_min_error_statement = 'error'"
        ));
        let hook = format!("whsec_{}", STANDARD.encode(random()));
        let (client, s3_id, s3_key) = (word(), word(), word());
        for (name, value) in [("client", &client), ("s3-id", &s3_id), ("s3-key", &s3_key)] {
            site.store.put(name, value.as_bytes()).unwrap();
        }
        let (session, seal) = (random(), random());
        site.store.put("session", &session).unwrap();
        site.store.put("seal", &seal).unwrap();

        let receiver = Receiver::start();
        let [server, worker, sealer] = configured(&site, &receiver);
        let server = site.start("bearingwall-server", "server", &server);
        let worker = site.start("bearingwall-worker", "worker", &worker);
        let sealer = site.start("bearingwall-sealer", "sealer", &sealer);
        let token = site.token();
        let mut told = work(&server, &token, &hook);
        told.extend(operate(&site));
        site.until("SELECT count(*)::text FROM audit.checkpoints", |found| found != ["0"]);
        let witnessed = "SELECT count(*)::text FROM audit.events WHERE event_type = 'witness.unreachable'";
        site.until(witnessed, |found| found != ["0"]);

        let signature = token.rsplit_once('.').unwrap().1.to_owned();
        let mut secrets = vec![
            (
                "the webhook's secret",
                hook.trim_start_matches("whsec_").as_bytes().to_vec(),
            ),
            (
                "the webhook's key",
                STANDARD.decode(hook.trim_start_matches("whsec_")).unwrap(),
            ),
            ("the client secret", client.into_bytes()),
            ("the session key", session),
            ("the sealer's key", seal),
            ("the witness's key id", s3_id.into_bytes()),
            ("the witness's key", s3_key.into_bytes()),
            ("the enter key", site.enter_key.clone()),
            ("a caller's token", signature.into_bytes()),
        ];
        for role in [Login::Admin, Login::App, Login::Sealer, Login::Worker] {
            let password = site.guarded.cluster().role_password(role.role()).unwrap();
            secrets.push((role.role(), password.expose().as_bytes().to_vec()));
        }
        secrets.extend(keys(&site));
        Self {
            needles: Needles::of(&secrets),
            site,
            receiver,
            server,
            worker,
            sealer,
            told,
        }
    }
}

/// The key-encryption key, and what it wraps: the tenant's key.
fn keys(site: &Site) -> Vec<(&'static str, Vec<u8>)> {
    site.runtime.block_on(async {
        let kek = site.store.fetch("kek").unwrap();
        let rows = site
            .guarded
            .superuser()
            .await
            .query("SELECT kek_version, wrapped FROM crm.tenant_keys", &[])
            .await
            .unwrap();
        let store = FileKeyStore::open(site.store.clone(), "kek").unwrap();
        let mut keys = vec![("the key-encryption key", kek.bytes().to_vec())];
        for row in rows {
            let wrapped = WrappedKey {
                kek_version: row.get(0),
                bytes: row.get(1),
            };
            let key = store.unwrap(site.tenant, &wrapped).await.unwrap();
            keys.push(("the tenant's key", key.bytes().to_vec()));
        }
        assert!(keys.len() > 1, "the tenant has a key");
        keys
    })
}

/// Real work, and as many mistakes as somebody could make with a secret in hand. What they were told.
fn work(server: &Program, token: &str, hook: &str) -> Vec<u8> {
    let (browser, url) = (browser(), &server.url);
    let mut told = String::new();
    let mut tell = |(status, text): (u16, String)| {
        told.push_str(&format!("{status} {text}\n"));
        (status, text)
    };
    let client = tell(answer(
        browser
            .post(format!("{url}/v1/clients"))
            .bearer_auth(token)
            .json(&person("Ada")),
    ));
    assert_eq!(client.0, 201, "{client:?}");
    let client: Value = serde_json::from_str(&client.1).unwrap();
    let client = format!("{url}/v1/clients/{}", client["id"].as_str().unwrap());
    assert_eq!(tell(answer(browser.get(&client).bearer_auth(token))).0, 200);

    let endpoints = format!("{url}/v1/webhook-endpoints");
    let make = |body: &Value| answer(browser.post(&endpoints).bearer_auth(token).json(body));
    let made = tell(make(&json!({"connector": "standard", "secret": hook})));
    assert_eq!(made.0, 201, "{made:?}");
    let made: Value = serde_json::from_str(&made.1).unwrap();
    let path = made["url"].as_str().unwrap().replace("https://hooks.example.org", "");
    let signer = Signer::new([hook.as_bytes()]).unwrap();
    let (now, body) = (OffsetDateTime::now_utc(), "{\"type\":\"x\"}");
    let signed = signer.sign("msg_1", now, body.as_bytes()).unwrap();
    for (signature, status) in [(signed.as_str(), 204), ("v1,AAAA", 401)] {
        let sent = browser
            .post(format!("{url}{path}"))
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", now.unix_timestamp())
            .header("webhook-signature", signature)
            .body(body);
        assert_eq!(tell(answer(sent)).0, status);
    }
    // In the wrong field, in a body that is none, where no secret belongs, and for an endpoint that is not there.
    for body in [
        json!({"connector": hook, "secret": hook}),
        json!({"connector": "standard", "secret": hook, "surprise": hook}),
        json!({"connector": "standard", "secret": {"value": hook}}),
        json!({"connector": "twilio", "secret": hook, "algorithm": hook}),
    ] {
        let refused = tell(make(&body));
        assert!((400..500).contains(&refused.0), "{refused:?}");
    }
    let broken = browser
        .post(&endpoints)
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body(format!("{{\"secret\": \"{hook}\""));
    assert_eq!(tell(answer(broken)).0, 400);
    let missing = browser
        .post(format!("{endpoints}/{}/secrets", Uuid::now_v7()))
        .bearer_auth(token)
        .json(&json!({"secret": hook}));
    assert_eq!(tell(answer(missing)).0, 404);

    // A sign-in that the provider refuses, for which the client's secret has left.
    let begun = browser.get(format!("{url}/auth/login")).send().unwrap();
    let cookie = begun.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let there: url::Url = begun.headers()["location"].to_str().unwrap().parse().unwrap();
    let state = there
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let back = browser
        .get(format!("{url}/auth/callback?code=refused&state={state}"))
        .header("cookie", cookie);
    let refused = tell(answer(back));
    assert!(refused.0 >= 400, "{refused:?}");

    // A caller's token that is none any more, and an address that nobody has.
    tell(answer(
        browser.get(format!("{url}/v1/me")).bearer_auth(format!("{token}x")),
    ));
    tell(answer(
        browser.get(format!("{url}/v1/nobody/{hook}")).bearer_auth(token),
    ));
    told.into_bytes()
}

/// The operator's part.
fn operate(site: &Site) -> Vec<u8> {
    let [url, store] = site.admin();
    let mut told = String::new();
    for arguments in [
        &["keys", "status"][..],
        &["keys", "verify"],
        &["keys", "rotate"],
        &["tenant", "list"],
    ] {
        let mut arguments = arguments.to_vec();
        arguments.extend([url.as_str(), store.as_str()]);
        told.push_str(&site.ctl(&arguments));
    }
    // Beside the store only: this one may find fault with what else there is.
    let doctor = Site::command("bearingwall-ctl")
        .args(["doctor", &url, &store])
        .output()
        .unwrap();
    told.push_str(&String::from_utf8_lossy(&[doctor.stdout, doctor.stderr].concat()));
    told.into_bytes()
}

/// Every file below a folder, each by its name.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

/// Where something was found, and whose.
type Found = BTreeSet<(String, String)>;

fn look(needles: &Needles, place: &str, text: &[u8], found: &mut Found) {
    found.extend(needles.found(text).into_iter().map(|name| (place.to_owned(), name)));
}

/// Every row of every table and every view of the system's, as text.
fn in_the_database(planted: &Planted, found: &mut Found) -> usize {
    let relations = planted.site.ask(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p', 'm') OR (c.relkind = 'v' AND c.relname IN ('pg_settings', 'pg_stat_activity',
            'pg_prepared_statements', 'pg_file_settings', 'pg_hba_file_rules', 'pg_stat_statements', 'pg_cursors'))",
    );
    for relation in &relations {
        let rows = planted.site.ask(&format!("SELECT r::text FROM {relation} r"));
        look(&planted.needles, relation, rows.join("\n").as_bytes(), found);
    }
    relations.len()
}

fn everywhere(planted: &Planted) -> Found {
    let needles = &planted.needles;
    let mut found = Found::new();
    assert!(in_the_database(planted, &mut found) > 100, "every table was looked at");
    let mut all = Vec::new();
    for folder in [planted.site.path("."), planted.site.guarded.folder().to_owned()] {
        files(&folder, &mut all);
    }
    let ours = planted.site.guarded.cluster().log_file();
    assert!(all.contains(&ours) || ours.exists(), "{}", ours.display());
    for file in all {
        // What a running server has removed in the meantime is nowhere.
        let Ok(text) = std::fs::read(&file) else { continue };
        // The cluster keeps the roles' passwords for the test: the one place where they must be.
        if file.file_name().is_some_and(|name| name == "credentials.json") {
            continue;
        }
        look(needles, &file.display().to_string(), &text, &mut found);
    }
    look(needles, "traces", &planted.receiver.taken.lock().unwrap(), &mut found);
    look(needles, "answers", &planted.told, &mut found);
    for program in [&planted.server, &planted.worker, &planted.sealer] {
        for what in ["environ", "cmdline"] {
            let text = std::fs::read(format!("/proc/{}/{what}", program.pid())).unwrap_or_default();
            look(needles, what, &text, &mut found);
        }
    }
    found
}

#[test]
fn sec_1_no_planted_secret_is_found_anywhere() {
    let mut planted = Planted::new();
    // What is searched is what there is: the programs have logged, traced, recorded and been asked.
    let began = Instant::now();
    while planted.receiver.taken.lock().unwrap().len() < 1_000 {
        assert!(began.elapsed() < PATIENCE, "no traces arrive");
        std::thread::sleep(Duration::from_millis(50));
    }
    for program in [&mut planted.server, &mut planted.worker, &mut planted.sealer] {
        assert!(program.runs(), "{}", program.said());
        assert!(!program.said().is_empty());
    }
    let logged = std::fs::read_to_string(planted.site.guarded.cluster().log_file()).unwrap();
    assert!(logged.contains("record_secret_read"), "the database logs statements");
    let reads =
        "SELECT DISTINCT substring(route from '#.*') FROM audit.events WHERE event_type = 'secret.read' ORDER BY 1";
    let names = [
        "#app",
        "#client",
        "#enter-key-1",
        "#s3-id",
        "#s3-key",
        "#seal",
        "#sealer",
        "#session",
        "#worker",
    ];
    planted.site.until(reads, |found| {
        names.iter().all(|name| found.iter().any(|one| one == name))
    });

    let clean = everywhere(&planted);
    assert!(clean.is_empty(), "{clean:#?}");

    for program in [&mut planted.server, &mut planted.worker, &mut planted.sealer] {
        program.stop();
    }

    // And it would be found: each of these is one leak, in another place and another form.
    let key = planted.site.enter_key.clone();
    let leak = |text: String| {
        planted.site.execute(&format!(
            "CREATE TABLE IF NOT EXISTS public.leaks (leak text); INSERT INTO public.leaks VALUES ('{text}')"
        ));
    };
    leak(format!("x{}x", hex(&key)));
    std::fs::write(planted.site.path("dump"), [b"core".to_vec(), key.clone()].concat()).unwrap();
    planted
        .receiver
        .taken
        .lock()
        .unwrap()
        .extend(STANDARD.encode([b"ab".to_vec(), key.clone()].concat()).into_bytes());
    planted.told.extend(url_encoded(&key).into_bytes());
    let leaked = everywhere(&planted);
    assert!(
        leaked.iter().all(|(_, name)| name == "the enter key"),
        "nothing else, at the end either: {leaked:#?}"
    );
    let leaked: BTreeSet<String> = leaked.into_iter().map(|(place, _)| place).collect();
    let ends = |end: &str| leaked.iter().any(|place| place.ends_with(end));
    assert!(
        ends("public.leaks") && ends("dump") && ends("traces") && ends("answers"),
        "{leaked:?}"
    );
    assert!(
        ends("server.log"),
        "the statement stands in the database's log: {leaked:?}"
    );
}

/// What a command of the cluster's own user is told.
fn as_its_user(site: &Site, program: &str, arguments: &[&str]) -> (bool, String) {
    let mut command: Command = site.guarded.cluster().command(Path::new(program));
    let output = command.args(arguments).output().unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
    )
}

#[test]
fn sec_7_a_program_leaves_no_image_of_its_memory_and_shows_it_to_nobody_of_its_user() {
    let site = Site::new();
    let cluster = site.guarded.cluster();
    // The sealer, which waits for a database that is not there; everything is its user's own.
    let folder = site.guarded.folder().join("own");
    std::fs::create_dir(&folder).unwrap();
    let config = folder.join("sealer.toml");
    let store = bearingwall_secrets::FileStore::create(folder.join("secrets")).unwrap();
    store.put("seal", &random()).unwrap();
    let reference = store.reference("seal").unwrap();
    std::fs::write(
        &config,
        format!("version = 1\norigin = \"audit.example.net\"\n[database]\nurl = \"postgres://x@127.0.0.1:1/x\"\n[key]\ncurrent = \"{reference}\"\n"),
    )
    .unwrap();
    // Where that user may run it.
    let program = folder.join("program");
    std::fs::copy(env!("CARGO_BIN_EXE_bearingwall-interop"), &program).unwrap();
    let mut all = vec![folder.clone(), folder.join("secrets")];
    files(&folder, &mut all);
    for path in &all {
        cluster.give(path).unwrap();
    }
    let log = site.path("own.log");
    let output = std::fs::File::create(&log).unwrap();
    let mut sealer = cluster.command(&program);
    sealer.args(["bearingwall-sealer", "--config"]).arg(&config);
    let sealer = sealer
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let sealer = Ends(sealer);
    let other = Ends(cluster.command(Path::new("/bin/sleep")).arg("300").spawn().unwrap());
    let began = Instant::now();
    while !std::fs::read_to_string(&log)
        .unwrap()
        .contains("sealing was interrupted")
    {
        assert!(began.elapsed() < PATIENCE, "{}", std::fs::read_to_string(&log).unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }

    let of = |ends: &Ends, what: &str| format!("/proc/{}/{what}", ends.0.id());
    let limits = std::fs::read_to_string(of(&sealer, "limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(),
        ["0", "0"],
        "{core}"
    );
    // Another process of the same user shows what it has; this one does not.
    for what in ["environ", "maps"] {
        let (shown, text) = as_its_user(&site, "/bin/cat", &[&of(&other, what)]);
        assert!(shown, "{text}");
        let (shown, text) = as_its_user(&site, "/bin/cat", &[&of(&sealer, what)]);
        assert!(!shown && text.contains("Permission denied"), "{what}: {text}");
    }
    let (shown, text) = as_its_user(
        &site,
        "/bin/dd",
        &[&format!("if={}", of(&sealer, "mem")), "bs=1", "count=1"],
    );
    assert!(!shown && text.contains("Permission denied"), "{text}");
}

/// A process that ends with this value.
struct Ends(std::process::Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
