//! RBC-1: every route of the API, with every token, under every method.

use crate::fakes::{send, table, with_token, world, world_of_strong_sign_ins};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use bearingwall_core::{Role, RoleSet};
use bearingwall_http::app_routes;
use bearingwall_http::routes::{Access, DeclaredRoute};

/// Routes that anybody may use. This list may only shrink: a route that is added here needs a reason that a reviewer
/// accepts, and stands in `docs/controls/permission-matrix.txt` with it.
const PUBLIC: [&str; 12] = [
    "GET /pages/pii",
    "GET /pages/pii.css",
    "GET /pages/pii.js",
    // The sender signs the body with a secret of the endpoint, which the path names by a key.
    "POST /webhooks/{connector}/{endpoint}",
    "GET /healthz",
    "GET /readyz",
    "GET /openapi.json",
    "POST /auth/backchannel-logout",
    // People in browsers: each of them is its own check of a credential that is no bearer token.
    "GET /auth/login",
    "GET /auth/callback",
    "GET /auth/session",
    "POST /auth/logout",
];

fn request(method: Method, route: &DeclaredRoute) -> TestRequest {
    let path: Vec<&str> = route
        .path()
        .split('/')
        .map(|part| {
            // What is not a tile's path is a path that nothing has.
            if part.ends_with("*}") {
                if route.path().contains("/entries/") {
                    "000"
                } else {
                    "0/000"
                }
            } else if part.starts_with('{') {
                "01890000-0000-7000-8000-000000000001"
            } else {
                part
            }
        })
        .collect();
    TestRequest::default().method(method).uri(&path.join("/"))
}

#[actix_web::test]
async fn rbc_1_every_secured_route_refuses_the_anonymous_and_the_wrong_role() {
    let routes = app_routes().unwrap();
    let world = world(app_routes().unwrap());
    let table = table();
    let tokens = [
        ("reader", RoleSet::EMPTY.with(Role::Authenticated)),
        ("writer", RoleSet::EMPTY.with(Role::CustomerAdmin)),
        ("platform", RoleSet::EMPTY.with(Role::InternalAdmin)),
        ("nobody", RoleSet::EMPTY),
    ];
    for route in routes.routes() {
        let name = route.spec().name();
        let Access::Permission(permission) = route.access() else {
            assert!(PUBLIC.contains(&name), "{name} is public and not on the list");
            continue;
        };
        let anonymous = send(&world.application, request(route.method().clone(), route)).await;
        assert_eq!(anonymous.status.as_u16(), 401, "{name} without a token");
        let expired = send(
            &world.application,
            with_token(request(route.method().clone(), route), "expired"),
        )
        .await;
        assert_eq!(expired.status.as_u16(), 401, "{name} with an expired token");
        for (token, roles) in tokens {
            let status = send(
                &world.application,
                with_token(request(route.method().clone(), route), token),
            )
            .await
            .status;
            assert_eq!(
                status.as_u16() != 403,
                table.allows(roles, permission),
                "{name} with {token}: {status}"
            );
            assert!(
                ![401, 404, 405].contains(&status.as_u16()),
                "{name} with {token}: {status}"
            );
        }
    }
    assert_eq!(
        routes
            .routes()
            .iter()
            .filter(|route| matches!(route.access(), Access::Public(_)))
            .count(),
        PUBLIC.len()
    );
}

#[actix_web::test]
async fn aut_7_a_weak_sign_in_sees_no_personal_data_and_opens_it_to_nobody() {
    let world = world_of_strong_sign_ins();
    let table = table();
    let tokens = [
        ("reader", RoleSet::EMPTY.with(Role::Authenticated)),
        ("writer", RoleSet::EMPTY.with(Role::CustomerAdmin)),
        ("platform", RoleSet::EMPTY.with(Role::InternalAdmin)),
    ];
    let mut refused = 0;
    for route in app_routes().unwrap().routes() {
        let Access::Permission(permission) = route.access() else {
            continue;
        };
        let name = permission.as_str();
        // By name, so that a permission that is forgotten in the list is missed here.
        let is_safe = [
            "me:read",
            "audit:prove",
            "access:review",
            "pii:detect",
            "pii_policy:read",
            "gate:read",
            "gate:cancel",
            "outbox:read",
        ]
        .contains(&name)
            || name == "break_glass:review"
            || name.starts_with("webhook_")
            || name.starts_with("connector:")
            || name.starts_with("role:") && !["role:request", "role:decide"].contains(&name);
        for (token, _) in tokens.iter().filter(|(_, roles)| table.allows(*roles, permission)) {
            let code = async |token: &str| {
                let request = with_token(request(route.method().clone(), route), token);
                let answer = send(&world.application, request).await;
                serde_json::from_str::<serde_json::Value>(&answer.body)
                    .map_or(None, |body| body["code"].as_str().map(str::to_owned))
            };
            let weak = code(token).await;
            assert_eq!(
                weak.as_deref() == Some("HTP-017"),
                !is_safe,
                "{name} with {token}: {weak:?}"
            );
            let strong = code(&format!("strong-{token}")).await;
            assert_ne!(strong.as_deref(), Some("HTP-017"), "{name} with {token}");
            refused += u32::from(!is_safe);
        }
    }
    assert!(refused > 15, "{refused}");
}

#[actix_web::test]
async fn rbc_1_no_path_answers_a_method_that_was_not_declared() {
    let routes = app_routes().unwrap();
    let world = world(app_routes().unwrap());
    let methods = [
        "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW",
    ];
    for route in routes.routes() {
        for method in methods.map(|method| Method::from_bytes(method.as_bytes()).unwrap()) {
            let declared = |other: &&DeclaredRoute| other.path() == route.path() && *other.method() == method;
            if routes.routes().iter().any(|other| declared(&other)) {
                continue;
            }
            let answer = send(&world.application, with_token(request(method.clone(), route), "both")).await;
            assert_eq!(answer.status.as_u16(), 405, "{method} {}", route.path());
            assert!(
                answer
                    .header("allow")
                    .is_some_and(|allow| allow.contains(route.method().as_str()))
            );
        }
    }
}

#[actix_web::test]
async fn rbc_1_an_unknown_path_under_the_prefix_needs_a_token_to_be_told_so() {
    let world = world(app_routes().unwrap());
    for path in ["/v1", "/v1/", "/v1/nothing", "/v1/me/", "/v1/me%2f", "/v1/healthz"] {
        assert_eq!(
            send(&world.application, TestRequest::get().uri(path))
                .await
                .status
                .as_u16(),
            401,
            "{path}"
        );
        let known = send(&world.application, with_token(TestRequest::get().uri(path), "both")).await;
        assert_eq!(known.status.as_u16(), 404, "{path}");
    }
    for path in ["/", "/v2/me", "/v1x", "/V1/me", "/healthz/"] {
        assert_eq!(
            send(&world.application, TestRequest::get().uri(path))
                .await
                .status
                .as_u16(),
            404,
            "{path}"
        );
    }
}
