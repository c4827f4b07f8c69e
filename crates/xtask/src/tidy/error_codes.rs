//! Every error code that the code can answer stands in `docs/errors.md`, and none stands there that cannot occur.

use crate::report::Report;
use crate::repository::Repository;
use crate::rust_source::RustSource;
use std::collections::BTreeMap;

const DOCUMENT: &str = "docs/errors.md";

pub(super) fn check(repository: &Repository, report: &mut Report) {
    let used = used_codes(repository, report);
    let listed = listed_codes(repository, report);
    for (code, place) in used.iter().filter(|(code, _)| !listed.contains_key(*code)) {
        let message = format!("answers `{code}`, which {DOCUMENT} does not list; add its row");
        report.at_line(&place.path, place.line, message);
    }
    for (code, line) in listed.iter().filter(|(code, _)| !used.contains_key(*code)) {
        report.at_line(
            DOCUMENT,
            *line,
            format!("lists `{code}`, which no `fn code` answers; remove its row"),
        );
    }
    report.looked_at(used.len(), "error codes");
}

struct Place {
    path: String,
    line: usize,
}

/// The owner of a file: `crates/x` or `bins/x`.
fn owner(path: &str) -> String {
    path.split('/').take(2).collect::<Vec<_>>().join("/")
}

fn used_codes(repository: &Repository, report: &mut Report) -> BTreeMap<String, Place> {
    let mut used: BTreeMap<String, Place> = BTreeMap::new();
    for (path, text) in repository
        .texts_ending(".rs")
        .filter(|(path, _)| !path.contains("/tests/"))
    {
        let source = RustSource::parse(text);
        let end = source.first_test_line().unwrap_or(usize::MAX);
        for (first, last) in code_functions(&source).into_iter().filter(|(first, _)| *first < end) {
            let inside = source.strings.iter().filter(|(line, _)| (first..=last).contains(line));
            for (line, code) in inside.filter(|(_, text)| is_code(text)) {
                match used.get(code) {
                    Some(other) if owner(&other.path) != owner(path) => {
                        let message = format!(
                            "`{code}` is also answered by {}; a code belongs to one crate",
                            other.path
                        );
                        report.at_line(path, *line, message);
                    }
                    _ => {
                        used.insert(
                            code.clone(),
                            Place {
                                path: path.to_owned(),
                                line: *line,
                            },
                        );
                    }
                }
            }
        }
    }
    used
}

/// First and last line of every `fn code(…) { … }`.
fn code_functions(source: &RustSource) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = source.code.lines().collect();
    let starts = source
        .functions()
        .into_iter()
        .filter(|function| function.name == "code");
    starts.map(|start| (start.line, body_end(&lines, start.line))).collect()
}

/// The line on which the braces that open at or after `first` are closed again.
fn body_end(lines: &[&str], first: usize) -> usize {
    let mut depth = 0_usize;
    let mut opened = false;
    for (index, line) in lines.iter().enumerate().skip(first.saturating_sub(1)) {
        for c in line.chars() {
            match c {
                '{' => {
                    depth += 1;
                    opened = true;
                }
                '}' => depth = depth.saturating_sub(1),
                ';' if !opened => return index + 1,
                _ => {}
            }
            if opened && depth == 0 {
                return index + 1;
            }
        }
    }
    lines.len()
}

fn listed_codes(repository: &Repository, report: &mut Report) -> BTreeMap<String, usize> {
    let mut listed = BTreeMap::new();
    let Some(text) = repository.text(DOCUMENT) else {
        report.at(DOCUMENT, "is missing; list every error code in it");
        return listed;
    };
    for (index, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(code) = cells
            .get(1)
            .map(|cell| cell.trim_matches('`'))
            .filter(|code| is_code(code))
        else {
            continue;
        };
        if cells.len() != 8 || cells.iter().skip(1).take(6).any(|cell| cell.is_empty()) {
            report.at_line(
                DOCUMENT,
                index + 1,
                format!("`{code}` needs code, crate, meaning, caller, operator, auditor"),
            );
        }
        if listed.insert(code.to_owned(), index + 1).is_some() {
            report.at_line(DOCUMENT, index + 1, format!("`{code}` is listed twice"));
        }
    }
    listed
}

/// `TEN-003`.
fn is_code(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        area.len() == 3
            && number.len() == 3
            && area.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "//! X.\nimpl C for E {\n    fn code(&self) -> &'static str {\n        match self {\n            \
        Self::A => \"ABC-001\",\n            Self::B { .. } => \"ABC-002\",\n        }\n    }\n}\nconst X: &str = \"ABC-009\";\n";
    const ROWS: &str = "| code | crate | meaning | caller | operator | auditor |\n|---|---|---|---|---|---|\n\
        | `ABC-001` | abc | x | x | x | x |\n| `ABC-002` | abc | x | x | x | x |\n";

    fn found(files: &[(&str, &str)]) -> Report {
        let mut report = Report::default();
        check(&Repository::of(files), &mut report);
        report
    }

    #[test]
    fn equal_lists_are_clean() {
        let trait_file = "//! X.\ntrait C {\n    fn code(&self) -> &'static str;\n}\nconst Y: &str = \"ABC-008\";\n";
        let test_file = "//! X.\n#[cfg(test)]\nmod tests {\n    fn code() -> &'static str { \"TST-001\" }\n}\n";
        let files = [
            ("crates/abc/src/a.rs", CODE),
            ("crates/abc/src/b.rs", trait_file),
            ("crates/abc/src/c.rs", test_file),
            (DOCUMENT, ROWS),
        ];
        assert_eq!(found(&files).findings(), []);
    }

    #[test]
    fn differences_are_found() {
        let unlisted = ROWS.replace("ABC-002", "ABC-003");
        let report = found(&[("crates/abc/src/a.rs", CODE), (DOCUMENT, &unlisted)]);
        assert!(report.mentions("crates/abc/src/a.rs:6: answers `ABC-002`") && report.mentions("lists `ABC-003`"));
        assert!(found(&[("crates/abc/src/a.rs", CODE)]).mentions("is missing"));
        let twice = format!("{ROWS}| `ABC-001` | abc | x | x |  | x |\n");
        let report = found(&[("crates/abc/src/a.rs", CODE), (DOCUMENT, &twice)]);
        assert!(report.mentions("listed twice") && report.mentions("needs code, crate"));
        let report = found(&[
            ("crates/abc/src/a.rs", CODE),
            ("crates/def/src/a.rs", CODE),
            (DOCUMENT, ROWS),
        ]);
        assert!(report.mentions("belongs to one crate"));
    }
}
