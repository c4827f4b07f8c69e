//! The split-key profile: a server that holds no key, over a database that verifies its callers' tokens itself.

use crate::clients::person;
use crate::site::{Site, send};
use bearingwall_authn::Algorithm;
use bearingwall_core::{CustomerId, Role};
use bearingwall_testkit::issuer::TokenRequest;
use reqwest::Method;
use serde_json::json;

fn claims(site: &Site, customer: CustomerId, roles: &[Role]) -> TokenRequest {
    TokenRequest {
        alg: Algorithm::Rs256,
        ..site.claims("dana", customer, roles)
    }
}

fn administrator(site: &Site, customer: CustomerId) -> String {
    let claims = claims(site, customer, &[Role::Authenticated, Role::CustomerAdmin]);
    site.issuer.token(&claims).unwrap()
}

fn reader(site: &Site, customer: CustomerId) -> String {
    site.issuer
        .token(&claims(site, customer, &[Role::Authenticated]))
        .unwrap()
}

#[test]
fn ten_7_a_server_without_any_key_serves_each_caller_in_the_tenant_of_the_callers_own_token() {
    let site = Site::in_split_key();
    let stored: Vec<String> = std::fs::read_dir(site.secrets())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(stored.iter().all(|name| !name.contains("enter")), "{stored:?}");
    assert_eq!(
        site.ask("SELECT kid::text FROM tenancy.enter_keys"),
        ["0"],
        "the database's own"
    );

    let mut server = site.serve(&site.split_key_config());
    assert_eq!(server.get_anonymous("/readyz").status, 200, "{}", server.log());
    let writer = administrator(&site, site.tenants.juniper);
    let client = server.new_client(&writer, &person("Quillon", "Featherstone"));
    let path = format!("/v1/clients/{client}");
    for token in [&writer, &reader(&site, site.tenants.juniper)] {
        assert_eq!(server.get(&path, token).json()["first_name"], "Quillon");
    }
    let mut changed = person("Quillon", "Ngata");
    changed["phone"] = json!("(512) 555-0171");
    assert_eq!(server.put(&path, &writer, 1, &changed).status, 200);

    let other = administrator(&site, site.tenants.saltmarsh);
    assert_eq!(server.get(&path, &other).status, 404);
    assert_eq!(server.put(&path, &other, 2, &changed).status, 404);
    assert_eq!(server.get("/v1/clients", &other).json()["items"], json!([]));
    let theirs = server.new_client(&other, &person("Evelyn", "Garcia"));
    assert_eq!(server.get(&format!("/v1/clients/{theirs}"), &writer).status, 404);
    assert_eq!(server.get(&path, &writer).json()["last_name"], "Ngata");

    server.stop();
    assert!(server.wait().success(), "{}", server.log());
    for token in [writer, other] {
        assert!(!server.log().contains(&token), "a token in the log");
    }
}

#[test]
fn ten_7_only_a_live_token_of_the_installed_issuer_is_a_proof() {
    let site = Site::in_split_key();
    let server = site.serve(&site.split_key_config());
    let good = claims(&site, site.tenants.juniper, &[Role::Authenticated, Role::CustomerAdmin]);
    let client = server.new_client(&site.issuer.token(&good).unwrap(), &person("Quillon", "Featherstone"));
    let path = format!("/v1/clients/{client}");
    let elliptic = TokenRequest {
        alg: Algorithm::Es256,
        ..good.clone()
    };
    for (what, token) in [
        ("expired", site.issuer.expired_token(&good).unwrap()),
        ("of another issuer", site.issuer.foreign_token(&good).unwrap()),
        ("forged", site.issuer.forged_token(&good).unwrap()),
        ("unsigned", site.issuer.unsigned_token(&good)),
        ("not verifiable in the database", site.issuer.token(&elliptic).unwrap()),
    ] {
        let refused = server.get(&path, &token);
        assert_eq!(refused.refusal(), (401, "HTP-002".to_owned()), "{what}");
    }
}

