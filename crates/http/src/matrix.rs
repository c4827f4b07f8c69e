//! The permission matrix as a text that a person can read and a machine can compare.

use crate::routes::{Access, RouteSpec, RouteTable};
use bearingwall_audit::EventType;
use bearingwall_core::{Role, RoleSet};
use bearingwall_rbac::PolicyTable;

/// Every route, what it needs, which role alone may use it, whether it touches health information, and what it records.
#[must_use]
pub fn matrix(routes: &RouteTable, permissions: &PolicyTable) -> String {
    let mut rows = vec![header()];
    for route in routes.routes() {
        let (permission, cells) = match route.access() {
            Access::Permission(id) => {
                let may = |role| {
                    if permissions.allows(RoleSet::EMPTY.with(role), id) {
                        "yes"
                    } else {
                        "-"
                    }
                };
                (id.as_str().to_owned(), Role::ALL.map(may))
            }
            Access::Public(why) => (format!("(public: {why})"), ["yes"; Role::ALL.len()]),
        };
        let events = records(route.spec());
        let mut row = vec![route.method().to_string(), route.path().to_owned(), permission];
        row.extend(cells.map(str::to_owned));
        row.extend([route.spec().phi_class().as_str().to_owned(), events]);
        rows.push(row);
    }
    layout(&rows)
}

/// `client.read (intended, completed)`, or a dash.
fn records(spec: &RouteSpec) -> String {
    let mut events: Vec<(EventType, Vec<&str>)> = Vec::new();
    for (event, phase) in spec.recorded() {
        match events.iter_mut().find(|(known, _)| *known == event) {
            Some((_, phases)) => phases.push(phase.as_str()),
            None => events.push((event, vec![phase.as_str()])),
        }
    }
    if events.is_empty() {
        return "-".to_owned();
    }
    let one = |(event, phases): &(EventType, Vec<&str>)| format!("{} ({})", event.as_str(), phases.join(", "));
    events.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn header() -> Vec<String> {
    let roles = Role::ALL.map(Role::as_str);
    ["method", "path", "permission"]
        .into_iter()
        .chain(roles)
        .chain(["phi", "records"])
        .map(str::to_owned)
        .collect()
}

fn layout(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
            .unwrap_or(0)
    };
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
