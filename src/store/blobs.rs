//! The bytes of files, in files of their own under `files` in the data directory.
//!
//! ```text
//! offered ──pieces──▶ partial/USER/HASH-LEN ──whole, verified, synced, linked──▶ xx/HASH
//! ```
//!
//! Whoever sends a file sends all of its bytes, even if the server has them from somebody else; only then are the two made
//! one. A file that no message names, and a partial one that nobody went on with, is swept away. Everything that a crash
//! leaves behind is either on its way or found by the next sweep.

use crate::message::{FileHash, FileHasher, FileOffer, UserId, hex};
use nix::sys::statvfs::statvfs;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use thiserror::Error;

/// How many files of one user may be on their way.
pub const UPLOADS_PER_USER_MAX: usize = 8;

/// How long a partial file waits to be gone on with.
pub const PARTIAL_TIMEOUT: Duration = Duration::from_hours(24);

/// Bytes read at a time for hashing.
const READ_LEN: usize = 64 * 1024;

/// Why a file is not taken or not given.
#[derive(Debug, Error)]
pub enum BlobError {
    /// Nobody offered the file that a piece belongs to.
    #[error("no such file was offered")]
    NotOffered,
    /// The piece does not follow what is here, or goes beyond the end.
    #[error("the piece does not follow what is here")]
    BadPiece,
    /// The user has too many files on their way.
    #[error("too many files on their way")]
    TooManyUploads,
    /// The whole file has another hash; it was removed.
    #[error("the file does not have its hash")]
    Damaged,
    /// The disk is full; what was there before is there still.
    #[error("the disk is full")]
    Full,
    /// The disk failed.
    #[error("a file failed: {0}")]
    Io(io::Error),
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// All files.
#[derive(Debug)]
pub struct Blobs {
    root: PathBuf,
    /// Files that messages are being written with; no sweep takes them.
    held: BTreeMap<FileHash, u32>,
    /// Partial files that are whole, verified and synced, so that a post refused again and again reads none again; what an
    /// earlier process took in is verified when it is kept.
    verified: BTreeSet<PathBuf>,
    /// How many more bytes are taken, if the disk is held to be smaller than it is.
    room_len: u64,
    /// Bytes of the disk that are left to messages.
    reserved_len: u64,
    /// Hears which file or folder is on the disk for certain.
    on_synced: fn(&Path),
}

/// [`Blobs`] leaves so many bytes of the disk to messages: a full disk would silence everybody.
const RESERVED_LEN: u64 = 256 << 20;

impl Blobs {
    /// Opens the files in the data directory, which must be there.
    ///
    /// # Errors
    /// [`BlobError`] if the folders cannot be made.
    pub fn open(directory: &Path) -> Result<Self, BlobError> {
        Self::open_watched(directory, |_| {})
    }

    /// The same, where `on_synced` hears of every file and folder right after it was synced: for simulations, whose power cuts
    /// leave nothing else.
    ///
    /// # Errors
    /// [`BlobError`] if the folders cannot be made.
    pub fn open_watched(directory: &Path, on_synced: fn(&Path)) -> Result<Self, BlobError> {
        let root = directory.join("files");
        make_folder(&root.join("partial"))?;
        let (held, verified) = (BTreeMap::new(), BTreeSet::new());
        let blobs = Self { root, held, verified, room_len: u64::MAX, reserved_len: RESERVED_LEN, on_synced };
        blobs.sync(directory)?;
        Ok(blobs)
    }

    /// From now on takes at most so many more bytes, as a disk does that fills up: for simulations.
    pub fn limit_room(&mut self, room_len: u64) {
        self.room_len = room_len;
    }

    /// How many bytes of an offered file are here; from now on its pieces are taken.
    ///
    /// # Errors
    /// [`BlobError::TooManyUploads`], [`BlobError::Full`] if the disk would have too little left for messages, or the disk's.
    pub fn offer(&mut self, user: UserId, offer: &FileOffer) -> Result<u64, BlobError> {
        let path = self.partial_path(user, offer);
        match fs::metadata(&path) {
            Ok(partial) => return Ok(partial.len()),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            Err(_) => {}
        }
        if self.partials(user)?.len() >= UPLOADS_PER_USER_MAX {
            return Err(BlobError::TooManyUploads);
        }
        let disk = statvfs(&self.root).map_err(io::Error::from)?;
        let free_len = disk.blocks_available().saturating_mul(disk.fragment_size());
        if free_len < self.reserved_len.saturating_add(offer.len) {
            return Err(BlobError::Full);
        }
        make_folder(&self.partial_folder(user))?;
        private(OpenOptions::new().create_new(true).write(true)).open(&path)?;
        Ok(0)
    }

