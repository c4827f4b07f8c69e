//! The Safe Harbor export: nothing that identifies a person is in it, everything else is, and every access is on record.

use crate::spas::{Spas, benjamin, import_clients, import_notes, named, note, phi, request};
use bearingwall_core::Ctx;
use bearingwall_domain::{Crm, Deidentified, DeidentifiedClient, DeidentifiedNote, DeidentifiedText};
use std::collections::{BTreeSet, HashSet};

/// The sample that the demo shows: 600 synthetic clients.
const CLIENTS: &str = include_str!("../../../../bins/demo/testdata/medspa/juniper.clients.csv");
const NOTES: &str = include_str!("../../../../bins/demo/testdata/medspa/juniper.chart_notes.csv");

async fn export(crm: &Crm, ctx: &Ctx) -> Vec<Deidentified> {
    let mut export = crm.deidentification(ctx);
    let mut told = Vec::new();
    while let Some(more) = export.next().await.unwrap() {
        told.extend(more);
    }
    told
}

fn clients(told: &[Deidentified]) -> Vec<&DeidentifiedClient> {
    told.iter()
        .filter_map(|one| match one {
            Deidentified::Client(client) => Some(client),
            Deidentified::Note(_) => None,
        })
        .collect()
}

fn notes(told: &[Deidentified]) -> Vec<&DeidentifiedNote> {
    told.iter()
        .filter_map(|one| match one {
            Deidentified::Note(note) => Some(note),
            Deidentified::Client(_) => None,
        })
        .collect()
}

fn text(text: &DeidentifiedText) -> &str {
    match text {
        DeidentifiedText::Masked(masked) => masked.as_str(),
        DeidentifiedText::Withheld => panic!("withheld"),
    }
}

#[tokio::test]
async fn dom_5_an_export_leaves_what_safe_harbor_leaves_and_puts_each_person_on_record() {
    let spas = Spas::open().await;
    let mut old = named("Ada", "Longwood");
    old.date_of_birth = phi("1931-02-03");
    old.address.postal_code = Some(phi("10115"));
    old.address.state = Some(phi("Berlin"));
    spas.crm.client_create(&request(spas.juniper), &old).await.unwrap();
    spas.crm
        .client_create(&request(spas.saltmarsh), &named("Somebody", "Elsewhere"))
        .await
        .unwrap();
    let id = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let body = "HAMILTON, Ben. of 609 Stacey Roads (415-555-0119), seen 11/30/2025 with wife Carol Hamilton: \
                13 units of botulinum toxin, lot 4517, for hypertension.";
    spas.crm
        .note_create(&request(spas.juniper), id, &note(body))
        .await
        .unwrap();

    let exporting = request(spas.juniper);
    let told = export(&spas.crm, &exporting).await;
    let (clients, notes) = (clients(&told), notes(&told));
    assert_eq!((clients.len(), notes.len()), (2, 1));
    let young = clients.iter().find(|client| client.state == Some("IN")).unwrap();
    assert_eq!(
        (
            young.birth_year,
            young.ninety_or_older,
            young.zip3.as_deref(),
            young.marketing_opt_in
        ),
        (Some(1942), false, Some("066"), true)
    );
    assert_eq!(text(young.allergies.as_ref().unwrap()), "penicillin");
    assert_eq!(text(young.conditions.as_ref().unwrap()), "hypertension");
    let old = clients.iter().find(|client| client.state.is_none()).unwrap();
    // Five digits of another country are no ZIP, and its year would tell an age over 89.
    assert_eq!(
        (old.birth_year, old.ninety_or_older, old.zip3.as_deref()),
        (None, true, None)
    );

    assert_eq!((notes[0].record, notes[0].year), (young.record, Some(2026)));
    let masked = text(&notes[0].body);
    for gone in ["hamilton", "ben.", "carol", "stacey", "609", "0119", "11/30"] {
        assert!(!masked.to_lowercase().contains(gone), "{masked}");
    }
    for left in ["13 units", "botulinum toxin", "2025", "hypertension"] {
        assert!(masked.contains(left), "{masked}");
    }
    // The codes are of this export alone, and none is an id.
    let again = export(&spas.crm, &request(spas.juniper)).await;
    let codes = |told: &[Deidentified]| -> BTreeSet<_> {
        told.iter()
            .map(|one| match one {
                Deidentified::Client(client) => client.record,
                Deidentified::Note(note) => note.record,
            })
            .collect()
    };
    assert!(codes(&told).is_disjoint(&codes(&again)) && !codes(&told).contains(&id.as_uuid()));

    let on_record = spas.events(&exporting).await;
    for resource in ["crm.client_records", "crm.chart_note_records"] {
        assert_eq!(on_record[&format!("client.deidentified intended {resource} SELECT")], 2);
    }
    assert_eq!(on_record["client.deidentified completed"], 2);
}

