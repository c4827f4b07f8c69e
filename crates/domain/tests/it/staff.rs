//! Who looks at oneself or one's namesakes is found by digests, and looks at nobody before the digests are on file.

use crate::spas::{Spas, named, phi, request};
use bearingwall_audit::{ActivityQuery, ActorActivity, Kin};
use bearingwall_core::{
    Classified, ClientId, Ctx, CtxParts, CustomerId, DirectoryNames, ErrorKind, RequestId, SubjectId,
};
use bearingwall_domain::{ClientInput, ClientQuery, DomainError, Page};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

fn names(given: &str, family: &str, email: &str) -> Arc<DirectoryNames> {
    let name = |text: &str| (!text.is_empty()).then(|| phi(text));
    Arc::new(DirectoryNames {
        given: name(given),
        family: name(family),
        email: name(email),
    })
}

/// A new request of this member of staff.
fn by(customer: CustomerId, subject: u128, names: Option<&Arc<DirectoryNames>>) -> Ctx {
    let ctx = request(customer);
    let parts = CtxParts {
        subject: SubjectId::from_uuid(Uuid::from_u128(subject)),
        customer,
        roles: ctx.roles(),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: ctx.purpose(),
        expires_at: ctx.expires_at(),
        route: ctx.route(),
    };
    Ctx::danger_assume_verified(parts).with_names(names.cloned())
}

async fn create(spas: &Spas, customer: CustomerId, client: &ClientInput) -> ClientId {
    // Boxed, as in `read`: what is awaited here so often must not fill the stack of a test.
    Box::pin(spas.crm.client_create(&request(customer), client))
        .await
        .unwrap()
        .id
}

async fn read(spas: &Spas, ctx: &Ctx, clients: &[ClientId]) {
    for client in clients {
        Box::pin(spas.crm.client_read(ctx, *client)).await.unwrap();
    }
}

fn today() -> ActivityQuery {
    let now = OffsetDateTime::now_utc();
    ActivityQuery {
        from: now - Duration::days(1),
        to: now + Duration::days(1),
        day_begins: 0,
        day_ends: 24,
    }
}

/// What the review says of a member of staff.
async fn kin(spas: &Spas, customer: CustomerId, subject: u128) -> Option<Kin> {
    let actors = spas.crm.activity(&request(customer), today()).await.unwrap();
    let of = |actor: &&ActorActivity| actor.actor.as_uuid() == Uuid::from_u128(subject);
    actors.iter().find(of).unwrap().kin
}

#[expect(clippy::unnecessary_wraps, reason = "what is compared is optional")]
const fn counts(self_accesses: u64, namesake_accesses: u64) -> Option<Kin> {
    Some(Kin {
        self_accesses,
        namesake_accesses,
    })
}

