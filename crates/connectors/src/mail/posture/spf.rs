//! SPF (RFC 7208): one record, few look-ups, an end that refuses.

use super::{Check, Findings, NO_ANSWER, Question, Resolver};
use futures_core::future::BoxFuture;

/// Terms that ask the DNS (RFC 7208, section 4.6.4).
const MOST_LOOKUPS: usize = 10;

/// What a term does with whom it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

/// A term of a record, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    All(Qualifier),
    Include(String),
    Redirect(String),
    /// `a`, `mx`, `ptr` or `exists`: asks the DNS.
    Asks,
    /// `ip4`, `ip6`, `exp` and modifiers that nobody knows: asks nothing.
    Silent,
}

/// A record that does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Whether a text is an SPF record (RFC 7208, section 4.5).
pub(super) fn is_record(text: &str) -> bool {
    text.split(' ')
        .next()
        .is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
}

/// The terms of a record, in order.
pub(super) fn parse(text: &str) -> Result<Vec<Term>, Unreadable> {
    let mut terms = Vec::new();
    let mut redirected = false;
    for word in text.split(' ').skip(1).filter(|word| !word.is_empty()) {
        let term = term(word)?;
        if matches!(term, Term::Redirect(_)) && std::mem::replace(&mut redirected, true) {
            return Err(Unreadable);
        }
        terms.push(term);
    }
    Ok(terms)
}

fn term(word: &str) -> Result<Term, Unreadable> {
    let lower = word.to_ascii_lowercase();
    if let Some((name, value)) = modifier(&lower) {
        return match name {
            "redirect" if !value.is_empty() => Ok(Term::Redirect(value.to_owned())),
            "redirect" => Err(Unreadable),
            _ => Ok(Term::Silent),
        };
    }
    let (qualifier, mechanism) = match lower.split_at_checked(1) {
        Some(("+", rest)) => (Qualifier::Pass, rest),
        Some(("-", rest)) => (Qualifier::Fail, rest),
        Some(("~", rest)) => (Qualifier::SoftFail, rest),
        Some(("?", rest)) => (Qualifier::Neutral, rest),
        _ => (Qualifier::Pass, lower.as_str()),
    };
    let (name, value) = match mechanism.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (mechanism.split('/').next().unwrap_or_default(), None),
    };
    match (name, value) {
        ("all", None) if mechanism == "all" => Ok(Term::All(qualifier)),
        ("include", Some(domain)) if !domain.is_empty() => Ok(Term::Include(domain.to_owned())),
        ("a" | "mx" | "ptr", _) => Ok(Term::Asks),
        ("exists", Some(domain)) if !domain.is_empty() => Ok(Term::Asks),
        ("ip4" | "ip6", Some(network)) if is_network(name, network) => Ok(Term::Silent),
        _ => Err(Unreadable),
    }
}

/// `name=value`, where the name begins with a letter (RFC 7208, section 12).
fn modifier(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let fit = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    fit.then_some((name, value))
}

fn is_network(kind: &str, text: &str) -> bool {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let (fits, most) = match kind {
        "ip4" => (address.parse::<std::net::Ipv4Addr>().is_ok(), 32_u8),
        _ => (address.parse::<std::net::Ipv6Addr>().is_ok(), 128),
    };
    fits && length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most))
}

/// What following a record to its end has shown.
#[derive(Default)]
struct Walk {
    lookups: usize,
    includes: Vec<String>,
    end: Option<Qualifier>,
    fault: Option<String>,
}

pub(super) async fn examine(resolver: &dyn Resolver, question: &Question, findings: &mut Findings) {
    examine_at(resolver, &question.domain, None, findings).await;
    if let Some(mail_from) = &question.mail_from {
        examine_at(resolver, mail_from, Some(&question.include), findings).await;
        let judged = match resolver.mx(mail_from).await {
            Ok(hosts) if hosts.is_empty() => Err("it has no mail exchanger, so SES does not use it".to_owned()),
            Ok(hosts) => match hosts.as_slice() {
                [one] if is_feedback(one) => Ok(one.clone()),
                _ => Err(format!("`{}` is not the one exchanger of SES", hosts.join(" "))),
            },
            Err(_) => Err(NO_ANSWER.to_owned()),
        };
        findings.add(Check::MailFromExchanger, mail_from, judged);
    }
}

fn is_feedback(host: &str) -> bool {
    host.to_ascii_lowercase()
        .strip_prefix("feedback-smtp.")
        .and_then(|rest| rest.strip_suffix(".amazonses.com"))
        .is_some_and(|region| !region.is_empty() && !region.contains('.'))
}

async fn examine_at(resolver: &dyn Resolver, domain: &str, include: Option<&str>, findings: &mut Findings) {
    let terms = match record(resolver, domain).await {
        Ok(terms) => terms,
        Err(found) => return findings.add(Check::SpfRecord, domain, Err(found)),
    };
    findings.add(Check::SpfRecord, domain, Ok("one record".to_owned()));
    let mut walk = Walk::default();
    follow(resolver, &terms, true, &mut walk).await;
    let judged = match &walk.fault {
        Some(fault) => Err(fault.clone()),
        None if walk.lookups > MOST_LOOKUPS => Err("more than 10 look-ups".to_owned()),
        None => Ok(format!("{} look-ups", walk.lookups)),
    };
    findings.add(Check::SpfLookups, domain, judged);
    let judged = match walk.end {
        Some(Qualifier::Fail) => Ok("-all".to_owned()),
        Some(Qualifier::SoftFail) => Ok("~all".to_owned()),
        Some(Qualifier::Pass) => Err("it ends with +all: everybody may send".to_owned()),
        Some(Qualifier::Neutral) => Err("it ends with ?all, which refuses nobody".to_owned()),
        None => Err("it ends without `all`, which refuses nobody".to_owned()),
    };
    findings.add(Check::SpfEnds, domain, judged);
    if let Some(include) = include {
        let judged = if walk.includes.iter().any(|found| found == include) {
            Ok(format!("include:{include}"))
        } else {
            Err(format!("it lacks include:{include}"))
        };
        findings.add(Check::SpfIncludes, domain, judged);
    }
}

