//! The tables, the settings that the promises rest on, and the steps from one layout to the next.

use super::error::StoreError;
use crate::message::UNICODE_VERSION;
use rusqlite::Connection;

/// Marks the file as ours ("udpc"), kept in `application_id`.
const APPLICATION_ID: i64 = 0x7564_7063;

/// The steps: the first makes the first layout, each further one leads from the layout before it to its own. A step that was
/// ever released is never changed. What the tables mean stands in the files.
const STEPS: &[&str] = &[
    include_str!("layouts/1.sql"),
    include_str!("layouts/2.sql"),
    include_str!("layouts/3.sql"),
    include_str!("layouts/4.sql"),
    include_str!("layouts/5.sql"),
    include_str!("layouts/6.sql"),
    include_str!("layouts/7.sql"),
    include_str!("layouts/8.sql"),
    include_str!("layouts/9.sql"),
    include_str!("layouts/10.sql"),
    include_str!("layouts/11.sql"),
    include_str!("layouts/12.sql"),
    include_str!("layouts/13.sql"),
    include_str!("layouts/14.sql"),
    include_str!("layouts/15.sql"),
    include_str!("layouts/16.sql"),
    include_str!("layouts/17.sql"),
];

/// Settings of every connection: name, value to set, value to read back.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("foreign_keys", "ON", "1"),
    ("trusted_schema", "OFF", "0"),
    ("cell_size_check", "ON", "1"),
    // Sorting and savepoints never need a file of their own.
    ("temp_store", "MEMORY", "2"),
    // In KiB, negated.
    ("cache_size", "-65536", "-65536"),
];

/// Further settings of a writing connection.
const WRITER_SETTINGS: &[(&str, &str, &str)] = &[
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", "2"),
    // What is deleted is overwritten and not only forgotten: an erased message leaves no bytes in free pages.
    ("secure_delete", "ON", "1"),
    // A checkpoint never happens within a commit; there is a connection of its own for it.
    ("wal_autocheckpoint", "0", "0"),
    // A write-ahead log that once grew large is cut back to this many bytes when it starts anew.
    ("journal_size_limit", "67108864", "67108864"),
];

/// Further settings of a reading connection.
const READER_SETTINGS: &[(&str, &str, &str)] = &[("query_only", "ON", "1")];

pub(super) fn set_for_writing(connection: &Connection) -> Result<(), StoreError> {
    SETTINGS.iter().chain(WRITER_SETTINGS).try_for_each(|setting| set(connection, setting))
}

pub(super) fn set_for_reading(connection: &Connection) -> Result<(), StoreError> {
    SETTINGS.iter().chain(READER_SETTINGS).try_for_each(|setting| set(connection, setting))
}

fn set(connection: &Connection, &(name, value, wanted): &(&'static str, &str, &'static str)) -> Result<(), StoreError> {
    connection.pragma_update_and_check(None, name, value, |_| Ok(())).or_else(|error| match error {
        // Most pragmas answer nothing when they are set.
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        other => Err(other),
    })?;
    let found = read(connection, name)?;
    if found == wanted { Ok(()) } else { Err(StoreError::Setting { name, found, wanted }) }
}

fn read(connection: &Connection, name: &str) -> Result<String, StoreError> {
    Ok(connection.pragma_query_value(None, name, |row| {
        row.get_ref(0).map(|value| match value {
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            other => other.as_str().unwrap_or_default().to_owned(),
        })
    })?)
}

/// Brings the file to the newest layout, a new one from nothing, in one transaction; refuses a file of a later version.
pub(super) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    migrate_to(connection, STEPS.len())
}

fn migrate_to(connection: &Connection, layout: usize) -> Result<(), StoreError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = number("user_version")?;
    let steps = usize::try_from(found).ok().and_then(|done| STEPS.get(done..layout));
    let Some(steps) = steps else {
        return Err(StoreError::Newer { found, known: i64::try_from(layout).unwrap_or(i64::MAX) });
    };
    if found > 0 && number("application_id")? != APPLICATION_ID {
        return Err(StoreError::Damaged("the file is a database of another program"));
    }
    if found == 0 {
        let unicode = unicode_version();
        // The settings go with the first step: a file is ours from its first table on.
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {layout};
            INSERT INTO meta VALUES ('unicode_version', '{unicode}'); COMMIT",
            steps.concat()
        ))?;
    } else if !steps.is_empty() {
        tracing::info!(from = found, to = layout, "the database is brought to a newer layout");
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {} PRAGMA user_version = {layout}; COMMIT", steps.concat()))?;
    }
    let made_with: String =
        connection.query_row("SELECT value FROM meta WHERE name = 'unicode_version'", [], |row| row.get(0))?;
    if made_with != unicode_version() {
        tracing::warn!(%made_with, now = %unicode_version(), "names were compared by another Unicode version's look-alikes");
    }
    Ok(())
}

fn unicode_version() -> String {
    let (major, minor, update) = UNICODE_VERSION;
    format!("{major}.{minor}.{update}")
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
