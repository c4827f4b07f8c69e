//! PII-8: what placeholders stand for is sealed, bound to tenant and conversation, read under a declared access, and gone in time.

use super::{back, count, is_not_found, sql, text, unmasked};
use crate::apart::{dump, holds, spellings};
use crate::spas::{Spas, request};
use bearingwall_core::{ConversationId, Ctx};
use bearingwall_domain::masking::{Form, MaskRequest, SWEEP, sweep};
use bearingwall_domain::{DomainError, MaskingError};
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_tenancy::{DatabaseAddress, PoolConfig};
use bearingwall_testkit::database::Login;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::time::Duration;

const NOTE: &str = "Write to ada.lovelace@example.org or call (415) 555-0119; MRN 4821937.";

/// Moves a conversation into the past, as nobody but the superuser can.
async fn expire(spas: &Spas, id: ConversationId) {
    spas.superuser()
        .await
        .batch_execute(&format!(
            "SET session_replication_role = replica;
             UPDATE pii.conversations SET begun_at = now() - interval '2 days', expires_at = now() - interval '1 day' WHERE id = '{id}';
             UPDATE pii.vault SET expires_at = now() - interval '1 day' WHERE conversation_id = '{id}';
             UPDATE tenancy.jobs SET available_at = now() - interval '1 day' WHERE job_id = '{id}'"
        ))
        .await
        .unwrap();
}

#[tokio::test]
async fn pii_8_a_text_comes_back_in_its_conversation_and_in_no_other() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    let masking_request = ask();
    let one = masking.mask(&masking_request, text(NOTE, None)).await.unwrap();
    let other = masking.mask(&ask(), text("grace@example.org", None)).await.unwrap();
    let masked = one.text.as_str();
    assert!(!masked.contains("lovelace") && !masked.contains("0119") && !masked.contains("4821937"));

    let unmasking = ask();
    let (whole, restored) = unmasked(&spas.masking(), &unmasking, masked, one.conversation).await;
    assert_eq!((whole.as_str(), restored), (NOTE, 3));
    let events = spas.events(&unmasking).await;
    assert_eq!(events["pii.unmasked intended pii.vault SELECT"], 1);
    assert_eq!(events["pii.unmasked completed"], 1);
    let row = spas
        .superuser()
        .await
        .query_one(
            "SELECT result_count, resource_id::text FROM audit.events WHERE request_id = $1 AND phase = 'completed'",
            &[&unmasking.request().as_uuid()],
        )
        .await
        .unwrap();
    assert_eq!(
        (row.get::<_, i32>(0), row.get::<_, String>(1)),
        (3, one.conversation.to_string())
    );
    assert_eq!(
        spas.events(&masking_request).await["pii.masked intended pii.vault SELECT,INSERT"],
        1
    );

    // What models do to placeholders is forgiven; what they make up, and what belongs elsewhere, stays.
    let spelled = masked.to_lowercase().replace(['[', ']'], "**");
    assert_eq!(unmasked(&masking, &ask(), &spelled, one.conversation).await.1, 3);
    for foreign in [masked, "[EMAIL_1_K7Q2X] and [EMAIL_1]"] {
        let (text, restored) = unmasked(&masking, &ask(), foreign, other.conversation).await;
        assert_eq!((text.as_str(), restored), (foreign, 0));
    }
    let saltmarsh = request(spas.saltmarsh);
    let refused = masking.unmask(&saltmarsh, back(masked, one.conversation)).await;
    assert!(is_not_found(&refused.unwrap_err()));
    let refused = masking
        .mask(&request(spas.saltmarsh), text("x", Some(one.conversation)))
        .await;
    assert!(is_not_found(&refused.unwrap_err()));
    let nowhere = ConversationId::from_uuid(uuid::Uuid::now_v7());
    assert!(is_not_found(
        &masking.unmask(&ask(), back(masked, nowhere)).await.unwrap_err()
    ));
}

