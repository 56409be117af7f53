//! Lines for programs about people and bots: who is in a room, who one is oneself, what somebody says about themselves.

use super::json::versioned;
use super::line::Line;
use super::moment::Moment;
use crate::message::{AccountKind, Availability, Role, ServerRole};
use serde::Serialize;

#[derive(Serialize)]
struct Member<'a> {
    room: &'a str,
    user: &'a str,
    user_id: u64,
    role: &'static str,
    bot: bool,
    online: bool,
    presence: &'static str,
}

#[derive(Serialize)]
struct AccountLine<'a> {
    user: &'a str,
    user_id: u64,
    device_id: u64,
    guest: bool,
    bot: bool,
    admin: bool,
    server: &'a str,
    server_key: Option<String>,
}

#[derive(Serialize)]
struct ProfileLine<'a> {
    user: &'a str,
    user_id: u64,
    guest: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    admin: bool,
    about: &'a str,
    tags: &'a [String],
    since: String,
    online: bool,
}

/// The line, without its newline.
pub(super) fn write(line: &Line<'_>) -> String {
    match line {
        Line::Member { room, member } => {
            let role = match member.role {
                Role::Owner => "owner",
                Role::Moderator => "moderator",
                Role::Member => "member",
            };
            let online = member.availability != Availability::Offline;
            let presence = presence_word(member.availability);
            versioned(
                "member",
                Member {
                    room,
                    user: &member.name,
                    user_id: member.user.0,
                    role,
                    bot: member.kind == AccountKind::Bot,
                    online,
                    presence,
                },
            )
        }
        Line::Account { account, server, key } => versioned(
            "account",
            AccountLine {
                user: &account.name,
                user_id: account.user.0,
                device_id: account.device.0,
                guest: account.is_guest(),
                bot: account.kind == AccountKind::Bot,
                admin: account.role == ServerRole::Admin,
                server,
                server_key: key.map(|key| key.to_string()),
            },
        ),
        Line::Profile(profile) => versioned(
            "profile",
            ProfileLine {
                user: &profile.name,
                user_id: profile.user.0,
                guest: profile.kind == AccountKind::Guest,
                owner: profile.owner.as_deref(),
                admin: profile.role == ServerRole::Admin,
                about: &profile.about,
                tags: &profile.tags,
                since: Moment::from_ms(profile.created_ms).rfc_3339(),
                online: profile.online,
            },
        ),
        _ => unreachable!("the caller has looked"),
    }
}

/// Whether somebody is there, in one word.
pub(super) fn presence_word(availability: Availability) -> &'static str {
    match availability {
        Availability::Offline => "offline",
        Availability::Online => "online",
        Availability::Away => "away",
    }
}
