//! Profiles: they differ only in what they refuse, never in what is enforced.

use super::Config;
use bearingwall_authn::IssuerConfig;
use bearingwall_secrets::Scheme;
use serde::Deserialize;
use std::fmt;

/// The longest token lifetime that `hipaa` accepts, in seconds: what a stolen token is worth.
const HIPAA_LIFETIME_S: u32 = 900;

/// The longest time that `hipaa` lets a session in a browser rest, in seconds (164.312(a)(2)(iii)).
const HIPAA_IDLE_S: u64 = 900;

/// The shortest time between two probes of isolation outside of development, in seconds: each costs the database work.
const CANARY_INTERVAL_MIN_S: u64 = 5;

/// How much is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Nothing beyond what is always refused.
    Development,
    /// Secrets in files, issuers without TLS, and an open listener without TLS.
    Production,
    /// What `production` refuses, tokens that may live longer than 15 minutes, and an old PostgreSQL.
    Hipaa,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Production => "production",
            Self::Hipaa => "hipaa",
        })
    }
}

impl Config {
    /// What this configuration's profile does not accept, each setting with its reason.
    pub(super) fn refused_by_profile(&self) -> Vec<String> {
        let profile = self.profile;
        let mut refusals = Vec::new();
        if profile >= Profile::Production {
            let kek = ("keys.kek", &self.keys.kek);
            for (setting, reference) in self.references().into_iter().chain([kek]) {
                if reference.scheme() == Scheme::SealedFile {
                    refusals.push(format!("`{setting}` is kept in a file, which is for development"));
                }
            }
            for issuer in self.issuers.iter().filter(|issuer| is_plain(issuer)) {
                refusals.push(format!("the issuer `{}` is reached without TLS", issuer.issuer));
            }
            if self
                .login
                .as_ref()
                .is_some_and(|login| login.origin.starts_with("http:"))
            {
                refusals.push("`login.origin` is reached without TLS".to_owned());
            }
            if !self.server.listen.ip().is_loopback() && !self.server.tls_terminated_upstream {
                refusals.push(
                    "`server.listen` is open to the network without TLS; let a proxy end TLS on this machine, \
                     or set `server.tls_terminated_upstream` if one does so on a trusted network"
                        .to_owned(),
                );
            }
            if self
                .server
                .metrics_listen
                .is_some_and(|address| !address.ip().is_loopback())
                && !self.server.metrics_on_trusted_network
            {
                refusals.push(
                    "`server.metrics_listen` is open to the network, and whoever reaches it may read it; listen on \
                     this machine only, or set `server.metrics_on_trusted_network` if nobody but the monitoring \
                     system reaches that address"
                        .to_owned(),
                );
            }
            if self.rates.has_unlimited() {
                refusals.push("`rates` lets somebody ask without a limit".to_owned());
            }
            if self.isolation.canary_interval_s < CANARY_INTERVAL_MIN_S {
                refusals.push(format!(
                    "`isolation.canary_interval_s` is less than {CANARY_INTERVAL_MIN_S}"
                ));
            }
        }
        if profile >= Profile::Hipaa {
            for issuer in self.issuers.iter().filter(|issuer| !lives_shortly(issuer)) {
                let name = &issuer.issuer;
                refusals.push(format!(
                    "`max_lifetime_s` of the issuer `{name}` is not set to {HIPAA_LIFETIME_S} or less"
                ));
            }
            if !self.authn.strong_for_phi {
                refusals.push("`authn.strong_for_phi` is not set: personal data needs no second factor".to_owned());
            }
            if self.login.as_ref().is_some_and(|login| login.idle_s > HIPAA_IDLE_S) {
                refusals.push(format!("`login.idle_s` is more than {HIPAA_IDLE_S}"));
            }
            if self.database.accept_version.is_some() {
                refusals.push("`database.accept_version` accepts a PostgreSQL with known holes".to_owned());
            }
        }
        refusals
            .into_iter()
            .map(|refusal| format!("{refusal} (profile {profile})"))
            .collect()
    }
}

