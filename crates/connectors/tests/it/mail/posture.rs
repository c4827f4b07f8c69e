//! The posture of domains, on written zones.

use bearingwall_connectors::mail::posture::{Check, LookupError, Posture, Question, Resolver, examine};
use futures_core::future::BoxFuture;
use std::collections::{HashMap, HashSet};
use time::macros::datetime;

const KEY: &str = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";

#[derive(Clone, Default)]
struct Zone {
    txt: HashMap<String, Vec<String>>,
    cname: HashMap<String, String>,
    mx: HashMap<String, Vec<String>>,
    away: HashSet<String>,
}

impl Zone {
    fn good() -> Self {
        let mut zone = Self::default();
        zone.set("clinic.example", &["v=spf1 -all", "google-site-verification=x"]);
        zone.set("bounce.clinic.example", &["v=spf1 include:amazonses.com ~all"]);
        zone.set("amazonses.com", &["v=spf1 ip4:199.255.192.0/22 ip4:54.240.0.0/18 ~all"]);
        zone.set(
            "_dmarc.clinic.example",
            &["v=DMARC1; p=reject; rua=mailto:dmarc@clinic.example"],
        );
        for token in ["one", "two", "three"] {
            let name = format!("{token}._domainkey.clinic.example");
            zone.cname.insert(name.clone(), format!("{token}.dkim.amazonses.com"));
            zone.set(&name, &[KEY]);
        }
        zone.mx.insert(
            "bounce.clinic.example".to_owned(),
            vec!["feedback-smtp.eu-central-1.amazonses.com".to_owned()],
        );
        zone
    }

    fn set(&mut self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.txt.insert(name.to_owned(), texts);
    }

    fn with(mut self, name: &str, texts: &[&str]) -> Self {
        self.set(name, texts);
        self
    }

    fn answer<T: Clone>(&self, name: &str, found: Option<&T>) -> Result<Option<T>, LookupError> {
        if self.away.contains(name) {
            return Err(LookupError {
                source: "SERVFAIL".into(),
            });
        }
        Ok(found.cloned())
    }
}

impl Resolver for Zone {
    fn txt<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, LookupError>> {
        Box::pin(async move { Ok(self.answer(name, self.txt.get(name))?.unwrap_or_default()) })
    }

    fn cname<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, LookupError>> {
        Box::pin(async move { self.answer(name, self.cname.get(name)) })
    }

    fn mx<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, LookupError>> {
        Box::pin(async move { Ok(self.answer(name, self.mx.get(name))?.unwrap_or_default()) })
    }
}

fn question() -> Question {
    let question = Question::about("clinic.example").unwrap();
    let question = question.mail_from("bounce.clinic.example").unwrap();
    ["one", "two", "three"]
        .into_iter()
        .fold(question, |question, token| question.dkim(token).unwrap())
}

async fn look(zone: &Zone) -> Posture {
    examine(zone, &question(), datetime!(2026-11-27 12:00 UTC)).await
}

/// The checks that do not pass, each once.
async fn failed(zone: &Zone) -> Vec<Check> {
    let posture = look(zone).await;
    let mut failed: Vec<Check> = posture
        .findings()
        .iter()
        .filter(|finding| !finding.passed)
        .map(|finding| finding.check)
        .collect();
    failed.sort();
    failed.dedup();
    assert_eq!(posture.passed(), failed.is_empty());
    failed
}

#[tokio::test]
async fn mai_5_a_domain_as_it_must_be_passes_with_the_time_of_the_look() {
    let posture = look(&Zone::good()).await;
    assert!(posture.passed(), "{:#?}", posture.findings());
    assert_eq!(posture.findings().len(), 15);
    let document = serde_json::to_value(&posture).unwrap();
    assert_eq!(document["checked_at"], "2026-11-27T12:00:00Z");
    assert_eq!(document["domain"], "clinic.example");
    assert_eq!(document["findings"][0]["check"], "spf-record");
}

#[tokio::test]
async fn mai_5_every_weakness_of_spf_is_found() {
    let own = |texts: &[&str]| Zone::good().with("clinic.example", texts);
    let envelope = |text: &str| Zone::good().with("bounce.clinic.example", &[text]);
    let eleven = format!("v=spf1 {}-all", "a ".repeat(11));
    let ten = format!("v=spf1 {}-all", "a ".repeat(10));
    for (zone, expected) in [
        (own(&[]), vec![Check::SpfRecord]),
        (own(&["v=spf1 -all", "v=spf1 ~all"]), vec![Check::SpfRecord]),
        (own(&["v=spf1 nonsense -all"]), vec![Check::SpfRecord]),
        (own(&["v=spf1 a"]), vec![Check::SpfEnds]),
        (own(&["v=spf1 ?all"]), vec![Check::SpfEnds]),
        (own(&["v=spf1 +all"]), vec![Check::SpfEnds]),
        (own(&["v=spf1 all"]), vec![Check::SpfEnds]),
        (own(&["v=spf1 ~all"]), vec![]),
        (own(&[&ten]), vec![]),
        (own(&[&eleven]), vec![Check::SpfLookups]),
        (own(&["v=spf1 include:nowhere.example -all"]), vec![Check::SpfLookups]),
        // A record that includes itself asks for ever.
        (own(&["v=spf1 include:clinic.example -all"]), vec![Check::SpfLookups]),
        (envelope("v=spf1 -all"), vec![Check::SpfIncludes]),
        // What stands behind `all` is not read, and what another record includes is its own affair.
        (envelope("v=spf1 -all include:amazonses.com"), vec![Check::SpfIncludes]),
        (envelope("v=spf1 include:amazonses.com ?all"), vec![Check::SpfEnds]),
    ] {
        assert_eq!(failed(&zone).await, expected, "{:?}", zone.txt);
    }
}

