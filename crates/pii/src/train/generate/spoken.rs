//! Numbers, dates and addresses as they are said, and the roughness of transcripts.

use crate::train::example::{Builder, Example};
use crate::train::random::Random;

const DIGITS: [&str; 10] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];
const TEENS: [&str; 10] = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
const ORDINALS: [&str; 20] = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];
const NATO: [&str; 26] = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima",
    "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray",
    "yankee", "zulu",
];
const OTHER_WORDS: [&str; 26] = [
    "apple", "boy", "cat", "dog", "edward", "frank", "george", "henry", "ida", "john", "king", "larry", "mary",
    "nancy", "ocean", "peter", "queen", "robert", "sam", "tom", "union", "victor", "william", "x-ray", "young",
    "zebra",
];
/// One number below a hundred in words.
pub(crate) fn small(number: usize) -> String {
    let word = |list: &[&str], index: usize| list.get(index).copied().unwrap_or("").to_owned();
    match number {
        0..=9 => word(&DIGITS, number),
        10..=19 => word(&TEENS, number - 10),
        _ => {
            let tens = word(&TENS, number / 10 - 2);
            if number.is_multiple_of(10) {
                tens
            } else {
                format!("{tens} {}", word(&DIGITS, number % 10))
            }
        }
    }
}

/// A day of the month in words.
pub(crate) fn ordinal(number: usize) -> String {
    match number {
        0..=19 => ORDINALS.get(number).copied().unwrap_or("").to_owned(),
        20 => "twentieth".to_owned(),
        30 => "thirtieth".to_owned(),
        _ => format!("{} {}", small(number / 10 * 10), ordinal(number % 10)),
    }
}

/// Characters one by one: "double five", "oh", "c as in charlie".
pub(crate) fn characters(text: &str, random: &mut Random) -> String {
    let mut words: Vec<String> = Vec::new();
    let (oh, pairs, nato) = (random.chance(45), random.chance(12), random.below(4));
    let signs: Vec<char> = text
        .chars()
        .filter(|character| character.is_ascii_alphanumeric())
        .collect();
    let mut index = 0;
    while let Some(&sign) = signs.get(index) {
        index += 1;
        if let Some(digit) = sign.to_digit(10) {
            let digit = digit as usize;
            if signs.get(index) == Some(&sign) && random.chance(45) {
                index += 1;
                words.push("double".to_owned());
            } else if pairs
                && (1..=9).contains(&digit)
                && random.chance(40)
                && let Some(next) = signs.get(index).and_then(|next| next.to_digit(10))
                && (digit > 1 || next > 0)
            {
                index += 1;
                words.push(small(digit * 10 + next as usize));
                continue;
            }
            words.push(if digit == 0 && oh && random.chance(80) {
                "oh".to_owned()
            } else {
                small(digit)
            });
        } else {
            let letter = sign.to_ascii_lowercase();
            words.push(letter.to_string());
            let position = (letter as usize).wrapping_sub('a' as usize);
            let code = if nato < 2 {
                NATO.get(position)
            } else {
                OTHER_WORDS.get(position)
            };
            if let Some(code) = code
                && random.chance(55)
                && nato != 3
            {
                words.push(format!(
                    "{} {code}",
                    random.pick(&["as in", "as in", "like", "for", "as in"])
                ));
            }
        }
    }
    words.join(" ")
}

/// A year in words.
pub(crate) fn year(year: usize, random: &mut Random) -> String {
    if (2000..2010).contains(&year) {
        return if year == 2000 {
            "two thousand".to_owned()
        } else {
            format!(
                "two thousand {}{}",
                if random.chance(20) { "and " } else { "" },
                small(year - 2000)
            )
        };
    }
    let century = small(year / 100);
    match year % 100 {
        0 => format!("{century} hundred"),
        rest @ 1..=9 => format!("{century} oh {}", small(rest)),
        rest => format!("{century} {}", small(rest)),
    }
}

/// A number of a house in words.
pub(crate) fn house(number: usize, random: &mut Random) -> String {
    if number < 100 {
        return small(number);
    }
    match random.below(3) {
        0 => characters(&number.to_string(), random),
        1 if !number.is_multiple_of(100) && number < 10_000 => {
            let (high, low) = (number / 100, number % 100);
            let low = if low < 10 {
                format!("oh {}", small(low))
            } else {
                small(low)
            };
            format!("{} {low}", small(high))
        }
        _ if number < 1000 => format!(
            "{} hundred {}",
            small(number / 100),
            if number.is_multiple_of(100) {
                String::new()
            } else {
                small(number % 100)
            }
        )
        .trim()
        .to_owned(),
        _ => characters(&number.to_string(), random),
    }
}

/// A transcript: mostly lower case without signs, sometimes formatted.
pub(crate) fn roughen(example: &Example, random: &mut Random) -> Example {
    if random.chance(32) {
        return example.clone();
    }
    let keep = random.chance(10);
    lower(example, keep)
}

/// In lower case, without signs of punctuation unless `keep`.
pub(crate) fn lower(example: &Example, keep: bool) -> Example {
    let mut builder = Builder::default();
    let mut position = 0;
    let clean = |text: &str| {
        let text = text.to_lowercase();
        if keep {
            text
        } else {
            text.chars()
                .filter(|character| !matches!(character, '.' | ',' | '?' | '!' | ';' | ':' | '"' | '(' | ')'))
                .collect()
        }
    };
    for mark in &example.marks {
        builder.plain(&clean(example.text.get(position..mark.start).unwrap_or_default()));
        builder.value(
            &mark.kind,
            &clean(example.text.get(mark.start..mark.end).unwrap_or_default()),
        );
        position = mark.end;
    }
    builder.plain(&clean(example.text.get(position..).unwrap_or_default()));
    builder.example.unlabelled.clone_from(&example.unlabelled);
    builder.example
}