    /// The files of `user` that are on their way.
    ///
    /// # Errors
    /// The disk's.
    pub fn partials(&self, user: UserId) -> Result<Vec<FileOffer>, BlobError> {
        let names = names_in(&self.partial_folder(user))?;
        Ok(names.iter().filter_map(|name| partial_of(name)).collect())
    }

    /// Takes a piece; how many bytes of the file are here then. A piece that is here already changes nothing. The piece that
    /// makes the file whole brings its verification.
    ///
    /// # Errors
    /// [`BlobError`]; after [`BlobError::Damaged`] nothing of the file is here.
    pub fn write(&mut self, user: UserId, offer: &FileOffer, offset: u64, bytes: &[u8]) -> Result<u64, BlobError> {
        let path = self.partial_path(user, offer);
        let mut file = match OpenOptions::new().append(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(BlobError::NotOffered),
            opened => opened?,
        };
        let here_len = file.metadata()?.len();
        let end = offset.saturating_add(bytes.len() as u64);
        if end > offer.len || offset > here_len || bytes.is_empty() {
            return Err(BlobError::BadPiece);
        }
        if end <= here_len {
            return Ok(here_len);
        }
        let new = bytes.get(usize::try_from(here_len - offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let fitting = new.get(..usize::try_from(self.room_len).unwrap_or(usize::MAX)).unwrap_or(new);
        let written = file
            .write_all(fitting)
            .and_then(|()| if fitting.len() == new.len() { Ok(()) } else { Err(io::Error::from(ErrorKind::StorageFull)) });
        if let Err(error) = written {
            // A part of it may be there; the next try begins where this one did.
            file.set_len(here_len)?;
            return Err(error.into());
        }
        self.room_len = self.room_len.saturating_sub(new.len() as u64);
        if end == offer.len {
            self.verify(&path, offer)?;
        }
        Ok(end)
    }

    /// Puts a whole file that `user` sent among those of messages, synced; whether there is one. Until
    /// [`Blobs::let_go`] no sweep takes it.
    ///
    /// # Errors
    /// [`BlobError`]; after [`BlobError::Damaged`] nothing of the partial file is here.
    pub fn keep(&mut self, user: UserId, offer: &FileOffer) -> Result<bool, BlobError> {
        let partial = self.partial_path(user, offer);
        match fs::metadata(&partial) {
            Ok(found) if found.len() == offer.len => {}
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            Ok(_) | Err(_) => return Ok(false),
        }
        if !self.verified.contains(&partial) {
            self.verify(&partial, offer)?;
        }
        let kept = self.kept_path(&offer.hash);
        let folder = kept.parent().unwrap_or(&self.root).to_owned();
        make_folder(&folder)?;
        match fs::hard_link(&partial, &kept) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
        self.sync(&folder)?;
        self.sync(&self.root)?;
        *self.held.entry(offer.hash).or_default() += 1;
        Ok(true)
    }

    /// The message of a kept file is written, or is not: the partial file has served, or stays for the next try.
    ///
    /// # Errors
    /// The disk's.
    pub fn let_go(&mut self, user: UserId, offer: &FileOffer, is_written: bool) -> Result<(), BlobError> {
        if let Some(count) = self.held.get_mut(&offer.hash) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(&offer.hash);
            }
        }
        if is_written {
            let partial = self.partial_path(user, offer);
            self.verified.remove(&partial);
            remove(&partial)?;
        }
        Ok(())
    }

