//! Steps from layout to layout, tried on databases that hold something.

use super::*;
use std::collections::BTreeMap;

fn tables(connection: &Connection) -> Vec<(String, String)> {
    let mut listed = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let rows = listed.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn every_earlier_layout_is_brought_to_the_newest() {
    let newest = Connection::open_in_memory().unwrap();
    migrate(&newest).unwrap();
    for layout in 1..=STEPS.len() {
        let old = Connection::open_in_memory().unwrap();
        migrate_to(&old, layout).unwrap();
        migrate(&old).unwrap();
        assert_eq!(tables(&old), tables(&newest), "from layout {layout}");
        migrate(&old).unwrap();
    }
}

/// Rows for every table, by the layout that made it.
const ROWS: &[(usize, &str)] = &[
    (
        1,
        "INSERT INTO logs (id, kind, name, skeleton, visibility, history_all, created_ms, member_count, head_seq, head_hash, post_count)
            VALUES (3, 0, 'Tea', 'tea', 0, 1, 5, 2, 2, zeroblob(32), 1);
        INSERT INTO logs (id, kind, low, high, visibility, history_all, created_ms, head_hash)
            VALUES (4, 1, 1, 2, 2, 0, 6, zeroblob(32));
        INSERT INTO logs (id, kind, visibility, history_all, created_ms, head_hash)
            VALUES (1, 2, 2, 0, 7, zeroblob(32)), (2, 2, 2, 0, 8, zeroblob(32));
        INSERT INTO users (id, name, skeleton, password_hash, own_log, created_ms)
            VALUES (1, 'Ann', 'ann', '$argon2id$x', 1, 9), (2, 'Guest', 'guest', NULL, 2, 10);
        INSERT INTO devices VALUES (1, 1, randomblob(32), 'phone', 11, NULL), (2, 2, randomblob(32), 'web', 12, 13);
        INSERT INTO memberships VALUES (3, 1, 1, NULL, 0, NULL, 0), (3, 2, 1, 2, 2, 99, 1);
        INSERT INTO read_markers VALUES (1, 3, 2);
        INSERT INTO events VALUES (3, 1, 0, 1, randomblob(16), NULL, randomblob(65), x'0001', NULL, randomblob(32)),
            (3, 2, 1, 1, randomblob(16), 1, randomblob(65), NULL, randomblob(32), randomblob(32));
        INSERT INTO outcomes VALUES (1, randomblob(16), randomblob(32), x'4000');",
    ),
    (
        2,
        "INSERT INTO tags VALUES (3, 'green');
        INSERT INTO invites VALUES (3, 2);
        INSERT INTO bans VALUES (3, 1);
        INSERT INTO ignores VALUES (1, 2);
        INSERT INTO reports VALUES (3, 2, 1, 'cold', 14);
        INSERT INTO chores (due_ms, kind, user, device, log, state) VALUES (15, 1, 1, 1, 3, x'00');",
    ),
    (
        3,
        "INSERT INTO search (rowid, words) VALUES (77, 'tea');
        INSERT INTO search_cursors VALUES (3, 2);",
    ),
    (5, "INSERT INTO invitations VALUES (randomblob(32), 1, 3, 16);"),
    (
        6,
        "INSERT INTO edits VALUES (3, 1, 2);
        INSERT INTO reactions VALUES (3, 1, '+1', 2, 2);
        INSERT INTO pins VALUES (3, 1, 2);
        INSERT INTO threads VALUES (3, 1, 1, 2);",
    ),
    (9, "INSERT INTO files VALUES (3, 1, 1, randomblob(32), 7);"),
    (12, "INSERT INTO bot_tokens VALUES (randomblob(32), 2, x'0100', 17);"),
    (13, "INSERT INTO mentions VALUES (2, 3, 1);"),
];

/// Tables that a step works out anew or adds to, and that layout.
const MADE_ANEW: &[(&str, usize)] = &[("read_markers", 7), ("chores", 11)];

/// Rows of a table, by the given columns.
fn rows(connection: &Connection, table: &str, columns: &str) -> Vec<String> {
    let mut select = connection.prepare(&format!("SELECT {columns} FROM {table}")).unwrap();
    let count = select.column_count();
    let line =
        |row: &rusqlite::Row<'_>| (0..count).map(|at| row.get::<_, rusqlite::types::Value>(at)).collect::<Result<Vec<_>, _>>();
    let mut rows: Vec<String> =
        select.query_map([], |row| Ok(format!("{:?}", line(row)?))).unwrap().map(Result::unwrap).collect();
    rows.sort();
    rows
}

/// Every table of ours with its columns and rows.
fn held(connection: &Connection) -> BTreeMap<String, (String, Vec<String>)> {
    let mut listed = connection
        .prepare("SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main' AND name NOT LIKE 'sqlite%'")
        .unwrap();
    let names: Vec<String> = listed.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let columns = |table: &str| {
        let select = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        select.column_names().collect::<Vec<_>>().join(", ")
    };
    names
        .into_iter()
        .map(|table| (columns(&table), table))
        .map(|(columns, table)| {
            let rows = rows(connection, &table, &columns);
            (table, (columns, rows))
        })
        .collect()
}

/// A database of this layout with rows in every table.
fn filled(layout: usize) -> Connection {
    let database = Connection::open_in_memory().unwrap();
    database.pragma_update(None, "foreign_keys", "ON").unwrap();
    for step in 1..=layout {
        migrate_to(&database, step).unwrap();
        for (_, statements) in ROWS.iter().filter(|(of, _)| *of == step) {
            database.execute_batch(statements).unwrap();
        }
    }
    database
}

#[test]
fn what_an_earlier_layout_held_is_there_in_the_newest() {
    for layout in 1..=STEPS.len() {
        let database = filled(layout);
        let before = held(&database);
        for (table, (_, rows)) in &before {
            assert!(!rows.is_empty(), "{table} of layout {layout} has no rows in this test: add some to ROWS");
        }
        migrate(&database).unwrap();
        for (table, (columns, rows_before)) in &before {
            if !MADE_ANEW.iter().any(|(anew, by)| anew == table && *by > layout) {
                assert_eq!(rows(&database, table, columns), *rows_before, "{table}, from layout {layout}");
            }
        }
        assert!(rows(&database, "pragma_foreign_key_check", "*").is_empty(), "from layout {layout}");
        let found = rows(&database, "search", "rowid").len();
        assert_eq!(found, usize::from(layout >= 3), "what was indexed by layout {layout} is");
    }
}

#[test]
fn steps_work_out_what_is_new_from_what_was_there() {
    let database = filled(1);
    migrate(&database).unwrap();
    assert_eq!(rows(&database, "users", "name, kind"), [r#"[Text("Ann"), Integer(0)]"#, r#"[Text("Guest"), Integer(1)]"#]);
    // Who was a guest will be looked after.
    assert_eq!(rows(&database, "chores", "kind, user, device"), ["[Integer(4), Integer(2), Integer(2)]"]);
    // Who was a member has read everything.
    assert_eq!(
        rows(&database, "read_markers", "user, log, seq, post_number"),
        ["[Integer(1), Integer(3), Integer(2), Integer(1)]"]
    );
}
