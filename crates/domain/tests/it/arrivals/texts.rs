//! Twilio brings a text message: it is on the record of the one client whose number it is, or waits for a person to say whose.

use super::*;
use bearingwall_core::MessageId;
use bearingwall_domain::{DomainError, Page};

const BODY: &str = "Running late — CANARY-8842";

#[tokio::test(flavor = "multi_thread")]
async fn dom_7_a_message_of_a_known_number_is_on_that_clients_record() {
    let intake = Intake::open().await;
    let (crm, juniper) = (&intake.spas.crm, request(intake.spas.juniper));
    let client = intake.client(intake.spas.juniper, "(415) 555-0119").await;
    let other = intake.client(intake.spas.juniper, "(415) 555-0120").await;
    // The same number in another tenant is another person's.
    let stranger = intake.client(intake.spas.saltmarsh, "(415) 555-0119").await;
    let mut fields = text("SM1", "+14155550119", BODY);
    fields.extend([
        ("NumMedia", "1"),
        ("MediaUrl0", "https://api.twilio.com/m/0"),
        ("MediaContentType0", "image/jpeg"),
    ]);
    let url = intake.twilio.clone();
    assert_eq!(intake.twilio_to(&url, &fields).await, Received::New);
    assert_eq!(intake.twilio_to(&url, &fields).await, Received::Duplicate);
    assert_eq!(intake.settled().await, Verdict::Done);
    assert_eq!(intake.next().await, Looked::Nothing);
    let listed = crm.message_list(&juniper, client, Page::default()).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    let content = &listed.items[0].content;
    assert_eq!(
        (content.body.disclose().as_str(), content.from.disclose().as_str()),
        (BODY, "+14155550119")
    );
    assert_eq!(content.media[0].0.disclose(), "https://api.twilio.com/m/0");
    assert!(
        crm.message_list(&juniper, other, Page::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let saltmarsh = request(intake.spas.saltmarsh);
    assert!(
        crm.message_list(&saltmarsh, stranger, Page::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(matches!(
        crm.message_list(&saltmarsh, client, Page::default()).await,
        Err(DomainError::NotFound)
    ));
    let stored = intake.sql("SELECT string_agg(m::text, ' ') FROM crm.messages m").await;
    let hex: String = "CANARY-8842".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!stored.contains("CANARY") && !stored.contains(&hex) && !stored.contains("4155550119"));
    // The search, the person and both ends are on the record.
    let recorded = "SELECT string_agg(phase || coalesce(' ' || resource || ' ' || array_to_string(commands, ','), '') || coalesce(' ' || result_count, ''), '; ' ORDER BY recorded_at)
                      FROM audit.events WHERE event_type = 'message.received'";
    let expected = "intended crm.client_digests SEARCH; completed 1; intended crm.messages INSERT; completed 1";
    assert_eq!(intake.sql(recorded).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn dom_7_a_message_of_nobody_or_of_several_waits_and_is_assigned_once() {
    let intake = Intake::open().await;
    let (crm, juniper) = (&intake.spas.crm, request(intake.spas.juniper));
    intake.text("SM1", "+14155550119", BODY).await;
    assert_eq!(intake.settled().await, Verdict::Done, "in a tenant that has no key yet");
    let one = intake.client(intake.spas.juniper, "(415) 555-0120").await;
    let two = intake.client(intake.spas.juniper, "415.555.0120").await;
    intake.text("SM2", "+14155550120", "for the two of us").await;
    intake.text("SM3", "12345", "from a short code").await;
    assert_eq!([intake.settled().await, intake.settled().await], [Verdict::Done; 2]);
    let listed = crm.unmatched_list(&juniper, Page::default()).await.unwrap();
    let reasons: Vec<&str> = listed.items.iter().map(|message| message.reason.as_str()).collect();
    assert_eq!(reasons, ["nobody", "several", "nobody"]);
    assert_eq!(listed.items[2].content.body.disclose(), BODY);
    assert_eq!(
        intake.recorded("message.unmatched_listed").await,
        "2",
        "announced and completed"
    );
    for client in [one, two] {
        assert!(
            crm.message_list(&juniper, client, Page::default())
                .await
                .unwrap()
                .items
                .is_empty()
        );
    }
    let saltmarsh = request(intake.spas.saltmarsh);
    assert!(
        crm.unmatched_list(&saltmarsh, Page::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let (several, nobody) = (listed.items[1].id, listed.items[2].id);
    let stranger = intake.client(intake.spas.saltmarsh, "(415) 555-0120").await;
    for (ctx, message, client) in [
        (&saltmarsh, several, stranger),
        (&juniper, several, stranger),
        (&juniper, MessageId::from_uuid(Uuid::now_v7()), one),
    ] {
        let refused = crm.message_assign(ctx, message, client).await;
        assert!(matches!(refused, Err(DomainError::NotFound)));
    }
    crm.message_assign(&request(intake.spas.juniper), several, two)
        .await
        .unwrap();
    let twice = crm.message_assign(&request(intake.spas.juniper), several, one).await;
    assert!(matches!(twice, Err(DomainError::NotFound)));
    let of_two = crm.message_list(&juniper, two, Page::default()).await.unwrap();
    assert_eq!(of_two.items[0].content.body.disclose(), "for the two of us");
    assert!(
        crm.message_list(&juniper, one, Page::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let left = crm.unmatched_list(&juniper, Page::default()).await.unwrap();
    assert_eq!(left.items.len(), 2);
    assert!(left.items.iter().any(|message| message.id == nobody));
    let stored = intake
        .sql("SELECT string_agg(m::text, ' ') FROM crm.unmatched_messages m")
        .await;
    assert!(!stored.contains("CANARY") && !stored.contains("4155550119"));
}

#[tokio::test(flavor = "multi_thread")]
async fn dom_8_the_last_word_of_a_number_decides_whether_messages_may_go_to_it() {
    let intake = Intake::open().await;
    let (crm, juniper) = (&intake.spas.crm, request(intake.spas.juniper));
    intake.client(intake.spas.juniper, "(415) 555-0119").await;
    let allowed = async |number: &str| crm.sms_allowed(&juniper, &phi(number)).await.unwrap();
    assert!(allowed("415-555-0119").await, "nobody has said anything");
    intake.text("SM1", "+14155550119", " Stop ").await;
    intake.settled().await;
    assert!(!allowed("415-555-0119").await);
    assert!(!allowed("+1 (415) 555-0119").await, "whatever its spelling");
    assert!(allowed("+14155550120").await, "of this number alone");
    let saltmarsh = request(intake.spas.saltmarsh);
    assert!(
        crm.sms_allowed(&saltmarsh, &phi("+14155550119")).await.unwrap(),
        "of this tenant alone"
    );
    intake.text("SM2", "+14155550119", "what are your opening hours?").await;
    intake.text("SM3", "+14155550119", "HELP").await;
    assert_eq!([intake.settled().await, intake.settled().await], [Verdict::Done; 2]);
    assert!(!allowed("+14155550119").await, "other words change nothing");
    // Worked on in another order than they came in: the later word counts.
    intake.text("SM4", "+14155550119", "STOP").await;
    intake.text("SM5", "+14155550119", "START").await;
    let superuser = intake.spas.superuser().await;
    let newest_first = "UPDATE tenancy.jobs j SET available_at = now() - interval '1 minute' FROM connectors.events e WHERE e.id = j.job_id AND e.event_id LIKE 'SM5:%'";
    superuser.batch_execute(newest_first).await.unwrap();
    assert_eq!([intake.settled().await, intake.settled().await], [Verdict::Done; 2]);
    assert!(allowed("+14155550119").await);
    assert_eq!(intake.recorded("sms_consent.changed").await, "3");
    let stored = intake
        .sql("SELECT string_agg(c::text, ' ') FROM crm.sms_consents c")
        .await;
    assert!(!stored.contains("4155550119"));
}
