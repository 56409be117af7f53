//! Bots: accounts that belong to somebody, and what their devices may do.

use super::code::CodeHash;
use super::id::{DeviceId, RequestId, UserId};
use super::name::{NameError, RoomName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most rooms that a scope names.
pub const SCOPE_ROOMS_MAX: usize = 32;

/// Something that a bot's device may do where it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Right {
    /// Read what the bot may read.
    Read,
    /// Write, react, edit and delete what the bot wrote.
    Post,
    /// Keep order, where the bot is a moderator.
    Moderate,
}

/// Where a bot's device may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// Wherever the bot is, conversations with people included.
    Everywhere,
    /// In these rooms, by their names with `#`; in no conversation.
    Rooms(Vec<String>),
}

/// What a bot's device may do and where. Beside this it may say who it is, look people up, and log out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Where.
    pub reach: Reach,
    /// What.
    pub rights: Vec<Right>,
}

/// A token to be made, with which one device becomes a bot's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotToken {
    /// The request's id.
    pub id: RequestId,
    /// The bot's name.
    pub name: String,
    /// The hash of the token, a code that the asker made and that stays there.
    pub token: CodeHash,
    /// What the device may do.
    pub scope: Scope,
}

/// A bot that is to be nobody's any more: its devices are revoked, its tokens worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeBot {
    /// The request's id.
    pub id: RequestId,
    /// The bot's name.
    pub name: String,
}

/// A device that becomes a bot's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindBot {
    /// The request's id.
    pub id: RequestId,
    /// The bot's name.
    pub name: String,
    /// The token, as it was typed.
    pub token: String,
    /// What to call the device.
    pub device: String,
}

/// A device of a bot, or a token that waits for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotKey {
    /// The device; `None` for a token that was not used yet.
    pub device: Option<DeviceId>,
    /// What the device is called; empty for a token.
    pub name: String,
    /// What the device may do, or will.
    pub scope: Scope,
    /// When the device was last known to come, or until when the token holds, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
}

/// A bot, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotSummary {
    /// The bot.
    pub user: UserId,
    /// Its name, without `@`.
    pub name: String,
    /// Whether a device of it is connected.
    pub online: bool,
    /// Its devices that are not revoked, then its tokens.
    pub keys: Vec<BotKey>,
}

/// A page of the asker's bots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotPage {
    /// In the order of their ids.
    pub bots: Vec<BotSummary>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Some of the [`Right`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RightSet(u8);

/// A scope that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodScope {
    /// The rooms; `None` for everywhere.
    pub rooms: Option<Vec<RoomName>>,
    /// What may be done there; at least one thing.
    pub rights: RightSet,
}

/// Why a scope is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// It has no right.
    #[error("a bot may read, post or moderate; say which")]
    NoRight,
    /// It has no room, or more than [`SCOPE_ROOMS_MAX`].
    #[error("name 1 to {SCOPE_ROOMS_MAX} rooms for a bot, or let it go everywhere")]
    Rooms,
    /// A room's name is none.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Post, Self::Moderate];

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Post => 2,
            Self::Moderate => 4,
        }
    }

    /// In one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Post => "post",
            Self::Moderate => "moderate",
        }
    }
}

impl RightSet {
    /// These rights.
    #[must_use]
    pub fn of(rights: &[Right]) -> Self {
        Self(rights.iter().fold(0, |bits, right| bits | right.bit()))
    }

    /// The rights that were kept as these bits; others are passed over.
    #[must_use]
    pub fn from_bits(bits: u8) -> Self {
        Self::of(&Right::ALL.into_iter().filter(|right| bits & right.bit() != 0).collect::<Vec<_>>())
    }

    /// As one byte, for keeping.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether it has this right.
    #[must_use]
    pub fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// The rights, in their order.
    #[must_use]
    pub fn list(self) -> Vec<Right> {
        Right::ALL.into_iter().filter(|right| self.has(*right)).collect()
    }
}

impl Scope {
    /// Checks the scope.
    ///
    /// # Errors
    /// [`ScopeError`] says what is wrong.
    pub fn check(&self) -> Result<GoodScope, ScopeError> {
        if self.rights.is_empty() {
            return Err(ScopeError::NoRight);
        }
        let rooms = match &self.reach {
            Reach::Everywhere => None,
            Reach::Rooms(rooms) if rooms.is_empty() || rooms.len() > SCOPE_ROOMS_MAX => return Err(ScopeError::Rooms),
            Reach::Rooms(rooms) => Some(rooms.iter().map(|room| RoomName::parse(room)).collect::<Result<_, _>>()?),
        };
        Ok(GoodScope { rooms, rights: RightSet::of(&self.rights) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(names: &[String]) -> Scope {
        Scope { reach: Reach::Rooms(names.to_vec()), rights: vec![Right::Post, Right::Read, Right::Post] }
    }

    #[test]
    fn a_scope_says_what_and_where() {
        let good = rooms(&["#ops".into()]).check().unwrap();
        assert_eq!((good.rights.list(), good.rights.bits()), (vec![Right::Read, Right::Post], 3));
        assert!(good.rights.has(Right::Post) && !good.rights.has(Right::Moderate));
        assert_eq!(good.rooms, Some(vec![RoomName::parse("#ops").unwrap()]));
        assert_eq!(RightSet::from_bits(0xff).list(), Right::ALL);
        let nothing = Scope { reach: Reach::Everywhere, rights: vec![] };
        assert_eq!(nothing.check(), Err(ScopeError::NoRight));
        assert_eq!(rooms(&[]).check(), Err(ScopeError::Rooms));
        assert!(matches!(rooms(&["no room".into()]).check(), Err(ScopeError::Name(_))));
        let many: Vec<String> = (0..=SCOPE_ROOMS_MAX).map(|number| format!("#r{number}")).collect();
        assert!(rooms(&many[1..]).check().is_ok());
        assert_eq!(rooms(&many).check(), Err(ScopeError::Rooms));
    }
}
