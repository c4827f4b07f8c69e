//! Where a witness remembers the latest checkpoint of each log.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::Hash;
use crate::merkle::SourceError;
use crate::note::Note;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A checkpoint that a witness has verified and cosigned, as it remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl WitnessedCheckpoint {
    /// From the cosigned note; its signatures were verified before.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] when the text is no checkpoint.
    pub fn new(note: Note) -> Result<Self, CheckpointError> {
        Ok(Self {
            checkpoint: Checkpoint::parse(note.text())?,
            note,
        })
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// The root over these leaves.
    #[must_use]
    pub fn root(&self) -> &Hash {
        self.checkpoint.root()
    }

    /// The cosigned note.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    fn is_same_tree(&self, other: &Self) -> bool {
        (self.size(), self.root()) == (other.size(), other.root())
    }
}

fn still_holds(found: Option<&WitnessedCheckpoint>, expected: Option<&WitnessedCheckpoint>) -> bool {
    match (found, expected) {
        (None, None) => true,
        (Some(found), Some(expected)) => found.is_same_tree(expected),
        _ => false,
    }
}

/// Keeps the latest checkpoint of each origin.
pub trait WitnessStore {
    /// The latest checkpoint of a log; `None` if none was ever stored.
    ///
    /// # Errors
    /// When it cannot be read. A store that has lost what it knew must fail rather than answer `None`.
    fn latest(&self, origin: &str) -> Result<Option<WitnessedCheckpoint>, SourceError>;

    /// Stores `new` if the latest tree is still `expected`, in one step and durably; `false` if it is not.
    ///
    /// # Errors
    /// When it cannot be read or written.
    fn compare_and_store(
        &self,
        origin: &str,
        expected: Option<&WitnessedCheckpoint>,
        new: &WitnessedCheckpoint,
    ) -> Result<bool, SourceError>;
}

impl<S: WitnessStore + ?Sized> WitnessStore for &S {
    fn latest(&self, origin: &str) -> Result<Option<WitnessedCheckpoint>, SourceError> {
        (**self).latest(origin)
    }

    fn compare_and_store(
        &self,
        origin: &str,
        expected: Option<&WitnessedCheckpoint>,
        new: &WitnessedCheckpoint,
    ) -> Result<bool, SourceError> {
        (**self).compare_and_store(origin, expected, new)
    }
}

/// For tests: it forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    latest: Mutex<BTreeMap<String, WitnessedCheckpoint>>,
}

impl WitnessStore for MemoryStore {
    fn latest(&self, origin: &str) -> Result<Option<WitnessedCheckpoint>, SourceError> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(latest.get(origin).cloned())
    }

    fn compare_and_store(
        &self,
        origin: &str,
        expected: Option<&WitnessedCheckpoint>,
        new: &WitnessedCheckpoint,
    ) -> Result<bool, SourceError> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if !still_holds(latest.get(origin), expected) {
            return Ok(false);
        }
        latest.insert(origin.to_owned(), new.clone());
        Ok(true)
    }
}

/// A folder with one file for each log: the latest cosigned checkpoint, which is a remembered checkpoint for the
/// verifier of exports as it stands.
///
/// A file is written beside the old one, flushed to the disk and renamed over it. A lock on the file `lock` keeps other
/// processes out meanwhile.
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// Opens a folder, or makes it where its parent exists.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        let folder = folder.into();
        if !folder.is_dir() {
            fs::create_dir(&folder)?;
        }
        Ok(Self { folder })
    }

    /// The file of a log: the leaf hash (RFC 6962) of its origin, since an origin may hold what a file name may not.
    #[must_use]
    pub fn path(&self, origin: &str) -> PathBuf {
        self.folder
            .join(format!("{}.checkpoint", Hash::leaf(origin.as_bytes())))
    }

    fn lock(&self) -> std::io::Result<File> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.folder.join("lock"))?;
        file.lock()?;
        Ok(file)
    }
}

fn read(path: &Path) -> Result<Option<WitnessedCheckpoint>, SourceError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(WitnessedCheckpoint::new(Note::parse(&bytes)?)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl WitnessStore for FileStore {
    fn latest(&self, origin: &str) -> Result<Option<WitnessedCheckpoint>, SourceError> {
        read(&self.path(origin))
    }

    fn compare_and_store(
        &self,
        origin: &str,
        expected: Option<&WitnessedCheckpoint>,
        new: &WitnessedCheckpoint,
    ) -> Result<bool, SourceError> {
        let path = self.path(origin);
        // Held until the end of the function; the system releases it also when the process dies.
        let _lock = self.lock()?;
        if !still_holds(read(&path)?.as_ref(), expected) {
            return Ok(false);
        }
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(new.note.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(true)
    }
}
