//! The verification of an export: from the trusted key to every line.

use super::events::compare;
use super::files::{Listing, digest};
use super::report::{Finding, Report};
use super::tree::{Digests, Standing, Tree, read_consistency, read_range, read_selected, standing};
use super::{BundleError, CHECKPOINT, CHECKPOINTS, EVENTS, MANIFEST, Manifest, ROTATIONS, Selection, checkpoint_name};
use crate::checkpoint::SignedCheckpoint;
use crate::hash::Hash;
use crate::note::{Note, VerifierKey};
use crate::rotation::KeyChain;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use uuid::Uuid;

/// A checkpoint that was kept from earlier: from a witness, or from another export.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// What to call it in the report, such as the name of its file.
    pub name: String,
    /// The signed note.
    pub note: Vec<u8>,
}

/// What an export is verified against.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The key of the log, from a source that is trusted and is not the export.
    pub trusted: VerifierKey,
    /// The log's identity; the name of the trusted key unless it is given.
    pub origin: Option<String>,
    /// The tenant that the export must be of, if that is asked.
    pub customer_id: Option<Uuid>,
    /// Checkpoints that the export's tree must continue.
    pub remembered: Vec<Remembered>,
    /// The keys of witnesses.
    pub witnesses: Vec<VerifierKey>,
    /// How many of them must have cosigned.
    pub quorum: usize,
}

impl VerifyOptions {
    /// The trusted key and nothing else.
    #[must_use]
    pub fn new(trusted: VerifierKey) -> Self {
        Self {
            trusted,
            origin: None,
            customer_id: None,
            remembered: Vec::new(),
            witnesses: Vec::new(),
            quorum: 0,
        }
    }
}

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of `events.jsonl` that were read.
    pub done_bytes: u64,
    /// Bytes of `events.jsonl` in all.
    pub total_bytes: u64,
}

/// Verifies an export. Whatever is wrong with it stands in the report; it is verified only if nothing is.
///
/// Memory: 32 bytes for each event, and about 30 more once a line is not its leaf.
///
/// # Errors
/// [`BundleError::NoExport`] and [`BundleError::Io`] when the folder cannot be examined at all.
pub fn verify(
    folder: &Path,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, BundleError> {
    let listing = Listing::read(folder)?;
    let mut report = Report::new();
    let Some(bytes) = listing.small(MANIFEST)? else {
        return Err(BundleError::NoExport {
            path: folder.to_owned(),
        });
    };
    match Manifest::parse(&bytes) {
        Err(reason) => report.find(Finding::Manifest { reason }),
        Ok(manifest) => {
            let mut verification = Verification {
                listing: &listing,
                options,
                manifest: &manifest,
                digests: Digests::new(),
                report: &mut report,
            };
            verification.run(progress)?;
        }
    }
    report.verified = report.findings_total == 0;
    Ok(report)
}

struct Verification<'a> {
    listing: &'a Listing,
    options: &'a VerifyOptions,
    manifest: &'a Manifest,
    digests: Digests,
    report: &'a mut Report,
}

