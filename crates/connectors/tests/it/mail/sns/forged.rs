//! What does not verify.

use super::*;

async fn refused(verifier: &SnsVerifier, document: &Value) -> SnsError {
    verify(verifier, document).await.unwrap_err()
}

#[tokio::test]
async fn mai_4_a_change_of_any_signed_field_is_refused() {
    for (document, fields) in [
        (
            unsigned(),
            vec!["Message", "MessageId", "Subject", "Timestamp", "Type", "Signature"],
        ),
        (
            confirmation(),
            vec!["Message", "MessageId", "Timestamp", "Token", "SubscribeURL", "Type"],
        ),
    ] {
        let signed = sign(&SITE.sns, document);
        verify(&verifier(), &signed).await.unwrap();
        for field in fields {
            let mut changed = signed.clone();
            let text = changed[field].as_str().unwrap();
            // The last digit or letter becomes another one: the form stays, where there is one.
            let at = text.rfind(|c: char| c.is_ascii_alphanumeric() && c != 'Z').unwrap();
            let other = if text[at..].starts_with('1') { "2" } else { "1" };
            changed[field] = format!("{}{other}{}", &text[..at], &text[at + 1..]).into();
            refused(&verifier(), &changed).await;
            let mut removed = signed.clone();
            removed.as_object_mut().unwrap().remove(field);
            refused(&verifier(), &removed).await;
        }
    }
}

#[tokio::test]
async fn mai_4_a_subject_or_another_type_cannot_be_added() {
    let mut plain = unsigned();
    plain.as_object_mut().unwrap().remove("Subject");
    let mut signed = sign(&SITE.sns, plain);
    verify(&verifier(), &signed).await.unwrap();
    signed["Subject"] = "Added".into();
    assert!(matches!(refused(&verifier(), &signed).await, SnsError::Signature));
    let mut turned = sign(&SITE.sns, confirmation());
    turned["Type"] = "UnsubscribeConfirmation".into();
    assert!(matches!(refused(&verifier(), &turned).await, SnsError::Signature));
}

#[tokio::test]
async fn mai_4_text_does_not_move_between_fields_under_one_signature() {
    // Signed: the message ends with lines that look like fields. Posted: they are the fields.
    let mut honest = unsigned();
    let message = "{}\nMessageId\n22b80b92-fdea-4c2c-8f9d-000000000000\nSubject\nX";
    honest["Message"] = message.into();
    let signed = sign(&SITE.sns, honest);
    verify(&verifier(), &signed).await.unwrap();
    let mut moved = signed.clone();
    moved["Message"] = "{}".into();
    moved["MessageId"] = format!(
        "22b80b92-fdea-4c2c-8f9d-000000000000\nSubject\nX\nMessageId\n{}",
        signed["MessageId"].as_str().unwrap()
    )
    .into();
    assert_eq!(signed_text(&moved), signed_text(&signed));
    assert!(matches!(
        refused(&verifier(), &moved).await,
        SnsError::Malformed { what: "a value" }
    ));
}

#[tokio::test]
async fn mai_4_another_topic_and_another_key_are_refused() {
    for other in [
        "arn:aws:sns:eu-central-1:123456789012:mail-events2",
        "arn:aws:sns:eu-central-1:210987654321:mail-events",
        "arn:aws:sns:us-east-1:123456789012:mail-events",
    ] {
        let mut document = unsigned();
        document["TopicArn"] = other.into();
        let refused = refused(&verifier(), &sign(&SITE.sns, document)).await;
        assert!(matches!(refused, SnsError::OtherTopic), "{other}");
    }
    let refused = refused(&verifier(), &sign(&SITE.other, unsigned())).await;
    assert_eq!(
        (refused.code(), refused.kind()),
        ("MAI-027", ErrorKind::Unauthenticated)
    );
}

#[tokio::test]
async fn mai_4_what_is_old_or_of_the_future_is_refused() {
    let signed = sign(&SITE.sns, unsigned());
    for (away, taken) in [(0, true), (3_600, true), (3_601, false), (-300, true), (-301, false)] {
        let verifier = verifier_with(policy(), &SITE.sns.pem, NOW + Duration::seconds(away));
        let verified = verify(&verifier, &signed).await;
        match taken {
            true => assert!(verified.is_ok(), "{away}"),
            false => assert!(matches!(verified, Err(SnsError::Age)), "{away}"),
        }
    }
}

