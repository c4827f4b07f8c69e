//! There is no transport whose configuration sets were not looked at.

use super::server::{Answer, Server, described, refused};
use super::{config, connect, credentials, message, send};
use bearingwall_connector_ses::{SesError, SesTransport, SetName};
use bearingwall_connectors::mail::{Outcome, Reason};
use bearingwall_core::{Classified, ErrorKind};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn mai_2_a_configuration_set_without_required_tls_is_refused_at_the_start() {
    let server = Server::start();
    connect(&server.url).await.unwrap();
    let asked = server.asked("DescribeConfigurationSet");
    let names: Vec<_> = asked
        .iter()
        .map(|asked| asked["ConfigurationSetName"].as_str())
        .collect();
    assert_eq!(names, ["phi-out", "plain-out"]);
    assert_eq!(asked[0]["ConfigurationSetAttributeNames.member.1"], "deliveryOptions");
    for policy in ["Optional", "", "Required"] {
        server.answer("DescribeConfigurationSet", described(policy));
        let error = connect(&server.url).await.unwrap_err();
        assert!(matches!(error, SesError::TlsNotRequired { .. }), "{policy}: {error:?}");
        assert_eq!(error.code(), "SES-003");
    }
    // Where nothing with health information is sent, TLS is as the set says, and such messages are refused.
    let mut plain = config(&server.url);
    plain.sets.phi = None;
    let transport = SesTransport::connect(plain, credentials()).await.unwrap();
    let outcome = send(transport, message()).await;
    assert_eq!(outcome, Outcome::Refused(Reason::of("NoConfigurationSetForClass")));
    assert_eq!(server.asked("SendRawEmail").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn mai_2_a_configuration_set_that_is_changed_later_stops_the_next_message() {
    for (holds, policy, expected) in [
        (Duration::ZERO, "Optional", Some("TlsNotRequired")),
        (Duration::ZERO, "Require", None),
        (Duration::from_mins(5), "Optional", None),
    ] {
        let server = Server::start();
        let mut config = config(&server.url);
        config.tls_seen_holds = holds;
        let transport = SesTransport::connect(config, credentials()).await.unwrap();
        server.answer("DescribeConfigurationSet", described(policy));
        let outcome = send(transport, message()).await;
        match expected {
            Some(word) => assert_eq!(outcome, Outcome::Later(Reason::of(word))),
            None => assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}"),
        }
        let sent = usize::from(expected.is_none());
        assert_eq!(server.asked("SendRawEmail").len(), sent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mai_2_a_configuration_set_that_is_not_there_is_refused_at_the_start() {
    let server = Server::start();
    let missing = refused(400, "ConfigurationSetDoesNotExist", "phi-out does not exist");
    server.answer("DescribeConfigurationSet", missing);
    let error = connect(&server.url).await.unwrap_err();
    assert!(matches!(error, SesError::NoSuchSet { .. }), "{error:?}");
    for answer in [
        refused(403, "AccessDenied", "no"),
        refused(500, "InternalFailure", "no"),
        Answer::HangUp,
        Answer::With(200, "<html>".to_owned()),
    ] {
        server.answer("DescribeConfigurationSet", answer);
        let error = connect(&server.url).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), ("SES-004", ErrorKind::Unavailable));
    }
}

#[test]
fn names_of_configuration_sets_are_names() {
    assert!(SetName::parse("phi_out-1").is_ok());
    for bad in ["", "a b", "a\r\n", "a.b", "ä", &"x".repeat(65)] {
        assert!(matches!(SetName::parse(bad), Err(SesError::Name)), "{bad:?}");
    }
}
