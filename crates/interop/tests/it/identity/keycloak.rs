//! The real Keycloak: started on loopback with a database in memory, one realm for each test out of the realm file.

use super::browser::{Answer, Browser, form};
use super::provider::{AUDIENCE, CLIENT_ID, Person, Provider};
use crate::pgbouncer::required;
use serde_json::{Value, json};
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;

/// Two cores that others use too: it took 18 s alone.
const PATIENCE: Duration = Duration::from_secs(240);

const REALM: &str = include_str!("../../../testdata/keycloak/realm.json");

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// The process. The tests that run at the same time share it, and the last of them ends it.
struct Server {
    child: Child,
    origin: String,
    password: String,
    _scratch: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // The start script waits for Java in the same group, which is ours alone.
        let group = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// The newest distribution that `.ci/identity.sh` has provided, or the one that `BEARINGWALL_KEYCLOAK` names.
fn home() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("BEARINGWALL_KEYCLOAK") {
        return Some(PathBuf::from(named));
    }
    let entries = std::fs::read_dir(super::cache()?.join("keycloak")).ok()?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("prepared").exists())
        .max()
}

impl Server {
    fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let home = home();
        required(home.is_some(), "no Keycloak was found");
        let server = Arc::new(Self::start(&home?));
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    fn start(home: &std::path::Path) -> Self {
        let port = super::free_port();
        let scratch = tempfile::tempdir().unwrap();
        let log = scratch.path().join("log");
        let output = File::create(&log).unwrap();
        let password = Uuid::new_v4().to_string();
        let mut child = Command::new(home.join("bin/kc.sh"))
            .args(["start", "--optimized", "--cache=local", "--http-enabled=true"])
            .args(["--hostname-strict=false", "--http-host=127.0.0.1"])
            .arg(format!("--http-port={port}"))
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", "administrator")
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", &password)
            .env("JAVA_OPTS_APPEND", "-Xmx768m -XX:TieredStopAtLevel=1")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let origin = format!("http://127.0.0.1:{port}");
        let deadline = Instant::now() + PATIENCE;
        while Browser::new()
            .try_get(&format!("{origin}/realms/master"))
            .is_none_or(|answer| answer.status != 200)
        {
            let said = || std::fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "Keycloak ended: {}", said());
            assert!(Instant::now() < deadline, "Keycloak does not start: {}", said());
            std::thread::sleep(Duration::from_millis(200));
        }
        Self {
            child,
            origin,
            password,
            _scratch: scratch,
        }
    }

    /// One order to the administrator's interface.
    fn order(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        // Each with a fresh token: they live for a minute.
        let login = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", "administrator"),
            ("password", &self.password),
        ];
        let token = format!("{}/realms/master/protocol/openid-connect/token", self.origin);
        let token = Browser::new().post(&token, &form(&login));
        let token = token.json()["access_token"].as_str().unwrap().to_owned();
        let answer = Browser::new().send(method, &format!("{}/admin/realms{path}", self.origin), |request| {
            let request = request.bearer_auth(token);
            match body {
                Some(body) => request.json(body),
                None => request,
            }
        });
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        answer
    }
}

/// One realm.
pub(crate) struct Keycloak {
    server: Arc<Server>,
    realm: String,
    secret: String,
}

impl Keycloak {
    fn order(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.server.order(method, &format!("/{}{path}", self.realm), body)
    }

    fn ask(&self, path: &str) -> Value {
        self.order("GET", path, None).json()
    }

    fn user(&self, name: &str) -> Value {
        self.ask(&format!("/users?exact=true&username={name}"))[0].clone()
    }

    fn client(&self) -> Value {
        self.ask(&format!("/clients?clientId={CLIENT_ID}"))[0].clone()
    }

    fn signing_keys(&self) -> Vec<Value> {
        let all = self.ask("/components?type=org.keycloak.keys.KeyProvider");
        let all = all.as_array().unwrap().iter();
        all.filter(|key| key["providerId"] == "ecdsa-generated")
            .cloned()
            .collect()
    }
}

impl Provider for Keycloak {
    fn start(origin: &str) -> Option<Self> {
        let server = Server::shared()?;
        // The file as it is handed out; of it only the name and the application's address are the test's own.
        let realm = format!("bearingwall-{}", Uuid::new_v4().simple());
        let mut file: Value = serde_json::from_str(REALM).unwrap();
        file["realm"] = json!(realm);
        server.order("POST", "", Some(&file));
        let mut keycloak = Self {
            server,
            realm,
            secret: String::new(),
        };
        let mut client = keycloak.client();
        let own = "http://127.0.0.1:8080";
        let moved: Value = serde_json::from_str(&client.to_string().replace(own, origin)).unwrap();
        assert_ne!(moved, client);
        client = moved;
        let id = client["id"].as_str().unwrap().to_owned();
        keycloak.order("PUT", &format!("/clients/{id}"), Some(&client));
        // Nobody wrote it down: the provider has made it.
        client["secret"].as_str().unwrap().clone_into(&mut keycloak.secret);
        assert!(keycloak.secret.len() >= 32);
        Some(keycloak)
    }

