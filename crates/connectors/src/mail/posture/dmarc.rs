//! DMARC (RFC 7489): a policy that refuses, reports, and alignment of what is signed with what is seen.

use super::{Check, Findings, NO_ANSWER, Question, Resolver};

/// What a domain asks receivers to do with what is not aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Policy {
    None,
    Quarantine,
    Reject,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    policy: Policy,
    subdomains: Option<Policy>,
    percent: u8,
    testing: bool,
    reports: Vec<String>,
    strict_spf: bool,
}

pub(super) async fn examine(resolver: &dyn Resolver, question: &Question, signed: bool, findings: &mut Findings) {
    let (name, own, record) = match find(resolver, &question.domain).await {
        Ok(found) => found,
        Err((name, found)) => {
            findings.add(Check::DmarcRecord, &name, Err(found.clone()));
            return findings.add(Check::Alignment, &question.domain, Err(found));
        }
    };
    findings.add(Check::DmarcRecord, &name, Ok("one record".to_owned()));
    let policy = match record.subdomains {
        Some(subdomains) if !own => subdomains,
        _ => record.policy,
    };
    let judged = match policy {
        Policy::None => Err("p=none: nothing is done with what is forged".to_owned()),
        _ if record.testing => Err("t=y: it says that it is a test".to_owned()),
        _ if record.percent < 100 => Err(format!("pct={}: the rest is let through", record.percent)),
        Policy::Quarantine => Ok("quarantine".to_owned()),
        Policy::Reject => Ok("reject".to_owned()),
    };
    findings.add(Check::DmarcPolicy, &name, judged);
    let judged = if record.reports.is_empty() {
        Err("rua is missing: nobody sees who forges".to_owned())
    } else {
        Ok(format!("{} addresses", record.reports.len()))
    };
    findings.add(Check::DmarcReports, &name, judged);
    // SES signs with `d=` of the domain in `From`, which is aligned in either mode.
    let judged = if signed {
        Ok("by DKIM".to_owned())
    } else {
        match &question.mail_from {
            Some(mail_from) if is_aligned(mail_from, &question.domain, record.strict_spf) => Ok("by SPF".to_owned()),
            Some(_) => Err("neither is: DKIM does not stand, and the envelope's domain is another".to_owned()),
            None => Err("neither is: DKIM does not stand, and the envelope's domain is SES's".to_owned()),
        }
    };
    findings.add(Check::Alignment, &question.domain, judged);
}

/// In relaxed mode one is the other or below it. That is stricter than the RFC, which takes siblings of one organisation as
/// well and needs a list of public suffixes for it.
fn is_aligned(mail_from: &str, domain: &str, strict: bool) -> bool {
    let below = |low: &str, high: &str| low.strip_suffix(high).is_some_and(|rest| rest.ends_with('.'));
    mail_from == domain || (!strict && (below(mail_from, domain) || below(domain, mail_from)))
}

/// The record of a domain, or of the nearest one above it that has one. Answers whether it is the domain's own.
async fn find(resolver: &dyn Resolver, domain: &str) -> Result<(String, bool, Record), (String, String)> {
    let own = format!("_dmarc.{domain}");
    let mut at = domain;
    while at.contains('.') {
        let name = format!("_dmarc.{at}");
        let texts = match resolver.txt(&name).await {
            Ok(texts) => texts,
            Err(_) => return Err((name, NO_ANSWER.to_owned())),
        };
        let records: Vec<&String> = texts.iter().filter(|text| is_record(text)).collect();
        match records.as_slice() {
            [] => at = at.split_once('.').map_or("", |(_, above)| above),
            [one] => {
                return match parse(one) {
                    Some(record) => Ok((name, at == domain, record)),
                    None => Err((name, "the record does not parse".to_owned())),
                };
            }
            _ => {
                let found = format!("there are {} records, so that none counts", records.len());
                return Err((name, found));
            }
        }
    }
    Err((own, "there is no record".to_owned()))
}

/// `v=DMARC1` comes first (RFC 7489, section 6.4).
fn is_record(text: &str) -> bool {
    let version = text.split(';').next().unwrap_or_default();
    version
        .split_once('=')
        .is_some_and(|(name, value)| name.trim() == "v" && value.trim() == "DMARC1")
}

