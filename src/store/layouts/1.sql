-- Layout 1: accounts, devices, rooms, members, events.
--
-- * `users`: `own_log` is the log that tells the user's devices what concerns the user; a guest has no `password_hash`. The
--   counts spare counting rows when a limit is checked.
-- * `devices`: a key belongs to one user for ever; a revoked one stays, so that it is known as revoked.
-- * `logs`: `kind` 0 a room (`name`, `skeleton`), 1 a direct conversation (`low`, `high`: its users' ids), 2 an own log. The
--   `head_…` columns repeat what the newest event says, so that appending reads no event.
-- * `memberships`: spans of a log that a user may read; `to_seq` is null while the user is a member.
-- * `events`: an event's bytes as first written. `body_hash` is set when the body was erased. `author` and `id` repeat the
--   head for the index that finds a repeated post. `post_number` counts posts densely and is null for what is no post.
-- * `outcomes`: the replies to commands other than posts, for their repeats.
-- * `read_markers`: how far a user has read, shared by the user's devices.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
    name TEXT,
    skeleton TEXT UNIQUE,
    low INTEGER,
    high INTEGER CHECK (low < high),
    topic TEXT NOT NULL DEFAULT '',
    visibility INTEGER NOT NULL CHECK (visibility BETWEEN 0 AND 2),
    password_hash TEXT,
    posting INTEGER NOT NULL DEFAULT 0 CHECK (posting BETWEEN 0 AND 1),
    history_all INTEGER NOT NULL CHECK (history_all BETWEEN 0 AND 1),
    retention_days INTEGER,
    created_ms INTEGER NOT NULL,
    member_count INTEGER NOT NULL DEFAULT 0 CHECK (member_count >= 0),
    head_seq INTEGER NOT NULL DEFAULT 0,
    head_hash BLOB NOT NULL CHECK (length(head_hash) = 32),
    head_time_ms INTEGER NOT NULL DEFAULT 0,
    post_count INTEGER NOT NULL DEFAULT 0,
    CHECK ((kind = 0) = (name IS NOT NULL) AND (kind = 0) = (skeleton IS NOT NULL)),
    CHECK ((kind = 1) = (low IS NOT NULL) AND (kind = 1) = (high IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX logs_by_pair ON logs (low, high) WHERE kind = 1;
CREATE INDEX public_rooms ON logs (name) WHERE kind = 0 AND visibility = 0;

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    skeleton TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    role INTEGER NOT NULL DEFAULT 0,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled BETWEEN 0 AND 1),
    own_log INTEGER NOT NULL REFERENCES logs (id),
    created_ms INTEGER NOT NULL,
    rooms_joined INTEGER NOT NULL DEFAULT 0,
    rooms_created INTEGER NOT NULL DEFAULT 0,
    conversations_opened INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE devices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER NOT NULL REFERENCES users (id),
    key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
    name TEXT NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    revoked_ms INTEGER
) STRICT;
CREATE INDEX live_devices ON devices (user) WHERE revoked_ms IS NULL;

CREATE TABLE memberships (
    log INTEGER NOT NULL REFERENCES logs (id),
    user INTEGER NOT NULL REFERENCES users (id),
    from_seq INTEGER NOT NULL,
    to_seq INTEGER CHECK (to_seq >= from_seq),
    role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 2),
    muted_until_ms INTEGER,
    notify INTEGER NOT NULL DEFAULT 0 CHECK (notify BETWEEN 0 AND 2),
    PRIMARY KEY (log, user, from_seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX members ON memberships (log, user) WHERE to_seq IS NULL;
CREATE UNIQUE INDEX logs_of_user ON memberships (user, log) WHERE to_seq IS NULL;

CREATE TABLE read_markers (
    user INTEGER NOT NULL REFERENCES users (id),
    log INTEGER NOT NULL REFERENCES logs (id),
    seq INTEGER NOT NULL,
    PRIMARY KEY (user, log)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    log INTEGER NOT NULL REFERENCES logs (id),
    seq INTEGER NOT NULL CHECK (seq > 0),
    prev INTEGER NOT NULL CHECK (prev < seq),
    author INTEGER NOT NULL REFERENCES users (id),
    id BLOB NOT NULL CHECK (length(id) = 16),
    post_number INTEGER,
    head BLOB NOT NULL CHECK (length(head) = 65),
    body BLOB,
    body_hash BLOB CHECK (length(body_hash) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (log, seq),
    CHECK ((body IS NULL) = (body_hash IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX posts_by_id ON events (author, id) WHERE post_number IS NOT NULL;

CREATE TABLE outcomes (
    user INTEGER NOT NULL REFERENCES users (id),
    id BLOB NOT NULL CHECK (length(id) = 16),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    reply BLOB NOT NULL,
    PRIMARY KEY (user, id)
) STRICT, WITHOUT ROWID;
