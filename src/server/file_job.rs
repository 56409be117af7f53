//! Work on the bytes of files, which would block the loop: done by one thread in the order it was given, by the simulator
//! itself.

use crate::chat::{may_ask, quota_sentence};
use crate::message::{Attachment, FILE_PIECE_LEN_MAX, FileChunk, FileOffer, FilePiece, Refusal, RefusalCode, UserId};
use crate::store::{BlobError, Blobs, Reader, StoreError, UPLOADS_PER_USER_MAX};

/// Something to do about a file.
#[derive(Debug)]
pub enum FileJob {
    /// How much of a file that the user is about to send is here?
    Offer {
        /// Who sends it.
        user: UserId,
        /// The file.
        offer: FileOffer,
        /// How many bytes of files one user may have.
        user_len_max: u64,
    },
    /// Write a piece down.
    Write {
        /// Who sends it.
        user: UserId,
        /// The piece.
        chunk: FileChunk,
    },
    /// A message is about to be written with the file: put it, synced, among those of messages.
    Keep {
        /// Who sent it.
        user: UserId,
        /// The file.
        offer: FileOffer,
    },
    /// The message is written, or will not be.
    LetGo {
        /// Who sent it.
        user: UserId,
        /// The file.
        offer: FileOffer,
        /// Whether the message is written.
        is_written: bool,
    },
    /// Read a part of a message's file.
    Read {
        /// The file.
        file: Attachment,
        /// Where to begin.
        offset: u64,
    },
}

/// What became of it.
#[derive(Debug)]
pub enum FileAnswer {
    /// To [`FileJob::Offer`] and [`FileJob::Write`]: so many bytes are here.
    Here(u64),
    /// To [`FileJob::Keep`]: whether the whole file is here.
    Kept(bool),
    /// To [`FileJob::LetGo`].
    Gone,
    /// To [`FileJob::Read`].
    Piece(FilePiece),
}

impl FileJob {
    /// Does it.
    ///
    /// # Errors
    /// The refusal for who asked.
    pub fn perform(self, blobs: &mut Blobs, reader: &Reader) -> Result<FileAnswer, Refusal> {
        let done = match self {
            Self::Offer { user, offer, user_len_max } => {
                check_room(blobs, reader, user, &offer, user_len_max)?;
                blobs.offer(user, &offer).map(FileAnswer::Here)
            }
            Self::Write { user, chunk } => blobs.write(user, &chunk.offer, chunk.offset, &chunk.bytes).map(FileAnswer::Here),
            Self::Keep { user, offer } => blobs.keep(user, &offer).map(FileAnswer::Kept),
            Self::LetGo { user, offer, is_written } => blobs.let_go(user, &offer, is_written).map(|()| FileAnswer::Gone),
            Self::Read { file, offset } => blobs
                .read(&file.hash, offset, FILE_PIECE_LEN_MAX)
                .map(|bytes| FileAnswer::Piece(FilePiece { file, offset, bytes })),
        };
        done.map_err(|error| refusal(&error))
    }
}

/// Removes files that no message has any more, and those on their way that nobody went on with; how many.
///
/// # Errors
/// [`StoreError`] if the database or the disk fails.
pub fn sweep_files(blobs: &mut Blobs, reader: &Reader) -> Result<usize, StoreError> {
    let now = blobs.time().map_err(StoreError::from)?;
    blobs.sweep(now, |hash| reader.snapshot(|tables| tables.is_file_kept(hash)))
}

/// Whether the file fits beside those that the user has and those on their way.
fn check_room(blobs: &Blobs, reader: &Reader, user: UserId, offer: &FileOffer, user_len_max: u64) -> Result<(), Refusal> {
    let failed = |error: StoreError| {
        tracing::error!(%error, "reading failed");
        Refusal::new(RefusalCode::StoreFailed, "the server cannot read what is stored; its operator has been told")
    };
    may_ask(reader, user).map_err(failed)??;
    let kept_len = reader.snapshot(|tables| tables.files_len(user)).map_err(failed)?;
    let partials = blobs.partials(user).map_err(|error| refusal(&error))?;
    let others = partials.iter().filter(|partial| *partial != offer);
    let len = others.fold(kept_len.saturating_add(offer.len), |len, partial| len.saturating_add(partial.len));
    if len > user_len_max {
        return Err(Refusal::new(RefusalCode::QuotaFull, quota_sentence(len.saturating_sub(offer.len), user_len_max)));
    }
    Ok(())
}

fn refusal(error: &BlobError) -> Refusal {
    let (code, sentence) = match error {
        BlobError::NotOffered => (RefusalCode::NotOffered, "offer the file first".to_owned()),
        BlobError::BadPiece => {
            (RefusalCode::BadPiece, "the piece does not fit; offer the file again to learn what is here".to_owned())
        }
        BlobError::TooManyUploads => (
            RefusalCode::TooManyUploads,
            format!("{UPLOADS_PER_USER_MAX} files of yours are unfinished; finish one, or wait a day for them to be dropped"),
        ),
        BlobError::Damaged => (RefusalCode::FileDamaged, "what came is not the file that was offered; send it again".to_owned()),
        BlobError::Full => {
            (RefusalCode::ReadOnly, "the server's disk is full and it stores nothing now; try again later".to_owned())
        }
        BlobError::Io(error) => {
            tracing::error!(%error, "a file failed");
            (RefusalCode::StoreFailed, "the server cannot work with its files; its operator has been told".to_owned())
        }
    };
    Refusal::new(code, sentence)
}
