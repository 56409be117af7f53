//! Fetches one file of a message: asks for its pieces ahead of what is here, and hands their bytes out in order.
//!
//! It neither asks nor writes itself: whoever drives it sends the questions of [`Download::poll_read`], hands each answer to
//! [`Download::take`], and writes what [`Download::poll_bytes`] gives.

use std::collections::BTreeMap;

use crate::message::{Attachment, FILE_PIECE_LEN_MAX, FilePiece, FileRead, Seq, Target};

/// Pieces that are asked for, or here before their turn, at a time: what a server sets aside for one session (protocol.md,
/// "Files"), half of the requests that may be unanswered, so that there is room for others.
const PIECES_AHEAD_MAX: usize = 32;

/// A file on its way from the server.
#[derive(Debug)]
pub struct Download {
    log: Target,
    seq: Seq,
    file: Option<Attachment>,
    /// Up to where bytes were handed out.
    taken_len: u64,
    /// Up to where pieces were asked for.
    asked_len: u64,
    /// Offset and length of what was asked for and is not here.
    in_flight: BTreeMap<u64, u64>,
    /// The same for what pieces that came short have left out.
    left_out: BTreeMap<u64, u64>,
    /// What is here and was not handed out, by offset.
    here: BTreeMap<u64, Vec<u8>>,
}

/// What came does not belong to the file that is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what came does not belong to the file that is fetched")]
pub struct StrangePiece;

impl Download {
    /// Fetches the file of the message at `seq`, from its beginning.
    #[must_use]
    pub fn new(log: Target, seq: Seq) -> Self {
        Self {
            log,
            seq,
            file: None,
            taken_len: 0,
            asked_len: 0,
            in_flight: BTreeMap::new(),
            left_out: BTreeMap::new(),
            here: BTreeMap::new(),
        }
    }

    /// Which file it is, once the first piece is here.
    #[must_use]
    pub fn file(&self) -> Option<&Attachment> {
        self.file.as_ref()
    }

