//! Features of tokens: the same code at training and at run time, so that the two cannot drift apart.

use super::cue::{Cue, Cues};
use super::hash::{feature, mix};
use super::lexicon::{self, Lexicon};
use super::token::{Gap, NO_VALUE, Shape, Token, Tokens};

/// What is known of one token, before its neighbours are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    word: u64,
    /// Word class for frequent features: the word if short on detail, otherwise its pattern.
    pattern: u64,
    shape: u64,
    lexicon: u16,
    pair: u16,
    cue: Cue,
    gap: Gap,
    starts: bool,
    /// Class of a small number.
    value: u64,
    suffix: [u64; 3],
    /// Nearest cue of a kind of number on the left, and how far.
    anchor: Cue,
    anchor_distance: u64,
    /// First cue of the line.
    field: Cue,
    /// Length of the run of spoken or written digits and position in it; the word after it.
    run: u64,
    after_run: u64,
    /// What a name in capitals is said to be behind it: "…, a village in", "… is a company".
    said: Cue,
    initial: bool,
    /// A plain word of a sentence, as are its neighbours: outside without a look at features.
    cold: bool,
}

const BEYOND: Fact = Fact {
    word: 0x51,
    pattern: 0x52,
    shape: 15,
    lexicon: 0,
    pair: 0,
    cue: Cue::None,
    gap: Gap::Paragraph,
    starts: false,
    value: 0,
    suffix: [0; 3],
    anchor: Cue::None,
    anchor_distance: 0,
    field: Cue::None,
    run: 0,
    after_run: 0,
    said: Cue::None,
    initial: false,
    cold: false,
};

/// Facts of the tokens of one stretch of text.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    list: Vec<Fact>,
    /// How the stretch is written: mixed, without capitals, or in capitals.
    mode: u64,
}

impl Facts {
    /// How many tokens there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Gathers the facts of `tokens`; `hide` says whether the lists are to look away from a token.
    pub(crate) fn gather(&mut self, tokens: &Tokens, lexicon: &Lexicon, cues: &Cues, hide: impl Fn(usize) -> bool) {
        self.list.clear();
        let mut line = Line::default();
        let mut previous: Option<Token> = None;
        let (mut capitals, mut words, mut caps) = (0_u32, 0_u32, 0_u32);
        for (index, token) in tokens.list.iter().enumerate() {
            let is_word = token.shape.is_word();
            let known = if is_word && !hide(index) {
                lexicon.word(token.word)
            } else {
                0
            };
            let cue = cues.of(token.word);
            if is_word {
                words += 1;
                capitals += u32::from(token.shape.is_capital());
                caps += u32::from(matches!(token.shape, Shape::Caps));
            }
            let mut pair = 0;
            if let Some(before) = previous
                .filter(|before| is_word && before.shape.is_word() && token.gap != Gap::Paragraph && !hide(index))
            {
                pair = lexicon.pair(before.word, token.word);
                if pair != 0
                    && let Some(fact) = self.list.last_mut()
                {
                    fact.pair |= pair;
                }
            }
            line.step(token, index);
            let text = tokens.folded(token);
            self.list.push(Fact {
                word: token.word,
                pattern: u64::from(token.pattern),
                shape: token.shape as u64,
                lexicon: known,
                pair,
                cue,
                gap: token.gap,
                starts: line.starts,
                value: value_class(token.value),
                suffix: suffixes(text),
                anchor: line.anchor,
                anchor_distance: distance(index - line.anchor_at),
                field: line.field,
                run: 0,
                after_run: 0,
                said: Cue::None,
                initial: token.shape == Shape::Initial || (is_word && text.len() == 1),
                cold: is_plain(token, known, cue),
            });
            line.saw(cue, token, index);
            previous = Some(*token);
        }
        self.runs();
        self.apposition(tokens);
        self.mode = if capitals == 0 || capitals * 40 < words {
            1
        } else if caps * 2 > words {
            2
        } else {
            0
        };
        self.cool();
    }

    /// Half of all words are far from anything that is looked for. Text without capitals keeps all: any word of it
    /// may be a name.
    fn cool(&mut self) {
        let mut left = self.mode == 0;
        let mut here = false;
        for index in 0..self.list.len() + 1 {
            let right = self.mode == 0 && self.list.get(index).is_none_or(|fact| fact.cold);
            if let Some(fact) = index.checked_sub(1).and_then(|index| self.list.get_mut(index)) {
                fact.cold = left && here && right;
            }
            if index > 0 {
                left = here;
            }
            here = right;
        }
    }

    /// Whether the token at `index` is outside for certain.
    pub(crate) fn is_cold(&self, index: usize) -> bool {
        self.at(index, 0).cold
    }

