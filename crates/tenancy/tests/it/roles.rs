//! A tenant's own roles: what takes two persons, what is refused, and what the review says.

mod attacks;
mod review;

use crate::fixture::{Fixture, ctx};
use bearingwall_core::{
    AssignmentId, Classified, Ctx, CtxParts, CustomerId, Held, PurposeOfUse, RequestId, Role, RoleChangeId, RoleSetId,
    SubjectId,
};
use bearingwall_tenancy::TenantPool;
use bearingwall_tenancy::roles::{AssignedRole, Decision, RoleError, RoleRequest};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const WHY: &str = "covers the front desk";
const DESK: [&str; 2] = ["client:read", "client:write"];

/// Somebody of a tenant, with a role of the identity provider's.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(crate) subject: SubjectId,
    customer: CustomerId,
}

impl Person {
    pub(crate) fn of(customer: CustomerId) -> Self {
        let subject = SubjectId::from_uuid(Uuid::now_v7());
        Self { subject, customer }
    }

    pub(crate) fn ctx(self, roles: &[Role]) -> Ctx {
        Ctx::danger_assume_verified(CtxParts {
            subject: self.subject,
            customer: self.customer,
            roles: roles.iter().copied().collect(),
            request: RequestId::from_uuid(Uuid::now_v7()),
            purpose: PurposeOfUse::Treatment,
            expires_at: OffsetDateTime::now_utc() + time::Duration::minutes(5),
            route: None,
        })
    }

    pub(crate) fn admin(self) -> Ctx {
        self.ctx(&[Role::Authenticated, Role::CustomerAdmin])
    }

    fn holds(self, permissions: &[&'static str]) -> Held {
        Held::danger_assume_held(self.subject, self.customer, permissions.to_vec())
    }
}

/// A tenant with two administrators, somebody who is to have a role, and the role.
pub(crate) struct Spa {
    pub(crate) fixture: Fixture,
    pub(crate) pool: TenantPool,
    pub(crate) ana: Person,
    pub(crate) bo: Person,
    pub(crate) cleo: Person,
    pub(crate) desk: RoleSetId,
}

impl Spa {
    pub(crate) async fn open() -> Self {
        Self::on(Fixture::create().await).await
    }

    async fn on(fixture: Fixture) -> Self {
        let pool = fixture.pool(2).await;
        let [ana, bo, cleo] = [(); 3].map(|()| Person::of(fixture.a));
        let desk = RoleSetId::from_uuid(Uuid::now_v7());
        pool.role_set_define(&ana.admin(), desk, "Front desk", &DESK)
            .await
            .unwrap();
        Self {
            fixture,
            pool,
            ana,
            bo,
            cleo,
            desk,
        }
    }

    fn asked(&self) -> RoleRequest {
        RoleRequest {
            subject: self.cleo.subject,
            role_set: self.desk,
            ends_at: None,
            reason: WHY.to_owned(),
        }
    }

    pub(crate) async fn request(
        &self,
        by: Person,
        request: &RoleRequest,
    ) -> Result<(RoleChangeId, Vec<u8>), RoleError> {
        let change = RoleChangeId::from_uuid(Uuid::now_v7());
        let held = by.holds(&DESK);
        let sha256 = self
            .pool
            .role_change_request(&by.admin(), change, request, &held)
            .await?;
        Ok((change, sha256))
    }

    pub(crate) async fn approve(
        &self,
        by: Person,
        change: RoleChangeId,
        sha256: &[u8],
    ) -> Result<AssignmentId, RoleError> {
        let assignment = AssignmentId::from_uuid(Uuid::now_v7());
        let decision = Decision::Approve(&by.holds(&DESK), assignment);
        self.pool
            .role_change_decide(&by.admin(), change, sha256, &decision)
            .await?;
        Ok(assignment)
    }

    /// Cleo at the front desk.
    pub(crate) async fn given(&self) -> AssignmentId {
        let (change, sha256) = self.request(self.ana, &self.asked()).await.unwrap();
        self.approve(self.bo, change, &sha256).await.unwrap()
    }

    pub(crate) async fn has(&self, person: Person) -> Vec<AssignedRole> {
        self.pool
            .roles_resolve(&person.ctx(&[Role::Authenticated]))
            .await
            .unwrap()
    }
}

fn code<T: std::fmt::Debug>(outcome: Result<T, RoleError>) -> &'static str {
    outcome.unwrap_err().code()
}

