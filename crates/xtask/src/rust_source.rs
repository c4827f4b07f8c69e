//! Tells code, comments and strings of a Rust file apart, so that a check of one is not fooled by another.

/// A Rust file taken apart. Lines are counted from 1.
#[derive(Debug, Default)]
pub struct RustSource {
    /// The file with comments, strings and character literals blanked; same lines as the file.
    pub code: String,
    /// Comments, each with the line that it starts on.
    pub comments: Vec<(usize, String)>,
    /// The contents of string literals, each with its line.
    pub strings: Vec<(usize, String)>,
}

impl RustSource {
    /// Takes a file apart.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Lexer {
            rest: text.chars().collect(),
            at: 0,
            line: 1,
            out: Self::default(),
        }
        .run()
    }

    /// The line at which the file's unit tests begin: the first `#[cfg(test)]` whose item is a module with a body.
    #[must_use]
    pub fn first_test_line(&self) -> Option<usize> {
        let lines: Vec<&str> = self.code.lines().map(str::trim).collect();
        let place = lines.windows(2).position(|pair| {
            matches!(pair, [attribute, item]
                if *attribute == "#[cfg(test)]" && item.contains("mod ") && item.ends_with('{'))
        })?;
        Some(place + 1)
    }

    /// Every function: its line, its name, and whether an attribute makes it a test.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        let lines: Vec<&str> = self.code.lines().map(str::trim).collect();
        let mut found = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else { continue };
            let attributes = lines.get(..index).unwrap_or_default().iter().rev();
            let test = line.contains("test]")
                || attributes
                    .take_while(|above| above.is_empty() || above.starts_with('#') || above.ends_with(")]"))
                    .any(|above| above.starts_with('#') && (above.contains("test]") || above.contains("test(")));
            found.push(Function {
                line: index + 1,
                name: name.to_owned(),
                test,
            });
        }
        found
    }
}

/// A function of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Where it starts.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Whether it is a test.
    pub test: bool,
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == "fn")?;
    let rest = words.next()?;
    let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
    (!name.is_empty()).then_some(name)
}

struct Lexer {
    rest: Vec<char>,
    at: usize,
    line: usize,
    out: RustSource,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    /// Takes a character and leaves a blank in the code, so that columns and lines stay.
    fn blank(&mut self) -> Option<char> {
        let c = self.take()?;
        self.out.code.push(if c == '\n' { '\n' } else { ' ' });
        Some(c)
    }

    fn run(mut self) -> RustSource {
        let mut previous = ' ';
        while let Some(c) = self.peek(0) {
            let in_word = previous.is_alphanumeric() || previous == '_';
            match (c, self.peek(1)) {
                ('/', Some('/')) => self.line_comment(),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.string(),
                ('\'', _) => self.quote(),
                ('r', Some('"' | '#')) if !in_word || previous == 'b' || previous == 'c' => self.raw_string(),
                _ => {
                    self.out.code.push(c);
                    self.take();
                }
            }
            previous = c;
        }
        self.out
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let mut text = String::new();
        while self.peek(0).is_some_and(|c| c != '\n') {
            text.extend(self.blank());
        }
        self.out.comments.push((line, text));
    }

    fn block_comment(&mut self) {
        let line = self.line;
        let (mut text, mut depth) = (String::new(), 0_usize);
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => break,
                _ => {
                    text.extend(self.blank());
                    continue;
                }
            }
            text.extend(self.blank());
            text.extend(self.blank());
            if depth == 0 {
                break;
            }
        }
        self.out.comments.push((line, text));
    }

    fn string(&mut self) {
        let line = self.line;
        let mut text = String::new();
        self.blank();
        while let Some(c) = self.blank() {
            match c {
                '"' => break,
                '\\' => text.extend(self.blank()),
                _ => text.push(c),
            }
        }
        self.out.strings.push((line, text));
    }

    fn raw_string(&mut self) {
        let hashes = (1..).take_while(|ahead| self.peek(*ahead) == Some('#')).count();
        if self.peek(1 + hashes) != Some('"') {
            // A raw identifier, `r#type`.
            self.out.code.push('r');
            self.take();
            return;
        }
        let line = self.line;
        let mut text = String::new();
        for _ in 0..hashes + 2 {
            self.blank();
        }
        while let Some(c) = self.blank() {
            if c == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                for _ in 0..hashes {
                    self.blank();
                }
                break;
            }
            text.push(c);
        }
        self.out.strings.push((line, text));
    }

    /// A character literal or a lifetime.
    fn quote(&mut self) {
        match (self.peek(1), self.peek(2)) {
            (Some('\\'), _) => {
                self.blank();
                self.blank();
                self.blank();
                while self.blank().is_some_and(|c| c != '\'') {}
            }
            (Some(_), Some('\'')) => {
                self.blank();
                self.blank();
                self.blank();
            }
            _ => {
                self.out.code.push('\'');
                self.take();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_no_code() {
        let text = "let a = \"todo!()\"; // TODO later\nlet b = r#\"x\"y\"#; /* one /* two */ three */ let c = 'c';\n";
        let source = RustSource::parse(text);
        assert!(!source.code.contains("todo") && !source.code.contains("three") && source.code.contains("let c ="));
        assert_eq!(
            source.comments,
            [
                (1, "// TODO later".to_owned()),
                (2, "/* one /* two */ three */".to_owned())
            ]
        );
        assert_eq!(source.strings, [(1, "todo!()".to_owned()), (2, "x\"y".to_owned())]);
        assert_eq!(source.code.lines().count(), 2);
    }

    #[test]
    fn quotes_of_lifetimes_and_characters_do_not_open_strings() {
        let source = RustSource::parse("fn f<'a>(x: &'a str) { g('\"', '\\'', '\\u{1F600}', b\"a\\\"b\"); h(r#type) }");
        assert_eq!(source.strings, [(1, "a\"b".to_owned())]);
        assert!(source.code.contains("fn f<'a>(x: &'a str)") && source.code.contains("h(r#type)"));
    }

    #[test]
    fn functions_know_whether_they_are_tests() {
        let text = "#[test]\nfn one() {}\n\n#[tokio::test(flavor = \"x\")]\nasync fn two() {}\n\npub fn three() {}\n\
                    #[must_use]\nfn four() {}\n";
        let found: Vec<_> = RustSource::parse(text)
            .functions()
            .into_iter()
            .map(|f| (f.line, f.name, f.test))
            .collect();
        let expected = [
            (2, "one", true),
            (5, "two", true),
            (7, "three", false),
            (9, "four", false),
        ];
        assert_eq!(found, expected.map(|(line, name, test)| (line, name.to_owned(), test)));
    }

    #[test]
    fn the_test_module_is_found() {
        let source = RustSource::parse("fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n");
        assert_eq!(source.first_test_line(), Some(3));
        assert_eq!(RustSource::parse("#[cfg(test)]\nmod tests;\n").first_test_line(), None);
    }
}
