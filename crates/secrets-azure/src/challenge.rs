//! What a vault asks for before it answers: which token, from whom. Both are held against what is configured.

use bearingwall_secrets::SecretError;
use url::Url;

/// A challenge that belongs to the vault that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// What the token must be for, as `https://vault.azure.net/.default`.
    pub(crate) scope: String,
}

/// Reads a `WWW-Authenticate: Bearer authorization="…", resource="…"`.
///
/// SECURITY: whoever answers in a vault's place would name a resource or an authority of their own, and be sent a token that
/// opens other things, or the assertion by which one is got. So the resource must be the domain of the vault, and the
/// authority, where one is named, ours.
// CONTROL: SEC-3
pub(crate) fn verify(header: &str, vault: &Url, authority: Option<&Url>) -> Result<Challenge, SecretError> {
    let parameters = header
        .strip_prefix("Bearer ")
        .ok_or(SecretError::ForeignChallenge { what: "its scheme" })?;
    let parameter = |name: &str| {
        parameters
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().trim_matches('"'))
    };
    let foreign = SecretError::ForeignChallenge { what: "its resource" };
    let named = match (parameter("resource"), parameter("scope")) {
        (Some(resource), _) => resource,
        (None, Some(scope)) => scope.strip_suffix("/.default").unwrap_or(scope),
        (None, None) => return Err(foreign),
    };
    let resource = Url::parse(named).ok().filter(|resource| belongs(resource, vault));
    if resource.is_none() {
        return Err(foreign);
    }
    if let Some(ours) = authority {
        let theirs = parameter("authorization").or_else(|| parameter("authorization_uri"));
        let same = theirs
            .and_then(|theirs| Url::parse(theirs).ok())
            .is_some_and(|theirs| theirs.origin() == ours.origin() && first_segment(&theirs) == first_segment(ours));
        if !same {
            return Err(SecretError::ForeignChallenge { what: "its authority" });
        }
    }
    Ok(Challenge {
        scope: format!("{}/.default", named.trim_end_matches('/')),
    })
}

/// Whether the vault stands in the domain that the resource names.
fn belongs(resource: &Url, vault: &Url) -> bool {
    let (Some(domain), Some(host)) = (resource.host_str(), vault.host_str()) else {
        return false;
    };
    resource.scheme() == "https"
        && domain.contains('.')
        && host
            .strip_suffix(domain)
            .is_some_and(|front| front.len() > 1 && front.ends_with('.'))
}

fn first_segment(url: &Url) -> Option<&str> {
    url.path_segments().and_then(|mut segments| segments.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(header: &str) -> Result<Challenge, SecretError> {
        let vault = Url::parse("https://spa.vault.azure.net").unwrap();
        let authority = Url::parse("https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555").unwrap();
        verify(header, &vault, Some(&authority))
    }

    const AUTHORITY: &str = r#"authorization="https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555""#;

    #[test]
    fn sec_3_a_challenge_of_the_vaults_own_domain_is_followed() {
        let header = format!(r#"Bearer {AUTHORITY}, resource="https://vault.azure.net""#);
        assert_eq!(asked(&header).unwrap().scope, "https://vault.azure.net/.default");
        let header = format!(r#"Bearer {AUTHORITY}, scope="https://vault.azure.net/.default""#);
        assert_eq!(asked(&header).unwrap().scope, "https://vault.azure.net/.default");
    }

    #[test]
    fn sec_3_a_challenge_for_anything_else_is_refused() {
        for resource in [
            "https://management.azure.com",
            "https://azure.net.evil.example",
            "https://ault.azure.net",
            "https://spa.vault.azure.net",
            "https://net",
            "http://vault.azure.net",
            "vault.azure.net",
        ] {
            let header = format!(r#"Bearer {AUTHORITY}, resource="{resource}""#);
            assert!(asked(&header).is_err(), "{resource}");
        }
        for authority in [
            "https://login.evil.example/11111111-2222-3333-4444-555555555555",
            "https://login.microsoftonline.com/99999999-2222-3333-4444-555555555555",
            "http://login.microsoftonline.com/11111111-2222-3333-4444-555555555555",
        ] {
            let header = format!(r#"Bearer authorization="{authority}", resource="https://vault.azure.net""#);
            assert!(asked(&header).is_err(), "{authority}");
        }
        assert!(asked(r#"Bearer resource="https://vault.azure.net""#).is_err());
        assert!(asked(r#"Basic realm="x""#).is_err());
        assert!(asked("Bearer ").is_err());
    }
}
