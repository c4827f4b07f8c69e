//! What the demo says when everything is up: addresses, tokens, what to try, and a file for the shell.

use crate::console::Console;
use crate::identity::Tokens;
use crate::place::{Place, write_private};
use crate::sample::Spa;
use std::fmt::Write as _;
use uuid::Uuid;

/// What is up.
pub(crate) struct Announcement<'a> {
    pub(crate) url: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) spas: Vec<(&'a Spa, Tokens, Uuid)>,
    pub(crate) platform: String,
    pub(crate) database: String,
}

impl Announcement<'_> {
    /// Writes the shell's file and prints the rest.
    pub(crate) fn make(&self, place: &Place, console: &Console) -> anyhow::Result<()> {
        let file = place.environment();
        write_private(&file, &self.environment())?;
        console.line("");
        for (name, value) in [
            ("API", self.url.to_owned()),
            ("OpenAPI document", format!("{}/openapi.json", self.url)),
            ("readiness", format!("{}/readyz", self.url)),
            ("issuer", format!("{}/.well-known/openid-configuration", self.issuer)),
            ("database", self.database.clone()),
            ("checkpoints", place.checkpoints().display().to_string()),
            ("secrets", place.secrets().display().to_string()),
            ("server's log", place.log().display().to_string()),
            ("server's configuration", place.config().display().to_string()),
        ] {
            console.line(&format!("{name:24}{value}"));
        }
        console.line("\nTokens, good for twelve hours or until the demo stops:");
        for (name, meaning, token) in self.tokens() {
            console.line(&format!("\n{name}  ({meaning})\n{token}"));
        }
        console.line("\nTry, in another terminal:\n");
        console.line(&format!("  . {}", shell_quoted(&file.display().to_string())));
        for line in TRY {
            console.line(&format!("  {line}"));
        }
        console.line("\nCtrl-C stops everything; the data stays for the next start (--fresh forgets it).");
        Ok(())
    }

    fn tokens(&self) -> Vec<(String, String, &str)> {
        let mut tokens = Vec::new();
        for (spa, people, _) in &self.spas {
            let prefix = spa.slug.to_uppercase();
            let name = &spa.name;
            tokens.push((
                format!("{prefix}_READER"),
                format!("{name}: authenticated, reads"),
                people.reader.as_str(),
            ));
            tokens.push((
                format!("{prefix}_WRITER"),
                format!("{name}: customer_admin, writes"),
                people.writer.as_str(),
            ));
            let both = format!("{name}: authenticated and customer_admin");
            tokens.push((format!("{prefix}_ADMIN"), both, people.admin.as_str()));
        }
        let staff = "internal_admin, sees no tenant's data".to_owned();
        tokens.push(("PLATFORM_ADMIN".to_owned(), staff, self.platform.as_str()));
        tokens
    }

    fn environment(&self) -> String {
        let mut text = String::from(
            "# Tokens of the demo. Not exported on purpose: a server refuses an environment that holds a token.\n",
        );
        let _ = writeln!(text, "BEARINGWALL_URL={}", shell_quoted(self.url));
        for (spa, _, client) in &self.spas {
            let _ = writeln!(text, "{}_CLIENT={client}", spa.slug.to_uppercase());
        }
        for (name, _, token) in self.tokens() {
            let _ = writeln!(text, "{name}={}", shell_quoted(token));
        }
        text
    }
}

const TRY: [&str; 6] = [
    r#"curl -H "Authorization: Bearer $JUNIPER_READER" "$BEARINGWALL_URL/v1/me""#,
    r#"curl -H "Authorization: Bearer $JUNIPER_READER" "$BEARINGWALL_URL/v1/clients?limit=2""#,
    r#"curl -H "Authorization: Bearer $JUNIPER_READER" "$BEARINGWALL_URL/v1/clients/$JUNIPER_CLIENT/chart-notes""#,
    r#"curl -H "Authorization: Bearer $JUNIPER_READER" -H "Content-Type: application/json" -d '{"name_prefix":"garcia"}' "$BEARINGWALL_URL/v1/clients:search""#,
    r#"curl -i -H "Authorization: Bearer $SALTMARSH_READER" "$BEARINGWALL_URL/v1/clients/$JUNIPER_CLIENT"   # 404"#,
    r#"curl -H "Authorization: Bearer $JUNIPER_READER" "$BEARINGWALL_URL/v1/clients/$JUNIPER_CLIENT/access-log""#,
];

fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_for_the_shell_holds_assignments_and_exports_nothing() {
        let [spa, _] = crate::sample::spas().unwrap();
        let tokens = Tokens {
            reader: "r".to_owned(),
            writer: "w".to_owned(),
            admin: "a'b".to_owned(),
        };
        let announcement = Announcement {
            url: "http://127.0.0.1:8080",
            issuer: "http://127.0.0.1:9",
            spas: vec![(&spa, tokens, Uuid::nil())],
            platform: "p".to_owned(),
            database: String::new(),
        };
        let text = announcement.environment();
        assert!(
            text.contains("JUNIPER_ADMIN='a'\\''b'\n") && text.contains("BEARINGWALL_URL='http://127.0.0.1:8080'\n")
        );
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.contains('=') && !line.starts_with("export"), "{line}");
        }
    }
}
