//! What a client asks. Numbers and layouts: protocol.md, "Requests".
//!
//! A request that changes what is stored carries a client-made [`RequestId`]; repeating it under the same id, after any
//! failure, brings the first outcome again and changes nothing more.

use super::account::{ChangePassword, Credentials, DeleteAccount, GuestRequest};
use super::account_state::SetAccountState;
use super::bot::{BindBot, BotToken, RevokeBot};
use super::code::MakeInvitation;
use super::codec::messages;
use super::device::RevokeDevice;
use super::ephemeral::SetLatest;
use super::filing::{FileChunk, FileOffer, FileRead, PostFile};
use super::id::{LogId, RequestId, Seq};
use super::marking::MarkRead;
use super::moderation::{Ignore, Moderate, ReportMessage, RoomSearch};
use super::posting::{EditRequest, MarkRequest, PickRequest, PostRequest};
use super::profile::SetProfile;
use super::reading::{FollowRequest, HistoryRequest};
use super::room::{CreateRoom, JoinRoom};
use super::scheduled::{CancelScheduled, ScheduleRequest};
use super::searching::SearchRequest;
use super::settings::{ChangeRoom, PasswordChange};
use super::text::Password;
use blake2::{Blake2s256, Digest};
use serde::{Deserialize, Serialize};

messages! {
    /// One request; each is answered by exactly one reply with the same tag.
    tagged Request {
        /// Makes an account and binds the connection's device to it.
        0x0001 Register(Credentials),
        /// Binds the connection's device to an existing account.
        0x0002 LogIn(Credentials),
        /// Makes a guest, a user without a password, and binds the connection's device to it.
        0x0003 Guest(GuestRequest),
        /// Unbinds the connection's device from its user for good.
        0x0004 LogOut(RequestId),
        /// Replaces the user's password.
        0x0005 ChangePassword(ChangePassword),
        /// Asks which user and device the connection belongs to.
        0x0006 WhoAmI,
        /// Lists the asker's devices that are not revoked.
        0x0007 Devices,
        /// Revokes one of the asker's devices; its connections end.
        0x0008 RevokeDevice(RevokeDevice),
        /// Asks what a user says about themselves; the name, with or without `@`.
        0x0009 WhoIs(String),
        /// Says something about the asker to everybody.
        0x000a SetProfile(SetProfile),
        /// Makes the asker the server's admin, by the code that the server printed; the id, then the code.
        0x000b Claim((RequestId, String)),
        /// Makes an invitation; admins only.
        0x000c MakeInvitation(MakeInvitation),
        /// Makes an account like `Register`, with the code of an invitation behind it.
        0x000d RegisterInvited((Credentials, String)),
        /// Ends the asker's account for good.
        0x000e DeleteAccount(DeleteAccount),
        /// Disables an account, or enables it again; admins only.
        0x000f SetAccountState(SetAccountState),
        /// Makes a bot of the asker's, and its first token.
        0x0048 CreateBot(BotToken),
        /// Makes another token for a bot of the asker's.
        0x0049 RenewBot(BotToken),
        /// Lists the asker's bots behind the given user id.
        0x004a Bots(u64),
        /// Revokes the devices and tokens of a bot of the asker's.
        0x004b RevokeBot(RevokeBot),
        /// Binds the connection's device to a bot, by a token.
        0x004c BindBot(BindBot),
        /// Makes a room with the asker as its owner and first member.
        0x0010 CreateRoom(CreateRoom),
        /// Makes the asker a member of a room.
        0x0011 JoinRoom(JoinRoom),
        /// Ends the asker's membership; the id, then the room.
        0x0012 LeaveRoom((RequestId, Target)),
        /// Lists public rooms in the order of their names.
        0x0013 ListRooms(RoomSearch),
        /// Lists the members of a room, those after the given position of the order of user ids.
        0x0014 Who((Target, u64)),
        /// Lists the logs the asker is a member of, in the order of their ids, those after the given one.
        0x0015 Memberships(Option<LogId>),
        /// Changes what a room is set to.
        0x0016 ChangeRoom(ChangeRoom),
        /// Does something to somebody in a room.
        0x0017 Moderate(Moderate),
        /// Asks what a room is set to.
        0x0018 RoomSettings(Target),
        /// Shows a message to the moderators.
        0x0019 ReportMessage(ReportMessage),
        /// Lists what was reported, behind the given place.
        0x001a Reports((Target, Seq)),
        /// Reads what moderators did, backward from before the given place.
        0x001b Audit((Target, Seq)),
        /// Opens the asker's ticket at a desk; the id, then the desk.
        0x001c OpenTicket((RequestId, Target)),
        /// Hears somebody no more, or again.
        0x0050 Ignore(Ignore),
        /// Lists whom the asker ignores.
        0x0051 Ignored,
        /// Writes a message to a room or a person.
        0x0020 Post(PostRequest),
        /// Posts are wanted again after a refusal halted them.
        0x0021 Resume,
        /// Replaces the text of one of the asker's messages.
        0x0022 Edit(EditRequest),
        /// Deletes a message, reacts to it, pins it, resolves it, or takes one of these back.
        0x0023 Mark(MarkRequest),
        /// Lists a log's pinned messages or threads.
        0x0024 Pick(PickRequest),
        /// Tells who has one of the asker's messages, now and each time that changes.
        0x0025 Receipts((Target, Seq)),
        /// Ends that.
        0x0026 EndReceipts((LogId, Seq)),
        /// Has a message posted later.
        0x0027 Schedule(ScheduleRequest),
        /// Lists the asker's messages that wait, those behind the given number.
        0x0028 ListScheduled(u64),
        /// Takes one of them back.
        0x0029 CancelScheduled(CancelScheduled),
        /// Is about to send a file, or the rest of one.
        0x0070 OfferFile(FileOffer),
        /// Sends a piece of an offered file; on a bulk stream only.
        0x0071 FileChunk(FileChunk),
        /// Writes a message with a file that was sent whole.
        0x0072 PostFile(PostFile),
        /// Reads a part of a message's file.
        0x0073 ReadFile(FileRead),
        /// Streams a log from a position on, then live.
        0x0030 Follow(FollowRequest),
        /// Ends the streaming of a log.
        0x0031 Unfollow(LogId),
        /// Reads one page of a log.
        0x0032 History(HistoryRequest),
        /// Looks for messages by their words.
        0x0033 Search(SearchRequest),
        /// Says which logs are before the user's eyes, in place of those said before.
        0x0060 InView(Vec<LogId>),
        /// Tells a value to those who have the log in view. On the latest-value lane it is not answered.
        0x0061 SetLatest(SetLatest),
        /// Says that the user is typing. On the latest-value lane it is not answered.
        0x0062 Typing(LogId),
        /// The user is away from this device, and what to say of that; or back.
        0x0063 SetAway(Option<String>),
        /// Moves the asker's read marker of a log.
        0x0034 MarkRead(MarkRead),
    }
}

