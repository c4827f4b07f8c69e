//! Writes an export, which appears under its name only when it is whole and verifies.

use super::events::EventHead;
use super::files::{digest, digest_of};
use super::manifest::{ConsistencyEntry, FORMAT, ProofLine, RangeFile};
use super::{
    BundleError, CHECKPOINT, CHECKPOINTS, CONSISTENCY, EVENTS, LEAVES, LINE_MAX_BYTES, MANIFEST, Manifest, PROOFS,
    RANGE, ROTATIONS, Selection, at, checkpoint_name, rotation_name,
};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::hash::{HASH_BYTES, Hash};
use crate::merkle::{
    Frontier, HashReader, MerkleError, Node, Plan, covering, inclusion_proof, range_proof, verify_inclusion,
};
use crate::note::Note;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What an export is about.
#[derive(Clone, Debug)]
pub struct BundleHeader {
    /// The tenant whose log it is.
    pub customer_id: Uuid,
    /// How the events are chosen.
    pub selection: Selection,
    /// Of a range, the index of its first leaf; otherwise of no meaning.
    pub first: u64,
}

/// Writes the folder of an export beside its place, and puts it there in one step.
///
/// 1. [`BundleWriter::create`] with the checkpoint that the export leads to.
/// 2. [`BundleWriter::event`] for each leaf, indices rising; [`BundleWriter::rotation`], oldest first;
///    [`BundleWriter::earlier`] for each earlier checkpoint.
/// 3. [`BundleWriter::needed`] says which hashes of the tree the proofs need. A store that is asked asynchronously
///    fetches them into a `BTreeMap<Node, Hash>`, which is a [`HashReader`].
/// 4. [`BundleWriter::finish`] writes the proofs, verifies all of it, and renames the folder.
///
/// A writer that is dropped before removes what it has written.
#[derive(Debug)]
pub struct BundleWriter {
    target: PathBuf,
    partial: PathBuf,
    header: BundleHeader,
    checkpoint: Checkpoint,
    files: BTreeMap<String, Hash>,
    events: BufWriter<File>,
    leaves: BufWriter<File>,
    /// Of selected events, their leaf indices.
    indices: Vec<u64>,
    count: u64,
    last: Option<u64>,
    rotations: usize,
    earlier: BTreeMap<u64, Hash>,
    is_finished: bool,
}

