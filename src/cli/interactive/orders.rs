//! Typed commands that keep order in the current room, by the names that people know from elsewhere.

use crate::message::{
    AccountState, Archived, ChangeRoom, Deed, Ignore, Moderate, PasswordChange, ReportMessage, Request, RequestId, Role,
    RoomChanges, Seq, SetAccountState, Target, UserName, Wish,
};

/// How long `/mute` mutes unasked, in seconds.
const MUTE_S: u32 = 3_600;

/// Something to be done in the current room, or to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Change what the room is set to.
    Change(Box<RoomChanges>),
    /// Do something to somebody in the room.
    Moderate(UserName, Deed),
    /// Show a message to the moderators.
    Report(Seq, String),
    /// Hear somebody no more, or again.
    Ignore(UserName, Wish),
    /// Disable somebody's account, or enable it again.
    Account(UserName, AccountState),
}

/// Reads a command of this name; `None` if it is none of these, an error with an empty sentence if something is missing.
pub fn read(name: &str, rest: &str) -> Option<Result<Order, String>> {
    let (first, more) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let more = more.trim();
    let to = |deed: Deed| user(first).map(|user| Order::Moderate(user, deed));
    let change = |changes: RoomChanges| Order::Change(Box::new(changes));
    Some(match name {
        "topic" => Ok(change(RoomChanges { topic: Some(rest.to_owned()), ..RoomChanges::default() })),
        "slow" => number(first, Some(0)).map(|slow| change(RoomChanges { slow_s: Some(slow), ..RoomChanges::default() })),
        "archive" => Ok(change(RoomChanges { archived: Some(Archived::Yes), ..RoomChanges::default() })),
        "unarchive" => Ok(change(RoomChanges { archived: Some(Archived::No), ..RoomChanges::default() })),
        "invite" => to(Deed::Invite),
        "kick" => to(Deed::Kick(more.to_owned())),
        "ban" => to(Deed::Ban(more.to_owned())),
        "unban" => to(Deed::Unban),
        "mute" | "quiet" => match number(more, Some(MUTE_S)) {
            Ok(seconds) => to(Deed::Mute(seconds)),
            Err(error) => Err(error),
        },
        "unmute" | "unquiet" => to(Deed::Mute(0)),
        "op" => to(Deed::Role(Role::Moderator)),
        "deop" => to(Deed::Role(Role::Member)),
        "give" => to(Deed::Role(Role::Owner)),
        "report" => number(first, None).map(|seq| Order::Report(Seq(u64::from(seq)), more.to_owned())),
        "ignore" => user(first).map(|user| Order::Ignore(user, Wish::Ignore)),
        "disable" => user(first).map(|user| Order::Account(user, AccountState::Disabled)),
        "enable" => user(first).map(|user| Order::Account(user, AccountState::Enabled)),
        "unignore" => user(first).map(|user| Order::Ignore(user, Wish::Hear)),
        _ => return None,
    })
}

impl Order {
    /// The request that gives the order in `room`.
    #[must_use]
    pub fn request(self, id: RequestId, room: Target) -> Request {
        match self {
            Self::Change(changes) => {
                Request::ChangeRoom(ChangeRoom { id, room, password: PasswordChange::Keep, changes: *changes })
            }
            Self::Moderate(user, deed) => Request::Moderate(Moderate { id, room, user: user.to_string(), deed }),
            Self::Report(seq, reason) => Request::ReportMessage(ReportMessage { id, room, seq, reason }),
            Self::Account(user, state) => Request::SetAccountState(SetAccountState { id, user: user.to_string(), state }),
            Self::Ignore(user, wish) => Request::Ignore(Ignore { id, user: user.to_string(), wish }),
        }
    }
}

fn user(word: &str) -> Result<UserName, String> {
    if word.is_empty() {
        return Err(String::new());
    }
    UserName::parse(word).map_err(|error| error.to_string())
}

fn number(word: &str, unasked: Option<u32>) -> Result<u32, String> {
    match unasked {
        Some(unasked) if word.is_empty() => Ok(unasked),
        _ if word.is_empty() => Err(String::new()),
        _ => word.parse().map_err(|_| format!("{word} is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_by_their_usual_names() {
        let bob = UserName::parse("bob").unwrap();
        let kick = Deed::Kick("too loud".into());
        assert_eq!(read("kick", "@bob too loud"), Some(Ok(Order::Moderate(bob.clone(), kick))));
        assert_eq!(read("quiet", "bob"), Some(Ok(Order::Moderate(bob.clone(), Deed::Mute(MUTE_S)))));
        assert_eq!(read("op", "@bob"), Some(Ok(Order::Moderate(bob.clone(), Deed::Role(Role::Moderator)))));
        assert_eq!(read("ignore", "@bob"), Some(Ok(Order::Ignore(bob, Wish::Ignore))));
        let cara = UserName::parse("cara").unwrap();
        assert_eq!(read("disable", "@cara"), Some(Ok(Order::Account(cara, AccountState::Disabled))));
        assert_eq!(read("report", "7 spam"), Some(Ok(Order::Report(Seq(7), "spam".into()))));
        assert_eq!(read("kick", ""), Some(Err(String::new())));
        assert!(read("slow", "fast").unwrap().is_err());
        assert_eq!(read("join", "#ops"), None);
    }
}
