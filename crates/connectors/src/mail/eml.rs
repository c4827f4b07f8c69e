//! A transport for development: it keeps messages as files that a mail program opens, and sends nothing.

use super::{Cleared, MailError, MailTransport, Outcome, ProviderId, Reason};
use futures_core::future::BoxFuture;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A directory of `.eml` files, one a message, which nobody else reads.
///
/// The files hold what the messages hold, in the clear: for made-up people.
#[derive(Clone, Debug)]
pub struct EmlSink {
    dir: PathBuf,
}

impl EmlSink {
    /// Takes a directory, which is made (mode 0700) where it is missing.
    ///
    /// # Errors
    ///
    /// [`MailError::Exposed`] if it is a link, belongs to somebody else, or is open to others; [`MailError::Io`].
    pub fn danger_for_development(dir: impl AsRef<Path>) -> Result<Self, MailError> {
        let dir = dir.as_ref();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|source| MailError::Io {
                action: "make",
                path: dir.to_owned(),
                source,
            })?;
        check_directory(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Writes beside, syncs, and links to the name, which must be free: a reader sees the whole file or none.
    fn keep(&self, message: &Cleared) -> io::Result<()> {
        check_directory(&self.dir).map_err(io::Error::other)?;
        let beside = self.dir.join(format!(".{}.new", message.id()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        let kept = file
            .write_all(message.raw())
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::hard_link(&beside, self.dir.join(format!("{}.eml", message.id()))));
        std::fs::remove_file(&beside)?;
        kept?;
        File::open(&self.dir)?.sync_all()
    }
}

impl MailTransport for EmlSink {
    fn send(&self, message: Cleared) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match (self.keep(&message), ProviderId::parse(&message.id().to_string())) {
                (Ok(()), Some(id)) => Outcome::Accepted(id),
                _ => Outcome::Later(Reason::of("NotKept")),
            }
        })
    }
}

/// Refuses a directory in which somebody else could put, swap or list files.
fn check_directory(dir: &Path) -> Result<(), MailError> {
    let exposed = |exposure| MailError::Exposed {
        path: dir.to_owned(),
        exposure,
    };
    let metadata = std::fs::symlink_metadata(dir).map_err(|source| MailError::Io {
        action: "inspect",
        path: dir.to_owned(),
        source,
    })?;
    if !metadata.is_dir() {
        return Err(exposed("is not a directory of its own (a symbolic link is refused)"));
    }
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(exposed("belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(exposed("is open to its group or to everybody (expected mode 0700)"));
    }
    Ok(())
}
