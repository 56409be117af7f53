//! What the ledger is asked to do, and what came of it.
//!
//! A [`Command`] holds everything that its execution needs beside the database – who asks, when, which dice – so that running
//! it twice on equal databases gives equal results.

use super::posting::Draft;
use crate::message::{
    About, Account, AccountState, Attachment, CodeHash, Deed, DeviceId, DeviceName, GoodChanges, GoodScope, LogId, Mark, Phrase,
    PostRequest, Reply, RequestId, RoomName, Salt, Seq, Tags, Target, Template, Text, Texts, UserId, UserName, Visibility, Wish,
};
use std::sync::Arc;

/// An ordered request.
#[derive(Debug, Clone)]
pub struct Command {
    /// Who asks.
    pub actor: Actor,
    /// The client's name for the request; a repeat brings the first outcome.
    pub id: RequestId,
    /// [`Request::fingerprint`](crate::message::Request::fingerprint): tells a repeat from an id used twice.
    pub fingerprint: [u8; 32],
    /// When it was ordered, in milliseconds since 1970 (UTC); within a log, time is never let fall.
    pub time_ms: u64,
    /// Fresh random bytes for the first event's body; those of further events are derived from it.
    pub salt: Salt,
    /// What is asked.
    pub action: Action,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A device that belongs to nobody yet.
    Stranger {
        /// Its static public key, which the handshake proved.
        key: [u8; 32],
    },
    /// A device of a user. Whether it still is one is checked again when the command runs.
    Member {
        /// The user.
        user: UserId,
        /// The device.
        device: DeviceId,
    },
    /// The server itself, for what is due.
    Server,
}

/// A room to be made.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Its name.
    pub name: RoomName,
    /// The PHC string of the password that joining will need, if any.
    pub password_hash: Option<String>,
    /// Who may find it.
    pub visibility: Visibility,
    /// What it is for.
    pub template: Template,
    /// What else it is set to.
    pub changes: GoodChanges,
}

/// What to do about the chore that is due first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChoreTry {
    /// Do a part of it.
    Run,
    /// It failed: look at it again later, so that it does not stand before the others.
    PutOff,
}

