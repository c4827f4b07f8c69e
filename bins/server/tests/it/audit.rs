//! A tenant's own record over HTTP: its events, proofs that verify offline, and reports; never another tenant's.

mod kinship;
mod proofs;

use crate::clients::person;
use crate::site::{Answer, Server, Site, shared};
use bearingwall_core::{CustomerId, Role};
use serde_json::{Value, json};
use uuid::Uuid;

/// A site of its own, so that what is counted is what the test made.
fn open() -> (Site, Server) {
    let site = Site::new();
    let server = site.serve(&site.config());
    (site, server)
}

fn items(answer: &Answer) -> Vec<Value> {
    answer.json()["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer:?}"))
        .clone()
}

fn event_ids(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .map(|item| item["event"]["event_id"].as_str().unwrap().to_owned())
        .collect()
}

/// A row of the record that another part of the system would write. `columns` are beside those of every event.
fn record(site: &Site, customer: CustomerId, columns: &str, values: &str) -> Uuid {
    let id = Uuid::now_v7();
    site.execute(&format!(
        "INSERT INTO audit.events (customer_id, event_id, outcome, {columns}) VALUES ('{customer}', '{id}', 'success', {values})"
    ));
    id
}

fn subject(server: &Server, token: &str) -> String {
    server.get("/v1/me", token).json()["subject_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn aud_8_the_record_is_read_in_pages_that_do_not_shift_and_reading_it_is_on_it() {
    let (site, server) = open();
    let token = site.administrator(site.tenants.juniper);
    let client = server.new_client(&token, &person("Ada", "Paged"));
    for _ in 0..3 {
        assert_eq!(server.get(&format!("/v1/clients/{client}"), &token).status, 200);
    }
    let mut whole = Vec::new();
    let mut next = String::new();
    loop {
        // A reading comes between two pages, and what it adds stands before them.
        let page = server.get(&format!("/v1/audit/events?limit=3{next}"), &token);
        assert_eq!(page.status, 200, "{page:?}");
        assert!(items(&page).len() <= 3);
        whole.extend(event_ids(&items(&page)));
        match page.json()["next"].as_str() {
            Some(place) => next = format!("&before={place}"),
            None => break,
        }
    }
    let tenant = site.tenants.juniper;
    let mut all = site.ask(&format!(
        "SELECT event_id::text FROM audit.events WHERE customer_id = '{tenant}' ORDER BY recorded_at DESC, event_id DESC"
    ));
    let readings = site.ask(&format!(
        "SELECT event_id::text FROM audit.events WHERE customer_id = '{tenant}' AND event_type = 'audit.read'"
    ));
    all.retain(|id| !readings.contains(id));
    assert_eq!(whole, all);
    assert!(all.len() >= 8 && readings.len() > 2, "{all:?} {readings:?}");
}

#[test]
fn aud_8_each_filter_of_the_record_shows_what_it_names() {
    let (site, server) = open();
    let token = site.administrator(site.tenants.juniper);
    let reader = site.claims("billing", site.tenants.juniper, &[Role::Authenticated]);
    let reader = site.issuer.token(&reader).unwrap();
    let client = server.new_client(&token, &person("Ada", "Filtered"));
    let other = server.new_client(&token, &person("Ada", "Other"));
    let read = server.get(&format!("/v1/clients/{client}"), &reader);
    server.get(&format!("/v1/clients/{other}"), &token);
    let actor = subject(&server, &reader);
    let shown = |query: &str| {
        let answer = server.get(&format!("/v1/audit/events?{query}"), &token);
        assert_eq!(answer.status, 200, "{answer:?}");
        items(&answer)
    };
    let request = read.correlation_id();
    for (query, member, value) in [
        (format!("client_id={client}"), "subject_id", client.as_str()),
        (format!("actor_id={actor}"), "actor_id", actor.as_str()),
        ("event_type=client.read".to_owned(), "event_type", "client.read"),
        (format!("request_id={request}"), "request_id", &request.to_string()),
    ] {
        let found = shown(&query);
        assert!(
            !found.is_empty() && found.iter().all(|item| item["event"][member] == value),
            "{query}: {found:?}"
        );
    }
    let found = shown(&format!("actor_id={actor}&event_type=client.read"));
    let service = found[0]["event"]["service"].as_str().unwrap();
    assert!(service.starts_with("bearingwall-server/"), "{service}");
    let phases: Vec<&str> = found
        .iter()
        .map(|item| item["event"]["phase"].as_str().unwrap())
        .collect();
    assert_eq!(phases, ["completed", "intended"], "{found:?}");
    let at = found[1]["event"]["recorded_at"].as_str().unwrap();
    let from = event_ids(&shown(&format!("from={at}&limit=100")));
    let before = event_ids(&shown(&format!("to={at}&limit=100")));
    let id = found[1]["event"]["event_id"].as_str().unwrap().to_owned();
    assert!(from.contains(&id) && !before.contains(&id) && !before.is_empty());
    // To ask about a client is to look at the client's data: it stands in the client's access log.
    let log = server.get(&format!("/v1/clients/{client}/access-log"), &token);
    assert!(
        items(&log).iter().any(|line| line["event_type"] == "audit.read"),
        "{log:?}"
    );

    for (query, field) in [
        ("limit=0", Some("limit")),
        ("limit=101", Some("limit")),
        ("event_type=client.unheard_of", Some("event_type")),
        ("before=yesterday", Some("query")),
        ("from=yesterday", Some("query")),
        ("surprise=1", Some("query")),
    ] {
        let refused = server.get(&format!("/v1/audit/events?{query}"), &token);
        assert_eq!(
            (refused.status.as_u16(), refused.json()["field"].as_str()),
            (400, field),
            "{query}"
        );
    }
}

#[test]
fn aud_8_a_page_that_no_index_leads_to_looks_through_a_month_and_says_where_to_go_on() {
    let (site, server) = open();
    let tenant = site.tenants.juniper;
    let token = site.administrator(tenant);
    let mut expected = Vec::new();
    for days in [0, 20, 70, 200] {
        site.execute(&format!(
            "SELECT audit.create_partition(date_trunc('month', now() - interval '{days} days')::date)"
        ));
        let recorded = format!("now() - interval '{days} days'");
        let columns = "recorded_at, actor_id, request_id, event_type, phase";
        let values = format!("{recorded}, gen_random_uuid(), gen_random_uuid(), 'session.started', 'completed'");
        expected.push(record(&site, tenant, columns, &values).to_string());
    }
    let read = |query: &str| server.get(&format!("/v1/audit/events?{query}"), &token);
    let (mut found, mut pages, mut next) = (Vec::new(), 0, String::new());
    loop {
        let page = read(&format!("event_type=session.started&limit=10{next}"));
        found.extend(event_ids(&items(&page)));
        pages += 1;
        match page.json()["next"].as_str() {
            Some(place) => next = format!("&before={place}"),
            None => break,
        }
    }
    assert_eq!(found, expected);
    assert_eq!(pages, 7, "200 days, 31 a page");
    // Where an index leads, or a bound is near, one page is enough.
    let whole = read("limit=100");
    assert!(whole.json()["next"].is_null(), "{whole:?}");
    let from = (time::OffsetDateTime::now_utc() - time::Duration::days(25)).unix_timestamp();
    let from = time::OffsetDateTime::from_unix_timestamp(from).unwrap();
    let from = from.format(&time::format_description::well_known::Rfc3339).unwrap();
    let near = read(&format!("event_type=session.started&from={from}"));
    assert!(near.json()["next"].is_null(), "{near:?}");
    assert_eq!(event_ids(&items(&near)), expected[..2]);
}

/// Status and body without what differs between any two requests.
fn bare(answer: &Answer) -> (u16, String) {
    let id = answer.correlation_id().to_string();
    (answer.status.as_u16(), answer.body.replace(&id, "<id>"))
}

#[test]
fn ten_1_the_record_of_another_tenant_is_invisible() {
    let (site, server) = open();
    let owner = site.administrator(site.tenants.juniper);
    let stranger = site.issuer.token(&site.claims(
        "stranger",
        site.tenants.saltmarsh,
        &[Role::Authenticated, Role::CustomerAdmin],
    ));
    let stranger = stranger.unwrap();
    let client = server.new_client(&owner, &person("Ada", "Theirs"));
    let created = items(&server.get(&format!("/v1/audit/events?client_id={client}"), &owner));
    let (request, actor) = (&created[0]["event"]["request_id"], &created[0]["event"]["actor_id"]);
    let (request, actor) = (request.as_str().unwrap(), actor.as_str().unwrap());
    let tenant = site.tenants.saltmarsh.to_string();
    for query in [
        String::new(),
        format!("client_id={client}"),
        format!("actor_id={actor}"),
        format!("request_id={request}"),
        "event_type=client.created".to_owned(),
    ] {
        let found = items(&server.get(&format!("/v1/audit/events?limit=100&{query}"), &stranger));
        assert!(
            found.iter().all(|item| item["event"]["customer_id"] == tenant.as_str()),
            "{query}: {found:?}"
        );
        let asked_for_theirs = query.contains("id=") || query.contains("created");
        assert!(
            !asked_for_theirs || found.iter().all(|item| item["event"]["event_type"] == "audit.read"),
            "{query}"
        );
    }
}

#[test]
fn ten_1_reports_tell_nothing_of_another_tenant() {
    let (site, server) = open();
    let owner = site.administrator(site.tenants.juniper);
    let stranger = site.issuer.token(&site.claims(
        "stranger",
        site.tenants.saltmarsh,
        &[Role::Authenticated, Role::CustomerAdmin],
    ));
    let stranger = stranger.unwrap();
    let client = server.new_client(&owner, &person("Ada", "Theirs"));
    let read = server.get(&format!("/v1/clients/{client}"), &owner);
    record(
        &site,
        site.tenants.juniper,
        "actor_id, request_id, event_type, phase, subject_id, recipient",
        &format!("gen_random_uuid(), gen_random_uuid(), 'message.sent', 'completed', '{client}', 'ses'"),
    );
    let missing = Uuid::now_v7();
    for (theirs, nobodys) in [
        (
            format!("/v1/clients/{client}/disclosures"),
            format!("/v1/clients/{missing}/disclosures"),
        ),
        (
            format!("/v1/audit/reports/requests/{}", read.correlation_id()),
            format!("/v1/audit/reports/requests/{missing}"),
        ),
    ] {
        assert_eq!(server.get(&theirs, &owner).status, 200, "{theirs}");
        let (found, nothing) = (server.get(&theirs, &stranger), server.get(&nobodys, &stranger));
        assert_eq!(found.status, 404, "{found:?}");
        assert_eq!(bare(&found), bare(&nothing), "{theirs}");
    }
    let review = server.get("/v1/audit/reports/activity", &stranger);
    let actors = review.json()["actors"].as_array().unwrap().clone();
    let ids: Vec<&str> = actors.iter().map(|actor| actor["actor_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [subject(&server, &stranger)], "{review:?}");
}

#[test]
fn aud_8_what_cannot_be_put_on_the_record_is_not_told_from_it() {
    let (site, server) = open();
    let token = site.administrator(site.tenants.juniper);
    let client = server.new_client(&token, &person("Marigold", "Abernathy"));
    let request = server.get(&format!("/v1/clients/{client}"), &token).correlation_id();
    site.seal();
    let sealed = site.ask("SELECT event_id::text FROM audit.leaves LIMIT 1");
    let paths = [
        "/v1/audit/events".to_owned(),
        "/v1/audit/checkpoints/latest".to_owned(),
        format!("/v1/audit/proofs/inclusion?event_id={}", sealed[0]),
        "/v1/audit/proofs/consistency?from=1".to_owned(),
        "/v1/audit/log/checkpoint".to_owned(),
        "/v1/audit/log/tile/0/000.p/1".to_owned(),
        "/v1/audit/log/tile/entries/000.p/1".to_owned(),
        format!("/v1/clients/{client}/disclosures"),
        "/v1/audit/reports/activity".to_owned(),
        format!("/v1/audit/reports/requests/{request}"),
    ];
    site.execute("SET bearingwall.audit_ddl = 'on'; REVOKE INSERT ON audit.events FROM bearingwall_app");
    for path in &paths {
        let refused = server.get(path, &token);
        assert_eq!(refused.refusal(), (503, "HTP-011".to_owned()), "{path}");
        assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    }
}

#[test]
fn aud_4_an_account_of_disclosures_says_when_to_whom_what_and_why() {
    let running = shared();
    let (site, server) = &*running;
    let token = site.administrator(site.tenants.juniper);
    let client = server.new_client(&token, &person("Ada", "Disclosed"));
    let tenant = site.tenants.juniper;
    let columns = "actor_id, request_id, access_id, event_type, phase, subject_id, resource, commands, fields, recipient, \
                   purpose_of_use, recorded_at";
    let actor = Uuid::now_v7();
    // Announced for two tables, and ended or not.
    let announce = |recipient: &str, event: &str, at: &str| {
        let (access, request) = (Uuid::now_v7(), Uuid::now_v7());
        for resource in ["crm.client_records", "crm.chart_notes"] {
            record(
                site,
                tenant,
                columns,
                &format!(
                    "'{actor}', '{request}', '{access}', '{event}', 'intended', '{client}', '{resource}', '{{SELECT}}', \
                     '{{email,phone}}', '{recipient}', 'HPAYMT', {at}"
                ),
            );
        }
        (access, request)
    };
    let end = |(access, request): (Uuid, Uuid), phase: &str, outcome: &str| {
        site.execute(&format!(
            "INSERT INTO audit.events (customer_id, event_id, actor_id, request_id, access_id, event_type, phase, outcome)
             VALUES ('{tenant}', gen_random_uuid(), '{actor}', '{request}', '{access}', 'message.sent', '{phase}', '{outcome}')"
        ));
    };
    end(
        announce("clearinghouse", "message.sent", "now()"),
        "completed",
        "success",
    );
    end(announce("failed", "message.sent", "now()"), "failed", "failure");
    // A failure that somebody put before the true end takes nothing out of the account.
    let hidden = announce("hidden", "message.sent", "now()");
    end(hidden, "failed", "failure");
    end(hidden, "completed", "success");
    announce("crashed", "disclosure.made", "now()");
    announce("inside", "client.read", "now()");
    let account = server.get(&format!("/v1/clients/{client}/disclosures"), &token);
    let lines = items(&account);
    let told: Vec<(&str, &str, &str)> = lines
        .iter()
        .map(|line| {
            let text = |member: &str| line[member].as_str().unwrap();
            (text("recipient"), text("event_type"), text("outcome"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("crashed", "disclosure.made", "unknown"),
            ("hidden", "message.sent", "success"),
            ("clearinghouse", "message.sent", "success"),
        ],
        "{account:?}"
    );
    let line = &lines[2];
    assert_eq!(line["resources"], json!(["crm.chart_notes", "crm.client_records"]));
    assert_eq!(
        (&line["fields"], &line["purpose"], &line["actor_id"]),
        (&json!(["email", "phone"]), &json!("HPAYMT"), &json!(actor))
    );
    assert!(line["recorded_at"].as_str().unwrap().ends_with('Z'));

    let first = server.get(&format!("/v1/clients/{client}/disclosures?limit=1"), &token);
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let second = server.get(
        &format!("/v1/clients/{client}/disclosures?limit=2&before={next}"),
        &token,
    );
    assert_eq!([items(&first), items(&second)].concat(), lines);
    let from = line["recorded_at"].as_str().unwrap();
    let later = server.get(&format!("/v1/clients/{client}/disclosures?from={from}"), &token);
    assert_eq!(items(&later), lines);
    let none = server.get(
        &format!("/v1/clients/{client}/disclosures?from=2999-01-01T00:00:00Z"),
        &token,
    );
    assert!(items(&none).is_empty());
    let log = server.get(&format!("/v1/clients/{client}/access-log"), &token);
    assert!(
        items(&log).iter().any(|line| line["event_type"] == "audit.reported"),
        "{log:?}"
    );
}

#[test]
fn aud_4_an_account_reaches_six_years_back_and_no_further() {
    let (site, server) = open();
    let token = site.administrator(site.tenants.juniper);
    let client = server.new_client(&token, &person("Ada", "Old"));
    site.execute(
        "SET bearingwall.audit_ddl = 'on';
         SELECT audit.create_partition((now() - m)::date) FROM unnest(ARRAY[interval '6 years 3 days', interval '5 years 360 days']) m
          GROUP BY date_trunc('month', now() - m), m",
    );
    for (recipient, age) in [("within", "5 years 360 days"), ("beyond", "6 years 3 days")] {
        record(
            &site,
            site.tenants.juniper,
            "actor_id, request_id, event_type, phase, subject_id, recipient, recorded_at",
            &format!(
                "gen_random_uuid(), gen_random_uuid(), 'message.sent', 'completed', '{client}', '{recipient}', \
                 now() - interval '{age}'"
            ),
        );
    }
    for from in ["", "?from=2000-01-01T00:00:00Z"] {
        let account = server.get(&format!("/v1/clients/{client}/disclosures{from}"), &token);
        let recipients: Vec<Value> = items(&account).iter().map(|line| line["recipient"].clone()).collect();
        assert_eq!(recipients, ["within"], "{account:?}");
    }
}

#[test]
fn aud_8_a_review_counts_what_each_actor_did_and_flags_what_stands_out() {
    let (site, server) = open();
    let tenant = site.tenants.juniper;
    let token = site.administrator(tenant);
    let actor = Uuid::now_v7();
    let columns = "actor_id, request_id, access_id, event_type, phase, subject_id, break_glass, recorded_at";
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let day = "date_trunc('day', now(), 'UTC') - interval '2 days'";
    let access = |subjects: &[Uuid], hour: &str, session: &str| {
        let (access, request) = (Uuid::now_v7(), Uuid::now_v7());
        for subject in subjects {
            record(
                &site,
                tenant,
                columns,
                &format!(
                    "'{actor}', '{request}', '{access}', 'client.read', 'intended', '{subject}', {session}, {day} + interval '{hour}'"
                ),
            );
        }
        record(
            &site,
            tenant,
            columns,
            &format!(
                "'{actor}', '{request}', '{access}', 'client.read', 'completed', NULL, NULL, {day} + interval '{hour}'"
            ),
        );
    };
    access(&[first, second], "06:00", "NULL");
    access(&[first], "19:59:59", "NULL");
    access(&[first], "20:00", "NULL");
    access(&[second], "05:59:59", "gen_random_uuid()");
    for _ in 0..2 {
        site.execute(&format!(
            "INSERT INTO audit.events (customer_id, event_id, actor_id, request_id, event_type, phase, outcome)
             VALUES ('{tenant}', gen_random_uuid(), '{actor}', gen_random_uuid(), 'http.request.denied', 'completed', 'denied')"
        ));
    }
    let reviewed = |query: &str| {
        let review = server.get(&format!("/v1/audit/reports/activity{query}"), &token);
        assert_eq!(review.status, 200, "{review:?}");
        let actors = review.json()["actors"].as_array().unwrap().clone();
        actors
            .into_iter()
            .find(|line| line["actor_id"] == json!(actor))
            .unwrap()
    };
    let line = reviewed("");
    for (member, count) in [
        ("events", 11),
        ("accesses", 4),
        ("subjects", 2),
        ("refusals", 2),
        ("off_hours", 2),
        ("break_glass", 1),
    ] {
        assert_eq!(line[member], count, "{member}: {line}");
    }
    assert_eq!(line["flags"], json!(["off_hours", "break_glass"]));
    let other = reviewed("?day_begins=5&day_ends=21&many_subjects=2&many_refusals=2");
    assert_eq!(other["off_hours"], 0);
    assert_eq!(other["flags"], json!(["break_glass", "many_subjects", "many_refusals"]));
    for (query, field) in [
        ("day_begins=21", "day_ends"),
        ("day_ends=25", "day_ends"),
        ("from=2026-01-01T00:00:00Z&to=2026-06-01T00:00:00Z", "from"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
    ] {
        let refused = server.get(&format!("/v1/audit/reports/activity?{query}"), &token);
        assert_eq!(
            (refused.status.as_u16(), refused.json()["field"].as_str()),
            (400, Some(field)),
            "{query}"
        );
    }
}

#[test]
fn aud_8_everything_of_a_request_is_one_tree() {
    let running = shared();
    let (site, server) = &*running;
    let tenant = site.tenants.juniper;
    let token = site.administrator(tenant);
    let client = server.new_client(&token, &person("Ada", "Tree"));
    let traced = server.get(&format!("/v1/clients/{client}"), &token);
    let request = traced.correlation_id();
    // Every event of it names the network peer.
    let peers = site.ask(&format!(
        "SELECT DISTINCT coalesce(host(source_ip), 'none') FROM audit.events WHERE request_id = '{request}'"
    ));
    assert_eq!(peers, ["127.0.0.1"]);
    let read = site.ask(&format!(
        "SELECT access_id::text FROM audit.events WHERE request_id = '{request}'"
    ));
    // What came out of the access, and what came out of that.
    let child = record(
        site,
        tenant,
        "actor_id, request_id, parent_id, event_type, phase",
        &format!(
            "gen_random_uuid(), '{request}', '{}', 'model.called', 'completed'",
            read[0]
        ),
    );
    record(
        site,
        tenant,
        "actor_id, request_id, parent_id, event_type, phase, trace_id",
        &format!(
            "gen_random_uuid(), '{request}', '{child}', 'webhook.received', 'completed', '\\x0102030405060708090a0b0c0d0e0f10'"
        ),
    );
    let answer = server.get(&format!("/v1/audit/reports/requests/{request}"), &token);
    let report = answer.json();
    assert_eq!(
        (&report["correlation_id"], &report["complete"]),
        (&json!(request), &json!(true))
    );
    let roots = report["roots"].as_array().unwrap();
    assert_eq!(roots.len(), 1, "{report}");
    let told = |node: &Value| -> Vec<String> {
        let events = node["events"].as_array().unwrap().iter();
        events
            .map(|item| {
                let text = |member: &str| item["event"][member].as_str().unwrap();
                format!("{} {}", text("event_type"), text("phase"))
            })
            .collect()
    };
    assert_eq!(told(&roots[0]), ["client.read intended", "client.read completed"]);
    assert_eq!(roots[0]["access_id"], json!(read[0]));
    let below = &roots[0]["children"][0];
    assert_eq!(told(below), ["model.called completed"]);
    assert_eq!(told(&below["children"][0]), ["webhook.received completed"]);
    let traces = report["trace_ids"].as_array().unwrap();
    assert!(
        traces.contains(&json!("0102030405060708090a0b0c0d0e0f10")),
        "{traces:?}"
    );
}
