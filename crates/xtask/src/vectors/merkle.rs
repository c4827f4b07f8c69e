//! The Merkle probes of transparency-dev/merkle, through the verification of `tlog`: most of them must be refused.
//!
//! The probes of subtrees are proofs in a tree of their own, whose leaves start at `start`; which ranges are such trees
//! is said by draft-ietf-plants-merkle-tree-certs and checked here. Its consistency proofs are another algorithm, which
//! `tlog` does not have: they are not run.

use super::Line;
use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bearingwall_tlog::Hash;
use bearingwall_tlog::merkle::{verify_consistency, verify_inclusion};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "audit/transparency-dev-merkle/testdata";

/// Folder and number of probes: a folder that was cut short must not pass.
const SETS: [(&str, usize); 3] = [("inclusion", 98), ("consistency", 98), ("subtreeinclusion", 204)];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubtreeInclusion {
    leaf_idx: u64,
    start: u64,
    end: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

/// What a probe expects, and what was answered.
struct Answer {
    is_accepted: bool,
    is_expected: bool,
}

pub(super) fn run(dir: &Path) -> Result<Vec<Line>> {
    SETS.into_iter()
        .map(|(name, count)| run_set(dir, name, count))
        .collect()
}

fn run_set(dir: &Path, name: &str, count: usize) -> Result<Line> {
    let folder = dir.join(FOLDER).join(name);
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    files.sort();
    if files.len() != count {
        bail!(
            "{} holds {} probes, and {count} are known",
            folder.display(),
            files.len()
        );
    }
    let mut line = Line {
        set: format!("transparency-dev merkle {name}"),
        ..Line::default()
    };
    for path in files {
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let answer = answer(name, &text).with_context(|| format!("running {}", path.display()))?;
        if answer.is_accepted == answer.is_expected {
            line.passed += 1;
        } else {
            let shown = path.strip_prefix(&folder).unwrap_or(&path).display();
            line.failures
                .push(format!("{shown}: accepted = {}", answer.is_accepted));
        }
    }
    Ok(line)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}

fn answer(name: &str, text: &[u8]) -> Result<Answer> {
    let (is_accepted, is_refused) = match name {
        "inclusion" => {
            let probe: Inclusion = parse(text)?;
            (inclusion(&probe)?, probe.want_err)
        }
        "subtreeinclusion" => {
            let probe: SubtreeInclusion = parse(text)?;
            (subtree_inclusion(&probe)?, probe.want_err)
        }
        "consistency" => {
            let probe: Consistency = parse(text)?;
            (consistency(&probe)?, probe.want_err)
        }
        other => bail!("there is no set `{other}`"),
    };
    Ok(Answer {
        is_accepted,
        is_expected: !is_refused,
    })
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    serde_json::from_slice(text).context("it is no probe")
}

/// `None` for something that is no hash: such a proof cannot even be written down here.
fn hash(text: &str) -> Result<Option<Hash>> {
    Ok(Hash::from_slice(&STANDARD.decode(text).context("it is no base64")?))
}

fn hashes(proof: Option<&Vec<String>>) -> Result<Option<Vec<Hash>>> {
    proof.into_iter().flatten().map(|text| hash(text)).collect()
}

fn inclusion(probe: &Inclusion) -> Result<bool> {
    let parts = (
        hash(&probe.leaf_hash)?,
        hashes(probe.proof.as_ref())?,
        hash(&probe.root)?,
    );
    let (Some(leaf), Some(proof), Some(root)) = parts else {
        return Ok(false);
    };
    Ok(verify_inclusion(&leaf, probe.leaf_idx, probe.tree_size, &proof, &root).is_ok())
}

fn subtree_inclusion(probe: &SubtreeInclusion) -> Result<bool> {
    let Some(size) = probe.end.checked_sub(probe.start).filter(|size| *size > 0) else {
        return Ok(false);
    };
    // The start of a subtree is a multiple of the least power of two that its size does not exceed.
    let is_subtree = size
        .checked_next_power_of_two()
        .is_some_and(|span| probe.start.is_multiple_of(span));
    let Some(index) = probe.leaf_idx.checked_sub(probe.start).filter(|_| is_subtree) else {
        return Ok(false);
    };
    let parts = (
        hash(&probe.leaf_hash)?,
        hashes(probe.proof.as_ref())?,
        hash(&probe.root)?,
    );
    let (Some(leaf), Some(proof), Some(root)) = parts else {
        return Ok(false);
    };
    Ok(verify_inclusion(&leaf, index, size, &proof, &root).is_ok())
}

fn consistency(probe: &Consistency) -> Result<bool> {
    // Some roots are texts that are no hash. Between different sizes they are refused, as anything is that has another
    // length. Between equal sizes nothing but their equality matters, and the hash of the text keeps that.
    let root = |text: &str| {
        let found = hash(text)?;
        let stands_in = found.is_none() && probe.size1 == probe.size2;
        anyhow::Ok(if stands_in {
            Some(Hash::leaf(text.as_bytes()))
        } else {
            found
        })
    };
    let parts = (root(&probe.root1)?, root(&probe.root2)?, hashes(probe.proof.as_ref())?);
    let (Some(first), Some(second), Some(proof)) = parts else {
        return Ok(false);
    };
    Ok(verify_consistency(probe.size1, &first, probe.size2, &second, &proof).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_differs_is_seen() {
        // The tree of one empty leaf, RFC 6962 §2.1.
        let root = Hash::leaf(b"").to_base64();
        let probe = |want_err: bool| {
            format!(
                r#"{{"leafIdx":0,"treeSize":1,"root":"{root}","leafHash":"{root}","proof":null,"wantErr":{want_err}}}"#
            )
        };
        for want_err in [false, true] {
            let answer = answer("inclusion", probe(want_err).as_bytes()).unwrap();
            assert!(answer.is_accepted);
            assert_eq!(answer.is_expected, !want_err);
        }
        assert!(answer("inclusion", b"{}").is_err());
        assert!(run(Path::new("/nonexistent")).is_err());
    }
}
