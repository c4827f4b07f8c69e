//! A cluster of its own that speaks TLS, with a database of two tenants, and authorities for its certificates.

use crate::spas::Spas;
use crate::standby::{dial, login, make};
use bearingwall_testkit::cluster::{Cluster, ClusterOptions};
use bearingwall_testkit::database::Login;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::Client;

pub(crate) const DATABASE: &str = "guarded";
const PATIENCE: Duration = Duration::from_secs(60);

/// Signs certificates of servers and of roles.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of this serial for a name of a server or of a role, and its key.
    pub(crate) fn issue(&self, common_name: &str, hosts: &[&str], serial: u64) -> (String, String) {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>();
        let mut parameters = CertificateParams::new(hosts).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        parameters.serial_number = Some(serial.into());
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Both in files, as a program is given them; what is there already is replaced at once.
    pub(crate) fn issue_to(&self, folder: &Path, role: &str, serial: u64) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.issue(role, &[], serial);
        let at = |what: &str| folder.join(format!("{role}.{what}"));
        put(&at("crt"), &certificate, 0o644);
        put(&at("key"), &key, 0o600);
        (at("crt"), at("key"))
    }
}

pub(crate) fn put(file: &Path, text: &str, mode: u32) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::rename(beside, file).unwrap();
}

/// The cluster; it ends with this value.
pub(crate) struct Guarded {
    cluster: Option<Cluster>,
    pub(crate) authority: Authority,
    scratch: TempDir,
    rules: String,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(cluster) = self.cluster.take() {
            let _ = cluster.stop();
        }
    }
}

impl Guarded {
    /// Lets every role in by its password, over TLS and without.
    pub(crate) async fn start() -> Self {
        let guarded = tokio::task::spawn_blocking(Self::begin).await.unwrap();
        make(guarded.cluster(), DATABASE, true).await;
        let superuser = guarded.superuser().await;
        let settings = "ALTER SYSTEM SET ssl_cert_file = 'guarded.crt'; ALTER SYSTEM SET ssl_key_file = 'guarded.key';
            ALTER SYSTEM SET ssl_ca_file = 'guarded.ca'; ALTER SYSTEM SET ssl = on";
        for statement in settings.split(';') {
            superuser.batch_execute(statement).await.unwrap();
        }
        guarded.reload().await;
        let ssl = guarded.superuser().await.query_one("SHOW ssl", &[]).await.unwrap();
        assert_eq!(ssl.get::<_, String>(0), "on");
        guarded
    }

    fn begin() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        // Its server's user must pass through.
        std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let options = ClusterOptions {
            data_root: Some(scratch.path().join("root")),
            grace_s: 2,
            ..ClusterOptions::fast("guarded")
        };
        let cluster = Cluster::start(&options, &|_| {}).unwrap();
        let authority = Authority::new("of the database");
        let (certificate, key) = authority.issue("the database", &["localhost", "127.0.0.1"], 1);
        for (name, text) in [
            ("guarded.crt", &certificate),
            ("guarded.key", &key),
            ("guarded.ca", &authority.pem()),
        ] {
            let file = cluster.data_dir().join(name);
            put(&file, text, 0o600);
            cluster.give(&file).unwrap();
        }
        std::fs::write(scratch.path().join("ca.pem"), authority.pem()).unwrap();
        let rules = std::fs::read_to_string(cluster.data_dir().join("pg_hba.conf")).unwrap();
        Self {
            cluster: Some(cluster),
            authority,
            scratch,
            rules,
        }
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// What programs trust the server by.
    pub(crate) fn root_file(&self) -> PathBuf {
        self.scratch.path().join("ca.pem")
    }

    pub(crate) async fn superuser(&self) -> Client {
        dial(&self.cluster().superuser_config(DATABASE)).await
    }

    pub(crate) async fn spas(&self) -> Spas {
        let mut admin = dial(&login(self.cluster(), Login::Admin, DATABASE)).await;
        Spas::create(&mut admin, 2).await
    }

    /// Where a role connects; by a name that the server's certificate has.
    pub(crate) fn url(&self, login: Login) -> String {
        format!(
            "postgres://{}@127.0.0.1:{}/{DATABASE}",
            login.role(),
            self.cluster().port()
        )
    }

    /// Lets these roles in over TLS in this way.
    pub(crate) async fn authenticate(&self, roles: &[Login], method: &str) {
        let roles: Vec<&str> = roles.iter().map(|login| login.role()).collect();
        let roles = roles.join(",");
        let rules = format!("hostssl all {roles} 127.0.0.1/32 {method}\n{}", self.rules);
        let file = self.cluster().data_dir().join("pg_hba.conf");
        put(&file, &rules, 0o600);
        self.cluster().give(&file).unwrap();
        self.reload().await;
    }

    /// Has the server read its files again, and waits until new sessions are under them.
    async fn reload(&self) {
        let loaded = async || -> String {
            let asked = "SELECT pg_conf_load_time()::text";
            self.superuser().await.query_one(asked, &[]).await.unwrap().get(0)
        };
        let before = loaded().await;
        let superuser = self.superuser().await;
        superuser.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let began = Instant::now();
        while loaded().await == before {
            assert!(began.elapsed() < PATIENCE, "the server reads its files no more");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
