//! Clients: stored, read, listed and changed, in one's own tenant only, each with its event.

use crate::spas::{Spas, benjamin, named, note, phi, request};
use bearingwall_audit::EventPage;
use bearingwall_core::{Classified, CustomerId};
use bearingwall_core::{ClientId, ErrorKind};
use bearingwall_domain::{ClientQuery, DomainError, Page};
use uuid::Uuid;

#[tokio::test]
async fn a_client_is_read_back_as_it_was_stored_and_every_access_is_on_record() {
    let spas = Spas::open().await;
    let writing = request(spas.juniper);
    let written = spas.crm.client_create(&writing, &benjamin()).await.unwrap();
    assert_eq!(written.version, 1);
    let reading = request(spas.juniper);
    let record = spas.crm.client_read(&reading, written.id).await.unwrap();
    assert_eq!((record.id, record.version, record.details), (written.id, 1, benjamin()));

    let events = spas.events(&writing).await;
    assert_eq!(events["client.created intended crm.client_records INSERT"], 1);
    assert_eq!(events["client.created intended crm.client_digests INSERT"], 1);
    assert_eq!(events["client.created completed"], 1);
    let events = spas.events(&reading).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events["client.read intended crm.client_records SELECT"], 1);
    assert_eq!(events["client.read completed"], 1);
}

#[tokio::test]
async fn another_tenants_client_is_as_missing_as_none_at_all() {
    let spas = Spas::open().await;
    let written = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap();
    spas.crm
        .client_create(&request(spas.saltmarsh), &named("Crystal", "Mcguire"))
        .await
        .unwrap();
    let written_note = spas
        .crm
        .note_create(&request(spas.juniper), written.id, &note("text"))
        .await
        .unwrap();
    let nobody = ClientId::from_uuid(Uuid::now_v7());
    let page = EventPage {
        before: None,
        limit: 10,
    };
    for id in [written.id, nobody] {
        let other = || request(spas.saltmarsh);
        let answers = [
            spas.crm.client_read(&other(), id).await.map(drop),
            spas.crm.client_change(&other(), id, 1, &benjamin()).await.map(drop),
            spas.crm.note_list(&other(), id, Page::default()).await.map(drop),
            spas.crm.note_create(&other(), id, &note("text")).await.map(drop),
            spas.crm.access_log(&other(), id, page).await.map(drop),
            spas.crm.note_read(&other(), written_note.id).await.map(drop),
            spas.crm
                .note_change(&other(), written_note.id, 1, &note("text"))
                .await
                .map(drop),
        ];
        for answer in answers {
            assert!(matches!(answer, Err(DomainError::NotFound)), "{answer:?}");
        }
    }
    let listed = spas
        .crm
        .client_list(&request(spas.saltmarsh), Page::default())
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(
        spas.crm
            .client_read(&request(spas.juniper), written.id)
            .await
            .unwrap()
            .details,
        benjamin()
    );
}

#[tokio::test]
async fn a_list_is_newest_first_and_each_page_begins_where_the_last_ended() {
    let spas = Spas::open().await;
    let mut created = Vec::new();
    for number in 0..5 {
        let client = named(&format!("Number{number}"), "Client");
        created.push(
            spas.crm
                .client_create(&request(spas.juniper), &client)
                .await
                .unwrap()
                .id,
        );
    }
    spas.crm
        .client_create(&request(spas.saltmarsh), &benjamin())
        .await
        .unwrap();
    created.reverse();

    let mut seen = Vec::new();
    let mut page = Page { before: None, limit: 2 };
    loop {
        let ctx = request(spas.juniper);
        let listed = spas.crm.client_list(&ctx, page).await.unwrap();
        let events = spas.events(&ctx).await;
        assert_eq!(
            events["client.listed intended crm.client_records SELECT"] as usize,
            listed.items.len()
        );
        seen.extend(listed.items.iter().map(|client| client.id));
        let Some(next) = listed.next else { break };
        page.before = Some(next);
    }
    assert_eq!(seen, created);
    for limit in [0, 101] {
        let refused = spas
            .crm
            .client_list(&request(spas.juniper), Page { before: None, limit })
            .await;
        assert!(matches!(refused, Err(DomainError::Invalid { field: "limit", .. })));
    }
    let empty = CustomerId::from_uuid(Uuid::now_v7());
    assert_eq!(
        spas.crm
            .client_list(&request(empty), Page::default())
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Forbidden
    );
}

