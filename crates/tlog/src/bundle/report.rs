//! What a verification has found, for people and as JSON.

use super::Selection;
use crate::hash::Hash;
use serde::Serialize;
use std::fmt;
use uuid::Uuid;

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether everything that was asked for was proven: no finding.
    pub verified: bool,
    /// The log's identity, as the manifest says and, where `verified`, the log has signed.
    pub origin: String,
    /// The tenant, as the manifest says.
    pub customer_id: Option<Uuid>,
    /// How the events were chosen.
    pub selection: Option<Selection>,
    /// The leaf index of the first event.
    pub first: u64,
    /// The number of events, as the manifest says.
    pub count: u64,
    /// The number of leaves of the signed tree.
    pub tree_size: u64,
    /// Whether the export holds every event of that tree.
    pub is_whole: bool,
    /// The signed root.
    pub root: Option<Hash>,
    /// The lines that are, byte for byte, the leaf that the log has signed in their place.
    pub events_proven: u64,
    /// The name of the log's key that signed the checkpoint.
    pub signed_by: Option<String>,
    /// The witnesses that have cosigned it, with their time in seconds since 1970-01-01T00:00:00Z.
    pub cosigned_by: Vec<(String, u64)>,
    /// Earlier checkpoints of the export that were checked against the tree.
    pub checkpoints_checked: Vec<u64>,
    /// Earlier checkpoints of the export that nothing in it allows to check. No finding, but not proven either.
    pub checkpoints_not_checked: Vec<u64>,
    /// Remembered checkpoints that the tree continues.
    pub remembered_checked: Vec<String>,
    /// What is wrong; at most [`Report::MOST_FINDINGS`] of them.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub findings_total: u64,
}

impl Report {
    /// More findings than this are counted and not listed.
    pub const MOST_FINDINGS: usize = 1000;

    pub(super) fn new() -> Self {
        Self {
            verified: false,
            origin: String::new(),
            customer_id: None,
            selection: None,
            first: 0,
            count: 0,
            tree_size: 0,
            is_whole: false,
            root: None,
            events_proven: 0,
            signed_by: None,
            cosigned_by: Vec::new(),
            checkpoints_checked: Vec::new(),
            checkpoints_not_checked: Vec::new(),
            remembered_checked: Vec::new(),
            findings: Vec::new(),
            findings_total: 0,
        }
    }

    pub(super) fn find(&mut self, finding: Finding) {
        self.findings_total += 1;
        if self.findings.len() < Self::MOST_FINDINGS {
            self.findings.push(finding);
        }
    }
}

