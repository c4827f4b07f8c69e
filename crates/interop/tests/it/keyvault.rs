//! The stand-in of Azure Key Vault, as a process of its own.

use crate::moto::target;
use crate::pgbouncer::required;
use bearingwall_secrets_azure::{AzureOptions, Identity, ManagedIdentity, WorkloadIdentity};
use bearingwall_vaults::{AzureIdentity, AzureSettings, VaultSettings};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const VAULT: &str = "spa";
const SUFFIX: &str = "vault.localhost";

/// A running stand-in, which ends with this value.
pub(crate) struct KeyVault {
    child: Child,
    folder: TempDir,
    port: u16,
    metadata: u16,
    tenant: String,
    client: String,
    control: reqwest::Client,
}

impl Drop for KeyVault {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl KeyVault {
    pub(crate) async fn start() -> Option<Self> {
        let python = target().join("keyvault/bin/python");
        required(
            python.exists(),
            "no environment of the vault was found (.ci/keyvault.sh)",
        );
        if !python.exists() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/keyvault/keyvault.py"))
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let ready = folder.path().join("ready");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !ready.exists() {
            assert!(Instant::now() < deadline, "the vault does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let said: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let port = u16::try_from(said["port"].as_u64().unwrap()).unwrap();
        let root = reqwest::Certificate::from_pem(&std::fs::read(folder.path().join("ca.pem")).unwrap()).unwrap();
        let control = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([root])
            .resolve(&format!("{VAULT}.{SUFFIX}"), here(port))
            .build()
            .unwrap();
        Some(Self {
            child,
            port,
            metadata: u16::try_from(said["metadata"].as_u64().unwrap()).unwrap(),
            tenant: said["tenant"].as_str().unwrap().to_owned(),
            client: said["client"].as_str().unwrap().to_owned(),
            folder,
            control,
        })
    }

    /// How its vaults are reached: by name, over TLS under its own root.
    pub(crate) fn options(&self) -> AzureOptions {
        let hosts = [format!("{VAULT}.{SUFFIX}"), "login.localhost".to_owned()];
        AzureOptions {
            suffix: SUFFIX.to_owned(),
            port: self.port,
            roots_pem: Some(std::fs::read(self.folder.path().join("ca.pem")).unwrap()),
            addresses: hosts.into_iter().map(|host| (host, here(self.port))).collect(),
        }
    }

    /// The workload identity, with a token of the cluster's in its file.
    pub(crate) async fn workload(&self, changes: Value) -> Identity {
        self.project(changes).await;
        Identity::Workload(WorkloadIdentity {
            authority: format!("https://login.localhost:{}", self.port).parse().unwrap(),
            tenant: self.tenant.clone(),
            client: self.client.clone(),
            token_file: self.token_file(),
        })
    }

    /// `[vaults]` of a program that is this workload.
    pub(crate) fn settings(&self) -> VaultSettings {
        let options = self.options();
        VaultSettings {
            azure: Some(AzureSettings {
                identity: AzureIdentity::Workload,
                authority: Some(format!("https://login.localhost:{}", self.port).parse().unwrap()),
                tenant: Some(self.tenant.clone()),
                client: Some(self.client.clone()),
                token_file: Some(self.token_file()),
                suffix: options.suffix,
                port: options.port,
                root_file: Some(self.folder.path().join("ca.pem")),
                addresses: options.addresses,
            }),
            ..VaultSettings::default()
        }
    }

    /// The tokens for a service that were given out and not withdrawn, in order.
    pub(crate) async fn granted(&self, resource: &str) -> Vec<String> {
        let answer = self.steer("granted", json!({"resource": resource})).await;
        let tokens = answer["tokens"].as_array().unwrap();
        tokens.iter().map(|token| token.as_str().unwrap().to_owned()).collect()
    }

    /// The platform puts another token in the file.
    pub(crate) async fn project(&self, changes: Value) {
        let token = self.steer("assertion", changes).await["token"]
            .as_str()
            .unwrap()
            .to_owned();
        std::fs::write(self.token_file(), token).unwrap();
    }

    pub(crate) fn managed(&self) -> Identity {
        let endpoint = format!("http://127.0.0.1:{}/metadata/identity/oauth2/token", self.metadata);
        Identity::Managed(ManagedIdentity {
            client: None,
            endpoint: endpoint.parse().unwrap(),
        })
    }

    pub(crate) async fn put(&self, name: &str, value: &str) -> String {
        let made = self
            .steer("secret", json!({"vault": VAULT, "name": name, "value": value}))
            .await;
        made["version"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn rotate_key(&self, name: &str) -> String {
        let made = self.steer("key", json!({"vault": VAULT, "name": name})).await;
        made["version"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn mode(&self, change: Value) {
        self.steer("mode", change).await;
    }

    pub(crate) async fn counted(&self, what: &str) -> u64 {
        self.steer("count", json!({})).await[what].as_u64().unwrap()
    }

    pub(crate) async fn steer(&self, path: &str, body: Value) -> Value {
        let url = format!("https://{VAULT}.{SUFFIX}:{}/_test/{path}", self.port);
        let answer = self.control.post(url).json(&body).send().await.unwrap();
        answer.json().await.unwrap()
    }

    fn token_file(&self) -> PathBuf {
        Path::join(self.folder.path(), "federated-token")
    }
}

fn here(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
