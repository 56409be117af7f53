//! Files that belong to messages: offered, brought in pieces, written with a post, and read back in pieces.
//!
//! A file is named by the BLAKE2s-256 hash of its content, so that both sides can tell whether they have it whole. Its name is
//! for people only and is never a path. The exchange: protocol.md, "Files".

use super::id::{RequestId, Seq};
use super::request::Target;
use blake2::{Blake2s256, Digest};
use serde::{Deserialize, Serialize};

/// Most bytes of a file in one [`FileChunk`].
pub const FILE_CHUNK_LEN_MAX: usize = 32 * 1024;

/// Most bytes of a file in one [`FilePiece`].
pub const FILE_PIECE_LEN_MAX: usize = 48 * 1024;

/// Longest name of a file, in bytes.
pub const FILE_NAME_LEN_MAX: usize = 255;

/// Longest media type, in bytes.
const MEDIA_LEN_MAX: usize = 127;

/// BLAKE2s-256 of a file's content.
pub type FileHash = [u8; 32];

/// Hashes a file piece by piece.
#[derive(Debug, Clone, Default)]
pub struct FileHasher(Blake2s256);

/// A file as its message has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What its sender calls it: [`file_name`] changes nothing about it.
    pub name: String,
    /// Its media type (RFC 6838), such as `image/png`; empty if the sender did not say.
    pub media: String,
    /// Its length in bytes.
    pub len: u64,
    /// Its hash.
    pub hash: FileHash,
}

/// A file that the asker is about to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileOffer {
    /// Its hash.
    pub hash: FileHash,
    /// Its length in bytes.
    pub len: u64,
}

/// A piece of a file that was offered; comes on a bulk stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChunk {
    /// The offer.
    pub offer: FileOffer,
    /// How many bytes of the file come before it.
    pub offset: u64,
    /// 1 byte to 32 KiB.
    #[serde(with = "super::reading::serde_bytes_vec")]
    pub bytes: Vec<u8>,
}

/// A message with a file that has been sent whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostFile {
    /// The request's id, which becomes the event's.
    pub id: RequestId,
    /// Where to.
    pub to: Target,
    /// The text, 1 byte to 16 KiB.
    pub text: String,
    /// The file.
    pub file: Attachment,
}

/// Which part of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRead {
    /// The log.
    pub log: Target,
    /// The place of the message that has the file.
    pub seq: Seq,
    /// Where to begin.
    pub offset: u64,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePiece {
    /// The file.
    pub file: Attachment,
    /// How many bytes of the file come before it.
    pub offset: u64,
    /// At most 48 KiB, and all that there is up to that.
    #[serde(with = "super::reading::serde_bytes_vec")]
    pub bytes: Vec<u8>,
}

impl FileHasher {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all pieces.
    #[must_use]
    pub fn finish(self) -> FileHash {
        self.0.finalize().into()
    }
}

impl Attachment {
    /// Whether name and media type are such as they may be.
    #[must_use]
    pub fn is_well_named(&self) -> bool {
        let is_media = self.media.len() <= MEDIA_LEN_MAX && self.media.bytes().all(|byte| byte.is_ascii_graphic());
        is_media && file_name(&self.name) == self.name
    }

    /// What is offered before the message is written.
    #[must_use]
    pub fn offer(&self) -> FileOffer {
        FileOffer { hash: self.hash, len: self.len }
    }
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// What of `typed`, a name or a path, can be the name of a file: the part behind the last separator, without control
/// characters and those that turn the writing around, without dots in front, which hide a file, cut to 255 bytes; `file` if
/// nothing is left.
#[must_use]
pub fn file_name(typed: &str) -> String {
    let last = typed.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name = String::new();
    for c in last.chars().filter(|c| !is_hidden(*c)) {
        if name.len().saturating_add(c.len_utf8()) > FILE_NAME_LEN_MAX {
            break;
        }
        name.push(c);
    }
    let name = name.trim_start_matches(|c: char| c == '.' || c.is_whitespace()).trim_end();
    if name.is_empty() { "file".to_owned() } else { name.to_owned() }
}

/// Controls, and what breaks lines, hides or turns the direction (UAX #9 section 2).
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_no_path_and_hides_nothing() {
        for (typed, name) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\boot.ini", "boot.ini"),
            ("a\u{1b}[2Jb\n.txt", "a[2Jb.txt"),
            ("gpj\u{202e}.exe", "gpj.exe"),
            ("..", "file"),
            (".profile", "profile"),
            (". .x", "x"),
            ("/", "file"),
            ("  ", "file"),
            ("图.png", "图.png"),
        ] {
            assert_eq!(file_name(typed), name, "{typed:?}");
            assert_eq!(file_name(&file_name(typed)), name, "a good name stays");
        }
        assert_eq!(file_name(&"é".repeat(200)).len(), 254);
    }

    #[test]
    fn an_attachment_whose_name_would_be_changed_is_no_good_one() {
        let file = |name: &str, media: &str| Attachment { name: name.into(), media: media.into(), len: 1, hash: [0; 32] };
        assert!(file("a.txt", "text/plain").is_well_named());
        assert!(file("a.txt", "").is_well_named());
        assert!(!file("../a.txt", "").is_well_named());
        assert!(!file("a.txt", "text plain").is_well_named());
        assert!(!file("a.txt", &"x".repeat(128)).is_well_named());
        assert!(!file("", "").is_well_named());
        assert!(!file(&"x".repeat(256), "").is_well_named());
    }
}
