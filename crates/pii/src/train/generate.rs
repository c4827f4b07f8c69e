//! The project's own generator of labelled texts: templates of this project, filled with names and places from open lists.

mod grammar;
mod spoken;
mod value;
mod words;

use super::example::{Builder, Example};
use super::lists::Lists;
use super::random::Random;
use grammar::Grammar;
pub(crate) use spoken::lower;
use value::Values;

/// The language to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Spanish.
    Spanish,
}

/// How much of what is written, in percent.
const ENGLISH: &[(&str, usize)] = &[
    ("@query", 17),
    ("@negative", 14),
    ("@prose", 19),
    ("@ambiguous", 9),
    ("@form", 10),
    ("@note", 7),
    ("@message", 10),
    ("@voice", 14),
];

const SPANISH: &[(&str, usize)] = &[("@informe", 60), ("@mensaje", 25), ("@negativo", 15)];

/// `count` labelled texts.
pub(crate) fn generate(lists: &Lists, language: Language, count: usize, seed: u64) -> Vec<Example> {
    let (text, mix) = match language {
        Language::English => (
            concat!(
                include_str!("templates/words.en.txt"),
                include_str!("templates/clinical.en.txt"),
                include_str!("templates/prose.en.txt"),
                include_str!("templates/voice.en.txt")
            ),
            ENGLISH,
        ),
        Language::Spanish => (include_str!("templates/clinical.es.txt"), SPANISH),
    };
    let grammar = Grammar::parse(text);
    let mut random = Random::new(seed);
    (0..count)
        .map(|_| {
            let mut ticket = random.below(100);
            let mut style = "@prose";
            for (name, share) in mix {
                style = name;
                if ticket < *share {
                    break;
                }
                ticket -= share;
            }
            let mut values = Values::new(lists, language, style == "@voice", &mut random);
            let mut builder = Builder::default();
            grammar.expand(style, &mut random, &mut |random, piece, upper| {
                values.write(piece, upper, random, &mut builder);
            });
            let example = builder.example;
            if style == "@voice" {
                spoken::roughen(&example, &mut random)
            } else {
                example
            }
        })
        .collect()
}
