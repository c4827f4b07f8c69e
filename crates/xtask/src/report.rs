//! What a check found, and how much it looked at.

use std::fmt;

/// One thing to put right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file or crate, relative to the repository.
    pub place: String,
    /// The line, counted from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.place, self.message),
            None => write!(f, "{}: {}", self.place, self.message),
        }
    }
}

/// The findings of a check.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
    checked: Vec<String>,
}

impl Report {
    /// Notes something about a whole file or crate.
    pub fn at(&mut self, place: &str, message: impl Into<String>) {
        self.findings.push(Finding {
            place: place.to_owned(),
            line: None,
            message: message.into(),
        });
    }

    /// Notes something about a line, counted from 1.
    pub fn at_line(&mut self, place: &str, line: usize, message: impl Into<String>) {
        self.findings.push(Finding {
            place: place.to_owned(),
            line: Some(line),
            message: message.into(),
        });
    }

    /// Notes how much was looked at, so that a check that looked at nothing shows.
    pub fn looked_at(&mut self, count: usize, what: &str) {
        self.checked.push(format!("{count} {what}"));
    }

    /// What was found, in the order in which it was noted.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What was looked at, in words.
    #[must_use]
    pub fn checked(&self) -> String {
        self.checked.join(", ")
    }

    /// Whether some finding's text, as printed, contains `text`.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        self.findings.iter().any(|finding| finding.to_string().contains(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        let mut report = Report::default();
        report.at_line("a.rs", 3, "do this");
        report.at("b", "do that");
        report.looked_at(2, "files");
        let shown: Vec<_> = report.findings().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a.rs:3: do this", "b: do that"]);
        assert_eq!(report.checked(), "2 files");
        assert!(report.mentions("do that") && !report.mentions("nothing"));
    }
}
