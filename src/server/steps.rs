//! What an answer from a worker is for: the continuation of a request, as a closed enum.

use super::ephemeral::Utterance;
use super::session::Lane;
use crate::chat::{FileDraft, NewRoom};
use crate::message::{
    ChangePassword, CodeHash, Credentials, DeleteAccount, FileOffer, FollowFrom, GoodChanges, JoinRoom, LogId, RequestId,
    SetLatest, Target, UserId,
};
use crate::transport::ConnectionHandle;

/// A request that waits for its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) session: ConnectionHandle,
    pub(super) tag: u32,
    pub(super) lane: Lane,
    /// Its length on the wire.
    pub(super) len: usize,
    /// What a repeat of it must be equal in.
    pub(super) fingerprint: [u8; 32],
}

/// What to do with a job's result.
#[derive(Debug)]
pub(super) enum Step {
    /// A piece of a file was written: answer with how much is here.
    Chunk { session: ConnectionHandle, tag: u32 },
    /// A file is held no more; nobody waits to hear so.
    LetGo,
    /// Learn whom the session's key belongs to.
    Identify { session: ConnectionHandle },
    /// See when the next chore is due.
    Chore,
    /// Nobody waits for it.
    Unasked,
    /// Answer the request with it.
    Answer(Asked),
    /// Watch a message of this user, who was told of so many changes when the readers were asked, then answer.
    Receipts(Asked, UserId, u64),
    /// Add a follower, then answer.
    BeginFollow(Asked, UserId, FollowFrom),
    /// Put the page into the follower's stream, if it is still the same follow.
    Page { session: ConnectionHandle, log: LogId, epoch: u64 },
    /// Let the value be heard if its author may speak, then answer.
    SetLatest(Asked, SetLatest),
    /// Remember whether the session's user may speak in the log, and let this be heard if so.
    Voice { session: ConnectionHandle, log: LogId, epoch: u64, utterance: Utterance },
    /// The file of a message was looked up: read from here on.
    FindFile(Asked, u64),
    /// The file was put among those of messages, or is not here: order the post.
    KeepFile(Asked, UserId, RequestId, Box<FileDraft>),
    /// The post was written or refused: answer, and let go of the file that was held for it.
    PostFile(Asked, Option<(UserId, FileOffer)>),
    /// A new password was hashed: register, with this invitation.
    Register(Asked, Credentials, Option<CodeHash>),
    /// The account's hash was looked up: verify.
    FindAccount(Asked, Credentials),
    /// The password was verified against this user's hash: bind the device.
    BindDevice(Asked, Credentials, Option<(UserId, String)>),
    /// The user's own hash was looked up: verify the old password and hash the new one.
    FindOwn(Asked, ChangePassword),
    /// The old password was verified against this hash and the new one hashed: replace it.
    ReplaceOwn(Asked, ChangePassword, String),
    /// The user's own hash was looked up: verify, to end the account.
    FindOwnToDelete(Asked, DeleteAccount),
    /// The password was verified against this hash: end the account.
    Delete(Asked, DeleteAccount, String),
    /// The room's password was hashed: create it.
    CreateRoom(Asked, RequestId, Box<NewRoom>),
    /// The room's new password was hashed: change it.
    ChangeRoom(Asked, RequestId, Target, GoodChanges),
    /// The room's hash was looked up: verify if there is one.
    FindRoom(Asked, JoinRoom),
    /// The room's password was verified against this hash: join.
    JoinRoom(Asked, JoinRoom, String),
}

impl Step {
    /// The session that it is for, if it is for one.
    pub(super) fn session(&self) -> Option<ConnectionHandle> {
        match self {
            Self::Identify { session } | Self::Page { session, .. } | Self::Voice { session, .. } => Some(*session),
            other => other.asked().map(|asked| asked.session),
        }
    }

    /// The request that waits, if this is for one.
    pub(super) fn asked(&self) -> Option<Asked> {
        match self {
            Self::Identify { .. }
            | Self::Page { .. }
            | Self::Voice { .. }
            | Self::Chunk { .. }
            | Self::LetGo
            | Self::Chore
            | Self::Unasked => None,
            Self::Answer(asked)
            | Self::Receipts(asked, ..)
            | Self::BeginFollow(asked, ..)
            | Self::SetLatest(asked, ..)
            | Self::FindFile(asked, _)
            | Self::KeepFile(asked, ..)
            | Self::PostFile(asked, _)
            | Self::Register(asked, ..)
            | Self::FindAccount(asked, _)
            | Self::BindDevice(asked, ..)
            | Self::FindOwn(asked, _)
            | Self::ReplaceOwn(asked, ..)
            | Self::FindOwnToDelete(asked, _)
            | Self::Delete(asked, ..)
            | Self::CreateRoom(asked, ..)
            | Self::ChangeRoom(asked, ..)
            | Self::FindRoom(asked, _)
            | Self::JoinRoom(asked, ..) => Some(*asked),
        }
    }
}