/// The terms of the one record at a name, or what is wrong.
async fn record(resolver: &dyn Resolver, domain: &str) -> Result<Vec<Term>, String> {
    let texts = resolver.txt(domain).await.map_err(|_| NO_ANSWER.to_owned())?;
    let records: Vec<&String> = texts.iter().filter(|text| is_record(text)).collect();
    match records.as_slice() {
        [] => Err("there is no record".to_owned()),
        [one] => parse(one).map_err(|Unreadable| "the record does not parse".to_owned()),
        _ => Err(format!("there are {} records, and only one may be", records.len())),
    }
}

/// Follows includes and redirects, and counts. `top` says whether this record's own end counts.
fn follow<'a>(resolver: &'a dyn Resolver, terms: &'a [Term], top: bool, walk: &'a mut Walk) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let all = terms.iter().find_map(|term| match term {
            Term::All(qualifier) => Some(*qualifier),
            _ => None,
        });
        if top {
            walk.end = all;
        }
        for term in terms {
            let (domain, keeps_top) = match term {
                // What stands behind `all` is never reached (RFC 7208, section 5.1).
                Term::All(_) => break,
                Term::Asks => {
                    walk.lookups = walk.lookups.saturating_add(1);
                    continue;
                }
                Term::Include(domain) => (domain, false),
                Term::Redirect(_) | Term::Silent => continue,
            };
            step(resolver, domain, keeps_top, top, walk).await;
        }
        let redirect = terms.iter().find_map(|term| match term {
            Term::Redirect(domain) => Some(domain),
            _ => None,
        });
        // A redirect counts only where no `all` stands (RFC 7208, section 6.1).
        if let (Some(domain), None) = (redirect, all) {
            step(resolver, domain, top, false, walk).await;
        }
    })
}

async fn step(resolver: &dyn Resolver, domain: &str, top: bool, noted: bool, walk: &mut Walk) {
    walk.lookups = walk.lookups.saturating_add(1);
    if walk.lookups > MOST_LOOKUPS || walk.fault.is_some() {
        return;
    }
    if noted {
        walk.includes.push(domain.to_owned());
    }
    if domain.contains('%') {
        // A macro depends on the message: its target is counted and cannot be followed here.
        return;
    }
    match record(resolver, domain).await {
        Ok(terms) => follow(resolver, &terms, top, walk).await,
        // An include of a name without a record makes the whole record one that receivers reject (RFC 7208, section 5.2).
        Err(found) => walk.fault = Some(format!("`{domain}`: {found}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_parse_as_the_rfc_writes_them() {
        let include = |name: &str| Term::Include(name.to_owned());
        for (text, expected) in [
            // RFC 7208, sections 4.6.1, 5.2, 6.1, appendix A.
            ("v=spf1 +all", vec![Term::All(Qualifier::Pass)]),
            ("v=spf1", vec![]),
            ("v=spf1 mx -all", vec![Term::Asks, Term::All(Qualifier::Fail)]),
            (
                "v=spf1 a:example.org/24 mx/30 mx:example.org/30 ~ALL",
                vec![Term::Asks, Term::Asks, Term::Asks, Term::All(Qualifier::SoftFail)],
            ),
            (
                "v=spf1 ip4:192.0.2.128/28 ip6:2001:db8::/32  -all",
                vec![Term::Silent, Term::Silent, Term::All(Qualifier::Fail)],
            ),
            (
                "V=SPF1 include:example.com ?include:example.net -all",
                vec![
                    include("example.com"),
                    include("example.net"),
                    Term::All(Qualifier::Fail),
                ],
            ),
            (
                "v=spf1 redirect=_spf.example.com",
                vec![Term::Redirect("_spf.example.com".to_owned())],
            ),
            (
                "v=spf1 exists:%{ir}.%{v}._spf.%{d2} ptr exp=explain._spf.%{d} moo.cow=1 ?all",
                vec![
                    Term::Asks,
                    Term::Asks,
                    Term::Silent,
                    Term::Silent,
                    Term::All(Qualifier::Neutral),
                ],
            ),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
            assert!(is_record(text), "{text}");
        }
    }

    #[test]
    fn mai_5_records_that_receivers_reject_do_not_parse() {
        for text in [
            "v=spf1 inclde:example.com -all",
            "v=spf1 include: -all",
            "v=spf1 include -all",
            "v=spf1 ip4:192.0.2.300 -all",
            "v=spf1 ip4:192.0.2.0/33 -all",
            "v=spf1 ip6:192.0.2.0 -all",
            "v=spf1 -all:example.com",
            "v=spf1 -all/8",
            "v=spf1 redirect=a.example redirect=b.example",
            "v=spf1 redirect=",
            "v=spf1 --all",
            "v=spf1 ,all",
        ] {
            assert_eq!(parse(text), Err(Unreadable), "{text}");
        }
        for text in ["v=spf10 -all", "v=spf1-all", " v=spf1 -all", "spf1", "v=spf1\t-all"] {
            assert!(!is_record(text), "{text}");
        }
    }
}
