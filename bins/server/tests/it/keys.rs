//! The server's own work on keys, and its reads of the vault, on a running server.

use crate::clients::person;
use crate::site::Site;
use bearingwall_secrets::{FileKeyStore, FileStore};
use bearingwall_testkit::database::Login;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// The configuration with the worker's login, which looks every second.
fn with_worker(site: &Site) -> String {
    let store = FileStore::open(site.secrets()).unwrap();
    store
        .put("worker", site.database.password(Login::Worker).expose().as_bytes())
        .unwrap();
    let reference = store.reference("worker").unwrap();
    let worker = format!(
        "[keys.worker]\nurl = \"{}\"\npassword = \"{reference}\"\ninterval_s = 1\n[[issuers]]",
        site.database.url(Login::Worker)
    );
    site.config().replacen("[[issuers]]", &worker, 1)
}

fn until(site: &Site, sql: &str, expected: &str, mut meanwhile: impl FnMut()) {
    let began = Instant::now();
    loop {
        let found = site.ask(sql).join(";");
        if found == expected {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{sql}: {found}");
        meanwhile();
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn sec_5_the_server_turns_keys_under_a_login_of_its_own() {
    let site = Site::new();
    let server = site.serve(&with_worker(&site));
    let token = site.administrator(site.tenants.juniper);
    let id = server.new_client(&token, &person("Ada", "Lovelace"));
    let read = || {
        let answered = server.get(&format!("/v1/clients/{id}"), &token);
        assert_eq!(answered.status, 200, "{answered:?}: {}", server.log());
    };

    // The key-encryption key turns while requests run: tenants' keys follow within a look, and no request fails.
    let keys = FileKeyStore::open(FileStore::open(site.secrets()).unwrap(), "kek").unwrap();
    keys.rotate().unwrap();
    until(&site, "SELECT kek_version FROM crm.tenant_keys", "2", read);
    keys.destroy_old().unwrap();
    read();
    server.new_client(&token, &person("Grace", "Hopper"));

    // A new version is made on demand; it is used once every server has heard of it.
    site.execute_as_admin("SELECT tenancy.keys_enqueue('keys.rotate', NULL)");
    let versions = "SELECT version || ' ' || (active_from > now()) FROM crm.tenant_keys ORDER BY version";
    until(&site, versions, "1 false;2 true", read);
    read();
    let recorded =
        "SELECT event_type || ' ' || db_role FROM audit.events WHERE event_type LIKE 'key.r%' ORDER BY recorded_at";
    assert_eq!(
        site.ask(recorded),
        ["key.rewrapped bearingwall_worker", "key.rotated bearingwall_worker"]
    );
}

#[test]
fn sec_4_the_servers_reads_are_on_the_record() {
    let site = Site::new();
    let password = site.database.app_password();
    let _server = site.serve(&with_worker(&site));
    let reads = "SELECT substring(route from '#.*') || ' ' || outcome || ' ' || outcome_code
                   FROM audit.events WHERE event_type = 'secret.read' ORDER BY 1";
    until(
        &site,
        reads,
        "#app success 1;#enter-key-1 success 1;#worker success 1",
        || (),
    );
    let whole = site.ask("SELECT e::text FROM audit.events e").join(" ");
    assert!(!whole.contains(password.expose().as_str()));
}