/// Which log is meant; names are matched by their skeletons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The log of this id.
    Log(LogId),
    /// The room of this name, with its `#`.
    Room(String),
    /// The direct conversation with the user of this name, with or without `@`.
    User(String),
    /// The asker's own log.
    Own,
}

impl Request {
    /// What is asked, without passwords and as one hash: requests of one id must be equal in it, or the id was reused. Of
    /// a post it is the id, to hash nothing: whether the rest is the same, its event tells.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut bare = match self {
            Self::Post(PostRequest { id, .. }) | Self::PostFile(PostFile { id, .. }) => {
                let mut padded = [0; 32];
                padded[..16].copy_from_slice(&id.0);
                return padded;
            }
            other => other.clone(),
        };
        match &mut bare {
            Self::Register(credentials) | Self::LogIn(credentials) | Self::RegisterInvited((credentials, _)) => {
                credentials.password = Password::default();
            }
            Self::DeleteAccount(delete) => delete.password = Password::default(),
            Self::ChangePassword(change) => (change.old, change.new) = (Password::default(), Password::default()),
            Self::CreateRoom(create) => create.password = create.password.take().map(|_| Password::default()),
            Self::ChangeRoom(ChangeRoom { password: PasswordChange::Set(password), .. }) => *password = Password::default(),
            // Another try with another password is still the same wish.
            Self::JoinRoom(join) => join.password = None,
            _ => {}
        }
        Blake2s256::digest(bare.encode(0)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::MessageError;
    use super::*;

    #[test]
    fn a_request_reads_back_with_its_tag() {
        let request = Request::Post(PostRequest {
            id: RequestId([7; 16]),
            to: Target::Room("#ops".into()),
            text: "hello 你好 👋".into(),
            reply_to: Some(Seq(3)),
            payload: None,
        });
        assert_eq!(Request::decode(&request.encode(42)), Ok((42, request)));
        assert_eq!(Request::decode(&Request::WhoAmI.encode(1)), Ok((1, Request::WhoAmI)));
    }

    #[test]
    fn unknown_types_and_leftover_bytes_are_told_apart() {
        assert_eq!(Request::decode(&[0x3f, 0xff, 0, 0, 0, 9, 1]), Err(MessageError::UnknownType { kind: 0x3fff, tag: 9 }));
        let mut long = Request::Memberships(None).encode(3);
        long.push(0);
        assert_eq!(Request::decode(&long), Err(MessageError::Malformed { kind: 0x0015, tag: 3 }));
        assert_eq!(Request::decode(&[0, 1, 2]), Err(MessageError::Truncated));
    }

    #[test]
    fn a_claimed_length_is_refused_before_it_is_allocated() {
        // An edit whose text claims 2^63 bytes.
        let edit = EditRequest { id: RequestId([0; 16]), log: Target::Own, seq: Seq(1), text: String::new() };
        let mut bytes = Request::Edit(edit).encode(0);
        bytes.pop();
        bytes.extend([0xfd, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert!(matches!(Request::decode(&bytes), Err(MessageError::Malformed { .. })));
    }

    #[test]
    fn passwords_leave_no_mark_in_a_fingerprint() {
        let join = |name: &str, password: Option<&str>| {
            let password = password.map(|typed| Password::new(typed.into()));
            Request::JoinRoom(JoinRoom { id: RequestId([1; 16]), name: name.into(), password }).fingerprint()
        };
        assert_eq!(join("#ops", Some("one password")), join("#ops", Some("another one")));
        assert_ne!(join("#ops", None), join("#dev", None));
    }
}