#[tokio::test]
async fn a_change_replaces_record_and_look_ups_and_a_stale_one_is_refused() {
    let spas = Spas::open().await;
    let id = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let mut married = benjamin();
    married.last_name = phi("Burr");
    married.external_id = None;
    let ctx = request(spas.juniper);
    assert_eq!(spas.crm.client_change(&ctx, id, 1, &married).await.unwrap().version, 2);
    let events = spas.events(&ctx).await;
    assert_eq!(events["client.changed intended crm.client_records SELECT,UPDATE"], 1);
    assert_eq!(events["client.changed completed"], 1);

    let record = spas.crm.client_read(&request(spas.juniper), id).await.unwrap();
    married.external_id = benjamin().external_id;
    assert_eq!(
        (record.version, &record.details),
        (2, &married),
        "the external id stays"
    );
    for (name, found) in [("burr", 1), ("hamilton", 0), ("benj", 1)] {
        let query = ClientQuery::Name(phi(name));
        let hits = spas
            .crm
            .client_search(&request(spas.juniper), &query, 10)
            .await
            .unwrap();
        assert_eq!(hits.len(), found, "{name}");
    }

    let ctx = request(spas.juniper);
    let stale = spas.crm.client_change(&ctx, id, 1, &benjamin()).await;
    assert!(matches!(stale, Err(DomainError::Conflict)));
    assert_eq!(spas.events(&ctx).await["client.changed failed"], 1);
    assert_eq!(
        spas.crm.client_read(&request(spas.juniper), id).await.unwrap().details,
        married
    );
}

#[tokio::test]
async fn an_external_id_belongs_to_one_client_of_a_tenant() {
    let spas = Spas::open().await;
    spas.crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap();
    let again = spas.crm.client_create(&request(spas.juniper), &benjamin()).await;
    assert!(matches!(again, Err(DomainError::ExternalIdTaken)));
    let other = spas
        .crm
        .client_create(&request(spas.juniper), &named("Evelyn", "Garcia"))
        .await
        .unwrap();
    let taken = spas
        .crm
        .client_change(&request(spas.juniper), other.id, 1, &benjamin())
        .await;
    assert!(matches!(taken, Err(DomainError::ExternalIdTaken)), "{taken:?}");
    spas.crm
        .client_create(&request(spas.saltmarsh), &benjamin())
        .await
        .unwrap();
    assert_eq!(
        spas.crm
            .client_list(&request(spas.juniper), Page::default())
            .await
            .unwrap()
            .items
            .len(),
        2
    );
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_before_anything_is_recorded() {
    let spas = Spas::open().await;
    let mut wrong = benjamin();
    wrong.date_of_birth = phi("1942-02-30");
    let ctx = request(spas.juniper);
    let refused = spas.crm.client_create(&ctx, &wrong).await.unwrap_err();
    assert!(matches!(
        refused,
        DomainError::Invalid {
            field: "date_of_birth",
            ..
        }
    ));
    assert!(!refused.to_string().contains("1942"));
    assert!(spas.events(&ctx).await.is_empty());
}

#[tokio::test]
async fn the_access_log_names_each_access_to_the_client() {
    let spas = Spas::open().await;
    let id = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let reading = request(spas.juniper);
    spas.crm.client_read(&reading, id).await.unwrap();
    let page = EventPage {
        before: None,
        limit: 50,
    };
    let log = spas.crm.access_log(&request(spas.juniper), id, page).await.unwrap();
    let kinds: Vec<&str> = log.iter().map(|entry| entry.event_type.as_str()).collect();
    assert_eq!(kinds[0], "client.read");
    assert_eq!(log[0].request, reading.request());
    assert!(kinds.contains(&"client.created"));
    let again = spas.crm.access_log(&request(spas.juniper), id, page).await.unwrap();
    assert_eq!(again[0].event_type, "access_log.read");
}
