//! Rules for the texts of an input: trimmed, present, bounded, printable; a broken rule never repeats the text.
#![expect(
    clippy::disallowed_methods,
    reason = "a value is looked at to be checked, on its way to being encrypted"
)]

use crate::error::Invalid;
use bearingwall_core::Phi;
use time::{Date, Month};

/// What holds for one field.
pub(crate) struct Rule {
    pub(crate) field: &'static str,
    pub(crate) missing: &'static str,
    pub(crate) long: &'static str,
    pub(crate) control: &'static str,
    pub(crate) max_chars: usize,
    pub(crate) lines: bool,
}

/// A rule with its sentences, which must be whole and static: they are what a caller and an import's report show.
macro_rules! rule {
    ($field:literal, $name:literal, $max:literal) => {
        rule!($field, $name, $max, false)
    };
    ($field:literal, $name:literal, $max:literal, $lines:literal) => {
        $crate::text::Rule {
            field: $field,
            missing: concat!($name, " is missing"),
            long: concat!($name, " is longer than ", $max, " characters"),
            control: concat!($name, " holds control characters"),
            max_chars: $max,
            lines: $lines,
        }
    };
}
pub(crate) use rule;

impl Rule {
    pub(crate) fn broken(&self, reason: &'static str) -> Invalid {
        Invalid {
            field: self.field,
            reason,
        }
    }

    /// The trimmed text, which must be there.
    pub(crate) fn required(&self, text: &Phi<String>) -> Result<Phi<String>, Invalid> {
        let text = text.disclose().trim();
        if text.is_empty() {
            return Err(self.broken(self.missing));
        }
        self.check(text)?;
        Ok(Phi::new(text.to_owned()))
    }

    /// The trimmed text; a blank one is none.
    pub(crate) fn optional(&self, text: Option<&Phi<String>>) -> Result<Option<Phi<String>>, Invalid> {
        match text {
            Some(text) if !text.disclose().trim().is_empty() => self.required(text).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn check(&self, text: &str) -> Result<(), Invalid> {
        if text.chars().count() > self.max_chars {
            return Err(self.broken(self.long));
        }
        let allowed = |c: char| self.lines && matches!(c, '\n' | '\r' | '\t');
        if text.chars().any(|c| c.is_control() && !allowed(c)) {
            return Err(self.broken(self.control));
        }
        Ok(())
    }
}

/// Reads `YYYY-MM-DD` (ISO 8601 extended, four-digit year) and nothing else.
pub(crate) fn calendar_date(text: &str) -> Option<Date> {
    let digits = |from: usize, to: usize| {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
        part.parse::<u16>().ok()
    };
    if text.len() != 10 || text.get(4..5) != Some("-") || text.get(7..8) != Some("-") {
        return None;
    }
    let month = Month::try_from(u8::try_from(digits(5, 7)?).ok()?).ok()?;
    Date::from_calendar_date(i32::from(digits(0, 4)?), month, u8::try_from(digits(8, 10)?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = rule!("city", "city", 5);

    #[test]
    fn texts_are_trimmed_bounded_and_printable() {
        let check = |text: &str| RULE.required(&Phi::new(text.to_owned())).map(Phi::into_disclosed);
        assert_eq!(check("  Basel "), Ok("Basel".to_owned()));
        assert_eq!(check("Zürich").unwrap_err().reason, "city is longer than 5 characters");
        assert_eq!(check(" \t").unwrap_err().reason, "city is missing");
        assert_eq!(check("a\u{0}b").unwrap_err().reason, "city holds control characters");
        assert_eq!(RULE.optional(Some(&Phi::new("  ".to_owned()))), Ok(None));
    }

    #[test]
    fn only_real_dates_in_one_spelling_are_read() {
        assert!(calendar_date("2024-02-29").is_some());
        for wrong in [
            "2023-02-29",
            "2024-13-01",
            "24-02-29",
            "2024-2-029",
            "2024/02/29",
            "+024-02-29",
            "2024-02-2é",
            "",
        ] {
            assert!(calendar_date(wrong).is_none(), "{wrong}");
        }
    }
}
