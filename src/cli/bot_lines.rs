//! Lines about bots, for people and for programs.

use super::human::printable;
use super::json::versioned;
use super::line::Line;
use super::moment::Moment;
use crate::message::{BotKey, BotSummary, Reach, Right, Scope};
use serde::Serialize;
use std::fmt::Write;

#[derive(Serialize)]
struct Token<'a> {
    bot: &'a str,
    token: &'a str,
}

#[derive(Serialize)]
struct Summary<'a> {
    bot: &'a str,
    user_id: u64,
    online: bool,
    devices: Vec<Key<'a>>,
    tokens: Vec<Key<'a>>,
}

#[derive(Serialize)]
struct Key<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<u64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    rights: Vec<&'static str>,
    /// Missing for everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    rooms: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

#[derive(Serialize)]
struct Revoked<'a> {
    bot: &'a str,
}

/// The line for programs, without its newline.
pub(super) fn json(line: &Line<'_>) -> String {
    match line {
        Line::BotToken { bot, token } => versioned("bot_token", Token { bot, token }),
        Line::Bot(bot) => {
            let (devices, tokens): (Vec<_>, Vec<_>) = bot.keys.iter().map(key).partition(|key| key.device_id.is_some());
            versioned("bot", Summary { bot: &bot.name, user_id: bot.user.0, online: bot.online, devices, tokens })
        }
        Line::BotRevoked(bot) => versioned("bot_revoked", Revoked { bot }),
        _ => unreachable!("the caller has looked"),
    }
}

fn key(key: &BotKey) -> Key<'_> {
    let rooms = match &key.scope.reach {
        Reach::Everywhere => None,
        Reach::Rooms(rooms) => Some(rooms.as_slice()),
    };
    let (time, is_device) = (Moment::from_ms(key.time_ms).rfc_3339(), key.device.is_some());
    Key {
        device_id: key.device.map(|device| device.0),
        name: &key.name,
        rights: key.scope.rights.iter().copied().map(Right::word).collect(),
        rooms,
        last_seen: is_device.then(|| time.clone()),
        expires: (!is_device).then_some(time),
    }
}

/// The line for people.
pub(super) fn human(line: &Line<'_>) -> String {
    match line {
        // The token alone, so that it can be taken by a script.
        Line::BotToken { token, .. } => (*token).to_owned(),
        Line::Bot(bot) => bot_block(bot),
        Line::BotRevoked(bot) => format!("all devices of @{} are logged out", printable(bot)),
        _ => unreachable!("the caller has looked"),
    }
}

fn bot_block(bot: &BotSummary) -> String {
    let mut out = format!("@{}{}", printable(&bot.name), if bot.online { "  online" } else { "" });
    for key in &bot.keys {
        let (scope, time) = (scope_words(&key.scope), Moment::from_ms(key.time_ms).date_and_time());
        let _ = match key.device {
            Some(device) => write!(out, "\n    device {device}  {}  {scope}  last seen {time}", printable(&key.name)),
            None => write!(out, "\n    a token  {scope}  good until {time}"),
        };
    }
    out
}

fn scope_words(scope: &Scope) -> String {
    let rights: Vec<_> = scope.rights.iter().copied().map(Right::word).collect();
    let place = match &scope.reach {
        Reach::Everywhere => "everywhere".to_owned(),
        Reach::Rooms(rooms) => format!("in {}", printable(&rooms.join(", "))),
    };
    format!("{} {place}", rights.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{DeviceId, UserId};

    #[test]
    fn a_bot_is_listed_with_what_its_devices_may_do() {
        let scope = |reach| Scope { reach, rights: vec![Right::Read, Right::Post] };
        let device = BotKey {
            device: Some(DeviceId(7)),
            name: "ci".into(),
            scope: scope(Reach::Rooms(vec!["#a".into(), "#b".into()])),
            time_ms: 1_772_358_731_204,
        };
        let token = BotKey { device: None, name: String::new(), scope: scope(Reach::Everywhere), time_ms: 1_772_358_731_204 };
        let bot = BotSummary { user: UserId(3), name: "helper".into(), online: true, keys: vec![device, token] };
        assert_eq!(
            human(&Line::Bot(&bot)),
            "@helper  online\n    device 7  ci  read, post in #a, #b  last seen 2026-03-01 09:52:11Z\n    \
             a token  read, post everywhere  good until 2026-03-01 09:52:11Z"
        );
        let line: serde_json::Value = serde_json::from_str(&json(&Line::Bot(&bot))).unwrap();
        assert_eq!((&line["devices"][0]["rooms"][1], &line["devices"][0]["device_id"]), (&"#b".into(), &7.into()));
        assert_eq!((line["tokens"][0].get("rooms"), &line["tokens"][0]["rights"][0]), (None, &"read".into()));
    }
}
