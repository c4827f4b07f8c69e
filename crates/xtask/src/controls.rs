//! The catalogue, the documents, the marks and the tests hold the same controls.

use crate::report::Report;
use crate::repository::Repository;
use crate::rust_source::RustSource;
use bearingwall_controls::{CATALOGUE, Control, Evidence};
use std::collections::{BTreeMap, BTreeSet};

/// What every control's section in `docs/controls/` says, in bold at the start of a line.
pub const LABELS: [&str; 6] = [
    "Statement",
    "Threat",
    "Enforced at",
    "Evidence",
    "Residual risk",
    "Framework clauses",
];

/// Checks the repository against the catalogue.
pub fn check(repository: &Repository) -> anyhow::Result<Report> {
    let mut report = Report::default();
    check_against(&CATALOGUE, repository, &mut report);
    report.looked_at(CATALOGUE.len(), "controls");
    Ok(report)
}

fn check_against(catalogue: &[Control], repository: &Repository, report: &mut Report) {
    let known: BTreeSet<&str> = catalogue.iter().map(|control| control.id).collect();
    let areas: BTreeSet<&str> = known.iter().filter_map(|id| id.split('-').next()).collect();
    let code = Code::read(repository, &areas);
    let sections = read_sections(repository, report);

    for control in catalogue {
        let id = control.id;
        if !sections.iter().any(|section| section.id == id) {
            let place = format!("docs/controls/{}.md", control.crate_name);
            report.at(&place, format!("has no section `## {id} …`"));
        }
        if !code.marks.contains_key(id) {
            report.at(
                id,
                format!("no `// CONTROL: {id}` stands where it is enforced, in crates/, bins/ or migrations/"),
            );
        }
        if !code.tests.contains_key(id) {
            report.at(id, format!("no test is named `{}…`", prefix(id)));
        }
        for evidence in control.evidence {
            if let Evidence::File(path) = evidence
                && !repository.has(path)
            {
                report.at(id, format!("its evidence `{path}` does not exist"));
            }
        }
    }
    for (what, ids) in [("mark", &code.marks), ("test", &code.tests)] {
        for (id, (place, line)) in ids.iter().filter(|(id, _)| !known.contains(id.as_str())) {
            report.at_line(
                place,
                *line,
                format!("a {what} for `{id}`, which is not in the catalogue of crates/controls"),
            );
        }
    }
    for section in &sections {
        if !known.contains(section.id.as_str()) {
            let message = format!("`{}` is not in the catalogue of crates/controls", section.id);
            report.at_line(&section.place, section.line, message);
        }
        check_section(section, &code.functions, report);
    }
}

fn prefix(id: &str) -> String {
    format!("{}_", id.to_ascii_lowercase().replace('-', "_"))
}

/// Reads an id (`TEN-1`) from the start of a text; also returns the rest.
fn leading_id(text: &str) -> Option<(&str, &str)> {
    let area = text
        .get(..3)
        .filter(|area| area.bytes().all(|byte| byte.is_ascii_uppercase()))?;
    let digits = text.get(3..)?.strip_prefix('-')?;
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let end = area.len() + 1 + count;
    if count == 0 {
        return None;
    }
    Some((text.get(..end)?, text.get(end..)?))
}

/// The ids after `CONTROL:`, separated by commas.
fn marked_ids(comment: &str) -> Vec<&str> {
    let Some((_, mut rest)) = comment.split_once("CONTROL:") else {
        return Vec::new();
    };
    let mut ids = Vec::new();
    while let Some((id, after)) = leading_id(rest.trim_start_matches([',', ' '])) {
        ids.push(id);
        rest = after;
    }
    ids
}

/// The control that a test's name names, if its area is one of the catalogue's.
fn tested_id(name: &str, areas: &BTreeSet<&str>) -> Option<String> {
    let mut parts = name.splitn(3, '_');
    let (area, number) = (parts.next()?.to_ascii_uppercase(), parts.next()?);
    parts.next()?;
    let counted = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (areas.contains(area.as_str()) && counted).then(|| format!("{area}-{number}"))
}

type Places = BTreeMap<String, (String, usize)>;

/// What the code says about controls.
#[derive(Default)]
struct Code {
    marks: Places,
    tests: Places,
    functions: BTreeSet<String>,
}

