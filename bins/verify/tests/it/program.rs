//! Exit codes and output.

use crate::site::{ORIGIN, Site, run, stdout};
use std::fs;

#[test]
fn a_good_export_is_verified() {
    let site = Site::new();
    let output = site.verify(&[]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with("VERIFIED\n"));
    assert!(text.contains("leaves 10 to 39 of 50, complete; the others are not in this export"));
    assert!(text.contains("proven     30 of 30"));
    assert!(output.stderr.is_empty(), "no progress without a terminal");
}

#[test]
fn what_is_wrong_is_named_and_the_exit_code_says_so() {
    let site = Site::new();
    let path = site.bundle().join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap().replace("event-15", "event-9915");
    fs::write(&path, text).unwrap();
    let output = site.verify(&[]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("WRONG      changed: line 6 (event event-9915) is not leaf 15 as it was signed\n"));
    assert!(text.ends_with("NOT VERIFIED\n"));
    // The README shows this run.
    let shown = include_str!("../../README.md");
    assert!(shown.contains(&text), "{text}");
}

#[test]
fn the_report_is_json_on_request() {
    let site = Site::new();
    let output = site.verify(&["--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verified"], true);
    assert_eq!(report["first"], 10);
    assert_eq!(report["findings"], serde_json::json!([]));
    fs::remove_file(site.bundle().join("leaves")).unwrap();
    let output = site.verify(&["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"][0]["kind"], "file_missing");
}

#[test]
fn keys_come_from_files_too() {
    let site = Site::new();
    let key = site.write("key", &format!("{}\n", site.key.verifier()));
    let bundle = site.bundle();
    let output = run(&[bundle.to_str().unwrap(), "--key", &format!("@{}", key.display())]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn remembered_checkpoints_and_witnesses_are_held_against_it() {
    let site = Site::new();
    let kept = site.write("kept", &site.checkpoint(20).to_string());
    let output = site.verify(&["--checkpoint", kept.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let forged = fs::read_to_string(&kept).unwrap().replace("\n20\n", "\n21\n");
    fs::write(&kept, forged).unwrap();
    assert_eq!(
        site.verify(&["--checkpoint", kept.to_str().unwrap()]).status.code(),
        Some(1)
    );

    let witness = site.witness.verifier().to_string();
    let output = site.verify(&["--witness", &witness]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("cosigned   witness.example, at 1700000000 s"));
    let stranger = bearingwall_tlog::note::CosigningKey::from_seed("other.example", &[3; 32]).unwrap();
    let stranger = stranger.verifier().to_string();
    let both = ["--witness", &witness, "--witness", &stranger];
    assert_eq!(
        site.verify(&both).status.code(),
        Some(1),
        "all of them unless it is said"
    );
    assert_eq!(
        site.verify(&[&both[..], &["--quorum", "1"]].concat()).status.code(),
        Some(0)
    );
    assert_eq!(
        site.verify(&[&both[..], &["--quorum", "3"]].concat()).status.code(),
        Some(2)
    );
}

#[test]
fn another_log_or_tenant_is_not_this_one() {
    let site = Site::new();
    assert_eq!(
        site.verify(&["--origin", "audit.example.org/tenant/8"]).status.code(),
        Some(1)
    );
    assert_eq!(site.verify(&["--origin", ORIGIN]).status.code(), Some(0));
    let other = "00000000-0000-0000-0000-000000000008";
    let output = site.verify(&["--customer", other]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("this is not the export that was asked about"));
}

#[test]
fn what_cannot_be_examined_is_told_from_what_is_wrong() {
    let site = Site::new();
    let (bundle, key) = (site.bundle(), site.key.verifier().to_string());
    let bundle = bundle.to_str().unwrap();
    let absent = site.path("absent");
    let absent = absent.to_str().unwrap();
    let witness = site.witness.verifier().to_string();
    for arguments in [
        vec![],
        vec![bundle],
        vec![bundle, "--key", "no key"],
        vec![bundle, "--key", "@"],
        vec![bundle, "--key", &witness],
        vec![bundle, "--key", &key, "--witness", &key],
        vec![bundle, "--key", &key, "--witness", &witness, "--witness", &witness],
        vec![bundle, "--key", &key, "--checkpoint", absent],
        vec![bundle, "--key", &key, "--unknown"],
        vec![absent, "--key", &key],
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
    fs::remove_file(site.bundle().join("manifest.json")).unwrap();
    assert_eq!(site.verify(&[]).status.code(), Some(2));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}
