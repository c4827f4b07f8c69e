//! Chart notes: stored, read, listed and changed, each access on record for the client whose note it is.

use crate::spas::{Spas, benjamin, named, note, phi, request};
use bearingwall_core::{ClientId, NoteId};
use bearingwall_domain::{DomainError, Page};
use uuid::Uuid;

#[tokio::test]
async fn a_note_is_read_back_as_it_was_written_and_every_access_is_on_record() {
    let spas = Spas::open().await;
    let client = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let text = " 13 units, lot C4517.\r\n\r\n\"Tolerated well\", née Müller 💉 ";
    let writing = request(spas.juniper);
    let written = spas.crm.note_create(&writing, client, &note(text)).await.unwrap();
    let reading = request(spas.juniper);
    let record = spas.crm.note_read(&reading, written.id).await.unwrap();
    assert_eq!(
        (record.id, record.client, record.version, record.note),
        (written.id, client, 1, note(text))
    );
    assert_eq!(
        spas.events(&writing).await["chart_note.created intended crm.chart_note_records INSERT"],
        1
    );
    assert_eq!(
        spas.events(&reading).await["chart_note.read intended crm.chart_note_records SELECT"],
        1
    );
}

#[tokio::test]
async fn the_notes_of_one_client_are_listed_newest_first() {
    let spas = Spas::open().await;
    let client = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let other = spas
        .crm
        .client_create(&request(spas.juniper), &named("Evelyn", "Garcia"))
        .await
        .unwrap()
        .id;
    let mut written = Vec::new();
    for number in 0..5 {
        let text = note(&format!("note {number}"));
        written.push(
            spas.crm
                .note_create(&request(spas.juniper), client, &text)
                .await
                .unwrap()
                .id,
        );
    }
    spas.crm
        .note_create(&request(spas.juniper), other, &note("another person's"))
        .await
        .unwrap();
    written.reverse();
    let mut seen = Vec::new();
    let mut page = Page { before: None, limit: 2 };
    loop {
        let listed = spas.crm.note_list(&request(spas.juniper), client, page).await.unwrap();
        seen.extend(listed.items.iter().map(|note| note.id));
        let Some(next) = listed.next else { break };
        page.before = Some(next);
    }
    assert_eq!(seen, written);

    let new = spas
        .crm
        .client_create(&request(spas.juniper), &named("Jesus", "Phillips"))
        .await
        .unwrap()
        .id;
    let ctx = request(spas.juniper);
    assert!(
        spas.crm
            .note_list(&ctx, new, Page::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(
        spas.events(&ctx).await["chart_note.listed intended crm.chart_note_records SELECT"],
        1
    );
}

#[tokio::test]
async fn a_note_changes_only_at_the_version_that_was_read() {
    let spas = Spas::open().await;
    let client = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let mut first = note("first");
    first.external_id = Some(phi("note-1"));
    let id = spas
        .crm
        .note_create(&request(spas.juniper), client, &first)
        .await
        .unwrap()
        .id;
    assert_eq!(
        spas.crm
            .note_change(&request(spas.juniper), id, 1, &note("second"))
            .await
            .unwrap()
            .version,
        2
    );
    let stale = spas
        .crm
        .note_change(&request(spas.juniper), id, 1, &note("third"))
        .await;
    assert!(matches!(stale, Err(DomainError::Conflict)));
    let record = spas.crm.note_read(&request(spas.juniper), id).await.unwrap();
    assert_eq!((record.version, record.note.body), (2, phi("second")));
    assert_eq!(record.note.external_id, Some(phi("note-1")), "the external id stays");
    let again = spas.crm.note_create(&request(spas.juniper), client, &first).await;
    assert!(matches!(again, Err(DomainError::ExternalIdTaken)));
}

#[tokio::test]
async fn a_note_needs_its_client() {
    let spas = Spas::open().await;
    let nobody = ClientId::from_uuid(Uuid::now_v7());
    let refused = spas
        .crm
        .note_create(&request(spas.juniper), nobody, &note("text"))
        .await;
    assert!(matches!(refused, Err(DomainError::NotFound)));
    let missing = spas
        .crm
        .note_read(&request(spas.juniper), NoteId::from_uuid(Uuid::now_v7()))
        .await;
    assert!(matches!(missing, Err(DomainError::NotFound)));
}
