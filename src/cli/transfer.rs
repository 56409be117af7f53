//! Files on their way, between this machine's disk and the server: what commands and the conversation have in common.
//!
//! Neither asks the server itself: an [`Outgoing`] is told what the client told, an [`Incoming`] is handed each piece and says
//! which one it wants next.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::session::unexpected;
use crate::client::{Client, ClientEvent, Time, Upload, UploadState};
use crate::message::{Attachment, FileHasher, FilePiece, FileRead, Seq, Target, file_name, hex};

/// Bytes read at a time for hashing.
const READ_LEN: usize = 64 * 1024;

/// Media types of names that end so; whoever shows a file decides by its content all the same.
const MEDIA: [(&str, &str); 14] = [
    ("txt", "text/plain"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("json", "application/json"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("gz", "application/gzip"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("svg", "image/svg+xml"),
];

/// A file that is being sent.
#[derive(Debug)]
pub struct Outgoing {
    path: PathBuf,
    source: File,
    file: Attachment,
    upload: Option<Upload>,
}

impl Outgoing {
    /// Opens the file at `path` and reads it once, for its hash.
    ///
    /// # Errors
    /// Status 1 if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        // What is no file may never end, or not even open.
        if !std::fs::metadata(path).map_err(|error| unusable(path, &error))?.is_file() {
            return Err(Failure::new(Exit::Refused, format!("{}: this is no file; give one", path.display())));
        }
        let mut source = File::open(path).map_err(|error| unusable(path, &error))?;
        let name = file_name(&path.file_name().unwrap_or_default().to_string_lossy());
        let (len, hash) = len_and_hash(&mut source).map_err(|error| unusable(path, &error))?;
        let file = Attachment { media: media_of(&name).to_owned(), name, len, hash };
        Ok(Self { path: path.to_owned(), source, file, upload: None })
    }

    /// The file as its message has it.
    #[must_use]
    pub fn file(&self) -> &Attachment {
        &self.file
    }

    /// Whether it was offered.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.upload.is_some()
    }

    /// Offers it.
    pub fn begin(&mut self, client: &mut Client, now: Time) {
        self.upload = Some(Upload::begin(client, now, self.file.offer()));
    }

    /// Takes in what the client told, and sends what the server lacks.
    ///
    /// # Errors
    /// Status 1 if the file cannot be read any more.
    pub fn handle_event(&mut self, client: &mut Client, now: Time, event: &ClientEvent) -> Result<UploadState, Failure> {
        let Some(upload) = &mut self.upload else { return Ok(UploadState::Going) };
        let state = upload.handle_event(client, now, event);
        while let Some((offset, len)) = upload.wanted() {
            let mut bytes = vec![0; len];
            let read = self.source.seek(SeekFrom::Start(offset)).and_then(|_| self.source.read_exact(&mut bytes));
            read.map_err(|error| unusable(&self.path, &error))?;
            upload.send(client, now, bytes);
        }
        Ok(state)
    }
}

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
    log: Target,
    seq: Seq,
    destination: Destination,
    existing: Existing,
    sink: Option<Sink>,
}

/// Where pieces go, once it is known which file it is.
#[derive(Debug)]
struct Sink {
    file: Attachment,
    offset: u64,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Stdout { hasher: FileHasher },
    File { target: PathBuf, part_path: PathBuf, part: File },
}

/// How far a file is.
#[derive(Debug)]
pub enum Progress {
    /// This piece comes next.
    Wants(FileRead),
    /// It is whole and verified, and in its place: that of the file system, if it has one there.
    Whole(Attachment, Option<PathBuf>),
}

impl Incoming {
    /// The file of the message at `seq`.
    #[must_use]
    pub fn new(log: Target, seq: Seq, destination: Destination, existing: Existing) -> Self {
        Self { log, seq, destination, existing, sink: None }
    }

    /// The first piece to ask for: it tells which file it is.
    #[must_use]
    pub fn first(&self) -> FileRead {
        self.wanted(0)
    }

    fn wanted(&self, offset: u64) -> FileRead {
        FileRead { log: self.log.clone(), seq: self.seq, offset }
    }

    /// Takes the piece that was asked for.
    ///
    /// # Errors
    /// Status 1 if a file is in the way, the disk fails, or what came is not what the message names.
    pub fn take(&mut self, piece: &FilePiece) -> Result<Progress, Failure> {
        let sink = if let Some(mut sink) = self.sink.take() {
            if piece.file != sink.file || piece.offset != sink.offset || piece.bytes.is_empty() {
                return Err(unexpected());
            }
            sink.write(&piece.bytes)?;
            sink
        } else {
            let mut sink = Sink::open(&piece.file, &self.destination, self.existing)?;
            // What is here already goes on where it was.
            if sink.offset == 0 && piece.offset == 0 {
                sink.write(&piece.bytes)?;
            }
            sink
        };
        if sink.offset >= sink.file.len {
            return sink.finish(self.existing);
        }
        let next = self.wanted(sink.offset);
        self.sink = Some(sink);
        Ok(Progress::Wants(next))
    }
}

