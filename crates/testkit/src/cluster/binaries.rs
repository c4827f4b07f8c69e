//! Finding PostgreSQL programs that are at or above the security floor.

use super::layout::Layout;
use bearingwall_tenancy::floor;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The newest major version that the project is tested with.
const NEWEST_TESTED_MAJOR: u32 = 18;

/// A folder with `postgres` and `initdb` of one acceptable release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// What a search saw: the acceptable folders, and why each other one was skipped.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) acceptable: Vec<Binaries>,
    pub(super) skipped: Vec<String>,
}

impl Found {
    /// The newest release, but one that fits existing data before one that would start afresh.
    pub(super) fn best(&self, majors_with_data: &[u32]) -> Option<Binaries> {
        let newest = |only_with_data: bool| {
            let candidates = self.acceptable.iter();
            let fits = candidates.filter(|one| !only_with_data || majors_with_data.contains(&one.major));
            fits.max_by_key(|one| (one.major, one.minor)).cloned()
        };
        newest(true).or_else(|| newest(false))
    }
}

/// Looks through the folders in order; a folder that is seen twice (symbolic links) counts once.
pub(super) fn search(folders: &[PathBuf], layout: &Layout) -> Found {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    for folder in folders {
        // `PATH` often holds symbolic links to single programs: the folder that counts is where `postgres` really is.
        let Ok(program) = folder.join("postgres").canonicalize() else {
            continue;
        };
        let Some(folder) = program.parent().map(Path::to_owned) else {
            continue;
        };
        if !seen.insert(folder.clone()) {
            continue;
        }
        match examine(&folder, layout) {
            Ok(binaries) => found.acceptable.push(binaries),
            Err(reason) => found.skipped.push(format!("{} skipped: {reason}", folder.display())),
        }
    }
    found
}

fn examine(folder: &Path, layout: &Layout) -> Result<Binaries, String> {
    if !folder.join("initdb").is_file() {
        return Err("it has no initdb".to_owned());
    }
    if !layout.owner.can_enter(folder) {
        return Err(format!("the user `{}` cannot enter it", layout.owner.name));
    }
    // Run as the server's user: a program found on the way is not one to run as root.
    let output = layout.owner.command(&folder.join("postgres")).arg("--version").output();
    let output = output.map_err(|error| format!("its postgres does not run ({error})"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (major, minor) = version(&text).ok_or_else(|| "its postgres names no released version".to_owned())?;
    floor::check(major * 10_000 + minor).map_err(|below| below.to_string())?;
    if major > NEWEST_TESTED_MAJOR {
        return Err(format!("PostgreSQL {major} is newer than what this was tested with"));
    }
    Ok(Binaries {
        folder: folder.to_owned(),
        major,
        minor,
    })
}

/// Reads `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`; betas and development builds have no such number.
fn version(text: &str) -> Option<(u32, u32)> {
    let number = text.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let (major, minor) = number.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The usual places: `PATH`, distributions, Homebrew, Postgres.app, then what was downloaded before.
pub(super) fn usual_folders(layout: &Layout) -> Vec<PathBuf> {
    let mut folders = path_folders();
    for (parent, prefix, tail) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        folders.extend(
            children(Path::new(parent), prefix)
                .into_iter()
                .map(|child| child.join(tail)),
        );
    }
    folders.extend(
        children(&layout.root.join("binaries"), "")
            .into_iter()
            .map(|child| child.join("bin")),
    );
    folders
}

/// The folders of `PATH`, also used to look for package managers.
#[expect(
    clippy::disallowed_methods,
    reason = "PATH is where the machine says its programs are"
)]
pub(super) fn path_folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect()
}

fn children(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = |entry: &fs::DirEntry| {
        entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(prefix) && !name.starts_with('.'))
    };
    entries.filter(named).map(|entry| entry.path()).collect()
}

/// Finds binaries without installing anything, or says why each folder that was looked at did not do.
///
/// An explicit folder is an order: no other one is looked at in its place.
pub(super) fn find(explicit: Option<&Path>, layout: &Layout, progress: &dyn Fn(&str)) -> Result<Binaries, Vec<String>> {
    let folders = explicit.map_or_else(|| usual_folders(layout), |folder| vec![folder.to_owned()]);
    let found = search(&folders, layout);
    for reason in &found.skipped {
        progress(reason);
    }
    let majors: Vec<u32> = layout.data_directories().into_iter().map(|(major, _)| major).collect();
    if let Some(best) = found.best(&majors) {
        return Ok(best);
    }
    let mut skipped = found.skipped;
    if skipped.is_empty() {
        skipped.push(explicit.map_or_else(
            || "none was found in PATH or the usual folders".to_owned(),
            |folder| format!("{} has no postgres", folder.display()),
        ));
    }
    Err(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn fake(parent: &Path, folder: &str, version: &str) -> PathBuf {
        let folder = parent.join(folder);
        fs::create_dir_all(&folder).unwrap();
        for program in ["postgres", "initdb"] {
            let path = folder.join(program);
            fs::write(
                &path,
                format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version} (Fake)'\n"),
            )
            .unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    fn scratch() -> (tempfile::TempDir, Layout) {
        let scratch = tempfile::tempdir().unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let layout = Layout::prepare(Some(&scratch.path().join("root")), "search").unwrap();
        (scratch, layout)
    }

    #[test]
    fn versions_are_read_and_betas_are_not() {
        assert_eq!(
            version("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n"),
            Some((15, 20))
        );
        assert_eq!(version("postgres (PostgreSQL) 18.6\n"), Some((18, 6)));
        assert_eq!(version("postgres (PostgreSQL) 19beta1\n"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn the_newest_acceptable_release_wins_and_the_rest_is_named() {
        let (scratch, layout) = scratch();
        let folders: Vec<_> = [
            ("a", "15.18"),
            ("b", "16.17"),
            ("c", "16.16"),
            ("d", "14.99"),
            ("e", "19.1"),
        ]
        .map(|(folder, version)| fake(scratch.path(), folder, version))
        .into_iter()
        .chain([scratch.path().join("b"), scratch.path().join("missing")])
        .collect();
        let found = search(&folders, &layout);
        assert_eq!(found.acceptable.len(), 2);
        let best = found.best(&[]).unwrap();
        assert_eq!((best.major, best.minor), (16, 17));
        let skipped = found.skipped.join("\n");
        assert!(
            skipped.contains("PostgreSQL 15.18 is below the security floor, needed is 15.20"),
            "{skipped}"
        );
        assert!(
            skipped.contains("14.99") && skipped.contains("PostgreSQL 19 is newer"),
            "{skipped}"
        );
    }

    #[test]
    fn a_release_that_fits_existing_data_goes_before_a_newer_one() {
        let (scratch, layout) = scratch();
        let folders = [fake(scratch.path(), "a", "15.20"), fake(scratch.path(), "b", "18.6")];
        let found = search(&folders, &layout);
        assert_eq!(found.best(&[15]).unwrap().major, 15);
        assert_eq!(found.best(&[16]).unwrap().major, 18);
    }
}
