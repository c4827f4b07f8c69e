//! Markdown: one sentence per line, so that a change of a sentence is a change of a line.

use crate::report::Report;
use crate::repository::Repository;

/// Full stops that end no sentence.
const ABBREVIATIONS: [&str; 14] = [
    "e.g.", "i.e.", "vs.", "cf.", "No.", "Art.", "Sec.", "etc.", "Dr.", "St.", "approx.", "incl.", "Inc.", "Nos.",
];

pub(super) fn check(repository: &Repository, report: &mut Report) {
    for (path, text) in repository.texts_ending(".md") {
        let mut fenced = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced && let Some(next) = second_sentence(line) {
                report.at_line(
                    path,
                    index + 1,
                    format!("holds two sentences; start a new line before `{next} …`"),
                );
            }
        }
        if fenced {
            report.at(path, "opens a code block that it does not close");
        }
    }
}

/// The word that starts a second sentence on a line.
fn second_sentence(line: &str) -> Option<String> {
    let line = line.trim_start();
    if line.starts_with(['|', '#', '<']) || line.starts_with("    ") {
        return None;
    }
    let plain = without_code(strip_marker(line));
    let mut previous = "";
    for word in plain.split_whitespace() {
        let bare = previous.trim_end_matches(['*', ')', '"', '”', '’', '_']);
        let ends = bare.ends_with(['.', '?', '!']) && !bare.ends_with("..") && !ABBREVIATIONS.contains(&bare);
        let starts = word
            .trim_start_matches(['*', '(', '"', '“', '[', '_'])
            .starts_with(char::is_uppercase);
        if ends && starts {
            return Some(word.to_owned());
        }
        previous = word;
    }
    None
}

/// The line without its list marker (`- `, `3. `) and without a bold label (`**Statement.** `) in front.
fn strip_marker(line: &str) -> &str {
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let line = match numbered.strip_prefix(". ") {
        Some(rest) if numbered.len() < line.len() => rest,
        _ => line.trim_start_matches(['-', '>', ' ']),
    };
    match line.strip_prefix("**").and_then(|rest| rest.split_once("**")) {
        Some((_, rest)) => rest.trim_start_matches(['.', ':', ' ', '·', '—']),
        None => line,
    }
}

/// Inline code becomes one lower-case letter, the target of a link goes.
fn without_code(line: &str) -> String {
    let parts = line.split('`').enumerate();
    let text: String = parts
        .map(|(index, part)| if index % 2 == 0 { part } else { "x" })
        .collect();
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("](") {
        plain.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_per_line_is_clean() {
        for line in [
            "One sentence, e.g. This one.",
            "1. First of a list.",
            "- **Statement.** It holds.",
            "**Statement**. It holds.",
            "`A. B` is code. it is.",
            "| a cell. Another. | x |",
            "See [the text](https://example.org/A. B) for more.",
            "Since 15.20 Postgres refuses it.",
            "And so on ... Until it ends.",
        ] {
            assert_eq!(second_sentence(line), None, "{line}");
        }
    }

    #[test]
    fn two_sentences_on_a_line_are_found() {
        for line in [
            "One. Two.",
            "- One! Two.",
            "Is it so? (Yes.)",
            "**Bold.** One. Two.",
            "It says `x`. Then it ends.",
            "1. One. Two.",
        ] {
            assert!(second_sentence(line).is_some(), "{line}");
        }
        let mut report = Report::default();
        check(
            &Repository::of(&[("a.md", "One. Two.\n\n```text\nOne. Two.\n```\n")]),
            &mut report,
        );
        assert_eq!(report.findings().len(), 1);
        assert!(report.mentions("a.md:1:"));
        check(&Repository::of(&[("b.md", "```text\n")]), &mut report);
        assert!(report.mentions("does not close"));
    }
}