async fn a_role_is_given(spa: &Spa) {
    assert_eq!(spa.has(spa.cleo).await, []);
    let (change, sha256) = spa.request(spa.ana, &spa.asked()).await.unwrap();
    assert_eq!(spa.has(spa.cleo).await, [], "asked for is not given");
    for person in [spa.ana, spa.cleo] {
        assert_eq!(code(spa.approve(person, change, &sha256).await), "TEN-052");
    }
    let assignment = spa.approve(spa.bo, change, &sha256).await.unwrap();
    let has = spa.has(spa.cleo).await;
    assert_eq!(
        (has.len(), has[0].id, &has[0].permissions[..]),
        (1, assignment.as_uuid(), &DESK.map(str::to_owned)[..])
    );
    for person in [spa.ana, spa.bo, Person::of(spa.fixture.b)] {
        assert_eq!(spa.has(person).await, [], "nobody else has anything by it");
    }
    let staff = spa.cleo.ctx(&[Role::Authenticated, Role::InternalAdmin]);
    assert_eq!(
        spa.pool.roles_resolve(&staff).await.unwrap(),
        [],
        "staff have nothing by it"
    );
    let listed = spa.pool.role_assignments(&spa.bo.admin()).await.unwrap();
    let [given] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(
        (given.change_id, given.requested_by, given.agreed_by),
        (change.as_uuid(), spa.ana.subject.as_uuid(), spa.bo.subject.as_uuid())
    );
}

#[tokio::test]
async fn rbc_5_a_role_takes_two_persons_and_neither_of_them_gains() {
    let spa = Spa::open().await;
    a_role_is_given(&spa).await;
    let own = RoleRequest {
        subject: spa.ana.subject,
        ..spa.asked()
    };
    assert_eq!(code(spa.request(spa.ana, &own).await), "TEN-052", "for oneself");
}

#[tokio::test]
async fn rbc_5_without_the_platform_hardening_the_same_holds() {
    a_role_is_given(&Spa::on(Fixture::create_without_platform().await).await).await;
}

#[tokio::test]
async fn rbc_5_what_is_decided_is_what_was_seen_once_and_in_time() {
    let spa = Spa::open().await;
    let superuser = spa.fixture.database.superuser_client().await;
    let (change, sha256) = spa.request(spa.ana, &spa.asked()).await.unwrap();
    let (other, other_sha256) = spa.request(spa.ana, &spa.asked()).await.unwrap();
    assert_ne!(sha256, other_sha256, "two changes have two digests");
    for wrong in [&other_sha256[..], &[], &sha256[..31]] {
        assert_eq!(code(spa.approve(spa.bo, change, wrong).await), "TEN-054");
    }
    // What anybody can build from what they were shown has that digest.
    let shown = spa.pool.role_changes(&spa.bo.admin()).await.unwrap();
    let shown = shown.iter().find(|shown| shown.id == change.as_uuid()).unwrap();
    let set = spa.pool.role_sets(&spa.bo.admin()).await.unwrap().remove(0);
    let ms = shown.expires_at.unix_timestamp_nanos() / 1_000_000;
    let (customer, ana, cleo, desk) = (spa.fixture.a, spa.ana.subject, spa.cleo.subject, spa.desk);
    let hex: String = set.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        shown.content,
        format!(
            r#"{{"change":"{change}","customer":"{customer}","ends_at_ms":null,"expires_at_ms":{ms},"reason":"{WHY}","requested_by":"{ana}","role_set":"{desk}","role_set_sha256":"{hex}","subject":"{cleo}"}}"#
        )
    );
    let row = superuser
        .query_one("SELECT sha256(convert_to($1, 'UTF8'))", &[&shown.content])
        .await
        .unwrap();
    assert_eq!(row.get::<_, Vec<u8>>(0), sha256);

    spa.approve(spa.bo, change, &sha256).await.unwrap();
    assert_eq!(code(spa.approve(spa.bo, change, &sha256).await), "TEN-051", "once");
    assert_eq!(
        code(spa.approve(spa.bo, other, &other_sha256).await),
        "TEN-055",
        "Cleo has it"
    );
    let declined = spa
        .pool
        .role_change_decide(&spa.bo.admin(), other, &other_sha256, &Decision::Decline)
        .await;
    declined.unwrap();
    assert_eq!(
        code(spa.approve(spa.bo, other, &other_sha256).await),
        "TEN-051",
        "refused is refused"
    );

    // Its time is over: three days, or the end of what is asked for.
    let somebody = Person::of(spa.fixture.a).subject;
    for (ends_at, shift) in [
        (None, "73 hours"),
        (Some(OffsetDateTime::now_utc() + time::Duration::hours(1)), "2 hours"),
    ] {
        let asked = RoleRequest {
            subject: somebody,
            ends_at,
            ..spa.asked()
        };
        let (late, sha256) = spa.request(spa.ana, &asked).await.unwrap();
        let aged = aged(&superuser, late, shift).await;
        assert_ne!(aged, sha256);
        assert_eq!(code(spa.approve(spa.bo, late, &aged).await), "TEN-051", "{shift}");
    }
}

