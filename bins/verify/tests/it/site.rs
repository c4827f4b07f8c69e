//! An export in a folder, and the program to run over it.

use bearingwall_tlog::Hash;
use bearingwall_tlog::bundle::{BundleHeader, BundleWriter, Selection};
use bearingwall_tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use bearingwall_tlog::merkle::{MemoryTree, tree_root};
use bearingwall_tlog::note::{CosigningKey, Note, SigningKey};
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const ORIGIN: &str = "audit.example.org/tenant/7";
pub(crate) const CUSTOMER: Uuid = Uuid::from_u128(7);

pub(crate) struct Site {
    folder: TempDir,
    pub(crate) key: SigningKey,
    pub(crate) witness: CosigningKey,
    tree: MemoryTree,
}

impl Site {
    /// A log of 50 events, and an export of the leaves 10 to 39.
    pub(crate) fn new() -> Self {
        let lines: Vec<String> = (0..50)
            .map(|index| format!(r#"{{"customer_id":"{CUSTOMER}","event_id":"event-{index}"}}"#))
            .collect();
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            key: SigningKey::from_seed(ORIGIN, &[1; 32]).unwrap(),
            witness: CosigningKey::from_seed("witness.example", &[2; 32]).unwrap(),
            tree: lines.iter().map(|line| Hash::leaf(line.as_bytes())).collect(),
        };
        let mut note = site.checkpoint(50);
        note.cosign(&site.witness, 1_700_000_000).unwrap();
        let signed = SignedCheckpoint::verify(note, ORIGIN, &[site.key.verifier()]).unwrap();
        let header = BundleHeader {
            customer_id: CUSTOMER,
            selection: Selection::Range,
            first: 10,
        };
        let mut writer = BundleWriter::create(&site.bundle(), header, &signed).unwrap();
        for index in 10..40 {
            writer
                .event(index, lines[usize::try_from(index).unwrap()].as_bytes())
                .unwrap();
        }
        writer.finish(&site.tree, &[]).unwrap();
        site
    }

    pub(crate) fn checkpoint(&self, size: u64) -> Note {
        let root = tree_root(&self.tree, size).unwrap();
        Checkpoint::new(ORIGIN, size, root).unwrap().sign(&[&self.key]).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.path("export")
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs the program over the export with the right key and more arguments.
    pub(crate) fn verify(&self, more: &[&str]) -> Output {
        let key = self.key.verifier().to_string();
        let bundle = self.bundle();
        let mut arguments = vec![bundle.to_str().unwrap(), "--key", &key];
        arguments.extend(more);
        run(&arguments)
    }
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bearingwall-verify"))
        .args(arguments)
        .output()
        .unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
