//! A real browser without a window, driven as the W3C's WebDriver says (chromedriver).

use super::free_port;
use crate::pgbouncer::required;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::Client;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// The name under which WebDriver hands elements over.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser with an empty profile, which ends with this value.
pub(crate) struct Chromium {
    driver: Child,
    client: Client,
    session: String,
    _profile: TempDir,
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.client.delete(&self.session).send();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.exists())
}

impl Chromium {
    /// Nothing where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let programs = program("chromium").zip(program("chromedriver"));
        required(
            programs.is_some(),
            "chromium and chromedriver were not found (.ci/browser.sh)",
        );
        let (browser, driver) = programs?;
        let profile = tempfile::tempdir().unwrap();
        let port = free_port();
        // Its own addresses are loopback unless it is told otherwise.
        let driver = Command::new(driver)
            .arg(format!("--port={port}"))
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let root = format!("http://127.0.0.1:{port}/session");
        let mut chromium = Self {
            driver,
            client,
            session: root.clone(),
            _profile: profile,
        };
        let data = chromium._profile.path().join("profile").display().to_string();
        let mut arguments = vec![
            "--headless".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--window-size=1200,1600".to_owned(),
            format!("--user-data-dir={data}"),
        ];
        // Chromium's own sandbox refuses to run as root.
        if nix::unistd::Uid::effective().is_root() {
            arguments.push("--no-sandbox".to_owned());
        }
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": browser, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let deadline = Instant::now() + PATIENCE;
        let begun = loop {
            if let Ok(answer) = chromium.client.post(&root).json(&wanted).send() {
                break answer.json::<Value>().unwrap();
            }
            assert!(Instant::now() < deadline, "chromedriver does not start");
            std::thread::sleep(Duration::from_millis(50));
        };
        let id = begun["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no browser: {begun}"));
        chromium.session = format!("{root}/{id}");
        Some(chromium)
    }

    fn order(&self, what: &str, order: &Value) -> Value {
        let answer = self
            .client
            .post(format!("{}/{what}", self.session))
            .json(order)
            .send()
            .unwrap();
        let told: Value = answer.json().unwrap();
        assert!(told["value"]["error"].is_null(), "{what}: {told}");
        told["value"].clone()
    }

    pub(crate) fn open(&self, address: &str) {
        self.order("url", &json!({ "url": address }));
    }

    fn element(&self, selector: &str) -> String {
        let found = self.order("element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.order(&format!("element/{element}/click"), &json!({}));
    }

    /// Presses keys into a field.
    pub(crate) fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.order(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Runs a script of the test's own, as the driver does: beside the page, whatever the page may do.
    pub(crate) fn ask(&self, script: &str) -> Value {
        self.order("execute/sync", &json!({"script": script, "args": []}))
    }

    pub(crate) fn wait_for(&self, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.ask(script) != json!(true) {
            assert!(
                Instant::now() < deadline,
                "never: {script}; the page says {}",
                self.ask("return document.body.innerText")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A picture of the page, for whoever wants to see it: `BEARINGWALL_PICTURES` names the folder.
    pub(crate) fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("BEARINGWALL_PICTURES") else {
            return;
        };
        let answer = self.client.get(format!("{}/screenshot", self.session)).send().unwrap();
        let told: Value = answer.json().unwrap();
        let picture = STANDARD.decode(told["value"].as_str().unwrap()).unwrap();
        std::fs::write(PathBuf::from(folder).join(name), picture).unwrap();
    }

    /// What the browser complains about: errors of scripts, and what a policy of the page has kept from loading.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let logged = self.order("se/log", &json!({"type": "browser"}));
        logged
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}
