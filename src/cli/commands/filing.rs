//! send --file and get: files go and come in pieces, and go on where they were when they are asked for again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::super::args::{Conversation, Get, Send};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::line::{Level, Line};
use super::super::session::{Happening, Session, unexpected};
use crate::client::{Upload, UploadState};
use crate::message::{
    Attachment, FileHasher, FilePiece, FileRead, PostFile, Reply, Request, RequestId, Seq, Text, file_name, hex,
};

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

/// Sends a file, then the message that has it; without a text, the file's name is the text.
pub(super) fn send(context: &mut Context, args: &Send, path: &Path) -> Result<(), Failure> {
    if args.text == ["-"] {
        return Err(Failure::new(Exit::Usage, "a file is sent with a text from the command line, or with none"));
    }
    let mut source = File::open(path).map_err(|error| unusable(path, &error))?;
    let name = file_name(&path.file_name().unwrap_or_default().to_string_lossy());
    let (len, hash) = len_and_hash(&mut source).map_err(|error| unusable(path, &error))?;
    let file = Attachment { media: media_of(&name).to_owned(), name, len, hash };
    let text = Text::parse(if args.text.is_empty() { file.name.clone() } else { args.text.join(" ") })?;
    let mut session = Session::open(context)?;
    upload(&mut session, &mut source, &file).map_err(|failure| match failure {
        Broken::Session(failure) => failure,
        Broken::Source(error) => unusable(path, &error),
    })?;
    let id = match &args.id {
        Some(key) => RequestId::for_key(&args.to.skeleton(), key),
        None => session.new_id(),
    };
    let post = PostFile { id, to: args.to.target(), text: text.as_str().to_owned(), file };
    let Reply::Stored(stored) = session.ask(&Request::PostFile(post))? else { return Err(unexpected()) };
    context.output.line(&Line::Sent { stored: &stored, id, level: Level::Stored })?;
    session.finish();
    Ok(())
}

/// What went wrong while a file was sent.
enum Broken {
    Session(Failure),
    Source(io::Error),
}

/// Sends what the server lacks of the file.
fn upload(session: &mut Session, source: &mut File, file: &Attachment) -> Result<(), Broken> {
    let (client, now) = session.client();
    let mut upload = Upload::begin(client, now, file.offer());
    session.be_patient();
    loop {
        while let Some((offset, len)) = upload.wanted() {
            let mut bytes = vec![0; len];
            source.seek(SeekFrom::Start(offset)).map_err(Broken::Source)?;
            source.read_exact(&mut bytes).map_err(Broken::Source)?;
            let (client, now) = session.client();
            upload.send(client, now, bytes);
        }
        let Happening::Event(event) = session.next().map_err(Broken::Session)? else { continue };
        let (client, now) = session.client();
        match upload.handle_event(client, now, &event) {
            UploadState::Going => {}
            UploadState::Whole => return Ok(()),
            UploadState::Refused(refusal) => return Err(Broken::Session(refusal.into())),
        }
    }
}

/// Fetches the file of a message.
pub(super) fn get(context: &mut Context, args: &Get) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let first = piece(&mut session, &args.room, args.seq, 0)?;
    let file = first.file.clone();
    // A name from elsewhere is made a good one again, whatever the server let pass.
    let target = args.output.clone().unwrap_or_else(|| PathBuf::from(file_name(&file.name)));
    if target.as_os_str() == "-" {
        let mut hasher = FileHasher::default();
        let mut stdout = io::stdout().lock();
        fetch(&mut session, args, first, 0, |bytes| {
            hasher.update(bytes);
            stdout.write_all(bytes)
        })?;
        stdout.flush()?;
        if hasher.finish() != file.hash {
            return Err(damaged());
        }
        session.finish();
        return Ok(());
    }
    if !args.force && target.symlink_metadata().is_ok() {
        let sentence = format!("{} is there already; choose another name with --output, or use --force", target.display());
        return Err(Failure::new(Exit::Refused, sentence));
    }
    let part_path = part_beside(&target, &file);
    let failed = |error: io::Error| unusable(&part_path, &error);
    let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&part_path);
    let mut part = opened.map_err(failed)?;
    if part.metadata().map_err(failed)?.len() > file.len {
        part.set_len(0).map_err(failed)?;
    }
    let here_len = part.seek(SeekFrom::End(0)).map_err(failed)?;
    fetch(&mut session, args, first, here_len, |bytes| part.write_all(bytes))?;
    part.sync_all().map_err(failed)?;
    part.rewind().map_err(failed)?;
    if len_and_hash(&mut part).map_err(failed)? != (file.len, file.hash) {
        fs::remove_file(&part_path).map_err(failed)?;
        return Err(damaged());
    }
    put_in_place(&part_path, &target, args.force).map_err(|error| unusable(&target, &error))?;
    context.output.line(&Line::Fetched { file: &file, path: &target.display().to_string() })?;
    session.finish();
    Ok(())
}

/// Hands `take` the file from `from` on, piece by piece; `first` is its first piece.
fn fetch(
    session: &mut Session,
    args: &Get,
    first: FilePiece,
    from: u64,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), Failure> {
    let file = first.file.clone();
    let mut offset = from;
    let mut next = (from == 0).then_some(first);
    while offset < file.len {
        let piece = match next.take() {
            Some(piece) => piece,
            None => self::piece(session, &args.room, args.seq, offset)?,
        };
        if piece.file != file || piece.offset != offset || piece.bytes.is_empty() {
            return Err(unexpected());
        }
        take(&piece.bytes)?;
        offset = offset.saturating_add(piece.bytes.len() as u64);
    }
    Ok(())
}

fn piece(session: &mut Session, room: &Conversation, seq: u64, offset: u64) -> Result<FilePiece, Failure> {
    let request = FileRead { log: room.target(), seq: Seq(seq), offset };
    match session.ask(&Request::ReadFile(request))? {
        Reply::FilePiece(piece) => Ok(piece),
        _ => Err(unexpected()),
    }
}

/// Where a file waits until it is whole: beside its target, under a name that says which file it is.
fn part_beside(target: &Path, file: &Attachment) -> PathBuf {
    let hash = hex(&file.hash);
    target.with_file_name(format!(".{}.udpchat-part", hash.get(..16).unwrap_or_default()))
}

/// Gives a whole file its name, and takes nobody else's away unless that is wanted.
fn put_in_place(part: &Path, target: &Path, force: bool) -> io::Result<()> {
    if force {
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
