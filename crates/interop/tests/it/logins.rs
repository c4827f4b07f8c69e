//! Database logins without a static secret, against a PostgreSQL that speaks TLS.

use crate::guarded::{Authority, Guarded, put};
use crate::keyvault::KeyVault;
use crate::moto::{Moto, environment};
use crate::pgbouncer::required;
use crate::spas::{Failure, Spas, visible};
use aws_credential_types::Credentials;
use bearingwall_core::Sensitive;
use bearingwall_secrets_aws::{Aws, DatabaseUser, Identity, WebIdentity, presigned};
use bearingwall_tenancy::{DatabaseAddress, LoginFailure, LoginToken, PoolConfig, TenancyError, TenantPool, danger};
use bearingwall_testkit::database::Login;
use bearingwall_vaults::{DatabaseLogin, DatabaseSettings, LoginKind, VaultSettings, Vaults};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// What Azure Database for PostgreSQL is called where tokens are given out.
const OSSRDBMS: &str = "https://ossrdbms-aad.database.windows.net";

fn settings(guarded: &Guarded, role: Login, more: &str) -> DatabaseLogin {
    let text = format!(
        "url = \"{}\"\nroot_file = \"{}\"\n{more}",
        guarded.url(role),
        guarded.root_file().display()
    );
    let settings: DatabaseSettings = bearingwall_secrets::document::parse(&text).unwrap();
    settings.login()
}

fn by_certificate(guarded: &Guarded, role: Login, (certificate, key): &(PathBuf, PathBuf)) -> DatabaseLogin {
    let files = format!(
        "login = \"certificate\"\ncertificate = {{ certificate_file = \"{}\", key_file = \"{}\" }}",
        certificate.display(),
        key.display()
    );
    settings(guarded, role, &files)
}

/// A pool whose connections end at once, or never.
async fn connected(
    vaults: &Vaults,
    login: &DatabaseLogin,
    spas: &Spas,
    ends: bool,
) -> Result<TenantPool, TenancyError> {
    let config = vaults.pool_config(login, vec!["eu-west-1".to_owned()]).await.unwrap();
    spas.connect(PoolConfig {
        max_connections: 1,
        max_lifetime: ends.then_some(Duration::ZERO),
        ..config
    })
    .await
}

