//! Templates as a grammar: `= name` starts a rule, every line below it is one way to write it;
//! `(a|b|)` is one of its parts, `<name>` another rule, `{value}` a value, `\n` a line's end; a `\` at the end of
//! a line keeps the space before it.

use crate::train::random::Random;
use std::collections::BTreeMap;

/// A piece of a text to write.
#[derive(Clone, Debug)]
pub(crate) enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// A value of this kind.
    Value(&'a str),
}

/// All rules.
#[derive(Debug)]
pub(crate) struct Grammar<'a> {
    rules: BTreeMap<&'a str, Vec<Vec<Node<'a>>>>,
}

#[derive(Debug)]
enum Node<'a> {
    Text(&'a str),
    Line,
    Rule(&'a str),
    Value(&'a str),
    Choice(Vec<Vec<Node<'a>>>),
}

/// Receives the pieces of a text; the flag says that the piece starts the text.
type Write<'w> = dyn FnMut(&mut Random, Piece<'_>, bool) + 'w;

impl<'a> Grammar<'a> {
    /// Reads rules.
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut rules: BTreeMap<&str, Vec<Vec<Node<'_>>>> = BTreeMap::new();
        let mut name = "";
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(rule) = line.strip_prefix("= ") {
                name = rule.trim();
            } else {
                let mut rest = line;
                rules.entry(name).or_default().push(sequence(&mut rest));
            }
        }
        Self { rules }
    }

    /// Writes one text of the rule `name`.
    pub(crate) fn expand(&self, name: &str, random: &mut Random, write: &mut Write<'_>) {
        let mut first = true;
        self.rule(name, random, &mut first, write, 0);
    }

    fn rule(&self, name: &str, random: &mut Random, first: &mut bool, write: &mut Write<'_>, depth: usize) {
        let Some(ways) = self.rules.get(name) else {
            debug_assert!(false, "no rule `{name}`");
            return;
        };
        if depth < 12
            && let Some(way) = ways.get(random.below(ways.len()))
        {
            self.nodes(way, random, first, write, depth);
        }
    }

    fn nodes(&self, nodes: &[Node<'_>], random: &mut Random, first: &mut bool, write: &mut Write<'_>, depth: usize) {
        for node in nodes {
            let piece = match node {
                Node::Text(text) => Piece::Text(text),
                Node::Line => Piece::Text("\n"),
                Node::Value(kind) => Piece::Value(kind),
                Node::Rule(name) => {
                    self.rule(name, random, first, write, depth + 1);
                    continue;
                }
                Node::Choice(ways) => {
                    if let Some(way) = ways.get(random.below(ways.len())) {
                        self.nodes(way, random, first, write, depth);
                    }
                    continue;
                }
            };
            write(random, piece, *first);
            *first = false;
        }
    }
}

/// Reads up to the end of the line, or to what ends a choice's part.
fn sequence<'a>(rest: &mut &'a str) -> Vec<Node<'a>> {
    let mut nodes = Vec::new();
    while let Some(character) = rest.chars().next() {
        match character {
            '|' | ')' => break,
            '(' => {
                *rest = rest.get(1..).unwrap_or_default();
                nodes.push(choice(rest));
            }
            '<' => nodes.push(Node::Rule(enclosed(rest, '>'))),
            '{' => nodes.push(Node::Value(enclosed(rest, '}'))),
            '\\' => {
                let escaped = rest.get(1..2).unwrap_or_default();
                *rest = rest.get(2..).unwrap_or_default();
                nodes.push(match escaped {
                    "n" => Node::Line,
                    "t" => Node::Text("\t"),
                    _ => Node::Text(escaped),
                });
            }
            _ => {
                let end = rest.find(['|', ')', '(', '<', '{', '\\']).unwrap_or(rest.len());
                let (text, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                nodes.push(Node::Text(text));
                *rest = after;
            }
        }
    }
    nodes
}

fn choice<'a>(rest: &mut &'a str) -> Node<'a> {
    let mut ways = Vec::new();
    loop {
        ways.push(sequence(rest));
        let sign = rest.chars().next();
        *rest = rest.get(1..).unwrap_or_default();
        if sign != Some('|') {
            return Node::Choice(ways);
        }
    }
}

fn enclosed<'a>(rest: &mut &'a str, end: char) -> &'a str {
    let inner = rest.get(1..).unwrap_or_default();
    let (name, after) = inner.split_once(end).unwrap_or((inner, ""));
    *rest = after;
    name
}