#[tokio::test]
async fn pii_8_the_same_value_is_the_same_placeholder_all_through_a_conversation() {
    let spas = Spas::open().await;
    let ask = || request(spas.juniper);
    let first = spas
        .masking()
        .mask(&ask(), text("ada@example.org", None))
        .await
        .unwrap();
    let id = first.conversation;
    let second = spas
        .masking()
        .mask(&ask(), text("ada@example.org, grace@example.org", Some(id)))
        .await
        .unwrap();
    assert_eq!(second.conversation, id);
    assert_eq!(second.expires_at, first.expires_at);
    assert!(second.text.as_str().starts_with(first.text.as_str()), "{second:?}");
    assert_eq!(count(&spas, "SELECT count(*) FROM pii.vault").await, 2);
    let all = format!("{} {}", first.text.as_str(), second.text.as_str());
    let (whole, _) = unmasked(&spas.masking(), &ask(), &all, id).await;
    assert_eq!(whole, "ada@example.org ada@example.org, grace@example.org");
    // Elsewhere it is another one.
    let elsewhere = spas
        .masking()
        .mask(&ask(), text("ada@example.org", None))
        .await
        .unwrap();
    assert_ne!(elsewhere.text, first.text);
}

#[tokio::test]
async fn pii_8_many_texts_at_once_share_no_number() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let begun = masking
        .mask(&request(spas.juniper), text("nothing", None))
        .await
        .unwrap();
    let id = begun.conversation;
    let requests: Vec<Ctx> = (0..4).map(|_| request(spas.juniper)).collect();
    let texts: Vec<String> = (0..4)
        .map(|at| format!("ada{at}@example.org and eve{at}@example.org"))
        .collect();
    let (a, b, c, d) = tokio::join!(
        masking.mask(&requests[0], text(&texts[0], Some(id))),
        masking.mask(&requests[1], text(&texts[1], Some(id))),
        masking.mask(&requests[2], text(&texts[2], Some(id))),
        masking.mask(&requests[3], text(&texts[3], Some(id))),
    );
    let masked: Vec<String> = [a, b, c, d]
        .into_iter()
        .map(|done| done.unwrap().text.into_string())
        .collect();
    let tokens: HashSet<&str> = masked.iter().flat_map(|text| text.split(" and ")).collect();
    assert_eq!(tokens.len(), 8, "{masked:?}");
    let (whole, restored) = unmasked(&masking, &request(spas.juniper), &masked.join("|"), id).await;
    assert_eq!((whole, restored), (texts.join("|"), 8));
}

#[tokio::test]
async fn pii_8_documents_are_masked_by_their_fields_and_come_back_whole() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    let fhir = r#"{"resourceType":"Patient","name":[{"family":"Lovelace","given":["Ada"]}],"telecom":[{"system":"email","value":"ada@example.org"}]}"#;
    let csv = "first_name,email\r\nAda,ada@example.org\r\n";
    for (form, document) in [(Form::Fhir, fhir), (Form::Json, fhir), (Form::Csv, csv)] {
        let wanted = MaskRequest {
            form,
            ..text(document, None)
        };
        let masked = masking.mask(&ask(), wanted).await.unwrap();
        let shown = masked.text.as_str();
        assert!(!shown.contains("ada@example.org"), "{form:?}: {shown}");
        assert!(form == Form::Json || !shown.contains("Ada"), "{form:?}: {shown}");
        let (whole, _) = unmasked(&masking, &ask(), shown, masked.conversation).await;
        assert_eq!(whole, document, "{form:?}");
    }
    let malformed = MaskRequest {
        form: Form::Json,
        ..text("{\"a\": ", None)
    };
    assert!(matches!(
        masking.mask(&ask(), malformed).await,
        Err(MaskingError::Document(_))
    ));
    assert_eq!(count(&spas, "SELECT count(*) FROM pii.conversations").await, 3);
}

