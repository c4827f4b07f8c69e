//! Known shapes of credentials, found anywhere within a text.

use super::{CredentialKind, is_placeholder};

/// A vendor's token: what it begins with, which characters follow, and how many at least and at most.
struct TokenShape {
    prefix: &'static str,
    body: fn(char) -> bool,
    length: std::ops::RangeInclusive<usize>,
    kind: CredentialKind,
}

const fn token(prefix: &'static str, body: fn(char) -> bool, min: usize, kind: CredentialKind) -> TokenShape {
    TokenShape {
        prefix,
        body,
        length: min..=512,
        kind,
    }
}

const fn upper_alphanumeric(letter: char) -> bool {
    letter.is_ascii_uppercase() || letter.is_ascii_digit()
}

const fn lower_hex(letter: char) -> bool {
    matches!(letter, '0'..='9' | 'a'..='f')
}

const fn alphanumeric(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
}

const fn url_base64(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}

/// The vendors' published prefixes.
const TOKENS: [TokenShape; 33] = [
    TokenShape {
        prefix: "AKIA",
        body: upper_alphanumeric,
        length: 16..=16,
        kind: CredentialKind::AwsAccessKey,
    },
    TokenShape {
        prefix: "ASIA",
        body: upper_alphanumeric,
        length: 16..=16,
        kind: CredentialKind::AwsAccessKey,
    },
    token("ghp_", alphanumeric, 30, CredentialKind::GitHubToken),
    token("gho_", alphanumeric, 30, CredentialKind::GitHubToken),
    token("ghu_", alphanumeric, 30, CredentialKind::GitHubToken),
    token("ghs_", alphanumeric, 30, CredentialKind::GitHubToken),
    token("ghr_", alphanumeric, 30, CredentialKind::GitHubToken),
    token("github_pat_", url_base64, 22, CredentialKind::GitHubToken),
    token("glpat-", url_base64, 20, CredentialKind::GitLabToken),
    token("xoxb-", url_base64, 10, CredentialKind::SlackToken),
    token("xoxp-", url_base64, 10, CredentialKind::SlackToken),
    token("xoxa-", url_base64, 10, CredentialKind::SlackToken),
    token("xoxr-", url_base64, 10, CredentialKind::SlackToken),
    token("xoxs-", url_base64, 10, CredentialKind::SlackToken),
    token("xoxe-", url_base64, 10, CredentialKind::SlackToken),
    token("xapp-", url_base64, 10, CredentialKind::SlackToken),
    token("sk_live_", alphanumeric, 10, CredentialKind::StripeKey),
    token("rk_live_", alphanumeric, 10, CredentialKind::StripeKey),
    token("sk_test_", alphanumeric, 10, CredentialKind::StripeKey),
    token("rk_test_", alphanumeric, 10, CredentialKind::StripeKey),
    token("whsec_", alphanumeric, 16, CredentialKind::StripeKey),
    token("AIza", url_base64, 35, CredentialKind::GoogleKey),
    token("GOCSPX-", url_base64, 20, CredentialKind::GoogleKey),
    token("ya29.", url_base64, 20, CredentialKind::GoogleKey),
    TokenShape {
        prefix: "SK",
        body: lower_hex,
        length: 32..=32,
        kind: CredentialKind::TwilioKey,
    },
    token("AGE-SECRET-KEY-1", upper_alphanumeric, 50, CredentialKind::PrivateKey),
    token("PuTTY-User-Key-File-", alphanumeric, 1, CredentialKind::PrivateKey),
    token("sk-ant-", url_base64, 20, CredentialKind::ModelProviderKey),
    token("sk-proj-", url_base64, 20, CredentialKind::ModelProviderKey),
    token("sk-", alphanumeric, 32, CredentialKind::ModelProviderKey),
    token("hf_", alphanumeric, 30, CredentialKind::ModelProviderKey),
    token("npm_", alphanumeric, 36, CredentialKind::RegistryToken),
    token("pypi-AgE", url_base64, 30, CredentialKind::RegistryToken),
];

