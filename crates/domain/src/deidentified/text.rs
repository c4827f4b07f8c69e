//! Free texts: masked, and looked at once more for what the record itself says about the client.
#![expect(
    clippy::disallowed_methods,
    reason = "a text is read here to be masked, and a client's own values to be looked for in it"
)]

use crate::client::ClientInput;
use crate::deidentified::DeidentifiedText;
use crate::error::DomainError;
use bearingwall_core::Phi;
use bearingwall_pii::error::MaskError;
use bearingwall_pii::{Conversation, Floor, Masker, Policy, PolicyDraft, TenantKey};
use std::collections::HashSet;
use uuid::Uuid;

/// The longest value that the engine takes as known, in bytes.
const LONGEST_KNOWN: usize = 128;

/// The least digits of a number that is looked for without its punctuation.
const LEAST_DIGITS: usize = 7;

/// What masks the free texts of one client.
pub(super) struct Texts {
    masker: Masker,
    conversation: Conversation,
    known: Known,
}

/// What the record says about a client, in the form in which it is looked for.
#[derive(Default)]
struct Known {
    words: HashSet<String>,
    phrases: Vec<String>,
    numbers: Vec<String>,
}

impl Texts {
    pub(super) fn of(client: &ClientInput, this_year: u16, floor: &Floor) -> Result<Self, DomainError> {
        let draft = PolicyDraft {
            deny: denied(client),
            ..PolicyDraft::safe_harbor()
        };
        let policy = Policy::compile(&draft, floor).map_err(|error| DomainError::Deidentify(error.into()))?;
        // Nothing in the policy is keyed: what goes leaves nothing that a key could turn back.
        let (tenant, key) = ("deidentified", [0; 32]);
        Ok(Self {
            masker: Masker::new(policy, TenantKey::new(tenant, key), this_year, Vec::new()).map_err(refused)?,
            conversation: Conversation::new(tenant, &Uuid::nil().to_string(), key),
            known: Known::of(client),
        })
    }

    // CONTROL: DOM-5
    pub(super) fn mask(&mut self, text: &Phi<String>) -> Result<DeidentifiedText, DomainError> {
        let masked = self
            .masker
            .mask(text.disclose(), &mut self.conversation, None)
            .map_err(refused)?
            .text;
        Ok(if self.known.is_left_in(masked.as_str()) {
            DeidentifiedText::Withheld
        } else {
            DeidentifiedText::Masked(masked)
        })
    }
}

fn refused(error: MaskError) -> DomainError {
    DomainError::Deidentify(error.into())
}

/// The texts of a client that identify the person.
fn identifying(client: &ClientInput) -> impl Iterator<Item = (&'static str, &str)> {
    let address = &client.address;
    let labels = client.labels.disclose().values().filter(|value| is_code(value));
    [
        ("PERSON", Some(&client.first_name)),
        ("PERSON", Some(&client.last_name)),
        ("PHONE", client.phone.as_ref()),
        ("EMAIL", client.email.as_ref()),
        ("LOCATION", address.street.as_ref()),
        ("LOCATION", address.city.as_ref()),
        ("ID_OTHER", client.external_id.as_ref()),
        ("DATE_TIME", Some(&client.date_of_birth)),
    ]
    .into_iter()
    .filter_map(|(kind, text)| Some((kind, text?.disclose().as_str())))
    .chain(labels.map(|value| ("ID_OTHER", value.as_str())))
}

/// Whether what another system says may tell who somebody is: a number, a code or more than a word, but no `gold`.
fn is_code(value: &str) -> bool {
    value.contains(|ch: char| ch.is_numeric()) || words(value).nth(1).is_some()
}

/// What the engine finds as the client's own, whatever it looks like.
fn denied(client: &ClientInput) -> Vec<(String, String)> {
    let mut denied = Vec::new();
    for (kind, text) in identifying(client).filter(|(kind, _)| *kind != "DATE_TIME") {
        let parts: Vec<&str> = match kind {
            "PERSON" => words(text).filter(|word| is_name(word)).collect(),
            _ => vec![text],
        };
        for part in parts {
            if part.len() <= LONGEST_KNOWN && part.contains(char::is_alphanumeric) {
                denied.push((part.to_owned(), kind.to_owned()));
            }
        }
    }
    denied
}

