//! White space, and traces of the machine that a file was written on.

use crate::report::Report;
use crate::repository::Repository;

/// Written by tools, or kept byte for byte as they came.
const AS_THEY_ARE: [&str; 3] = ["Cargo.lock", "LICENSE", "crates/rbac-casbin/benches/policy/Cargo.lock"];

/// Folders of somebody's machine, spelled in two parts, so that this file does not hold what it looks for; and whether
/// tests may use them, since a test of a path needs one that looks real.
const MACHINE_PATHS: [(&str, bool); 4] = [
    (concat!("/ro", "ot/"), false),
    (concat!("/wo", "rk/"), false),
    (concat!("/ho", "me/"), true),
    (concat!("/Us", "ers/"), true),
];

/// The one folder below the homes that is the same everywhere: where Homebrew lives on Linux.
const SHARED_HOME: &str = "linuxbrew/";

/// Where packages come from is a setting of the machine, not of the project.
const REGISTRY_HOSTS: [&str; 10] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("files.python", "hosted.org"),
    concat!("registry.np", "mjs.org"),
    concat!("registry.ya", "rnpkg.com"),
    concat!("proxy.go", "lang.org"),
    concat!("repo1.ma", "ven.org"),
    concat!("repo.ma", "ven.apache.org"),
    concat!("deb.de", "bian.org"),
    concat!("rubyg", "ems.org"),
];

pub(super) fn check(repository: &Repository, report: &mut Report) {
    for (path, text) in repository.texts().filter(|(path, _)| !AS_THEY_ARE.contains(path)) {
        // Sample data and snapshots hold white space on purpose.
        if ![".csv", ".snap", ".svg"].iter().any(|kind| path.ends_with(kind)) {
            check_white_space(path, text, report);
        }
        check_traces(path, text, report);
    }
}

fn check_white_space(path: &str, text: &str, report: &mut Report) {
    if text.is_empty() {
        return;
    }
    if !text.ends_with('\n') {
        report.at(path, "lacks the newline at its end");
    } else if text.ends_with("\n\n") {
        report.at(path, "ends with an empty line; remove it");
    }
    for (index, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            report.at_line(path, index + 1, "has white space at its end; remove it");
        }
    }
    if text.contains('\r') {
        report.at(path, "has carriage returns; lines end with a newline alone");
    }
}

fn check_traces(path: &str, text: &str, report: &mut Report) {
    for (index, line) in text.lines().enumerate() {
        for (trace, in_tests) in MACHINE_PATHS {
            let own = line.match_indices(trace).any(|(at, _)| {
                // `https://host/…` and `a/b/…` hold the same letters in the middle of a longer path.
                let before = line.get(..at).and_then(|head| head.chars().next_back());
                let shared = line
                    .get(at + trace.len()..)
                    .is_some_and(|rest| rest.starts_with(SHARED_HOME));
                !shared && !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | ')'))
            });
            if in_tests && path.contains("/tests/") {
                continue;
            }
            if own {
                report.at_line(
                    path,
                    index + 1,
                    format!("holds the machine path `{trace}`; make it relative or a setting"),
                );
            }
        }
        for host in REGISTRY_HOSTS.iter().filter(|host| line.contains(*host)) {
            report.at_line(
                path,
                index + 1,
                format!("names the registry host `{host}`; leave that to the machine's settings"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Report {
        let mut report = Report::default();
        check(&Repository::of(&[("a.txt", text)]), &mut report);
        report
    }

    #[test]
    fn clean_text_is_clean() {
        assert_eq!(found("one\ntwo\n").findings(), []);
        assert_eq!(
            found(&format!(
                "see https://example.org{}x and a{}b\n",
                MACHINE_PATHS[1].0, MACHINE_PATHS[3].0
            ))
            .findings(),
            []
        );
    }

    #[test]
    fn white_space_is_found() {
        for (text, expected) in [
            ("one", "lacks the newline"),
            ("one\n\n", "empty line"),
            ("one \ntwo\n", "a.txt:1: has white space"),
            ("one\r\n", "carriage returns"),
        ] {
            assert!(found(text).mentions(expected), "{text:?}");
        }
    }

    #[test]
    fn traces_of_a_machine_are_found() {
        for (trace, in_tests) in MACHINE_PATHS {
            let text = format!("cd {trace}x\n");
            assert!(found(&text).mentions("machine path"), "{trace}");
            let mut report = Report::default();
            check(&Repository::of(&[("crates/x/tests/it/a.txt", &text)]), &mut report);
            assert_eq!(report.findings().is_empty(), in_tests, "{trace}");
        }
        for host in REGISTRY_HOSTS {
            assert!(
                found(&format!("see https://{host}/x\n")).mentions("registry host"),
                "{host}"
            );
        }
    }
}