    /// At most `len_max` bytes of a kept file from `offset` on.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(&self, hash: &FileHash, offset: u64, len_max: usize) -> Result<Vec<u8>, BlobError> {
        let mut file = File::open(self.kept_path(hash))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(len_max);
        file.take(len_max as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// What time the disk says it is, so that ages of files are told by one clock.
    ///
    /// # Errors
    /// The disk's.
    pub fn time(&self) -> Result<SystemTime, BlobError> {
        let path = self.root.join("swept");
        let mut file = private(OpenOptions::new().create(true).truncate(true).write(true)).open(path)?;
        file.write_all(b"\n")?;
        Ok(file.metadata()?.modified()?)
    }

    /// Removes partial files that nobody went on with until `now`, and files that `is_kept` by no message; how many.
    ///
    /// # Errors
    /// Those of `is_kept`, and the disk's.
    pub fn sweep<E: From<BlobError>>(
        &mut self,
        now: SystemTime,
        mut is_kept: impl FnMut(&FileHash) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let mut removed_count = 0;
        for name in names_in(&self.root)? {
            let folder = self.root.join(&name);
            if name == "partial" {
                for user in names_in(&folder)? {
                    removed_count += sweep_partials(&folder.join(user), now)?;
                }
            } else if name.len() == 2 {
                for name in names_in(&folder)? {
                    let Some(hash) = hash_of(&name) else { continue };
                    if !self.held.contains_key(&hash) && !is_kept(&hash)? {
                        remove(&folder.join(name))?;
                        removed_count += 1;
                    }
                }
            }
        }
        self.verified.retain(|partial| partial.exists());
        Ok(removed_count)
    }

    /// Reads the whole file that `partial` is, and syncs it.
    fn verify(&mut self, partial: &Path, offer: &FileOffer) -> Result<(), BlobError> {
        let (mut file, mut hasher, mut buffer) = (File::open(partial)?, FileHasher::default(), vec![0; READ_LEN]);
        loop {
            let len = file.read(&mut buffer)?;
            if len == 0 {
                break;
            }
            hasher.update(buffer.get(..len).unwrap_or_default());
        }
        if hasher.finish() != offer.hash {
            remove(partial)?;
            return Err(BlobError::Damaged);
        }
        if !planted!(FileNotSynced) {
            // After a failed sync the next one may succeed although the bytes never reached the disk: they are sent again.
            self.sync(partial).or_else(|error| remove(partial).and(Err(error)))?;
        }
        self.verified.insert(partial.to_owned());
        Ok(())
    }

    fn sync(&self, path: &Path) -> Result<(), BlobError> {
        File::open(path)?.sync_all()?;
        (self.on_synced)(path);
        Ok(())
    }

    fn partial_folder(&self, user: UserId) -> PathBuf {
        self.root.join("partial").join(user.0.to_string())
    }

    fn partial_path(&self, user: UserId, offer: &FileOffer) -> PathBuf {
        self.partial_folder(user).join(format!("{}-{}", hex(&offer.hash), offer.len))
    }

    fn kept_path(&self, hash: &FileHash) -> PathBuf {
        let name = hex(hash);
        self.root.join(name.get(..2).unwrap_or_default()).join(name)
    }
}

fn sweep_partials(folder: &Path, now: SystemTime) -> Result<usize, BlobError> {
    let mut removed_count = 0;
    for name in names_in(folder)? {
        let path = folder.join(name);
        let modified = fs::metadata(&path)?.modified()?;
        if now.duration_since(modified).is_ok_and(|age| age > PARTIAL_TIMEOUT) {
            remove(&path)?;
            removed_count += 1;
        }
    }
    Ok(removed_count)
}

fn make_folder(path: &Path) -> Result<(), BlobError> {
    Ok(DirBuilder::new().recursive(true).mode(0o700).create(path)?)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

fn remove(path: &Path) -> Result<(), BlobError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => Ok(removed?),
    }
}

/// The names in a folder; none if there is no such folder.
fn names_in(folder: &Path) -> Result<Vec<String>, BlobError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

fn hash_of(name: &str) -> Option<FileHash> {
    let mut hash = [0; 32];
    if name.len() != 2 * hash.len() {
        return None;
    }
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(name.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(hash)
}

fn partial_of(name: &str) -> Option<FileOffer> {
    let (hash, len) = name.split_once('-')?;
    Some(FileOffer { hash: hash_of(hash)?, len: len.parse().ok()? })
}

#[cfg(test)]
#[path = "blob_tests.rs"]
mod tests;