/// Of a name, what is more than an initial.
fn is_name(word: &str) -> bool {
    word.chars().count() > 1
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|ch: char| !ch.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

fn folded(text: &str) -> String {
    text.chars()
        .filter(|ch| ch.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

impl Known {
    fn of(client: &ClientInput) -> Self {
        let mut known = Self::default();
        for (kind, text) in identifying(client) {
            match kind {
                "PERSON" => known.words.extend(words(text).filter(|word| is_name(word)).map(folded)),
                "PHONE" => known.numbers.extend(Some(digits(text))),
                // One word of a town's name, or of a street's, is a word like any other.
                _ => known.phrases.extend(Some(folded(text))),
            }
        }
        known.numbers.retain(|number| number.len() >= LEAST_DIGITS);
        known.phrases.retain(|phrase| phrase.chars().count() > 2);
        known
    }

    /// Whether a text still says something of it.
    // CONTROL: DOM-5
    fn is_left_in(&self, text: &str) -> bool {
        let whole = Folded::of(text);
        words(text).any(|word| self.words.contains(&folded(word)))
            || self.phrases.iter().any(|phrase| whole.has(phrase))
            || {
                let digits = digits(text);
                self.numbers.iter().any(|number| digits.contains(number.as_str()))
            }
    }
}

/// A text without case and punctuation, with the places at which its words begin and end.
struct Folded {
    text: String,
    edges: HashSet<usize>,
}

impl Folded {
    fn of(text: &str) -> Self {
        let mut whole = Self {
            text: String::with_capacity(text.len()),
            edges: HashSet::from([0]),
        };
        for word in words(text) {
            whole.text.push_str(&folded(word));
            whole.edges.insert(whole.text.len());
        }
        whole
    }

    /// Whether a phrase stands there as whole words.
    fn has(&self, phrase: &str) -> bool {
        self.text
            .match_indices(phrase)
            .any(|(start, found)| self.edges.contains(&start) && self.edges.contains(&(start + found.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_pii::{Action, Entity};

    fn client() -> ClientInput {
        let text = |text: &str| Phi::new(text.to_owned());
        let mut client = ClientInput::new(text("Zoë"), text("O'Brien-Ng"), text("1980-01-31"));
        client.phone = Some(text("(415) 555-0119"));
        client.email = Some(text("zoe.ob@example.net"));
        client.address.street = Some(text("609 Stacey Roads"));
        client.address.city = Some(text("May"));
        client.external_id = Some(text("C-0007"));
        let labels = [("member", "gold"), ("canary", "CANARY-7F"), ("emergency", "Jo March")];
        client.labels = Phi::new(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        client
    }

    #[test]
    fn dom_5_what_the_record_says_of_the_client_is_seen_in_any_spelling() {
        let known = Known::of(&client());
        for left in [
            "zoë came",
            "Mrs BRIEN came",
            "call 415.555.0119",
            "ZOE.OB @ example.net",
            "609, stacey roads",
            "in May,",
            "id c0007",
            "born 1980 01 31",
            "see canary 7f",
            "ask jo march",
        ] {
            assert!(known.is_left_in(left), "{left}");
        }
        for nothing in [
            "zoes came",
            "o came",
            "maybe 55501",
            "1980",
            "xc0007",
            "a gold member",
            "march",
            "",
        ] {
            assert!(!known.is_left_in(nothing), "{nothing}");
        }
    }

    #[test]
    fn dom_5_a_text_that_would_keep_something_of_the_client_is_withheld() {
        let client = client();
        let mut texts = Texts::of(&client, 2026, &Floor::platform_least()).unwrap();
        // Nothing but the record says that this is a town.
        let hidden = Phi::new("she likes may best: 13 units.".to_owned());
        let DeidentifiedText::Masked(masked) = texts.mask(&hidden).unwrap() else {
            panic!("withheld");
        };
        assert_eq!(masked.as_str(), "she likes [LOCATION] best: 13 units.");
        // As if the engine had missed it: without the list of the client's own.
        let policy = Policy::compile(&PolicyDraft::safe_harbor(), &Floor::platform_least()).unwrap();
        texts.masker = Masker::new(policy, TenantKey::new("deidentified", [0; 32]), 2026, Vec::new()).unwrap();
        assert_eq!(texts.mask(&hidden).unwrap(), DeidentifiedText::Withheld);
    }

    #[test]
    fn dom_5_the_export_is_held_to_the_floor_that_masking_is_held_to() {
        let text = Phi::new("Mr Parkinson has asthma.".to_owned());
        let told = |floor: &Floor| match Texts::of(&client(), 2026, floor).unwrap().mask(&text).unwrap() {
            DeidentifiedText::Masked(masked) => masked.as_str().contains("asthma"),
            DeidentifiedText::Withheld => panic!("withheld"),
        };
        let mut floor = Floor::platform_least();
        assert!(told(&floor));
        floor.raise(Entity::HealthData, Action::Redact);
        assert!(!told(&floor));
    }
}
