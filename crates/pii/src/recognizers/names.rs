//! What stands after a form of address. Names without one are the tagger's.

use crate::bytes::{self, at, part};
use crate::checksums::Validity;
use crate::entity::Entity;
use crate::lexicon::{capital, kind};
use crate::scan::Scan;

/// The recognizer of names after a form of address.
pub(crate) const TITLED: &str = "rule.titled_name";

/// A form of address with a capitalised name after it: up to three words and initials.
pub(crate) fn title(scan: &mut Scan<'_, '_>, start: usize, end: usize) {
    let text = scan.text;
    let upper = capital(text, start, end);
    let dotted = at(text, end) == b'.';
    let mut place = end + usize::from(dotted);
    let mut last = None;
    let mut first = 0;
    for count in 0..4 {
        let Some((word_start, word_end)) = scan.next_word(place, b"") else {
            break;
        };
        if part(text, place, word_start).contains(&b'\n') || !capital(text, word_start, word_end) {
            break;
        }
        let word = scan.look(word_start, word_end);
        if word.is(kind::TITLE | kind::MONTH | kind::STREET) && count == 0 {
            break;
        }
        if count > 0 && word.is(kind::MONTH | kind::WEEKDAY | kind::TITLE) {
            break;
        }
        if count == 0 {
            first = word_start;
        }
        // An initial keeps its dot, and a name its inner stroke or apostrophe.
        place = word_end;
        if word_end - word_start == 1 && at(text, word_end) == b'.' {
            place += 1;
        }
        while matches!(at(text, place), b'-' | b'\'') && capital(text, place + 1, bytes::run_end(text, place + 1)) {
            place = bytes::run_end(text, place + 1);
        }
        last = Some(place);
    }
    let Some(last) = last else { return };
    if upper {
        let shown = end + usize::from(dotted);
        scan.propose(
            (start, shown),
            Entity::Title,
            0.45,
            (Validity::Unchecked, None),
            "rule.title",
        );
    }
    scan.propose((first, last), Entity::Person, 0.55, (Validity::Unchecked, None), TITLED);
}
