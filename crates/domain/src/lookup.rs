//! Blind indexes: what people type is normalised, and only keyed digests of it are stored and compared.
#![expect(
    clippy::disallowed_methods,
    reason = "a value is normalised here to become a keyed digest"
)]

use crate::client::{ClientInput, ClientQuery};
use crate::error::Invalid;
use crate::fingerprint::Fingerprint;
use bearingwall_core::{DirectoryNames, Phi};
use bearingwall_secrets::IndexKey;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name is found by its first 2 to 12 letters; what is typed beyond that is not compared.
const PREFIX_MIN: usize = 2;
const PREFIX_MAX: usize = 12;
/// With both names, the second is compared by its first 8 letters at the most.
const SECOND_MAX: usize = 8;
const QUERY_WORDS_MAX: usize = 8;
const QUERY_CHARS_MAX: usize = 254;
/// Half of an HMAC-SHA256: 128 bits do not collide within a tenant.
const DIGEST_BYTES: usize = 16;

/// What a digest was made of. The numbers stand in `crm.client_digests.kind` and `crm.staff_digests.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Name = 1,
    Phone = 2,
    Email = 3,
    /// A family name, whole: for comparing, not for looking up.
    FamilyName = 4,
    /// First and family name, whole.
    FullName = 5,
}

impl Kind {
    pub(crate) const fn number(self) -> i16 {
        self as i16
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::FamilyName => "family-name",
            Self::FullName => "full-name",
        }
    }
}

/// What a look-up asks the database for: any of these digests of this kind.
pub(crate) struct Needle {
    pub(crate) kind: Kind,
    pub(crate) digests: Vec<Vec<u8>>,
    /// What the record keeps of the question: the words as they were typed.
    pub(crate) asked: Fingerprint,
}

/// The tenant's key for blind indexes.
pub(crate) struct LookupKey<'a> {
    key: &'a IndexKey,
}

impl<'a> LookupKey<'a> {
    pub(crate) const fn new(key: &'a IndexKey) -> Self {
        Self { key }
    }

    /// The digests under which a client is found, and those with which staff are compared: 42 at the most.
    pub(crate) fn digests(&self, client: &ClientInput) -> BTreeSet<(i16, Vec<u8>)> {
        let (first, last) = (fold(client.first_name.disclose()), fold(client.last_name.disclose()));
        let mut found: BTreeSet<_> = name_keys(&first, &last)
            .iter()
            .map(|name| self.entry(Kind::Name, name))
            .collect();
        found.extend(self.whole(&first, &last));
        found.extend(
            client
                .phone
                .as_ref()
                .and_then(|text| phone(text.disclose()))
                .map(|n| self.entry(Kind::Phone, &n)),
        );
        found.extend(
            client
                .email
                .as_ref()
                .map(|text| self.entry(Kind::Email, &email(text.disclose()))),
        );
        found
    }

    /// The digests with which clients are compared when somebody of these names has looked at them: 3 at the most.
    // CONTROL: DOM-4
    pub(crate) fn staff(&self, names: &DirectoryNames) -> BTreeSet<(i16, Vec<u8>)> {
        let folded = |name: Option<&Phi<String>>| name.map(|text| fold(text.disclose())).unwrap_or_default();
        let mut found: BTreeSet<_> = self
            .whole(&folded(names.given.as_ref()), &folded(names.family.as_ref()))
            .collect();
        let address = names.email.as_ref();
        found.extend(address.map(|text| self.entry(Kind::Email, &email(text.disclose()))));
        found
    }

    /// What a number that sends text messages is known by where its own word about them is kept. A short code is no telephone
    /// number, and its own spelling.
    pub(crate) fn sms_number(&self, text: &Phi<String>) -> Fingerprint {
        let number = phone(text.disclose()).unwrap_or_else(|| text.disclose().trim().to_owned());
        self.key.digest("sms-number", number.as_bytes())
    }

