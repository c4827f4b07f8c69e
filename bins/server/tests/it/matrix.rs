//! Every route with every kind of caller: without a token, with tokens that are not good, of each role, of another tenant, and
//! as the platform's staff in a session. What must come out is what route table and policy say, and nothing is listed twice.

use crate::ratchet::{AT_A_PROVIDER, Call, World, call};
use crate::site::Answer;
use crate::staff::{open, staff, step, token};
use bearingwall_core::{CustomerId, Role, RoleSet};
use bearingwall_http::app_routes;
use bearingwall_http::routes::{Access, DeclaredRoute};
use bearingwall_rbac::{PermissionId, PolicyTable, Scope};
use bearingwall_rbac_casbin::CasbinEngine;
use serde_json::json;
use uuid::Uuid;

/// Routes whose path names something, and which answer another tenant's people well: with their own, under the same name.
/// This list may only shrink.
const OF_EVERY_TENANT: [&str; 4] = [
    // Numbers of tiles: each tenant's log has its own.
    "GET /v1/audit/log/tile/{tile*}",
    "GET /v1/audit/log/tile/entries/{tile*}",
    // Connectors are the program's: each tenant has destinations of its own under them.
    "GET /v1/connectors/{connector}/destinations",
    "POST /v1/connectors/{connector}/destinations",
];

struct Matrix {
    world: World,
    policy: PolicyTable,
    /// Sessions of one member of the staff into the tenant, into another one, and one that has ended.
    inside: String,
    elsewhere: String,
    ended: String,
    mara: String,
}

impl Matrix {
    fn open() -> Self {
        let world = World::open();
        let engine = tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(CasbinEngine::shipped())
            .unwrap();
        let mara = staff(&world.site, "mara");
        let session = |customer: CustomerId| {
            let session = open(&world.server, &mara, customer);
            assert_eq!(step(&world.server, &session, "approve", &world.staff).status, 204);
            session
        };
        let tenants = &world.site.tenants;
        let (inside, elsewhere, ended) = (
            session(tenants.juniper),
            session(tenants.saltmarsh),
            session(tenants.juniper),
        );
        assert_eq!(step(&world.server, &ended, "close", &mara).status, 204);
        Self {
            policy: PolicyTable::compile(&engine).unwrap(),
            inside,
            elsewhere,
            ended,
            mara,
            world,
        }
    }

    /// A request of its own, that nothing has been done with before.
    fn ask(&self, route: &DeclaredRoute, token: &str, session: Option<&str>) -> Answer {
        let call = call(route.spec().name(), &self.world).unwrap();
        self.world.send_in(route, &call, Some(token), session)
    }

    /// Nobody proved who they are: 401, and a body that tells one reason from another by nothing but the request's id.
    fn not_proven(&self, route: &DeclaredRoute, call: &Call) {
        let (name, site) = (route.spec().name(), &self.world.site);
        let good = site.claims(
            "dana",
            site.tenants.juniper,
            &[Role::Authenticated, Role::CustomerAdmin],
        );
        let with = |claims| site.issuer.token_with(&good, &claims).unwrap();
        let tokens = [
            ("none", None),
            ("expired", Some(site.issuer.expired_token(&good).unwrap())),
            ("of another audience", Some(with(json!({"aud": "another-api"})))),
            ("of another issuer", Some(site.issuer.foreign_token(&good).unwrap())),
            ("forged", Some(site.issuer.forged_token(&good).unwrap())),
            ("unsigned", Some(site.issuer.unsigned_token(&good))),
            ("without a subject", Some(with(json!({"sub": null})))),
        ];
        for (what, token) in tokens {
            let answer = self.world.send(route, call, token.as_deref());
            assert_eq!(answer.status, 401, "{name}, token {what}: {answer:?}");
            let mut body = answer.json();
            body.as_object_mut().unwrap().remove("correlation_id");
            let expected = json!({
                "type": "urn:bearingwall:error:HTP-002", "title": "Not authenticated", "status": 401,
                "detail": "Send a valid bearer token.", "code": "HTP-002",
            });
            assert_eq!(body, expected, "{name}, token {what}");
            // A session's header opens nothing to whom nobody knows.
            let answer = self.world.send_in(route, call, token.as_deref(), Some(&self.inside));
            assert_eq!(answer.status, 401, "{name}, token {what} and a session: {answer:?}");
        }
    }