impl Code {
    fn read(repository: &Repository, areas: &BTreeSet<&str>) -> Self {
        let mut code = Self::default();
        for (path, text) in repository.texts() {
            if !["crates/", "bins/", "migrations/"]
                .iter()
                .any(|folder| path.starts_with(folder))
            {
                continue;
            }
            match path.rsplit_once('.').map(|(_, extension)| extension) {
                Some("rs") => code.read_rust(path, text, areas),
                Some("sql") => code.read_lines(path, text, "--"),
                Some("csv" | "conf" | "toml") => code.read_lines(path, text, "#"),
                _ => {}
            }
        }
        code
    }

    fn read_rust(&mut self, path: &str, text: &str, areas: &BTreeSet<&str>) {
        let source = RustSource::parse(text);
        for (line, comment) in &source.comments {
            // A `//!` or `///` text may speak of the marks; the mark itself is a plain comment.
            if !comment.starts_with("//!") && !comment.starts_with("///") {
                self.mark(path, *line, comment);
            }
        }
        for function in source.functions() {
            if let Some(id) = tested_id(&function.name, areas).filter(|_| function.test) {
                self.tests.entry(id).or_insert((path.to_owned(), function.line));
            }
            self.functions.insert(function.name);
        }
    }

    fn read_lines(&mut self, path: &str, text: &str, opening: &str) {
        for (index, line) in text.lines().enumerate() {
            if let Some((_, comment)) = line.split_once(opening) {
                self.mark(path, index + 1, comment);
            }
        }
    }

    fn mark(&mut self, path: &str, line: usize, comment: &str) {
        for id in marked_ids(comment) {
            self.marks.entry(id.to_owned()).or_insert((path.to_owned(), line));
        }
    }
}

/// A control's section of a document.
struct Section {
    id: String,
    place: String,
    line: usize,
    body: Vec<(usize, String)>,
}

fn read_sections(repository: &Repository, report: &mut Report) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (path, text) in repository
        .texts_ending(".md")
        .filter(|(path, _)| path.starts_with("docs/controls/"))
    {
        let mut current: Option<Section> = None;
        for (index, line) in text.lines().enumerate() {
            if let Some(heading) = line.strip_prefix("## ") {
                sections.extend(current.take());
                let Some((id, _)) = leading_id(heading) else { continue };
                if sections.iter().any(|section| section.id == id) {
                    report.at_line(path, index + 1, format!("`{id}` has two sections; keep one"));
                }
                let (id, place) = (id.to_owned(), path.to_owned());
                current = Some(Section {
                    id,
                    place,
                    line: index + 1,
                    body: Vec::new(),
                });
            } else if let Some(section) = &mut current {
                section.body.push((index + 1, line.to_owned()));
            }
        }
        sections.extend(current);
    }
    sections
}

fn check_section(section: &Section, functions: &BTreeSet<String>, report: &mut Report) {
    let label = |line: &str| {
        let rest = line.trim_start_matches(['-', ' ']).strip_prefix("**")?;
        LABELS.into_iter().find(|label| rest.starts_with(label))
    };
    for wanted in LABELS {
        if !section.body.iter().any(|(_, line)| label(line) == Some(wanted)) {
            report.at_line(
                &section.place,
                section.line,
                format!("`{}` lacks `**{wanted}**`", section.id),
            );
        }
    }
    let mut evidence = false;
    let mut named = 0_usize;
    for (line, text) in &section.body {
        if text.trim_start_matches(['-', ' ']).starts_with("**") {
            evidence = label(text) == Some("Evidence");
        }
        if !evidence {
            continue;
        }
        for code in text.split('`').skip(1).step_by(2) {
            for test in named_tests(code) {
                named += 1;
                if !functions.contains(test) && !functions.iter().any(|function| function.starts_with(test)) {
                    report.at_line(&section.place, *line, format!("no function is named `{test}`"));
                }
            }
        }
    }
    if named == 0 {
        report.at_line(
            &section.place,
            section.line,
            format!("`{}` names no test under **Evidence**", section.id),
        );
    }
}

/// The test names in a piece of inline code: the whole of it, the last part of a path, or what a test command filters by.
fn named_tests(code: &str) -> Vec<&str> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let candidates = match words.as_slice() {
        [only] => vec![*only],
        ["cargo", "test", arguments @ ..] => arguments
            .iter()
            .copied()
            .filter(|word| !word.starts_with('-'))
            .collect(),
        _ => Vec::new(),
    };
    let name = |word| str::rsplit(word, "::").next().filter(|name| is_test_name(name));
    candidates.into_iter().filter_map(name).collect()
}