/// Version of TLS, name and serial of those who are in.
async fn shown(guarded: &Guarded) -> Vec<String> {
    let asked = "SELECT DISTINCT a.usename || ' ' || s.version || ' ' || coalesce(s.client_dn || ' ' || s.client_serial, '-')
                   FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE s.ssl AND a.usename <> 'postgres' ORDER BY 1";
    let rows = guarded.superuser().await.query(asked, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn vaults() -> Vaults {
    Vaults::open("bearingwall-server", &VaultSettings::default()).unwrap()
}

fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_6_a_certificate_lets_its_own_role_in_and_no_other() {
    let guarded = Guarded::start().await;
    let spas = guarded.spas().await;
    guarded.authenticate(&[Login::App, Login::Worker], "cert").await;
    let role = Login::App.role();
    let files = guarded.authority.issue_to(guarded.folder(), role, 11);
    let app = by_certificate(&guarded, Login::App, &files);
    let vaults = vaults();

    let lasting = connected(&vaults, &app, &spas, false).await.unwrap();
    let ending = connected(&vaults, &app, &spas, true).await.unwrap();
    visible(&lasting, spas.tenants[0]).await.unwrap();
    assert_eq!(shown(&guarded).await, [format!("{role} TLSv1.3 /CN={role} 11")]);

    // The same certificate is nobody else's.
    let worker = by_certificate(&guarded, Login::Worker, &files);
    let refused = danger::dial(&worker.address(), None).await.map(drop).unwrap_err();
    assert!(
        text(&refused).contains("certificate authentication failed"),
        "{}",
        text(&refused)
    );
    // And without one nobody is let in, with whatever password.
    let bare: DatabaseAddress = guarded.url(Login::App).parse().unwrap();
    let bare = bare.with_root_file(guarded.root_file()).demanding_tls();
    let password = guarded.cluster().role_password(role).unwrap();
    assert!(danger::dial(&bare, Some(&password)).await.is_err());

    // It is renewed: who is in stays in, and the next one shows the new one. Nobody was told.
    guarded.authority.issue_to(guarded.folder(), role, 12);
    visible(&lasting, spas.tenants[0]).await.unwrap();
    visible(&ending, spas.tenants[1]).await.unwrap();
    let seen = [
        format!("{role} TLSv1.3 /CN={role} 11"),
        format!("{role} TLSv1.3 /CN={role} 12"),
    ];
    assert_eq!(shown(&guarded).await, seen);

    // What nobody here has signed, a key that others can read, and a key of something else are refused.
    Authority::new("somebody else").issue_to(guarded.folder(), role, 13);
    assert!(matches!(
        visible(&ending, spas.tenants[0]).await,
        Err(Failure::Tenancy(TenancyError::Dial(_)))
    ));
    let (_, key) = guarded.authority.issue(role, &[], 14);
    guarded.authority.issue_to(guarded.folder(), role, 14);
    let own = std::fs::read_to_string(&files.1).unwrap();
    put(&files.1, &own, 0o644);
    let refused = danger::dial(&app.address(), None).await.map(drop).unwrap_err();
    assert!(
        text(&refused).contains("a private key that others can read"),
        "{}",
        text(&refused)
    );
    put(&files.1, &key, 0o600);
    assert!(
        danger::dial(&app.address(), None).await.is_err(),
        "not the certificate's key"
    );
    put(
        &files.1,
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
        0o600,
    );
    let refused = danger::dial(&app.address(), None).await.map(drop).unwrap_err();
    assert!(!text(&refused).contains("c2VjcmV0"), "{}", text(&refused));
    put(&files.1, &own, 0o600);
    visible(&ending, spas.tenants[0]).await.unwrap();

    // A server whose certificate nobody trusts, or is for another name, gets nothing.
    let other = guarded.folder().join("other.pem");
    std::fs::write(&other, Authority::new("somebody else").pem()).unwrap();
    assert!(danger::dial(&app.address().with_root_file(other), None).await.is_err());
    let named = guarded.url(Login::App).replace("127.0.0.1", "127.0.0.2");
    let named = DatabaseLogin {
        url: named.parse().unwrap(),
        ..app.clone()
    };
    assert!(danger::dial(&named.address(), None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_6_a_server_that_says_it_knows_no_tls_gets_no_login() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).unwrap();
        // "No TLS here", as anybody on the way could say.
        stream.write_all(b"N").unwrap();
        // Whoever goes on without TLS would wait for an answer for ever.
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        (request, rest)
    });
    let address: DatabaseAddress = format!("postgres://bearingwall_app@127.0.0.1:{port}/x")
        .parse()
        .unwrap();
    let token = Sensitive::new("a-token-that-opens-the-database".to_owned());
    let refused = danger::dial(&address.demanding_tls(), Some(&token))
        .await
        .map(drop)
        .unwrap_err();
    assert!(
        text(&refused).contains("server does not support TLS"),
        "{}",
        text(&refused)
    );
    let (request, rest) = tokio::task::spawn_blocking(move || heard.join().unwrap())
        .await
        .unwrap();
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "a request for TLS");
    assert!(rest.is_empty(), "nothing follows on that: {rest:?}");
}

/// A token that somebody turns from outside.
struct Turned(Mutex<String>);

