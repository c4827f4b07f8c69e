//! Phrases of whole words, found in one pass whatever their number: a tree of words, walked from every word of the text.

use super::LONGEST_ENTRY;
use std::collections::HashMap;

/// The most characters between two words of a phrase.
const WIDEST_GAP: usize = 3;

/// Phrases and what they stand for.
#[derive(Clone, Debug)]
pub(crate) struct Phrases<T> {
    root: Node<T>,
}

/// What a phrase may go on with, and what stands for one that ends here.
#[derive(Clone, Debug)]
struct Node<T> {
    next: HashMap<String, Node<T>>,
    values: Vec<T>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            next: HashMap::new(),
            values: Vec::new(),
        }
    }
}

impl<T> Default for Phrases<T> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

impl<T: PartialEq> Phrases<T> {
    /// Adds a phrase of at most [`LONGEST_ENTRY`] bytes; one that is there already with the same value is not added.
    pub(crate) fn add(&mut self, phrase: &str, value: T) {
        let mut node = &mut self.root;
        for (_, word) in words(phrase) {
            node = node.next.entry(word.to_lowercase()).or_default();
        }
        if !node.values.contains(&value) {
            node.values.push(value);
        }
    }

    /// Hands every phrase of `text` to `found`: where it starts and ends, and what it stands for.
    ///
    /// From each word at most as many words are looked at as an entry can have, however many entries begin alike.
    pub(crate) fn find(&self, text: &str, found: &mut dyn FnMut(usize, usize, &T)) {
        if self.root.next.is_empty() {
            return;
        }
        let mut folded = String::new();
        for (start, word) in words(text) {
            let mut node = &self.root;
            let mut end = start;
            let mut word = Some(word);
            while let Some(next) = word.and_then(|word| node.after(word, &mut folded)) {
                end += word.map_or(0, str::len);
                for value in &next.values {
                    found(start, end, value);
                }
                node = next;
                let tail = text.get(end..).unwrap_or_default();
                let gap = gap(tail);
                word = gap.and_then(|gap| words(tail.get(gap..)?).next()).map(|(_, word)| word);
                end += gap.unwrap_or(0);
            }
        }
    }
}

impl<T> Node<T> {
    fn after(&self, word: &str, folded: &mut String) -> Option<&Self> {
        // Folding may make a word shorter or longer, but not by half.
        if self.next.is_empty() || word.len() > 2 * LONGEST_ENTRY {
            return None;
        }
        folded.clear();
        folded.extend(word.chars().flat_map(char::to_lowercase));
        self.next.get(folded.as_str())
    }
}

/// The bytes before the first word of `tail`, if it is near.
fn gap(tail: &str) -> Option<usize> {
    tail.char_indices()
        .take(WIDEST_GAP + 1)
        .find(|(_, character)| character.is_alphanumeric())
        .map(|(place, _)| place)
}

/// Whole words of a text: letters, digits and marks that belong to them.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|ch: char| !ch.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}
