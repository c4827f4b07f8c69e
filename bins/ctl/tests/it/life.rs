//! The life of an installation: bootstrap, migrate, regions, keys, tenants, doctor.

use crate::site::{block_on, site};
use bearingwall_ctl::{ProvisionOptions, provision};

#[test]
fn an_installation_lives_from_bootstrap_to_a_healthy_doctor() {
    let site = site();
    let database = site.database();
    let out = site.bootstrap(&database).ok();
    assert!(out.contains("platform hardening is installed: event triggers"), "{out}");
    let names = site.store().names().unwrap();
    assert!(
        ["admin", "app", "auditor", "backup", "sealer", "worker"]
            .iter()
            .all(|name| names.iter().any(|n| n == name))
    );

    site.admin(&["migrate"], &database).ok();
    site.admin(&["regions", "us-east", "eu-west"], &database).ok();
    let installed = site.admin(&["keys", "install-enter-key", "--kid", "1"], &database).ok();
    assert!(installed.contains("#enter-key-1"), "{installed}");
    let kek = site
        .ctl(&["keys", "create-kek", "--secrets", &site.store_option()])
        .ok();
    assert!(kek.contains("#kek"), "{kek}");

    let id = "0190d6f0-0000-7000-8000-00000000000a";
    let words = [
        "tenant",
        "create",
        "--slug",
        "juniper",
        "--name",
        "Juniper Spa",
        "--region",
        "us-east",
        "--id",
        id,
    ];
    assert_eq!(site.admin(&words, &database).ok().trim(), id);
    let elsewhere = [
        "tenant", "create", "--slug", "other", "--name", "Other", "--region", "ap-south",
    ];
    let refused = site.admin(&elsewhere, &database);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("serves no region of that name"), "{refused:?}");
    assert_eq!(
        site.admin(&["tenant", "list"], &database).ok(),
        format!("{id}  juniper  us-east  active  Juniper Spa\n")
    );

    let doctor = site.admin(&["doctor"], &database).ok();
    for check in [
        "role-attributes",
        "migrations",
        "record-months",
        "inventory",
        "platform-hardening",
        "tenant-entry",
    ] {
        assert!(
            doctor.lines().any(|line| line == format!("ok    {check}")),
            "{check}: {doctor}"
        );
    }
    assert!(!doctor.contains("FAIL"), "{doctor}");

    let recorded = site.ask(
        &database,
        "SELECT string_agg(DISTINCT event_type, ',' ORDER BY event_type) FROM audit.events",
    );
    assert_eq!(recorded, "key.installed,schema.migrated,tenant.created");
}

#[test]
fn ten_5_the_doctor_names_what_no_longer_holds() {
    let site = site();
    let database = site.migrated();
    site.admin(&["keys", "install-enter-key", "--kid", "1"], &database).ok();
    site.execute(
        &database,
        "ALTER EVENT TRIGGER guard_audit_drop DISABLE;
         ALTER TABLE crm.clients NO FORCE ROW LEVEL SECURITY;
         DROP POLICY phi_update ON crm.client_records;
         GRANT TEMPORARY ON DATABASE \"{database}\" TO bearingwall_app"
            .replace("{database}", &database)
            .as_str(),
    );
    let doctor = site.admin(&["doctor", "--json"], &database);
    assert_eq!(doctor.code, 3, "{doctor:?}");
    let examined: serde_json::Value = serde_json::from_str(&doctor.out).unwrap();
    assert_eq!(examined["passed"], false);
    let found = |check: &str| -> Vec<String> {
        let checks = examined["checks"].as_array().unwrap().iter();
        let failed = checks.filter(|entry| entry["check"] == check && entry["passed"] == false);
        failed
            .map(|entry| entry["found"].as_str().unwrap().to_owned())
            .collect()
    };
    let inventory = |word: &str, start: &str| {
        let found = found(&format!("inventory/{word}"));
        assert!(found.len() == 1 && found[0].starts_with(start), "{word}: {found:?}");
    };
    inventory(
        "event-trigger",
        "guard_audit_drop: the event trigger is not enabled always; ALTER EVENT TRIGGER",
    );
    inventory("forced-row-security", "crm.clients: row security is not forced");
    inventory("phi-policy", "crm.client_records: the policy phi_update is missing");
    inventory(
        "database-privileges",
        &format!("{database}: bearingwall_app has TEMPORARY"),
    );
    assert_eq!(found("row-security").len(), 1);
    assert_eq!(found("database-privileges"), ["the role may TEMPORARY in the database"]);
    assert_eq!(found("tenant-entry"), ["the server would refuse to start"]);
    assert!(found("inventory/append-only-trigger").is_empty());
}