#[tokio::test]
async fn mai_4_sha1_counts_only_where_it_is_configured() {
    // aws-lc signs no SHA-1: by `openssl dgst -sha1 -sign`, over the text below and a key that was made for it.
    let fixture: Value = serde_json::from_str(include_str!("../../../../testdata/sns-version-1.json")).unwrap();
    let (document, pem) = (fixture["document"].clone(), fixture["certificate"].as_str().unwrap());
    let then = NOW + Duration::days(1);
    let mut both = policy();
    both.signatures = Signatures::Sha1AsWell;
    verify(&verifier_with(both.clone(), pem, then), &document)
        .await
        .unwrap();
    let strict = refused(&verifier_with(policy(), pem, then), &document).await;
    assert!(matches!(strict, SnsError::SignatureVersion), "{strict:?}");
    // Nor does one version's signature pass for the other's.
    let mut raised = document.clone();
    raised["SignatureVersion"] = "2".into();
    assert!(matches!(
        refused(&verifier_with(both.clone(), pem, then), &raised).await,
        SnsError::Signature
    ));
    let mut lowered = sign(&SITE.sns, unsigned());
    lowered["SignatureVersion"] = "1".into();
    let verifier = verifier_with(both, &SITE.sns.pem, NOW);
    assert!(matches!(refused(&verifier, &lowered).await, SnsError::Signature));
    for version in ["", "0", "3", "02", "2 "] {
        let mut document = sign(&SITE.sns, unsigned());
        document["SignatureVersion"] = version.into();
        assert!(matches!(
            refused(&verifier, &document).await,
            SnsError::SignatureVersion
        ));
    }
}