    /// The digest under which clients of a number are found.
    pub(crate) fn phone_digest(&self, text: &Phi<String>) -> Option<(i16, Vec<u8>)> {
        phone(text.disclose()).map(|number| self.entry(Kind::Phone, &number))
    }

    /// A family name, and the same with the first name, as far as they have letters.
    fn whole(&self, first: &str, last: &str) -> impl Iterator<Item = (i16, Vec<u8>)> {
        let family = (!last.is_empty()).then(|| self.entry(Kind::FamilyName, last));
        // What stands between them is no letter, so that no two pairs of names are one text.
        let full =
            (!first.is_empty() && !last.is_empty()).then(|| self.entry(Kind::FullName, &format!("{first} {last}")));
        family.into_iter().chain(full)
    }

    /// The digests that a query is compared with.
    pub(crate) fn needle(&self, query: &ClientQuery) -> Result<Needle, Invalid> {
        let (kind, values) = match query {
            ClientQuery::Name(text) => (Kind::Name, name_query(bounded(text.disclose(), "name")?)?),
            ClientQuery::Phone(text) => {
                let number = phone(bounded(text.disclose(), "phone")?);
                (
                    Kind::Phone,
                    vec![number.ok_or(Invalid {
                        field: "phone",
                        reason: PHONE_REASON,
                    })?],
                )
            }
            ClientQuery::Email(text) => (Kind::Email, vec![email(bounded(text.disclose(), "email")?)]),
        };
        let digests = values.iter().map(|value| self.digest(kind, value)).collect();
        Ok(Needle {
            kind,
            digests,
            asked: self.asked(query),
        })
    }

    fn asked(&self, query: &ClientQuery) -> Fingerprint {
        let (kind, text) = match query {
            ClientQuery::Name(text) => ("audit-query-name", text),
            ClientQuery::Phone(text) => ("audit-query-phone", text),
            ClientQuery::Email(text) => ("audit-query-email", text),
        };
        self.key.digest(kind, text.disclose().as_bytes())
    }

    fn entry(&self, kind: Kind, value: &str) -> (i16, Vec<u8>) {
        (kind.number(), self.digest(kind, value))
    }

    fn digest(&self, kind: Kind, value: &str) -> Vec<u8> {
        let mut digest = self.key.digest(kind.label(), value.as_bytes()).to_vec();
        digest.truncate(DIGEST_BYTES);
        digest
    }
}

pub(crate) const PHONE_REASON: &str = "phone is not a telephone number of 7 to 15 digits";

fn bounded<'a>(text: &'a str, field: &'static str) -> Result<&'a str, Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid {
            field,
            reason: "the look-up is empty",
        });
    }
    if text.chars().count() > QUERY_CHARS_MAX {
        return Err(Invalid {
            field,
            reason: "the look-up is longer than 254 characters",
        });
    }
    Ok(text)
}

/// Every text under which a name is found.
fn name_keys(first: &str, last: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for name in [first, last] {
        keys.extend((PREFIX_MIN..=PREFIX_MAX.min(name.chars().count())).map(|length| prefix(name, length)));
    }
    for (one, other) in [(first, last), (last, first)] {
        if !one.is_empty() {
            keys.extend((1..=SECOND_MAX.min(other.chars().count())).map(|length| pair(one, other, length)));
        }
    }
    keys
}

/// The texts that a typed name may mean: one name by its beginning, or one whole and the beginning of the other,
/// wherever the words are cut (`de la cruz maria`).
fn name_query(text: &str) -> Result<Vec<String>, Invalid> {
    let invalid = |reason| Invalid { field: "name", reason };
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(fold)
        .filter(|word| !word.is_empty())
        .collect();
    if words.len() > QUERY_WORDS_MAX {
        return Err(invalid("name has too many words"));
    }
    let joined = words.concat();
    if joined.chars().count() < PREFIX_MIN {
        return Err(invalid("name needs at least 2 letters"));
    }
    let mut meant = vec![prefix(&joined, PREFIX_MAX)];
    for cut in 1..words.len() {
        let (one, other) = words.split_at(cut);
        meant.push(pair(&one.concat(), &other.concat(), SECOND_MAX));
    }
    Ok(meant)
}