/// Moves a change into the past, past the triggers; its digest changes with its times.
async fn aged(superuser: &tokio_postgres::Client, change: RoleChangeId, shift: &str) -> Vec<u8> {
    let sql = format!(
        "ALTER TABLE tenancy.role_changes DISABLE TRIGGER USER;
         UPDATE tenancy.role_changes c SET requested_at = c.requested_at - interval '{shift}', expires_at = c.expires_at - interval '{shift}',
             ends_at = c.ends_at - interval '{shift}',
             sha256 = sha256(convert_to(tenancy.role_change_content(c.customer_id, c.change_id, c.subject_id, c.role_set_id, c.role_set_sha256,
                 c.ends_at - interval '{shift}', c.reason, c.requested_by, c.expires_at - interval '{shift}'), 'UTF8'))
          WHERE c.change_id = '{change}';
         ALTER TABLE tenancy.role_changes ENABLE ALWAYS TRIGGER keep_row; ALTER TABLE tenancy.role_changes ENABLE ALWAYS TRIGGER keep_table;
         ALTER TABLE tenancy.role_changes ENABLE ALWAYS TRIGGER record_row"
    );
    superuser.batch_execute(&sql).await.unwrap();
    let asked = "SELECT sha256 FROM tenancy.role_changes WHERE change_id = $1";
    superuser.query_one(asked, &[&change.as_uuid()]).await.unwrap().get(0)
}

#[tokio::test]
async fn rbc_5_nobody_hands_on_what_they_do_not_hold() {
    let spa = Spa::open().await;
    let change = || RoleChangeId::from_uuid(Uuid::now_v7());
    for held in [
        spa.ana.holds(&["client:read"]),
        spa.ana.holds(&[]),
        // Somebody else's proof, and one of another tenant.
        spa.bo.holds(&DESK),
        Held::danger_assume_held(spa.ana.subject, spa.fixture.b, DESK.to_vec()),
    ] {
        let refused = spa
            .pool
            .role_change_request(&spa.ana.admin(), change(), &spa.asked(), &held)
            .await;
        assert_eq!(code(refused), "TEN-053", "{held:?}");
    }
    let (asked_for, sha256) = spa.request(spa.ana, &spa.asked()).await.unwrap();
    let held = spa.bo.holds(&["client:read"]);
    let decision = Decision::Approve(&held, AssignmentId::from_uuid(Uuid::now_v7()));
    let refused = spa
        .pool
        .role_change_decide(&spa.bo.admin(), asked_for, &sha256, &decision)
        .await;
    assert_eq!(code(refused), "TEN-053", "the second person holds it, too");
    assert_eq!(spa.has(spa.cleo).await, []);
    spa.pool
        .role_change_decide(&spa.bo.admin(), asked_for, &sha256, &Decision::Decline)
        .await
        .unwrap();
}