#[test]
fn provisioning_twice_changes_nothing() {
    let site = site();
    let options = ProvisionOptions {
        superuser: site.url("postgres", "postgres").parse().unwrap(),
        superuser_password: Some(superuser_password(&site)),
        database: site.database(),
        regions: vec!["us-east".to_owned()],
        secrets: site.secrets(),
        enter_kid: 1,
    };
    let first = block_on(provision(&options, &|_| ())).unwrap();
    assert!(first.migrations_run > 0);
    let second = block_on(provision(&options, &|_| ())).unwrap();
    assert_eq!(second.migrations_run, 0);
    assert_eq!(first.admin_password.expose(), second.admin_password.expose());
    assert_eq!(second.enter_key.name(), "enter-key-1");
    assert_eq!(second.app.user(), "bearingwall_app");
}

fn superuser_password(site: &crate::site::Site) -> bearingwall_core::Sensitive<String> {
    let config = site.superuser("postgres");
    bearingwall_core::Sensitive::new(String::from_utf8(config.get_password().unwrap().to_vec()).unwrap())
}

#[test]
fn sec_1_a_password_among_the_arguments_is_refused_without_repeating_it() {
    let site = site();
    for arguments in [
        &[
            "migrate",
            "--admin-url",
            "postgres://bearingwall_admin:hunter2hunter2@127.0.0.1/db",
        ][..],
        &[
            "migrate",
            "--admin-url",
            "postgres://bearingwall_admin@127.0.0.1/db",
            "--password=hunter2hunter2",
        ],
    ] {
        let refused = site.ctl(arguments);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains("argument"), "{refused:?}");
        assert!(!refused.err.contains("hunter2"), "{refused:?}");
    }
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let site = site();
    assert_eq!(site.ctl(&["migrate"]).code, 2);
    assert_eq!(site.ctl(&["--help"]).code, 0);
    let url = site.url("postgres", "postgres");
    let words = [
        "bootstrap",
        "--superuser-url",
        &url,
        "--database",
        "Bad Name",
        "--secrets",
        &site.store_option(),
    ];
    // Without a password the server lets nobody in, so the name is not even looked at.
    assert_eq!(site.ctl(&words).code, 1);
    let bad = site.bootstrap("Bad Name");
    assert_eq!(bad.code, 2, "{bad:?}");
    assert!(bad.err.contains("MIG-008"), "{bad:?}");
}

#[test]
fn ten_5_the_doctor_says_what_stands_before_the_database() {
    let site = site();
    let database = site.migrated();
    let direct = "ok    pooler: none: every entry names its backend";
    let doctor = site.admin(&["doctor"], &database);
    assert!(doctor.out.lines().any(|line| line == direct), "{doctor:?}");
    let told = site.admin(&["pooler", "transaction"], &database).ok();
    assert!(told.contains("entries name no backend"), "{told}");
    let doctor = site.admin(&["doctor"], &database);
    assert_eq!(doctor.code, 3, "{doctor:?}");
    let failed = doctor.out.lines().find(|line| line.starts_with("FAIL  pooler: "));
    assert!(failed.is_some_and(|line| line.contains("--app-url")), "{doctor:?}");
    site.admin(&["pooler", "none"], &database).ok();
    let doctor = site.admin(&["doctor"], &database);
    assert!(doctor.out.lines().any(|line| line == direct), "{doctor:?}");
}
