//! Typed commands about one's bots.

use super::super::args::Room;
use crate::message::{BotToken, Code, Reach, Request, RequestId, RevokeBot, Right, Scope, UserName};

/// What a person says about their bots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AboutBots {
    /// Make one that reads and posts in these rooms.
    Create {
        /// Its name.
        name: UserName,
        /// The rooms.
        rooms: Vec<Room>,
    },
    /// List them.
    List,
    /// Log one out everywhere.
    Revoke {
        /// Its name.
        name: UserName,
    },
}

/// Reads a command of this name; `None` if it is none of these, an error with an empty sentence if something is missing.
pub fn read(name: &str, rest: &str) -> Option<Result<AboutBots, String>> {
    let mut words = rest.split_whitespace();
    let bot = |word: Option<&str>| match word {
        Some(word) => UserName::parse(word).map_err(|error| error.to_string()),
        None => Err(String::new()),
    };
    Some(match name {
        "bots" => Ok(AboutBots::List),
        "newbot" => bot(words.next()).and_then(|name| {
            let rooms = words.map(str::parse).collect::<Result<Vec<Room>, _>>().map_err(|error| error.to_string())?;
            if rooms.is_empty() { Err(String::new()) } else { Ok(AboutBots::Create { name, rooms }) }
        }),
        "revokebot" => bot(words.next()).map(|name| AboutBots::Revoke { name }),
        _ => return None,
    })
}

impl AboutBots {
    /// The request; a bot that is made gets the token `code`.
    #[must_use]
    pub fn request(&self, id: RequestId, code: &Code) -> Request {
        match self {
            Self::Create { name, rooms } => {
                let reach = Reach::Rooms(rooms.iter().map(|room| room.0.to_string()).collect());
                let scope = Scope { reach, rights: vec![Right::Read, Right::Post] };
                Request::CreateBot(BotToken { id, name: name.as_str().to_owned(), token: code.hash(), scope })
            }
            Self::List => Request::Bots(0),
            Self::Revoke { name } => Request::RevokeBot(RevokeBot { id, name: name.as_str().to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_are_made_listed_and_revoked_by_name() {
        let name = UserName::parse("helper").unwrap();
        let rooms = vec!["#a".parse().unwrap(), "#b".parse().unwrap()];
        assert_eq!(read("newbot", "@helper #a  #b"), Some(Ok(AboutBots::Create { name: name.clone(), rooms })));
        assert_eq!(read("revokebot", "helper"), Some(Ok(AboutBots::Revoke { name })));
        assert_eq!(read("bots", ""), Some(Ok(AboutBots::List)));
        assert_eq!((read("newbot", "helper"), read("revokebot", "")), (Some(Err(String::new())), Some(Err(String::new()))));
        assert!(read("newbot", "helper a").unwrap().unwrap_err().contains("'#a'"));
        assert_eq!(read("join", "#ops"), None);
    }
}
