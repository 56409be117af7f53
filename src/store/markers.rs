//! Read markers, as rows.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::events::LogHead;
use super::number::{count, maybe_count, sql};
use crate::message::{LogId, RequestId, Seq, UserId};
use rusqlite::{OptionalExtension, Row, params};

/// Events that are looked at for the number of the post before a place.
const LOOKED_AT_MAX: u64 = 1_000;

/// How far a user has read a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marker {
    /// Everything up to this place counts as read.
    pub seq: Seq,
    /// How many posts the log had there.
    pub post_number: u64,
    /// When the user's devices were last told of it, in milliseconds since 1970 (UTC); 0 if never.
    pub told_ms: u64,
    /// The request that last moved it by hand.
    pub request: Option<RequestId>,
}

impl Tables {
    /// A user's marker in a log.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn marker(&self, user: UserId, log: LogId) -> Result<Option<Marker>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, post_number, marked_ms, request FROM read_markers WHERE user = ?1 AND log = ?2")?;
        let marker = |row: &Row<'_>| {
            let request: Option<[u8; 16]> = row.get(3)?;
            let (seq, post_number) = (Seq(count(row, 0)?), count(row, 1)?);
            Ok(Marker { seq, post_number, told_ms: count(row, 2)?, request: request.map(RequestId) })
        };
        Ok(statement.query_row([sql(user.0), sql(log.0)], marker).optional()?)
    }

    /// How many posts a log has had up to `seq`, the log's end being `head`; `None` if the nearest post is too far from there to
    /// be looked for.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn posts_up_to(&self, log: LogId, seq: Seq, head: LogHead) -> Result<Option<u64>, StoreError> {
        if seq >= head.seq {
            return Ok(Some(head.post_count));
        }
        let mut backward = self.connection.prepare_cached(
            "SELECT max(post_number), count(*) FROM
                 (SELECT post_number FROM events WHERE log = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT ?3)",
        )?;
        let looked = |row: &Row<'_>| Ok((maybe_count(row, 0)?, count(row, 1)?));
        let (number, looked_at_count) = backward.query_row([sql(log.0), sql(seq.0), sql(LOOKED_AT_MAX)], looked)?;
        Ok(number.or((looked_at_count < LOOKED_AT_MAX).then_some(0)))
    }
}

impl Database {
    /// Moves a user's marker in a log to a place with so many posts up to it.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn set_marker(
        &mut self,
        user: UserId,
        log: LogId,
        (seq, post_number): (Seq, u64),
        time_ms: u64,
        request: RequestId,
    ) -> Result<(), StoreError> {
        self.change_one(
            "INSERT INTO read_markers (user, log, seq, post_number, marked_ms, request) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET seq = excluded.seq, post_number = excluded.post_number, marked_ms = excluded.marked_ms,
                 request = excluded.request",
            params![sql(user.0), sql(log.0), sql(seq.0), sql(post_number), sql(time_ms), request.0],
        )
    }

    /// Whoever comes in or writes has read up to there; the user's devices are told so at `told_ms`, or not.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn has_read(&mut self, user: UserId, at: &LogHead, told_ms: Option<u64>) -> Result<(), StoreError> {
        self.change_one(
            "INSERT INTO read_markers (user, log, seq, post_number, marked_ms) VALUES (?1, ?2, ?3, ?4, ifnull(?5, 0))
             ON CONFLICT DO UPDATE SET seq = excluded.seq, post_number = excluded.post_number,
                 marked_ms = ifnull(?5, marked_ms)",
            params![sql(user.0), sql(at.log.0), sql(at.seq.0), sql(at.post_count), told_ms.map(sql)],
        )
    }
}
