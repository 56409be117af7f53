//! What a client asks. Numbers and layouts: protocol.md, "Requests".
//!
//! A request that changes what is stored carries a client-made [`RequestId`]; repeating it under the same id, after any
//! failure, brings the first outcome again and changes nothing more.

use super::codec::messages;
use super::id::{LogId, RequestId, Seq};
use super::text::Password;
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
        /// Makes a room with the asker as its owner and first member.
        0x0010 CreateRoom(CreateRoom),
        /// Makes the asker a member of a room.
        0x0011 JoinRoom(JoinRoom),
        /// Ends the asker's membership; the id, then the room.
        0x0012 LeaveRoom((RequestId, Target)),
        /// Lists public rooms in the order of their names, those after the given one (without `#`).
        0x0013 ListRooms(Option<String>),
        /// Lists the members of a room, those after the given position of the order of user ids.
        0x0014 Who((Target, u64)),
        /// Lists the logs the asker is a member of, in the order of their ids, those after the given one.
        0x0015 Memberships(Option<LogId>),
        /// Writes a message to a room or a person.
        0x0020 Post(PostRequest),
        /// Posts are wanted again after a refusal halted them.
        0x0021 Resume,
        /// Streams a log from a position on, then live.
        0x0030 Follow(FollowRequest),
        /// Ends the streaming of a log.
        0x0031 Unfollow(LogId),
        /// Reads one page of a log.
        0x0032 History(HistoryRequest),
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

/// Who may find a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// Listed for every user.
    Public,
    /// Not listed; whoever knows the name may join.
    Unlisted,
}

/// A name and its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The request's id.
    pub id: RequestId,
    /// The user's name.
    pub name: String,
    /// The password, 8 to 256 bytes.
    pub password: Password,
    /// What the user calls this device.
    pub device: String,
}

/// A guest's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRequest {
    /// The request's id.
    pub id: RequestId,
    /// The wished name.
    pub name: String,
    /// What the guest calls this device.
    pub device: String,
}

/// The old and the new password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePassword {
    /// The request's id.
    pub id: RequestId,
    /// The password in force.
    pub old: Password,
    /// The one that replaces it.
    pub new: Password,
    /// Whether the user's other devices are revoked.
    pub revoke_others: bool,
}

/// A room to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateRoom {
    /// The request's id.
    pub id: RequestId,
    /// The room's name, with its `#`.
    pub name: String,
    /// What joining will need, if anything.
    pub password: Option<Password>,
    /// Who may find it.
    pub visibility: Visibility,
}

/// A room to be joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRoom {
    /// The request's id.
    pub id: RequestId,
    /// The room's name, with its `#`.
    pub name: String,
    /// The room's password, if it has one.
    pub password: Option<Password>,
}

/// A message to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostRequest {
    /// The request's id, which becomes the event's.
    pub id: RequestId,
    /// Where to; a direct conversation is made by its first message.
    pub to: Target,
    /// The text, 1 byte to 16 KiB.
    pub text: String,
}

/// Where a follower begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FollowFrom {
    /// At the first event that the asker may read.
    Start,
    /// Behind the newest event.
    Now,
    /// Behind the event at this position, whose hash the asker has.
    After(Seq, [u8; 32]),
}

/// A log to be streamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowRequest {
    /// Which log.
    pub log: Target,
    /// Where to begin.
    pub from: FollowFrom,
}

/// Which page of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HistoryFrom {
    /// The newest events.
    Last,
    /// The newest events before this position.
    Before(Seq),
    /// The oldest events after this position.
    After(Seq),
    /// Half of the page up to and including this position, the other half after it.
    Around(Seq),
}

/// One page of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRequest {
    /// Which log.
    pub log: Target,
    /// Which page.
    pub from: HistoryFrom,
    /// How many events at most; the server may send fewer.
    pub count: u16,
}

#[cfg(test)]
mod tests {
    use super::super::codec::MessageError;
    use super::*;

    #[test]
    fn a_request_reads_back_with_its_tag() {
        let request =
            Request::Post(PostRequest {
                id: RequestId([7; 16]), to: Target::Room("#ops".into()), text: "hello 你好 👋".into()
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
        // A post whose text claims 2^63 bytes.
        let mut bytes = Request::Post(PostRequest { id: RequestId([0; 16]), to: Target::Own, text: String::new() }).encode(0);
        bytes.pop();
        bytes.extend([0xfd, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert!(matches!(Request::decode(&bytes), Err(MessageError::Malformed { .. })));
    }
}