/// What stands on file of the tenant's staff.
async fn on_file(spas: &Spas, customer: CustomerId) -> Vec<(Uuid, i16, Vec<u8>)> {
    let superuser = spas.superuser().await;
    let rows = superuser
        .query(
            "SELECT subject_id, kind, digest FROM crm.staff_digests WHERE customer_id = $1 ORDER BY 1, 2, 3",
            &[&customer.as_uuid()],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn dom_4_access_to_oneself_and_to_namesakes_is_counted() {
    let spas = Spas::open().await;
    let tenant = spas.juniper;
    let mut petra = named("Petra", "Quint");
    petra.email = Some(phi("petra.quint@example.net"));
    let petra = create(&spas, tenant, &petra).await;
    let marigold = create(&spas, tenant, &named("Marigold", "O'Abernathy")).await;
    let ada = create(&spas, tenant, &named("Ada", "O'Abernathy")).await;
    let zoe = create(&spas, tenant, &named("Zoe", "Oabernath")).await;

    // By the address, whatever the name.
    let married = names("P.", "Married-Name", " PETRA.Quint@example.net ");
    read(&spas, &by(tenant, 1, Some(&married)), &[petra, zoe]).await;
    // By the full name, however it is spelt; another first name is a namesake.
    let same = names("MARIGOLD", "O’abernathy", "m@example.org");
    read(&spas, &by(tenant, 2, Some(&same)), &[marigold, ada, zoe, petra]).await;
    let sister = names("Zed", "OABERNATHY", "z@example.org");
    read(&spas, &by(tenant, 3, Some(&sister)), &[marigold, ada, ada, zoe]).await;
    // A family name alone is enough for a namesake, a first name for nothing.
    read(&spas, &by(tenant, 4, Some(&names("", "O Abernathy", ""))), &[marigold]).await;
    read(&spas, &by(tenant, 5, Some(&names("Marigold", "", ""))), &[marigold]).await;
    read(&spas, &by(tenant, 6, None), &[marigold, petra]).await;
    assert_eq!(kin(&spas, tenant, 1).await, counts(1, 0));
    assert_eq!(kin(&spas, tenant, 2).await, counts(1, 1));
    assert_eq!(kin(&spas, tenant, 3).await, counts(0, 3));
    assert_eq!(kin(&spas, tenant, 4).await, counts(0, 1));
    assert_eq!(kin(&spas, tenant, 5).await, None, "nothing to compare");
    assert_eq!(kin(&spas, tenant, 6).await, None, "nothing known");

    // Whoever is found or listed is seen, too; one access to many counts once each way.
    let ctx = by(tenant, 2, Some(&same));
    spas.crm
        .client_search(&ctx, &ClientQuery::Name(phi("oabern")), 10)
        .await
        .unwrap();
    spas.crm
        .client_list(&by(tenant, 2, Some(&same)), Page::default())
        .await
        .unwrap();
    assert_eq!(kin(&spas, tenant, 2).await, counts(3, 3));
    // What is compared is what clients are called now; that and who changed it is on the record.
    spas.crm
        .client_change(&by(tenant, 3, Some(&sister)), ada, 1, &named("Ada", "King"))
        .await
        .unwrap();
    assert_eq!(kin(&spas, tenant, 3).await, counts(0, 1), "ada is no namesake any more");
}

#[tokio::test]
async fn dom_4_equal_names_of_another_tenant_never_count() {
    let spas = Spas::open().await;
    let ours = create(&spas, spas.juniper, &named("Marigold", "Abernathy")).await;
    let theirs = create(&spas, spas.saltmarsh, &named("Marigold", "Abernathy")).await;
    let other = create(&spas, spas.saltmarsh, &named("Zoe", "Other")).await;
    let marigold = names("Marigold", "Abernathy", "");
    read(&spas, &by(spas.juniper, 1, Some(&marigold)), &[ours]).await;
    // The same person in both tenants, and the other one is not told the name.
    read(&spas, &by(spas.saltmarsh, 1, None), &[theirs]).await;
    read(&spas, &by(spas.saltmarsh, 2, Some(&marigold)), &[other]).await;
    assert_eq!(kin(&spas, spas.juniper, 1).await, counts(1, 0));
    assert_eq!(kin(&spas, spas.saltmarsh, 1).await, None);
    assert_eq!(kin(&spas, spas.saltmarsh, 2).await, counts(0, 0));
    let (here, there) = (on_file(&spas, spas.juniper).await, on_file(&spas, spas.saltmarsh).await);
    assert_eq!((here.len(), there.len()), (2, 2));
    assert!(here.iter().all(|row| there.iter().all(|other| row.2 != other.2)));
}

#[tokio::test]
async fn dom_4_digests_are_keyed_and_the_clients_own() {
    let spas = Spas::open().await;
    let tenant = spas.juniper;
    let mut client = named("Marigold", "Abernathy");
    client.email = Some(phi("m@example.org"));
    let client = create(&spas, tenant, &client).await;
    read(
        &spas,
        &by(tenant, 1, Some(&names("Marigold", "Abernathy", "m@example.org"))),
        &[client],
    )
    .await;
    let superuser = spas.superuser().await;
    let file = on_file(&spas, tenant).await;
    assert_eq!(file.iter().map(|row| row.1).collect::<Vec<_>>(), [3, 4, 5]);
    for (_, kind, digest) in file {
        let shared = "SELECT count(*) FROM crm.client_digests WHERE kind = $1 AND digest = $2";
        let shared: i64 = superuser.query_one(shared, &[&kind, &digest]).await.unwrap().get(0);
        assert_eq!(shared, 1);
        let plain = "SELECT count(*) FROM unnest(ARRAY['abernathy', 'Abernathy', 'marigold abernathy', 'm@example.org', \
                     'family-name', 'full-name', 'email']) t, \
                     LATERAL (VALUES (sha256(t::bytea)), (sha224(t::bytea)), (sha384(t::bytea)), (sha512(t::bytea)), \
                              (decode(md5(t), 'hex')), (t::bytea)) h (hash) WHERE substring(h.hash FOR 16) = substring($1::bytea FOR 16)";
        let plain: i64 = superuser.query_one(plain, &[&digest]).await.unwrap().get(0);
        assert_eq!(plain, 0);
    }
}

#[tokio::test]
async fn dom_4_a_known_name_costs_nothing_and_a_new_one_is_added() {
    let spas = Spas::open().await;
    let tenant = spas.juniper;
    let client = create(&spas, tenant, &named("Ada", "Abernathy")).await;
    let (old, new) = (names("Zed", "Abernathy", ""), names("Zed", "King", ""));
    read(&spas, &by(tenant, 1, Some(&old)), &[client]).await;
    let first = on_file(&spas, tenant).await;
    assert_eq!(first.len(), 2);
    // Nothing waits for a table that nobody can use.
    let superuser = spas.superuser().await;
    superuser
        .batch_execute("BEGIN; LOCK TABLE crm.staff_digests IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let again = by(tenant, 1, Some(&names("Zed", "Abernathy", "")));
    let second = tokio::time::timeout(std::time::Duration::from_secs(20), spas.crm.client_read(&again, client));
    second.await.expect("the table is not touched").unwrap();
    superuser.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(on_file(&spas, tenant).await, first);
    // Neither does a new name hide what was done under the old one.
    read(&spas, &by(tenant, 1, Some(&new)), &[client]).await;
    let both = on_file(&spas, tenant).await;
    assert!(
        both.len() == 4 && first.iter().all(|row| both.contains(row)),
        "{both:?}"
    );
    assert_eq!(kin(&spas, tenant, 1).await, counts(0, 3));
    // A process that knows nothing yet writes nothing that is there.
    superuser
        .batch_execute("UPDATE crm.staff_digests SET first_seen = '2020-01-01'")
        .await
        .unwrap();
    let fresh = spas.another_process();
    fresh.client_read(&by(tenant, 1, Some(&new)), client).await.unwrap();
    let touched = "SELECT count(*) FROM crm.staff_digests WHERE first_seen <> '2020-01-01'";
    assert_eq!(superuser.query_one(touched, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert_eq!(on_file(&spas, tenant).await, both);
}

#[tokio::test]
async fn dom_4_nobody_is_seen_by_somebody_whose_name_cannot_be_put_on_file() {
    let spas = Spas::open().await;
    let tenant = spas.juniper;
    let client = create(&spas, tenant, &named("Marigold", "Abernathy")).await;
    let marigold = names("Marigold", "Abernathy", "");
    read(&spas, &by(tenant, 1, Some(&marigold)), &[client]).await;
    let superuser = spas.superuser().await;
    superuser
        .batch_execute("REVOKE INSERT ON crm.staff_digests FROM bearingwall_app")
        .await
        .unwrap();
    for _ in 0..2 {
        let ctx = by(tenant, 2, Some(&marigold));
        let refused = spas.crm.client_read(&ctx, client).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unavailable, "DOM-010"));
        assert!(matches!(refused, DomainError::ActorUnrecorded(_)));
        let shown = format!("{refused:?} {refused} {ctx:?} {:?}", spas.crm).to_lowercase();
        assert!(!shown.contains("marigold") && !shown.contains("abernathy"), "{shown}");
        assert!(spas.events(&ctx).await.is_empty(), "nothing was tried");
        let found = spas.crm.client_search(&ctx, &ClientQuery::Name(phi("abern")), 10).await;
        assert!(found.is_err() && spas.events(&ctx).await.is_empty());
    }
    // Whoever is known, or says no name, goes on.
    read(&spas, &by(tenant, 1, Some(&marigold)), &[client]).await;
    read(&spas, &by(tenant, 2, None), &[client]).await;
    superuser
        .batch_execute("GRANT INSERT ON crm.staff_digests TO bearingwall_app")
        .await
        .unwrap();
    read(&spas, &by(tenant, 2, Some(&marigold)), &[client]).await;
    assert_eq!(kin(&spas, tenant, 2).await, counts(2, 0));
}

#[tokio::test]
async fn dom_4_the_comparison_is_a_search_on_record() {
    let spas = Spas::open().await;
    let client = create(&spas, spas.juniper, &named("Marigold", "Abernathy")).await;
    read(
        &spas,
        &by(spas.juniper, 1, Some(&names("", "Abernathy", ""))),
        &[client],
    )
    .await;
    let ctx = request(spas.juniper);
    spas.crm.activity(&ctx, today()).await.unwrap();
    let events = spas.events(&ctx).await;
    let expected = [
        ("audit.reported completed", 1),
        ("audit.reported completed audit.events ", 1),
        ("audit.reported intended crm.client_digests SEARCH", 1),
    ];
    assert_eq!(
        events
            .iter()
            .map(|(event, count)| (event.as_str(), *count))
            .collect::<Vec<_>>(),
        expected
    );
    // Without the announcement there is no review.
    let superuser = spas.superuser().await;
    superuser
        .batch_execute("SET bearingwall.audit_ddl = 'on'; REVOKE INSERT ON audit.events FROM bearingwall_app")
        .await
        .unwrap();
    let refused = spas.crm.activity(&request(spas.juniper), today()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
}
