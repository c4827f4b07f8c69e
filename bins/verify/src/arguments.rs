//! The command line, and what it means.

use anyhow::{Context as _, bail, ensure};
use bearingwall_tlog::bundle::{Remembered, VerifyOptions};
use bearingwall_tlog::note::{KeyKind, VerifierKey};
use clap::Parser;
use std::fs;
use std::path::PathBuf;
use uuid::Uuid;

/// Verifies an export of the audit record: every event, its place, and that none is missing.
///
/// Nothing is trusted but the keys on this command line: take them from somewhere else than the export.
/// A key is written as `<name>+<id>+<base64>`, or `@FILE` for a file that holds it.
///
/// Exit codes: 0 verified, 1 something is wrong (the output says what, and with which event), 2 could not run.
#[derive(Debug, Parser)]
#[command(name = "bearingwall-verify", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The folder of the export.
    pub(crate) bundle: PathBuf,
    /// The key of the log.
    #[arg(long, value_name = "VKEY|@FILE")]
    key: String,
    /// The identity of the log, where it is not the name of its key.
    #[arg(long)]
    origin: Option<String>,
    /// The tenant whose record it must be.
    #[arg(long, value_name = "UUID")]
    customer: Option<Uuid>,
    /// A checkpoint that was kept from earlier (from a witness, or the file `checkpoint` of an older export), which the
    /// log must continue. May be given several times.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// The key of a witness. May be given several times.
    #[arg(long = "witness", value_name = "VKEY|@FILE")]
    witnesses: Vec<String>,
    /// How many of the witnesses must have cosigned the checkpoint; all of them if it is not said.
    #[arg(long, value_name = "N")]
    quorum: Option<usize>,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Arguments {
    pub(crate) fn options(&self) -> anyhow::Result<VerifyOptions> {
        let mut options = VerifyOptions::new(read_key("--key", &self.key, KeyKind::Ed25519)?);
        options.origin.clone_from(&self.origin);
        options.customer_id = self.customer;
        for path in &self.checkpoints {
            let name = path.display().to_string();
            let note = fs::read(path).with_context(|| format!("`{name}` cannot be read"))?;
            options.remembered.push(Remembered { name, note });
        }
        for text in &self.witnesses {
            let key = read_key("--witness", text, KeyKind::CosignatureV1)?;
            ensure!(!options.witnesses.contains(&key), "a witness is given twice");
            options.witnesses.push(key);
        }
        options.quorum = self.quorum.unwrap_or(options.witnesses.len());
        if options.quorum > options.witnesses.len() {
            bail!(
                "a quorum of {} needs as many witnesses, and {} are given",
                options.quorum,
                options.witnesses.len()
            );
        }
        Ok(options)
    }
}

fn read_key(option: &str, text: &str, kind: KeyKind) -> anyhow::Result<VerifierKey> {
    let key = match text.strip_prefix('@') {
        Some(path) => {
            let content = fs::read_to_string(path).with_context(|| format!("`{path}` cannot be read"))?;
            VerifierKey::parse(content.trim())
        }
        None => VerifierKey::parse(text),
    };
    let key = key.with_context(|| format!("`{option}` is no key"))?;
    ensure!(
        key.kind() == kind,
        "`{option}` must be a key of type {:#04x}, and this one is of type {:#04x}",
        kind.byte(),
        key.kind().byte()
    );
    Ok(key)
}
