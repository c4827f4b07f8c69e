//! Tokens that must be refused, each for its own reason.

use super::Report;
use super::bench::Bench;
use crate::api::Call;
use crate::identity::request;
use anyhow::Context as _;
use bearingwall_core::Role;

const UNAUTHENTICATED: &str = "http.request.unauthenticated";

pub(crate) async fn prove(bench: &Bench<'_>, report: &mut Report<'_>) {
    for (tried, code, token) in hostile(bench) {
        let tried = format!("GET /v1/clients with {tried}");
        report.prove(&tried, refused(bench, &tried, code, token)).await;
    }
}

type Hostile = (&'static str, &'static str, anyhow::Result<Option<String>>);

fn hostile(bench: &Bench<'_>) -> Vec<Hostile> {
    let (issuer, other) = (&bench.stage.issuer, &bench.stage.other_service);
    let reader = request("juniper-reader", Some(bench.juniper.id), &[Role::Authenticated]);
    let some = |token: Result<String, bearingwall_testkit::issuer::IssuerError>| Ok(Some(token?));
    vec![
        ("an expired token", "AUT-011", some(issuer.expired_token(&reader))),
        (
            "a token of a foreign issuer",
            "AUT-009",
            some(issuer.foreign_token(&reader)),
        ),
        (
            "an unsigned token (alg none)",
            "AUT-002",
            Ok(Some(issuer.unsigned_token(&reader))),
        ),
        (
            "a token signed with somebody else's key",
            "AUT-004",
            some(issuer.forged_token(&reader)),
        ),
        (
            "a token whose roles were changed after signing",
            "AUT-004",
            altered(&bench.juniper.reader.token, &bench.juniper.admin.token),
        ),
        ("a token for another service", "AUT-010", some(other.token(&reader))),
        ("no token", "HTP-002", Ok(None)),
        (
            "a word in the place of a token",
            "AUT-001",
            Ok(Some("let-me-in".to_owned())),
        ),
    ]
}

/// The claims of one token under the signature of another.
fn altered(signed: &str, claims: &str) -> anyhow::Result<Option<String>> {
    let parts: Vec<&str> = signed.split('.').collect();
    let wanted: Vec<&str> = claims.split('.').collect();
    let ([header, _, signature], [_, claims, _]) = (parts.as_slice(), wanted.as_slice()) else {
        anyhow::bail!("a token does not have three parts")
    };
    Ok(Some(format!("{header}.{claims}.{signature}")))
}

async fn refused(
    bench: &Bench<'_>,
    what: &str,
    code: &'static str,
    token: anyhow::Result<Option<String>>,
) -> anyhow::Result<String> {
    let mut call = Call::get("/v1/clients");
    if let Some(token) = token? {
        call = call.bearer(&token);
    }
    let answer = bench.api.send(call).await?;
    answer.expect(401)?;
    let challenge = answer
        .header("www-authenticate")
        .context("no WWW-Authenticate came with it")?;
    anyhow::ensure!(challenge.starts_with("Bearer"), "the challenge is {challenge}");
    // Why stands on the record; the caller is not told.
    anyhow::ensure!(answer.code() == "HTP-002", "the caller is told {}", answer.code());
    bench.note_refusal(what, &answer, UNAUTHENTICATED, Some(code));
    Ok(format!("401, on record as {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_change_and_the_signature_stays() {
        assert_eq!(altered("h.c.s", "H.C.S").unwrap().unwrap(), "h.C.s");
        assert!(altered("h.c", "H.C.S").is_err());
    }
}