impl Sink {
    fn open(file: &Attachment, destination: &Destination, existing: Existing) -> Result<Self, Failure> {
        let target = match destination {
            // A name from elsewhere is made a good one again, whatever the server let pass.
            Destination::OwnName => PathBuf::from(file_name(&file.name)),
            Destination::Path(path) => path.clone(),
            Destination::Stdout => {
                return Ok(Self { file: file.clone(), offset: 0, place: Place::Stdout { hasher: FileHasher::default() } });
            }
        };
        if existing == Existing::Stays && target.symlink_metadata().is_ok() {
            let sentence = format!("{} is there already; choose another name with --output, or use --force", target.display());
            return Err(Failure::new(Exit::Refused, sentence));
        }
        let part_path = part_beside(&target, file);
        let failed = |error: io::Error| unusable(&part_path, &error);
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&part_path);
        let mut part = opened.map_err(failed)?;
        if part.metadata().map_err(failed)?.len() > file.len {
            part.set_len(0).map_err(failed)?;
        }
        let offset = part.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self { file: file.clone(), offset, place: Place::File { target, part_path, part } })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.place {
            Place::Stdout { hasher } => {
                hasher.update(bytes);
                io::stdout().lock().write_all(bytes)?;
            }
            Place::File { part, part_path, .. } => part.write_all(bytes).map_err(|error| unusable(part_path, &error))?,
        }
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(())
    }

    fn finish(self, existing: Existing) -> Result<Progress, Failure> {
        match self.place {
            Place::Stdout { hasher } => {
                io::stdout().lock().flush()?;
                if hasher.finish() == self.file.hash { Ok(Progress::Whole(self.file, None)) } else { Err(damaged()) }
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
                Ok(Progress::Whole(self.file, Some(target)))
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

fn len_and_hash(file: &mut File) -> io::Result<(u64, [u8; 32])> {
    let (mut hasher, mut buffer, mut whole_len) = (FileHasher::default(), vec![0; READ_LEN], 0_u64);
    loop {
        let len = file.read(&mut buffer)?;
        if len == 0 {
            return Ok((whole_len, hasher.finish()));
        }
        hasher.update(buffer.get(..len).unwrap_or_default());
        whole_len = whole_len.saturating_add(len as u64);
    }
}

fn media_of(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
    MEDIA.iter().find(|(known, _)| *known == end).map_or("application/octet-stream", |(_, media)| media)
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Refused, format!("{}: {error}", path.display()))
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

    fn fetch(incoming: &mut Incoming, bytes: &[u8], piece_len: usize) -> Result<Progress, Failure> {
        let mut wanted = incoming.first();
        loop {
            let from = usize::try_from(wanted.offset).unwrap();
            let part = bytes[from..bytes.len().min(from + piece_len)].to_vec();
            let piece = FilePiece { file: attachment(bytes), offset: wanted.offset, bytes: part };
            match incoming.take(&piece)? {
                Progress::Wants(next) => wanted = next,
                whole @ Progress::Whole(..) => return Ok(whole),
            }
        }
    }

    #[test]
    fn only_a_file_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), Path::new("/dev/zero")] {
            let Err(failure) = Outgoing::open(path) else { panic!("{path:?} was read") };
            assert!(format!("{failure:?}").contains("no file"), "{failure:?}");
        }
    }

    #[test]
    fn a_file_comes_in_pieces_and_is_in_its_place_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("tea");
        let to = |existing| Incoming::new(LOG, Seq(3), Destination::Path(target.clone()), existing);
        assert!(
            matches!(fetch(&mut to(Existing::Stays), b"first flush", 4), Ok(Progress::Whole(_, Some(path))) if path == target)
        );
        assert_eq!(fs::read(&target).unwrap(), b"first flush");
        assert!(fetch(&mut to(Existing::Stays), b"oolong", 4).is_err(), "nothing is replaced unasked");
        assert!(fetch(&mut to(Existing::GivesWay), b"oolong", 4).is_ok());
        assert_eq!(fs::read(&target).unwrap(), b"oolong");
        assert!(fetch(&mut to(Existing::GivesWay), b"", 4).is_ok(), "an empty file is a file");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_is_not_what_the_message_names_is_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("tea");
        let mut incoming = Incoming::new(LOG, Seq(3), Destination::Path(target.clone()), Existing::Stays);
        let piece = FilePiece { file: attachment(b"green"), offset: 0, bytes: b"black".to_vec() };
        assert!(incoming.take(&piece).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut incoming = Incoming::new(LOG, Seq(3), Destination::Path(target), Existing::Stays);
        let first = FilePiece { file: attachment(b"green"), offset: 0, bytes: b"gr".to_vec() };
        assert!(matches!(incoming.take(&first), Ok(Progress::Wants(next)) if next.offset == 2));
        let other = FilePiece { file: attachment(b"black"), offset: 2, bytes: b"ack".to_vec() };
        assert!(incoming.take(&other).is_err(), "it is another file's");
    }
}
