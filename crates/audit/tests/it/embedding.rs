//! The crate as an embedder has it: with a table of its own, and no migration tool of ours.

#[path = "../../examples/embed.rs"]
mod embed;

#[test]
fn the_example_of_the_readme_runs_and_shows_nothing_without_a_record() {
    embed::main().unwrap();
    let text = include_str!("../../examples/embed.rs");
    assert!(text.lines().count() < 80, "the example is to stay short");
}
