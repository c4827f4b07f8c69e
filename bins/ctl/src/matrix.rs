//! `matrix` and `openapi`: what the API offers to whom, from the tables that the server runs by.

use crate::outcome::Outcome;
use crate::output;
use anyhow::Context as _;
use bearingwall_http::{app_routes, matrix};
use bearingwall_rbac::PolicyTable;
use bearingwall_rbac_casbin::CasbinEngine;
use std::path::Path;

/// Every route with its permission and the roles that hold it, as text.
///
/// # Errors
/// When the route table or the shipped policy is unsound; the server would not start either.
pub async fn permission_matrix() -> anyhow::Result<String> {
    let permissions = PolicyTable::compile(&CasbinEngine::shipped().await?)?;
    Ok(matrix(&app_routes()?, &permissions))
}

pub(crate) async fn run(check: Option<&Path>) -> anyhow::Result<Outcome> {
    let found = permission_matrix().await?;
    let Some(file) = check else {
        output::line(found.trim_end())?;
        return Ok(Outcome::Done);
    };
    let expected = std::fs::read_to_string(file).with_context(|| format!("reading `{}`", file.display()))?;
    let differences = differences(&expected, &found);
    if differences.is_empty() {
        output::line(&format!("the matrix is as in `{}`", file.display()))?;
        return Ok(Outcome::Done);
    }
    for difference in differences {
        output::line(&difference)?;
    }
    Ok(Outcome::Differs)
}

/// Lines that stand in one text only: `-` in the file, `+` in the program. Line endings do not count.
fn differences(expected: &str, found: &str) -> Vec<String> {
    let missing = expected
        .lines()
        .filter(|line| !found.lines().any(|other| other == *line));
    let added = found
        .lines()
        .filter(|line| !expected.lines().any(|other| other == *line));
    let mut differences: Vec<String> = missing
        .map(|line| format!("- {line}"))
        .chain(added.map(|line| format!("+ {line}")))
        .collect();
    if differences.is_empty() && !expected.lines().eq(found.lines()) {
        differences.push("the same lines stand in another order or number".to_owned());
    }
    differences
}

pub(crate) fn openapi() -> anyhow::Result<Outcome> {
    let document = bearingwall_http::openapi(&app_routes()?);
    output::line(&serde_json::to_string_pretty(&document)?)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_with_its_side() {
        assert!(differences("a\nb\n", "a\r\nb").is_empty());
        assert_eq!(differences("a\nb", "a\nc"), ["- b", "+ c"]);
        assert_eq!(differences("a\nb", "b\na").len(), 1);
    }
}