#[tokio::test]
async fn mai_5_redirects_and_nested_includes_count() {
    let mut zone = Zone::good().with("clinic.example", &["v=spf1 redirect=_spf.clinic.example"]);
    assert_eq!(failed(&zone).await, [Check::SpfLookups, Check::SpfEnds]);
    zone.set("_spf.clinic.example", &["v=spf1 include:amazonses.com -all"]);
    assert_eq!(failed(&zone).await, []);
    let wide = format!("v=spf1 {}-all", "mx ".repeat(8));
    zone.set("amazonses.com", &[&wide]);
    assert_eq!(failed(&zone).await, []);
    let wider = format!("v=spf1 {}-all", "mx ".repeat(9));
    zone.set("amazonses.com", &[&wider]);
    assert_eq!(failed(&zone).await, [Check::SpfLookups]);
}

#[tokio::test]
async fn mai_5_every_weakness_of_dkim_is_found() {
    let name = "two._domainkey.clinic.example";
    let mut foreign = Zone::good();
    foreign.cname.insert(name.to_owned(), "two.dkim.example.net".to_owned());
    let mut dangling = Zone::good();
    dangling.txt.remove(name);
    for zone in [
        foreign,
        dangling,
        Zone::good().with(name, &["v=DKIM1; p="]),
        Zone::good().with(name, &[KEY, KEY]),
    ] {
        assert_eq!(failed(&zone).await, [Check::Dkim]);
    }
    let unnamed = Question::about("clinic.example").unwrap();
    let posture = examine(&Zone::good(), &unnamed, datetime!(2026-11-27 12:00 UTC)).await;
    let failed: Vec<_> = posture
        .findings()
        .iter()
        .filter(|found| !found.passed)
        .map(|found| found.check)
        .collect();
    assert_eq!(failed, [Check::Dkim, Check::Alignment]);
    // A key of its own, without an alias.
    let mut own = Zone::good();
    own.cname.remove(name);
    assert!(look(&own).await.passed());
}

#[tokio::test]
async fn mai_5_every_weakness_of_dmarc_is_found() {
    let name = "_dmarc.clinic.example";
    let with = |texts: &[&str]| Zone::good().with(name, texts);
    for (zone, expected) in [
        (with(&[]), vec![Check::DmarcRecord, Check::Alignment]),
        (
            with(&["v=DMARC1; p=reject", "v=DMARC1; p=reject"]),
            vec![Check::DmarcRecord, Check::Alignment],
        ),
        (with(&["v=DMARC1"]), vec![Check::DmarcRecord, Check::Alignment]),
        (
            with(&["v=DMARC1; p=none; rua=mailto:a@clinic.example"]),
            vec![Check::DmarcPolicy],
        ),
        (
            with(&["v=DMARC1; p=reject; pct=50; rua=mailto:a@clinic.example"]),
            vec![Check::DmarcPolicy],
        ),
        (
            with(&["v=DMARC1; p=reject; t=y; rua=mailto:a@clinic.example"]),
            vec![Check::DmarcPolicy],
        ),
        (with(&["v=DMARC1; p=quarantine"]), vec![Check::DmarcReports]),
        (with(&["v=DMARC1; p=quarantine; rua=mailto:a@clinic.example"]), vec![]),
    ] {
        assert_eq!(failed(&zone).await, expected, "{:?}", zone.txt.get(name));
    }
}

#[tokio::test]
async fn mai_5_a_subdomain_stands_under_the_policy_above_it() {
    let mut zone = Zone::good().with("mail.clinic.example", &["v=spf1 -all"]);
    let question = Question::about("mail.clinic.example")
        .unwrap()
        .mail_from("bounce.clinic.example")
        .unwrap();
    let at = datetime!(2026-11-27 12:00 UTC);
    let failed = |posture: Posture| {
        let failed = posture
            .findings()
            .iter()
            .filter(|found| !found.passed)
            .map(|found| found.check);
        failed.collect::<Vec<_>>()
    };
    // Siblings are not aligned here, and no selector was named.
    let found = failed(examine(&zone, &question, at).await);
    assert_eq!(found, [Check::Dkim, Check::Alignment]);
    zone.set(
        "_dmarc.clinic.example",
        &["v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@clinic.example"],
    );
    let found = failed(examine(&zone, &question, at).await);
    assert_eq!(found, [Check::Dkim, Check::DmarcPolicy, Check::Alignment]);
    assert_eq!(super::posture::failed(&zone).await, []);
}

#[tokio::test]
async fn mai_5_what_cannot_be_looked_up_does_not_pass() {
    for (name, expected) in [
        ("clinic.example", vec![Check::SpfRecord]),
        ("amazonses.com", vec![Check::SpfLookups]),
        (
            "bounce.clinic.example",
            vec![Check::SpfRecord, Check::MailFromExchanger],
        ),
        ("one._domainkey.clinic.example", vec![Check::Dkim]),
        ("_dmarc.clinic.example", vec![Check::DmarcRecord, Check::Alignment]),
    ] {
        let mut zone = Zone::good();
        zone.away.insert(name.to_owned());
        assert_eq!(failed(&zone).await, expected, "{name}");
    }
    let mut gone = Zone::good();
    gone.mx.clear();
    assert_eq!(failed(&gone).await, [Check::MailFromExchanger]);
}

#[test]
fn only_names_are_asked_about() {
    for bad in ["", "example", "a b.example", "a.example.", "-a.example", "A.example"] {
        assert!(Question::about(bad).is_err(), "{bad}");
    }
    let question = || Question::about("clinic.example").unwrap();
    assert!(question().mail_from("x").is_err());
    assert!(question().dkim("a/b").is_err());
}
