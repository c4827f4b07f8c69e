//! Runs public test vectors, in place, through the code that they are about.

mod ed25519;
mod merkle;
mod webhooks;
mod wycheproof;

use anyhow::{Result, bail};
use std::io::{self, Write};
use std::path::Path;

/// What one set of vectors came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line {
    /// Who wrote it and what it is about.
    set: String,
    passed: usize,
    /// What else is to be known, in parentheses behind the figures; may be empty.
    besides: String,
    /// The vectors that were answered otherwise than they should be.
    failures: Vec<String>,
}

/// Runs the vectors below `dir` and prints one line for each set.
///
/// # Errors
/// When a file is missing or unreadable, holds another number of vectors than it must, or any answer differs.
pub fn run(dir: &Path) -> Result<()> {
    let mut out = io::stdout().lock();
    let mut failed = 0;
    for set in [wycheproof::run, merkle::run, ed25519::run, webhooks::run] {
        for line in set(dir)? {
            failed += line.failures.len();
            print(&mut out, &line)?;
        }
    }
    if failed > 0 {
        bail!("{failed} vector(s) were answered otherwise than they should be");
    }
    Ok(())
}

fn print(out: &mut impl Write, line: &Line) -> Result<()> {
    let Line {
        set,
        passed,
        besides,
        failures,
    } = line;
    for failure in failures {
        writeln!(out, "{set}: {failure}")?;
    }
    write!(out, "{set}: {passed} passed, {} failed", failures.len())?;
    if !besides.is_empty() {
        write!(out, " (besides, {besides})")?;
    }
    writeln!(out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_one_line_and_each_failure_another() {
        let mut line = Line {
            set: "somebody's".to_owned(),
            passed: 3,
            ..Line::default()
        };
        let mut out = Vec::new();
        print(&mut out, &line).unwrap();
        line.besides = "more".to_owned();
        line.failures.push("vector 4".to_owned());
        print(&mut out, &line).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "somebody's: 3 passed, 0 failed\nsomebody's: vector 4\nsomebody's: 3 passed, 1 failed (besides, more)\n"
        );
    }

    #[test]
    fn missing_vectors_are_an_error() {
        assert!(run(Path::new("/nonexistent")).is_err());
    }
}
