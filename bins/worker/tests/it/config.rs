//! The configuration is read as it is written, or refused.

use bearingwall_worker::{Config, ConfigError};

const GOOD: &str = r#"
version = 1
[database]
url = "postgres://bearingwall_worker@db.internal:5432/bearingwall"
password = "file+sealed:///var/lib/worker#worker"
regions = ["us-east-1"]
[keys]
kek = "file+sealed:///var/lib/worker#kek"
"#;

#[test]
fn a_sound_file_is_read_with_its_defaults() {
    let config = Config::parse(GOOD).unwrap();
    assert_eq!(
        (config.work.concurrency, config.work.lease_s, config.work.poll_ms),
        (16, 60, 250)
    );
    assert_eq!(config.arrivals.retention_days, 30);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (from, to) in [
        ("version = 1", "version = 2"),
        ("[\"us-east-1\"]", "[]"),
        ("[keys]", "[work]\nconcurrency = 0\n[keys]"),
        ("[keys]", "[work]\nlease_s = 9\n[keys]"),
        ("[keys]", "[vaults.cache]\nttl_s = 3601\n[keys]"),
        ("regions", "login = \"certificate\"\nregions"),
        ("[keys]", "[work]\npoll_ms = 10001\n[keys]"),
        ("[keys]", "[arrivals]\nretention_days = 4\n[keys]"),
    ] {
        let refused = Config::parse(&GOOD.replace(from, to));
        assert!(matches!(refused, Err(ConfigError::Refused { .. })), "{to}: {refused:?}");
    }
    for (from, to) in [
        ("[keys]", "surprise = 1\n[keys]"),
        ("[keys]", "[egress]\nsurprise = 1\n[keys]"),
        ("[keys]", "[egress.webhook]\npassword = \"hunter2\"\n[keys]"),
        ("bearingwall_worker@", "bearingwall_worker:hunter2@"),
    ] {
        assert!(Config::parse(&GOOD.replace(from, to)).is_err(), "{to}");
    }
}