fn parse(text: &str) -> Option<Record> {
    let mut record = Record {
        policy: Policy::None,
        subdomains: None,
        percent: 100,
        testing: false,
        reports: Vec::new(),
        strict_spf: false,
    };
    let mut policy = None;
    for tag in text.split(';').skip(1).map(str::trim).filter(|tag| !tag.is_empty()) {
        let (name, value) = tag.split_once('=').map(|(name, value)| (name.trim(), value.trim()))?;
        match name.to_ascii_lowercase().as_str() {
            "p" => policy = Some(parse_policy(value)?),
            "sp" => record.subdomains = Some(parse_policy(value)?),
            "pct" => record.percent = value.parse().ok().filter(|percent| *percent <= 100)?,
            "t" => record.testing = value.eq_ignore_ascii_case("y"),
            "rua" => record.reports = parse_reports(value)?,
            "aspf" => record.strict_spf = parse_mode(value)?,
            "adkim" => {
                parse_mode(value)?;
            }
            _ => {}
        }
    }
    record.policy = policy?;
    Some(record)
}

fn parse_policy(text: &str) -> Option<Policy> {
    match text.to_ascii_lowercase().as_str() {
        "none" => Some(Policy::None),
        "quarantine" => Some(Policy::Quarantine),
        "reject" => Some(Policy::Reject),
        _ => None,
    }
}

/// Whether the mode is strict.
fn parse_mode(text: &str) -> Option<bool> {
    match text {
        "r" | "R" => Some(false),
        "s" | "S" => Some(true),
        _ => None,
    }
}

fn parse_reports(text: &str) -> Option<Vec<String>> {
    let address = |uri: &str| {
        let lower = uri.trim().to_ascii_lowercase();
        let rest = lower.strip_prefix("mailto:")?;
        // A size may stand behind `!` (RFC 7489, section 6.2).
        let bare = rest.split('!').next().unwrap_or_default();
        crate::mail::Address::parse(bare).ok().map(|_| bare.to_owned())
    };
    text.split(',').map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_parse_as_the_rfc_writes_them() {
        // RFC 7489, appendix B.
        let monitored = parse("v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com").unwrap();
        assert_eq!(monitored.policy, Policy::None);
        assert_eq!(monitored.reports, ["dmarc-feedback@example.com"]);
        let sampled = parse(
            "v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net!10m; pct=25",
        )
        .unwrap();
        assert_eq!(
            (sampled.policy, sampled.percent, sampled.reports.len()),
            (Policy::Quarantine, 25, 2)
        );
        let strict = parse("v=DMARC1;p=reject;sp=none;adkim=s;aspf=s;unknown=1;").unwrap();
        assert_eq!(
            (strict.policy, strict.subdomains, strict.strict_spf),
            (Policy::Reject, Some(Policy::None), true)
        );
    }

    #[test]
    fn mai_5_records_without_a_policy_or_with_nonsense_do_not_count() {
        for text in [
            "v=DMARC1",
            "v=DMARC1; rua=mailto:a@example.com",
            "v=DMARC1; p=refuse",
            "v=DMARC1; p=reject; pct=101",
            "v=DMARC1; p=reject; rua=https://example.com/",
            "v=DMARC1; p=reject; rua=mailto:nobody",
            "v=DMARC1; p=reject; aspf=x",
            "v=DMARC1; p",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["p=reject; v=DMARC1", "v=DMARC2; p=reject", "V=dmarc1; p=reject", ""] {
            assert!(!is_record(text), "{text}");
        }
        assert!(is_record("v = DMARC1 ;p=reject"));
    }

    #[test]
    fn domains_are_aligned_along_one_line() {
        assert!(is_aligned("bounce.example.com", "example.com", false));
        assert!(is_aligned("example.com", "mail.example.com", false));
        assert!(is_aligned("example.com", "example.com", true));
        assert!(!is_aligned("bounce.example.com", "example.com", true));
        assert!(!is_aligned("badexample.com", "example.com", false));
        assert!(!is_aligned("a.example.com", "b.example.com", false));
    }
}
