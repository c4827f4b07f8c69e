//! The rules of the house that a machine can check.

mod error_codes;
mod manifests;
mod markdown;
mod rust_files;
mod schema;
mod text_files;
mod workflows;

use crate::report::Report;
use crate::repository::{Metadata, Repository};

/// Checks the repository.
pub fn check(repository: &Repository) -> anyhow::Result<Report> {
    let metadata = Metadata::load(repository.root())?;
    let mut report = Report::default();
    text_files::check(repository, &mut report);
    rust_files::check(repository, &mut report);
    manifests::check(&metadata, repository, &mut report);
    markdown::check(repository, &mut report);
    error_codes::check(repository, &mut report);
    schema::check(repository, &mut report);
    workflows::check(repository, &mut report);
    report.looked_at(repository.paths().count(), "files");
    Ok(report)
}
