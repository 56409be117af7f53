//! How the index forgets: it is written anew without the words of erased messages, a part at a time.
//!
//! A row that was taken out of the index is only marked as gone: its words stay where they are until that part of the index is
//! merged with others. Merging all parts into one leaves out what is marked, and `secure_delete` overwrites the old parts.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use rusqlite::{OptionalExtension, params};

/// How far the forgetting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgetting {
    /// How often all parts were merged before.
    pub pass_count: u64,
    /// Whether all parts there were at the beginning of this pass are marked to be merged.
    pub is_under_way: bool,
}

/// Which parts of the index are to be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// All that there are now.
    All,
    /// Those that are being merged already, and small ones that have come together.
    OnlyBegun,
}

impl Tables {
    /// How far the forgetting is, if it is under way.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn forgetting(&self) -> Result<Option<Forgetting>, StoreError> {
        let mut ask = self.connection.prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'forgetting'")?;
        let kept = ask.query_row([], |row| count(row, 0)).optional()?;
        Ok(kept.map(|kept| Forgetting { pass_count: kept / 2, is_under_way: kept % 2 == 1 }))
    }

    /// Whether a chore waits that will begin it.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn will_forget(&self) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM chores WHERE kind = 5")?.exists([])?)
    }
}

impl Database {
    /// Notes how far the forgetting is; `None` when it is over.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_forgetting(&mut self, forgetting: Option<Forgetting>) -> Result<(), StoreError> {
        let Some(Forgetting { pass_count, is_under_way }) = forgetting else {
            self.change_any("DELETE FROM meta WHERE name = 'forgetting'", [])?;
            return Ok(());
        };
        let kept = sql(2 * pass_count + u64::from(is_under_way));
        self.change_one("INSERT OR REPLACE INTO meta (name, value) VALUES ('forgetting', CAST(?1 AS TEXT))", [kept])
    }

    /// Merges parts of the index, writing about so many pages; whether there was anything to merge.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn merge_index(&mut self, what: Merge, page_count: u32) -> Result<bool, StoreError> {
        let page_count = match what {
            Merge::All => -i64::from(page_count),
            Merge::OnlyBegun => i64::from(page_count),
        };
        let connection = &self.tables.connection;
        let before = connection.total_changes();
        connection.prepare_cached("INSERT INTO search (search, rank) VALUES ('merge', ?1)")?.execute(params![page_count])?;
        // The command itself counts as one change (SQLite, "FTS5", "The 'merge' Command").
        Ok(connection.total_changes() - before >= 2)
    }
}