    fn issuer(&self) -> String {
        format!("{}/realms/{}", self.server.origin, self.realm)
    }

    fn client_secret(&self) -> String {
        self.secret.clone()
    }

    fn enrol(&self, person: &Person) {
        let customer: Vec<String> = person.customer.iter().map(ToString::to_string).collect();
        let attributes = if customer.is_empty() {
            json!({})
        } else {
            json!({ "customer_id": customer })
        };
        let user = json!({
            "username": person.name,
            "enabled": true,
            "email": format!("{}@example.net", person.name),
            "firstName": person.name,
            "lastName": "Example",
            "attributes": attributes,
            "credentials": [
                {"type": "password", "value": person.password(), "temporary": false},
                {"type": "otp",
                 "secretData": json!({"value": person.second_factor}).to_string(),
                 "credentialData": json!({"subType": "totp", "period": 30, "digits": 6, "algorithm": "HmacSHA1"}).to_string()},
            ],
        });
        self.order("POST", "/users", Some(&user));
        let id = self.user(person.name)["id"].as_str().unwrap().to_owned();
        let roles: Vec<Value> = person
            .roles
            .iter()
            .map(|role| self.ask(&format!("/roles/{role}")))
            .collect();
        self.order("POST", &format!("/users/{id}/role-mappings/realm"), Some(&json!(roles)));
    }

    fn disable(&self, person: &Person) {
        let mut user = self.user(person.name);
        user["enabled"] = json!(false);
        let id = user["id"].as_str().unwrap().to_owned();
        self.order("PUT", &format!("/users/{id}"), Some(&user));
    }

    fn access_token_lifetime(&self, seconds: u32) {
        let mut client = self.client();
        client["attributes"]["access.token.lifespan"] = json!(seconds.to_string());
        let id = client["id"].as_str().unwrap().to_owned();
        self.order("PUT", &format!("/clients/{id}"), Some(&client));
    }

    fn rotate(&self) {
        let priority = 200 + self.signing_keys().len();
        let key = json!({
            "name": format!("ES256 {priority}"),
            "providerId": "ecdsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": [priority.to_string()], "enabled": ["true"], "active": ["true"], "ecdsaEllipticCurveKey": ["P-256"]},
        });
        self.order("POST", "/components", Some(&key));
    }

    fn withdraw_old_keys(&self) {
        let priority = |key: &Value| key["config"]["priority"][0].as_str().unwrap().parse::<u32>().unwrap();
        let mut keys = self.signing_keys();
        keys.sort_by_key(priority);
        keys.pop();
        for key in keys {
            self.order("DELETE", &format!("/components/{}", key["id"].as_str().unwrap()), None);
        }
    }
}

/// The tenant decides which rows are seen: a person who could change their own would leave their tenant.
#[test]
fn aut_1_the_realm_file_lets_nobody_choose_their_own_tenant() {
    let Some(keycloak) = Keycloak::start("http://127.0.0.1:9") else {
        return;
    };
    let profile = keycloak.ask("/users/profile");
    assert_eq!(profile["unmanagedAttributePolicy"], Value::Null);
    let attributes = profile["attributes"].as_array().unwrap();
    let tenant = attributes
        .iter()
        .find(|attribute| attribute["name"] == "customer_id")
        .unwrap();
    assert_eq!(tenant["permissions"]["edit"], json!(["admin"]));
    let client = keycloak.client();
    assert_eq!(client["fullScopeAllowed"], json!(false));
    assert_eq!(client["directAccessGrantsEnabled"], json!(false));
    assert_eq!(client["attributes"]["pkce.code.challenge.method"], json!("S256"));
    assert_ne!(
        CLIENT_ID, AUDIENCE,
        "an ID token is for the client, and no access token"
    );
    // A tenant's own directory: its people get one tenant, whatever the directory says of them.
    let mappers = keycloak.ask("/identity-provider/instances/saml-example/mappers");
    let mapper = mappers
        .as_array()
        .unwrap()
        .iter()
        .find(|mapper| mapper["config"]["attribute"] == "customer_id");
    assert_eq!(
        mapper.unwrap()["identityProviderMapper"],
        json!("hardcoded-attribute-idp-mapper")
    );
    assert_eq!(mapper.unwrap()["config"]["syncMode"], json!("FORCE"));
}