impl BundleWriter {
    /// Starts an export at `target`, where nothing may stand yet and whose parent must exist.
    ///
    /// # Errors
    /// [`BundleError::Io`] when something stands at the target, or a file cannot be written.
    pub fn create(target: &Path, header: BundleHeader, checkpoint: &SignedCheckpoint) -> Result<Self, BundleError> {
        let taken = || std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        if target.exists() {
            return Err(at(target)(taken()));
        }
        let name = target.file_name().ok_or_else(taken).map_err(at(target))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".partial");
        let partial = target.with_file_name(hidden);
        fs::create_dir(&partial).map_err(at(&partial))?;
        let open = |name: &str| {
            let path = partial.join(name);
            File::create_new(&path).map(BufWriter::new).map_err(at(&path))
        };
        let files = (open(EVENTS), open(LEAVES));
        let (events, leaves) = match files {
            (Ok(events), Ok(leaves)) => (events, leaves),
            (Err(error), _) | (_, Err(error)) => {
                let _ = fs::remove_dir_all(&partial);
                return Err(error);
            }
        };
        let mut writer = Self {
            target: target.to_owned(),
            partial,
            header,
            checkpoint: checkpoint.checkpoint().clone(),
            files: BTreeMap::new(),
            events,
            leaves,
            indices: Vec::new(),
            count: 0,
            last: None,
            rotations: 0,
            earlier: BTreeMap::new(),
            is_finished: false,
        };
        writer.write(CHECKPOINT, checkpoint.note().to_string().as_bytes())?;
        Ok(writer)
    }

    /// Adds an event: its leaf index, and the bytes of which its leaf is the hash, without a newline.
    ///
    /// # Errors
    /// [`BundleError::Event`] when the index does not follow, lies outside the tree, or the bytes are no event;
    /// [`BundleError::Io`].
    pub fn event(&mut self, index: u64, line: &[u8]) -> Result<(), BundleError> {
        let refused = |reason| Err(BundleError::Event { index, reason });
        let follows = match (self.header.selection, self.last) {
            (Selection::Range, None) => index == self.header.first,
            (Selection::Range, Some(last)) => last.checked_add(1) == Some(index),
            (Selection::Selected, last) => last.is_none_or(|last| last < index),
        };
        if !follows {
            return refused("its index does not follow");
        }
        if index >= self.checkpoint.size() {
            return refused("its index lies outside the tree");
        }
        if line.len() > LINE_MAX_BYTES || line.contains(&b'\n') {
            return refused("it is too long, or more than one line");
        }
        if EventHead::read(line).is_none() {
            return refused("it is no JSON object with an `event_id`");
        }
        let (events, leaves) = (self.partial.join(EVENTS), self.partial.join(LEAVES));
        self.events.write_all(line).map_err(at(&events))?;
        self.events.write_all(b"\n").map_err(at(&events))?;
        self.leaves
            .write_all(Hash::leaf(line).as_bytes())
            .map_err(at(&leaves))?;
        if self.header.selection == Selection::Selected {
            self.indices.push(index);
        }
        self.last = Some(index);
        self.count += 1;
        Ok(())
    }

    /// Adds an earlier signed checkpoint. Where the events do not themselves lead to its root, its consistency proof is
    /// added too.
    ///
    /// # Errors
    /// [`BundleError::Checkpoint`] when it is malformed, [`BundleError::Parts`] when it is another log's, is given twice,
    /// or is larger than the export's; [`BundleError::Io`].
    pub fn earlier(&mut self, note: &Note) -> Result<(), BundleError> {
        let earlier = Checkpoint::parse(note.text())?;
        if earlier.origin() != self.checkpoint.origin() || earlier.size() > self.checkpoint.size() {
            let reason = "an earlier checkpoint is another log's or not earlier";
            return Err(BundleError::Parts { reason });
        }
        if self.earlier.insert(earlier.size(), *earlier.root()).is_some() {
            let reason = "an earlier checkpoint is given twice";
            return Err(BundleError::Parts { reason });
        }
        self.write(&checkpoint_name(earlier.size()), note.to_string().as_bytes())
    }

    /// Adds a rotation of the log's key, oldest first.
    ///
    /// # Errors
    /// [`BundleError::Io`].
    pub fn rotation(&mut self, note: &Note) -> Result<(), BundleError> {
        self.rotations += 1;
        self.write(&rotation_name(self.rotations), note.to_string().as_bytes())
    }

    /// The hashes of the tree that the proofs need, once all events and checkpoints are added. `remembered` are sizes of
    /// checkpoints that others keep, from which consistency proofs are to be in the export.
    ///
    /// # Errors
    /// [`BundleError::Tree`] for a size that lies outside the tree.
    pub fn needed(&self, remembered: &[u64]) -> Result<Vec<Node>, BundleError> {
        let size = self.checkpoint.size();
        let mut nodes = match self.header.selection {
            Selection::Range => {
                let mut nodes = covering(0, self.header.first);
                nodes.extend(covering(self.range_end(), size));
                nodes
            }
            Selection::Selected => {
                let plans = self.indices.iter().map(|index| Plan::inclusion(*index, size));
                let nodes = plans.map(|plan| plan.map(|plan| plan.nodes()));
                nodes.collect::<Result<Vec<_>, _>>()?.concat()
            }
        };
        for from in self.consistency_sizes(remembered) {
            nodes.extend(Plan::consistency(from, size)?.nodes());
        }
        nodes.sort_unstable();
        nodes.dedup();
        Ok(nodes)
    }

    /// Writes the proofs and the manifest, verifies that everything leads to the checkpoint's root, and puts the folder
    /// in its place.
    ///
    /// # Errors
    /// [`BundleError::Tree`] when events, checkpoints and hashes do not lead to the root, or the reader fails: nothing
    /// then stands at the target. [`BundleError::Io`].
    pub fn finish(mut self, reader: &impl HashReader, remembered: &[u64]) -> Result<Manifest, BundleError> {
        self.close_events()?;
        match self.header.selection {
            Selection::Range => self.write_range(reader)?,
            Selection::Selected => self.write_proofs(reader)?,
        }
        self.write_consistency(reader, remembered)?;
        let manifest = self.manifest();
        let bytes = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::from);
        let bytes = bytes.map_err(at(&self.partial.join(MANIFEST)))?;
        // What the reader would refuse is not written.
        if Manifest::parse(&bytes).is_err() {
            let reason = "a number of it is 2^53 or more";
            return Err(BundleError::Parts { reason });
        }
        self.write(MANIFEST, &bytes)?;
        for folder in [CHECKPOINTS, ROTATIONS] {
            let folder = self.partial.join(folder);
            if folder.is_dir() {
                sync(&folder)?;
            }
        }
        sync(&self.partial)?;
        fs::rename(&self.partial, &self.target).map_err(at(&self.target))?;
        self.is_finished = true;
        if let Some(parent) = self.target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync(parent)?;
        }
        Ok(manifest)
    }

    fn manifest(&self) -> Manifest {
        let first = match self.header.selection {
            Selection::Range => self.header.first,
            Selection::Selected => self.indices.first().copied().unwrap_or(0),
        };
        Manifest {
            format: FORMAT.to_owned(),
            origin: self.checkpoint.origin().to_owned(),
            customer_id: self.header.customer_id,
            first,
            count: self.count,
            tree_size: self.checkpoint.size(),
            selection: self.header.selection,
            files: self.files.clone(),
        }
    }

    fn range_end(&self) -> u64 {
        self.header.first.saturating_add(self.count)
    }

    /// The sizes from which proofs are written: not those whose root follows from the events.
    fn consistency_sizes(&self, remembered: &[u64]) -> Vec<u64> {
        let follows = |size: &u64| match self.header.selection {
            Selection::Range => (self.header.first..=self.range_end()).contains(size),
            Selection::Selected => false,
        };
        let mut sizes: Vec<u64> = self.earlier.keys().chain(remembered).copied().collect();
        sizes.retain(|size| *size != 0 && *size != self.checkpoint.size() && !follows(size));
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    fn close_events(&mut self) -> Result<(), BundleError> {
        for (name, writer) in [(EVENTS, &mut self.events), (LEAVES, &mut self.leaves)] {
            let path = self.partial.join(name);
            writer.flush().map_err(at(&path))?;
            writer.get_ref().sync_all().map_err(at(&path))?;
            self.files.insert(name.to_owned(), digest_of(&path)?);
        }
        Ok(())
    }

    fn leaf_hashes(&self) -> Result<impl Iterator<Item = Result<Hash, BundleError>>, BundleError> {
        let path = self.partial.join(LEAVES);
        let mut file = File::open(&path).map(BufReader::new).map_err(at(&path))?;
        Ok((0..self.count).map(move |_| {
            let mut bytes = [0; HASH_BYTES];
            file.read_exact(&mut bytes).map_err(at(&path))?;
            Ok(Hash::new(bytes))
        }))
    }

    fn write_range(&mut self, reader: &impl HashReader) -> Result<(), BundleError> {
        let (first, size) = (self.header.first, self.checkpoint.size());
        let proof = range_proof(reader, first, self.range_end(), size)?;
        let mut frontier = proof.frontier(first)?;
        let mut is_kept = true;
        let mut check = |frontier: &Frontier| {
            let earlier = self.earlier.get(&frontier.size());
            is_kept &= earlier.is_none_or(|root| *root == frontier.root());
        };
        check(&frontier);
        for hash in self.leaf_hashes()? {
            frontier.append(hash?)?;
            check(&frontier);
        }
        proof.complete(&mut frontier, size, check)?;
        if !is_kept || frontier.root() != *self.checkpoint.root() {
            return Err(MerkleError::Root.into());
        }
        self.write_json(RANGE, &RangeFile::from(&proof))
    }

    fn write_proofs(&mut self, reader: &impl HashReader) -> Result<(), BundleError> {
        let (size, root) = (self.checkpoint.size(), *self.checkpoint.root());
        let path = self.partial.join(PROOFS);
        let mut file = File::create_new(&path).map(BufWriter::new).map_err(at(&path))?;
        for (index, leaf) in self.indices.iter().zip(self.leaf_hashes()?) {
            let hashes = inclusion_proof(reader, *index, size)?;
            verify_inclusion(&leaf?, *index, size, &hashes, &root)?;
            let line = ProofLine { index: *index, hashes };
            serde_json::to_writer(&mut file, &line)
                .map_err(std::io::Error::from)
                .map_err(at(&path))?;
            file.write_all(b"\n").map_err(at(&path))?;
        }
        file.flush().map_err(at(&path))?;
        file.get_ref().sync_all().map_err(at(&path))?;
        self.files.insert(PROOFS.to_owned(), digest_of(&path)?);
        Ok(())
    }

    fn write_consistency(&mut self, reader: &impl HashReader, remembered: &[u64]) -> Result<(), BundleError> {
        let size = self.checkpoint.size();
        let mut entries = Vec::new();
        for from in self.consistency_sizes(remembered) {
            let hashes = crate::merkle::consistency_proof(reader, from, size)?;
            if let Some(root) = self.earlier.get(&from) {
                crate::merkle::verify_consistency(from, root, size, self.checkpoint.root(), &hashes)?;
            }
            entries.push(ConsistencyEntry { from, hashes });
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.write_json(CONSISTENCY, &entries)
    }

    fn write_json(&mut self, name: &str, value: &impl serde::Serialize) -> Result<(), BundleError> {
        let path = self.partial.join(name);
        let bytes = serde_json::to_vec(value)
            .map_err(std::io::Error::from)
            .map_err(at(&path))?;
        self.write(name, &bytes)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
        let path = self.partial.join(name);
        if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
            fs::create_dir(folder).map_err(at(folder))?;
        }
        let mut file = File::create_new(&path).map_err(at(&path))?;
        file.write_all(bytes).map_err(at(&path))?;
        file.sync_all().map_err(at(&path))?;
        self.files.insert(name.to_owned(), digest(bytes));
        Ok(())
    }
}

impl Drop for BundleWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // What is left behind is hidden and called partial; there is nobody to tell.
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

fn sync(folder: &Path) -> Result<(), BundleError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(at(folder))
}
