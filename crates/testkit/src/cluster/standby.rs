//! A hot standby of a running cluster: copied with `pg_basebackup`, kept up by streaming replication.

use super::binaries::Binaries;
use super::install::last_lines;
use super::layout::{Credentials, Layout};
use super::postmaster::{self, Running};
use super::watchdog::{self, UserMark};
use super::{Cluster, ClusterError, ClusterOptions, provide};
use std::path::PathBuf;

/// How the standby logs in at its primary, as long as it lives; only the server's user may read it.
const PASSWORD_FILE: &str = "primary-password";

impl Cluster {
    /// Makes a hot standby of this cluster, anew each time, and starts it: a cluster of its own under `options.name`, on
    /// loopback like every other, that answers reads and refuses writes until it is promoted.
    ///
    /// # Errors
    /// When a cluster of that name already runs, or its programs are not there (`pg_basebackup` is one of them).
    pub fn start_standby(&self, options: &ClusterOptions, progress: &dyn Fn(&str)) -> Result<Self, ClusterError> {
        let layout = Layout::prepare(options.data_root.as_deref(), &options.name)?;
        let lock = layout.lock()?;
        let mark = UserMark::register(&layout)?;
        if let Some((process, data, _)) = postmaster::find_running(&layout) {
            return Err(ClusterError::Unresponsive {
                pid: process.pid,
                data,
                source: None,
            });
        }
        let binaries = provide(&layout, options, progress)?;
        let credentials = Credentials {
            superuser: self.credentials.superuser.clone(),
            roles: self.layout.credentials()?.unwrap_or_default().roles,
        };
        layout.store_credentials(&credentials)?;
        progress(&format!("copying the cluster to {}", layout.directory.display()));
        let data = copy(self, &layout, &binaries)?;
        let running: Running = postmaster::start(&layout, &binaries, &data, &credentials, options)?;
        watchdog::ensure(&layout, running.process, options.grace_s)?;
        drop(lock);
        Ok(Self {
            layout,
            running,
            credentials,
            mark,
        })
    }
}

/// Takes the base backup, complete with `standby.signal` and the way back to the primary.
fn copy(primary: &Cluster, layout: &Layout, binaries: &Binaries) -> Result<PathBuf, ClusterError> {
    let data = layout.data_directory(binaries.major);
    layout.make_data_directory(&data)?;
    // Not on the command line, where every user of the machine could read it.
    let entry = format!(
        "127.0.0.1:{}:*:postgres:{}\n",
        primary.port(),
        primary.credentials.superuser
    );
    let password_file = layout.owner_file(PASSWORD_FILE, entry.as_bytes())?;
    let mut command = layout.owner.command(&binaries.program("pg_basebackup"));
    command.arg("--pgdata").arg(&data).arg("--dbname").arg(format!(
        "host=127.0.0.1 port={} user=postgres passfile='{}'",
        primary.port(),
        password_file.display()
    ));
    command.args([
        "--write-recovery-conf",
        "--wal-method=stream",
        "--checkpoint=fast",
        "--no-sync",
        "--no-password",
    ]);
    let output = command.output();
    let output = output.map_err(ClusterError::io("run", binaries.program("pg_basebackup")))?;
    if output.status.success() {
        Ok(data)
    } else {
        Err(ClusterError::Program {
            program: "pg_basebackup",
            output: last_lines(&output.stderr, 4),
        })
    }
}
