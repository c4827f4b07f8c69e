//! The program itself: exit codes, what it prints, and the recipe of the README with standard tools.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test states what it expects, and runs programs"
)]

mod program;
mod recipe;
mod site;