/// Names of connection-string parameters whose value is a secret, in lower case.
const PARAMETERS: [&str; 7] = [
    "password=",
    "passwd=",
    "pwd=",
    "accountkey=",
    "sharedaccesskey=",
    "client_secret=",
    "api_key=",
];

/// The first known shape in `text`.
pub(super) fn find(text: &str) -> Option<CredentialKind> {
    let tokens = TOKENS.iter().find(|shape| shape.matches(text)).map(|shape| shape.kind);
    tokens
        .or_else(|| is_private_key(text).then_some(CredentialKind::PrivateKey))
        .or_else(|| has_signed_token(text).then_some(CredentialKind::SignedToken))
        .or_else(|| has_sendgrid_key(text).then_some(CredentialKind::SendGridKey))
        .or_else(|| has_azure_secret(text).then_some(CredentialKind::AzureSecret))
        .or_else(|| has_url_password(text).then_some(CredentialKind::UrlPassword))
        .or_else(|| has_secret_parameter(text).then_some(CredentialKind::ConnectionString))
}

impl TokenShape {
    fn matches(&self, text: &str) -> bool {
        starts(text, self.prefix).any(|rest| self.length.contains(&run(rest, self.body).len()))
    }
}

/// What follows each occurrence of `prefix` that does not continue a word.
fn starts<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).filter_map(move |(at, _)| {
        let before = text.get(..at).and_then(|front| front.chars().next_back());
        let inside_a_word = before.is_some_and(|letter| letter.is_ascii_alphanumeric());
        text.get(at + prefix.len()..).filter(|_| !inside_a_word)
    })
}

fn run(text: &str, body: fn(char) -> bool) -> &str {
    let end = text.find(|letter| !body(letter)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn is_private_key(text: &str) -> bool {
    text.split_once("-----BEGIN ").is_some_and(|(_, rest)| {
        rest.split_once("-----")
            .is_some_and(|(label, _)| label.ends_with("PRIVATE KEY") || label.contains("PGP PRIVATE"))
    })
}

/// Three base64url parts, the first of which begins with `{"` in base64 (RFC 7519).
fn has_signed_token(text: &str) -> bool {
    starts(text, "eyJ").any(|rest| dotted(rest, &[8, 8, 0]))
}

fn has_sendgrid_key(text: &str) -> bool {
    starts(text, "SG.").any(|rest| dotted(rest, &[20, 40]))
}

/// A client secret of an application in Entra: `Q~` at the fifth place, and 31 to 34 characters behind it.
fn has_azure_secret(text: &str) -> bool {
    text.match_indices("Q~").any(|(at, mark)| {
        let front = at.checked_sub(4).and_then(|begin| text.get(begin..at));
        let rest = text.get(at + mark.len()..).unwrap_or_default();
        let behind = run(rest, |letter| url_base64(letter) || matches!(letter, '.' | '~'));
        front.is_some_and(|front| front.chars().all(|letter| letter.is_ascii_graphic()))
            && (31..=34).contains(&behind.len())
    })
}

/// Whether `text` begins with base64url parts of at least these lengths, with dots between them.
fn dotted(text: &str, lengths: &[usize]) -> bool {
    let mut rest = Some(text);
    lengths.iter().all(|&length| {
        let Some(here) = rest else { return false };
        let part = run(here, url_base64);
        rest = here.get(part.len()..).and_then(|after| after.strip_prefix('.'));
        part.len() >= length
    })
}

fn has_url_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, separator)| {
        let rest = text.get(at + separator.len()..).unwrap_or_default();
        let end = rest
            .find(|mark: char| mark.is_whitespace() || "/?#\"'<>".contains(mark))
            .unwrap_or(rest.len());
        let password = rest.get(..end).and_then(|authority| authority.rsplit_once('@'));
        let password = password
            .and_then(|(userinfo, _)| userinfo.split_once(':'))
            .map(|(_, password)| password);
        password.is_some_and(|password| !is_placeholder(password))
    })
}

