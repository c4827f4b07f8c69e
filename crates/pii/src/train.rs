//! Training of the tagger's models: the same features as at run time, the same bytes for the same inputs.
//!
//! Everything here works on texts that are handed in; `cargo xtask train-pii` reads the files.

mod augment;
mod crf;
mod example;
mod generate;
mod lists;
mod random;

pub use crf::Options;
pub use example::{Example, Mark};
pub use generate::Language;
pub use lists::ListTexts;

use crate::finding::Candidate;
use crate::tagger::{Shared, Tagger, Work};
use lists::Lists;
use random::Random;
use std::sync::Arc;

/// Trains and tries models on one set of lists.
#[derive(Debug)]
pub struct Trainer {
    lists: Lists,
    packed: Vec<u8>,
    shared: Arc<Shared>,
}

/// What to train on.
#[derive(Clone, Debug)]
pub struct Material<'a> {
    /// The language.
    pub language: Language,
    /// Texts with labels made by others; they are augmented.
    pub examples: &'a [Example],
    /// How many augmented copies each of them has besides itself.
    pub copies: usize,
    /// How many texts the project's own generator adds.
    pub generated: usize,
}

impl<'a> Material<'a> {
    /// As the shipped models are trained.
    #[must_use]
    pub const fn shipped(language: Language, examples: &'a [Example]) -> Self {
        let (copies, generated) = match language {
            Language::English => (2, 16_000),
            Language::Spanish => (1, 3_000),
        };
        Self {
            language,
            examples,
            copies,
            generated,
        }
    }
}

impl Options {
    /// As the shipped models are trained.
    #[must_use]
    pub fn shipped(language: Language) -> Self {
        Self {
            epochs: match language {
                Language::English => 10,
                Language::Spanish => 14,
            },
            ..Self::default()
        }
    }
}

impl Trainer {
    /// Reads the lists; `None` if they are not as they must be.
    #[must_use]
    pub fn new(texts: &ListTexts) -> Option<Self> {
        let lists = Lists::parse(texts);
        let packed = lists.pack();
        let shared = Shared::from_bytes(&packed)?;
        Some(Self { lists, packed, shared })
    }

    /// The bytes of the lists that the models need at run time.
    #[must_use]
    pub fn lists(&self) -> &[u8] {
        &self.packed
    }

    /// Labelled texts of the project's own generator.
    #[must_use]
    pub fn generate(&self, language: Language, count: usize, seed: u64) -> Vec<Example> {
        generate::generate(&self.lists, language, count, seed)
    }

    /// The bytes of a model.
    pub fn train(&self, material: &Material<'_>, options: &Options, progress: &mut dyn FnMut(&str)) -> Vec<u8> {
        let mut random = Random::new(options.seed);
        let mut sequences = Vec::new();
        for example in material.examples {
            sequences.push(example.sequence(&self.shared, &mut random, 0));
            for copy in 0..material.copies {
                let changed = augment::augment(example, &self.lists, copy, &mut random);
                sequences.push(changed.sequence(&self.shared, &mut random, 12));
            }
        }
        for example in self.generate(material.language, material.generated, options.seed ^ 0x67) {
            let example = augment::rough(example, &mut random);
            sequences.push(example.sequence(&self.shared, &mut random, 15));
        }
        progress(&format!("{} texts", sequences.len()));
        let weights = crf::train(sequences, options, progress);
        crf::pack(&weights, options.bits, (1.0, 0.0))
    }

    /// A model that is ready to find.
    #[must_use]
    pub fn trial(&self, model: &[u8], language: Language) -> Option<Trial> {
        Tagger::from_bytes(model, Arc::clone(&self.shared), "trial", language == Language::English).map(Trial)
    }
}

/// A model on trial.
#[derive(Debug)]
pub struct Trial(Tagger);

impl Trial {
    pub(crate) const fn tagger(&self) -> &Tagger {
        &self.0
    }

    /// What it finds in `text`: start, end, kind and score.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<(usize, usize, &'static str, f32)> {
        let mut out: Vec<Candidate> = Vec::new();
        self.0.tag(text, &mut Work::default(), &mut out);
        out.iter()
            .map(|found| (found.start, found.end, found.entity.name(), found.score))
            .collect()
    }
}
