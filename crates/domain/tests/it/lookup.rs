//! Look-ups: by keyed digest, in one's own tenant, and only under a search that is on record.

use crate::spas::{Spas, benjamin, named, phi, request};
use bearingwall_audit::{Access, AuditError, Command, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx};
use bearingwall_domain::{ClientQuery, DomainError};
use bearingwall_tenancy::{TenancyError, TenantTx};
use bearingwall_testkit::database::Login;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

diesel::table! {
    crm.client_digests (customer_id, kind, digest, client_id) {
        customer_id -> Uuid,
        kind -> SmallInt,
        digest -> Bytea,
        client_id -> Uuid,
    }
}

async fn found(spas: &Spas, ctx: &Ctx, query: ClientQuery) -> Vec<ClientId> {
    spas.crm
        .client_search(ctx, &query, 50)
        .await
        .unwrap()
        .into_iter()
        .map(|client| client.id)
        .collect()
}

#[tokio::test]
async fn a_client_is_found_by_name_phone_and_email_in_the_own_tenant_only() {
    let spas = Spas::open().await;
    let older = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let newer = spas
        .crm
        .client_create(&request(spas.juniper), &named("Zoë", "Hamill-O'Brien"))
        .await
        .unwrap()
        .id;
    let foreign = spas
        .crm
        .client_create(&request(spas.saltmarsh), &benjamin())
        .await
        .unwrap()
        .id;
    let queries: [(ClientQuery, &[ClientId]); 9] = [
        (ClientQuery::Name(phi("hamil")), &[newer, older]),
        (ClientQuery::Name(phi("Hamilton, Ben")), &[older]),
        (ClientQuery::Name(phi("zoe hamillobrien")), &[newer]),
        (ClientQuery::Name(phi("xavier")), &[]),
        (ClientQuery::Phone(phi("+1 415-555-0119")), &[older]),
        (ClientQuery::Phone(phi("415 555 0118")), &[]),
        (ClientQuery::Email(phi(" BENJAMIN.hamilton404@Example.net")), &[older]),
        (ClientQuery::Email(phi("benjamin.hamilton@example.net")), &[]),
        (ClientQuery::Name(phi("(415) 555-0119 ab")), &[]),
    ];
    for (query, expected) in queries {
        assert_eq!(
            found(&spas, &request(spas.juniper), query.clone()).await,
            expected,
            "{query:?}"
        );
    }
    assert_eq!(
        found(&spas, &request(spas.saltmarsh), ClientQuery::Name(phi("hamilton"))).await,
        [foreign]
    );
    let refused = spas
        .crm
        .client_search(&request(spas.juniper), &ClientQuery::Name(phi("h")), 10)
        .await;
    assert!(matches!(refused, Err(DomainError::Invalid { field: "name", .. })));
    let one = spas
        .crm
        .client_search(&request(spas.juniper), &ClientQuery::Name(phi("hamil")), 1)
        .await
        .unwrap();
    assert_eq!(one.iter().map(|client| client.id).collect::<Vec<_>>(), [newer]);
}

#[tokio::test]
async fn dom_2_a_look_up_puts_its_search_and_exactly_whom_it_found_on_record() {
    let spas = Spas::open().await;
    spas.crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap();
    spas.crm
        .client_create(&request(spas.juniper), &named("Evelyn", "Garcia"))
        .await
        .unwrap();
    let ctx = request(spas.juniper);
    assert_eq!(found(&spas, &ctx, ClientQuery::Name(phi("garcia"))).await.len(), 1);
    let events = spas.events(&ctx).await;
    assert_eq!(events["client.searched intended crm.client_digests SEARCH"], 1);
    assert_eq!(events["client.searched intended crm.client_records SELECT"], 1);
    let ctx = request(spas.juniper);
    assert!(found(&spas, &ctx, ClientQuery::Name(phi("nobody"))).await.is_empty());
    let events = spas.events(&ctx).await;
    assert_eq!(
        events.len(),
        2,
        "a search that finds nobody is on record too: {events:?}"
    );
    assert_eq!(events["client.searched intended crm.client_digests SEARCH"], 1);
    assert_eq!(events["client.searched completed"], 1);
}

#[tokio::test]
async fn dom_2_digests_are_invisible_without_a_search_on_record() {
    let spas = Spas::open().await;
    let id = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let count = || client_digests::table.count();

    let ctx = request(spas.juniper);
    let plain: Result<i64, DomainError> = spas
        .audit
        .pool()
        .run(&ctx, async |tx: &mut TenantTx<'_>| {
            count().get_result(tx).await.map_err(DomainError::Statement)
        })
        .await;
    assert_eq!(plain.unwrap(), 0, "no search");

    let seen = |ctx: Ctx, access: Access| {
        let audit = spas.audit.clone();
        async move {
            let seen: Result<i64, AuditError> = audit
                .with_access(&ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                    client_digests::table
                        .count()
                        .get_result(tx)
                        .await
                        .map_err(AuditError::Unreadable)
                })
                .await;
            seen.unwrap()
        }
    };
    let reading = Access::to(EventType::ClientRead, [id]).covering("crm.client_records", &[Command::Select]);
    assert_eq!(
        seen(request(spas.juniper), reading).await,
        0,
        "an access to the record is no search"
    );

    let searching = request(spas.juniper);
    let opened: Result<i64, AuditError> = spas
        .audit
        .with_search(
            &searching,
            EventType::ClientSearched,
            "crm.client_digests",
            async |tx: &mut PhiTx<'_, '_>| count().get_result(tx).await.map_err(AuditError::Unreadable),
        )
        .await;
    assert!(opened.unwrap() > 20, "a search opens the tenant's digests");

    let other: Result<i64, AuditError> = spas
        .audit
        .with_search(
            &request(spas.saltmarsh),
            EventType::ClientSearched,
            "crm.client_digests",
            async |tx: &mut PhiTx<'_, '_>| count().get_result(tx).await.map_err(AuditError::Unreadable),
        )
        .await;
    assert_eq!(other.unwrap(), 0, "another tenant's search opens none of them");
}

#[tokio::test]
async fn dom_2_a_search_that_cannot_be_recorded_finds_nobody() {
    let spas = Spas::open().await;
    spas.crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap();
    let superuser = spas.database.client(Login::Superuser).await.unwrap();
    superuser
        .batch_execute(
            "SET bearingwall.audit_ddl = 'on'; REVOKE INSERT ON audit.events FROM bearingwall_app; \
                        REVOKE INSERT (event_id) ON audit.events FROM bearingwall_app",
        )
        .await
        .unwrap();
    let query = ClientQuery::Name(phi("hamilton"));
    let refused = spas.crm.client_search(&request(spas.juniper), &query, 10).await;
    let unrecorded = matches!(
        &refused,
        Err(DomainError::Audit(AuditError::Tenancy(TenancyError::Unrecorded(_)))
            | DomainError::Tenancy(TenancyError::Unrecorded(_)))
    );
    assert!(unrecorded, "{refused:?}");
}
