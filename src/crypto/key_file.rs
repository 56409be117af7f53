//! Files that hold secrets: only their owner reads them, and a crash leaves the old content or the new, never half of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;
use zeroize::Zeroizing;

/// Longest key file that is read, in bytes.
const FILE_LEN_MAX: u64 = 4_096;

/// Why a secret could not be read or kept.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// Somebody but the owner may open the file.
    #[error("{0} can be opened by other users; run: chmod 600 {0}")]
    TooOpen(PathBuf),
    /// The file is not what this program writes.
    #[error("{0} does not hold a key of this program")]
    Malformed(PathBuf),
    /// The disk refuses.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The file's content, `None` if there is no such file.
///
/// # Errors
/// [`KeyFileError`]: too open, too long, or unreadable.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_path_buf(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if metadata.mode() & 0o077 != 0 {
        return Err(KeyFileError::TooOpen(path.to_path_buf()));
    }
    if metadata.len() > FILE_LEN_MAX {
        return Err(KeyFileError::Malformed(path.to_path_buf()));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_LEN_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// Makes the file, unless it is there: written whole under a name that nobody else has and synced, then given its name. Of
/// several that make it at once one wins, and the others' bytes are gone.
///
/// # Errors
/// [`KeyFileError::Io`]; nothing is made then.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    static MADE_COUNT: AtomicU64 = AtomicU64::new(0);
    let failed = |source| KeyFileError::Io { path: path.to_path_buf(), source };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{}.new", std::process::id(), MADE_COUNT.fetch_add(1, Ordering::Relaxed)));
    let beside = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    match fs::hard_link(&beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(&beside).map_err(failed)?,
        Ok(()) => fs::remove_file(&beside).map_err(failed)?,
        // Not every file system has links.
        Err(_) => fs::rename(&beside, path).map_err(failed)?,
    }
    sync_folder(path).map_err(failed)
}

/// Replaces the file's content: written beside it with mode 0600, synced, renamed over it, the folder synced.
///
/// # Errors
/// [`KeyFileError::Io`]; the old content is then still there.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_path_buf(), source };
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = PathBuf::from(name);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)?;
    sync_folder(path).map_err(failed)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_written_is_read_and_only_the_owner_may() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        assert!(read(&path).unwrap().is_none());
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().unwrap().as_slice(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn of_many_that_make_it_at_once_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..200 {
            let path = dir.path().join(round.to_string());
            std::thread::scope(|scope| {
                for bytes in [b"one", b"two"] {
                    let path = &path;
                    scope.spawn(move || {
                        create(path, bytes).unwrap();
                        let first = read(path).unwrap().unwrap();
                        create(path, b"later").unwrap();
                        assert_eq!(read(path).unwrap().unwrap(), first, "what was read once stays");
                    });
                }
            });
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 200, "nothing is left beside them");
    }

    #[test]
    fn a_file_that_others_may_open_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write(&path, b"one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::TooOpen(_))));
    }

    #[test]
    fn a_crash_while_writing_leaves_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write(&path, b"old").unwrap();
        fs::write(dir.path().join("secret.new"), b"hal").unwrap();
        assert_eq!(read(&path).unwrap().unwrap().as_slice(), b"old");
        write(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap().unwrap().as_slice(), b"new");
    }
}