#[tokio::test]
async fn rbc_5_a_set_is_what_it_was_and_holds_only_permissions_over_the_tenants_data() {
    let spa = Spa::open().await;
    let ctx = spa.ana.admin();
    let define = async |name: &str, permissions: &[&'static str]| {
        let id = RoleSetId::from_uuid(Uuid::now_v7());
        spa.pool.role_set_define(&ctx, id, name, permissions).await
    };
    for stray in ["break_glass:manage", "me:read", "client:delete", "client:*", ""] {
        assert_eq!(
            code(define("Stray", &["client:read", stray]).await),
            "TEN-050",
            "{stray}"
        );
    }
    for name in ["", " Desk", "Desk\n", &"x".repeat(65)] {
        assert_eq!(code(define(name, &DESK).await), "TEN-050", "{name}");
    }
    assert_eq!(code(define("Nothing", &[]).await), "TEN-050");
    assert_eq!(code(define("Front desk", &DESK).await), "TEN-055", "the name is taken");

    let (change, sha256) = spa.request(spa.ana, &spa.asked()).await.unwrap();
    spa.pool.role_set_retire(&ctx, spa.desk).await.unwrap();
    assert_eq!(code(spa.pool.role_set_retire(&ctx, spa.desk).await), "TEN-051", "once");
    assert_eq!(
        code(spa.approve(spa.bo, change, &sha256).await),
        "TEN-051",
        "given to nobody"
    );
    assert_eq!(code(spa.request(spa.ana, &spa.asked()).await), "TEN-051");
    define("Front desk", &["client:read"]).await.unwrap();
}

#[tokio::test]
async fn rbc_5_taking_away_needs_one_person_and_is_done_at_once() {
    let spa = Spa::open().await;
    let assignment = spa.given().await;
    let ctx = spa.bo.admin();
    let end = async |reason: &str| spa.pool.role_assignment_end(&ctx, assignment, reason).await;
    assert_eq!(code(end("short").await), "TEN-050");
    end("left the front desk").await.unwrap();
    assert_eq!(spa.has(spa.cleo).await, []);
    assert_eq!(code(end("left the front desk").await), "TEN-051", "once");
    let again = spa.given().await;
    assert_eq!(spa.has(spa.cleo).await[0].id, again.as_uuid(), "and can be given anew");
}

#[tokio::test]
async fn rbc_5_an_assignment_ends_by_itself() {
    let spa = Spa::open().await;
    let asked = RoleRequest {
        ends_at: Some(OffsetDateTime::now_utc() + time::Duration::seconds(2)),
        ..spa.asked()
    };
    let (change, sha256) = spa.request(spa.ana, &asked).await.unwrap();
    let assignment = spa.approve(spa.bo, change, &sha256).await.unwrap();
    assert!(spa.has(spa.cleo).await[0].ends_at.is_some());
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    assert_eq!(spa.has(spa.cleo).await, []);
    let ended = spa
        .pool
        .role_assignment_end(&spa.bo.admin(), assignment, "left the front desk")
        .await;
    assert_eq!(code(ended), "TEN-051");
    let past = RoleRequest {
        ends_at: Some(OffsetDateTime::now_utc()),
        ..spa.asked()
    };
    assert_eq!(code(spa.request(spa.ana, &past).await), "TEN-050");
}

#[tokio::test]
async fn rbc_5_another_tenants_roles_are_out_of_reach() {
    let spa = Spa::open().await;
    let (change, sha256) = spa.request(spa.ana, &spa.asked()).await.unwrap();
    let assignment = spa.given().await;
    let (eve, mallory) = (Person::of(spa.fixture.b), Person::of(spa.fixture.b));
    assert_eq!(code(spa.request(eve, &spa.asked()).await), "TEN-051", "their set");
    assert_eq!(
        code(spa.approve(mallory, change, &sha256).await),
        "TEN-051",
        "their change"
    );
    let ended = spa
        .pool
        .role_assignment_end(&eve.admin(), assignment, "left the front desk")
        .await;
    assert_eq!(code(ended), "TEN-051", "their assignment");
    assert_eq!(code(spa.pool.role_set_retire(&eve.admin(), spa.desk).await), "TEN-051");
    assert_eq!(spa.pool.role_sets(&eve.admin()).await.unwrap(), []);
    assert_eq!(spa.pool.role_changes(&eve.admin()).await.unwrap(), []);
    assert_eq!(spa.pool.role_assignments(&eve.admin()).await.unwrap(), []);
    // The same person in another tenant has nothing there.
    let cleo = Person {
        customer: spa.fixture.b,
        ..spa.cleo
    };
    assert_eq!(spa.has(cleo).await, []);
    assert!(
        spa.pool
            .role_set_define(&ctx(CustomerId::PLATFORM), spa.desk, "Staff", &DESK)
            .await
            .is_err()
    );
}
