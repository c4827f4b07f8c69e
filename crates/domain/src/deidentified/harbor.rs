//! What Safe Harbor leaves of the fields of a record whose meaning is known.
#![expect(
    clippy::disallowed_methods,
    reason = "a field is read here to become the little that may be told of it"
)]

use crate::client::ClientRecord;
use crate::deidentified::text::Texts;
use crate::deidentified::{DeidentifiedClient, DeidentifiedNote};
use crate::error::DomainError;
use crate::note::NoteRecord;
use crate::text::calendar_date;
use bearingwall_core::Phi;
use bearingwall_pii::{Entity, Floor, generalise};
use time::Date;
use uuid::Uuid;

/// The age from which on there is one category only (45 CFR 164.514(b)(2)(i)(C)).
const OLDEST_CATEGORY: i32 = 90;

/// The states, the District of Columbia and the territories, as the postal service abbreviates them (USPS Publication
/// 28, appendix B), each before its name.
const STATES: [(&str, &str); 56] = [
    ("AL", "alabama"),
    ("AK", "alaska"),
    ("AZ", "arizona"),
    ("AR", "arkansas"),
    ("CA", "california"),
    ("CO", "colorado"),
    ("CT", "connecticut"),
    ("DE", "delaware"),
    ("DC", "district of columbia"),
    ("FL", "florida"),
    ("GA", "georgia"),
    ("HI", "hawaii"),
    ("ID", "idaho"),
    ("IL", "illinois"),
    ("IN", "indiana"),
    ("IA", "iowa"),
    ("KS", "kansas"),
    ("KY", "kentucky"),
    ("LA", "louisiana"),
    ("ME", "maine"),
    ("MD", "maryland"),
    ("MA", "massachusetts"),
    ("MI", "michigan"),
    ("MN", "minnesota"),
    ("MS", "mississippi"),
    ("MO", "missouri"),
    ("MT", "montana"),
    ("NE", "nebraska"),
    ("NV", "nevada"),
    ("NH", "new hampshire"),
    ("NJ", "new jersey"),
    ("NM", "new mexico"),
    ("NY", "new york"),
    ("NC", "north carolina"),
    ("ND", "north dakota"),
    ("OH", "ohio"),
    ("OK", "oklahoma"),
    ("OR", "oregon"),
    ("PA", "pennsylvania"),
    ("RI", "rhode island"),
    ("SC", "south carolina"),
    ("SD", "south dakota"),
    ("TN", "tennessee"),
    ("TX", "texas"),
    ("UT", "utah"),
    ("VT", "vermont"),
    ("VA", "virginia"),
    ("WA", "washington"),
    ("WV", "west virginia"),
    ("WI", "wisconsin"),
    ("WY", "wyoming"),
    ("AS", "american samoa"),
    ("GU", "guam"),
    ("MP", "northern mariana islands"),
    ("PR", "puerto rico"),
    ("VI", "virgin islands"),
];

/// What one client and the notes about it become.
pub(super) struct Harbor {
    texts: Texts,
    record: Uuid,
    this_year: u16,
}

impl Harbor {
    pub(super) fn of(client: &ClientRecord, record: Uuid, today: Date, floor: &Floor) -> Result<Self, DomainError> {
        let this_year = year(today);
        Ok(Self {
            texts: Texts::of(&client.details, this_year, floor)?,
            record,
            this_year,
        })
    }

    // CONTROL: DOM-5
    pub(super) fn client(&mut self, client: &ClientRecord, today: Date) -> Result<DeidentifiedClient, DomainError> {
        let details = &client.details;
        let born = calendar_date(details.date_of_birth.disclose());
        let state = details.address.state.as_ref().and_then(|text| state(text.disclose()));
        let zip = details.address.postal_code.as_ref().map(Phi::disclose);
        Ok(DeidentifiedClient {
            record: self.record,
            birth_year: self.year_of(&details.date_of_birth),
            ninety_or_older: born.is_some_and(|born| age(born, today) >= OLDEST_CATEGORY),
            state,
            // Five digits are a ZIP in the United States, and something else elsewhere.
            zip3: zip
                .filter(|_| state.is_some())
                .and_then(|zip| generalise(Entity::Location, zip, self.this_year)),
            allergies: details
                .allergies
                .as_ref()
                .map(|text| self.texts.mask(text))
                .transpose()?,
            conditions: details
                .conditions
                .as_ref()
                .map(|text| self.texts.mask(text))
                .transpose()?,
            marketing_opt_in: details.marketing_opt_in,
        })
    }

    // CONTROL: DOM-5
    pub(super) fn note(&mut self, note: &NoteRecord) -> Result<DeidentifiedNote, DomainError> {
        Ok(DeidentifiedNote {
            record: self.record,
            year: self.year_of(&note.note.noted_on),
            service: self.texts.mask(&note.note.service)?,
            body: self.texts.mask(&note.note.body)?,
        })
    }

    fn year_of(&self, date: &Phi<String>) -> Option<u16> {
        generalise(Entity::DateTime, date.disclose(), self.this_year)?
            .parse()
            .ok()
    }
}

fn year(date: Date) -> u16 {
    u16::try_from(date.year()).unwrap_or(0)
}

/// Completed years.
fn age(born: Date, today: Date) -> i32 {
    let before_birthday = (today.month() as u8, today.day()) < (born.month() as u8, born.day());
    today.year() - born.year() - i32::from(before_birthday)
}

fn state(text: &str) -> Option<&'static str> {
    let text = text.trim();
    STATES
        .iter()
        .find(|(code, name)| text.eq_ignore_ascii_case(code) || text.eq_ignore_ascii_case(name))
        .map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Month;

    #[test]
    fn states_are_told_by_code_or_name_and_nothing_else_is_one() {
        assert_eq!(state(" in "), Some("IN"));
        assert_eq!(state("New York"), Some("NY"));
        for none in ["", "Bavaria", "I", "Indiana 46077", "Washington, Tacoma"] {
            assert_eq!(state(none), None, "{none}");
        }
    }

    #[test]
    fn an_age_is_of_completed_years() {
        let date = |year, month, day| Date::from_calendar_date(year, month, day).unwrap();
        let born = date(1936, Month::February, 29);
        assert_eq!(age(born, date(2026, Month::February, 28)), 89);
        assert_eq!(age(born, date(2026, Month::March, 1)), 90);
    }
}
