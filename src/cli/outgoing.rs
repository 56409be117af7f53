//! Files on their way from this machine's disk to the server: what commands and the conversation have in common.
//!
//! An [`Outgoing`] does not ask the server itself: it is told what the client told.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use crate::client::{Client, ClientEvent, Time, Upload, UploadState};
use crate::message::{Attachment, FileHasher, file_name};

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

/// A file's length and hash, read from where it stands to its end.
pub(super) fn len_and_hash(file: &mut File) -> io::Result<(u64, [u8; 32])> {
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

/// Why a file cannot be used.
pub(super) fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Refused, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), Path::new("/dev/zero")] {
            let Err(failure) = Outgoing::open(path) else { panic!("{path:?} was read") };
            assert!(format!("{failure:?}").contains("no file"), "{failure:?}");
        }
    }
}