#[tokio::test]
async fn pii_8_no_column_holds_a_value_or_a_digest_of_it_that_needs_no_key() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let done = masking.mask(&request(spas.juniper), text(NOTE, None)).await.unwrap();
    unmasked(&masking, &request(spas.juniper), done.text.as_str(), done.conversation).await;
    let draft = bearingwall_pii::PolicyDraft {
        deny: vec![("Lovelace Manor".to_owned(), "CUSTOM".to_owned())],
        ..Default::default()
    };
    let samples = vec![super::sample(
        "mail ada.lovelace@example.org",
        &["ada.lovelace@example.org"],
        &[],
    )];
    masking
        .policy_propose(&request(spas.juniper), &draft, samples)
        .await
        .unwrap();
    let dump = dump(&spas).await;
    for column in [
        "pii.vault.payload",
        "pii.vault.spelling",
        "pii.policies.lists",
        "pii.policies.samples",
    ] {
        assert!(
            dump.iter().any(|(name, _)| name == column),
            "{column} was looked at and not empty"
        );
    }
    for needle in ["lovelace", "Lovelace", "555-0119", "4821937", "example.org"] {
        for (column, bytes) in &dump {
            let held = spellings(needle).iter().any(|spelling| holds(bytes, spelling));
            assert!(!held, "{column} holds {needle}");
        }
    }
    for value in ["ada.lovelace@example.org", "(415) 555-0119", "4821937"] {
        let plain = Sha256::digest(value.as_bytes());
        assert!(
            !dump.iter().any(|(_, bytes)| holds(bytes, &plain)),
            "a plain digest of {value}"
        );
    }
}

#[tokio::test]
async fn pii_8_what_has_expired_is_gone_at_once_and_swept_by_the_worker() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    let old = masking.mask(&ask(), text(NOTE, None)).await.unwrap();
    let young = masking.mask(&ask(), text("grace@example.org", None)).await.unwrap();
    let theirs = masking.mask(&request(spas.saltmarsh), text(NOTE, None)).await.unwrap();
    let worker = JobPool::connect(worker_config(&spas)).await.unwrap();
    assert_eq!(sweep(&worker).await.unwrap(), None, "nothing is due");

    expire(&spas, old.conversation).await;
    let masked = old.text.as_str();
    assert!(is_not_found(
        &masking
            .unmask(&ask(), back(masked, old.conversation))
            .await
            .unwrap_err()
    ));
    assert!(is_not_found(
        &masking
            .mask(&ask(), text("x", Some(old.conversation)))
            .await
            .unwrap_err()
    ));
    assert_eq!(sql(&spas, &ask(), "SELECT FROM pii.conversations").await, Ok(1));
    // Nobody gives it more time, neither before nor after.
    let longer = "UPDATE pii.conversations SET expires_at = expires_at + interval '1 hour'";
    let said = sql(&spas, &ask(), longer).await.unwrap_err();
    assert!(said.contains("violates foreign key constraint"), "{said}");

    assert_eq!(sweep(&worker).await.unwrap(), Some(1));
    assert_eq!(sweep(&worker).await.unwrap(), None);
    let left = format!(
        "SELECT count(*) FROM pii.vault WHERE conversation_id = '{}'",
        old.conversation
    );
    assert_eq!(count(&spas, &left).await, 0);
    for (ctx, kept) in [(ask(), &young), (request(spas.saltmarsh), &theirs)] {
        assert!(unmasked(&masking, &ctx, kept.text.as_str(), kept.conversation).await.1 > 0);
    }
    let job = format!("SELECT count(*) FROM tenancy.jobs WHERE kind = '{SWEEP}'");
    assert_eq!(count(&spas, &job).await, 2);
}

#[tokio::test]
async fn pii_8_a_conversation_lasts_no_longer_than_operator_and_database_admit() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    for lasting in [Duration::from_secs(59), Duration::from_secs(7 * 86_400 + 1)] {
        let wanted = MaskRequest {
            lasting: Some(lasting),
            ..text(NOTE, None)
        };
        let refused = masking.mask(&request(spas.juniper), wanted).await.unwrap_err();
        assert!(matches!(
            refused,
            MaskingError::Domain(DomainError::Invalid { field: "lasting_s", .. })
        ));
    }
    let statement = "INSERT INTO pii.conversations (id, wrapped, expires_at) VALUES (gen_random_uuid(), '', now() + interval '31 days')";
    let said = sql(&spas, &request(spas.juniper), statement).await.unwrap_err();
    assert!(said.contains("violates check constraint"), "{said}");
}

