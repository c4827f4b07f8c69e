//! The ratchet of the record: every route, when it succeeds and when it refuses, leaves exactly what the table declares.

mod systems;

use systems::{http_endpoint, invoice, subscription};

use crate::clients::{note, person};
use crate::roles::{approve, asked, role_set};
use crate::site::{Answer, Server, Site, send};
use crate::staff::{open, staff};
use bearingwall_connectors::webhooks::standard::Signer;
use bearingwall_core::{CustomerId, Role, RoleSet};
use bearingwall_http::app_routes;
use bearingwall_http::routes::{Access, DeclaredRoute, Refused};
use bearingwall_rbac::{PolicyTable, Scope};
use bearingwall_rbac_casbin::CasbinEngine;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// Routes that only a person at a real provider uses with success: the suite of `interop` signs in and out there, with every
/// provider, and compares what is left on the record. This list may only shrink.
pub(crate) const AT_A_PROVIDER: [&str; 4] = [
    "GET /auth/login",
    "GET /auth/callback",
    "GET /auth/session",
    "POST /auth/logout",
];

/// Every route is called in every way by few people from one address: nobody is told to wait for that.
const UNHURRIED: &str = "[rates]\nbulk_per_minute = 6000\nrefusals_per_minute = 60000\n";

const WEBHOOK_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Needs no token and is in a tenant all the same: its path leads there.
const IN_A_TENANT: &str = "POST /webhooks/{connector}/{endpoint}";

/// A request that a route answers well.
pub(crate) struct Call {
    pub(crate) path: String,
    body: Body,
}

pub(crate) enum Body {
    None,
    Json(Value),
    /// A change of the first version.
    Change(Value),
    /// A change of what has this entity tag.
    At(String),
    Csv(String),
    Form(String),
    /// Signed with the secret of the endpoint.
    Webhook(String),
}

impl Call {
    fn get(path: impl Into<String>) -> Self {
        Self::of(path, Body::None)
    }

    fn of(path: impl Into<String>, body: Body) -> Self {
        Self {
            path: path.into(),
            body,
        }
    }
}

/// What the calls stand on.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) server: Server,
    /// May do everything that a tenant's people may.
    token: String,
    /// May do what the platform's staff may.
    pub(crate) staff: String,
    /// An event that is sealed.
    sealed: String,
}

impl World {
    pub(crate) fn open() -> Self {
        let site = Site::new();
        let server = site.serve(&format!("{}{UNHURRIED}", site.config()));
        let token = site.administrator(site.tenants.juniper);
        server.new_client(&token, &person("Ada", "Sealed"));
        site.seal();
        let staff = staff(&site, "otto");
        let tenant = site.tenants.juniper;
        let sealed = site.ask(&format!(
            "SELECT event_id::text FROM audit.leaves WHERE customer_id = '{tenant}' LIMIT 1"
        ));
        Self {
            sealed: sealed[0].clone(),
            site,
            server,
            token,
            staff,
        }
    }

    /// A session that somebody else of the staff has asked for.
    fn session(&self) -> String {
        open(&self.server, &staff(&self.site, "ines"), self.site.tenants.juniper)
    }

    /// A token that may use the route.
    fn powerful(&self, route: &DeclaredRoute) -> &str {
        match route.access() {
            Access::Permission(permission) if permission.scope() == Scope::Platform => &self.staff,
            Access::Permission(_) | Access::Public(_) => &self.token,
        }
    }

    /// A new endpoint for webhooks.
    fn endpoint(&self) -> Value {
        self.server
            .post("/v1/webhook-endpoints", &self.token, &endpoint())
            .json()
    }

    /// One that whoever may ask for it holds: nobody hands on what they do not.
    fn role_set(&self) -> String {
        let name = Uuid::new_v4().to_string();
        role_set(&self.server, &self.token, &name, &["client:write"])
    }

    /// A second administrator, who asks for what the first decides on.
    fn second(&self) -> String {
        let claims = self.site.claims(
            "otis",
            self.site.tenants.juniper,
            &[Role::Authenticated, Role::CustomerAdmin],
        );
        self.site.issuer.token(&claims).unwrap()
    }

    fn change(&self) -> (String, Value) {
        asked(
            &self.server,
            &self.second(),
            &self.role_set(),
            &Uuid::now_v7().to_string(),
        )
    }

