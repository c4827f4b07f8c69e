//! The rules for a client; what passed them is a type of its own, and the only thing that is stored.
#![expect(
    clippy::disallowed_methods,
    reason = "a value is looked at to be checked, on its way to being encrypted"
)]

use crate::client::{Address, ClientInput};
use crate::error::Invalid;
use crate::lookup::{PHONE_REASON, phone};
use crate::text::{Rule, calendar_date, rule};
use bearingwall_core::Phi;
use std::collections::BTreeMap;
use time::Date;

const EXTERNAL_ID: Rule = rule!("external_id", "external id", 128);
const FIRST_NAME: Rule = rule!("first_name", "first name", 100);
const LAST_NAME: Rule = rule!("last_name", "last name", 100);
const DATE_OF_BIRTH: Rule = rule!("date_of_birth", "date of birth", 10);
const PHONE: Rule = rule!("phone", "phone", 40);
const EMAIL: Rule = rule!("email", "e-mail address", 254);
const STREET: Rule = rule!("street", "street", 200);
const CITY: Rule = rule!("city", "city", 100);
const STATE: Rule = rule!("state", "state", 50);
const POSTAL_CODE: Rule = rule!("postal_code", "postal code", 20);
const ALLERGIES: Rule = rule!("allergies", "allergies", 4000, true);
const CONDITIONS: Rule = rule!("conditions", "conditions", 4000, true);
const LABEL_NAME: Rule = rule!("labels", "a label's name", 64);
const LABEL_VALUE: Rule = rule!("labels", "a label's value", 2000, true);

/// Labels of one client at the most.
pub(crate) const LABELS_MAX: usize = 32;

/// A client that passed the rules.
pub(crate) struct ValidClient(ClientInput);

impl ValidClient {
    pub(crate) fn new(input: &ClientInput, latest_today: Date) -> Result<Self, Invalid> {
        Ok(Self(ClientInput {
            external_id: external_id(input.external_id.as_ref())?,
            first_name: name(&FIRST_NAME, &input.first_name, "first name has no letter")?,
            last_name: name(&LAST_NAME, &input.last_name, "last name has no letter")?,
            date_of_birth: birth(&input.date_of_birth, latest_today)?,
            phone: telephone(input.phone.as_ref())?,
            email: mail(input.email.as_ref())?,
            address: Address {
                street: STREET.optional(input.address.street.as_ref())?,
                city: CITY.optional(input.address.city.as_ref())?,
                state: STATE.optional(input.address.state.as_ref())?,
                postal_code: POSTAL_CODE.optional(input.address.postal_code.as_ref())?,
            },
            allergies: ALLERGIES.optional(input.allergies.as_ref())?,
            conditions: CONDITIONS.optional(input.conditions.as_ref())?,
            marketing_opt_in: input.marketing_opt_in,
            labels: labels(&input.labels)?,
        }))
    }

    pub(crate) const fn as_input(&self) -> &ClientInput {
        &self.0
    }

    /// The same client, who keeps an external id that passed the rules before.
    pub(crate) fn or_external_id(mut self, kept: Option<Phi<String>>) -> Self {
        self.0.external_id = self.0.external_id.or(kept);
        self
    }
}

/// The rule for an external id of a client or a note.
pub(crate) fn external_id(text: Option<&Phi<String>>) -> Result<Option<Phi<String>>, Invalid> {
    EXTERNAL_ID.optional(text)
}

fn name(rule: &Rule, text: &Phi<String>, no_letter: &'static str) -> Result<Phi<String>, Invalid> {
    let name = rule.required(text)?;
    if name.disclose().chars().any(char::is_alphabetic) {
        Ok(name)
    } else {
        Err(rule.broken(no_letter))
    }
}

fn birth(text: &Phi<String>, latest_today: Date) -> Result<Phi<String>, Invalid> {
    let not_a_date = DATE_OF_BIRTH.broken("date of birth is not a calendar date (YYYY-MM-DD)");
    if text.disclose().trim().is_empty() {
        return Err(DATE_OF_BIRTH.broken(DATE_OF_BIRTH.missing));
    }
    let date = calendar_date(text.disclose().trim()).ok_or(not_a_date)?;
    if date > latest_today {
        return Err(DATE_OF_BIRTH.broken("date of birth is in the future"));
    }
    DATE_OF_BIRTH.required(text)
}

