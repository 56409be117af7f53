//! Files on their way from the server to this machine's disk: what commands and the conversation have in common.
//!
//! An [`Incoming`] does not ask the server itself: it says which pieces it wants, and is handed each one that came.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::outgoing::{len_and_hash, unusable};
use super::session::unexpected;
use crate::client::Download;
use crate::message::{Attachment, FileHasher, FilePiece, FileRead, Seq, Target, file_name, hex};

/// Where a file goes that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Its own name, here.
    OwnName,
    /// This path.
    Path(PathBuf),
    /// Standard output.
    Stdout,
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is fetched.
    Stays,
    /// It is replaced.
    GivesWay,
}

/// A file that is being fetched.
#[derive(Debug)]
pub struct Incoming {
    download: Download,
    destination: Destination,
    existing: Existing,
    sink: Option<Sink>,
}

/// Where pieces go, once it is known which file it is.
#[derive(Debug)]
struct Sink {
    file: Attachment,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Stdout { hasher: FileHasher },
    File { target: PathBuf, part_path: PathBuf, part: File },
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More of it is wanted.
    Going,
    /// All of it is here; [`Incoming::finish`] verifies it.
    Whole,
}

impl Incoming {
    /// The file of the message at `seq`.
    #[must_use]
    pub fn new(log: Target, seq: Seq, destination: Destination, existing: Existing) -> Self {
        Self { download: Download::new(log, seq), destination, existing, sink: None }
    }

    /// The next piece to ask for, if one is wanted now.
    pub fn wanted(&mut self) -> Option<FileRead> {
        self.download.poll_read()
    }

    /// Takes a piece that was asked for.
    ///
    /// # Errors
    /// Status 1 if a file is in the way, the disk fails, or what came is not what the message names.
    pub fn take(&mut self, piece: FilePiece) -> Result<Progress, Failure> {
        let file = piece.file.clone();
        self.download.take(piece).map_err(|_| unexpected())?;
        let sink = if let Some(sink) = &mut self.sink {
            sink
        } else {
            let (sink, here_len) = Sink::open(file, &self.destination, self.existing)?;
            if here_len > 0 {
                self.download.go_on_at(here_len);
            }
            self.sink.insert(sink)
        };
        while let Some(bytes) = self.download.poll_bytes() {
            sink.write(&bytes)?;
        }
        Ok(if self.download.is_whole() { Progress::Whole } else { Progress::Going })
    }

    /// Verifies a whole file and puts it in its place: that of the file system, if it has one there. It reads all of it.
    ///
    /// # Errors
    /// Status 1 if a file is in the way, the disk fails, or what came is not what the message names.
    pub fn finish(self) -> Result<(Attachment, Option<PathBuf>), Failure> {
        let sink = self.sink.filter(|_| self.download.is_whole()).ok_or_else(unexpected)?;
        sink.finish(self.existing)
    }
}

impl Sink {
    /// Where the file goes, and how much of it is there from earlier.
    fn open(file: Attachment, destination: &Destination, existing: Existing) -> Result<(Self, u64), Failure> {
        let target = match destination {
            // A name from elsewhere is made a good one again, whatever the server let pass.
            Destination::OwnName => PathBuf::from(file_name(&file.name)),
            Destination::Path(path) if path.is_dir() => path.join(file_name(&file.name)),
            Destination::Path(path) => path.clone(),
            Destination::Stdout => {
                return Ok((Self { file, place: Place::Stdout { hasher: FileHasher::default() } }, 0));
            }
        };
        if existing == Existing::Stays && target.symlink_metadata().is_ok() {
            let sentence = format!("{} is there already; choose another name with --output, or use --force", target.display());
            return Err(Failure::new(Exit::Refused, sentence));
        }
        let part_path = part_beside(&target, &file);
        let failed = |error: io::Error| unusable(&target, &error);
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&part_path);
        let mut part = opened.map_err(failed)?;
        if part.metadata().map_err(failed)?.len() > file.len {
            part.set_len(0).map_err(failed)?;
        }
        let here_len = part.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok((Self { file, place: Place::File { target, part_path, part } }, here_len))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.place {
            Place::Stdout { hasher } => {
                hasher.update(bytes);
                io::stdout().lock().write_all(bytes)?;
            }
            Place::File { part, part_path, .. } => part.write_all(bytes).map_err(|error| unusable(part_path, &error))?,
        }
        Ok(())
    }

    fn finish(self, existing: Existing) -> Result<(Attachment, Option<PathBuf>), Failure> {
        match self.place {
            Place::Stdout { hasher } => {
                io::stdout().lock().flush()?;
                if hasher.finish() == self.file.hash { Ok((self.file, None)) } else { Err(damaged()) }
            }
            Place::File { target, part_path, mut part } => {
                let failed = |error: io::Error| unusable(&part_path, &error);
                part.sync_all().map_err(failed)?;
                part.rewind().map_err(failed)?;
                if len_and_hash(&mut part).map_err(failed)? != (self.file.len, self.file.hash) {
                    fs::remove_file(&part_path).map_err(failed)?;
                    return Err(damaged());
                }
                put_in_place(&part_path, &target, existing).map_err(|error| unusable(&target, &error))?;
                Ok((self.file, Some(target)))
            }
        }
    }
}

