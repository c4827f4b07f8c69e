//! The Ed25519 edge cases of C2SP CCTV, through the verification of `tlog`.
//!
//! Implementations differ on them, so what is right here is decided here. Refused are a point `A` or `R` of low order,
//! one that is not in its canonical form, and a signature that holds only when both sides are multiplied by the
//! cofactor. Accepted is what merely has a component of low order, as long as the equation holds without the cofactor:
//! nobody but the key's owner can make such a signature.

use super::Line;
use anyhow::{Context, Result, bail};
use bearingwall_tlog::note::{KeyKind, VerifierKey};
use serde::Deserialize;
use std::fs;
use std::path::Path;

const FILE: &str = "audit/c2sp-cctv/ed25519/ed25519vectors.json";

/// One of these alone refuses.
const REFUSED: [&str; 6] = [
    "low_order_A",
    "low_order_R",
    "non_canonical_A",
    "non_canonical_R",
    "low_order_residue",
    "reencoded_k",
];
/// These alone do not.
const ACCEPTED: [&str; 2] = ["low_order_component_A", "low_order_component_R"];

#[derive(Deserialize)]
struct Vector {
    number: u64,
    key: String,
    sig: String,
    msg: String,
    flags: Option<Vec<String>>,
}

pub(super) fn run(dir: &Path) -> Result<Vec<Line>> {
    let path = dir.join(FILE);
    let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let line = line_of(&text).with_context(|| format!("running {}", path.display()))?;
    Ok(vec![line])
}

fn line_of(text: &[u8]) -> Result<Line> {
    let vectors: Vec<Vector> = serde_json::from_slice(text).context("the file is no file of Ed25519 vectors")?;
    if vectors.is_empty() {
        bail!("the file holds no vector");
    }
    let mut line = Line {
        set: "c2sp cctv ed25519".to_owned(),
        ..Line::default()
    };
    let mut accepted = 0_usize;
    for vector in &vectors {
        let expected = is_to_be_accepted(vector)?;
        let found = is_accepted(vector)?;
        accepted += usize::from(found);
        if found == expected {
            line.passed += 1;
        } else {
            let flags = vector.flags.as_deref().unwrap_or_default().join(", ");
            line.failures
                .push(format!("vector {} ({flags}): accepted = {found}", vector.number));
        }
    }
    line.besides = format!("{accepted} of them accepted, the others refused");
    Ok(line)
}

fn is_to_be_accepted(vector: &Vector) -> Result<bool> {
    let flags = vector.flags.as_deref().unwrap_or_default();
    for flag in flags {
        if !REFUSED.contains(&flag.as_str()) && !ACCEPTED.contains(&flag.as_str()) {
            bail!("vector {} has the unknown flag `{flag}`", vector.number);
        }
    }
    Ok(!flags.iter().any(|flag| REFUSED.contains(&flag.as_str())))
}

fn is_accepted(vector: &Vector) -> Result<bool> {
    let key = bytes(&vector.key)?;
    let key = key.as_slice().try_into().context("a key is not 32 bytes long")?;
    let signature = bytes(&vector.sig)?;
    let Ok(key) = VerifierKey::new("vector", KeyKind::Ed25519, key) else {
        return Ok(false);
    };
    Ok(key.verify_ed25519(vector.msg.as_bytes(), &signature).is_ok())
}

fn bytes(hexadecimal: &str) -> Result<Vec<u8>> {
    let digits: Vec<char> = hexadecimal.chars().collect();
    let pairs = digits.chunks(2).map(|pair| {
        let pair: String = pair.iter().collect();
        u8::from_str_radix(&pair, 16).context("it is not hexadecimal")
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, test 1: the empty message.
    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const SIGNATURE: &str = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
        d25bf5f0595bbe24655141438e7a100b";

    fn file(message: &str, flags: &str) -> Vec<u8> {
        format!(r#"[{{"number":1,"key":"{KEY}","sig":"{SIGNATURE}","msg":"{message}","flags":{flags}}}]"#).into_bytes()
    }

    #[test]
    fn an_answer_that_differs_is_a_failure() {
        assert_eq!(line_of(&file("", "null")).unwrap().passed, 1);
        assert_eq!(line_of(&file("", r#"["low_order_component_A"]"#)).unwrap().passed, 1);
        assert_eq!(line_of(&file("", r#"["low_order_A"]"#)).unwrap().failures.len(), 1);
        assert_eq!(line_of(&file("a", "[]")).unwrap().failures.len(), 1);
        assert!(line_of(&file("", r#"["new"]"#)).is_err());
        assert!(line_of(b"[]").is_err());
    }
}
