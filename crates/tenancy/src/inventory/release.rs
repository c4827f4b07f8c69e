//! The control schemas compared with what this release made them: facts on both sides, and the statement that repairs a difference.

mod repair;

use super::{Check, Finding};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Row;

pub(super) const FACTS: &str = include_str!("sql/release-facts.sql");

/// Made by the test `ten_6_the_release_facts_are_those_of_the_migrated_database`, which says how.
const RELEASE: &str = include_str!("release.facts");
const SEPARATOR: &str = " | ";

/// One thing that the release fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) schema: String,
    pub(super) kind: String,
    pub(super) object: String,
    pub(super) aspect: String,
    pub(super) value: String,
}

impl Fact {
    pub(super) fn of_row(row: &Row) -> Self {
        Self {
            schema: row.get(0),
            kind: row.get(1),
            object: row.get(2),
            aspect: row.get(3),
            value: row.get(4),
        }
    }

    fn of_line(line: &str) -> Option<Self> {
        let mut parts = line.splitn(5, SEPARATOR).map(ToOwned::to_owned);
        Some(Self {
            schema: parts.next()?,
            kind: parts.next()?,
            object: parts.next()?,
            aspect: parts.next()?,
            value: parts.next()?,
        })
    }

    pub(super) fn line(&self) -> String {
        [&self.schema, &self.kind, &self.object, &self.aspect, &self.value]
            .map(String::as_str)
            .join(SEPARATOR)
    }
}

/// The aspects of one object: what was found and what is expected.
type Aspects<'a> = BTreeMap<&'a str, (Option<&'a str>, Option<&'a str>)>;

/// Every difference between the release and what was found in these schemas.
pub(super) fn drift(schemas: &[String], found: &[Fact]) -> Vec<Finding> {
    compare(
        &RELEASE.lines().filter_map(Fact::of_line).collect::<Vec<_>>(),
        schemas,
        found,
    )
}

fn compare(release: &[Fact], schemas: &[String], found: &[Fact]) -> Vec<Finding> {
    let there: BTreeSet<&str> = found.iter().map(|fact| fact.schema.as_str()).collect();
    // The hardening is optional: without it, its schema is missing as a whole, and another check says so.
    let expected = release
        .iter()
        .filter(|fact| schemas.contains(&fact.schema) && (fact.schema != "platform" || there.contains("platform")));
    let mut objects: BTreeMap<(&str, &str), Aspects<'_>> = BTreeMap::new();
    for fact in expected {
        objects
            .entry((&fact.kind, &fact.object))
            .or_default()
            .entry(&fact.aspect)
            .or_default()
            .1 = Some(&fact.value);
    }
    for fact in found {
        objects
            .entry((&fact.kind, &fact.object))
            .or_default()
            .entry(&fact.aspect)
            .or_default()
            .0 = Some(&fact.value);
    }
    let surplus: Vec<&str> = objects
        .iter()
        .filter(|((kind, _), aspects)| *kind == "table" && aspects.values().all(|(_, expected)| expected.is_none()))
        .map(|((_, object), _)| *object)
        .collect();
    let mut ranked: Vec<_> = objects
        .iter()
        // What belongs to a table that goes, goes with it.
        .filter(|((kind, object), _)| *kind == "table" || !surplus.iter().any(|table| belongs(object, table)))
        .collect();
    ranked.sort_by_key(|((kind, _), aspects)| rank(kind, aspects));
    ranked
        .into_iter()
        .flat_map(|((kind, object), aspects)| differences(kind, object, aspects))
        .collect()
}

/// Whether a column, constraint, policy or trigger is one of this table.
fn belongs(object: &str, table: &str) -> bool {
    object.split_once(" on ").is_some_and(|(_, on)| on == table)
        || object.rsplit_once('.').is_some_and(|(of, _)| of == table)
}

/// The order in which repairs can be run: owners before grants, keys before what refers to them.
fn rank(kind: &str, aspects: &Aspects<'_>) -> u8 {
    let refers = |(found, expected): &(Option<&str>, Option<&str>)| {
        found
            .or(*expected)
            .is_some_and(|definition| definition.starts_with("FOREIGN KEY"))
    };
    match kind {
        "schema" => 0,
        "table" | "sequence" => 1,
        "column" => 2,
        "constraint" if aspects.values().any(refers) => 4,
        "constraint" | "index" => 3,
        _ => 5,
    }
}

fn differences(kind: &str, object: &str, aspects: &Aspects<'_>) -> Vec<Finding> {
    let finding = |found: String, fix: String| Finding {
        check: Check::ReleaseDrift,
        object: format!("{kind} {object}"),
        found,
        fix,
    };
    if aspects.values().all(|(found, _)| found.is_none()) {
        let fix = repair::missing(kind, object, aspects);
        return vec![finding("it is missing".to_owned(), fix)];
    }
    if aspects.values().all(|(_, expected)| expected.is_none()) && kind != "column" {
        let fix = repair::surplus(kind, object, aspects);
        return vec![finding("it is not part of this release".to_owned(), fix)];
    }
    aspects
        .iter()
        .filter(|(_, (found, expected))| found != expected)
        .map(|(aspect, (found, expected))| {
            let said = format!(
                "its {aspect} is `{}` instead of `{}`",
                found.unwrap_or("none"),
                expected.unwrap_or("none")
            );
            finding(said, repair::aspect(kind, object, aspect, *found, *expected))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(line: &str) -> Fact {
        Fact::of_line(line).unwrap()
    }

    #[test]
    fn every_line_of_the_release_is_a_fact() {
        assert!(RELEASE.lines().count() > 300);
        for line in RELEASE.lines() {
            assert_eq!(fact(line).line(), line);
        }
    }

    #[test]
    fn the_same_facts_are_no_finding_and_each_kind_of_difference_is_one() {
        let release = [
            fact("tenancy | function | tenancy.f() | owner | o"),
            fact("tenancy | function | tenancy.f() | privileges | a=EXECUTE"),
        ];
        let schemas = ["tenancy".to_owned()];
        assert_eq!(compare(&release, &schemas, &release), []);
        let missing = compare(&release, &schemas, &[]);
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].found, "it is missing");
        let changed = [
            release[0].clone(),
            fact("tenancy | function | tenancy.f() | privileges | none"),
        ];
        let changed = compare(&release, &schemas, &changed);
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].fix, "GRANT EXECUTE ON FUNCTION tenancy.f() TO a;");
        let surplus = [
            release[0].clone(),
            release[1].clone(),
            fact("tenancy | function | tenancy.g() | owner | o"),
        ];
        let surplus = compare(&release, &schemas, &surplus);
        assert_eq!(surplus.len(), 1);
        assert_eq!(surplus[0].fix, "DROP FUNCTION tenancy.g();");
    }

    #[test]
    fn the_hardening_may_be_absent_but_not_in_part() {
        let release = [
            fact("platform | schema | platform | owner | (superuser)"),
            fact("platform | function | platform.f() | owner | (superuser)"),
        ];
        let schemas = ["platform".to_owned()];
        assert_eq!(compare(&release, &schemas, &[]), []);
        assert_eq!(compare(&release, &schemas, &release[..1]).len(), 1);
    }
}
