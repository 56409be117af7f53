-- Layout 17: events are kept in the order in which they came.
--
-- * `events`: as before, but no longer sorted by log: a batch of messages into a thousand rooms is written behind one another
--   instead of into a thousand pages, each copied and now and then split. A log's events are found by the key's index.
--
-- `files` refers to `events` and is made anew with it, so that both change in one step without a moment in which a row's
-- reference is missing.

CREATE TABLE events_as_they_came (
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
) STRICT;
INSERT INTO events_as_they_came (log, seq, prev, author, id, post_number, head, body, body_hash, hash)
    SELECT log, seq, prev, author, id, post_number, head, body, body_hash, hash FROM events ORDER BY log, seq;

CREATE TABLE files_of_events (
    log INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    user INTEGER NOT NULL REFERENCES users (id),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    len INTEGER NOT NULL CHECK (len >= 0),
    PRIMARY KEY (log, seq),
    FOREIGN KEY (log, seq) REFERENCES events_as_they_came (log, seq) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO files_of_events (log, seq, user, hash, len) SELECT log, seq, user, hash, len FROM files;

DROP TABLE files;
DROP TABLE events;
ALTER TABLE events_as_they_came RENAME TO events;
ALTER TABLE files_of_events RENAME TO files;

CREATE UNIQUE INDEX posts_by_id ON events (author, id) WHERE post_number IS NOT NULL;
CREATE INDEX files_of_user ON files (user, len);
CREATE INDEX files_by_hash ON files (hash);
CREATE TRIGGER file_of_erased AFTER UPDATE OF body ON events WHEN NEW.body IS NULL
BEGIN DELETE FROM files WHERE log = NEW.log AND seq = NEW.seq; END;
CREATE TRIGGER mentions_of_erased AFTER UPDATE OF body ON events WHEN NEW.body IS NULL
BEGIN DELETE FROM mentions WHERE log = NEW.log AND seq = NEW.seq; END;
