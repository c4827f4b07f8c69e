//! Reads the policy file strictly, because casbin's own loaders skip what they do not understand.

use bearingwall_core::Role;
use bearingwall_rbac::PermissionId;
use std::collections::HashSet;
use std::fmt;

/// One row of the policy: a role grants a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The role.
    pub role: Role,
    /// What it grants.
    pub permission: PermissionId,
}

/// What is wrong with a line of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// Not exactly `p, role, object, action`; a fifth field could be a `deny` that the effect would ignore.
    Arity,
    /// The first field is not `p`; casbin would drop the row in silence.
    RowType,
    /// No such role.
    Role,
    /// No such object and action.
    Permission,
    /// The same row stands there twice.
    Duplicate,
    /// A permission that no row grants.
    Missing,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arity => "a row is `p, role, object, action`",
            Self::RowType => "the only row type is `p`",
            Self::Role => "unknown role",
            Self::Permission => "unknown object and action",
            Self::Duplicate => "the row stands there twice",
            Self::Missing => "a permission is granted to nobody",
        })
    }
}

/// Reads a whole policy, or says which line is wrong (the first is 1; 0 stands for the file as a whole).
pub(crate) fn parse(text: &str) -> Result<Vec<Rule>, (usize, Defect)> {
    let mut rules = Vec::new();
    let mut seen = HashSet::new();
    for (line, number) in text.lines().zip(1_usize..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let rule = parse_row(line).map_err(|defect| (number, defect))?;
        if !seen.insert(rule) {
            return Err((number, Defect::Duplicate));
        }
        rules.push(rule);
    }
    let covered = |permission: &PermissionId| rules.iter().any(|rule| rule.permission == *permission);
    if PermissionId::ALL.iter().all(covered) {
        Ok(rules)
    } else {
        Err((0, Defect::Missing))
    }
}

fn parse_row(line: &str) -> Result<Rule, Defect> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [row_type, role, object, action] = fields.as_slice() else {
        return Err(Defect::Arity);
    };
    if *row_type != "p" {
        return Err(Defect::RowType);
    }
    let role = role.parse().map_err(|_| Defect::Role)?;
    let named = |permission: &PermissionId| permission.object() == *object && permission.action() == *action;
    let permission = PermissionId::ALL
        .iter()
        .copied()
        .find(named)
        .ok_or(Defect::Permission)?;
    Ok(Rule { role, permission })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::POLICY;

    fn with(row: &str) -> Result<Vec<Rule>, (usize, Defect)> {
        parse(&format!("{row}\n{POLICY}"))
    }

    #[test]
    fn the_shipped_policy_reads() {
        assert_eq!(parse(POLICY).unwrap().len(), 48);
    }

    #[test]
    fn rbc_2_rows_that_casbin_would_skip_or_misread_are_refused() {
        for (row, defect) in [
            ("pp, authenticated, client, write", Defect::RowType),
            ("g, authenticated, customer_admin", Defect::Arity),
            ("g, authenticated, customer_admin, x", Defect::RowType),
            ("p2, authenticated, client, write", Defect::RowType),
            ("p, authenticated, client", Defect::Arity),
            ("p, authenticated, client, write, deny", Defect::Arity),
            ("p, authenticated, client, write, allow", Defect::Arity),
            ("p, admin, client, write", Defect::Role),
            ("p, , client, write", Defect::Role),
            ("p, Authenticated, client, write", Defect::Role),
            ("p, authenticated, client, *", Defect::Permission),
            ("p, authenticated, , ", Defect::Permission),
            ("p, authenticated, \"client\", write", Defect::Permission),
            ("p; authenticated; client; write", Defect::Arity),
        ] {
            assert_eq!(with(row), Err((1, defect)), "{row}");
        }
    }

    #[test]
    fn a_row_that_stands_twice_is_refused_with_its_line() {
        assert_eq!(
            parse("p,authenticated,me,read\n\n p , authenticated , me , read"),
            Err((3, Defect::Duplicate))
        );
    }

    #[test]
    fn a_permission_that_nobody_holds_is_refused() {
        let without = POLICY.replace("p, customer_admin, client, import\n", "");
        assert_eq!(parse(&without), Err((0, Defect::Missing)));
        assert_eq!(parse(""), Err((0, Defect::Missing)));
    }
}
