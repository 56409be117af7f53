//! What a room is set to, as columns.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, maybe_count, sql};
use crate::message::{Archived, History, LogId, Posting, Seq, Setting, Template, TicketState, Visibility};
use rusqlite::{Row, params};

/// What a log is set to beside its name, password and visibility. Conversations and own logs are set to nothing special.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Who may post.
    pub posting: Posting,
    /// What of the past members read.
    pub history: History,
    /// Seconds between two posts of one member; 0 for none.
    pub slow_s: u64,
    /// Days after which posts are erased; 0 for never.
    pub retain_days: u64,
    /// How many of the newest posts are kept; 0 for all.
    pub retain_posts: u64,
    /// Up to where retention has been.
    pub erased: Seq,
    /// Whether it still takes anything.
    pub archived: Archived,
    /// What it is for.
    pub template: Template,
    /// How far a ticket is.
    pub ticket: TicketState,
    /// The desk that it is a ticket of.
    pub desk: Option<LogId>,
}

/// The columns of [`log_settings`], in its order.
pub(super) const SETTINGS_COLUMNS: &str =
    "posting, history_all, slow_s, retention_days, retention_posts, erased_seq, archived, template, ticket, desk";

/// Reads [`SETTINGS_COLUMNS`] that begin at column `at`.
pub(super) fn log_settings(row: &Row<'_>, at: usize) -> rusqlite::Result<LogSettings> {
    Ok(LogSettings {
        posting: if row.get(at)? { Posting::Moderators } else { Posting::Everyone },
        history: if row.get(at + 1)? { History::All } else { History::SinceJoin },
        slow_s: count(row, at + 2)?,
        retain_days: maybe_count(row, at + 3)?.unwrap_or(0),
        retain_posts: maybe_count(row, at + 4)?.unwrap_or(0),
        erased: Seq(count(row, at + 5)?),
        archived: if row.get(at + 6)? { Archived::Yes } else { Archived::No },
        template: match row.get::<_, i64>(at + 7)? {
            1 => Template::Ticket,
            2 => Template::Class,
            _ => Template::Plain,
        },
        ticket: match row.get::<_, i64>(at + 8)? {
            1 => TicketState::Assigned,
            2 => TicketState::Resolved,
            _ => TicketState::Open,
        },
        desk: maybe_count(row, at + 9)?.map(LogId),
    })
}

pub(super) fn visibility_number(visibility: Visibility) -> i64 {
    match visibility {
        Visibility::Public => 0,
        Visibility::Unlisted => 1,
        Visibility::InviteOnly => 2,
    }
}

pub(super) fn visibility(row: &Row<'_>, column: usize) -> rusqlite::Result<Visibility> {
    Ok(match row.get::<_, i64>(column)? {
        0 => Visibility::Public,
        1 => Visibility::Unlisted,
        _ => Visibility::InviteOnly,
    })
}

impl Tables {
    /// What a room is about, and what it is found by, in order.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn topic_and_tags(&self, log: LogId) -> Result<(String, Vec<String>), StoreError> {
        let mut topic = self.connection.prepare_cached("SELECT topic FROM logs WHERE id = ?1")?;
        let topic = topic.query_row([sql(log.0)], |row| row.get(0))?;
        let mut tags = self.connection.prepare_cached("SELECT tag FROM tags WHERE log = ?1 ORDER BY tag")?;
        let tags = tags.query_map([sql(log.0)], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok((topic, tags))
    }
}

impl Database {
    /// Sets one thing; that a password is needed is set by [`Database::set_room_password`].
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn set_setting(&mut self, log: LogId, setting: &Setting) -> Result<(), StoreError> {
        let none_if_0 = |number: u32| Some(i64::from(number)).filter(|number| *number != 0);
        let (update, value) = match setting {
            Setting::Visibility(new) => ("UPDATE logs SET visibility = ?2 WHERE id = ?1", Some(visibility_number(*new))),
            Setting::Posting(new) => ("UPDATE logs SET posting = ?2 WHERE id = ?1", Some(i64::from(*new == Posting::Moderators))),
            Setting::History(new) => ("UPDATE logs SET history_all = ?2 WHERE id = ?1", Some(i64::from(*new == History::All))),
            Setting::Slow(seconds) => ("UPDATE logs SET slow_s = ?2 WHERE id = ?1", Some(i64::from(*seconds))),
            Setting::RetainDays(days) => ("UPDATE logs SET retention_days = ?2 WHERE id = ?1", none_if_0(*days)),
            Setting::RetainPosts(count) => ("UPDATE logs SET retention_posts = ?2 WHERE id = ?1", none_if_0(*count)),
            Setting::Ticket(state) => {
                let number = match state {
                    TicketState::Open => 0,
                    TicketState::Assigned => 1,
                    TicketState::Resolved => 2,
                };
                ("UPDATE logs SET ticket = ?2 WHERE id = ?1", Some(number))
            }
            Setting::Tags(tags) => return self.set_tags(log, tags),
            Setting::Locked(_) => unreachable!("a password is set with its hash"),
        };
        self.change_one(update, params![sql(log.0), value])
    }

    /// Sets what a room is about.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_topic(&mut self, log: LogId, topic: &str) -> Result<(), StoreError> {
        self.change_one("UPDATE logs SET topic = ?2 WHERE id = ?1", params![sql(log.0), topic])
    }

    /// Sets the PHC string of the password that joining needs; `None` for none.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_room_password(&mut self, log: LogId, password_hash: Option<&str>) -> Result<(), StoreError> {
        self.change_one("UPDATE logs SET password_hash = ?2 WHERE id = ?1", params![sql(log.0), password_hash])
    }

    /// Sets whether a room still takes anything.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_archived(&mut self, log: LogId, archived: Archived) -> Result<(), StoreError> {
        self.change_one("UPDATE logs SET archived = ?2 WHERE id = ?1", params![sql(log.0), archived == Archived::Yes])
    }

    /// Sets what a room is for, and the desk that it is a ticket of.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_template(&mut self, log: LogId, template: Template, desk: Option<LogId>) -> Result<(), StoreError> {
        let number = match template {
            Template::Plain => 0,
            Template::Ticket => 1,
            Template::Class => 2,
        };
        self.change_one(
            "UPDATE logs SET template = ?2, desk = ?3 WHERE id = ?1",
            params![sql(log.0), number, desk.map(|desk| sql(desk.0))],
        )
    }

    fn set_tags(&mut self, log: LogId, tags: &[String]) -> Result<(), StoreError> {
        self.change_any("DELETE FROM tags WHERE log = ?1", [sql(log.0)])?;
        tags.iter().try_for_each(|tag| self.change_one("INSERT INTO tags (log, tag) VALUES (?1, ?2)", params![sql(log.0), tag]))
    }
}
