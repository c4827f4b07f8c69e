//! Finds credentials where none may stand: in the environment, in arguments, in a configuration document.
//!
//! A finding tells the place and the kind, never the value.
//! The environment is judged by variable names that hint at a credential and by known shapes of tokens only, so that
//! an ordinary developer's or build machine's environment passes; a configuration document, which we define, is judged
//! by entropy too.

mod document;
mod shape;

pub use document::scan_document;

use crate::SecretRef;
use bearingwall_core::{Classified, ErrorKind};
use std::fmt;

/// What a finding looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CredentialKind {
    /// An access key id of AWS, which travels with its secret.
    AwsAccessKey,
    /// A token of GitHub.
    GitHubToken,
    /// A token of GitLab.
    GitLabToken,
    /// A token of Slack.
    SlackToken,
    /// A secret or restricted key of Stripe, or a webhook signing secret of the same form.
    StripeKey,
    /// A key of Google.
    GoogleKey,
    /// An API key of Twilio, which travels with its secret.
    TwilioKey,
    /// A client secret of Entra.
    AzureSecret,
    /// A key of a model provider.
    ModelProviderKey,
    /// A key of SendGrid.
    SendGridKey,
    /// A token of a package registry.
    RegistryToken,
    /// A signed token (JWT).
    SignedToken,
    /// A private key block (PEM).
    PrivateKey,
    /// A URL that carries a password.
    UrlPassword,
    /// A connection string that carries a password or an account key.
    ConnectionString,
    /// A value that is no reference, under a name that means a credential.
    NamedCredential,
    /// A value as random as a key.
    HighEntropy,
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AwsAccessKey => "AWS access key",
            Self::GitHubToken => "GitHub token",
            Self::GitLabToken => "GitLab token",
            Self::SlackToken => "Slack token",
            Self::StripeKey => "Stripe key or webhook secret",
            Self::GoogleKey => "Google key",
            Self::TwilioKey => "Twilio key",
            Self::AzureSecret => "Entra client secret",
            Self::ModelProviderKey => "model provider key",
            Self::SendGridKey => "SendGrid key",
            Self::RegistryToken => "package registry token",
            Self::SignedToken => "signed token",
            Self::PrivateKey => "private key",
            Self::UrlPassword => "URL with a password",
            Self::ConnectionString => "connection string with a password",
            Self::NamedCredential => "value under the name of a credential",
            Self::HighEntropy => "value as random as a key",
        })
    }
}

/// Where a finding stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Place {
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// A command-line argument.
    Argument {
        /// Its number; the program's own name is 0.
        index: usize,
    },
    /// A key of the configuration document.
    Setting {
        /// Its path, as `database.password` or `issuers[1].audience`.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// A line of the configuration document: in a comment, or where the document does not parse.
    Line {
        /// The line, from 1.
        line: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name } => write!(f, "environment variable `{name}`"),
            Self::Argument { index } => write!(f, "argument {index}"),
            Self::Setting { path, line } => write!(f, "setting `{path}` (line {line})"),
            Self::Line { line } => write!(f, "configuration line {line}"),
        }
    }
}

/// One place that holds something like a credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What it looks like.
    pub kind: CredentialKind,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)
    }
}

/// Credentials stand where only references may.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// At least one; every place is named.
    #[error("credentials must be references, but these places hold one: {}", list(findings))]
    CredentialsFound {
        /// The places.
        findings: Vec<Finding>,
    },
}

impl Classified for ScanError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::CredentialsFound { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::CredentialsFound { .. } => "SEC-030",
        }
    }
}

/// Turns findings into the error that stops a start.
///
/// # Errors
///
/// [`ScanError::CredentialsFound`] if there is any finding.
// CONTROL: SEC-1
pub fn refuse(mut findings: Vec<Finding>) -> Result<(), ScanError> {
    if findings.is_empty() {
        return Ok(());
    }
    findings.sort();
    findings.dedup();
    Err(ScanError::CredentialsFound { findings })
}

/// Scans environment variables, as `std::env::vars()` gives them.
pub fn scan_environment(variables: impl Iterator<Item = (String, String)>) -> Vec<Finding> {
    variables
        .filter(|(name, _)| !PUBLIC_VARIABLES.contains(&name.as_str()))
        .filter_map(|(name, value)| {
            let kind = shape::find(&value).or_else(|| named(&name, &value))?;
            Some(Finding {
                place: Place::Variable { name },
                kind,
            })
        })
        .collect()
}

