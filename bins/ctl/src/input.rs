//! What is read from standard input: secrets, which no argument may hold, and a confirmation.

use anyhow::Context as _;
use bearingwall_core::Sensitive;
use std::io::BufRead as _;
use zeroize::Zeroizing;

/// The first line, without its end. An empty one is an error.
pub(crate) fn secret_line(what: &str) -> anyhow::Result<Sensitive<String>> {
    let line = Zeroizing::new(line().with_context(|| format!("reading the {what}"))?);
    let secret = line.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!secret.is_empty(), "standard input holds no {what}");
    Ok(Sensitive::new(secret.to_owned()))
}

/// The next line, which is empty at the end of the input.
pub(crate) fn line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
