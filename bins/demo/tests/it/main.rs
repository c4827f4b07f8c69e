//! The program from outside: what it refuses, and that it leaves nothing behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::process::{Command, Output};

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bearingwall-demo"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn wrong_usage_is_told_from_help() {
    assert_eq!(demo(&["--", "--help"]).status.code(), Some(0));
    assert_eq!(demo(&["--everything"]).status.code(), Some(2));
}

#[test]
fn without_postgresql_it_says_what_it_tried_and_leaves_nothing_behind() {
    let (folder, programs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = folder.path().to_str().unwrap();
    let named = programs.path().to_str().unwrap();
    let output = demo(&["--check", "--no-install", "--data-dir", data, "--pg-bin", named]);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains(named), "{complaint}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