#[tokio::test]
async fn an_export_tells_all_notes_of_a_client_with_many() {
    let spas = Spas::open().await;
    let id = spas
        .crm
        .client_create(&request(spas.juniper), &benjamin())
        .await
        .unwrap()
        .id;
    let mut file = String::from("client_external_id,external_id,noted_on,author,service,body\n");
    for number in 0_u8..250 {
        // A number might be taken for an age, and a made-up word for a name.
        let body = "well ".repeat(usize::from(number) + 1);
        file.push_str(&format!(
            "juniper-00001,n{number},2026-01-01,RN,hydra,all went {body}\n"
        ));
    }
    let (_, summary) = import_notes(&spas.crm, &request(spas.juniper), file.as_bytes(), 4096).await;
    assert_eq!(summary.created, 250, "{summary:?} {id}");
    let exporting = request(spas.juniper);
    let told = export(&spas.crm, &exporting).await;
    assert_eq!(clients(&told).len(), 1);
    let bodies: HashSet<&str> = notes(&told).iter().map(|note| text(&note.body)).collect();
    assert_eq!((notes(&told).len(), bodies.len()), (250, 250));
    assert_eq!(spas.events(&exporting).await["client.deidentified completed"], 3);
}

#[tokio::test]
async fn dom_5_nothing_that_the_record_says_of_a_person_is_left_of_the_whole_sample() {
    let spas = Spas::open().await;
    let (_, loaded) = import_clients(&spas.crm, &request(spas.juniper), CLIENTS.as_bytes(), 65_536).await;
    let (_, noted) = import_notes(&spas.crm, &request(spas.juniper), NOTES.as_bytes(), 65_536).await;
    let told = export(&spas.crm, &request(spas.juniper)).await;
    let (clients, notes) = (clients(&told), notes(&told));
    assert_eq!(
        (clients.len() as u64, notes.len() as u64),
        (loaded.created, noted.created)
    );

    let mut forbidden: BTreeSet<String> = BTreeSet::new();
    for row in csv::Reader::from_reader(CLIENTS.as_bytes()).records() {
        let row = row.unwrap();
        // Id, e-mail, street, canary whole, and the name as the notes write it.
        for column in [0, 5, 6, 13] {
            forbidden.insert(row[column].to_lowercase());
        }
        forbidden.insert(format!("{} {}", &row[1], &row[2]).to_lowercase());
        let born: Vec<&str> = row[3].split('-').collect();
        forbidden.insert(format!("{}/{}/{}", born[1], born[2], born[0]));
        forbidden.insert(row[4].to_owned());
    }
    let everything: Vec<String> = notes
        .iter()
        .flat_map(|note| [&note.body, &note.service])
        .chain(
            clients
                .iter()
                .flat_map(|client| [&client.allergies, &client.conditions])
                .flatten(),
        )
        .map(|one| match one {
            DeidentifiedText::Masked(masked) => masked.as_str().to_lowercase(),
            DeidentifiedText::Withheld => String::new(),
        })
        .collect();
    let all = everything.join("\n");
    for value in &forbidden {
        assert!(!all.contains(value.as_str()), "{value} is left");
    }
    let withheld = everything.iter().filter(|text| text.is_empty()).count();
    assert!(
        withheld * 100 <= everything.len(),
        "{withheld} of {} are withheld",
        everything.len()
    );
    assert!(all.contains("tolerated well") && all.contains("penicillin"));
}
