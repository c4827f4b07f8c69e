//! The files that belong to the repository, and what cargo says about its crates.

use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository that a check looks at.
pub struct Repository {
    root: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
}

impl Repository {
    /// Reads the repository of the current directory: the files that git tracks, or would track.
    pub fn discover() -> anyhow::Result<Self> {
        let manifest = run(
            Path::new("."),
            "cargo",
            &["locate-project", "--workspace", "--message-format", "plain"],
        )?;
        let root = Path::new(manifest.trim())
            .parent()
            .context("the workspace manifest has no folder")?
            .to_owned();
        let list = run(
            &root,
            "git",
            &["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        )?;
        let mut files = BTreeMap::new();
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            let full = root.join(path);
            // A file that was deleted and not yet committed as such is still listed.
            if full.is_file() {
                files.insert(
                    path.to_owned(),
                    std::fs::read(&full).with_context(|| format!("reading `{path}`"))?,
                );
            }
        }
        if files.is_empty() {
            bail!("git lists no file here");
        }
        Ok(Self { root, files })
    }

    /// A repository out of thin air, for tests of the checks.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect();
        Self {
            root: PathBuf::new(),
            files,
        }
    }

    /// The root folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether there is such a file.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// A text file; none if it is missing or not UTF-8.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(path)?).ok()
    }

    /// Every path, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Every text file with its path, sorted by path.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|(path, bytes)| Some((path.as_str(), std::str::from_utf8(bytes).ok()?)))
    }

    /// Every text file whose name ends in `extension` (with its dot).
    pub fn texts_ending(&self, extension: &'static str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(extension))
    }
}

/// Runs a command in a folder and returns what it prints.
pub fn run(folder: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .with_context(|| format!("starting `{shown}`"))?;
    if !output.status.success() {
        bail!(
            "`{shown}` failed:\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed something that is not text"))
}

/// What `cargo metadata` says, as far as the checks need it.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    /// The workspace's packages.
    pub packages: Vec<Package>,
    /// Where the workspace lies.
    pub workspace_root: PathBuf,
}

/// A package of the workspace.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// What it declares to depend on.
    pub dependencies: Vec<Dependency>,
    /// Where its manifest lies.
    pub manifest_path: PathBuf,
}

/// A declared dependency.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// The package's real name, whatever the manifest calls it.
    pub name: String,
    /// None for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
}

impl Metadata {
    /// Asks cargo, which must not have to change the lock file for its answer.
    pub fn load(root: &Path) -> anyhow::Result<Self> {
        let text = run(
            root,
            "cargo",
            &["metadata", "--format-version", "1", "--locked", "--no-deps"],
        )?;
        serde_json::from_str(&text).context("reading what `cargo metadata` printed")
    }

    /// A package's folder, relative to the workspace, with `/`.
    #[must_use]
    pub fn folder(&self, package: &Package) -> String {
        let manifest = package
            .manifest_path
            .strip_prefix(&self.workspace_root)
            .unwrap_or(&package.manifest_path);
        let folder = manifest.parent().unwrap_or(manifest);
        folder
            .iter()
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join("/")
    }
}
