//! Features of tokens: the same code at training and at run time, so that the two cannot drift apart.

use super::cue::{Cue, Cues};
use super::hash::{feature, mix};
use super::lexicon::{self, Lexicon};
use super::token::{Gap, NO_VALUE, Shape, Token, Tokens};

/// What is known of one token, before its neighbours are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    pub(crate) word: u64,
    /// Word class for frequent features: the word if short on detail, otherwise its pattern.
    pub(crate) pattern: u64,
    pub(crate) shape: u64,
    pub(crate) lexicon: u16,
    pub(crate) pair: u16,
    pub(crate) cue: Cue,
    pub(crate) gap: Gap,
    pub(crate) starts: bool,
    /// Class of a small number.
    pub(crate) value: u64,
    pub(crate) suffix: [u64; 3],
    /// Nearest cue of a kind of number on the left, and how far.
    pub(crate) anchor: Cue,
    pub(crate) anchor_distance: u64,
    /// First cue of the line.
    pub(crate) field: Cue,
    /// Length of the run of spoken or written digits and position in it; the word after it.
    pub(crate) run: u64,
    pub(crate) after_run: u64,
    /// What a name in capitals is said to be behind it: "…, a village in", "… is a company".
    pub(crate) said: Cue,
    pub(crate) initial: bool,
    /// What [`Fact::own`] is made of, in one number.
    pub(crate) spelling: u64,
    /// A plain word of a sentence, as are its neighbours: outside without a look at features.
    pub(crate) cold: bool,
}

