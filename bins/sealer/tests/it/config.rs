//! Nothing is guessed.

use bearingwall_core::Classified as _;
use bearingwall_sealer::{Config, ConfigError, WitnessSettings};
use bearingwall_tlog::note::{CosigningKey, SigningKey};

fn text(witnesses: &str) -> String {
    format!(
        "version = 1\norigin = \"audit.example.com\"\n[database]\nurl = \"postgres://bearingwall_sealer@127.0.0.1:5432/bearingwall\"\n\
         [key]\ncurrent = \"file+sealed:///var/lib/x#seal-key\"\n{witnesses}"
    )
}

fn refused(text: &str) -> String {
    let error = Config::parse(text).unwrap_err();
    assert!(["CFG-002", "CFG-005", "SLR-003"].contains(&error.code()), "{error:?}");
    error.to_string()
}

#[test]
fn a_plain_file_is_enough() {
    let config = Config::parse(&text("")).unwrap();
    assert_eq!((config.schedule.interval_ms, config.witnesses.len()), (500, 0));
    let missing = Config::load("/nowhere/sealer.toml".as_ref()).unwrap_err();
    assert!(matches!(missing, ConfigError::Document(_)) && missing.code() == "CFG-001");
}

#[test]
fn slow_sealing_and_open_text_are_refused() {
    assert!(refused(&text("[schedule]\ninterval_ms = 1501\n")).contains("interval_ms"));
    assert!(refused(&text("[schedule]\ninterval_ms = 10\n")).contains("interval_ms"));
    assert!(refused(&text("[schedule]\nheartbeat_s = 0\n")).contains("schedule"));
    let witness = CosigningKey::from_seed("witness.example.net", &[7; 32])
        .unwrap()
        .verifier();
    let https = |url: &str| text(&format!("[[witnesses]]\nurl = \"{url}\"\nkey = \"{witness}\"\n"));
    assert_eq!(
        Config::parse(&https("https://witness.example.net"))
            .unwrap()
            .witnesses
            .len(),
        1
    );
    assert!(
        Config::parse(&https("http://127.0.0.1:9")).is_ok(),
        "a test's witness is on this machine"
    );
    assert!(refused(&https("http://witness.example.net")).contains("witnesses.url"));
}

#[test]
fn what_is_unknown_missing_or_misspelt_is_refused() {
    assert!(refused(&text("surprise = 1\n")).contains("surprise"));
    assert!(refused(&text("").replace("version = 1", "version = 2")).contains("version"));
    for origin in [
        "",
        "Audit.example.com",
        "/audit",
        "audit/",
        "audit example",
        &"a".repeat(201),
    ] {
        let text = text("").replace("audit.example.com", origin);
        assert!(refused(&text).contains("origin"), "{origin}");
    }
    assert!(refused(&text("[[witnesses]]\nname = \"vault\"\ndirectory = \"relative\"\n")).contains("directory"));
    assert!(refused(&text("[[witnesses]]\nname = \"The Vault\"\ndirectory = \"/mnt\"\n")).contains("witnesses.name"));
    // A log's key is no witness's key.
    let log = SigningKey::from_seed("witness.example.net", &[7; 32])
        .unwrap()
        .verifier();
    let text = text(&format!(
        "[[witnesses]]\nurl = \"https://w.example\"\nkey = \"{log}\"\n"
    ));
    assert!(refused(&text).contains("witnesses.key"));
}

#[test]
fn a_bucket_is_named_as_its_store_names_it_and_reached_over_tls() {
    let bucket = |line: &str| {
        text(&format!(
            "[[witnesses]]\nname = \"s3\"\nbucket = \"checkpoints-example\"\nregion = \"eu-central-1\"\n{line}\n"
        ))
    };
    let id = "access_key_id = \"file+sealed:///var/lib/x#s3-id\"";
    let both = format!("{id}\nsecret_access_key = \"file+sealed:///var/lib/x#s3-secret\"");
    for good in [
        "",
        &both,
        "endpoint = \"http://127.0.0.1:5000\"\nretain_days = 1\nprefix = \"a/b\"",
    ] {
        assert!(
            matches!(
                Config::parse(&bucket(good)).unwrap().witnesses[..],
                [WitnessSettings::Bucket(_)]
            ),
            "{good}"
        );
    }
    for (line, named) in [
        ("endpoint = \"http://s3.example.net\"", "witnesses.endpoint"),
        ("retain_days = 0", "witnesses.retain_days"),
        ("prefix = \"A b\"", "witnesses.prefix"),
        (id, "witnesses.access_key_id"),
        ("surprise = 1", "surprise"),
        ("directory = \"/mnt/vault\"", "only what belongs to it"),
    ] {
        let found = refused(&bucket(line));
        assert!(found.contains(named), "{line}: {found}");
    }
    assert!(refused(&bucket("").replace("checkpoints-example", "No Bucket")).contains("witnesses.bucket"));
}

#[test]
fn sec_1_credentials_in_the_file_are_refused_and_not_repeated() {
    for (from, to, code) in [
        ("bearingwall_sealer@", "bearingwall_sealer:hunter2hunter2@", "CFG-005"),
        ("[key]", "password = \"hunter2 battery staple\"\n[key]", "CFG-005"),
        ("version = 1", "version = 1\n# AKIAIOSFODNN7EXAMPLE hunter2", "CFG-005"),
        ("version = 1", "version = \"hunter2\"", "CFG-002"),
    ] {
        let error = Config::parse(&text("").replace(from, to)).unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