    /// Marks runs of digits, spoken or written one by one, and of spelled letters.
    fn runs(&mut self) {
        let mut start = 0;
        while start < self.list.len() {
            let Some(fact) = self.list.get(start) else { break };
            if !fact.in_run() {
                start += 1;
                continue;
            }
            let length = self.list.iter().skip(start).take_while(|fact| fact.in_run()).count();
            let after = self
                .list
                .get(start + length)
                .map_or(0, |fact| if fact.cue == Cue::None { 1 } else { 2 + fact.cue as u64 });
            for fact in self.list.iter_mut().skip(start).take(length) {
                fact.run = length.min(24) as u64;
                fact.after_run = after;
            }
            start += length;
        }
    }

    /// Tells the words of a name what is said of it: behind a comma and an article, or a verb and an article, the first
    /// word that says what something is.
    fn apposition(&mut self, tokens: &Tokens) {
        let mut end = None;
        for index in (0..tokens.list.len()).rev() {
            let capital = tokens.list.get(index).is_some_and(|token| token.shape.is_capital());
            if !capital {
                end = None;
                continue;
            }
            let said = *end.get_or_insert_with(|| self.said_after(tokens, index + 1));
            if let Some(fact) = self.list.get_mut(index) {
                fact.said = said;
            }
        }
    }

    fn said_after(&self, tokens: &Tokens, index: usize) -> Cue {
        let link = self.at(index, 0);
        let comma = tokens.list.get(index).is_some_and(|token| token.word == COMMA);
        if !(comma || link.cue == Cue::Verb) || self.at(index, 1).cue != Cue::Article {
            return Cue::None;
        }
        let mut words = self.list.iter().skip(index + 2).take(SAID_REACH);
        words
            .find(|fact| says_what(fact.cue) || fact.shape == Shape::Punctuation as u64)
            .map_or(
                Cue::Article,
                |fact| if says_what(fact.cue) { fact.cue } else { Cue::Article },
            )
    }

    fn at(&self, index: usize, offset: isize) -> &Fact {
        index
            .checked_add_signed(offset)
            .and_then(|index| self.list.get(index))
            .unwrap_or(&BEYOND)
    }

    /// Hands every feature of the token at `index` to `sink`.
    #[inline]
    pub(crate) fn emit(&self, index: usize, sink: &mut impl FnMut(u64)) {
        let (b2, b1, t, n1, n2) = (
            self.at(index, -2),
            self.at(index, -1),
            self.at(index, 0),
            self.at(index, 1),
            self.at(index, 2),
        );
        let look = t.shape | (self.mode << 4) | (u64::from(t.starts) << 6);
        let [s2, s3, s4] = t.suffix;
        let [known, known_b1, known_n1] = [t, b1, n1].map(Fact::known);
        let [class_b2, class_b1, class, class_n1] = [b2, b1, t, n1].map(Fact::class);
        // The word itself and what is around it.
        sink(feature(1, t.word, 0));
        sink(feature(2, b1.word, 0));
        sink(feature(3, n1.word, 0));
        sink(feature(4, b2.word, 0));
        sink(feature(5, n2.word, 0));
        sink(feature(6, b1.word, t.word));
        sink(feature(7, t.word, n1.word));
        // How it looks.
        sink(feature(13, look, t.gap as u64));
        sink(feature(15, t.pattern, t.value));
        sink(feature(16, t.pattern, class_b1));
        sink(feature(18, t.pattern, t.anchor as u64 | t.anchor_distance << 8));
        sink(feature(22, s2, t.shape));
        sink(feature(23, s3, t.shape));
        sink(feature(24, s4, 0));
        // What the lists know.
        sink(feature(25, u64::from(t.lexicon), t.shape));
        sink(feature(26, u64::from(t.pair), t.shape));
        sink(feature(27, known, mix(known_b1, known_n1)));
        sink(feature(28, known, mix(class_b1, look)));
        sink(feature(29, known, mix(class_n1, t.shape)));
        // Cues.
        sink(feature(34, class_b1, mix(class, class_n1)));
        sink(feature(35, class_b2, mix(class_b1, t.shape)));
        sink(feature(37, t.anchor as u64, mix(t.shape, t.anchor_distance)));
        sink(feature(38, t.field as u64, mix(t.shape, known)));
        sink(feature(39, t.run, mix(t.anchor as u64, t.after_run)));
        sink(feature(
            42,
            mix(class, t.gap as u64),
            mix(n1.gap as u64, u64::from(t.starts)),
        ));
        sink(feature(43, t.said as u64, known));
    }
}

impl Fact {
    const fn in_run(&self) -> bool {
        matches!(self.cue, Cue::Number) || self.initial || (self.shape == Shape::Digits as u64 && self.value == 7)
    }

    /// The lists in short: name, place, common word, group, organisation.
    const fn known(&self) -> u64 {
        let mask = self.lexicon;
        let mut short = 0;
        if mask & (lexicon::GIVEN_TOP | lexicon::GIVEN) != 0 {
            short |= 1;
        }
        if mask & (lexicon::FAMILY_TOP | lexicon::FAMILY) != 0 {
            short |= 2;
        }
        if mask & lexicon::ANY_NAME != 0 {
            short |= 4;
        }
        if mask & lexicon::ANY_PLACE != 0 || self.pair != 0 {
            short |= 8;
        }
        if mask & (lexicon::COMMON | lexicon::COMMON_ES) != 0 {
            short |= 16;
        }
        if mask & (lexicon::GROUP | lexicon::ORGANIZATION | lexicon::MEDICAL) != 0 {
            short |= 32;
        }
        short
    }

