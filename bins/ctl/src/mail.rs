//! `mail posture`: what the DNS says of a domain that mail is sent from.

use crate::arguments::{MailCommand, PostureArguments};
use crate::outcome::Outcome;
use crate::output;
use bearingwall_connectors::mail::posture::{Finding, LookupError, Question, Resolver, examine};
use bearingwall_core::{Clock as _, SystemClock};
use futures_core::future::BoxFuture;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::net::SocketAddr;
use std::time::Duration;

/// How long one question waits for its answer.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) async fn run(command: MailCommand) -> anyhow::Result<Outcome> {
    let MailCommand::Posture(arguments) = command;
    let question = question(&arguments)?;
    let dns = Dns::new(arguments.server)?;
    let posture = examine(&dns, &question, SystemClock.now()).await;
    if arguments.json {
        output::line(&serde_json::to_string_pretty(&posture)?)?;
    } else {
        for finding in posture.findings() {
            output::line(&line(finding))?;
        }
    }
    Ok(if posture.passed() {
        Outcome::Done
    } else {
        Outcome::Refused
    })
}

fn question(arguments: &PostureArguments) -> anyhow::Result<Question> {
    let mut question = Question::about(&arguments.domain)?;
    if let Some(domain) = &arguments.mail_from {
        question = question.mail_from(domain)?;
    }
    for token in &arguments.dkim {
        question = question.dkim(token)?;
    }
    Ok(question)
}

fn line(finding: &Finding) -> String {
    let verdict = if finding.passed { "ok  " } else { "FAIL" };
    // What stands in the DNS is anybody's text.
    let found: String = finding.found.chars().map(visible).collect();
    format!("{verdict} {} {}: {found}", finding.check, finding.name)
}

const fn visible(c: char) -> char {
    if matches!(c, ' '..='~') { c } else { '?' }
}

/// The DNS, over the machine's name servers or a named one.
struct Dns(TokioResolver);

impl Dns {
    fn new(server: Option<SocketAddr>) -> anyhow::Result<Self> {
        let mut builder = match server {
            None => TokioResolver::builder_tokio()?,
            Some(server) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = server.port();
                    connection
                });
                let server = NameServerConfig::new(server.ip(), true, connections.into());
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        builder.options_mut().timeout = PATIENCE;
        Ok(Self(builder.build()?))
    }

    /// The records of a name; none where the name or the kind of record does not exist.
    async fn records<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Vec<T>, LookupError> {
        let asked = async {
            // With the dot at its end, so that no search domain is put behind it.
            let name = Name::from_ascii(format!("{name}."))?;
            self.0.lookup(name, kind).await
        };
        match asked.await {
            Ok(found) => Ok(found.answers().iter().filter_map(|record| read(&record.data)).collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(unanswered(error)),
        }
    }
}

fn unanswered(error: NetError) -> LookupError {
    LookupError {
        source: Box::new(error),
    }
}

fn text(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

impl Resolver for Dns {
    fn txt<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, LookupError>> {
        Box::pin(self.records(name, RecordType::TXT, |data| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        }))
    }

    fn cname<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, LookupError>> {
        Box::pin(async move {
            let found = self.records(name, RecordType::CNAME, |data| match data {
                RData::CNAME(target) => Some(text(&target.0)),
                _ => None,
            });
            Ok(found.await?.into_iter().next())
        })
    }

    fn mx<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, LookupError>> {
        Box::pin(self.records(name, RecordType::MX, |data| match data {
            RData::MX(mx) => Some(text(&mx.exchange)),
            _ => None,
        }))
    }
}
