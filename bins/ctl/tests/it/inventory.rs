//! `doctor tenancy`: silent on what the tool made, with a finding and its repair for everything else.

use crate::site::{Done, site};
use std::io::Write as _;
use std::process::Stdio;

const TUTORIAL: [&str; 2] = [
    include_str!("../../../../crates/tenancy/tests/testdata/tutorial.sql"),
    include_str!("../../../../crates/tenancy/tests/testdata/tutorial_more.sql"),
];

fn json(done: &Done) -> serde_json::Value {
    serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {done:?}"))
}

#[test]
fn ten_6_a_database_that_the_tool_made_has_no_findings() {
    let site = site();
    let database = site.migrated();
    let examined = json(&site.admin(&["doctor", "tenancy", "--json"], &database));
    assert_eq!(examined["findings"].as_array().unwrap().len(), 0, "{examined}");
    assert_eq!(examined["passed"], true);
    assert_eq!(examined["application_roles"][0], "bearingwall_app");
    let lines = site.admin(&["doctor", "tenancy"], &database).ok();
    assert_eq!(lines, "0 violations, 0 notices\n");

    site.execute(&database, "ALTER TABLE crm.clients NO FORCE ROW LEVEL SECURITY");
    let found = site.admin(&["doctor", "tenancy"], &database);
    assert_eq!(found.code, 3, "{found:?}");
    let line = "FAIL  forced-row-security: crm.clients: row security is not forced on the owner | \
                ALTER TABLE crm.clients FORCE ROW LEVEL SECURITY;";
    assert!(found.out.lines().any(|found| found == line), "{found:?}");
}

#[test]
fn ten_6_a_tutorial_schema_has_at_least_40_findings() {
    let site = site();
    let database = site.database();
    site.bootstrap(&database).ok();
    for sql in TUTORIAL {
        site.execute(&database, sql);
    }
    let url = site.url("postgres", &database);
    let words = [
        "doctor",
        "tenancy",
        "--database-url",
        &url,
        "--password-stdin",
        "--tenant-column",
        "customer_id",
        "--json",
    ];
    let mut child = site.ctl_command(&words).stdin(Stdio::piped()).spawn().unwrap();
    let superuser = site.superuser("postgres");
    let password = superuser.get_password().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&[password, b"\n"].concat())
        .unwrap();
    let done: Done = child.wait_with_output().unwrap().into();
    assert_eq!(done.code, 3, "{done:?}");
    let examined = json(&done);
    let findings = examined["findings"].as_array().unwrap();
    assert!(findings.len() >= 40, "{examined}");
    assert_eq!(examined["counts"]["violations"], findings.len());
    assert!(
        findings
            .iter()
            .all(|finding| !finding["fix"].as_str().unwrap().is_empty()),
        "{examined}"
    );
}

#[test]
fn ten_6_a_missing_hardening_is_said_and_counts_where_it_is_required() {
    let site = site();
    let database = site.migrated();
    site.execute(
        &database,
        "SET bearingwall.audit_ddl = on; DROP SCHEMA platform CASCADE",
    );
    let said = site.admin(&["doctor", "tenancy"], &database).ok();
    assert!(said.starts_with("note  platform-hardening: "), "{said}");
    assert!(said.ends_with("0 violations, 1 notices\n"), "{said}");
    let required = site.admin(&["doctor", "tenancy", "--require-platform"], &database);
    assert_eq!(required.code, 3, "{required:?}");
    let doctor = site.admin(&["doctor"], &database).ok();
    assert!(
        doctor.contains("ok    platform-hardening: the platform hardening is not installed"),
        "{doctor}"
    );
    let required = site.admin(&["doctor", "--require-platform"], &database);
    assert_eq!(required.code, 3, "{required:?}");
    assert!(required.out.contains("FAIL  platform-hardening"), "{required:?}");
}

#[test]
fn the_options_for_another_database_are_refused_for_our_own() {
    let site = site();
    let url = site.url("postgres", "postgres");
    for words in [
        &["doctor", "tenancy"][..],
        &["doctor"],
        &["doctor", "tenancy", "--admin-url", &url, "--database-url", &url],
        &["doctor", "tenancy", "--admin-url", &url, "--tenant-column", "x"],
    ] {
        assert_eq!(site.ctl(words).code, 2, "{words:?}");
    }
}
