//! What 45 CFR 164.514(b)(2)(i) leaves of a value: the year, three digits of a ZIP, and ages up to 89.

use crate::bytes;
use crate::entity::Entity;

/// The oldest age that may stay.
const OLDEST: u64 = 89;

/// The initial three digits of the ZIPs whose area has 20,000 people or fewer (HHS, Guidance Regarding Methods for
/// De-identification, 2012, from the 2000 census): they become 000.
const SPARSE: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878", "879", "884", "890",
    "893",
];

/// What is left of the value; nothing if nothing may be.
pub(super) fn generalise(entity: Entity, value: &str) -> Option<String> {
    match entity {
        Entity::DateTime => year(value),
        Entity::Age => age(value),
        Entity::Location => zip(value),
        _ => None,
    }
}

/// The only number of four digits that can be a year. A date that tells an age over 89 is the caller's to refuse: it
/// needs today.
fn year(value: &str) -> Option<String> {
    let mut years = runs(value).filter(|run| run.len() == 4 && matches!(bytes::number(run.as_bytes()), 1800..=2199));
    let year = years.next()?;
    years.next().is_none().then(|| year.to_owned())
}

fn age(value: &str) -> Option<String> {
    let number = runs(value).next()?;
    Some(if bytes::number(number.as_bytes()) > OLDEST {
        "90+".to_owned()
    } else {
        value.to_owned()
    })
}

/// A ZIP alone, or after a state: the rest of an address goes.
fn zip(value: &str) -> Option<String> {
    let mut runs = runs(value).filter(|run| run.len() >= 3);
    let first = runs.next().filter(|run| run.len() == 5)?;
    if runs.any(|run| run.len() != 4) {
        return None;
    }
    let letters = value.chars().filter(|ch| ch.is_alphabetic()).count();
    if letters > 2 {
        return None;
    }
    let three = first.get(..3)?;
    Some(if SPARSE.contains(&three) { "000" } else { three }.to_owned())
}

fn runs(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(|ch: char| !ch.is_ascii_digit())
        .filter(|run| !run.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_harbor_leaves_years_three_digits_and_ages_below_ninety() {
        let general = |entity, value| generalise(entity, value);
        assert_eq!(general(Entity::DateTime, "March 3rd, 1985").as_deref(), Some("1985"));
        assert_eq!(general(Entity::DateTime, "1985-03-03").as_deref(), Some("1985"));
        assert_eq!(general(Entity::DateTime, "03/03/85"), None);
        assert_eq!(general(Entity::DateTime, "1984 to 1985"), None);
        assert_eq!(general(Entity::Age, "89").as_deref(), Some("89"));
        assert_eq!(general(Entity::Age, "90").as_deref(), Some("90+"));
        assert_eq!(general(Entity::Age, "104 años").as_deref(), Some("90+"));
        assert_eq!(general(Entity::Location, "94117").as_deref(), Some("941"));
        assert_eq!(general(Entity::Location, "CA 94117-1234").as_deref(), Some("941"));
        assert_eq!(general(Entity::Location, "05901").as_deref(), Some("000"));
        assert_eq!(general(Entity::Location, "1840 Fulton Street"), None);
        assert_eq!(general(Entity::Email, "a@example.org"), None);
        assert_eq!(SPARSE.len(), 17);
    }
}
