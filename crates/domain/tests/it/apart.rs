//! Identity apart from records: what a thief of the whole database would hold.

use crate::spas::{Spas, benjamin, import_clients, import_notes, note, phi, request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bearingwall_domain::{ClientQuery, DomainError};
use bearingwall_secrets::KeyError;

const CLIENTS: &[u8] = b"external_id,first_name,last_name,date_of_birth,phone,email,city,conditions,canary\n\
    saltmarsh-00001,Crystal,Mcguire,1944-07-28,(512) 555-0171,crystal.mcguire877@example.org,North Austinbury,rosacea,CANARY-5741C865E433\n";
const NOTES: &[u8] = b"client_external_id,noted_on,author,service,body\n\
    saltmarsh-00001,2026-06-12,\"Shaun Castro, RN\",prp,Mrs. Mcguire asked to reschedule. MRN 1702635. CANARY-5741C865E433\n";

/// Everything personal that was stored, in lower case.
const NEEDLES: [&str; 22] = [
    "canary-",
    "benjamin",
    "hamilton",
    "1942-11-07",
    "555-0119",
    "4155550119",
    "@example.",
    "stacey",
    "brendaton",
    "penicillin",
    "hypertension",
    "juniper-00001",
    "crystal",
    "mcguire",
    "1944-07-28",
    "5125550171",
    "austinbury",
    "rosacea",
    "saltmarsh-00001",
    "castro",
    "hernandez",
    "1702635",
];

/// Every column of every table of the schemas, as text and as bytes.
pub(crate) async fn dump(spas: &Spas) -> Vec<(String, Vec<u8>)> {
    let superuser = spas.database.superuser_client().await;
    let columns = superuser
        .query(
            "SELECT format('%I.%I', n.nspname, c.relname), a.attname::text, a.atttypid = 'bytea'::regtype
               FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname IN ('crm', 'pii', 'audit', 'tenancy', 'public') AND c.relkind IN ('r', 'p') AND a.attnum > 0
                AND NOT a.attisdropped",
            &[],
        )
        .await
        .unwrap();
    let mut found = Vec::new();
    for column in &columns {
        let (table, name, binary): (String, String, bool) = (column.get(0), column.get(1), column.get(2));
        if binary {
            let rows = superuser
                .query(
                    &format!("SELECT \"{name}\" FROM {table} WHERE \"{name}\" IS NOT NULL"),
                    &[],
                )
                .await;
            found.extend(
                rows.unwrap()
                    .iter()
                    .map(|row| (format!("{table}.{name}"), row.get::<_, Vec<u8>>(0))),
            );
        }
        let texts = superuser
            .query(
                &format!("SELECT \"{name}\"::text FROM {table} WHERE \"{name}\" IS NOT NULL"),
                &[],
            )
            .await;
        let texts = texts.unwrap();
        found.extend(
            texts
                .iter()
                .map(|row| (format!("{table}.{name}"), row.get::<_, String>(0).into_bytes())),
        );
    }
    found
}

/// A needle as it is, in hexadecimal, and in base64 at each of its three alignments.
pub(crate) fn spellings(needle: &str) -> Vec<Vec<u8>> {
    let hex: String = needle.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut spellings = vec![needle.as_bytes().to_vec(), hex.into_bytes()];
    for ahead in 0..3 {
        let mut shifted = vec![b'.'; ahead];
        shifted.extend_from_slice(needle.as_bytes());
        let encoded = STANDARD_NO_PAD.encode(shifted);
        // The first and last character also hold bits of the neighbours.
        let inner = &encoded.as_bytes()[ahead + usize::from(ahead > 0)..encoded.len() - 1];
        spellings.push(inner.to_vec());
    }
    spellings
}

pub(crate) fn holds(bytes: &[u8], spelling: &[u8]) -> bool {
    bytes.windows(spelling.len()).any(|window| window == spelling)
}

#[tokio::test]
async fn dom_1_no_column_holds_personal_data_in_any_spelling() {
    let spas = Spas::open().await;
    let (juniper, saltmarsh) = (request(spas.juniper), request(spas.saltmarsh));
    let id = spas.crm.client_create(&juniper, &benjamin()).await.unwrap().id;
    let mut text = note("Benjamin Hamilton (cell (415) 555-0119): penicillin. CANARY-000F4481502E");
    text.external_id = Some(phi("juniper-00001-note"));
    let written = spas.crm.note_create(&juniper, id, &text).await.unwrap();
    spas.crm.client_change(&juniper, id, 1, &benjamin()).await.unwrap();
    spas.crm.note_change(&juniper, written.id, 1, &text).await.unwrap();
    assert_eq!(
        spas.crm
            .client_search(&juniper, &ClientQuery::Name(phi("hamilton")), 5)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(import_clients(&spas.crm, &saltmarsh, CLIENTS, 64).await.1.created, 1);
    assert_eq!(import_notes(&spas.crm, &saltmarsh, NOTES, 64).await.1.created, 1);
    // What goes wrong leaves nothing behind either.
    assert!(spas.crm.client_create(&juniper, &benjamin()).await.is_err());

    let dump = dump(&spas).await;
    for table in [
        "crm.clients.external_digest",
        "crm.client_records.payload",
        "crm.chart_note_records.payload",
        "crm.client_digests.digest",
        "audit.events.event_type",
    ] {
        assert!(
            dump.iter().any(|(column, _)| column == table),
            "{table} was looked at and not empty"
        );
    }
    for (column, bytes) in &dump {
        let lower = bytes.to_ascii_lowercase();
        for needle in NEEDLES {
            let [plain, hex, base64 @ ..] = &spellings(needle)[..] else {
                panic!()
            };
            assert!(!holds(&lower, plain) && !holds(&lower, hex), "{column} holds {needle}");
            assert!(
                !base64.iter().any(|spelling| holds(bytes, spelling)),
                "{column} holds {needle} in base64"
            );
        }
    }
}

#[test]
fn the_search_of_the_dump_would_find_what_it_looks_for() {
    let hidden = STANDARD_NO_PAD.encode("xx canary-1 yy");
    assert!(
        spellings("canary-")
            .iter()
            .any(|spelling| holds(hidden.as_bytes(), spelling))
    );
    assert!(holds(b"\\x63616e6172792d31", &spellings("canary-")[1]));
}

#[tokio::test]
async fn dom_1_records_under_two_persons_keys_cannot_be_exchanged() {
    let spas = Spas::open().await;
    let ctx = request(spas.juniper);
    let one = spas.crm.client_create(&ctx, &benjamin()).await.unwrap().id;
    let other = spas
        .crm
        .client_create(&ctx, &crate::spas::named("Evelyn", "Garcia"))
        .await
        .unwrap()
        .id;
    let superuser = spas.database.superuser_client().await;
    superuser
        .execute(
            "UPDATE crm.client_records r SET payload = o.payload FROM crm.client_records o
              WHERE r.client_id = $1 AND o.client_id = $2",
            &[&one.as_uuid(), &other.as_uuid()],
        )
        .await
        .unwrap();
    let refused = spas.crm.client_read(&request(spas.juniper), one).await;
    assert!(
        matches!(refused, Err(DomainError::Key(KeyError::Refused))),
        "{refused:?}"
    );
    assert!(spas.crm.client_read(&request(spas.juniper), other).await.is_ok());
}

#[tokio::test]
async fn dom_1_without_its_key_a_persons_record_is_gone() {
    let spas = Spas::open().await;
    let ctx = request(spas.juniper);
    let id = spas.crm.client_create(&ctx, &benjamin()).await.unwrap().id;
    spas.crm.note_create(&ctx, id, &note("text")).await.unwrap();
    let superuser = spas.database.superuser_client().await;
    superuser
        .batch_execute(
            "ALTER TABLE crm.client_keys DISABLE TRIGGER guard_row; UPDATE crm.client_keys SET wrapped = ''::bytea",
        )
        .await
        .unwrap();
    assert!(matches!(
        spas.crm.client_read(&request(spas.juniper), id).await,
        Err(DomainError::Key(_))
    ));
    let listed = spas
        .crm
        .note_list(&request(spas.juniper), id, bearingwall_domain::Page::default())
        .await;
    assert!(matches!(listed, Err(DomainError::Key(_))));
}