#[tokio::test]
async fn mai_4_the_certificate_comes_from_the_topics_own_host() {
    let serving = Serving::new(&SITE.sns.pem);
    let verifier = SnsVerifier::new(policy(), serving.clone(), Arc::new(Still(NOW)));
    let file = "SimpleNotificationService-0123abcd.pem";
    for url in [
        format!("http://sns.eu-central-1.amazonaws.com/{file}"),
        format!("https://sns.us-east-1.amazonaws.com/{file}"),
        format!("https://sns.eu-central-1.amazonaws.com.cn/{file}"),
        format!("https://sns.eu-central-1.amazonaws.com.example.net/{file}"),
        format!("https://sns.eu-central-1.amazonaws.com@example.net/{file}"),
        format!("https://example.net/sns.eu-central-1.amazonaws.com/{file}"),
        format!("https://sns.eu-central-1.amazonaws.com:8443/{file}"),
        format!("https://sns.eu-central-1.amazonaws.com:443/{file}"),
        format!("https://user@sns.eu-central-1.amazonaws.com/{file}"),
        format!("https://sns.eu-central-1.amazonaws.com/x/../{file}"),
        format!("https://sns.eu-central-1.amazonaws.com/{file}?x=.pem"),
        format!("https://sns.eu-central-1.amazonaws.com/{file}#.pem"),
        format!("https://SNS.eu-central-1.amazonaws.com/{file}"),
        format!("https://sns.eu-central-1.amazonaws.com\\@example.net/{file}"),
        "https://sns.eu-central-1.amazonaws.com/?Action=x&y=SimpleNotificationService-1.pem".to_owned(),
        "https://bucket.s3.amazonaws.com/SimpleNotificationService-1.pem".to_owned(),
        "https://sns.amazonaws.com/SimpleNotificationService-1.pem".to_owned(),
        "data:application/x-pem-file,x".to_owned(),
        String::new(),
    ] {
        let mut document = sign(&SITE.sns, unsigned());
        document["SigningCertURL"] = url.as_str().into();
        let refused = refused(&verifier, &document).await;
        assert!(matches!(refused, SnsError::ForeignAddress), "{url}");
    }
    assert_eq!(serving.fetched.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn mai_4_a_confirmation_leads_to_the_topics_own_host_and_is_about_it() {
    let host = "https://sns.eu-central-1.amazonaws.com";
    let good = format!("?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37fb");
    for url in [
        format!("https://example.net/{good}"),
        format!("http://sns.eu-central-1.amazonaws.com/{good}"),
        format!("https://sns.us-east-1.amazonaws.com/{good}"),
        format!("{host}:8443/{good}"),
        format!("{host}/path{good}"),
        format!("{host}/{good}2"),
        format!("{host}/?Action=Publish&TopicArn={TOPIC}&Token=2336412f37fb"),
        format!("{host}/{good}&Action=Publish"),
        format!("{host}/?Action=ConfirmSubscription&TopicArn={TOPIC}2&Token=2336412f37fb"),
        format!("{host}/?Action=ConfirmSubscription&Token=2336412f37fb"),
    ] {
        let mut document = confirmation();
        document["SubscribeURL"] = url.as_str().into();
        let refused = refused(&verifier(), &sign(&SITE.sns, document)).await;
        assert!(matches!(refused, SnsError::ForeignAddress), "{url}");
    }
}

#[tokio::test]
async fn mai_4_a_certificate_that_is_not_fit_is_refused() {
    let signed = sign(&SITE.sns, unsigned());
    let made = |change: &dyn Fn(&mut CertificateParams)| {
        let (_, signing) = keys(KeySize::Rsa2048);
        let mut params = params("sns.amazonaws.com");
        change(&mut params);
        params.self_signed(&signing).unwrap().pem()
    };
    let named = |name: &'static str| made(&move |params| *params = super::params(name));
    let elliptic = params("sns.amazonaws.com")
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem();
    let over = made(&|params| params.not_after = NOW - Duration::seconds(1));
    let early = made(&|params| params.not_before = NOW + Duration::days(1));
    let mut long = SITE.sns.pem.clone();
    long.push_str(&"\n".repeat(70_000));
    for (what, pem) in [
        ("over", over),
        ("early", early),
        ("another name", named("s3.amazonaws.com")),
        ("a name that only begins so", named("sns.amazonaws.com.example.net")),
        ("any name", named("*.amazonaws.com")),
        ("another kind of key", elliptic),
        ("too long", long),
        ("too many", SITE.sns.pem.repeat(7)),
        (
            "no certificate",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
        ),
        ("no PEM", "<html>".to_owned()),
    ] {
        let refused = refused(&verifier_with(policy(), &pem, NOW), &signed).await;
        assert!(matches!(refused, SnsError::Certificate { .. }), "{what}: {refused:?}");
    }
    let away = refused(&verifier_with(policy(), "", NOW), &signed).await;
    assert_eq!((away.code(), away.kind()), ("MAI-025", ErrorKind::Unavailable));
}

#[tokio::test]
async fn mai_4_a_chain_is_followed_to_its_anchor_where_one_is_configured() {
    let signed = sign(&SITE.sns, unsigned());
    let mut anchored = policy();
    anchored.chain = Chain::Anchored(vec![SITE.anchor.clone()]);
    verify(&verifier_with(anchored.clone(), &SITE.with_intermediate, NOW), &signed)
        .await
        .unwrap();
    let alone = refused(&verifier_with(anchored, &SITE.sns.pem, NOW), &signed).await;
    assert!(matches!(alone, SnsError::Certificate { .. }), "{alone:?}");
}

#[tokio::test]
async fn mai_4_certificates_are_fetched_seldom_whatever_is_posted() {
    let serving = Serving::new(&SITE.sns.pem);
    let verifier = SnsVerifier::new(policy(), serving.clone(), Arc::new(Still(NOW)));
    for _ in 0..5 {
        verify(&verifier, &sign(&SITE.sns, unsigned())).await.unwrap();
    }
    assert_eq!(serving.fetched.load(Ordering::SeqCst), 1);
    for number in 0..40 {
        let mut document = sign(&SITE.other, unsigned());
        document["SigningCertURL"] = CERTIFICATE.replace("0123abcd", &format!("{number:08x}")).into();
        refused(&verifier, &document).await;
    }
    assert_eq!(serving.fetched.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn mai_4_what_is_no_document_is_refused() {
    let text = sign(&SITE.sns, unsigned()).to_string();
    let twice = text.replacen('{', "{\"Message\":\"{}\",", 1);
    let verifier = verifier();
    for body in ["", "{}", "[]", "null", twice.as_str(), &text[1..], &"x".repeat(600_001)] {
        let refused = verifier.verify(body.as_bytes()).await.unwrap_err();
        assert_eq!((refused.code(), refused.kind()), ("MAI-020", ErrorKind::Invalid));
    }
}

#[test]
fn topics_are_named_as_aws_names_them() {
    assert!(TopicArn::parse("arn:aws-cn:sns:cn-north-1:123456789012:a-B_1.fifo").is_ok());
    for bad in [
        "",
        "arn:aws:sqs:eu-central-1:123456789012:x",
        "arn:aws:sns::123456789012:x",
        "arn:aws:sns:eu-central-1/x:123456789012:x",
        "arn:aws:sns:eu.example:123456789012:x",
        "arn:aws:sns:eu-central-1:12345678901:x",
        "arn:aws:sns:eu-central-1:123456789012:",
        "arn:aws:sns:eu-central-1:123456789012:x:y",
        "arn:other:sns:eu-central-1:123456789012:x",
    ] {
        assert!(TopicArn::parse(bad).is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever else stands in a signed field, the signature does not verify.
    #[test]
    fn mai_4_whatever_is_put_into_a_signed_field_is_refused(
        field in prop::sample::select(vec!["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", "Signature"]),
        at in any::<prop::sample::Index>(),
        put in ".{0,3}",
        cut in 0_usize..3,
    ) {
        let signed = sign(&SITE.sns, unsigned());
        let text: Vec<char> = signed[field].as_str().unwrap().chars().collect();
        let at = at.index(text.len() + 1);
        let changed: String = text[..at].iter().copied().chain(put.chars()).chain(text[(at + cut).min(text.len())..].iter().copied()).collect();
        prop_assume!(changed != signed[field].as_str().unwrap());
        let mut document = signed.clone();
        document[field] = changed.into();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verified = runtime.block_on(verify(&verifier(), &document));
        prop_assert!(verified.is_err());
    }
}
