//! RBC-6: the review says who has what, since when, from whom and last used when, and what nobody answers for any more.

use super::{Person, Spa, code};
use bearingwall_core::Role;
use bearingwall_tenancy::roles::{AccessGrant, AccessReview};

async fn review(spa: &Spa, page: &AccessReview) -> Vec<AccessGrant> {
    spa.pool.access_review(&spa.ana.admin(), page).await.unwrap()
}

fn whole() -> AccessReview {
    AccessReview {
        after: None,
        limit: 100,
        stale_days: 90,
        exported: false,
    }
}

/// The administrators and Cleo are seen, as they are wherever they do something.
async fn all_seen(spa: &Spa) {
    for (person, roles) in [
        (spa.ana, &[Role::Authenticated, Role::CustomerAdmin][..]),
        (spa.bo, &[Role::CustomerAdmin]),
        (spa.cleo, &[Role::Authenticated]),
    ] {
        spa.pool.roles_resolve(&person.ctx(roles)).await.unwrap();
    }
}

/// What happened so many days ago, past the triggers.
async fn as_if(spa: &Spa, sql: &str) {
    let superuser = spa.fixture.database.superuser_client().await;
    let tables = ["people", "role_assignments"];
    for table in tables {
        let off = format!("ALTER TABLE tenancy.{table} DISABLE TRIGGER USER");
        superuser.batch_execute(&off).await.unwrap();
    }
    superuser.batch_execute(sql).await.unwrap();
    for table in tables {
        for trigger in ["keep_row", "keep_table", "record_row"] {
            let on = format!("ALTER TABLE tenancy.{table} ENABLE ALWAYS TRIGGER {trigger}");
            superuser.batch_execute(&on).await.unwrap();
        }
    }
}

#[tokio::test]
async fn rbc_6_the_review_says_who_has_what_since_when_and_from_whom() {
    let spa = Spa::open().await;
    all_seen(&spa).await;
    let assignment = spa.given().await;
    let found = review(&spa, &whole()).await;
    let mut shown: Vec<_> = found
        .iter()
        .map(|grant| (grant.subject_id, grant.role.as_str()))
        .collect();
    shown.sort_unstable();
    let mut expected = vec![
        (spa.ana.subject.as_uuid(), "authenticated"),
        (spa.ana.subject.as_uuid(), "customer_admin"),
        (spa.bo.subject.as_uuid(), "customer_admin"),
        (spa.cleo.subject.as_uuid(), "Front desk"),
        (spa.cleo.subject.as_uuid(), "authenticated"),
    ];
    expected.sort_unstable();
    assert_eq!(shown, expected);
    assert!(
        found.iter().all(|grant| !grant.stale && grant.orphaned.is_empty()),
        "{found:#?}"
    );
    let desk = found
        .iter()
        .find(|grant| grant.assignment_id == Some(assignment.as_uuid()))
        .unwrap();
    assert_eq!(
        (
            desk.requested_by,
            desk.agreed_by,
            desk.last_used_at,
            &desk.permissions[..]
        ),
        (
            Some(spa.ana.subject.as_uuid()),
            Some(spa.bo.subject.as_uuid()),
            None,
            &["client:read".to_owned(), "client:write".to_owned()][..]
        )
    );

    let mut paged = Vec::new();
    let mut page = AccessReview { limit: 2, ..whole() };
    loop {
        let found = review(&spa, &page).await;
        let Some(last) = found.last() else { break };
        page.after = Some(last.place.clone());
        paged.extend(found);
    }
    assert_eq!(paged, found, "page by page");
    let neighbour = Person::of(spa.fixture.b);
    assert_eq!(spa.pool.access_review(&neighbour.admin(), &whole()).await.unwrap(), []);

    spa.pool.roles_used(&spa.bo.admin(), &[assignment]).await.unwrap();
    assert_eq!(
        review(&spa, &whole()).await,
        found,
        "nobody uses what is somebody else's"
    );
    spa.pool.roles_used(&spa.cleo.admin(), &[assignment]).await.unwrap();
    let used = review(&spa, &whole()).await;
    assert!(
        used.iter()
            .any(|grant| grant.assignment_id.is_some() && grant.last_used_at.is_some()),
        "{used:#?}"
    );
    assert!(spa.has(spa.cleo).await[0].used_lately);
}

