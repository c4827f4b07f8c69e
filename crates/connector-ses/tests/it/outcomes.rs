//! What each answer says about the message, and that nothing is tried twice.

use super::server::{Answer, Server, refused, taken};
use super::{ADDRESS, config, connect, message, send};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bearingwall_connector_ses::{Credentials, SesTransport, SharedCredentialsProvider};
use bearingwall_connectors::mail::Outcome;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

fn word(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Accepted(id) => ("accepted", id.as_str().to_owned()),
        Outcome::Refused(reason) => ("refused", reason.as_str().to_owned()),
        Outcome::Later(reason) => ("later", reason.as_str().to_owned()),
        Outcome::Unknown(reason) => ("unknown", reason.as_str().to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mai_6_each_answer_is_one_outcome_after_one_attempt() {
    let verbose = format!("Email address is not verified. The following identities failed: {ADDRESS}");
    for (answer, expected) in [
        (taken("0107018f-0000"), ("accepted", "0107018f-0000")),
        (taken("not an id"), ("unknown", "NoMessageId")),
        (
            refused(400, "MessageRejected", &verbose),
            ("refused", "MessageRejected"),
        ),
        (
            refused(400, "InvalidParameterValue", &verbose),
            ("refused", "InvalidParameterValue"),
        ),
        (
            refused(400, "Throttling", "Maximum sending rate exceeded."),
            ("later", "Throttling"),
        ),
        (
            refused(400, "AccountSendingPausedException", "x"),
            ("later", "AccountSendingPausedException"),
        ),
        (refused(403, "AccessDenied", &verbose), ("later", "AccessDenied")),
        (refused(400, "bad code with text", &verbose), ("later", "unnamed")),
        // After these, nobody knows.
        (
            refused(500, "InternalFailure", &verbose),
            ("unknown", "InternalFailure"),
        ),
        (refused(408, "RequestTimeout", "x"), ("unknown", "RequestTimeout")),
        (
            refused(503, "ServiceUnavailable", "x"),
            ("unknown", "ServiceUnavailable"),
        ),
        (refused(503, "Throttling", "x"), ("unknown", "Throttling")),
        (
            Answer::With(502, "<html>bad gateway</html>".to_owned()),
            ("unknown", "unnamed"),
        ),
        (Answer::With(200, "<html>".to_owned()), ("unknown", "unnamed")),
        (Answer::HangUp, ("unknown", "Interrupted")),
        (Answer::Silence, ("unknown", "Timeout")),
    ] {
        let server = Server::start();
        server.answer("SendRawEmail", answer);
        let outcome = send(connect(&server.url).await.unwrap(), message()).await;
        assert_eq!(word(&outcome), (expected.0, expected.1.to_owned()));
        assert!(!format!("{outcome:?}").contains("lovelace"), "{outcome:?}");
        assert_eq!(server.asked("SendRawEmail").len(), 1, "{expected:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mai_6_what_cannot_have_left_may_be_sent_later() {
    let mut server = Server::start();
    let transport = connect(&server.url).await.unwrap();
    server.stop();
    let outcome = send(transport, message()).await;
    assert_eq!(word(&outcome), ("later", "NotConnected".to_owned()));

    // Credentials that end between the start and the message.
    let server = Server::start();
    let ending = Ending(AtomicUsize::new(2));
    let transport = SesTransport::connect(config(&server.url), SharedCredentialsProvider::new(ending))
        .await
        .unwrap();
    let outcome = send(transport, message()).await;
    assert_eq!(word(&outcome), ("later", "NoCredentials".to_owned()));
    assert_eq!(server.asked("SendRawEmail").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn mai_1_the_envelope_is_ours_and_the_tags_are_ids_alone() {
    let server = Server::start();
    let message = message();
    let (id, customer, raw) = (message.id(), message.customer(), message.raw().to_vec());
    send(connect(&server.url).await.unwrap(), message).await;
    let asked = server.asked("SendRawEmail");
    let [asked] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let (id, customer) = (id.to_string(), customer.to_string());
    for (field, expected) in [
        ("Source", "desk@clinic.example"),
        ("Destinations.member.1", ADDRESS),
        ("ConfigurationSetName", "phi-out"),
        ("Tags.member.1.Name", "class"),
        ("Tags.member.1.Value", "phi"),
        ("Tags.member.2.Name", "mail"),
        ("Tags.member.2.Value", id.as_str()),
        ("Tags.member.3.Name", "customer"),
        ("Tags.member.3.Value", customer.as_str()),
    ] {
        assert_eq!(asked[field], expected, "{field}");
    }
    assert!(!asked.contains_key("Destinations.member.2") && !asked.contains_key("Tags.member.4.Name"));
    assert_eq!(BASE64.decode(&asked["RawMessage.Data"]).unwrap(), raw);
}

/// Credentials that are asked for anew each time, and end after so many times.
#[derive(Debug)]
struct Ending(AtomicUsize);

impl ProvideCredentials for Ending {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let left = self.0.load(Ordering::SeqCst);
        if left == 0 {
            return future::ProvideCredentials::ready(Err(CredentialsError::provider_error("the token has ended")));
        }
        self.0.store(left - 1, Ordering::SeqCst);
        let soon = SystemTime::now() + Duration::from_secs(1);
        future::ProvideCredentials::ready(Ok(Credentials::new("test", "test", None, Some(soon), "test")))
    }
}
