//! Every crate says what it is: a description, and a README with the same headings that is also its documentation.

use crate::report::Report;
use crate::repository::{Metadata, Repository};

/// The headings of a crate's README, in this order.
const HEADINGS: [&str; 6] = [
    "Guarantee",
    "Not guaranteed",
    "Example",
    "Invariants",
    "Failure",
    "Features",
];

const INCLUDE: &str = "#![doc = include_str!(\"../README.md\")]";

pub(super) fn check(metadata: &Metadata, repository: &Repository, report: &mut Report) {
    for package in &metadata.packages {
        let folder = metadata.folder(package);
        if package.description.as_deref().is_none_or(|text| text.trim().is_empty()) {
            report.at(
                &format!("{folder}/Cargo.toml"),
                "has no description; say in one line what the crate is for",
            );
        }
        check_readme(&folder, repository, report);
        check_root(&folder, repository, report);
    }
}

fn check_readme(folder: &str, repository: &Repository, report: &mut Report) {
    let path = format!("{folder}/README.md");
    let Some(text) = repository.text(&path) else {
        report.at(&path, "is missing; write it, it is the crate's documentation");
        return;
    };
    let found: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(str::trim)
        .collect();
    for heading in HEADINGS.iter().filter(|heading| !found.contains(heading)) {
        report.at(&path, format!("lacks the section `## {heading}`"));
    }
    let ours: Vec<&str> = found.into_iter().filter(|heading| HEADINGS.contains(heading)).collect();
    let expected: Vec<&str> = HEADINGS.into_iter().filter(|heading| ours.contains(heading)).collect();
    if ours != expected {
        report.at(
            &path,
            format!("has its sections in another order than {}", HEADINGS.join(", ")),
        );
    }
}

fn check_root(folder: &str, repository: &Repository, report: &mut Report) {
    let root = ["lib.rs", "main.rs"].map(|name| format!("{folder}/src/{name}"));
    match root.iter().find_map(|path| Some((path, repository.text(path)?))) {
        None => report.at(folder, "has neither `src/lib.rs` nor `src/main.rs`"),
        Some((path, text)) if !text.contains(INCLUDE) => {
            report.at(
                path,
                format!("does not take the README for its documentation; start it with `{INCLUDE}`"),
            );
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(description: &str, readme: &str, root: &str) -> Report {
        let metadata = serde_json::from_value(serde_json::json!({
            "workspace_root": "/w",
            "packages": [{
                "name": "bearingwall-x", "description": description, "dependencies": [],
                "manifest_path": "/w/crates/x/Cargo.toml",
            }],
        }))
        .unwrap();
        let mut report = Report::default();
        let repository = Repository::of(&[("crates/x/README.md", readme), ("crates/x/src/lib.rs", root)]);
        check(&metadata, &repository, &mut report);
        report
    }

    fn readme() -> String {
        HEADINGS.map(|heading| format!("## {heading}\n\nText.\n")).join("\n")
    }

    #[test]
    fn a_documented_crate_is_clean() {
        assert_eq!(found("It does.", &readme(), INCLUDE).findings(), []);
        let more = readme().replace("## Features", "## Measured\n\nx\n\n## Features");
        assert_eq!(found("It does.", &more, INCLUDE).findings(), []);
    }

    #[test]
    fn an_undocumented_crate_is_found() {
        assert!(found("", &readme(), INCLUDE).mentions("Cargo.toml: has no description"));
        assert!(
            found("x", &readme().replace("## Failure", "## Fail"), INCLUDE).mentions("lacks the section `## Failure`")
        );
        assert!(found("x", &readme(), "//! Else.").mentions("does not take the README"));
        let swapped = readme()
            .replace("## Failure", "## X")
            .replace("## Example", "## Failure")
            .replace("## X", "## Example");
        assert!(found("x", &swapped, INCLUDE).mentions("another order"));
    }
}
