//! Weakenings of a function's body, made from its text: guards that never fire, verifications that always hold, conditions that
//! select everything.

/// A word, a number, a string or one character of punctuation.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    /// Parentheses, brackets and CASE expressions that are open before it.
    depth: usize,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }
}

/// Words after which a condition is over.
const ENDS: &[&str] = &[
    "AND",
    "OR",
    "THEN",
    ";",
    "GROUP",
    "ORDER",
    "LIMIT",
    "RETURNING",
    "FOR",
    "UNION",
    "WHERE",
    "JOIN",
    "LEFT",
    "CROSS",
    "INNER",
    "LOOP",
    "INTO",
    "ELSE",
    "END",
    "WHEN",
    "ON",
    ",",
];

/// One weakened text, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Weakened {
    pub(super) what: String,
    pub(super) body: String,
}

/// Every weakening of one body that this module knows how to make; `is_boolean` says what the function returns.
pub(super) fn weakenings(body: &str, is_boolean: bool) -> Vec<Weakened> {
    let tokens = tokens(body);
    let booleans = boolean_variables(&tokens);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = at + 1;
        if token.is_any(&["IF", "ELSIF"]) && !is_end_if(&tokens, at) {
            let then = find(&tokens, next, token.depth, &["THEN"]);
            if tokens
                .get(then + 1)
                .is_some_and(|token| token.is_any(&["RAISE", "RETURN"]))
            {
                found.push(replaced(body, &tokens, next, then, "false", "never fires"));
                found.extend(disjuncts(body, &tokens, next, then));
            }
            found.push(replaced(
                body,
                &tokens,
                next,
                conjunct_end(&tokens, next),
                "true",
                "always holds",
            ));
        } else if token.is_any(&["WHERE", "ON"]) && !is_conflict(&tokens, at) {
            found.push(replaced(
                body,
                &tokens,
                next,
                conjunct_end(&tokens, next),
                "true",
                "selects everything",
            ));
        } else if token.is("AND") && !is_between(&tokens, at) {
            found.push(replaced(
                body,
                &tokens,
                next,
                conjunct_end(&tokens, next),
                "true",
                "always holds",
            ));
        } else if token.is("=")
            && at > 1
            && tokens[at - 1].is(":")
            && booleans.iter().any(|name| tokens[at - 2].is(name))
        {
            let end = find(&tokens, next, token.depth, &[";"]);
            found.push(replaced(body, &tokens, next, end, "true", "is always true"));
        } else if token.is("RETURN") && is_boolean {
            let end = find(&tokens, next, token.depth, &[";"]);
            if !tokens[next].is("false") {
                found.push(replaced(body, &tokens, next, end, "true", "is always returned as true"));
            }
        } else if token.is("RAISE")
            && tokens.get(next).is_some_and(|token| token.is("EXCEPTION"))
            && !tokens[at.saturating_sub(1)].is("THEN")
        {
            let end = find(&tokens, next, token.depth, &[";"]);
            found.push(replaced(body, &tokens, at, end, "NULL", "is not raised"));
        }
    }
    found.retain(|weakened| weakened.body != body);
    found.dedup();
    found
}

