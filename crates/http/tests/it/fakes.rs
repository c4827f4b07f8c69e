//! The ports of the edge, held still: five tokens, the shipped split of roles, a sink that remembers.

use actix_web::body;
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use actix_web::{App, test};
use bearingwall_audit::EventType;
use bearingwall_authn::{AuthnError, BoxFuture, IdentityProvider};
use bearingwall_core::{
    AssignmentId, BreakGlassId, Ctx, CustomerId, EventSink, Principal, Role, SecurityEvent, SubjectId, SystemIds,
};
use bearingwall_http::{
    Application, Assigned, Assignments, Check, Limits, PerMinute, Rates, Readiness, RouteTable, Services, Sessions,
    StaffSessions, TrustedProxies, app_routes,
};
use bearingwall_rbac::{PermissionId, PermissionSet, PolicyEngine, PolicyError, PolicyTable, Scope};
use bearingwall_tenancy::TenancyError;
use bearingwall_tenancy::break_glass::OpenSession;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) const EXPIRES: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);
pub(crate) const CUSTOMER: CustomerId =
    CustomerId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000A));
pub(crate) const OTHER_CUSTOMER: CustomerId =
    CustomerId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000B));
/// What a route of a test that touches personal data leaves on the record.
pub(crate) const LOOK: &[EventType] = &[EventType::ClientRead];
pub(crate) const SUBJECT: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0x5));
/// Has nothing but what its tenant has assigned: asking for roles.
pub(crate) const DESK: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0x6));
/// Of whom the database cannot say what is assigned.
pub(crate) const LOST: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0x7));
pub(crate) const ASSIGNED: AssignmentId = AssignmentId::from_uuid(Uuid::from_u128(0x70));

/// Knows the tokens `reader`, `writer`, `both`, `other` (another tenant's), `platform`, `staff` (who is a tenant's person, too),
/// with `strong-` before it after a strong sign-in; `stray` (reads, without a tenant) and `nobody`;
/// `desk` and `lost` carry no role, `desk-writer` and `desk-staff` one;
/// `down` meets an issuer without keys; everything else has expired.
pub(crate) struct Tokens;

impl IdentityProvider for Tokens {
    fn verify<'a>(&'a self, bearer: &'a str) -> BoxFuture<'a, Result<Arc<Principal>, AuthnError>> {
        let known = |roles: &[Role], customer| {
            let roles = roles.iter().copied().collect();
            Ok(Arc::new(Principal {
                subject: match bearer {
                    "desk" | "desk-writer" | "desk-staff" => DESK,
                    "lost" => LOST,
                    _ => SUBJECT,
                },
                customer,
                roles,
                expires_at: EXPIRES,
                names: None,
                strong: bearer.starts_with("strong-"),
                signed_in: true,
            }))
        };
        let answer = match bearer.strip_prefix("strong-").unwrap_or(bearer) {
            "reader" => known(&[Role::Authenticated], Some(CUSTOMER)),
            "writer" => known(&[Role::CustomerAdmin], Some(CUSTOMER)),
            "both" => known(&[Role::Authenticated, Role::CustomerAdmin], Some(CUSTOMER)),
            "other" => known(&[Role::Authenticated, Role::CustomerAdmin], Some(OTHER_CUSTOMER)),
            "platform" => known(&[Role::InternalAdmin], None),
            "staff" => known(&[Role::InternalAdmin, Role::Authenticated], Some(CUSTOMER)),
            "stray" => known(&[Role::Authenticated], None),
            "desk" | "lost" => known(&[], Some(CUSTOMER)),
            "desk-writer" => known(&[Role::CustomerAdmin], Some(CUSTOMER)),
            "desk-staff" => known(&[Role::InternalAdmin], Some(CUSTOMER)),
            "nobody" => known(&[], Some(CUSTOMER)),
            "down" => Err(AuthnError::KeysUnavailable {
                issuer: "https://issuer.example".into(),
                source: None,
            }),
            _ => Err(AuthnError::Expired),
        };
        Box::pin(async move { answer })
    }
}

/// Reads for `authenticated`, the rest and the record for `customer_admin`, oneself for everybody.
pub(crate) struct Split;

impl PolicyEngine for Split {
    fn allows(&self, role: Role, permission: PermissionId) -> Result<bool, PolicyError> {
        let reads = matches!(permission.action(), "read" | "search") && permission.object() != "audit";
        Ok(match (permission.scope(), role) {
            (Scope::Identity, _) | (Scope::Platform, Role::InternalAdmin) => true,
            (Scope::Platform, _) => false,
            (Scope::Tenant, Role::Authenticated) => reads,
            (Scope::Tenant, Role::CustomerAdmin) => !reads,
            (Scope::Tenant, Role::InternalAdmin) => false,
        })
    }
}

/// Remembers what was reported.
#[derive(Default)]
pub(crate) struct Record(pub(crate) Mutex<Vec<SecurityEvent>>);

impl EventSink for Record {
    fn report(&self, event: SecurityEvent) {
        self.0.lock().unwrap().push(event);
    }
}

/// Ready or not, and how often it was asked.
pub(crate) struct Fixed {
    pub(crate) passed: bool,
    pub(crate) asked: AtomicU32,
}

impl Readiness for Fixed {
    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let checks = vec![
            Check::new("database", self.passed),
            Check::new("keys", true).warned(true),
        ];
        Box::pin(async move { checks })
    }
}

