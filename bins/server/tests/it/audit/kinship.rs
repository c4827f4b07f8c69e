//! The review knows who looked at themselves or their namesakes, from what their tokens call them, and tells no name.

use super::{open, subject};
use crate::clients::person;
use crate::site::{Server, Site};
use bearingwall_core::{CustomerId, Role};
use serde_json::{Value, json};

/// A token of a member of staff who is called so.
fn staff(site: &Site, customer: CustomerId, name: &str, claims: &Value) -> String {
    let request = site.claims(name, customer, &[Role::Authenticated, Role::CustomerAdmin]);
    site.issuer.token_with(&request, claims).unwrap()
}

/// What the review says of the bearer of a token.
fn review(server: &Server, reviewer: &str, bearer: &str) -> Value {
    let actor = subject(server, bearer);
    let review = server.get("/v1/audit/reports/activity?day_begins=0&day_ends=24", reviewer);
    assert_eq!(review.status, 200, "{review:?}");
    let actors = review.json()["actors"].as_array().unwrap().clone();
    let mut of = actors.into_iter().filter(|line| line["actor_id"] == json!(actor));
    of.next().unwrap()
}

/// Whether names are known, both counts, and the flags.
fn told(line: &Value) -> Value {
    json!([
        line["names_known"],
        line["self_accesses"],
        line["namesake_accesses"],
        line["flags"]
    ])
}

#[test]
fn dom_4_a_review_flags_access_to_oneself_and_to_namesakes_and_tells_no_name() {
    let (site, server) = open();
    let (juniper, saltmarsh) = (site.tenants.juniper, site.tenants.saltmarsh);
    let reviewer = site.administrator(juniper);
    let client = |first: &str, last: &str| server.new_client(&reviewer, &person(first, last));
    let (marigold, ada, petra) = (
        client("Marigold", "Abernathy"),
        client("Ada", "Abernathy"),
        client("Petra", "Quint"),
    );
    let read = |token: &str, clients: &[&String]| {
        for client in clients {
            assert_eq!(server.get(&format!("/v1/clients/{client}"), token).status, 200);
        }
    };
    let own = json!({"given_name": "marigold", "family_name": "ABERNATHY", "email": "work@example.org"});
    let by_name = staff(&site, juniper, "by-name", &own);
    let by_email = json!({"family_name": "Married", "email": "Petra.Quint@example.net"});
    let by_email = staff(&site, juniper, "by-email", &by_email);
    let sister = staff(
        &site,
        juniper,
        "sister",
        &json!({"given_name": "Zed", "family_name": "Abernathy"}),
    );
    let stranger = staff(
        &site,
        juniper,
        "stranger",
        &json!({"given_name": "Zoe", "family_name": "Other"}),
    );
    let unnamed = staff(
        &site,
        juniper,
        "unnamed",
        &json!({"given_name": 7, "family_name": "x".repeat(300), "email": null}),
    );
    read(&by_name, &[&marigold, &ada, &petra]);
    read(&by_email, &[&petra, &ada]);
    read(&sister, &[&marigold, &ada]);
    read(&stranger, &[&marigold, &petra]);
    read(&unnamed, &[&marigold]);
    for (token, expected) in [
        (&by_name, json!([true, 1, 1, ["self_access", "namesakes"]])),
        (&by_email, json!([true, 1, 0, ["self_access"]])),
        (&sister, json!([true, 0, 2, ["namesakes"]])),
        (&stranger, json!([true, 0, 0, []])),
        (&unnamed, json!([false, 0, 0, []])),
        (&reviewer, json!([false, 0, 0, []])),
    ] {
        assert_eq!(told(&review(&server, &reviewer, token)), expected);
    }
    // In the other tenant nobody bears the name, and nothing is known of who does not say it there.
    let theirs = site.administrator(saltmarsh);
    let zoe = server.new_client(&theirs, &person("Zoe", "Saltmarsh"));
    let visiting = staff(&site, saltmarsh, "by-name", &own);
    read(&visiting, &[&zoe]);
    assert_eq!(told(&review(&server, &theirs, &visiting)), json!([true, 0, 0, []]));

    // Nothing of the names has gone anywhere else.
    let mut written = site.ask("SELECT e::text FROM audit.events e");
    written.extend(site.ask("SELECT d::text FROM crm.staff_digests d"));
    written.push(server.log());
    assert_eq!(site.ask("SELECT d::text FROM crm.staff_digests d").len(), 12);
    let written = written.join("\n").to_lowercase();
    for name in ["abernathy", "marigold", "petra", "married", "work@example", "xxxx"] {
        assert!(!written.contains(name), "{name}");
    }
}

#[test]
fn dom_4_without_room_for_the_name_there_is_no_access_and_with_it_no_second_trip() {
    let (site, server) = open();
    let tenant = site.tenants.juniper;
    let reviewer = site.administrator(tenant);
    let client = server.new_client(&reviewer, &person("Marigold", "Abernathy"));
    let path = format!("/v1/clients/{client}");
    let named = json!({"given_name": "Marigold", "family_name": "Abernathy"});
    let (first, second) = (
        staff(&site, tenant, "first", &named),
        staff(&site, tenant, "second", &named),
    );
    assert_eq!(server.get(&path, &first).status, 200);
    // Another token of the same person is no new person; what is known needs no table.
    let lock = site.lock("crm.staff_digests");
    let again = staff(&site, tenant, "first", &named);
    assert_eq!(server.get(&path, &again).status, 200);
    site.unlock(lock);

    site.execute("REVOKE INSERT ON crm.staff_digests FROM bearingwall_app");
    let list = "/v1/clients".to_owned();
    for path in [&path, &list] {
        let refused = server.get(path, &second);
        assert_eq!(refused.refusal(), (503, "HTP-011".to_owned()), "{refused:?}");
        assert!(refused.headers.contains_key("retry-after"));
        let body = refused.body.to_lowercase();
        assert!(!body.contains("marigold") && !body.contains("abernathy"), "{body}");
        let events = site.ask(&format!(
            "SELECT event_type FROM audit.events WHERE request_id = '{}' AND event_type <> 'role.claimed'",
            refused.correlation_id()
        ));
        assert!(events.is_empty(), "{events:?}");
    }
    // What shows no person's data goes on, and so does everybody else.
    assert_eq!(server.get("/v1/me", &second).status, 200);
    assert_eq!(server.get(&path, &first).status, 200);
    site.execute("GRANT INSERT ON crm.staff_digests TO bearingwall_app");
    assert_eq!(server.get(&path, &second).status, 200);
    assert_eq!(
        told(&review(&server, &reviewer, &second)),
        json!([true, 1, 0, ["self_access"]])
    );
    let log = server.log();
    assert!(log.contains("DOM-010"), "{log}");
    assert!(!log.to_lowercase().contains("abernathy"));
}
