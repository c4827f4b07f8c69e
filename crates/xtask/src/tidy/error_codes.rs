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
    /// The line of the function that answers it.
    function: usize,
    code: String,
}

fn used_codes(repository: &Repository, report: &mut Report) -> BTreeMap<String, Place> {
    let mut used: BTreeMap<String, Place> = BTreeMap::new();
    for place in answers(repository, "code") {
        match used.get(&place.code) {
            Some(other) if (&other.path, other.function) != (&place.path, place.function) => {
                let (code, at, on) = (&place.code, &other.path, other.line);
                let message = format!("`{code}` is also answered in {at}:{on}; a code belongs to one error type");
                report.at_line(&place.path, place.line, message);
            }
            _ => {
                used.insert(place.code.clone(), place);
            }
        }
    }
    // What callers are told may be another type's code, or one that stands for many.
    for place in answers(repository, "public_code") {
        used.entry(place.code.clone()).or_insert(place);
    }
    used
}

/// Every code that the functions of a name hold, in files and modules that are no tests.
fn answers(repository: &Repository, name: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for (path, text) in repository
        .texts_ending(".rs")
        .filter(|(path, _)| !path.contains("/tests/"))
    {
        let source = RustSource::parse(text);
        let end = source.first_test_line().unwrap_or(usize::MAX);
        for (first, last) in bodies(&source, name).into_iter().filter(|(first, _)| *first < end) {
            let inside = source
                .strings
                .iter()
                .filter(|(line, text)| (first..=last).contains(line) && is_code(text));
            places.extend(inside.map(|(line, code)| Place {
                path: path.to_owned(),
                line: *line,
                function: first,
                code: code.clone(),
            }));
        }
    }
    places
}

/// First and last line of every function of that name.
fn bodies(source: &RustSource, name: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = source.code.lines().collect();
    let starts = source.functions().into_iter().filter(|function| function.name == name);
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
    fn codes_that_only_callers_are_told_count_too() {
        let public =
            "//! X.\nfn public_code(&self) -> &'static str {\n    if self.0 { \"ABC-001\" } else { \"ABC-010\" }\n}\n";
        let report = found(&[
            ("crates/abc/src/a.rs", CODE),
            ("crates/def/src/b.rs", public),
            (DOCUMENT, ROWS),
        ]);
        assert_eq!(report.findings().len(), 1);
        assert!(report.mentions("crates/def/src/b.rs:3: answers `ABC-010`"));
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
        assert!(report.mentions("belongs to one error type"));
    }
}