fn prefix(name: &str, length: usize) -> String {
    name.chars().take(length).collect()
}

fn pair(whole: &str, begun: &str, length: usize) -> String {
    format!("{} {}", prefix(whole, PREFIX_MAX), prefix(begun, length))
}

/// Lower case, without accents, letters only: `O'Brien-Müller` and `obrien muller` are found by each other.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase).nfkd() {
        match c {
            // The accents that compatibility decomposition splits off; vowel signs of other scripts stay.
            '\u{300}'..='\u{36f}' => {}
            // Latin letters that have no decomposition.
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ŋ' => folded.push('n'),
            'ŧ' => folded.push('t'),
            c if c.is_alphabetic() || is_combining_mark(c) => folded.push(c),
            _ => {}
        }
    }
    folded
}

/// E.164 as far as it can be told: a number of ten digits is North American, an extension is dropped.
pub(crate) fn phone(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let number = lower.split(['x', 'e', '#', ';']).next().unwrap_or_default();
    if number
        .chars()
        .any(|c| !c.is_ascii_digit() && !" +-.()/\u{a0}".contains(c))
    {
        return None;
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let international = number.trim_start().starts_with('+');
    let digits = match digits.strip_prefix("00") {
        Some(rest) if !international => rest.to_owned(),
        None if !international && digits.len() == 10 => format!("1{digits}"),
        _ => digits,
    };
    (7..=15).contains(&digits.len()).then(|| format!("+{digits}"))
}

/// Mail addresses are compared without regard to case, as every provider does.
fn email(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_secrets::DataKey;

    fn key() -> LookupKey<'static> {
        of(5)
    }

    fn of(byte: u8) -> LookupKey<'static> {
        let key = DataKey::from_bytes(&[byte; 32]).unwrap().index_key("test");
        LookupKey::new(Box::leak(Box::new(key)))
    }

    fn client(first: &str, last: &str) -> ClientInput {
        ClientInput::new(
            Phi::new(first.to_owned()),
            Phi::new(last.to_owned()),
            Phi::new("1980-01-01".to_owned()),
        )
    }

    fn finds(query: &str, first: &str, last: &str) -> bool {
        let needle = key().needle(&ClientQuery::Name(Phi::new(query.to_owned()))).unwrap();
        let stored = key().digests(&client(first, last));
        needle
            .digests
            .into_iter()
            .any(|digest| stored.contains(&(Kind::Name.number(), digest)))
    }

    #[test]
    fn names_fold_to_plain_letters() {
        for (text, folded) in [
            ("O'Brien", "obrien"),
            ("Müller-Lüdenscheidt", "mullerludenscheidt"),
            ("Mu\u{308}ller", "muller"),
            ("Straße", "strasse"),
            ("ŁUKASZ", "lukasz"),
            ("Søren Ærø", "sorenaero"),
            ("Nguyễn", "nguyen"),
            ("İpek", "ipek"),
            ("ﬁona", "fiona"),
            ("Иванов", "иванов"),
            ("123", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn a_name_is_found_by_any_beginning_in_either_order() {
        for query in [
            "ha",
            "HAMIL",
            "hamilton",
            "be",
            "Benjamin",
            "hamilton, ben",
            "benjamin h",
            "Benjamin Hamilton",
        ] {
            assert!(finds(query, "Benjamin", "Hamilton"), "{query}");
        }
        for query in ["am", "ham ben", "hamiltons", "benjamin x", "hamilton benjb"] {
            assert!(!finds(query, "Benjamin", "Hamilton"), "{query}");
        }
    }

    #[test]
    fn names_of_several_words_are_found_as_people_type_them() {
        for query in [
            "de la cruz",
            "delacruz",
            "maria jose de",
            "de la cruz maria",
            "maría josé de la cruz",
            "mariajose",
        ] {
            assert!(finds(query, "María José", "de la Cruz"), "{query}");
        }
        for query in ["Wolfeschlegelstein", "wolfeschlegelstein ann", "ann wolfeschleg"] {
            assert!(finds(query, "Ann", "Wolfeschlegelstein"), "{query}");
        }
    }

    #[test]
    fn digests_are_bounded_short_and_differ_between_tenants() {
        let mut longest = client("Maximilianalexander", "Featherstonehaugh");
        longest.phone = Some(Phi::new("+1 415 555 0119".to_owned()));
        longest.email = Some(Phi::new("m@example.org".to_owned()));
        let digests = key().digests(&longest);
        assert_eq!(digests.len(), 42);
        assert!(digests.iter().all(|(_, digest)| digest.len() == DIGEST_BYTES));
        let other = of(6);
        assert!(other.digests(&longest).is_disjoint(&digests));
    }

    #[test]
    fn dom_4_staff_and_clients_meet_in_whole_names_and_addresses_only() {
        let names = |given: &str, family: &str, email: &str| {
            let name = |text: &str| (!text.is_empty()).then(|| Phi::new(text.to_owned()));
            DirectoryNames {
                given: name(given),
                family: name(family),
                email: name(email),
            }
        };
        let mut client = client("María José", "de la Cruz");
        client.email = Some(Phi::new("Maria@example.org".to_owned()));
        let stored = key().digests(&client);
        let shared = |names: &DirectoryNames| -> Vec<i16> {
            let staff = key().staff(names);
            staff.intersection(&stored).map(|(kind, _)| *kind).collect()
        };
        let (email, family, full) = (Kind::Email.number(), Kind::FamilyName.number(), Kind::FullName.number());
        assert_eq!(
            shared(&names("MARIA JOSE", "DeLaCruz", " maria@EXAMPLE.org")),
            [email, family, full]
        );
        assert_eq!(shared(&names("Ana", "De La Cruz", "")), [family]);
        assert_eq!(shared(&names("", "de la Cruz", "")), [family]);
        assert!(shared(&names("María", "José de la Cruz", "")).is_empty());
        assert!(shared(&names("María José", "", "maria@example.net")).is_empty());
        // The beginning of a name is another kind of digest, though the text may be the same.
        assert!(shared(&names("", "delac", "")).is_empty());
        assert!(key().staff(&names("1", "2", "")).is_empty());
        let other = of(6);
        let same = names("María José", "de la Cruz", "maria@example.org");
        assert!(other.staff(&same).is_disjoint(&stored));
    }

    #[test]
    fn a_look_up_needs_two_letters() {
        for query in ["a", "", "  ", "7", "é.", &"x ".repeat(9)] {
            assert!(
                key().needle(&ClientQuery::Name(Phi::new(query.to_owned()))).is_err(),
                "{query}"
            );
        }
        assert!(key().needle(&ClientQuery::Name(Phi::new("x".repeat(255)))).is_err());
    }

    #[test]
    fn one_number_has_one_spelling() {
        for text in [
            "(415) 555-0119",
            "415.555.0119",
            "+1 415 555 0119",
            "1-415-555-0119",
            "415 555 0119 ext. 7",
            "00 1 415 5550119",
        ] {
            assert_eq!(phone(text).as_deref(), Some("+14155550119"), "{text}");
        }
        assert_eq!(phone("+44 20 7946 0018").as_deref(), Some("+442079460018"));
        assert_eq!(phone("0044 20 7946 0018").as_deref(), Some("+442079460018"));
        assert_eq!(phone("+49 30 901820").as_deref(), Some("+4930901820"));
        for text in ["555", "call me", "1234567890123456", "415-555-O119", ""] {
            assert_eq!(phone(text), None, "{text}");
        }
    }
}
