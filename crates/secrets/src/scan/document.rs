//! The scan of a configuration document: names, shapes, entropy, and what comments hold.

use super::{CredentialKind, Finding, Place, is_placeholder, is_reference, named, shape, upper_snake};
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Scans a TOML document.
///
/// A document that does not parse is scanned line by line, for known shapes.
#[must_use]
pub fn scan_document(text: &str) -> Vec<Finding> {
    let mut scan = Scan {
        text,
        findings: BTreeSet::new(),
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    scan.table("", document.get_ref());
    for (index, line) in text.lines().enumerate() {
        // Comments are no settings, but a key that was commented out is still a key.
        let part = if errors.is_empty() {
            line.split_once('#').map(|(_, comment)| comment)
        } else {
            Some(line)
        };
        if let Some(kind) = part.and_then(shape::find) {
            scan.line(index + 1, kind);
        }
    }
    scan.findings.into_iter().collect()
}

struct Scan<'a> {
    text: &'a str,
    findings: BTreeSet<Finding>,
}

impl Scan<'_> {
    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            let path = if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            };
            self.value(&path, key, value);
        }
    }

    fn value(&mut self, path: &str, key: &str, value: &Spanned<DeValue<'_>>) {
        let kind = match value.get_ref() {
            DeValue::String(text) => judge(key, text),
            // A numeric password is a password.
            DeValue::Integer(number) => named(key, number.as_str()),
            DeValue::Table(table) => return self.table(path, table),
            DeValue::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.value(&format!("{path}[{index}]"), key, value);
                }
                return;
            }
            DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => None,
        };
        if let Some(kind) = kind {
            let line = self.line_at(value.span().start);
            self.findings.insert(Finding {
                place: Place::Setting {
                    path: path.to_owned(),
                    line,
                },
                kind,
            });
        }
    }

    /// Adds a line's finding, unless a setting on that line was already named with it.
    fn line(&mut self, line: usize, kind: CredentialKind) {
        let known = self.findings.iter().any(|finding| match &finding.place {
            Place::Setting { line: named, .. } => *named == line,
            _ => false,
        });
        if !known {
            self.findings.insert(Finding {
                place: Place::Line { line },
                kind,
            });
        }
    }

    fn line_at(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }
}

fn judge(key: &str, text: &str) -> Option<CredentialKind> {
    if is_reference(text) || is_placeholder(text) {
        return None;
    }
    shape::find(text).or_else(|| named(key, text)).or_else(|| {
        let random = !names_something_public(key) && text.split([' ', ',', ';', '\n', '\t']).any(is_random);
        random.then_some(CredentialKind::HighEntropy)
    })
}

/// Digests, fingerprints and public keys look as random as secrets and are none.
fn names_something_public(key: &str) -> bool {
    let key = upper_snake(key);
    [
        "SHA256",
        "SHA512",
        "DIGEST",
        "HASH",
        "FINGERPRINT",
        "THUMBPRINT",
        "PUBLIC",
        "CERTIFICATE",
        "KID",
    ]
    .iter()
    .any(|word| key.split('_').any(|part| part == *word))
}

/// Whether a word is as random as a key: hexadecimal of 16 bytes or more, or base64 of 15 bytes or more.
///
/// Entropy alone does not tell a key from a CamelCase name of the same length; how often letters change their case
/// does: more than 4 of 10 neighbours in random base64, about 3 of 10 in names.
/// Of random base64, 93 of 100 words of 20 characters are found and 97 of 100 of 32 (test
/// `sec_1_random_values_are_found_and_names_are_not`).
/// UUIDs, paths, host names and other dotted names are left out by their form.
fn is_random(word: &str) -> bool {
    let word = word.trim_matches(['"', '\'', '`']);
    let only = |allowed: fn(&u8) -> bool| word.as_bytes().iter().all(allowed);
    if only(u8::is_ascii_hexdigit) {
        return word.len() >= 32 && bits_per_character(word) > 3.0;
    }
    let alphabet = only(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-'));
    if word.len() < 20 || !alphabet || word.starts_with('/') || is_uuid(word) || bits_per_character(word) <= 3.5 {
        return false;
    }
    let count = |of: fn(&u8) -> bool| word.as_bytes().iter().filter(|byte| of(byte)).count();
    let digits = count(u8::is_ascii_digit);
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    if upper >= 2 && lower >= 2 && digits >= 1 {
        return changes(word) * 10 > (word.len() - 1) * 4;
    }
    // One case only: random letters and digits without separators; words with hyphens are names.
    let separated = word.contains(['-', '_', '/']);
    !separated && digits >= 3 && word.len() >= 24
}

/// How many neighbours are of different classes: upper case, lower case, digit, mark.
fn changes(word: &str) -> usize {
    let class = |byte: u8| match byte {
        b'A'..=b'Z' => 0,
        b'a'..=b'z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    word.bytes()
        .zip(word.bytes().skip(1))
        .filter(|(one, next)| class(*one) != class(*next))
        .count()
}

fn is_uuid(word: &str) -> bool {
    uuid::Uuid::try_parse(word).is_ok()
}

/// Shannon entropy of the word's own characters.
fn bits_per_character(word: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in word.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(word.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD;

    /// The share of random base64 words of `length` characters that are found, in percent.
    fn found_percent(length: usize) -> usize {
        let samples = 2000;
        let found = (0..samples).filter(|_| {
            let mut bytes = [0; 64];
            getrandom::fill(&mut bytes).unwrap();
            is_random(STANDARD_NO_PAD.encode(bytes).get(..length).unwrap())
        });
        found.count() * 100 / samples
    }

    #[test]
    fn sec_1_random_values_are_found_and_names_are_not() {
        assert!(found_percent(20) >= 90);
        assert!(found_percent(32) >= 95);
        assert!(found_percent(44) >= 97);
        for name in [
            "BearingwallProductionServer1",
            "MyCompanyDataWarehouseCluster01",
            "SpaCustomerIdentityProvider9xyz",
            "AmazonSSMManagedInstanceCore2",
            "EC2InstanceProfileForImageBuilder",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "bearingwall-server-us-east-1-blue-20261123",
            "0190d6f0-0000-7000-8000-000000000001",
            "/var/lib/Bearingwall/2026/Aa1Bb2Cc3Dd4",
        ] {
            assert!(!is_random(name), "{name}");
        }
    }
}
