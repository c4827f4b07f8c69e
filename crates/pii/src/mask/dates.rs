//! Dates that move by a number of days: read and written again in the form in which they stood.

use super::TenantKey;
use crate::bytes;
use crate::lexicon::{Lexicon, kind};

/// The most days that a date moves, to either side.
const MOST: u64 = 364;

/// By how many days a person's dates move: never by none, and always by the same.
pub(crate) fn shift_days(key: &TenantKey, subject: &str) -> i64 {
    let digest = key.digest("date_shift", "DATE_TIME", subject.as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let days = i64::try_from(number % (2 * MOST)).unwrap_or(0) - i64::try_from(MOST).unwrap_or(0);
    if days >= 0 { days + 1 } else { days }
}

/// The moved date; nothing if the text is not one whole date that can be read without a doubt.
pub(super) fn shift(text: &str, days: i64) -> Option<String> {
    let fields = Fields::read(text)?;
    let moved = from_days(to_days(fields.date)? + days);
    fields.write(text, moved)
}

type Date = (i64, i64, i64);

/// Where year, month and day stand in a text.
struct Fields {
    date: Date,
    year: std::ops::Range<usize>,
    month: std::ops::Range<usize>,
    day: std::ops::Range<usize>,
}

impl Fields {
    fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut numbers = Vec::new();
        let mut month_word = None;
        let mut index = 0;
        while index < bytes.len() {
            let (end, classes) = bytes::run(bytes, index);
            if end == index {
                index += bytes::wide(bytes, index).max(1);
                continue;
            }
            let digits = index
                + bytes::part(bytes, index, end)
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit())
                    .count();
            if digits > index {
                numbers.push(index..digits);
            } else if classes & bytes::LETTER != 0 {
                let word = Lexicon::shared().look(bytes, index, end);
                if word.is(kind::MONTH) && word.value > 0 && month_word.is_none() {
                    month_word = Some((index..end, i64::from(word.value)));
                }
            }
            // A time of day, and what follows it, stays as it is.
            if bytes::at(bytes, end) == b':' || numbers.len() == 3 {
                break;
            }
            index = end;
        }
        let value = |range: &std::ops::Range<usize>| {
            i64::try_from(bytes::number(bytes::part(bytes, range.start, range.end))).ok()
        };
        let fields = match (month_word, numbers.as_slice()) {
            (Some((month, number)), [day, year, ..]) if year.len() == 4 && day.len() <= 2 => Self {
                date: (value(year)?, number, value(day)?),
                year: year.clone(),
                month,
                day: day.clone(),
            },
            (None, [year, month, day]) if year.len() == 4 => Self {
                date: (value(year)?, value(month)?, value(day)?),
                year: year.clone(),
                month: month.clone(),
                day: day.clone(),
            },
            (None, [first, second, year]) if year.len() == 4 => {
                let (a, b) = (value(first)?, value(second)?);
                // The American order where both are possible.
                let day_first = a > 12;
                let (month, day) = if day_first { (second, first) } else { (first, second) };
                Self {
                    date: if day_first {
                        (value(year)?, b, a)
                    } else {
                        (value(year)?, a, b)
                    },
                    year: year.clone(),
                    month: month.clone(),
                    day: day.clone(),
                }
            }
            _ => return None,
        };
        let (year, month, day) = fields.date;
        ((1800..=2199).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)).then_some(fields)
    }

    fn write(&self, text: &str, (year, month, day): Date) -> Option<String> {
        let numeric = text.as_bytes().get(self.month.start).is_some_and(u8::is_ascii_digit);
        let month_text = if numeric {
            padded(month, self.month.len())
        } else {
            self.month_name(text, month)?
        };
        let mut parts = [
            (self.year.clone(), format!("{year:04}")),
            (self.month.clone(), month_text),
            (
                self.day.clone(),
                if numeric || text.as_bytes().get(self.day.start) == Some(&b'0') {
                    padded(day, self.day.len())
                } else {
                    day.to_string()
                },
            ),
        ];
        parts.sort_by_key(|(range, _)| range.start);
        let mut out = String::with_capacity(text.len() + 4);
        let mut end = 0;
        for (range, part) in &parts {
            out.push_str(text.get(end..range.start)?);
            out.push_str(part);
            end = range.end;
            // "3rd" may become "14th": the suffix is written anew.
            if *range == self.day
                && text
                    .get(end..end + 2)
                    .is_some_and(|suffix| matches!(suffix, "st" | "nd" | "rd" | "th"))
            {
                out.push_str(match (day, day % 10) {
                    (11..=13, _) => "th",
                    (_, 1) => "st",
                    (_, 2) => "nd",
                    (_, 3) => "rd",
                    _ => "th",
                });
                end += 2;
            }
        }
        out.push_str(text.get(end..)?);
        Some(out)
    }

    /// The name of another month in the language and length in which this one is written.
    fn month_name(&self, text: &str, month: i64) -> Option<String> {
        const ENGLISH: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        const SPANISH: [&str; 12] = [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ];
        let written = text.get(self.month.clone())?;
        let lower = written.to_lowercase();
        let index = usize::try_from(month - 1).ok()?;
        let known = |list: &[&str; 12]| {
            list.iter()
                .any(|name| name.to_lowercase() == lower || name.to_lowercase().get(..3) == Some(lower.as_str()))
        };
        let name = if known(&ENGLISH) {
            *ENGLISH.get(index)?
        } else if known(&SPANISH) {
            *SPANISH.get(index)?
        } else {
            return None;
        };
        let name = if lower.len() == 3 { name.get(..3)? } else { name };
        Some(if written.chars().next().is_some_and(char::is_uppercase) {
            let mut chars = name.chars();
            chars.next().map(|first| first.to_uppercase().chain(chars).collect())?
        } else {
            name.to_lowercase()
        })
    }
}