/// Where a file waits until it is whole: beside its target, under a name that says which file it is.
fn part_beside(target: &Path, file: &Attachment) -> PathBuf {
    let hash = hex(&file.hash);
    target.with_file_name(format!(".{}.udpchat-part", hash.get(..16).unwrap_or_default()))
}

/// Gives a whole file its name, and takes nobody else's away unless that is wanted.
fn put_in_place(part: &Path, target: &Path, existing: Existing) -> io::Result<()> {
    if existing == Existing::GivesWay {
        return fs::rename(part, target);
    }
    match fs::hard_link(part, target) {
        Ok(()) => fs::remove_file(part),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        // Not every file system has links.
        Err(_) => fs::rename(part, target),
    }
}

fn damaged() -> Failure {
    Failure::new(Exit::Refused, "what came is not the file that the message names; try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: Target = Target::Own;

    fn attachment(bytes: &[u8]) -> Attachment {
        let mut hasher = FileHasher::default();
        hasher.update(bytes);
        Attachment { name: "tea.txt".into(), media: "text/plain".into(), len: bytes.len() as u64, hash: hasher.finish() }
    }

    fn fetch(mut incoming: Incoming, bytes: &[u8]) -> Result<(Attachment, Option<PathBuf>), Failure> {
        while let Some(wanted) = incoming.wanted() {
            let from = usize::try_from(wanted.offset).unwrap();
            let piece = FilePiece { file: attachment(bytes), offset: wanted.offset, bytes: bytes[from..].to_vec() };
            if incoming.take(piece)? == Progress::Whole {
                return incoming.finish();
            }
        }
        panic!("nothing more is wanted of what is not whole");
    }

    #[test]
    fn a_file_comes_in_pieces_and_is_in_its_place_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("tea");
        let to = |existing| Incoming::new(LOG, Seq(3), Destination::Path(target.clone()), existing);
        let first = Incoming::new(LOG, Seq(3), Destination::Path(target.clone()), Existing::Stays);
        // The first try breaks off.
        let (mut broken, bytes) = (first, b"first flush");
        broken.wanted();
        let piece = FilePiece { file: attachment(bytes), offset: 0, bytes: b"first".to_vec() };
        assert_eq!(broken.take(piece).unwrap(), Progress::Going);
        assert!(broken.finish().is_err() && !target.exists(), "it is in its place only when it is whole");
        let mut again = to(Existing::Stays);
        again.wanted();
        let piece = FilePiece { file: attachment(bytes), offset: 0, bytes: b"fi".to_vec() };
        assert_eq!(again.take(piece).unwrap(), Progress::Going);
        assert_eq!(again.wanted().map(|read| read.offset), Some(5), "it goes on where it was");
        assert!(matches!(fetch(to(Existing::Stays), bytes), Ok((_, Some(path))) if path == target));
        assert_eq!(fs::read(&target).unwrap(), b"first flush");
        assert!(fetch(to(Existing::Stays), b"oolong").is_err(), "nothing is replaced unasked");
        assert!(fetch(to(Existing::GivesWay), b"oolong").is_ok());
        assert_eq!(fs::read(&target).unwrap(), b"oolong");
        assert!(fetch(to(Existing::GivesWay), b"").is_ok(), "an empty file is a file");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_is_not_what_the_message_names_is_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("tea");
        let mut incoming = Incoming::new(LOG, Seq(3), Destination::Path(target.clone()), Existing::Stays);
        incoming.wanted();
        let piece = FilePiece { file: attachment(b"green"), offset: 0, bytes: b"black".to_vec() };
        assert_eq!(incoming.take(piece).unwrap(), Progress::Whole);
        assert!(incoming.finish().is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut incoming = Incoming::new(LOG, Seq(3), Destination::Path(target), Existing::Stays);
        let first = FilePiece { file: attachment(b"green"), offset: 0, bytes: b"gr".to_vec() };
        incoming.wanted();
        assert_eq!(incoming.take(first).unwrap(), Progress::Going);
        assert_eq!(incoming.wanted().map(|read| read.offset), Some(2));
        let other = FilePiece { file: attachment(b"black"), offset: 2, bytes: b"ack".to_vec() };
        assert!(incoming.take(other).is_err(), "it is another file's");
    }
}
