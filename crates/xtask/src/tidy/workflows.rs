//! Workflows: actions pinned by commit, few permissions, no credential left behind.

use crate::report::Report;
use crate::repository::Repository;

pub(super) fn check(repository: &Repository, report: &mut Report) {
    let workflows = repository
        .texts()
        .filter(|(path, _)| path.starts_with(".github/") && (path.ends_with(".yml") || path.ends_with(".yaml")));
    for (path, text) in workflows {
        if path.starts_with(".github/workflows/") && !text.lines().any(|line| line.starts_with("permissions:")) {
            report.at(
                path,
                "declares no `permissions:` at its top; start from `contents: read`",
            );
        }
        check_steps(path, text, report);
    }
}

fn check_steps(path: &str, text: &str, report: &mut Report) {
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let step = line.trim().trim_start_matches("- ");
        let Some(action) = step.strip_prefix("uses:").map(str::trim) else {
            continue;
        };
        if action.starts_with("./") {
            continue;
        }
        let pinned = action.split_once('@').is_some_and(|(_, version)| {
            let (commit, comment) = version.split_once(' ').unwrap_or((version, ""));
            let hash = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            hash && comment.trim_start().starts_with("# v")
        });
        if !pinned {
            let message = format!("`{action}` is not pinned; write the commit's 40 digits and `# v1.2.3` after it");
            report.at_line(path, index + 1, message);
        }
        if action.starts_with("actions/checkout@") && !leaves_no_credential(lines.get(index + 1..).unwrap_or_default())
        {
            report.at_line(
                path,
                index + 1,
                "leaves a token in the clone; add `persist-credentials: false`",
            );
        }
    }
}

/// Whether the rest of the step says so.
fn leaves_no_credential(rest: &[&str]) -> bool {
    rest.iter()
        .take_while(|line| !line.trim_start().starts_with("- "))
        .any(|line| line.trim() == "persist-credentials: false")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "name: ci\npermissions:\n  contents: read\njobs:\n  a:\n    steps:\n      \
        - uses: actions/checkout@0123456789012345678901234567890123456789 # v1.2.3\n        with:\n          \
        persist-credentials: false\n      - uses: ./local\n      - run: true\n";

    fn found(text: &str) -> Report {
        let mut report = Report::default();
        check(&Repository::of(&[(".github/workflows/ci.yml", text)]), &mut report);
        report
    }

    #[test]
    fn a_pinned_workflow_is_clean() {
        assert_eq!(found(CLEAN).findings(), []);
    }

    #[test]
    fn a_careless_workflow_is_found() {
        let hash = "0123456789012345678901234567890123456789 # v1.2.3";
        assert!(found(&CLEAN.replace(hash, "v4")).mentions("ci.yml:7: `actions/checkout@v4` is not pinned"));
        assert!(found(&CLEAN.replace(" # v1.2.3", "")).mentions("is not pinned"));
        assert!(found(&CLEAN.replace("credentials: false", "credentials: true")).mentions("leaves a token"));
        assert!(found(&CLEAN.replace("permissions:", "perms:")).mentions("no `permissions:`"));
    }
}
