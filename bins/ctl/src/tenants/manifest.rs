//! The manifest of an export: what was written, and how to see that it is still that.

use super::error::TenantError;
use anyhow::Context as _;
use bearingwall_core::CustomerId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub(super) const FILE_NAME: &str = "manifest.json";

const VERSION: u16 = 1;

/// More than a manifest of any schema needs.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What an export consists of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    version: u16,
    pub(super) tenant: CustomerId,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) status: String,
    /// Since when nobody could enter, if that was so from the beginning of the export to its end.
    pub(super) suspended_at: Option<String>,
    pub(super) schema_version: String,
    pub(super) started_at: String,
    pub(super) finished_at: String,
    /// Events of the record are those before this instant: the export itself makes more.
    pub(super) record_until: String,
    pub(super) decrypted: bool,
    pub(super) files: Vec<FileEntry>,
}

/// One file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    pub(super) file: String,
    pub(super) table: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// A manifest as it was read, with the hash of its text.
pub(super) struct ReadManifest {
    pub(super) path: PathBuf,
    pub(super) sha256: [u8; 32],
    pub(super) content: Manifest,
}

impl Manifest {
    pub(super) const fn version() -> u16 {
        VERSION
    }

    pub(super) fn new(
        tenant: bearingwall_migrations::TenantState,
        suspended_at: Option<String>,
        started_at: String,
        finished_at: String,
        decrypted: bool,
        files: Vec<FileEntry>,
    ) -> Self {
        Self {
            version: VERSION,
            tenant: tenant.id,
            slug: tenant.slug,
            name: tenant.name,
            region: tenant.region,
            status: tenant.status,
            suspended_at,
            schema_version: bearingwall_migrations::latest_version().to_owned(),
            record_until: started_at.clone(),
            started_at,
            finished_at,
            decrypted,
            files,
        }
    }

    /// Rows of a table in the export, its clear text not counted.
    pub(super) fn rows(&self, table: &str) -> u64 {
        self.entry(table).map_or(0, |entry| entry.rows)
    }

    /// The file of a table's rows as they are stored; a table without rows may have none.
    pub(super) fn entry(&self, table: &str) -> Option<&FileEntry> {
        let file = file_name(table);
        self.files.iter().find(|entry| entry.file == file)
    }
}

/// The file of a table's rows as they are stored.
pub(super) fn file_name(table: &str) -> String {
    format!("{table}.jsonl")
}

impl ReadManifest {
    /// Reads a manifest, and nothing of what it names.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let refused = |reason: String| TenantError::Manifest {
            path: path.to_owned(),
            reason,
        };
        let file = File::open(path).with_context(|| format!("opening `{}`", path.display()))?;
        let mut text = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut text)
            .with_context(|| format!("reading `{}`", path.display()))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(refused(format!("it is longer than {MAX_BYTES} bytes")).into());
        }
        let content: Manifest = serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
        if content.version != Manifest::version() {
            return Err(refused(format!("its version is {}", content.version)).into());
        }
        for entry in &content.files {
            let plain = Path::new(&entry.file).file_name() == Some(entry.file.as_ref());
            if !plain {
                return Err(refused(format!("`{}` is no plain file name", entry.file)).into());
            }
        }
        Ok(Self {
            path: path.to_owned(),
            sha256: Sha256::digest(&text).into(),
            content,
        })
    }

    /// Reads every file that it names and compares length, lines and hash.
    pub(super) fn verify_files(&self) -> anyhow::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        for entry in &self.content.files {
            let path = folder.join(&entry.file);
            let altered = |reason| TenantError::Altered {
                file: entry.file.clone(),
                reason,
            };
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(altered("it is missing").into());
                }
                Err(error) => return Err(error).with_context(|| format!("opening `{}`", path.display())),
            };
            let found = measure(file).with_context(|| format!("reading `{}`", path.display()))?;
            if (found.bytes, found.rows) != (entry.bytes, entry.rows) {
                return Err(altered("its length is another").into());
            }
            if found.sha256 != entry.sha256 {
                return Err(altered("its SHA-256 is another").into());
            }
        }
        Ok(())
    }
}

struct Measured {
    rows: u64,
    bytes: u64,
    sha256: String,
}

fn measure(mut file: File) -> std::io::Result<Measured> {
    let (mut hash, mut bytes, mut rows) = (Sha256::new(), 0, 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut buffer)?;
        let Some(read) = buffer.get(..length).filter(|read| !read.is_empty()) else {
            break;
        };
        hash.update(read);
        bytes += length as u64;
        rows += read.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    Ok(Measured {
        rows,
        bytes,
        sha256: hex(&hash.finalize()),
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(file: &str) -> serde_json::Value {
        serde_json::json!({
            "version": 1, "tenant": "0190d6f0-0000-7000-8000-00000000000a", "slug": "a", "name": "A", "region": "r", "status": "suspended",
            "suspended_at": null, "schema_version": "1", "started_at": "x", "finished_at": "y", "record_until": "x", "decrypted": false,
            "files": [{"file": file, "table": "a.b", "rows": 1, "bytes": 3, "sha256": hex(&Sha256::digest(b"{}\n"))}],
        })
    }

    fn read(value: &serde_json::Value) -> anyhow::Result<ReadManifest> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, value.to_string()).unwrap();
        ReadManifest::read(&path)
    }

    #[test]
    fn ten_9_a_manifest_names_plain_files_of_its_own_folder() {
        assert!(read(&manifest("a.b.jsonl")).is_ok());
        for bad in ["../a", "/etc/hostname", "a/b", "..", ""] {
            assert!(read(&manifest(bad)).is_err(), "{bad}");
        }
        let mut other = manifest("a");
        other["version"] = 2.into();
        assert!(read(&other).is_err());
        let mut more = manifest("a");
        more["more"] = 1.into();
        assert!(read(&more).is_err());
    }
}
