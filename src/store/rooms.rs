//! Logs and who may read which part of them, as rows.

use super::accounts::kind;
use super::database::{Database, Tables};
use super::error::StoreError;
use super::events::LogHead;
use super::number::{count, maybe_count, sql};
use super::settings::{LogSettings, SETTINGS_COLUMNS, log_settings, visibility, visibility_number};
use crate::message::{AccountKind, EventHash, LogId, MENTIONS_COUNTED_MAX, Role, RoomName, RoomSearch, Seq, UserId, Visibility};
use rusqlite::{OptionalExtension, Row, params};

/// What kind of log it is, with what only that kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogKind {
    /// A named room.
    Room {
        /// Its name, without `#`.
        name: String,
        /// Who may find it.
        visibility: Visibility,
        /// The PHC string of the password that joining needs.
        password_hash: Option<String>,
    },
    /// A conversation of these two, the lower id first.
    Direct(UserId, UserId),
    /// The own log of the user whose row names it.
    Own,
}

/// A log, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// What it is.
    pub kind: LogKind,
    /// What it is set to.
    pub settings: LogSettings,
    /// How many members it has.
    pub member_count: u64,
    /// Where its next event goes.
    pub head: LogHead,
}

/// A part of a log that a user may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first place.
    pub from: Seq,
    /// The last place; `None` while the user is a member.
    pub to: Option<Seq>,
}

/// An open membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSpan {
    /// Where it began.
    pub from: Seq,
    /// What the member may do.
    pub role: Role,
    /// Until when the member may not write, in milliseconds since 1970 (UTC); 0 for never.
    pub muted_until_ms: u64,
    /// When the member last wrote in slow mode, in milliseconds since 1970 (UTC); 0 for never.
    pub last_post_ms: u64,
}

/// A public room as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRoom {
    /// The room.
    pub log: LogId,
    /// Its name, without `#`.
    pub name: String,
    /// How many members it has.
    pub member_count: u64,
    /// Whether joining needs a password.
    pub locked: bool,
    /// Whether the asker is a member.
    pub joined: bool,
    /// What it is about.
    pub topic: String,
    /// What it is found by, in order, joined by spaces.
    pub tags: String,
}

/// A member as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMember {
    /// The user.
    pub user: UserId,
    /// The name, without `@`.
    pub name: String,
    /// What the member may do.
    pub role: Role,
    /// What kind of account it is.
    pub kind: AccountKind,
}

/// A log as listed to one of its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLog {
    /// The log.
    pub log: LogId,
    /// The room's name; `None` for a direct conversation.
    pub room: Option<String>,
    /// The other's name in a direct conversation.
    pub other: Option<String>,
    /// The newest event's place.
    pub head: Seq,
    /// Up to where the member has read.
    pub read: Seq,
    /// How many posts are behind that.
    pub unread_count: u64,
    /// How many of them name the member, at most [`MENTIONS_COUNTED_MAX`].
    pub mention_count: u32,
}

const LOG: &str = "SELECT id, kind, name, visibility, password_hash, low, high, member_count,
     head_seq, head_hash, head_time_ms, post_count";

const ROOM: i64 = 0;
const DIRECT: i64 = 1;
const OWN: i64 = 2;

fn log(row: &Row<'_>) -> rusqlite::Result<Log> {
    let kind = match row.get::<_, i64>(1)? {
        ROOM => LogKind::Room { name: row.get(2)?, visibility: visibility(row, 3)?, password_hash: row.get(4)? },
        DIRECT => LogKind::Direct(UserId(count(row, 5)?), UserId(count(row, 6)?)),
        _ => LogKind::Own,
    };
    Ok(Log {
        kind,
        settings: log_settings(row, 12)?,
        member_count: count(row, 7)?,
        head: LogHead {
            log: LogId(count(row, 0)?),
            seq: Seq(count(row, 8)?),
            hash: EventHash(row.get(9)?),
            time_ms: count(row, 10)?,
            post_count: count(row, 11)?,
        },
    })
}

fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    Ok(match row.get::<_, i64>(column)? {
        0 => Role::Owner,
        1 => Role::Moderator,
        _ => Role::Member,
    })
}

pub(super) fn role_number(role: Role) -> i64 {
    match role {
        Role::Owner => 0,
        Role::Moderator => 1,
        Role::Member => 2,
    }
}