    /// The cue's class, or the look of what is none.
    const fn class(&self) -> u64 {
        if matches!(self.cue, Cue::None) {
            if self.shape == Shape::Punctuation as u64 {
                0x1000 | self.pattern
            } else {
                0x100 | self.shape
            }
        } else {
            self.cue as u64
        }
    }
}

/// A common word in lower case that announces nothing, or the sign between two of them.
fn is_plain(token: &Token, known: u16, cue: Cue) -> bool {
    match token.shape {
        // Next to a sign without a space it is part of an address of some kind.
        Shape::Lower => {
            token.gap != Gap::None
                && known & (lexicon::COMMON | lexicon::COMMON_ES) != 0
                && known & (lexicon::GROUP | lexicon::REGION) == 0
                && token.folded_end - token.folded_start > 1
                && matches!(
                    cue,
                    Cue::None | Cue::Verb | Cue::Article | Cue::And | Cue::Filler | Cue::Disease | Cue::Culture
                )
        }
        Shape::Punctuation => token.word == COMMA || token.word == DOT,
        _ => false,
    }
}

/// What the line so far says.
struct Line {
    starts: bool,
    anchor: Cue,
    anchor_at: usize,
    field: Cue,
    sentence_over: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            starts: true,
            anchor: Cue::None,
            anchor_at: 0,
            field: Cue::None,
            sentence_over: true,
        }
    }
}

impl Line {
    fn step(&mut self, token: &Token, index: usize) {
        let new_line = matches!(token.gap, Gap::Line | Gap::Paragraph);
        self.starts = self.sentence_over || new_line;
        if new_line {
            self.field = Cue::None;
        }
        if index - self.anchor_at > 20 {
            self.anchor = Cue::None;
            self.anchor_at = index;
        }
    }

    fn saw(&mut self, cue: Cue, token: &Token, index: usize) {
        self.sentence_over = token.shape == Shape::Punctuation && [DOT, QUESTION, BANG].contains(&token.word);
        if is_anchor(cue) {
            self.anchor = cue;
            self.anchor_at = index;
        }
        if self.field == Cue::None
            && !matches!(
                cue,
                Cue::At | Cue::On | Cue::Article | Cue::Verb | Cue::And | Cue::Filler
            )
        {
            self.field = cue;
        }
    }
}

const COMMA: u64 = mix(b',' as u64, 0x11);
const DOT: u64 = mix(b'.' as u64, 0x11);
const QUESTION: u64 = mix(b'?' as u64, 0x11);
const BANG: u64 = mix(b'!' as u64, 0x11);

/// How many words behind the article say what a name is.
const SAID_REACH: usize = 5;

/// Cues that say what something is.
const fn says_what(cue: Cue) -> bool {
    matches!(
        cue,
        Cue::City
            | Cue::Facility
            | Cue::OrgWord
            | Cue::OrgSuffix
            | Cue::Job
            | Cue::Clinician
            | Cue::Patient
            | Cue::Relation
            | Cue::Culture
            | Cue::Disease
    )
}

/// Cues that say what a number or a name after them is.
const fn is_anchor(cue: Cue) -> bool {
    matches!(
        cue,
        Cue::Mrn
            | Cue::Plan
            | Cue::Ssn
            | Cue::Npi
            | Cue::Phone
            | Cue::Mail
            | Cue::Born
            | Cue::Seen
            | Cue::Age
            | Cue::Live
            | Cue::Zip
            | Cue::Card
            | Cue::Account
            | Cue::Name
            | Cue::Patient
            | Cue::Clinician
            | Cue::Spell
    )
}

const fn distance(tokens: usize) -> u64 {
    match tokens {
        0..=2 => tokens as u64,
        3..=4 => 3,
        5..=8 => 4,
        _ => 5,
    }
}

/// Ages, years and single digits are told apart.
const fn value_class(value: u16) -> u64 {
    match value {
        NO_VALUE => 0,
        0..=9 => 7,
        10..=17 => 1,
        18..=31 => 2,
        32..=89 => 3,
        90..=120 => 4,
        1900..=2039 => 5,
        _ => 6,
    }
}

fn suffixes(text: &[u8]) -> [u64; 3] {
    [2, 3, 4].map(|length| {
        text.len()
            .checked_sub(length)
            .and_then(|start| text.get(start..))
            .map_or(0, |part| pack(part, 2))
    })
}

fn pack(part: &[u8], end: u64) -> u64 {
    part.iter().fold(end, |value, byte| (value << 8) | u64::from(*byte))
}