/// A session into the tenant of the readers, which is open; about another one the database cannot be asked.
pub(crate) const SESSION: BreakGlassId = BreakGlassId::from_uuid(Uuid::from_u128(0x90));
pub(crate) const UNKNOWABLE: BreakGlassId = BreakGlassId::from_uuid(Uuid::from_u128(0x91));
pub(crate) const SESSION_ENDS: OffsetDateTime = datetime!(2029-01-02 03:04:05 UTC);

struct OneSession;

impl StaffSessions for OneSession {
    fn current<'a>(
        &'a self,
        ctx: &'a Ctx,
        session: BreakGlassId,
    ) -> BoxFuture<'a, Result<Option<OpenSession>, TenancyError>> {
        assert!(ctx.customer().is_platform() && ctx.subject() == SUBJECT);
        let open = OpenSession {
            customer: CUSTOMER,
            expires_at: SESSION_ENDS,
        };
        let answer = match session {
            SESSION => Ok(Some(open)),
            UNKNOWABLE => Err(TenancyError::Busy),
            _ => Ok(None),
        };
        Box::pin(async move { answer })
    }
}

/// What is assigned, and what of it was noted as used.
#[derive(Default)]
pub(crate) struct Desk(pub(crate) Mutex<Vec<AssignmentId>>);

impl Assignments for Desk {
    fn current<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Arc<[Assigned]>, TenancyError>> {
        assert!(!ctx.customer().is_platform() && !ctx.roles().contains(Role::InternalAdmin));
        let assigned = |names: &[&str], id: u128, unnoted| Assigned {
            id: AssignmentId::from_uuid(Uuid::from_u128(id)),
            permissions: PermissionSet::of_names(names),
            unnoted,
        };
        let answer: Result<Arc<[Assigned]>, TenancyError> = match ctx.subject() {
            DESK => Ok([
                assigned(&["role:request"], 0x70, true),
                assigned(&["role:request", "audit:prove"], 0x71, false),
            ]
            .into()),
            LOST => Err(TenancyError::Busy),
            _ => Ok(Arc::default()),
        };
        Box::pin(async move { answer })
    }

    fn used<'a>(&'a self, ctx: &'a Ctx, assignments: &'a [AssignmentId]) -> BoxFuture<'a, Result<(), TenancyError>> {
        assert_eq!((ctx.subject(), ctx.customer()), (DESK, CUSTOMER));
        self.0.lock().unwrap().extend(assignments);
        Box::pin(async { Err(TenancyError::Busy) })
    }
}

pub(crate) struct World {
    pub(crate) desk: Arc<Desk>,
    pub(crate) record: Arc<Record>,
    pub(crate) readiness: Arc<Fixed>,
    pub(crate) application: Application,
}

pub(crate) fn table() -> PolicyTable {
    PolicyTable::compile(&Split).unwrap()
}

pub(crate) fn world(routes: RouteTable) -> World {
    world_with(routes, Limits::default(), true)
}

pub(crate) fn world_with(routes: RouteTable, limits: Limits, passed: bool) -> World {
    world_of(routes, limits, passed, |_| ())
}

/// As the server is in the split-key profile.
pub(crate) fn world_that_keeps_proofs(routes: RouteTable) -> World {
    world_of(routes, Limits::default(), true, |services| services.keep_proof = true)
}

/// With tokens that are verified for real.
pub(crate) fn world_that_verifies(routes: RouteTable, identity: Arc<dyn IdentityProvider>) -> World {
    world_of(routes, Limits::default(), true, |services| {
        services.identity = identity;
        services.keep_proof = true;
    })
}

/// The whole API, where personal data is open to strong sign-ins only.
pub(crate) fn world_of_strong_sign_ins() -> World {
    world_of(app_routes().unwrap(), Limits::default(), true, |services| {
        services.strong_for_phi = true;
    })
}

/// The whole API with sessions in browsers; four failures at once of a network.
pub(crate) fn world_in_browsers(sessions: Arc<dyn Sessions>) -> World {
    let rates = Rates {
        refusals: PerMinute(16),
        ..Rates::default()
    };
    let limits = Limits {
        rates,
        ..Limits::default()
    };
    world_of(app_routes().unwrap(), limits, true, |services| {
        services.sessions = Some(sessions);
    })
}

fn world_of(routes: RouteTable, limits: Limits, passed: bool, change: impl FnOnce(&mut Services)) -> World {
    let record = Arc::new(Record::default());
    let readiness = Arc::new(Fixed {
        passed,
        asked: AtomicU32::new(0),
    });
    let desk = Arc::new(Desk::default());
    let mut services = Services {
        assignments: desk.clone(),
        identity: Arc::new(Tokens),
        permissions: Arc::new(table()),
        events: record.clone(),
        staff: Arc::new(OneSession),
        readiness: readiness.clone(),
        ids: Arc::new(SystemIds),
        keep_proof: false,
        sessions: None,
        strong_for_phi: false,
        proxies: TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]),
    };
    change(&mut services);
    World {
        desk,
        record,
        readiness,
        application: Application::new(routes, services, limits),
    }
}

/// A response that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not json: {}", self.body))
    }
}

/// Sends one request to a fresh worker of the application.
pub(crate) async fn send(application: &Application, request: TestRequest) -> Answer {
    let own = application.clone();
    let app = test::init_service(App::new().configure(move |config| own.configure(config))).await;
    let response = match test::try_call_service(&app, request.to_request()).await {
        Ok(response) => response.into_parts().1.map_into_boxed_body(),
        Err(error) => error.error_response(),
    };
    let status = response.status();
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    let body = body::to_bytes(response.into_body()).await.unwrap();
    Answer {
        status,
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

pub(crate) fn with_token(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header(("Authorization", format!("Bearer {token}")))
}