/// `password=…` of a libpq, ADO or storage connection string, and of a URL's query.
fn has_secret_parameter(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    PARAMETERS.iter().any(|parameter| {
        starts(&lower, parameter).any(|rest| {
            let rest = rest.trim_start_matches(['"', '\'']);
            let end = rest
                .find(|mark: char| mark.is_whitespace() || ";&\"',)".contains(mark))
                .unwrap_or(rest.len());
            let value = rest.get(..end).unwrap_or_default();
            !is_placeholder(value) && !super::is_reference(value)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made of parts, so that no scanner takes this file for a leak.
    fn joined(parts: &[&str]) -> String {
        parts.concat()
    }

    #[test]
    fn sec_1_known_shapes_are_found_anywhere_in_a_text() {
        let samples = [
            (joined(&["AKIA", "IOSFODNN7EXAMPLE"]), CredentialKind::AwsAccessKey),
            (
                joined(&["ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"]),
                CredentialKind::GitHubToken,
            ),
            (
                joined(&["github_pat_", "11AAAAAAA0abcdefghijkl_mnop"]),
                CredentialKind::GitHubToken,
            ),
            (
                joined(&["xoxb-", "123456789012-abcdefABCDEF"]),
                CredentialKind::SlackToken,
            ),
            (
                joined(&["SK", "0123456789abcdef0123456789abcdef"]),
                CredentialKind::TwilioKey,
            ),
            (
                joined(&[
                    "AGE-SECRET-KEY-1",
                    "QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0JWXXXX",
                ]),
                CredentialKind::PrivateKey,
            ),
            (
                joined(&["PuTTY-User-Key-File-", "3: ssh-ed25519"]),
                CredentialKind::PrivateKey,
            ),
            (
                joined(&["abC8", "Q~", "dEfGhIjKlMnOpQrStUvWxYz0123456789"]),
                CredentialKind::AzureSecret,
            ),
            (
                joined(&["ya29.", "a0AfH6SMBxxxxxxxxxxxxxxxxxxx"]),
                CredentialKind::GoogleKey,
            ),
            (
                joined(&["sk_live_", "4eC39HqLyjWDarjtT1zdp7dc"]),
                CredentialKind::StripeKey,
            ),
            (
                joined(&["rk_live_", "4eC39HqLyjWDarjtT1zdp7dc"]),
                CredentialKind::StripeKey,
            ),
            (
                joined(&["AIza", "SyDdI0hCZtE6vySjMm-WEfRq3CPzqKqqsHI"]),
                CredentialKind::GoogleKey,
            ),
            (
                joined(&["sk-ant-", "api03-abcdefghijklmnopqrst"]),
                CredentialKind::ModelProviderKey,
            ),
            (
                joined(&["eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"]),
                CredentialKind::SignedToken,
            ),
            (
                joined(&["-----BEGIN ", "EC PRIVATE KEY-----\\nMHc"]),
                CredentialKind::PrivateKey,
            ),
            (
                "postgres://app:hunter2@db:5432/spa".to_owned(),
                CredentialKind::UrlPassword,
            ),
            (
                "host=db user=app password=hunter2".to_owned(),
                CredentialKind::ConnectionString,
            ),
            (
                "Server=db;User=app;Pwd='hunter2';".to_owned(),
                CredentialKind::ConnectionString,
            ),
        ];
        for (sample, kind) in samples {
            assert_eq!(find(&sample), Some(kind), "{kind}");
            assert_eq!(
                find(&format!("first, (\"{sample}\") last")),
                Some(kind),
                "{kind} in a text"
            );
        }
    }

    #[test]
    fn what_only_resembles_a_credential_passes() {
        for text in [
            "postgres://app@db:5432/spa",
            "https://example.com/a:b@c",
            "https://app:${DB_PASSWORD}@db/spa",
            "git@github.com:owner/name.git",
            "task-force-of-people-who-like-long-hyphenated-words",
            "AKIAshort",
            "eyJust a word",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "password=$1",
            "password=",
            "npm_config_cache",
            "/opt/hf_models",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