    /// Whether all bytes were handed out.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.file.as_ref().is_some_and(|file| self.taken_len >= file.len)
    }

    /// So many bytes of the file are here from earlier.
    ///
    /// # Panics
    /// Unless the file is known and nothing was handed out.
    pub fn go_on_at(&mut self, here_len: u64) {
        assert!(self.taken_len == 0 && self.in_flight.is_empty(), "only the first piece was asked for");
        self.here.clear();
        self.left_out.clear();
        (self.taken_len, self.asked_len) = (here_len, here_len);
    }

    /// The next piece to ask for; `None` if none is now. The first one tells which file it is, so it is alone.
    pub fn poll_read(&mut self) -> Option<FileRead> {
        if self.in_flight.len().saturating_add(self.here.len()) >= PIECES_AHEAD_MAX {
            return None;
        }
        let piece_len = FILE_PIECE_LEN_MAX as u64;
        let (offset, len) = match (&self.file, self.left_out.pop_first()) {
            (_, Some(left_out)) => left_out,
            (None, None) if self.in_flight.is_empty() => (0, piece_len),
            (None, None) => return None,
            (Some(file), None) => {
                let offset = self.asked_len;
                let len = file.len.saturating_sub(offset).min(piece_len);
                if len == 0 {
                    return None;
                }
                self.asked_len = offset.saturating_add(len);
                (offset, len)
            }
        };
        self.in_flight.insert(offset, len);
        Some(FileRead { log: self.log.clone(), seq: self.seq, offset })
    }

    /// Takes a piece that was asked for, in whatever order they come.
    ///
    /// # Errors
    /// If it is none that was asked for, or of another file.
    pub fn take(&mut self, piece: FilePiece) -> Result<(), StrangePiece> {
        let FilePiece { file, offset, mut bytes } = piece;
        let asked_len = self.in_flight.remove(&offset).ok_or(StrangePiece)?;
        let is_first = self.file.is_none();
        if *self.file.get_or_insert(file.clone()) != file {
            return Err(StrangePiece);
        }
        let left_len = file.len.saturating_sub(offset);
        let wanted_len = left_len.min(asked_len);
        if bytes.len() as u64 > left_len || (bytes.is_empty() && wanted_len > 0) {
            return Err(StrangePiece);
        }
        // What closes a gap may reach into what was asked for behind it.
        bytes.truncate(usize::try_from(wanted_len).unwrap_or(usize::MAX));
        let len = bytes.len() as u64;
        if is_first {
            self.asked_len = wanted_len;
        }
        if len < wanted_len {
            self.left_out.insert(offset.saturating_add(len), wanted_len.saturating_sub(len));
        }
        if len > 0 {
            self.here.insert(offset, bytes);
        }
        Ok(())
    }

    /// The bytes behind those handed out before, if they are here.
    pub fn poll_bytes(&mut self) -> Option<Vec<u8>> {
        let bytes = self.here.remove(&self.taken_len)?;
        self.taken_len = self.taken_len.saturating_add(bytes.len() as u64);
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(len: u64) -> Attachment {
        Attachment { name: "tea".into(), media: String::new(), len, hash: [7; 32] }
    }

    fn content(len: u64) -> Vec<u8> {
        (0..len).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
    }

    /// What a server says that gives `piece_len` bytes at a time.
    fn piece(content: &[u8], offset: u64, piece_len: usize) -> FilePiece {
        let from = usize::try_from(offset).unwrap();
        let bytes = content[from..content.len().min(from + piece_len)].to_vec();
        FilePiece { file: file(content.len() as u64), offset, bytes }
    }

    fn asked(download: &mut Download) -> Vec<u64> {
        std::iter::from_fn(|| download.poll_read()).map(|read| read.offset).collect()
    }

    fn drain(download: &mut Download, into: &mut Vec<u8>) {
        while let Some(bytes) = download.poll_bytes() {
            into.extend(bytes);
        }
    }

    const PIECE: u64 = FILE_PIECE_LEN_MAX as u64;

    #[test]
    fn the_first_piece_is_alone_and_then_many_are_asked_for_at_once() {
        let content = content(100 * PIECE + 5);
        let mut download = Download::new(Target::Own, Seq(1));
        assert_eq!(asked(&mut download), [0]);
        download.take(piece(&content, 0, FILE_PIECE_LEN_MAX)).unwrap();
        assert_eq!(download.file(), Some(&file(content.len() as u64)));
        let mut bytes = Vec::new();
        drain(&mut download, &mut bytes);
        let ahead = asked(&mut download);
        assert_eq!(ahead, (1..=PIECES_AHEAD_MAX as u64).map(|n| n * PIECE).collect::<Vec<_>>());
        // What came before its turn takes a place as well.
        download.take(piece(&content, ahead[5], FILE_PIECE_LEN_MAX)).unwrap();
        drain(&mut download, &mut bytes);
        assert_eq!((asked(&mut download), bytes.len() as u64), (vec![], PIECE));
        download.take(piece(&content, ahead[0], FILE_PIECE_LEN_MAX)).unwrap();
        drain(&mut download, &mut bytes);
        assert_eq!(asked(&mut download).len(), 1);
    }

    #[test]
    fn bytes_come_out_in_order_whatever_the_order_and_length_of_pieces() {
        let content = content(40 * PIECE + 77);
        for piece_len in [FILE_PIECE_LEN_MAX, 30_000] {
            let mut download = Download::new(Target::Own, Seq(1));
            let (mut in_flight, mut bytes, mut step) = (asked(&mut download), Vec::new(), 0);
            while !download.is_whole() {
                step += 7;
                let offset = in_flight.remove(step % in_flight.len());
                download.take(piece(&content, offset, piece_len)).unwrap();
                drain(&mut download, &mut bytes);
                in_flight.extend(asked(&mut download));
            }
            assert!(bytes == content && in_flight.is_empty());
        }
    }

    #[test]
    fn what_is_here_from_earlier_is_not_asked_for_again() {
        let content = content(3 * PIECE);
        let mut download = Download::new(Target::Own, Seq(1));
        asked(&mut download);
        download.take(piece(&content, 0, FILE_PIECE_LEN_MAX)).unwrap();
        download.go_on_at(2 * PIECE + 1);
        assert_eq!(asked(&mut download), [2 * PIECE + 1]);
        download.take(piece(&content, 2 * PIECE + 1, FILE_PIECE_LEN_MAX)).unwrap();
        assert_eq!(download.poll_bytes(), Some(content[2 * FILE_PIECE_LEN_MAX + 1..].to_vec()));
        assert!(download.is_whole());
    }

    #[test]
    fn an_empty_file_is_a_file() {
        let mut download = Download::new(Target::Own, Seq(1));
        asked(&mut download);
        assert!(!download.is_whole());
        download.take(piece(&[], 0, FILE_PIECE_LEN_MAX)).unwrap();
        assert!(download.is_whole() && download.poll_bytes().is_none() && asked(&mut download).is_empty());
    }

    #[test]
    fn what_was_not_asked_for_or_is_another_files_is_not_taken() {
        let content = content(2 * PIECE);
        let mut download = Download::new(Target::Own, Seq(1));
        assert_eq!(download.take(piece(&content, 0, FILE_PIECE_LEN_MAX)), Err(StrangePiece));
        asked(&mut download);
        download.take(piece(&content, 0, FILE_PIECE_LEN_MAX)).unwrap();
        asked(&mut download);
        let good = piece(&content, PIECE, FILE_PIECE_LEN_MAX);
        let mut others = [good.clone(), good.clone(), good.clone()];
        others[0].file.hash = [8; 32];
        others[1].bytes.push(0);
        others[2].bytes.clear();
        for strange in others {
            assert_eq!(download.take(strange), Err(StrangePiece));
            download.in_flight.insert(PIECE, PIECE);
        }
        assert_eq!(download.take(good), Ok(()));
    }
}