    fn decision(&self, verdict: &str) -> Call {
        let (change, seen) = self.change();
        Call::of(format!("/v1/roles/changes/{change}/{verdict}"), Body::Json(seen))
    }

    fn assignment(&self) -> String {
        let (change, seen) = self.change();
        let given = approve(&self.server, &self.token, &change, &seen);
        given.json()["assignment_id"].as_str().unwrap().to_owned()
    }

    /// Inside the tenant, as the tables' owner: nothing asks for an approval over the API yet.
    fn inside(&self, statements: &str) {
        let tenant = self.site.tenants.juniper;
        self.site.execute_as_admin(&format!(
            "BEGIN; SELECT tenancy.enter_migration('{tenant}'); SET LOCAL ROLE bearingwall_owner; {statements}; COMMIT"
        ));
    }

    /// A gate that waits, and what a decision on it repeats.
    fn gate(&self) -> (Uuid, Value) {
        let gate = Uuid::now_v7();
        self.inside(&format!(
            "SELECT tenancy.gate_request('{gate}', 'system.change', 'ops.pager', NULL, convert_to('{{\"code\":\"up\"}}', 'UTF8'), NULL, NULL)"
        ));
        let digest = format!("SELECT encode(digest, 'hex') FROM tenancy.gate_requests WHERE gate_id = '{gate}'");
        let digest = &self.site.ask(&digest)[0];
        (
            gate,
            json!({"verdict": "approve", "seen_digest": digest, "reason": "the ratchet turns"}),
        )
    }

    /// An effect that was given up.
    fn parked(&self) -> Uuid {
        let effect = Uuid::now_v7();
        self.inside(&format!(
            "SELECT tenancy.effect_enqueue('{effect}', 'system.notify', 'ops.pager', NULL, convert_to('{{\"code\":\"up\"}}', 'UTF8'), NULL, NULL, NULL);
             UPDATE tenancy.effect_queue SET state = 'dead', parked_at = clock_timestamp() WHERE effect_id = '{effect}'"
        ));
        effect
    }

    fn client(&self) -> String {
        let client = self.server.new_client(&self.token, &person("Ada", "Lovelace"));
        format!("/v1/clients/{client}")
    }

    /// A text of the tenant's, masked: the conversation, and what stands in it now.
    fn masked(&self) -> Value {
        let body = json!({"text": "write to ada@example.org"});
        let masked = self.server.post("/v1/pii/mask", &self.token, &body);
        assert_eq!(masked.status, 200, "{masked:?}");
        json!({"conversation_id": masked.json()["conversation_id"], "text": masked.json()["text"]})
    }

    /// A version of the tenant's policy that passes its test.
    fn policy_version(&self) -> String {
        let proposed = self.server.post("/v1/pii/policy", &self.token, &proposal());
        assert_eq!(proposed.status, 201, "{proposed:?}");
        proposed.json()["version"].to_string()
    }

    fn note(&self) -> String {
        let notes = format!("{}/chart-notes", self.client());
        let created = self.server.post(&notes, &self.token, &note("13 units."));
        format!("/v1/chart-notes/{}", created.json()["id"].as_str().unwrap())
    }

    pub(crate) fn send(&self, route: &DeclaredRoute, call: &Call, token: Option<&str>) -> Answer {
        self.send_in(route, call, token, None)
    }

    /// As the platform's staff does in a session.
    pub(crate) fn send_in(
        &self,
        route: &DeclaredRoute,
        call: &Call,
        token: Option<&str>,
        session: Option<&str>,
    ) -> Answer {
        let method: Method = route.method().as_str().parse().unwrap();
        let request = match token {
            Some(token) => self.server.request(method, &call.path, token),
            None => self.server.request_anonymous(method, &call.path),
        };
        let request = match session {
            Some(session) => request.header("Bearingwall-Break-Glass", session),
            None => request,
        };
        send(match &call.body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::At(tag) => request.header("If-Match", tag),
            Body::Change(body) => request.header("If-Match", "\"1\"").json(body),
            Body::Form(form) => request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.clone()),
            Body::Csv(file) => request.header("content-type", "text/csv").body(file.clone()),
            Body::Webhook(body) => {
                let now = OffsetDateTime::now_utc();
                let signer = Signer::new([WEBHOOK_SECRET.as_bytes()]).unwrap();
                request
                    .header("webhook-id", "msg_1")
                    .header("webhook-timestamp", now.unix_timestamp())
                    .header("webhook-signature", signer.sign("msg_1", now, body.as_bytes()).unwrap())
                    .body(body.clone())
            }
        })
    }

    /// A token of the tenant without the role that the route asks for; of a route that asks for any role, without any.
    fn powerless(&self, route: &DeclaredRoute, policy: &PolicyTable) -> String {
        let Access::Permission(permission) = route.access() else {
            panic!("nobody is refused");
        };
        let roles: Vec<Role> = [Role::Authenticated, Role::CustomerAdmin]
            .into_iter()
            .filter(|role| !policy.allows(RoleSet::EMPTY.with(*role), permission))
            .collect();
        self.site.token(self.site.tenants.juniper, &roles)
    }
}

