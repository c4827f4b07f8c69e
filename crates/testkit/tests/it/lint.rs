//! The runner of foreign SQL lints: what it finds, what it takes for explained, and that the checked-in list can be read.

use bearingwall_testkit::database::TestDatabase;
use runner::Exceptions;

#[allow(dead_code, reason = "a program, of which the test calls the parts")]
#[path = "../../examples/lint.rs"]
mod runner;

/// Finds the application's login by whatever name the document gives it, and the functions that anybody may execute.
const LINTS: &str = "SET LOCAL search_path = '';
    SELECT 'login_exists' AS name, 'INFO' AS level, rolname AS detail,
           pg_catalog.jsonb_build_object('schema', 'roles', 'name', rolname) AS metadata
      FROM pg_catalog.pg_roles WHERE rolname = 'anon'
    UNION ALL
    SELECT 'event_trigger', 'WARN', 'it exists', pg_catalog.jsonb_build_object('schema', 'triggers', 'name', evtname)
      FROM pg_catalog.pg_event_trigger";

const DOCUMENT: &str = "## Replacements
| in the file | runs as | why |
|---|---|---|
| `'anon'` | `'bearingwall_app'` | its name here |

## Exceptions
| lint | object | why |
|---|---|---|
| `event_trigger` | `triggers.guard_*` | they guard |
| `event_trigger` | `triggers.none` | it is gone |
";

#[tokio::test]
async fn findings_are_reported_unless_a_row_explains_them() {
    let exceptions = Exceptions::parse(DOCUMENT).unwrap();
    let database = TestDatabase::create().await;
    let findings = runner::findings(&database, LINTS, &exceptions).await.unwrap();
    let (text, clean) = runner::report(&findings, &exceptions);
    assert!(!clean);
    assert!(
        text.contains("INFO  login_exists roles.bearingwall_app: bearingwall_app\n"),
        "{text}"
    );
    assert!(
        text.contains("WARN  event_trigger triggers.refuse_runtime_ddl: it exists\n"),
        "{text}"
    );
    assert!(
        text.contains("explained   4 event_trigger triggers.guard_*\n"),
        "{text}"
    );
    assert!(
        text.contains("explained   0 event_trigger triggers.none (no longer needed with this file)\n"),
        "{text}"
    );
    assert!(text.ends_with("6 findings, 2 of them not explained\n"), "{text}");

    let all =
        DOCUMENT.replace("triggers.guard_*", "triggers.*") + "| `login_exists` | `roles.bearingwall_app` | it must |\n";
    let exceptions = Exceptions::parse(&all).unwrap();
    let database = TestDatabase::create_without_platform().await;
    let findings = runner::findings(&database, LINTS, &exceptions).await.unwrap();
    let (text, clean) = runner::report(&findings, &exceptions);
    assert!(
        clean && text.ends_with("1 findings, 0 of them not explained\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_file_that_fails_or_has_other_columns_is_an_error() {
    let database = TestDatabase::create().await;
    for broken in [
        "SELECT 1 AS other",
        "SELECT FROM nowhere",
        "SELECT 'a' AS name, '' AS level, '' AS detail, '' AS metadata",
    ] {
        let findings = runner::findings(&database, broken, &Exceptions::default()).await;
        assert!(findings.is_err(), "{broken}");
    }
}

#[test]
fn the_checked_in_exceptions_are_each_explained() {
    let document = include_str!("../../../../docs/controls/splinter.md");
    let exceptions = Exceptions::parse(document).unwrap();
    assert!(exceptions.replacements.len() == 3 && exceptions.explained.len() > 20);
    let unexplained = DOCUMENT.replace("they guard", "");
    assert!(Exceptions::parse(&unexplained).is_err());
}
