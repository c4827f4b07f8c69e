//! What the record keeps of contents and questions: names of fields and keyed digests, from which nothing can be read back.

use crate::spas::{Spas, benjamin, note, phi, request};
use bearingwall_core::Ctx;
use bearingwall_domain::ClientQuery;

/// The completed events of a request: version, fields, and the digests of query, before and after in hexadecimal.
type Line = (Option<i64>, Vec<String>, Option<String>, Option<String>, Option<String>);

async fn completed(spas: &Spas, ctx: &Ctx) -> Line {
    let row = spas
        .superuser()
        .await
        .query_one(
            "SELECT resource_version, fields, encode(query_digest, 'hex'), encode(before_digest, 'hex'), encode(after_digest, 'hex')
               FROM audit.events WHERE request_id = $1 AND phase = 'completed' ORDER BY recorded_at LIMIT 1",
            &[&ctx.request().as_uuid()],
        )
        .await
        .unwrap();
    (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))
}

#[tokio::test]
async fn dom_3_a_change_leaves_its_fields_and_a_chain_of_digests_under_the_persons_own_key() {
    let spas = Spas::open().await;
    let (creating, twin) = (request(spas.juniper), request(spas.juniper));
    let mut person = benjamin();
    person.external_id = None;
    let id = spas.crm.client_create(&creating, &person).await.unwrap().id;
    spas.crm.client_create(&twin, &person).await.unwrap();
    let (version, fields, query, before, created) = completed(&spas, &creating).await;
    assert_eq!((version, fields, query, before), (Some(1), vec![], None, None));
    let created = created.unwrap();
    assert_eq!(created.len(), 64);
    // The same content of somebody else is not the same digest: whoever guesses a content needs the person's key.
    assert_ne!(completed(&spas, &twin).await.4, Some(created.clone()));

    let changing = request(spas.juniper);
    let original = person.clone();
    person.last_name = phi("Burr");
    person.address.city = Some(phi("Elsewhere"));
    spas.crm.client_change(&changing, id, 1, &person).await.unwrap();
    let (version, fields, _, before, after) = completed(&spas, &changing).await;
    assert_eq!(version, Some(2));
    assert_eq!(fields, ["last_name", "city"]);
    assert_eq!(before, Some(created.clone()));
    assert!(after.is_some() && after != before);

    let back = request(spas.juniper);
    spas.crm.client_change(&back, id, 2, &original).await.unwrap();
    let (_, fields, _, before, restored) = completed(&spas, &back).await;
    assert_eq!(
        (fields, before),
        (vec!["last_name".to_owned(), "city".to_owned()], after)
    );
    assert_eq!(
        restored,
        Some(created),
        "the same content of the same person is the same digest"
    );
}

#[tokio::test]
async fn dom_3_notes_and_questions_leave_digests_too() {
    let spas = Spas::open().await;
    let client = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let (creating, again) = (request(spas.juniper), request(spas.juniper));
    let id = spas
        .crm
        .note_create(&creating, client, &note("14 units"))
        .await
        .unwrap()
        .id;
    spas.crm.note_create(&again, client, &note("14 units")).await.unwrap();
    let created = completed(&spas, &creating).await.4;
    assert!(created.is_some());
    assert_ne!(created, completed(&spas, &again).await.4, "another note");
    let changing = request(spas.juniper);
    spas.crm.note_change(&changing, id, 1, &note("15 units")).await.unwrap();
    let (version, fields, _, before, after) = completed(&spas, &changing).await;
    assert_eq!((version, fields, &before), (Some(2), vec!["body".to_owned()], &created));
    assert!(after.is_some() && after != before);

    let mut asked = Vec::new();
    for query in [
        ClientQuery::Name(phi("benj")),
        ClientQuery::Name(phi("benj")),
        ClientQuery::Name(phi("burr")),
        ClientQuery::Email(phi("benj")),
    ] {
        let searching = request(spas.juniper);
        spas.crm.client_search(&searching, &query, 10).await.unwrap();
        asked.push(completed(&spas, &searching).await.2.unwrap());
    }
    assert_eq!(asked[0], asked[1], "the same question is found again");
    assert!(asked[0] != asked[2] && asked[0] != asked[3], "{asked:?}");
    let elsewhere = request(spas.saltmarsh);
    spas.crm
        .client_search(&elsewhere, &ClientQuery::Name(phi("benj")), 10)
        .await
        .unwrap();
    assert_ne!(
        completed(&spas, &elsewhere).await.2,
        Some(asked[0].clone()),
        "under the tenant's own key"
    );
}