#[tokio::test]
async fn rbc_6_what_is_not_used_is_stale_and_what_nobody_answers_for_is_orphaned() {
    let spa = Spa::open().await;
    let assignment = spa.given().await;
    let desk = async |stale_days: u16| {
        let found = review(&spa, &AccessReview { stale_days, ..whole() }).await;
        let desk = found
            .into_iter()
            .find(|grant| grant.assignment_id == Some(assignment.as_uuid()))
            .unwrap();
        (desk.stale, desk.orphaned)
    };
    // Nobody has been here but through the functions of this test.
    let gone = ["never_seen", "requester_gone", "approver_gone"];
    assert_eq!(desk(90).await, (false, gone.map(str::to_owned).to_vec()));
    all_seen(&spa).await;
    assert_eq!(desk(90).await, (false, vec![]));

    spa.pool.roles_resolve(&spa.bo.ctx(&[])).await.unwrap();
    assert_eq!(
        desk(90).await,
        (false, vec!["approver_gone".to_owned()]),
        "without a role"
    );
    all_seen(&spa).await;
    let ana = spa.ana.subject;
    as_if(
        &spa,
        &format!(
            "UPDATE tenancy.people SET first_seen_at = first_seen_at - interval '91 days', last_seen_at = last_seen_at - interval '91 days'
              WHERE subject_id = '{ana}'"
        ),
    )
    .await;
    assert_eq!(
        desk(90).await,
        (false, vec!["requester_gone".to_owned()]),
        "not seen for long"
    );
    assert_eq!(desk(92).await, (false, vec![]));
    let found = review(&spa, &whole()).await;
    let stale: Vec<_> = found
        .iter()
        .filter(|grant| grant.stale)
        .map(|grant| grant.subject_id)
        .collect();
    assert_eq!(
        stale,
        [ana.as_uuid(); 2],
        "a token's role is stale when its bearer is not seen"
    );

    as_if(
        &spa,
        "UPDATE tenancy.role_assignments SET since = since - interval '91 days'",
    )
    .await;
    assert!(desk(90).await.0, "never used");
    spa.pool.roles_used(&spa.cleo.admin(), &[assignment]).await.unwrap();
    assert!(!desk(90).await.0);
    spa.pool.role_set_retire(&spa.bo.admin(), spa.desk).await.unwrap();
    assert!(desk(92).await.1.contains(&"set_retired".to_owned()));
    assert_eq!(spa.has(spa.cleo).await.len(), 1, "a flag takes nothing away");
}

#[tokio::test]
async fn rbc_6_who_judges_is_not_who_has_it_and_what_is_ended_is_ended() {
    let spa = Spa::open().await;
    let assignment = spa.given().await;
    let judge =
        async |by: Person, reason: Option<&str>| spa.pool.role_assignment_review(&by.admin(), assignment, reason).await;
    assert_eq!(code(judge(spa.cleo, None).await), "TEN-052");
    assert_eq!(code(judge(Person::of(spa.fixture.b), None).await), "TEN-051");
    assert_eq!(code(judge(spa.ana, Some("short")).await), "TEN-050");
    judge(spa.ana, None).await.unwrap();
    let found = review(&spa, &whole()).await;
    assert_eq!(found[0].reviewed_by, Some(spa.ana.subject.as_uuid()));
    judge(spa.bo, Some("nobody needs it now")).await.unwrap();
    assert_eq!(code(judge(spa.bo, None).await), "TEN-051");
    assert_eq!(spa.has(spa.cleo).await, []);
}

#[tokio::test]
async fn rbc_6_every_step_and_every_look_is_on_the_tenants_record() {
    let spa = Spa::open().await;
    all_seen(&spa).await;
    all_seen(&spa).await;
    spa.pool.roles_resolve(&spa.bo.ctx(&[])).await.unwrap();
    let assignment = spa.given().await;
    spa.pool
        .role_assignment_review(&spa.ana.admin(), assignment, None)
        .await
        .unwrap();
    spa.pool
        .role_assignment_end(&spa.bo.admin(), assignment, "left the front desk")
        .await
        .unwrap();
    spa.pool.role_set_retire(&spa.bo.admin(), spa.desk).await.unwrap();
    review(&spa, &whole()).await;
    review(
        &spa,
        &AccessReview {
            exported: true,
            ..whole()
        },
    )
    .await;
    let superuser = spa.fixture.database.superuser_client().await;
    let rows = superuser
        .query(
            "SELECT concat_ws(' ', event_type, CASE WHEN length(outcome_code) = 64 THEN 'digest' ELSE outcome_code END, resource,
                        CASE actor_id WHEN $1::uuid THEN 'ana' WHEN $2::uuid THEN 'bo' WHEN $3::uuid THEN 'cleo' END, '>',
                        CASE recipient WHEN $1::uuid::text THEN 'ana' WHEN $2::uuid::text THEN 'bo' WHEN $3::uuid::text THEN 'cleo' END,
                        array_to_string(actor_roles, ','))
               FROM audit.events WHERE customer_id = $4 ORDER BY recorded_at",
            &[&spa.ana.subject.as_uuid(), &spa.bo.subject.as_uuid(), &spa.cleo.subject.as_uuid(), &spa.fixture.a.as_uuid()],
        )
        .await
        .unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| row.get::<_, String>(0).trim_end().to_owned())
        .collect();
    assert_eq!(
        told,
        [
            "role_set.defined digest role_set ana >",
            "role.claimed first_seen person ana > ana authenticated,customer_admin",
            "role.claimed first_seen person bo > bo customer_admin",
            "role.claimed first_seen person cleo > cleo authenticated",
            "role.claimed changed person bo > bo",
            "role.requested digest role_change ana > cleo",
            "role.granted digest role_change bo > cleo",
            "role.reviewed kept role_assignment ana > cleo",
            "role.revoked role_assignment bo > cleo",
            "role_set.retired digest role_set bo >",
            "access_review.read access_review ana >",
            "access_review.exported access_review ana >",
        ]
    );
}
