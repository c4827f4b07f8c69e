//! The canonical form, held against the standard's own words and against hostile texts; the renderings, held against
//! texts written from the standards, the rules of the formats, and the event itself.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect"
)]

mod balp;
mod canonical;
mod csv;
mod golden;
mod renderings;
mod samples;
mod vocabulary;
