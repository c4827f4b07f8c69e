//! The split-key profile as an operator sets it up: issuers, their keys, the profile.

use crate::site::{Done, Site, site};
use bearingwall_authn::Algorithm;
use bearingwall_core::{CustomerId, Role};
use bearingwall_testkit::issuer::{DevIssuer, IssuerOptions, TokenRequest};
use std::path::PathBuf;

const AUDIENCE: &str = "bearingwall";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn issuer(runtime: &tokio::runtime::Runtime) -> DevIssuer {
    let options = IssuerOptions {
        audience: AUDIENCE.to_owned(),
        port: None,
        lifetime_s: 300,
    };
    runtime.block_on(DevIssuer::start(options)).unwrap()
}

/// The part of a server's configuration that is read.
fn server_file(site: &Site, issuer: &DevIssuer, more: &str) -> PathBuf {
    let file = site
        .secrets()
        .with_file_name(format!("server-{}.toml", uuid::Uuid::now_v7()));
    let text = format!(
        "version = 1\n[[issuers]]\nissuer = \"{}\"\naudience = \"{AUDIENCE}\"\njwks_uri = \"{}\"\n{more}\n",
        issuer.issuer(),
        issuer.jwks_uri()
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn sync(site: &Site, file: &std::path::Path, database: &str, more: &[&str]) -> Done {
    let file = file.display().to_string();
    site.admin(&[&["issuers", "sync", "--config", &file], more].concat(), database)
}

/// Whether the database accepts a token of this issuer.
fn accepts(site: &Site, database: &str, token: &str) -> bool {
    let sql = format!("SELECT (SELECT count(*) FROM tenancy.verify_token('{token}'))::text");
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| site.ask(database, &sql))).is_ok()
}

#[test]
fn ten_7_an_issuers_keys_follow_its_key_set_and_the_profile_follows_the_operator() {
    let (site, runtime) = (site(), runtime());
    let (database, issuer) = (site.migrated(), issuer(&runtime));
    let token = |alg| {
        let request = TokenRequest {
            subject: "mara".to_owned(),
            customer: Some(CustomerId::from_uuid(uuid::Uuid::now_v7())),
            roles: vec![Role::Authenticated],
            alg,
            expires_in_s: None,
        };
        issuer.token(&request).unwrap()
    };
    assert_eq!(site.admin(&["isolation"], &database).ok(), "enter-key\n");
    let early = site.admin(&["isolation", "--use", "split-key"], &database);
    assert_eq!(early.code, 1, "{early:?}");
    assert!(early.err.contains("no issuer has a key"), "{early:?}");

    let file = server_file(&site, &issuer, "");
    let synced = sync(&site, &file, &database, &[]).ok();
    assert!(
        synced.contains(issuer.issuer()) && synced.contains("0 ending"),
        "{synced}"
    );
    let old = token(Algorithm::Rs256);
    assert!(accepts(&site, &database, &old));
    assert!(
        !accepts(&site, &database, &token(Algorithm::Es256)),
        "the database verifies RS256 only"
    );
    let listed = site.admin(&["issuers", "list"], &database).ok();
    assert!(listed.contains("RSA 2048  published"), "{listed}");

    site.admin(&["keys", "install-enter-key", "--kid", "1"], &database).ok();
    site.admin(&["isolation", "--use", "split-key"], &database).ok();
    assert_eq!(site.admin(&["isolation"], &database).ok(), "split-key\n");
    let refused = site.admin(&["keys", "install-enter-key", "--kid", "1"], &database);
    assert_eq!(refused.code, 1, "no server holds a key: {refused:?}");

    // The issuer changes its keys: the new one is there, the old one ends.
    issuer.rotate().unwrap();
    issuer.withdraw_old_keys().unwrap();
    let next = token(Algorithm::Rs256);
    assert!(!accepts(&site, &database, &next));
    let synced = sync(&site, &file, &database, &["--keep-for-s", "0"]).ok();
    assert!(synced.contains("1 ending"), "{synced}");
    assert!(accepts(&site, &database, &next) && !accepts(&site, &database, &old));

    site.admin(&["issuers", "remove", "--issuer", issuer.issuer()], &database)
        .ok();
    assert!(!accepts(&site, &database, &next));
    assert_eq!(
        site.admin(&["issuers", "remove", "--issuer", issuer.issuer()], &database)
            .code,
        1
    );
    let recorded = site.ask(
        &database,
        "SELECT string_agg(DISTINCT event_type, ',' ORDER BY event_type) FROM audit.events",
    );
    assert_eq!(
        recorded,
        "isolation.changed,issuer.removed,issuer.synced,key.installed,schema.migrated"
    );
}

#[test]
fn ten_7_an_issuer_that_cannot_be_used_changes_nothing() {
    let (site, runtime) = (site(), runtime());
    let (database, issuer) = (site.migrated(), issuer(&runtime));
    let unfit = server_file(&site, &issuer, "algorithms = [\"ES256\"]");
    let refused = sync(&site, &unfit, &database, &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("RS256"), "{refused:?}");
    let broken = server_file(&site, &issuer, "surprise = 1");
    assert!(sync(&site, &broken, &database, &[]).err.contains("surprise"));
    let gone = server_file(&site, &issuer, "");
    drop(issuer);
    let refused = sync(&site, &gone, &database, &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(site.admin(&["issuers", "list"], &database).ok(), "");
}

#[test]
fn an_enter_key_that_is_retired_opens_nothing_and_is_not_retired_twice() {
    let site = site();
    let database = site.migrated();
    site.admin(&["keys", "install-enter-key", "--kid", "1"], &database).ok();
    assert!(site.admin(&["doctor"], &database).ok().contains("ok    tenant-entry"));
    site.admin(&["keys", "retire-enter-key", "--kid", "1"], &database).ok();
    let doctor = site.admin(&["doctor"], &database);
    assert!(doctor.out.contains("FAIL  tenant-entry"), "{doctor:?}");
    assert_eq!(
        site.admin(&["keys", "retire-enter-key", "--kid", "1"], &database).code,
        1
    );
}
