//! A no: a stable code, a class that fixes a program's exit status, and a sentence for people.
//!
//! The codes are listed in protocol.md, "Refusals". The class travels beside the code, so that a program acts rightly on a
//! code it has never heard of.

use serde::{Deserialize, Serialize};

/// What kind of no it is; decides what a program does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RefusalClass {
    /// The request itself cannot be met: exit status 1.
    Request,
    /// Who asks may not: exit status 4.
    Permission,
    /// Too much at once; wait and ask again: exit status 6.
    Rate,
    /// The server cannot just now; nothing is wrong with the request: exit status 1, worth repeating later.
    Later,
}

macro_rules! refusal_codes {
    ($($(#[doc = $doc:literal])* $code:ident = $number:literal, $class:ident;)*) => {
        /// Why a request was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RefusalCode {
            $($(#[doc = $doc])* $code,)*
            /// A code that this version does not know.
            Other(u16),
        }

        impl RefusalCode {
            /// Every code of this version with its class, in the order of protocol.md.
            pub const ALL: &[(Self, RefusalClass)] = &[$((Self::$code, RefusalClass::$class),)*];

            /// The number on the wire.
            #[must_use]
            pub fn number(self) -> u16 {
                match self {
                    $(Self::$code => $number,)*
                    Self::Other(number) => number,
                }
            }

            /// The code that `number` stands for.
            #[must_use]
            pub fn from_number(number: u16) -> Self {
                match number {
                    $($number => Self::$code,)*
                    other => Self::Other(other),
                }
            }

            /// The class of a code of this version; an unknown one counts as [`RefusalClass::Request`].
            #[must_use]
            pub fn class(self) -> RefusalClass {
                match self {
                    $(Self::$code => RefusalClass::$class,)*
                    Self::Other(_) => RefusalClass::Request,
                }
            }
        }
    };
}

refusal_codes! {
    /// The request's bytes do not read as what its type says.
    Malformed = 1, Request;
    /// A name has a character, a length or an edge that names cannot have.
    BadName = 2, Request;
    /// A text is empty, too long or has control characters.
    BadText = 3, Request;
    /// A password has fewer than 8 or more than 256 bytes.
    BadPassword = 4, Request;
    /// Another user has this name or one that looks like it.
    NameTaken = 10, Request;
    /// Another room has this name or one that looks like it.
    RoomTaken = 11, Request;
    /// No room of this name that the asker may know of.
    NoSuchRoom = 12, Request;
    /// No user of this name.
    NoSuchUser = 13, Request;
    /// The id was used before for something else.
    IdReused = 14, Request;
    /// A conversation needs two people.
    SelfMessage = 15, Request;
    /// The owner cannot leave a room while others are in it.
    OwnerStays = 16, Request;
    /// The connection's device already belongs to a user.
    AlreadySignedIn = 17, Request;
    /// A number in the request is out of range.
    OutOfRange = 18, Request;
    /// The request needs a user; register or log in first.
    NotSignedIn = 30, Permission;
    /// Name or password is wrong.
    WrongPassword = 31, Permission;
    /// The room's password is missing or wrong.
    WrongRoomPassword = 32, Permission;
    /// Only members may do this.
    NotMember = 33, Permission;
    /// The server does not take guests.
    NoGuests = 34, Permission;
    /// A guest may not do this.
    NotForGuests = 35, Permission;
    /// The device was revoked.
    DeviceRevoked = 36, Permission;
    /// Too many tries; wait.
    TooMany = 50, Rate;
    /// The server has too much to do; wait.
    Busy = 51, Rate;
    /// The disk is full or failing; the server stores nothing now.
    ReadOnly = 60, Later;
    /// An earlier post of this session was refused; send `resume` before posting on.
    Halted = 61, Later;
    /// The server cannot read what it has stored.
    StoreFailed = 63, Later;
    /// A number of things per user, room or device is at its cap.
    LimitReached = 70, Request;
    /// The account is disabled; only the server's admins or its operator can help.
    AccountDisabled = 100, Permission;
    /// Nobody can register on this server.
    RegistrationClosed = 101, Permission;
    /// Registering needs an invitation, and none was given.
    InvitationNeeded = 102, Permission;
    /// There is no invitation of this code, or it is used up or too old.
    WrongInvitation = 103, Permission;
    /// This is not the code that the server printed, or it was used.
    WrongClaim = 104, Permission;
    /// Only the server's admins may do this.
    NotAdmin = 105, Permission;
    /// The asker has no such device, or it is revoked already.
    NoSuchDevice = 106, Request;
    /// A line about oneself is too long, or a tag is none.
    BadProfile = 107, Request;
    /// The account was deleted.
    AccountDeleted = 108, Permission;
    /// Nobody does this to an admin of the server.
    NotToAdmins = 109, Permission;
    /// The asker has no bot of this name.
    NoSuchBot = 115, Request;
    /// There is no such token for the bot, or it was used or is too old.
    WrongToken = 116, Permission;
    /// The device is a bot's, and its owner did not let it do this.
    OutOfScope = 117, Permission;
    /// Only moderators and the owner of the room may do this.
    NotModerator = 120, Permission;
    /// Only the owner of the room may do this.
    NotOwner = 121, Permission;
    /// The asker may not write in the room for a while.
    Muted = 122, Permission;
    /// Only moderators post in the room.
    AnnouncementsOnly = 123, Permission;
    /// The room is in slow mode; wait before the next post.
    SlowMode = 124, Rate;
    /// The room is archived; it takes nothing any more.
    ArchivedRoom = 125, Request;
    /// The asker is banned from the room.
    Banned = 126, Permission;
    /// The room is for those who were invited.
    InviteOnly = 127, Permission;
    /// The other does not want messages from the asker.
    Ignored = 128, Permission;
    /// The user is not a member of the room.
    NotInRoom = 129, Request;
    /// A setting, topic, tag or reason cannot be so.
    BadSetting = 130, Request;
    /// There is no message at this place that the asker may read, or it was deleted.
    NoSuchPost = 140, Request;
    /// Only the author may do this to a message, or only a moderator.
    NotYourPost = 141, Permission;
    /// A reaction is too long, or has characters that it cannot have.
    BadReaction = 142, Request;
    /// A payload is no JSON, too long, or its kind is no name.
    BadPayload = 143, Request;
    /// What is to be taken back is not there.
    NothingToUndo = 144, Request;
    /// The log has too many members for receipts.
    TooManyReaders = 145, Request;
    /// A time is in the past, or too far ahead.
    BadTime = 146, Request;
    /// The session does not follow the log.
    NotFollowed = 180, Request;
    /// A key or a value is empty or too long.
    BadValue = 181, Request;
    /// The server keeps no files.
    FilesOff = 200, Request;
    /// The file is longer than the server takes.
    FileTooLong = 201, Request;
    /// The files of the asker fill what the server keeps for one user.
    QuotaFull = 202, Request;
    /// The asker has begun too many files without finishing them.
    TooManyUploads = 203, Request;
    /// No file was offered that this piece belongs to.
    NotOffered = 204, Request;
    /// The piece does not follow what is here, or goes beyond the file's end.
    BadPiece = 205, Request;
    /// The bytes are not those of the offered hash; nothing of them is kept.
    FileDamaged = 206, Request;
    /// The file has not been sent whole.
    FileMissing = 207, Request;
    /// The name or the media type of the file cannot be so.
    BadFileName = 208, Request;
    /// There is no file at this place that the asker may read.
    NoSuchFile = 209, Request;
}

/// A no, as a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// [`RefusalCode::number`].
    pub code: u16,
    /// What kind of no it is.
    pub class: RefusalClass,
    /// One sentence for a person, saying what to do if something can be done.
    pub sentence: String,
    /// For [`RefusalClass::Rate`]: how long to wait, in milliseconds; 0 if it is unknown.
    pub retry_after_ms: u32,
}

impl Refusal {
    /// A refusal with its class taken from the code.
    #[must_use]
    pub fn new(code: RefusalCode, sentence: impl Into<String>) -> Self {
        Self { code: code.number(), class: code.class(), sentence: sentence.into(), retry_after_ms: 0 }
    }

    /// A refusal that says when to try again.
    #[must_use]
    pub fn retry_after(code: RefusalCode, sentence: impl Into<String>, retry_after_ms: u32) -> Self {
        Self { retry_after_ms, ..Self::new(code, sentence) }
    }

    /// Whether the same request may be taken later: nothing is wrong with itself. What comes too early for a room in slow mode
    /// is refused for good, or it would keep the messages to all other rooms waiting.
    #[must_use]
    pub fn is_for_now(&self) -> bool {
        (matches!(self.class, RefusalClass::Later | RefusalClass::Rate) && self.code() != RefusalCode::SlowMode)
            || matches!(self.code(), RefusalCode::NotSignedIn | RefusalCode::DeviceRevoked)
    }

    /// The code as a closed type.
    #[must_use]
    pub fn code(&self) -> RefusalCode {
        RefusalCode::from_number(self.code)
    }
}
