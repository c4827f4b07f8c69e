//! What the events of verified documents stop.

use super::*;

async fn event(message: &Value) -> Result<(EventKind, Vec<Change>, usize), SnsError> {
    let mut document = unsigned();
    document["Message"] = message.to_string().into();
    let verified = verify(&verifier(), &sign(&SITE.sns, document)).await.unwrap();
    let shown = format!("{verified:?}");
    assert!(!shown.contains("biopsy") && !shown.contains("example.com"), "{shown}");
    let Content::Notification(notification) = verified.content() else {
        panic!("{verified:?}");
    };
    let event = notification.event()?;
    let shown = format!("{event:?}");
    assert!(!shown.contains("biopsy") && !shown.contains("example.com"), "{shown}");
    Ok((event.kind(), event.changes(&key()), event.unreadable()))
}

fn complaint(feedback: &str, recipient: &str) -> Value {
    // The other form, of feedback notifications: no tags, so that nobody's tenant is known.
    json!({
        "notificationType": "Complaint",
        "mail": {"destination": [recipient]},
        "complaint": {
            "complaintFeedbackType": feedback,
            "complainedRecipients": [{"emailAddress": recipient}],
        },
    })
}

#[tokio::test]
async fn mai_3_a_permanent_bounce_and_a_complaint_stop_the_address() {
    let customer: CustomerId = "01938f6e-7c1a-7000-8000-00000000000c".parse().unwrap();
    let change = |scope, text: &str, stop| Change {
        scope,
        address: key().digest(&address(text)),
        stop,
    };
    let (kind, changes, unreadable) = event(&bounce("Permanent")).await.unwrap();
    assert_eq!((kind, unreadable), (EventKind::BouncedForGood, 0));
    assert_eq!(changes, [change(Scope::Tenant(customer), BOUNCED, Stop::Bounced)]);

    let (kind, changes, _) = event(&complaint("abuse", "Ada <Ada@Example.com>")).await.unwrap();
    assert_eq!(kind, EventKind::Complained);
    assert_eq!(changes, [change(Scope::Everybody, "ada@example.com", Stop::Complained)]);
}

#[tokio::test]
async fn mai_3_what_passes_by_itself_stops_nobody() {
    for kind in ["Transient", "Undetermined"] {
        let (found, changes, _) = event(&bounce(kind)).await.unwrap();
        assert_eq!((found, changes), (EventKind::BouncedForNow, vec![]));
    }
    let (kind, changes, _) = event(&complaint("not-spam", BOUNCED)).await.unwrap();
    assert_eq!((kind, changes), (EventKind::NotSpam, vec![]));
    let delivery = json!({"eventType": "Delivery", "mail": {}, "delivery": {"recipients": [BOUNCED]}});
    assert_eq!(event(&delivery).await.unwrap().0, EventKind::Delivered);
    let delayed = json!({"eventType": "DeliveryDelay", "mail": {}});
    assert_eq!(event(&delayed).await.unwrap(), (EventKind::Other, vec![], 0));
}

#[tokio::test]
async fn mai_3_what_cannot_be_read_is_said_and_not_passed_over() {
    let (kind, changes, unreadable) = event(&complaint("abuse", "nobody")).await.unwrap();
    assert_eq!((kind, changes, unreadable), (EventKind::Complained, vec![], 1));
    let mut both = bounce("Permanent");
    both["notificationType"] = "Delivery".into();
    for message in [
        json!("text"),
        json!({}),
        json!({"eventType": "Bounce", "mail": {}}),
        json!({"eventType": "Complaint", "mail": {}}),
        bounce("Sometimes"),
        both,
    ] {
        let refused = event(&message).await.unwrap_err();
        assert_eq!(refused.code(), "MAI-020", "{message}");
    }
}
