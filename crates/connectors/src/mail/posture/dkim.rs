//! DKIM (RFC 6376): every selector leads to a key.

use super::{Check, Findings, NO_ANSWER, Question, Resolver};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Bytes of the smallest RSA key that counts, of 1024 bits, as it stands in a record (RFC 8301, section 3.2).
const RSA_MIN_BYTES: usize = 140;

/// Looks at each selector; answers whether there is one that all can be verified with.
pub(super) async fn examine(resolver: &dyn Resolver, question: &Question, findings: &mut Findings) -> bool {
    if question.dkim.is_empty() {
        let found = "no selector was named: say the tokens of SES";
        findings.add(Check::Dkim, &question.domain, Err(found.to_owned()));
        return false;
    }
    let mut all = true;
    for token in &question.dkim {
        let name = format!("{token}._domainkey.{}", question.domain);
        let judged = selector(resolver, token, &name).await;
        all &= judged.is_ok();
        findings.add(Check::Dkim, &name, judged);
    }
    all
}

async fn selector(resolver: &dyn Resolver, token: &str, name: &str) -> Result<String, String> {
    let alias = resolver.cname(name).await.map_err(|_| NO_ANSWER.to_owned())?;
    if let Some(target) = &alias
        && !is_ours(target, token)
    {
        return Err(format!(
            "it is an alias of `{target}`, which is not SES's for this token"
        ));
    }
    let texts = resolver.txt(name).await.map_err(|_| NO_ANSWER.to_owned())?;
    let [text] = texts.as_slice() else {
        return Err(format!("it leads to {} records, and one must be", texts.len()));
    };
    key(text).map_err(str::to_owned)?;
    Ok(match alias {
        Some(_) => "an alias of SES's, and a key".to_owned(),
        None => "a key of its own".to_owned(),
    })
}

/// `<token>.dkim.amazonses.com`, or with the region's name in it.
fn is_ours(target: &str, token: &str) -> bool {
    let target = target.to_ascii_lowercase();
    target
        .strip_prefix(&format!("{}.dkim.", token.to_ascii_lowercase()))
        .is_some_and(|rest| rest == "amazonses.com" || rest.ends_with(".amazonses.com"))
}

/// Whether a record holds a key that counts (RFC 6376, section 3.6.1).
fn key(text: &str) -> Result<(), &'static str> {
    let mut tags = Vec::new();
    for tag in text.split(';').map(str::trim).filter(|tag| !tag.is_empty()) {
        let (name, value) = tag.split_once('=').ok_or("the record does not parse")?;
        tags.push((name.trim(), value.trim()));
    }
    let find = |wanted: &str| tags.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    if find("v").is_some_and(|version| version != "DKIM1") {
        return Err("the record is of another version");
    }
    if find("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y")) {
        return Err("the record says that it is a test, so that nobody refuses anything by it");
    }
    let public: String = find("p").ok_or("the record has no key")?.split_whitespace().collect();
    if public.is_empty() {
        return Err("the key was withdrawn");
    }
    let bytes = BASE64.decode(public).map_err(|_| "the key does not parse")?;
    match find("k").unwrap_or("rsa") {
        "rsa" if bytes.len() >= RSA_MIN_BYTES => Ok(()),
        "rsa" => Err("the key is shorter than 1024 bits"),
        "ed25519" if bytes.len() == 32 => Ok(()),
        _ => Err("the key is of another kind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mai_5_only_a_key_that_receivers_take_is_one() {
        let rsa = BASE64.encode([0x30; 162]);
        let short = BASE64.encode([0x30; 94]);
        // RFC 8463, appendix A.2.
        let ed25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        for good in [
            format!("v=DKIM1; k=rsa; p={rsa}"),
            format!("p={rsa}"),
            format!("v=DKIM1;t=s;p={}", rsa.replacen('M', " M", 3)),
            ed25519.to_owned(),
        ] {
            assert_eq!(key(&good), Ok(()), "{good}");
        }
        for bad in [
            "v=DKIM1; k=rsa; p=".to_owned(),
            "v=DKIM1; k=rsa".to_owned(),
            format!("v=DKIM2; p={rsa}"),
            format!("v=DKIM1; p={short}"),
            format!("v=DKIM1; k=dsa; p={rsa}"),
            format!("v=DKIM1; t=y:s; p={rsa}"),
            "v=DKIM1; p=not*base64".to_owned(),
            "v=DKIM1 p".to_owned(),
        ] {
            assert!(key(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_alias_is_of_this_token_or_it_is_not_ours() {
        assert!(is_ours("abc.dkim.amazonses.com", "abc"));
        assert!(is_ours("ABC.dkim.eu-south-1.amazonses.com", "abc"));
        for foreign in [
            "abd.dkim.amazonses.com",
            "abc.dkim.amazonses.com.example.net",
            "abc.dkim.notamazonses.com",
            "abc.example.net",
        ] {
            assert!(!is_ours(foreign, "abc"), "{foreign}");
        }
    }
}
