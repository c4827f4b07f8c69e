//! Imports: cut anywhere, repeated, contradicted, half wrong.

use crate::spas::{Spas, benjamin, import_clients, import_notes, note, phi, request};
use bearingwall_core::{Ctx, Phi};
use bearingwall_domain::{
    ClientInput, ClientQuery, DomainError, ImportEvent, ImportSummary, NoteRecord, Page, RowOutcome,
};
use std::fmt::Write as _;

const CLIENTS: &str = "External_ID,first_name,last_name,date_of_birth,phone,email,street,city,state,postal_code,allergies,conditions,marketing_opt_in,canary\n\
    juniper-00001,Benjamin,Hamilton,1942-11-07,(415) 555-0119,Benjamin.Hamilton404@example.net,609 Stacey Roads,New Brendaton,IN,06606,penicillin,hypertension,true,CANARY-000F4481502E\n\
    juniper-00002,Evelyn,Garcia,1978-06-13,,,,,,,sulfa,\"depression, on sertraline\",false,\n";

fn rows(events: &[ImportEvent]) -> Vec<(u64, RowOutcome, &'static str)> {
    let row = |event: &ImportEvent| match *event {
        ImportEvent::Row { line, outcome, reason } => Some((line, outcome, reason)),
        ImportEvent::Progress(_) => None,
    };
    events.iter().filter_map(row).collect()
}

fn summary(rows: u64, created: u64, unchanged: u64, conflicts: u64, invalid: u64) -> ImportSummary {
    ImportSummary {
        rows,
        created,
        unchanged,
        conflicts,
        invalid,
    }
}

async fn one(spas: &Spas, ctx: &Ctx, name: &str) -> ClientInput {
    let query = ClientQuery::Name(phi(name));
    let mut found = spas.crm.client_search(ctx, &query, 50).await.unwrap();
    assert_eq!(found.len(), 1, "{name}");
    found.remove(0).details
}

async fn notes_of(spas: &Spas, name: &str) -> Vec<NoteRecord> {
    let ctx = request(spas.juniper);
    let found = spas
        .crm
        .client_search(&ctx, &ClientQuery::Name(phi(name)), 1)
        .await
        .unwrap();
    spas.crm
        .note_list(
            &ctx,
            found[0].id,
            Page {
                before: None,
                limit: 100,
            },
        )
        .await
        .unwrap()
        .items
}