fn is_plain(issuer: &IssuerConfig) -> bool {
    let plain = |url: &str| url.starts_with("http:");
    plain(&issuer.issuer) || issuer.jwks_uri.as_deref().is_some_and(plain)
}

fn lives_shortly(issuer: &IssuerConfig) -> bool {
    issuer.max_lifetime_s.is_some_and(|limit| limit <= HIPAA_LIFETIME_S)
}

#[cfg(test)]
mod tests {
    use super::super::ConfigError;
    use super::*;

    fn config(profile: &str, store: &str, listen: &str, issuer: &str, more: &str) -> Result<Config, ConfigError> {
        Config::parse(&format!(
            r#"
            version = 1
            profile = "{profile}"
            [server]
            listen = "{listen}"
            [database]
            url = "postgres://bearingwall_app@db.example.org/bearingwall"
            regions = ["us-east"]
            {more}
            [tenancy]
            enter_key = "{store}enter-key-1"
            enter_kid = 1
            [keys]
            kek = "{store}kek"
            [authn]
            strong_for_phi = {strong}
            [[issuers]]
            {issuer}
            audience = "bearingwall"
            strong_acr = ["mfa"]
            "#,
            strong = profile == "hipaa",
        ))
    }

    fn refusals(parsed: Result<Config, ConfigError>) -> Vec<String> {
        match parsed {
            Ok(_) => Vec::new(),
            Err(ConfigError::Refused { refusals }) => refusals,
            Err(other) => panic!("{other:?}"),
        }
    }

    const VAULT: &str = "azure-kv://spa/";
    const FILES: &str = "file+sealed:///var/lib/bearingwall/secrets#";
    const LOCAL: &str = "127.0.0.1:8080";
    const TLS: &str = "issuer = \"https://id.example.org\"";
    const SHORT: &str = "issuer = \"https://id.example.org\"\nmax_lifetime_s = 900";

    #[test]
    fn development_takes_what_a_laptop_has() {
        let issuer = "issuer = \"http://127.0.0.1:9000\"";
        assert!(
            refusals(config(
                "development",
                FILES,
                "0.0.0.0:8080",
                issuer,
                "accept_version = \"15.1\""
            ))
            .is_empty()
        );
    }

    #[test]
    fn sec_1_production_refuses_secrets_in_files() {
        assert!(refusals(config("production", VAULT, LOCAL, TLS, "")).is_empty());
        for profile in ["production", "hipaa"] {
            let refused = refusals(config(profile, FILES, LOCAL, SHORT, ""));
            assert_eq!(refused.len(), 2, "{refused:?}");
            assert!(refused[0].starts_with("`tenancy.enter_key` is kept in a file"));
        }
    }

    #[test]
    fn production_refuses_every_way_without_tls() {
        let plain = "issuer = \"http://127.0.0.1:9000\"";
        let keys = "issuer = \"https://id.example.org\"\njwks_uri = \"http://127.0.0.1:9000/keys\"";
        for (listen, issuer) in [(LOCAL, plain), (LOCAL, keys), ("0.0.0.0:8080", TLS), ("[::]:8080", TLS)] {
            assert_eq!(
                refusals(config("production", VAULT, listen, issuer, "")).len(),
                1,
                "{listen} {issuer}"
            );
        }
        let upstream = "0.0.0.0:8080\"\ntls_terminated_upstream = true #";
        assert!(refusals(config("production", VAULT, upstream, TLS, "")).is_empty());
    }

    #[test]
    fn production_refuses_metrics_that_anybody_may_read() {
        for (address, refused) in [
            ("127.0.0.1:9464", 0),
            ("[::1]:9464", 0),
            ("0.0.0.0:9464", 1),
            ("10.0.0.7:9464", 1),
        ] {
            let listen = format!("{LOCAL}\"\nmetrics_listen = \"{address}");
            assert_eq!(
                refusals(config("production", VAULT, &listen, TLS, "")).len(),
                refused,
                "{address}"
            );
            assert!(refusals(config("development", VAULT, &listen, TLS, "")).is_empty());
            let trusted = format!("{listen}\"\nmetrics_on_trusted_network = true #");
            assert!(refusals(config("production", VAULT, &trusted, TLS, "")).is_empty());
        }
    }

