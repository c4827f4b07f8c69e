//! Signatures of webhooks, the vendors' own and those that their libraries made, through the verifiers of `connectors`.

use super::Line;
use anyhow::{Context, Result, bail};
use bearingwall_connectors::webhooks::github::{self, GitHub};
use bearingwall_connectors::webhooks::standard::{self, Standard};
use bearingwall_connectors::webhooks::stripe::{self, Stripe};
use bearingwall_connectors::webhooks::twilio::{self, Algorithm, Twilio};
use bearingwall_connectors::webhooks::{Delivery, TOLERANCE_S};
use serde::Deserialize;
use std::fs;
use std::path::Path;
use time::OffsetDateTime;

/// The files, with how many vectors each must hold.
const FILES: [(&str, usize); 2] = [("webhooks/upstream.json", 25), ("webhooks/derived.json", 25)];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[serde(default)]
    stripe: Vec<StripeVector>,
    #[serde(default)]
    twilio: Vec<TwilioVector>,
    twilio_token: Option<String>,
    #[serde(default)]
    standard: Vec<StandardVector>,
    #[serde(default)]
    standard_v1a: Vec<StandardVector>,
    #[serde(default)]
    github: Vec<GitHubVector>,
}

#[derive(Deserialize)]
struct StripeVector {
    name: String,
    payload: String,
    header: String,
    secrets: Vec<String>,
    now: i64,
    tolerance: i64,
    ok: bool,
}

#[derive(Deserialize)]
struct TwilioVector {
    name: String,
    url: String,
    alg: Option<String>,
    #[serde(default)]
    params: Vec<(String, String)>,
    body: Option<String>,
    sig: String,
    ok: bool,
}

#[derive(Deserialize)]
struct StandardVector {
    name: String,
    #[serde(alias = "public")]
    secret: String,
    id: String,
    ts: i64,
    now: i64,
    body: String,
    sig: String,
    ok: bool,
}

#[derive(Deserialize)]
struct GitHubVector {
    name: String,
    secret: String,
    body: String,
    sig: String,
    ok: bool,
}

pub(super) fn run(dir: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    // The vendor's own token, which the vectors of the second file were signed with as well.
    let mut token = None;
    for (name, wanted) in FILES {
        let path = dir.join(name);
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let line = line_of(name, &text, &mut token).with_context(|| format!("running {}", path.display()))?;
        let found = line.passed + line.failures.len();
        if found != wanted {
            bail!("{name} holds {found} vectors, and not {wanted}");
        }
        lines.push(line);
    }
    Ok(lines)
}

fn line_of(name: &str, text: &[u8], token: &mut Option<String>) -> Result<Line> {
    let vectors: Vectors = serde_json::from_slice(text).context("the file is no file of webhooks")?;
    *token = vectors.twilio_token.or(token.take());
    let mut line = Line {
        set: name.trim_end_matches(".json").replace('/', " "),
        ..Line::default()
    };
    let mut accepted = 0_usize;
    let mut judge = |scheme: &str, name: &str, found: bool, expected: bool| {
        accepted += usize::from(found);
        if found == expected {
            line.passed += 1;
        } else {
            line.failures.push(format!("{scheme}, {name}: accepted = {found}"));
        }
    };
    for vector in &vectors.stripe {
        judge("stripe", &vector.name, stripe(vector)?, vector.ok);
    }
    for vector in &vectors.twilio {
        let token = token.as_deref().context("there is no token for Twilio's vectors")?;
        judge("twilio", &vector.name, twilio(vector, token)?, vector.ok);
    }
    for vector in vectors.standard.iter().chain(&vectors.standard_v1a) {
        judge("standard", &vector.name, standard(vector)?, vector.ok);
    }
    for vector in &vectors.github {
        judge("github", &vector.name, github(vector)?, vector.ok);
    }
    line.besides = format!("{accepted} of them accepted, the others refused");
    Ok(line)
}

fn stripe(vector: &StripeVector) -> Result<bool> {
    if vector.tolerance != TOLERANCE_S {
        bail!("`{}` wants another tolerance", vector.name);
    }
    let verifier = Stripe::new(vector.secrets.iter().map(String::as_bytes))?;
    let headers = [(stripe::HEADER, vector.header.as_bytes())];
    let delivery = Delivery::new("https://example.org/", &headers, vector.payload.as_bytes());
    Ok(verifier.verify(&delivery, at(vector.now)?).is_ok())
}

fn twilio(vector: &TwilioVector, token: &str) -> Result<bool> {
    let algorithm = match vector.alg.as_deref() {
        None => Algorithm::AuthToken,
        Some("HMAC_SHA256") => Algorithm::SharedKey,
        Some(other) => bail!("`{}` has the unknown algorithm `{other}`", vector.name),
    };
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&vector.params)
        .finish();
    let (kind, body) = match &vector.body {
        Some(body) => ("application/json", body),
        None => ("application/x-www-form-urlencoded", &form),
    };
    let headers = [
        (twilio::HEADER, vector.sig.as_bytes()),
        ("Content-Type", kind.as_bytes()),
    ];
    let delivery = Delivery::new(&vector.url, &headers, body.as_bytes());
    Ok(Twilio::new([(algorithm, token.as_bytes())])?.verify(&delivery).is_ok())
}

fn standard(vector: &StandardVector) -> Result<bool> {
    let time = vector.ts.to_string();
    let headers = [
        (standard::ID_HEADER, vector.id.as_bytes()),
        (standard::TIMESTAMP_HEADER, time.as_bytes()),
        (standard::SIGNATURE_HEADER, vector.sig.as_bytes()),
    ];
    let delivery = Delivery::new("https://example.org/", &headers, vector.body.as_bytes());
    let verifier = Standard::new([vector.secret.as_bytes()])?;
    Ok(verifier.verify(&delivery, at(vector.now)?).is_ok())
}

fn github(vector: &GitHubVector) -> Result<bool> {
    let headers = [(github::HEADER, vector.sig.as_bytes())];
    let delivery = Delivery::new("https://example.org/", &headers, vector.body.as_bytes());
    Ok(GitHub::new([vector.secret.as_bytes()])?.verify(&delivery).is_ok())
}

fn at(seconds: i64) -> Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds).context("the time is out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn con_1_an_answer_that_differs_is_a_failure() {
        // GitHub's documentation prints this one, "validating webhook deliveries".
        let file = |secret: &str| {
            format!(
                r#"{{"github":[{{"name":"a","secret":"{secret}","body":"Hello, World!","ok":true,
                "sig":"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}}]}}"#
            )
        };
        let line = |text: &str| line_of("a", text.as_bytes(), &mut None);
        assert_eq!(line(&file("It's a Secret to Everybody")).unwrap().passed, 1);
        assert_eq!(line(&file("another")).unwrap().failures.len(), 1);
        assert!(line(r#"{"paypal":[]}"#).is_err());
        assert!(line(r#"{"twilio":[{"name":"a","url":"https://a/","sig":"","ok":true}]}"#).is_err());
    }
}
