//! All that happened in one request, as a tree of accesses.

use crate::error::AuditError;
use crate::examination::{Conditions, EVENTS, Examined, Look, RecordedEvent};
use crate::log::AuditLog;
use crate::rows::{COLUMNS, LEAF};
use bearingwall_core::{Ctx, RequestId};
use bearingwall_events::EventType;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use std::collections::HashMap;
use uuid::Uuid;

/// Levels below a root; what lies deeper stands at the last one, so that no chain of parents makes a reader overflow.
const DEPTH_MAX: usize = 32;

/// An access, or an event by itself: what announced it, what ended it, and what came out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessNode {
    /// What its events share; none for an event by itself.
    pub access_id: Option<Uuid>,
    /// Its events, in the order of time.
    pub events: Vec<RecordedEvent>,
    /// What came out of it.
    pub children: Vec<Self>,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTree {
    /// What came out of nothing else, in the order of time.
    pub roots: Vec<AccessNode>,
    /// The traces (W3C Trace Context) that the events name.
    pub traces: Vec<[u8; 16]>,
    /// Whether these are all events; otherwise they are the first [`RequestTree::EVENTS_MAX`].
    pub complete: bool,
}

impl AuditLog {
    /// What stands in the tenant's record about a request. Looking is an event itself, of the request that looks.
    ///
    /// # Errors
    /// [`AuditError::NotSealed`] if nothing stands there; when the record cannot be read, or the report cannot be recorded.
    // CONTROL: AUD-8
    pub async fn request_tree(&self, ctx: &Ctx, request: RequestId) -> Result<RequestTree, AuditError> {
        let reporting = self.examining(ctx, EventType::AuditReported, EVENTS, None);
        self.examined(ctx, reporting, async |tx: &mut Look<'_, '_>| {
            let limit = i64::try_from(RequestTree::EVENTS_MAX).unwrap_or(i64::MAX);
            let events = Conditions::begin(&format!("SELECT {COLUMNS}, leaf.leaf_index FROM audit.events e {LEAF}"))
                .then::<SqlUuid, _>(" WHERE e.request_id = ", request.as_uuid())
                .then::<BigInt, _>(" ORDER BY e.recorded_at, e.event_id LIMIT ", limit.saturating_add(1))
                .load(tx)
                .await?;
            if events.is_empty() {
                return Err(AuditError::NotSealed { what: "request" });
            }
            Ok(Examined::found(events.len(), RequestTree::of(events)))
        })
        .await
    }
}

impl RequestTree {
    /// Events of one tree at the most.
    pub const EVENTS_MAX: usize = 2_000;

    /// Builds the tree of events in the order of time.
    fn of(mut events: Vec<RecordedEvent>) -> Self {
        let complete = events.len() <= Self::EVENTS_MAX;
        events.truncate(Self::EVENTS_MAX);
        let mut traces: Vec<[u8; 16]> = Vec::new();
        for trace in events.iter().filter_map(|event| event.event.trace_id) {
            if !traces.contains(&trace) {
                traces.push(trace);
            }
        }
        let grown = grow(events);
        Self {
            roots: assemble(grown),
            traces,
            complete,
        }
    }
}

/// A node whose children are still apart from it.
struct Grown {
    node: AccessNode,
    parent: Option<usize>,
    depth: usize,
}

/// The nodes in the order of time; a parent always stands before its children.
fn grow(events: Vec<RecordedEvent>) -> Vec<Grown> {
    let mut grown: Vec<Grown> = Vec::new();
    // Both an event and an access may be named as parent.
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    for event in events {
        let key = event.event.access_id.unwrap_or(event.event.event_id);
        let event_id = event.event.event_id;
        let place = places.get(&key).copied();
        if let Some(known) = place.and_then(|place| grown.get_mut(place)) {
            known.node.events.push(event);
            places.extend(place.map(|place| (event_id, place)));
            continue;
        }
        // What is named before it stands on record is no parent: thereby no chain is a circle.
        let parent = event.event.parent_id.and_then(|parent| places.get(&parent).copied());
        let (parent, depth) = placed(&grown, parent);
        places.insert(key, grown.len());
        places.insert(event_id, grown.len());
        grown.push(Grown {
            node: AccessNode {
                access_id: event.event.access_id,
                events: vec![event],
                children: Vec::new(),
            },
            parent,
            depth,
        });
    }
    grown
}

/// The parent under which a node stands, not deeper than allowed, and its own depth.
fn placed(grown: &[Grown], parent: Option<usize>) -> (Option<usize>, usize) {
    let Some(found) = parent.and_then(|parent| grown.get(parent)) else {
        return (None, 0);
    };
    if found.depth < DEPTH_MAX {
        (parent, found.depth.saturating_add(1))
    } else {
        (found.parent, found.depth)
    }
}

fn assemble(mut grown: Vec<Grown>) -> Vec<AccessNode> {
    let mut roots = Vec::new();
    // From the last on, so that a node has all its children before it goes to its parent.
    while let Some(Grown { mut node, parent, .. }) = grown.pop() {
        node.children.reverse();
        match parent.and_then(|parent| grown.get_mut(parent)) {
            Some(parent) => parent.node.children.push(node),
            None => roots.push(node),
        }
    }
    roots.reverse();
    roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_events::Event;

    fn event(id: u128, access: Option<u128>, parent: Option<u128>) -> RecordedEvent {
        let event = Event {
            event_id: Uuid::from_u128(id),
            access_id: access.map(Uuid::from_u128),
            parent_id: parent.map(Uuid::from_u128),
            ..Event::example(EventType::ClientRead)
        };
        RecordedEvent {
            event,
            leaf_index: None,
        }
    }

    /// `1+2(3)`: events 1 and 2 are one node, and 3 came out of it.
    fn text(nodes: &[AccessNode]) -> String {
        let one = |node: &AccessNode| {
            let ids: Vec<String> = node
                .events
                .iter()
                .map(|event| event.event.event_id.as_u128().to_string())
                .collect();
            let children = text(&node.children);
            if children.is_empty() {
                ids.join("+")
            } else {
                format!("{}({children})", ids.join("+"))
            }
        };
        nodes.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_access_is_one_node_and_what_came_out_of_it_stands_below() {
        let events = vec![
            event(1, Some(100), None),
            event(2, Some(100), None),
            event(3, Some(101), Some(2)),
            event(4, None, Some(101)),
            event(5, Some(100), None),
            event(6, None, None),
            event(7, None, Some(100)),
        ];
        let tree = RequestTree::of(events);
        assert_eq!(text(&tree.roots), "1+2+5(3(4) 7) 6");
        assert!(tree.complete);
    }

    #[test]
    fn circles_and_endless_chains_of_parents_are_cut() {
        let circle = vec![
            event(1, None, Some(2)),
            event(2, None, Some(1)),
            event(3, None, Some(3)),
        ];
        assert_eq!(text(&RequestTree::of(circle).roots), "1(2) 3");
        let chain = (1..=2_500).map(|id| event(id, None, id.checked_sub(1))).collect();
        let tree = RequestTree::of(chain);
        assert!(!tree.complete);
        let (mut depth, mut level) = (0, &tree.roots);
        while let Some(node) = level.first() {
            (depth, level) = (depth + 1, &node.children);
        }
        assert_eq!(depth, DEPTH_MAX + 1);
    }
}
