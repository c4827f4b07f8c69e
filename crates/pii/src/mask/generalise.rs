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

/// The words that may stand with an age and stay there: they say its unit, in English and Spanish.
const AGE_WORDS: &[&str] = &[
    "year", "years", "yr", "yrs", "y", "o", "yo", "month", "months", "mo", "week", "weeks", "day", "days", "old", "of",
    "age", "aged", "año", "años", "mes", "meses", "semana", "semanas", "día", "días", "de", "edad",
];

/// What Safe Harbor (45 CFR 164.514(b)(2)(i)) leaves of a date, an age or a ZIP in `this_year`; nothing if nothing may be.
#[must_use]
pub fn generalise(entity: Entity, value: &str, this_year: u16) -> Option<String> {
    match entity {
        Entity::DateTime => year(value, this_year),
        Entity::Age => age(value),
        Entity::Location => zip(value),
        _ => None,
    }
}

/// The only number of four digits that can be a year, before a time of day. A year that tells an age over 89 goes, and
/// one more: a masker may outlive its year. Without a credible year of today, all go.
fn year(value: &str, this_year: u16) -> Option<String> {
    let date = value.split(':').next().unwrap_or_default();
    let (long, short): (Vec<&str>, Vec<&str>) = runs(date).partition(|run| run.len() == 4);
    let [year] = long.as_slice() else { return None };
    let oldest = u64::from(this_year).checked_sub(OLDEST)?;
    let told = bytes::number(year.as_bytes());
    let stays = (2000..=2199).contains(&this_year)
        && (1800..=2199).contains(&told)
        && told > oldest
        // Longer numbers than days and months belong to something else than a date.
        && short.iter().all(|run| run.len() <= 2);
    stays.then(|| (*year).to_owned())
}

/// One number and the words of its unit, or "90+".
fn age(value: &str) -> Option<String> {
    let mut numbers = runs(value);
    let number = numbers.next()?;
    if bytes::number(number.as_bytes()) > OLDEST {
        return Some("90+".to_owned());
    }
    let plain = value
        .chars()
        .all(|ch| ch.is_alphanumeric() || matches!(ch, ' ' | '-' | '.' | '/' | ','));
    let known = value
        .split(|ch: char| !ch.is_alphanumeric())
        .map(|word| word.trim_start_matches(|ch: char| ch.is_ascii_digit()).to_lowercase())
        .all(|word| word.is_empty() || AGE_WORDS.contains(&word.as_str()));
    (number.len() <= 2 && numbers.next().is_none() && plain && known).then(|| value.to_owned())
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
        let general = |entity, value| generalise(entity, value, 2026);
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

    #[test]
    fn nothing_of_the_rest_of_a_value_stays() {
        let general = |entity, value| generalise(entity, value, 2026);
        for age in [
            "61, Jane Doe, MRN 4821937",
            "61 Jane",
            "6 1",
            "061",
            "61 \u{666}\u{661}",
            "61 \u{1f600}",
            "born",
        ] {
            assert_eq!(general(Entity::Age, age), None, "{age}");
        }
        for age in ["61 years old", "61-year-old", "61yo", "65 años de edad", "3 months"] {
            assert_eq!(general(Entity::Age, age).as_deref(), Some(age));
        }
        assert_eq!(
            general(Entity::DateTime, "1985-03-14 11:34 SSN 1962").as_deref(),
            Some("1985")
        );
        assert_eq!(general(Entity::DateTime, "SSN 536-22-1962"), None);
    }

    #[test]
    fn a_year_that_tells_an_age_over_89_goes() {
        let year = |value, this_year| generalise(Entity::DateTime, value, this_year);
        assert_eq!(year("1938", 2026).as_deref(), Some("1938"));
        assert_eq!(year("1937", 2026), None);
        assert_eq!(year("03/14/1931", 2026), None);
        // The last birth year of a nonagenarian still goes a year after the masker was made.
        assert_eq!(year("1937", 2027), None);
        for unbelievable in [0, 89, 1999, 2200] {
            assert_eq!(year("1985", unbelievable), None);
        }
    }
}
