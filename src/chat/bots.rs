//! Bots: made, given tokens and revoked by their owners; a device with a token becomes a bot's.
//!
//! A bot goes with its owner: while the owner's account is disabled, the bot's is too.

use super::accounts::{bound_already, disabled};
use super::command::Outcome;
use super::devices::{add, revoke};
use super::execute::name_taken;
use super::target::{known_user, not_member, room};
use super::turn::{Ruled, Speaker, Turn, refuse};
use crate::message::{
    AccountKind, BotKey, BotPage, BotSummary, CodeHash, DeviceName, GoodScope, Reach, RefusalCode, Reply, Scope, UserId, UserName,
};
use crate::store::{KeptScope, KeptToken, LogKind, Reader, StoreError, Tables, User};

/// Most bots of a user, revoked ones included: a name that was used stays taken.
pub const BOTS_MAX: usize = 16;

/// Most devices and tokens of a bot together.
pub const BOT_KEYS_MAX: usize = 8;

/// How long a token waits for its device.
const TOKEN_LIFE_MS: u64 = 7 * 24 * 3_600_000;

/// Bytes of a page of bots.
const PAGE_LEN_MAX: usize = 30_000;

/// What a bot's key takes on a page beside its rooms' names.
const KEY_LEN: usize = 128;

/// Makes a bot of the speaker's, and its first token.
pub(super) fn create(
    turn: &mut Turn<'_>,
    speaker: &Speaker,
    name: &UserName,
    token: &CodeHash,
    scope: &GoodScope,
) -> Ruled<Reply> {
    if speaker.user.kind != AccountKind::Person {
        return refuse(RefusalCode::NotForGuests, "a guest owns no bots; register with a password");
    }
    if let Some(holder) = turn.db.tables().user_by_skeleton(&name.skeleton())? {
        return name_taken(name, &holder.name);
    }
    if turn.db.tables().bots_of(speaker.user.id, UserId(0), BOTS_MAX)?.len() >= BOTS_MAX {
        let sentence = format!("you have {BOTS_MAX} bots, the most there may be; give one of them another token");
        return refuse(RefusalCode::LimitReached, sentence);
    }
    let time_ms = turn.command.time_ms;
    let own_log = turn.db.add_own_log(time_ms)?;
    let bot = turn.db.add_bot(name, speaker.user.id, own_log.log, time_ms)?;
    give_token(turn, speaker, bot, token, scope)
}

/// Makes another token for a bot of the speaker's.
pub(super) fn renew(
    turn: &mut Turn<'_>,
    speaker: &Speaker,
    name: &UserName,
    token: &CodeHash,
    scope: &GoodScope,
) -> Ruled<Reply> {
    let bot = bot_of(turn.db.tables(), speaker, name)?;
    give_token(turn, speaker, bot.id, token, scope)
}

/// Revokes all devices and tokens of a bot of the speaker's; another token brings it back.
pub(super) fn revoke_all(turn: &mut Turn<'_>, speaker: &Speaker, name: &UserName) -> Ruled<Reply> {
    let bot = bot_of(turn.db.tables(), speaker, name)?;
    turn.db.end_tokens_of(bot.id)?;
    for device in turn.db.tables().live_devices(bot.id)? {
        let speaker = Speaker { user: bot.clone(), device: device.id };
        revoke(turn, &speaker, device.id)?;
    }
    Ok(Reply::Done)
}

/// Binds the device to the bot that the token is for.
pub(super) fn bind(mut turn: Turn<'_>, key: &[u8; 32], name: &UserName, token: &CodeHash, device: &DeviceName) -> Ruled<Outcome> {
    if let Some(bound) = turn.db.tables().device_by_key(key)? {
        return bound_already(turn, &bound, |user| user.kind == AccountKind::Bot && user.skeleton == name.skeleton());
    }
    let kept = turn.db.tables().bot_token(token, turn.command.time_ms)?;
    let bot = match &kept {
        Some(kept) => Some(known_user(turn.db.tables(), kept.bot)?).filter(|bot| bot.skeleton == name.skeleton()),
        None => None,
    };
    let (Some(kept), Some(bot)) = (kept, bot) else {
        let sentence =
            format!("this is no token of @{}, or it was used or is too old; ask its owner for another one", name.as_str());
        return refuse(RefusalCode::WrongToken, sentence);
    };
    if !bot.enabled {
        return disabled();
    }
    turn.db.end_bot_token(token)?;
    let account = add(&mut turn, bot, key, device)?;
    turn.db.set_scope(account.device, &kept.scope)?;
    Ok(turn.done(Reply::Account(account)))
}

