//! The certified npm package `oidc-provider`: one process for each test.

use super::browser::Browser;
use super::provider::{AUDIENCE, CLIENT_ID, Person, Provider};
use crate::pgbouncer::required;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;
use uuid::Uuid;

const PROGRAM: &str = include_str!("../../../testdata/oidc-provider/provider.mjs");

/// The process.
pub(crate) struct OidcProvider {
    child: Child,
    issuer: String,
    secret: String,
    /// It says more now and then, and ends where nobody listens.
    _said: BufReader<ChildStdout>,
    _scratch: TempDir,
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl OidcProvider {
    fn order(&self, what: &str, order: &Value) {
        let address = format!("{}/administration/{what}", self.issuer);
        let answer = Browser::new().send("POST", &address, |request| request.json(order));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

impl Provider for OidcProvider {
    fn start(origin: &str) -> Option<Self> {
        let packages = super::cache()
            .map(|cache| cache.join("oidc-provider/node_modules"))
            .filter(|packages| packages.join("oidc-provider").exists());
        required(packages.is_some(), "the npm package oidc-provider was not found");
        let scratch = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(packages?, scratch.path().join("node_modules")).unwrap();
        let program = scratch.path().join("provider.mjs");
        std::fs::write(&program, PROGRAM).unwrap();
        let secret = Uuid::new_v4().to_string();
        let setup = json!({"origin": origin, "clientId": CLIENT_ID, "clientSecret": secret, "audience": AUDIENCE});
        let mut child = Command::new("node")
            .arg(program)
            .arg(setup.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("oidc-provider does not start: {line}"));
        Some(Self {
            child,
            issuer: ready["issuer"].as_str().unwrap().to_owned(),
            secret,
            _said: said,
            _scratch: scratch,
        })
    }

    fn issuer(&self) -> String {
        self.issuer.clone()
    }

    fn client_secret(&self) -> String {
        self.secret.clone()
    }

    fn enrol(&self, person: &Person) {
        let roles: Vec<&str> = person.roles.iter().map(|role| role.as_str()).collect();
        self.order(
            "people",
            &json!({
                "name": person.name,
                "password": person.password(),
                "second_factor": person.second_factor,
                "customer": person.customer.map(|customer| customer.to_string()),
                "roles": roles,
            }),
        );
    }

    fn disable(&self, person: &Person) {
        self.order("disable", &json!({ "name": person.name }));
    }

    fn access_token_lifetime(&self, seconds: u32) {
        self.order("lifetime", &json!({ "seconds": seconds }));
    }

    fn rotate(&self) {
        self.order("rotate", &json!({}));
    }

    fn withdraw_old_keys(&self) {
        self.order("withdraw", &json!({}));
    }
}