#[tokio::test]
async fn clients_are_imported_as_they_stand_and_a_repeat_changes_nothing() {
    let spas = Spas::open().await;
    let ctx = request(spas.juniper);
    let (events, done) = import_clients(&spas.crm, &ctx, CLIENTS.as_bytes(), 1).await;
    assert_eq!((rows(&events), done), (vec![], summary(2, 2, 0, 0, 0)));
    assert_eq!(one(&spas, &ctx, "hamilton").await, benjamin());
    let evelyn = one(&spas, &ctx, "garcia").await;
    assert_eq!(evelyn.conditions, Some(phi("depression, on sertraline")));
    assert_eq!((evelyn.phone, evelyn.labels), (None, Phi::new([].into())));
    let on_record = spas.events(&ctx).await;
    assert_eq!(on_record["client.imported intended crm.client_records INSERT"], 2);
    assert_eq!(on_record["client.imported completed"], 1);

    let (events, again) = import_clients(&spas.crm, &request(spas.juniper), CLIENTS.as_bytes(), 7).await;
    assert_eq!((rows(&events), again), (vec![], summary(2, 0, 2, 0, 0)));
    let other = import_clients(&spas.crm, &request(spas.saltmarsh), CLIENTS.as_bytes(), 4096)
        .await
        .1;
    assert_eq!(other, summary(2, 2, 0, 0, 0), "another tenant has ids of its own");
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
async fn the_same_id_with_other_content_is_reported_and_not_applied() {
    let spas = Spas::open().await;
    let ctx = request(spas.juniper);
    // What came in through the API is on record like what was imported.
    spas.crm.client_create(&ctx, &benjamin()).await.unwrap();
    let changed = CLIENTS.replace("New Brendaton", "Bath");
    let file = format!(
        "{changed}juniper-00002,Evelyn,Garcia,1978-06-14,,,,,,,,,,\njuniper-00002,Evelyn,Garcia,1978-06-13,,,,,,,sulfa,\"depression, on sertraline\",,\n"
    );
    let (events, done) = import_clients(&spas.crm, &ctx, file.as_bytes(), 1000).await;
    let reason = "the external id is on record with other content";
    assert_eq!(
        rows(&events),
        [(2, RowOutcome::Conflict, reason), (4, RowOutcome::Conflict, reason)]
    );
    assert_eq!(done, summary(4, 1, 1, 2, 0));
    assert_eq!(one(&spas, &ctx, "hamilton").await, benjamin());
    assert_eq!(one(&spas, &ctx, "garcia").await.date_of_birth, phi("1978-06-13"));
    assert_eq!(
        import_clients(&spas.crm, &ctx, CLIENTS.as_bytes(), 1000).await.1,
        summary(2, 0, 2, 0, 0)
    );
}

#[tokio::test]
async fn every_bad_row_is_reported_with_its_line_and_good_rows_are_not_lost() {
    let spas = Spas::open().await;
    let ctx = request(spas.juniper);
    let file = "\u{feff}external_id,first_name,last_name,date_of_birth,notes\r\n\
        c-1,Ann,Good,1980-01-31,\"two\r\nlines\"\r\n\
        \r\n\
        c-2,Ann,Bad,1980-02-30,\r\n\
        ,Ann,Bad,1980-01-31,\r\n\
        c-3,Ann,Bad,1980-01-31\r\n\
        c-4,Ann,\"open,1980-01-31,\r\n\
        c-5,Bob,Good,1980-01-31,\"fine\"\r\n\
        c-6,,Bad,1980-01-31,\r\n\
        c-7,Cy,Good,1980-01-31,";
    for piece in [1, 13, 4096] {
        let (events, done) = import_clients(&spas.crm, &ctx, file.as_bytes(), piece).await;
        let invalid = |line, reason| (line, RowOutcome::Invalid, reason);
        let expected = [
            invalid(5, "date of birth is not a calendar date (YYYY-MM-DD)"),
            invalid(6, "external id is missing"),
            invalid(7, "the row has another number of cells than the header"),
            invalid(8, "text follows a closing quote"),
            invalid(10, "first name is missing"),
        ];
        assert_eq!(rows(&events), expected);
        let (created, unchanged) = if piece == 1 { (3, 0) } else { (0, 3) };
        assert_eq!(done, summary(8, created, unchanged, 0, 5));
    }
    let ann = one(&spas, &ctx, "ann good").await;
    assert_eq!(
        ann.labels,
        Phi::new([("notes".to_owned(), "two\r\nlines".to_owned())].into())
    );
}

#[tokio::test]
async fn a_header_that_cannot_be_used_refuses_the_file() {
    let spas = Spas::open().await;
    let ctx = request(spas.juniper);
    let mut import = spas.crm.client_import(&ctx);
    let refused = import.push(b"external_id,first_name,last_name\n").await;
    assert!(matches!(
        refused,
        Err(DomainError::MissingColumn {
            column: "date_of_birth"
        })
    ));
    assert!(matches!(import.push(b"c-1,a,b\n").await, Err(DomainError::ImportEnded)));
    assert!(matches!(import.finish().await, Err(DomainError::ImportEnded)));
    let mut import = spas.crm.note_import(&ctx);
    let refused = import
        .push(b"client_external_id,noted_on,author,service,body,lot\n")
        .await;
    assert!(matches!(refused, Err(DomainError::Header { .. })));
    let empty = spas.crm.client_import(&ctx).finish().await;
    assert!(matches!(empty, Err(DomainError::Header { .. })));
    let only_a_header = import_clients(&spas.crm, &ctx, CLIENTS.lines().next().unwrap().as_bytes(), 99).await;
    assert_eq!(only_a_header.1, ImportSummary::default());
}

#[tokio::test]
async fn notes_without_an_id_are_known_by_their_row_and_its_occurrence() {
    let spas = Spas::open().await;
    let ctx = request(spas.juniper);
    import_clients(&spas.crm, &ctx, CLIENTS.as_bytes(), 4096).await;
    let row = "juniper-00001,2026-01-01,\"Mario Hernandez, RN\",hydra,Same text\n";
    let file = format!(
        "client_external_id,noted_on,author,service,body\n{row}{row}juniper-00001,2026-01-02,A,botox,\"Two\n\nlines\"\n\
         nobody-00001,2026-01-01,A,botox,text\n{row}juniper-00002,2026-13-01,A,botox,text\n"
    );
    let (events, done) = import_notes(&spas.crm, &ctx, file.as_bytes(), 1).await;
    let expected = [
        (7, RowOutcome::Invalid, "no client has this client_external_id"),
        (
            9,
            RowOutcome::Invalid,
            "date of the note is not a calendar date (YYYY-MM-DD)",
        ),
    ];
    assert_eq!((rows(&events), done), (expected.to_vec(), summary(6, 4, 0, 0, 2)));
    assert_eq!(
        import_notes(&spas.crm, &ctx, file.as_bytes(), 50).await.1,
        summary(6, 0, 4, 0, 2)
    );
    let kept = notes_of(&spas, "hamilton").await;
    assert_eq!(kept.iter().filter(|record| record.note == note("Same text")).count(), 3);
    assert!(kept.iter().any(|record| record.note.body == phi("Two\n\nlines")));

    // A fourth of them is new; the rest is on record.
    let longer = format!("{file}{row}");
    assert_eq!(
        import_notes(&spas.crm, &ctx, longer.as_bytes(), 4096).await.1,
        summary(7, 1, 4, 0, 2)
    );
}

#[tokio::test]
async fn notes_with_an_id_are_compared_by_their_content() {
    let spas = Spas::open().await;
    let ctx = request(spas.juniper);
    import_clients(&spas.crm, &ctx, CLIENTS.as_bytes(), 4096).await;
    let file = "external_id,client_external_id,noted_on,author,service,body\n\
        n-1,juniper-00001,2026-01-01,A,botox,text\n\
        n-1,juniper-00001,2026-01-01,A,botox,text\n\
        n-1,juniper-00002,2026-01-01,A,botox,text\n";
    let (events, done) = import_notes(&spas.crm, &ctx, file.as_bytes(), 4096).await;
    assert_eq!(done, summary(3, 1, 1, 1, 0));
    assert_eq!(
        rows(&events),
        [(
            4,
            RowOutcome::Conflict,
            "the external id is on record with other content"
        )]
    );
    assert_eq!(
        import_notes(&spas.crm, &ctx, file.as_bytes(), 4096).await.1,
        summary(3, 0, 2, 1, 0)
    );
    let stored = &notes_of(&spas, "hamilton").await[0];
    // A change through the API is not undone by importing the same file again.
    spas.crm
        .note_change(&ctx, stored.id, 1, &note("corrected"))
        .await
        .unwrap();
    assert_eq!(
        import_notes(&spas.crm, &ctx, file.as_bytes(), 4096).await.1,
        summary(3, 0, 2, 1, 0)
    );
    assert_eq!(notes_of(&spas, "hamilton").await[0].note.body, phi("corrected"));
}

#[tokio::test]
async fn many_rows_go_in_by_chunks_and_two_imports_at_once_store_them_once() {
    let spas = Spas::open().await;
    let mut clients = "external_id,first_name,last_name,date_of_birth\n".to_owned();
    let mut notes = "client_external_id,noted_on,author,service,body\n".to_owned();
    for number in 0..250 {
        writeln!(
            clients,
            "c-{number},Ann{},Client,1980-01-31",
            char::from(b'a' + (number % 26) as u8)
        )
        .unwrap();
        for visit in 0..3 {
            writeln!(notes, "c-{number},2026-01-01,A,botox,visit {visit} of {number}").unwrap();
        }
    }
    let (one, two) = (request(spas.juniper), request(spas.juniper));
    let (a, b) = tokio::join!(
        import_clients(&spas.crm, &one, clients.as_bytes(), 1000),
        import_clients(&spas.crm, &two, clients.as_bytes(), 1000)
    );
    assert_eq!((a.1.created + b.1.created, a.1.unchanged + b.1.unchanged), (250, 250));
    assert_eq!(a.1.conflicts + b.1.conflicts, 0);
    let progress =
        a.0.iter()
            .filter(|event| matches!(event, ImportEvent::Progress(_)))
            .count();
    assert_eq!(progress, 3);
    let (one, two) = (request(spas.juniper), request(spas.juniper));
    let (a, b) = tokio::join!(
        import_notes(&spas.crm, &one, notes.as_bytes(), 1000),
        import_notes(&spas.crm, &two, notes.as_bytes(), 1000)
    );
    assert_eq!((a.1.created + b.1.created, a.1.unchanged + b.1.unchanged), (750, 750));
    assert_eq!(a.1.conflicts + b.1.conflicts, 0);
}

#[tokio::test]
async fn chunks_before_a_failure_stay_and_the_repeat_adds_the_rest() {
    let spas = Spas::open().await;
    let mut file = "external_id,first_name,last_name,date_of_birth\n".to_owned();
    for number in 0..150 {
        writeln!(file, "c-{number},Ann,Client,1980-01-31").unwrap();
    }
    let ctx = request(spas.juniper);
    let mut import = spas.crm.client_import(&ctx);
    import.push(file.as_bytes()).await.unwrap();
    let superuser = spas.database.superuser_client().await;
    superuser
        .batch_execute("REVOKE INSERT ON crm.client_records FROM bearingwall_app")
        .await
        .unwrap();
    assert!(matches!(import.finish().await, Err(DomainError::Statement(_))));
    superuser
        .batch_execute("GRANT INSERT ON crm.client_records TO bearingwall_app")
        .await
        .unwrap();
    let done = import_clients(&spas.crm, &request(spas.juniper), file.as_bytes(), 4096)
        .await
        .1;
    assert_eq!(done, summary(150, 50, 100, 0, 0));
}