/// The user's bots behind `after`, in the order of their ids. None is marked online: the store does not know.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn bots(reader: &Reader, owner: UserId, after: u64) -> Result<BotPage, StoreError> {
    reader.snapshot(|tables| {
        let mut page = BotPage { bots: Vec::new(), more: false };
        let mut len = 0;
        for bot in tables.bots_of(owner, UserId(after), BOTS_MAX)? {
            let summary = summary(tables, bot)?;
            len += summary.keys.iter().map(|key| KEY_LEN + names_len(&key.scope)).sum::<usize>() + KEY_LEN;
            if len > PAGE_LEN_MAX && !page.bots.is_empty() {
                page.more = true;
                break;
            }
            page.bots.push(summary);
        }
        Ok(page)
    })
}

fn names_len(scope: &Scope) -> usize {
    match &scope.reach {
        Reach::Everywhere => 0,
        Reach::Rooms(rooms) => rooms.iter().map(|room| room.len() + 1).sum(),
    }
}

fn summary(tables: &Tables, bot: User) -> Result<BotSummary, StoreError> {
    let mut keys = Vec::new();
    for device in tables.live_devices(bot.id)? {
        let kept = tables.scope_of(device.id)?.ok_or(StoreError::Damaged("a bot's device has no scope"))?;
        let scope = shown(tables, &kept)?;
        keys.push(BotKey { device: Some(device.id), name: device.name, scope, time_ms: device.last_seen_ms });
    }
    for token in tables.tokens_of(bot.id)? {
        keys.push(BotKey { device: None, name: String::new(), scope: shown(tables, &token.scope)?, time_ms: token.expires_ms });
    }
    Ok(BotSummary { user: bot.id, name: bot.name, online: false, keys })
}

/// The scope with the names that its rooms have now.
fn shown(tables: &Tables, kept: &KeptScope) -> Result<Scope, StoreError> {
    let rights = kept.rights.list();
    let Some(logs) = &kept.rooms else { return Ok(Scope { reach: Reach::Everywhere, rights }) };
    let mut rooms = Vec::new();
    for log in logs {
        let log = tables.log(*log)?.ok_or(StoreError::Damaged("a scope names a room that is missing"))?;
        if let LogKind::Room { name, .. } = log.kind {
            rooms.push(format!("#{name}"));
        }
    }
    Ok(Scope { reach: Reach::Rooms(rooms), rights })
}

fn bot_of(tables: &Tables, speaker: &Speaker, name: &UserName) -> Ruled<User> {
    match tables.user_by_skeleton(&name.skeleton())? {
        Some(bot) if bot.owner == Some(speaker.user.id) => Ok(bot),
        _ => refuse(RefusalCode::NoSuchBot, format!("you have no bot {name}; list your bots to see their names")),
    }
}

/// Only what the owner is in can be given to a bot.
fn give_token(turn: &mut Turn<'_>, speaker: &Speaker, bot: UserId, token: &CodeHash, scope: &GoodScope) -> Ruled<Reply> {
    let time_ms = turn.command.time_ms;
    let tables = turn.db.tables();
    let waiting = tables.tokens_of(bot)?.iter().filter(|token| token.expires_ms > time_ms).count();
    if tables.live_devices(bot)?.len() + waiting >= BOT_KEYS_MAX {
        let sentence = format!("the bot has {BOT_KEYS_MAX} devices and tokens, the most there may be; revoke it to begin anew");
        return refuse(RefusalCode::LimitReached, sentence);
    }
    if tables.bot_token(token, 0)?.is_some() {
        return refuse(RefusalCode::IdReused, "there is a token of this code already; make another code");
    }
    let rooms = match &scope.rooms {
        None => None,
        Some(names) => {
            let mut rooms = Vec::new();
            for name in names {
                let place = room(tables, name)?;
                if tables.open_span(place.id(), speaker.user.id)?.is_none() {
                    return not_member(&place, &tables.spans(place.id(), speaker.user.id)?);
                }
                rooms.push(place.id());
            }
            Some(rooms)
        }
    };
    let scope = KeptScope { rights: scope.rights, rooms };
    let kept = KeptToken { bot, scope, expires_ms: time_ms.saturating_add(TOKEN_LIFE_MS) };
    turn.db.add_bot_token(token, &kept, time_ms)?;
    Ok(Reply::Done)
}