impl Tables {
    /// The log of this id.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn log(&self, id: LogId) -> Result<Option<Log>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{LOG}, {SETTINGS_COLUMNS} FROM logs WHERE id = ?1"))?;
        Ok(statement.query_row([sql(id.0)], log).optional()?)
    }

    /// The room whose name has this skeleton.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn room_by_skeleton(&self, skeleton: &str) -> Result<Option<Log>, StoreError> {
        let mut statement =
            self.connection.prepare_cached(&format!("{LOG}, {SETTINGS_COLUMNS} FROM logs WHERE skeleton = ?1"))?;
        Ok(statement.query_row([skeleton], log).optional()?)
    }

    /// The direct conversation of these two, in either order.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn direct_log(&self, one: UserId, other: UserId) -> Result<Option<Log>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{LOG}, {SETTINGS_COLUMNS} FROM logs WHERE kind = 1 AND low = ?1 AND high = ?2"))?;
        Ok(statement.query_row([sql(one.min(other).0), sql(one.max(other).0)], log).optional()?)
    }

    /// The user's open membership of a log.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn open_span(&self, log: LogId, user: UserId) -> Result<Option<OpenSpan>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT from_seq, role, muted_until_ms, last_post_ms FROM memberships WHERE log = ?1 AND user = ?2 AND to_seq IS NULL")?;
        let open = |row: &Row<'_>| {
            Ok(OpenSpan {
                from: Seq(count(row, 0)?),
                role: role(row, 1)?,
                muted_until_ms: maybe_count(row, 2)?.unwrap_or(0),
                last_post_ms: maybe_count(row, 3)?.unwrap_or(0),
            })
        };
        Ok(statement.query_row([sql(log.0), sql(user.0)], open).optional()?)
    }

    /// All of the user's memberships of a log, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn spans(&self, log: LogId, user: UserId) -> Result<Vec<Span>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT from_seq, to_seq FROM memberships WHERE log = ?1 AND user = ?2 ORDER BY from_seq")?;
        let span = |row: &Row<'_>| Ok(Span { from: Seq(count(row, 0)?), to: maybe_count(row, 1)?.map(Seq) });
        Ok(statement.query_map([sql(log.0), sql(user.0)], span)?.collect::<Result<_, _>>()?)
    }

    /// Public rooms in the order of their names' bytes, at most `count_max`: those that `search` looks for. Its text is
    /// compared without case where the letters are ASCII, its tag exactly.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn public_rooms(&self, asker: UserId, search: &RoomSearch, count_max: usize) -> Result<Vec<ListedRoom>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, name, member_count, password_hash IS NOT NULL,
                 EXISTS (SELECT 1 FROM memberships WHERE log = logs.id AND user = ?1 AND to_seq IS NULL), topic,
                 coalesce((SELECT group_concat(tag, ' ') FROM (SELECT tag FROM tags WHERE log = logs.id ORDER BY tag)), '')
             FROM logs WHERE kind = 0 AND visibility = 0 AND archived = ?3 AND name > ?2
                 AND (?4 IS NULL OR instr(lower(name || char(10) || topic), lower(?4)) > 0)
                 AND (?5 IS NULL OR EXISTS (SELECT 1 FROM tags WHERE log = logs.id AND tag = ?5))
             ORDER BY name LIMIT ?6",
        )?;
        let room = |row: &Row<'_>| {
            Ok(ListedRoom {
                log: LogId(count(row, 0)?),
                name: row.get(1)?,
                member_count: count(row, 2)?,
                locked: row.get(3)?,
                joined: row.get(4)?,
                topic: row.get(5)?,
                tags: row.get(6)?,
            })
        };
        let after = search.after.as_deref().unwrap_or("");
        let (text, tag) = (search.text.as_deref(), search.tag.as_deref());
        let rows = statement.query_map(params![sql(asker.0), after, search.archived, text, tag, sql(count_max as u64)], room)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Members in the order of their ids, those after `after`, at most `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn members(&self, log: LogId, after: UserId, count_max: usize) -> Result<Vec<ListedMember>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT user, name, memberships.role, kind, owner IS NOT NULL FROM memberships JOIN users ON users.id = user
             WHERE log = ?1 AND user > ?2 AND to_seq IS NULL ORDER BY user LIMIT ?3",
        )?;
        let member = |row: &Row<'_>| {
            let kind = kind(row.get(3)?, row.get(4)?);
            Ok(ListedMember { user: UserId(count(row, 0)?), name: row.get(1)?, role: role(row, 2)?, kind })
        };
        let rows = statement.query_map([sql(log.0), sql(after.0), sql(count_max as u64)], member)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The logs that a user is a member of, in the order of their ids, those after `after`, at most `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn logs_of(&self, user: UserId, after: LogId, count_max: usize) -> Result<Vec<ListedLog>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT memberships.log, logs.name, users.name, head_seq, ifnull(read_markers.seq, 0),
                 post_count - ifnull(post_number, 0),
                 (SELECT count(*) FROM (SELECT 1 FROM mentions WHERE mentions.user = ?1 AND mentions.log = memberships.log
                     AND mentions.seq > ifnull(read_markers.seq, 0) LIMIT ?4))
             FROM memberships JOIN logs ON logs.id = memberships.log
                 LEFT JOIN read_markers ON read_markers.user = ?1 AND read_markers.log = memberships.log
                 LEFT JOIN users ON users.id = iif(low = ?1, high, low)
             WHERE memberships.user = ?1 AND memberships.log > ?2 AND to_seq IS NULL ORDER BY memberships.log LIMIT ?3",
        )?;
        let listed = |row: &Row<'_>| {
            Ok(ListedLog {
                log: LogId(count(row, 0)?),
                room: row.get(1)?,
                other: row.get(2)?,
                head: Seq(count(row, 3)?),
                read: Seq(count(row, 4)?),
                unread_count: count(row, 5)?,
                mention_count: row.get(6)?,
            })
        };
        let limits = params![sql(user.0), sql(after.0), sql(count_max as u64), MENTIONS_COUNTED_MAX];
        let rows = statement.query_map(limits, listed)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Database {
    /// Adds a room without events and members.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn add_room(
        &mut self,
        name: &RoomName,
        visibility: Visibility,
        password_hash: Option<&str>,
        history_all: bool,
        time_ms: u64,
    ) -> Result<LogHead, StoreError> {
        let id = self.insert(
            "INSERT INTO logs (kind, name, skeleton, visibility, password_hash, history_all, created_ms, head_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, zeroblob(32))",
            params![
                ROOM,
                name.as_str(),
                name.skeleton(),
                visibility_number(visibility),
                password_hash,
                history_all,
                sql(time_ms)
            ],
        )?;
        self.set_genesis(LogId(id))
    }

    /// Adds a direct conversation without events; both are members from its first event on.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_direct(&mut self, one: UserId, other: UserId, time_ms: u64) -> Result<LogHead, StoreError> {
        let id = self.insert(
            "INSERT INTO logs (kind, low, high, visibility, history_all, created_ms, head_hash)
             VALUES (?1, ?2, ?3, ?4, 1, ?5, zeroblob(32))",
            params![DIRECT, sql(one.min(other).0), sql(one.max(other).0), visibility_number(Visibility::Unlisted), sql(time_ms)],
        )?;
        let head = self.set_genesis(LogId(id))?;
        self.open_membership(head.log, one, Seq(1), Role::Member)?;
        self.open_membership(head.log, other, Seq(1), Role::Member)?;
        Ok(head)
    }

    /// Adds an own log without events.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_own_log(&mut self, time_ms: u64) -> Result<LogHead, StoreError> {
        let id = self.insert(
            "INSERT INTO logs (kind, visibility, history_all, created_ms, head_hash) VALUES (?1, ?2, 1, ?3, zeroblob(32))",
            params![OWN, visibility_number(Visibility::Unlisted), sql(time_ms)],
        )?;
        self.set_genesis(LogId(id))
    }

    /// Begins a room membership: counted for the user and the room.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn enter_room(&mut self, log: LogId, user: UserId, from: Seq, role: Role) -> Result<(), StoreError> {
        self.open_membership(log, user, from, role)?;
        self.change_one("UPDATE users SET rooms_joined = rooms_joined + 1 WHERE id = ?1", params![sql(user.0)])
    }

    /// Ends a room membership at `to`, the last place that the user may read.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn leave_room(&mut self, log: LogId, user: UserId, to: Seq) -> Result<(), StoreError> {
        self.change_one(
            "UPDATE memberships SET to_seq = ?3 WHERE log = ?1 AND user = ?2 AND to_seq IS NULL",
            params![sql(log.0), sql(user.0), sql(to.0)],
        )?;
        self.change_one("UPDATE logs SET member_count = member_count - 1 WHERE id = ?1", params![sql(log.0)])?;
        self.change_one("UPDATE users SET rooms_joined = rooms_joined - 1 WHERE id = ?1", params![sql(user.0)])
    }

    /// Keeps when the member last wrote, for slow mode.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_last_post(&mut self, log: LogId, user: UserId, time_ms: u64) -> Result<(), StoreError> {
        self.change_one(
            "UPDATE memberships SET last_post_ms = ?3 WHERE log = ?1 AND user = ?2 AND to_seq IS NULL",
            params![sql(log.0), sql(user.0), sql(time_ms)],
        )
    }

    /// Begins a span. How long the user may not write is carried on from the span before it.
    fn open_membership(&mut self, log: LogId, user: UserId, from: Seq, role: Role) -> Result<(), StoreError> {
        self.change_one(
            "INSERT INTO memberships (log, user, from_seq, role, muted_until_ms, last_post_ms)
             SELECT ?1, ?2, ?3, ?4, before.muted_until_ms, before.last_post_ms FROM (SELECT 1)
             LEFT JOIN (SELECT muted_until_ms, last_post_ms FROM memberships WHERE log = ?1 AND user = ?2
                        ORDER BY from_seq DESC LIMIT 1) AS before",
            params![sql(log.0), sql(user.0), sql(from.0), role_number(role)],
        )?;
        self.change_one("UPDATE logs SET member_count = member_count + 1 WHERE id = ?1", params![sql(log.0)])
    }

    /// The genesis hash depends on the id, which `SQLite` has just given.
    fn set_genesis(&mut self, log: LogId) -> Result<LogHead, StoreError> {
        let hash = EventHash::genesis(log);
        self.change_one("UPDATE logs SET head_hash = ?2 WHERE id = ?1", params![sql(log.0), hash.0])?;
        Ok(LogHead { log, seq: Seq(0), hash, time_ms: 0, post_count: 0 })
    }
}
