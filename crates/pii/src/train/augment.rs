//! Variations of labelled texts: other names, other numbers, other case, so that a model learns the frame and not the filling.

use super::example::{Builder, Example};
use super::generate::lower;
use super::lists::Lists;
use super::random::Random;
use std::collections::BTreeMap;

/// A varied copy: the first keeps its case, later ones may be in lower case.
pub(crate) fn augment(example: &Example, lists: &Lists, copy: usize, random: &mut Random) -> Example {
    let replaced = replace(example, lists, random);
    if copy % 2 == 1 && random.chance(55) {
        lower(&replaced, random.chance(60))
    } else if random.chance(3) {
        upper(&replaced)
    } else {
        replaced
    }
}

/// A generated text, now and then in another case.
pub(crate) fn rough(example: Example, random: &mut Random) -> Example {
    match random.below(100) {
        0..=11 => lower(&example, true),
        12..=15 => lower(&example, false),
        16..=18 => upper(&example),
        _ => example,
    }
}

fn upper(example: &Example) -> Example {
    rewrite(example, str::to_uppercase, |_, text| text.to_uppercase())
}

fn rewrite(example: &Example, plain: impl Fn(&str) -> String, mut value: impl FnMut(&str, &str) -> String) -> Example {
    let mut builder = Builder::default();
    let mut position = 0;
    for mark in &example.marks {
        if mark.start < position {
            continue;
        }
        builder.plain(&plain(example.text.get(position..mark.start).unwrap_or_default()));
        let text = value(&mark.kind, example.text.get(mark.start..mark.end).unwrap_or_default());
        builder.value(&mark.kind, &text);
        position = mark.end;
    }
    builder.plain(&plain(example.text.get(position..).unwrap_or_default()));
    builder.example.unlabelled.clone_from(&example.unlabelled);
    builder.example
}

fn replace(example: &Example, lists: &Lists, random: &mut Random) -> Example {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    rewrite(example, str::to_owned, |kind, text| match kind {
        "PERSON" => words(text, &mut |word, position| {
            person(word, position, lists, &mut names, random)
        }),
        "LOCATION" => {
            if text.contains(|character: char| character.is_ascii_digit()) || text.split(' ').count() > 3 {
                digits(text, random)
            } else {
                place(text, lists, random)
            }
        }
        "ORGANIZATION" | "TITLE" | "NRP" | "AGE" | "URL" | "IP" => text.to_owned(),
        "DATE_TIME" => text.to_owned(),
        _ => digits(text, random),
    })
}

/// Rewrites the words of a text; the flag says whether a word is the first or the last.
fn words(text: &str, change: &mut dyn FnMut(&str, (bool, bool)) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut first = true;
    while !rest.is_empty() {
        let length = rest
            .find(|character: char| !character.is_alphabetic() && character != '\'' && character != '’')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if word.is_empty() {
            let step = rest.chars().next().map_or(1, char::len_utf8);
            let (sign, after) = rest.split_at_checked(step).unwrap_or((rest, ""));
            out.push_str(sign);
            rest = after;
            continue;
        }
        let last = !after.contains(char::is_alphabetic);
        out.push_str(&change(word, (first, last)));
        first = false;
        rest = after;
    }
    out
}

const KEPT: &[&str] = &[
    "dr", "mr", "mrs", "ms", "md", "de", "la", "del", "von", "van", "der", "al", "bin", "doctor", "jr", "sr", "y",
    "los", "las", "dra", "prof", "as", "in", "double", "phd",
];

fn person(
    word: &str,
    (first, last): (bool, bool),
    lists: &Lists,
    names: &mut BTreeMap<String, String>,
    random: &mut Random,
) -> String {
    let lowered = word.to_lowercase();
    if word.chars().count() < 2 || KEPT.contains(&lowered.as_str()) {
        return word.to_owned();
    }
    let chosen = names.entry(lowered).or_insert_with(|| {
        let lists = if last && !(first && random.chance(50)) {
            &lists.surnames
        } else {
            &lists.given
        };
        let origin = if random.chance(50) {
            lists.get("us")
        } else {
            lists.values().nth(random.below(lists.len()))
        };
        origin
            .and_then(|names| {
                let limit = if random.chance(50) {
                    names.len().min(400)
                } else {
                    names.len()
                };
                names.get(random.below(limit))
            })
            .cloned()
            .unwrap_or_else(|| word.to_owned())
    });
    match_case(word, chosen)
}

fn match_case(model: &str, word: &str) -> String {
    if model.chars().all(|character| !character.is_uppercase()) {
        word.to_lowercase()
    } else if model.chars().count() > 1 && model.chars().all(|character| !character.is_lowercase()) {
        word.to_uppercase()
    } else {
        word.to_owned()
    }
}

fn place(text: &str, lists: &Lists, random: &mut Random) -> String {
    let known = |name: &str| {
        lists
            .places
            .get("country")
            .is_some_and(|places| places.iter().any(|(place, _)| place == name))
    };
    if known(text) {
        let places = lists.places.get("country");
        return places
            .and_then(|places| places.get(random.below(places.len())))
            .map(|(name, _)| name.clone())
            .unwrap_or_default();
    }
    let sizes = ["big", "mid", "mid", "small"];
    let is_city = lists
        .cities
        .values()
        .flatten()
        .any(|(city, _)| city.eq_ignore_ascii_case(text));
    if !is_city {
        return digits(text, random);
    }
    lists
        .cities
        .get(random.pick(&sizes))
        .and_then(|cities| cities.get(random.below(cities.len())))
        .map_or_else(|| text.to_owned(), |(city, _)| match_case(text, city))
}

/// Other digits, and other letters in codes.
fn digits(text: &str, random: &mut Random) -> String {
    let code = text
        .split_whitespace()
        .all(|part| !part.contains(|character: char| character.is_ascii_lowercase()));
    text.chars()
        .map(|character| match character {
            '0'..='9' => char::from(b'0' + random.below(10) as u8),
            'A'..='Z' if code && text.contains(|character: char| character.is_ascii_digit()) && random.chance(50) => {
                char::from(b'A' + random.below(26) as u8)
            }
            _ => character,
        })
        .collect()
}