/// Scans command-line arguments, as `std::env::args()` gives them: `--token=…`, `--token …` and known shapes.
pub fn scan_arguments(arguments: impl Iterator<Item = String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut option: Option<String> = None;
    for (index, argument) in arguments.enumerate() {
        let (name, value) = match argument.strip_prefix('-') {
            Some(flag) => match flag.split_once('=') {
                Some((name, value)) => (Some(name.trim_start_matches('-').to_owned()), value),
                None => {
                    option = Some(flag.trim_start_matches('-').to_owned());
                    continue_with_shape(&argument, index, &mut findings);
                    continue;
                }
            },
            None => (option.take(), argument.as_str()),
        };
        option = None;
        let named = || name.as_deref().and_then(|name| named(name, value));
        if let Some(kind) = shape::find(value).or_else(named) {
            findings.push(Finding {
                place: Place::Argument { index },
                kind,
            });
        }
    }
    findings
}

/// A flag without a value may still be a token that begins with a hyphen's neighbour, as `-pghp_…`.
fn continue_with_shape(argument: &str, index: usize, findings: &mut Vec<Finding>) {
    if let Some(kind) = shape::find(argument) {
        findings.push(Finding {
            place: Place::Argument { index },
            kind,
        });
    }
}

/// Names that say where a credential is to be found, or that the workload-identity platforms set; and handles that
/// desktop programs give their own terminals, worthless outside that session.
const PUBLIC_VARIABLES: [&str; 8] = [
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "XDG_ACTIVATION_TOKEN",
    "VSCODE_GIT_IPC_AUTH_TOKEN",
    "SSH_AUTH_SOCK",
];

/// Ends of names that mean a credential. `_KEY` alone is not among them: too many public things are called keys.
const CREDENTIAL_ENDS: [&str; 20] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "CREDENTIALS",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "SECRET_KEY",
    "PRIVATE_KEY",
    "SIGNING_KEY",
    "ENCRYPTION_KEY",
    "ACCOUNT_KEY",
    "MASTER_KEY",
    "SSH_KEY",
    "SECRET_KEY_BASE",
];

/// Whether the name means a credential and the value is more than a reference, a path or a placeholder.
fn named(name: &str, value: &str) -> Option<CredentialKind> {
    let name = upper_snake(name);
    let stem = name
        .trim_end_matches(|last: char| last.is_ascii_digit())
        .trim_end_matches('_');
    let hinted = stem == "PGPASSWORD" || CREDENTIAL_ENDS.iter().any(|end| is_last_words(stem, end));
    let working_directory = matches!(stem, "PWD" | "OLDPWD");
    let never_a_path = stem.ends_with("ACCESS_KEY") || stem.ends_with("PASSWORD");
    let harmless = is_reference(value)
        || is_placeholder(value)
        || (!never_a_path && is_path(value))
        || (stem.ends_with("TOKEN") && is_small_number(value));
    (hinted && !working_directory && !harmless).then_some(CredentialKind::NamedCredential)
}

/// `clientSecret`, `client-secret` and `client_secret` are one name.
fn upper_snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        snake.push(if letter.is_ascii_alphanumeric() {
            letter.to_ascii_uppercase()
        } else {
            '_'
        });
    }
    snake
}

fn is_last_words(name: &str, end: &str) -> bool {
    name.strip_suffix(end)
        .is_some_and(|front| front.is_empty() || front.ends_with('_'))
}

fn is_reference(value: &str) -> bool {
    value.parse::<SecretRef>().is_ok()
}

/// What stands where a value is yet to be put, or a switch.
fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let word = value.to_ascii_lowercase();
    value.is_empty()
        || matches!(
            word.as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "0" | "1" | "none" | "null"
        )
        || value.starts_with('$')
        || (value.starts_with('<') && value.ends_with('>'))
        || (value.starts_with("{{") && value.ends_with("}}"))
        || value.chars().all(|mark| matches!(mark, '*' | '.' | '…'))
}

/// An absolute or home-relative path of plain segments; anything like base64 is none.
fn is_path(value: &str) -> bool {
    let rooted = ["/", "./", "../", "~/"].iter().any(|root| value.starts_with(root));
    rooted && value.len() > 2 && !value.contains(['+', '=']) && !value.ends_with('/')
}

fn is_small_number(value: &str) -> bool {
    value.len() <= 7 && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("; ")
}
