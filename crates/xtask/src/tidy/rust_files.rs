//! Rust files: what they are for, how long they are, what their modules are called, and no test that cannot fail.

use crate::report::Report;
use crate::repository::Repository;
use crate::rust_source::RustSource;

/// The house aims at 600; from here on a machine says so.
const MOST_LINES: usize = 700;

/// Names that say nothing of what a module is for.
const EMPTY_NAMES: [&str; 7] = ["common", "util", "utils", "helper", "helpers", "prelude", "misc"];

/// What must not stand in code, and what to do instead.
const BANNED: [(&str, &str); 5] = [
    ("#[ignore", "a test runs or goes; delete it or make it run"),
    ("should_panic", "assert on the error that is returned"),
    ("todo!", "write it, or open an issue and leave the code out"),
    ("unimplemented!", "write it, or open an issue and leave the code out"),
    ("dbg!", "remove it"),
];

pub(super) fn check(repository: &Repository, report: &mut Report) {
    for (path, text) in repository.texts_ending(".rs") {
        let source = RustSource::parse(text);
        check_head(path, text, report);
        check_names(path, &source, report);
        check_code(path, &source, report);
        check_comments(path, &source, report);
        let lines = text.lines().count();
        if lines > MOST_LINES {
            report.at(
                path,
                format!("has {lines} lines; split it by what it is for (at most {MOST_LINES})"),
            );
        }
        for (index, _) in text.lines().enumerate().filter(|(_, line)| line.contains('\t')) {
            report.at_line(path, index + 1, "has a tab; indent with spaces");
        }
    }
}

fn check_head(path: &str, text: &str, report: &mut Report) {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let says = first.strip_prefix("//!").is_some_and(|rest| !rest.trim().is_empty());
    if !says && !first.starts_with("#![doc = include_str!(") {
        report.at(path, "starts without a `//!` sentence; say what the file is for");
    }
}

fn check_names(path: &str, source: &RustSource, report: &mut Report) {
    let inside = path
        .strip_prefix("crates/")
        .or_else(|| path.strip_prefix("bins/"))
        .unwrap_or(path);
    if path.ends_with("/mod.rs") {
        report.at(path, "is a `mod.rs`; call it after its module, beside the folder");
    }
    let stem = inside.trim_end_matches(".rs");
    if let Some(name) = stem.split('/').find(|part| EMPTY_NAMES.contains(part)) {
        report.at(path, format!("is called `{name}`; name the module after what it holds"));
    }
    for (index, line) in source.code.lines().enumerate() {
        let mut words = line
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .skip_while(|word| *word != "mod");
        if let Some(name) = words.nth(1).filter(|name| EMPTY_NAMES.contains(name)) {
            report.at_line(
                path,
                index + 1,
                format!("a module is called `{name}`; name it after what it holds"),
            );
        }
    }
}

fn check_code(path: &str, source: &RustSource, report: &mut Report) {
    for (index, line) in source.code.lines().enumerate() {
        for (text, instead) in BANNED.iter().filter(|(text, _)| line.contains(text)) {
            report.at_line(path, index + 1, format!("`{text}` is not for us: {instead}"));
        }
    }
}

fn check_comments(path: &str, source: &RustSource, report: &mut Report) {
    for (line, comment) in &source.comments {
        for (at, tag) in ["TODO", "FIXME", "XXX", "HACK"]
            .iter()
            .filter_map(|tag| Some((comment.find(tag)?, tag)))
        {
            let (before, after) = (
                comment.get(..at).unwrap_or_default(),
                comment.get(at..).unwrap_or_default(),
            );
            let word = !before.ends_with(char::is_alphanumeric) && !after.starts_with("XXX-");
            if word && !is_numbered(after) {
                report.at_line(
                    path,
                    *line,
                    format!("`{tag}` without an issue; write `TODO(#123)` or do it"),
                );
            }
        }
    }
}

fn is_numbered(tag: &str) -> bool {
    let number = tag
        .strip_prefix("TODO(#")
        .and_then(|rest| rest.split_once(')'))
        .map(|(number, _)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Report {
        let mut report = Report::default();
        check(&Repository::of(&[(path, text)]), &mut report);
        report
    }

    #[test]
    fn a_file_of_the_house_is_clean() {
        let text = "//! Says what it is for.\n\n// TODO(#12): later\nmod events;\n\nfn f() { g(\"todo!()\"); }\n";
        assert_eq!(found("crates/x/src/lib.rs", text).findings(), []);
        assert_eq!(
            found("crates/x/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n").findings(),
            []
        );
    }

    #[test]
    fn each_rule_is_found_broken() {
        let head = "//! Fine.\n";
        let cases = [
            ("crates/x/src/a.rs", "fn f() {}\n".to_owned(), "starts without"),
            ("crates/x/src/a.rs", "//!\nfn f() {}\n".to_owned(), "starts without"),
            ("crates/x/src/a/mod.rs", head.to_owned(), "is a `mod.rs`"),
            ("crates/x/src/utils.rs", head.to_owned(), "is called `utils`"),
            ("crates/x/src/common/a.rs", head.to_owned(), "is called `common`"),
            (
                "crates/x/src/a.rs",
                format!("{head}pub(crate) mod prelude {{}}\n"),
                "module is called `prelude`",
            ),
            (
                "crates/x/src/a.rs",
                format!("{head}#[ignore]\nfn f() {{}}\n"),
                "`#[ignore`",
            ),
            (
                "crates/x/src/a.rs",
                format!("{head}#[should_panic]\nfn f() {{}}\n"),
                "`should_panic`",
            ),
            ("crates/x/src/a.rs", format!("{head}fn f() {{ todo!() }}\n"), "`todo!`"),
            (
                "crates/x/src/a.rs",
                format!("{head}// TODO: later\n"),
                "a.rs:2: `TODO` without",
            ),
            (
                "crates/x/src/a.rs",
                format!("{head}fn f() {{\n\tg();\n}}\n"),
                "has a tab",
            ),
            (
                "crates/x/src/a.rs",
                format!("{head}{}", "\n".repeat(MOST_LINES)),
                "split it",
            ),
        ];
        for (path, text, expected) in cases {
            let report = found(path, &text);
            assert!(report.mentions(expected), "{expected}: {:?}", report.findings());
        }
    }
}
