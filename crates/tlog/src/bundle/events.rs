//! The lines of `events.jsonl`: what they must look like, and how they compare with the leaves.

use super::align::{Alignment, Difference};
use super::files::{Lines, Listing};
use super::report::{Finding, Report, Seen};
use super::{BundleError, EVENTS, Progress};
use crate::hash::Hash;
use crate::merkle::Frontier;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What is read of an event; everything else is only checked to be JSON.
#[derive(Deserialize)]
pub(super) struct EventHead<'a> {
    #[serde(borrow)]
    pub(super) event_id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) customer_id: Option<Cow<'a, str>>,
}

impl<'a> EventHead<'a> {
    /// `None` unless the line is a JSON object with a string `event_id`.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        // An array would fill the fields too.
        (line.first() == Some(&b'{'))
            .then(|| serde_json::from_slice(line).ok())
            .flatten()
    }
}

/// The leaves of the export as its tree proves them.
pub(super) struct Leaves {
    /// The leaf hashes, one for each line.
    pub(super) hashes: Vec<Hash>,
    /// The leaf index of each.
    pub(super) indices: Indices,
    /// Whether they lead to the signed root, the single ones of `unproven` excepted.
    pub(super) is_proven: bool,
    /// How many have a proof of their own that fails.
    pub(super) unproven: usize,
}

/// The leaf indices of the lines.
pub(super) enum Indices {
    From(u64),
    List(Vec<u64>),
}

impl Indices {
    pub(super) fn at(&self, position: usize) -> u64 {
        match self {
            Self::From(first) => first.saturating_add(position as u64),
            Self::List(list) => list.get(position).copied().unwrap_or(u64::MAX),
        }
    }
}

/// Compares every line with its leaf, and answers the SHA-256 of the file.
///
/// Where the leaves are not proven, the lines are appended to `frontier` instead.
pub(super) fn compare(
    listing: &Listing,
    leaves: &Leaves,
    customer_id: Uuid,
    mut frontier: Option<&mut Frontier>,
    report: &mut Report,
    progress: &mut dyn FnMut(Progress),
) -> Result<Hash, BundleError> {
    let total_bytes = listing.files.get(EVENTS).copied().unwrap_or(0);
    let mut lines = Lines::open(listing.path(EVENTS))?;
    let customer = customer_id.to_string();
    let mut count = 0_usize;
    let mut is_ended = true;
    // From the first line on that is not its leaf, lines are looked up among the leaves.
    let mut alignment: Option<Alignment<'_>> = None;
    while let Some(line) = lines.next()? {
        let hash = if line.is_too_long {
            // No leaf is that long: it is the leaf of nothing.
            Hash::empty_root()
        } else {
            Hash::leaf(line.bytes)
        };
        is_ended = line.is_ended;
        if let Some(frontier) = frontier.as_deref_mut() {
            frontier.append(hash)?;
        } else if alignment.is_none() && leaves.hashes.get(count) == Some(&hash) {
            check_proven(line.bytes, count, &customer, report);
        } else {
            let alignment = alignment.get_or_insert_with(|| Alignment::new(&leaves.hashes, count));
            alignment.push(&hash);
        }
        count += 1;
        if count.is_multiple_of(8192) {
            progress(Progress {
                done_bytes: lines.read_bytes(),
                total_bytes,
            });
        }
    }
    if count > 0 && !is_ended {
        report.find(Finding::Unended);
    }
    let digest = lines.digest();
    if leaves.is_proven && frontier.is_none() {
        // Where every line is its leaf, there may still be fewer lines than leaves.
        let is_whole = alignment.is_none() && count == leaves.hashes.len();
        let differences = if is_whole {
            Vec::new()
        } else {
            alignment
                .unwrap_or_else(|| Alignment::new(&leaves.hashes, count))
                .differences()
        };
        let wrong: usize = differences.iter().map(lines_in).sum();
        report.events_proven = (count.saturating_sub(wrong + leaves.unproven)) as u64;
        tell(listing, leaves, &differences, report)?;
    }
    Ok(digest)
}

/// A line that is its leaf must still be an event, and of the tenant.
fn check_proven(line: &[u8], position: usize, customer: &str, report: &mut Report) {
    let line_number = position as u64 + 1;
    match EventHead::read(line) {
        None => report.find(Finding::NotAnEvent { line: line_number }),
        Some(head) if head.customer_id.as_deref().is_some_and(|found| found != customer) => {
            let event_id = Some(head.event_id.into_owned());
            let line = line_number;
            report.find(Finding::ForeignEvent {
                seen: Seen { line, event_id },
            });
        }
        Some(_) => {}
    }
}

/// How many lines a difference takes away from those that are proven.
fn lines_in(difference: &Difference) -> usize {
    match difference {
        Difference::Missing { .. } => 0,
        Difference::Replaced {
            lines: (first, last), ..
        } => last - first + 1,
        _ => 1,
    }
}

/// Turns differences into findings, with the event ids that their lines claim.
fn tell(
    listing: &Listing,
    leaves: &Leaves,
    differences: &[Difference],
    report: &mut Report,
) -> Result<(), BundleError> {
    let told = differences.iter().take(Report::MOST_FINDINGS);
    let named = told.filter_map(|difference| match difference {
        Difference::Changed { line, .. }
        | Difference::Extra { line }
        | Difference::Moved { line, .. }
        | Difference::Repeated { line, .. } => Some(*line),
        Difference::Missing { .. } | Difference::Replaced { .. } => None,
    });
    let ids = event_ids(listing, named.collect())?;
    let seen = |line: usize| Seen {
        line: line as u64 + 1,
        event_id: ids.get(&line).cloned().flatten(),
    };
    let leaf = |position: usize| leaves.indices.at(position);
    for difference in differences {
        report.find(match difference {
            Difference::Changed { line, leaf: at } => Finding::Changed {
                seen: seen(*line),
                leaf: leaf(*at),
            },
            Difference::Replaced {
                lines: (first_line, last_line),
                leaves: (first_leaf, last_leaf),
            } => Finding::Replaced {
                first_line: *first_line as u64 + 1,
                last_line: *last_line as u64 + 1,
                first_leaf: leaf(*first_leaf),
                last_leaf: leaf(*last_leaf),
            },
            Difference::Missing { leaf: at, before } => Finding::Missing {
                leaf: leaf(*at),
                before_line: *before as u64 + 1,
            },
            Difference::Extra { line } => Finding::Extra { seen: seen(*line) },
            Difference::Moved { line, leaf: at } => Finding::Moved {
                seen: seen(*line),
                leaf: leaf(*at),
            },
            Difference::Repeated { line, leaf: at } => Finding::Repeated {
                seen: seen(*line),
                leaf: leaf(*at),
            },
        });
    }
    Ok(())
}

/// The event ids of some lines, in a second pass over the file.
fn event_ids(listing: &Listing, wanted: BTreeSet<usize>) -> Result<BTreeMap<usize, Option<String>>, BundleError> {
    let mut ids = BTreeMap::new();
    let Some(last) = wanted.last() else {
        return Ok(ids);
    };
    let mut lines = Lines::open(listing.path(EVENTS))?;
    let mut position = 0;
    while let Some(line) = lines.next()? {
        if wanted.contains(&position) {
            ids.insert(
                position,
                EventHead::read(line.bytes).map(|head| head.event_id.into_owned()),
            );
        }
        if position == *last {
            break;
        }
        position += 1;
    }
    Ok(ids)
}