/// How each route is called so that it succeeds. A new route needs a line here.
pub(crate) fn call(name: &str, world: &World) -> Option<Call> {
    let tag = Uuid::new_v4().simple();
    Some(match name {
        "GET /healthz" => Call::get("/healthz"),
        "GET /readyz" => Call::get("/readyz"),
        "GET /openapi.json" => Call::get("/openapi.json"),
        "GET /pages/pii" => Call::get("/pages/pii"),
        "GET /pages/pii.css" => Call::get("/pages/pii.css"),
        "GET /pages/pii.js" => Call::get("/pages/pii.js"),
        "POST /auth/backchannel-logout" => {
            // Somebody who does not call here: her tokens that name no session end with it.
            let token = world.site.logout_token("robin", Some(&format!("session-{tag}")));
            Call::of("/auth/backchannel-logout", Body::Form(format!("logout_token={token}")))
        }
        "GET /v1/me" => Call::get("/v1/me"),
        "POST /v1/clients" => Call::of("/v1/clients", Body::Json(person("Grace", "Hopper"))),
        "GET /v1/clients" => Call::get("/v1/clients"),
        "GET /v1/clients/{client_id}" => Call::get(world.client()),
        "PUT /v1/clients/{client_id}" => Call::of(world.client(), Body::Change(person("Ada", "King"))),
        "POST /v1/clients:search" => Call::of(
            "/v1/clients:search",
            // Somebody is found, so that reading what was found is on the record, too.
            Body::Json(json!({"name_prefix": "sealed"})),
        ),
        "POST /v1/clients:import" => {
            let rows = format!("external_id,first_name,last_name,date_of_birth\n{tag},Ada,Import,1980-01-02\n");
            Call::of("/v1/clients:import", Body::Csv(rows))
        }
        "POST /v1/clients:deidentify" => {
            // Somebody is there, so that an access is on the record.
            world.client();
            Call::of("/v1/clients:deidentify", Body::None)
        }
        "POST /v1/clients/{client_id}/chart-notes" => {
            Call::of(format!("{}/chart-notes", world.client()), Body::Json(note("14 units.")))
        }
        "GET /v1/clients/{client_id}/chart-notes" => {
            let path = world.client();
            world
                .server
                .post(&format!("{path}/chart-notes"), &world.token, &note("15 units."));
            Call::get(format!("{path}/chart-notes"))
        }
        "GET /v1/chart-notes/{note_id}" => Call::get(world.note()),
        "PUT /v1/chart-notes/{note_id}" => Call::of(world.note(), Body::Change(note("16 units."))),
        "POST /v1/chart-notes:import" => {
            let mut client = person("Ada", "Noted");
            client["external_id"] = json!(tag.to_string());
            world.server.new_client(&world.token, &client);
            let rows =
                format!("client_external_id,noted_on,author,service,body\n{tag},2026-01-02,RN,hydra,17 units.\n");
            Call::of("/v1/chart-notes:import", Body::Csv(rows))
        }
        "GET /v1/clients/{client_id}/access-log" => Call::get(format!("{}/access-log", world.client())),
        "GET /v1/audit/events" => Call::get("/v1/audit/events"),
        "GET /v1/audit/checkpoints/latest" => Call::get("/v1/audit/checkpoints/latest"),
        "GET /v1/audit/proofs/inclusion" => Call::get(format!("/v1/audit/proofs/inclusion?event_id={}", world.sealed)),
        "GET /v1/audit/proofs/consistency" => Call::get("/v1/audit/proofs/consistency?from=1"),
        "GET /v1/audit/log/checkpoint" => Call::get("/v1/audit/log/checkpoint"),
        "GET /v1/audit/log/tile/{tile*}" => Call::get("/v1/audit/log/tile/0/000.p/1"),
        "GET /v1/audit/log/tile/entries/{tile*}" => Call::get("/v1/audit/log/tile/entries/000.p/1"),
        "POST /v1/break-glass" => {
            let body = json!({"customer_id": world.site.tenants.juniper, "reason": "the ratchet turns", "ticket": "OPS-1", "minutes": 5});
            Call::of("/v1/break-glass", Body::Json(body))
        }
        "GET /v1/break-glass" => Call::get("/v1/break-glass"),
        "POST /v1/break-glass/{session_id}/approve" => {
            Call::get(format!("/v1/break-glass/{}/approve", world.session()))
        }
        "POST /v1/break-glass/{session_id}/close" => Call::get(format!("/v1/break-glass/{}/close", world.session())),
        "GET /v1/break-glass/visits" => Call::get("/v1/break-glass/visits"),
        "POST /v1/break-glass/visits/{session_id}/review" => {
            let session = world.session();
            let close = format!("/v1/break-glass/{session}/close");
            assert_eq!(
                send(world.server.request(Method::POST, &close, &world.staff)).status,
                204
            );
            let path = format!("/v1/break-glass/visits/{session}/review");
            Call::of(path, Body::Json(json!({"verdict": "accepted"})))
        }
        "POST /v1/roles" => {
            let body = json!({"name": tag.to_string(), "permissions": ["client:read"]});
            Call::of("/v1/roles", Body::Json(body))
        }
        "GET /v1/roles" => Call::get("/v1/roles"),
        "POST /v1/roles/{role_set_id}/retire" => Call::get(format!("/v1/roles/{}/retire", world.role_set())),
        "POST /v1/roles/changes" => {
            let body =
                json!({"subject_id": Uuid::now_v7(), "role_set_id": world.role_set(), "reason": "the ratchet turns"});
            Call::of("/v1/roles/changes", Body::Json(body))
        }
        "GET /v1/roles/changes" => Call::get("/v1/roles/changes"),
        "POST /v1/roles/changes/{change_id}/approve" => world.decision("approve"),
        "POST /v1/roles/changes/{change_id}/decline" => world.decision("decline"),
        "GET /v1/roles/assignments" => Call::get("/v1/roles/assignments"),
        "POST /v1/roles/assignments/{assignment_id}/end" => Call::of(
            format!("/v1/roles/assignments/{}/end", world.assignment()),
            Body::Json(json!({"reason": "the ratchet turns"})),
        ),
        "GET /v1/access/review" => Call::get("/v1/access/review"),
        "GET /v1/access/review/export" => Call::get("/v1/access/review/export"),
        "POST /v1/access/review/{assignment_id}/keep" => {
            Call::get(format!("/v1/access/review/{}/keep", world.assignment()))
        }
        "POST /v1/access/review/{assignment_id}/end" => Call::of(
            format!("/v1/access/review/{}/end", world.assignment()),
            Body::Json(json!({"reason": "the ratchet turns"})),
        ),
        "GET /v1/clients/{client_id}/disclosures" => Call::get(format!("{}/disclosures", world.client())),
        "GET /v1/audit/reports/activity" => Call::get("/v1/audit/reports/activity"),
        "GET /v1/audit/reports/requests/{request_id}" => {
            let read = world.server.get("/v1/clients", &world.token);
            Call::get(format!("/v1/audit/reports/requests/{}", read.correlation_id()))
        }
        "POST /v1/pii/detect" => Call::of(
            "/v1/pii/detect",
            Body::Json(json!({"text": "write to ada@example.org"})),
        ),
        "POST /v1/pii/mask" => Call::of("/v1/pii/mask", Body::Json(json!({"text": "write to ada@example.org"}))),
        "POST /v1/pii/unmask" => Call::of("/v1/pii/unmask", Body::Json(world.masked())),
        "GET /v1/pii/policy" => Call::get("/v1/pii/policy"),
        "POST /v1/pii/policy" => Call::of("/v1/pii/policy", Body::Json(proposal())),
        "GET /v1/pii/policy/versions" => Call::get("/v1/pii/policy/versions"),
        "GET /v1/pii/policy/versions/{version}" => {
            Call::get(format!("/v1/pii/policy/versions/{}", world.policy_version()))
        }
        "POST /v1/pii/policy/preview" => Call::of(
            "/v1/pii/policy/preview",
            Body::Json(json!({"policy": {"default": "redact"}, "texts": ["write to ada@example.org"]})),
        ),
        "POST /v1/pii/policy/{version}/activate" => {
            let version = world.policy_version();
            let seen = world.server.get("/v1/pii/policy", &world.token);
            Call::of(
                format!("/v1/pii/policy/{version}/activate"),
                Body::At(seen.header("etag").to_owned()),
            )
        }
        "POST /webhooks/{connector}/{endpoint}" => {
            let made = world.endpoint();
            let path = made["url"]
                .as_str()
                .unwrap()
                .strip_prefix("https://hooks.example.org")
                .unwrap();
            Call::of(path, Body::Webhook(format!(r#"{{"id":"evt_{tag}"}}"#)))
        }
        "POST /v1/webhook-endpoints" => Call::of("/v1/webhook-endpoints", Body::Json(endpoint())),
        "GET /v1/webhook-endpoints" => Call::get("/v1/webhook-endpoints"),
        "POST /v1/webhook-endpoints/{endpoint_id}/secrets" => Call::of(
            format!(
                "/v1/webhook-endpoints/{}/secrets",
                world.endpoint()["id"].as_str().unwrap()
            ),
            Body::Json(json!({"secret": WEBHOOK_SECRET, "overlap_s": 60})),
        ),
        "POST /v1/webhook-endpoints/{endpoint_id}/disable" => Call::get(format!(
            "/v1/webhook-endpoints/{}/disable",
            world.endpoint()["id"].as_str().unwrap()
        )),
        "GET /v1/webhook-events" => Call::get("/v1/webhook-events"),
        "POST /v1/webhook-events/{event_id}/replay" => {
            Call::get(format!("/v1/webhook-events/{}/replay", world.arrived(None)))
        }
        "GET /v1/clients/{client_id}/invoices" => Call::get(format!("{}/invoices", world.client())),
        "POST /v1/clients/{client_id}/invoices" => {
            Call::of(format!("{}/invoices", world.client()), Body::Json(invoice()))
        }
        "GET /v1/clients/{client_id}/invoices/{invoice_id}" => Call::get(world.invoice()),
        "POST /v1/clients/{client_id}/invoices/{invoice_id}/void" => Call::get(format!("{}/void", world.invoice())),
        "GET /v1/clients/{client_id}/messages" => Call::get(format!("{}/messages", world.client())),
        "GET /v1/messages/unmatched" => Call::get("/v1/messages/unmatched"),
        "POST /v1/messages/unmatched/{message_id}/assign" => {
            let (message, client) = (world.arrived(Some("+14155550177")), world.client());
            let client = client.strip_prefix("/v1/clients/").unwrap();
            Call::of(
                format!("/v1/messages/unmatched/{message}/assign"),
                Body::Json(json!({"client_id": client})),
            )
        }
        "POST /v1/webhook-subscriptions" => {
            world.room_for_a_subscription();
            Call::of("/v1/webhook-subscriptions", Body::Json(subscription()))
        }
        "GET /v1/webhook-subscriptions" => Call::get("/v1/webhook-subscriptions"),
        "GET /v1/webhook-subscriptions/{subscription_id}" | "DELETE /v1/webhook-subscriptions/{subscription_id}" => {
            Call::get(world.subscription())
        }
        "PUT /v1/webhook-subscriptions/{subscription_id}" => Call::of(
            world.subscription(),
            Body::Json(json!({"event_types": ["client.created"], "enabled": true})),
        ),
        "POST /v1/webhook-subscriptions/{subscription_id}/rotate-secret" => Call::of(
            format!("{}/rotate-secret", world.subscription()),
            Body::Json(json!({"overlap_s": 60})),
        ),
        "POST /v1/webhook-subscriptions/{subscription_id}/test" => Call::get(format!("{}/test", world.subscription())),
        "GET /v1/webhook-subscriptions/{subscription_id}/deliveries" => {
            Call::get(format!("{}/deliveries", world.subscription()))
        }
        "POST /v1/webhook-subscriptions/{subscription_id}/deliveries/{effect_id}/redeliver" => {
            let subscription = world.subscription();
            let sent = send(
                world
                    .server
                    .request(Method::POST, &format!("{subscription}/test"), &world.token),
            );
            let effect = sent.json()["id"].as_str().unwrap().to_owned();
            world.inside(&format!(
                "UPDATE tenancy.effect_queue SET state = 'dead', parked_at = clock_timestamp() WHERE effect_id = '{effect}'"
            ));
            // What was given up has ended the subscription.
            let enabled = json!({"event_types": ["chart_note.created"], "enabled": true});
            let again = world
                .server
                .request(Method::PUT, &subscription, &world.token)
                .json(&enabled);
            assert_eq!(send(again).status, 204);
            Call::of(
                format!("{subscription}/deliveries/{effect}/redeliver"),
                Body::Json(json!({"reason": "the ratchet turns"})),
            )
        }
        "GET /v1/connectors" => Call::get("/v1/connectors"),
        "GET /v1/connectors/{connector}/destinations" => Call::get("/v1/connectors/https/destinations"),
        "POST /v1/connectors/{connector}/destinations" => Call::of(
            "/v1/connectors/https/destinations",
            Body::Json(
                json!({"id": Uuid::now_v7(), "host": format!("{tag}.example.org"), "port": 443, "methods": ["POST"]}),
            ),
        ),
        "DELETE /v1/connectors/{connector}/destinations/{destination_id}" => Call::get(world.destination()),
        "GET /v1/http-endpoints" => Call::get("/v1/http-endpoints"),
        "POST /v1/http-endpoints" => Call::of("/v1/http-endpoints", Body::Json(http_endpoint())),
        "POST /v1/http-endpoints/{endpoint_id}/disable" => Call::get(format!("{}/disable", world.http_endpoint())),
        "POST /v1/http-endpoints/{endpoint_id}/requests" => Call::of(
            format!("{}/requests", world.http_endpoint()),
            Body::Json(json!({"method": "POST"})),
        ),
        "POST /v1/http-requests/{gate_id}/send" => {
            Call::get(format!("/v1/http-requests/{}/send", world.http_request()))
        }
        "GET /v1/gates" => Call::get("/v1/gates"),
        "GET /v1/gates/{gate_id}" => Call::get(format!("/v1/gates/{}", world.gate().0)),
        "POST /v1/gates/{gate_id}/decisions" => {
            let (gate, decision) = world.gate();
            Call::of(format!("/v1/gates/{gate}/decisions"), Body::Json(decision))
        }
        "POST /v1/gates/{gate_id}/cancel" => {
            // Who approved it may take it back.
            let (gate, decision) = world.gate();
            let decided = world
                .server
                .post(&format!("/v1/gates/{gate}/decisions"), &world.token, &decision);
            assert_eq!(decided.status, 200, "{decided:?}");
            Call::get(format!("/v1/gates/{gate}/cancel"))
        }
        "GET /v1/outbox" => Call::get("/v1/outbox"),
        "POST /v1/outbox/{effect_id}/replay" => Call::of(
            format!("/v1/outbox/{}/replay", world.parked()),
            Body::Json(json!({"reason": "the ratchet turns"})),
        ),
        "POST /v1/outbox/{effect_id}/resolve" => Call::of(
            format!("/v1/outbox/{}/resolve", world.parked()),
            Body::Json(json!({"outcome": "abandoned", "reason": "the ratchet turns"})),
        ),
        _ => return None,
    })
}

/// A policy with a text that it masks as it is to.
pub(crate) fn proposal() -> Value {
    json!({
        "policy": {"default": "redact"},
        "samples": [{"text": "write to ada@example.org", "hides": ["ada@example.org"], "keeps": ["write to"]}],
    })
}

fn endpoint() -> Value {
    json!({"connector": "standard", "secret": WEBHOOK_SECRET})
}

/// One request that was made, and what must be on the record of it.
struct Made {
    what: String,
    request: Uuid,
    declared: BTreeSet<String>,
    /// Whether nobody's tenant was known: it stands in the platform's log then.
    without_tenant: bool,
}

impl Made {
    /// Without what belongs to no route: that somebody is seen for the first time, or with other roles than before, and what a
    /// worker does afterwards with what arrived.
    fn found(&self, site: &Site) -> BTreeSet<String> {
        let rows = site.ask(&format!(
            "SELECT DISTINCT concat_ws(' ', event_type, phase) FROM audit.events WHERE request_id = '{}' AND event_type NOT IN ('role.claimed', 'webhook.ignored')",
            self.request
        ));
        rows.into_iter().collect()
    }

    /// Whose log it stands in, and that each access and each single event ended once.
    fn flaws(&self, site: &Site) -> Vec<String> {
        let expected = if self.without_tenant {
            CustomerId::PLATFORM
        } else {
            site.tenants.juniper
        };
        site.ask(&format!(
            "SELECT concat_ws(' ', min(event_type), count(*) FILTER (WHERE phase <> 'intended') || ' ends', min(customer_id::text))
               FROM audit.events WHERE request_id = '{}' GROUP BY coalesce(access_id, event_id)
             HAVING count(*) FILTER (WHERE phase <> 'intended') <> 1 OR bool_or(customer_id <> '{expected}') OR count(DISTINCT actor_id) <> 1",
            self.request
        ))
    }
}

/// Calls a route in every way, and answers what that must leave on the record.
fn try_route(world: &World, route: &DeclaredRoute, policy: &PolicyTable, made: &mut Vec<Made>) {
    let name = route.spec().name();
    let call = call(name, world).unwrap_or_else(|| {
        panic!("{name} has no case: give it one in `call`, so that what it leaves on the record is compared")
    });
    let mut note = |what: &str, answer: &Answer, declared: BTreeSet<String>| {
        made.push(Made {
            what: format!("{name} {what}"),
            request: answer.correlation_id(),
            declared,
            without_tenant: what == "without a token"
                || matches!(route.access(), Access::Public(_)) && name != IN_A_TENANT,
        });
    };
    let text = |(event, phase): (bearingwall_audit::EventType, bearingwall_audit::Phase)| {
        format!("{} {}", event.as_str(), phase.as_str())
    };
    if let Access::Permission(_) = route.access() {
        // Refused first: had a refusal an effect, the success would be another.
        let denied = world.send(route, &call, Some(&world.powerless(route, policy)));
        assert_eq!(denied.status, 403, "{name}: {denied:?}");
        let declared = route.recorded_refusal(Refused::Denied).map(text);
        note("without the permission", &denied, declared.into_iter().collect());
        let anonymous = world.send(route, &call, None);
        assert_eq!(anonymous.status, 401, "{name}: {anonymous:?}");
        let declared = route.recorded_refusal(Refused::Unauthenticated).map(text);
        note("without a token", &anonymous, declared.into_iter().collect());
    }
    let answer = world.send(route, &call, Some(world.powerful(route)));
    assert!(answer.status.is_success(), "{name}: {answer:?}");
    note(
        "with success",
        &answer,
        route.spec().recorded().into_iter().map(text).collect(),
    );
}

#[test]
fn aud_1_aud_3_every_route_leaves_exactly_what_the_table_declares() {
    let world = World::open();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engine = runtime.block_on(CasbinEngine::shipped()).unwrap();
    let policy = PolicyTable::compile(&engine).unwrap();
    let mut made = Vec::new();
    for route in app_routes().unwrap().routes() {
        if AT_A_PROVIDER.contains(&route.spec().name()) {
            continue;
        }
        try_route(&world, route, &policy, &mut made);
    }
    // Refusals are written behind the answer, one after the other: when the last is there, all are.
    let last = made
        .iter()
        .rev()
        .find(|made| made.what.ends_with("without a token"))
        .unwrap();
    world.site.wait_for(&format!(
        "SELECT event_type FROM audit.events WHERE request_id = '{}'",
        last.request
    ));
    let mut differences = String::new();
    for made in &made {
        let flaws = made.flaws(&world.site);
        if !flaws.is_empty() {
            let _ = write!(differences, "\n{}:\n  {flaws:?}", made.what);
        }
        let found = made.found(&world.site);
        if found != made.declared {
            let _ = write!(
                differences,
                "\n{}:\n  declared {:?}\n  recorded {found:?}",
                made.what, made.declared
            );
        }
    }
    assert!(
        differences.is_empty(),
        "what stands on the record is not what the route table declares; correct the route, or its declaration and \
         docs/controls/permission-matrix.txt with it: {differences}"
    );
}