fn padded(number: i64, len: usize) -> String {
    if len == 2 {
        format!("{number:02}")
    } else {
        number.to_string()
    }
}

/// Days since 0000-03-01 in the proleptic Gregorian calendar, for dates that exist.
fn to_days((year, month, day): Date) -> Option<i64> {
    let year = if month > 2 { year } else { year - 1 };
    let shifted = (month + 9) % 12;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (shifted * 153 + 2) / 5 + day - 1;
    (from_days(days).2 == day).then_some(days)
}

fn from_days(days: i64) -> Date {
    let era = days.div_euclid(146_097);
    let rest = days.rem_euclid(146_097);
    let year_of_era = (rest - rest / 1460 + rest / 36_524 - rest / 146_096) / 365;
    let day_of_year = rest - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_move_in_their_form() {
        assert_eq!(shift("2024-02-28", 2).as_deref(), Some("2024-03-01"));
        assert_eq!(shift("02/28/2023", 2).as_deref(), Some("03/02/2023"));
        assert_eq!(shift("28.02.2023", 2).as_deref(), Some("02.03.2023"));
        assert_eq!(shift("March 3rd, 2023", 8).as_deref(), Some("March 11th, 2023"));
        assert_eq!(shift("Dec 31, 2022", 1).as_deref(), Some("Jan 1, 2023"));
        assert_eq!(shift("5 de mayo de 2010", 30).as_deref(), Some("4 de junio de 2010"));
        assert_eq!(
            shift("1998-11-07 06:05:09", -20).as_deref(),
            Some("1998-10-18 06:05:09")
        );
        assert_eq!(shift("last week", 3), None);
        assert_eq!(shift("30/02/2020", 3), None);
    }

    #[test]
    fn one_person_moves_by_one_number_of_days_and_never_by_none() {
        let key = TenantKey::new([9; 32]);
        assert_eq!(shift_days(&key, "a"), shift_days(&key, "a"));
        for subject in 0..2000 {
            let days = shift_days(&key, &subject.to_string());
            assert!(days != 0 && days.abs() <= 364);
        }
    }

    proptest! {
        #[test]
        fn moving_back_is_the_inverse(days in 700_000_i64..780_000, by in -364_i64..364) {
            let date = from_days(days);
            prop_assert_eq!(to_days(date), Some(days));
            let text = format!("{:04}-{:02}-{:02}", date.0, date.1, date.2);
            let there = shift(&text, by);
            if let Some(there) = there {
                prop_assert_eq!(shift(&there, -by), Some(text));
            }
        }
    }
}