    #[test]
    fn production_refuses_a_canary_that_costs_more_than_it_shows() {
        for (interval, refused) in [(4, 1), (5, 0)] {
            let more = format!("[isolation]\ncanary_interval_s = {interval}");
            assert_eq!(refusals(config("production", VAULT, LOCAL, TLS, &more)).len(), refused);
            assert!(refusals(config("development", VAULT, LOCAL, TLS, &more)).is_empty());
        }
    }

    #[test]
    fn htp_4_production_refuses_to_let_somebody_ask_without_a_limit() {
        for name in ["light", "read", "write", "bulk", "refusals"] {
            let more = format!("[rates]\n{name}_per_minute = 0");
            assert_eq!(
                refusals(config("production", VAULT, LOCAL, TLS, &more)).len(),
                1,
                "{name}"
            );
            assert!(refusals(config("development", VAULT, LOCAL, TLS, &more)).is_empty());
        }
        let slow = "[rates]\nread_per_minute = 1";
        assert!(refusals(config("production", VAULT, LOCAL, TLS, slow)).is_empty());
    }

    #[test]
    fn aut_7_hipaa_refuses_personal_data_without_a_second_factor() {
        let text = |strong: bool, named: &str| {
            format!(
                "version = 1\nprofile = \"hipaa\"\n[database]\nurl = \"postgres://bearingwall_app@db.example.org/bearingwall\"\n\
                 regions = [\"us-east\"]\n[tenancy]\nenter_key = \"{VAULT}enter-key-1\"\nenter_kid = 1\n[keys]\nkek = \"{VAULT}kek\"\n\
                 [authn]\nstrong_for_phi = {strong}\n[[issuers]]\n{SHORT}\naudience = \"bearingwall\"\n{named}\n"
            )
        };
        assert!(refusals(Config::parse(&text(true, "strong_amr = [\"otp\"]"))).is_empty());
        assert_eq!(refusals(Config::parse(&text(false, "strong_acr = [\"mfa\"]"))).len(), 1);
        // What nobody could satisfy is refused in every profile.
        assert_eq!(refusals(Config::parse(&text(true, ""))).len(), 1);
    }

    #[test]
    fn aut_5_a_session_without_tls_or_with_long_rests_is_refused() {
        let login = |origin: &str, idle_s: u32| {
            format!(
                "[login]\nissuer = \"https://id.example.org\"\nclient_id = \"console\"\nclient_secret = \"{VAULT}client\"\n\
                 seal_key = \"{VAULT}session\"\norigin = \"{origin}\"\nidle_s = {idle_s}\n"
            )
        };
        let parsed = |profile: &str, origin: &str, idle_s: u32| {
            refusals(config(profile, VAULT, LOCAL, SHORT, &login(origin, idle_s))).len()
        };
        assert_eq!(parsed("hipaa", "https://app.example.org", 900), 0);
        assert_eq!(parsed("hipaa", "https://app.example.org", 901), 1);
        assert_eq!(parsed("production", "https://app.example.org", 901), 0);
        assert_eq!(parsed("production", "http://127.0.0.1:8080", 900), 1);
        for no_origin in [
            "https://app.example.org/",
            "app.example.org",
            "https://app.example.org/app",
            "ftp://a",
        ] {
            assert_eq!(parsed("development", no_origin, 900), 1, "{no_origin}");
        }
        assert_eq!(parsed("development", "https://app.example.org", 36_001), 1);
    }

    #[test]
    fn hipaa_refuses_long_tokens_and_an_old_database() {
        assert!(refusals(config("hipaa", VAULT, LOCAL, SHORT, "")).is_empty());
        for issuer in [TLS, "issuer = \"https://id.example.org\"\nmax_lifetime_s = 901"] {
            assert_eq!(refusals(config("hipaa", VAULT, LOCAL, issuer, "")).len(), 1);
        }
        assert_eq!(
            refusals(config("hipaa", VAULT, LOCAL, SHORT, "accept_version = \"15.18\"")).len(),
            1
        );
    }
}
