//! Isolation profiles: whose proof opens a tenant, and what each of the two demands of the other settings.

use super::Config;
use bearingwall_authn::{Algorithm, IssuerConfig};
use serde::Deserialize;
use std::fmt;

/// Whose proof opens a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationProfile {
    /// The server signs each entry with a key that the database knows.
    #[default]
    EnterKey,
    /// The database verifies the caller's own access token, and the server holds no key.
    SplitKey,
}

impl fmt::Display for IsolationProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EnterKey => "enter-key",
            Self::SplitKey => "split-key",
        })
    }
}

impl Config {
    /// What the isolation profile does not accept, each setting with its reason.
    // CONTROL: TEN-7
    pub(crate) fn refused_by_isolation(&self) -> Vec<String> {
        let settings = [
            ("tenancy.enter_key", self.tenancy.enter_key.is_some()),
            ("tenancy.enter_kid", self.tenancy.enter_kid.is_some()),
        ];
        let profile = self.isolation.profile;
        let mut refusals = Vec::new();
        for (setting, present) in settings {
            match profile {
                IsolationProfile::EnterKey if !present => {
                    refusals.push(format!("`{setting}` is missing, and entries are signed with it"));
                }
                IsolationProfile::SplitKey if present => {
                    refusals.push(format!(
                        "`{setting}` is set, and the application holds no signing key at all"
                    ));
                }
                IsolationProfile::EnterKey | IsolationProfile::SplitKey => {}
            }
        }
        if profile == IsolationProfile::SplitKey {
            for issuer in self.issuers.iter().filter(|issuer| !signs_for_the_database(issuer)) {
                refusals.push(format!(
                    "the issuer `{}` may sign with something else than RS256, which is all that the database verifies: \
                     set its `algorithms` to [\"RS256\"]",
                    issuer.issuer
                ));
            }
        }
        refusals
            .into_iter()
            .map(|refusal| format!("{refusal} (isolation profile {profile})"))
            .collect()
    }
}

fn signs_for_the_database(issuer: &IssuerConfig) -> bool {
    issuer.algorithms == [Algorithm::Rs256]
}

#[cfg(test)]
mod tests {
    use super::super::ConfigError;
    use super::*;

    const BOTH: &str = "enter_key = \"file+sealed:///var/lib/bearingwall/secrets#enter-key-1\"\nenter_kid = 1";
    const RS256: &str = "algorithms = [\"RS256\"]";

    fn refusals(isolation: &str, tenancy: &str, issuer: &str) -> Vec<String> {
        let parsed = Config::parse(&format!(
            r#"
            version = 1
            profile = "development"
            [database]
            url = "postgres://bearingwall_app@db.example.org/bearingwall"
            regions = ["us-east"]
            [isolation]
            {isolation}
            [tenancy]
            {tenancy}
            [keys]
            kek = "file+sealed:///var/lib/bearingwall/secrets#kek"
            [[issuers]]
            issuer = "https://one.example.org"
            audience = "bearingwall"
            {issuer}
            [[issuers]]
            issuer = "https://two.example.org"
            audience = "bearingwall"
            algorithms = ["RS256"]
            "#
        ));
        match parsed {
            Ok(_) => Vec::new(),
            Err(ConfigError::Refused { refusals }) => refusals,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_enter_key_profile_is_the_default_and_needs_its_key() {
        for isolation in ["", "profile = \"enter-key\""] {
            assert!(refusals(isolation, BOTH, "").is_empty());
            let refused = refusals(isolation, "", "");
            assert_eq!(refused.len(), 2, "{refused:?}");
            assert!(refused[0].starts_with("`tenancy.enter_key` is missing"), "{refused:?}");
            assert!(refused[1].starts_with("`tenancy.enter_kid` is missing"), "{refused:?}");
        }
    }

    #[test]
    fn ten_7_the_split_key_profile_refuses_a_server_that_holds_a_key() {
        let split = "profile = \"split-key\"";
        assert!(refusals(split, "", RS256).is_empty());
        let refused = refusals(split, BOTH, RS256);
        assert_eq!(refused.len(), 2, "{refused:?}");
        for line in BOTH.lines() {
            let refused = refusals(split, line, RS256);
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert!(
                refused[0].contains("the application holds no signing key at all"),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn ten_7_the_split_key_profile_refuses_an_issuer_that_the_database_cannot_verify() {
        let split = "profile = \"split-key\"";
        for algorithms in ["", "algorithms = [\"ES256\"]", "algorithms = [\"RS256\", \"ES256\"]"] {
            let refused = refusals(split, "", algorithms);
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert!(
                refused[0].starts_with("the issuer `https://one.example.org` may sign"),
                "{refused:?}"
            );
        }
    }
}