impl LoginToken for Turned {
    fn fetch(&self) -> BoxFuture<'_, Result<Sensitive<String>, LoginFailure>> {
        Box::pin(async move { Ok(Sensitive::new(self.0.lock().unwrap().clone())) })
    }

    fn refused(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_6_open_connections_outlive_a_token_new_ones_take_the_next_and_a_stale_one_is_refused() {
    let guarded = Guarded::start().await;
    let spas = guarded.spas().await;
    guarded.authenticate(&[Login::App], "scram-sha-256").await;
    let superuser = guarded.superuser().await;
    let takes = async |token: &str| {
        let alter = format!("ALTER ROLE bearingwall_app PASSWORD '{token}'");
        superuser.batch_execute(&alter).await.unwrap();
    };
    let token = Arc::new(Turned(Mutex::new("first.token".to_owned())));
    takes("first.token").await;
    let address: DatabaseAddress = guarded.url(Login::App).parse().unwrap();
    let config = |ends: bool| PoolConfig {
        login: Some(bearingwall_tenancy::Login::new(
            Arc::clone(&token) as Arc<dyn LoginToken>
        )),
        max_connections: 1,
        max_lifetime: ends.then_some(Duration::ZERO),
        ..PoolConfig::new(
            address.clone().with_root_file(guarded.root_file()).demanding_tls(),
            None,
            vec!["eu-west-1".to_owned()],
        )
    };
    let lasting = spas.connect(config(false)).await.unwrap();
    let ending = spas.connect(config(true)).await.unwrap();
    takes("second.token").await;
    visible(&lasting, spas.tenants[0]).await.unwrap();
    let refused = visible(&ending, spas.tenants[0]).await;
    assert!(
        matches!(refused, Err(Failure::Tenancy(TenancyError::Dial(_)))),
        "{refused:?}"
    );
    *token.0.lock().unwrap() = "second.token".to_owned();
    visible(&ending, spas.tenants[0]).await.unwrap();
    visible(&lasting, spas.tenants[1]).await.unwrap();
    assert_eq!(shown(&guarded).await, ["bearingwall_app TLSv1.3 -"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_6_a_token_of_entra_lets_in_and_is_replaced_when_it_is_refused() {
    let Some(vault) = KeyVault::start().await else { return };
    let guarded = Guarded::start().await;
    let spas = guarded.spas().await;
    guarded.authenticate(&[Login::App], "scram-sha-256").await;
    let superuser = guarded.superuser().await;
    // What Azure's database does with a directory, this one does with the tokens that the directory has given out.
    let learns = async || {
        let token = vault.granted(OSSRDBMS).await.pop().unwrap();
        let alter = format!("ALTER ROLE bearingwall_app PASSWORD '{token}'");
        superuser.batch_execute(&alter).await.unwrap();
        token
    };
    let app = settings(&guarded, Login::App, "login = \"entra\"");
    assert_eq!(app.kind, Some(LoginKind::Entra));
    vault.project(json!({})).await;
    let vaults = Vaults::open("bearingwall-server", &vault.settings()).unwrap();
    // Fetched with the configuration already: an identity that is none is told as such.
    let config = vaults.pool_config(&app, vec!["eu-west-1".to_owned()]).await.unwrap();
    let first = learns().await;
    let ending = spas
        .connect(PoolConfig {
            max_connections: 1,
            max_lifetime: Some(Duration::ZERO),
            ..config
        })
        .await
        .unwrap();
    for tenant in &spas.tenants {
        visible(&ending, *tenant).await.unwrap();
    }
    assert_eq!(vault.counted("sts").await, 1, "one token for all of these connections");

    // The directory takes it back, and the database with it.
    vault.steer("revoke", json!({})).await;
    superuser
        .batch_execute("ALTER ROLE bearingwall_app PASSWORD 'none-yet'")
        .await
        .unwrap();
    assert!(visible(&ending, spas.tenants[0]).await.is_err());
    assert_eq!(vault.counted("sts").await, 2, "another one is asked for, once");
    let second = learns().await;
    assert_ne!(first, second);
    visible(&ending, spas.tenants[0]).await.unwrap();
    assert_eq!(vault.counted("sts").await, 2);

    // Whom the platform does not vouch for gets none.
    vault
        .project(json!({"sub": "system:serviceaccount:default:default"}))
        .await;
    let stranger = Vaults::open("bearingwall-server", &vault.settings()).unwrap();
    let refused = stranger.pool_config(&app, Vec::new()).await.map(drop).unwrap_err();
    assert_eq!(bearingwall_core::Classified::code(&refused), "SEC-014", "{refused:?}");
}

/// What a token says: the host before the query, and the query's parameters.
fn parameters(token: &str) -> (String, BTreeMap<String, String>) {
    let (host, _) = token.split_once("/?").unwrap();
    let url: url::Url = format!("https://{token}").parse().unwrap();
    (host.to_owned(), url.query_pairs().into_owned().collect())
}

const SIGNS: &str = r#"
import datetime, json, sys
import botocore.auth, botocore.credentials, botocore.session
asked = json.load(sys.stdin)
class Clock(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return cls.utcfromtimestamp(asked["at"])
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(asked["at"], tz)
botocore.auth.datetime.datetime = Clock
if hasattr(botocore.auth, "get_current_datetime"):
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: Clock.utcfromtimestamp(asked["at"])
session = botocore.session.Session()
client = session.create_client(
    "rds", region_name=asked["region"], aws_access_key_id=asked["id"], aws_secret_access_key=asked["key"],
    aws_session_token=asked["session"])
print(client.generate_db_auth_token(DBHostname=asked["host"], Port=asked["port"], DBUsername=asked["user"]))
"#;

/// What Amazon's own library for Python signs.
fn botocore(asked: &Value) -> String {
    let mut python = Command::new(environment().join("bin/python"))
        .args(["-W", "ignore", "-c", SIGNS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    input.write_all(asked.to_string().as_bytes()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn sec_6_an_iam_token_is_what_amazons_own_library_signs() {
    required(environment().exists(), "no botocore was found (.ci/moto.sh)");
    if !environment().exists() {
        return;
    }
    let at = 1_790_000_000_u64;
    for (host, port, user, session) in [
        (
            "db.abcdefghijkl.eu-central-1.rds.amazonaws.com",
            5432,
            "bearingwall_app",
            Some("IQoJb3JpZ2luX2VjE/+=="),
        ),
        (
            "db.abcdefghijkl.eu-central-1.rds.amazonaws.com",
            443,
            "a role+with/odd=signs",
            None,
        ),
        ("localhost", 6543, "bearingwall_worker", Some("x")),
    ] {
        let credentials = Credentials::new(
            concat!("AKIA", "IOSFODNN7EXAMPLE"),
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            session.map(ToOwned::to_owned),
            None,
            "test",
        );
        let role = DatabaseUser {
            region: "eu-central-1".to_owned(),
            host: host.to_owned(),
            port,
            user: user.to_owned(),
        };
        let ours = presigned(&credentials, &role, SystemTime::UNIX_EPOCH + Duration::from_secs(at)).unwrap();
        let theirs = botocore(&json!({
            "at": at, "region": "eu-central-1", "host": host, "port": port, "user": user, "session": session,
            "id": credentials.access_key_id(), "key": credentials.secret_access_key(),
        }));
        let (ours, theirs) = (parameters(ours.expose()), parameters(&theirs));
        assert_eq!(ours, theirs);
        assert_eq!(ours.0, format!("{host}:{port}"));
        assert_eq!(ours.1["X-Amz-Expires"], "900");
        assert_eq!(ours.1["X-Amz-Signature"].len(), 64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_6_an_iam_token_is_signed_by_the_workloads_own_role() {
    let Some(moto) = Moto::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "header.claims.signature\n").unwrap();
    let aws = Aws::new(Identity::Web(WebIdentity {
        role_arn: "arn:aws:iam::123456789012:role/bearingwall".to_owned(),
        token_file: folder.path().join("token"),
        session_name: "server".to_owned(),
    }))
    .at(moto.url.parse().unwrap());
    let tokens = aws.database_tokens(DatabaseUser {
        region: "eu-central-1".to_owned(),
        host: "db.internal".to_owned(),
        port: 5432,
        user: "bearingwall_app".to_owned(),
    });
    let signer = async || {
        let (host, token) = parameters(tokens.token().await.unwrap().expose());
        assert_eq!(
            (host.as_str(), token["DBUser"].as_str()),
            ("db.internal:5432", "bearingwall_app")
        );
        assert!(token.contains_key("X-Amz-Security-Token"), "temporary credentials");
        token["X-Amz-Credential"].clone()
    };
    let first = signer().await;
    assert_eq!(signer().await, first, "credentials are kept for their time");
    assert!(tokens.forget() && !tokens.forget());
    assert_ne!(signer().await, first, "and replaced when they were refused");
    std::fs::remove_file(folder.path().join("token")).unwrap();
    assert!(tokens.forget());
    let nobody = tokens.token().await.map(drop).unwrap_err();
    assert!(
        matches!(nobody, bearingwall_secrets::SecretError::NoIdentity(_)),
        "{nobody:?}"
    );
    assert!(!format!("{tokens:?}").contains("ASIA"));
}
