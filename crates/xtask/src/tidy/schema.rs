//! Migrations: numbered, named, forward only.

use crate::report::Report;
use crate::repository::Repository;
use std::collections::BTreeMap;

pub(super) fn check(repository: &Repository, report: &mut Report) {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in repository.paths().filter_map(|path| path.strip_prefix("migrations/")) {
        match path.split_once('/') {
            Some((folder, file)) => folders.entry(folder).or_default().push(file),
            None if path == "README.md" => {}
            None => report.at(&format!("migrations/{path}"), "stands outside a migration's folder"),
        }
    }
    let mut numbers: BTreeMap<&str, &str> = BTreeMap::new();
    for (folder, files) in &folders {
        let place = format!("migrations/{folder}");
        match folder.split_once('_') {
            Some((number, name)) if is_number(number) && is_name(name) => {
                if let Some(other) = numbers.insert(number, folder) {
                    report.at(&place, format!("has the number of `{other}`; take the next one"));
                }
            }
            _ => report.at(
                &place,
                "is not called `00000000000001_noun`: 14 digits, `_`, lower-case words",
            ),
        }
        if !files.contains(&"up.sql") {
            report.at(&place, "has no `up.sql`");
        }
        if files.contains(&"down.sql") {
            report.at(
                &place,
                "has a `down.sql`; the schema goes forward only, undo with a new migration",
            );
        }
    }
    report.looked_at(folders.len(), "migrations");
}

fn is_number(text: &str) -> bool {
    text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&str]) -> Report {
        let files: Vec<_> = paths.iter().map(|path| (*path, "x\n")).collect();
        let mut report = Report::default();
        check(&Repository::of(&files), &mut report);
        report
    }

    #[test]
    fn numbered_forward_migrations_are_clean() {
        let paths = [
            "migrations/00000000000001_tenancy/up.sql",
            "migrations/00000000000002_audit/up.sql",
        ];
        assert_eq!(found(&paths).findings(), []);
    }

    #[test]
    fn other_migrations_are_found() {
        assert!(found(&["migrations/1_tenancy/up.sql"]).mentions("14 digits"));
        assert!(found(&["migrations/00000000000001_Tenancy/up.sql"]).mentions("14 digits"));
        assert!(found(&["migrations/00000000000001_a/down.sql"]).mentions("has no `up.sql`"));
        assert!(found(&["migrations/00000000000001_a/down.sql"]).mentions("forward only"));
        assert!(found(&["migrations/x.sql"]).mentions("outside"));
        let twins = [
            "migrations/00000000000001_a/up.sql",
            "migrations/00000000000001_b/up.sql",
        ];
        assert!(found(&twins).mentions("take the next one"));
    }
}
