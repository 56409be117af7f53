//! The index of what was said: which messages have which words, and how far each log is indexed.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use crate::message::{LogId, Seq, Sought, words_of};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};

/// Bits of a row's id for the place in the log; the log's id stands above them.
const SEQ_BITS: u32 = 36;

/// Logs that fit above them in a positive number.
const LOG_MAX: u64 = 1 << (63 - SEQ_BITS);

/// The id of a message's row.
fn row_id(log: LogId, seq: Seq) -> i64 {
    assert!(log.0 < LOG_MAX && seq.0 < 1 << SEQ_BITS, "no server has so many rooms or messages");
    sql(log.0 << SEQ_BITS | seq.0)
}

/// An index in memory of what the stored one does not have yet, with the same rules.
#[derive(Debug)]
pub struct TailIndex {
    connection: Connection,
}

impl TailIndex {
    /// Takes the newest texts of messages of a log in and returns which of these have all words of `sought`. A log is taken in
    /// once.
    ///
    /// # Errors
    /// [`StoreError`] if the memory for it fails.
    pub fn matches(&mut self, sought: &Sought, log: LogId, texts: &BTreeMap<Seq, String>) -> Result<BTreeSet<Seq>, StoreError> {
        let (Some((first, _)), Some((last, _))) = (texts.first_key_value(), texts.last_key_value()) else {
            return Ok(BTreeSet::new());
        };
        let transaction = self.connection.transaction()?;
        for (seq, text) in texts {
            let mut insert = transaction.prepare_cached("INSERT INTO search (rowid, words) VALUES (?1, ?2)")?;
            insert.execute(params![row_id(log, *seq), words_of(text)])?;
        }
        transaction.commit()?;
        Ok(matches(&self.connection, sought, log, (*first, *last), texts.len())?.into_iter().collect())
    }
}

/// Asks an index, see [`Tables::matches`].
fn matches(
    connection: &Connection,
    sought: &Sought,
    log: LogId,
    (first, last): (Seq, Seq),
    count_max: usize,
) -> Result<Vec<Seq>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT rowid FROM search WHERE search MATCH ?1 AND rowid BETWEEN ?2 AND ?3 ORDER BY rowid DESC LIMIT ?4",
    )?;
    let places = params![expression(sought), row_id(log, first), row_id(log, last), sql(count_max as u64)];
    let rows = statement.query_map(places, |row| Ok(Seq(count(row, 0)? & ((1 << SEQ_BITS) - 1))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All words must be there. They have no character that means anything to the index.
fn expression(sought: &Sought) -> String {
    let quoted: Vec<String> = sought.words().map(|word| format!("\"{word}\"")).collect();
    quoted.join(" AND ")
}

impl Tables {
    /// How many messages the index has.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    #[cfg(test)]
    pub(crate) fn indexed_count(&self) -> Result<u64, StoreError> {
        Ok(self.connection.query_row("SELECT count(*) FROM search", [], |row| count(row, 0))?)
    }

    /// The places of messages from `first` to `last`, both included, that have all words of `sought`, the newest first, at most
    /// `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn matches(&self, sought: &Sought, log: LogId, range: (Seq, Seq), count_max: usize) -> Result<Vec<Seq>, StoreError> {
        matches(&self.connection, sought, log, range, count_max)
    }

    /// An empty index in memory, made like the stored one.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn tail_index(&self) -> Result<TailIndex, StoreError> {
        let made_by = "SELECT sql FROM sqlite_schema WHERE name = 'search'";
        let definition: String = self.connection.query_row(made_by, [], |row| row.get(0))?;
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(&definition)?;
        Ok(TailIndex { connection })
    }

    /// Up to which place a log is indexed.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn indexed_to(&self, log: LogId) -> Result<Seq, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT seq FROM search_cursors WHERE log = ?1")?;
        Ok(Seq(statement.query_row([sql(log.0)], |row| count(row, 0)).optional()?.unwrap_or(0)))
    }

    /// Which logs, own ones aside, from `first` to `last` have events that are not indexed.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn logs_behind(&self, first: LogId, last: LogId) -> Result<Vec<LogId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM logs LEFT JOIN search_cursors ON log = id
             WHERE id BETWEEN ?1 AND ?2 AND kind < 2 AND head_seq > ifnull(seq, 0)",
        )?;
        let rows = statement.query_map([sql(first.0), sql(last.0)], |row| count(row, 0).map(LogId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The log that was made last; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn last_log(&self) -> Result<LogId, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT ifnull(max(id), 0) FROM logs")?;
        Ok(statement.query_row([], |row| count(row, 0).map(LogId))?)
    }

    /// Hands `take` the bodies that are not erased behind `after`, with their places, at most `count_max` events; returns the
    /// place of the last event looked at and whether it was the log's last.
    ///
    /// # Errors
    /// Those of `take`, and [`StoreError`] if the database fails.
    pub fn bodies_after(
        &self,
        log: LogId,
        after: Seq,
        count_max: usize,
        mut take: impl FnMut(Seq, &[u8]),
    ) -> Result<(Seq, bool), StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT seq, body FROM events WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")?;
        let mut rows = statement.query([sql(log.0), sql(after.0), sql(count_max as u64)])?;
        let (mut last, mut looked_at_count) = (after, 0);
        while let Some(row) = rows.next()? {
            last = Seq(count(row, 0)?);
            looked_at_count += 1;
            if let Some(body) = row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
                take(last, body);
            }
        }
        Ok((last, looked_at_count < count_max))
    }
}

impl Database {
    /// Lets the message at this place be found by `words` (from [`words_of`](crate::message::words_of)), and by no others.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn index(&mut self, log: LogId, seq: Seq, words: &str) -> Result<(), StoreError> {
        let mut insert = self.tables.connection.prepare_cached("INSERT OR REPLACE INTO search (rowid, words) VALUES (?1, ?2)")?;
        insert.execute(params![row_id(log, seq), words])?;
        Ok(())
    }

    /// Takes the words of messages from `first` to `last` whose bodies were erased out of the index.
    ///
    /// They are found no more at once; their bytes leave the file when that part of the index is merged, see `forgetting`.
    /// `SQLite`'s option `secure-delete` has no effect on a table that keeps no contents and deletes by row, as this one.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn unindex_erased(&mut self, log: LogId, first: Seq, last: Seq) -> Result<(), StoreError> {
        let mut delete = self.tables.connection.prepare_cached(
            "DELETE FROM search WHERE rowid IN
                 (SELECT log << ?4 | seq FROM events WHERE log = ?1 AND seq BETWEEN ?2 AND ?3 AND body IS NULL)",
        )?;
        delete.execute(params![sql(log.0), sql(first.0), sql(last.0), SEQ_BITS])?;
        Ok(())
    }

    /// Says up to which place a log is indexed.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_indexed_to(&mut self, log: LogId, seq: Seq) -> Result<(), StoreError> {
        self.change_one(
            "INSERT INTO search_cursors (log, seq) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET seq = excluded.seq",
            params![sql(log.0), sql(seq.0)],
        )
    }
}