/// A message with a file, to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDraft {
    /// The message.
    pub draft: Draft,
    /// The file; its name is a good one.
    pub file: Attachment,
    /// Whether the whole file is on the disk, verified and synced, sent by the actor.
    pub is_here: bool,
    /// How many bytes of files one user may have.
    pub user_len_max: u64,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Action {
    /// Make an account and bind the stranger's device to it.
    Register {
        /// The name.
        name: UserName,
        /// The password's PHC string.
        password_hash: String,
        /// What the user calls the device.
        device: DeviceName,
        /// The code of an invitation, or of the claim to be the first admin. Whether one is needed is not judged here; one that
        /// is given must be right.
        invitation: Option<CodeHash>,
    },
    /// Bind the stranger's device to a user whose password was verified.
    BindDevice {
        /// The user.
        user: UserId,
        /// The PHC string that the password was verified against; refused if another one is in force by now.
        verified: String,
        /// What the user calls the device.
        device: DeviceName,
    },
    /// Make a guest and bind the stranger's device to it.
    Guest {
        /// The name.
        name: UserName,
        /// What the guest calls the device.
        device: DeviceName,
    },
    /// Unbind the actor's device for good.
    LogOut,
    /// Replace the actor's password.
    ChangePassword {
        /// The PHC string that the old password was verified against; refused if another one is in force by now.
        verified: String,
        /// The new password's PHC string.
        password_hash: String,
        /// Whether all other devices of the actor are revoked.
        revoke_others: bool,
    },
    /// Unbind another device of the actor for good.
    RevokeDevice {
        /// Which.
        device: DeviceId,
    },
    /// Say something about the actor to everybody; what is `None` stays as it is.
    SetProfile {
        /// One line.
        about: Option<About>,
        /// Interests.
        tags: Option<Tags>,
    },
    /// Become the server's admin by the code that the server printed.
    Claim {
        /// The code's hash.
        code: CodeHash,
    },
    /// Make an invitation.
    MakeInvitation {
        /// Its code's hash.
        code: CodeHash,
        /// How many people may register with it.
        uses: u32,
        /// For how many days.
        days: u32,
    },
    /// End the actor's account for good.
    DeleteAccount {
        /// The PHC string that the password was verified against, refused if another one is in force by now; `None` for a guest.
        verified: Option<String>,
        /// What becomes of what the actor wrote.
        texts: Texts,
    },
    /// Disable somebody's account, or enable it again.
    SetAccountState {
        /// Whose.
        user: String,
        /// What it is from now on.
        state: AccountState,
    },
    /// Make a bot of the actor's, and its first token.
    CreateBot {
        /// Its name.
        name: UserName,
        /// The token's hash.
        token: CodeHash,
        /// What the device with the token may do.
        scope: GoodScope,
    },
    /// Make another token for a bot of the actor's.
    RenewBot {
        /// Its name.
        name: UserName,
        /// The token's hash.
        token: CodeHash,
        /// What the device with the token may do.
        scope: GoodScope,
    },
    /// Revoke the devices and tokens of a bot of the actor's.
    RevokeBot {
        /// Its name.
        name: UserName,
    },
    /// Bind the stranger's device to a bot.
    BindBot {
        /// Its name.
        name: UserName,
        /// The token's hash.
        token: CodeHash,
        /// What to call the device.
        device: DeviceName,
    },
    /// Note that the actor's device has come; nobody asked for it.
    Seen,
    /// Make a room.
    CreateRoom(NewRoom),
    /// Become a member of a room.
    JoinRoom {
        /// Its name.
        name: RoomName,
        /// The PHC string that the room's password was verified against; `None` if none was, or a wrong one.
        verified: Option<String>,
    },
    /// End the actor's membership of a room.
    LeaveRoom {
        /// Which.
        room: Target,
    },
    /// Change what a room is set to.
    ChangeRoom {
        /// Which.
        room: Target,
        /// The PHC string of its new password, or that it needs none any more, if that changes.
        password_hash: Option<Option<String>>,
        /// What else changes.
        changes: GoodChanges,
    },
    /// Do something to somebody in a room.
    Moderate {
        /// Which room.
        room: Target,
        /// Whom it concerns.
        user: String,
        /// What is done.
        deed: Deed,
    },
    /// Show a message to the moderators of its room.
    Report {
        /// The room.
        room: Target,
        /// The message's place.
        seq: Seq,
        /// Why.
        reason: Phrase,
    },
    /// Hear somebody no more, or again.
    Ignore {
        /// Whom.
        user: String,
        /// Which of both.
        wish: Wish,
    },
    /// Open the actor's ticket at a desk.
    OpenTicket {
        /// The desk.
        desk: Target,
    },
    /// See to the chore that is due first, if one is.
    Chore {
        /// What to do about it.
        what: ChoreTry,
        /// For how many days a guest is kept who is not seen; 0: for ever.
        guest_days: u32,
    },
    /// Write a message with a file.
    PostFile(FileDraft),
    /// Move the actor's read marker of a log.
    MarkRead {
        /// Which log.
        log: Target,
        /// Up to where it counts as read.
        seq: Seq,
    },
    /// Write a message.
    Post(Draft),
    /// Replace the text of one of the actor's messages.
    Edit {
        /// The log.
        log: Target,
        /// The message's place.
        seq: Seq,
        /// The new text.
        text: Text,
    },
    /// Keep a message until its time; its text and payload are checked.
    Schedule {
        /// The message.
        post: PostRequest,
        /// When, in milliseconds since 1970 (UTC).
        at_ms: u64,
    },
    /// Forget a message that waits, by its number.
    CancelScheduled(u64),
    /// Do something about a message.
    Mark {
        /// The log.
        log: Target,
        /// The message's place.
        seq: Seq,
        /// What.
        mark: Mark,
    },
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The answer to the request.
    pub reply: Reply,
    /// The events it appended, in order; at most 40.
    pub events: Vec<NewEvent>,
    /// What else the loop has to know, in order.
    pub changes: Vec<Change>,
    /// Whether this is an earlier outcome again: nothing was stored now.
    pub replayed: bool,
}

/// An event that a command appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The log.
    pub log: LogId,
    /// The place of the event before it.
    pub prev: Seq,
    /// Its place.
    pub seq: Seq,
    /// The whole notice, [`Notice::Event`](crate::message::Notice::Event) encoded, to be shared by all followers.
    pub told: Arc<[u8]>,
}

/// What a command changed about who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The device of this key belongs to this account; told again when the command is a repeat.
    SignedIn {
        /// The device's static public key.
        key: [u8; 32],
        /// The account.
        account: Account,
    },
    /// The device belongs to nobody any more; its connections end.
    DeviceRevoked {
        /// The device.
        device: DeviceId,
    },
    /// The account ended for good; its connections end.
    AccountEnded {
        /// The user.
        user: UserId,
    },
    /// The account may not be used any more; its connections end.
    AccountDisabled {
        /// The user.
        user: UserId,
    },
    /// A guest was not seen for long: if they are there all the same, it is to be noted now.
    GuestDue {
        /// The guest.
        user: UserId,
    },
    /// What the user may do on the whole server is another now.
    RoleChanged {
        /// The account, with any of the user's devices.
        account: Account,
    },
    /// The user became a member of the log.
    Entered {
        /// The log.
        log: LogId,
        /// The user.
        user: UserId,
    },
    /// There is work for an [`Action::Chore`] at this time, in milliseconds since 1970 (UTC).
    ChoreDue {
        /// When.
        at_ms: u64,
    },
    /// The index is to forget the words of erased messages; the ledger sees to it, nobody else has to know.
    ForgetWords,
    /// The user has read the log up to this place.
    Read {
        /// The log.
        log: LogId,
        /// The user.
        user: UserId,
        /// The place.
        seq: Seq,
    },
    /// The user's membership of the log ended.
    Left {
        /// The log.
        log: LogId,
        /// The user.
        user: UserId,
    },
}