#[test]
fn ten_7_a_key_that_the_database_does_not_hold_any_more_opens_nothing_whatever_the_server_believes() {
    let site = Site::in_split_key();
    let server = site.serve(&site.split_key_config());
    let client = server.new_client(
        &administrator(&site, site.tenants.juniper),
        &person("Quillon", "Featherstone"),
    );
    site.execute_as_admin("SELECT tenancy.retire_issuer_keys(issuer, '{}', '0 seconds') FROM tenancy.issuer_list()");
    // A token that the server has not seen yet: a seen one has a ticket for up to a minute.
    let refused = server.get(&format!("/v1/clients/{client}"), &reader(&site, site.tenants.juniper));
    assert_eq!(refused.refusal(), (401, "HTP-002".to_owned()), "{refused:?}");
    // The tenant cannot be entered to record it there, and it stands on record all the same.
    let recorded = site.wait_for(&format!(
        "SELECT concat_ws(' ', event_type, outcome, outcome_code, customer_id, actor_id) FROM audit.events WHERE request_id = '{}'",
        refused.correlation_id()
    ));
    assert_eq!(
        recorded,
        [
            "http.request.unauthenticated denied TEN-011 00000000-0000-8000-8000-000000000001 \
             00000000-0000-8000-8000-000000000003"
        ]
    );
}

#[test]
fn aud_3_refusals_of_a_proven_identity_stand_in_its_tenant_with_the_split_key_too() {
    let site = Site::in_split_key();
    let server = site.serve(&site.split_key_config());
    let reader = reader(&site, site.tenants.saltmarsh);
    let subject = server.get("/v1/me", &reader).json()["subject_id"].clone();
    let refused = send(
        server
            .request(Method::POST, "/v1/clients", &reader)
            .json(&person("Any", "Body")),
    );
    assert_eq!(refused.status, 403);
    let recorded = site.wait_for(&format!(
        "SELECT concat_ws(' ', event_type, outcome, customer_id, actor_id, route) FROM audit.events WHERE request_id = '{}'",
        refused.correlation_id()
    ));
    let (tenant, subject) = (site.tenants.saltmarsh, subject.as_str().unwrap());
    assert_eq!(
        recorded,
        [format!(
            "http.request.denied denied {tenant} {subject} POST /v1/clients"
        )]
    );
}

#[test]
fn ten_7_a_server_and_a_database_of_different_profiles_do_not_come_together() {
    let site = Site::new();
    let (code, text) = site.refused_start(&site.split_key_config(), |_| ());
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("the database's profile is enter-key, this program is configured for split-key"),
        "{text}"
    );
    let site = Site::in_split_key();
    let (code, text) = site.refused_start(&site.with_an_enter_key(), |_| ());
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("the database's profile is split-key, this program is configured for enter-key"),
        "{text}"
    );
}

#[test]
fn ten_7_the_split_key_profile_starts_without_a_key_and_with_issuers_that_the_database_verifies_or_not_at_all() {
    let site = Site::in_split_key();
    let config = site.split_key_config();
    let elliptic = config.replace("algorithms = [\"RS256\"]", "algorithms = [\"RS256\", \"ES256\"]");
    let (code, text) = site.refused_start(&elliptic, |_| ());
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains(&format!("the issuer `{}` may sign", site.issuer.issuer())),
        "{text}"
    );

    let keyed = config.replace("[keys]", "[tenancy]\nenter_kid = 1\n[keys]");
    let (code, text) = site.refused_start(&keyed, |_| ());
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("the application holds no signing key at all"), "{text}");

    site.execute("UPDATE tenancy.issuers SET audience = 'another'");
    let (code, text) = site.refused_start(&config, |_| ());
    assert_eq!(code, 3, "{text}");
    let told = format!(
        "refused: the database has no key of the issuer `{}`",
        site.issuer.issuer()
    );
    assert!(text.contains(&told), "{text}");
}
