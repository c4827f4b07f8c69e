//! What the tool prints about the API is what stands in the repository.

use crate::site::Done;
use std::path::{Path, PathBuf};
use std::process::Command;

fn ctl(arguments: &[&str]) -> Done {
    Command::new(env!("CARGO_BIN_EXE_bearingwall-ctl"))
        .args(arguments)
        .output()
        .unwrap()
        .into()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[test]
fn rbc_1_the_reviewed_matrix_is_the_one_that_is_served() {
    let file = golden("controls/permission-matrix.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, ctl(&["matrix"]).ok()).unwrap();
    }
    let checked = ctl(&["matrix", "--check", file.to_str().unwrap()]);
    assert_eq!(
        checked.code, 0,
        "review the change, then run this test with UPDATE_GOLDEN=1: {}",
        checked.out
    );
}

#[test]
fn a_matrix_that_differs_is_shown_with_its_difference() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("matrix.txt");
    let matrix = ctl(&["matrix"]).ok();
    std::fs::write(
        &file,
        matrix
            .replace("GET     /v1/me ", "GET     /v1/us ")
            .replacen("/v1/me", "/v1/us", 1),
    )
    .unwrap();
    let checked = ctl(&["matrix", "--check", file.to_str().unwrap()]);
    assert_eq!(checked.code, 1, "{checked:?}");
    assert!(
        checked
            .out
            .lines()
            .any(|line| line.starts_with('-') && line.contains("/v1/us")),
        "{checked:?}"
    );
    assert!(
        checked
            .out
            .lines()
            .any(|line| line.starts_with('+') && line.contains("/v1/me")),
        "{checked:?}"
    );
}

#[test]
fn the_openapi_document_is_printed_whole() {
    let document: serde_json::Value = serde_json::from_str(&ctl(&["openapi"]).ok()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/v1/me"]["get"]["x-permission"].is_string());
}
