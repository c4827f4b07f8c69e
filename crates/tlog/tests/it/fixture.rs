//! A log with its keys, and exports of it to tamper with.

use bearingwall_tlog::Hash;
use bearingwall_tlog::bundle::{
    BundleHeader, BundleWriter, Finding, Manifest, Report, Selection, VerifyOptions, verify,
};
use bearingwall_tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use bearingwall_tlog::merkle::{MemoryTree, tree_root};
use bearingwall_tlog::note::{Note, SigningKey};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const ORIGIN: &str = "audit.example.org/tenant/7";
pub(crate) const CUSTOMER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0007);

/// A log in memory. Logs of different branches share the events before the branch.
pub(crate) struct Log {
    pub(crate) key: SigningKey,
    pub(crate) tree: MemoryTree,
    pub(crate) lines: Vec<Vec<u8>>,
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

pub(crate) fn line(branch: &str, index: u64) -> Vec<u8> {
    format!(r#"{{"customer_id":"{CUSTOMER}","event_id":"{branch}-{index}","text":"é\n{index}"}}"#).into_bytes()
}

pub(crate) fn event_id(index: u64) -> Option<String> {
    Some(format!("main-{index}"))
}

impl Log {
    pub(crate) fn new(size: u64) -> Self {
        Self::forked(size, size)
    }

    /// Differs from [`Log::new`] from the leaf `at` on.
    pub(crate) fn forked(size: u64, at: u64) -> Self {
        let branch = |index| if index < at { "main" } else { "fork" };
        let lines: Vec<_> = (0..size).map(|index| line(branch(index), index)).collect();
        Self {
            key: key(1),
            tree: lines.iter().map(|line| Hash::leaf(line)).collect(),
            lines,
        }
    }

    pub(crate) fn checkpoint_by(&self, size: u64, key: &SigningKey) -> Note {
        let root = tree_root(&self.tree, size).unwrap();
        Checkpoint::new(ORIGIN, size, root).unwrap().sign(&[key]).unwrap()
    }

    pub(crate) fn checkpoint(&self, size: u64) -> Note {
        self.checkpoint_by(size, &self.key)
    }

    pub(crate) fn signed(&self, size: u64) -> SignedCheckpoint {
        SignedCheckpoint::verify(self.checkpoint(size), ORIGIN, &[self.key.verifier()]).unwrap()
    }

    /// Exports `first..end` of the tree of `size` leaves, with earlier checkpoints.
    pub(crate) fn export(&self, first: u64, end: u64, size: u64, earlier: &[u64], remembered: &[u64]) -> Export {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("export");
        let header = BundleHeader {
            customer_id: CUSTOMER,
            selection: Selection::Range,
            first,
        };
        let mut writer = BundleWriter::create(&path, header, &self.signed(size)).unwrap();
        for index in first..end {
            writer
                .event(index, &self.lines[usize::try_from(index).unwrap()])
                .unwrap();
        }
        for size in earlier {
            writer.earlier(&self.checkpoint(*size)).unwrap();
        }
        writer.finish(&self.tree, remembered).unwrap();
        Export { _folder: folder, path }
    }

    pub(crate) fn export_selected(&self, indices: &[u64], size: u64) -> Export {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("export");
        let header = BundleHeader {
            customer_id: CUSTOMER,
            selection: Selection::Selected,
            first: 0,
        };
        let mut writer = BundleWriter::create(&path, header, &self.signed(size)).unwrap();
        for index in indices {
            writer
                .event(*index, &self.lines[usize::try_from(*index).unwrap()])
                .unwrap();
        }
        writer.finish(&self.tree, &[]).unwrap();
        Export { _folder: folder, path }
    }

    pub(crate) fn options(&self) -> VerifyOptions {
        VerifyOptions::new(self.key.verifier())
    }
}

/// An export in a folder that goes away with it.
pub(crate) struct Export {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Export {
    pub(crate) fn verify(&self, options: &VerifyOptions) -> Report {
        verify(&self.path, options, &mut |_| ()).unwrap()
    }

    /// The findings of a verification with the right key.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let report = self.verify(&VerifyOptions::new(key(1).verifier()));
        assert_eq!(report.verified, report.findings.is_empty());
        report.findings
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn lines(&self) -> Vec<Vec<u8>> {
        let content = fs::read(self.file("events.jsonl")).unwrap();
        let mut lines: Vec<Vec<u8>> = content.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        assert_eq!(lines.pop(), Some(Vec::new()));
        lines
    }

    /// Writes other lines, and the digests anew: whoever tampers does that too.
    pub(crate) fn tamper(&self, lines: &[Vec<u8>]) {
        let content: Vec<u8> = lines
            .iter()
            .flat_map(|line| [line.as_slice(), b"\n"].concat())
            .collect();
        self.write("events.jsonl", &content);
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.file(name), content).unwrap();
        self.change_manifest(|_| ());
    }

    /// Changes the manifest, and writes the digests of all files anew.
    pub(crate) fn change_manifest(&self, change: impl FnOnce(&mut Manifest)) {
        let path = self.file("manifest.json");
        let mut manifest: Manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        manifest.files = digests(&self.path, "");
        change(&mut manifest);
        fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
    }
}

fn digests(folder: &Path, prefix: &str) -> std::collections::BTreeMap<String, Hash> {
    let mut digests = std::collections::BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            digests.extend(self::digests(&entry.path(), &format!("{name}/")));
        } else if name != "manifest.json" {
            let digest = Sha256::digest(fs::read(entry.path()).unwrap());
            digests.insert(name, Hash::new(digest.into()));
        }
    }
    digests
}