/// A claim has three words at least; names of the catalog of PostgreSQL look alike and are none.
fn is_test_name(word: &str) -> bool {
    word.split('_').count() >= 3
        && !word.starts_with("pg_")
        && word.starts_with(|c: char| c.is_ascii_lowercase())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_controls::{Clause, Framework};

    const ONE: Control = Control {
        id: "ABC-1",
        title: "One",
        statement: "It holds.",
        crate_name: "abc",
        clauses: &[Clause {
            framework: Framework::Hipaa,
            cite: "164.312(b)",
        }],
        evidence: &[Evidence::Tests("cargo test --workspace abc_1_")],
    };

    const DOCUMENT: &str = "# Abc\n\n## ABC-1 One\n\n**Statement**: It holds.\n**Threat**: x.\n**Enforced at**: x.\n\
        **Evidence**: `abc_1_it_holds`, `cargo test -p abc abc_1_it_holds`.\n**Residual risk**: x.\n\
        **Framework clauses**: x.\n";
    const CODE: &str = "// CONTROL: ABC-1\nfn enforce() {}\n#[test]\nfn abc_1_it_holds() {}\n";

    fn found(document: &str, code: &str) -> Report {
        let repository = Repository::of(&[("docs/controls/abc.md", document), ("crates/abc/src/lib.rs", code)]);
        let mut report = Report::default();
        check_against(&[ONE], &repository, &mut report);
        report
    }

    #[test]
    fn four_equal_sets_are_clean() {
        assert_eq!(found(DOCUMENT, CODE).findings(), []);
    }

    #[test]
    fn whatever_is_missing_is_named() {
        assert!(found("# Abc\n", CODE).mentions("docs/controls/abc.md: has no section `## ABC-1"));
        assert!(found(DOCUMENT, "#[test]\nfn abc_1_it_holds() {}\n").mentions("no `// CONTROL: ABC-1`"));
        assert!(found(DOCUMENT, "// CONTROL: ABC-1\nfn abc_1_it_holds() {}\n").mentions("no test is named `abc_1_"));
        assert!(found(&DOCUMENT.replace("**Threat**", "Threat"), CODE).mentions("lacks `**Threat**`"));
        let nameless = DOCUMENT.replace("`abc_1_it_holds`, `cargo test -p abc abc_1_it_holds`", "a test");
        assert!(found(&nameless, CODE).mentions("names no test"));
    }

    #[test]
    fn whatever_is_too_much_is_named() {
        let report = found(
            &format!("{DOCUMENT}\n## ABC-2 Two\n"),
            &format!("{CODE}// CONTROL: ABC-1, ABC-3\n"),
        );
        assert!(report.mentions("`ABC-2` is not in the catalogue") && report.mentions("a mark for `ABC-3`"));
        assert!(found(DOCUMENT, &format!("{CODE}#[test]\nfn abc_4_x() {{}}\n")).mentions("a test for `ABC-4`"));
        assert!(found(&format!("{DOCUMENT}{DOCUMENT}"), CODE).mentions("two sections"));
        assert!(found(&DOCUMENT.replace("`abc_1_it_holds`,", "`abc_1_it_flies`,"), CODE).mentions("`abc_1_it_flies`"));
    }

    #[test]
    fn marks_in_sql_and_policy_count_and_marks_in_strings_do_not() {
        let areas = BTreeSet::from(["ABC"]);
        let repository = Repository::of(&[
            ("migrations/1_x/up.sql", "SELECT 1; -- CONTROL: ABC-1\n"),
            ("crates/abc/policy/policy.csv", "# CONTROL: ABC-2\n"),
            (
                "crates/abc/src/lib.rs",
                "//! CONTROL: ABC-3\nconst X: &str = \"// CONTROL: ABC-4\";\n",
            ),
            ("docs/x.sql", "-- CONTROL: ABC-5\n"),
        ]);
        let code = Code::read(&repository, &areas);
        assert_eq!(code.marks.keys().collect::<Vec<_>>(), ["ABC-1", "ABC-2"]);
    }

    #[test]
    fn other_names_with_numbers_are_not_taken_for_controls() {
        let areas = BTreeSet::from(["ABC"]);
        assert_eq!(tested_id("abc_12_holds", &areas).as_deref(), Some("ABC-12"));
        for name in ["utf_8_is_kept", "abc_1", "abc_x_holds", "abc"] {
            assert_eq!(tested_id(name, &areas), None, "{name}");
        }
        assert!(!is_test_name("pg_stat_activity") && !is_test_name("customer_id") && is_test_name("a_b_c"));
    }
}
