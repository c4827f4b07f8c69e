//! Values that have a form: dates, telephone numbers, addresses of mail and of the web.

use super::{Values, ascii, digits, one, suffix, title_case};
use crate::lexicon::MONTHS;
use crate::train::generate::spoken;
use crate::train::generate::words::{ES_MONTHS, MAILERS, ORG_STEMS, ORG_TAILS, TOPLEVEL};
use crate::train::random::Random;

impl Values<'_> {
    pub(super) fn date(&self, random: &mut Random, from: usize, to: usize) -> String {
        let (year, month_number, day) = (random.between(from, to), random.between(1, 12), random.between(1, 28));
        let name = MONTHS.get(month_number - 1).copied().unwrap_or("");
        if self.said {
            let day = if random.chance(70) {
                spoken::ordinal(day)
            } else {
                spoken::small(day)
            };
            let year = spoken::year(year, random);
            return match random.below(6) {
                0 => format!("the {day} of {name} {year}"),
                1 => format!(
                    "{} {} {year}",
                    spoken::small(month_number),
                    spoken::small(random.between(1, 28))
                ),
                _ => format!("{name} {day} {year}"),
            };
        }
        let short = if name.len() > 4 && random.chance(30) {
            name.get(..3).unwrap_or(name)
        } else {
            name
        };
        match if random.chance(70) {
            self.date_style
        } else {
            random.below(14)
        } {
            0 | 1 => format!("{month_number:02}/{day:02}/{year}"),
            2 => format!("{month_number}/{day}/{:02}", year % 100),
            3 => format!("{year}-{month_number:02}-{day:02}"),
            4 => format!("{day:02}/{month_number:02}/{year}"),
            5 => format!("{month_number:02}-{day:02}-{year}"),
            6 => format!("{day} {name} {year}"),
            7 => format!("{short} {day}{}, {year}", suffix(day)),
            8 => format!("{short} {day}{} {year}", suffix(day)),
            9 => format!("{day}.{month_number}.{year}"),
            10 => format!("{short} {day}{}", if random.chance(50) { suffix(day) } else { "" }),
            _ => format!("{short} {day}, {year}"),
        }
    }

    pub(super) fn spanish_date(&self, random: &mut Random) -> String {
        let (year, month_number, day) = (random.between(1930, 2022), random.between(1, 12), random.between(1, 28));
        let name = ES_MONTHS.split(';').nth(month_number - 1).unwrap_or("");
        match random.below(8) {
            0..=3 => format!("{day:02}/{month_number:02}/{year}"),
            4 => format!("{day}-{month_number}-{year}"),
            5 => format!("{day} de {name} de {year}"),
            6 => format!("{name} de {year}"),
            _ => format!("{day}/{month_number}/{:02}", year % 100),
        }
    }

    pub(super) fn phone(&self, random: &mut Random) -> String {
        if self.said {
            return spoken::characters(digits("9dddddddddd", random).get(1..).unwrap_or(""), random);
        }
        let form = one(
            random,
            "ddd-ddd-dddd;(ddd) ddd-dddd;ddd.ddd.dddd;dddddddddd;+1 ddd ddd dddd;1-ddd-ddd-dddd;ddd ddd dddd;\
                +44 dd dddd dddd;0ddd ddd dddd;+49 ddd ddddddd;+91 ddddd ddddd;(0d) dddd dddd;dd dd dd dd dd;\
                0dddd dddddd;+33 d dd dd dd dd;+34 ddd ddd ddd;0dd dd dd dd;ddd-dddd;ddd-ddd-dddd xddd;00dd ddd dddddd;\
                (dd) dddd-dddd;0dd-dddddd;+dd-dd-ddd-dd-dd;dddd-dddddd",
        );
        digits(form, random)
    }

    pub(super) fn number(&self, random: &mut Random, forms: &str) -> String {
        let text = digits(one(random, forms), random);
        if self.said {
            spoken::characters(&text, random)
        } else {
            text
        }
    }

    pub(super) fn email(&self, random: &mut Random) -> String {
        let (first, last) = (ascii(&self.first(random)), ascii(&self.plain_last(random)));
        let number = random.between(1, 99);
        let (domain, top) = (one(random, MAILERS), one(random, TOPLEVEL));
        let domain = if random.chance(60) {
            domain.to_owned()
        } else {
            format!("{}{}", one(random, ORG_STEMS), one(random, ORG_TAILS)).to_lowercase()
        };
        if self.said {
            let number = if random.chance(35) {
                format!(" {}", spoken::small(number))
            } else {
                String::new()
            };
            let joint = one(random, " dot ; ; underscore ; dot ");
            return format!(
                "{first}{joint}{last}{number} at {domain} dot {}",
                top.replace('.', " dot ")
            );
        }
        let number = if random.chance(35) {
            number.to_string()
        } else {
            String::new()
        };
        let joint = one(random, ".;;_;.");
        format!("{first}{joint}{last}{number}@{domain}.{top}")
    }

    pub(super) fn url(&self, random: &mut Random) -> String {
        let name = format!("{}{}", one(random, ORG_STEMS), title_case(one(random, ORG_TAILS)));
        format!(
            "{}{name}.{}{}",
            one(random, "http://;https://www.;www.;https://;"),
            one(random, TOPLEVEL),
            one(random, "/;;/contact;/a/b?id=1")
        )
    }
}
