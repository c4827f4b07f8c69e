//! The documents that are made of the route table: OpenAPI and the permission matrix.

use crate::fakes::{send, table, world};
use actix_web::test::TestRequest;
use bearingwall_http::{app_routes, matrix, openapi};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// Compares with the reviewed file. `UPDATE_GOLDEN=1` writes it anew, and the difference is then for a reviewer.
#[expect(
    clippy::disallowed_methods,
    reason = "the switch of a test, not configuration of the product"
)]
fn assert_golden(name: &str, text: &str) {
    let path = golden(name);
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        reviewed == text,
        "docs/{name} differs from the route table; run with UPDATE_GOLDEN=1 and review the change"
    );
}

#[test]
fn the_openapi_document_is_the_reviewed_one() {
    let document = openapi(&app_routes().unwrap());
    assert_golden(
        "openapi.json",
        &(serde_json::to_string_pretty(&document).unwrap() + "\n"),
    );
}

#[actix_web::test]
async fn the_served_document_is_the_route_table() {
    let world = world(app_routes().unwrap());
    let answer = send(&world.application, TestRequest::get().uri("/openapi.json")).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), openapi(&app_routes().unwrap()));
}

#[test]
fn htp_5_the_document_declares_what_every_operation_may_answer() {
    let document = openapi(&app_routes().unwrap());
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let declared = |status: &str| responses.contains_key(status);
            assert!(
                responses.keys().any(|status| status.starts_with(['2', '3'])),
                "{method} {path}"
            );
            assert!(declared("default"), "{method} {path}");
            let secured = operation["x-permission"].is_string();
            for status in ["401", "403", "429"] {
                assert_eq!(declared(status), secured, "{method} {path}: {status}");
            }
            for (status, response) in responses {
                let correlated = &response["headers"]["X-Correlation-ID"]["required"];
                assert_eq!(correlated, true, "{method} {path}: {status}");
            }
        }
    }
}

#[test]
fn rbc_1_the_document_names_each_route_with_its_permission_and_every_reference_resolves() {
    let routes = app_routes().unwrap();
    let document = openapi(&routes);
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.insert(format!("{} {path}", method.to_uppercase()));
            match operation["x-permission"].as_str() {
                Some(permission) => assert_eq!(operation["security"][0]["bearer"][0], permission),
                None => assert!(operation["x-public"].is_string() && operation["security"] == serde_json::json!([])),
            }
        }
    }
    let declared: BTreeSet<String> = routes
        .routes()
        .iter()
        // OpenAPI has no word for a parameter with slashes in it.
        .map(|route| route.spec().name().replace("*}", "}"))
        .collect();
    assert_eq!(described, declared);

    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[test]
fn the_matrix_names_every_route_and_every_role() {
    let routes = app_routes().unwrap();
    let text = matrix(&routes, &table());
    assert_eq!(text.lines().count(), routes.routes().len() + 1);
    let me: Vec<&str> = text
        .lines()
        .find(|line| line.contains("/v1/me"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(me, ["GET", "/v1/me", "me:read", "yes", "yes", "yes", "none", "-"]);
    assert!(text.contains("(public: asked by the process supervisor)"));
}
