//! The canonical form, held against the standard's own words and against hostile texts.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests say what they expect")]

mod canonical;
