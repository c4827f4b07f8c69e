//! The security floor: the oldest PostgreSQL whose row security and memory safety the isolation claim can rest on.
//!
//! Row security is worthless on a server that forgets policies or runs an attacker's machine code, so the patch level
//! is part of the control (TEN-5).
//! Floors are the minors released together on 2026-11-12; what they and their predecessors fix:
//!
//! | CVE | what a login with plain DML gains | fixed in (15 branch) |
//! |---|---|---|
//! | CVE-2023-2455 | policies of another role after inlining | 15.3 |
//! | CVE-2023-39418 | `MERGE` ignores UPDATE and SELECT policies | 15.4 |
//! | CVE-2024-4317 | other people's values in `pg_stats_ext` | 15.7 |
//! | CVE-2024-10976, CVE-2024-10978 | policies under subqueries with cached plans; `SET ROLE` restore | 15.9 |
//! | CVE-2025-8713 | statistics through partitions and views | 15.14 |
//! | CVE-2025-12817 | `CREATE STATISTICS` in foreign schemas | 15.15 |
//! | CVE-2026-2003 to CVE-2026-2006 | memory disclosure and corruption | 15.16 |
//! | CVE-2026-6473 | memory corruption reachable by SQL | 15.18 |
//! | CVE-2026-120145 | `DROP OWNED BY` takes a role out of restrictive policies on tables it does not own | 15.20 |
//! | CVE-2026-120154 | `ON CONFLICT` target rows unchecked by row security before leaky conditions | 15.20 |
//! | CVE-2026-116327 | a leaky function treated as leak-proof | 15.20 |
//! | CVE-2026-116306, -116315, -116317, -116328, -116331 | memory corruption reachable by SQL | 15.20 |

use bearingwall_core::{Classified, ErrorKind};
use std::fmt;

/// The oldest acceptable minor release of one major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityFloor {
    /// Major version, such as 15.
    pub major: u32,
    /// Oldest acceptable minor release of it, such as 20.
    pub minor: u32,
}

impl SecurityFloor {
    /// The floor of each supported major version, oldest first.
    pub const ALL: [Self; 4] = [
        Self { major: 15, minor: 20 },
        Self { major: 16, minor: 16 },
        Self { major: 17, minor: 12 },
        Self { major: 18, minor: 6 },
    ];

    /// The floor that applies to a major version, or `None` where the major itself is too old.
    ///
    /// A major that is newer than the list is accepted from its first patch release on: `.0` has none of the fixes
    /// that the field finds.
    pub fn of_major(major: u32) -> Option<Self> {
        let listed = Self::ALL.into_iter().find(|floor| floor.major == major);
        let newest = Self::ALL.into_iter().map(|floor| floor.major).max()?;
        listed.or_else(|| (major > newest).then_some(Self { major, minor: 1 }))
    }

    /// The floor as PostgreSQL's `server_version_num` writes it.
    pub const fn version_num(self) -> u32 {
        self.major * 10_000 + self.minor
    }
}

impl fmt::Display for SecurityFloor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A server that is too old to hold the isolation claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL {found_major}.{found_minor} is below the security floor, needed is {needed} or newer")]
pub struct BelowFloor {
    /// Major version of the server.
    pub found_major: u32,
    /// Minor release of the server.
    pub found_minor: u32,
    /// The oldest release that would do: of the same major, or of the oldest supported one.
    pub needed: SecurityFloor,
}

impl Classified for BelowFloor {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    fn code(&self) -> &'static str {
        "TEN-020"
    }
}

/// Accepts a server at or above the floor of its major version.
///
/// `server_version_num` is PostgreSQL's own number: major × 10,000 + minor (150020 is 15.20).
pub fn check(server_version_num: u32) -> Result<(), BelowFloor> {
    let (found_major, found_minor) = (server_version_num / 10_000, server_version_num % 10_000);
    let [oldest, ..] = SecurityFloor::ALL;
    let needed = SecurityFloor::of_major(found_major).unwrap_or(oldest);
    if server_version_num >= needed.version_num() {
        return Ok(());
    }
    Err(BelowFloor {
        found_major,
        found_minor,
        needed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_floor_itself_is_accepted_and_the_minor_before_refused() {
        for floor in SecurityFloor::ALL {
            assert_eq!(check(floor.version_num()), Ok(()));
            assert_eq!(check(floor.version_num() - 1).unwrap_err().needed, floor);
        }
    }

    #[test]
    fn majors_before_15_are_refused_whatever_the_minor() {
        assert!(check(140_099).is_err());
        assert!(check(90_624).is_err());
    }

    #[test]
    fn an_unlisted_newer_major_is_accepted_from_its_first_patch_on() {
        assert!(check(190_000).is_err());
        assert_eq!(check(190_001), Ok(()));
    }

    #[test]
    fn the_message_names_found_and_needed() {
        let message = check(150_018).unwrap_err().to_string();
        assert_eq!(
            message,
            "PostgreSQL 15.18 is below the security floor, needed is 15.20 or newer"
        );
    }
}
