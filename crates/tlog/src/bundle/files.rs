//! The files of an export: what there is, and reading it while its SHA-256 is computed.

use super::{
    BundleError, CHECKPOINT, CHECKPOINTS, CONSISTENCY, EVENTS, LEAVES, LINE_MAX_BYTES, MANIFEST, PROOFS, RANGE,
    ROTATIONS, at,
};
use crate::hash::Hash;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// A small file of more bytes than this is not read.
const SMALL_MAX_BYTES: u64 = 64 << 20;
const BUFFER_BYTES: usize = 256 << 10;

/// What stands in the folder.
#[derive(Debug)]
pub(super) struct Listing {
    folder: PathBuf,
    /// Files by their path in the folder, with their length in bytes.
    pub(super) files: BTreeMap<String, u64>,
    /// What does not belong there.
    pub(super) unexpected: BTreeSet<String>,
}

impl Listing {
    pub(super) fn read(folder: &Path) -> Result<Self, BundleError> {
        let mut listing = Self {
            folder: folder.to_owned(),
            files: BTreeMap::new(),
            unexpected: BTreeSet::new(),
        };
        listing.walk(folder, "")?;
        Ok(listing)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> Result<(), BundleError> {
        for entry in fs::read_dir(folder).map_err(at(folder))? {
            let entry = entry.map_err(at(folder))?;
            // A name that is no text is none of ours, and is shown as well as can be.
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            // SECURITY: the entry itself, not what a link points to.
            let metadata = entry.metadata().map_err(at(&entry.path()))?;
            if metadata.is_dir() && (name == CHECKPOINTS || name == ROTATIONS) {
                self.walk(&entry.path(), &format!("{name}/"))?;
            } else if metadata.is_file() && is_ours(&name) {
                self.files.insert(name, metadata.len());
            } else {
                self.unexpected.insert(name);
            }
        }
        Ok(())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The names below one of the folders, in their order.
    pub(super) fn below(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{folder}/");
        let names = self.files.keys().filter(|name| name.starts_with(&prefix));
        names.cloned().collect()
    }

    /// A small file as a whole; `None` where there is none.
    pub(super) fn small(&self, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
        match self.files.get(name) {
            None => Ok(None),
            Some(length) if *length > SMALL_MAX_BYTES => {
                let source = io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 MiB");
                Err(at(&self.path(name))(source))
            }
            Some(_) => fs::read(self.path(name)).map(Some).map_err(at(&self.path(name))),
        }
    }
}

fn is_ours(name: &str) -> bool {
    let numbered = |folder: &str, digits: usize| {
        let number = name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        number.is_some_and(|number| number.len() == digits && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    [MANIFEST, EVENTS, LEAVES, CHECKPOINT, RANGE, PROOFS, CONSISTENCY].contains(&name)
        || numbered(CHECKPOINTS, 20)
        || numbered(ROTATIONS, 4)
}

/// The SHA-256 of bytes: of a whole file, not of a leaf.
pub(super) fn digest(bytes: &[u8]) -> Hash {
    Hash::new(Sha256::digest(bytes).into())
}

/// The SHA-256 of a file of any length.
pub(super) fn digest_of(path: &Path) -> Result<Hash, BundleError> {
    let mut file = File::open(path).map_err(at(path))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = file.read(&mut buffer).map_err(at(path))?;
        match buffer.get(..length) {
            Some([]) | None => return Ok(Hash::new(digest.finalize().into())),
            Some(bytes) => digest.update(bytes),
        }
    }
}

/// One line of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Its bytes without the newline; of a line that is too long, the first of them.
    pub(super) bytes: &'a [u8],
    /// Whether a newline ends it.
    pub(super) is_ended: bool,
    /// Whether it is longer than [`LINE_MAX_BYTES`].
    pub(super) is_too_long: bool,
}

/// Reads a file line by line in bounded memory, and computes its SHA-256.
pub(super) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    buffer: Vec<u8>,
    digest: Sha256,
    read_bytes: u64,
}

impl Lines {
    pub(super) fn open(path: PathBuf) -> Result<Self, BundleError> {
        let file = File::open(&path).map_err(at(&path))?;
        Ok(Self {
            path,
            reader: BufReader::with_capacity(BUFFER_BYTES, file),
            buffer: Vec::new(),
            digest: Sha256::new(),
            read_bytes: 0,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, BundleError> {
        self.buffer.clear();
        let limit = LINE_MAX_BYTES as u64 + 1;
        let mut limited = self.reader.by_ref().take(limit);
        limited.read_until(b'\n', &mut self.buffer).map_err(at(&self.path))?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        self.digest.update(&self.buffer);
        self.read_bytes += self.buffer.len() as u64;
        let mut is_ended = self.buffer.ends_with(b"\n");
        let is_too_long = !is_ended && self.buffer.len() > LINE_MAX_BYTES;
        if is_ended {
            self.buffer.pop();
        } else if is_too_long {
            is_ended = self.skip_line()?;
        }
        Ok(Some(Line {
            bytes: &self.buffer,
            is_ended,
            is_too_long,
        }))
    }

    /// Passes over the rest of a line that is too long; whether a newline ends it.
    fn skip_line(&mut self) -> Result<bool, BundleError> {
        loop {
            let available = self.reader.fill_buf().map_err(at(&self.path))?;
            if available.is_empty() {
                return Ok(false);
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(available.len(), |end| end + 1);
            self.digest.update(available.get(..length).unwrap_or(available));
            self.read_bytes += length as u64;
            self.reader.consume(length);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    pub(super) fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// The SHA-256 of what was read: of the whole file, after the last line.
    pub(super) fn digest(self) -> Hash {
        Hash::new(self.digest.finalize().into())
    }
}