/// What stands before the first token and behind the last.
pub(crate) const BEYOND: Fact = Fact {
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
    spelling: 1,
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
        self.list.reserve(tokens.list.len());
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
            let value = value_class(token.value);
            let look = u64::from(token.pattern) | (token.shape as u64) << 32 | value << 40;
            self.list.push(Fact {
                word: token.word,
                pattern: u64::from(token.pattern),
                shape: token.shape as u64,
                lexicon: known,
                pair,
                cue,
                gap: token.gap,
                starts: line.starts,
                value,
                suffix: suffixes(text),
                anchor: line.anchor,
                anchor_distance: distance(index - line.anchor_at),
                field: line.field,
                run: 0,
                after_run: 0,
                said: Cue::None,
                initial: token.shape == Shape::Initial || (is_word && text.len() == 1),
                spelling: mix(token.word, look),
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

    #[inline]
    pub(crate) fn at(&self, index: usize, offset: isize) -> &Fact {
        index
            .checked_add_signed(offset)
            .and_then(|index| self.list.get(index))
            .unwrap_or(&BEYOND)
    }

    /// Hands every feature of the token at `index` to `sink`.
    #[cfg(any(feature = "train", test))]
    pub(crate) fn emit(&self, index: usize, sink: &mut impl FnMut(u64)) {
        let around @ [b2, b1, t, n1, n2] = self.around(index);
        let [word, value, s2, s3, s4, lists] = t.own();
        let [
            crossed_left,
            crossed_right,
            by_class,
            by_anchor,
            known,
            left,
            right,
            classes,
            before,
        ] = self.crossed(&around);
        // The word itself and what is around it.
        sink(word);
        sink(near(b1.word, Side::After));
        sink(near(n1.word, Side::Before));
        sink(near(b2.word, Side::TwoAfter));
        sink(near(n2.word, Side::TwoBefore));
        sink(crossed_left);
        sink(crossed_right);
        // How it looks.
        sink(look(self.look(t), t.gap));
        sink(value);
        sink(by_class);
        sink(by_anchor);
        sink(s2);
        sink(s3);
        sink(s4);
        // What the lists know.
        sink(lists);
        sink(pair(t.pair, t.shape));
        sink(known);
        sink(left);
        sink(right);
        // Cues.
        sink(classes);
        sink(before);
        sink(anchor(t.anchor, t.shape, t.anchor_distance));
        sink(field(t.field, t.shape, t.known()));
        sink(run(t.run, t.anchor, t.after_run));
        sink(place(t.class(), t.gap, n1.gap, t.starts));
        sink(said(t.said, t.known()));
    }

    /// The token at `index` between the two before and the two after it.
    #[inline]
    pub(crate) fn around(&self, index: usize) -> [&Fact; 5] {
        [-2, -1, 0, 1, 2].map(|offset| self.at(index, offset))
    }

    /// How a token is written, and the text around it.
    #[inline]
    pub(crate) fn look(&self, fact: &Fact) -> u64 {
        fact.shape | (self.mode << 4) | (u64::from(fact.starts) << 6)
    }

    /// The features of a token that cross it with its neighbours, or with more than few values.
    #[inline]
    pub(crate) fn crossed(&self, [b2, b1, t, n1, _]: &[&Fact; 5]) -> [u64; 9] {
        let look = self.look(t);
        let [known, known_b1, known_n1] = [t, b1, n1].map(|fact| fact.known());
        let [class_b2, class_b1, class, class_n1] = [b2, b1, t, n1].map(|fact| fact.class());
        [
            feature(6, b1.word, t.word),
            feature(7, t.word, n1.word),
            feature(16, t.pattern, class_b1),
            feature(18, t.pattern, t.anchor as u64 | t.anchor_distance << 8),
            feature(27, known, mix(known_b1, known_n1)),
            feature(28, known, mix(class_b1, look)),
            feature(29, known, mix(class_n1, t.shape)),
            feature(34, class_b1, mix(class, class_n1)),
            feature(35, class_b2, mix(class_b1, t.shape)),
        ]
    }
}

/// Where a word's neighbour stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    After,
    Before,
    TwoAfter,
    TwoBefore,
}

/// The feature that a word is to a neighbour.
#[inline]
pub(crate) const fn near(word: u64, side: Side) -> u64 {
    feature(2 + side as u64, word, 0)
}

#[inline]
pub(crate) const fn look(look: u64, gap: Gap) -> u64 {
    feature(13, look, gap as u64)
}

#[inline]
pub(crate) const fn pair(pair: u16, shape: u64) -> u64 {
    feature(26, pair as u64, shape)
}

#[inline]
pub(crate) const fn anchor(anchor: Cue, shape: u64, distance: u64) -> u64 {
    feature(37, anchor as u64, mix(shape, distance))
}

#[inline]
pub(crate) const fn field(field: Cue, shape: u64, known: u64) -> u64 {
    feature(38, field as u64, mix(shape, known))
}

#[inline]
pub(crate) const fn run(run: u64, anchor: Cue, after: u64) -> u64 {
    feature(39, run, mix(anchor as u64, after))
}

#[inline]
pub(crate) const fn place(class: u64, gap: Gap, next: Gap, starts: bool) -> u64 {
    feature(42, mix(class, gap as u64), mix(next as u64, starts as u64))
}

#[inline]
pub(crate) const fn said(said: Cue, known: u64) -> u64 {
    feature(43, said as u64, known)
}

impl Fact {
    /// The features of a token alone: its word, its look and what the lists know of it.
    #[inline]
    pub(crate) fn own(&self) -> [u64; 6] {
        let [s2, s3, s4] = self.suffix;
        [
            feature(1, self.word, 0),
            feature(15, self.pattern, self.value),
            feature(22, s2, self.shape),
            feature(23, s3, self.shape),
            feature(24, s4, 0),
            feature(25, u64::from(self.lexicon), self.shape),
        ]
    }

    const fn in_run(&self) -> bool {
        matches!(self.cue, Cue::Number) || self.initial || (self.shape == Shape::Digits as u64 && self.value == 7)
    }

    /// The lists in short: name, place, common word, group, organisation.
    pub(crate) const fn known(&self) -> u64 {
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
    pub(crate) const fn class(&self) -> u64 {
        if matches!(self.cue, Cue::None) {
            if self.shape == Shape::Punctuation as u64 {
                MARK | self.pattern
            } else {
                LOOK | self.shape
            }
        } else {
            self.cue as u64
        }
    }
}

/// What is added to the look of a token without a cue in its class.
pub(crate) const LOOK: u64 = 0x100;
/// What is added to the pattern of a mark in its class.
pub(crate) const MARK: u64 = 0x1000;

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

#[inline]
fn suffixes(text: &[u8]) -> [u64; 3] {
    if let Some(last) = text.last_chunk::<4>() {
        let last = u64::from(u32::from_be_bytes(*last));
        return [2 << 16 | last & 0xffff, 2 << 24 | last & 0xff_ffff, 2 << 32 | last];
    }
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
