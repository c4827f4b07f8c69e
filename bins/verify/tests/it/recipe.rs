//! The recipe of the README: the same answer from standard tools, without a line of this project.

use crate::site::Site;
use std::fs;
use std::process::Command;

const README: &str = include_str!("../../README.md");

fn recipe() -> &'static str {
    let (_, behind) = README.split_once("### The same with standard tools").unwrap();
    let (_, script) = behind.split_once("```sh\n").unwrap();
    script.split_once("```").unwrap().0
}

fn is_there(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn the_recipe_of_the_readme_works() {
    if !is_there("openssl", "version") || !is_there("python3", "--version") || !is_there("sha256sum", "--version") {
        // Without the tools there is no recipe; continuous integration has them.
        assert!(
            std::env::var_os("CI").is_none(),
            "openssl, python3 or sha256sum is missing"
        );
        return;
    }
    let site = Site::new();
    let script = site.write("recipe", recipe());
    let run = || {
        Command::new("sh")
            .arg(&script)
            .arg(site.bundle())
            .arg(site.key.verifier().to_string())
            .output()
            .unwrap()
    };
    let output = run();
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{told}");
    assert!(told.contains("Signature Verified Successfully"), "{told}");
    assert!(told.contains("the events lead to the signed root"), "{told}");

    // A changed event: by its digest, and by the tree when the digest is changed too.
    let events = site.bundle().join("events.jsonl");
    let manifest = site.bundle().join("manifest.json");
    let (original, listed) = (
        fs::read_to_string(&events).unwrap(),
        fs::read_to_string(&manifest).unwrap(),
    );
    let changed = original.replace("event-15", "event-9915");
    fs::write(&events, &changed).unwrap();
    assert!(!run().status.success());
    let relisted = listed.replace(&digest(&original), &digest(&changed));
    assert_ne!(listed, relisted);
    fs::write(&manifest, relisted).unwrap();
    let output = run();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("do not lead to the signed root"));
    // Another checkpoint.
    fs::write(&events, original).unwrap();
    fs::write(&manifest, listed).unwrap();
    assert!(run().status.success());
    let checkpoint = site.bundle().join("checkpoint");
    let forged = fs::read_to_string(&checkpoint).unwrap().replace("\n50\n", "\n51\n");
    fs::write(checkpoint, forged).unwrap();
    assert!(!run().status.success());
}

/// By the standard tool, so that nothing of ours stands in between.
fn digest(text: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let output = Command::new("sha256sum").arg(file.path()).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}