    /// Each role and each set of them, in a tenant and without one.
    fn roles(&self, route: &DeclaredRoute, call: &Call, permission: PermissionId) {
        let (name, site) = (route.spec().name(), &self.world.site);
        let all = [Role::Authenticated, Role::CustomerAdmin, Role::InternalAdmin];
        for set in 0..1_u8 << all.len() {
            let roles: Vec<Role> = (0..all.len())
                .filter(|at| set & (1 << at) != 0)
                .filter_map(|at| all.get(at).copied())
                .collect();
            let held: RoleSet = roles.iter().copied().collect();
            for customer in [Some(site.tenants.juniper), None] {
                let token = token(site, "dana", customer, &roles);
                let allowed = self.policy.allows(held, permission)
                    && (permission.scope() != Scope::Tenant || !held.contains(Role::InternalAdmin));
                if customer.is_none() && !held.contains(Role::InternalAdmin) {
                    let answer = self.world.send(route, call, Some(&token));
                    assert_eq!(answer.status, 401, "{name} by {roles:?} of no tenant: {answer:?}");
                } else if allowed {
                    let answer = self.ask(route, &token, None);
                    assert!(
                        answer.status.is_success(),
                        "{name} by {roles:?} of {customer:?}: {answer:?}"
                    );
                } else {
                    let answer = self.world.send(route, call, Some(&token));
                    assert_eq!(
                        answer.refusal().0,
                        403,
                        "{name} by {roles:?} of {customer:?}: {answer:?}"
                    );
                }
            }
        }
    }

    /// Another tenant's people, who may do there what ours may do here.
    fn another_tenant(&self, route: &DeclaredRoute) {
        let (name, site) = (route.spec().name(), &self.world.site);
        let theirs = site.administrator(site.tenants.saltmarsh);
        let call = call(name, &self.world).unwrap();
        let answer = self.world.send_in(route, &call, Some(&theirs), None);
        self.shows_nothing_of_ours(route, &call.path, &answer);
        let nobody = site.token(
            CustomerId::from_uuid(Uuid::now_v7()),
            &[Role::Authenticated, Role::CustomerAdmin],
        );
        let answer = self.world.send_in(route, &call, Some(&nobody), None);
        if name != "GET /v1/me" {
            assert!(
                !answer.status.is_success(),
                "{name} of a tenant that is none: {answer:?}"
            );
        }
    }

    fn shows_nothing_of_ours(&self, route: &DeclaredRoute, path: &str, answer: &Answer) {
        let name = route.spec().name();
        let ours = |text: &str| answer.body.contains(text);
        assert!(
            !ours("Sealed") && !ours("Lovelace") && !ours(&self.world.site.tenants.juniper.to_string()),
            "{name}: {answer:?}"
        );
        let names_something = route.path().contains('{') || path.contains("event_id=");
        if names_something && !OF_EVERY_TENANT.contains(&name) {
            assert_eq!(answer.status, 404, "{name} of another tenant: {answer:?}");
        }
        assert!(answer.status.as_u16() < 500, "{name}: {answer:?}");
    }

    /// The platform's staff: in a session a reader of that tenant, and otherwise nobody there.
    fn in_a_session(&self, route: &DeclaredRoute, call: &Call, permission: PermissionId) {
        let name = route.spec().name();
        let roles = RoleSet::EMPTY.with(Role::InternalAdmin).with(Role::Authenticated);
        let allowed = self.policy.allows(roles, permission);
        let answer = self.ask(route, &self.mara, Some(&self.inside));
        if allowed {
            assert!(answer.status.is_success(), "{name} in a session: {answer:?}");
        } else {
            assert_eq!(answer.refusal().0, 403, "{name} in a session: {answer:?}");
        }
        let other = Uuid::now_v7().to_string();
        for session in [&self.ended, &other] {
            let answer = self.world.send_in(route, call, Some(&self.mara), Some(session));
            assert_eq!(answer.refusal(), (403, "HTP-019".to_owned()), "{name} in no session");
        }
        // Somebody else's session, of the staff and of the tenant.
        for token in [
            &self.world.staff,
            &self.world.site.administrator(self.world.site.tenants.juniper),
        ] {
            let answer = self.world.send_in(route, call, Some(token), Some(&self.inside));
            assert_eq!(
                answer.refusal(),
                (403, "HTP-019".to_owned()),
                "{name} in another's session"
            );
        }
        if permission.scope() == Scope::Tenant {
            let answer = self.world.send_in(route, call, Some(&self.mara), Some(&self.elsewhere));
            if allowed {
                self.shows_nothing_of_ours(route, &call.path, &answer);
            } else {
                assert_eq!(answer.status, 403, "{name} in a session elsewhere: {answer:?}");
            }
        }
    }
}

#[test]
fn rbc_1_every_route_gives_every_kind_of_caller_what_table_and_policy_say() {
    let matrix = Matrix::open();
    let table = app_routes().unwrap();
    let mut count = 0;
    for route in table.routes() {
        let Access::Permission(permission) = route.access() else {
            continue;
        };
        assert!(!AT_A_PROVIDER.contains(&route.spec().name()));
        // For whoever is refused: nothing is done with it.
        let refused = call(route.spec().name(), &matrix.world).unwrap();
        matrix.not_proven(route, &refused);
        matrix.roles(route, &refused, permission);
        if permission.scope() == Scope::Tenant {
            matrix.another_tenant(route);
        }
        matrix.in_a_session(route, &refused, permission);
        count += 1;
    }
    assert!(count > 20, "{count} routes");
}