fn replaced(body: &str, tokens: &[Token<'_>], from: usize, to: usize, with: &str, what: &str) -> Weakened {
    let (start, end) = (tokens[from].start, tokens[to - 1].end);
    let text = body[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
    Weakened {
        what: format!("`{text}` {what}"),
        body: format!("{}{with}{}", &body[..start], &body[end..]),
    }
}

/// Each side of an OR in a guard's condition, made false.
fn disjuncts(body: &str, tokens: &[Token<'_>], from: usize, to: usize) -> Vec<Weakened> {
    let depth = tokens[from].depth;
    let mut edges = vec![from];
    edges.extend(
        (from..to)
            .filter(|at| tokens[*at].is("OR") && tokens[*at].depth == depth)
            .map(|at| at + 1),
    );
    if edges.len() == 1 {
        return Vec::new();
    }
    let ends = edges.iter().skip(1).map(|edge| edge - 1).chain([to]);
    edges
        .iter()
        .zip(ends)
        .map(|(from, to)| replaced(body, tokens, *from, to, "false", "is not refused"))
        .collect()
}

/// Where the condition ends that starts here: before the first word that ends one, at the same depth.
fn conjunct_end(tokens: &[Token<'_>], from: usize) -> usize {
    let depth = tokens[from].depth;
    let mut between = false;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        if token.depth < depth || (token.depth == depth && token.is_any(&[")", "]"]) && closes_before(tokens, from, at))
        {
            return at;
        }
        if token.depth > depth || at == from {
            continue;
        }
        if token.is("BETWEEN") {
            between = true;
        } else if token.is("AND") && between {
            between = false;
        } else if token.is_any(ENDS)
            && !(token.is("END")
                && tokens[from..at]
                    .iter()
                    .any(|case| case.depth == depth && case.is("CASE")))
        {
            return at;
        }
    }
    tokens.len()
}

/// Whether the parenthesis that closes here was opened before the condition began.
fn closes_before(tokens: &[Token<'_>], from: usize, at: usize) -> bool {
    let depth = tokens[at].depth;
    !tokens[from..at]
        .iter()
        .any(|token| token.depth == depth && token.is_any(&["(", "["]))
}

fn find(tokens: &[Token<'_>], from: usize, depth: usize, words: &[&str]) -> usize {
    (from..tokens.len())
        .find(|at| tokens[*at].depth <= depth && tokens[*at].is_any(words))
        .unwrap_or(tokens.len())
}

fn is_end_if(tokens: &[Token<'_>], at: usize) -> bool {
    at > 0 && tokens[at - 1].is("END")
}

/// `ON CONFLICT` and `ON DELETE` are no conditions.
fn is_conflict(tokens: &[Token<'_>], at: usize) -> bool {
    tokens[at].is("ON")
        && tokens
            .get(at + 1)
            .is_none_or(|token| token.is_any(&["CONFLICT", "DELETE", "UPDATE"]))
}

fn is_between(tokens: &[Token<'_>], at: usize) -> bool {
    let depth = tokens[at].depth;
    tokens[..at]
        .iter()
        .rev()
        .take_while(|token| token.depth >= depth)
        .filter(|token| token.depth == depth)
        .take_while(|token| !token.is_any(&["AND", "OR", "WHERE", "THEN", ";", "IF", "ON"]))
        .any(|token| token.is("BETWEEN"))
}

/// What is declared as `name boolean`.
fn boolean_variables<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    tokens
        .windows(2)
        .filter(|pair| pair[1].is("boolean"))
        .map(|pair| pair[0].text)
        .collect()
}

fn tokens(body: &str) -> Vec<Token<'_>> {
    let bytes = body.as_bytes();
    let (mut at, mut depth, mut found) = (0, 0_usize, Vec::new());
    while at < bytes.len() {
        let start = at;
        let rest = &body[at..];
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        } else if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        } else if bytes[at] == b'\'' || bytes[at] == b'"' {
            at += 1 + rest[1..].find(char::from(bytes[at])).unwrap() + 1;
        } else if bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' {
            at += rest
                .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .unwrap_or(rest.len());
        } else {
            at += rest.chars().next().unwrap().len_utf8();
        }
        let text = &body[start..at];
        let closes = matches!(text, ")" | "]") || (text.eq_ignore_ascii_case("END") && is_case_end(&found, depth));
        if closes {
            depth = depth.saturating_sub(1);
        }
        found.push(Token {
            text,
            start,
            end: at,
            depth,
        });
        if matches!(text, "(" | "[") || text.eq_ignore_ascii_case("CASE") {
            depth += 1;
        }
    }
    found
}

/// Whether an END here closes a CASE expression instead of a block.
fn is_case_end(tokens: &[Token<'_>], depth: usize) -> bool {
    depth > 0
        && tokens
            .iter()
            .rev()
            .find(|token| token.depth + 1 == depth && (token.is("CASE") || token.is_any(&["(", "["])))
            .is_some_and(|token| token.is("CASE"))
}

#[test]
fn weakenings_are_made_from_the_text() {
    let body = "
        DECLARE v_ok boolean;
        BEGIN
            -- IF this were code AND not a comment THEN
            v_ok := a = 'x; AND y' AND (b OR c) AND d BETWEEN 1 AND 2;
            IF v_ok IS NOT TRUE OR e IS NULL THEN RAISE EXCEPTION 'no'; END IF;
            SELECT CASE WHEN f THEN 1 ELSE 2 END INTO g FROM t JOIN u ON u.x = t.x WHERE t.a = 1 AND t.b = ANY (h);
        END";
    let made = weakenings(body, false);
    let what: Vec<&str> = made.iter().map(|weakened| weakened.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "`a = 'x; AND y' AND (b OR c) AND d BETWEEN 1 AND 2` is always true",
            "`(b OR c)` always holds",
            "`d BETWEEN 1 AND 2` always holds",
            "`v_ok IS NOT TRUE OR e IS NULL` never fires",
            "`v_ok IS NOT TRUE` is not refused",
            "`e IS NULL` is not refused",
            "`v_ok IS NOT TRUE` always holds",
            "`u.x = t.x` selects everything",
            "`t.a = 1` selects everything",
            "`t.b = ANY (h)` always holds",
        ]
    );
    assert!(
        made[3].body.contains("IF false THEN RAISE EXCEPTION 'no'; END IF;"),
        "{}",
        made[3].body
    );
}