#[tokio::test]
async fn pii_8_the_vault_is_empty_to_whoever_has_not_declared_the_conversation() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    let one = masking.mask(&ask(), text(NOTE, None)).await.unwrap();
    let other = masking.mask(&ask(), text("grace@example.org", None)).await.unwrap();
    assert_eq!(count(&spas, "SELECT count(*) FROM pii.vault").await, 4);
    assert_eq!(sql(&spas, &ask(), "SELECT FROM pii.vault").await, Ok(0));
    let declare = |id: ConversationId| {
        format!(
            "INSERT INTO audit.events (event_id, event_type, phase, outcome, subject_id, resource, commands)
             VALUES (gen_random_uuid(), 'pii.unmasked', 'intended', 'success', '{id}', 'pii.vault', '{{SELECT}}')"
        )
    };
    // Declared and read in one transaction: nothing, for it is not on the disk.
    let at_once = format!(
        "WITH d AS ({} RETURNING 1) SELECT v.* FROM pii.vault v, d",
        declare(one.conversation)
    );
    assert_eq!(sql(&spas, &ask(), &at_once).await, Ok(0));
    // Declared, and another one read.
    let declared = ask();
    assert_eq!(sql(&spas, &declared, &declare(other.conversation)).await, Ok(1));
    let read = |id: ConversationId| format!("SELECT FROM pii.vault WHERE conversation_id = '{id}'");
    assert_eq!(sql(&spas, &declared, &read(one.conversation)).await, Ok(0));
    assert_eq!(sql(&spas, &declared, &read(other.conversation)).await, Ok(1));
    // Another tenant declares what is not its own.
    let saltmarsh = request(spas.saltmarsh);
    assert_eq!(sql(&spas, &saltmarsh, &declare(one.conversation)).await, Ok(1));
    assert_eq!(sql(&spas, &saltmarsh, &read(one.conversation)).await, Ok(0));
    assert_eq!(sql(&spas, &saltmarsh, "SELECT FROM pii.conversations").await, Ok(0));
    for statement in [
        "UPDATE pii.vault SET payload = payload",
        "DELETE FROM pii.vault",
        "DELETE FROM pii.conversations",
    ] {
        let said = sql(&spas, &ask(), statement).await.unwrap_err();
        assert!(said.contains("permission denied"), "{statement}: {said}");
    }
}

#[tokio::test]
async fn pii_8_a_conversation_that_lacks_a_value_or_holds_a_foreign_one_turns_nothing_back() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    let one = masking.mask(&ask(), text(NOTE, None)).await.unwrap();
    let other = masking.mask(&ask(), text(NOTE, None)).await.unwrap();
    let superuser = spas.superuser().await;
    // The value of another conversation in the place of its own.
    superuser
        .batch_execute(&format!(
            "UPDATE pii.vault v SET payload = w.payload FROM pii.vault w WHERE v.conversation_id = '{}' AND w.conversation_id = '{}' AND v.position = w.position",
            other.conversation, one.conversation
        ))
        .await
        .unwrap();
    let refused = masking
        .unmask(&ask(), back(other.text.as_str(), other.conversation))
        .await;
    assert!(
        matches!(refused, Err(MaskingError::Domain(DomainError::Key(_)))),
        "{refused:?}"
    );
    let lacking = format!(
        "DELETE FROM pii.vault WHERE conversation_id = '{}' AND position = 1",
        one.conversation
    );
    superuser.batch_execute(&lacking).await.unwrap();
    let refused = masking.unmask(&ask(), back(one.text.as_str(), one.conversation)).await;
    assert!(
        matches!(refused, Err(MaskingError::Domain(DomainError::Unreadable))),
        "{refused:?}"
    );
    let refused = masking
        .mask(&ask(), text("eve@example.org", Some(one.conversation)))
        .await;
    assert!(
        matches!(refused, Err(MaskingError::Domain(DomainError::Unreadable))),
        "{refused:?}"
    );
}

fn worker_config(spas: &Spas) -> PoolConfig {
    let config = spas.database.config(Login::Worker);
    let address = DatabaseAddress::from_config(config).unwrap();
    PoolConfig {
        max_connections: 1,
        ..PoolConfig::new(
            address,
            Some(spas.database.password(Login::Worker)),
            vec!["us-east-1".to_owned(), "eu-west-1".to_owned()],
        )
    }
}