/// A line of `events.jsonl`, and the event that it says to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The number of the line, from 1.
    pub line: u64,
    /// Its `event_id`, where it has one. A line that is not the signed leaf can claim any.
    pub event_id: Option<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        match &self.event_id {
            Some(id) => write!(f, " (event {id})"),
            None => Ok(()),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// The manifest cannot be used; nothing else was looked at.
    Manifest {
        /// Why.
        reason: String,
    },
    /// The manifest names another log than the trusted key's.
    Origin {
        /// The log that was asked about.
        expected: String,
        /// The log that it names.
        found: String,
    },
    /// The manifest names another tenant than was asked about.
    Customer {
        /// The tenant that was asked about.
        expected: Uuid,
        /// The tenant that it names.
        found: Uuid,
    },
    /// A file is missing.
    FileMissing {
        /// Its path in the folder.
        file: String,
    },
    /// Something stands in the folder that does not belong there.
    FileUnexpected {
        /// Its path in the folder.
        file: String,
    },
    /// A file is not the one that the manifest describes.
    FileChanged {
        /// Its path in the folder.
        file: String,
    },
    /// A file is not in its form.
    FileMalformed {
        /// Its path in the folder.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The rotations do not make a chain from the trusted key.
    KeyChain {
        /// Why.
        reason: String,
    },
    /// A checkpoint is not signed by the key that is right at its size, or is malformed.
    Checkpoint {
        /// Its path in the folder, or the name of the remembered one.
        file: String,
        /// Why.
        reason: String,
    },
    /// Too few witnesses have cosigned the checkpoint, or a cosignature is bad.
    Witnesses {
        /// Why.
        reason: String,
    },
    /// The leaf hashes do not lead to the signed root, so that no event can be blamed by itself.
    LeavesUnproven {
        /// The largest earlier checkpoint that they still lead to.
        sound_below: Option<u64>,
        /// The smallest checkpoint above it that they do not lead to.
        broken_below: u64,
    },
    /// The leaf hashes do not lead to the signed root, but the events do: only the file `leaves` is damaged.
    LeavesDamaged,
    /// A leaf's own proof does not lead to the signed root.
    LeafUnproven {
        /// The line that it belongs to, from 1.
        line: u64,
        /// The leaf index.
        leaf: u64,
    },
    /// A line is not the leaf that the log has signed in its place.
    Changed {
        /// The line.
        seen: Seen,
        /// The leaf index that belongs there.
        leaf: u64,
    },
    /// Lines stand where another number of leaves belongs: some were changed, others added or removed.
    Replaced {
        /// The first line, from 1.
        first_line: u64,
        /// The last line.
        last_line: u64,
        /// The index of the first leaf that belongs there.
        first_leaf: u64,
        /// The index of the last one.
        last_leaf: u64,
    },
    /// An event of the export is not there.
    Missing {
        /// The leaf index.
        leaf: u64,
        /// The line before which it belongs, from 1.
        before_line: u64,
    },
    /// A line is no leaf of the export.
    Extra {
        /// The line.
        seen: Seen,
    },
    /// A line is a leaf, but not the one that belongs there.
    Moved {
        /// The line.
        seen: Seen,
        /// The leaf index of its event.
        leaf: u64,
    },
    /// A line repeats an event.
    Repeated {
        /// The line.
        seen: Seen,
        /// The leaf index of its event.
        leaf: u64,
    },
    /// A signed line is no JSON object with an `event_id`.
    NotAnEvent {
        /// The line, from 1.
        line: u64,
    },
    /// A signed line is about another tenant than the manifest says.
    ForeignEvent {
        /// The line.
        seen: Seen,
    },
    /// The last line has no newline: the file was cut off.
    Unended,
    /// Two signed checkpoints contradict one another: the log was forked or rewritten.
    Forked {
        /// The other checkpoint.
        file: String,
        /// Its size.
        size: u64,
    },
    /// A consistency proof does not verify: the log was forked, or the proof is damaged.
    Inconsistent {
        /// The other checkpoint.
        file: String,
        /// Its size.
        size: u64,
    },
    /// A remembered checkpoint is larger than the export's tree: the log was rewound, or this export is older.
    Rewound {
        /// The remembered checkpoint.
        file: String,
        /// Its size.
        size: u64,
    },
    /// A remembered checkpoint could not be compared: the export carries no proof from its size.
    NotCompared {
        /// The remembered checkpoint.
        file: String,
        /// Its size.
        size: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest { reason } => write!(f, "the manifest cannot be used: {reason}"),
            Self::Origin { expected, found } => {
                write!(f, "the export is of the log `{found}`, not of `{expected}`")
            }
            Self::Customer { expected, found } => {
                write!(f, "the export is of the tenant {found}, not of {expected}")
            }
            Self::FileMissing { file } => write!(f, "`{file}` is missing"),
            Self::FileUnexpected { file } => write!(f, "`{file}` does not belong to the export"),
            Self::FileChanged { file } => write!(f, "`{file}` is not the file that the manifest describes"),
            Self::FileMalformed { file, reason } => write!(f, "`{file}` is malformed: {reason}"),
            Self::KeyChain { reason } => {
                write!(f, "the rotations do not lead from the trusted key: {reason}")
            }
            Self::Checkpoint { file, reason } => write!(f, "the checkpoint `{file}` is not the log's: {reason}"),
            Self::Witnesses { reason } => write!(f, "the witnesses do not vouch for the checkpoint: {reason}"),
            Self::LeavesUnproven {
                sound_below,
                broken_below,
            } => {
                let from = sound_below.unwrap_or(0);
                write!(
                    f,
                    "the leaf hashes of the export do not lead to the signed root; the fault lies below leaf \
                     {broken_below}"
                )?;
                if from > 0 {
                    write!(f, " and not below leaf {from}")?;
                }
                Ok(())
            }
            Self::LeavesDamaged => f.write_str("`leaves` is damaged; the events themselves lead to the signed root"),
            Self::LeafUnproven { line, leaf } => {
                write!(
                    f,
                    "the proof for line {line} (leaf {leaf}) does not lead to the signed root"
                )
            }
            Self::Changed { seen, leaf } => write!(f, "changed: {seen} is not leaf {leaf} as it was signed"),
            Self::Replaced {
                first_line,
                last_line,
                first_leaf,
                last_leaf,
            } => write!(
                f,
                "replaced: lines {first_line} to {last_line} stand where leaves {first_leaf} to {last_leaf} belong"
            ),
            Self::Missing { leaf, before_line } => {
                write!(f, "missing: leaf {leaf}, which belongs before line {before_line}")
            }
            Self::Extra { seen } => write!(f, "extra: {seen} is no leaf of the export"),
            Self::Moved { seen, leaf } => write!(f, "reordered: {seen} is the event of leaf {leaf}"),
            Self::Repeated { seen, leaf } => write!(f, "repeated: {seen} repeats leaf {leaf}"),
            Self::NotAnEvent { line } => write!(f, "line {line} is no JSON object with an `event_id`"),
            Self::ForeignEvent { seen } => write!(f, "{seen} is about another tenant than the manifest says"),
            Self::Unended => f.write_str("the last line of `events.jsonl` is cut off"),
            Self::Forked { file, size } => {
                write!(
                    f,
                    "forked: `{file}` signs another tree of {size} leaves than this one continues"
                )
            }
            Self::Inconsistent { file, size } => write!(
                f,
                "the proof that the tree continues `{file}` ({size} leaves) does not verify: the log was forked, or the \
                 proof is damaged"
            ),
            Self::Rewound { file, size } => write!(
                f,
                "rewound: `{file}` signs {size} leaves, more than this tree has; the log was rewound, or this export is \
                 older"
            ),
            Self::NotCompared { file, size } => write!(
                f,
                "`{file}` ({size} leaves) could not be compared: the export carries no proof from that size"
            ),
        }
    }
}