fn telephone(text: Option<&Phi<String>>) -> Result<Option<Phi<String>>, Invalid> {
    let number = PHONE.optional(text)?;
    match &number {
        Some(text) if phone(text.disclose()).is_none() => Err(PHONE.broken(PHONE_REASON)),
        _ => Ok(number),
    }
}

/// Enough to tell an address from another field's text; whether mail arrives there is nobody's to know.
fn mail(text: Option<&Phi<String>>) -> Result<Option<Phi<String>>, Invalid> {
    let address = EMAIL.optional(text)?;
    let plausible = |text: &str| {
        text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(char::is_whitespace)
        })
    };
    match &address {
        Some(text) if !plausible(text.disclose()) => Err(EMAIL.broken("e-mail address is malformed")),
        _ => Ok(address),
    }
}

fn labels(labels: &Phi<BTreeMap<String, String>>) -> Result<Phi<BTreeMap<String, String>>, Invalid> {
    let mut kept = BTreeMap::new();
    for (name, value) in labels.disclose() {
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            return Err(LABEL_NAME.broken(LABEL_NAME.missing));
        }
        LABEL_NAME.check(name)?;
        LABEL_VALUE.check(value)?;
        if !value.is_empty() {
            kept.insert(name.to_owned(), value.to_owned());
        }
    }
    if kept.len() > LABELS_MAX {
        return Err(LABEL_NAME.broken("there are more than 32 labels"));
    }
    Ok(Phi::new(kept))
}

/// Whether a column may become a label.
pub(crate) fn label_name(name: &str) -> Result<(), Invalid> {
    if name.is_empty() {
        return Err(LABEL_NAME.broken(LABEL_NAME.missing));
    }
    LABEL_NAME.check(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Month;

    type Change = fn(&mut ClientInput);

    fn phi(text: &str) -> Phi<String> {
        Phi::new(text.to_owned())
    }

    fn check(change: impl FnOnce(&mut ClientInput)) -> Result<ClientInput, Invalid> {
        let mut input = ClientInput::new(phi(" Ada "), phi("Lovelace"), phi("1815-12-10"));
        change(&mut input);
        let today = Date::from_calendar_date(2026, Month::November, 23).unwrap();
        ValidClient::new(&input, today).map(|valid| valid.0)
    }

    #[test]
    fn blank_is_absent_and_texts_are_trimmed() {
        let client = check(|c| {
            c.phone = Some(phi("  "));
            c.address.city = Some(phi(" Bath "));
            c.labels = Phi::new(
                [
                    ("empty".to_owned(), " ".to_owned()),
                    (" a ".to_owned(), "b ".to_owned()),
                ]
                .into(),
            );
        })
        .unwrap();
        assert_eq!(client.first_name, phi("Ada"));
        assert_eq!(client.phone, None);
        assert_eq!(client.address.city, Some(phi("Bath")));
        assert_eq!(client.labels, Phi::new([("a".to_owned(), "b".to_owned())].into()));
    }

    #[test]
    fn every_broken_rule_names_its_field_and_no_value() {
        let broken: [(&str, Change); 12] = [
            ("first_name", |c| c.first_name = phi("  ")),
            ("last_name", |c| c.last_name = phi("12345")),
            ("date_of_birth", |c| c.date_of_birth = phi("2026-02-30")),
            ("date_of_birth", |c| c.date_of_birth = phi("2026-11-24")),
            ("date_of_birth", |c| c.date_of_birth = phi("")),
            ("phone", |c| c.phone = Some(phi("12345"))),
            ("email", |c| c.email = Some(phi("12345"))),
            ("email", |c| c.email = Some(phi("a b@12345"))),
            ("external_id", |c| c.external_id = Some(phi(&"12345".repeat(26)))),
            ("state", |c| c.address.state = Some(phi(&"12345".repeat(11)))),
            ("labels", |c| {
                c.labels = Phi::new([(String::new(), "12345".to_owned())].into())
            }),
            ("labels", |c| {
                c.labels = Phi::new((0..33).map(|n| (n.to_string(), "12345".to_owned())).collect())
            }),
        ];
        for (field, change) in broken {
            let invalid = check(change).unwrap_err();
            assert_eq!(invalid.field, field);
            assert!(!invalid.reason.contains("12345"), "{}", invalid.reason);
        }
    }
}
