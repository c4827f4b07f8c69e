//! What must not compile: each case is a program that does without its marked lines, and whose marked lines fail, each for
//! the reason that stands behind it.
//!
//! The compiler is called on the library that this test is linked with, so that nothing is built a second time.

use bearingwall_core::Sensitive;
use bearingwall_tenancy::EnterKey;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the cases use.
const CRATES: [&str; 3] = ["bearingwall_core", "diesel", "diesel_async"];
const MARK: &str = "//~ ";

/// The line, the error's code, and a part of its message.
type Refusal = (usize, String, String);

struct Libraries {
    folder: PathBuf,
    paths: Vec<(String, PathBuf)>,
}

/// The newest build of this crate that is no newer than the test, and the very builds that it was compiled against: their
/// file names stand in its metadata.
fn libraries() -> &'static Libraries {
    static FOUND: OnceLock<Libraries> = OnceLock::new();
    FOUND.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().unwrap().to_owned();
        let built = |path: &Path| path.metadata().unwrap().modified().unwrap();
        let own = candidates(&folder, "bearingwall_tenancy")
            .into_iter()
            .filter(|path| built(path) <= built(&test))
            .max_by_key(|path| built(path))
            .expect("the library beside its test");
        let metadata = std::fs::read(&own).unwrap();
        let mut paths = vec![("bearingwall_tenancy".to_owned(), own)];
        for name in CRATES {
            let path = candidates(&folder, name)
                .into_iter()
                .find(|path| {
                    let suffix = path.file_stem().unwrap().to_str().unwrap().rsplit_once('-').unwrap().1;
                    metadata.windows(suffix.len()).any(|window| window == suffix.as_bytes())
                })
                .expect("every dependency beside the library");
            paths.push((name.to_owned(), path));
        }
        Libraries { folder, paths }
    })
}

fn candidates(folder: &Path, name: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| {
            path.extension().is_some_and(|extension| extension == "rlib")
                && path
                    .file_stem()
                    .and_then(|stem| stem.to_str()?.strip_prefix("lib")?.rsplit_once('-'))
                    .is_some_and(|(stem, _)| stem == name)
        })
        .collect()
}

/// The errors of a program.
fn compile(name: &str, source: &str) -> Vec<Refusal> {
    let folder = std::env::temp_dir().join(format!("bearingwall-compile-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("case.rs");
    std::fs::write(&file, source).unwrap();
    let libraries = libraries();
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args([
        "--edition",
        "2024",
        "--crate-type",
        "lib",
        "--emit",
        "metadata",
        "--cap-lints",
        "allow",
    ]);
    rustc
        .args(["--error-format", "json", "--out-dir"])
        .arg(&folder)
        .arg(&file);
    rustc
        .arg("-L")
        .arg(format!("dependency={}", libraries.folder.display()));
    for (name, path) in &libraries.paths {
        rustc.arg("--extern").arg(format!("{name}={}", path.display()));
    }
    let output = rustc.output().expect("the compiler");
    std::fs::remove_dir_all(&folder).unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<Refusal> = messages.lines().filter_map(error).collect();
    assert_eq!(output.status.success(), errors.is_empty(), "{name}: {messages}");
    errors
}

fn error(line: &str) -> Option<Refusal> {
    let message: Value = serde_json::from_str(line).ok()?;
    let text = message["message"].as_str()?.to_owned();
    if message["level"] != "error" || text.starts_with("aborting due to") {
        return None;
    }
    let spans = message["spans"].as_array()?;
    let place = spans.iter().find(|span| span["is_primary"] == true);
    let at = place.and_then(|span| span["line_start"].as_u64()).unwrap_or(0);
    let code = message["code"]["code"].as_str().unwrap_or("none").to_owned();
    Some((usize::try_from(at).unwrap(), code, text))
}

fn refuses(name: &str, source: &str) {
    let marked: Vec<Refusal> = source
        .lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let (code, text) = line.split_once(MARK)?.1.split_once(' ')?;
            Some((index + 1, code.to_owned(), text.to_owned()))
        })
        .collect();
    assert!(!marked.is_empty(), "{name} marks no line");
    let without: Vec<&str> = source.lines().filter(|line| !line.contains(MARK)).collect();
    assert_eq!(
        compile(name, &without.join("\n")),
        [],
        "{name} must compile without its marked lines"
    );
    let errors = compile(name, source);
    let explains =
        |error: &Refusal, mark: &Refusal| error.0 == mark.0 && error.1 == mark.1 && error.2.contains(&mark.2);
    let unexpected: Vec<&Refusal> = errors
        .iter()
        .filter(|error| !marked.iter().any(|mark| explains(error, mark)))
        .collect();
    let compiled: Vec<&Refusal> = marked
        .iter()
        .filter(|mark| !errors.iter().any(|error| explains(error, mark)))
        .collect();
    assert!(
        unexpected.is_empty() && compiled.is_empty(),
        "{name}: unexpected errors {unexpected:#?}; missing errors {compiled:#?}"
    );
}

#[test]
fn ten_3_a_transaction_cannot_commit_begin_another_or_enter_another_tenant() {
    refuses(
        "transaction_control",
        include_str!("../compile_fail/transaction_control.rs"),
    );
}

#[test]
fn ten_3_a_transaction_cannot_be_made_copied_or_opened_up() {
    refuses(
        "forged_transaction",
        include_str!("../compile_fail/forged_transaction.rs"),
    );
    refuses("forged_fields", include_str!("../compile_fail/forged_fields.rs"));
}

#[test]
fn ten_3_a_transaction_cannot_outlive_its_call() {
    refuses("escape_kept", include_str!("../compile_fail/escape_kept.rs"));
    refuses("escape_returned", include_str!("../compile_fail/escape_returned.rs"));
    refuses("escape_spawned", include_str!("../compile_fail/escape_spawned.rs"));
}

#[test]
fn ten_1_a_context_cannot_be_forged() {
    refuses("forged_context", include_str!("../compile_fail/forged_context.rs"));
}

#[test]
fn ten_1_an_enter_key_does_not_come_out_again() {
    let key = EnterKey::new(7, &Sensitive::new(b"0123456789abcdef0123456789abcdef".to_vec())).unwrap();
    assert_eq!(format!("{key:?}"), "EnterKey(kid 7)");
    refuses("enter_key", include_str!("../compile_fail/enter_key.rs"));
}
