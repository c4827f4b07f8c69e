//! The posture of a domain that mail is sent from: what its DNS says of SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489),
//! at one moment, as evidence and as a condition for sending.

mod dkim;
mod dmarc;
mod spf;

use super::MailError;
use futures_core::future::BoxFuture;
use serde::Serialize;
use std::error::Error;
use std::fmt;
use time::OffsetDateTime;

/// A name could not be looked up. That is not the same as a name without records.
#[derive(Debug, thiserror::Error)]
#[error("the name cannot be looked up")]
pub struct LookupError {
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// What asks the DNS. A name that does not exist, or has no such record, is an empty answer.
pub trait Resolver: Send + Sync {
    /// The texts at a name, each with its strings joined (RFC 7208, section 3.3).
    fn txt<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, LookupError>>;

    /// The name that a name is an alias of, without the dot at its end.
    fn cname<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, LookupError>>;

    /// The mail exchangers of a name, without the dot at their end.
    fn mx<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, LookupError>>;
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    domain: String,
    mail_from: Option<String>,
    dkim: Vec<String>,
    include: String,
}

impl Question {
    /// About the domain of the address in `From`, with Amazon SES as what sends.
    ///
    /// # Errors
    ///
    /// [`MailError::Address`] if it is no domain name.
    pub fn about(domain: &str) -> Result<Self, MailError> {
        super::address::check_domain(domain)?;
        Ok(Self {
            domain: domain.to_owned(),
            mail_from: None,
            dkim: Vec::new(),
            include: "amazonses.com".to_owned(),
        })
    }

    /// With a domain of the envelope's own (SES: custom MAIL FROM), to which bounces go.
    ///
    /// # Errors
    ///
    /// [`MailError::Address`] if it is no domain name.
    pub fn mail_from(mut self, domain: &str) -> Result<Self, MailError> {
        super::address::check_domain(domain)?;
        self.mail_from = Some(domain.to_owned());
        Ok(self)
    }

    /// With a DKIM selector: a token of SES, whose name is an alias of SES's own.
    ///
    /// # Errors
    ///
    /// [`MailError::Address`] if it is no label.
    pub fn dkim(mut self, token: &str) -> Result<Self, MailError> {
        super::address::check_domain(&format!("{token}.example"))?;
        self.dkim.push(token.to_owned());
        Ok(self)
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// There is one SPF record, no more, and it parses.
    SpfRecord,
    /// It asks for at most ten look-ups, and what it includes is there.
    SpfLookups,
    /// It ends by refusing everybody else (`-all` or `~all`).
    SpfEnds,
    /// What sends is in it, where the envelope's domain is ours.
    SpfIncludes,
    /// Bounces to the envelope's domain reach SES.
    MailFromExchanger,
    /// Every selector leads to a key.
    Dkim,
    /// There is one DMARC record, and it parses.
    DmarcRecord,
    /// It asks for quarantine or more, of every message.
    DmarcPolicy,
    /// It says where reports go.
    DmarcReports,
    /// DKIM or SPF is aligned with the domain in `From`.
    Alignment,
}

impl Check {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SpfRecord => "spf-record",
            Self::SpfLookups => "spf-lookups",
            Self::SpfEnds => "spf-ends",
            Self::SpfIncludes => "spf-includes",
            Self::MailFromExchanger => "mail-from-exchanger",
            Self::Dkim => "dkim",
            Self::DmarcRecord => "dmarc-record",
            Self::DmarcPolicy => "dmarc-policy",
            Self::DmarcReports => "dmarc-reports",
            Self::Alignment => "alignment",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was found of one check at one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// At which name.
    pub name: String,
    /// Whether it is as it must be.
    pub passed: bool,
    /// What is there, or what is wrong.
    pub found: String,
}

/// The posture of a domain at one moment. Only [`examine`] makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Posture {
    domain: String,
    #[serde(with = "time::serde::rfc3339")]
    checked_at: OffsetDateTime,
    passed: bool,
    findings: Vec<Finding>,
}

impl Posture {
    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// When it was looked at.
    #[must_use]
    pub const fn checked_at(&self) -> OffsetDateTime {
        self.checked_at
    }

    /// Whether all of it is as it must be.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.passed
    }

    /// What was found, check by check.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// Collects what is found.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, check: Check, name: &str, judged: Result<String, String>) {
        let (passed, found) = match judged {
            Ok(found) => (true, found),
            Err(found) => (false, found),
        };
        self.0.push(Finding {
            check,
            name: name.to_owned(),
            passed,
            found,
        });
    }
}

/// What is said where the DNS does not answer: nothing passes that was not seen.
const NO_ANSWER: &str = "the DNS does not answer";

/// Looks at everything. What cannot be looked up does not pass.
// CONTROL: MAI-5
pub async fn examine(resolver: &dyn Resolver, question: &Question, now: OffsetDateTime) -> Posture {
    let mut findings = Findings::default();
    spf::examine(resolver, question, &mut findings).await;
    let signed = dkim::examine(resolver, question, &mut findings).await;
    dmarc::examine(resolver, question, signed, &mut findings).await;
    let findings = findings.0;
    Posture {
        domain: question.domain.clone(),
        checked_at: now,
        passed: findings.iter().all(|finding| finding.passed),
        findings,
    }
}