impl Verification<'_> {
    fn run(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), BundleError> {
        self.check_claims();
        for file in &self.listing.unexpected {
            self.report.find(Finding::FileUnexpected { file: file.clone() });
        }
        if let Some(chain) = self.read_chain()? {
            let earlier = self.read_earlier(&chain)?;
            let remembered = self.read_remembered(&chain);
            if let Some(signed) = self.read_checkpoint(&chain)? {
                self.check_tree(&signed, &earlier, &remembered, progress)?;
            }
        }
        self.check_digests()
    }

    fn origin(&self) -> &str {
        self.options.origin.as_deref().unwrap_or(self.options.trusted.name())
    }

    fn check_claims(&mut self) {
        let manifest = self.manifest;
        self.report.origin.clone_from(&manifest.origin);
        self.report.customer_id = Some(manifest.customer_id);
        self.report.selection = Some(manifest.selection);
        self.report.first = manifest.first;
        self.report.count = manifest.count;
        self.report.tree_size = manifest.tree_size;
        self.report.is_whole = manifest.first == 0 && manifest.count == manifest.tree_size;
        if manifest.origin != self.origin() {
            let expected = self.origin().to_owned();
            self.report.find(Finding::Origin {
                expected,
                found: manifest.origin.clone(),
            });
        }
        match self.options.customer_id {
            Some(expected) if expected != manifest.customer_id => self.report.find(Finding::Customer {
                expected,
                found: manifest.customer_id,
            }),
            _ => {}
        }
    }

    /// A file as a whole, with its digest noted.
    fn small(&mut self, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
        let bytes = self.listing.small(name)?;
        if let Some(bytes) = &bytes {
            self.digests.insert(name.to_owned(), digest(bytes));
        }
        Ok(bytes)
    }

    fn read_chain(&mut self) -> Result<Option<KeyChain>, BundleError> {
        let mut rotations = Vec::new();
        for name in self.listing.below(ROTATIONS) {
            rotations.extend(self.small(&name)?);
        }
        match KeyChain::verify(self.origin(), &self.options.trusted, &rotations) {
            Ok(chain) => Ok(Some(chain)),
            Err(error) => {
                let reason = error.to_string();
                self.report.find(Finding::KeyChain { reason });
                Ok(None)
            }
        }
    }

    /// Opens a checkpoint by the key that is right at its size.
    fn open(&self, chain: &KeyChain, note: &[u8]) -> Result<SignedCheckpoint, String> {
        let note = Note::parse(note).map_err(|error| error.to_string())?;
        let claimed = crate::checkpoint::Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
        let key = chain
            .key_at(claimed.size())
            .ok_or_else(|| format!("no trusted key signs the size {}", claimed.size()))?;
        SignedCheckpoint::verify(note, self.origin(), std::slice::from_ref(key)).map_err(|error| error.to_string())
    }

    fn bad_checkpoint(&mut self, file: &str, reason: String) {
        let file = file.to_owned();
        self.report.find(Finding::Checkpoint { file, reason });
    }

    fn read_checkpoint(&mut self, chain: &KeyChain) -> Result<Option<SignedCheckpoint>, BundleError> {
        let Some(bytes) = self.small(CHECKPOINT)? else {
            let file = CHECKPOINT.to_owned();
            self.report.find(Finding::FileMissing { file });
            return Ok(None);
        };
        let signed = match self.open(chain, &bytes) {
            Ok(signed) => signed,
            Err(reason) => {
                self.bad_checkpoint(CHECKPOINT, reason);
                return Ok(None);
            }
        };
        if signed.size() != self.manifest.tree_size {
            let reason = format!(
                "it signs {} leaves, the manifest says {}",
                signed.size(),
                self.manifest.tree_size
            );
            self.bad_checkpoint(CHECKPOINT, reason);
            return Ok(None);
        }
        self.report.root = Some(*signed.root());
        self.report.signed_by = signed.signers().first().map(|signer| signer.key.to_string());
        match signed.cosigners(&self.options.witnesses, self.options.quorum) {
            Ok(cosigners) => {
                let named = cosigners
                    .iter()
                    .map(|signer| (signer.key.name().to_owned(), signer.time_s.unwrap_or(0)));
                self.report.cosigned_by = named.collect();
            }
            Err(error) => {
                let reason = error.to_string();
                self.report.find(Finding::Witnesses { reason });
            }
        }
        Ok(Some(signed))
    }

    fn read_earlier(&mut self, chain: &KeyChain) -> Result<Vec<(String, SignedCheckpoint)>, BundleError> {
        let mut earlier = Vec::new();
        for name in self.listing.below(CHECKPOINTS) {
            let bytes = self.small(&name)?.unwrap_or_default();
            match self.open(chain, &bytes) {
                Ok(signed) if checkpoint_name(signed.size()) != name => {
                    self.bad_checkpoint(&name, format!("it signs {} leaves", signed.size()));
                }
                Ok(signed) if signed.size() > self.manifest.tree_size => {
                    self.bad_checkpoint(&name, "it is not earlier than the export's".to_owned());
                }
                Ok(signed) => earlier.push((name, signed)),
                Err(reason) => self.bad_checkpoint(&name, reason),
            }
        }
        Ok(earlier)
    }

    fn read_remembered(&mut self, chain: &KeyChain) -> Vec<(String, SignedCheckpoint)> {
        let mut remembered = Vec::new();
        for Remembered { name, note } in &self.options.remembered {
            match self.open(chain, note) {
                Ok(signed) => remembered.push((name.clone(), signed)),
                Err(reason) => self.bad_checkpoint(name, reason),
            }
        }
        remembered
    }

    fn check_tree(
        &mut self,
        signed: &SignedCheckpoint,
        earlier: &[(String, SignedCheckpoint)],
        remembered: &[(String, SignedCheckpoint)],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), BundleError> {
        let sizes: BTreeSet<u64> = earlier
            .iter()
            .chain(remembered)
            .map(|(_, signed)| signed.size())
            .collect();
        let (listing, manifest) = (self.listing, self.manifest);
        let tree = match manifest.selection {
            Selection::Range => read_range(listing, manifest, signed.root(), &sizes, &mut self.digests, self.report)?,
            Selection::Selected => read_selected(listing, manifest, signed.root(), &mut self.digests, self.report)?,
        };
        let consistency = read_consistency(listing, &mut self.digests, self.report)?;
        if let Some(tree) = &tree {
            self.check_events(signed, tree, earlier, progress)?;
        }
        // Only leaf hashes that lead to the signed root say anything about earlier roots.
        let roots = tree
            .as_ref()
            .filter(|tree| tree.leaves.is_proven)
            .map(|tree| &tree.roots);
        for (file, checkpoint) in earlier {
            self.judge(
                file,
                checkpoint,
                standing(checkpoint, signed, roots, &consistency),
                false,
            );
        }
        for (file, checkpoint) in remembered {
            let (file, size) = (file.clone(), checkpoint.size());
            if size > signed.size() {
                self.report.find(Finding::Rewound { file, size });
            } else {
                self.judge(
                    &file,
                    checkpoint,
                    standing(checkpoint, signed, roots, &consistency),
                    true,
                );
            }
        }
        Ok(())
    }

    fn judge(&mut self, file: &str, checkpoint: &SignedCheckpoint, standing: Standing, is_remembered: bool) {
        let (file, size) = (file.to_owned(), checkpoint.size());
        match (standing, is_remembered) {
            (Standing::Continued, true) => self.report.remembered_checked.push(file),
            (Standing::Continued, false) => self.report.checkpoints_checked.push(size),
            (Standing::Forked, _) => self.report.find(Finding::Forked { file, size }),
            (Standing::Inconsistent, _) => self.report.find(Finding::Inconsistent { file, size }),
            (Standing::NotCompared, true) => self.report.find(Finding::NotCompared { file, size }),
            (Standing::NotCompared, false) => self.report.checkpoints_not_checked.push(size),
        }
    }

    fn check_events(
        &mut self,
        signed: &SignedCheckpoint,
        tree: &Tree,
        earlier: &[(String, SignedCheckpoint)],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), BundleError> {
        if !self.listing.files.contains_key(EVENTS) {
            let file = EVENTS.to_owned();
            self.report.find(Finding::FileMissing { file });
            return Ok(());
        }
        // Where the leaf hashes lead nowhere, the lines themselves may.
        let range = tree.range.as_ref().filter(|_| !tree.leaves.is_proven);
        let mut frontier = range.map(|range| range.frontier(self.manifest.first)).transpose()?;
        let read = compare(
            self.listing,
            &tree.leaves,
            self.manifest.customer_id,
            frontier.as_mut(),
            self.report,
            progress,
        )?;
        self.digests.insert(EVENTS.to_owned(), read);
        if let (Some(range), Some(mut frontier)) = (range, frontier) {
            let count = frontier.size() - self.manifest.first;
            let completed = range.complete(&mut frontier, signed.size(), |_| ()).is_ok();
            if completed && frontier.root() == *signed.root() {
                self.report.events_proven = count;
                self.report.find(Finding::LeavesDamaged);
            } else {
                self.report.find(leaves_unproven(signed, &tree.roots, earlier));
            }
        }
        Ok(())
    }

    /// Compares every file with the manifest. It is not signed, so this finds damage, not attacks.
    fn check_digests(&mut self) -> Result<(), BundleError> {
        for (file, expected) in &self.manifest.files {
            let known = match self.digests.get(file) {
                Some(found) => Some(*found),
                None if self.listing.files.contains_key(file) && file != MANIFEST => {
                    Some(super::files::digest_of(&self.listing.path(file))?)
                }
                None => None,
            };
            match known {
                Some(found) if found == *expected => {}
                Some(_) => self.report.find(Finding::FileChanged { file: file.clone() }),
                None => {
                    let finding = Finding::FileMissing { file: file.clone() };
                    if !self.report.findings.contains(&finding) {
                        self.report.find(finding);
                    }
                }
            }
        }
        let listed = |file: &&String| *file != MANIFEST && !self.manifest.files.contains_key(*file);
        for file in self.listing.files.keys().filter(listed) {
            self.report.find(Finding::FileUnexpected { file: file.clone() });
        }
        Ok(())
    }
}

/// Between which checkpoints the leaf hashes leave the tree that was signed.
fn leaves_unproven(
    signed: &SignedCheckpoint,
    roots: &BTreeMap<u64, Hash>,
    earlier: &[(String, SignedCheckpoint)],
) -> Finding {
    let mut sound_below = None;
    let mut broken_below = signed.size();
    for (_, checkpoint) in earlier {
        match roots.get(&checkpoint.size()) {
            Some(root) if root == checkpoint.root() => sound_below = Some(checkpoint.size()).max(sound_below),
            Some(_) => broken_below = broken_below.min(checkpoint.size()),
            None => {}
        }
    }
    Finding::LeavesUnproven {
        sound_below,
        broken_below,
    }
}
